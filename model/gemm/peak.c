/* peak.c: the multiply-adds a second that the instruction set gives, from registers. */
#include "graftkit/core/progress.h"
#include "model/gemm/kernels.h"

#if defined(__AVX512F__)
#define PEAK_LANES 16
#elif defined(__AVX__)
#define PEAK_LANES 8
#else
#define PEAK_LANES 4
#endif
typedef float peak_vector __attribute__((vector_size(PEAK_LANES * sizeof(float))));
#define PEAK_CHAINS 12 /* more than latency x ports on any CPU so far, and they fit the registers */

static double peak_loop(long rounds) {
    peak_vector sum[PEAK_CHAINS], x, y;
    for (int l = 0; l < PEAK_LANES; l++) {
        x[l] = 0.999999f;
        y[l] = 1e-7f;
        for (int i = 0; i < PEAK_CHAINS; i++) sum[i][l] = (float)i;
    }
    for (long r = 0; r < rounds; r++)
#pragma GCC unroll 12
        for (int i = 0; i < PEAK_CHAINS; i++) sum[i] = sum[i] * x + y;
    double total = 0;
    for (int i = 0; i < PEAK_CHAINS; i++)
        for (int l = 0; l < PEAK_LANES; l++) total += (double)sum[i][l];
    return total;
}

double gk_flops_peak(int threads, double seconds) {
    const long rounds = 200000;
    double best = 0, start = gk_now(), sink = 0;
    if (threads < 1) threads = 1;
    do {
        double t = gk_now();
#pragma omp parallel num_threads(threads) reduction(+ : sink)
        sink += peak_loop(rounds);
        double rate = 2.0 * PEAK_LANES * PEAK_CHAINS * (double)rounds * threads / (gk_now() - t) / 1e9;
        if (rate > best) best = rate;
    } while (gk_now() - start < seconds);
    return sink == 0.123 ? 0 : best; /* uses the sum, so that the loop stays */
}
