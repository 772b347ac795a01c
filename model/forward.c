/* forward.c: the one forward pass. */
#include "model/session.h"

#include <string.h>

gk_tensor gk__fused(const gk_model *m, int layer, gk_component first, int out) {
    gk_tensor t = gk_model_tensor(m, layer, first);
    t.out = out;
    return t;
}

static void positions(gk_session *s, const gk_batch *b) {
    for (int q = 0; q < b->n_seqs; q++)
        for (int r = b->seq_start[q]; r < b->seq_start[q + 1]; r++) s->position[r] = r - b->seq_start[q];
}

/* out = x + y W^T + b */
static void residual_linear(gk_tensor t, int n, const float *x, const float *y, float *out) {
    size_t d = (size_t)t.out;
    memcpy(out, x, (size_t)n * d * sizeof(float));
    if (t.b)
        for (int r = 0; r < n; r++)
            for (size_t i = 0; i < d; i++) out[(size_t)r * d + i] += t.b[i];
    gk__gemm(GK_GEMM_NT, n, t.out, t.in, y, t.in, t.w, t.in, 1.0f, out, t.out);
}

static void forward_layer(gk_session *s, const gk_model *m, const gk_batch *b, int layer, float *x_next) {
    const gk_config *c = &s->cfg;
    gk__acts *a = &s->layer[layer];
    int n = b->n_rows, d = c->d_model, qkv = gk__qkv_dim(c), gu = gk__gu_dim(c);
    gk__norm_forward(c, gk_model_tensor(m, layer, GK_LN1), n, a->x_in, a->ln1, a->stats1);
    gk_op_linear(gk__fused(m, layer, GK_Q, qkv), n, a->ln1, d, a->qkv, qkv);
    if (c->rope) gk__rope_apply(c, n, c->n_heads + c->n_kv_heads, s->position, s->rope, 1.0f, a->qkv, qkv);
    gk__attention_forward(c, b, a->qkv, a->att, a->lse);
    residual_linear(gk_model_tensor(m, layer, GK_O), n, a->x_in, a->att, a->x_mid);
    gk__norm_forward(c, gk_model_tensor(m, layer, GK_LN2), n, a->x_mid, a->ln2, a->stats2);
    gk_component first = c->mlp == GK_MLP_SWIGLU ? GK_GATE : GK_UP;
    gk_op_linear(gk__fused(m, layer, first, gu), n, a->ln2, d, a->gu, gu);
    gk__act_forward(c, n, a->gu, a->act);
    residual_linear(gk_model_tensor(m, layer, GK_DOWN), n, a->x_mid, a->act, x_next);
}

void gk__forward(gk_session *s, const gk_model *m, const gk_batch *b) {
    const gk_config *c = &s->cfg;
    positions(s, b);
    gk_op_embed(gk_model_tensor(m, -1, GK_EMBED), b->n_rows, b->token, s->layer[0].x_in);
    gk_op_pos(gk_model_tensor(m, -1, GK_POS), b->n_rows, s->position, s->layer[0].x_in);
    for (int l = 0; l < c->n_layers; l++)
        forward_layer(s, m, b, l, l + 1 < c->n_layers ? s->layer[l + 1].x_in : s->x_out);
}
