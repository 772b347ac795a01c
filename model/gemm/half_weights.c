/* half_weights.c: y = x W^T with weights that are stored as 16-bit floats or in blocks: exact floats made of
 * a few rows of W at a time, in cache, which the fp32 kernels then read. What is read from memory is what is
 * stored. */
#include "graftkit/core/memory.h"
#include "graftkit/core/threads.h"
#include "model/gemm/kernels.h"

#define BLOCK_ROWS 64 /* rows of W widened at a time for many rows of x, */
#define FEW_BLOCK 12  /* and for few: whole tiles of few_rows.c */

typedef struct half_job {
    gk_tensor w;
    int m, lda, ldc;
    const float *a;
    float beta, *c;
} half_job;

static void range(void *ctx, size_t begin, size_t end) {
    const half_job *j = ctx;
    size_t in = (size_t)j->w.in, block = j->m <= GK_GEMM__FEW_ROWS ? FEW_BLOCK : BLOCK_ROWS;
    float *rows = gk_alloc(block * in * sizeof *rows);
    for (size_t r = begin; r < end; r += block) {
        size_t n = end - r < block ? end - r : block;
        gk_tensor_floats(j->w, r * in, n * in, rows);
        gk_gemm__product p = {.kind = GK_GEMM_NT,
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
        gk_gemm__run(&p, GK_GEMM__BY_CHOICE);
    }
    gk_free(rows);
}

void gk_gemm__half(int m, gk_tensor w, const float *a, int lda, float beta, float *c, int ldc) {
    gk_gemm_init();
    half_job j = {.w = w, .m = m, .lda = lda, .ldc = ldc, .a = a, .beta = beta, .c = c};
    size_t out = (size_t)w.out, pieces = 2 * (size_t)gk_threads();
    size_t grain = (out / pieces / BLOCK_ROWS + 1) * BLOCK_ROWS;
    gk_parallel_for(out, grain, range, &j);
}
