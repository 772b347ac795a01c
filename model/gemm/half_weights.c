/* half_weights.c: y = x W^T with 16-bit weights: exact floats made of a few rows of W at a time, in cache,
 * which the fp32 kernels then read. What is read from memory is the 16 bits. */
#include "graftkit/core/memory.h"
#include "graftkit/core/threads.h"
#include "model/gemm/kernels.h"

#define BLOCK_ROWS 64 /* rows of W widened at a time for many rows of x, */
#define FEW_BLOCK 12  /* and for few: whole tiles of few_rows.c */
#define LANES 32

typedef struct half_job {
    gk_tensor w;
    int m, lda, ldc;
    const float *a;
    float beta, *c;
} half_job;

/* A bf16 row against one row of x: widening is a shift, so the row need not be written anywhere. */
static float dot_bf16(const uint16_t *restrict w, const float *restrict x, int k) {
    float sum[LANES] = {0}, tail = 0;
    int i = 0;
    for (; i + LANES <= k; i += LANES)
        for (int l = 0; l < LANES; l++) sum[l] += gk_half__bf16_widen(w[i + l]) * x[i + l];
    for (; i < k; i++) tail += gk_half__bf16_widen(w[i]) * x[i];
    for (int step = LANES / 2; step > 0; step /= 2)
        for (int l = 0; l < step; l++) sum[l] += sum[l + step];
    return sum[0] + tail;
}

static void one_row(const half_job *j, size_t begin, size_t end) {
    for (size_t r = begin; r < end; r++) {
        float y = dot_bf16(j->w.h + r * (size_t)j->w.in, j->a, j->w.in);
        j->c[r] = y + (j->beta != 0 ? j->beta * j->c[r] : 0);
    }
}

static void range(void *ctx, size_t begin, size_t end) {
    const half_job *j = ctx;
    if (j->m == 1 && j->w.type == GK_BF16) {
        one_row(j, begin, end);
        return;
    }
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
