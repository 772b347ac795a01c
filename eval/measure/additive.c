/* additive.c: whether what two grafts do alone adds up to what both do. */
#include "eval/measure/draws.h"
#include "eval/measure/rows.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/statistics.h"

#include <math.h>

typedef struct row { /* sums over its prompts: of the ends, the first, the second, both */
    double n, sum[5];
} row;
enum { LOW, HIGH, FIRST, SECOND, BOTH };

typedef struct two { /* of one draw */
    double sum, additive;
} two;

/* Returns how many rows there are. */
static size_t sum_rows(const gk_obs *const of[5], size_t n, gk_metric m, row *out) {
    size_t rows;
    uint32_t *number = gk_measure__rows_of(of[0], n, &rows);
    for (size_t i = 0; i < n; i++) {
        row *r = &out[number[i]];
        r->n++;
        for (int s = 0; s < 5; s++) r->sum[s] += gk_measure__value(&of[s][i], m);
    }
    gk_free(number);
    return rows;
}

static two of_draw(const row *r, const uint32_t *times, size_t rows) {
    double n = 0, sum[5] = {0};
    for (size_t k = 0; k < rows; k++) {
        n += times[k] * r[k].n;
        for (int s = 0; s < 5; s++) sum[s] += times[k] * r[k].sum[s];
    }
    double way = (sum[HIGH] - sum[LOW]) / n, alone = (sum[FIRST] + sum[SECOND] - 2 * sum[LOW]) / n,
           both = (sum[BOTH] - sum[LOW]) / n;
    return (two){way > 0 ? alone / way : (double)NAN, way > 0 && both > 0 ? alone / both : (double)NAN};
}

static void end(gk_recovered *out, double *draw, size_t kept, int resamples) {
    out->undefined = resamples - (int)kept;
    if (kept) gk_percentile_ends(draw, kept, &out->low, &out->high);
}

void gk_additive_of(const gk_additive_obs *o, size_t n, gk_metric metric, uint64_t seed, int resamples,
                    gk_additive *out) {
    const gk_recovered none = {.value = (double)NAN, .low = (double)NAN, .high = (double)NAN};
    gk_recovery(o->low, o->high, o->first, n, metric, seed, resamples, &out->first);
    gk_recovery(o->low, o->high, o->second, n, metric, seed, resamples, &out->second);
    gk_recovery(o->low, o->high, o->both, n, metric, seed, resamples, &out->both);
    out->sum = out->additive = none;
    out->n = n;
    out->rows = 0;
    if (n == 0) return;
    const gk_obs *const of[5] = {o->low, o->high, o->first, o->second, o->both};
    row *r = gk_alloc(n * sizeof *r);
    size_t rows = out->rows = sum_rows(of, n, metric, r), kept[2] = {0, 0};
    uint32_t *times = gk_alloc(rows * sizeof *times);
    double *draw[2] = {gk_alloc(((size_t)resamples + 1) * sizeof(double)),
                       gk_alloc(((size_t)resamples + 1) * sizeof(double))};
    gk_rng rng;
    gk_measure__draws_seed(&rng, seed);
    for (size_t k = 0; k < rows; k++) times[k] = 1;
    two x = of_draw(r, times, rows);
    out->sum.value = x.sum;
    out->additive.value = x.additive;
    for (int b = 0; b < resamples; b++) {
        gk_measure__draws_next(&rng, rows, times);
        x = of_draw(r, times, rows);
        if (!isnan(x.sum)) draw[0][kept[0]++] = x.sum;
        if (!isnan(x.additive)) draw[1][kept[1]++] = x.additive;
    }
    end(&out->sum, draw[0], kept[0], resamples);
    end(&out->additive, draw[1], kept[1], resamples);
    gk_free(draw[0]);
    gk_free(draw[1]);
    gk_free(times);
    gk_free(r);
}
