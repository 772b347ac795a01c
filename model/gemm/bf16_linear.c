/* bf16_linear.c: see bf16_linear.h. */
#include "model/gemm/bf16_linear.h"
#include "graftkit/core/threads.h"
#include "model/gemm/bf16_panels.h"
#include "model/gemm/scratch.h"

#include <string.h>

enum {
    X_BYTES = 4 << 20, /* of rounded rows at a time */
    PASSING = 8,       /* panels laid out at a time where they are not kept */
    FEWEST_ROWS = 64
};
static const double PIECE_FLOPS = 6e6; /* less is not worth handing to another thread */

typedef struct layout_job {
    gk_tensor t;
    uint16_t *panels;
} layout_job;

static void lay_out(void *ctx, size_t begin, size_t end) {
    const layout_job *j = ctx;
    gk_gemm__panels_pack(j->t, j->panels, begin, end);
}

void gk_gemm__bf16_lay_out(gk_tensor t, uint16_t *panels) {
    layout_job j = {t, panels};
    gk_parallel_for(gk_gemm__panels(t.out), 4, lay_out, &j);
}

/* ---------------------------------------------------------------- products */

typedef struct rows_job {
    const float *x;
    int in, ldx;
    const uint32_t *row;
    bool native;
    uint32_t *to;
} rows_job;

static void round_rows(void *ctx, size_t begin, size_t end) {
    const rows_job *j = ctx;
    size_t width = gk_gemm__operand_row(j->in, j->native);
    for (size_t r = begin; r < end; r++)
        gk_gemm__operand(j->x + (j->row ? j->row[r] : r) * (size_t)j->ldx, j->in, j->native,
                         j->to + r * width);
}

typedef struct product_job {
    gk_tensor t;
    gk_gemm__panel_product p;
} product_job;

static void multiply(void *ctx, size_t begin, size_t end) {
    const product_job *j = ctx;
    gk_gemm__panels_multiply(&j->p, begin, end);
}

/* Panels that are needed once: a few of them at a time, as a matrix of their own. */
static void multiply_passing(void *ctx, size_t begin, size_t end) {
    const product_job *j = ctx;
    size_t bytes = gk_gemm__panels_bytes(PASSING * GK_GEMM__PANEL, j->t.in), in = (size_t)j->t.in;
    uint16_t *panels = gk_gemm__scratch(GK_GEMM__SCRATCH_RIGHT, bytes);
    for (size_t at = begin; at < end; at += PASSING) {
        size_t count = end - at < PASSING ? end - at : PASSING, first = at * GK_GEMM__PANEL;
        gk_tensor part = j->t;
        gk_gemm__panel_product p = j->p;
        int left = j->t.out - (int)first, rows = (int)count * GK_GEMM__PANEL;
        p.out = part.out = left < rows ? left : rows;
        if (part.w) part.w += first * in;
        if (part.h) part.h += first * in;
        p.w = panels;
        p.y += first;
        gk_gemm__panels_pack(part, panels, 0, count);
        gk_gemm__panels_multiply(&p, 0, count);
    }
}

/* Some rows of x, which stay rounded while all of W goes by. */
static void multiply_rows(const rows_job *x, product_job *j) {
    gk_parallel_for((size_t)j->p.m, FEWEST_ROWS, round_rows, (void *)(uintptr_t)x);
    for (int r = 0; r < j->p.m && j->t.b; r++)
        memcpy(j->p.y + (ptrdiff_t)r * j->p.ldy, j->t.b, (size_t)j->t.out * sizeof *j->p.y);
    size_t panels = gk_gemm__panels(j->t.out), threads = (size_t)gk_threads();
    if (2.0 * j->p.m * j->t.out * j->t.in < PIECE_FLOPS) threads = 1;
    gk_parallel_for(panels, (panels + threads - 1) / threads, j->p.w ? multiply : multiply_passing, j);
}

void gk_gemm__bf16_linear(gk_tensor t, const uint16_t *panels, int n, const float *x, int ldx,
                          const uint32_t *row, float *y, int ldy) {
    bool native = gk_gemm__panels_native();
    size_t width = gk_gemm__operand_row(t.in, native) * sizeof(uint32_t);
    int most = (int)(X_BYTES / width);
    if (most < FEWEST_ROWS) most = FEWEST_ROWS;
    uint32_t *rounded = gk_gemm__scratch(GK_GEMM__SCRATCH_LEFT, (size_t)(n < most ? n : most) * width);
    for (int first = 0; first < n; first += most) {
        rows_job rows = {
            row ? x : x + (ptrdiff_t)first * ldx, t.in, ldx, row ? row + first : NULL, native, rounded};
        product_job j = {.t = t,
                         .p = {.w = panels,
                               .x = rounded,
                               .m = n - first < most ? n - first : most,
                               .out = t.out,
                               .in = t.in,
                               .ldy = ldy,
                               .y = y + (ptrdiff_t)first * ldy,
                               .add = t.b != NULL,
                               .native = native}};
        multiply_rows(&rows, &j);
    }
}
