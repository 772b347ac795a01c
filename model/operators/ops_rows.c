/* ops_rows.c: embeddings, linear layers, the residual add and the cross-entropy. */
#include "model/operators/kernels.h"

#include <math.h>
#include <string.h>

typedef struct rows_job {
    gk_tensor from; /* a table of rows */
    int width, n;
    const float *table, *y;
    const int32_t *index;
    float *x, *sum, scale;
    int ld;
} rows_job;

static void gather_rows(void *ctx, size_t begin, size_t end) {
    const rows_job *j = ctx;
    size_t w = (size_t)j->width;
    for (size_t r = begin; r < end; r++) {
        float *restrict x = j->x + r * w;
        gk_tensor_floats(j->from, (size_t)j->index[r] * w, w, x);
        for (size_t i = 0; i < w && j->scale != 1; i++) x[i] *= j->scale;
    }
}

static void add_table_rows(void *ctx, size_t begin, size_t end) {
    const rows_job *j = ctx;
    size_t w = (size_t)j->width;
    float *t = gk_alloc(w * sizeof *t);
    for (size_t r = begin; r < end; r++) {
        float *restrict x = j->x + r * w;
        gk_tensor_floats(j->from, (size_t)j->index[r] * w, w, t);
        for (size_t i = 0; i < w; i++) x[i] += t[i];
    }
    gk_free(t);
}

static void add_floats(void *ctx, size_t begin, size_t end) {
    const rows_job *j = ctx;
    float *restrict x = j->x;
    const float *restrict y = j->y;
    for (size_t i = begin; i < end; i++) x[i] += y[i];
}

static void set_rows(void *ctx, size_t begin, size_t end) {
    const rows_job *j = ctx;
    for (size_t r = begin; r < end; r++)
        memcpy(j->x + (ptrdiff_t)r * j->ld, j->table, (size_t)j->width * sizeof(float));
}

static void sum_columns(void *ctx, size_t begin, size_t end) {
    const rows_job *j = ctx;
    float *restrict sum = j->sum;
    for (int r = 0; r < j->n; r++) {
        const float *restrict y = j->y + (ptrdiff_t)r * j->ld;
        for (size_t i = begin; i < end; i++) sum[i] += y[i];
    }
}

void gk_op_embed(const gk_config *c, gk_tensor embed, int n, const int32_t *token, float *x) {
    rows_job j = {.from = embed, .width = embed.in, .index = token, .x = x, .scale = c->embed_scale};
    gk_parallel_for((size_t)n, 64, gather_rows, &j);
}

void gk_op_pos(gk_tensor pos, int n, const int32_t *position, float *x) {
    if (!pos.w && !pos.h) return;
    rows_job j = {.from = pos, .width = pos.in, .index = position, .x = x};
    gk_parallel_for((size_t)n, 64, add_table_rows, &j);
}

void gk_op_add(size_t count, float *x, const float *y) {
    rows_job j = {.x = x, .y = y};
    gk_parallel_for(count, 16384, add_floats, &j);
}

void gk__take(size_t count, float *restrict sum, float *restrict part) {
    for (size_t i = 0; i < count; i++) {
        sum[i] += part[i];
        part[i] = 0;
    }
}

void gk_op_linear(gk_tensor t, int n, const float *x, int ldx, float *y, int ldy) {
    if (t.b) {
        rows_job j = {.width = t.out, .table = t.b, .x = y, .ld = ldy};
        gk_parallel_for((size_t)n, 64, set_rows, &j);
    }
    gk__product_linear(t, n, x, ldx, t.b ? 1.0f : 0.0f, y, ldy);
}

void gk_op_low_rank(gk_low_rank l, int n, const float *x, int ldx, float *low, float *y, int ldy) {
    size_t count = (size_t)n * (size_t)l.rank;
    gk__gemm(GK_GEMM_NT, n, l.rank, l.in, x, ldx, l.a, l.in, 0, low, l.rank);
    for (size_t i = 0; i < count && l.scale != 1; i++) low[i] *= l.scale;
    gk__gemm(GK_GEMM_NT, n, l.out, l.rank, low, l.rank, l.b, l.ldb, 1, y, ldy);
}

void gk__product_linear(gk_tensor t, int n, const float *x, int ldx, float beta, float *y, int ldy) {
    if (t.narrow && n > 1) {
        uint16_t *left = gk__scratch(GK__SCRATCH_LEFT, (size_t)n * (size_t)t.in * sizeof *left);
        gk__narrow(x, n, t.in, ldx, left);
        gk__gemm_bf16(GK_GEMM_NT, n, t.out, t.in, left, t.in, t.h, t.in, beta != 0, y, ldy);
    } else if (!t.w)
        gk__gemm_half(n, t, x, ldx, beta, y, ldy);
    else
        gk__gemm(GK_GEMM_NT, n, t.out, t.in, x, ldx, t.w, t.in, beta, y, ldy);
}

static void add_columns(int n, int out, const float *dy, int lddy, float *db) {
    if (!db) return;
    rows_job j = {.n = n, .y = dy, .sum = db, .ld = lddy};
    gk_parallel_for((size_t)out, 128, sum_columns, &j);
}

void gk__linear_backward_weights(int n, int out, int in, const float *dy, int lddy, const float *x, int ldx,
                                 float *dw, float *db) {
    gk__gemm(GK_GEMM_TN, out, in, n, dy, lddy, x, ldx, 1.0f, dw, in);
    add_columns(n, out, dy, lddy, db);
}

/* dy and x are rounded to bf16 once for both products. */
static void backward_narrow(gk_tensor t, int n, const float *dy, int lddy, const float *x, float *dx,
                            float *dw) {
    uint16_t *left = gk__scratch(GK__SCRATCH_LEFT, (size_t)n * (size_t)t.out * sizeof *left);
    gk__narrow(dy, n, t.out, lddy, left);
    gk__gemm_bf16(GK_GEMM_NN, n, t.in, t.out, left, t.out, t.h, t.in, false, dx, t.in);
    if (!dw) return;
    uint16_t *right = gk__scratch(GK__SCRATCH_RIGHT, (size_t)n * (size_t)t.in * sizeof *right);
    gk__narrow(x, n, t.in, t.in, right);
    gk__gemm_bf16(GK_GEMM_TN, t.out, t.in, n, left, t.out, right, t.in, true, dw, t.in);
}

void gk__linear_backward(gk_tensor t, int n, const float *dy, int lddy, const float *x, float *dx, float *dw,
                         float *db) {
    if (t.narrow) {
        backward_narrow(t, n, dy, lddy, x, dx, dw);
    } else {
        gk__gemm(GK_GEMM_NN, n, t.in, t.out, dy, lddy, t.w, t.in, 0, dx, t.in);
        if (dw) gk__gemm(GK_GEMM_TN, t.out, t.in, n, dy, lddy, x, t.in, 1.0f, dw, t.in);
    }
    if (dw) add_columns(n, t.out, dy, lddy, db);
}

/* ---------------------------------------------------------------- loss */

typedef struct xent_job {
    int vocab;
    float *logits, scale;
    const int32_t *target;
    double *loss; /* by row, so that the sum does not depend on the threads */
} xent_job;

static float largest(const float *restrict x, int n) {
    float max = x[0];
#pragma omp simd reduction(max : max)
    for (int i = 0; i < n; i++) max = x[i] > max ? x[i] : max;
    return max;
}

static void loss_rows(void *ctx, size_t begin, size_t end) {
    const xent_job *j = ctx;
    for (size_t r = begin; r < end; r++) {
        const float *restrict x = j->logits + r * (size_t)j->vocab;
        float max = largest(x, j->vocab), sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int i = 0; i < j->vocab; i++) sum += gk__exp(x[i] - max);
        j->loss[r] = log((double)sum) + (double)max - (double)x[j->target[r]];
    }
}

static void gradient_rows(void *ctx, size_t begin, size_t end) {
    const xent_job *j = ctx;
    for (size_t r = begin; r < end; r++) {
        float *restrict x = j->logits + r * (size_t)j->vocab;
        float at_target = x[j->target[r]], max = largest(x, j->vocab), sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int i = 0; i < j->vocab; i++) {
            x[i] = gk__exp(x[i] - max);
            sum += x[i];
        }
        float s = j->scale / sum;
        for (int i = 0; i < j->vocab; i++) x[i] *= s;
        x[j->target[r]] -= j->scale;
        j->loss[r] = log((double)sum) + (double)max - (double)at_target;
    }
}

/* Two functions, since gcc does not vectorise the first one's loops when it takes them out of a common one.
 */
double gk__xent(int n, int vocab, float *logits, const int32_t *target, float scale) {
    double *loss = gk_alloc((size_t)n * sizeof(double)), total = 0;
    xent_job j = {.vocab = vocab, .logits = logits, .scale = scale, .target = target, .loss = loss};
    gk_parallel_for((size_t)n, 8, scale == 0 ? loss_rows : gradient_rows, &j);
    for (int r = 0; r < n; r++) total += loss[r];
    gk_free(loss);
    return total;
}
