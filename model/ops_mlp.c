/* ops_mlp.c: the MLP's activations, forward and backward: SwiGLU (Shazeer 2020), GELU by tanh (Hendrycks and
 * Gimpel 2016). */
#include "model/internal.h"
#include "model/mathfn.h"

#define ROW_GRAIN 16
#define SQRT_2_OVER_PI 0.7978845608f
#define GELU_CUBIC 0.044715f

typedef struct act_job {
    int f, ld_in; /* ld_in: row stride of gate and up */
    const float *gate, *up, *dact;
    float *act, *dgate, *dup;
} act_job;

static void swiglu_rows(void *ctx, size_t begin, size_t end) {
    const act_job *j = ctx;
    for (size_t r = begin; r < end; r++) {
        const float *restrict g = j->gate + r * (size_t)j->ld_in, *restrict u = j->up + r * (size_t)j->ld_in;
        float *restrict a = j->act + r * (size_t)j->f;
        for (int i = 0; i < j->f; i++) a[i] = g[i] * gk__sigmoid(g[i]) * u[i];
    }
}

static void gelu_rows(void *ctx, size_t begin, size_t end) {
    const act_job *j = ctx;
    for (size_t r = begin; r < end; r++) {
        const float *restrict u = j->up + r * (size_t)j->ld_in;
        float *restrict a = j->act + r * (size_t)j->f;
        for (int i = 0; i < j->f; i++) {
            float x = u[i];
            a[i] = 0.5f * x * (1.0f + gk__tanh(SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x)));
        }
    }
}

static void swiglu_back_rows(void *ctx, size_t begin, size_t end) {
    const act_job *j = ctx;
    for (size_t r = begin; r < end; r++) {
        const float *restrict g = j->gate + r * (size_t)j->ld_in, *restrict u = j->up + r * (size_t)j->ld_in;
        const float *restrict da = j->dact + r * (size_t)j->f;
        float *restrict dg = j->dgate + r * (size_t)j->ld_in, *restrict du = j->dup + r * (size_t)j->ld_in;
        for (int i = 0; i < j->f; i++) {
            float s = gk__sigmoid(g[i]);
            dg[i] = da[i] * u[i] * s * (1.0f + g[i] * (1.0f - s));
            du[i] = da[i] * g[i] * s;
        }
    }
}

static void gelu_back_rows(void *ctx, size_t begin, size_t end) {
    const act_job *j = ctx;
    for (size_t r = begin; r < end; r++) {
        const float *restrict u = j->up + r * (size_t)j->ld_in;
        const float *restrict da = j->dact + r * (size_t)j->f;
        float *restrict du = j->dup + r * (size_t)j->ld_in;
        for (int i = 0; i < j->f; i++) {
            float x = u[i], t = gk__tanh(SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x));
            float slope = SQRT_2_OVER_PI * (1.0f + 3.0f * GELU_CUBIC * x * x);
            du[i] = da[i] * 0.5f * (1.0f + t + x * (1.0f - t * t) * slope);
        }
    }
}

void gk_op_act(const gk_config *c, int n, const float *gate, const float *up, float *out) {
    act_job j = {.f = c->d_ffn, .ld_in = c->d_ffn, .gate = gate, .up = up, .act = out};
    gk_parallel_for((size_t)n, ROW_GRAIN, gate ? swiglu_rows : gelu_rows, &j);
}

void gk__act_forward(const gk_config *c, int n, const float *gu, float *act) {
    bool gated = c->mlp == GK_MLP_SWIGLU;
    act_job j = {
        .f = c->d_ffn, .ld_in = gk__gu_dim(c), .gate = gu, .up = gated ? gu + c->d_ffn : gu, .act = act};
    gk_parallel_for((size_t)n, ROW_GRAIN, gated ? swiglu_rows : gelu_rows, &j);
}

void gk__act_backward(const gk_config *c, int n, const float *gu, const float *dact, float *dgu) {
    bool gated = c->mlp == GK_MLP_SWIGLU;
    int shift = gated ? c->d_ffn : 0;
    act_job j = {.f = c->d_ffn,
                 .ld_in = gk__gu_dim(c),
                 .gate = gu,
                 .up = gu + shift,
                 .dact = dact,
                 .dgate = dgu,
                 .dup = dgu + shift};
    gk_parallel_for((size_t)n, ROW_GRAIN, gated ? swiglu_back_rows : gelu_back_rows, &j);
}
