/* parts.c: one training step as a few whole passes side by side. Each part takes whole sequences through
 * forward and backward on one thread, with gradients of its own that are added up at the end: a handful of
 * hand-overs a step instead of hundreds. That is faster for small models, and a core taken away by another
 * process costs its share of the time, not a wait at every operator. The price is a gradient vector a thread,
 * so large models do not do it. */
#include "model/passes/session.h"

#include <stdlib.h>
#include <string.h>

#define PART_FLOATS ((size_t)64 << 20) /* gradient copies may take this much in all */
#define REDUCE_GRAIN 65536

size_t gk__parts_wanted(const gk_config *c, bool backward) {
    size_t threads = (size_t)gk_threads();
    if (!backward || threads < 2) return 1;
    return gk__config_floats(c) * (threads - 1) <= PART_FLOATS ? threads : 1;
}

static bool part_new(gk__part *p, const gk_session *s, bool first, const gk_session_opts *o, gk_error *err) {
    size_t rows = (size_t)s->max_rows;
    p->starts = gk_try_alloc((rows + 1) * sizeof *p->starts);
    p->token = gk_try_alloc(rows * sizeof *p->token);
    p->target = gk_try_alloc(rows * sizeof *p->target);
    if (!first) {
        p->session = gk__session_single(&s->cfg, o, err);
        p->grad = gk_try_alloc(gk__session_grad_floats(&s->cfg, o->adapter) * sizeof *p->grad);
    }
    return p->starts && p->token && p->target && (first || (p->session && p->grad));
}

bool gk__parts_new(gk_session *s, size_t n, const gk_session_opts *o, gk_error *err) {
    s->n_parts = 0;
    if (n < 2) return true;
    s->part = gk_alloc(n * sizeof *s->part);
    s->share = gk_alloc((size_t)s->max_rows * sizeof *s->share);
    while (s->n_parts < n) {
        gk__part *p = &s->part[s->n_parts++];
        if (!part_new(p, s, s->n_parts == 1, o, err))
            return gk_fail(err, GK_NOWHERE, "fewer threads or fewer rows a batch",
                           "not enough memory for %zu threads", n);
    }
    return true;
}

void gk__parts_free(gk_session *s) {
    for (size_t i = 0; i < s->n_parts; i++) {
        gk__part *p = &s->part[i];
        gk_session_free(p->session);
        gk_free(p->grad);
        gk_free(p->starts);
        gk_free(p->token);
        gk_free(p->target);
    }
    gk_free(s->part);
    gk_free(s->share);
}

static int longer_first(const void *a, const void *b) {
    const gk__share *x = a, *y = b;
    return x->rows != y->rows ? (x->rows < y->rows) - (x->rows > y->rows)
                              : (x->seq > y->seq) - (x->seq < y->seq);
}

static int in_order(const void *a, const void *b) {
    const gk__share *x = a, *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static void add_sequence(gk__part *p, const gk_batch *b, int seq) {
    gk_batch *to = &p->batch;
    int from = b->seq_start[seq], rows = b->seq_start[seq + 1] - from;
    size_t bytes = (size_t)rows * sizeof *p->token;
    memcpy(p->token + to->n_rows, b->token + from, bytes);
    if (b->target) memcpy(p->target + to->n_rows, b->target + from, bytes);
    to->n_rows += rows;
    p->starts[++to->n_seqs] = to->n_rows;
}

/* The longest sequence first, each to the part that has the fewest rows: a step takes as long as its largest
 * part, and contiguous pieces of sixteen short texts differ by an eighth. Returns the number of parts that
 * got any. */
static size_t divide(gk_session *s, const gk_batch *b) {
    size_t n = (size_t)b->n_seqs, used = n < s->n_parts ? n : s->n_parts;
    int *rows = gk_alloc(used * sizeof *rows);
    for (int q = 0; q < b->n_seqs; q++)
        s->share[q] = (gk__share){.seq = q, .rows = b->seq_start[q + 1] - b->seq_start[q]};
    qsort(s->share, n, sizeof *s->share, longer_first);
    for (size_t i = 0; i < n; i++) {
        size_t least = 0;
        for (size_t p = 1; p < used; p++)
            if (rows[p] < rows[least]) least = p;
        rows[least] += s->share[i].rows;
        s->share[i].part = least;
    }
    gk_free(rows);
    qsort(s->share, n, sizeof *s->share, in_order);
    for (size_t i = 0; i < used; i++) {
        gk__part *p = &s->part[i];
        p->batch =
            (gk_batch){.token = p->token, .target = b->target ? p->target : NULL, .seq_start = p->starts};
        p->starts[0] = 0;
    }
    for (size_t i = 0; i < n; i++) add_sequence(&s->part[s->share[i].part], b, s->share[i].seq);
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
