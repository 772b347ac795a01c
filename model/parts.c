/* parts.c: one training step as a few whole passes side by side. Each part takes whole sequences through
 * forward and backward on one thread, with gradients of its own that are added up at the end: a handful of
 * hand-overs a step instead of hundreds. That is faster for small models, and a core taken away by another
 * process costs its share of the time, not a wait at every operator. The price is a gradient vector a thread,
 * so large models do not do it. */
#include "model/session.h"

#include <string.h>

#define PART_FLOATS ((size_t)64 << 20) /* gradient copies may take this much in all */
#define REDUCE_GRAIN 65536

size_t gk__parts_wanted(const gk_config *c, bool backward) {
    size_t threads = (size_t)gk_threads();
    if (!backward || threads < 2) return 1;
    return gk__config_floats(c) * (threads - 1) <= PART_FLOATS ? threads : 1;
}

bool gk__parts_new(gk_session *s, size_t n, const gk_session_opts *o, gk_error *err) {
    s->n_parts = 0;
    if (n < 2) return true;
    s->part = gk_alloc(n * sizeof *s->part);
    size_t bytes = gk__session_grad_floats(&s->cfg, o->adapter) * sizeof(float);
    for (size_t i = 0; i < n; i++) {
        gk__part *p = &s->part[s->n_parts++];
        p->starts = gk_try_alloc(((size_t)s->max_rows + 1) * sizeof(int32_t));
        p->session = i ? gk__session_single(&s->cfg, o, err) : NULL;
        p->grad = i ? gk_try_alloc(bytes) : NULL;
        if (!p->starts || (i && (!p->session || !p->grad)))
            return gk_fail(err, GK_NOWHERE, "fewer threads or fewer rows a batch",
                           "not enough memory for %zu threads", n);
    }
    return true;
}

void gk__parts_free(gk_session *s) {
    for (size_t i = 0; i < s->n_parts; i++) {
        gk_session_free(s->part[i].session);
        gk_free(s->part[i].grad);
        gk_free(s->part[i].starts);
    }
    gk_free(s->part);
}

/* Contiguous sequences, about the same number of rows a part. Returns the number of parts that got any. */
static size_t divide(gk_session *s, const gk_batch *b) {
    size_t used = 0;
    int seq = 0;
    while (seq < b->n_seqs && used < s->n_parts) {
        gk__part *p = &s->part[used];
        int first = b->seq_start[seq], from = seq;
        int until = (int)((int64_t)b->n_rows * (int64_t)(used + 1) / (int64_t)s->n_parts);
        bool last = used + 1 == s->n_parts;
        do p->starts[seq - from] = b->seq_start[seq] - first;
        while (++seq < b->n_seqs && (last || b->seq_start[seq] < until));
        int end = b->seq_start[seq];
        p->starts[seq - from] = end - first;
        p->batch = (gk_batch){.n_rows = end - first,
                              .n_seqs = seq - from,
                              .token = b->token + first,
                              .target = b->target ? b->target + first : NULL,
                              .seq_start = p->starts};
        used++;
    }
    return used;
}

typedef struct step {
    gk_session *s;
    const gk_model *m;
    const gk_backprop *p;
    size_t used;
} step;

static void run_parts(void *ctx, size_t begin, size_t end) {
    step *t = ctx;
    for (size_t i = begin; i < end; i++) {
        gk__part *p = &t->s->part[i];
        gk_backprop mine = *t->p;
        if (i) mine.grad = p->grad;
        p->loss = gk__step(i ? p->session : t->s, t->m, &p->batch, &mine, &p->n);
    }
}

/* Adds the parts' gradients in their order and leaves them zero for the next step. */
static void reduce(void *ctx, size_t begin, size_t end) {
    step *t = ctx;
    for (size_t i = 1; i < t->used; i++) {
        float *part = t->s->part[i].grad + begin;
        gk__take(end - begin, t->p->grad + begin, part);
    }
}

double gk__parts_step(gk_session *s, const gk_model *m, const gk_batch *b, const gk_backprop *p,
                      int64_t *n_targets) {
    step t = {.s = s, .m = m, .p = p, .used = divide(s, b)};
    gk_parallel_for(t.used, 1, run_parts, &t);
    if (t.used > 1) gk_parallel_for(gk__session_grad_floats(&s->cfg, s->adapter), REDUCE_GRAIN, reduce, &t);
    double loss = 0;
    *n_targets = 0;
    for (size_t i = 0; i < t.used; i++) {
        loss += s->part[i].loss;
        *n_targets += s->part[i].n;
    }
    return loss;
}
