/* products.c: see products.h. A matrix that is kept is laid out in panels by whoever multiplies with it
 * first.
 */
#include "graftkit/model/products.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"
#include "model/gemm/bf16_linear.h"
#include "model/gemm/bf16_panels.h"
#include "model/operators/panels.h"

#include <assert.h>
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

typedef struct kept {
    const void *weights;    /* NULL: the place is free */
    _Atomic(void *) panels; /* floats, or bf16 as bf16_panels.h has them */
} kept;

struct gk_products {
    gk_operands operands;
    size_t most, bytes;
    kept *table; /* by where the weights lie; a power of two of places */
    size_t places, n;
    gk_arena *memory; /* of what is laid out: blocks of huge pages, which single matrices are too small for */
    pthread_mutex_t lock; /* of laying out */
};

gk_products *gk_products_new(gk_operands operands, size_t most_bytes) {
    gk_products *p = gk_alloc(sizeof *p);
    p->operands = operands;
    p->most = most_bytes;
    p->memory = gk_arena_new();
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void gk_products_free(gk_products *p) {
    if (!p) return;
    gk_arena_free(p->memory);
    gk_free(p->table);
    pthread_mutex_destroy(&p->lock);
    gk_free(p);
}

size_t gk_products_bytes(const gk_products *p) {
    return p->bytes;
}

/* ---------------------------------------------------------------- what is kept */

static const void *key_of(gk_tensor t) {
    return t.w ? (const void *)t.w : (const void *)t.h;
}

/* The place of these weights, or the free one where they would be. */
static kept *place_of(const gk_products *p, const void *weights) {
    uint64_t hash = (uint64_t)(uintptr_t)weights / 64 * 0x9e3779b97f4a7c15u;
    for (size_t i = hash >> 32;; i++) {
        kept *k = &p->table[i & (p->places - 1)];
        if (!k->weights || k->weights == weights) return k;
    }
}

static void make_places(gk_products *p) {
    if (2 * p->n < p->places) return;
    gk_products old = *p;
    p->places = p->places ? 2 * p->places : 64;
    p->table = gk_alloc(p->places * sizeof *p->table);
    for (size_t i = 0; i < old.places; i++)
        if (old.table[i].weights) {
            kept *to = place_of(p, old.table[i].weights);
            to->weights = old.table[i].weights;
            to->panels = atomic_load(&old.table[i].panels);
        }
    gk_free(old.table);
}

static size_t panels_of(gk_tensor t) {
    return ((size_t)t.out + gk_op__panel_width() - 1) / gk_op__panel_width();
}

static size_t bytes_of(const gk_products *p, gk_tensor t) {
    if (p->operands == GK_OPERANDS_BF16) return gk_gemm__panels_bytes(t.out, t.in);
    return panels_of(t) * gk_op__panel_width() * (size_t)t.in * sizeof(float);
}

bool gk_products_keep(gk_products *p, gk_tensor t) {
    size_t bytes = bytes_of(p, t);
    make_places(p);
    kept *k = place_of(p, key_of(t));
    if (k->weights) return true;
    if (bytes > p->most - p->bytes) return false;
    k->weights = key_of(t);
    p->bytes += bytes;
    p->n++;
    return true;
}

bool gk_products_keeps(const gk_products *p, gk_tensor t) {
    return p->n > 0 && place_of(p, key_of(t))->weights;
}

typedef struct layout_job {
    gk_tensor t;
    float *panels;
} layout_job;

static void lay_out(void *ctx, size_t begin, size_t end) {
    const layout_job *j = ctx;
    gk_op__panels_lay_out(j->t, begin, end - begin, j->panels);
}

static void *make_panels(const gk_products *p, gk_tensor t) {
    void *panels = gk_arena_alloc(p->memory, bytes_of(p, t));
    layout_job j = {t, panels};
    if (p->operands == GK_OPERANDS_BF16)
        gk_gemm__bf16_lay_out(t, panels);
    else
        gk_parallel_for(panels_of(t), 4, lay_out, &j);
    return panels;
}

/* NULL: it is not kept. */
static const void *laid_out(gk_products *p, gk_tensor t) {
    if (!gk_products_keeps(p, t)) return NULL;
    kept *k = place_of(p, key_of(t));
    void *there = atomic_load(&k->panels);
    if (there) return there;
    pthread_mutex_lock(&p->lock);
    there = atomic_load(&k->panels);
    if (!there) {
        there = make_panels(p, t);
        atomic_store(&k->panels, there);
    }
    pthread_mutex_unlock(&p->lock);
    return there;
}

/* ---------------------------------------------------------------- products */

static void multiply(void *ctx, size_t begin, size_t end) {
    gk_op__panel_product p = *(const gk_op__panel_product *)ctx;
    size_t wide = gk_op__panel_width(), first = begin * wide, last = end * wide;
    p.panels += first * (size_t)p.k;
    p.y += first;
    p.n = (int)((last < (size_t)p.n ? last : (size_t)p.n) - first);
    gk_op__panels_multiply(&p);
}

static void set_bias(gk_tensor t, int n, float *y, int ldy) {
    for (int i = 0; t.b && i < n; i++) memcpy(y + (ptrdiff_t)i * ldy, t.b, (size_t)t.out * sizeof *y);
}

static void by_panels(gk_tensor t, const float *panels, int n, const float *x, int ldx, const uint32_t *row,
                      float *y, int ldy) {
    static const double PIECE_FLOPS = 6e6;
    gk_op__panel_product all = {n, t.out, t.in, ldx, ldy, x, panels, row, y, t.b};
    size_t count = panels_of(t), threads = omp_in_parallel() ? 1 : (size_t)gk_threads();
    if (2.0 * n * t.out * t.in < PIECE_FLOPS) threads = 1;
    set_bias(t, n, y, ldy);
    gk_parallel_for(count, (count + threads - 1) / threads, multiply, &all);
}

void gk_products_linear(gk_products *p, gk_tensor t, int n, const float *x, int ldx, const uint32_t *row,
                        float *y, int ldy) {
    if (n <= 0) return;
    const void *panels = laid_out(p, t);
    if (p->operands == GK_OPERANDS_BF16) {
        gk_gemm__bf16_linear(t, panels, n, x, ldx, row, y, ldy);
    } else if (panels) {
        by_panels(t, panels, n, x, ldx, row, y, ldy);
    } else {
        assert(!row);
        gk_op_linear(t, n, x, ldx, y, ldy);
    }
}
