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

/* dx += the gradient through a norm from dy; adds its weights'. */
static void norm_backward(const back *k, int layer, gk_component comp, const float *x, int ldx,
                          const float *stats, const float *dy, int lddy, float *dx, int lddx) {
    gk_tensor t = gk_model_tensor(k->m, layer, comp);
    bool want = wanted(k, comp);
    gk__norm_backward(&k->s->cfg, t, k->b->n_rows, x, ldx, stats, dy, lddy, dx, lddx,
                      want ? slot(k, t.w) : NULL, want ? slot(k, t.b) : NULL);
}

/* s->dx += the gradient, in s->dnorm, by what a branch read. */
static void branch_in(const back *k, int layer, gk_component comp, const float *x, const float *stats) {
    gk_session *s = k->s;
    int d = s->cfg.d_model;
    if (gk_config_has(&s->cfg, comp))
        norm_backward(k, layer, comp, x, d, stats, s->dnorm, d, s->dx, d);
    else
        gk_op_add((size_t)k->b->n_rows * (size_t)d, s->dx, s->dnorm);
}

/* The gradient by a branch's last product: `dy`, that by what the branch added, unless it was normed first.
 */
static const float *branch_out(const back *k, int layer, gk_component post, const float *raw,
                               const float *stats, const float *dy) {
    gk_session *s = k->s;
    int d = s->cfg.d_model;
    if (!gk_config_has(&s->cfg, post)) return dy;
    memset(s->dbranch, 0, (size_t)k->b->n_rows * (size_t)d * sizeof(float));
    norm_backward(k, layer, post, raw, d, stats, dy, d, s->dbranch, d);
    return s->dbranch;
}

/* `dy`: the gradient by what the MLP added. s->dx: the one by x_mid. */
static void mlp_backward(const back *k, int layer, const float *dy) {
    gk_session *s = k->s;
    const gk_config *c = &s->cfg;
    gk__acts *a = &s->layer[layer];
    int n = k->b->n_rows, d = c->d_model, f = c->d_ffn, gu = gk__gu_dim(c);
    gk_component first = c->gated ? GK_GATE : GK_UP;
    dy = branch_out(k, layer, GK_LN2_POST, a->down_out, a->stats2_post, dy);
    gk__gemm(GK_GEMM_NN, n, f, d, dy, d, gk_model_tensor(k->m, layer, GK_DOWN).w, f, 0, s->dact, f);
    weights_backward(k, layer, GK_DOWN, 1, dy, d, a->act);
    gk__act_backward(c, n, a->gu, s->dact, s->dwide);
    gk__gemm(GK_GEMM_NN, n, d, gu, s->dwide, gu, gk__fused(k->m, layer, first, gu).w, d, 0, s->dnorm, d);
    weights_backward(k, layer, first, c->gated ? 2 : 1, s->dwide, gu, a->ln2);
    branch_in(k, layer, GK_LN2, gk__mlp_in(c, a), a->stats2);
}

/* s->dwide: q's and k's gradients from those after their norms to those before. */
static void norm_qk_backward(const back *k, int layer) {
    gk_session *s = k->s;
    const gk_config *c = &s->cfg;
    gk__acts *a = &s->layer[layer];
    int n = k->b->n_rows, q = gk__q_dim(c), qkv = gk__qkv_dim(c), qk = q + gk__kv_dim(c);
    memset(s->dqk, 0, (size_t)n * (size_t)qk * sizeof(float));
    norm_backward(k, layer, GK_Q_NORM, a->qk, qk, a->stats_q, s->dwide, qkv, s->dqk, qk);
    norm_backward(k, layer, GK_K_NORM, a->qk + q, qk, a->stats_k, s->dwide + q, qkv, s->dqk + q, qk);
    for (int r = 0; r < n; r++)
        memcpy(s->dwide + (ptrdiff_t)r * qkv, s->dqk + (ptrdiff_t)r * qk, (size_t)qk * sizeof(float));
}

/* `dy`: the gradient by what attention added. s->dx: the one by x_in, but for attention's share. */
static void attention_backward(const back *k, int layer, const float *dy) {
    gk_session *s = k->s;
    const gk_config *c = &s->cfg;
    gk__acts *a = &s->layer[layer];
    int n = k->b->n_rows, d = c->d_model, q = gk__q_dim(c), qkv = gk__qkv_dim(c);
    dy = branch_out(k, layer, GK_LN1_POST, a->o_out, a->stats1_post, dy);
    gk__gemm(GK_GEMM_NN, n, q, d, dy, d, gk_model_tensor(k->m, layer, GK_O).w, q, 0, s->dact, q);
    weights_backward(k, layer, GK_O, 1, dy, d, a->att);
    gk__attention_backward(c, layer, k->b, a->qkv, a->att, a->lse, s->dact, s->dwide);
    if (c->rope) gk__rope_apply(c, n, c->n_heads + c->n_kv_heads, s->position, s->rope, -1.0f, s->dwide, qkv);
    if (c->qk_norm) norm_qk_backward(k, layer);
    gk__gemm(GK_GEMM_NN, n, d, qkv, s->dwide, qkv, gk__fused(k->m, layer, GK_Q, qkv).w, d, 0, s->dnorm, d);
    weights_backward(k, layer, GK_Q, 3, s->dwide, qkv, a->ln1);
    branch_in(k, layer, GK_LN1, a->x_in, a->stats1);
}

/* A parallel block's attention has no part in what the MLP read. */
static void layer_backward(const back *k, int layer) {
    gk_session *s = k->s;
    if (s->cfg.parallel)
        memcpy(s->dbranch, s->dx, (size_t)k->b->n_rows * (size_t)s->cfg.d_model * sizeof(float));
    mlp_backward(k, layer, s->dx);
    attention_backward(k, layer, s->cfg.parallel ? s->dbranch : s->dx);
}

typedef struct scatter_job {
    const int32_t *index;
    const float *dx;
    float *dtable, scale;
    int n;
    size_t d;
} scatter_job;

/* Several rows may share a table row, so the threads split the columns. */
static void scatter_columns(void *ctx, size_t begin, size_t end) {
    const scatter_job *j = ctx;
    for (int r = 0; r < j->n; r++) {
        const float *restrict from = j->dx + (size_t)r * j->d;
        float *restrict to = j->dtable + (size_t)j->index[r] * j->d;
        for (size_t i = begin; i < end; i++) to[i] += j->scale * from[i];
    }
}

static void table_backward(const back *k, gk_component comp, const int32_t *index, float scale) {
    gk_tensor t = gk_model_tensor(k->m, -1, comp);
    if (!t.w || !wanted(k, comp)) return;
    scatter_job j = {.index = index,
                     .dx = k->s->dx,
                     .dtable = slot(k, t.w),
                     .scale = scale,
                     .n = k->b->n_rows,
                     .d = (size_t)t.in};
    gk_parallel_for(j.d, 64, scatter_columns, &j);
}

void gk__backward(gk_session *s, const gk_model *m, const gk_batch *b, uint32_t frozen, float *grad) {
    back k = {s, m, b, frozen, grad};
    for (int l = s->cfg.n_layers - 1; l >= 0; l--) layer_backward(&k, l);
    table_backward(&k, GK_EMBED, b->token, s->cfg.embed_scale);
    table_backward(&k, GK_POS, s->position, 1);
}
