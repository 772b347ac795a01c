/* products.c: see products.h. A matrix that is kept is laid out by whoever multiplies with it first. */
#include "graftkit/model/products.h"
#include "graftkit/core/memory.h"
#include "graftkit/model/operators.h"
#include "model/gemm/bf16_linear.h"
#include "model/gemm/bf16_panels.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

typedef struct kept {
    const void *weights; /* NULL: the place is free */
    _Atomic(uint16_t *) panels;
} kept;

struct gk_products {
    gk_operands operands;
    size_t most, bytes;
    kept *table; /* by where the weights lie; a power of two of places */
    size_t places, n;
    pthread_mutex_t lock; /* of laying out */
};

gk_products *gk_products_new(gk_operands operands, size_t most_bytes) {
    gk_products *p = gk_alloc(sizeof *p);
    p->operands = operands;
    p->most = most_bytes;
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void gk_products_free(gk_products *p) {
    if (!p) return;
    for (size_t i = 0; i < p->places; i++) gk_free(p->table[i].panels);
    gk_free(p->table);
    pthread_mutex_destroy(&p->lock);
    gk_free(p);
}

gk_operands gk_products_operands(const gk_products *p) {
    return p->operands;
}

size_t gk_products_bytes(const gk_products *p) {
    return p->bytes;
}

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

bool gk_products_keep(gk_products *p, gk_tensor t) {
    size_t bytes = gk_gemm__panels_bytes(t.out, t.in);
    if (p->operands == GK_OPERANDS_F32) return false;
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

static const uint16_t *laid_out(gk_products *p, gk_tensor t) {
    kept *k = place_of(p, key_of(t));
    uint16_t *there = atomic_load(&k->panels);
    if (there) return there;
    pthread_mutex_lock(&p->lock);
    there = atomic_load(&k->panels);
    if (!there) {
        there = gk_alloc(gk_gemm__panels_bytes(t.out, t.in));
        gk_gemm__bf16_lay_out(t, there);
        atomic_store(&k->panels, there);
    }
    pthread_mutex_unlock(&p->lock);
    return there;
}

void gk_products_linear(gk_products *p, gk_tensor t, int n, const float *x, int ldx, const uint32_t *row,
                        float *y, int ldy) {
    if (n <= 0) return;
    if (p->operands == GK_OPERANDS_BF16)
        gk_gemm__bf16_linear(t, gk_products_keeps(p, t) ? laid_out(p, t) : NULL, n, x, ldx, row, y, ldy);
    else
        gk_op_linear(t, n, x, ldx, y, ldy);
}
