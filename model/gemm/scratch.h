/* scratch.h: memory that a thread keeps. Internal to model/. */
#ifndef GK_MODEL_SCRATCH_H
#define GK_MODEL_SCRATCH_H

#include <stddef.h>

/* Memory of the calling thread for one use, kept until the thread ends; its contents are not. Touching fresh
 * memory in every product would cost more than the product. */
typedef enum gk_gemm__scratch_use {
    GK_GEMM__SCRATCH_DNNL,
    GK_GEMM__SCRATCH_HEAD,  /* attention */
    GK_GEMM__SCRATCH_TILES, /* rows of a product with panels */
    GK_GEMM__SCRATCH_LEFT,  /* bf16 operands */
    GK_GEMM__SCRATCH_RIGHT,
    GK_GEMM__SCRATCH_WIDE_A, /* the same as floats, where bf16 has no instructions */
    GK_GEMM__SCRATCH_WIDE_B,
    GK_GEMM__SCRATCHES
} gk_gemm__scratch_use;
void *gk_gemm__scratch(gk_gemm__scratch_use use, size_t bytes);

#endif
