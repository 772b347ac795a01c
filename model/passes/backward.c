/* backward.c: the one backward pass, in the reverse order of forward.c, and a step: both passes. */
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"
#include "model/passes/session.h"

#include <string.h>

/* One backward pass. Where gradients come in pieces, `from` is where the window's part of the vector of what
 * is trained begins. */
typedef struct back {
    gk_session *s;
    const gk_model *m;
    const gk_batch *b;
    const gk_backprop *p;
    size_t from;
} back;

static float *at_offset(const back *k, size_t offset) {
    if (k->p->grad) return k->p->grad + offset;
    return offset < gk_weights__trained_start(&k->s->trained, 0) ? k->p->front + offset
                                                                 : k->p->window + (offset - k->from);
}

/* Where the gradient of a component's weights goes, and of its biases (NULL: it has none). */
static float *weights_slot(const back *k, int layer, gk_component c) {
    return at_offset(k, gk_weights__trained_place(&k->s->trained, layer, c).w);
}

static float *bias_slot(const back *k, int layer, gk_component c) {
    if (!gk_model_tensor(k->m, layer, c).b) return NULL;
    return at_offset(k, gk_weights__trained_place(&k->s->trained, layer, c).b);
}

/* The gradients of layer `layer` (n_layers: lnf and head; -1: embed and pos) are complete. */
static void ready(const back *k, int layer) {
    const gk_backprop *p = k->p;
    if (p->grad) return;
    size_t first = gk_weights__trained_start(&k->s->trained, layer);
    size_t end = gk_weights__trained_start(&k->s->trained, layer + 1);
    p->ready(p->ctx, first, end - first, layer < 0 ? p->front : p->window);
}

/* Through the products of `count` components, first and after it, that share the input x; dy has their
 * outputs side by side. dx is overwritten. */
static void products_backward(const back *k, int layer, gk_component first, int count, const float *dy,
                              int lddy, const float *x, float *dx) {
    int n = k->b->n_rows, out = 0, frozen = 0;
    for (int i = 0; i < count; i++) {
        gk_component c = first + (gk_component)i;
        out += gk_model_tensor(k->m, layer, c).out;
        frozen += !gk_session__trains(k->s, layer, c);
    }
    gk_tensor t = gk_session__fused(k->m, layer, first, out);
    gk_session__phase(k->s, GK_PHASE_PRODUCTS);
    bool all = frozen == 0;
    gk_op__linear_backward(t, n, dy, lddy, x, dx, all ? weights_slot(k, layer, first) : NULL,
                           all ? bias_slot(k, layer, first) : NULL);
    for (int i = 0; i < count && !all && frozen < count; i++) {
        gk_component c = first + (gk_component)i;
        t = gk_model_tensor(k->m, layer, c);
        if (gk_session__trains(k->s, layer, c))
            gk_op__linear_backward_weights(n, t.out, t.in, dy, lddy, x, t.in, weights_slot(k, layer, c),
                                           bias_slot(k, layer, c));
        dy += t.out;
    }
}

/* dx += the gradient through a norm from dy; adds its weights'. */
static void norm_backward(const back *k, int layer, gk_component comp, const float *x, int ldx,
                          const float *stats, const float *dy, int lddy, float *dx, int lddx) {
    gk_tensor t = gk_model_tensor(k->m, layer, comp);
    bool want = gk_session__trains(k->s, layer, comp);
    gk_op__norm_backward(&k->s->cfg, t, k->b->n_rows, gk_config__norm_groups(&k->s->cfg, comp), x, ldx, stats,
                         dy, lddy, dx, lddx, want ? weights_slot(k, layer, comp) : NULL,
                         want ? bias_slot(k, layer, comp) : NULL);
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
    gk_session__activations *a = &s->layer[layer];
    int n = k->b->n_rows, d = c->d_model, gu = gk_config__gu_dim(c);
    gk_component first = c->gated ? GK_GATE : GK_UP;
    dy = branch_out(k, layer, GK_LN2_POST, a->down_out, a->stats2_post, dy);
    products_backward(k, layer, GK_DOWN, 1, dy, d, a->act, s->dact);
    gk_session__adapter_backward(s, layer, GK_DOWN, 1, n, dy, d, a->act, s->dact, k->p->grad);
    gk_session__phase(s, GK_PHASE_ROWS);
    gk_op__act_backward(c, n, a->gu, s->dact, s->dwide);
    products_backward(k, layer, first, c->gated ? 2 : 1, s->dwide, gu, a->ln2, s->dnorm);
    gk_session__adapter_backward(s, layer, first, c->gated ? 2 : 1, n, s->dwide, gu, a->ln2, s->dnorm,
                                 k->p->grad);
    gk_session__phase(s, GK_PHASE_ROWS);
    branch_in(k, layer, GK_LN2, gk_session__mlp_in(c, a), a->stats2);
}

/* s->dwide: q's and k's gradients from those after their norms to those before. */
static void norm_qk_backward(const back *k, int layer) {
    gk_session *s = k->s;
    const gk_config *c = &s->cfg;
    gk_session__activations *a = &s->layer[layer];
    int n = k->b->n_rows, q = gk_config__q_dim(c), qkv = gk_config__qkv_dim(c), qk = q + gk_config__kv_dim(c);
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
    gk_session__activations *a = &s->layer[layer];
    int n = k->b->n_rows, d = c->d_model, qkv = gk_config__qkv_dim(c);
    dy = branch_out(k, layer, GK_LN1_POST, a->o_out, a->stats1_post, dy);
    products_backward(k, layer, GK_O, 1, dy, d, a->att, s->dact);
    gk_session__adapter_backward(s, layer, GK_O, 1, n, dy, d, a->att, s->dact, k->p->grad);
    gk_session__phase(s, GK_PHASE_ATTENTION);
    gk_op__attention_backward(c, layer, k->b, a->qkv, a->att, a->lse, s->dact, s->dwide);
    gk_session__phase(s, GK_PHASE_ROWS);
    gk_session__rotate(s, layer, n, -1.0f, s->dwide);
    if (c->qk_norm) norm_qk_backward(k, layer);
    products_backward(k, layer, GK_Q, 3, s->dwide, qkv, a->ln1, s->dnorm);
    gk_session__adapter_backward(s, layer, GK_Q, 3, n, s->dwide, qkv, a->ln1, s->dnorm, k->p->grad);
    gk_session__phase(s, GK_PHASE_ROWS);
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
    if (!gk_config_has(&k->m->cfg, comp) || !gk_session__trains(k->s, -1, comp)) return;
    scatter_job j = {.index = index,
                     .dx = k->s->dx,
                     .dtable = weights_slot(k, -1, comp),
                     .scale = scale,
                     .n = k->b->n_rows,
                     .d = (size_t)k->m->cfg.d_model};
    gk_parallel_for(j.d, 64, scatter_columns, &j);
}

/* The gradient by s->lnf goes into s->dnorm; that of the head, which is the embedding where it is tied (and
 * frozen only where that is), to its place. Returns the sum of the losses of the n rows that have a target.
 */
static double head_backward(const back *k, int n) {
    gk_session *s = k->s;
    gk_tensor t = gk_model_tensor(k->m, -1, GK_HEAD);
    gk_component owner = s->cfg.tied ? GK_EMBED : GK_HEAD;
    float *dhead = gk_session__trains(k->s, -1, owner) ? weights_slot(k, -1, owner) : NULL;
    int d = s->cfg.d_model, vocab = s->cfg.vocab;
    float cap = s->cfg.final_softcap;
    double loss = 0;
    for (int at = 0; at < n; at += s->loss_rows) {
        int count = n - at < s->loss_rows ? n - at : s->loss_rows;
        const float *x = s->lnf + (ptrdiff_t)at * d;
        size_t floats = (size_t)count * (size_t)vocab;
        gk_session__phase(s, GK_PHASE_PRODUCTS);
        gk_session__head(&s->cfg, k->m, count, x, s->logits);
        gk_session__phase(s, GK_PHASE_LOSS);
        if (cap > 0) memcpy(s->capped, s->logits, floats * sizeof(float));
        loss += gk_op__cross_entropy(count, vocab, s->logits, s->target + at, k->p->scale);
        if (cap > 0) gk_op__softcap_backward(cap, floats, s->capped, s->logits);
        gk_session__phase(s, GK_PHASE_PRODUCTS);
        gk_op__linear_backward(t, count, s->logits, vocab, x, s->dnorm + (ptrdiff_t)at * d, dhead, NULL);
    }
    return loss;
}

/* From s->dnorm through the final norm: s->dx, the gradient by s->x_out of every row. */
static void final_norm_backward(const back *k, int n) {
    gk_session *s = k->s;
    int d = s->cfg.d_model;
    bool want = gk_session__trains(k->s, -1, GK_LNF);
    float *dpicked = s->dact;
    memset(dpicked, 0, (size_t)n * (size_t)d * sizeof(float));
    gk_op__norm_backward(&s->cfg, gk_model_tensor(k->m, -1, GK_LNF), n, 1, s->picked, d, s->statsf, s->dnorm,
                         d, dpicked, d, want ? weights_slot(k, -1, GK_LNF) : NULL,
                         want ? bias_slot(k, -1, GK_LNF) : NULL);
    memset(s->dx, 0, (size_t)k->b->n_rows * (size_t)d * sizeof(float));
    for (int i = 0; i < n; i++)
        memcpy(s->dx + (ptrdiff_t)s->rows[i] * d, dpicked + (ptrdiff_t)i * d, (size_t)d * sizeof(float));
}

/* Where a part of the gradients begins; an adapter's are one piece. */
static size_t from(const gk_session *s, int layer) {
    return s->adapter ? 0 : gk_weights__trained_start(&s->trained, layer);
}

/* After gk_session__forward and the final norm of the n rows that have a target: the sum of their losses, and
 * the gradients. */
static double backward(gk_session *s, const gk_model *m, const gk_batch *b, const gk_backprop *p, int n) {
    int layers = m->cfg.n_layers;
    back k = {.s = s, .m = m, .b = b, .p = p, .from = from(s, layers)};
    double loss = head_backward(&k, n);
    gk_session__phase(s, GK_PHASE_ROWS);
    final_norm_backward(&k, n);
    ready(&k, layers);
    for (int l = layers - 1; l >= s->lowest; l--) {
        k.from = from(s, l);
        if (s->recompute && l + 1 < layers) gk_session__forward_again(s, m, b, l);
        layer_backward(&k, l);
        ready(&k, l);
    }
    table_backward(&k, GK_EMBED, b->token, s->cfg.embed_scale);
    table_backward(&k, GK_POS, s->position, 1);
    ready(&k, -1);
    return loss;
}

double gk_session__step(gk_session *s, const gk_model *m, const gk_batch *b, const gk_backprop *p,
                        int64_t *n_targets) {
    memset(s->spent, 0, sizeof s->spent);
    s->phase_began = gk_now();
    s->phase = GK_PHASE_ROWS;
    gk_session__forward(s, m, b);
    int n = gk_session__rows_with_target(s, b);
    gk_session__phase(s, GK_PHASE_ROWS);
    gk_session__final_norm(s, m, s->rows, n);
    *n_targets = n;
    double loss = backward(s, m, b, p, n);
    gk_session__phase(s, GK_PHASE_ROWS);
    return loss;
}
