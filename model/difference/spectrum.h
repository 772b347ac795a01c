/* spectrum.h: the largest singular values of a matrix that need not exist in memory. Internal to model/. */
#ifndef GK_MODEL_SPECTRUM_H
#define GK_MODEL_SPECTRUM_H

#include "graftkit/model/weights.h"

/* A matrix [out x in] by its rows: writes rows [first, first + n) to `to` [n x in]. Called from one thread.
 */
typedef struct gk_spectrum__matrix {
    int out, in;
    void (*read)(const void *ctx, int first, int n, float *to);
    const void *ctx;
} gk_spectrum__matrix;

enum { GK_SPECTRUM__MOST_PASSES = 12 };
/* Called before each reading of the whole matrix; `passes` are behind, at most GK_SPECTRUM__MOST_PASSES in
 * all. */
typedef void gk_spectrum__pass_fn(void *ctx, int passes);

/* The `k` largest singular values (k <= out, in), descending, by randomised subspace iteration: the matrix is
 * read a few times in blocks of rows, and memory is a few blocks and (k + 16) x `in` floats. Entries should
 * be around 1 in size. The values come from below and stop when another reading changes their squares' sum by
 * less than 1e-4 of it; the same seed gives the same. False when gk_interrupted(). */
bool gk_spectrum__values(const gk_spectrum__matrix *m, int k, uint64_t seed, gk_spectrum__pass_fn *pass,
                         void *ctx, double *sigma);

enum { GK_SPECTRUM__MOST_DIRECTION_PASSES = 24 };
/* The same iteration for factors: right [k x in] has the k leading right singular vectors in its rows, left
 * [out x k] is the matrix times them, so that left x right is the matrix in these directions, and the first r
 * columns and rows are it in the first r. Stops when another reading changes the sum of squares that they
 * hold by less than 1e-6 of it (or after GK_SPECTRUM__MOST_DIRECTION_PASSES). */
bool gk_spectrum__directions(const gk_spectrum__matrix *m, int k, uint64_t seed, float *right, float *left);

/* B - A by rows, for gk_spectrum__matrix.read with a gk_diff__delta as its ctx; delta.c. */
typedef struct gk_diff__delta {
    gk_tensor a, b;
    double scale; /* of what is read */
} gk_diff__delta;
void gk_diff__delta_read(const void *delta, int first, int n, float *to);

/* Eigenvalues [n] and eigenvectors [n x n] (row i belongs to value i) of a symmetric matrix [n x n], which is
 * destroyed; descending. */
void gk_spectrum__eigen(int n, double *matrix, double *value, double *vector);

#endif
