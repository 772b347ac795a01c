/* gemm.c: matrix products through oneDNN or BLIS, one single-threaded library call a piece, the pieces split
 * over our own threads. The libraries' own threading is not used: BLIS's waits in a bare spin, which costs
 * most of the machine as soon as another process takes a core. */
#include "graftkit/core/isa.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"
#include "model/gemm/gemm.h"
#include "model/gemm/onednn.h"

#include <blis.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_FLOPS 6e6            /* a piece below this is not worth handing to another thread */
#define FEW_ROWS_BYTES (128 << 10) /* of weights: a product of few rows is bound by reading them */

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Debian's BLIS (0.9.0, 1.1) knows no CPU newer than itself: on some it falls back to `generic`, on some
 * AVX-512 ones to its AVX2 kernels; its own detection is not exported. Unless the user chose, choose by the
 * instruction set: AVX-512 takes the skx kernels, AVX2 the haswell ones where BLIS may not know the maker or
 * is kept from more, and a forced baseline the generic ones; the rest BLIS knows. The enumerators are those
 * of the header built against. */
static void choose_blis(void) {
#if defined(__x86_64__)
    gk_isa isa = gk_isa_used();
    __builtin_cpu_init();
    bool known_maker = __builtin_cpu_is("intel") || __builtin_cpu_is("amd");
    int want = -1;
    if (isa == GK_AVX512) want = (int)BLIS_ARCH_SKX;
    if (isa == GK_AVX2 && (gk_isa_forced() || !known_maker)) want = (int)BLIS_ARCH_HASWELL;
    if (isa == GK_BASELINE && gk_isa_forced()) want = (int)BLIS_ARCH_GENERIC;
    if (want >= 0) {
        char id[16];
        snprintf(id, sizeof id, "%d", want);
        setenv("BLIS_ARCH_TYPE", id, 0); /* 0: what the user set stays */
    }
#endif
    bli_init();
    bli_thread_set_num_threads(1);
}

void gk_gemm_init(void) {
    pthread_once(&once, choose_blis);
}

static void by_blis(const gk_gemm__product *p) {
    float one = 1.0f, beta = p->beta;
    trans_t ta = p->kind == GK_GEMM_TN ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE;
    trans_t tb = p->kind == GK_GEMM_NT ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE;
    /* BLIS's object-free interface takes non-const pointers and does not write through these. */
    union {
        const float *in;
        float *out;
    } a = {p->a}, b = {p->b};
    bli_sgemm(ta, tb, p->m, p->n, p->k, &one, a.out, p->lda, 1, b.out, p->ldb, 1, &beta, p->c, p->ldc, 1);
}

void gk_gemm__run(const gk_gemm__product *p, gk_gemm__library library) {
    if (p->m <= 0 || p->n <= 0) return;
    if (library == GK_GEMM__BY_CHOICE && p->kind == GK_GEMM_NT && p->m <= GK_GEMM__FEW_ROWS) {
        gk_gemm__few_rows(p);
        return;
    }
    if (library != GK_GEMM__BY_BLIS && gk_onednn__sgemm(p)) return;
    by_blis(p);
}

typedef struct split_product {
    gk_gemm__product whole;
    gk_gemm__library library;
    bool rows; /* pieces of C's rows, else of its columns */
} split_product;

static void piece(void *ctx, size_t begin, size_t end) {
    const split_product *s = ctx;
    gk_gemm__product p = s->whole;
    ptrdiff_t from = (ptrdiff_t)begin;
    int count = (int)(end - begin);
    if (s->rows) {
        p.a += p.kind == GK_GEMM_TN ? from : from * p.lda;
        p.c += from * p.ldc;
        p.m = count;
    } else {
        p.b += p.kind == GK_GEMM_NT ? from * p.ldb : from;
        p.c += from;
        p.n = count;
    }
    gk_gemm__run(&p, s->library);
}

/* Pieces along the longer side of C, so that each repeats as little of the packing as can be. Their bounds
 * depend on the shape and the number of threads only: the same inputs give the same bits. */
void gk_gemm__split(const gk_gemm__product *p, gk_gemm__library library) {
    gk_gemm_init();
    int threads = gk_threads(), side = p->m >= p->n ? p->m : p->n;
    double flops = 2.0 * p->m * p->n * p->k;
    int pieces = (int)(flops / PIECE_FLOPS);
    if (p->kind == GK_GEMM_NT && p->m <= GK_GEMM__FEW_ROWS)
        pieces = (int)((size_t)p->n * (size_t)p->k * sizeof(float) / FEW_ROWS_BYTES);
    if (pieces > 1) pieces = threads; /* more of them pack the same operand more often */
    if (threads == 1 || pieces <= 1 || side < 2) {
        gk_gemm__run(p, library);
        return;
    }
    int grain = (side + pieces - 1) / pieces;
    grain = (grain + 15) / 16 * 16; /* whole vectors in every piece but the last */
    split_product s = {.whole = *p, .library = library, .rows = p->m >= p->n};
    gk_parallel_for((size_t)side, (size_t)grain, piece, &s);
}

void gk_gemm__f32(gk_gemm_kind kind, int m, int n, int k, const float *a, int lda, const float *b, int ldb,
                  float beta, float *c, int ldc) {
    gk_gemm__product p = {kind, m, n, k, lda, ldb, ldc, a, b, c, beta};
    gk_gemm__split(&p, GK_GEMM__BY_CHOICE);
}
