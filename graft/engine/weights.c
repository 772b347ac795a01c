/* weights.c: the weights of one slot, whether a checkpoint has them or they are made from two tensors: rows
 * of them, products with them, and whether two are the same. A matrix that exists nowhere is made a block of
 * rows at a time, in scratch that stays in cache (docs/design.md says why). */
#include "graft/engine/kernels.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/operators.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 1024, GRAIN = 16, BLOCK_FLOATS = 1 << 19, FEWEST_ROWS = 64 };

/* ---------------------------------------------------------------- equality */

bool gk_graft__floats_same(const float *a, const float *b, size_t n) {
    return a == b || (a && b && memcmp(a, b, n * sizeof *a) == 0);
}

/* By value: a finetuned F32 model shares what it left alone with the BF16 one that it came from. */
bool gk_graft__tensor_same(gk_tensor a, gk_tensor b) {
    enum { BLOCK = 4096 };
    size_t n = (size_t)a.out * (size_t)a.in;
    if (a.w && b.w) return gk_graft__floats_same(a.w, b.w, n);
    if (a.h && b.h && a.type == b.type) return a.h == b.h || memcmp(a.h, b.h, n * sizeof *a.h) == 0;
    float x[BLOCK], y[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t count = n - i < BLOCK ? n - i : BLOCK;
        gk_tensor_floats(a, i, count, x);
        gk_tensor_floats(b, i, count, y);
        if (memcmp(x, y, count * sizeof *x) != 0) return false;
    }
    return true;
}

static bool same_low_rank(gk_low_rank a, gk_low_rank b) {
    return a.a == b.a && a.b == b.b && a.rank == b.rank && a.ldb == b.ldb && a.scale >= b.scale &&
           a.scale <= b.scale;
}

bool gk_graft__weights_same(const gk_graft__weights *a, const gk_graft__weights *b) {
    if (a->kind != b->kind || !gk_graft__floats_same(a->from.b, b->from.b, (size_t)a->from.out)) return false;
    switch (a->kind) {
    case GK_GRAFT__PLAIN:
        break;
    case GK_GRAFT__LOW_RANK:
        if (!same_low_rank(a->low, b->low)) return false;
        break;
    case GK_GRAFT__BLEND:
        if (memcmp(&a->alpha, &b->alpha, sizeof a->alpha) != 0 || !gk_graft__tensor_same(a->to, b->to))
            return false;
        break;
    case GK_GRAFT__SELECT:
        if (a->least != b->least || a->last != b->last || !gk_graft__tensor_same(a->to, b->to)) return false;
        break;
    }
    return gk_graft__tensor_same(a->from, b->from);
}

/* ---------------------------------------------------------------- rows of weights */

uint32_t gk_graft__difference_bits(float a, float b) {
    float d = fabsf(b - a);
    uint32_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static void blend(const gk_graft__weights *w, size_t n, const float *restrict to, float *restrict x) {
    float alpha = w->alpha;
    for (size_t i = 0; i < n; i++) x[i] += alpha * (to[i] - x[i]);
}

static void choose(const gk_graft__weights *w, size_t at, size_t n, const float *restrict to,
                   float *restrict x) {
    for (size_t i = 0; i < n; i++) {
        uint32_t d = gk_graft__difference_bits(x[i], to[i]);
        if (d > w->least || (d == w->least && at + i <= w->last)) x[i] = to[i];
    }
}

static void add_low_rank(const gk_graft__weights *w, size_t row, float *restrict x) {
    size_t in = (size_t)w->from.in;
    const float *b = w->low.b + row * (size_t)w->low.ldb;
    for (int r = 0; r < w->low.rank; r++) {
        const float *restrict a = w->low.a + (size_t)r * in;
        float times = w->low.scale * b[r];
        for (size_t i = 0; i < in; i++) x[i] += times * a[i];
    }
}

static void make_row(const gk_graft__weights *w, size_t row, float *x) {
    float to[CHUNK];
    size_t in = (size_t)w->from.in, begin = row * in;
    gk_tensor_floats(w->from, begin, in, x);
    if (w->kind == GK_GRAFT__LOW_RANK) add_low_rank(w, row, x);
    if (w->kind != GK_GRAFT__BLEND && w->kind != GK_GRAFT__SELECT) return;
    for (size_t i = 0; i < in; i += CHUNK) {
        size_t n = in - i < CHUNK ? in - i : CHUNK;
        gk_tensor_floats(w->to, begin + i, n, to);
        if (w->kind == GK_GRAFT__BLEND)
            blend(w, n, to, x + i);
        else
            choose(w, begin + i, n, to, x + i);
    }
}

typedef struct rows_job {
    const gk_graft__weights *w;
    const int32_t *index; /* NULL: first, first + 1 … */
    size_t first;
    float *x, scale;
} rows_job;

static void make_rows(void *ctx, size_t begin, size_t end) {
    const rows_job *j = ctx;
    size_t in = (size_t)j->w->from.in;
    for (size_t i = begin; i < end; i++) {
        float *x = j->x + i * in;
        make_row(j->w, j->index ? (size_t)j->index[i] : j->first + i, x);
        for (size_t k = 0; k < in && j->scale != 1; k++) x[k] *= j->scale;
    }
}

static void add_rows(void *ctx, size_t begin, size_t end) {
    const rows_job *j = ctx;
    size_t in = (size_t)j->w->from.in;
    float *row = gk_alloc(in * sizeof *row);
    for (size_t i = begin; i < end; i++) {
        make_row(j->w, (size_t)j->index[i], row);
        for (size_t k = 0; k < in; k++) j->x[i * in + k] += row[k];
    }
    gk_free(row);
}

/* ---------------------------------------------------------------- operators */

void gk_graft__weights_embed(const gk_config *c, const gk_graft__weights *w, int n, const int32_t *token,
                             float *x) {
    rows_job j = {.w = w, .index = token, .x = x, .scale = c->embed_scale};
    if (w->kind == GK_GRAFT__PLAIN)
        gk_op_embed(c, w->from, n, token, x);
    else
        gk_parallel_for((size_t)n, GRAIN, make_rows, &j);
}

void gk_graft__weights_pos(const gk_graft__weights *w, int n, const int32_t *position, float *x) {
    rows_job j = {.w = w, .index = position, .x = x};
    if (w->kind == GK_GRAFT__PLAIN)
        gk_op_pos(w->from, n, position, x);
    else
        gk_parallel_for((size_t)n, GRAIN, add_rows, &j);
}

/* The product with a matrix that is made for it, some of its rows at a time. */
static void made_linear(gk_products *p, const gk_graft__weights *w, int n, const float *x, int ldx, float *y,
                        int ldy, gk_graft__room *block, size_t *tally) {
    int rows = BLOCK_FLOATS / w->from.in;
    if (rows < FEWEST_ROWS) rows = FEWEST_ROWS;
    if (rows > w->from.out) rows = w->from.out;
    float *made = gk_graft__room_for(block, (size_t)rows * (size_t)w->from.in * sizeof *made, 0, tally);
    for (int first = 0; first < w->from.out; first += rows) {
        int count = w->from.out - first < rows ? w->from.out - first : rows;
        rows_job j = {.w = w, .first = (size_t)first, .x = made, .scale = 1};
        gk_parallel_for((size_t)count, GRAIN, make_rows, &j);
        gk_tensor t = {.w = made, .b = w->from.b ? w->from.b + first : NULL, .out = count, .in = w->from.in};
        gk_products_linear(p, t, n, x, ldx, NULL, y + first, ldy);
    }
}

bool gk_graft__weights_share(const gk_graft__weights *a, const gk_graft__weights *b) {
    return a->kind <= GK_GRAFT__LOW_RANK && b->kind <= GK_GRAFT__LOW_RANK && a->from.w == b->from.w &&
           a->from.h == b->from.h && a->from.b == b->from.b;
}

static bool is_made(const gk_graft__weights *w) {
    return w->kind == GK_GRAFT__BLEND || w->kind == GK_GRAFT__SELECT;
}

bool gk_graft__weights_kept(const gk_products *p, const gk_graft__weights *w) {
    return !is_made(w) && gk_products_keeps(p, w->from);
}

void gk_graft__weights_linear(gk_products *p, const gk_graft__weights *w, int n, const float *x, int ldx,
                              const uint32_t *row, float *y, int ldy, gk_graft__room *block, size_t *tally) {
    if (is_made(w))
        made_linear(p, w, n, x, ldx, y, ldy, block, tally);
    else
        gk_products_linear(p, w->from, n, x, ldx, row, y, ldy);
}

void gk_graft__weights_add_low(const gk_graft__weights *w, int n, const float *x, int ldx, float *y, int ldy,
                               gk_graft__room *low, size_t *tally) {
    if (w->kind != GK_GRAFT__LOW_RANK || n == 0) return;
    float *scratch = gk_graft__room_for(low, (size_t)n * (size_t)w->low.rank * sizeof *scratch, 0, tally);
    gk_op_low_rank(w->low, n, x, ldx, scratch, y, ldy);
}

double gk_graft__weights_flops(const gk_graft__weights *w) {
    double in = w->from.in, out = w->from.out;
    return 2 * in * out + (w->kind == GK_GRAFT__LOW_RANK ? 2 * (in + out) * w->low.rank : 0);
}
