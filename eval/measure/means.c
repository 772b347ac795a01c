/* means.c: means over facts of many columns, and their bootstrap intervals. */
#include "eval/measure/draws.h"
#include "eval/measure/rows.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/shapley.h"

#include <math.h>
#include <string.h>

/* A row's observations, summed. */
typedef struct rows {
    double *sum, *n; /* [rows x columns], [rows] */
    size_t rows, columns;
} rows;

static rows sum_rows(const double *x, const uint32_t *row, size_t n, size_t columns) {
    rows r = {gk_alloc(n * columns * sizeof *r.sum), gk_alloc(n * sizeof *r.n), 0, columns};
    uint32_t *number = gk_alloc(n * sizeof *number);
    r.rows = gk_measure__number_rows(row, 1, n, number);
    for (size_t i = 0; i < n; i++) {
        r.n[number[i]]++;
        for (size_t c = 0; c < columns; c++) r.sum[number[i] * columns + c] += x[i * columns + c];
    }
    gk_free(number);
    return r;
}

static void mean_of(const rows *r, double *out) {
    double n = 0;
    for (size_t k = 0; k < r->rows; k++) {
        n += r->n[k];
        for (size_t c = 0; c < r->columns; c++) out[c] += r->sum[k * r->columns + c];
    }
    for (size_t c = 0; c < r->columns; c++) out[c] /= n;
}

static bool all_alike(const rows *r, size_t column) {
    const double first = r->sum[column] / r->n[0];
    for (size_t k = 1; k < r->rows; k++)
        if (fabs(r->sum[k * r->columns + column] / r->n[k] - first) > 1e-12) return false;
    return true;
}

/* As many rows as they are worth where some have more observations. */
static double even_rows(const rows *r) {
    double sum = 0, squares = 0;
    for (size_t k = 0; k < r->rows; k++) {
        sum += r->n[k];
        squares += r->n[k] * r->n[k];
    }
    return sum * sum / squares;
}

static void mend(const rows *r, const gk_range *range, gk_mean *out) {
    const double u = gk_unseen_share(even_rows(r));
    for (size_t c = 0; c < r->columns; c++) {
        gk_mean *m = &out[c];
        if (isfinite(range[c].low) && isfinite(range[c].high) && all_alike(r, c)) {
            m->low = m->value - u * (m->value - range[c].low);
            m->high = m->value + u * (range[c].high - m->value);
        } else if (r->rows < 2) {
            m->low = m->high = (double)NAN;
        }
    }
}

static void bootstrap(const rows *r, uint64_t seed, size_t resamples, gk_mean *out) {
    const size_t columns = r->columns + 1; /* the last: how many observations */
    double *x = gk_alloc(r->rows * columns * sizeof *x), *sums = gk_alloc(resamples * columns * sizeof *sums);
    for (size_t k = 0; k < r->rows; k++) {
        memcpy(x + k * columns, r->sum + k * r->columns, r->columns * sizeof *x);
        x[k * columns + r->columns] = r->n[k];
    }
    gk_measure__draws *draws = gk_measure__draws_hold(seed, resamples);
    gk_measure__draw_sums(draws, x, r->rows, columns, sums);
    gk_measure__draws_let_go(draws);
    for (size_t c = 0; c < r->columns; c++) {
        double *mean = sums + c * resamples;
        for (size_t b = 0; b < resamples; b++) mean[b] /= sums[r->columns * resamples + b];
        gk_percentile_ends(mean, resamples, &out[c].low, &out[c].high);
    }
    gk_free(sums);
    gk_free(x);
}

void gk_means_compute(const double *x, const uint32_t *row, size_t n, size_t columns, const gk_range *range,
                      uint64_t seed, int resamples, gk_mean *out) {
    for (size_t c = 0; c < columns; c++) out[c] = (gk_mean){(double)NAN, (double)NAN, (double)NAN};
    if (n == 0) return;
    rows r = sum_rows(x, row, n, columns);
    double *value = gk_alloc(columns * sizeof *value);
    mean_of(&r, value);
    for (size_t c = 0; c < columns; c++) out[c].value = value[c];
    if (resamples > 0) {
        bootstrap(&r, seed, (size_t)resamples, out);
        mend(&r, range, out);
    }
    gk_free(value);
    gk_free(r.sum);
    gk_free(r.n);
}
