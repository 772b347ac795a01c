/* test_search.c: a search on donors whose knowledge sits in known cells; its claim against a sweep of the
 * schemes it writes. */
/* modules: report eval graft train model tokenizer core */
#include "core/json.h"
#include "graftkit/eval/measure.h"
#include "graftkit/graft/plan.h"
#include "tests/support/search_fixture.h"

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
    /* None of the rows held out changed: that is exact only as far as there are rows. */
    ck_assert_double_eq_tol(
        rest->held_out.recovery.high,
        gk_unseen_share((double)r->rows[1]) /
            (hit->held_out.stats.value[r->metric] - r->rung[0].held_out.stats.value[r->metric]),
        1e-12);
    ck_assert(r->p_ends[0] < 0.01 && r->p_ends[1] < 0.01);
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
    size_t n = s->n_part[GK_SEARCH__SEARCHED], size = 0;
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
        ck_assert(gk_search__score(s, GK_SEARCH__SEARCHED, sets, 1, "", obs, NULL));
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
    gk_search__step *step = gk_search__add_step(s, false, 1);
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
    for (int k = 0; k < GK_SEARCH__PARTS; k++)
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
            gk_plan plan = gk_search__cells_plan(s->scratch, &s->cells, p, i, in);
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

/* What the ends recover of themselves is no estimate; what a step does is. */
START_TEST(the_ends_have_no_interval_of_recovery) {
    gk_search_options o = options("noisy", "s");
    gk_search *s = search(&o);
    const gk_search_result *r = gk_search_found(s);
    size_t ends = 0;
    for (size_t i = 0; i < r->n_rungs; i++) {
        const gk_search_rung *rung = &r->rung[i];
        const gk_recovered *part[] = {&rung->search.recovery, &rung->held_out.recovery};
        bool end = rung->size == 0 || rung->size == r->n_cells;
        ends += end;
        for (int k = 0; k < 2; k++) {
            ck_assert_int_eq(isnan(part[k]->low), end);
            ck_assert_int_eq(isnan(part[k]->high), end);
            if (end) ck_assert_double_eq(part[k]->value, rung->size > 0);
        }
    }
    ck_assert_uint_eq(ends, 2);
    json_t *ladder = gk_json_load(gk_path_join(fx_arena, o.out, "ladder.json"), NULL), *ci;
    ci = json_object_get(json_object_get(json_object_get(ladder, "SFT-rh"), "held_out"), "recovery_ci");
    ck_assert(json_array_size(ci) == 2 && json_is_null(json_array_get(ci, 0)) &&
              json_is_null(json_array_get(ci, 1)));
    json_decref(ladder);
    char *csv = gk_read_file(fx_arena, gk_path_join(fx_arena, o.out, "ladder.csv"), 1 << 20, NULL, NULL);
    ck_assert(strstr(csv, ",0,,,") != NULL && strstr(csv, ",1,,,") != NULL);
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
    tcase_add_test(t, the_ends_have_no_interval_of_recovery);
    tcase_add_test(t, a_sweep_of_its_schemes_says_the_same);
    suite_add_tcase(s, t);
    return run_suite(s);
}
