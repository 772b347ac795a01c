/* kernels.h: the functions of difference/ that are compiled once for each instruction set (core/isa.h says
 * how). Their files include this one. */
#ifndef GK_DIFFERENCE_KERNELS_H
#define GK_DIFFERENCE_KERNELS_H

#include "core/isa.h"
#include "model/difference/spectrum.h"
#include "model/gemm/gemm.h"

#define GK_DIFFERENCE_KERNELS(X)                                                                            \
    X(void, , gk_diff__delta_read, (const void *delta, int first, int n, float *to), (delta, first, n, to)) \
    X(void, , gk_spectrum__eigen, (int n, double *matrix, double *value, double *vector),                   \
      (n, matrix, value, vector))                                                                           \
    X(bool, return, gk_spectrum__values,                                                                    \
      (const gk_spectrum__matrix *m, int k, uint64_t seed, gk_spectrum__pass_fn *pass, void *ctx,           \
       double *sigma),                                                                                      \
      (m, k, seed, pass, ctx, sigma))                                                                       \
    X(bool, return, gk_spectrum__directions,                                                                \
      (const gk_spectrum__matrix *m, int k, uint64_t seed, float *right, float *left),                      \
      (m, k, seed, right, left))

GK_DIFFERENCE_KERNELS(GK_KERNEL_LABEL)

#endif
