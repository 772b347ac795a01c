/* statistics.h (eval/measure): how alike a fact's results are, whether single grafts add up, what other seeds
 * would give. Everything here is a function of its arguments: from any thread, nothing is kept.
 *
 * Example:
 *     const gk_obs first[] = {{0, 1, 0, 0, 0, 2.5, false, 0, 0}};
 *     const gk_obs second[] = {{0, 1, 7, 0, 0, -1.5, false, 0, 0}};
 *     const gk_obs_list seeds[] = {{first, 1}, {second, 1}};
 *     gk_replicates x;
 *     gk_replicates_of(seeds, 2, GK_METRIC_logit_diff, 1, GK_RESAMPLES, &x);
 *     printf("%.2f, SD %.2f, [%.2f, %.2f]\n", x.mean, x.sd, x.t_low, x.t_high);
 *     return x.seeds == 2;
 */
#ifndef GRAFTKIT_EVAL_STATISTICS_H
#define GRAFTKIT_EVAL_STATISTICS_H

#include "graftkit/eval/measure.h"

GK_PUBLIC_BEGIN

/* The intraclass correlation of n observations in rows, ICC(1), by a one-way analysis of variance with random
 * rows: with N observations x of a rows, k_i of them in row i,
 *     MSB = sum_i k_i (mean_i - mean)^2 / (a - 1)    MSW = sum_i sum_j (x_ij - mean_i)^2 / (N - a)
 *     k0 = (N - sum_i k_i^2 / N) / (a - 1)           ICC = (MSB - MSW) / (MSB + (k0 - 1) MSW)
 * 1: the observations of a row are the same; 0: no more alike than those of different rows. Weights do not
 * count. NaN where there is one row, no row with several observations, or no difference at all. */
double gk_icc(const gk_obs *obs, size_t n, gk_metric metric); /* one that is a mean; NaN of the median */

/* Whether what two grafts do alone adds up to what both do: shares of the way from `low` to `high` (as in
 * gk_recovery), `sum` = share(first) + share(second), `additive` = sum / share(both). The intervals of these
 * two draw the same rows for all five; draws in which `high` is not above `low`, or `both`, are left out. */
typedef struct gk_additive {
    gk_recovered first, second, both, sum, additive;
    size_t n, rows;
} gk_additive;
typedef struct gk_additive_obs { /* n observations each, of the same prompts in the same order */
    const gk_obs *low, *high, *first, *second, *both;
} gk_additive_obs;
void gk_additive_of(const gk_additive_obs *o, size_t n, gk_metric metric, uint64_t seed, int resamples,
                    gk_additive *out); /* a metric that is a mean over all prompts, as below */

/* The same measurement with other seeds. `mean` is that of the seeds' means (of all prompts of a seed), `sd`
 * their standard deviation (over seeds - 1), t_low and t_high are mean -+ t sd / sqrt(seeds), t the 97.5%
 * point of Student's distribution with seeds - 1 degrees of freedom: what other seeds would give. low and
 * high are of a hierarchical bootstrap: each resample draws as many seeds with replacement, and within each
 * that it draws the rows of that seed with replacement, and takes the mean of the means. NaN where there is
 * one seed, or where no two means, no two resamples differ: then nothing was seen to vary. A share's t
 * interval may leave [0, 1]. */
typedef struct gk_replicates {
    double mean, sd, t_low, t_high, low, high;
    size_t seeds; /* with observations */
} gk_replicates;
/* list[i]: the observations of seed i. The generator's stream is "seeds". */
void gk_replicates_of(const gk_obs_list *list, size_t n, gk_metric metric, uint64_t seed, int resamples,
                      gk_replicates *out);

GK_PUBLIC_END

#endif
