/* contrast.c: two schemes in one metric, fact by fact: the difference, its interval, whether they differ and
 * whether they are equivalent. */
#include "eval/measure/draws.h"
#include "eval/measure/rows.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/measure.h"

#include <math.h>
#include <stdlib.h>

/* ---------------------------------------------------------------- the signed ranks */

enum { MOST_EXACT = 500 }; /* facts; beyond them the normal distribution is as good */

static int by_size(const void *a, const void *b) {
    double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
    return (x > y) - (x < y);
}

/* Ranks of the n sizes, doubled so that those of ties, their mean, are whole; `ties`: the sum of t^3 - t. */
static void rank_sizes(const double *d, size_t n, size_t *twice, double *ties) {
    *ties = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && by_size(&d[end], &d[i]) == 0; end++) {
        }
        double t = (double)(end - i);
        *ties += t * t * t - t;
        for (size_t k = i; k < end; k++) twice[k] = i + 1 + end;
    }
}

/* The probability that a sum of these doubled ranks, each taken or not by a coin, is `sum` or less. */
static double at_most(const size_t *twice, size_t n, size_t sum) {
    size_t total = 0;
    for (size_t i = 0; i < n; i++) total += twice[i];
    double *p = gk_alloc((total + 1) * sizeof *p), *next = gk_alloc((total + 1) * sizeof *next), all = 0;
    p[0] = 1;
    size_t top = 0; /* the largest sum so far */
    for (size_t i = 0; i < n; i++) {
        for (size_t s = 0; s <= top; s++) next[s] = 0.5 * p[s];
        for (size_t s = top + 1; s <= top + twice[i]; s++) next[s] = 0;
        for (size_t s = 0; s <= top; s++) next[s + twice[i]] += 0.5 * p[s];
        top += twice[i];
        double *swap = p;
        p = next;
        next = swap;
    }
    for (size_t s = 0; s <= sum; s++) all += p[s];
    gk_free(p);
    gk_free(next);
    return all;
}

double gk_signed_rank(const double *differences, size_t n) {
    double *d = gk_alloc((n + 1) * sizeof *d), ties, p;
    size_t kept = 0, above = 0, total = 0;
    for (size_t i = 0; i < n; i++)
        if (differences[i] < 0 || differences[i] > 0) d[kept++] = differences[i];
    size_t *twice = gk_alloc((kept + 1) * sizeof *twice);
    qsort(d, kept, sizeof *d, by_size);
    rank_sizes(d, kept, twice, &ties);
    for (size_t i = 0; i < kept; i++) {
        total += twice[i];
        above += d[i] > 0 ? twice[i] : 0;
    }
    if (kept <= MOST_EXACT) {
        p = 2 * at_most(twice, kept, above < total - above ? above : total - above);
    } else {
        double m = (double)kept, spread = sqrt((m * (m + 1) * (2 * m + 1) - ties / 2) / 24);
        p = erfc(fabs((double)above - (double)total / 2) / 2 / spread / sqrt(2));
    }
    gk_free(twice);
    gk_free(d);
    return p < 1 ? p : 1;
}

/* ---------------------------------------------------------------- facts */

/* A fact's prompts, summed in their order. */
typedef struct fact {
    double n, a, b, more;
} fact;

/* Returns how many facts there are. */
static size_t sum_facts(const gk_obs *a, const gk_obs *b, size_t n, gk_metric m, fact *out) {
    size_t facts;
    uint32_t *number = gk_measure__rows_of(a, n, &facts);
    for (size_t i = 0; i < n; i++) {
        fact *f = &out[number[i]];
        double x = gk_measure__value(&a[i], m), y = gk_measure__value(&b[i], m);
        f->n++;
        f->a += x;
        f->b += y;
        f->more += x - y;
    }
    gk_free(number);
    return facts;
}

static void draw_interval(const double *d, size_t facts, uint64_t seed, size_t resamples,
                          gk_contrast_stats *out) {
    double *draw = gk_alloc(resamples * sizeof *draw);
    gk_measure__draws *draws = gk_measure__draws_hold(seed, resamples);
    gk_measure__draw_sums(draws, d, facts, 1, draw);
    gk_measure__draws_let_go(draws);
    for (size_t b = 0; b < resamples; b++) draw[b] /= (double)facts;
    gk_percentile_ends(draw, resamples, &out->low, &out->high);
    gk_free(draw);
}

/* ---------------------------------------------------------------- equivalence */

/* Two one-sided paired t tests over the facts. */
static void test_margin(const double *d, double facts, double margin, gk_contrast_stats *out) {
    double squares = 0;
    for (size_t k = 0; k < (size_t)facts; k++) squares += (d[k] - out->diff) * (d[k] - out->diff);
    double error = sqrt(squares / (facts - 1) / facts), df = facts - 1;
    double reach = gk_student_value(0.05, df) * error;
    double under = gk_student_above((margin - out->diff) / error, df),
           over = gk_student_above((margin + out->diff) / error, df);
    out->equal_low = out->diff - reach;
    out->equal_high = out->diff + reach;
    out->p_equal = under > over ? under : over;
}

/* Where all facts differ alike: of those that were not seen, any share may differ by as much as there is. */
static void test_margin_alike(double facts, double margin, gk_contrast_stats *out) {
    double x = out->diff, size = fabs(x);
    gk_measure__alike_interval(x, 1 - pow(0.05, 1 / facts), &out->equal_low, &out->equal_high);
    out->p_equal = size < margin ? pow((1 - margin) / (1 - size), facts) : 1;
}

/* ---------------------------------------------------------------- all of it */

static bool alike(const double *d, size_t n) {
    double low = d[0], high = d[0];
    for (size_t k = 1; k < n; k++) {
        low = d[k] < low ? d[k] : low;
        high = d[k] > high ? d[k] : high;
    }
    return high - low < 1e-12;
}

static void compare_facts(const double *d, gk_metric m, uint64_t seed, int resamples,
                          gk_contrast_stats *out) {
    size_t facts = out->rows;
    bool same = alike(d, facts), share = m <= GK_METRIC_exact;
    for (size_t k = 0; k < facts; k++) {
        out->rows_more += d[k] > 0;
        out->rows_fewer += d[k] < 0;
    }
    out->p = share ? gk_mcnemar(out->rows_more, out->rows_fewer) : gk_signed_rank(d, facts);
    if (resamples > 0 && (share || facts > 1)) draw_interval(d, facts, seed, (size_t)resamples, out);
    if (resamples > 0 && share && same)
        gk_measure__alike_interval(out->diff, gk_unseen_share((double)facts), &out->low, &out->high);
    if (isnan(out->margin)) return;
    if (!same) test_margin(d, (double)facts, out->margin, out);
    if (same && share) test_margin_alike((double)facts, out->margin, out);
}

void gk_contrast_compute(const gk_obs *a, const gk_obs *b, size_t n, gk_metric m, double margin,
                         uint64_t seed, int resamples, gk_contrast_stats *out) {
    const double none = (double)NAN;
    *out = (gk_contrast_stats){.n = n, .margin = margin};
    out->mean_a = out->mean_b = out->diff = out->low = out->high = none;
    out->p = out->p_equal = out->equal_low = out->equal_high = none;
    if (n == 0) return;
    fact *f = gk_alloc(n * sizeof *f);
    double *d = gk_alloc(n * sizeof *d), all[3] = {0};
    out->rows = sum_facts(a, b, n, m, f);
    for (size_t k = 0; k < out->rows; k++) {
        d[k] = f[k].more / f[k].n;
        all[0] += f[k].a / f[k].n;
        all[1] += f[k].b / f[k].n;
        all[2] += d[k];
    }
    out->mean_a = all[0] / (double)out->rows;
    out->mean_b = all[1] / (double)out->rows;
    out->diff = all[2] / (double)out->rows;
    if (isfinite(out->diff)) compare_facts(d, m, seed, resamples, out);
    gk_free(d);
    gk_free(f);
}
