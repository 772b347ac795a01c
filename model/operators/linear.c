/* linear.c: linear layers and low-rank ones, and the gradients through a linear layer. */
#include "graftkit/core/threads.h"
#include "model/gemm/scratch.h"
#include "model/operators/kernels.h"

#include <string.h>

typedef struct columns_job {
    int width, n, ld;
    const float *bias, *y;
    float *x, *sum;
} columns_job;

static void set_rows(void *ctx, size_t begin, size_t end) {
    const columns_job *j = ctx;
    for (size_t r = begin; r < end; r++)
        memcpy(j->x + (ptrdiff_t)r * j->ld, j->bias, (size_t)j->width * sizeof(float));
}

static void sum_columns(void *ctx, size_t begin, size_t end) {
    const columns_job *j = ctx;
    float *restrict sum = j->sum;
    for (int r = 0; r < j->n; r++) {
        const float *restrict y = j->y + (ptrdiff_t)r * j->ld;
        for (size_t i = begin; i < end; i++) sum[i] += y[i];
    }
}

void gk_op_linear(gk_tensor t, int n, const float *x, int ldx, float *y, int ldy) {
    if (t.b) {
        columns_job j = {.width = t.out, .bias = t.b, .x = y, .ld = ldy};
        gk_parallel_for((size_t)n, 64, set_rows, &j);
    }
    gk_op__linear_product(t, n, x, ldx, t.b ? 1.0f : 0.0f, y, ldy);
}

void gk_op_low_rank(gk_low_rank l, int n, const float *x, int ldx, float *low, float *y, int ldy) {
    size_t count = (size_t)n * (size_t)l.rank;
    gk_gemm__f32(GK_GEMM_NT, n, l.rank, l.in, x, ldx, l.a, l.in, 0, low, l.rank);
    for (size_t i = 0; i < count && l.scale != 1; i++) low[i] *= l.scale;
    gk_gemm__f32(GK_GEMM_NT, n, l.out, l.rank, low, l.rank, l.b, l.ldb, 1, y, ldy);
}

void gk_op__linear_product(gk_tensor t, int n, const float *x, int ldx, float beta, float *y, int ldy) {
    if (t.narrow && n > 1) {
        gk_gemm__bf16_operand left = gk_gemm__narrow(GK_GEMM__SCRATCH_LEFT, x, n, t.in, ldx),
                              right = {.h = t.h};
        gk_gemm__bf16(GK_GEMM_NT, n, t.out, t.in, left, t.in, right, t.in, beta != 0, y, ldy);
    } else if (!t.w && n <= GK_GEMM__STORED_ROWS)
        gk_gemm__stored(n, t, x, ldx, beta, y, ldy);
    else if (!t.w)
        gk_gemm__half(n, t, x, ldx, beta, y, ldy);
    else
        gk_gemm__f32(GK_GEMM_NT, n, t.out, t.in, x, ldx, t.w, t.in, beta, y, ldy);
}

static void add_columns(int n, int out, const float *dy, int lddy, float *db) {
    if (!db) return;
    columns_job j = {.n = n, .y = dy, .sum = db, .ld = lddy};
    gk_parallel_for((size_t)out, 128, sum_columns, &j);
}

void gk_op__linear_backward_weights(int n, int out, int in, const float *dy, int lddy, const float *x,
                                    int ldx, float *dw, float *db) {
    gk_gemm__f32(GK_GEMM_TN, out, in, n, dy, lddy, x, ldx, 1.0f, dw, in);
    add_columns(n, out, dy, lddy, db);
}

/* dy and x are rounded to bf16 once for both products. */
static void backward_narrow(gk_tensor t, int n, const float *dy, int lddy, const float *x, float *dx,
                            float *dw) {
    gk_gemm__bf16_operand left = gk_gemm__narrow(GK_GEMM__SCRATCH_LEFT, dy, n, t.out, lddy),
                          right = {.h = t.h};
    gk_gemm__bf16(GK_GEMM_NN, n, t.in, t.out, left, t.out, right, t.in, false, dx, t.in);
    if (!dw) return;
    right = gk_gemm__narrow(GK_GEMM__SCRATCH_RIGHT, x, n, t.in, t.in);
    gk_gemm__bf16(GK_GEMM_TN, t.out, t.in, n, left, t.out, right, t.in, true, dw, t.in);
}

void gk_op__linear_backward(gk_tensor t, int n, const float *dy, int lddy, const float *x, float *dx,
                            float *dw, float *db) {
    if (t.narrow) {
        backward_narrow(t, n, dy, lddy, x, dx, dw);
    } else {
        gk_gemm__f32(GK_GEMM_NN, n, t.in, t.out, dy, lddy, t.w, t.in, 0, dx, t.in);
        if (dw) gk_gemm__f32(GK_GEMM_TN, t.out, t.in, n, dy, lddy, x, t.in, 1.0f, dw, t.in);
    }
    if (dw) add_columns(n, t.out, dy, lddy, db);
}
