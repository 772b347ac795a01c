/* attention.c: causal attention of single queries: over gathered rows (grafting) and over a cache
 * (decoding). Whole sequences: attention_block.c. */
#include "graftkit/core/memory.h"
#include "graftkit/core/threads.h"
#include "model/operators/kernels.h"

#include <math.h>
#include <string.h>

static inline float dot(const float *restrict a, const float *restrict b, int n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static inline void axpy(float s, const float *restrict x, float *restrict y, int n) {
#pragma omp simd
    for (int i = 0; i < n; i++) y[i] += s * x[i];
}

/* Softmax of s[0..n) in place, unnormalised; returns the denominator's inverse and the log-denominator. */
static float softmax(float *restrict s, int n, float *lse) {
    float max = s[0], sum = 0;
#pragma omp simd reduction(max : max)
    for (int i = 0; i < n; i++) max = s[i] > max ? s[i] : max;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) {
        s[i] = gk_op__exp(s[i] - max);
        sum += s[i];
    }
    if (lse) *lse = max + logf(sum);
    return 1.0f / sum;
}

/* One query and the n rows of k and v, ld floats apart, up to its own; s: room for n scores. */
static void attend(const gk_op__scoring *sc, int hd, const float *q, const float *k, const float *v,
                   ptrdiff_t ld, int n, float *s, float *out, float *lse) {
    int from = gk_op__first_seen(sc, n);
    for (int t = from; t < n; t++) s[t] = gk_op__capped(sc, sc->scale * dot(q, k + t * ld, hd));
    float inv = softmax(s + from, n - from, lse);
    memset(out, 0, (size_t)hd * sizeof(float));
    for (int t = from; t < n; t++) axpy(s[t] * inv, v + t * ld, out, hd);
}

/* ---------------------------------------------------------------- grafting: each query with its own list of
 * rows */

typedef struct attend_job {
    const gk_config *c;
    gk_op__scoring scoring;
    const float *q, *k, *v;
    const int32_t *const *ctx;
    const int32_t *n_ctx;
    float *out;
} attend_job;

static void attend_rows(void *arg, size_t begin, size_t end) {
    const attend_job *j = arg;
    const gk_config *c = j->c;
    int hd = c->head_dim, group = c->n_heads / c->n_kv_heads, most = 1;
    ptrdiff_t q_dim = gk_config__q_dim(c), kv_dim = gk_config__kv_dim(c);
    for (size_t i = begin; i < end; i++) most = j->n_ctx[i] > most ? j->n_ctx[i] : most;
    float scale = j->scoring.scale, *s = gk_alloc((size_t)most * sizeof(float));
    for (size_t i = begin; i < end; i++)
        for (int h = 0; h < c->n_heads; h++) {
            ptrdiff_t at = (ptrdiff_t)i * q_dim + h * hd, kv_at = h / group * hd;
            int from = gk_op__first_seen(&j->scoring, j->n_ctx[i]), n = j->n_ctx[i] - from;
            const int32_t *ctx = j->ctx[i] + from;
            for (int t = 0; t < n; t++)
                s[t] = gk_op__capped(&j->scoring, scale * dot(j->q + at, j->k + ctx[t] * kv_dim + kv_at, hd));
            float inv = softmax(s, n, NULL);
            memset(j->out + at, 0, (size_t)hd * sizeof(float));
            for (int t = 0; t < n; t++) axpy(s[t] * inv, j->v + ctx[t] * kv_dim + kv_at, j->out + at, hd);
        }
    gk_free(s);
}

void gk_op_attend(const gk_config *c, int layer, int n, const float *q, const int32_t *const *ctx,
                  const int32_t *n_ctx, const float *k, const float *v, float *out) {
    attend_job j = {.c = c,
                    .scoring = gk_op__scoring_of(c, layer),
                    .q = q,
                    .k = k,
                    .v = v,
                    .ctx = ctx,
                    .n_ctx = n_ctx,
                    .out = out};
    gk_parallel_for((size_t)n, 16, attend_rows, &j);
}

/* ---------------------------------------------------------------- decoding: the sequence's past is in a
 * cache */

typedef struct cached_job {
    const gk_config *c;
    gk_op__scoring scoring;
    int past;
    const float *qkv, *k, *v;
    float *out;
} cached_job;

/* One item is (row, head). */
static void cached_items(void *ctx, size_t begin, size_t end) {
    const cached_job *j = ctx;
    const gk_config *c = j->c;
    int hd = c->head_dim, group = c->n_heads / c->n_kv_heads, heads = c->n_heads;
    ptrdiff_t qkv_dim = gk_config__qkv_dim(c), kv_dim = gk_config__kv_dim(c);
    int most = j->past + (int)((end - 1) / (size_t)heads) + 1;
    float *s = gk_alloc((size_t)most * sizeof(float));
    for (size_t item = begin; item < end; item++) {
        int row = (int)item / heads, h = (int)item % heads, n = j->past + row + 1;
        attend(&j->scoring, hd, j->qkv + row * qkv_dim + h * hd, j->k + h / group * hd, j->v + h / group * hd,
               kv_dim, n, s, j->out + (ptrdiff_t)item * hd, NULL);
    }
    gk_free(s);
}

void gk_op__attention_cached(const gk_config *c, int layer, int n, const gk_op__kv_cache *cache,
                             const float *qkv, float *out) {
    size_t kv = (size_t)gk_config__kv_dim(c), q = (size_t)gk_config__q_dim(c),
           ld = (size_t)gk_config__qkv_dim(c);
    float *k = cache->k + (size_t)layer * (size_t)cache->max * kv, *v = cache->v + (k - cache->k);
    for (size_t r = 0; r < (size_t)n; r++) {
        memcpy(k + ((size_t)cache->n + r) * kv, qkv + r * ld + q, kv * sizeof(float));
        memcpy(v + ((size_t)cache->n + r) * kv, qkv + r * ld + q + kv, kv * sizeof(float));
    }
    cached_job j = {.c = c,
                    .scoring = gk_op__scoring_of(c, layer),
                    .past = cache->n,
                    .qkv = qkv,
                    .k = k,
                    .v = v,
                    .out = out};
    /* A short past is quicker done than handed out. */
    size_t items = (size_t)n * (size_t)c->n_heads, floats = (size_t)(cache->n + n) * (size_t)c->head_dim;
    size_t grain = 1 + 32768 / (floats + 1);
    gk_parallel_for(items, grain, cached_items, &j);
}
