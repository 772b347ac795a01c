/* gemm_rows.c: y = x W^T for a handful of rows: the product is bound by reading W, so W is read once, as it
 * lies. */
#include "model/gemm.h"

#define LANES 16

/* One row of W against up to GK__FEW_ROWS rows of x. Partial sums by lane keep the loop a plain vector one.
 */
static void dots(int m, int k, const float *restrict w, const float *restrict a, int lda,
                 float *restrict out) {
    float sum[GK__FEW_ROWS][LANES] = {{0}};
    int j = 0;
    for (; j + LANES <= k; j += LANES)
        for (int r = 0; r < m; r++)
            for (int l = 0; l < LANES; l++) sum[r][l] += w[j + l] * a[(ptrdiff_t)r * lda + j + l];
    for (int r = 0; r < m; r++) {
        float tail = 0;
        for (int t = j; t < k; t++) tail += w[t] * a[(ptrdiff_t)r * lda + t];
        for (int step = LANES / 2; step > 0; step /= 2)
            for (int l = 0; l < step; l++) sum[r][l] += sum[r][l + step];
        out[r] = sum[r][0] + tail;
    }
}

/* The number of rows as a constant lets the compiler keep the sums in registers. */
static void dots_of(int m, int k, const float *w, const float *a, int lda, float *out) {
    switch (m) {
    case 1:
        dots(1, k, w, a, lda, out);
        break;
    case 2:
        dots(2, k, w, a, lda, out);
        break;
    case 3:
        dots(3, k, w, a, lda, out);
        break;
    default:
        dots(m, k, w, a, lda, out);
        break;
    }
}

void gk__few_rows(const gk__product *p) {
    for (int r = 0; r < p->m; r += GK__FEW_ROWS) {
        int rows = p->m - r < GK__FEW_ROWS ? p->m - r : GK__FEW_ROWS;
        const float *a = p->a + (ptrdiff_t)r * p->lda;
        for (int i = 0; i < p->n; i++) {
            float out[GK__FEW_ROWS];
            dots_of(rows, p->k, p->b + (ptrdiff_t)i * p->ldb, a, p->lda, out);
            for (int s = 0; s < rows; s++) {
                float *c = p->c + (ptrdiff_t)(r + s) * p->ldc + i;
                *c = out[s] + (p->beta != 0 ? p->beta * *c : 0);
            }
        }
    }
}
