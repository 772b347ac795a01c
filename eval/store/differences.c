/* differences.c: every scheme of a store against its references. */
#include "eval/store/outcomes.h"
#include "graftkit/core/threads.h"

#include <math.h>
#include <string.h>

enum { TOP = 5, MOST_REFERENCES = 2 };

typedef struct job {
    const gk_tried *ref, *tried;
    bool of_donor;
} job;
typedef struct jobs {
    const job *item;
    gk_differences *out;
    uint64_t seed;
} jobs;

size_t gk_common(const gk_tried *ref, const gk_tried *tried, gk_obs *low, gk_obs *high, size_t *templates) {
    size_t n = 0, last = 0;
    for (size_t i = 0; i < tried->n; i++) last = tried->item[i].tmpl > last ? tried->item[i].tmpl : last;
    bool *seen = gk_alloc((last + 1) * sizeof *seen);
    *templates = 0;
    for (size_t i = 0, k = 0; i < tried->n; i++) { /* both are by prompt */
        const gk_outcome *o = &tried->item[i];
        while (k < ref->n && ref->item[k].prompt < o->prompt) k++;
        if (k == ref->n || ref->item[k].prompt != o->prompt || gk_coincide(tried, ref, o->tmpl)) continue;
        low[n] = gk_outcome_obs(&ref->item[k]);
        high[n++] = gk_outcome_obs(o);
        *templates += !seen[o->tmpl];
        seen[o->tmpl] = true;
    }
    gk_free(seen);
    return n;
}

void gk_pair(const gk_tried *ref, const gk_tried *tried, uint64_t seed, int resamples, gk_paired *out) {
    size_t room = tried->n + 1, templates;
    gk_obs *low = gk_alloc(room * sizeof *low), *high = gk_alloc(room * sizeof *high);
    size_t n = gk_common(ref, tried, low, high, &templates);
    gk_paired_compute(low, high, n, TOP, seed, resamples, out);
    gk_free(low);
    gk_free(high);
}

double gk_least_p(size_t rows) {
    return rows ? gk_mcnemar(rows, 0) : (double)NAN;
}

static void compare_range(void *ctx, size_t begin, size_t end) {
    const jobs *j = ctx;
    for (size_t i = begin; i < end; i++) {
        const job *k = &j->item[i];
        gk_difference *d = &j->out->item[i];
        *d = (gk_difference){.set = k->tried->set, .scheme = k->tried->scheme, .reference = k->ref->scheme};
        d->of_donor = k->of_donor;
        d->p_holm = d->p_holm_least = (double)NAN;
        gk_pair(k->ref, k->tried, j->seed, GK_RESAMPLES, &d->paired);
    }
}

static const gk_tried *first_of_set(const gk_outcomes *o, const char *set) {
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->scheme[i].set, set) == 0) return &o->scheme[i];
    return NULL;
}

/* Of the differences of one set; `least`: of the smallest p-values that there can be. */
static void correct_set(gk_differences *d, const char *set, bool least, double *p, double *holm) {
    for (size_t k = 0; k < d->n; k++) {
        const gk_paired *x = &d->item[k].paired;
        p[k] = strcmp(d->item[k].set, set) != 0 ? (double)NAN : least ? gk_least_p(x->rows) : x->p;
    }
    gk_holm(p, d->n, holm);
    for (size_t k = 0; k < d->n; k++)
        if (!isnan(holm[k])) *(least ? &d->item[k].p_holm_least : &d->item[k].p_holm) = holm[k];
}

/* Sets need not stand in one piece. */
static void correct(gk_differences *d) {
    double *p = gk_alloc((d->n + 1) * sizeof *p), *holm = gk_alloc((d->n + 1) * sizeof *holm);
    for (size_t i = 0; i < d->n; i++) {
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++) seen = strcmp(d->item[k].set, d->item[i].set) == 0;
        for (int least = 0; least < 2 && !seen; least++) correct_set(d, d->item[i].set, least, p, holm);
    }
    gk_free(p);
    gk_free(holm);
}

void gk_differences_of(const gk_outcomes *o, gk_arena *a, uint64_t seed, gk_differences *out) {
    *out = (gk_differences){.item = gk_arena_alloc(a, (o->n * MOST_REFERENCES + 1) * sizeof *out->item),
                            .without = gk_arena_alloc(a, (o->n + 1) * sizeof *out->without)};
    job *list = gk_arena_alloc(a, (o->n * MOST_REFERENCES + 1) * sizeof *list);
    gk_references *of = gk_arena_alloc(a, (o->n + 1) * sizeof *of);
    gk_roles roles;
    gk_roles_of(o, a, &roles);
    gk_references_of(o, &roles, a, of);
    for (size_t i = 0; i < o->n; i++) {
        const gk_tried *it = &o->scheme[i], *low = of[i].recipient, *high = of[i].donor;
        if (!low && !high) low = first_of_set(o, it->set);
        if (!low) out->without[out->n_without++] = it;
        if (low && low != it) list[out->n++] = (job){low, it, false};
        if (high && high != it && high != low) list[out->n++] = (job){high, it, true};
    }
    jobs j = {list, out, seed};
    gk_parallel_for(out->n, 1, compare_range, &j);
    correct(out);
}
