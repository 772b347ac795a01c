#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool gk_split_make(gk_arena *a, size_t n_texts, double fraction, uint64_t seed, gk_split *out,
                   gk_error *err) {
    size_t n_valid = (size_t)llround(fraction * (double)n_texts);
    if (fraction > 0 && n_valid == 0) n_valid = 1;
    if (n_valid >= n_texts)
        return gk_fail(err, GK_NOWHERE, "give more texts or hold out fewer",
                       "of %zu texts, %zu held out for validation leave none to train on", n_texts, n_valid);
    uint32_t *order = gk_arena_alloc(a, n_texts * sizeof *order);
    bool *held = gk_arena_alloc(a, n_texts * sizeof *held);
    for (size_t i = 0; i < n_texts; i++) order[i] = (uint32_t)i;
    gk_rng rng;
    gk_rng_seed(&rng, seed, "train/split");
    gk_rng_shuffle(&rng, order, n_texts, sizeof *order);
    for (size_t i = 0; i < n_valid; i++) held[order[i]] = true;
    *out = (gk_split){.train = gk_arena_alloc(a, (n_texts - n_valid) * sizeof *order),
                      .valid = gk_arena_alloc(a, n_valid * sizeof *order)};
    for (size_t i = 0; i < n_texts; i++) {
        if (held[i])
            out->valid[out->n_valid++] = (uint32_t)i;
        else
            out->train[out->n_train++] = (uint32_t)i;
    }
    return true;
}

void gk_epoch_order(const gk_split *s, bool shuffle, uint64_t seed, int64_t epoch, uint32_t *order) {
    memcpy(order, s->train, s->n_train * sizeof *order);
    if (!shuffle) return;
    char stream[48];
    snprintf(stream, sizeof stream, "train/epoch %lld", (long long)epoch);
    gk_rng rng;
    gk_rng_seed(&rng, seed, stream);
    gk_rng_shuffle(&rng, order, s->n_train, sizeof *order);
}

struct gk_packer {
    const gk_corpus *corpus;
    int max_rows;
    int32_t *token, *target, *seq_start;
};

static size_t text_rows(const gk_corpus *c, size_t text) {
    return c->start[text + 1] - c->start[text] - 1;
}

static int longest_first(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x < y) - (x > y);
}

/* Rows of the `batch` longest texts: no step can need more. */
static size_t most_rows(const gk_corpus *c, int64_t batch) {
    size_t *rows = gk_alloc(c->n * sizeof *rows), sum = 0;
    for (size_t i = 0; i < c->n; i++) rows[i] = text_rows(c, i);
    qsort(rows, c->n, sizeof *rows, longest_first);
    for (size_t i = 0; i < c->n && i < (size_t)batch; i++) sum += rows[i];
    gk_free(rows);
    return sum;
}

gk_packer *gk_packer_new(const gk_corpus *c, int64_t max_rows, int64_t batch) {
    gk_packer *p = gk_alloc(sizeof *p);
    size_t rows = most_rows(c, batch);
    if (rows > (size_t)max_rows) rows = (size_t)max_rows;
    if (rows < (size_t)c->longest) rows = (size_t)c->longest;
    p->corpus = c;
    p->max_rows = (int)rows;
    p->token = gk_alloc(rows * sizeof *p->token);
    p->target = gk_alloc(rows * sizeof *p->target);
    p->seq_start = gk_alloc((rows + 1) * sizeof *p->seq_start);
    return p;
}

void gk_packer_free(gk_packer *p) {
    if (!p) return;
    gk_free(p->token);
    gk_free(p->target);
    gk_free(p->seq_start);
    gk_free(p);
}

int gk_packer_rows(const gk_packer *p) {
    return p->max_rows;
}

size_t gk_pack(gk_packer *p, const uint32_t *texts, size_t n, gk_batch *out) {
    size_t taken = 0, rows = 0;
    for (; taken < n; taken++) {
        size_t add = text_rows(p->corpus, texts[taken]);
        if (rows + add > (size_t)p->max_rows) break;
        const int32_t *from = p->corpus->token + p->corpus->start[texts[taken]];
        memcpy(p->token + rows, from, add * sizeof *from);
        memcpy(p->target + rows, from + 1, add * sizeof *from);
        p->seq_start[taken] = (int32_t)rows;
        rows += add;
    }
    p->seq_start[taken] = (int32_t)rows;
    *out = (gk_batch){.n_rows = (int)rows,
                      .n_seqs = (int)taken,
                      .token = p->token,
                      .target = p->target,
                      .seq_start = p->seq_start};
    return taken;
}

bool gk_texts_loss(gk_packer *p, gk_session *s, const gk_model *m, const uint32_t *texts, size_t n,
                   const uint32_t *frozen, float *grad, double *loss, int64_t *targets, gk_error *err) {
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) rows += text_rows(p->corpus, texts[i]);
    /* Every micro-batch is weighed by the whole step's targets, so that accumulation does not change the
     * mean. */
    const float scale = (float)(1 / (double)rows);
    double sum = 0;
    *targets = 0;
    for (size_t done = 0; done < n;) {
        gk_batch b;
        double part;
        int64_t count;
        done += gk_pack(p, texts + done, n - done, &b);
        bool ok = grad ? gk_forward_backward(s, m, &b,
                                             &(gk_backprop){.scale = scale, .frozen = frozen, .grad = grad},
                                             &part, &count, err)
                       : gk_forward_loss(s, m, &b, &part, &count, err);
        if (!ok) return false;
        sum += part;
        *targets += count;
    }
    *loss = sum / (double)*targets;
    return true;
}
