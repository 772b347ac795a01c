/* test_metrics.c: what one row of logits says, and cells with their intervals, against brute force. */
/* modules: eval core */
/* kernels: under each instruction set */
#include "graftkit/core/random.h"
#include "graftkit/core/threads.h"
#include "graftkit/eval/measure.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- one row of logits */

/* Coarse logits take few values, so that ties are everywhere. */
static void random_logits(gk_rng *r, float *x, int n, bool coarse) {
    for (int i = 0; i < n; i++) {
        double v = 4 * gk_rng_normal(r);
        x[i] = (float)(coarse ? floor(v) : v);
    }
}

typedef struct entry {
    float logit;
    int id;
} entry;

static int best_first(const void *a, const void *b) {
    const entry *x = a, *y = b;
    return x->logit != y->logit ? (x->logit < y->logit) - (x->logit > y->logit)
                                : (x->id > y->id) - (x->id < y->id);
}

/* Every id, by logit falling, then id rising. */
static entry *sorted(const float *x, int n) {
    entry *e = gk_alloc((size_t)n * sizeof *e);
    for (int i = 0; i < n; i++) e[i] = (entry){x[i], i};
    qsort(e, (size_t)n, sizeof *e, best_first);
    return e;
}

static void check_score(const float *x, int n, int target) {
    gk_score s;
    ck_assert(gk_score_logits(x, n, target, &s, NULL));
    long double sum = 0, above = 0;
    float other = -INFINITY;
    for (int i = 0; i < n; i++) {
        sum += expl((long double)x[i] - x[target]);
        above += x[i] > x[target];
        if (i != target && x[i] > other) other = x[i];
    }
    ck_assert_double_eq_tol(s.logprob, (double)-logl(sum), 1e-11);
    ck_assert_double_eq_tol(s.prob, (double)(1 / sum), 1e-12);
    ck_assert_int_eq(s.rank, (int64_t)above);
    ck_assert_double_eq(s.logit_diff, (double)x[target] - (double)other);
    for (int i = 0; i < n;
         i += 1 + n / 40) { /* what it says of others is what is said when they are asked for */
        gk_score own;
        gk_score_other said;
        ck_assert(gk_score_logits(x, n, i, &own, NULL) && gk_score_logits_other(x, n, target, &s, i, &said));
        ck_assert_double_eq_tol(said.logprob, own.logprob, 1e-11);
        ck_assert_double_eq(said.logit_diff, own.logit_diff);
        ck_assert_int_eq(said.rank, own.rank);
    }
    ck_assert_int_eq(s.n_top, n < GK_TOP ? n : GK_TOP);
    entry *best = sorted(x, n);
    for (int k = 0; k < s.n_top; k++) {
        ck_assert_int_eq(s.top_id[k], best[k].id);
        double p = (double)(expl((long double)best[k].logit - x[target]) / sum);
        ck_assert_double_eq_tol((double)s.top_prob[k], p, 1e-7);
    }
    gk_free(best);
}

START_TEST(scores_match_brute_force) {
    static const int size[] = {2, 3, 19, 20, 21, 300, 1024, 1025, 2500};
    gk_rng r;
    gk_rng_seed(&r, 1, "logits");
    float *x = gk_alloc(2500 * sizeof *x);
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        for (int round = 0; round < 12; round++) {
            random_logits(&r, x, size[i], round % 2);
            check_score(x, size[i], (int)gk_rng_below(&r, (uint64_t)size[i]));
        }
    gk_free(x);
}
END_TEST

START_TEST(ties_favour_the_target) {
    float x[4] = {2, 2, 2, 1};
    for (int t = 0; t < 3; t++) {
        gk_score s;
        ck_assert(gk_score_logits(x, 4, t, &s, NULL));
        ck_assert_int_eq(s.rank, 0);
        ck_assert_double_eq(s.logit_diff, 0);
        ck_assert_int_eq(s.top_id[0], 0);
    }
}
END_TEST

START_TEST(large_logits_do_not_overflow) {
    float x[3] = {30000, 29999, -30000};
    gk_score s;
    ck_assert(gk_score_logits(x, 3, 2, &s, NULL));
    ck_assert_double_eq_tol(s.logprob, -60000 - log1p(exp(-1)), 1e-9);
    ck_assert_double_eq(s.prob, 0);
}
END_TEST

START_TEST(logits_that_are_not_finite_are_refused) {
    static const float bad[] = {NAN, INFINITY};
    for (int b = 0; b < 2; b++)
        for (int at = 0; at < 2000; at += 333) {
            float x[2000] = {0};
            x[at] = bad[b];
            gk_score s;
            gk_error err;
            ck_assert(!gk_score_logits(x, 2000, 5, &s, &err));
            ck_assert_ptr_nonnull(strstr(err.what, "not finite"));
        }
    float masked[3] = {1, -INFINITY, 0};
    gk_score s;
    ck_assert(gk_score_logits(masked, 3, 0, &s, NULL)); /* a masked token is fine, unless it is the target */
    ck_assert_double_eq_tol(s.logprob, -log1p(exp(-1)), 1e-12);
    ck_assert(!gk_score_logits(masked, 3, 1, &s, NULL));
    ck_assert(!gk_score_logits(masked, 3, 3, &s, NULL));
    ck_assert(!gk_score_logits(masked, 3, -1, &s, NULL));
}
END_TEST

/* ---------------------------------------------------------------- cells */

/* n observations over n / per_row rows, ranks spread over the accuracies' limits; some have no whole target.
 */
static gk_obs *random_obs(uint64_t seed, size_t n, size_t per_row) {
    gk_rng r;
    gk_rng_seed(&r, seed, "observations");
    gk_obs *o = gk_alloc(n * sizeof *o);
    for (size_t i = 0; i < n; i++) {
        double rank = floor(exp(6 * gk_rng_uniform(&r)) - 1);
        o[i] = (gk_obs){.row = (uint32_t)(i / per_row), .weight = 1, .rank = rank};
        o[i].logprob = -rank / 50 - gk_rng_uniform(&r);
        o[i].prob = exp(o[i].logprob);
        o[i].logit_diff = gk_rng_normal(&r);
        o[i].whole = i % 7 != 5;
        o[i].exact = rank < 1 && i % 3;
        o[i].whole_logprob = o[i].logprob - gk_rng_uniform(&r);
    }
    return o;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double share_below(const gk_obs *o, size_t n, double limit) {
    double hits = 0;
    for (size_t i = 0; i < n; i++) hits += o[i].rank < limit;
    return hits / (double)n;
}

static double brute_median(const gk_obs *o, size_t n) {
    double *v = gk_alloc(n * sizeof *v);
    for (size_t i = 0; i < n; i++) v[i] = o[i].rank;
    qsort(v, n, sizeof *v, by_value);
    double m = (v[(n - 1) / 2] + v[n / 2]) / 2;
    gk_free(v);
    return m;
}

START_TEST(cell_values_match_brute_force) {
    for (size_t n = 1; n < 400; n += 37) {
        gk_obs *o = random_obs(n, n, 4);
        gk_stats s;
        gk_stats_compute(o, n, 1, 50, &s);
        ck_assert_uint_eq(s.n, n);
        ck_assert_double_eq_tol(s.value[GK_METRIC_top1], share_below(o, n, 1), 1e-12);
        ck_assert_double_eq_tol(s.value[GK_METRIC_top5], share_below(o, n, 5), 1e-12);
        ck_assert_double_eq_tol(s.value[GK_METRIC_top10], share_below(o, n, 10), 1e-12);
        ck_assert_double_eq_tol(s.value[GK_METRIC_top50], share_below(o, n, 50), 1e-12);
        ck_assert_double_eq_tol(s.value[GK_METRIC_top100], share_below(o, n, 100), 1e-12);
        double rank = 0, prob = 0, logprob = 0, diff = 0;
        for (size_t i = 0; i < n; i++) {
            rank += o[i].rank;
            prob += o[i].prob;
            logprob += o[i].logprob;
            diff += o[i].logit_diff;
        }
        ck_assert_double_eq_tol(s.value[GK_METRIC_mean_rank], rank / (double)n, 1e-9);
        ck_assert_double_eq_tol(s.value[GK_METRIC_mean_prob], prob / (double)n, 1e-12);
        ck_assert_double_eq_tol(s.value[GK_METRIC_mean_logprob], logprob / (double)n, 1e-12);
        ck_assert_double_eq_tol(s.value[GK_METRIC_logit_diff], diff / (double)n, 1e-12);
        ck_assert_double_eq(s.value[GK_METRIC_median_rank], brute_median(o, n));
        double whole = 0, exact = 0, sum = 0;
        for (size_t i = 0; i < n; i++) {
            if (!o[i].whole) continue;
            whole++;
            exact += o[i].exact;
            sum += o[i].whole_logprob;
        }
        ck_assert_uint_eq(s.n_whole, (size_t)whole);
        ck_assert_double_eq_tol(s.value[GK_METRIC_exact], exact / whole, 1e-12);
        ck_assert_double_eq_tol(s.value[GK_METRIC_whole_logprob], sum / whole, 1e-12);
        gk_free(o);
    }
}
END_TEST

/* Whole targets on one row alone: draws without it have no value, and do not spoil the interval. */
START_TEST(whole_targets_may_be_missing) {
    gk_obs *o = random_obs(4, 40, 2);
    for (size_t i = 0; i < 40; i++) o[i].whole = false;
    gk_stats s;
    gk_stats_compute(o, 40, 1, 200, &s);
    ck_assert_uint_eq(s.n_whole, 0);
    for (int m = 0; m < GK_N_METRICS; m++) {
        bool whole = m == GK_METRIC_exact || m == GK_METRIC_whole_logprob;
        ck_assert(isnan(s.value[m]) == whole && isnan(s.low[m]) == whole && isnan(s.high[m]) == whole);
    }
    o[6].whole = o[7].whole = true;
    o[6].exact = 1;
    o[7].exact = 0;
    gk_stats_compute(o, 40, 1, 200, &s);
    ck_assert_uint_eq(s.n_whole, 2);
    ck_assert_double_eq(s.value[GK_METRIC_exact], 0.5);
    ck_assert_double_eq_tol(s.low[GK_METRIC_exact], 0.5 - 0.5 * 0.975, 1e-12); /* one row says little */
    ck_assert_double_eq_tol(s.high[GK_METRIC_exact], 0.5 + 0.5 * 0.975, 1e-12);
    ck_assert(isfinite(s.value[GK_METRIC_whole_logprob]) && isnan(s.low[GK_METRIC_whole_logprob]));
    ck_assert(isfinite(s.low[GK_METRIC_mean_logprob]));
    gk_free(o);
}
END_TEST

START_TEST(an_empty_cell_is_nan) {
    gk_stats s;
    gk_stats_compute(NULL, 0, 1, 100, &s);
    ck_assert_uint_eq(s.n, 0);
    for (int m = 0; m < GK_N_METRICS; m++)
        ck_assert(isnan(s.value[m]) && isnan(s.low[m]) && isnan(s.high[m]));
}
END_TEST

START_TEST(intervals_are_deterministic_and_hold_the_value) {
    gk_obs *o = random_obs(3, 400, 4);
    gk_stats a, b, other;
    gk_stats_compute(o, 400, 9, GK_RESAMPLES, &a);
    gk_stats_compute(o, 400, 9, GK_RESAMPLES, &b);
    gk_stats_compute(o, 400, 10, GK_RESAMPLES, &other);
    ck_assert_mem_eq(&a, &b, sizeof a);
    bool moved = false;
    for (int m = 0; m < GK_N_METRICS; m++) {
        ck_assert_double_lt(a.low[m], a.high[m]);
        ck_assert_double_le(a.low[m], a.value[m]);
        ck_assert_double_le(a.value[m], a.high[m]);
        ck_assert_double_eq(a.value[m], other.value[m]);
        moved |= a.low[m] != other.low[m];
    }
    ck_assert(moved);
    gk_free(o);
}
END_TEST

/* Of shares the interval is Clopper and Pearson's; what has no bound keeps the bootstrap's. */
START_TEST(constant_data_are_not_certain) {
    gk_obs o[40];
    for (uint32_t i = 0; i < 40; i++)
        o[i] = (gk_obs){.row = i,
                        .weight = 1,
                        .rank = 7,
                        .logprob = -2,
                        .logit_diff = 0.5,
                        .whole = true,
                        .whole_logprob = -3};
    gk_stats s;
    gk_stats_compute(o, 40, 1, GK_RESAMPLES, &s);
    for (int m = GK_METRIC_mean_rank; m < GK_N_METRICS; m++) {
        ck_assert_double_eq(s.low[m], s.value[m]);
        ck_assert_double_eq(s.high[m], s.value[m]);
    }
    /* Of 40 trials none, or all (R: binom.test(0, 40)$conf.int). */
    ck_assert_double_eq(s.low[GK_METRIC_top5], 0);
    ck_assert_double_eq_tol(s.high[GK_METRIC_top5], 0.08809730, 1e-8);
    ck_assert_double_eq_tol(s.low[GK_METRIC_top10], 1 - 0.08809730, 1e-8);
    ck_assert_double_eq(s.high[GK_METRIC_top10], 1);
    ck_assert_double_eq(s.value[GK_METRIC_top5], 0);
    ck_assert_double_eq(s.value[GK_METRIC_top10], 1);
    ck_assert_double_eq(s.value[GK_METRIC_median_rank], 7);
}
END_TEST

/* Prompts of one row are one fact: four times the prompts say no more. Nor does it matter that half of each
 * row's prompts are right, where that is so in every row; and rows that weigh little count for little. */
START_TEST(exact_intervals_count_rows) {
    gk_obs o[40];
    gk_stats s;
    for (uint32_t i = 0; i < 40; i++) o[i] = (gk_obs){.row = i / 4, .weight = 1, .rank = i % 2 ? 0 : 7};
    gk_stats_compute(o, 40, 1, GK_RESAMPLES, &s);
    double u = 1 - pow(0.025, 0.1); /* 0.3085 */
    ck_assert_double_eq_tol(gk_unseen_share(10), u, 1e-15);
    ck_assert_double_eq_tol(s.high[GK_METRIC_top10], 1, 1e-15);
    ck_assert_double_eq_tol(s.low[GK_METRIC_top10], 1 - u, 1e-12);
    ck_assert_double_eq_tol(s.low[GK_METRIC_top1], 0.5 - 0.5 * u, 1e-12);
    ck_assert_double_eq_tol(s.high[GK_METRIC_top1], 0.5 + 0.5 * u, 1e-12);
    for (uint32_t i = 4; i < 40; i++) o[i].weight = 1e-9;
    gk_stats_compute(o, 40, 1, GK_RESAMPLES, &s);
    ck_assert_double_eq_tol(s.low[GK_METRIC_top10], 0.025, 1e-6);
    /* One row: a share may be anything, and of a mean nothing is known. */
    gk_stats_compute(o, 4, 1, GK_RESAMPLES, &s);
    ck_assert_double_eq_tol(s.low[GK_METRIC_top10], 0.025, 1e-12);
    ck_assert(isnan(s.low[GK_METRIC_mean_rank]) && isnan(s.high[GK_METRIC_mean_prob]));
    ck_assert_double_eq(s.value[GK_METRIC_mean_rank], 3.5);
    /* One row of ten that differs is the bootstrap's again. */
    for (uint32_t i = 0; i < 40; i++) o[i] = (gk_obs){.row = i / 4, .weight = 1, .rank = i ? 7 : 0};
    gk_stats_compute(o, 40, 1, GK_RESAMPLES, &s);
    ck_assert_double_eq(s.low[GK_METRIC_top5], 0);
    ck_assert_double_lt(s.high[GK_METRIC_top5], 0.11);
}
END_TEST

/* n rows with one observation each, a third of them hits: the interval's half width must be the binomial one.
 */
static double width_of_share(uint32_t n) {
    gk_obs *o = gk_alloc(n * sizeof *o);
    for (uint32_t i = 0; i < n; i++)
        o[i] = (gk_obs){.row = i, .weight = 1, .rank = i % 3 == 0 ? 0 : 1000, .logprob = -1};
    gk_stats s;
    gk_stats_compute(o, n, 4, GK_RESAMPLES, &s);
    gk_free(o);
    return (s.high[GK_METRIC_top1] - s.low[GK_METRIC_top1]) / 2;
}

START_TEST(intervals_have_the_binomial_width) {
    for (uint32_t n = 99; n <= 6336; n *= 4) {
        double expected = 1.96 * sqrt(2.0 / 9 / n);
        ck_assert_double_eq_tol(width_of_share(n), expected, 0.12 * expected);
    }
}
END_TEST

START_TEST(rows_are_drawn_not_prompts) {
    gk_obs *once = random_obs(5, 60, 1), *four = gk_alloc(240 * sizeof *four);
    for (int i = 0; i < 240; i++)
        four[i] = once[i / 4]; /* each row in four templates, always the same outcome */
    gk_stats a, b;
    gk_stats_compute(once, 60, 2, GK_RESAMPLES, &a);
    gk_stats_compute(four, 240, 2, GK_RESAMPLES, &b);
    for (int m = 0; m < GK_N_METRICS; m++) {
        ck_assert_double_eq_tol(a.low[m], b.low[m], 1e-9);
        ck_assert_double_eq_tol(a.high[m], b.high[m], 1e-9);
    }
    gk_free(once);
    gk_free(four);
}
END_TEST

START_TEST(a_weight_of_two_is_two_observations) {
    gk_obs *o = random_obs(6, 50, 1), *twice = gk_alloc(75 * sizeof *twice);
    size_t n = 0;
    for (int i = 0; i < 50; i++) {
        o[i].weight = i % 2 ? 1 : 2;
        for (int k = 0; k < (int)o[i].weight; k++) {
            twice[n] = o[i];
            twice[n++].weight = 1;
        }
    }
    gk_stats a, b;
    gk_stats_compute(o, 50, 2, GK_RESAMPLES, &a);
    gk_stats_compute(twice, n, 2, GK_RESAMPLES, &b);
    for (int m = 0; m < GK_N_METRICS; m++) {
        ck_assert_double_eq_tol(a.value[m], b.value[m], 1e-9);
        ck_assert_double_eq_tol(a.low[m], b.low[m], 1e-9);
        ck_assert_double_eq_tol(a.high[m], b.high[m], 1e-9);
    }
    gk_free(o);
    gk_free(twice);
}
END_TEST

START_TEST(many_cells_are_single_cells) {
    enum { CELLS = 9 };
    gk_obs_list list[CELLS];
    gk_stats all[CELLS], one;
    for (size_t i = 0; i < CELLS; i++) list[i] = (gk_obs_list){random_obs(i, 10 * i, 2), 10 * i};
    for (int threads = 1; threads <= 3; threads++) {
        gk_threads_set(threads);
        gk_stats_compute_all(list, CELLS, 7, 200, all);
        for (size_t i = 1; i < CELLS; i++) {
            gk_stats_compute(list[i].obs, list[i].n, 7, 200, &one);
            ck_assert_mem_eq(&all[i], &one, sizeof one);
        }
        ck_assert_uint_eq(all[0].n, 0);
    }
    for (size_t i = 0; i < CELLS; i++) gk_free((void *)(uintptr_t)list[i].obs);
}
END_TEST

/* Equal cells, some over as many rows, one of which holds what is no number, one of more rows than draws are
 * kept for. */
START_TEST(cells_that_are_alike_are_told_apart) {
    enum { CELLS = 7, N = 40, MANY = 30000 };
    gk_obs *o[CELLS];
    gk_obs_list list[CELLS];
    gk_stats all[CELLS], one;
    for (size_t i = 0; i < CELLS; i++) {
        size_t n = i == 6 ? MANY : N;
        o[i] = random_obs(i % 2 ? 3 : 4, n, 1); /* those of odd numbers are alike, and those of even ones */
        list[i] = (gk_obs_list){o[i], n};
    }
    o[3][7].logit_diff += 1e-9;
    o[4][9].logprob = -INFINITY;
    o[5][N - 1].row = o[5][0].row;
    gk_stats_compute_all(list, CELLS, 7, 200, all);
    for (size_t i = 0; i < CELLS; i++) {
        gk_stats_compute(list[i].obs, list[i].n, 7, 200, &one);
        ck_assert_mem_eq(&all[i], &one, sizeof one);
    }
    ck_assert_mem_eq(&all[0], &all[2], sizeof one);
    ck_assert_double_ne(all[1].value[GK_METRIC_logit_diff], all[3].value[GK_METRIC_logit_diff]);
    ck_assert_double_eq(all[4].value[GK_METRIC_mean_logprob], (double)-INFINITY);
    ck_assert_double_eq(all[4].value[GK_METRIC_logit_diff], all[0].value[GK_METRIC_logit_diff]);
    ck_assert_double_ne(all[5].low[GK_METRIC_top5], all[1].low[GK_METRIC_top5]);
    for (size_t i = 0; i < CELLS; i++) gk_free(o[i]);
}
END_TEST

START_TEST(metrics_have_their_keys) {
    static const char *const keys[] = {"top1",      "top5",         "top10",         "top50",
                                       "top100",    "exact",        "mean_rank",     "median_rank",
                                       "mean_prob", "mean_logprob", "whole_logprob", "logit_diff"};
    ck_assert_int_eq(GK_N_METRICS, sizeof keys / sizeof *keys);
    for (int m = 0; m < GK_N_METRICS; m++) {
        ck_assert_str_eq(gk_metric_key((gk_metric)m), keys[m]);
        ck_assert_uint_gt(strlen(gk_metric_about((gk_metric)m)), 20);
    }
}
END_TEST

START_TEST(recovery_is_a_ratio_with_an_interval_over_rows) {
    gk_obs low[40], high[40], half[40];
    for (uint32_t i = 0; i < 40; i++) {
        low[i] = (gk_obs){.row = i / 2, .weight = 1, .rank = 9};
        high[i] = half[i] = low[i];
        high[i].rank = 0;
        half[i].rank = i < 20 ? 0 : 9;
    }
    gk_recovered r;
    gk_recovery(low, high, half, 40, GK_METRIC_top5, 1, GK_RESAMPLES, &r);
    ck_assert_double_eq(r.value, 0.5);
    ck_assert_int_eq(r.undefined, 0);
    gk_stats s; /* the same draws, and the ends do not vary: the interval is the accuracy's */
    gk_stats_compute(half, 40, 1, GK_RESAMPLES, &s);
    ck_assert_double_eq(r.low, s.low[GK_METRIC_top5]);
    ck_assert_double_eq(r.high, s.high[GK_METRIC_top5]);
    gk_recovery(low, high, low, 40, GK_METRIC_top5, 1, GK_RESAMPLES, &r);
    double u = 1 - pow(0.025, 1 / 20.0); /* 20 rows, none of which the graft changed */
    ck_assert_double_eq_tol(r.low, -u, 1e-12);
    ck_assert_double_eq_tol(r.high, u, 1e-12);
    for (uint32_t i = 0; i < 40; i++) low[i].rank = i < 20 ? 0 : 9; /* half the way */
    gk_recovery(low, high, high, 40, GK_METRIC_top5, 1, GK_RESAMPLES, &r);
    ck_assert_double_eq_tol(r.low, 1 - 2 * u, 1e-12);
    gk_recovery(low, low, half, 40, GK_METRIC_top5, 1, GK_RESAMPLES, &r);
    ck_assert(isnan(r.value) && isnan(r.low));
    ck_assert_int_eq(r.undefined, GK_RESAMPLES);
}
END_TEST

int main(void) {
    Suite *s = suite_create("metrics");
    TCase *t = tcase_create("score");
    tcase_add_test(t, scores_match_brute_force);
    tcase_add_test(t, ties_favour_the_target);
    tcase_add_test(t, large_logits_do_not_overflow);
    tcase_add_test(t, logits_that_are_not_finite_are_refused);
    suite_add_tcase(s, t);
    t = tcase_create("cells");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, cell_values_match_brute_force);
    tcase_add_test(t, whole_targets_may_be_missing);
    tcase_add_test(t, an_empty_cell_is_nan);
    tcase_add_test(t, intervals_are_deterministic_and_hold_the_value);
    tcase_add_test(t, constant_data_are_not_certain);
    tcase_add_test(t, exact_intervals_count_rows);
    tcase_add_test(t, intervals_have_the_binomial_width);
    tcase_add_test(t, rows_are_drawn_not_prompts);
    tcase_add_test(t, a_weight_of_two_is_two_observations);
    tcase_add_test(t, many_cells_are_single_cells);
    tcase_add_test(t, cells_that_are_alike_are_told_apart);
    tcase_add_test(t, metrics_have_their_keys);
    tcase_add_test(t, recovery_is_a_ratio_with_an_interval_over_rows);
    suite_add_tcase(s, t);
    return run_suite(s);
}
