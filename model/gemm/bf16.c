/* bf16.c: products of bf16 operands with fp32 sums, by oneDNN where it was built in and the processor
 * has the instructions, else in fp32 on the same rounded operands (slower, and the same up to the order of
 * sums). */
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"
#include "model/formats/half.h"
#include "model/gemm/gemm.h"
#include "model/gemm/onednn.h"
#include "model/gemm/scratch.h"

#define LEAST_SIDE 64 /* columns or rows of a piece */

/* ---------------------------------------------------------------- without the instructions */

enum {
    WIDE_FLOATS = 1 << 20
}; /* of the larger operand at a time: stays in cache, and a head's whole would not fit memory */

static float *widen(gk_gemm__scratch_use use, const uint16_t *x, int rows, int width, int ld) {
    float *wide = gk_gemm__scratch(use, (size_t)rows * (size_t)width * sizeof *wide);
    for (size_t r = 0; r < (size_t)rows; r++)
        gk_half__bf16_to_f32(x + r * (size_t)ld, wide + r * (size_t)width, (size_t)width);
    return wide;
}

static int block_of(int side, int other) {
    int n = WIDE_FLOATS / other;
    n = n < LEAST_SIDE ? LEAST_SIDE : n;
    return n < side ? n : side;
}

/* B's rows, which are C's columns, a block at a time. */
static void widened_nt(const gk_gemm__bf16_product *p) {
    float *a = widen(GK_GEMM__SCRATCH_WIDE_A, p->a, p->m, p->k, p->lda);
    for (int at = 0, n = block_of(p->n, p->k); at < p->n; at += n) {
        n = p->n - at < n ? p->n - at : n;
        float *b = widen(GK_GEMM__SCRATCH_WIDE_B, p->b + (ptrdiff_t)at * p->ldb, n, p->k, p->ldb);
        gk_gemm__product f = {GK_GEMM_NT,          p->m, n, p->k, p->k, p->k, p->ldc, a, b, p->c + at,
                              p->add ? 1.0f : 0.0f};
        gk_gemm__run(&f, GK_GEMM__BY_CHOICE);
    }
}

/* The terms of the sums a block at a time. */
static void widened_nn(const gk_gemm__bf16_product *p) {
    for (int at = 0, k = block_of(p->k, p->n > p->m ? p->n : p->m); at < p->k; at += k) {
        k = p->k - at < k ? p->k - at : k;
        float *a = widen(GK_GEMM__SCRATCH_WIDE_A, p->a + at, p->m, k, p->lda);
        float *b = widen(GK_GEMM__SCRATCH_WIDE_B, p->b + (ptrdiff_t)at * p->ldb, k, p->n, p->ldb);
        float beta = p->add || at > 0 ? 1.0f : 0.0f;
        gk_gemm__product f = {GK_GEMM_NN, p->m, p->n, k, k, p->n, p->ldc, a, b, p->c, beta};
        gk_gemm__run(&f, GK_GEMM__BY_CHOICE);
    }
}

/* A's columns, which are C's rows, a block at a time. */
static void widened_tn(const gk_gemm__bf16_product *p) {
    float *b = widen(GK_GEMM__SCRATCH_WIDE_B, p->b, p->k, p->n, p->ldb);
    for (int at = 0, m = block_of(p->m, p->k); at < p->m; at += m) {
        m = p->m - at < m ? p->m - at : m;
        float *a = widen(GK_GEMM__SCRATCH_WIDE_A, p->a + at, p->k, m, p->lda);
        float *c = p->c + (ptrdiff_t)at * p->ldc;
        gk_gemm__product f = {GK_GEMM_TN, m, p->n, p->k, m, p->n, p->ldc, a, b, c, p->add ? 1.0f : 0.0f};
        gk_gemm__run(&f, GK_GEMM__BY_CHOICE);
    }
}

static void run_widened(const gk_gemm__bf16_product *p) {
    if (p->kind == GK_GEMM_NT)
        widened_nt(p);
    else if (p->kind == GK_GEMM_NN)
        widened_nn(p);
    else
        widened_tn(p);
}

bool gk_bf16_fast(void) {
    return gk_onednn__has_bf16();
}

static void run(const gk_gemm__bf16_product *p) {
    if (!gk_onednn__bf16(p)) run_widened(p);
}

/* ---------------------------------------------------------------- over the threads */

typedef struct split_product {
    gk_gemm__bf16_product whole;
    bool rows;
} split_product;

static void piece(void *ctx, size_t begin, size_t end) {
    const split_product *s = ctx;
    gk_gemm__bf16_product p = s->whole;
    ptrdiff_t from = (ptrdiff_t)begin;
    if (s->rows) {
        p.a += p.kind == GK_GEMM_TN ? from : from * p.lda;
        p.c += from * p.ldc;
        p.m = (int)(end - begin);
    } else {
        p.b += p.kind == GK_GEMM_NT ? from * p.ldb : from;
        p.c += from;
        p.n = (int)(end - begin);
    }
    run(&p);
}

void gk_gemm__bf16(gk_gemm_kind kind, int m, int n, int k, const uint16_t *a, int lda, const uint16_t *b,
                   int ldb, bool add, float *c, int ldc) {
    if (m <= 0 || n <= 0) return;
    gk_gemm_init();
    split_product s = {.whole = {kind, m, n, k, lda, ldb, ldc, a, b, c, add}, .rows = m >= n};
    int side = s.rows ? m : n, threads = gk_threads(), grain = (side + threads - 1) / threads;
    grain = (grain + 31) / 32 * 32;
    gk_parallel_for((size_t)side, (size_t)(grain < LEAST_SIDE ? LEAST_SIDE : grain), piece, &s);
}

/* ---------------------------------------------------------------- operands */

typedef struct narrow_job {
    const float *x;
    uint16_t *out;
    size_t width, ld;
} narrow_job;

static void narrow_rows(void *ctx, size_t begin, size_t end) {
    const narrow_job *j = ctx;
    for (size_t r = begin; r < end; r++)
        gk_half__f32_to_bf16(j->x + r * j->ld, j->out + r * j->width, j->width);
}

void gk_gemm__narrow(const float *x, int rows, int width, int ld, uint16_t *out) {
    narrow_job j = {x, out, (size_t)width, (size_t)ld};
    gk_parallel_for((size_t)rows, 1 + 65536 / (size_t)width, narrow_rows, &j);
}
