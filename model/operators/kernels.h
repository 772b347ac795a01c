/* kernels.h: the functions of operators/ that are compiled once for each instruction set (core/isa.h says
 * how). Their files include this one. */
#ifndef GK_OPERATOR_KERNELS_H
#define GK_OPERATOR_KERNELS_H

#include "graftkit/model/session.h"
#include "model/formats/kernels.h"
#include "model/gemm/kernels.h"
#include "model/operators/attention.h"
#include "model/operators/mathfn.h"
#include "model/operators/operators.h"
#include "model/operators/panels.h"

#define GK_OPERATOR_KERNELS(X)                                                                               \
    X(void, , gk_op__small_product,                                                                          \
      (int m, int n, int k, const float *a, ptrdiff_t down, ptrdiff_t right, const float *b, int ldb,        \
       bool add, float *c, int ldc),                                                                         \
      (m, n, k, a, down, right, b, ldb, add, c, ldc))                                                        \
    X(void, , gk_op__transpose,                                                                              \
      (int rows, int columns, const float *x, ptrdiff_t ldx, float *t, ptrdiff_t ldt),                       \
      (rows, columns, x, ldx, t, ldt))                                                                       \
    X(size_t, return, gk_op__panel_width, (void), ())                                                        \
    X(void, , gk_op__panels_lay_out, (gk_tensor w, size_t first, size_t count, float *panels),               \
      (w, first, count, panels))                                                                             \
    X(void, , gk_op__panels_multiply, (const gk_op__panel_product *p), (p))                                  \
    X(void, , gk_op_embed, (const gk_config *c, gk_tensor embed, int n, const int32_t *token, float *x),     \
      (c, embed, n, token, x))                                                                               \
    X(void, , gk_op_pos, (gk_tensor pos, int n, const int32_t *position, float *x), (pos, n, position, x))   \
    X(void, , gk_op_add, (size_t count, float *x, const float *y), (count, x, y))                            \
    X(void, , gk_op__add_and_clear, (size_t count, float *sum, float *part), (count, sum, part))             \
    X(void, , gk_op_linear, (gk_tensor t, int n, const float *x, int ldx, float *y, int ldy),                \
      (t, n, x, ldx, y, ldy))                                                                                \
    X(void, , gk_op_low_rank,                                                                                \
      (gk_low_rank l, int n, const float *x, int ldx, float *low, float *y, int ldy),                        \
      (l, n, x, ldx, low, y, ldy))                                                                           \
    X(void, , gk_op__linear_product,                                                                         \
      (gk_tensor t, int n, const float *x, int ldx, float beta, float *y, int ldy),                          \
      (t, n, x, ldx, beta, y, ldy))                                                                          \
    X(void, , gk_op__linear_backward_weights,                                                                \
      (int n, int out, int in, const float *dy, int lddy, const float *x, int ldx, float *dw, float *db),    \
      (n, out, in, dy, lddy, x, ldx, dw, db))                                                                \
    X(void, , gk_op__linear_backward,                                                                        \
      (gk_tensor t, int n, const float *dy, int lddy, const float *x, float *dx, float *dw, float *db),      \
      (t, n, dy, lddy, x, dx, dw, db))                                                                       \
    X(double, return, gk_op__cross_entropy,                                                                  \
      (int n, int vocab, float *logits, const int32_t *target, float scale),                                 \
      (n, vocab, logits, target, scale))                                                                     \
    X(void, , gk_op__norm_forward,                                                                           \
      (const gk_config *c, gk_tensor ln, int n, int groups, const float *x, int ldx, float *y, int ldy,      \
       float *stats),                                                                                        \
      (c, ln, n, groups, x, ldx, y, ldy, stats))                                                             \
    X(void, , gk_op__norm_backward,                                                                          \
      (const gk_config *c, gk_tensor ln, int n, int groups, const float *x, int ldx, const float *stats,     \
       const float *dy, int lddy, float *dx, int lddx, float *dw, float *db),                                \
      (c, ln, n, groups, x, ldx, stats, dy, lddy, dx, lddx, dw, db))                                         \
    X(void, , gk_op_norm, (const gk_config *c, gk_tensor ln, int n, int groups, const float *x, float *y),   \
      (c, ln, n, groups, x, y))                                                                              \
    X(double, return, gk_op__rope_frequency, (const gk_rotary *r, int dims, int i), (r, dims, i))            \
    X(void, , gk_op__rope_table, (const gk_config *c, int index, int n_positions, float *table),             \
      (c, index, n_positions, table))                                                                        \
    X(void, , gk_op__rope_apply,                                                                             \
      (const gk_config *c, int n, int heads, const int32_t *position, const float *table, float sign,        \
       float *x, int ldx),                                                                                   \
      (c, n, heads, position, table, sign, x, ldx))                                                          \
    X(void, , gk_op_rope,                                                                                    \
      (const gk_config *c, int layer, int n, int heads, const int32_t *position, float *x, int ldx),         \
      (c, layer, n, heads, position, x, ldx))                                                                \
    X(void, , gk_op_act, (const gk_config *c, int n, const float *gate, const float *up, float *out),        \
      (c, n, gate, up, out))                                                                                 \
    X(void, , gk_op__act_forward, (const gk_config *c, int n, const float *gu, float *act), (c, n, gu, act)) \
    X(void, , gk_op__act_backward,                                                                           \
      (const gk_config *c, int n, const float *gu, const float *dact, float *dgu), (c, n, gu, dact, dgu))    \
    X(void, , gk_op_softcap, (float cap, size_t count, float *x), (cap, count, x))                           \
    X(void, , gk_op__softcap_backward, (float cap, size_t count, const float *capped, float *dlogits),       \
      (cap, count, capped, dlogits))                                                                         \
    X(void, , gk_op_attend,                                                                                  \
      (const gk_config *c, int layer, int n, const float *q, const int32_t *const *ctx,                      \
       const int32_t *n_ctx, const float *k, const float *v, float *out),                                    \
      (c, layer, n, q, ctx, n_ctx, k, v, out))                                                               \
    X(void, , gk_op__attention_cached,                                                                       \
      (const gk_config *c, int layer, int n, const gk_op__kv_cache *cache, const float *qkv, float *out),    \
      (c, layer, n, cache, qkv, out))                                                                        \
    X(void, , gk_op__attention_forward,                                                                      \
      (const gk_config *c, int layer, const gk_batch *b, const float *qkv, float *out, float *lse),          \
      (c, layer, b, qkv, out, lse))                                                                          \
    X(void, , gk_op__attention_backward,                                                                     \
      (const gk_config *c, int layer, const gk_batch *b, const float *qkv, const float *out,                 \
       const float *lse, const float *dout, float *dqkv),                                                    \
      (c, layer, b, qkv, out, lse, dout, dqkv))

GK_OPERATOR_KERNELS(GK_KERNEL_LABEL)

#endif
