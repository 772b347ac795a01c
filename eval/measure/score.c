/* score.c: what one row of logits says about its target, in one pass. */
#include "eval/measure/kernels.h"

#include <math.h>
#include <string.h>

/* Logits are taken in blocks that stay in the first-level cache, so that every question is asked of a block
 * before the next one is read. */
enum { BLOCK = 1024 };

typedef struct top_list {
    int n;
    int32_t id[GK_TOP];
    float logit[GK_TOP];
} top_list;

static float block_max(const float *x, int n) {
    float m = x[0];
    for (int i = 1; i < n; i++) m = x[i] > m ? x[i] : m;
    return m;
}

static int count_above(const float *x, int n, float limit) {
    int count = 0;
    for (int i = 0; i < n; i++) count += x[i] > limit;
    return count;
}

/* Ids come in ascending order, so a strict comparison leaves the lower id ahead among equals. */
static void top_add(top_list *t, int32_t id, float logit) {
    if (t->n == GK_TOP && !(logit > t->logit[GK_TOP - 1])) return;
    int i = t->n < GK_TOP ? t->n++ : GK_TOP - 1;
    for (; i > 0 && logit > t->logit[i - 1]; i--) {
        t->id[i] = t->id[i - 1];
        t->logit[i] = t->logit[i - 1];
    }
    t->id[i] = id;
    t->logit[i] = logit;
}

static void top_add_block(top_list *t, const float *x, int begin, int n, float max) {
    if (t->n == GK_TOP && !(max > t->logit[GK_TOP - 1])) return;
    for (int i = 0; i < n; i++) top_add(t, begin + i, x[i]);
}

/* exp(x) for x <= 0, within 1e-14 of it and 0 below -700; NaN stays NaN. Written so that the loop around it
 * becomes vectors: libm's calls were most of a cell's time beside the products. */
static inline double exp_not_above_1(double x) {
    static const double inverse[] = {1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
                                     1.0 / 120,     1.0 / 24,     1.0 / 6,     0.5,        1.0};
    const double shift = 0x1.8p52; /* adding it rounds to an integer, which stands in the low bits */
    double in = x < -700 ? -700 : x, shifted = in * 1.4426950408889634 + shift, n = shifted - shift;
    double r = in - n * 0x1.62e42fee00000p-1 - n * 0x1.a39ef35793c76p-33, p = 1.0 / 39916800;
    for (int i = 0; i < 10; i++) p = p * r + inverse[i];
    p = p * r + 1;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return x < -700 ? 0 : p * power;
}

static double sum_exp(const float *x, int n, double max) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += exp_not_above_1((double)x[i] - max);
    return sum;
}

static bool not_finite(gk_error *err) {
    return gk_fail(err, GK_NOWHERE, "the weights hold NaN or overflow on this prompt",
                   "the logits are not finite");
}

bool gk_score_logits(const float *logits, int vocab, int32_t target, gk_score *out, gk_error *err) {
    if (vocab < 2 || target < 0 || target >= vocab)
        return gk_fail(err, GK_NOWHERE, NULL, "target id %d is outside a vocabulary of %d", (int)target,
                       vocab);
    float aim = logits[target];
    top_list top = {0};
    double max = -INFINITY, sum = 0;
    int64_t rank = 0;
    for (int begin = 0; begin < vocab; begin += BLOCK) {
        int n = vocab - begin < BLOCK ? vocab - begin : BLOCK;
        const float *x = logits + begin;
        float m = block_max(x, n); /* NaN where the block begins with one */
        if (isnan(m)) return not_finite(err);
        if ((double)m > max) {
            sum *= sum > 0 ? exp(max - (double)m) : 0;
            max = (double)m;
        }
        rank += count_above(x, n, aim);
        top_add_block(&top, x, begin, n, m);
        if (max > -INFINITY) sum += sum_exp(x, n, max);
    }
    if (!isfinite(sum) || !isfinite(max) || !isfinite(aim)) return not_finite(err);
    double logprob = (double)aim - max - log(sum);
    float other = top.logit[top.id[0] == target ? 1 : 0];
    *out = (gk_score){.prob = exp(logprob), .logprob = logprob, .rank = rank, .n_top = top.n};
    out->logit_diff = (double)aim - (double)other;
    for (int i = 0; i < top.n; i++) {
        out->top_id[i] = top.id[i];
        out->top_prob[i] = (float)(exp((double)top.logit[i] - max) / sum);
    }
    return true;
}

bool gk_score_logits_other(const float *logits, int vocab, int32_t target, const gk_score *s, int32_t other,
                           gk_score_other *out) {
    if (other < 0 || other >= vocab || !isfinite(logits[other])) return false;
    float aim = logits[other], best = logits[s->top_id[s->top_id[0] == other ? 1 : 0]];
    *out = (gk_score_other){.logprob = s->logprob + (double)aim - (double)logits[target],
                            .logit_diff = (double)aim - (double)best};
    for (int begin = 0; begin < vocab; begin += BLOCK)
        out->rank += count_above(logits + begin, vocab - begin < BLOCK ? vocab - begin : BLOCK, aim);
    return true;
}
