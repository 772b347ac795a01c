/* kernels.h: the functions of graft/ that are compiled once for each instruction set (core/isa.h says how).
 * Their files include this one. */
#ifndef GK_GRAFT_KERNELS_H
#define GK_GRAFT_KERNELS_H

#include "core/isa.h"
#include "graft/internal.h"

#define GK_GRAFT_KERNELS(X)                                                                                  \
    X(bool, return, gk_graft__floats_same, (const float *a, const float *b, size_t n), (a, b, n))            \
    X(bool, return, gk_graft__tensor_same, (gk_tensor a, gk_tensor b), (a, b))                               \
    X(bool, return, gk_graft__weights_same, (const gk_graft__weights *a, const gk_graft__weights *b),        \
      (a, b))                                                                                                \
    X(uint32_t, return, gk_graft__difference_bits, (float a, float b), (a, b))                               \
    X(void, , gk_graft__weights_embed,                                                                       \
      (const gk_config *c, const gk_graft__weights *w, int n, const int32_t *token, float *x),               \
      (c, w, n, token, x))                                                                                   \
    X(void, , gk_graft__weights_pos, (const gk_graft__weights *w, int n, const int32_t *position, float *x), \
      (w, n, position, x))                                                                                   \
    X(bool, return, gk_graft__weights_share, (const gk_graft__weights *a, const gk_graft__weights *b),       \
      (a, b))                                                                                                \
    X(void, , gk_graft__weights_linear,                                                                      \
      (gk_products * p, const gk_graft__weights *w, int n, const float *x, int ldx, const uint32_t *row,     \
       float *y, int ldy, gk_graft__room *block, size_t *tally),                                             \
      (p, w, n, x, ldx, row, y, ldy, block, tally))                                                          \
    X(bool, return, gk_graft__weights_kept, (const gk_products *p, const gk_graft__weights *w), (p, w))      \
    X(void, , gk_graft__weights_add_low,                                                                     \
      (const gk_graft__weights *w, int n, const float *x, int ldx, float *y, int ldy, gk_graft__room *low,   \
       size_t *tally),                                                                                       \
      (w, n, x, ldx, y, ldy, low, tally))                                                                    \
    X(double, return, gk_graft__weights_flops, (const gk_graft__weights *w), (w))

GK_GRAFT_KERNELS(GK_KERNEL_LABEL)

#endif
