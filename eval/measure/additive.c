/* additive.c: whether what two grafts do alone adds up to what both do. */
#include "eval/measure/draws.h"
#include "eval/measure/rows.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/statistics.h"

#include <math.h>

enum { LOW, HIGH, FIRST, SECOND, BOTH, PROMPTS, NUMBERS };
typedef struct row { /* sums over its prompts: of the ends, the first, the second, both; how many there are */
    double number[NUMBERS];
} row;

typedef struct two { /* of one draw */
    double sum, additive;
} two;

/* Returns how many rows there are. */
static size_t sum_rows(const gk_obs *const of[5], size_t n, gk_metric m, row *out) {
    size_t rows;
    uint32_t *number = gk_measure__rows_of(of[0], n, &rows);
    for (size_t i = 0; i < n; i++) {
        row *r = &out[number[i]];
        r->number[PROMPTS]++;
        for (int s = 0; s < 5; s++) r->number[s] += gk_measure__value(&of[s][i], m);
    }
    gk_free(number);
    return rows;
}

/* Of a draw's sums, each `apart` from the next. */
static two of_draw(const double *sum, size_t apart) {
    const double n = sum[PROMPTS * apart], low = sum[LOW], high = sum[HIGH * apart];
    double way = (high - low) / n, alone = (sum[FIRST * apart] + sum[SECOND * apart] - 2 * low) / n,
           both = (sum[BOTH * apart] - low) / n;
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
    const size_t draws = (size_t)resamples;
    double *sums = gk_alloc((NUMBERS * draws + 1) * sizeof *sums),
           *draw = gk_alloc((2 * draws + 1) * sizeof *draw), all[NUMBERS] = {0};
    for (size_t k = 0; k < rows; k++)
        for (int i = 0; i < NUMBERS; i++) all[i] += r[k].number[i];
    two x = of_draw(all, 1);
    out->sum.value = x.sum;
    out->additive.value = x.additive;
    if (draws > 0) {
        gk_measure__draws *held = gk_measure__draws_hold(seed, draws);
        gk_measure__draw_sums(held, r->number, rows, NUMBERS, sums);
        gk_measure__draws_let_go(held);
    }
    for (size_t b = 0; b < draws; b++) {
        x = of_draw(sums + b, draws);
        if (!isnan(x.sum)) draw[kept[0]++] = x.sum;
        if (!isnan(x.additive)) draw[draws + kept[1]++] = x.additive;
    }
    end(&out->sum, draw, kept[0], resamples);
    end(&out->additive, draw + draws, kept[1], resamples);
    gk_free(draw);
    gk_free(sums);
    gk_free(r);
}
