/* gemm_half.c: y = x W^T with 16-bit weights: exact floats made of a few rows of W at a time, in cache, which
 * the fp32 kernels then read. What is read from memory is the 16 bits. */
#include "model/gemm.h"
#include "model/half.h"

#define BLOCK_ROWS 64 /* rows of W widened at a time for many rows of x */

typedef struct half_job {
    gk_tensor w;
    int m, lda, ldc;
    const float *a;
    float beta, *c;
} half_job;

static void range(void *ctx, size_t begin, size_t end) {
    const half_job *j = ctx;
    size_t in = (size_t)j->w.in, block = j->m <= GK__FEW_ROWS ? 1 : BLOCK_ROWS;
    float *rows = gk_alloc(block * in * sizeof *rows);
    for (size_t r = begin; r < end; r += block) {
        size_t n = end - r < block ? end - r : block;
        gk_tensor_floats(j->w, r * in, n * in, rows);
        gk__product p = {.kind = GK_GEMM_NT,
                         .m = j->m,
                         .n = (int)n,
                         .k = j->w.in,
                         .lda = j->lda,
                         .ldb = j->w.in,
                         .ldc = j->ldc,
                         .a = j->a,
                         .b = rows,
                         .c = j->c + r,
                         .beta = j->beta};
        gk__product_run(&p, GK__BY_CHOICE);
    }
    gk_free(rows);
}

void gk__gemm_half(int m, gk_tensor w, const float *a, int lda, float beta, float *c, int ldc) {
    gk_gemm_init();
    half_job j = {.w = w, .m = m, .lda = lda, .ldc = ldc, .a = a, .beta = beta, .c = c};
    size_t out = (size_t)w.out, pieces = 2 * (size_t)gk_threads();
    size_t grain = (out / pieces / BLOCK_ROWS + 1) * BLOCK_ROWS;
    gk_parallel_for(out, grain, range, &j);
}
