/* test_replicates.c: the same measurement with several seeds: Student's t, the hierarchical bootstrap,
 * against their definitions. */
/* modules: eval core */
#include "graftkit/core/random.h"
#include "graftkit/eval/statistics.h"
#include "tests/support/scratch.h"

#include <math.h>

/* Points of Student's distribution as tables have them (to twelve digits from scipy.stats.t.ppf). */
START_TEST(t_is_the_tables) {
    static const struct {
        double share;
        size_t df;
        double t;
    } want[] = {{0.95, 1, 12.7062047361747},   {0.95, 2, 4.30265272974946},
                {0.95, 3, 3.18244630528371},   {0.95, 4, 2.77644510519779},
                {0.95, 9, 2.26215716279821},   {0.95, 30, 2.04227245630124},
                {0.99, 4, 4.60409487135},      {0.5, 1, 1},
                {0.95, 1000, 1.96233908082641}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        ck_assert_double_eq_tol(gk_student_value((1 - want[i].share) / 2, (double)want[i].df), want[i].t,
                                1e-11 * want[i].t + 1e-12);
    ck_assert(isnan(gk_student_value(0.025, 0)));
}
END_TEST

enum { SEEDS = 4, FACTS = 15, EACH = 3, PROMPTS = FACTS * EACH };

START_TEST(seeds_then_facts_are_drawn) {
    gk_obs obs[SEEDS][PROMPTS];
    gk_obs_list list[SEEDS];
    gk_rng rng;
    gk_rng_seed(&rng, 3, "replicates");
    for (int s = 0; s < SEEDS; s++) {
        size_t n = s == 1 ? PROMPTS - FACTS : PROMPTS; /* one has fewer prompts a fact */
        for (size_t i = 0; i < n; i++)
            obs[s][i] = (gk_obs){.row = (uint32_t)(i % FACTS) + 2,
                                 .weight = 1,
                                 .rank = gk_rng_uniform(&rng) < 0.2 + 0.15 * s ? 2 : 7,
                                 .logit_diff = s + gk_rng_normal(&rng)};
        list[s] = (gk_obs_list){obs[s], n};
    }
    static const gk_metric metrics[] = {GK_METRIC_top5, GK_METRIC_logit_diff, GK_METRIC_mean_rank};
    for (int k = 0; k < 3; k++) {
        gk_metric m = metrics[k];
        gk_replicates x;
        gk_replicates_of(list, SEEDS, m, 11, GK_RESAMPLES, &x);
        double mean[SEEDS], all = 0, squares = 0, draw[GK_RESAMPLES], low, high;
        for (int s = 0; s < SEEDS; s++) {
            gk_stats one;
            gk_stats_compute(list[s].obs, list[s].n, 1, 0, &one);
            mean[s] = one.value[m];
            all += mean[s] / SEEDS;
        }
        for (int s = 0; s < SEEDS; s++) squares += (mean[s] - all) * (mean[s] - all);
        double sd = sqrt(squares / (SEEDS - 1));
        ck_assert_uint_eq(x.seeds, SEEDS);
        ck_assert_double_eq_tol(x.mean, all, 1e-12);
        ck_assert_double_eq_tol(x.sd, sd, 1e-12);
        ck_assert_double_eq_tol(x.t_high - all, 3.18244630528371 * sd / 2, 1e-9);
        ck_assert_double_eq_tol(all - x.t_low, 3.18244630528371 * sd / 2, 1e-9);
        gk_rng_seed(&rng, 11, "seeds");
        for (int b = 0; b < GK_RESAMPLES; b++) {
            draw[b] = 0;
            for (int i = 0; i < SEEDS; i++) {
                size_t s = gk_rng_below(&rng, SEEDS);
                double sum = 0, n = 0;
                for (int f = 0; f < FACTS; f++)
                    for (size_t at = gk_rng_below(&rng, FACTS); at < list[s].n; at += FACTS, n++)
                        sum += m == GK_METRIC_top5        ? obs[s][at].rank < 5
                               : m == GK_METRIC_mean_rank ? obs[s][at].rank
                                                          : obs[s][at].logit_diff;
                draw[b] += sum / n / SEEDS;
            }
        }
        gk_percentile_ends(draw, GK_RESAMPLES, &low, &high);
        ck_assert_double_eq_tol(x.low, low, 1e-12);
        ck_assert_double_eq_tol(x.high, high, 1e-12);
    }
}
END_TEST

START_TEST(where_nothing_varies_there_is_no_interval) {
    gk_obs right[4], none = {.row = 0};
    for (uint32_t i = 0; i < 4; i++) right[i] = (gk_obs){.row = i, .weight = 1, .logit_diff = 2};
    const gk_obs_list same[] = {{right, 4}, {right, 4}, {&none, 0}};
    gk_replicates x;
    gk_replicates_of(same, 3, GK_METRIC_top5, 1, GK_RESAMPLES, &x);
    ck_assert_uint_eq(x.seeds, 2); /* one has no prompt */
    ck_assert_double_eq(x.mean, 1);
    ck_assert_double_eq(x.sd, 0);
    ck_assert(isnan(x.t_low) && isnan(x.t_high) && isnan(x.low) && isnan(x.high));
    gk_replicates_of(same, 1, GK_METRIC_top5, 1, GK_RESAMPLES, &x);
    ck_assert(x.mean == 1 && isnan(x.sd) && isnan(x.t_low) && isnan(x.low));
    gk_replicates_of(same, 0, GK_METRIC_top5, 1, GK_RESAMPLES, &x);
    ck_assert(isnan(x.mean) && x.seeds == 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("replicates");
    TCase *t = tcase_create("replicates");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, t_is_the_tables);
    tcase_add_test(t, seeds_then_facts_are_drawn);
    tcase_add_test(t, where_nothing_varies_there_is_no_interval);
    suite_add_tcase(s, t);
    return run_suite(s);
}
