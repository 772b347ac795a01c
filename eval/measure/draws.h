/* draws.h: the bootstrap's draws, what is summed over them, and what stands in where they say nothing. They
 * follow from the seed and the number of rows alone, so that all that is computed over as many rows shares
 * them. Shared with eval/store, which holds them around many. */
#ifndef GK_EVAL_MEASURE_DRAWS_H
#define GK_EVAL_MEASURE_DRAWS_H

#include "graftkit/core/random.h"

/* The process's draws of a seed: whoever computes holds them meanwhile, and who computes several things holds
 * them around all, so that they are drawn once. From any thread. */
typedef struct gk_measure__draws gk_measure__draws;
gk_measure__draws *gk_measure__draws_hold(uint64_t seed, size_t resamples);
void gk_measure__draws_let_go(gk_measure__draws *d);

/* A walk through the resamples of so many rows, eight side by side. times[row][lane]: how often the row was
 * drawn in resample `at` + lane; `n` of the lanes are resamples. */
enum { GK_MEASURE__LANES = 8 };
typedef struct gk_measure__walk {
    const uint16_t *times;
    size_t at, n;
    /* The rest is draws.c's. */
    size_t rows, resamples;
    const uint16_t *kept;
    uint16_t *own;
    gk_rng rng;
} gk_measure__walk;
void gk_measure__walk_begin(gk_measure__walk *w, gk_measure__draws *d, size_t rows);
bool gk_measure__walk_next(gk_measure__walk *w);
void gk_measure__walk_end(gk_measure__walk *w);

/* sums[column][lane]: of x [rows][columns], each row as often as it was drawn, added in the order of the
 * rows. A row that was not drawn adds nothing, whatever it holds. */
void gk_measure__walk_sums(const gk_measure__walk *w, const double *x, size_t columns, bool finite,
                           double *sums);
/* The same for all resamples: sums[column][resample]. */
void gk_measure__draw_sums(gk_measure__draws *d, const double *x, size_t rows, size_t columns, double *sums);

/* walk_sums of finite numbers; a kernel (eval/measure/kernels.h). */
void gk_measure__sum_lanes(const uint16_t *times, const double *x, size_t rows, size_t columns, double *sums);

/* The interval of a difference of shares where all rows differ alike: of those that were not seen, a share u
 * may differ the one way or the other (paired.c). */
void gk_measure__alike_interval(double diff, double u, double *low, double *high);

#endif
