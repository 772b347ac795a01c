/* gemm.h: matrix products, and what the files of this folder share. Internal to model/. */
#ifndef GK_MODEL_GEMM_H
#define GK_MODEL_GEMM_H

#include "graftkit/model/weights.h"
#include "model/gemm/scratch.h"

/* C[m x n] = beta C + op(A) op(B), row-major, split over the threads. The letters say which
 * operand is transposed in memory: NT is x W^T (forward), NN is dy W (input gradient), TN is dy^T x (weight
 * gradient). */
typedef enum gk_gemm_kind { GK_GEMM_NT, GK_GEMM_NN, GK_GEMM_TN } gk_gemm_kind;
void gk_gemm__f32(gk_gemm_kind kind, int m, int n, int k, const float *a, int lda, const float *b, int ldb,
                  float beta, float *c, int ldc);
/* half_weights.c: the NT product with weights that are no floats, made so a few rows at a time. */
void gk_gemm__half(int m, gk_tensor w, const float *a, int lda, float beta, float *c, int ldc);

/* stored_rows.c: the same for so few rows of `a` that reading the weights is what it takes: each block of
 * them becomes floats in registers. */
#define GK_GEMM__STORED_ROWS 4
void gk_gemm__stored(int m, gk_tensor w, const float *a, int lda, float beta, float *c, int ldc);
/* What whole vectors leave of a dot product of few_rows.c: both kernels of few rows are to sum it alike. */
float gk_gemm__rest(const float *x, const float *w, int n);

/* processor.c; of x86-64 only. */
bool gk_gemm__has_amx(void);

/* bf16.c: the same of bf16 operands, with fp32 sums; `add` to C, else C is overwritten. An operand is bf16,
 * or the same numbers as floats: one of the two is set. */
typedef struct gk_gemm__bf16_operand {
    const uint16_t *h;
    const float *f;
} gk_gemm__bf16_operand;
void gk_gemm__bf16(gk_gemm_kind kind, int m, int n, int k, gk_gemm__bf16_operand a, int lda,
                   gk_gemm__bf16_operand b, int ldb, bool add, float *c, int ldc);
/* Rows of `width` floats, ld apart, rounded to bf16, end to end in the thread's memory of that use: as bf16
 * where the processor's instructions read it (gk_bf16_faster), else as floats. The bytes of one. */
gk_gemm__bf16_operand gk_gemm__narrow(gk_gemm__scratch_use use, const float *x, int rows, int width, int ld);
size_t gk_gemm__bf16_operand_bytes(void);

/* ---- the inside of the product */
/* NT products of at most this many rows go to gk_gemm__few_rows, which reads the weights once, unpacked. */
#define GK_GEMM__FEW_ROWS 16

typedef struct gk_gemm__product {
    gk_gemm_kind kind;
    int m, n, k, lda, ldb, ldc;
    const float *a, *b;
    float *c;
    float beta;
} gk_gemm__product;

typedef struct gk_gemm__bf16_product {
    gk_gemm_kind kind;
    int m, n, k, lda, ldb, ldc;
    gk_gemm__bf16_operand a, b;
    float *c;
    bool add; /* to C, else C is overwritten */
} gk_gemm__bf16_product;

typedef enum gk_gemm__library { GK_GEMM__BY_CHOICE, GK_GEMM__BY_BLIS, GK_GEMM__BY_DNNL } gk_gemm__library;

void gk_gemm__run(const gk_gemm__product *p, gk_gemm__library library);   /* on this thread */
void gk_gemm__split(const gk_gemm__product *p, gk_gemm__library library); /* over all threads */
void gk_gemm__few_rows(const gk_gemm__product *p);                        /* NT only */

#endif
