/* operators.h: operators that are not public, most of them for the passes. Internal to model/.
 */
#ifndef GK_MODEL_OPERATORS_H
#define GK_MODEL_OPERATORS_H

#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "model/config/dims.h"

/* ---- norm.c: rows of `groups` times ln.out floats, each group normed by itself, at a stride of ldx, ldy …
 * floats. */
/* stats [n x groups x 2]: mean (0 for RMSNorm) and reciprocal deviation, when not NULL. */
void gk_op__norm_forward(const gk_config *c, gk_tensor ln, int n, int groups, const float *x, int ldx,
                         float *y, int ldy, float *stats);
/* dx += gradient through the norm; dw, db (NULL: not wanted) += theirs. */
void gk_op__norm_backward(const gk_config *c, gk_tensor ln, int n, int groups, const float *x, int ldx,
                          const float *stats, const float *dy, int lddy, float *dx, int lddx, float *dw,
                          float *db);

/* ---- attention.c, attention_block.c: causal attention inside each sequence over fused rows [q|k|v] of
 * qkv_dim. */
/* out [n x q_dim], lse [n x n_heads] (log of the softmax denominator). */
void gk_op__attention_forward(const gk_config *c, int layer, const gk_batch *b, const float *qkv, float *out,
                              float *lse);
/* dqkv [n x qkv_dim] is overwritten. */
void gk_op__attention_backward(const gk_config *c, int layer, const gk_batch *b, const float *qkv,
                               const float *out, const float *lse, const float *dout, float *dqkv);
/* The keys and values of a growing sequence: [n_layers x max x kv_dim], rotated; the first n rows of each are
 * set. */
typedef struct gk_op__kv_cache {
    int n, max;
    float *k, *v;
} gk_op__kv_cache;
/* Rows [q|k|v] of a sequence's next n positions: puts k and v behind the cache's first rows; out [n x q_dim].
 */
void gk_op__attention_cached(const gk_config *c, int layer, int n, const gk_op__kv_cache *cache,
                             const float *qkv, float *out);

/* ---- rope.c */
/* Radians a position of pair i of `dims` rotated dimensions. */
double gk_op__rope_frequency(const gk_rotary *r, int dims, int i);
/* cos, sin pairs [n_positions x gk_config__rotary_dim/2 x 2]; index: gk_config__rotary_index. */
void gk_op__rope_table(const gk_config *c, int index, int n_positions, float *table);
/* Rotates heads in place: sign +1 forward, -1 backward. */
void gk_op__rope_apply(const gk_config *c, int n, int heads, const int32_t *position, const float *table,
                       float sign, float *x, int ldx);

/* ---- elementwise.c: gu rows are [gate|up] (gated) or [up]. */
void gk_op__act_forward(const gk_config *c, int n, const float *gu, float *act);
/* Writes dgu from dact. */
void gk_op__act_backward(const gk_config *c, int n, const float *gu, const float *dact, float *dgu);

/* sum += part, which becomes zero; on this thread. */
void gk_op__add_and_clear(size_t count, float *sum, float *part);
/* dlogits *= the slope of gk_op_softcap where it gave `capped`. */
void gk_op__softcap_backward(float cap, size_t count, const float *capped, float *dlogits);

/* ---- loss.c */
/* For rows of logits [n x V] and their targets: adds up the cross-entropy (returned); when scale != 0 the
 * logits become scale * (softmax - onehot). */
double gk_op__cross_entropy(int n, int vocab, float *logits, const int32_t *target, float scale);

/* ---- linear.c */
/* y [n x out] = beta y + x [n x in] W^T, without the bias. */
void gk_op__linear_product(gk_tensor t, int n, const float *x, int ldx, float beta, float *y, int ldy);
/* dw [out x in] += dy^T x, db (may be NULL) [out] += column sums of dy. */
void gk_op__linear_backward_weights(int n, int out, int in, const float *dy, int lddy, const float *x,
                                    int ldx, float *dw, float *db);
/* Both gradients of y = x W^T + b: dx [n x in] = dy W; dw and db as above (dw NULL: neither wanted). */
void gk_op__linear_backward(gk_tensor t, int n, const float *dy, int lddy, const float *x, float *dx,
                            float *dw, float *db);

#endif
