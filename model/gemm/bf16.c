/* bf16.c: products of bf16 operands with fp32 sums: by oneDNN where it was built in and the processor's
 * instructions for them are the faster way, else in fp32 on the same rounded numbers (the same up to the
 * order of sums). */
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"
#include "model/formats/half.h"
#include "model/gemm/gemm.h"
#include "model/gemm/onednn.h"
#include "model/gemm/scratch.h"

#define LEAST_SIDE 64 /* columns or rows of a piece */

/* ---------------------------------------------------------------- in fp32 */

enum {
    WIDE_FLOATS = 1 << 20
}; /* of the larger operand at a time: stays in cache, and a head's whole would not fit memory */

/* Rows of an operand as floats, from element `from` on, *wide_ld apart. */
static const float *widen(gk_gemm__scratch_use use, gk_gemm__bf16_operand x, ptrdiff_t from, int rows,
                          int width, int ld, int *wide_ld) {
    *wide_ld = x.f ? ld : width;
    if (x.f) return x.f + from;
    float *wide = gk_gemm__scratch(use, (size_t)rows * (size_t)width * sizeof *wide);
    for (size_t r = 0; r < (size_t)rows; r++)
        gk_half__bf16_to_f32(x.h + from + r * (size_t)ld, wide + r * (size_t)width, (size_t)width);
    return wide;
}

static int block_of(int side, int other) {
    int n = WIDE_FLOATS / other;
    n = n < LEAST_SIDE ? LEAST_SIDE : n;
    return n < side ? n : side;
}

/* B's rows, which are C's columns, a block at a time. */
static void widened_nt(const gk_gemm__bf16_product *p) {
    gk_gemm__product f = {.kind = GK_GEMM_NT, .m = p->m, .k = p->k, .ldc = p->ldc, .beta = p->add ? 1 : 0};
    f.a = widen(GK_GEMM__SCRATCH_WIDE_A, p->a, 0, p->m, p->k, p->lda, &f.lda);
    for (int at = 0, n = p->b.f ? p->n : block_of(p->n, p->k); at < p->n; at += n) {
        f.n = n = p->n - at < n ? p->n - at : n;
        f.b = widen(GK_GEMM__SCRATCH_WIDE_B, p->b, (ptrdiff_t)at * p->ldb, n, p->k, p->ldb, &f.ldb);
        f.c = p->c + at;
        gk_gemm__run(&f, GK_GEMM__BY_CHOICE);
    }
}

/* The terms of the sums a block at a time. */
static void widened_nn(const gk_gemm__bf16_product *p) {
    bool whole = p->a.f && p->b.f;
    gk_gemm__product f = {.kind = GK_GEMM_NN, .m = p->m, .n = p->n, .ldc = p->ldc, .c = p->c};
    for (int at = 0, k = whole ? p->k : block_of(p->k, p->a.f || p->n > p->m ? p->n : p->m); at < p->k;
         at += k) {
        f.k = k = p->k - at < k ? p->k - at : k;
        f.a = widen(GK_GEMM__SCRATCH_WIDE_A, p->a, at, p->m, k, p->lda, &f.lda);
        f.b = widen(GK_GEMM__SCRATCH_WIDE_B, p->b, (ptrdiff_t)at * p->ldb, k, p->n, p->ldb, &f.ldb);
        f.beta = p->add || at > 0 ? 1.0f : 0.0f;
        gk_gemm__run(&f, GK_GEMM__BY_CHOICE);
    }
}

/* A's columns, which are C's rows, a block at a time. */
static void widened_tn(const gk_gemm__bf16_product *p) {
    gk_gemm__product f = {.kind = GK_GEMM_TN, .n = p->n, .k = p->k, .ldc = p->ldc, .beta = p->add ? 1 : 0};
    f.b = widen(GK_GEMM__SCRATCH_WIDE_B, p->b, 0, p->k, p->n, p->ldb, &f.ldb);
    for (int at = 0, m = p->a.f ? p->m : block_of(p->m, p->k); at < p->m; at += m) {
        f.m = m = p->m - at < m ? p->m - at : m;
        f.a = widen(GK_GEMM__SCRATCH_WIDE_A, p->a, at, p->k, m, p->lda, &f.lda);
        f.c = p->c + (ptrdiff_t)at * p->ldc;
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

static void run(const gk_gemm__bf16_product *p) {
    bool narrow = p->a.h && p->b.h && gk_bf16_faster();
    if (!narrow || !gk_onednn__bf16(p)) run_widened(p);
}

/* ---------------------------------------------------------------- over the threads */

typedef struct split_product {
    gk_gemm__bf16_product whole;
    bool rows;
} split_product;

static gk_gemm__bf16_operand shifted(gk_gemm__bf16_operand x, ptrdiff_t by) {
    return (gk_gemm__bf16_operand){x.h ? x.h + by : NULL, x.f ? x.f + by : NULL};
}

static void piece(void *ctx, size_t begin, size_t end) {
    const split_product *s = ctx;
    gk_gemm__bf16_product p = s->whole;
    ptrdiff_t from = (ptrdiff_t)begin;
    if (s->rows) {
        p.a = shifted(p.a, p.kind == GK_GEMM_TN ? from : from * p.lda);
        p.c += from * p.ldc;
        p.m = (int)(end - begin);
    } else {
        p.b = shifted(p.b, p.kind == GK_GEMM_NT ? from * p.ldb : from);
        p.c += from;
        p.n = (int)(end - begin);
    }
    run(&p);
}

/* Along the longer side of C; where one operand is to be widened, along that one's, so that each thread
 * widens its own part. */
void gk_gemm__bf16(gk_gemm_kind kind, int m, int n, int k, gk_gemm__bf16_operand a, int lda,
                   gk_gemm__bf16_operand b, int ldb, bool add, float *c, int ldc) {
    if (m <= 0 || n <= 0) return;
    gk_gemm_init();
    split_product s = {.whole = {kind, m, n, k, lda, ldb, ldc, a, b, c, add}, .rows = m >= n};
    if (!a.h != !b.h) s.rows = !b.h;
    int side = s.rows ? m : n, threads = gk_threads(), grain = (side + threads - 1) / threads;
    grain = (grain + 31) / 32 * 32;
    gk_parallel_for((size_t)side, (size_t)(grain < LEAST_SIDE ? LEAST_SIDE : grain), piece, &s);
}

/* ---------------------------------------------------------------- operands */

enum { ROUNDED = 512 }; /* floats at a time, which stay in the nearest cache */

typedef struct narrow_job {
    const float *x;
    uint16_t *narrow; /* one of the two is set */
    float *rounded;
    size_t width, ld;
} narrow_job;

static void round_row(const float *x, float *out, size_t n) {
    uint16_t half[ROUNDED];
    for (size_t done = 0; done < n; done += ROUNDED) {
        size_t count = n - done < ROUNDED ? n - done : ROUNDED;
        gk_half__f32_to_bf16(x + done, half, count);
        gk_half__bf16_to_f32(half, out + done, count);
    }
}

static void narrow_rows(void *ctx, size_t begin, size_t end) {
    const narrow_job *j = ctx;
    for (size_t r = begin; r < end; r++)
        if (j->narrow)
            gk_half__f32_to_bf16(j->x + r * j->ld, j->narrow + r * j->width, j->width);
        else
            round_row(j->x + r * j->ld, j->rounded + r * j->width, j->width);
}

size_t gk_gemm__bf16_operand_bytes(void) {
    return gk_bf16_faster() ? sizeof(uint16_t) : sizeof(float);
}

gk_gemm__bf16_operand gk_gemm__narrow(gk_gemm__scratch_use use, const float *x, int rows, int width, int ld) {
    narrow_job j = {.x = x, .width = (size_t)width, .ld = (size_t)ld};
    void *to = gk_gemm__scratch(use, (size_t)rows * (size_t)width * gk_gemm__bf16_operand_bytes());
    if (gk_bf16_faster())
        j.narrow = to;
    else
        j.rounded = to;
    gk_parallel_for((size_t)rows, 1 + 65536 / (size_t)width, narrow_rows, &j);
    return (gk_gemm__bf16_operand){j.narrow, j.rounded};
}
