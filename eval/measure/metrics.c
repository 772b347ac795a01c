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

/* The weighted median when cluster k counts times[k * apart] times: the middle of the ranks at which the
 * running weight reaches and passes one half. `run`: the running weight before the rank number `from`, which
 * is less than a half. */
static double median(const cell *c, const uint16_t *times, size_t apart, size_t from, double run,
                     double total) {
    double low = NAN;
    for (size_t i = from; i < c->n; i++) {
        run += c->ranked[i].weight * times[c->ranked[i].cluster * apart];
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

/* The metrics of the whole target are NaN where no prompt drawn has one. */
static void values_of(const cluster *all, double value[GK_N_METRICS]) {
    for (int m = 0; m < GK_N_METRICS; m++)
        value[m] = !of_whole(m)            ? all->sum[m] / all->weight
                   : all->whole_weight > 0 ? all->sum[m] / all->whole_weight
                                           : NAN;
}

/* Of the rows as they are. */
static void cell_values(const cell *c, double value[GK_N_METRICS]) {
    uint16_t *once = gk_alloc(c->n_clusters * sizeof *once);
    cluster all = {0};
    for (size_t k = 0; k < c->n_clusters; k++) {
        once[k] = 1;
        all.weight += c->clusters[k].weight;
        all.whole_weight += c->clusters[k].whole_weight;
        for (int m = 0; m < GK_N_METRICS; m++) all.sum[m] += c->clusters[k].sum[m];
    }
    values_of(&all, value);
    value[GK_METRIC_median_rank] = median(c, once, 1, 0, 0, all.weight);
    gk_free(once);
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

/* What a resample needs of each cluster, in the order of the sums; the last is what median() skips. */
enum { SKIPPED = CLUSTER, COLUMNS };

/* As many ranks as lie before the median of nearly every resample, where running weights are exact: each
 * cluster's weight before that goes to x[cluster][SKIPPED]. The running weight at the middle of a resample
 * varies by the sum over clusters of (their weight before the middle - half of their weight) squared. */
static size_t skip_ranks(const cell *c, double *x) {
    double total = 0, spread = 0, run = 0;
    size_t at = 0;
    for (size_t k = 0; k < c->n_clusters; k++) total += c->clusters[k].weight;
    for (size_t i = 0; i < c->n; i++)
        if (c->ranked[i].weight != 1) return 0;
    for (; at < c->n / 2; at++) x[c->ranked[at].cluster * COLUMNS + SKIPPED]++;
    for (size_t k = 0; k < c->n_clusters; k++) {
        double *before = &x[k * COLUMNS + SKIPPED], off = *before - c->clusters[k].weight / 2;
        spread += off * off;
        *before = 0;
    }
    const double end = total / 2 - 4 * sqrt(spread);
    for (at = 0; run + 1 < end; at++, run++) x[c->ranked[at].cluster * COLUMNS + SKIPPED]++;
    return at;
}

/* A column of zeros has a sum of zero. The others move together: the i-th is what column of[i] was. */
static size_t leave_zeros_out(double *x, size_t rows, size_t of[COLUMNS]) {
    size_t columns = 0;
    for (size_t c = 0; c < COLUMNS; c++) {
        bool zero = true;
        for (size_t k = 0; k < rows && zero; k++) zero = x[k * COLUMNS + c] == 0;
        if (!zero) of[columns++] = c;
    }
    for (size_t k = 0; k < rows; k++)
        for (size_t i = 0; i < columns; i++) x[k * columns + i] = x[k * COLUMNS + of[i]];
    return columns;
}

/* values[metric][resample]. */
static void draw_values(const cell *c, gk_measure__draws *draws, size_t resamples, double *values) {
    double *x = gk_alloc(c->n_clusters * COLUMNS * sizeof *x), sums[COLUMNS][GK_MEASURE__LANES];
    size_t of[COLUMNS];
    for (size_t k = 0; k < c->n_clusters; k++)
        memcpy(x + k * COLUMNS, &c->clusters[k], sizeof c->clusters[k]);
    const size_t skipped = skip_ranks(c, x), columns = leave_zeros_out(x, c->n_clusters, of);
    gk_measure__walk w;
    gk_measure__walk_begin(&w, draws, c->n_clusters);
    while (gk_measure__walk_next(&w)) {
        gk_measure__walk_sums(&w, x, columns, c->finite, sums[0]);
        for (size_t lane = 0; lane < w.n; lane++) {
            double number[COLUMNS] = {0}, value[GK_N_METRICS];
            for (size_t i = 0; i < columns; i++) number[of[i]] = sums[i][lane];
            cluster all;
            memcpy(&all, number, sizeof all);
            values_of(&all, value);
            const double before = number[SKIPPED];
            const bool skip = before < all.weight / 2;
            value[GK_METRIC_median_rank] = median(c, w.times + lane, GK_MEASURE__LANES, skip ? skipped : 0,
                                                  skip ? before : 0, all.weight);
            for (size_t m = 0; m < GK_N_METRICS; m++) values[m * resamples + w.at + lane] = value[m];
        }
    }
    gk_measure__walk_end(&w);
    gk_free(x);
}

static void bootstrap(const cell *c, uint64_t seed, size_t resamples, gk_stats *out) {
    double *values = gk_alloc(resamples * GK_N_METRICS * sizeof *values);
    gk_measure__draws *draws = gk_measure__draws_hold(seed, resamples);
    draw_values(c, draws, resamples, values);
    gk_measure__draws_let_go(draws);
    for (size_t m = 0; m < GK_N_METRICS; m++) {
        double *v = values + m * resamples;
        size_t n = drop_nan(v, resamples);
        if (n > 0) gk_percentile_ends(v, n, &out->low[m], &out->high[m]);
    }
    mend_intervals(c, out);
    gk_free(values);
}

static void all_nan(gk_stats *out) {
    for (int m = 0; m < GK_N_METRICS; m++) out->value[m] = out->low[m] = out->high[m] = NAN;
}

void gk_stats_compute(const gk_obs *obs, size_t n, uint64_t seed, int resamples, gk_stats *out) {
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
    cell_values(&c, out->value);
    if (resamples > 0) bootstrap(&c, seed, (size_t)resamples, out);
    gk_free(c.clusters);
    gk_free(c.ranked);
}

typedef struct many {
    const gk_obs_list **cells; /* those that differ */
    size_t n;
    uint64_t seed;
    int resamples;
    gk_stats *out; /* [n] */
} many;

static void compute_range(void *ctx, size_t begin, size_t end) {
    const many *m = ctx;
    for (size_t i = begin; i < end; i++)
        gk_stats_compute(m->cells[i]->obs, m->cells[i]->n, m->seed, m->resamples, &m->out[i]);
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
    gk_measure__draws *draws = gk_measure__draws_hold(seed, resamples > 0 ? (size_t)resamples : 0);
    gk_parallel_for(m.n, 1, compute_range, &m);
    gk_measure__draws_let_go(draws);
    for (size_t i = 0; i < n_cells; i++) out[i] = m.out[of[i]];
    gk_free(m.out);
    gk_free(of);
    gk_free(sorted);
}

/* ---------------------------------------------------------------- recovery */

static double recovered(double x, double low, double high) {
    return high > low ? (x - low) / (high - low) : NAN;
}

/* Of each of three cells, a cluster's sum and weight in the metric, side by side. */
static void put_sums(const cell *c, int at, gk_metric m, double *x) {
    for (size_t k = 0; k < c->n_clusters; k++) {
        x[6 * k + 2 * (size_t)at] = c->clusters[k].sum[m];
        x[6 * k + 2 * (size_t)at + 1] = weight_of(&c->clusters[k], m);
    }
}

/* sums: put_sums's of every resample; `way`: what stands in where all of them give the same. */
static void recovered_ends(double *sums, size_t resamples, gk_metric metric, double way, gk_recovered *out) {
    size_t kept = 0;
    double least = INFINITY, most = -INFINITY;
    for (size_t b = 0; b < resamples; b++) {
        const double *s = sums + b;
        const double r = recovered(s[0] / s[resamples], s[2 * resamples] / s[3 * resamples],
                                   s[4 * resamples] / s[5 * resamples]);
        if (isnan(r)) {
            out->undefined++;
            continue;
        }
        sums[kept++] = r; /* at or before what was read */
        least = r < least ? r : least;
        most = r > most ? r : most;
    }
    if (kept) gk_percentile_ends(sums, kept, &out->low, &out->high);
    if (kept && most - least < 1e-12 && metric <= GK_METRIC_exact && isfinite(out->value)) {
        out->low = out->value - way;
        out->high = out->value + way;
    }
}

void gk_recovery(const gk_obs *low, const gk_obs *high, const gk_obs *obs, size_t n, gk_metric metric,
                 uint64_t seed, int resamples, gk_recovered *out) {
    const gk_obs *from[3] = {obs, low, high};
    *out = (gk_recovered){.value = NAN, .low = NAN, .high = NAN};
    if (n == 0 || metric == GK_METRIC_median_rank) return;
    cell c[3];
    for (int i = 0; i < 3; i++) cell_build(&c[i], from[i], n);
    const size_t n_rows = c[0].n_clusters, room = (size_t)resamples;
    double *x = gk_alloc(6 * n_rows * sizeof *x), *sums = gk_alloc((6 * room + 1) * sizeof *sums),
           all[6] = {0};
    for (int i = 0; i < 3; i++) put_sums(&c[i], i, metric, x);
    for (size_t k = 0; k < n_rows; k++)
        for (size_t i = 0; i < 6; i++) all[i] += x[6 * k + i];
    const double least = all[2] / all[3], most = all[4] / all[5];
    out->value = recovered(all[0] / all[1], least, most);
    if (resamples > 0) {
        gk_measure__draws *draws = gk_measure__draws_hold(seed, room);
        gk_measure__draw_sums(draws, x, n_rows, 6, sums);
        gk_measure__draws_let_go(draws);
        recovered_ends(sums, room, metric, gk_unseen_share((double)n_rows) / (most - least), out);
    }
    gk_free(sums);
    gk_free(x);
    for (int i = 0; i < 3; i++) {
        gk_free(c[i].clusters);
        gk_free(c[i].ranked);
    }
}
