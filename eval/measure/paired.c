/* paired.c: two schemes on the same prompts: the difference, its interval, its test. */
#include "eval/measure/draws.h"
#include "eval/measure/rows.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/measure.h"

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

/* The logarithm of the number of ways to choose k of n. */
static double log_choose(size_t n, size_t k) {
    return lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1);
}

double gk_fisher_fewer(size_t hits, size_t n, size_t hits_other, size_t n_other) {
    size_t all = hits + hits_other;
    double sum = 0;
    if (n == 0 || n_other == 0) return 1;
    for (size_t k = all > n_other ? all - n_other : 0; k <= hits; k++)
        sum += exp(log_choose(n, k) + log_choose(n_other, all - k) - log_choose(n + n_other, all));
    return sum < 1 ? sum : 1;
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
    double more, n;
} row_sum;

static bool right(const gk_obs *o, int top) {
    return o->rank < top;
}

/* Returns how many rows there are. */
static size_t sum_rows(const gk_obs *ref, const gk_obs *obs, size_t n, int top, row_sum *out) {
    size_t rows;
    uint32_t *number = gk_measure__rows_of(obs, n, &rows);
    for (size_t i = 0; i < n; i++) {
        row_sum *r = &out[number[i]];
        r->n++;
        r->more += right(&obs[i], top) - right(&ref[i], top);
    }
    gk_free(number);
    return rows;
}

void gk_measure__alike_interval(double diff, double u, double *low, double *high) {
    *low = diff - u * (1 + diff);
    *high = diff + u * (1 - diff);
}

static void draw_interval(const row_sum *row, size_t rows, uint64_t seed, size_t resamples, gk_paired *out) {
    double *sums = gk_alloc(2 * resamples * sizeof *sums), *draw = sums;
    gk_measure__draws *draws = gk_measure__draws_hold(seed, resamples);
    gk_measure__draw_sums(draws, &row->more, rows, 2, sums);
    gk_measure__draws_let_go(draws);
    for (size_t b = 0; b < resamples; b++) draw[b] /= sums[resamples + b];
    gk_percentile_ends(draw, resamples, &out->low, &out->high);
    gk_free(sums);
    /* All rows differ alike: a row that was not seen may be one prompt for another of them. */
    if (out->high - out->low < 1e-12)
        gk_measure__alike_interval(out->diff, gk_unseen_share((double)rows), &out->low, &out->high);
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
