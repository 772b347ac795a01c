/* session.c: a session and what it is for: logits, loss, loss with gradients. */
#include "graftkit/model/operators.h"
#include "model/passes/session.h"

size_t gk_session_size(const gk_config *c, const gk_session_opts *o) {
    size_t shards = gk_session__shards_wanted(c, o->backward);
    size_t bytes = gk_session__operand_bytes(c, o) + shards * gk_session__single_bytes(c, o);
    if (shards > 1) bytes += (shards - 1) * gk_session__grad_floats(c, o) * sizeof(float);
    return bytes;
}

size_t gk_session_bytes(const gk_config *c, int max_rows, bool backward) {
    return gk_session_size(c, &(gk_session_opts){.max_rows = max_rows, .backward = backward});
}

gk_session *gk_session_make(const gk_config *c, const gk_session_opts *o, gk_error *err) {
    gk_session *s = gk_session__single(c, o, err);
    if (!s || gk_session__shards_new(s, gk_session__shards_wanted(c, o->backward), o, err)) return s;
    gk_session_free(s);
    return NULL;
}

gk_session *gk_session_new(const gk_config *c, int max_rows, bool backward, gk_error *err) {
    return gk_session_make(c, &(gk_session_opts){.max_rows = max_rows, .backward = backward}, err);
}

void gk_session_free(gk_session *s) {
    if (!s) return;
    gk_session__shards_free(s);
    gk_session__single_free(s);
}

int gk_session_lowest(const gk_session *s) {
    return s->lowest;
}

static bool check_batch(const gk_session *s, const gk_model *m, const gk_batch *b, gk_error *err) {
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

bool gk_forward(gk_session *s, const gk_model *m, const gk_batch *b, const int32_t *rows, int n,
                float *logits, gk_error *err) {
    if (!check_batch(s, m, b, err)) return false;
    for (int i = 0; i < n; i++)
        if (rows[i] < 0 || rows[i] >= b->n_rows)
            return gk_fail(err, GK_NOWHERE, "rows of the batch", "logits asked for row %d of %d", rows[i],
                           b->n_rows);
    gk_session__forward(s, m, b);
    for (int at = 0; at < n; at += s->max_rows) {
        int count = n - at < s->max_rows ? n - at : s->max_rows;
        gk_session__final_norm(s, m, rows + at, count);
        gk_session__head(&s->cfg, m, count, s->lnf, logits + (size_t)at * (size_t)s->cfg.vocab);
    }
    return true;
}

bool gk_forward_loss(gk_session *s, const gk_model *m, const gk_batch *b, double *loss_sum,
                     int64_t *n_targets, gk_error *err) {
    if (!check_batch(s, m, b, err)) return false;
    gk_session__forward(s, m, b);
    int n = gk_session__rows_with_target(s, b), d = s->cfg.d_model;
    gk_session__final_norm(s, m, s->rows, n);
    *loss_sum = 0;
    *n_targets = n;
    for (int at = 0; at < n; at += s->loss_rows) {
        int count = n - at < s->loss_rows ? n - at : s->loss_rows;
        gk_session__head(&s->cfg, m, count, s->lnf + (ptrdiff_t)at * d, s->logits);
        *loss_sum += gk_op__cross_entropy(count, s->cfg.vocab, s->logits, s->target + at, 0);
    }
    return true;
}

bool gk_forward_backward(gk_session *s, const gk_model *m, const gk_batch *b, const gk_backprop *p,
                         double *loss_sum, int64_t *n_targets, gk_error *err) {
    if (!check_batch(s, m, b, err)) return false;
    if (!s->backward)
        return gk_fail(err, GK_NOWHERE, "backward = true", "the session was made without gradients");
    if (!m->params) return gk_fail(err, GK_NOWHERE, "gk_model_load", "the model was opened for reading only");
    if (s->adapter && !p->grad)
        return gk_fail(err, GK_NOWHERE, "a gradient of gk_adapter_floats", "an adapter's come in one piece");
    gk_gemm_init();
    *loss_sum = s->n_shards && p->grad ? gk_session__shards_step(s, m, b, p, n_targets)
                                       : gk_session__step(s, m, b, p, n_targets);
    return true;
}

void gk_session_phases(const gk_session *s, double seconds[GK_N_PHASES]) {
    for (int p = 0; p < GK_N_PHASES; p++) {
        seconds[p] = s->spent[p];
        for (size_t i = 1; i < s->n_shards; i++) seconds[p] += s->shard[i].session->spent[p];
        if (s->n_shards > 0) seconds[p] /= (double)s->n_shards;
    }
}
