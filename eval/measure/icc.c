/* icc.c: the intraclass correlation of observations in rows. */
#include "graftkit/core/memory.h"
#include "graftkit/eval/statistics.h"

#include <math.h>

typedef struct row {
    double n, sum;
} row;

static double value_of(const gk_obs *o, gk_metric m) {
    static const int top[] = {[GK_METRIC_top1] = 1,
                              [GK_METRIC_top5] = 5,
                              [GK_METRIC_top10] = 10,
                              [GK_METRIC_top50] = 50,
                              [GK_METRIC_top100] = 100};
    return m == GK_METRIC_logit_diff ? o->logit_diff : m <= GK_METRIC_top100 ? o->rank < top[m] : (double)NAN;
}

double gk_icc(const gk_obs *obs, size_t n, gk_metric metric) {
    uint32_t last = 0;
    for (size_t i = 0; i < n; i++) last = obs[i].row > last ? obs[i].row : last;
    row *r = gk_alloc(((size_t)last + 1) * sizeof *r), all = {0, 0};
    for (size_t i = 0; i < n; i++) {
        double x = value_of(&obs[i], metric);
        r[obs[i].row].n++;
        r[obs[i].row].sum += x;
        all.n++;
        all.sum += x;
    }
    double rows = 0, squares = 0, between = 0, within = 0;
    for (size_t k = 0; n > 0 && k <= last; k++) {
        if (r[k].n == 0) continue;
        double off = r[k].sum / r[k].n - all.sum / all.n;
        rows++;
        squares += r[k].n * r[k].n;
        between += r[k].n * off * off;
    }
    for (size_t i = 0; i < n; i++) {
        double off = value_of(&obs[i], metric) - r[obs[i].row].sum / r[obs[i].row].n;
        within += off * off;
    }
    gk_free(r);
    if (rows < 2 || all.n <= rows) return (double)NAN;
    double msb = between / (rows - 1), msw = within / (all.n - rows);
    double k0 = (all.n - squares / all.n) / (rows - 1), total = msb + (k0 - 1) * msw;
    return total > 0 ? (msb - msw) / total : (double)NAN;
}
