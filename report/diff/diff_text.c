/* diff_text.c: the figures of a comparison, as the page, the picture and the terminal show them. */
#include "graftkit/report.h"

#include <math.h>
#include <stdio.h>

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
