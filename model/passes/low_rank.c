/* low_rank.c: what an adapter adds to a forward and a backward pass. */
#include "model/adapter/adapter.h"
#include "model/gemm/gemm.h"
#include "model/passes/session.h"

size_t gk_session__grad_floats(const gk_config *c, const gk_session_opts *o) {
    return o->adapter ? o->adapter->floats : gk_trained_floats(c, o->frozen);
}

/* s->low = scale x A^T */
static void lower(const gk_session *s, const gk_adapter__site *t, int n, const float *x) {
    const gk_adapter *a = s->adapter;
    int in = t->slot.in, r = t->rank;
    gk_gemm__f32(GK_GEMM_NT, n, r, in, x, in, a->data + t->a, in, 0, s->low, r);
    for (size_t i = 0; i < (size_t)n * (size_t)r; i++) s->low[i] *= t->scale;
}

/* The site whose outputs begin at component c, and where: those of earlier components are before it. */
static const gk_adapter__site *begins_at(const gk_session *s, int layer, gk_component c) {
    const gk_adapter__site *t = gk_adapter__site_of(s->adapter, layer, c);
    return t && t->first == c ? t : NULL;
}

static int outputs(const gk_session *s, gk_component c) {
    int out = 0, in;
    gk_config__component_shape(&s->cfg, c, &out, &in);
    return out;
}

void gk_session__adapter_forward(const gk_session *s, int layer, gk_component first, int count, int n,
                                 const float *x, float *y, int ldy) {
    if (!s->adapter) return;
    for (int i = 0; i < count; i++) {
        gk_component c = first + (gk_component)i;
        const gk_adapter__site *t = begins_at(s, layer, c);
        if (t) {
            int r = t->rank;
            lower(s, t, n, x);
            gk_gemm__f32(GK_GEMM_NT, n, t->slot.out, r, s->low, r, s->adapter->data + t->b, r, 1, y, ldy);
        }
        y += outputs(s, c);
    }
}

static void site_backward(const gk_session *s, const gk_adapter__site *t, int n, const float *dy, int lddy,
                          const float *x, float *dx, float *grad) {
    const gk_adapter *a = s->adapter;
    int in = t->slot.in, out = t->slot.out, r = t->rank;
    lower(s, t, n, x); /* cheaper than keeping every layer's */
    gk_gemm__f32(GK_GEMM_TN, out, r, n, dy, lddy, s->low, r, 1, grad + t->b, r);
    gk_gemm__f32(GK_GEMM_NN, n, r, out, dy, lddy, a->data + t->b, r, 0, s->dlow, r);
    for (size_t i = 0; i < (size_t)n * (size_t)r; i++) s->dlow[i] *= t->scale;
    gk_gemm__f32(GK_GEMM_TN, r, in, n, s->dlow, r, x, in, 1, grad + t->a, in);
    gk_gemm__f32(GK_GEMM_NN, n, in, r, s->dlow, r, a->data + t->a, in, 1, dx, in);
}

void gk_session__adapter_backward(const gk_session *s, int layer, gk_component first, int count, int n,
                                  const float *dy, int lddy, const float *x, float *dx, float *grad) {
    if (!s->adapter) return;
    for (int i = 0; i < count; i++) {
        gk_component c = first + (gk_component)i;
        const gk_adapter__site *t = begins_at(s, layer, c);
        if (t) site_backward(s, t, n, dy, lddy, x, dx, grad);
        dy += outputs(s, c);
    }
}
