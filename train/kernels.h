/* kernels.h: the functions of train/ that are compiled once for each instruction set (core/isa.h says how).
 * Their files include this one. */
#ifndef GK_TRAIN_KERNELS_H
#define GK_TRAIN_KERNELS_H

#include "core/isa.h"
#include "train/internal.h"

#define GK_TRAIN_KERNELS(X)                                                                                  \
    X(bool, return, gk_train__decays, (const gk_param *p, const gk_adamw_opts *o), (p, o))                   \
    X(gk_adamw *, return, gk_adamw_new,                                                                      \
      (const gk_param *params, size_t n_params, size_t n_floats, const gk_adamw_opts *opts,                  \
       const uint32_t *frozen, gk_error *err),                                                               \
      (params, n_params, n_floats, opts, frozen, err))                                                       \
    X(void, , gk_adamw_free, (gk_adamw * a), (a))                                                            \
    X(void, , gk_adamw_narrow, (gk_adamw * a, uint16_t * narrowed), (a, narrowed))                           \
    X(size_t, return, gk_adamw_floats, (const gk_adamw *a), (a))                                             \
    X(float *, return, gk_adamw_m, (gk_adamw * a), (a))                                                      \
    X(float *, return, gk_adamw_v, (gk_adamw * a), (a))                                                      \
    X(double, return, gk_train__sum_squares, (size_t n, const float *x), (n, x))                             \
    X(double, return, gk_adamw_norm, (const gk_adamw *a, const float *grad), (a, grad))                      \
    X(double, return, gk_clip_factor, (double norm, double max_norm), (norm, max_norm))                      \
    X(void, , gk_adamw_step, (gk_adamw * a, float *weights, float *grad, int64_t t, double lr, double clip), \
      (a, weights, grad, t, lr, clip))                                                                       \
    X(gk_lean *, return, gk_lean_new,                                                                        \
      (gk_model * m, const gk_adamw_opts *opts, const uint32_t *frozen, double clip, uint64_t seed,          \
       gk_error *err),                                                                                       \
      (m, opts, frozen, clip, seed, err))                                                                    \
    X(void, , gk_lean_free, (gk_lean * l), (l))                                                              \
    X(gk_lean_state, return, gk_lean_arrays, (gk_lean * l), (l))                                             \
    X(gk_backprop, return, gk_lean_begin, (gk_lean * l, int64_t t, double lr), (l, t, lr))                   \
    X(double, return, gk_lean_norm, (const gk_lean *l), (l))

GK_TRAIN_KERNELS(GK_KERNEL_LABEL)

#endif
