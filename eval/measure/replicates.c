/* replicates.c: a measurement made again with other seeds: mean, spread, and intervals over seeds. */
#include "eval/measure/rows.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/random.h"
#include "graftkit/eval/statistics.h"

#include <math.h>

typedef struct row {
    double n, sum;
} row;
typedef struct seed {
    row *row;
    size_t rows;
    double mean;
} seed;

static void sum_rows(const gk_obs_list *l, gk_metric m, seed *out) {
    row all = {0, 0};
    uint32_t *number = gk_measure__rows_of(l->obs, l->n, &out->rows);
    out->row = gk_alloc((out->rows + 1) * sizeof *out->row);
    for (size_t i = 0; i < l->n; i++) {
        double x = gk_measure__value(&l->obs[i], m);
        out->row[number[i]].n++;
        out->row[number[i]].sum += x;
        all.n++;
        all.sum += x;
    }
    out->mean = all.sum / all.n;
    gk_free(number);
}

static double draw_mean(gk_rng *rng, const seed *s) {
    row all = {0, 0};
    for (size_t k = 0; k < s->rows; k++) {
        const row *r = &s->row[gk_rng_below(rng, s->rows)];
        all.n += r->n;
        all.sum += r->sum;
    }
    return all.sum / all.n;
}

/* Seeds with replacement, and in each that is drawn its rows with replacement. */
static void bootstrap(const seed *s, size_t n, uint64_t rng_seed, size_t resamples, gk_replicates *out) {
    double *draw = gk_alloc((resamples + 1) * sizeof *draw), least = INFINITY, most = -INFINITY;
    gk_rng rng;
    gk_rng_seed(&rng, rng_seed, "seeds");
    for (size_t b = 0; b < resamples; b++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += draw_mean(&rng, &s[gk_rng_below(&rng, n)]);
        draw[b] = sum / (double)n;
        least = fmin(least, draw[b]);
        most = fmax(most, draw[b]);
    }
    if (most - least > 1e-12) gk_percentile_ends(draw, resamples, &out->low, &out->high);
    gk_free(draw);
}

void gk_replicates_of(const gk_obs_list *list, size_t n, gk_metric metric, uint64_t rng_seed, int resamples,
                      gk_replicates *out) {
    double nan = (double)NAN, squares = 0;
    *out = (gk_replicates){nan, nan, nan, nan, nan, nan, 0};
    seed *s = gk_alloc((n + 1) * sizeof *s);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (list[i].n == 0) continue;
        sum_rows(&list[i], metric, &s[out->seeds]);
        sum += s[out->seeds++].mean;
    }
    size_t seeds = out->seeds;
    if (seeds > 0) out->mean = sum / (double)seeds;
    for (size_t i = 0; i < seeds; i++) squares += (s[i].mean - out->mean) * (s[i].mean - out->mean);
    if (seeds > 1) out->sd = sqrt(squares / (double)(seeds - 1));
    if (out->sd > 1e-12) {
        double half = gk_student_value(0.025, (double)seeds - 1) * out->sd / sqrt((double)seeds);
        out->t_low = out->mean - half;
        out->t_high = out->mean + half;
    }
    if (seeds > 1 && resamples > 0) bootstrap(s, seeds, rng_seed, (size_t)resamples, out);
    for (size_t i = 0; i < seeds; i++) gk_free(s[i].row);
    gk_free(s);
}
