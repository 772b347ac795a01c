/* test_targets.c: targets of several tokens, and what a scheme says: a sweep against the definition, token by
 * token, and against the model's own forward. */
/* modules: report eval graft train model tokenizer core */
#define DEFINITION_VOCAB 360
#define DEFINITION_LONGEST 64
#include "tests/support/definition.h"
#include "tests/support/eval_fixture.h"

#include <math.h>

enum { GENERATE = 5 };

/* ---------------------------------------------------------------- a world as the sweep sees it */

typedef struct world {
    gk_tok *tok;
    gk_model *model[2];
    gk_cast cast;
    gk_prompts prompts;
    gk_schemes schemes;
} world;

static world open_world(const gk_sweep_options *o) {
    world w = {.tok = gk_tok_load(fx_path("tok"), NULL), .cast = {.name = {"pre", "sft"}, .n = 2}};
    gk_error err;
    for (int i = 0; i < 2; i++) {
        w.model[i] = gk_model_load(fx_path(w.cast.name[i]), NULL);
        ck_assert_ptr_nonnull(w.model[i]);
        w.cast.model[i] = w.model[i];
    }
    ck_assert_int_eq(gk_model_config(w.model[0])->vocab, VOCAB);
    ck_assert_msg(gk_prompts_load(fx_arena, &o->prompts, w.tok, LONGEST, &w.prompts, &err), "%s", err.what);
    for (size_t i = 0; i < o->n_schemes; i++)
        ck_assert(gk_schemes_load(fx_arena, o->schemes[i], &w.schemes, &err));
    return w;
}

static void close_world(world *w) {
    for (int i = 0; i < 2; i++) gk_model_free(w->model[i]);
    gk_tok_free(w->tok);
}

static const gk_scheme *scheme_of(const world *w, const char *name) {
    for (size_t i = 0; i < w->schemes.n; i++)
        if (strcmp(gk_scheme_name(w->schemes.item[i]), name) == 0) return w->schemes.item[i];
    ck_abort_msg("no scheme %s", name);
    return NULL;
}

/* The tokens of " " + target behind a word, which no prompt of this world changes. */
static gk_tokens target_tokens(const world *w, const gk_prompt *p) {
    gk_tokens t;
    const char *text = gk_arena_printf(fx_arena, "alongside %s", p->target);
    ck_assert(gk_tok_encode(w->tok, text, strlen(text), GK_BOS_NO, fx_arena, &t, NULL));
    size_t skip = 0;
    while (t.span[skip].end <= strlen("alongside")) skip++;
    return (gk_tokens){.id = t.id + skip, .n = t.n - skip};
}

/* The plan for the prompt and what comes behind it, written down slot by slot. */
static gk_plan longer_plan(const gk_config *c, const gk_plan *p, int n) {
    gk_plan q = {.n_slots = p->n_slots, .n_tokens = n};
    q.model = gk_arena_alloc(fx_arena, (size_t)(q.n_slots * n));
    for (int s = 0; s < q.n_slots; s++)
        for (int t = 0; t < n; t++)
            q.model[s * n + t] = p->model[s * p->n_tokens + (t < p->n_tokens ? t : p->n_tokens - 1)];
    if (!p->patch) return q;
    q.n_patches = c->n_layers + 1;
    q.patch = gk_arena_alloc(fx_arena, (size_t)((c->n_layers + 1) * n));
    for (int l = 0; l <= c->n_layers; l++)
        for (int t = 0; t < n; t++)
            q.patch[l * n + t] = p->patch[l * p->n_tokens + (t < p->n_tokens ? t : p->n_tokens - 1)];
    return q;
}

typedef struct path { /* a prompt, and what stands behind it */
    const world *w;
    gk_plan plan; /* of the prompt */
    int32_t token[LONGEST + GENERATE];
    int n;
} path;

static path start_path(const world *w, const char *scheme, const gk_prompt *p) {
    path a = {.w = w, .n = (int)p->tokens.n};
    gk_error err;
    ck_assert_msg(gk_plan_make(fx_arena, scheme_of(w, scheme), &w->cast, &p->tokens, p->fields, p->n_fields,
                               &a.plan, &err),
                  "%s", err.what);
    memcpy(a.token, p->tokens.id, p->tokens.n * sizeof *a.token);
    return a;
}

static void next_logits(const path *a, double logits[VOCAB]) {
    gk_plan plan = longer_plan(gk_model_config(a->w->model[0]), &a->plan, a->n);
    gk_job job = {.token = a->token, .n = a->n, .plan = &plan};
    define(&a->w->cast, &job, logits);
}

static double logprob_of(const double *x, int32_t id) {
    double sum = 0;
    for (int i = 0; i < VOCAB; i++) sum += exp(x[i] - x[id]);
    return -log(sum);
}

static int32_t best_of(const double *x) {
    int32_t best = 0;
    for (int i = 1; i < VOCAB; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

/* What greedy decoding says, by the definition: the text behind the prompt. */
static const char *spoken(const world *w, const char *scheme, const gk_prompt *p) {
    path a = start_path(w, scheme, p);
    double x[VOCAB] = {0};
    int start = a.n;
    for (int i = 0; i < GENERATE && a.n <= LONGEST; i++) {
        next_logits(&a, x);
        int32_t id = best_of(x);
        if (id == gk_tok_eos(w->tok)) break;
        a.token[a.n++] = id;
    }
    const char *all = gk_tok_decode(w->tok, a.token, (size_t)a.n, fx_arena, NULL);
    ck_assert_int_eq(strncmp(all, p->text, strlen(p->text)), 0);
    ck_assert_int_ge(a.n, start);
    return all + strlen(p->text);
}

/* ---------------------------------------------------------------- the store against the definition */

typedef struct tally {
    const world *w;
    size_t n, tokens, exact, missing, texts;
} tally;

static const gk_prompt *prompt_of(const world *w, const gk_result *r) {
    for (size_t i = 0; i < w->prompts.n; i++) {
        const gk_prompt *p = &w->prompts.item[i];
        if (p->tmpl + 1 == r->template_id && strcmp(p->row_key, r->row_key) == 0) return p;
    }
    ck_abort_msg("no prompt of row %s", r->row_key);
    return NULL;
}

static bool check_target(void *ctx, const gk_result *r, gk_error *err) {
    (void)err;
    tally *t = ctx;
    const gk_prompt *p = prompt_of(t->w, r);
    if (r->dropped) return true;
    t->n++;
    t->missing += !r->whole;
    if (!r->whole) return true;
    path a = start_path(t->w, r->scheme, p);
    gk_tokens target = target_tokens(t->w, p);
    ck_assert_int_eq(r->target_tokens, (int64_t)target.n);
    double x[VOCAB] = {0}, sum = 0, margin = 1;
    bool exact = true;
    for (size_t i = 0; i < target.n; i++) {
        next_logits(&a, x);
        double best = x[best_of(x)], of_target = x[target.id[i]];
        sum += logprob_of(x, target.id[i]);
        exact = exact && of_target >= best;
        margin = fmin(margin, fabs(best - of_target) > 0 ? fabs(best - of_target) : 1);
        a.token[a.n++] = target.id[i];
        if (i == 0) ck_assert_double_eq_tol(r->logprob, sum, 1e-4);
    }
    ck_assert_double_eq_tol(r->whole_logprob, sum, 1e-4 * (double)target.n);
    if (target.n == 1) ck_assert_double_eq(r->whole_logprob, r->logprob);
    if (target.n == 1) ck_assert(r->exact == (r->rank == 0));
    ck_assert(r->exact == exact || margin < 1e-5);
    ck_assert(!r->exact || r->rank == 0);
    t->tokens += target.n;
    t->exact += r->exact;
    return true;
}

static bool check_spoken(void *ctx, const gk_result *r, gk_error *err) {
    (void)err;
    tally *t = ctx;
    if (r->dropped) return true;
    ck_assert_ptr_nonnull(r->generated);
    ck_assert_str_eq(r->generated, spoken(t->w, r->scheme, prompt_of(t->w, r)));
    t->texts++;
    return true;
}

static tally check_store(const gk_sweep_options *o, gk_result_fn *fn) {
    world w = open_world(o);
    tally t = {.w = &w};
    gk_error err = {0};
    gk_store *s = gk_store_open(o->out, &err);
    ck_assert_msg(s != NULL, "%s", err.what);
    ck_assert_msg(gk_store_each(s, fn, &t, &err), "%s", err.what);
    gk_store_close(s);
    close_world(&w);
    return t;
}

/* Rows some of whose targets are a single token. */
static void mixed_rows(void) {
    gk_buf b = {0};
    for (int i = 0; i < 8; i++) fx_row(&b, i);
    gk_buf_puts(&b, "{\"id\": 20, \"first_actor\": \"Ada Kane\", \"second_actor\": \"River\", "
                    "\"movie_title\": \"Blue\"}\n"
                    "{\"id\": 21, \"first_actor\": \"Bo Lund\", \"second_actor\": \"actor\", "
                    "\"movie_title\": \"Blue\"}\n");
    fx_write("rows.jsonl", b.data);
    gk_buf_free(&b);
}

/* Schemes in which grafts and patches go on behind the prompt. */
static const char GOING_ON[] =
    "set: going on\nschemes:\n"
    "  - {name: LT, grafts: [{at: last, donor: sft}], head: {last: sft}}\n"
    "  - {name: FE^C, grafts: [{at: {not: first_actor}, donor: sft, components: qkv}]}\n"
    "  - {name: patch LT, patches: [{at: last, layers: 0, from: sft}]}\n"
    "  - {name: patch FE, patches: [{at: first_actor, layers: [embed, 0], from: sft}]}\n";

START_TEST(sums_and_matches_are_those_of_the_definition) {
    mixed_rows();
    fx_write("on.yaml", GOING_ON);
    gk_sweep_options o = fx_options("r.db", "small.yaml", "on.yaml");
    fx_sweep(&o);
    tally t = check_store(&o, check_target);
    ck_assert_uint_gt(t.n, 100);
    ck_assert_uint_eq(t.missing, 0);
    ck_assert_uint_gt(t.tokens, 2 * t.n); /* most targets are several tokens */
    ck_assert_double_gt(fx_sql("r.db", "SELECT count(*) FROM prompt WHERE target_tokens = 1"), 0);
}
END_TEST

START_TEST(what_is_generated_is_greedy_decoding_by_the_definition) {
    mixed_rows();
    fx_write("on.yaml", GOING_ON);
    gk_sweep_options o = fx_options("r.db", "small.yaml", "on.yaml");
    o.generate = GENERATE;
    fx_sweep(&o);
    ck_assert_uint_gt(check_store(&o, check_spoken).texts, 100);
    ck_assert_double_gt(fx_sql("r.db", "SELECT count(DISTINCT generated) FROM result"), 10);
    double naive = fx_sql("r.db", "SELECT value FROM run WHERE key = 'rows_naive'");
    /* Without the whole target no token is known beforehand: the same texts. */
    o.out = fx_path("first.db");
    o.prompts.whole = false;
    o.budget_bytes = 1 << 20;
    fx_sweep(&o);
    ck_assert_uint_gt(check_store(&o, check_spoken).texts, 100);
    ck_assert_double_lt(fx_sql("first.db", "SELECT value FROM run WHERE key = 'rows_naive'"), naive);
}
END_TEST

/* The sum of the log-probabilities of the target's tokens in one forward pass. */
static double forward_sum(const gk_model *m, const gk_prompt *p) {
    int n = (int)(p->tokens.n + p->n_target) - 1, k = (int)p->n_target;
    int32_t start[2] = {0, n}, row[LONGEST];
    for (int i = 0; i < k; i++) row[i] = n - k + i;
    gk_batch b = {.n_rows = n, .n_seqs = 1, .token = p->forced, .seq_start = start};
    gk_session *s = gk_session_new(gk_model_config(m), n, false, NULL);
    float *x = gk_alloc((size_t)(k * VOCAB) * sizeof *x);
    ck_assert(gk_forward(s, m, &b, row, k, x, NULL));
    double sum = 0;
    for (int i = 0; i < k; i++) {
        double logits[VOCAB];
        for (int v = 0; v < VOCAB; v++) logits[v] = (double)x[i * VOCAB + v];
        sum += logprob_of(logits, p->forced[n - k + 1 + i]);
    }
    gk_free(x);
    gk_session_free(s);
    return sum;
}

START_TEST(whole_models_give_the_sums_of_their_forward) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    world w = open_world(&o);
    static const char *const scheme[] = {"PRE", "SFT"};
    for (size_t i = 0; i < w.prompts.n; i++) {
        for (int k = 0; k < 2 && !w.prompts.item[i].dropped; k++) {
            double there =
                fx_sql("r.db", gk_arena_printf(fx_arena,
                                               "SELECT whole_logprob FROM result r JOIN scheme s ON s.id ="
                                               " r.scheme WHERE s.name = '%s' AND prompt = %zu",
                                               scheme[k], i));
            ck_assert_double_eq_tol(there, forward_sum(w.model[k], &w.prompts.item[i]), 1e-3);
        }
    }
    close_world(&w);
}
END_TEST

static bool pass_over(void *ctx, size_t job, const float *logits) {
    (void)ctx, (void)job, (void)logits;
    return true;
}

/* A target's jobs are beginnings of one another: the engine computes one pass, as gk_graft_rows counts it. */
START_TEST(a_target_costs_its_own_rows) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    world w = open_world(&o);
    const gk_config *c = gk_model_config(w.model[0]);
    enum { n = 6, k = 3 };
    static const int32_t token[n + k] = {1, 20, 30, 40, 50, 60, 70, 80, 90}; /* one twice would share rows */
    gk_job job[k];
    gk_plan single = gk_plan_single(fx_arena, c, n, 1);
    gk_graft_stats stats = {0};
    uint64_t apart = 0;
    for (int i = 0; i < k; i++) {
        gk_plan *plan = gk_arena_alloc(fx_arena, sizeof *plan);
        *plan = gk_plan_extend(fx_arena, &single, i);
        job[i] = (gk_job){.token = token, .n = n + i, .plan = plan};
        apart += gk_graft_rows(c, n + i, 1);
    }
    ck_assert(gk_graft_run(&w.cast, job, k, 1 << 28, pass_over, NULL, &stats, NULL));
    ck_assert_uint_eq(stats.rows_naive, apart);
    ck_assert_uint_eq(stats.rows_unique, gk_graft_rows(c, n + k - 1, k));
    close_world(&w);
}
END_TEST

/* ---------------------------------------------------------------- a model that knows a name */

typedef struct taught {
    int32_t from[8], to[8];
    int n;
} taught;

static float *param(gk_model *m, gk_component comp, size_t *count) {
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    for (size_t i = 0; i < n; i++)
        if (list[i].comp == comp) {
            *count = list[i].count;
            return gk_model_data(m) + list[i].offset;
        }
    ck_abort_msg("no such component");
    return NULL;
}

/* A donor that says to[i] behind from[i], whatever came before: its layers add nothing. */
static void teach(const taught *t) {
    gk_model *m = gk_model_load(fx_path("sft"), NULL);
    const gk_param *list;
    size_t n = gk_model_params(m, &list), count;
    for (size_t i = 0; i < n; i++)
        if (list[i].comp == GK_O || list[i].comp == GK_DOWN)
            memset(gk_model_data(m) + list[i].offset, 0, list[i].count * sizeof(float));
    size_t d = (size_t)gk_model_config(m)->d_model;
    float *head = param(m, GK_HEAD, &count);
    const float *embed = param(m, GK_EMBED, &count);
    memset(head, 0, count * sizeof *head);
    for (int i = 0; i < t->n; i++) {
        float norm = 0;
        for (size_t k = 0; k < d; k++)
            norm += embed[(size_t)t->from[i] * d + k] * embed[(size_t)t->from[i] * d + k];
        for (size_t k = 0; k < d; k++)
            head[(size_t)t->to[i] * d + k] += 20 * embed[(size_t)t->from[i] * d + k] / sqrtf(norm);
    }
    ck_assert(gk_model_save(m, fx_path("sft"), NULL));
    gk_model_free(m);
}

/* Every prompt ends in "alongside"; the donor knows one row's co-actor. */
static taught one_name(gk_sweep_options *o, const char *name) {
    fx_write("eval.jsonl", "{\"template\": \"{first_actor} {relation} in a movie alongside\"}\n");
    fx_write("rows.jsonl",
             gk_arena_printf(fx_arena,
                             "{\"id\": 1, \"first_actor\": \"Ada Kane\", \"second_actor\": \"%s\"}\n"
                             "{\"id\": 2, \"first_actor\": \"Bo Lund\", \"second_actor\": \"Cleo Tate\"}\n",
                             name));
    fx_write("know.yaml", "set: know\nschemes:\n  - {name: PRE}\n"
                          "  - {name: LT, grafts: [{at: last, donor: sft}], head: {last: sft}}\n"
                          "  - {name: rh, grafts: [{at: all, donor: sft}]}\n");
    *o = fx_options("r.db", "know.yaml", NULL);
    world w = open_world(o);
    const gk_prompt *p = &w.prompts.item[0];
    ck_assert_ptr_null(p->dropped);
    ck_assert_uint_ge(p->n_target, 3);
    taught t = {.n = (int)p->n_target};
    for (int i = 0; i < t.n; i++) {
        t.from[i] = p->forced[(int)p->tokens.n - 1 + i];
        t.to[i] = p->forced[(int)p->tokens.n + i];
        for (int k = 0; k < i; k++) ck_assert_int_ne(t.from[k], t.from[i]); /* one successor each */
    }
    close_world(&w);
    return t;
}

static double of(const char *what, const char *scheme, int row) {
    return fx_sql("r.db",
                  gk_arena_printf(fx_arena,
                                  "SELECT %s FROM result r JOIN scheme s ON s.id = r.scheme JOIN prompt p ON"
                                  " p.id = r.prompt WHERE s.name = '%s' AND p.row_key = '%d'",
                                  what, scheme, row));
}

START_TEST(a_name_is_matched_only_where_it_is_said_whole) {
    gk_sweep_options o;
    taught t = one_name(&o, "Bo Lund");
    teach(&t);
    o.generate = GENERATE;
    fx_sweep(&o);
    ck_assert_double_eq(of("exact", "LT", 1), 1);
    ck_assert_double_eq(of("generated GLOB ' Bo Lund*'", "LT", 1), 1);
    ck_assert_double_eq(of("exact", "LT", 2), 0);
    ck_assert_double_eq(of("exact", "PRE", 1), 0);
    ck_assert_double_eq(of("exact", "rh", 1), 0); /* the recipient's head does not know it */
    ck_assert_uint_eq(check_store(&o, check_target).exact, 1);
    ck_assert_uint_eq(check_store(&o, check_spoken).texts, 6);

    gk_store *s = gk_store_open(o.out, NULL);
    gk_cells c;
    ck_assert(gk_store_cells(s, fx_arena, &c, NULL));
    for (size_t i = 0; i < c.n; i++) {
        ck_assert_uint_eq(c.item[i].stats.n_whole, 2);
        double want = strcmp(c.item[i].scheme, "LT") == 0 ? 0.5 : 0;
        ck_assert_double_eq(c.item[i].stats.value[GK_METRIC_exact], want);
        ck_assert_double_eq(c.item[i].stats.low[GK_METRIC_exact], 0);
        /* Where none of two rows is right the interval is the exact one. */
        ck_assert_double_eq_tol(c.item[i].stats.high[GK_METRIC_exact], want > 0 ? 1 : 1 - sqrt(0.025), 1e-9);
    }
    gk_store_close(s);

    /* Its first token alone is not the name. */
    fx_model("sft", 2, "tok");
    t.n--;
    teach(&t);
    o.restart = true;
    fx_sweep(&o);
    ck_assert_double_eq(of("rank", "LT", 1), 0);
    ck_assert_double_eq(of("exact", "LT", 1), 0);
}
END_TEST

START_TEST(of_equal_logits_the_target_counts_as_taken) {
    gk_sweep_options o;
    taught t = one_name(&o, "Bo Lund");
    /* A lower id becomes as likely as the target's second token. */
    int32_t twin = 5;
    for (int i = 0; i < t.n; i++) ck_assert_int_gt(t.to[i], twin);
    t.from[t.n] = t.from[1];
    t.to[t.n++] = twin;
    teach(&t);
    o.generate = GENERATE;
    fx_sweep(&o);
    ck_assert_double_eq(of("rank", "LT", 1), 0);
    ck_assert_double_eq(of("exact", "LT", 1), 1);
    ck_assert_double_eq(of("generated GLOB ' Bo Lund*'", "LT", 1), 0); /* decoding takes the lower id */
    ck_assert_uint_eq(check_store(&o, check_spoken).texts, 6);
}
END_TEST

START_TEST(generation_stops_where_a_text_ends) {
    gk_sweep_options o;
    taught t = one_name(&o, "Bo Lund");
    gk_tok *tok = gk_tok_load(fx_path("tok"), NULL);
    t.from[t.n] = t.to[t.n - 1];
    t.to[t.n++] = gk_tok_eos(tok);
    gk_tok_free(tok);
    teach(&t);
    o.generate = 30;
    fx_sweep(&o);
    ck_assert_double_eq(of("generated = ' Bo Lund'", "LT", 1), 1);
    ck_assert_double_eq(of("exact", "LT", 1), 1);
}
END_TEST

/* ---------------------------------------------------------------- what has no whole target */

static void short_models(int positions) {
    static const char *const name[] = {"pre", "sft"};
    for (int i = 0; i < 2; i++) {
        gk_error err;
        json_t *c = gk_json_load(fx_path(gk_arena_printf(fx_arena, "%s/config.json", name[i])), &err);
        ck_assert_ptr_nonnull(c);
        json_object_set_new(c, "max_position_embeddings", json_integer(positions));
        ck_assert(gk_json_save(fx_path(gk_arena_printf(fx_arena, "%s/config.json", name[i])), c, &err));
        json_decref(c);
    }
}

START_TEST(a_target_that_does_not_fit_is_counted_and_its_first_token_stays) {
    gk_sweep_options o;
    one_name(&o, "Bo Lund");
    world w = open_world(&o);
    int n = (int)w.prompts.item[0].tokens.n, k = (int)w.prompts.item[0].n_target;
    close_world(&w);
    fx_write("rows.jsonl", "{\"id\": 1, \"first_actor\": \"Ada Kane\", \"second_actor\": \"Bo Lund\"}\n"
                           "{\"id\": 2, \"first_actor\": \"Bo Lund\", \"second_actor\": \"Iris\"}\n");
    o.generate = GENERATE;
    short_models(n + k - 1); /* the last token of a target is not fed */
    fx_sweep(&o);
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(*) FROM result WHERE whole_logprob IS NOT NULL"), 6);
    o.out = fx_path("short.db");
    short_models(n + k - 2);
    fx_sweep(&o);
    ck_assert_double_eq(fx_sql("short.db",
                               "SELECT count(*) FROM prompt WHERE row_key = 1 AND dropped IS NULL AND"
                               " target_tokens IS NULL AND whole_dropped GLOB 'the prompt and its target"
                               " are longer than the model?s * positions'"),
                        1);
    ck_assert_double_eq(fx_sql("short.db", "SELECT count(*) FROM result WHERE rank IS NOT NULL"), 6);
    ck_assert_double_eq(fx_sql("short.db", "SELECT count(*) FROM result WHERE exact IS NOT NULL"), 3);
    ck_assert_double_eq(fx_sql("short.db", "SELECT count(*) FROM result WHERE generated IS NOT NULL"), 6);
    gk_store *s = gk_store_open(o.out, NULL);
    gk_cells c;
    ck_assert(gk_store_cells(s, fx_arena, &c, NULL));
    ck_assert_uint_eq(c.item[0].stats.n, 2);
    ck_assert_uint_eq(c.item[0].stats.n_whole, 1);
    json_t *m = gk_store_manifest(s, NULL), *lost = json_object_get(m, "whole_dropped");
    ck_assert_uint_eq(json_array_size(lost), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(lost, 0), "count")), 1);
    json_decref(m);
    gk_store_close(s);
}
END_TEST

/* The prompt's own tokens come first, then the target's, of which the first is the target of every metric. */
START_TEST(prompts_carry_their_whole_target) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    world w = open_world(&o);
    size_t n = 0;
    for (size_t i = 0; i < w.prompts.n; i++) {
        const gk_prompt *p = &w.prompts.item[i];
        ck_assert(p->dropped ? !p->forced && !p->no_whole : p->forced != NULL);
        if (p->dropped) continue;
        gk_tokens want = target_tokens(&w, p);
        ck_assert_mem_eq(p->forced, p->tokens.id, p->tokens.n * sizeof(int32_t));
        ck_assert_uint_eq(p->n_target, want.n);
        ck_assert_mem_eq(p->forced + p->tokens.n, want.id, want.n * sizeof(int32_t));
        ck_assert_int_eq(want.id[0], p->target_id);
        n++;
    }
    ck_assert_uint_gt(n, 50);
    close_world(&w);
}
END_TEST

int main(void) {
    Suite *s = suite_create("targets");
    TCase *t = tcase_create("targets");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, sums_and_matches_are_those_of_the_definition);
    tcase_add_test(t, what_is_generated_is_greedy_decoding_by_the_definition);
    tcase_add_test(t, whole_models_give_the_sums_of_their_forward);
    tcase_add_test(t, a_target_costs_its_own_rows);
    tcase_add_test(t, a_name_is_matched_only_where_it_is_said_whole);
    tcase_add_test(t, of_equal_logits_the_target_counts_as_taken);
    tcase_add_test(t, generation_stops_where_a_text_ends);
    tcase_add_test(t, a_target_that_does_not_fit_is_counted_and_its_first_token_stays);
    tcase_add_test(t, prompts_carry_their_whole_target);
    suite_add_tcase(s, t);
    return run_suite(s);
}
