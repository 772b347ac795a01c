/* bench_decode.c: how fast products of a few rows read weights as they are stored, beside the rate at which
 * the threads read memory.
 *
 *     bench_decode [THREADS [ROWS]]
 *
 * A matrix for each type of ROWS rows (as many as SmolLM2 has tokens) of 768 values, which all types' blocks
 * divide; the best of some calls each, since others may use the memory. */
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN = 768, MOST_ROWS = 4, PASSES = 12 };
static const double SECONDS = 0.2; /* a figure */

static int out = 49152;

static volatile double result; /* so that nothing is left out */

typedef struct reading {
    const uint64_t *from;
    double sum[256]; /* of a piece */
    size_t grain;
} reading;

static void read_range(void *ctx, size_t begin, size_t end) {
    reading *r = ctx;
    uint64_t sum[8] = {0};
    for (size_t i = begin; i + 8 <= end; i += 8)
        for (int k = 0; k < 8; k++) sum[k] += r->from[i + (size_t)k];
    for (int k = 0; k < 8; k++) r->sum[begin / r->grain % 256] += (double)sum[k];
}

/* Bytes a second that all threads read. */
static double memory_rate(void) {
    size_t n = (size_t)32 << 20;
    uint64_t *x = gk_alloc(n * sizeof *x);
    memset(x, 1, n * sizeof *x);
    double best = 0;
    for (int i = 0; i < PASSES; i++) {
        reading r = {.from = x, .grain = n / 64};
        double start = gk_now();
        gk_parallel_for(n, r.grain, read_range, &r);
        double rate = (double)(n * sizeof *x) / (gk_now() - start);
        if (rate > best) best = rate;
        result = r.sum[0];
    }
    gk_free(x);
    return best;
}

static void measure(const char *type, double memory, gk_buf *figures) {
    printf("%-6s", type);
    for (int rows = 1; rows <= MOST_ROWS; rows *= 2) {
        double rate = gk_stored_measure(type, rows, out, IN, SECONDS);
        printf("   %6.1f %5.0f%%", rate / 1e9, 100 * rate / memory);
        gk_buf_printf(figures, " %s_%d_mb_per_s=%.0f", type, rows, rate / 1e6);
    }
    printf("\n");
}

int main(int argc, char **argv) {
    static const char *const TYPES[] = {"F32",  "F16",  "BF16", "Q8_0", "Q4_0",
                                        "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q6_K"};
    gk_threads_set(argc > 1 ? atoi(argv[1]) : 0);
    if (argc > 2 && atoi(argv[2]) > 0) out = atoi(argv[2]);
    gk_buf figures = {0};
    double memory = memory_rate();
    printf("memory read by %d threads: %.1f GB/s\n%d x %d, GB/s of weights and share of that\n"
           "type     1 row           2 rows          4 rows\n",
           gk_threads(), memory / 1e9, out, IN);
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) measure(TYPES[i], memory, &figures);
    printf("RESULT threads=%d memory_mb_per_s=%.0f%s\n", gk_threads(), memory / 1e6, figures.data);
    gk_buf_free(&figures);
    return 0;
}
