/* test_search.c: a search on donors whose knowledge sits in known cells; its claim against a sweep of the
 * schemes it writes; the split, resuming, refusing. */
/* modules: eval graft train model tokenizer core */
#include "eval/search.h"
#include "tests/eval_fixture.h"
#include "tests/scratch.h"

#include <math.h>
#include <sys/wait.h>

enum { ROWS = 24 };

/* ---------------------------------------------------------------- the world */

/* Every row asks for the same name, which no prompt holds otherwise. */
static void write_rows(const char *name, int n) {
    gk_buf b = {0};
    for (int i = 0; i < n; i++)
        gk_buf_printf(&b,
                      "{\"id\": %d, \"first_actor\": \"%s %s\", \"second_actor\": \"Bo Tate\", "
                      "\"movie_title\": \"%s\"}\n",
                      i, FX_FIRST[2 + i % 8], FX_LAST[i % 9], i % 2 ? "Blue River" : "Cold Stone");
    fx_write(name, b.data);
    gk_buf_free(&b);
}

static gk_model *gpt2(uint64_t seed) {
    gk_tok *t = gk_tok_load(fx_path("tok"), NULL);
    gk_config c;
    gk_config_default(gk_family_find("gpt2"), gk_tok_size(t), &c);
    c.d_model = 16;
    c.n_layers = 2;
    c.n_heads = c.n_kv_heads = 2;
    c.head_dim = 8;
    c.d_ffn = 24;
    c.max_positions = 64;
    gk_tok_free(t);
    gk_model *m = gk_model_new(&c, seed, NULL);
    ck_assert_ptr_nonnull(m);
    return m;
}

static void save_model(gk_model *m, const char *name) {
    gk_tok *t = gk_tok_load(fx_path("tok"), NULL);
    ck_assert(gk_model_save(m, fx_path(name), NULL));
    ck_assert(gk_tok_save(t, fx_path(name), NULL));
    gk_tok_free(t);
    gk_model_free(m);
}

/* The bias of a component now pushes towards the name, `much` times as far as its row of the head. */
static void teach(gk_model *m, gk_component comp, int layer, float much) {
    gk_tok *t = gk_tok_load(fx_path("tok"), NULL);
    int32_t id;
    ck_assert(gk_tok_first(t, "Bo Tate", &id, NULL));
    gk_tok_free(t);
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    gk_tensor head = gk_model_tensor(m, -1, GK_HEAD);
    for (size_t i = 0; i < n; i++) {
        if (list[i].comp != comp || list[i].layer != layer || !list[i].bias) continue;
        for (size_t k = 0; k < list[i].count; k++)
            gk_model_data(m)[list[i].offset + k] += much * head.w[(size_t)id * 16 + k];
        return;
    }
    ck_abort_msg("no such bias");
}

/* pre: knows nothing. one: layer 1 alone has it. two: half of it each in layers 0 and 1. noisy: a quarter
 * each in four places, and every weight is a little off. */
static void start(void) {
    fx_start();
    write_rows("facts.jsonl", ROWS);
    save_model(gpt2(1), "pre");
    gk_model *m = gpt2(1);
    teach(m, GK_DOWN, 1, 300);
    save_model(m, "one");
    m = gpt2(1);
    teach(m, GK_DOWN, 0, 25);
    teach(m, GK_DOWN, 1, 25);
    save_model(m, "two");
    m = gpt2(1);
    gk_rng rng;
    gk_rng_seed(&rng, 3, "noise");
    for (size_t i = 0; i < gk_model_floats(m); i++)
        if (gk_model_data(m)[i] != 0) gk_model_data(m)[i] += (float)(0.01 * gk_rng_normal(&rng));
    for (int l = 0; l < 2; l++) {
        teach(m, GK_O, l, 12);
        teach(m, GK_DOWN, l, 12);
    }
    save_model(m, "noisy");
}

static gk_search_options options(const char *donor, const char *out) {
    gk_search_options o = {.recipient = gk_arena_printf(fx_arena, "pre=%s", fx_path("pre")),
                           .donor = gk_arena_printf(fx_arena, "sft=%s", fx_path(donor)),
                           .out = fx_path(out),
                           .goal = 0.9,
                           .top = 5,
                           .held_out = 0.5,
                           .beam = 1,
                           .seed = 7};
    o.prompts = (gk_prompt_options){.templates = fx_path("eval.jsonl"),
                                    .fillers = fx_path("fillers.json"),
                                    .rows = fx_path("facts.jsonl"),
                                    .target = "second_actor"};
    return o;
}

static void fine_components(gk_search_options *o) {
    static const char *const fine[] = {"q", "k", "v", "o", "up", "down"};
    o->components = fine;
    o->n_components = sizeof fine / sizeof *fine;
}

static gk_search *search(const gk_search_options *o) {
    gk_error err = {0};
    gk_search *s = gk_search_open(o, &err);
    ck_assert_msg(s != NULL, "%s (%s)", err.what, err.hint);
    ck_assert_msg(gk_search_run(s, &err), "%s", err.what);
    ck_assert_ptr_nonnull(gk_search_found(s));
    return s;
}

static void refused(const gk_search_options *o, const char *words) {
    gk_error err = {0};
    char text[2048];
    gk_search *s = gk_search_open(o, &err);
    ck_assert_msg(!s || !gk_search_run(s, &err), "accepted; expected: %s", words);
    gk_search_close(s);
    gk_error_text(&err, text, sizeof text);
    ck_assert_msg(strstr(text, words) != NULL, "'%s' lacks '%s'", text, words);
    ck_assert_ptr_null(strchr(text, '\n'));
}

/* The names of the found cells, joined. */
static const char *found(const gk_search_result *r) {
    gk_buf b = {0};
    gk_buf_puts(&b, "");
    for (size_t i = 0; i < r->n_cells; i++)
        if (r->rung[r->found].in[i]) gk_buf_printf(&b, "%s%s", b.len ? " + " : "", r->cell[i]);
    const char *text = gk_arena_strdup(fx_arena, b.data);
    gk_buf_free(&b);
    return text;
}

static const char *file(const char *out, const char *name) {
    return fx_read(gk_arena_printf(fx_arena, "%s/%s", out, name), NULL);
}

/* ---------------------------------------------------------------- what is found */

START_TEST(the_one_cell_that_knows_is_found) {
    gk_search_options o = options("one", "s");
    fine_components(&o);
    gk_search *s = search(&o);
    const gk_search_result *r = gk_search_found(s);
    const gk_search_rung *hit = &r->rung[r->found], *rest = &r->rung[r->found + 1];
    /* first_actor, relation, last and the rest; embed and pos, and seven groups (with the norms) in two
     * blocks */
    ck_assert_uint_eq(r->n_cells, 4 * (1 + 2 * 7));
    ck_assert_str_eq(found(r), "last · down · 2/2");
    ck_assert(r->reached);
    ck_assert_uint_eq(r->n_ladder, 1);
    ck_assert_double_eq(hit->search.recovery.value, 1);
    ck_assert_double_eq(hit->held_out.recovery.value, 1);
    ck_assert_double_eq(rest->held_out.recovery.value, 0);
    ck_assert_double_eq(rest->held_out.recovery.high, 0);
    ck_assert_str_eq(rest->name, "found^C");
    ck_assert_double_eq(r->rung[r->n_rungs - 1].share, 1);
    ck_assert(hit->share > 0 && hit->share + rest->share < 1 + 1e-12 && hit->share + rest->share > 1 - 1e-12);
    gk_search_close(s);
}
END_TEST

START_TEST(two_cells_that_know_half_each_are_found_by_any_beam_and_objective) {
    static const gk_objective by[] = {GK_BY_LOGPROB, GK_BY_PROB, GK_BY_LOGPROB};
    static const int beam[] = {1, 1, 3};
    for (int i = 0; i < 3; i++) {
        gk_search_options o = options("two", gk_arena_printf(fx_arena, "s%d", i));
        fine_components(&o);
        o.goal = 1;
        o.top = 1;
        o.objective = by[i];
        o.beam = beam[i];
        gk_search *s = search(&o);
        const gk_search_result *r = gk_search_found(s);
        ck_assert_str_eq(found(r), "last · down · 1/2 + last · down · 2/2");
        ck_assert_double_lt(r->rung[1].search.recovery.value, 1); /* one alone does not do */
        ck_assert_double_eq(r->rung[r->found].search.recovery.value, 1);
        gk_search_close(s);
    }
}
END_TEST

/* Of what a messy donor gives, no found cell can be spared, and the ladder is what the log of steps says. */
START_TEST(no_found_cell_can_be_dropped) {
    gk_search_options o = options("noisy", "s");
    gk_search *s = search(&o);
    const gk_search_result *r = gk_search_found(s);
    const gk_search_rung *hit = &r->rung[r->found];
    size_t n = s->n_part[GK__SEARCH], size = 0;
    ck_assert(r->reached);
    ck_assert_uint_ge(hit->size, 2);
    for (size_t i = 1; i <= r->n_ladder; i++) {
        size += r->rung[i].dropped ? (size_t)-1 : 1;
        ck_assert_uint_eq(r->rung[i].size, size);
    }
    gk_obs *obs = gk_alloc(n * sizeof *obs);
    bool *in = gk_alloc(r->n_cells);
    const bool *sets[] = {in};
    for (size_t c = 0; c < r->n_cells; c++) {
        if (!hit->in[c]) continue;
        memcpy(in, hit->in, r->n_cells);
        in[c] = false;
        ck_assert(gk__search_score(s, GK__SEARCH, sets, 1, "", obs, NULL));
        double hits = 0;
        for (size_t i = 0; i < n; i++) hits += obs[i].rank < 5;
        ck_assert_double_lt((hits / (double)n - s->pre[0]) / (s->full[0] - s->pre[0]), 0.9);
    }
    gk_free(obs);
    gk_free(in);
    gk_search_close(s);
}
END_TEST

/* Greedy by log-probability takes the strongest cell first; the goal is then reached by others, and it goes.
 */
START_TEST(a_cell_that_later_ones_make_needless_is_dropped) {
    gk_search_options o = options("noisy", "s");
    gk_search *s = gk_search_open(&o, NULL);
    /* As if the way forward had taken everything. */
    gk__step *step = gk__search_add_step(s, false, 1);
    memset(step->beam[0].in, true, s->cells.n);
    step->beam[0].accuracy = 1;
    ck_assert(gk_search_run(s, NULL));
    const gk_search_result *r = gk_search_found(s);
    ck_assert_uint_lt(r->rung[r->found].size, s->cells.n / 2);
    ck_assert(r->rung[r->n_ladder].dropped);
    ck_assert(r->reached);
    gk_search_close(s);
}
END_TEST

START_TEST(a_search_may_end_before_the_goal) {
    gk_search_options o = options("two", "s");
    o.most_cells = o.top = 1;
    o.goal = 1;
    gk_search *s = search(&o);
    const gk_search_result *r = gk_search_found(s);
    ck_assert(!r->reached);
    ck_assert_uint_eq(r->rung[r->found].size, 1);
    gk_search_close(s);
}
END_TEST

/* ---------------------------------------------------------------- the claim */

START_TEST(rows_are_searched_or_held_out_never_both) {
    gk_search_options o = options("one", "s");
    gk_search *s = gk_search_open(&o, NULL);
    int side[ROWS];
    size_t seen = 0;
    for (int i = 0; i < ROWS; i++) side[i] = -1;
    for (int k = 0; k < GK__PARTS; k++)
        for (size_t i = 0; i < s->n_part[k]; i++, seen++) {
            uint32_t row = s->prompts.item[s->part[k][i]].row;
            ck_assert(side[row] == -1 || side[row] == k);
            side[row] = k;
        }
    ck_assert_uint_eq(seen, s->prompts.n - s->prompts.n_dropped);
    ck_assert_uint_eq(s->rows[0] + s->rows[1], ROWS);
    ck_assert_uint_eq(s->rows[1], ROWS / 2);
    o.seed++;
    o.out = fx_path("other");
    gk_search *t = gk_search_open(&o, NULL);
    ck_assert(memcmp(s->part[0], t->part[0], s->n_part[0] * sizeof *s->part[0]) != 0);
    gk_search_close(t);
    gk_search_close(s);
}
END_TEST

/* Every prompt of a part and every slot of it, over cells: each token once. */
START_TEST(cells_tile_every_prompt) {
    static const char *const overlapping[] = {"first_actor.last", "first_actor", "0", "[relation, 1]",
                                              "last"};
    gk_search_options o = options("one", "s");
    o.positions = overlapping;
    o.n_positions = 5;
    gk_search *s = gk_search_open(&o, NULL);
    ck_assert_ptr_nonnull(s);
    const gk_prompts *p = &s->prompts;
    int slots = gk_plan_slots(s->cells.cfg);
    bool *in = gk_alloc(s->cells.n);
    for (size_t i = 0; i < p->n; i++) {
        if (p->item[i].dropped) continue;
        size_t n = (size_t)slots * p->item[i].tokens.n, ones = 0;
        uint8_t *times = gk_alloc(n);
        for (size_t c = 0; c < s->cells.n; c++) {
            in[c] = true;
            gk_arena_reset(s->scratch);
            gk_plan plan = gk__cells_plan(s->scratch, &s->cells, p, i, in);
            size_t some = 0;
            for (size_t k = 0; k < n; k++)
                times[k] = (uint8_t)(times[k] + plan.model[k]), some += plan.model[k];
            ck_assert_uint_gt(some, 0);
            in[c] = false;
        }
        for (size_t k = 0; k < n; k++) ones += times[k] == 1;
        /* all but the final norm and the head */
        ck_assert_uint_eq(ones, (size_t)(slots - 2) * p->item[i].tokens.n);
        gk_free(times);
    }
    gk_free(in);
    gk_search_close(s);
}
END_TEST

static const gk_cell *pooled(const gk_cells *cells, const char *scheme) {
    for (size_t i = 0; i < cells->n; i++)
        if (strcmp(cells->item[i].scheme, scheme) == 0 && strcmp(cells->item[i].template_name, "pooled") == 0)
            return &cells->item[i];
    ck_abort_msg("no scheme '%s'", scheme);
    return NULL;
}

/* A sweep of scheme.yaml over the same rows must give what the search says of both parts together. */
static void check_by_sweep(const gk_search_options *o, const char *db) {
    gk_search *s = search(o);
    const gk_search_result *r = gk_search_found(s);
    const char *scheme = gk_path_join(fx_arena, o->out, "scheme.yaml");
    gk_sweep_options w = {.recipient = o->recipient,
                          .donors = &o->donor,
                          .n_donors = 1,
                          .schemes = &scheme,
                          .n_schemes = 1,
                          .prompts = o->prompts,
                          .out = fx_path(db),
                          .seed = 5};
    fx_sweep(&w);
    gk_store *store = gk_store_open(fx_path(db), NULL);
    gk_cells cells;
    ck_assert(gk_store_cells(store, fx_arena, &cells, NULL));
    for (size_t i = 0; i < r->n_rungs; i++) {
        const gk_search_rung *rung = &r->rung[i];
        const gk_stats *a = &rung->search.stats, *b = &rung->held_out.stats;
        const gk_stats *both = &pooled(&cells, rung->name)->stats;
        double na = (double)a->n, nb = (double)b->n;
        ck_assert_uint_eq(both->n, a->n + b->n);
        for (int m = 0; m < GK_N_METRICS; m++) {
            /* The search asks for first tokens only. */
            if (m == GK_METRIC_median_rank || m == GK_METRIC_exact || m == GK_METRIC_whole_logprob) continue;
            double mine = (na * a->value[m] + nb * b->value[m]) / (na + nb);
            bool share = m <= GK_METRIC_top100;
            ck_assert_msg(fabs(both->value[m] - mine) < (share ? 1e-12 : 1e-3), "%s, %s: %g and %g",
                          rung->name, gk_metric_key((gk_metric)m), both->value[m], mine);
        }
    }
    gk_store_close(store);
    gk_search_close(s);
}

START_TEST(a_sweep_of_its_schemes_says_the_same) {
    static const char *const overlapping[] = {"first_actor.last", "first_actor", "0"};
    gk_search_options o = options("noisy", "s");
    check_by_sweep(&o, "plain.db");
    o.out = fx_path("odd");
    o.positions = overlapping;
    o.n_positions = 3;
    fine_components(&o);
    check_by_sweep(&o, "odd.db");
}
END_TEST

/* ---------------------------------------------------------------- again, and after a death */

static const char *const FILES[] = {"state.json", "ladder.json", "ladder.csv", "scheme.yaml", "ladder.svg"};

static void same_files(const char *a, const char *b) {
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
        ck_assert_msg(strcmp(file(a, FILES[i]), file(b, FILES[i])) == 0, "%s differs", FILES[i]);
}

static gk_search_options messy(const char *out) {
    gk_search_options o = options("noisy", out);
    o.beam = 2;
    o.goal = 1;
    return o;
}

START_TEST(the_same_search_gives_the_same_bytes) {
    gk_search_options a = messy("a"), b = messy("b");
    gk_search_close(search(&a));
    gk_search_close(search(&b));
    same_files("a", "b");
    gk_search_close(search(&a)); /* a finished one only measures again */
    same_files("a", "b");
}
END_TEST

static int lines_to_live, death; /* of a doomed process */

static ssize_t count_lines(void *ctx, const char *text, size_t n) {
    (void)ctx, (void)text;
    if (lines_to_live-- == 0) kill(getpid(), death);
    for (int i = 0; death == SIGINT && lines_to_live < 0 && i < 5000 && !gk_interrupted(); i++) usleep(1000);
    return (ssize_t)n;
}

/* A process of its own, which a signal meets when it tells its n-th line of progress. Its exit code: 0 at the
 * end, 1 stopped as it was asked to, -1 killed. */
static int search_apart(gk_search_options o, int signal_, int n) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (signal_ == SIGINT) gk_interrupt_catch();
        lines_to_live = n;
        death = signal_;
        o.progress = fopencookie(NULL, "w", (cookie_io_functions_t){.write = count_lines});
        setvbuf(o.progress, NULL, _IONBF, 0);
        gk_search *s = gk_search_open(&o, NULL);
        bool ok = s && gk_search_run(s, NULL);
        int code = !ok ? 3 : gk_search_found(s) ? 0 : 1;
        gk_search_close(s);
        fclose(o.progress);
        _exit(code);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) < 2);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(a_killed_or_interrupted_search_goes_on_to_the_same_end) {
    gk_search_options a = messy("a"), b = messy("b"), c = messy("c");
    gk_search_close(search(&a));
    int deaths = 0, stops = 0, rc;
    while ((rc = search_apart(b, SIGKILL, 7)) == -1 && deaths < 60) deaths++;
    ck_assert_int_eq(rc, 0);
    ck_assert_int_ge(deaths, 2);
    same_files("a", "b");
    while ((rc = search_apart(c, SIGINT, 7)) == 1 && stops < 60) stops++;
    ck_assert_int_eq(rc, 0);
    ck_assert_int_ge(stops, 2);
    same_files("a", "c");
}
END_TEST

/* ---------------------------------------------------------------- refusals */

START_TEST(a_folder_with_another_search_is_refused) {
    gk_search_options o = options("one", "s");
    gk_search_close(search(&o));
    o.goal = 0.8;
    refused(&o, "'goal' differs");
    o = options("two", "s");
    refused(&o, "'donor_sha256' differs");
    o.restart = true;
    gk_search_close(search(&o));
    o.restart = false;
    gk_search_close(search(&o));
    fx_write("s/state.json", "{\"search_state\": 1, \"identity\": []}\n");
    refused(&o, "differs");
    fx_write("s/state.json", "[1]\n");
    refused(&o, "not the state of a search");
    fx_write("s/state.json", "{\"search");
    refused(&o, "state.json:1");
}
END_TEST

static void damaged(const char *from, const char *to) {
    gk_search_options o = options("one", "s");
    gk_search_close(search(&o));
    char *text = fx_read("s/state.json", NULL), *at = strstr(text, from);
    ck_assert_msg(at != NULL, "no %s in\n%s", from, text);
    fx_write("s/state.json",
             gk_arena_printf(fx_arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
    refused(&o, "damaged");
    unlink(fx_path("s/state.json"));
}

START_TEST(a_damaged_state_is_refused) {
    damaged("\"changed\": ", "\"changed\": 9999999");
    damaged("\"changed\": ", "\"changed\": -");
    damaged("\"cells\": [", "\"cells\": [1.5,");
    damaged("\"objective\": -", "\"objective\": \"\", \"o\": -");
    damaged("\"drop\": false", "\"drop\": 0");
    damaged("\"complete\": true", "\"complete\": 1");
    damaged("\"ends\": [", "\"ends\": [0,");
}
END_TEST

START_TEST(what_cannot_be_searched_is_named) {
    gk_search_options o = options("pre", "s");
    refused(
        &o,
        "nothing to recover: on the rows to search, top-5 accuracy is 0.0% with 'sft' and 0.0% with 'pre'");
    o = options("one", "s");
    o.goal = 1.01;
    refused(&o, "--goal");
    o.goal = 0;
    refused(&o, "--goal");
    o.goal = NAN;
    refused(&o, "--goal");
    o = options("one", "s");
    o.held_out = 1;
    refused(&o, "--held-out");
    o.held_out = 0.1;
    refused(&o, "24 usable rows leave 22 to search and 2 held out; each part needs 10");
    o = options("one", "s");
    o.top = 3;
    refused(&o, "--top");
    o = options("one", "s");
    o.layer_blocks = 3;
    refused(&o, "3 blocks of layers, but the models have 2 layers");
    o.donor = "sft";
    refused(&o, "--donor");
    o.beam = 0;
    refused(&o, "--beam");
}
END_TEST

START_TEST(words_that_select_nothing_are_named) {
    const char *word[2] = {"first_actr", NULL};
    gk_search_options o = options("one", "s");
    o.positions = word;
    o.n_positions = 1;
    refused(&o, "--position first_actr: unknown field 'first_actr'; known fields:");
    word[0] = "first_actor, donor: pre";
    refused(&o, "--position");
    word[0] = "a # b";
    refused(&o, "is not one line of YAML");
    word[0] = "all";
    refused(&o, "covers all of it");
    word[0] = word[1] = "first_actor";
    o.n_positions = 2;
    refused(&o, "'first_actor' is there twice");
    word[0] = "99";
    o.n_positions = 1;
    refused(&o,
            "none of the 72 prompts can be cut into these positions; the first: no plan: empty selection");
    o = options("one", "s");
    o.components = word;
    o.n_components = 1;
    word[0] = "mlp";
    refused(&o, "--components mlp: unknown component 'mlp'");
    word[0] = "all";
    refused(&o, "embed or pos");
    word[0] = "gate";
    refused(&o, "gpt2 models have no gate");
    word[0] = "attn";
    word[1] = "[o, up]";
    o.n_components = 2;
    refused(&o, "'[o, up]' overlaps a group before it");
    fx_write("apart.jsonl", "{\"template\": \"Who works with {first_actor}?\"}\n"
                            "{\"template\": \"Who stars in {movie_title}?\"}\n");
    o = options("one", "s");
    o.prompts.templates = fx_path("apart.jsonl");
    refused(&o, "the templates have no field in common");
}
END_TEST

/* A field of which nothing but the last token is left in one template is no position of its own. */
START_TEST(a_field_without_tokens_joins_the_rest) {
    fx_write("ends.jsonl", "{\"template\": \"Who stars with {first_actor} in {movie_title}? {relation}\"}\n"
                           "{\"template\": \"{first_actor} {relation} in {movie_title} alongside\"}\n");
    fx_write("a.json", "{\"relation\": \"a\"}");
    gk_search_options o = options("one", "s");
    o.prompts.templates = fx_path("ends.jsonl");
    o.prompts.fillers = fx_path("a.json");
    gk_search *s = search(&o);
    ck_assert_uint_eq(gk_search_found(s)->n_positions, 4); /* last, first_actor, movie_title, rest */
    ck_assert_str_eq(gk_search_left_out(s)[0], "relation");
    ck_assert_ptr_null(gk_search_left_out(s)[1]);
    ck_assert_uint_eq(gk_search_prompts(s)->n_dropped, 0);
    gk_search_close(s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("search");
    TCase *t = tcase_create("search");
    tcase_set_timeout(t, 240);
    tcase_add_checked_fixture(t, start, fx_stop);
    tcase_add_test(t, the_one_cell_that_knows_is_found);
    tcase_add_test(t, two_cells_that_know_half_each_are_found_by_any_beam_and_objective);
    tcase_add_test(t, no_found_cell_can_be_dropped);
    tcase_add_test(t, a_cell_that_later_ones_make_needless_is_dropped);
    tcase_add_test(t, a_search_may_end_before_the_goal);
    tcase_add_test(t, rows_are_searched_or_held_out_never_both);
    tcase_add_test(t, cells_tile_every_prompt);
    tcase_add_test(t, a_sweep_of_its_schemes_says_the_same);
    tcase_add_test(t, the_same_search_gives_the_same_bytes);
    tcase_add_test(t, a_killed_or_interrupted_search_goes_on_to_the_same_end);
    tcase_add_test(t, a_folder_with_another_search_is_refused);
    tcase_add_test(t, a_damaged_state_is_refused);
    tcase_add_test(t, what_cannot_be_searched_is_named);
    tcase_add_test(t, words_that_select_nothing_are_named);
    tcase_add_test(t, a_field_without_tokens_joins_the_rest);
    suite_add_tcase(s, t);
    return run_suite(s);
}
