/* icc.c: the intraclass correlation of observations in rows. */
#include "eval/measure/rows.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/statistics.h"

#include <math.h>

typedef struct row {
    double n, sum;
} row;

double gk_icc(const gk_obs *obs, size_t n, gk_metric metric) {
    size_t rows;
    uint32_t *number = gk_measure__rows_of(obs, n, &rows);
    row *r = gk_alloc((rows + 1) * sizeof *r), all = {0, 0};
    for (size_t i = 0; i < n; i++) {
        double x = gk_measure__value(&obs[i], metric);
        r[number[i]].n++;
        r[number[i]].sum += x;
        all.n++;
        all.sum += x;
    }
    double squares = 0, between = 0, within = 0;
    for (size_t k = 0; k < rows; k++) {
        double off = r[k].sum / r[k].n - all.sum / all.n;
        squares += r[k].n * r[k].n;
        between += r[k].n * off * off;
    }
    for (size_t i = 0; i < n; i++) {
        const row *its = &r[number[i]];
        double off = gk_measure__value(&obs[i], metric) - its->sum / its->n;
        within += off * off;
    }
    gk_free(number);
    gk_free(r);
    if (rows < 2 || n <= rows) return (double)NAN;
    double a = (double)rows, msb = between / (a - 1), msw = within / (all.n - a);
    double k0 = (all.n - squares / all.n) / (a - 1), total = msb + (k0 - 1) * msw;
    return total > 0 ? (msb - msw) / total : (double)NAN;
}
