/* parallel.c: one loop over ranges, on OpenMP's threads. */
#include "graftkit/core/threads.h"

#include <omp.h>
#include <stdlib.h>

/* More threads than this only asks for failures to start them. */
enum { MOST_THREADS = 256 };

static int default_threads(void) {
    const char *env = getenv("OMP_NUM_THREADS");
    long n = env ? strtol(env, NULL, 10) : 0;
    return n >= 1 && n <= MOST_THREADS ? (int)n : omp_get_num_procs();
}

void gk_threads_set(int n) {
    int most = omp_get_num_procs() > MOST_THREADS ? omp_get_num_procs() : MOST_THREADS;
    if (n <= 0) n = default_threads();
    omp_set_num_threads(n < most ? n : most);
}

int gk_threads(void) {
    return omp_get_max_threads();
}

void gk_parallel_for(size_t n, size_t grain, gk_range_fn *fn, void *ctx) {
    if (n == 0) return;
    if (grain == 0) grain = 1;
    size_t ranges = n / grain + (n % grain != 0);
    if (ranges == 1 || omp_get_max_threads() == 1 || omp_in_parallel()) {
        for (size_t at = 0; at < n; at += grain) fn(ctx, at, n - at < grain ? n : at + grain);
        return;
    }
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t i = 0; i < ranges; i++) {
        size_t begin = i * grain;
        fn(ctx, begin, n - begin < grain ? n : begin + grain);
    }
}
