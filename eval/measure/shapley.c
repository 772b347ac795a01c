/* shapley.c: Shapley values and interactions of a game, by their subset formulas. */
#include "graftkit/eval/shapley.h"

#include <math.h>

static int members(size_t coalition) {
    return __builtin_popcountll(coalition);
}

/* |S|! (n-|S|-1)! / n! of a coalition S of size s: how likely it is that just these came before a part. */
static double weight_of(int s, int n) {
    double w = 1.0 / n; /* over (n - 1 choose s) */
    for (int k = 1; k <= s; k++) w *= (double)k / (n - k);
    return w;
}

void gk_shapley(const double *v, int n, double *value) {
    double weight[GK_MOST_SHAPLEY];
    for (int s = 0; s < n; s++) weight[s] = weight_of(s, n);
    for (int i = 0; i < n; i++) {
        const size_t own = (size_t)1 << i;
        value[i] = 0;
        for (size_t c = 0; c < (size_t)1 << n; c++)
            if (!(c & own)) value[i] += weight[members(c)] * (v[c | own] - v[c]);
    }
}

static double pair_of(const double *v, int n, const double *weight, size_t one, size_t other) {
    double sum = 0;
    for (size_t c = 0; c < (size_t)1 << n; c++)
        if (!(c & (one | other)))
            sum += weight[members(c)] * (v[c | one | other] - v[c | one] - v[c | other] + v[c]);
    return sum;
}

/* The weights are those of a game in which the two are one part. */
void gk_shapley_pairs(const double *v, int n, double *pair) {
    double weight[GK_MOST_SHAPLEY];
    for (int s = 0; s < n - 1; s++) weight[s] = weight_of(s, n - 1);
    for (int i = 0; i < n; i++) {
        pair[i * n + i] = (double)NAN;
        for (int k = 0; k < i; k++)
            pair[i * n + k] = pair[k * n + i] = pair_of(v, n, weight, (size_t)1 << i, (size_t)1 << k);
    }
}
