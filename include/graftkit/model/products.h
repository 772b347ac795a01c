/* products.h (model): how a session over weights that stay as they are multiplies with them: of which type
 * the operands are, and each matrix laid out once for all products.
 *
 * Example:
 *     gk_model *m = gk_model_open("base", err);
 *     if (!m) return false;
 *     gk_products *p = gk_products_new(GK_OPERANDS_F32, 64 << 20);
 *     gk_tensor q = gk_model_tensor(m, 0, GK_Q);
 *     gk_products_keep(p, q);
 *     gk_arena *a = gk_arena_new();
 *     float *x = (float *)gk_arena_alloc(a, (size_t)q.in * sizeof *x);
 *     float *y = (float *)gk_arena_alloc(a, (size_t)q.out * sizeof *y);
 *     gk_products_linear(p, q, 1, x, q.in, NULL, y, q.out);
 *     gk_arena_free(a);
 *     gk_products_free(p);
 *     gk_model_free(m);
 *     return true;
 */
#ifndef GRAFTKIT_MODEL_PRODUCTS_H
#define GRAFTKIT_MODEL_PRODUCTS_H

#include "graftkit/model/weights.h"

GK_PUBLIC_BEGIN

/* What both operands of a product are rounded to (to nearest, ties to even); sums are fp32, and so is what
 * comes out. */
typedef enum gk_operands { GK_OPERANDS_F32, GK_OPERANDS_BF16 } gk_operands;

/* Matrices of floats or 16-bit floats (not in blocks, as gk_model_open_stored leaves them). They are known by
 * where their weights lie, so these must stay, and stay the same, until it is freed.
 * Several threads may multiply at once. */
typedef struct gk_products gk_products;
/* It may hold up to `most_bytes` of matrices laid out. */
gk_products *gk_products_new(gk_operands operands, size_t most_bytes);
void gk_products_free(gk_products *p); /* NULL is fine */
/* From now on this matrix is laid out when it is first multiplied with, and stays so: faster by a half for
 * few rows, by little for a thousand. False: there is no room left for it. Of fp32 operands which kernel
 * multiplies, and so the last bits, depends on what was kept; of bf16 ones the bits are the same, and so
 * whatever the number of rows and threads is. Not while others multiply. */
bool gk_products_keep(gk_products *p, gk_tensor t);
bool gk_products_keeps(const gk_products *p, gk_tensor t); /* whether that was so */
size_t gk_products_bytes(const gk_products *p);            /* of all that is kept, laid out by now or not */
/* y[n x out] = x W^T + b. Row i of x is x + i ldx or, where `row` is given (of a matrix that is kept only),
 * x + row[i] ldx; ldx, ldy in floats. */
void gk_products_linear(gk_products *p, gk_tensor t, int n, const float *x, int ldx, const uint32_t *row,
                        float *y, int ldy);

GK_PUBLIC_END

#endif
