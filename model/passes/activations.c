/* activations.c: the memory of one pass: a session as one caller or one thread has it. */
#include "graftkit/core/memory.h"
#include "model/gemm/gemm.h"
#include "model/passes/session.h"

#include <string.h>

/* How many logits exist at once while the loss is computed. Each block of rows adds once to the head's whole
 * gradient, so few large ones are fast, and small ones save memory. */
#define LOGITS_FLOATS (64u << 20)
#define FEW_LOGITS (16u << 20)

/* Carves buffers out of one allocation; with no memory it only counts. The spare ones, d and f wide, are for
 * what is not read again: the input of products whose weights are frozen. */
typedef struct carve {
    float *at;
    size_t used;
    float *spare_norm, *spare_act;
    bool has_norm, has_act;
} carve;

static float *take(carve *c, size_t rows, int width) {
    float *p = c->at ? c->at + c->used : NULL;
    c->used += (rows * (size_t)width + 15) / 16 * 16;
    return p;
}

static int larger(int a, int b) {
    return a > b ? a : b;
}

static int loss_rows(const gk_config *c, const gk_session_opts *o) {
    size_t floats = o->backward && !o->recompute ? LOGITS_FLOATS : FEW_LOGITS;
    int rows = larger(32, (int)(floats / (size_t)c->vocab));
    return rows < o->max_rows ? rows : o->max_rows;
}

static float *take_spare(carve *k, size_t n, int width, float **spare, bool *has) {
    if (!*has) *spare = take(k, n, width);
    *has = true;
    return *spare;
}

/* Whether the backward pass reads what the products of `count` components from `first` on read. */
static bool reads_input(const gk_session *s, int layer, gk_component first, int count) {
    for (int i = 0; i < count; i++) {
        gk_component c = first + (gk_component)i;
        if (!gk_config_has(&s->cfg, c)) continue;
        if (s->adapter ? gk_adapter_has(s->adapter, layer, c) : gk_session__trains(s, layer, c)) return true;
    }
    return false;
}

/* Without backward, or where they are computed again, all layers have the same. */
static bool is_kept(const gk_session *s, int layer, gk_component first, int count) {
    return !s->backward || s->recompute || reads_input(s, layer, first, count);
}

/* What products read: a norm's output, or the activations. */
static float *take_norm(carve *k, const gk_session *s, int layer, gk_component first, int count) {
    size_t n = (size_t)s->max_rows;
    int d = s->cfg.d_model;
    if (is_kept(s, layer, first, count)) return take(k, n, d);
    return take_spare(k, n, d, &k->spare_norm, &k->has_norm);
}

static float *take_act(carve *k, const gk_session *s, int layer) {
    size_t n = (size_t)s->max_rows;
    int f = s->cfg.d_ffn;
    if (is_kept(s, layer, GK_DOWN, 1)) return take(k, n, f);
    return take_spare(k, n, f, &k->spare_act, &k->has_act);
}

/* All but x_in. */
static void carve_layer(carve *k, const gk_session *s, int layer) {
    const gk_config *c = &s->cfg;
    gk_session__activations *a = &s->layer[layer];
    size_t n = (size_t)s->max_rows;
    int d = c->d_model;
    a->ln1 = c->pre_norm ? take_norm(k, s, layer, GK_Q, 3) : a->x_in;
    a->stats1 = take(k, n, 2);
    if (c->qk_norm) {
        a->qk = take(k, n, gk_config__q_dim(c) + gk_config__kv_dim(c));
        a->stats_q = take(k, n, 2 * gk_config__norm_groups(c, GK_Q_NORM));
        a->stats_k = take(k, n, 2 * gk_config__norm_groups(c, GK_K_NORM));
    }
    a->qkv = take(k, n, gk_config__qkv_dim(c));
    a->att = take(k, n, gk_config__q_dim(c));
    a->lse = take(k, n, c->n_heads);
    a->x_mid = take(k, n, d);
    a->ln2 = c->pre_norm ? take_norm(k, s, layer, GK_GATE, 2) : gk_session__mlp_in(c, a);
    a->stats2 = take(k, n, 2);
    a->gu = take(k, n, gk_config__gu_dim(c));
    a->act = take_act(k, s, layer);
    if (!c->post_norm) return;
    a->o_out = take(k, n, d);
    a->stats1_post = take(k, n, 2);
    a->down_out = take(k, n, d);
    a->stats2_post = take(k, n, 2);
}

/* Where there is no norm before a branch, what it gives is what it would have read. */
static void point_at_inputs(const gk_config *c, gk_session__activations *a) {
    if (c->pre_norm) return;
    a->ln1 = a->x_in;
    a->ln2 = gk_session__mlp_in(c, a);
}

/* No sequence is longer than the session's rows. */
static int rope_positions(const gk_session *s) {
    return s->max_rows < s->cfg.max_positions ? s->max_rows : s->cfg.max_positions;
}

/* Layers of which nothing is kept use those of the first one of which something is. */
static void carve_layers(carve *k, gk_session *s) {
    const gk_config *c = &s->cfg;
    int first = s->lowest < c->n_layers ? s->lowest : c->n_layers - 1;
    for (int l = first; l < c->n_layers; l++) {
        gk_session__activations *a = &s->layer[l];
        bool own = l == first || !s->recompute;
        if (!own) *a = s->layer[first];
        a->x_in = take(k, (size_t)s->max_rows, c->d_model);
        if (own)
            carve_layer(k, s, l);
        else
            point_at_inputs(c, a);
    }
    for (int l = 0; l < first; l++) s->layer[l] = s->layer[first];
}

static void carve_session(carve *k, gk_session *s) {
    const gk_config *c = &s->cfg;
    size_t n = (size_t)s->max_rows;
    int d = c->d_model;
    carve_layers(k, s);
    s->x_out = take(k, n, d);
    s->picked = take(k, n, d);
    s->lnf = take(k, n, d);
    s->statsf = take(k, n, 2);
    s->logits = take(k, (size_t)s->loss_rows, c->vocab);
    for (int i = 0; i < 2; i++)
        if (c->rope && i <= c->rotary_apart)
            s->rope[i] = take(k, (size_t)rope_positions(s), gk_config__rotary_dim(c));
    if (s->adapter) s->low = take(k, n, gk_adapter_rank(s->adapter));
    if (s->adapter && s->backward) s->dlow = take(k, n, gk_adapter_rank(s->adapter));
    /* int32_t and float are both four bytes; the arrays are only ever used as the one or the other. */
    s->position = (int32_t *)(void *)take(k, n, 1);
    s->rows = (int32_t *)(void *)take(k, n, 1);
    s->target = (int32_t *)(void *)take(k, n, 1);
    if (!s->backward) return;
    s->dx = take(k, n, d);
    s->dnorm = take(k, n, d);
    s->dwide = take(k, n, larger(gk_config__qkv_dim(c), gk_config__gu_dim(c)));
    s->dact = take(k, n, larger(larger(c->d_ffn, d), gk_config__q_dim(c)));
    if (c->post_norm || c->parallel) s->dbranch = take(k, n, d);
    if (c->qk_norm) s->dqk = take(k, n, gk_config__q_dim(c) + gk_config__kv_dim(c));
    if (c->final_softcap > 0) s->capped = take(k, (size_t)s->loss_rows, c->vocab);
}

/* The lowest layer that the backward pass must go through: 0 while embed or pos wants a gradient, n_layers
 * when nothing below the final norm does. */
static int lowest_layer(const gk_session *s) {
    const gk_config *c = &s->cfg;
    if (!s->backward) return c->n_layers;
    if (gk_session__trains(s, -1, GK_EMBED) ||
        (gk_config_has(c, GK_POS) && gk_session__trains(s, -1, GK_POS)))
        return 0;
    for (int l = 0; l < c->n_layers; l++)
        for (int i = GK_LN1; i < GK_LNF; i++)
            if (reads_input(s, l, (gk_component)i, 1)) return l;
    return c->n_layers;
}

static uint32_t *copied(const gk_config *c, const uint32_t *masks) {
    size_t bytes = ((size_t)c->n_layers + 1) * sizeof *masks;
    return masks ? memcpy(gk_alloc(bytes), masks, bytes) : NULL;
}

/* Without buffers. */
static gk_session blank(const gk_config *c, const gk_session_opts *o) {
    bool masked = o->backward && !o->adapter;
    gk_session s = {.cfg = *c,
                    .max_rows = o->max_rows,
                    .backward = o->backward,
                    .recompute = o->backward && o->recompute,
                    .frozen = masked ? copied(c, o->frozen) : NULL,
                    .adapter = o->adapter,
                    .loss_rows = loss_rows(c, o),
                    .layer = gk_alloc((size_t)c->n_layers * sizeof *s.layer)};
    if (masked) s.trained = gk_weights__trained_make(c, o->frozen);
    s.lowest = lowest_layer(&s);
    return s;
}

static void forget(gk_session *s) {
    gk_weights__trained_free(&s->trained);
    gk_free(s->frozen);
    gk_free(s->layer);
}

size_t gk_session__single_bytes(const gk_config *c, const gk_session_opts *o) {
    gk_session s = blank(c, o);
    carve count = {0};
    carve_session(&count, &s);
    forget(&s);
    return count.used * sizeof(float);
}

/* The widest two of a layer, or a block of logits. */
size_t gk_session__operand_bytes(const gk_config *c, const gk_session_opts *o) {
    if (!o->narrow) return 0;
    size_t widest = (size_t)larger(larger(gk_config__gu_dim(c), gk_config__qkv_dim(c)), c->d_model),
           rows = (size_t)o->max_rows;
    size_t logits = o->backward ? (size_t)loss_rows(c, o) * (size_t)c->vocab : 0;
    size_t left = rows * widest > logits ? rows * widest : logits;
    return (left + rows * (size_t)larger(c->d_ffn, c->d_model)) * gk_gemm__bf16_operand_bytes();
}

gk_session *gk_session__single(const gk_config *c, const gk_session_opts *o, gk_error *err) {
    if (o->max_rows < 1) {
        gk_fail(err, GK_NOWHERE, "at least 1", "a session of %d rows", o->max_rows);
        return NULL;
    }
    size_t bytes = gk_session__single_bytes(c, o);
    float *block = gk_try_alloc(bytes);
    if (!block) {
        gk_fail(err, GK_NOWHERE, "fewer rows a batch",
                "not enough memory for the activations of %d rows (%zu MiB)", o->max_rows, bytes >> 20);
        return NULL;
    }
    gk_session *s = gk_alloc(sizeof *s);
    *s = blank(c, o);
    s->block = block;
    carve k = {.at = block};
    carve_session(&k, s);
    for (int i = 0; i < 2; i++)
        if (s->rope[i]) gk_op__rope_table(c, i, rope_positions(s), s->rope[i]);
    return s;
}

void gk_session__single_free(gk_session *s) {
    if (!s) return;
    gk_free(s->block);
    forget(s);
    gk_free(s);
}
