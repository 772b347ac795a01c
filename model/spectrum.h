/* spectrum.h: the largest singular values of a matrix that need not exist in memory. Internal to model/. */
#ifndef GK_MODEL_SPECTRUM_H
#define GK_MODEL_SPECTRUM_H

#include "model/model.h"

/* A matrix [out x in] by its rows: writes rows [first, first + n) to `to` [n x in]. Called from one thread.
 */
typedef struct gk__rows {
    int out, in;
    void (*read)(const void *ctx, int first, int n, float *to);
    const void *ctx;
} gk__rows;

enum { GK__MOST_PASSES = 12 };
/* Called before each reading of the whole matrix; `passes` are behind, at most GK__MOST_PASSES in all. */
typedef void gk__pass_fn(void *ctx, int passes);

/* The `k` largest singular values (k <= out, in), descending, by randomised subspace iteration: the matrix is
 * read a few times in blocks of rows, and memory is a few blocks and (k + 16) x `in` floats. Entries should
 * be around 1 in size. The values come from below and stop when another reading changes their squares' sum by
 * less than 1e-4 of it; the same seed gives the same. False when gk_interrupted(). */
bool gk__spectrum(const gk__rows *m, int k, uint64_t seed, gk__pass_fn *pass, void *ctx, double *sigma);

/* Eigenvalues [n] and eigenvectors [n x n] (row i belongs to value i) of a symmetric matrix [n x n], which is
 * destroyed; descending. */
void gk__eigen(int n, double *matrix, double *value, double *vector);

#endif
