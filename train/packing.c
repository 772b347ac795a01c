/* packing.c: which texts are held out, the order of an epoch, and texts end to end as one batch. */
#include "graftkit/core/random.h"
#include "train/internal.h"

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

void gk_train__stream_order(const gk_split *s, bool shuffle, uint64_t seed, const char *stream, int64_t pass,
                            uint32_t *order) {
    memcpy(order, s->train, s->n_train * sizeof *order);
    if (!shuffle) return;
    char name[48];
    snprintf(name, sizeof name, "%s %lld", stream, (long long)pass);
    gk_rng rng;
    gk_rng_seed(&rng, seed, name);
    gk_rng_shuffle(&rng, order, s->n_train, sizeof *order);
}

void gk_epoch_order(const gk_split *s, bool shuffle, uint64_t seed, int64_t epoch, uint32_t *order) {
    gk_train__stream_order(s, shuffle, seed, "train/epoch", epoch, order);
}

struct gk_packer {
    const gk_corpus *corpus, *mix;
    int max_rows;
    int32_t *token, *target, *seq_start;
};

/* A text as its corpus has it. */
typedef struct text_view {
    const int32_t *token;
    const bool *carries; /* NULL: every token does */
    size_t rows;
} text_view;

static text_view view(const gk_packer *p, uint32_t text) {
    const gk_corpus *c = p->corpus;
    if (text >= c->n) {
        text -= (uint32_t)c->n;
        c = p->mix;
    }
    size_t at = c->start[text];
    return (text_view){c->token + at, c->carries ? c->carries + at : NULL, c->start[text + 1] - at - 1};
}

static int64_t targets_of(text_view t) {
    if (!t.carries) return (int64_t)t.rows;
    int64_t n = 0;
    for (size_t i = 1; i <= t.rows; i++) n += t.carries[i];
    return n;
}

static int longest_first(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x < y) - (x > y);
}

/* Rows of the `batch` longest texts: no step can need more. */
static size_t most_rows(const gk_packer *p, int64_t batch) {
    size_t n = p->corpus->n + (p->mix ? p->mix->n : 0), sum = 0;
    size_t *rows = gk_alloc(n * sizeof *rows);
    for (size_t i = 0; i < n; i++) rows[i] = view(p, (uint32_t)i).rows;
    qsort(rows, n, sizeof *rows, longest_first);
    for (size_t i = 0; i < n && i < (size_t)batch; i++) sum += rows[i];
    gk_free(rows);
    return sum;
}

gk_packer *gk_packer_new(const gk_corpus *c, const gk_corpus *mix, int64_t max_rows, int64_t batch) {
    gk_packer *p = gk_alloc(sizeof *p);
    *p = (gk_packer){.corpus = c, .mix = mix};
    size_t rows = most_rows(p, batch), longest = (size_t)c->longest;
    if (mix && mix->longest > c->longest) longest = (size_t)mix->longest;
    if (rows > (size_t)max_rows) rows = (size_t)max_rows;
    if (rows < longest) rows = longest;
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
        text_view t = view(p, texts[taken]);
        if (rows + t.rows > (size_t)p->max_rows) break;
        memcpy(p->token + rows, t.token, t.rows * sizeof *t.token);
        for (size_t i = 0; i < t.rows; i++)
            p->target[rows + i] = !t.carries || t.carries[i + 1] ? t.token[i + 1] : -1;
        p->seq_start[taken] = (int32_t)rows;
        rows += t.rows;
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
                   const gk_backprop *back, double *loss, int64_t *targets, gk_error *err) {
    double sum = 0;
    *targets = 0;
    for (size_t i = 0; i < n; i++) *targets += targets_of(view(p, texts[i]));
    /* Every micro-batch is weighed by the whole step's targets, so that accumulation does not change the
     * mean. */
    gk_backprop mine = back ? *back : (gk_backprop){0};
    mine.scale = (float)(1 / (double)*targets);
    for (size_t done = 0; done < n;) {
        gk_batch b;
        double part;
        int64_t count;
        size_t taken = gk_pack(p, texts + done, n - done, &b);
        if (back && !back->grad && taken < n)
            return gk_fail(
                err, GK_AT_FIELD(NULL, "rows"), "more rows, or fewer texts or tokens a step",
                "a step of %zu texts does not fit one pass of %d rows, as gradients in pieces need", n,
                p->max_rows);
        done += taken;
        bool ok = back ? gk_forward_backward(s, m, &b, &mine, &part, &count, err)
                       : gk_forward_loss(s, m, &b, &part, &count, err);
        if (!ok) return false;
        sum += part;
    }
    *loss = sum / (double)*targets;
    return true;
}
