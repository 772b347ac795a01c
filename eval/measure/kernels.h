/* kernels.h: the functions of eval/measure that are compiled once for each instruction set (core/isa.h says
 * how). Their files include this one. */
#ifndef GK_MEASURE_KERNELS_H
#define GK_MEASURE_KERNELS_H

#include "core/isa.h"
#include "eval/measure/draws.h"
#include "graftkit/core/error.h"
#include "graftkit/eval/measure.h"

#define GK_MEASURE_KERNELS(X)                                                              \
    X(bool, return, gk_score_logits,                                                       \
      (const float *logits, int vocab, int32_t target, gk_score *out, gk_error *err),      \
      (logits, vocab, target, out, err))                                                   \
    X(bool, return, gk_score_logits_other,                                                 \
      (const float *logits, int vocab, int32_t target, const gk_score *s, int32_t other,   \
       gk_score_other *out),                                                               \
      (logits, vocab, target, s, other, out))                                              \
    X(void, , gk_measure__sum_lanes,                                                       \
      (const uint16_t *times, const double *x, size_t rows, size_t columns, double *sums), \
      (times, x, rows, columns, sums))

GK_MEASURE_KERNELS(GK_KERNEL_LABEL)

#endif
