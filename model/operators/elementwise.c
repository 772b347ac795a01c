/* elementwise.c: the MLP's activations, forward and backward: SiLU and the gated forms (Shazeer 2020), GELU
 * exact and by tanh (Hendrycks and Gimpel 2016), ReLU; the soft cap of logits (Gemma 2); sums. */
#include "graftkit/core/threads.h"
#include "model/operators/kernels.h"

#define ROW_GRAIN 16
#define SQRT_2_OVER_PI 0.7978845608f
#define GELU_CUBIC 0.044715f

typedef struct act_job {
    int f, ld_in; /* ld_in: row stride of gate and up */
    const float *gate, *up, *dact;
    float *act, *dgate, *dup;
} act_job;

static inline float act_value(gk_act_kind kind, float x) {
    switch (kind) {
    case GK_SILU:
        return x * gk_op__sigmoid(x);
    case GK_GELU:
        return 0.5f * x * (1.0f + gk_op__erf(x * 0.70710678f));
    case GK_GELU_TANH:
        return 0.5f * x * (1.0f + gk_op__tanh(SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x)));
    case GK_RELU:
        break;
    }
    return x > 0 ? x : 0;
}

static inline float act_slope(gk_act_kind kind, float x) {
    float s, t;
    switch (kind) {
    case GK_SILU:
        s = gk_op__sigmoid(x);
        return s * (1.0f + x * (1.0f - s));
    case GK_GELU:
        return 0.5f * (1.0f + gk_op__erf(x * 0.70710678f)) + x * 0.39894228f * gk_op__exp(-0.5f * x * x);
    case GK_GELU_TANH:
        t = gk_op__tanh(SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x));
        return 0.5f * (1.0f + t + x * (1.0f - t * t) * SQRT_2_OVER_PI * (1.0f + 3.0f * GELU_CUBIC * x * x));
    case GK_RELU:
        break;
    }
    return x > 0 ? 1 : 0;
}

static inline void forward_rows(const act_job *j, size_t begin, size_t end, gk_act_kind kind) {
    for (size_t r = begin; r < end; r++) {
        const float *restrict u = j->up + r * (size_t)j->ld_in;
        float *restrict a = j->act + r * (size_t)j->f;
        if (j->gate) {
            const float *restrict g = j->gate + r * (size_t)j->ld_in;
            for (int i = 0; i < j->f; i++) a[i] = act_value(kind, g[i]) * u[i];
        } else {
            for (int i = 0; i < j->f; i++) a[i] = act_value(kind, u[i]);
        }
    }
}

static inline void backward_rows(const act_job *j, size_t begin, size_t end, gk_act_kind kind) {
    for (size_t r = begin; r < end; r++) {
        const float *restrict u = j->up + r * (size_t)j->ld_in;
        const float *restrict da = j->dact + r * (size_t)j->f;
        float *restrict du = j->dup + r * (size_t)j->ld_in;
        if (j->gate) {
            const float *restrict g = j->gate + r * (size_t)j->ld_in;
            float *restrict dg = j->dgate + r * (size_t)j->ld_in;
            for (int i = 0; i < j->f; i++) {
                dg[i] = da[i] * u[i] * act_slope(kind, g[i]);
                du[i] = da[i] * act_value(kind, g[i]);
            }
        } else {
            for (int i = 0; i < j->f; i++) du[i] = da[i] * act_slope(kind, u[i]);
        }
    }
}

/* A function for each kind, so that its loops are straight-line vector code. */
#define KINDS(X) X(GK_GELU) X(GK_GELU_TANH) X(GK_SILU) X(GK_RELU)
#define X(kind)                                                        \
    static void forward_##kind(void *ctx, size_t begin, size_t end) {  \
        forward_rows(ctx, begin, end, kind);                           \
    }                                                                  \
    static void backward_##kind(void *ctx, size_t begin, size_t end) { \
        backward_rows(ctx, begin, end, kind);                          \
    }
KINDS(X)
#undef X
#define X(kind) [kind] = forward_##kind,
static gk_range_fn *const FORWARD[] = {KINDS(X)};
#undef X
#define X(kind) [kind] = backward_##kind,
static gk_range_fn *const BACKWARD[] = {KINDS(X)};
#undef X

void gk_op_act(const gk_config *c, int n, const float *gate, const float *up, float *out) {
    act_job j = {.f = c->d_ffn, .ld_in = c->d_ffn, .gate = c->gated ? gate : NULL, .up = up, .act = out};
    gk_parallel_for((size_t)n, ROW_GRAIN, FORWARD[c->act], &j);
}

void gk_op__act_forward(const gk_config *c, int n, const float *gu, float *act) {
    act_job j = {.f = c->d_ffn,
                 .ld_in = gk_config__gu_dim(c),
                 .gate = c->gated ? gu : NULL,
                 .up = c->gated ? gu + c->d_ffn : gu,
                 .act = act};
    gk_parallel_for((size_t)n, ROW_GRAIN, FORWARD[c->act], &j);
}

void gk_op__act_backward(const gk_config *c, int n, const float *gu, const float *dact, float *dgu) {
    int shift = c->gated ? c->d_ffn : 0;
    act_job j = {.f = c->d_ffn,
                 .ld_in = gk_config__gu_dim(c),
                 .gate = c->gated ? gu : NULL,
                 .up = gu + shift,
                 .dact = dact,
                 .dgate = dgu,
                 .dup = dgu + shift};
    gk_parallel_for((size_t)n, ROW_GRAIN, BACKWARD[c->act], &j);
}

/* ---------------------------------------------------------------- soft cap */

typedef struct cap_job {
    float cap, *x;
    const float *capped;
} cap_job;

static void cap_range(void *ctx, size_t begin, size_t end) {
    const cap_job *j = ctx;
    float *restrict x = j->x;
    for (size_t i = begin; i < end; i++) x[i] = j->cap * gk_op__tanh(x[i] / j->cap);
}

static void slope_range(void *ctx, size_t begin, size_t end) {
    const cap_job *j = ctx;
    float *restrict dx = j->x;
    for (size_t i = begin; i < end; i++) {
        float t = j->capped[i] / j->cap;
        dx[i] *= 1.0f - t * t;
    }
}

void gk_op_softcap(float cap, size_t count, float *x) {
    cap_job j = {.cap = cap, .x = x};
    if (cap > 0) gk_parallel_for(count, 16384, cap_range, &j);
}

void gk_op__softcap_backward(float cap, size_t count, const float *capped, float *dlogits) {
    cap_job j = {.cap = cap, .x = dlogits, .capped = capped};
    gk_parallel_for(count, 16384, slope_range, &j);
}

/* ---------------------------------------------------------------- sums */

typedef struct sum_job {
    float *x;
    const float *y;
} sum_job;

static void add_floats(void *ctx, size_t begin, size_t end) {
    const sum_job *j = ctx;
    float *restrict x = j->x;
    const float *restrict y = j->y;
    for (size_t i = begin; i < end; i++) x[i] += y[i];
}

void gk_op_add(size_t count, float *x, const float *y) {
    sum_job j = {.x = x, .y = y};
    gk_parallel_for(count, 16384, add_floats, &j);
}

void gk_op__add_and_clear(size_t count, float *restrict sum, float *restrict part) {
    for (size_t i = 0; i < count; i++) {
        sum[i] += part[i];
        part[i] = 0;
    }
}
