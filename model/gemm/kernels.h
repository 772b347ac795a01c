/* kernels.h: the functions of gemm/ that are compiled once for each instruction set (core/isa.h says how).
 * Their files include this one. */
#ifndef GK_GEMM_KERNELS_H
#define GK_GEMM_KERNELS_H

#include "graftkit/model/operators.h"
#include "model/formats/kernels.h"
#include "model/gemm/bf16_panels.h"
#include "model/gemm/gemm.h"

#define GK_GEMM_KERNELS(X)                                                                                   \
    X(void, , gk_gemm__few_rows, (const gk_gemm__product *p), (p))                                           \
    X(float, return, gk_gemm__rest, (const float *x, const float *w, int n), (x, w, n))                      \
    X(void, , gk_gemm__half, (int m, gk_tensor w, const float *a, int lda, float beta, float *c, int ldc),   \
      (m, w, a, lda, beta, c, ldc))                                                                          \
    X(void, , gk_gemm__stored, (int m, gk_tensor w, const float *a, int lda, float beta, float *c, int ldc), \
      (m, w, a, lda, beta, c, ldc))                                                                          \
    X(void, , gk_gemm__panels_pack, (gk_tensor t, uint16_t * to, size_t begin, size_t end),                  \
      (t, to, begin, end))                                                                                   \
    X(void, , gk_gemm__operand, (const float *x, int in, bool native, uint32_t *to), (x, in, native, to))    \
    X(void, , gk_gemm__panels_multiply, (const gk_gemm__panel_product *p, size_t begin, size_t end),         \
      (p, begin, end))                                                                                       \
    X(double, return, gk_flops_peak, (int threads, double seconds), (threads, seconds))

GK_GEMM_KERNELS(GK_KERNEL_LABEL)

#endif
