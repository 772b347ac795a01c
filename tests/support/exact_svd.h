/* exact_svd.h: singular values and truncations of small matrices by one-sided Jacobi, in double; matrices to
 * try. */
#ifndef GK_TESTS_EXACT_SVD_H
#define GK_TESTS_EXACT_SVD_H

#include "graftkit/core/memory.h"
#include "graftkit/core/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Turns pairs of columns of m [rows x columns] until every two are orthogonal: their lengths are the singular
 * values. turn [columns x columns] (may be NULL) is turned alike. */
static inline void jacobi(int rows, int columns, double *m, double *turn) {
    bool turned = true;
    for (int sweep = 0; turned && sweep < 60; sweep++) {
        turned = false;
        for (int p = 0; p < columns; p++)
            for (int q = p + 1; q < columns; q++) {
                double pp = 0, qq = 0, pq = 0;
                for (int r = 0; r < rows; r++) {
                    double x = m[r * columns + p], y = m[r * columns + q];
                    pp += x * x, qq += y * y, pq += x * y;
                }
                if (fabs(pq) <= 1e-13 * sqrt(pp * qq)) continue;
                turned = true;
                double z = (qq - pp) / (2 * pq), t = copysign(1, z) / (fabs(z) + sqrt(1 + z * z));
                double c = 1 / sqrt(1 + t * t), s = c * t;
                for (int r = 0; r < rows + (turn ? columns : 0); r++) {
                    double *v = r < rows ? m + r * columns : turn + (r - rows) * columns;
                    double x = v[p], y = v[q];
                    v[p] = c * x - s * y;
                    v[q] = s * x + c * y;
                }
            }
    }
}

static inline int exact_descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* All singular values, descending; those beyond min(rows, columns) are 0. `m` is destroyed. */
static inline void svd(int rows, int columns, double *m, double *sigma) {
    jacobi(rows, columns, m, NULL);
    for (int c = 0; c < columns; c++) {
        double sum = 0;
        for (int r = 0; r < rows; r++) sum += m[r * columns + c] * m[r * columns + c];
        sigma[c] = sqrt(sum);
    }
    qsort(sigma, (size_t)columns, sizeof *sigma, exact_descending);
}

/* m becomes the nearest matrix of that rank. */
static inline void truncate_matrix(int rows, int columns, double *m, int rank) {
    double *turn = gk_alloc((size_t)(columns * columns) * sizeof *turn);
    double *length = gk_alloc((size_t)columns * sizeof *length);
    double *out = gk_alloc((size_t)(rows * columns) * sizeof *out);
    for (int i = 0; i < columns; i++) turn[i * columns + i] = 1;
    jacobi(rows, columns, m, turn);
    for (int k = 0; k < columns; k++)
        for (int r = 0; r < rows; r++) length[k] += m[r * columns + k] * m[r * columns + k];
    for (int n = 0; n < rank && n < columns; n++) {
        int best = 0;
        for (int k = 1; k < columns; k++)
            if (length[k] > length[best]) best = k;
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++)
                out[r * columns + c] += m[r * columns + best] * turn[c * columns + best];
        length[best] = -1;
    }
    memcpy(m, out, (size_t)(rows * columns) * sizeof *m);
    gk_free(turn);
    gk_free(length);
    gk_free(out);
}

/* ---------------------------------------------------------------- matrices to try */

typedef struct matrix {
    int out, in;
    float *x;
} matrix;

static inline void read_matrix(const void *ctx, int first, int n, float *to) {
    const matrix *m = ctx;
    memcpy(to, m->x + (size_t)first * (size_t)m->in, (size_t)n * (size_t)m->in * sizeof *to);
}

/* Sum of `rank` random outer products, each `decay` times as large as the one before it. */
static inline matrix random_matrix(int out, int in, int rank, double decay) {
    matrix m = {out, in, gk_alloc((size_t)out * (size_t)in * sizeof(float))};
    gk_rng rng;
    gk_rng_seed(&rng, 5, "matrix");
    double size = 1, *u = gk_alloc((size_t)(out + in) * sizeof *u), *v = u + out;
    for (int r = 0; r < rank; r++, size *= decay) {
        for (int i = 0; i < out + in; i++) u[i] = gk_rng_normal(&rng);
        for (int i = 0; i < out; i++)
            for (int j = 0; j < in; j++) m.x[i * in + j] += (float)(size * u[i] * v[j]);
    }
    gk_free(u);
    return m;
}

#endif
