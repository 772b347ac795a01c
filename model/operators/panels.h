/* panels.h: products with a matrix laid out once in panels: PANEL of its rows side by side, input by input,
 * so that a step of k is two vectors. What is behind the last row is zero. Internal to model/. */
#ifndef GK_MODEL_PANELS_H
#define GK_MODEL_PANELS_H

#include "graftkit/model/weights.h"

/* y [m x n] = (add: y +) x W^T with W [n x k] in panels. Row i of x is x + row[i] ldx; row NULL: x + i ldx.
 * Every sum is taken in the same order, whatever m and n are. */
typedef struct gk_op__panel_product {
    int m, n, k, ldx, ldy;
    const float *x, *panels;
    const uint32_t *row;
    float *y;
    bool add;
} gk_op__panel_product;

size_t gk_op__panel_width(void); /* rows of W in a panel */
/* Panels first .. first + count - 1 of W, to where the first of all panels is. */
void gk_op__panels_lay_out(gk_tensor w, size_t first, size_t count, float *panels);
void gk_op__panels_multiply(const gk_op__panel_product *p); /* on this thread */

#endif
