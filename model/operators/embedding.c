/* embedding.c: rows of the embedding and of learned positions. */
#include "graftkit/core/memory.h"
#include "graftkit/core/threads.h"
#include "model/operators/kernels.h"

typedef struct lookup_job {
    gk_tensor table;
    int width;
    const int32_t *index;
    float *x, scale;
} lookup_job;

static void gather_rows(void *ctx, size_t begin, size_t end) {
    const lookup_job *j = ctx;
    size_t w = (size_t)j->width;
    for (size_t r = begin; r < end; r++) {
        float *restrict x = j->x + r * w;
        gk_tensor_floats(j->table, (size_t)j->index[r] * w, w, x);
        for (size_t i = 0; i < w && j->scale != 1; i++) x[i] *= j->scale;
    }
}

static void add_table_rows(void *ctx, size_t begin, size_t end) {
    const lookup_job *j = ctx;
    size_t w = (size_t)j->width;
    float *t = gk_alloc(w * sizeof *t);
    for (size_t r = begin; r < end; r++) {
        float *restrict x = j->x + r * w;
        gk_tensor_floats(j->table, (size_t)j->index[r] * w, w, t);
        for (size_t i = 0; i < w; i++) x[i] += t[i];
    }
    gk_free(t);
}

void gk_op_embed(const gk_config *c, gk_tensor embed, int n, const int32_t *token, float *x) {
    lookup_job j = {.table = embed, .width = embed.in, .index = token, .x = x, .scale = c->embed_scale};
    gk_parallel_for((size_t)n, 64, gather_rows, &j);
}

void gk_op_pos(gk_tensor pos, int n, const int32_t *position, float *x) {
    if (!pos.w && !pos.h) return;
    lookup_job j = {.table = pos, .width = pos.in, .index = position, .x = x};
    gk_parallel_for((size_t)n, 64, add_table_rows, &j);
}
