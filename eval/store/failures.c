/* failures.c: how a scheme fails: what was said instead of the target, and whether its probabilities can be
 * believed. */
#include "eval/store/outcomes.h"

#include <math.h>
#include <stdlib.h>

static int by_id(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void take_run(gk_failures *f, int32_t id, size_t times) {
    int at = f->n_tokens;
    while (at > 0 && f->times[at - 1] < times) at--;
    if (at == GK_INSTEAD) return;
    if (f->n_tokens < GK_INSTEAD) f->n_tokens++;
    for (int i = f->n_tokens - 1; i > at; i--) {
        f->token[i] = f->token[i - 1];
        f->times[i] = f->times[i - 1];
    }
    f->token[at] = id;
    f->times[at] = times;
}

static void count_tokens(gk_failures *f, int32_t *id, size_t n) {
    qsort(id, n, sizeof *id, by_id);
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && id[k] == id[i]; k++) {
        }
        take_run(f, id[i], k - i);
    }
}

static void count_bins(gk_failures *f) {
    for (int i = 0; i < GK_BINS; i++) {
        const gk_reliability *b = &f->bin[i];
        if (b->n) f->error += fabs((double)b->right - b->sum) / (double)f->n;
    }
}

gk_failures gk_failures_of(const gk_tried *t) {
    gk_failures f = {0};
    double sum[2] = {0, 0};
    int32_t *id = gk_alloc((t->n + 1) * sizeof *id);
    for (size_t i = 0; i < t->n; i++) {
        const gk_outcome *o = &t->item[i];
        if (!(o->top_prob >= 0 && o->top_prob <= 1.0001)) continue;
        bool right = o->rank < 1;
        int k = (int)(o->top_prob * GK_BINS);
        gk_reliability *b = &f.bin[k < GK_BINS ? k : GK_BINS - 1];
        b->n++;
        b->right += right;
        b->sum += o->top_prob;
        sum[right] += o->top_prob;
        if (!right) id[f.wrong++] = o->top_id;
        f.n++;
    }
    count_tokens(&f, id, f.wrong);
    gk_free(id);
    count_bins(&f);
    f.sure_wrong = f.wrong ? sum[0] / (double)f.wrong : (double)NAN;
    f.sure_right = f.n > f.wrong ? sum[1] / (double)(f.n - f.wrong) : (double)NAN;
    return f;
}
