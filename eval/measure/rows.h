/* rows.h: what an observation counts in a metric, and which fact it is of. Internal to eval/measure. */
#ifndef GK_EVAL_MEASURE_ROWS_H
#define GK_EVAL_MEASURE_ROWS_H

#include "graftkit/eval/measure.h"

/* What the metric is the mean of; NaN for median_rank, and for metrics of the whole target where the
 * observation has none. */
double gk_measure__value(const gk_obs *o, gk_metric m);

/* Rows are numbered in the order in which they first appear, everywhere: the bootstrap's draws are of these
 * numbers. of[i], for i < n, is that of row[i * step]; returns how many rows there are. */
size_t gk_measure__number_rows(const uint32_t *row, size_t step, size_t n, uint32_t *of);
/* Of observations, as a new array; gk_free. */
uint32_t *gk_measure__rows_of(const gk_obs *obs, size_t n, size_t *rows);

#endif
