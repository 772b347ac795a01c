/* contrasts.c: planned contrasts, computed from a store's results. */
#include "eval/store/contrasts.h"
#include "eval/store/internal.h"
#include "graftkit/core/threads.h"

#include <math.h>
#include <string.h>

static const double CLEAR = 0.05;

const char *gk_verdict_key(gk_verdict v) {
    static const char *const keys[] = {[GK_NOT_JUDGED] = "not judged",
                                       [GK_NEITHER] = "neither",
                                       [GK_DIFFERENT] = "different",
                                       [GK_EQUIVALENT] = "equivalent",
                                       [GK_DIFFERENT_WITHIN] = "different, but equivalent"};
    return keys[v];
}

/* ---------------------------------------------------------------- one contrast */

typedef struct jobs {
    const gk_outcomes *o;
    uint64_t seed;
    gk_contrasts *out;
} jobs;

static void compute_one(gk_contrasted *c, const gk_outcomes *o, uint64_t seed) {
    const gk_tried *a = gk_outcomes_of(o, c->plan.a), *b = gk_outcomes_of(o, c->plan.b);
    size_t room = a ? a->n + 1 : 1, n = 0;
    gk_obs *its = gk_alloc(room * sizeof *its), *other = gk_alloc(room * sizeof *other);
    if (a && b) n = gk_common(b, a, other, its, &c->templates);
    gk_contrast_compute(its, other, n, c->plan.metric, c->plan.margin, seed, GK_RESAMPLES, &c->stats);
    gk_free(its);
    gk_free(other);
}

static void compute_range(void *ctx, size_t begin, size_t end) {
    const jobs *j = ctx;
    for (size_t i = begin; i < end; i++) compute_one(&j->out->item[i], j->o, j->seed);
}

/* ---------------------------------------------------------------- the plan as a whole */

/* Every difference and every equivalence that the contrasts of one set may claim, from `from` on. */
static size_t correct_set(gk_contrasts *all, size_t from) {
    size_t to = from, n;
    while (to < all->n && strcmp(all->item[to].plan.set, all->item[from].plan.set) == 0) to++;
    n = to - from;
    double *p = gk_alloc(2 * n * sizeof *p), *holm = gk_alloc(2 * n * sizeof *holm);
    for (size_t i = 0; i < n; i++) {
        p[2 * i] = all->item[from + i].stats.p;
        p[2 * i + 1] = all->item[from + i].stats.p_equal;
    }
    gk_holm(p, 2 * n, holm);
    for (size_t i = 0; i < n; i++) {
        all->item[from + i].p_holm = holm[2 * i];
        all->item[from + i].p_equal_holm = holm[2 * i + 1];
    }
    gk_free(p);
    gk_free(holm);
    return to;
}

static gk_verdict judge(const gk_contrasted *c) {
    bool differ = c->p_holm < CLEAR, equal = c->p_equal_holm < CLEAR;
    if (isnan(c->p_holm)) return GK_NOT_JUDGED;
    if (differ) return equal ? GK_DIFFERENT_WITHIN : GK_DIFFERENT;
    return equal ? GK_EQUIVALENT : GK_NEITHER;
}

bool gk_contrasts_of(gk_store *s, const gk_outcomes *o, gk_arena *a, gk_contrasts *out, gk_error *err) {
    jobs j = {.o = o, .out = out};
    if (!gk_store__planned(s, a, out, err) || !gk_store_seed(s, &j.seed, err)) return false;
    gk_parallel_for(out->n, 1, compute_range, &j);
    for (size_t i = 0; i < out->n;) i = correct_set(out, i);
    for (size_t i = 0; i < out->n; i++) out->item[i].verdict = judge(&out->item[i]);
    return true;
}
