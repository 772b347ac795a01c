/* rope.c: rotary positions (Su et al. 2021), of the whole head or its leading dimensions, with the linear
 * (Chen et al. 2023) and the Llama 3 scaling of the frequencies. */
#include "graftkit/core/memory.h"
#include "graftkit/core/threads.h"
#include "model/operators/kernels.h"

#include <math.h>

/* Llama 3 (Hugging Face's rope_type "llama3"): wavelengths that fit original/high_freq_factor positions stay,
 * those beyond original/low_freq_factor are stretched by `factor`, those between are blended. */
double gk_op__rope_frequency(const gk_rotary *r, int dims, int i) {
    double f = pow((double)r->theta, -2.0 * i / dims);
    if (r->kind == GK_ROPE_PLAIN) return f;
    double factor = (double)r->factor, low = (double)r->low, high = (double)r->high;
    if (r->kind == GK_ROPE_LINEAR) return f / factor;
    double turns = r->original * f / 6.283185307179586; /* in the positions it was trained on */
    if (turns > high) return f;
    if (turns < low) return f / factor;
    double blend = (turns - low) / (high - low);
    return (1 - blend) * f / factor + blend * f;
}

void gk_op__rope_table(const gk_config *c, int index, int n_positions, float *table) {
    int dims = gk_config__rotary_dim(c), half = dims / 2;
    for (int i = 0; i < half; i++) {
        double f = gk_op__rope_frequency(gk_config__rotary(c, index), dims, i);
        for (int p = 0; p < n_positions; p++) {
            table[((ptrdiff_t)p * half + i) * 2] = (float)cos(p * f);
            table[((ptrdiff_t)p * half + i) * 2 + 1] = (float)sin(p * f);
        }
    }
}

typedef struct rope_job {
    int heads, head_dim, half, ldx;
    const int32_t *position;
    const float *table;
    float sign, *x;
} rope_job;

static void rope_rows(void *ctx, size_t begin, size_t end) {
    const rope_job *j = ctx;
    int half = j->half;
    for (size_t r = begin; r < end; r++) {
        const float *restrict t = j->table + (ptrdiff_t)j->position[r] * half * 2;
        for (int h = 0; h < j->heads; h++) {
            float *restrict x = j->x + (ptrdiff_t)r * j->ldx + h * j->head_dim;
            for (int i = 0; i < half; i++) {
                float a = x[i], b = x[i + half], co = t[2 * i], si = j->sign * t[2 * i + 1];
                x[i] = a * co - b * si;
                x[i + half] = b * co + a * si;
            }
        }
    }
}

void gk_op__rope_apply(const gk_config *c, int n, int heads, const int32_t *position, const float *table,
                       float sign, float *x, int ldx) {
    rope_job j = {.heads = heads,
                  .head_dim = c->head_dim,
                  .half = gk_config__rotary_dim(c) / 2,
                  .ldx = ldx,
                  .position = position,
                  .table = table,
                  .sign = sign,
                  .x = x};
    gk_parallel_for((size_t)n, 32, rope_rows, &j);
}

void gk_op_rope(const gk_config *c, int layer, int n, int heads, const int32_t *position, float *x, int ldx) {
    if (!gk_config_rotated(c, layer) || n <= 0) return;
    int last = 0;
    for (int i = 0; i < n; i++) last = position[i] > last ? position[i] : last;
    float *table = gk_alloc((size_t)(last + 1) * (size_t)gk_config__rotary_dim(c) * sizeof(float));
    gk_op__rope_table(c, gk_config__rotary_index(c, layer), last + 1, table);
    gk_op__rope_apply(c, n, heads, position, table, 1.0f, x, ldx);
    gk_free(table);
}
