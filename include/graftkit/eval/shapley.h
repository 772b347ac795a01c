/* shapley.h (eval/measure): what each part of a game is worth, alone and in pairs, and means over facts of
 * many columns with their intervals.
 *
 * A game of n parts is the worth of each of their coalitions: v[2^n], bit i of a number saying whether part i
 * is in it. docs/attribution.md has the definitions.
 *
 * Example:
 *     const double both_needed[] = {0, 0, 0, 1};
 *     double value[2], pair[4];
 *     gk_shapley(both_needed, 2, value);
 *     gk_shapley_pairs(both_needed, 2, pair);
 *     return value[0] == 0.5 && value[1] == 0.5 && pair[1] == 1;
 */
#ifndef GRAFTKIT_EVAL_SHAPLEY_H
#define GRAFTKIT_EVAL_SHAPLEY_H

#include "graftkit/core/error.h"

GK_PUBLIC_BEGIN

enum { GK_MOST_SHAPLEY = 16 };
/* value[n]: a part's mean contribution, over the orders in which parts may join. They sum to v[2^n - 1] -
 * v[0]. 1 <= n <= GK_MOST_SHAPLEY. Thread-safe, as all here. */
void gk_shapley(const double *v, int n, double *value);
/* pair[n * n], symmetric: the Shapley interaction index (Grabisch and Roubens), a mean of v(S+i+j) - v(S+i) -
 * v(S+j) + v(S) over the coalitions S without the two, with weight |S|! (n-|S|-2)! / (n-1)!. Above 0: the two
 * are worth more together than one by one; below: what one brings the other brings, too. NaN for i = j. */
void gk_shapley_pairs(const double *v, int n, double *pair);

/* A column of numbers, one an observation, is of this range; infinite where it has no ends. */
typedef struct gk_range {
    double low, high;
} gk_range;
typedef struct gk_mean {
    double value, low, high;
} gk_mean;
/* The mean of each of `columns` columns of x[n x columns] and its 95% percentile bootstrap interval over
 * rows: observation i is of row[i]; a row is drawn with all its observations, by the same draws as in
 * gk_stats_compute, whose rules hold where a bootstrap says nothing: a column whose rows all have the same
 * mean x has [x - u (x - range.low), x + u (range.high - x)], u being gk_unseen_share, where its range has
 * ends; and of one row alone there is no other interval (NaN). n = 0: every number is NaN. */
void gk_means_compute(const double *x, const uint32_t *row, size_t n, size_t columns, const gk_range *range,
                      uint64_t seed, int resamples, gk_mean *out);

GK_PUBLIC_END

#endif
