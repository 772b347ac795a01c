/* attention.h: what the files of attention share. Internal to model/. */
#ifndef GK_MODEL_ATTENTION_H
#define GK_MODEL_ATTENTION_H

#include "model/config/dims.h"
#include "model/operators/mathfn.h"

#include <math.h>

/* What turns a query's dot products into scores, and which rows it sees. */
typedef struct gk_op__scoring {
    float scale, cap;
    int window;
} gk_op__scoring;

static inline gk_op__scoring gk_op__scoring_of(const gk_config *c, int layer) {
    float square = c->query_scale > 0 ? c->query_scale : (float)c->head_dim;
    float by = c->scores_by_layer ? (float)(layer + 1) : 1;
    return (gk_op__scoring){1.0f / (sqrtf(square) * by), c->attn_softcap, gk_config__window(c, layer)};
}

static inline float gk_op__capped(const gk_op__scoring *s, float x) {
    return s->cap > 0 ? s->cap * gk_op__tanh(x / s->cap) : x;
}

/* The first of the n rows up to the query's own that it sees. */
static inline int gk_op__first_seen(const gk_op__scoring *s, int n) {
    return n > s->window ? n - s->window : 0;
}

/* small_product.c: C[m x n] (+)= A B on this thread, for operands in cache. A's element (i, t) is
 * a[i * down + t * right]; B is [k x n] and C [m x n] row-major, 64-byte aligned, n, ldb and ldc multiples of
 * GK_OP__LANES. */
#if defined(__AVX512F__)
enum { GK_OP__LANES = 16 };
#else
enum { GK_OP__LANES = 8 };
#endif
void gk_op__small_product(int m, int n, int k, const float *a, ptrdiff_t down, ptrdiff_t right,
                          const float *b, int ldb, bool add, float *c, int ldc);
/* small_product.c: t[i * ldt + r] = x[r * ldx + i] of at most GK_OP__LANES rows and columns; x and t have
 * room for whole vectors, and what is beyond `rows` in them is overwritten. */
void gk_op__transpose(int rows, int columns, const float *x, ptrdiff_t ldx, float *t, ptrdiff_t ldt);
static inline int gk_op__whole_lanes(int n) {
    return (n + GK_OP__LANES - 1) / GK_OP__LANES * GK_OP__LANES;
}

#endif
