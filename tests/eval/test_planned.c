/* test_planned.c: planned contrasts: their tests against values worked by hand and scipy's, by facts; what a
 * store keeps of a plan; what is exported and shown. */
/* modules: report eval graft train model tokenizer core */
#include "core/json.h"
#include "eval/store/contrasts.h"
#include "graftkit/core/random.h"
#include "graftkit/report.h"
#include "tests/support/eval_fixture.h"

#include <math.h>

/* ---------------------------------------------------------------- distributions */

/* scipy.stats.t.sf and .isf */
START_TEST(students_t_is_scipys) {
    static const double above[][3] = {{2, 5, 0.050969739414929174},     {0.5, 1, 0.35241638234956674},
                                      {10, 99, 5.46987850399603e-17},   {-1.3, 7, 0.8826160823038114},
                                      {40, 9, 9.491499224669911e-12},   {0.01, 3, 0.496324555706426},
                                      {3, 250.5, 0.0014860518092529762}},
                        value[][3] = {{0.05, 99, 1.660391156016991},
                                      {0.025, 4, 2.7764451051977943},
                                      {0.05, 1, 6.313751514675044}};
    for (size_t i = 0; i < sizeof above / sizeof *above; i++)
        ck_assert_double_eq_tol(gk_student_above(above[i][0], above[i][1]) / above[i][2], 1, 1e-11);
    for (size_t i = 0; i < sizeof value / sizeof *value; i++)
        ck_assert_double_eq_tol(gk_student_value(value[i][0], value[i][1]), value[i][2], 1e-12);
    ck_assert_double_eq_tol(gk_student_value(0.5, 3), 0, 1e-12);
    ck_assert_double_eq(gk_student_above(0, 3), 0.5);
    ck_assert_double_eq(gk_student_above((double)INFINITY, 3), 0);
    ck_assert(isnan(gk_student_above((double)NAN, 3)) && isnan(gk_student_above(1, 0)));
    ck_assert(isnan(gk_student_value(0.7, 3)) && isnan(gk_student_value(0, 3)));
}
END_TEST

START_TEST(signed_ranks_are_exact) {
    const double up[] = {1, 2, 3, 4, 5}, tied[] = {1, -1, 1, 0, 2}, even[] = {1, -1}, none[] = {0, 0};
    ck_assert_double_eq_tol(gk_signed_rank(up, 5), 2.0 / 32, 1e-15);
    /* Ranks 2, 2, 2, 4; those below 0 sum to 2: of 16 patterns one gives 0 and three give 2. */
    ck_assert_double_eq_tol(gk_signed_rank(tied, 5), 2 * 4.0 / 16, 1e-15);
    ck_assert_double_eq(gk_signed_rank(even, 2), 1);
    ck_assert_double_eq(gk_signed_rank(none, 2), 1);
    ck_assert_double_eq(gk_signed_rank(none, 0), 1);
    double d[600];
    for (int i = 0; i < 30; i++) d[i] = sin(i + 1) * (i + 1) + 2;
    ck_assert_double_eq_tol(gk_signed_rank(d, 30), 0.46454504504799843, 1e-13); /* method='exact' */
    for (int i = 0; i < 600; i++) d[i] = round(10 * (sin((double)(i + 1) * (i + 1)) + 0.05)) / 10;
    ck_assert_double_eq_tol(gk_signed_rank(d, 600), 0.02058977510889665, 1e-12); /* 'asymptotic' */
    for (int i = 0; i < 500; i++) d[i] = i + 1;
    ck_assert_double_eq_tol(gk_signed_rank(d, 500) * pow(2, 499), 1, 1e-12);
}
END_TEST

/* ---------------------------------------------------------------- one contrast */

enum { FACTS = 6, PROMPTS = 2 * FACTS };

static gk_obs logits(uint32_t row, double x) {
    return (gk_obs){.row = row, .weight = 1, .logit_diff = x};
}

/* Two prompts a fact but for the last, which has one more, all of one value: facts count alike. */
START_TEST(facts_count_alike) {
    static const double x[] = {.1, .3, 1.2, .8, 2, 1, -.5, .5, .7, .9, 1.5, 1.1, 1.3},
                        y[] = {.2, .1, 1, .7, 1.5, 1.2, -.4, .1, .9, .4, 1, 1.4, 1.2};
    gk_obs a[PROMPTS + 1], b[PROMPTS + 1];
    for (uint32_t i = 0; i <= PROMPTS; i++) {
        a[i] = logits(i == PROMPTS ? FACTS - 1 : i / 2, x[i]);
        b[i] = logits(i == PROMPTS ? FACTS - 1 : i / 2, y[i]);
    }
    gk_contrast_stats got;
    gk_contrast_compute(a, b, PROMPTS + 1, GK_METRIC_logit_diff, 0.3, 11, 500, &got);
    ck_assert_uint_eq(got.n, PROMPTS + 1);
    ck_assert_uint_eq(got.rows, FACTS);
    ck_assert_double_eq_tol(got.mean_a, (0.2 + 1 + 1.5 + 0 + 0.8 + 1.3) / 6, 1e-12);
    ck_assert_double_eq_tol(got.diff, 0.125, 1e-12);
    ck_assert_double_eq_tol(got.diff, got.mean_a - got.mean_b, 1e-12);
    ck_assert_uint_eq(got.rows_more, FACTS);
    ck_assert_double_eq_tol(got.p, 2.0 / 64, 1e-12);
    /* statsmodels' ttost_paired, scipy's ttest_1samp(…).confidence_interval(0.9) */
    ck_assert_double_eq_tol(got.p_equal / 7.60283533496695e-05, 1, 1e-9);
    ck_assert_double_eq_tol(got.equal_low, 0.09058649754571588, 1e-12);
    ck_assert_double_eq_tol(got.equal_high, 0.1594135024542841, 1e-12);
    /* The same draws, fact by fact. */
    static const double d[] = {0.05, 0.15, 0.15, 0.15, 0.15, 0.1};
    double draw[500], low, high;
    gk_rng rng;
    gk_rng_seed(&rng, 11, "bootstrap");
    for (int k = 0; k < 500; k++) {
        draw[k] = 0;
        for (int i = 0; i < FACTS; i++) draw[k] += d[gk_rng_below(&rng, FACTS)] / FACTS;
    }
    gk_percentile_ends(draw, 500, &low, &high);
    ck_assert_double_eq_tol(got.low, low, 1e-12);
    ck_assert_double_eq_tol(got.high, high, 1e-12);
}
END_TEST

/* Every metric is counted as itself: ranks 3 and 7 are among ten, one among five, none the first. */
START_TEST(metrics_are_not_mixed_up) {
    gk_obs a[4], b[4];
    for (uint32_t i = 0; i < 4; i++) {
        a[i] = (gk_obs){.row = i, .rank = 3, .prob = 0.5, .logprob = -1, .logit_diff = 2};
        b[i] = (gk_obs){.row = i, .rank = i < 2 ? 7 : 12, .prob = 0.25, .logprob = -3, .logit_diff = 5};
    }
    static const struct {
        gk_metric metric;
        double a, b;
    } want[] = {{GK_METRIC_top1, 0, 0},           {GK_METRIC_top5, 1, 0},
                {GK_METRIC_top10, 1, 0.5},        {GK_METRIC_top50, 1, 1},
                {GK_METRIC_mean_rank, 3, 9.5},    {GK_METRIC_mean_prob, 0.5, 0.25},
                {GK_METRIC_mean_logprob, -1, -3}, {GK_METRIC_logit_diff, 2, 5}};
    gk_contrast_stats got;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        gk_contrast_compute(a, b, 4, want[i].metric, (double)NAN, 1, 20, &got);
        ck_assert_double_eq_tol(got.mean_a, want[i].a, 1e-12);
        ck_assert_double_eq_tol(got.mean_b, want[i].b, 1e-12);
    }
    gk_contrast_compute(a, b, 4, GK_METRIC_median_rank, (double)NAN, 1, 20, &got);
    ck_assert(isnan(got.mean_a) && isnan(got.diff) && isnan(got.p));
    gk_contrast_compute(a, b, 4, GK_METRIC_exact, (double)NAN, 1, 20, &got);
    ck_assert(isnan(got.diff)); /* no whole target */
}
END_TEST

static void of_ranks(const int *x, const int *y, uint32_t n, double margin, gk_contrast_stats *out) {
    gk_obs a[16], b[16];
    for (uint32_t i = 0; i < n; i++) {
        a[i] = (gk_obs){.row = i, .weight = 1, .rank = x[i], .logit_diff = x[i]};
        b[i] = (gk_obs){.row = i, .weight = 1, .rank = y[i], .logit_diff = y[i]};
    }
    gk_contrast_compute(a, b, n, GK_METRIC_top5, margin, 1, 200, out);
}

/* Top-5 by the exact test over facts; where all facts differ alike, no number is certain. */
START_TEST(shares_are_tested_exactly) {
    static const int good[8] = {0}, bad[8] = {9, 9, 9, 9, 9, 9, 9, 9}, some[8] = {0, 0, 0, 0, 0, 9, 9, 9};
    gk_contrast_stats got;
    of_ranks(good, some, 8, 0.4, &got);
    ck_assert(got.rows_more == 3 && got.rows_fewer == 0);
    ck_assert_double_eq_tol(got.p, gk_mcnemar(3, 0), 1e-15);
    ck_assert_double_eq_tol(got.diff, 3.0 / 8, 1e-12);
    ck_assert(got.p_equal > 0.4 && got.equal_high > 0.4);
    of_ranks(good, good, 8, 0.4, &got);
    double u = 1 - pow(0.025, 1.0 / 8), v = 1 - pow(0.05, 1.0 / 8);
    ck_assert(got.diff == 0 && got.p == 1 && fabs(got.low + u) < 1e-12 && fabs(got.high - u) < 1e-12);
    ck_assert(fabs(got.equal_low + v) < 1e-12 && fabs(got.equal_high - v) < 1e-12);
    ck_assert_double_eq_tol(got.p_equal, pow(0.6, 8), 1e-12);
    ck_assert((got.equal_high < 0.4) == (got.p_equal < 0.05));
    of_ranks(good, bad, 8, 0.4, &got);
    ck_assert(got.diff == 1 && got.p_equal == 1 && got.high == 1);
    of_ranks(good, bad, 8, (double)NAN, &got);
    ck_assert(isnan(got.p_equal) && isnan(got.equal_low));
}
END_TEST

START_TEST(what_says_nothing_is_no_number) {
    gk_contrast_stats got;
    const gk_obs a[] = {logits(0, 1), logits(1, 2)}, b[] = {logits(0, 0), logits(1, 1)};
    gk_contrast_compute(a, b, 0, GK_METRIC_logit_diff, 1, 1, 200, &got);
    ck_assert(got.n == 0 && isnan(got.diff) && isnan(got.p) && isnan(got.p_equal) && isnan(got.low));
    gk_contrast_compute(a, b, 1, GK_METRIC_logit_diff, 2, 1, 200, &got);
    ck_assert(got.diff == 1 && got.p == 1 && isnan(got.low) && isnan(got.p_equal));
    gk_contrast_compute(a, b, 2, GK_METRIC_logit_diff, 2, 1, 200, &got);
    ck_assert(got.low == 1 && isnan(got.p_equal) && isnan(got.equal_low)); /* both differ alike */
}
END_TEST

/* ---------------------------------------------------------------- a plan in a store */

static gk_sweep_options with_plan(const char *compare, const char *second) {
    fx_write("plan.yaml", gk_arena_printf(fx_arena, "%scompare:\n%s", FX_SCHEMES, compare));
    return fx_options("r.db", "plan.yaml", second);
}

static double count_planned(const char *where) {
    return fx_sql("r.db", gk_arena_printf(fx_arena, "SELECT count(*) FROM contrast WHERE %s", where));
}

static gk_contrasts planned(void) {
    gk_error err = {0};
    gk_outcomes o;
    gk_contrasts all;
    gk_store *s = gk_store_open(fx_path("r.db"), &err);
    ck_assert_msg(s && gk_outcomes_read(s, fx_arena, &o, &err) &&
                      gk_contrasts_of(s, &o, fx_arena, &all, &err),
                  "%s", err.what);
    gk_store_close(s);
    return all;
}

START_TEST(a_store_keeps_the_plan) {
    gk_sweep_options o =
        with_plan("  - [FE, PRE]\n  - {compare: [SFT, M+LT], margin: 0.1, about: why}\n", NULL);
    ck_assert_uint_gt(fx_sweep(&o), 0);
    ck_assert_double_eq(count_planned("ahead"), 4);
    ck_assert_double_eq(
        count_planned("margin = 0.1 AND metric = 'top5' AND about = 'why' AND \"set\" = 'small'"), 1);
    gk_contrasts c = planned();
    ck_assert_uint_eq(c.n, 4);
    ck_assert(strcmp(c.item[0].plan.a, "FE") == 0 && c.item[0].templates == 3);
    ck_assert(strcmp(c.item[3].plan.b, "M+LT") == 0 && c.item[3].templates == 1);
    /* What a file does not plan any more goes; a pair or a margin that is new came after the results. */
    o = with_plan("  - {compare: [SFT, M+LT], margin: 0.2}\n  - [FE, SFT]\n  - [FE, PRE]\n", NULL);
    ck_assert_uint_eq(fx_sweep(&o), 0);
    ck_assert_double_eq(count_planned("1"), 6);
    ck_assert_double_eq(count_planned("ahead AND a = (SELECT id FROM scheme WHERE name = 'FE')"), 2);
    ck_assert_double_eq(count_planned("ahead AND margin IS NULL"), 3);
    ck_assert_double_eq(count_planned("NOT ahead AND margin = 0.2"), 1);
    ck_assert_str_eq(planned().item[0].plan.a, "SFT");
    o = with_plan("  - [FE, PRE]\n", NULL);
    ck_assert_uint_eq(fx_sweep(&o), 0);
    ck_assert_double_eq(count_planned("1"), 2);
    /* Another file's plans stay. */
    fx_write("more.yaml", gk_arena_printf(fx_arena, "%scompare: [[LT, FE+LT]]\n", FX_MORE));
    o = fx_options("r.db", "more.yaml", NULL);
    ck_assert_uint_gt(fx_sweep(&o), 0);
    ck_assert_double_eq(count_planned("ahead"), 4);
    ck_assert_uint_eq(planned().n, 4);
}
END_TEST

/* Holm over every test of a set's plan, both metrics and equivalence; other sets have a plan of their own. */
START_TEST(a_plan_is_corrected_as_one) {
    fx_write("more.yaml", gk_arena_printf(fx_arena, "%scompare: [[LT, PRE]]\n", FX_MORE));
    gk_sweep_options o = with_plan(
        "  - {compare: [FE, PRE], margin: {top5: 0.2, logit_diff: 1}}\n  - [FE, SFT]\n", "more.yaml");
    fx_sweep(&o);
    gk_contrasts c = planned();
    ck_assert_uint_eq(c.n, 6);
    double p[6], holm[6];
    for (int i = 0; i < 4; i++) p[i] = c.item[i].stats.p;
    p[4] = c.item[0].stats.p_equal;
    p[5] = c.item[1].stats.p_equal;
    gk_holm(p, 6, holm);
    for (int i = 0; i < 4; i++) ck_assert_double_eq_tol(c.item[i].p_holm, holm[i], 1e-15);
    for (int i = 0; i < 2; i++) ck_assert_double_eq_tol(c.item[i].p_equal_holm, holm[4 + i], 1e-15);
    ck_assert(isnan(c.item[2].p_equal_holm));
    gk_holm(p, 0, holm);
    double own[] = {c.item[4].stats.p, c.item[5].stats.p};
    ck_assert_str_eq(c.item[4].plan.set, "more");
    gk_holm(own, 2, holm);
    ck_assert_double_eq_tol(c.item[4].p_holm, holm[0], 1e-15);
    for (size_t i = 0; i < c.n; i++) {
        bool differ = c.item[i].p_holm < 0.05, equal = c.item[i].p_equal_holm < 0.05;
        ck_assert_int_eq(c.item[i].verdict, differ  ? (equal ? GK_DIFFERENT_WITHIN : GK_DIFFERENT)
                                            : equal ? GK_EQUIVALENT
                                                    : GK_NEITHER);
    }
}
END_TEST

/* Nothing is written where a plan is bad. */
START_TEST(bad_plans_leave_nothing) {
    static const struct {
        const char *compare, *words;
        long line;
    } bad[] = {{"  - [FE, LT]\n", "there is no scheme 'LT'", 9},
               {"  - [FE, FE again]\n", "does the same as", 9},
               {"  - {compare: [FE, PRE], margin: 0}\n", "cannot be an equivalence margin", 9},
               {"  - [FE, PRE]\n  - [PRE, FE again]\n", "already compared", 10}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gk_sweep_options o = with_plan(bad[i].compare, NULL);
        gk_error err = fx_refused(&o, bad[i].words);
        ck_assert_int_eq(err.line, bad[i].line);
        ck_assert(!gk_exists(fx_path("r.db")));
    }
    /* No template names both. */
    fx_write("eval.jsonl", "{\"template\": \"{first_actor} stars alongside\"}\n"
                           "{\"template\": \"In {movie_title} stars\"}\n");
    gk_sweep_options o = with_plan("  - [FE, M+LT]\n", NULL);
    gk_error err = fx_refused(&o, "no template has the fields of both 'FE' and 'M+LT'");
    ck_assert_int_eq(err.line, 9);
    ck_assert(!gk_exists(fx_path("r.db")));
}
END_TEST

/* ---------------------------------------------------------------- exported and shown */

static void must_have(const char *text, const char *what) {
    ck_assert_msg(strstr(text, what) != NULL, "there is no %s", what);
}

static void check_line(const json_t *row, const gk_contrasted *c) {
    ck_assert_str_eq(json_string_value(json_object_get(row, "a")), c->plan.a);
    ck_assert_str_eq(json_string_value(json_object_get(row, "metric")), gk_metric_key(c->plan.metric));
    ck_assert_double_eq(json_number_value(json_object_get(row, "difference")), c->stats.diff);
    ck_assert_double_eq(json_number_value(json_object_get(row, "p_holm")), c->p_holm);
    ck_assert_double_eq(json_number_value(json_object_get(row, "rows")), (double)c->stats.rows);
    ck_assert(json_is_null(json_object_get(row, "margin")) == isnan(c->stats.margin));
    ck_assert_str_eq(json_string_value(json_object_get(row, "verdict")), gk_verdict_key(c->verdict));
    ck_assert(json_is_true(json_object_get(row, "ahead")));
}

START_TEST(contrasts_are_exported_and_shown) {
    gk_sweep_options o =
        with_plan("  - {compare: [FE, PRE], margin: 0.3, about: <why>}\n  - [SFT, FE]\n", NULL);
    fx_sweep(&o);
    gk_contrasts c = planned();
    gk_error err = {0};
    gk_store *s = gk_store_open(fx_path("r.db"), &err);
    ck_assert(gk_export_contrasts(s, fx_path("c.jsonl"), &err) &&
              gk_export_summary(s, fx_path("s.json"), &err) && gk_export_latex(s, fx_path("t.tex"), &err));
    gk_store_close(s);
    json_t *all = gk_json_load(fx_path("s.json"), &err), *list = json_object_get(all, "contrasts"), *row;
    gk_jsonl *in = gk_jsonl_open(fx_path("c.jsonl"), &err);
    size_t n = 0;
    for (; gk_jsonl_next(in, &row, &err) > 0; n++) {
        ck_assert(json_equal(row, json_array_get(list, n)));
        check_line(row, &c.item[n]);
        json_decref(row);
    }
    gk_jsonl_close(in);
    ck_assert_uint_eq(n, 4);
    ck_assert_uint_eq(json_array_size(list), 4);
    json_decref(all);
    gk_report_options r = {.db = fx_path("r.db"), .out = fx_path("page.html")};
    ck_assert_msg(gk_report_write(&r, &err), "%s", err.what);
    const char *page = fx_read("page.html", NULL), *tex = fx_read("t.tex", NULL);
    double share = 100 * c.item[0].stats.diff, ahead = c.item[3].stats.diff;
    must_have(page, gk_arena_printf(
                        fx_arena,
                        "FE \u2212 PRE<small>&lt;why&gt;</small></td><td>top-5</td><td>%+.1f<small>[%+.1f, "
                        "%+.1f]</small></td><td>\u00b130</td><td>%s</td><td>%zu</td><td>30</td>",
                        share, 100 * c.item[0].stats.low, 100 * c.item[0].stats.high,
                        gk_verdict_key(c.item[0].verdict), c.item[0].stats.n));
    must_have(page, gk_arena_printf(fx_arena,
                                    "data-scheme=\"SFT&#10;FE\" data-template=\"pooled\" "
                                    "data-metric=\"logit_diff_difference\" data-value=\"%+.2f\"",
                                    ahead));
    ck_assert_ptr_null(strstr(page, "it was not planned ahead"));
    must_have(tex, "\\label{tab:small-contrasts}");
    must_have(tex, gk_arena_printf(fx_arena, "\nSFT $-$ FE & logits, nats & %zu & 30 & $%c$%.2f",
                                   c.item[3].stats.n, ahead < 0 ? '-' : '+', fabs(ahead)));
}
END_TEST

/* A store without plans, or of before there were any. */
START_TEST(without_a_plan_nothing_is_said) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    gk_error err = {0};
    fx_sweep(&o);
    for (int old = 0; old < 2; old++) {
        sqlite3 *db;
        ck_assert_int_eq(sqlite3_open(fx_path("r.db"), &db), SQLITE_OK);
        if (old) ck_assert_int_eq(sqlite3_exec(db, "DROP TABLE contrast", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        ck_assert_uint_eq(planned().n, 0);
        gk_store *s = gk_store_open(fx_path("r.db"), &err);
        ck_assert(gk_export_contrasts(s, fx_path("c.csv"), &err));
        const char *table = fx_read("c.csv", NULL);
        ck_assert(strncmp(table, "set,a,b,metric,", 15) == 0);
        ck_assert_str_eq(strchr(table, '\n'), "\n");
        gk_store_close(s);
        gk_report_options r = {.db = fx_path("r.db"), .out = fx_path("page.html")};
        ck_assert(gk_report_write(&r, &err));
        ck_assert_ptr_null(strstr(fx_read("page.html", NULL), "Planned contrasts"));
    }
    o = with_plan("  - [FE, PRE]\n", NULL); /* which completes its tables */
    ck_assert_uint_eq(fx_sweep(&o), 0);
    ck_assert_double_eq(count_planned("NOT ahead"), 2);
}
END_TEST

int main(void) {
    Suite *s = suite_create("planned");
    TCase *t = tcase_create("planned");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, students_t_is_scipys);
    tcase_add_test(t, signed_ranks_are_exact);
    tcase_add_test(t, facts_count_alike);
    tcase_add_test(t, metrics_are_not_mixed_up);
    tcase_add_test(t, shares_are_tested_exactly);
    tcase_add_test(t, what_says_nothing_is_no_number);
    suite_add_tcase(s, t);
    TCase *w = tcase_create("stores");
    tcase_set_timeout(w, 120);
    tcase_add_checked_fixture(w, fx_start, fx_stop);
    tcase_add_test(w, a_store_keeps_the_plan);
    tcase_add_test(w, a_plan_is_corrected_as_one);
    tcase_add_test(w, bad_plans_leave_nothing);
    tcase_add_test(w, contrasts_are_exported_and_shown);
    tcase_add_test(w, without_a_plan_nothing_is_said);
    suite_add_tcase(s, w);
    return run_suite(s);
}
