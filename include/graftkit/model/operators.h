/* operators.h (model): the operators that passes are made of, on rows, and the libraries that multiply.
 *
 * They split their rows over the process's threads (gk_threads) and give the same bits for the same shapes
 * and thread count.
 *
 * Example:
 *     gk_gemm_info info;
 *     gk_gemm_describe(&info);
 *     printf("%s: %s\n", info.cpu, info.used);
 *     float x[] = {1, 2, 3}, y[] = {10, 20, 30};
 *     gk_op_add(3, x, y);
 *     return x[2] == 33;
 */
#ifndef GRAFTKIT_MODEL_OPERATORS_H
#define GRAFTKIT_MODEL_OPERATORS_H

#include "graftkit/model/weights.h"

GK_PUBLIC_BEGIN

/* ---------------------------------------------------------------- operators on rows */

/* x[n x d] = embed_scale * embed[token]. */
void gk_op_embed(const gk_config *c, gk_tensor embed, int n, const int32_t *token, float *x);
/* x[n x d] += pos[position]; does nothing where the family has no learned positions (w NULL). */
void gk_op_pos(gk_tensor pos, int n, const int32_t *position, float *x);
/* y = norm(x), rows of `groups` times ln.out, each group by itself: LayerNorm or RMSNorm as the config says.
 * y may be x. */
void gk_op_norm(const gk_config *c, gk_tensor ln, int n, int groups, const float *x, float *y);
/* y[n x out] = x[n x in] W^T + b; ldx, ldy are row strides in floats. */
void gk_op_linear(gk_tensor t, int n, const float *x, int ldx, float *y, int ldy);
/* y[n x out] += scale (x A^T) B^T; low [n x rank] is scratch. */
void gk_op_low_rank(gk_low_rank l, int n, const float *x, int ldx, float *low, float *y, int ldy);
/* Rotates n rows of `heads` heads in place at their positions; nothing where the config has no RoPE. */
void gk_op_rope(const gk_config *c, int layer, int n, int heads, const int32_t *position, float *x, int ldx);
/* out[n x f] = act(gate) * up, or act(up) where the MLP is not gated (then gate is not read). */
void gk_op_act(const gk_config *c, int n, const float *gate, const float *up, float *out);
/* Query i (row i of q [n x q_dim]) attends to the n_ctx[i] rows ctx[i][0..] of k and v ([* x kv_dim]), its
 * own position included and last; out [n x q_dim]. Rotary positions are already applied. `layer` decides
 * whether only the latest of them are seen. */
void gk_op_attend(const gk_config *c, int layer, int n, const float *q, const int32_t *const *ctx,
                  const int32_t *n_ctx, const float *k, const float *v, float *out);
/* x += y, count floats. */
void gk_op_add(size_t count, float *x, const float *y);
/* x = cap * tanh(x / cap), count floats; nothing where cap is 0. */
void gk_op_softcap(float cap, size_t count, float *x);

/* ---------------------------------------------------------------- GEMM */

/* Chooses the kernels once per process, before first use: BLIS's by CPU features unless BLIS_ARCH_TYPE is
 * set, oneDNN where it was built in. Called by everything that multiplies; calling it again does nothing. */
void gk_gemm_init(void);
typedef struct gk_gemm_info {
    char cpu[128];      /* model name */
    char features[128]; /* "avx512f avx2 fma …" */
    char blis[64];      /* "0.9.0, skx kernels (chosen by CPU features)" */
    char onednn[64];    /* "2.6.3" or "not built in (Debian: libdnnl-dev)" */
    char used[160];     /* which library runs which shapes */
} gk_gemm_info;
void gk_gemm_describe(gk_gemm_info *out); /* calls gk_gemm_init */
/* C[m x n] = A[m x k] B[n x k]^T with `threads` threads, measured for about `seconds`: GFLOP/s, median
 * of the calls. library: "blis", "onednn", "auto" (the dispatch the models use) or "bf16" (that of narrow
 * models, of ready operands); 0 when that one is not built in, or the processor has no such products. */
double gk_gemm_measure(const char *library, int m, int n, int k, int threads, double seconds);
/* Bytes a second at which products of `rows` rows read weights [out x in] of a type that models are stored
 * in, "Q4_1" or "F32": the best of the calls in about `seconds`, by the process's threads. 0: no such type,
 * or its blocks do not fill rows of `in`. */
double gk_stored_measure(const char *type, int rows, int out, int in, double seconds);
/* The fp32 FMA peak of `threads` cores, measured in registers: GFLOP/s. */
double gk_flops_peak(int threads, double seconds);

GK_PUBLIC_END

#endif
