/* session.c: the memory of one run and the entry points: logits, loss, loss with gradients. */
#include "model/passes/session.h"

#include <string.h>

/* How many logits exist at once while the loss is computed. Each block of rows adds once to the head's whole
 * gradient, so few large ones are fast, and small ones save memory. */
#define LOGITS_FLOATS (64u << 20)
#define FEW_LOGITS (16u << 20)

/* Carves buffers out of one allocation; with no memory it only counts. */
typedef struct carve {
    float *at;
    size_t used;
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

/* All but x_in. */
static void carve_layer(carve *k, const gk_config *c, size_t n, gk__acts *a) {
    int d = c->d_model;
    a->ln1 = c->pre_norm ? take(k, n, d) : a->x_in;
    a->stats1 = take(k, n, 2);
    if (c->qk_norm) {
        a->qk = take(k, n, gk__q_dim(c) + gk__kv_dim(c));
        a->stats_q = take(k, n, 2);
        a->stats_k = take(k, n, 2);
    }
    a->qkv = take(k, n, gk__qkv_dim(c));
    a->att = take(k, n, gk__q_dim(c));
    a->lse = take(k, n, c->n_heads);
    a->x_mid = take(k, n, d);
    a->ln2 = c->pre_norm ? take(k, n, d) : gk__mlp_in(c, a);
    a->stats2 = take(k, n, 2);
    a->gu = take(k, n, gk__gu_dim(c));
    a->act = take(k, n, c->d_ffn);
    if (!c->post_norm) return;
    a->o_out = take(k, n, d);
    a->stats1_post = take(k, n, 2);
    a->down_out = take(k, n, d);
    a->stats2_post = take(k, n, 2);
}

/* Where there is no norm before a branch, what it gives is what it would have read. */
static void point_at_inputs(const gk_config *c, gk__acts *a) {
    if (c->pre_norm) return;
    a->ln1 = a->x_in;
    a->ln2 = gk__mlp_in(c, a);
}

/* No sequence is longer than the session's rows. */
static int rope_positions(const gk_session *s) {
    return s->max_rows < s->cfg.max_positions ? s->max_rows : s->cfg.max_positions;
}

static void carve_session(carve *k, gk_session *s) {
    const gk_config *c = &s->cfg;
    size_t n = (size_t)s->max_rows;
    int d = c->d_model;
    for (int l = 0; l < c->n_layers; l++) {
        gk__acts *a = &s->layer[l];
        bool own = l == 0 || (s->backward && !s->recompute);
        if (!own) *a = s->layer[0];
        if (own || s->backward) a->x_in = take(k, n, d);
        if (own)
            carve_layer(k, c, n, a);
        else
            point_at_inputs(c, a);
    }
    s->x_out = take(k, n, d);
    s->picked = take(k, n, d);
    s->lnf = take(k, n, d);
    s->statsf = take(k, n, 2);
    s->logits = take(k, (size_t)s->loss_rows, c->vocab);
    if (c->rope) s->rope = take(k, (size_t)rope_positions(s), gk__rotary_dim(c));
    if (s->adapter) s->low = take(k, n, gk_adapter_rank(s->adapter));
    if (s->adapter && s->backward) s->dlow = take(k, n, gk_adapter_rank(s->adapter));
    /* int32_t and float are both four bytes; the arrays are only ever used as the one or the other. */
    s->position = (int32_t *)(void *)take(k, n, 1);
    s->rows = (int32_t *)(void *)take(k, n, 1);
    s->target = (int32_t *)(void *)take(k, n, 1);
    if (!s->backward) return;
    s->dx = take(k, n, d);
    s->dnorm = take(k, n, d);
    s->dwide = take(k, n, larger(gk__qkv_dim(c), gk__gu_dim(c)));
    s->dact = take(k, n, larger(larger(c->d_ffn, d), gk__q_dim(c)));
    if (c->post_norm || c->parallel) s->dbranch = take(k, n, d);
    if (c->qk_norm) s->dqk = take(k, n, gk__q_dim(c) + gk__kv_dim(c));
    if (c->final_softcap > 0) s->capped = take(k, (size_t)s->loss_rows, c->vocab);
}

static gk_session blank(const gk_config *c, const gk_session_opts *o) {
    return (gk_session){.cfg = *c,
                        .max_rows = o->max_rows,
                        .backward = o->backward,
                        .recompute = o->backward && o->recompute,
                        .adapter = o->adapter,
                        .loss_rows = loss_rows(c, o)};
}

static size_t single_bytes(const gk_config *c, const gk_session_opts *o) {
    gk_session s = blank(c, o);
    s.layer = gk_alloc((size_t)c->n_layers * sizeof *s.layer);
    carve count = {0};
    carve_session(&count, &s);
    gk_free(s.layer);
    return count.used * sizeof(float);
}

/* Operands rounded to bf16: the widest two of a layer, or a block of logits. */
static size_t operand_bytes(const gk_config *c, const gk_session_opts *o) {
    if (!o->narrow) return 0;
    size_t widest = (size_t)larger(larger(gk__gu_dim(c), gk__qkv_dim(c)), c->d_model),
           rows = (size_t)o->max_rows;
    size_t logits = o->backward ? (size_t)loss_rows(c, o) * (size_t)c->vocab : 0;
    size_t left = rows * widest > logits ? rows * widest : logits;
    return (left + rows * (size_t)larger(c->d_ffn, c->d_model)) * sizeof(uint16_t);
}

size_t gk_session_size(const gk_config *c, const gk_session_opts *o) {
    size_t parts = gk__parts_wanted(c, o->backward);
    return operand_bytes(c, o) + parts * single_bytes(c, o) +
           (parts - 1) * gk__session_grad_floats(c, o->adapter) * sizeof(float);
}

size_t gk_session_bytes(const gk_config *c, int max_rows, bool backward) {
    return gk_session_size(c, &(gk_session_opts){.max_rows = max_rows, .backward = backward});
}

gk_session *gk_session_make(const gk_config *c, const gk_session_opts *o, gk_error *err) {
    gk_session *s = gk__session_single(c, o, err);
    if (!s || gk__parts_new(s, gk__parts_wanted(c, o->backward), o, err)) return s;
    gk_session_free(s);
    return NULL;
}

gk_session *gk_session_new(const gk_config *c, int max_rows, bool backward, gk_error *err) {
    return gk_session_make(c, &(gk_session_opts){.max_rows = max_rows, .backward = backward}, err);
}

gk_session *gk__session_single(const gk_config *c, const gk_session_opts *o, gk_error *err) {
    if (o->max_rows < 1) {
        gk_fail(err, GK_NOWHERE, "at least 1", "a session of %d rows", o->max_rows);
        return NULL;
    }
    size_t bytes = single_bytes(c, o);
    float *block = gk_try_alloc(bytes);
    if (!block) {
        gk_fail(err, GK_NOWHERE, "fewer rows a batch",
                "not enough memory for the activations of %d rows (%zu MiB)", o->max_rows, bytes >> 20);
        return NULL;
    }
    gk_session *s = gk_alloc(sizeof *s);
    *s = blank(c, o);
    s->block = block;
    s->layer = gk_alloc((size_t)c->n_layers * sizeof *s->layer);
    carve k = {.at = block};
    carve_session(&k, s);
    if (c->rope) gk__rope_table(c, rope_positions(s), s->rope);
    return s;
}

void gk_session_free(gk_session *s) {
    if (!s) return;
    gk__parts_free(s);
    gk_free(s->block);
    gk_free(s->layer);
    gk_free(s);
}

bool gk__batch_check(const gk_session *s, const gk_model *m, const gk_batch *b, gk_error *err) {
    const gk_config *c = &s->cfg;
    gk_config_diff d;
    if (gk_config_difference(&m->cfg, c, &d))
        return gk_fail(err, GK_NOWHERE, "a session made from the model's configuration",
                       "model and session differ in %s: %s and %s", d.field, d.a, d.b);
    if (s->adapter && !gk_adapter_low_rank(s->adapter))
        return gk_fail(err, GK_NOWHERE, "merge it: gk_adapter_merge",
                       "the adapter does more than add products");
    if (s->adapter && gk_config_difference(gk_adapter_config(s->adapter), c, &d))
        return gk_fail(err, GK_NOWHERE, "an adapter of the model's configuration",
                       "adapter and session differ in %s: %s and %s", d.field, d.a, d.b);
    if (b->n_rows < 1 || b->n_rows > s->max_rows || b->n_seqs < 1 || b->seq_start[0] != 0 ||
        b->seq_start[b->n_seqs] != b->n_rows)
        return gk_fail(
            err, GK_NOWHERE, "sequences that cover the rows, at least one and no more than the session holds",
            "a batch of %d rows in %d sequences for a session of %d rows", b->n_rows, b->n_seqs, s->max_rows);
    for (int q = 0; q < b->n_seqs; q++) {
        int len = b->seq_start[q + 1] - b->seq_start[q];
        if (len < 1 || len > c->max_positions)
            return gk_fail(err, GK_NOWHERE, "1 to the model's maximum of positions",
                           "sequence %d of the batch has %d tokens, the model takes up to %d", q, len,
                           c->max_positions);
    }
    for (int r = 0; r < b->n_rows; r++) {
        int target = b->target ? b->target[r] : -1;
        if (b->token[r] < 0 || b->token[r] >= c->vocab || target < -1 || target >= c->vocab)
            return gk_fail(err, GK_NOWHERE, "ids below the model's vocabulary size",
                           "row %d of the batch has token %d and target %d, the vocabulary has %d", r,
                           b->token[r], target, c->vocab);
    }
    return true;
}

/* The final norm of the listed rows, into s->lnf. */
static void final_norm(gk_session *s, const gk_model *m, const int32_t *rows, int n) {
    size_t d = (size_t)s->cfg.d_model;
    for (int i = 0; i < n; i++)
        memcpy(s->picked + (size_t)i * d, s->x_out + (size_t)rows[i] * d, d * sizeof(float));
    int width = s->cfg.d_model;
    gk__norm_forward(&s->cfg, gk_model_tensor(m, -1, GK_LNF), n, s->picked, width, s->lnf, width, s->statsf);
}

void gk__head(const gk_config *c, const gk_model *m, int n, const float *x, float *logits) {
    gk_op_linear(gk_model_tensor(m, -1, GK_HEAD), n, x, c->d_model, logits, c->vocab);
    gk_op_softcap(c->final_softcap, (size_t)n * (size_t)c->vocab, logits);
}

bool gk_forward(gk_session *s, const gk_model *m, const gk_batch *b, const int32_t *rows, int n,
                float *logits, gk_error *err) {
    if (!gk__batch_check(s, m, b, err)) return false;
    for (int i = 0; i < n; i++)
        if (rows[i] < 0 || rows[i] >= b->n_rows)
            return gk_fail(err, GK_NOWHERE, "rows of the batch", "logits asked for row %d of %d", rows[i],
                           b->n_rows);
    gk__forward(s, m, b);
    for (int at = 0; at < n; at += s->max_rows) {
        int count = n - at < s->max_rows ? n - at : s->max_rows;
        final_norm(s, m, rows + at, count);
        gk__head(&s->cfg, m, count, s->lnf, logits + (size_t)at * (size_t)s->cfg.vocab);
    }
    return true;
}

/* Rows that have a target, gathered: the head runs over these only. */
static int rows_with_target(gk_session *s, const gk_batch *b) {
    int n = 0;
    for (int r = 0; b->target && r < b->n_rows; r++)
        if (b->target[r] >= 0) {
            s->rows[n] = r;
            s->target[n++] = b->target[r];
        }
    return n;
}

bool gk_forward_loss(gk_session *s, const gk_model *m, const gk_batch *b, double *loss_sum,
                     int64_t *n_targets, gk_error *err) {
    if (!gk__batch_check(s, m, b, err)) return false;
    gk__forward(s, m, b);
    int n = rows_with_target(s, b), d = s->cfg.d_model;
    final_norm(s, m, s->rows, n);
    *loss_sum = 0;
    *n_targets = n;
    for (int at = 0; at < n; at += s->loss_rows) {
        int count = n - at < s->loss_rows ? n - at : s->loss_rows;
        gk__head(&s->cfg, m, count, s->lnf + (ptrdiff_t)at * d, s->logits);
        *loss_sum += gk__xent(count, s->cfg.vocab, s->logits, s->target + at, 0);
    }
    return true;
}

double gk__step(gk_session *s, const gk_model *m, const gk_batch *b, const gk_backprop *p,
                int64_t *n_targets) {
    memset(s->spent, 0, sizeof s->spent);
    s->phase_began = gk_now();
    s->phase = GK_PHASE_ROWS;
    gk__forward(s, m, b);
    int n = rows_with_target(s, b);
    gk__phase(s, GK_PHASE_ROWS);
    final_norm(s, m, s->rows, n);
    *n_targets = n;
    double loss = gk__backward(s, m, b, p, n);
    gk__phase(s, GK_PHASE_ROWS);
    return loss;
}

bool gk_forward_backward(gk_session *s, const gk_model *m, const gk_batch *b, const gk_backprop *p,
                         double *loss_sum, int64_t *n_targets, gk_error *err) {
    if (!gk__batch_check(s, m, b, err)) return false;
    if (!s->backward)
        return gk_fail(err, GK_NOWHERE, "backward = true", "the session was made without gradients");
    if (!m->params) return gk_fail(err, GK_NOWHERE, "gk_model_load", "the model was opened for reading only");
    if (s->adapter && !p->grad)
        return gk_fail(err, GK_NOWHERE, "a gradient of gk_adapter_floats", "an adapter's come in one piece");
    gk_gemm_init();
    *loss_sum =
        s->n_parts && p->grad ? gk__parts_step(s, m, b, p, n_targets) : gk__step(s, m, b, p, n_targets);
    return true;
}

void gk_session_phases(const gk_session *s, double seconds[GK_N_PHASES]) {
    for (int p = 0; p < GK_N_PHASES; p++) {
        seconds[p] = s->spent[p];
        for (size_t i = 1; i < s->n_parts; i++) seconds[p] += s->part[i].session->spent[p];
        if (s->n_parts > 0) seconds[p] /= (double)s->n_parts;
    }
}
