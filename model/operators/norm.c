/* norm.c: LayerNorm (Ba et al. 2016) and RMSNorm (Zhang and Sennrich 2019), forward and backward. */
#include "graftkit/core/threads.h"
#include "model/operators/kernels.h"

#include <math.h>

#define ROW_GRAIN 32
#define COLUMN_GRAIN 32

typedef struct norm_job {
    const gk_config *c;
    gk_tensor ln;
    int n, groups, ldx, ldy, lddx;
    const float *x, *dy, *in_stats;
    float *y, *stats, *dx, *dw, *db;
} norm_job;

/* Where group g of all rows' begins. */
static size_t place(const norm_job *j, size_t g, int ld) {
    size_t groups = (size_t)j->groups;
    return groups == 1 ? g * (size_t)ld : g / groups * (size_t)ld + g % groups * (size_t)j->ln.out;
}

static void norm_row(const norm_job *j, const float *x, float *y, float *stats) {
    int d = j->ln.out;
    bool centred = j->c->norm == GK_LAYERNORM;
    float mean = 0, square = 0;
    if (centred) {
#pragma omp simd reduction(+ : mean)
        for (int i = 0; i < d; i++) mean += x[i];
        mean /= (float)d;
    }
#pragma omp simd reduction(+ : square)
    for (int i = 0; i < d; i++) square += (x[i] - mean) * (x[i] - mean);
    float rstd = 1.0f / sqrtf(square / (float)d + j->c->norm_eps);
    const float *w = j->ln.w, *b = j->ln.b, offset = j->c->norm_offset ? 1.0f : 0.0f;
    if (b)
        for (int i = 0; i < d; i++) y[i] = (x[i] - mean) * rstd * w[i] + b[i];
    else
        for (int i = 0; i < d; i++) y[i] = (x[i] - mean) * rstd * (offset + w[i]);
    if (stats) {
        stats[0] = mean;
        stats[1] = rstd;
    }
}

static void forward_rows(void *ctx, size_t begin, size_t end) {
    const norm_job *j = ctx;
    for (size_t g = begin; g < end; g++)
        norm_row(j, j->x + place(j, g, j->ldx), j->y + place(j, g, j->ldy),
                 j->stats ? j->stats + 2 * g : NULL);
}

void gk_op__norm_forward(const gk_config *c, gk_tensor ln, int n, int groups, const float *x, int ldx,
                         float *y, int ldy, float *stats) {
    norm_job j = {.c = c,
                  .ln = ln,
                  .n = n * groups,
                  .groups = groups,
                  .ldx = ldx,
                  .ldy = ldy,
                  .x = x,
                  .y = y,
                  .stats = stats};
    gk_parallel_for((size_t)j.n, ROW_GRAIN, forward_rows, &j);
}

/* With xhat = (x - mean) rstd and g = dy w: dx = rstd (g - [mean g] - xhat mean(g xhat)); the middle term
 * only where the mean was taken off. */
static void backward_rows(void *ctx, size_t begin, size_t end) {
    const norm_job *j = ctx;
    int d = j->ln.out;
    bool centred = j->c->norm == GK_LAYERNORM;
    const float *w = j->ln.w, offset = j->c->norm_offset ? 1.0f : 0.0f;
    for (size_t r = begin; r < end; r++) {
        const float *x = j->x + place(j, r, j->ldx), *dy = j->dy + place(j, r, j->ldy);
        float *dx = j->dx + place(j, r, j->lddx), mean = j->in_stats[2 * r], rstd = j->in_stats[2 * r + 1];
        float sum = 0, dot = 0;
#pragma omp simd reduction(+ : sum, dot)
        for (int i = 0; i < d; i++) {
            float g = dy[i] * (offset + w[i]);
            sum += g;
            dot += g * (x[i] - mean) * rstd;
        }
        sum = centred ? sum / (float)d : 0;
        dot /= (float)d;
#pragma omp simd
        for (int i = 0; i < d; i++)
            dx[i] += rstd * (dy[i] * (offset + w[i]) - sum - (x[i] - mean) * rstd * dot);
    }
}

static void backward_columns(void *ctx, size_t begin, size_t end) {
    const norm_job *j = ctx;
    for (size_t r = 0; r < (size_t)j->n; r++) {
        const float *x = j->x + place(j, r, j->ldx), *dy = j->dy + place(j, r, j->ldy);
        float mean = j->in_stats[2 * r], rstd = j->in_stats[2 * r + 1];
        float *restrict dw = j->dw;
#pragma omp simd
        for (size_t i = begin; i < end; i++) dw[i] += dy[i] * (x[i] - mean) * rstd;
        if (!j->db) continue;
        float *restrict db = j->db;
#pragma omp simd
        for (size_t i = begin; i < end; i++) db[i] += dy[i];
    }
}

void gk_op__norm_backward(const gk_config *c, gk_tensor ln, int n, int groups, const float *x, int ldx,
                          const float *stats, const float *dy, int lddy, float *dx, int lddx, float *dw,
                          float *db) {
    norm_job j = {.c = c,
                  .ln = ln,
                  .n = n * groups,
                  .groups = groups,
                  .ldx = ldx,
                  .ldy = lddy,
                  .lddx = lddx,
                  .x = x,
                  .dy = dy,
                  .in_stats = stats,
                  .dx = dx,
                  .dw = dw,
                  .db = db};
    gk_parallel_for((size_t)j.n, ROW_GRAIN, backward_rows, &j);
    if (dw) gk_parallel_for((size_t)ln.out, COLUMN_GRAIN, backward_columns, &j);
}

void gk_op_norm(const gk_config *c, gk_tensor ln, int n, int groups, const float *x, float *y) {
    gk_op__norm_forward(c, ln, n, groups, x, groups * ln.out, y, groups * ln.out, NULL);
}
