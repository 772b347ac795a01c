/* bf16_panels.h: y = x W^T of bf16 operands by graftkit's own kernels, with W laid out once. Internal to
 * model/.
 *
 * What comes out is defined to the bit: y[r][i] is the sum, from the first column to the last, each addition
 * rounded to fp32, of what bf16 x[r][t] times bf16 W[i][t] is exactly. It does not depend on how many rows
 * there are, on threads or on the instruction set, but for processors whose bf16 instruction is used
 * (gk_gemm__panels_native): there a step adds two columns, and tiny numbers become zero. */
#ifndef GK_MODEL_BF16_PANELS_H
#define GK_MODEL_BF16_PANELS_H

#include "graftkit/model/weights.h"

/* A panel has 32 rows of W (zeros behind the last one), two columns of all of them side by side. */
#define GK_GEMM__PANEL 32

static inline size_t gk_gemm__pairs(int in) {
    return ((size_t)in + 1) / 2;
}
static inline size_t gk_gemm__panels(int out) {
    return ((size_t)out + GK_GEMM__PANEL - 1) / GK_GEMM__PANEL;
}
static inline size_t gk_gemm__panels_bytes(int out, int in) {
    return gk_gemm__panels(out) * GK_GEMM__PANEL * gk_gemm__pairs(in) * sizeof(uint32_t);
}
/* Rounds rows of t to nearest, ties to even, into panels [begin, end); `to` is the start of all of them. */
void gk_gemm__panels_pack(gk_tensor t, uint16_t *to, size_t begin, size_t end);

/* A row of x as a product takes it: floats that are bf16, or pairs of bf16 where those are multiplied at
 * once. Rows are so many words apart: a line of the cache more than they have, since rows of a power of two
 * would all want the same places there. */
static inline size_t gk_gemm__operand_row(int in, bool native) {
    size_t n = gk_gemm__pairs(in) * (native ? 1 : 2);
    return (n + 15) / 16 * 16 + 16;
}
void gk_gemm__operand(const float *x, int in, bool native, uint32_t *to);

typedef struct gk_gemm__panel_product {
    const uint16_t *w; /* panels of an [out x in] matrix */
    const uint32_t *x; /* m rows of gk_gemm__operand */
    int m, out, in, ldy;
    float *y;
    bool add; /* the sums begin with what is in y, else with 0 */
    bool native;
} gk_gemm__panel_product;
/* Columns of y that panels [begin, end) make, on this thread. */
void gk_gemm__panels_multiply(const gk_gemm__panel_product *p, size_t begin, size_t end);
/* Whether the processor's instruction for bf16 is faster than fp32's: AMD's is. processor.c. */
bool gk_gemm__panels_native(void);

#endif
