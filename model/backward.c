/* backward.c: the one backward pass, in the reverse order of forward.c. */
#include "model/session.h"

#include <string.h>

typedef struct back {
    gk_session *s;
    const gk_model *m;
    const gk_batch *b;
    uint32_t frozen;
    float *grad;
} back;

static bool wanted(const back *k, gk_component c) {
    return !(k->frozen >> c & 1u);
}

static float *slot(const back *k, const float *weights) {
    return weights ? k->grad + (weights - k->m->data) : NULL;
}

/* Weight gradients of `count` components, first and after it, that share the input x; dy has them side by
 * side. */
static void weights_backward(const back *k, int layer, gk_component first, int count, const float *dy,
                             int lddy, const float *x) {
    int n = k->b->n_rows, out = 0;
    bool all = true;
    for (int i = 0; i < count; i++) {
        all = all && wanted(k, first + (gk_component)i);
        out += gk_model_tensor(k->m, layer, first + (gk_component)i).out;
    }
    gk_tensor t = gk_model_tensor(k->m, layer, first);
    if (all) {
        gk__linear_backward_weights(n, out, t.in, dy, lddy, x, t.in, slot(k, t.w), slot(k, t.b));
        return;
    }
    for (int i = 0; i < count; i++) {
        t = gk_model_tensor(k->m, layer, first + (gk_component)i);
        if (wanted(k, first + (gk_component)i))
            gk__linear_backward_weights(n, t.out, t.in, dy, lddy, x, t.in, slot(k, t.w), slot(k, t.b));
        dy += t.out;
    }
}

static void norm_backward(const back *k, int layer, gk_component comp, const float *x, const float *stats) {
    gk_tensor t = gk_model_tensor(k->m, layer, comp);
    bool want = wanted(k, comp);
    gk__norm_backward(&k->s->cfg, t, k->b->n_rows, x, stats, k->s->dnorm, k->s->dx,
                      want ? slot(k, t.w) : NULL, want ? slot(k, t.b) : NULL);
}

/* s->dx: from the gradient by the layer's output to the one by x_mid. */
static void mlp_backward(const back *k, int layer) {
    gk_session *s = k->s;
    const gk_config *c = &s->cfg;
    gk__acts *a = &s->layer[layer];
    int n = k->b->n_rows, d = c->d_model, f = c->d_ffn, gu = gk__gu_dim(c);
    bool gated = c->mlp == GK_MLP_SWIGLU;
    gk_component first = gated ? GK_GATE : GK_UP;
    gk__gemm(GK_GEMM_NN, n, f, d, s->dx, d, gk_model_tensor(k->m, layer, GK_DOWN).w, f, 0, s->dact, f);
    weights_backward(k, layer, GK_DOWN, 1, s->dx, d, a->act);
    gk__act_backward(c, n, a->gu, s->dact, s->dwide);
    gk__gemm(GK_GEMM_NN, n, d, gu, s->dwide, gu, gk__fused(k->m, layer, first, gu).w, d, 0, s->dnorm, d);
    weights_backward(k, layer, first, gated ? 2 : 1, s->dwide, gu, a->ln2);
    norm_backward(k, layer, GK_LN2, a->x_mid, a->stats2);
}

/* s->dx: from the gradient by x_mid to the one by x_in. */
static void attention_backward(const back *k, int layer) {
    gk_session *s = k->s;
    const gk_config *c = &s->cfg;
    gk__acts *a = &s->layer[layer];
    int n = k->b->n_rows, d = c->d_model, q = gk__q_dim(c), qkv = gk__qkv_dim(c);
    gk__gemm(GK_GEMM_NN, n, q, d, s->dx, d, gk_model_tensor(k->m, layer, GK_O).w, q, 0, s->dact, q);
    weights_backward(k, layer, GK_O, 1, s->dx, d, a->att);
    gk__attention_backward(c, k->b, a->qkv, a->att, a->lse, s->dact, s->dwide);
    if (c->rope) gk__rope_apply(c, n, c->n_heads + c->n_kv_heads, s->position, s->rope, -1.0f, s->dwide, qkv);
    gk__gemm(GK_GEMM_NN, n, d, qkv, s->dwide, qkv, gk__fused(k->m, layer, GK_Q, qkv).w, d, 0, s->dnorm, d);
    weights_backward(k, layer, GK_Q, 3, s->dwide, qkv, a->ln1);
    norm_backward(k, layer, GK_LN1, a->x_in, a->stats1);
}

typedef struct scatter_job {
    const int32_t *index;
    const float *dx;
    float *dtable;
    int n;
    size_t d;
} scatter_job;

/* Several rows may share a table row, so the threads split the columns. */
static void scatter_columns(void *ctx, size_t begin, size_t end) {
    const scatter_job *j = ctx;
    for (int r = 0; r < j->n; r++) {
        const float *restrict from = j->dx + (size_t)r * j->d;
        float *restrict to = j->dtable + (size_t)j->index[r] * j->d;
        for (size_t i = begin; i < end; i++) to[i] += from[i];
    }
}

static void table_backward(const back *k, gk_component comp, const int32_t *index) {
    gk_tensor t = gk_model_tensor(k->m, -1, comp);
    if (!t.w || !wanted(k, comp)) return;
    scatter_job j = {
        .index = index, .dx = k->s->dx, .dtable = slot(k, t.w), .n = k->b->n_rows, .d = (size_t)t.in};
    gk_parallel_for(j.d, 64, scatter_columns, &j);
}

void gk__backward(gk_session *s, const gk_model *m, const gk_batch *b, uint32_t frozen, float *grad) {
    back k = {s, m, b, frozen, grad};
    for (int l = s->cfg.n_layers - 1; l >= 0; l--) {
        mlp_backward(&k, l);
        attention_backward(&k, l);
    }
    table_backward(&k, GK_EMBED, b->token);
    table_backward(&k, GK_POS, s->position);
}
