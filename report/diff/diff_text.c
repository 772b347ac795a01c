/* diff_text.c: the figures of a comparison, as the page, the picture and the terminal show them. */
#include "graftkit/core/memory.h"
#include "graftkit/model/config.h"
#include "graftkit/model/difference.h"
#include "graftkit/report.h"

#include <math.h>
#include <stdlib.h>

char *gk_diff_text(double x, char buf[GK_DIFF_TEXT]) {
    double p = 100 * x;
    if (x == 0 || isinf(x) || isnan(x))
        snprintf(buf, GK_DIFF_TEXT, "%s", x == 0 ? "0" : isinf(x) ? "inf" : "\u2013");
    else if (p < 0.00095 || p >= 99999.5)
        snprintf(buf, GK_DIFF_TEXT, "%.0e%%", p);
    else
        snprintf(buf, GK_DIFF_TEXT, "%.*f%%", p >= 9.95 ? 0 : p >= 0.995 ? 1 : p >= 0.0995 ? 2 : 3, p);
    return buf;
}

int gk_diff_steps(int rank, int steps[GK_DIFF_STEPS]) {
    int n = 0;
    for (int r = 1; r <= rank && n < GK_DIFF_STEPS; r *= 4) steps[n++] = r;
    return n;
}

static double figure(const gk_diff_item *i, int r) {
    return r ? gk_diff_share(i, r) : gk_diff_stable_rank(i);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double gk_diff_median(const gk_diff *d, gk_component c, int r) {
    double *all = gk_alloc((d->n + 1) * sizeof *all), median = NAN;
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++)
        if (d->item[i].comp == c && !isnan(figure(&d->item[i], r))) all[n++] = figure(&d->item[i], r);
    qsort(all, n, sizeof *all, ascending);
    if (n) median = (all[(n - 1) / 2] + all[n / 2]) / 2;
    gk_free(all);
    return median;
}
