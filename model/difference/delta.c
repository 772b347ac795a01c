/* delta.c: the difference of two tensors, a block of rows at a time: it never exists as a whole. */
#include "graftkit/core/threads.h"
#include "model/difference/kernels.h"

enum { GRAIN = 64, CHUNK = 1024 };

typedef struct delta_job {
    const gk_diff__delta *d;
    size_t first; /* row */
    float *to;
} delta_job;

static void read_range(void *ctx, size_t begin, size_t end) {
    const delta_job *r = ctx;
    float a[CHUNK];
    size_t in = (size_t)r->d->a.in, last = end * in;
    for (size_t at = begin * in; at < last; at += CHUNK) {
        size_t n = last - at < CHUNK ? last - at : CHUNK;
        gk_tensor_floats(r->d->a, r->first * in + at, n, a);
        gk_tensor_floats(r->d->b, r->first * in + at, n, r->to + at);
        for (size_t i = 0; i < n; i++)
            r->to[at + i] = (float)(((double)r->to[at + i] - (double)a[i]) * r->d->scale);
    }
}

void gk_diff__delta_read(const void *delta, int first, int n, float *to) {
    delta_job r = {.d = delta, .first = (size_t)first, .to = to};
    gk_parallel_for((size_t)n, GRAIN, read_range, &r);
}
