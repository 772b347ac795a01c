/* loss.c: the cross-entropy of logits and its gradient. */
#include "graftkit/core/memory.h"
#include "graftkit/core/threads.h"
#include "model/operators/kernels.h"

#include <math.h>

typedef struct xent_job {
    int vocab;
    float *logits, scale;
    const int32_t *target;
    double *loss; /* by row, so that the sum does not depend on the threads */
} xent_job;

static float largest(const float *restrict x, int n) {
    float max = x[0];
#pragma omp simd reduction(max : max)
    for (int i = 0; i < n; i++) max = x[i] > max ? x[i] : max;
    return max;
}

static void loss_rows(void *ctx, size_t begin, size_t end) {
    const xent_job *j = ctx;
    for (size_t r = begin; r < end; r++) {
        const float *restrict x = j->logits + r * (size_t)j->vocab;
        float max = largest(x, j->vocab), sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int i = 0; i < j->vocab; i++) sum += gk_op__exp(x[i] - max);
        j->loss[r] = log((double)sum) + (double)max - (double)x[j->target[r]];
    }
}

static void gradient_rows(void *ctx, size_t begin, size_t end) {
    const xent_job *j = ctx;
    for (size_t r = begin; r < end; r++) {
        float *restrict x = j->logits + r * (size_t)j->vocab;
        float at_target = x[j->target[r]], max = largest(x, j->vocab), sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int i = 0; i < j->vocab; i++) {
            x[i] = gk_op__exp(x[i] - max);
            sum += x[i];
        }
        float s = j->scale / sum;
        for (int i = 0; i < j->vocab; i++) x[i] *= s;
        x[j->target[r]] -= j->scale;
        j->loss[r] = log((double)sum) + (double)max - (double)at_target;
    }
}

/* Two functions, since gcc does not vectorise the first one's loops when it takes them out of a common one.
 */
double gk_op__cross_entropy(int n, int vocab, float *logits, const int32_t *target, float scale) {
    double *loss = gk_alloc((size_t)n * sizeof(double)), total = 0;
    xent_job j = {.vocab = vocab, .logits = logits, .scale = scale, .target = target, .loss = loss};
    gk_parallel_for((size_t)n, 8, scale == 0 ? loss_rows : gradient_rows, &j);
    for (int r = 0; r < n; r++) total += loss[r];
    gk_free(loss);
    return total;
}
