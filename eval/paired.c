/* paired.c: what differs between two schemes on the same prompts: the difference, its interval, its test. */
#include "eval/paired.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- tests */

double gk_mcnemar(size_t more, size_t fewer) {
    double n = (double)(more + fewer), sum = 0;
    size_t least = more < fewer ? more : fewer;
    if (more == fewer) return 1;
    for (size_t k = 0; k <= least; k++) {
        double x = (double)k;
        sum += exp(lgamma(n + 1) - lgamma(x + 1) - lgamma(n - x + 1) - n * log(2));
    }
    return sum < 0.5 ? 2 * sum : 1;
}

typedef struct ordered {
    double p;
    size_t at;
} ordered;

static int by_p(const void *a, const void *b) {
    const ordered *x = a, *y = b;
    if (x->p < y->p || x->p > y->p) return x->p < y->p ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

void gk_holm(const double *p, size_t n, double *out) {
    ordered *o = gk_alloc((n + 1) * sizeof *o);
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        out[i] = (double)NAN;
        if (!isnan(p[i])) o[m++] = (ordered){p[i], i};
    }
    qsort(o, m, sizeof *o, by_p);
    double least = 0;
    for (size_t k = 0; k < m; k++) {
        double x = o[k].p * (double)(m - k);
        if (x < least) x = least;
        out[o[k].at] = least = x < 1 ? x : 1;
    }
    gk_free(o);
}

/* ---------------------------------------------------------------- one pair */

/* A row's prompts: how many, and how many more of them are right than under the reference. */
typedef struct row_sum {
    double n, more;
} row_sum;

static bool right(const gk_obs *o, int top) {
    return o->rank < top;
}

/* Rows in the order in which they first appear; returns how many. */
static size_t sum_rows(const gk_obs *ref, const gk_obs *obs, size_t n, int top, row_sum *out) {
    uint32_t last = 0;
    for (size_t i = 0; i < n; i++) last = obs[i].row > last ? obs[i].row : last;
    size_t *of_row = gk_alloc(((size_t)last + 1) * sizeof *of_row), rows = 0; /* index + 1 */
    for (size_t i = 0; i < n; i++) {
        size_t *k = &of_row[obs[i].row];
        if (*k == 0) *k = ++rows;
        out[*k - 1].n++;
        out[*k - 1].more += right(&obs[i], top) - right(&ref[i], top);
    }
    gk_free(of_row);
    return rows;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, size_t n, double p) {
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static void draw_interval(const row_sum *row, size_t rows, uint64_t seed, size_t resamples, gk_paired *out) {
    double *draw = gk_alloc(resamples * sizeof *draw);
    gk_rng rng;
    gk_rng_seed(&rng, seed, "bootstrap");
    for (size_t b = 0; b < resamples; b++) {
        row_sum all = {0, 0};
        for (size_t k = 0; k < rows; k++) {
            const row_sum *x = &row[gk_rng_below(&rng, rows)];
            all.n += x->n;
            all.more += x->more;
        }
        draw[b] = all.more / all.n;
    }
    qsort(draw, resamples, sizeof *draw, by_value);
    out->low = percentile(draw, resamples, 0.025);
    out->high = percentile(draw, resamples, 0.975);
    gk_free(draw);
    /* All rows differ alike: a row that was not seen may be one prompt for another of them. */
    if (out->high - out->low < 1e-12) {
        double u = gk_unseen_share((double)rows);
        out->low = out->diff - u * (1 + out->diff);
        out->high = out->diff + u * (1 - out->diff);
    }
}

void gk_paired_compute(const gk_obs *ref, const gk_obs *obs, size_t n, int top, uint64_t seed, int resamples,
                       gk_paired *out) {
    *out = (gk_paired){.n = n};
    out->diff = out->low = out->high = out->p = (double)NAN;
    if (n == 0) return;
    row_sum *row = gk_alloc(n * sizeof *row), all = {0, 0};
    out->rows = sum_rows(ref, obs, n, top, row);
    for (size_t k = 0; k < out->rows; k++) {
        all.n += row[k].n;
        all.more += row[k].more;
        out->rows_more += row[k].more > 0;
        out->rows_fewer += row[k].more < 0;
    }
    out->diff = all.more / all.n;
    out->p = gk_mcnemar(out->rows_more, out->rows_fewer);
    if (resamples > 0) draw_interval(row, out->rows, seed, (size_t)resamples, out);
    gk_free(row);
}

/* ---------------------------------------------------------------- all of a store */

enum { TOP = 5, MOST_REFERENCES = 2 };

typedef struct job {
    const gk__tried *ref, *tried;
} job;
typedef struct jobs {
    const job *item;
    gk__differences *out;
    uint64_t seed;
} jobs;

static gk_obs as_obs(const gk__outcome *o) {
    return (gk_obs){.row = o->row, .weight = 1, .rank = (double)o->rank};
}

static void compare(const job *j, uint64_t seed, gk__difference *out) {
    size_t room = j->tried->n + 1, n = 0;
    gk_obs *ref = gk_alloc(room * sizeof *ref), *obs = gk_alloc(room * sizeof *obs);
    for (size_t i = 0, k = 0; i < j->tried->n; i++) { /* both are by prompt */
        const gk__outcome *o = &j->tried->item[i];
        while (k < j->ref->n && j->ref->item[k].prompt < o->prompt) k++;
        if (k == j->ref->n || j->ref->item[k].prompt != o->prompt) continue;
        ref[n] = as_obs(&j->ref->item[k]);
        obs[n++] = as_obs(o);
    }
    *out = (gk__difference){j->tried->set, j->tried->scheme, j->ref->scheme, .p_holm = (double)NAN};
    gk_paired_compute(ref, obs, n, TOP, seed, GK_RESAMPLES, &out->paired);
    gk_free(ref);
    gk_free(obs);
}

static void compare_range(void *ctx, size_t begin, size_t end) {
    const jobs *j = ctx;
    for (size_t i = begin; i < end; i++) compare(&j->item[i], j->seed, &j->out->item[i]);
}

static const gk__tried *first_of_set(const gk__outcomes *o, const char *set) {
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->scheme[i].set, set) == 0) return &o->scheme[i];
    return NULL;
}

static size_t references(const gk__outcomes *o, const char *set, const gk__tried *ref[MOST_REFERENCES]) {
    const gk__tried *pre = gk__outcomes_of(o, "PRE"), *sft = gk__outcomes_of(o, "SFT-rh");
    size_t n = 0;
    if (!sft) sft = gk__outcomes_of(o, "SFT");
    if (pre) ref[n++] = pre;
    if (sft) ref[n++] = sft;
    if (n == 0) ref[n++] = first_of_set(o, set);
    return n;
}

/* Sets need not stand in one piece. */
static void correct(gk__differences *d) {
    double *p = gk_alloc((d->n + 1) * sizeof *p), *holm = gk_alloc((d->n + 1) * sizeof *holm);
    for (size_t i = 0; i < d->n; i++) {
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++) seen = strcmp(d->item[k].set, d->item[i].set) == 0;
        if (seen) continue;
        for (size_t k = 0; k < d->n; k++)
            p[k] = strcmp(d->item[k].set, d->item[i].set) == 0 ? d->item[k].paired.p : (double)NAN;
        gk_holm(p, d->n, holm);
        for (size_t k = i; k < d->n; k++)
            if (!isnan(holm[k])) d->item[k].p_holm = holm[k];
    }
    gk_free(p);
    gk_free(holm);
}

void gk__differences_of(const gk__outcomes *o, gk_arena *a, uint64_t seed, gk__differences *out) {
    *out = (gk__differences){.item = gk_arena_alloc(a, (o->n * MOST_REFERENCES + 1) * sizeof *out->item)};
    job *list = gk_arena_alloc(a, (o->n * MOST_REFERENCES + 1) * sizeof *list);
    for (size_t i = 0; i < o->n; i++) {
        const gk__tried *ref[MOST_REFERENCES];
        size_t n = references(o, o->scheme[i].set, ref);
        for (size_t k = 0; k < n; k++)
            if (ref[k] != &o->scheme[i]) list[out->n++] = (job){ref[k], &o->scheme[i]};
    }
    jobs j = {list, out, seed};
    gk_parallel_for(out->n, 1, compare_range, &j);
    correct(out);
}
