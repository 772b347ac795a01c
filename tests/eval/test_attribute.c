/* test_attribute.c: Shapley values and interactions of known games and against the definition, means with
 * their intervals, and the attribution of a store. */
/* modules: report eval graft train model tokenizer core */
#include "core/json.h"
#include "eval/store/outcomes.h"
#include "graftkit/core/random.h"
#include "graftkit/eval/attribute.h"
#include "tests/support/eval_fixture.h"

#include <math.h>
#include <sys/wait.h>

/* ---------------------------------------------------------------- games */

enum { MOST = 10 };
typedef struct game {
    double v[1 << MOST], value[MOST], pair[MOST * MOST];
} game;

static void solve(game *g, int n) {
    gk_shapley(g->v, n, g->value);
    gk_shapley_pairs(g->v, n, g->pair);
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += g->value[i];
        ck_assert(isnan(g->pair[i * n + i]));
        for (int k = 0; k < i; k++) ck_assert_double_eq(g->pair[i * n + k], g->pair[k * n + i]);
    }
    ck_assert_double_eq_tol(sum, g->v[(1 << n) - 1] - g->v[0], 1e-12); /* efficiency */
}

START_TEST(an_additive_game) {
    static const double worth[] = {3, -1, 0, 0.25, 7, 2, 2, 10, -5, 0.5};
    game *g = gk_alloc(sizeof *g);
    for (int n = 1; n <= MOST; n++) {
        for (int c = 0; c < 1 << n; c++) {
            g->v[c] = -4;
            for (int i = 0; i < n; i++) g->v[c] += c >> i & 1 ? worth[i] : 0;
        }
        solve(g, n);
        for (int i = 0; i < n; i++) {
            ck_assert_double_eq_tol(g->value[i], worth[i], 1e-10);
            for (int k = 0; k < i; k++) ck_assert_double_eq_tol(g->pair[i * n + k], 0, 1e-10);
        }
    }
    gk_free(g);
}
END_TEST

/* Worth 1 where all of a set T are there: 1/|T| for its members, 0 for the others; a pair in T has the
 * interaction 1 / (|T| - 1), any other 0. */
START_TEST(unanimity_games) {
    enum { N = 5 };
    game *g = gk_alloc(sizeof *g);
    for (int set = 1; set < 1 << N; set++) {
        const int size = __builtin_popcount((unsigned)set);
        for (int c = 0; c < 1 << N; c++) g->v[c] = (c & set) == set;
        solve(g, N);
        for (int i = 0; i < N; i++) {
            ck_assert_double_eq_tol(g->value[i], set >> i & 1 ? 1.0 / size : 0, 1e-12); /* a dummy has 0 */
            for (int k = 0; k < i; k++)
                ck_assert_double_eq_tol(g->pair[i * N + k],
                                        (set >> i & 1) && (set >> k & 1) ? 1.0 / (size - 1) : 0, 1e-12);
        }
    }
    gk_free(g);
}
END_TEST

/* Two parts of which either suffices: -1; both needed: 1; and parts that do the same have the same. */
START_TEST(redundancy_synergy_symmetry) {
    game *g = gk_alloc(sizeof *g);
    const double either[] = {0, 1, 1, 1}, both[] = {0, 0, 0, 1};
    memcpy(g->v, either, sizeof either);
    solve(g, 2);
    ck_assert_double_eq(g->pair[1], -1);
    ck_assert_double_eq(g->value[0], 0.5);
    memcpy(g->v, both, sizeof both);
    solve(g, 2);
    ck_assert_double_eq(g->pair[1], 1);
    gk_rng rng;
    gk_rng_seed(&rng, 1, "symmetry");
    for (int c = 0; c < 16; c++) g->v[c] = gk_rng_normal(&rng);
    for (int c = 0; c < 16; c++) /* parts 1 and 2 are alike */
        if ((c >> 1 & 1) && !(c >> 2 & 1)) g->v[c] = g->v[c ^ 6];
    solve(g, 4);
    ck_assert_double_eq_tol(g->value[1], g->value[2], 1e-12);
    ck_assert_double_eq_tol(g->pair[0 * 4 + 1], g->pair[0 * 4 + 2], 1e-12);
    gk_free(g);
}
END_TEST

/* tools/reference/fixtures/make_shapley_fixture.py: means over all orders. */
START_TEST(random_games_by_the_definition) {
    gk_error err;
    json_t *games = gk_json_load(GK_SOURCE_DIR "/tests/fixtures/shapley.json", &err), *one;
    ck_assert_msg(games != NULL, "%s", err.what);
    ck_assert_uint_eq(json_array_size(games), 6);
    game *g = gk_alloc(sizeof *g);
    size_t at;
    json_array_foreach(games, at, one) {
        const int n = (int)at + 1;
        const json_t *v = json_object_get(one, "worth"), *value = json_object_get(one, "value");
        ck_assert_uint_eq(json_array_size(v), 1u << n);
        for (size_t c = 0; c < 1u << n; c++) g->v[c] = json_number_value(json_array_get(v, c));
        solve(g, n);
        for (int i = 0; i < n; i++) {
            const json_t *row = json_array_get(json_object_get(one, "pair"), (size_t)i);
            ck_assert_double_eq_tol(g->value[i], json_number_value(json_array_get(value, (size_t)i)), 1e-12);
            for (int k = i + 1; k < n; k++)
                ck_assert_double_eq_tol(g->pair[i * n + k],
                                        json_number_value(json_array_get(row, (size_t)(k - i - 1))), 1e-12);
        }
    }
    gk_free(g);
    json_decref(games);
}
END_TEST

/* ---------------------------------------------------------------- means */

/* A column has the value and the interval that a cell has of the same numbers. */
START_TEST(means_are_those_of_cells) {
    enum { N = 40 };
    const gk_range range[] = {{-INFINITY, INFINITY}, {0, 1}, {0, 1}};
    double x[N * 3];
    uint32_t row[N];
    gk_obs obs[N];
    gk_rng rng;
    gk_rng_seed(&rng, 2, "means");
    for (int i = 0; i < N; i++) {
        row[i] = (uint32_t)gk_rng_below(&rng, 12);
        obs[i] = (gk_obs){.row = row[i], .weight = 1, .rank = (double)gk_rng_below(&rng, 9)};
        x[3 * i] = obs[i].logit_diff = gk_rng_normal(&rng);
        x[3 * i + 1] = obs[i].rank < 5;
        x[3 * i + 2] = obs[i].rank < 10; /* always */
    }
    gk_stats cell;
    gk_mean mean[3];
    gk_stats_compute(obs, N, 9, 500, &cell);
    gk_means_compute(x, row, N, 3, range, 9, 500, mean);
    const gk_metric of[] = {GK_METRIC_logit_diff, GK_METRIC_top5, GK_METRIC_top10};
    for (int c = 0; c < 3; c++) {
        ck_assert_double_eq_tol(mean[c].value, cell.value[of[c]], 1e-12);
        ck_assert_double_eq_tol(mean[c].low, cell.low[of[c]], 1e-12);
        ck_assert_double_eq_tol(mean[c].high, cell.high[of[c]], 1e-12);
    }
    ck_assert_double_lt(mean[2].low, 1); /* not certain, though all were right */
    gk_means_compute(x, row, 1, 3, range, 9, 500, mean);
    ck_assert(isnan(mean[0].low) && isnan(mean[0].high) && isfinite(mean[1].low));
    gk_means_compute(x, row, 0, 3, range, 9, 500, mean);
    ck_assert(isnan(mean[0].value) && isnan(mean[2].high));
}
END_TEST

/* ---------------------------------------------------------------- an attribution */

static const char PARTS[] = "about: three parts\n"
                            "parts:\n"
                            "  - {name: FE, grafts: [{at: entity, donor: sft}]}\n"
                            "  - {name: LT, grafts: [{at: last, donor: sft}]}\n"
                            "rest: rest\n";

static gk_sweep_options attributing(const char *out, const char *parts) {
    gk_sweep_options o = fx_options(gk_arena_printf(fx_arena, "%s/results.db", out), "small.yaml", NULL);
    fx_write("parts.yaml", parts);
    o.n_schemes = 0;
    o.schemes = NULL;
    o.prompts.whole = false;
    o.parts = fx_path("parts.yaml");
    return o;
}

static gk_attribution read_of(const char *out, const char *words) {
    gk_attribution x = {0};
    gk_error err = {0};
    gk_store *s = gk_store_open(fx_path(gk_arena_printf(fx_arena, "%s/results.db", out)), &err);
    ck_assert_msg(s != NULL, "%s", err.what);
    bool ok = gk_attribution_read(s, fx_arena, &x, &err);
    ck_assert_msg(ok == !words, "%s", err.what);
    if (words) ck_assert_msg(strstr(err.what, words) != NULL, "'%s' lacks '%s'", err.what, words);
    gk_store_close(s);
    return x;
}

static gk_outcomes outcomes_of(const char *db) {
    gk_outcomes o;
    gk_store *s = gk_store_open(fx_path(db), NULL);
    ck_assert_ptr_nonnull(s);
    ck_assert(gk_outcomes_read(s, fx_arena, &o, NULL));
    gk_store_close(s);
    return o;
}

static const char BY_HAND[] = "set: hand\n"
                              "schemes:\n"
                              "  - {name: none}\n"
                              "  - {name: FE, grafts: [{at: first_actor, donor: sft}]}\n"
                              "  - {name: LT, grafts: [{at: last, donor: sft}]}\n"
                              "  - {name: FE + LT, grafts: [{at: [first_actor, last], donor: sft}]}\n"
                              "  - {name: rest, grafts: [{at: {not: [first_actor, last]}, donor: sft}]}\n"
                              "  - {name: FE + rest, grafts: [{at: {not: last}, donor: sft}]}\n"
                              "  - {name: LT + rest, grafts: [{at: {not: first_actor}, donor: sft}]}\n"
                              "  - {name: all, grafts: [{at: all, donor: sft}]}\n";

/* The results of the coalitions are those of schemes written by hand, and the values theirs by hand. */
START_TEST(a_store_of_coalitions) {
    fx_start();
    fx_write("hand.yaml", BY_HAND);
    gk_sweep_options o = attributing("a", PARTS), hand = fx_options("hand.db", "hand.yaml", NULL);
    ck_assert_uint_gt(fx_sweep(&o), 0);
    fx_sweep(&hand);
    gk_outcomes a = outcomes_of("a/results.db"), b = outcomes_of("hand.db");
    double v[8] = {0}, want[3];
    ck_assert_uint_eq(a.n, 8);
    for (size_t i = 0; i < 8; i++) {
        const gk_tried *x = &a.scheme[i], *y = gk_outcomes_of(&b, x->scheme);
        ck_assert_ptr_nonnull(y);
        ck_assert_uint_eq(x->n, y->n);
        for (size_t k = 0; k < x->n; k++) {
            ck_assert_double_eq_tol(x->item[k].logit_diff, y->item[k].logit_diff, 1e-5);
            v[i] += y->item[k].logit_diff / (double)y->n;
        }
    }
    gk_attribution x = read_of("a", NULL);
    ck_assert_uint_eq(x.n_parts, 3);
    ck_assert_uint_eq(x.coalitions, 8);
    ck_assert_uint_eq(x.n_games, 3 * 4);
    ck_assert_str_eq(x.part[2], "rest");
    const gk_game *g = gk_attribution_game(&x, GK_METRIC_logit_diff, "pooled");
    gk_shapley(v, 3, want);
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol(g->value[i].value, want[i], 1e-5);
    ck_assert_double_eq_tol(g->none.value, v[0], 1e-5);
    ck_assert_double_eq_tol(g->all.value, v[7], 1e-5);
    ck_assert_uint_eq(fx_sweep(&o), 0); /* a finished one computes nothing */
    fx_stop();
}
END_TEST

/* In every game the values sum to what the cells of `all` and `none` are apart. */
START_TEST(values_sum_to_the_whole) {
    fx_start();
    gk_sweep_options o = attributing("a", PARTS);
    fx_sweep(&o);
    gk_attribution x = read_of("a", NULL);
    gk_store *s = gk_store_open(fx_path("a/results.db"), NULL);
    gk_cells cells;
    ck_assert(gk_store_cells(s, fx_arena, &cells, NULL));
    gk_store_close(s);
    for (size_t i = 0; i < x.n_games; i++) {
        const gk_game *g = &x.game[i];
        double sum = 0, ends[2] = {0};
        for (size_t p = 0; p < x.n_parts; p++) sum += g->value[p].value;
        for (size_t c = 0; c < cells.n; c++)
            for (int end = 0; end < 2; end++)
                if (strcmp(cells.item[c].template_name, g->template_name) == 0 &&
                    strcmp(cells.item[c].scheme, end ? "all" : "none") == 0) {
                    const gk_stats *cell = &cells.item[c].stats;
                    const gk_mean *mean = end ? &g->all : &g->none;
                    ends[end] = cell->value[g->metric];
                    ck_assert_uint_eq(cell->n, g->n);
                    ck_assert_double_eq_tol(mean->value, cell->value[g->metric], 1e-9);
                    ck_assert_double_eq_tol(mean->low, cell->low[g->metric], 1e-9);
                    ck_assert_double_eq_tol(mean->high, cell->high[g->metric], 1e-9);
                }
        ck_assert_double_eq_tol(sum, ends[1] - ends[0], 1e-9);
        ck_assert_double_eq_tol(sum, g->total.value, 1e-9);
        for (size_t p = 0; p < x.n_parts; p++)
            if (g->total.low > 0)
                ck_assert_double_eq_tol(g->share[p], g->value[p].value / g->total.value, 1e-12);
            else
                ck_assert(isnan(g->share[p]));
    }
    fx_stop();
}
END_TEST

/* ---------------------------------------------------------------- what does not count */

static void run_sql(const char *db, const char *sql) {
    sqlite3 *d;
    ck_assert_int_eq(sqlite3_open_v2(fx_path(db), &d, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(d, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(d));
    sqlite3_close(d);
}

#define DROP "UPDATE result SET dropped = 'x', prob = NULL, logprob = NULL, rank = NULL, logit_diff = NULL "

/* A template that lacks a part's field, and a prompt on which one coalition failed, are left out of all, and
 * counted. */
START_TEST(prompts_without_all_coalitions_are_left_out) {
    fx_start();
    gk_sweep_options o = attributing("a", "parts:\n"
                                          "  - {name: M, grafts: [{at: movie_title, donor: sft}]}\n"
                                          "  - {name: LT, grafts: [{at: last, donor: sft}]}\n");
    fx_sweep(&o);
    gk_attribution x = read_of("a", NULL);
    size_t all = (size_t)fx_sql("a/results.db", "SELECT count(*) FROM prompt"),
           had = gk_attribution_game(&x, GK_METRIC_top5, "2")->n;
    const gk_game *none = gk_attribution_game(&x, GK_METRIC_top5, "1");
    ck_assert_uint_gt(had, 10);
    ck_assert_uint_eq(none->n, 0);
    ck_assert_uint_eq(none->left_out, all / 3);
    ck_assert(isnan(none->value[0].value) && isnan(none->total.value) && isnan(none->share[1]));
    run_sql("a/results.db", DROP "WHERE scheme = 2 AND prompt = (SELECT min(prompt) FROM result)");
    x = read_of("a", NULL);
    const gk_game *pooled = gk_attribution_game(&x, GK_METRIC_top5, "pooled");
    ck_assert_uint_eq(pooled->n, had - 1);
    ck_assert_uint_eq(pooled->left_out, all - had + 1);
    ck_assert_uint_eq(gk_attribution_game(&x, GK_METRIC_mean_logprob, "2")->n, had - 1);
    run_sql("a/results.db", DROP "WHERE scheme = 2");
    read_of("a", "no prompt has results of all 4 coalitions");
    run_sql("a/results.db", "DELETE FROM axis WHERE scheme = 3");
    read_of("a", "damaged");
    run_sql("a/results.db", "UPDATE run SET value = '0' WHERE key = 'complete'");
    read_of("a", "not finished");
    fx_stop();
}
END_TEST

START_TEST(one_part) {
    fx_start();
    gk_sweep_options o = attributing("a", "parts: [{name: everything, grafts: [{at: all, donor: sft}]}]\n");
    fx_sweep(&o);
    gk_attribution x = read_of("a", NULL);
    const gk_game *g = gk_attribution_game(&x, GK_METRIC_logit_diff, "pooled");
    ck_assert_uint_eq(x.coalitions, 2);
    ck_assert_double_eq_tol(g->value[0].value, g->total.value, 1e-12);
    fx_stop();
}
END_TEST

/* A store without coalitions holds no attribution, and is no error. */
START_TEST(an_ordinary_store) {
    fx_start();
    gk_sweep_options o = fx_options("plain.db", "small.yaml", NULL);
    fx_sweep(&o);
    gk_attribution x;
    gk_store *s = gk_store_open(fx_path("plain.db"), NULL);
    ck_assert(gk_attribution_read(s, fx_arena, &x, NULL));
    ck_assert_uint_eq(x.n_parts, 0);
    gk_store_close(s);
    fx_stop();
}
END_TEST

/* ---------------------------------------------------------------- which store is whose */

START_TEST(stores_are_not_mixed) {
    fx_start();
    gk_sweep_options o = attributing("a", PARTS), plain = fx_options("a/results.db", "small.yaml", NULL);
    fx_sweep(&o);
    plain.prompts.whole = false;
    fx_refused(&plain, "parts_sha256");
    gk_sweep_options less = attributing("a", "parts: [{name: FE, grafts: [{at: entity, donor: sft}]}]\n");
    fx_refused(&less, "parts_sha256");
    less.replace = true;
    fx_sweep(&less);
    ck_assert_uint_eq(read_of("a", NULL).coalitions, 2);
    plain.out = fx_path("b.db");
    fx_sweep(&plain);
    o.out = plain.out;
    fx_refused(&o, "parts_sha256");
    o.schemes = plain.schemes;
    o.n_schemes = 1;
    fx_refused(&o, "both schemes and parts");
    fx_stop();
}
END_TEST

/* The same parts, written otherwise, are the same. */
START_TEST(parts_written_otherwise) {
    fx_start();
    gk_sweep_options o = attributing("a", PARTS);
    fx_sweep(&o);
    o = attributing("a", "# as before\n"
                         "parts:\n"
                         "  - name: FE\n"
                         "    grafts: [{donor: sft, at: [entity], layers: 0.0-1, components: all}]\n"
                         "  - {name: LT, grafts: [{at: -1, donor: sft}]}\n"
                         "rest: {name: rest, donor: sft}\n");
    ck_assert_uint_eq(fx_sweep(&o), 0);
    fx_stop();
}
END_TEST

/* ---------------------------------------------------------------- killed */

static int statements_to_live; /* of a doomed process */

static int count_down(unsigned kind, void *ctx, void *p, void *x) {
    (void)kind, (void)ctx, (void)p, (void)x;
    if (statements_to_live-- == 0) raise(SIGKILL);
    return 0;
}

static int doom(sqlite3 *db, const char **message, const struct sqlite3_api_routines *api) {
    (void)message, (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, count_down, NULL);
}

static bool sweep_apart(const gk_sweep_options *o, int n) {
    int status;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        statements_to_live = n;
        sqlite3_auto_extension((void (*)(void))doom);
        gk_sweep *s = gk_sweep_open(o, NULL);
        bool ok = s && gk_sweep_run(s, NULL, NULL);
        gk_sweep_close(s);
        _exit(ok ? 0 : 3);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return false;
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the sweep failed");
    return true;
}

START_TEST(a_killed_one_goes_on_to_the_same_end) {
    fx_start();
    gk_sweep_options a = attributing("a", PARTS), b = attributing("b", PARTS);
    a.chunk = b.chunk = 2;
    fx_sweep(&a);
    int deaths = 0, partial = 0, n = 500;
    double before = 0;
    while (!sweep_apart(&b, n) && deaths++ < 200) {
        bool made = fx_sql("b/results.db", "SELECT count(*) FROM sqlite_master WHERE name = 'result'") > 0;
        double now = made ? fx_sql("b/results.db", "SELECT count(*) FROM result") : 0;
        if (made && now > 0) read_of("b", "not finished");
        partial += now > before;
        n = now > before ? 150 : n + 40; /* more of life where it did not do for a chunk */
        before = now;
    }
    ck_assert_int_ge(deaths, 2);
    ck_assert_int_lt(deaths, 200);
    ck_assert_int_ge(partial, 2);
    ck_assert(strcmp(contents("a/results.db"), contents("b/results.db")) == 0);
    gk_attribution x = read_of("a", NULL), y = read_of("b", NULL);
    for (size_t i = 0; i < x.n_games; i++)
        for (size_t p = 0; p < x.n_parts; p++)
            ck_assert(memcmp(&x.game[i].value[p], &y.game[i].value[p], sizeof(gk_mean)) == 0);
    fx_stop();
}
END_TEST

int main(void) {
    Suite *s = suite_create("attribute");
    TCase *t = tcase_create("games");
    tcase_add_test(t, an_additive_game);
    tcase_add_test(t, unanimity_games);
    tcase_add_test(t, redundancy_synergy_symmetry);
    tcase_add_test(t, random_games_by_the_definition);
    tcase_add_test(t, means_are_those_of_cells);
    suite_add_tcase(s, t);
    t = tcase_create("stores");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_store_of_coalitions);
    tcase_add_test(t, values_sum_to_the_whole);
    tcase_add_test(t, prompts_without_all_coalitions_are_left_out);
    tcase_add_test(t, one_part);
    tcase_add_test(t, an_ordinary_store);
    tcase_add_test(t, stores_are_not_mixed);
    tcase_add_test(t, parts_written_otherwise);
    tcase_add_test(t, a_killed_one_goes_on_to_the_same_end);
    suite_add_tcase(s, t);
    return run_suite(s);
}
