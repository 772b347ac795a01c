/* percentiles.c: percentiles of values that may be put into another order. */
#include "graftkit/eval/measure.h"

enum { FEW = 256, SAMPLE = 31 };

/* Of many values one a little further from the nearer end than the k-th is likely to be, so that one pass
 * leaves few. Any but the last would do, only longer. */
static double pivot_of(const double *v, size_t low, size_t high, size_t k) {
    double sample[SAMPLE];
    const size_t n = high - low + 1, step = n / SAMPLE;
    if (n < FEW) return v[low + (high - low) / 2];
    for (size_t i = 0; i < SAMPLE; i++) {
        size_t at = i;
        const double x = v[low + i * step];
        for (; at > 0 && sample[at - 1] > x; at--) sample[at] = sample[at - 1];
        sample[at] = x;
    }
    size_t at = (k - low) * SAMPLE / n;
    if (at < SAMPLE / 2) at++;
    if (at > SAMPLE / 2) at--;
    return sample[at];
}

/* Puts what sorting would put at v[k] there, what is not larger before it and what is not smaller behind it
 * (Hoare's quickselect). */
static void select_kth(double *v, size_t n, size_t k) {
    size_t low = 0, high = n - 1;
    while (low < high) {
        const double middle = pivot_of(v, low, high, k);
        size_t i = low, j = high;
        for (;;) {
            while (v[i] < middle) i++;
            while (v[j] > middle) j--;
            if (i >= j) break;
            double x = v[i];
            v[i++] = v[j];
            v[j--] = x;
        }
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
}

/* Of n values the first `from` of which are not larger than any other. */
static double percentile_from(double *v, size_t n, size_t from, double p) {
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;
    select_kth(v + from, n - from, i - from);
    if (i + 1 >= n) return v[i];
    double next = v[i + 1];
    for (size_t k = i + 2; k < n; k++) next = v[k] < next ? v[k] : next;
    return v[i] + (at - (double)i) * (next - v[i]);
}

double gk_percentile(double *v, size_t n, double p) {
    return percentile_from(v, n, 0, p);
}

void gk_percentile_ends(double *v, size_t n, double *low, double *high) {
    *low = gk_percentile(v, n, 0.025);
    *high = percentile_from(v, n, (size_t)(0.025 * (double)(n - 1)), 0.975);
}
