/* metrics.c: from scored prompts to a cell: values and their bootstrap intervals. */
#include "eval/measure/draws.h"
#include "eval/measure/rows.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/threads.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/statistics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const KEYS[] = {
#define X(key, about) #key,
    GK_METRICS(X)
#undef X
};
static const char *const ABOUT[] = {
#define X(key, about) about,
    GK_METRICS(X)
#undef X
};

const char *gk_metric_key(gk_metric m) {
    return KEYS[m];
}

const char *gk_metric_about(gk_metric m) {
    return ABOUT[m];
}

char *gk_metric_text(gk_metric m, double x, char buf[GK_METRIC_TEXT]) {
    bool fine = m == GK_METRIC_mean_prob || m == GK_METRIC_mean_logprob || m == GK_METRIC_whole_logprob;
    int digits = fine ? 3 : m == GK_METRIC_median_rank ? 1 : 2;
    if (m <= GK_METRIC_exact) {
        x *= 100;
        digits = 1;
    }
    if (!isfinite(x))
        strcpy(buf, "\u2013");
    else
        snprintf(buf, GK_METRIC_TEXT, fabs(x) < 1e9 ? "%.*f" : "%.*e", digits, x);
    return buf;
}

void gk_stats_add_draw(gk_stats *sum, size_t draws, const gk_stats *s) {
    for (int m = 0; m < GK_N_METRICS; m++) {
        double n = (double)draws, x = s->value[m];
        sum->value[m] = (sum->value[m] * n + x) / (n + 1);
        sum->low[m] = draws == 0 || x < sum->low[m] ? x : sum->low[m];
        sum->high[m] = draws == 0 || x > sum->high[m] ? x : sum->high[m];
    }
    sum->n += s->n;
    sum->rows = s->rows > sum->rows ? s->rows : sum->rows;
}

/* A row's observations, summed: all that a mean over resampled rows needs. sum[] is by metric; the median's
 * place stays empty. */
enum { CLUSTER = 14 }; /* its numbers */
typedef struct cluster {
    double weight, whole_weight, sum[CLUSTER - 2]; /* whole_weight: of those with a whole target */
} cluster;
static_assert(GK_N_METRICS == CLUSTER - 2, "a cluster has room for every metric");

typedef struct ranked {
    double rank, weight;
    uint32_t cluster;
} ranked;

typedef struct cell {
    cluster *clusters;
    size_t n_clusters;
    ranked *ranked; /* by rank */
    size_t n, n_whole;
    bool finite; /* so that no times a number is nothing */
} cell;

static int by_rank(const void *a, const void *b) {
    double x = ((const ranked *)a)->rank, y = ((const ranked *)b)->rank;
    return (x > y) - (x < y);
}

static void cluster_add(cluster *c, const gk_obs *o) {
    double w = o->weight;
    c->weight += w;
    c->sum[GK_METRIC_top1] += w * (o->rank < 1);
    c->sum[GK_METRIC_top5] += w * (o->rank < 5);
    c->sum[GK_METRIC_top10] += w * (o->rank < 10);
    c->sum[GK_METRIC_top50] += w * (o->rank < 50);
    c->sum[GK_METRIC_top100] += w * (o->rank < 100);
    c->sum[GK_METRIC_mean_rank] += w * o->rank;
    c->sum[GK_METRIC_mean_prob] += w * o->prob;
    c->sum[GK_METRIC_mean_logprob] += w * o->logprob;
    c->sum[GK_METRIC_logit_diff] += w * o->logit_diff;
    if (!o->whole) return;
    c->whole_weight += w;
    c->sum[GK_METRIC_exact] += w * o->exact;
    c->sum[GK_METRIC_whole_logprob] += w * o->whole_logprob;
}

static void cell_build(cell *c, const gk_obs *obs, size_t n) {
    uint32_t *number = gk_measure__rows_of(obs, n, &c->n_clusters);
    c->clusters = gk_alloc(n * sizeof *c->clusters);
    c->ranked = gk_alloc(n * sizeof *c->ranked);
    c->n = n;
    c->n_whole = 0;
    for (size_t i = 0; i < n; i++) {
        cluster_add(&c->clusters[number[i]], &obs[i]);
        c->n_whole += obs[i].whole;
        c->ranked[i] = (ranked){obs[i].rank, obs[i].weight, number[i]};
    }
    gk_free(number);
    qsort(c->ranked, n, sizeof *c->ranked, by_rank);
    c->finite = true;
    for (size_t k = 0; k < c->n_clusters; k++)
        for (int m = 0; m < GK_N_METRICS; m++) c->finite &= isfinite(c->clusters[k].sum[m]) != 0;
}

/* The weighted median when cluster k counts times[k] times: the middle of the ranks at which the running
 * weight reaches and passes one half. */
static double median(const cell *c, const uint32_t *times, double total) {
    double run = 0, low = NAN;
    for (size_t i = 0; i < c->n; i++) {
        run += c->ranked[i].weight * times[c->ranked[i].cluster];
        if (isnan(low) && run >= total / 2) low = c->ranked[i].rank;
        if (run > total / 2) return (low + c->ranked[i].rank) / 2;
    }
    return isnan(low) ? c->ranked[c->n - 1].rank : low; /* rounding kept the sum below its half */
}

static bool of_whole(int m) {
    return m == GK_METRIC_exact || m == GK_METRIC_whole_logprob;
}

static double weight_of(const cluster *k, gk_metric m) {
    return of_whole((int)m) ? k->whole_weight : k->weight;
}

/* One of cell_values. */
static double cell_value(const cell *c, const uint32_t *times, gk_metric m) {
    double sum = 0, weight = 0;
    for (size_t k = 0; k < c->n_clusters; k++) {
        if (times[k] == 0) continue;
        sum += times[k] * c->clusters[k].sum[m];
        weight += times[k] * weight_of(&c->clusters[k], m);
    }
    return m == GK_METRIC_median_rank ? median(c, times, weight) : sum / weight;
}

/* Adds up the clusters, each as often as it was drawn, in pairs of numbers that stay in registers. One that
 * was not drawn adds nothing: to look whether it was takes longer than to add that. */
typedef double pair __attribute__((vector_size(2 * sizeof(double))));
enum { PAIRS = CLUSTER / 2 };
static void sum_clusters(const cell *c, const uint32_t *times, cluster *out) {
    pair all[PAIRS] = {{0}};
    for (size_t k = 0; k < c->n_clusters; k++) {
        const char *numbers = (const char *)&c->clusters[k];
        double n = times[k];
        if (!c->finite && times[k] == 0) continue;
#pragma GCC unroll 7
        for (int i = 0; i < PAIRS; i++) {
            pair x;
            memcpy(&x, numbers + (size_t)i * sizeof x, sizeof x);
            all[i] += n * x;
        }
    }
    memcpy(out, all, sizeof all);
}

/* The metrics of the whole target are NaN where no prompt drawn has one. */
static void cell_values(const cell *c, const uint32_t *times, double value[GK_N_METRICS]) {
    cluster all;
    sum_clusters(c, times, &all);
    for (int m = 0; m < GK_N_METRICS; m++)
        value[m] = !of_whole(m)           ? all.sum[m] / all.weight
                   : all.whole_weight > 0 ? all.sum[m] / all.whole_weight
                                          : NAN;
    value[GK_METRIC_median_rank] = median(c, times, all.weight);
}

/* Puts what sorting would put at v[k] there, what is not larger before it and what is not smaller behind it
 * (Hoare's quickselect). */
static void select_kth(double *v, size_t n, size_t k) {
    size_t low = 0, high = n - 1;
    while (low < high) {
        double middle = v[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;;) {
            while (v[i] < middle) i++;
            while (v[j] > middle) j--;
            if (i >= j) break;
            double x = v[i];
            v[i++] = v[j];
            v[j--] = x;
        }
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
}

/* Of n values the first `from` of which are not larger than any other. */
static double percentile_from(double *v, size_t n, size_t from, double p) {
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;
    select_kth(v + from, n - from, i - from);
    if (i + 1 >= n) return v[i];
    double next = v[i + 1];
    for (size_t k = i + 2; k < n; k++) next = v[k] < next ? v[k] : next;
    return v[i] + (at - (double)i) * (next - v[i]);
}

double gk_percentile(double *v, size_t n, double p) {
    return percentile_from(v, n, 0, p);
}

void gk_percentile_ends(double *v, size_t n, double *low, double *high) {
    *low = gk_percentile(v, n, 0.025);
    *high = percentile_from(v, n, (size_t)(0.025 * (double)(n - 1)), 0.975);
}

/* Moves the numbers to the front; returns how many there are. */
static size_t drop_nan(double *v, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i])) v[kept++] = v[i];
    return kept;
}

double gk_unseen_share(double rows) {
    return 1 - pow(0.025, 1 / rows);
}

static size_t rows_of(const cell *c, gk_metric m) {
    size_t n = 0;
    for (size_t k = 0; k < c->n_clusters; k++) n += weight_of(&c->clusters[k], m) > 0;
    return n;
}

/* Whether all rows have the same share, so that resampling them would say that nothing can vary; *rows: how
 * many, as far as their weights are even. */
static bool same_share(const cell *c, gk_metric m, double *rows) {
    double first = NAN, sum = 0, squares = 0;
    for (size_t k = 0; k < c->n_clusters; k++) {
        double w = weight_of(&c->clusters[k], m);
        if (w <= 0) continue;
        double x = c->clusters[k].sum[m] / w;
        if (isnan(first)) first = x;
        if (fabs(x - first) > 1e-12) return false;
        sum += w;
        squares += w * w;
    }
    *rows = squares > 0 ? sum * sum / squares : 0;
    return *rows > 0;
}

/* What a bootstrap cannot say (see graftkit/eval/measure.h). */
static void mend_intervals(const cell *c, gk_stats *out) {
    for (gk_metric m = 0; m < GK_N_METRICS; m++) {
        double x = out->value[m], rows;
        if (m <= GK_METRIC_exact && same_share(c, m, &rows)) {
            out->low[m] = x - x * gk_unseen_share(rows);
            out->high[m] = x + (1 - x) * gk_unseen_share(rows);
        } else if (m > GK_METRIC_exact && rows_of(c, m) < 2) {
            out->low[m] = out->high[m] = NAN;
        }
    }
}

/* draws: NULL, or of this seed and so many resamples. */
static void bootstrap(const cell *c, uint64_t seed, size_t resamples, gk_measure__draws *draws,
                      gk_stats *out) {
    double *values = gk_alloc(resamples * GK_N_METRICS * sizeof *values); /* [metric][resample] */
    const uint32_t *kept = draws ? gk_measure__draws_of(draws, c->n_clusters) : NULL;
    uint32_t *times = gk_alloc(c->n_clusters * sizeof *times);
    gk_rng rng;
    gk_measure__draws_seed(&rng, seed);
    for (size_t b = 0; b < resamples; b++) {
        if (!kept) gk_measure__draws_next(&rng, c->n_clusters, times);
        double value[GK_N_METRICS];
        cell_values(c, kept ? kept + b * c->n_clusters : times, value);
        for (size_t m = 0; m < GK_N_METRICS; m++) values[m * resamples + b] = value[m];
    }
    for (size_t m = 0; m < GK_N_METRICS; m++) {
        double *v = values + m * resamples;
        size_t n = drop_nan(v, resamples);
        if (n == 0) continue;
        gk_percentile_ends(v, n, &out->low[m], &out->high[m]);
    }
    mend_intervals(c, out);
    gk_free(times);
    gk_free(values);
}

static void all_nan(gk_stats *out) {
    for (int m = 0; m < GK_N_METRICS; m++) out->value[m] = out->low[m] = out->high[m] = NAN;
}

static void compute(const gk_obs *obs, size_t n, uint64_t seed, int resamples, gk_measure__draws *draws,
                    gk_stats *out) {
    out->n = n;
    out->rows = out->n_whole = 0;
    out->icc_top5 = out->icc_logit_diff = NAN;
    all_nan(out);
    if (n == 0) return;
    cell c;
    cell_build(&c, obs, n);
    out->rows = c.n_clusters;
    out->n_whole = c.n_whole;
    out->icc_top5 = gk_icc(obs, n, GK_METRIC_top5);
    out->icc_logit_diff = gk_icc(obs, n, GK_METRIC_logit_diff);
    uint32_t *once = gk_alloc(c.n_clusters * sizeof *once);
    for (size_t k = 0; k < c.n_clusters; k++) once[k] = 1;
    cell_values(&c, once, out->value);
    gk_free(once);
    if (resamples > 0) bootstrap(&c, seed, (size_t)resamples, draws, out);
    gk_free(c.clusters);
    gk_free(c.ranked);
}

void gk_stats_compute(const gk_obs *obs, size_t n, uint64_t seed, int resamples, gk_stats *out) {
    compute(obs, n, seed, resamples, NULL, out);
}

typedef struct many {
    const gk_obs_list **cells; /* those that differ */
    size_t n;
    uint64_t seed;
    int resamples;
    gk_measure__draws *draws;
    gk_stats *out; /* [n] */
} many;

static void compute_range(void *ctx, size_t begin, size_t end) {
    const many *m = ctx;
    for (size_t i = begin; i < end; i++)
        compute(m->cells[i]->obs, m->cells[i]->n, m->seed, m->resamples, m->draws, &m->out[i]);
}

/* Any order in which equal ones are neighbours; NaN is as good as a number, and what lies between the fields
 * is nothing. */
static int by_bits(const gk_obs *x, const gk_obs *y) {
    if (x->row != y->row || x->whole != y->whole)
        return x->row != y->row ? (x->row > y->row) - (x->row < y->row) : x->whole - y->whole;
    const double a[] = {x->weight, x->rank, x->prob, x->logprob, x->logit_diff, x->exact, x->whole_logprob},
                 b[] = {y->weight, y->rank, y->prob, y->logprob, y->logit_diff, y->exact, y->whole_logprob};
    return memcmp(a, b, sizeof a);
}

static int by_content(const void *a, const void *b) {
    const gk_obs_list *x = *(const gk_obs_list *const *)a, *y = *(const gk_obs_list *const *)b;
    int order = (x->n > y->n) - (x->n < y->n);
    for (size_t i = 0; order == 0 && i < x->n; i++) order = by_bits(&x->obs[i], &y->obs[i]);
    return order;
}

/* A scheme stands in several sets, and a pool may be another's: of equal cells one is computed. */
void gk_stats_compute_all(const gk_obs_list *cells, size_t n_cells, uint64_t seed, int resamples,
                          gk_stats *out) {
    const gk_obs_list **sorted = gk_alloc((n_cells + 1) * sizeof(*sorted));
    size_t *of = gk_alloc((n_cells + 1) * sizeof *of); /* a cell's index among those that differ */
    for (size_t i = 0; i < n_cells; i++) sorted[i] = &cells[i];
    qsort(sorted, n_cells, sizeof(*sorted), by_content);
    many m = {.cells = sorted, .seed = seed, .resamples = resamples};
    for (size_t i = 0; i < n_cells; i++) {
        bool same = m.n && by_content(&sorted[m.n - 1], &sorted[i]) == 0;
        const gk_obs_list *own = sorted[i];
        if (!same) sorted[m.n++] = own;
        of[own - cells] = m.n - 1;
    }
    m.out = gk_alloc((m.n + 1) * sizeof *m.out);
    if (resamples > 0) m.draws = gk_measure__draws_new(seed, (size_t)resamples);
    gk_parallel_for(m.n, 1, compute_range, &m);
    for (size_t i = 0; i < n_cells; i++) out[i] = m.out[of[i]];
    gk_measure__draws_free(m.draws);
    gk_free(m.out);
    gk_free(of);
    gk_free(sorted);
}

/* ---------------------------------------------------------------- recovery */

static double recovered(double x, double low, double high) {
    return high > low ? (x - low) / (high - low) : NAN;
}

void gk_recovery(const gk_obs *low, const gk_obs *high, const gk_obs *obs, size_t n, gk_metric metric,
                 uint64_t seed, int resamples, gk_recovered *out) {
    const gk_obs *from[3] = {obs, low, high};
    *out = (gk_recovered){.value = NAN, .low = NAN, .high = NAN};
    if (n == 0) return;
    cell c[3];
    for (int i = 0; i < 3; i++) cell_build(&c[i], from[i], n);
    size_t n_rows = c[0].n_clusters, kept = 0;
    uint32_t *times = gk_alloc(n_rows * sizeof *times);
    double *draw = gk_alloc(((size_t)resamples + 1) * sizeof *draw), mean[3], end[2] = {0}, least = INFINITY,
           most = -INFINITY;
    gk_rng rng;
    gk_measure__draws_seed(&rng, seed);
    for (int b = -1; b < resamples; b++) { /* -1: the rows as they are */
        for (size_t k = 0; b < 0 && k < n_rows; k++) times[k] = 1;
        if (b >= 0) gk_measure__draws_next(&rng, n_rows, times);
        for (int i = 0; i < 3; i++) mean[i] = cell_value(&c[i], times, metric);
        double r = recovered(mean[0], mean[1], mean[2]);
        if (b < 0) {
            out->value = r;
            end[0] = mean[1];
            end[1] = mean[2];
        } else if (isnan(r)) {
            out->undefined++;
        } else {
            draw[kept++] = r;
            least = r < least ? r : least;
            most = r > most ? r : most;
        }
    }
    if (kept) gk_percentile_ends(draw, kept, &out->low, &out->high);
    if (kept && most - least < 1e-12 && metric <= GK_METRIC_exact && isfinite(out->value)) {
        double way = gk_unseen_share((double)n_rows) / (end[1] - end[0]);
        out->low = out->value - way;
        out->high = out->value + way;
    }
    gk_free(draw);
    gk_free(times);
    for (int i = 0; i < 3; i++) {
        gk_free(c[i].clusters);
        gk_free(c[i].ranked);
    }
}
