/* draws.h: the bootstrap's draws, and what stands in where they say nothing. They follow from the seed and
 * the number of rows alone, so that all cells over as many rows share them. Internal to eval/measure. */
#ifndef GK_EVAL_MEASURE_DRAWS_H
#define GK_EVAL_MEASURE_DRAWS_H

#include "graftkit/core/random.h"

typedef struct gk_measure__draws gk_measure__draws;

gk_measure__draws *gk_measure__draws_new(uint64_t seed, size_t resamples);
/* [resamples][rows]: how often each row was drawn. Made when first asked for, from any thread; owned by `d`.
 * NULL where they are too many to be kept: gk_measure__draws_next then. */
const uint32_t *gk_measure__draws_of(gk_measure__draws *d, size_t rows);
/* The next resample of rows: times[rows]. */
void gk_measure__draws_next(gk_rng *rng, size_t rows, uint32_t *times);
/* The generator that the first resample comes from. */
void gk_measure__draws_seed(gk_rng *rng, uint64_t seed);
void gk_measure__draws_free(gk_measure__draws *d);

/* The interval of a difference of shares where all rows differ alike: of those that were not seen, a share u
 * may differ the one way or the other (paired.c). */
void gk_measure__alike_interval(double diff, double u, double *low, double *high);

#endif
