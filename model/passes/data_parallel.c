/* data_parallel.c: one training step as a few whole passes side by side. Each shard takes whole sequences
 * through forward and backward on one thread, with gradients of its own that are added up at the end: a
 * handful of hand-overs a step instead of hundreds. That is faster for small models, and a core taken away by
 * another process costs its share of the time, not a wait at every operator. The price is a gradient vector a
 * thread, so large models do not do it. */
#include "graftkit/core/memory.h"
#include "graftkit/core/threads.h"
#include "model/passes/session.h"

#include <stdlib.h>
#include <string.h>

#define SHARD_FLOATS ((size_t)64 << 20) /* gradient copies may take this much in all */
#define REDUCE_GRAIN 65536

size_t gk_session__shards_wanted(const gk_config *c, bool backward) {
    size_t threads = (size_t)gk_threads();
    if (!backward || threads < 2) return 1;
    return gk_weights__floats(c) * (threads - 1) <= SHARD_FLOATS ? threads : 1;
}

static bool shard_new(gk_session__shard *p, const gk_session *s, bool first, const gk_session_opts *o,
                      gk_error *err) {
    size_t rows = (size_t)s->max_rows;
    p->starts = gk_try_alloc((rows + 1) * sizeof *p->starts);
    p->token = gk_try_alloc(rows * sizeof *p->token);
    p->target = gk_try_alloc(rows * sizeof *p->target);
    if (!first) {
        p->session = gk_session__single(&s->cfg, o, err);
        p->grad = gk_try_alloc(s->grad_floats * sizeof *p->grad);
    }
    return p->starts && p->token && p->target && (first || (p->session && p->grad));
}

bool gk_session__shards_new(gk_session *s, size_t n, const gk_session_opts *o, gk_error *err) {
    s->n_shards = 0;
    if (n < 2) return true;
    s->grad_floats = gk_session__grad_floats(&s->cfg, o);
    s->shard = gk_alloc(n * sizeof *s->shard);
    s->assigned = gk_alloc((size_t)s->max_rows * sizeof *s->assigned);
    while (s->n_shards < n) {
        gk_session__shard *p = &s->shard[s->n_shards++];
        if (!shard_new(p, s, s->n_shards == 1, o, err))
            return gk_fail(err, GK_NOWHERE, "fewer threads or fewer rows a batch",
                           "not enough memory for %zu threads", n);
    }
    return true;
}

void gk_session__shards_free(gk_session *s) {
    for (size_t i = 0; i < s->n_shards; i++) {
        gk_session__shard *p = &s->shard[i];
        gk_session__single_free(p->session);
        gk_free(p->grad);
        gk_free(p->starts);
        gk_free(p->token);
        gk_free(p->target);
    }
    gk_free(s->shard);
    gk_free(s->assigned);
}

static int longer_first(const void *a, const void *b) {
    const gk_session__assignment *x = a, *y = b;
    return x->rows != y->rows ? (x->rows < y->rows) - (x->rows > y->rows)
                              : (x->seq > y->seq) - (x->seq < y->seq);
}

static int in_order(const void *a, const void *b) {
    const gk_session__assignment *x = a, *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static void add_sequence(gk_session__shard *p, const gk_batch *b, int seq) {
    gk_batch *to = &p->batch;
    int from = b->seq_start[seq], rows = b->seq_start[seq + 1] - from;
    size_t bytes = (size_t)rows * sizeof *p->token;
    memcpy(p->token + to->n_rows, b->token + from, bytes);
    if (b->target) memcpy(p->target + to->n_rows, b->target + from, bytes);
    to->n_rows += rows;
    p->starts[++to->n_seqs] = to->n_rows;
}

/* The longest sequence first, each to the shard that has the fewest rows: a step takes as long as its largest
 * shard, and contiguous pieces of sixteen short texts differ by an eighth. Returns the number of shards that
 * got any. */
static size_t divide(gk_session *s, const gk_batch *b) {
    size_t n = (size_t)b->n_seqs, used = n < s->n_shards ? n : s->n_shards;
    int *rows = gk_alloc(used * sizeof *rows);
    for (int q = 0; q < b->n_seqs; q++)
        s->assigned[q] = (gk_session__assignment){.seq = q, .rows = b->seq_start[q + 1] - b->seq_start[q]};
    qsort(s->assigned, n, sizeof *s->assigned, longer_first);
    for (size_t i = 0; i < n; i++) {
        size_t least = 0;
        for (size_t p = 1; p < used; p++)
            if (rows[p] < rows[least]) least = p;
        rows[least] += s->assigned[i].rows;
        s->assigned[i].shard = least;
    }
    gk_free(rows);
    qsort(s->assigned, n, sizeof *s->assigned, in_order);
    for (size_t i = 0; i < used; i++) {
        gk_session__shard *p = &s->shard[i];
        p->batch =
            (gk_batch){.token = p->token, .target = b->target ? p->target : NULL, .seq_start = p->starts};
        p->starts[0] = 0;
    }
    for (size_t i = 0; i < n; i++) add_sequence(&s->shard[s->assigned[i].shard], b, s->assigned[i].seq);
    return used;
}

typedef struct sharded_step {
    gk_session *s;
    const gk_model *m;
    const gk_backprop *p;
    size_t used;
} sharded_step;

static void run_shards(void *ctx, size_t begin, size_t end) {
    sharded_step *t = ctx;
    for (size_t i = begin; i < end; i++) {
        gk_session__shard *p = &t->s->shard[i];
        gk_backprop mine = *t->p;
        if (i) mine.grad = p->grad;
        p->loss = gk_session__step(i ? p->session : t->s, t->m, &p->batch, &mine, &p->n);
    }
}

/* Adds the shards' gradients in their order and leaves them zero for the next step. */
static void reduce(void *ctx, size_t begin, size_t end) {
    sharded_step *t = ctx;
    for (size_t i = 1; i < t->used; i++) {
        float *grad = t->s->shard[i].grad + begin;
        gk_op__add_and_clear(end - begin, t->p->grad + begin, grad);
    }
}

double gk_session__shards_step(gk_session *s, const gk_model *m, const gk_batch *b, const gk_backprop *p,
                               int64_t *n_targets) {
    sharded_step t = {.s = s, .m = m, .p = p, .used = divide(s, b)};
    gk_parallel_for(t.used, 1, run_shards, &t);
    if (t.used > 1) gk_parallel_for(s->grad_floats, REDUCE_GRAIN, reduce, &t);
    double loss = 0;
    *n_targets = 0;
    for (size_t i = 0; i < t.used; i++) {
        loss += s->shard[i].loss;
        *n_targets += s->shard[i].n;
    }
    return loss;
}
