/* decode.c: one sequence that grows: each token is computed once, its keys and values are kept; and the
 * choice of the next token. */
#include "graftkit/core/memory.h"
#include "graftkit/core/random.h"
#include "graftkit/model/decode.h"
#include "model/passes/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 128 /* rows of a long prompt that are computed together */

struct gk_decoder {
    const gk_model *m;
    gk_session *s;
    gk_op__kv_cache cache;
    float *rope[2];
};

gk_decoder *gk_decoder_new(const gk_model *m, int max_tokens, gk_error *err) {
    const gk_config *c = &m->cfg;
    if (max_tokens < 1 || max_tokens > c->max_positions) {
        gk_fail(err, GK_NOWHERE, "1 to the model's maximum of positions",
                "a text of %d tokens; the model takes up to %d", max_tokens, c->max_positions);
        return NULL;
    }
    gk_decoder *d = gk_alloc(sizeof *d);
    size_t floats = (size_t)c->n_layers * (size_t)max_tokens * (size_t)gk_config__kv_dim(c);
    d->m = m;
    d->cache = (gk_op__kv_cache){.max = max_tokens,
                                 .k = gk_try_alloc(floats * sizeof(float)),
                                 .v = gk_try_alloc(floats * sizeof(float))};
    d->s =
        gk_session__single(c, &(gk_session_opts){.max_rows = max_tokens < CHUNK ? max_tokens : CHUNK}, err);
    bool ok = d->s && d->cache.k && d->cache.v;
    for (int i = 0; i < 2 && ok && d->s->rope[i]; i++) {
        d->rope[i] = gk_try_alloc((size_t)max_tokens * (size_t)gk_config__rotary_dim(c) * sizeof(float));
        ok = d->rope[i] != NULL;
    }
    if (!ok) {
        if (d->s) gk_fail(err, GK_NOWHERE, "a shorter text", "not enough memory for %d tokens", max_tokens);
        gk_decoder_free(d);
        return NULL;
    }
    d->s->cache = &d->cache;
    for (int i = 0; i < 2 && d->rope[i]; i++) {
        gk_op__rope_table(c, i, max_tokens, d->rope[i]);
        d->s->rope[i] = d->rope[i];
    }
    return d;
}

void gk_decoder_free(gk_decoder *d) {
    if (!d) return;
    gk_session_free(d->s);
    gk_free(d->cache.k);
    gk_free(d->cache.v);
    gk_free(d->rope[0]);
    gk_free(d->rope[1]);
    gk_free(d);
}

int gk_decoder_length(const gk_decoder *d) {
    return d->cache.n;
}

void gk_decoder_rewind(gk_decoder *d, int n) {
    if (n >= 0 && n < d->cache.n) d->cache.n = n;
}

bool gk_decoder_feed(gk_decoder *d, const int32_t *token, int n, float *logits, gk_error *err) {
    if (n < 1 || n > d->cache.max - d->cache.n)
        return gk_fail(err, GK_NOWHERE, "make the decoder with room for the whole text",
                       "%d tokens after %d; the decoder holds %d", n, d->cache.n, d->cache.max);
    for (int at = 0; at < n; at += d->s->max_rows) {
        int count = n - at < d->s->max_rows ? n - at : d->s->max_rows;
        int32_t start[2] = {0, count}, last = count - 1;
        gk_batch b = {.n_rows = count, .n_seqs = 1, .token = token + at, .seq_start = start};
        bool wanted = logits && at + count == n;
        if (!gk_forward(d->s, d->m, &b, &last, wanted ? 1 : 0, logits, err)) return false;
        d->cache.n += count;
    }
    return true;
}

/* ---------------------------------------------------------------- choosing */

typedef struct candidate {
    float logit;
    int32_t id;
} candidate;

/* Higher logits first, lower ids first among equals: the same order on every machine. */
static int by_logit(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static int32_t likeliest(const float *logits, int vocab) {
    int32_t best = 0;
    for (int32_t i = 1; i < vocab; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

int32_t gk_sample(const float *logits, int vocab, const gk_sampling *s, gk_rng *rng) {
    if (!(s->temperature > 0)) return likeliest(logits, vocab);
    candidate *c = gk_alloc((size_t)vocab * sizeof *c);
    double *p = gk_alloc((size_t)vocab * sizeof *p), sum = 0, kept = 0;
    for (int i = 0; i < vocab; i++) c[i] = (candidate){logits[i], i};
    qsort(c, (size_t)vocab, sizeof *c, by_logit);
    int n = s->top_k > 0 && s->top_k < vocab ? s->top_k : vocab;
    for (int i = 0; i < n; i++) sum += p[i] = exp(((double)c[i].logit - (double)c[0].logit) / s->temperature);
    int last = 0;
    for (kept = p[0]; last + 1 < n && kept < s->top_p * sum;) kept += p[++last];
    double at = gk_rng_uniform(rng) * kept;
    int i = 0;
    for (; i < last && at >= p[i]; i++) at -= p[i];
    int32_t id = c[i].id;
    gk_free(c);
    gk_free(p);
    return id;
}
