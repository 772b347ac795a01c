/* gemm.h: the inside of the matrix product, shared by gemm*.c. */
#ifndef GK_MODEL_GEMM_H
#define GK_MODEL_GEMM_H

#include "model/internal.h"

/* NT products of at most this many rows go to gk__few_rows, which reads the weights once, unpacked. */
#define GK__FEW_ROWS 16

typedef struct gk__product {
    gk_gemm_kind kind;
    int m, n, k, lda, ldb, ldc;
    const float *a, *b;
    float *c;
    float beta;
} gk__product;

typedef struct gk__bf16_product {
    gk_gemm_kind kind;
    int m, n, k, lda, ldb, ldc;
    const uint16_t *a, *b;
    float *c;
    bool add; /* to C, else C is overwritten */
} gk__bf16_product;

typedef enum gk__gemm_library { GK__BY_CHOICE, GK__BY_BLIS, GK__BY_DNNL, GK__BY_ROWS } gk__gemm_library;

void gk__product_run(const gk__product *p, gk__gemm_library library);   /* on this thread */
void gk__product_split(const gk__product *p, gk__gemm_library library); /* over all threads */
void gk__few_rows(const gk__product *p);                                /* NT only */

#endif
