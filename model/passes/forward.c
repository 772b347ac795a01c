/* forward.c: the one forward pass. */
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"
#include "model/passes/session.h"

#include <string.h>

gk_tensor gk_session__fused(const gk_model *m, int layer, gk_component first, int out) {
    gk_tensor t = gk_model_tensor(m, layer, first);
    t.out = out;
    return t;
}

static void positions(gk_session *s, const gk_batch *b) {
    int past = s->cache ? s->cache->n : 0;
    for (int q = 0; q < b->n_seqs; q++)
        for (int r = b->seq_start[q]; r < b->seq_start[q + 1]; r++)
            s->position[r] = past + r - b->seq_start[q];
}

typedef struct carry_job {
    const float *x, *b;
    float *out;
    size_t d;
} carry_job;

static void carry_rows(void *ctx, size_t begin, size_t end) {
    const carry_job *j = ctx;
    for (size_t r = begin; r < end; r++) {
        const float *restrict x = j->x + r * j->d, *restrict b = j->b;
        float *restrict out = j->out + r * j->d;
        if (!b) {
            memcpy(out, x, j->d * sizeof *out);
            continue;
        }
#pragma omp simd
        for (size_t i = 0; i < j->d; i++) out[i] = x[i] + b[i];
    }
}

/* out = x + y W^T + b */
static void residual_linear(gk_tensor t, int n, const float *x, const float *y, float *out) {
    carry_job j = {x, t.b, out, (size_t)t.out};
    gk_parallel_for((size_t)n, 1 + 32768 / j.d, carry_rows, &j);
    gk_op__linear_product(t, n, y, t.in, 1.0f, out, t.out);
}

/* y = x W^T + b for `count` components from `first` on, which share x, side by side in y. */
static void linear_group(const gk_model *m, int layer, gk_component first, int count, int n, const float *x,
                         float *y, int ldy) {
    if (m->params) { /* their weights follow each other: one product */
        gk_tensor t = gk_session__fused(m, layer, first, ldy);
        gk_op_linear(t, n, x, t.in, y, ldy);
        return;
    }
    for (int i = 0; i < count; i++) {
        gk_tensor t = gk_model_tensor(m, layer, first + (gk_component)i);
        gk_op_linear(t, n, x, t.in, y, ldy);
        y += t.out;
    }
}

/* y = norm(x), or nothing where the model has no such norm. */
static void norm(const gk_session *s, const gk_model *m, int layer, gk_component comp, int n, const float *x,
                 int ldx, float *y, int ldy, float *stats) {
    if (gk_config_has(&s->cfg, comp))
        gk_op__norm_forward(&s->cfg, gk_model_tensor(m, layer, comp), n,
                            gk_config__norm_groups(&s->cfg, comp), x, ldx, y, ldy, stats);
}

/* out = x + the branch's last product, which a post-norm model norms first. */
static void add_branch(gk_session *s, const gk_model *m, int layer, gk_component last, gk_component post,
                       int n, const float *y, float *raw, float *stats, const float *x, float *out) {
    gk_tensor t = gk_model_tensor(m, layer, last);
    gk_session__phase(s, GK_PHASE_PRODUCTS);
    if (!s->cfg.post_norm) {
        residual_linear(t, n, x, y, out);
        gk_session__adapter_forward(s, layer, last, 1, n, y, out, t.out);
        return;
    }
    gk_op_linear(t, n, y, t.in, raw, t.out);
    gk_session__adapter_forward(s, layer, last, 1, n, y, raw, t.out);
    gk_session__phase(s, GK_PHASE_ROWS);
    norm(s, m, layer, post, n, raw, t.out, s->lnf, t.out, stats); /* lnf is free until the end */
    memcpy(out, x, (size_t)n * (size_t)t.out * sizeof(float));
    gk_op_add((size_t)n * (size_t)t.out, out, s->lnf);
}

/* q and k, from a->qkv to their place there, normed; what they were stays in a->qk. */
static void norm_qk(gk_session *s, const gk_model *m, int layer, int n, gk_session__activations *a) {
    const gk_config *c = &s->cfg;
    int q = gk_config__q_dim(c), qkv = gk_config__qkv_dim(c), qk = q + gk_config__kv_dim(c);
    for (int r = 0; r < n; r++)
        memcpy(a->qk + (ptrdiff_t)r * qk, a->qkv + (ptrdiff_t)r * qkv, (size_t)qk * sizeof(float));
    norm(s, m, layer, GK_Q_NORM, n, a->qk, qk, a->qkv, qkv, a->stats_q);
    norm(s, m, layer, GK_K_NORM, n, a->qk + q, qk, a->qkv + q, qkv, a->stats_k);
}

void gk_session__rotate(gk_session *s, int layer, int n, float sign, float *qkv) {
    const gk_config *c = &s->cfg;
    if (gk_config_rotated(c, layer))
        gk_op__rope_apply(c, n, c->n_heads + c->n_kv_heads, s->position,
                          s->rope[gk_config__rotary_index(c, layer)], sign, qkv, gk_config__qkv_dim(c));
}

/* again: only what the backward pass reads; x_next is overwritten all the same where norms follow the MLP. */
static void forward_layer(gk_session *s, const gk_model *m, const gk_batch *b, int layer, bool again,
                          float *x_next) {
    const gk_config *c = &s->cfg;
    gk_session__activations *a = &s->layer[layer];
    int n = b->n_rows, d = c->d_model, qkv = gk_config__qkv_dim(c), gu = gk_config__gu_dim(c);
    gk_session__phase(s, GK_PHASE_ROWS);
    norm(s, m, layer, GK_LN1, n, a->x_in, d, a->ln1, d, a->stats1);
    gk_session__phase(s, GK_PHASE_PRODUCTS);
    linear_group(m, layer, GK_Q, 3, n, a->ln1, a->qkv, qkv);
    gk_session__adapter_forward(s, layer, GK_Q, 3, n, a->ln1, a->qkv, qkv);
    gk_session__phase(s, GK_PHASE_ROWS);
    if (c->qk_norm) norm_qk(s, m, layer, n, a);
    gk_session__rotate(s, layer, n, 1.0f, a->qkv);
    gk_session__phase(s, GK_PHASE_ATTENTION);
    if (s->cache)
        gk_op__attention_cached(c, layer, n, s->cache, a->qkv, a->att);
    else
        gk_op__attention_forward(c, layer, b, a->qkv, a->att, a->lse);
    add_branch(s, m, layer, GK_O, GK_LN1_POST, n, a->att, a->o_out, a->stats1_post, a->x_in, a->x_mid);
    gk_session__phase(s, GK_PHASE_ROWS);
    norm(s, m, layer, GK_LN2, n, gk_session__mlp_in(c, a), d, a->ln2, d, a->stats2);
    gk_session__phase(s, GK_PHASE_PRODUCTS);
    linear_group(m, layer, c->gated ? GK_GATE : GK_UP, c->gated ? 2 : 1, n, a->ln2, a->gu, gu);
    gk_session__adapter_forward(s, layer, c->gated ? GK_GATE : GK_UP, c->gated ? 2 : 1, n, a->ln2, a->gu, gu);
    gk_session__phase(s, GK_PHASE_ROWS);
    gk_op__act_forward(c, n, a->gu, a->act);
    if (!again || c->post_norm)
        add_branch(s, m, layer, GK_DOWN, GK_LN2_POST, n, a->act, a->down_out, a->stats2_post, a->x_mid,
                   x_next);
}

void gk_session__forward(gk_session *s, const gk_model *m, const gk_batch *b) {
    const gk_config *c = &s->cfg;
    positions(s, b);
    gk_op_embed(c, gk_model_tensor(m, -1, GK_EMBED), b->n_rows, b->token, s->layer[0].x_in);
    gk_op_pos(gk_model_tensor(m, -1, GK_POS), b->n_rows, s->position, s->layer[0].x_in);
    for (int l = 0; l < c->n_layers; l++)
        forward_layer(s, m, b, l, false, l + 1 < c->n_layers ? s->layer[l + 1].x_in : s->x_out);
}

void gk_session__forward_again(gk_session *s, const gk_model *m, const gk_batch *b, int layer) {
    forward_layer(s, m, b, layer, true, s->x_out); /* free by then */
}
