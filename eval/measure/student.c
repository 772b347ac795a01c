/* student.c: Student's t distribution. */
#include "graftkit/eval/measure.h"

#include <math.h>

/* The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method; converges fast
 * where x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x) {
    enum { MOST = 10000 };
    const double TINY = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < TINY ? TINY : d);
    double h = d;
    for (int i = 1; i < MOST; i++) {
        double m = i;
        const double term[] = {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                               -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))};
        double change = 1;
        for (int k = 0; k < 2; k++) {
            d = 1 + term[k] * d;
            d = 1 / (fabs(d) < TINY ? TINY : d);
            c = 1 + term[k] / c;
            c = fabs(c) < TINY ? TINY : c;
            change *= d * c;
        }
        h *= change;
        if (fabs(change - 1) < 1e-16) break;
    }
    return h;
}

/* Regularised, of x and its complement y = 1 - x, each known to all its digits. */
static double beta_share(double a, double b, double x, double y) {
    if (x <= 0 || y <= 0) return x <= 0 ? 0 : 1;
    double scale = exp(a * log(x) + b * log(y) + lgamma(a + b) - lgamma(a) - lgamma(b));
    return x < (a + 1) / (a + b + 2) ? scale * beta_fraction(a, b, x) / a
                                     : 1 - scale * beta_fraction(b, a, y) / b;
}

double gk_student_above(double t, double df) {
    if (isnan(t) || !(df > 0)) return (double)NAN;
    if (t < 0) return 1 - gk_student_above(-t, df);
    double square = t * t;
    if (isinf(square)) return 0;
    return beta_share(df / 2, 0.5, df / (df + square), square / (df + square)) / 2;
}

double gk_student_value(double p, double df) {
    if (!(p > 0 && p <= 0.5 && df > 0)) return (double)NAN;
    double low = 0, high = 1;
    while (gk_student_above(high, df) > p && high < 1e300) high *= 2;
    for (int i = 0; i < 200; i++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        *(gk_student_above(middle, df) > p ? &low : &high) = middle;
    }
    return low + (high - low) / 2;
}
