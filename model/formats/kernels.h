/* kernels.h: the functions of formats/ that are compiled once for each instruction set (core/isa.h says how).
 * Their files include this one. */
#ifndef GK_FORMAT_KERNELS_H
#define GK_FORMAT_KERNELS_H

#include "core/isa.h"
#include "graftkit/model/weights.h"
#include "model/formats/half.h"
#include "model/formats/quant.h"

#define GK_FORMAT_KERNELS(X)                                                                         \
    X(void, , gk_half__f16_to_f32, (const uint16_t *in, float *out, size_t n), (in, out, n))         \
    X(void, , gk_half__f32_to_f16, (const float *in, uint16_t *out, size_t n), (in, out, n))         \
    X(void, , gk_half__bf16_to_f32, (const uint16_t *in, float *out, size_t n), (in, out, n))        \
    X(void, , gk_half__f32_to_bf16, (const float *in, uint16_t *out, size_t n), (in, out, n))        \
    X(void, , gk_bf16_round, (const float *in, uint16_t *out, size_t n), (in, out, n))               \
    X(void, , gk_bf16_round_weights, (const float *in, uint16_t *out, size_t n, size_t first),       \
      (in, out, n, first))                                                                           \
    X(const gk_quant__type *, return, gk_quant__type_of, (uint32_t id), (id))                        \
    X(const char *, return, gk_quant__list, (void), ())                                              \
    X(void, , gk_quant__dequantise, (const gk_quant__type *q, const void *in, float *out, size_t n), \
      (q, in, out, n))

GK_FORMAT_KERNELS(GK_KERNEL_LABEL)

#endif
