/* bf16_linear.h: y = x W^T + b of bf16 operands (bf16_panels.h says what comes out), over the threads.
 * Internal to model/. */
#ifndef GK_MODEL_BF16_LINEAR_H
#define GK_MODEL_BF16_LINEAR_H

#include "graftkit/model/weights.h"

/* Lays t out in panels, gk_gemm__panels_bytes(t.out, t.in) of them. */
void gk_gemm__bf16_lay_out(gk_tensor t, uint16_t *panels);
/* Row i of x is x + row[i] ldx, where row is NULL x + i ldx. `panels` NULL: t is laid out as it goes by, a
 * part at a time; the same bits come out. */
void gk_gemm__bf16_linear(gk_tensor t, const uint16_t *panels, int n, const float *x, int ldx,
                          const uint32_t *row, float *y, int ldy);

#endif
