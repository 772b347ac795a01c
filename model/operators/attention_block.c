/* attention_block.c: causal attention of whole sequences, forward and backward, as small products on
 * blocks of queries. The backward pass recomputes the probabilities from the saved log-denominators (Dao et
 * al. 2022), so that no [T x T] matrix is kept. */
#include "graftkit/core/threads.h"
#include "model/gemm/scratch.h"
#include "model/operators/kernels.h"

#include <string.h>

#define QUERIES 32 /* of a block */

typedef struct attention_job {
    const gk_config *c;
    gk_op__scoring scoring;
    const gk_batch *b;
    const float *qkv, *out, *lse, *dout;
    float *y, *y_lse, *dqkv;
    int longest;
} attention_job;

static int longest(const gk_batch *b) {
    int most = 1;
    for (int s = 0; s < b->n_seqs; s++) {
        int len = b->seq_start[s + 1] - b->seq_start[s];
        if (len > most) most = len;
    }
    return most;
}

/* One (sequence, kv head) at a time, with the rows of one head end to end and padded to whole vectors: `wide`
 * floats a head's row, `tall` rows. */
typedef struct head_buffers {
    int first, len, kv, wide, tall;
    float *q, *k, *v, *kt, *vt;       /* [tall x wide]; kt and vt [wide x tall] */
    float *score, *dscore;            /* [QUERIES x tall] */
    float *out, *dout, *dq, *dk, *dv; /* [tall x wide]; out and dq: of a block of queries */
} head_buffers;

static size_t head_floats(const attention_job *j, bool backward) {
    size_t wide = (size_t)gk_op__whole_lanes(j->c->head_dim), tall = (size_t)gk_op__whole_lanes(j->longest);
    tall = (tall + QUERIES - 1) / QUERIES * QUERIES;
    return (backward ? 10 : 5) * wide * tall + (backward ? 2u : 1u) * QUERIES * tall;
}

static head_buffers carve_head(const attention_job *j, bool backward, float *at) {
    head_buffers h = {.wide = gk_op__whole_lanes(j->c->head_dim),
                      .tall = (gk_op__whole_lanes(j->longest) + QUERIES - 1) / QUERIES * QUERIES};
    size_t one = (size_t)h.wide * (size_t)h.tall, scores = (size_t)QUERIES * (size_t)h.tall;
    float **const both[] = {&h.q, &h.k, &h.v, &h.kt, &h.out},
                  **const back[] = {&h.vt, &h.dout, &h.dq, &h.dk, &h.dv};
    for (size_t i = 0; i < 5; i++, at += one) *both[i] = at;
    for (size_t i = 0; backward && i < 5; i++, at += one) *back[i] = at;
    h.score = at;
    h.dscore = backward ? at + scores : NULL;
    return h;
}

static void copy_in(int n, int hd, const float *from, ptrdiff_t ld, float *to, int wide) {
    for (int r = 0; r < n; r++, from += ld, to += wide) {
        memcpy(to, from, (size_t)hd * sizeof(float));
        memset(to + hd, 0, (size_t)(wide - hd) * sizeof(float));
    }
}

static void copy_out(int n, int hd, const float *from, int wide, float *to, ptrdiff_t ld) {
    for (int r = 0; r < n; r++, from += wide, to += ld) memcpy(to, from, (size_t)hd * sizeof(float));
}

/* In blocks, so that what is read and written stays in the nearest cache and goes by whole vectors. */
static void transpose(int n, int hd, const float *x, int wide, float *t, int tall) {
    for (int r = 0; r < n; r += GK_OP__LANES)
        for (int i = 0; i < hd; i += GK_OP__LANES) {
            int rows = n - r < GK_OP__LANES ? n - r : GK_OP__LANES,
                columns = hd - i < GK_OP__LANES ? hd - i : GK_OP__LANES;
            gk_op__transpose(rows, columns, x + (ptrdiff_t)r * wide + i, wide, t + (ptrdiff_t)i * tall + r,
                             tall);
        }
}

static const float *k_rows(const attention_job *j, const head_buffers *h) {
    return j->qkv + (ptrdiff_t)h->first * gk_config__qkv_dim(j->c) + gk_config__q_dim(j->c) +
           h->kv * j->c->head_dim;
}

static void load_keys(const attention_job *j, head_buffers *h, bool backward) {
    int hd = j->c->head_dim, ld = gk_config__qkv_dim(j->c);
    const float *k = k_rows(j, h);
    copy_in(h->len, hd, k, ld, h->k, h->wide);
    copy_in(h->len, hd, k + gk_config__kv_dim(j->c), ld, h->v, h->wide);
    transpose(h->len, hd, h->k, h->wide, h->kt, h->tall);
    if (backward) transpose(h->len, hd, h->v, h->wide, h->vt, h->tall);
}

/* Queries [i0, i0 + n) of a block and the columns [from, end) of keys that any of them sees, in whole
 * vectors.
 */
typedef struct query_span {
    int i0, n, from, end;
} query_span;

static query_span span_of(const attention_job *j, const head_buffers *h, int i0) {
    int n = h->len - i0 < QUERIES ? h->len - i0 : QUERIES;
    int from = gk_op__first_seen(&j->scoring, i0 + 1) / GK_OP__LANES * GK_OP__LANES;
    return (query_span){i0, n, from, gk_op__whole_lanes(i0 + n)};
}

/* scores of a block's queries, before scale and cap. */
static void score_block(const attention_job *j, const head_buffers *h, query_span s) {
    gk_op__small_product(s.n, s.end - s.from, j->c->head_dim, h->q + (ptrdiff_t)s.i0 * h->wide, h->wide, 1,
                         h->kt + s.from, h->tall, false, h->score + s.from, h->tall);
}

/* Row r of the block: scores to unnormalised probabilities, 0 where the query sees nothing; returns what they
 * sum to. By whole vectors: of a text of twenty words most keys would fall to the scalar end of a loop. */
static float softmax_row(const attention_job *j, const head_buffers *h, query_span s, int r, float *lse) {
    int i = s.i0 + r, first = gk_op__first_seen(&j->scoring, i + 1);
    float *restrict p = h->score + (ptrdiff_t)r * h->tall, max = -INFINITY, sum = 0, scale = j->scoring.scale;
    if (j->scoring.cap > 0)
        for (int t = first; t <= i; t++) p[t] = gk_op__capped(&j->scoring, scale * p[t]) / scale;
#pragma omp simd reduction(max : max)
    for (int t = s.from; t < s.end; t++) {
        float x = t >= first && t <= i ? p[t] : -INFINITY;
        max = x > max ? x : max;
    }
#pragma omp simd reduction(+ : sum)
    for (int t = s.from; t < s.end; t++) {
        float x = gk_op__exp(scale * (p[t] - max));
        p[t] = t >= first && t <= i ? x : 0;
        sum += p[t];
    }
    *lse = scale * max + logf(sum);
    return sum;
}

static void forward_head(const attention_job *j, head_buffers *h, int q_head) {
    const gk_config *c = j->c;
    int hd = c->head_dim, ld = gk_config__qkv_dim(c), q_dim = gk_config__q_dim(c);
    copy_in(h->len, hd, j->qkv + (ptrdiff_t)h->first * ld + q_head * hd, ld, h->q, h->wide);
    for (int i0 = 0; i0 < h->len; i0 += QUERIES) {
        query_span s = span_of(j, h, i0);
        float sum[QUERIES];
        score_block(j, h, s);
        for (int r = 0; r < s.n; r++)
            sum[r] = softmax_row(j, h, s, r, &j->y_lse[(ptrdiff_t)(h->first + i0 + r) * c->n_heads + q_head]);
        gk_op__small_product(s.n, h->wide, i0 + s.n - s.from, h->score + s.from, h->tall, 1,
                             h->v + (ptrdiff_t)s.from * h->wide, h->wide, false, h->out, h->wide);
        for (int r = 0; r < s.n; r++) {
            float *restrict out = j->y + (ptrdiff_t)(h->first + i0 + r) * q_dim + q_head * hd,
                            inv = 1.0f / sum[r];
            for (int x = 0; x < hd; x++) out[x] = h->out[(ptrdiff_t)r * h->wide + x] * inv;
        }
    }
}

static void point_at(const attention_job *j, head_buffers *h, size_t item) {
    int seq = (int)item / j->c->n_kv_heads;
    h->kv = (int)item % j->c->n_kv_heads;
    h->first = j->b->seq_start[seq];
    h->len = j->b->seq_start[seq + 1] - h->first;
}

/* An item is a (sequence, kv head): the query heads of a group share their k and v, and their gradients. */
static void forward_items(void *ctx, size_t begin, size_t end) {
    const attention_job *j = ctx;
    int group = j->c->n_heads / j->c->n_kv_heads;
    head_buffers h =
        carve_head(j, false, gk_gemm__scratch(GK_GEMM__SCRATCH_HEAD, head_floats(j, false) * sizeof(float)));
    for (size_t item = begin; item < end; item++) {
        point_at(j, &h, item);
        load_keys(j, &h, false);
        for (int q = h.kv * group; q < (h.kv + 1) * group; q++) forward_head(j, &h, q);
    }
}

void gk_op__attention_forward(const gk_config *c, int layer, const gk_batch *b, const float *qkv, float *out,
                              float *lse) {
    attention_job j = {.c = c,
                       .scoring = gk_op__scoring_of(c, layer),
                       .b = b,
                       .qkv = qkv,
                       .y = out,
                       .y_lse = lse,
                       .longest = longest(b)};
    gk_parallel_for((size_t)b->n_seqs * (size_t)c->n_kv_heads, 2, forward_items, &j);
}

/* ---------------------------------------------------------------- backward */

/* Row r of the block: scores to probabilities, and the gradient by them (in dscore) to the one by scores. */
static void gradient_row(const attention_job *j, const head_buffers *h, query_span s, int r, float lse,
                         float delta) {
    int i = s.i0 + r, first = gk_op__first_seen(&j->scoring, i + 1);
    float *restrict p = h->score + (ptrdiff_t)r * h->tall, *restrict d = h->dscore + (ptrdiff_t)r * h->tall;
    float scale = j->scoring.scale, cap = j->scoring.cap;
    if (cap > 0)
        for (int t = first; t <= i; t++) {
            float x = gk_op__capped(&j->scoring, scale * p[t]);
            p[t] = x / scale;
            d[t] = delta + (d[t] - delta) * (1.0f - x / cap * (x / cap));
        }
#pragma omp simd
    for (int t = s.from; t < s.end; t++) {
        bool seen = t >= first && t <= i;
        float x = gk_op__exp(scale * p[t] - lse), y = scale * x * (d[t] - delta);
        p[t] = seen ? x : 0;
        d[t] = seen ? y : 0;
    }
}

static void backward_block(const attention_job *j, head_buffers *h, int q_head, query_span s) {
    const gk_config *c = j->c;
    int hd = c->head_dim, wide = h->wide, keys = s.i0 + s.n - s.from;
    ptrdiff_t block = (ptrdiff_t)s.i0 * wide, from = (ptrdiff_t)s.from * wide;
    score_block(j, h, s);
    gk_op__small_product(s.n, s.end - s.from, hd, h->dout + block, wide, 1, h->vt + s.from, h->tall, false,
                         h->dscore + s.from, h->tall);
    for (int r = 0; r < s.n; r++) {
        ptrdiff_t row = h->first + s.i0 + r;
        const float *restrict o = j->out + row * gk_config__q_dim(c) + q_head * hd, *restrict d = h->dout +
                                                                                                  block +
                                                                                                  r * wide;
        float delta = 0;
#pragma omp simd reduction(+ : delta)
        for (int x = 0; x < hd; x++) delta += o[x] * d[x];
        gradient_row(j, h, s, r, j->lse[row * c->n_heads + q_head], delta);
    }
    gk_op__small_product(s.n, wide, keys, h->dscore + s.from, h->tall, 1, h->k + from, wide, false, h->dq,
                         wide);
    gk_op__small_product(keys, wide, s.n, h->dscore + s.from, 1, h->tall, h->q + block, wide, true,
                         h->dk + from, wide);
    gk_op__small_product(keys, wide, s.n, h->score + s.from, 1, h->tall, h->dout + block, wide, true,
                         h->dv + from, wide);
    copy_out(s.n, hd, h->dq, wide,
             j->dqkv + (h->first + s.i0) * (ptrdiff_t)gk_config__qkv_dim(c) + q_head * hd,
             gk_config__qkv_dim(c));
}

static void backward_items(void *ctx, size_t begin, size_t end) {
    const attention_job *j = ctx;
    const gk_config *c = j->c;
    int hd = c->head_dim, ld = gk_config__qkv_dim(c), group = c->n_heads / c->n_kv_heads;
    head_buffers h =
        carve_head(j, true, gk_gemm__scratch(GK_GEMM__SCRATCH_HEAD, head_floats(j, true) * sizeof(float)));
    for (size_t item = begin; item < end; item++) {
        point_at(j, &h, item);
        load_keys(j, &h, true);
        size_t bytes = (size_t)h.len * (size_t)h.wide * sizeof(float);
        memset(h.dk, 0, bytes);
        memset(h.dv, 0, bytes);
        for (int q = h.kv * group; q < (h.kv + 1) * group; q++) {
            copy_in(h.len, hd, j->qkv + (ptrdiff_t)h.first * ld + q * hd, ld, h.q, h.wide);
            copy_in(h.len, hd, j->dout + (ptrdiff_t)h.first * gk_config__q_dim(c) + q * hd,
                    gk_config__q_dim(c), h.dout, h.wide);
            for (int i0 = 0; i0 < h.len; i0 += QUERIES) backward_block(j, &h, q, span_of(j, &h, i0));
        }
        float *dk = j->dqkv + (k_rows(j, &h) - j->qkv);
        copy_out(h.len, hd, h.dk, h.wide, dk, ld);
        copy_out(h.len, hd, h.dv, h.wide, dk + gk_config__kv_dim(c), ld);
    }
}

void gk_op__attention_backward(const gk_config *c, int layer, const gk_batch *b, const float *qkv,
                               const float *out, const float *lse, const float *dout, float *dqkv) {
    attention_job j = {.c = c,
                       .scoring = gk_op__scoring_of(c, layer),
                       .b = b,
                       .qkv = qkv,
                       .out = out,
                       .lse = lse,
                       .dout = dout,
                       .dqkv = dqkv,
                       .longest = longest(b)};
    gk_parallel_for((size_t)b->n_seqs * (size_t)c->n_kv_heads, 2, backward_items, &j);
}
