/* rows.c: what an observation counts in a metric, and the numbers of facts. */
#include "eval/measure/rows.h"
#include "graftkit/core/memory.h"

#include <math.h>

double gk_measure__value(const gk_obs *o, gk_metric m) {
    switch (m) {
    case GK_METRIC_top1:
        return o->rank < 1;
    case GK_METRIC_top5:
        return o->rank < 5;
    case GK_METRIC_top10:
        return o->rank < 10;
    case GK_METRIC_top50:
        return o->rank < 50;
    case GK_METRIC_top100:
        return o->rank < 100;
    case GK_METRIC_mean_rank:
        return o->rank;
    case GK_METRIC_mean_prob:
        return o->prob;
    case GK_METRIC_mean_logprob:
        return o->logprob;
    case GK_METRIC_logit_diff:
        return o->logit_diff;
    case GK_METRIC_exact:
        return o->whole ? o->exact : (double)NAN;
    case GK_METRIC_whole_logprob:
        return o->whole ? o->whole_logprob : (double)NAN;
    case GK_METRIC_median_rank:
    case GK_N_METRICS:
        break;
    }
    return (double)NAN;
}

size_t gk_measure__number_rows(const uint32_t *row, size_t step, size_t n, uint32_t *of) {
    uint32_t last = 0, rows = 0;
    for (size_t i = 0; i < n; i++) last = row[i * step] > last ? row[i * step] : last;
    uint32_t *number = gk_alloc(((size_t)last + 1) * sizeof *number); /* + 1 */
    for (size_t i = 0; i < n; i++) {
        uint32_t *k = &number[row[i * step]];
        if (*k == 0) *k = ++rows;
        of[i] = *k - 1;
    }
    gk_free(number);
    return rows;
}

uint32_t *gk_measure__rows_of(const gk_obs *obs, size_t n, size_t *rows) {
    uint32_t *of = gk_alloc((n + 1) * sizeof *of);
    *rows = n ? gk_measure__number_rows(&obs->row, sizeof *obs / sizeof obs->row, n, of) : 0;
    return of;
}
