/* panels.c: see panels.h. Some rows of x are turned into a tile, which stays in the first cache, and a step
 * of k is one broadcast a row of it; a block of panels stays in the second. */
#include "model/gemm/scratch.h"
#include "model/operators/kernels.h"

#include <string.h>
#include <unistd.h>

/* Two vectors a row, two of a panel and the broadcast have to fit the registers: 32, or 16. */
#if defined(__AVX512F__)
#define TALL 14
#define IN_REGISTER(v) __asm__("" : "+v"(v))
#elif defined(__AVX__)
#define TALL 6
#define IN_REGISTER(v) __asm__("" : "+x"(v))
#else
#define TALL 4
#define IN_REGISTER(v) (void)(v)
#endif
enum { WIDE = 2 * GK_OP__LANES, DEEP = 384, AHEAD = 32 };

typedef float lanes __attribute__((vector_size(GK_OP__LANES * sizeof(float))));

size_t gk_op__panel_width(void) {
    return WIDE;
}

static int up_to_lanes(int n) {
    return (n + GK_OP__LANES - 1) / GK_OP__LANES * GK_OP__LANES;
}

/* ---------------------------------------------------------------- layout */

/* Rows first .. of W to a vector's width of a panel; those that are not there are zero. */
static void lay_out_rows(gk_tensor w, int first, float *to) {
    float block[GK_OP__LANES * DEEP] __attribute__((aligned(64)));
    int rows = w.out - first < GK_OP__LANES ? w.out - first : GK_OP__LANES;
    for (int t = 0; t < w.in; t += DEEP) {
        int k = w.in - t < DEEP ? w.in - t : DEEP;
        for (int r = 0; r < rows; r++)
            gk_tensor_floats(w, (size_t)(first + r) * (size_t)w.in + (size_t)t, (size_t)k, block + r * DEEP);
        for (int u = 0; u < k; u += GK_OP__LANES)
            gk_op__transpose(rows < 0 ? 0 : rows, k - u < GK_OP__LANES ? k - u : GK_OP__LANES, block + u,
                             DEEP, to + (ptrdiff_t)(t + u) * WIDE, WIDE);
    }
}

void gk_op__panels_lay_out(gk_tensor w, size_t first, size_t count, float *panels) {
    for (size_t p = first; p < first + count; p++)
        for (int half = 0; half < 2; half++)
            lay_out_rows(w, (int)p * WIDE + half * GK_OP__LANES,
                         panels + p * (size_t)WIDE * (size_t)w.in + half * GK_OP__LANES);
}

/* ---------------------------------------------------------------- tiles */

typedef struct tile {
    const float *x, *panel; /* [k x LANES], [k x WIDE] */
    float *y;
    ptrdiff_t ldy;
    int k;
    bool add;
} tile;

/* `rows` is a constant wherever this is inlined, so that sum lives in registers. The next panel follows this
 * one. */
static inline __attribute__((always_inline)) void multiply(const tile *o, int rows) {
    lanes sum[TALL][2];
    const float *x = o->x, *w = o->panel;
    float *y = o->y;
    ptrdiff_t ldy = o->ldy;
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++) {
        sum[r][0] = sum[r][1] = (lanes){0};
        __builtin_prefetch(y + r * ldy, 1);
        __builtin_prefetch(y + r * ldy + WIDE - 1, 1);
    }
    for (int t = 0; t < o->k; t++, x += GK_OP__LANES, w += WIDE) {
        lanes left = *(const lanes *)w, right = *(const lanes *)(w + GK_OP__LANES);
        IN_REGISTER(left);
        IN_REGISTER(right);
        __builtin_prefetch(w + AHEAD * WIDE);
        __builtin_prefetch(w + AHEAD * WIDE + GK_OP__LANES);
#pragma GCC unroll 14
        for (int r = 0; r < rows; r++) {
            lanes one = x[r] - (lanes){0};
            IN_REGISTER(one);
            sum[r][0] += one * left;
            sum[r][1] += one * right;
        }
    }
    if (o->add) {
#pragma GCC unroll 14
        for (int r = 0; r < rows; r++) {
            lanes before[2];
            memcpy(before, y + r * ldy, sizeof before);
            sum[r][0] += before[0];
            sum[r][1] += before[1];
        }
    }
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++) memcpy(y + r * ldy, sum[r], sizeof sum[r]);
}

#define TILE(rows)                           \
    static void tile_##rows(const tile *o) { \
        multiply(o, rows);                   \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
#if TALL >= 6
TILE(5)
TILE(6)
#endif
#if TALL >= 14
TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)
TILE(13)
TILE(14)
#endif
static void (*const TILES[TALL])(const tile *) = {
    tile_1, tile_2, tile_3, tile_4,
#if TALL >= 6
    tile_5, tile_6,
#endif
#if TALL >= 14
    tile_7, tile_8, tile_9, tile_10, tile_11, tile_12, tile_13, tile_14,
#endif
};

/* The last panel may be wider than what is left of y. */
static void multiply_part(tile o, int rows, int columns) {
    float y[TALL * WIDE] __attribute__((aligned(64)));
    float *to = o.y;
    ptrdiff_t ldy = o.ldy;
    for (int r = 0; o.add && r < rows; r++) memcpy(y + r * WIDE, to + r * ldy, (size_t)columns * sizeof *y);
    o.y = y;
    o.ldy = WIDE;
    TILES[rows - 1](&o);
    for (int r = 0; r < rows; r++) memcpy(to + r * ldy, y + r * WIDE, (size_t)columns * sizeof *y);
}

/* ---------------------------------------------------------------- a product */

/* Rows first .. of x from column t on, as a tile. */
static void turn(const gk_op__panel_product *p, int first, int rows, int t, int k, float *out) {
    float block[TALL * DEEP] __attribute__((aligned(64)));
    for (int r = 0; r < rows; r++) {
        size_t row = p->row ? p->row[first + r] : (size_t)(first + r);
        memcpy(block + r * DEEP, p->x + row * (size_t)p->ldx + t, (size_t)k * sizeof *block);
    }
    for (int u = 0; u < k; u += GK_OP__LANES)
        gk_op__transpose(rows, k - u < GK_OP__LANES ? k - u : GK_OP__LANES, block + u, DEEP,
                         out + (ptrdiff_t)u * GK_OP__LANES, GK_OP__LANES);
}

/* Panels that half of the second cache holds, as wide as they are deep; only speed depends on it. */
static int panels_a_block(int deep) {
    enum { LEAST = 256 << 10, MOST = 1 << 20 };
    long cache = sysconf(_SC_LEVEL2_CACHE_SIZE) / 2;
    size_t bytes = cache < LEAST ? LEAST : cache > MOST ? MOST : (size_t)cache;
    int panels = (int)(bytes / ((size_t)deep * WIDE * sizeof(float)));
    return panels > 0 ? panels : 1;
}

/* Rows of x that are turned at a time, for all columns. */
enum { TILES_A_BLOCK = 40 };

/* What is left to do with a block of rows that were turned: rows `first` on, inputs from t on. */
typedef struct turned {
    const gk_op__panel_product *p;
    int first, rows, tall, t, k;
    float *x; /* tiles of [k x LANES] */
} turned;

static void turn_all(const turned *b) {
    float *x = b->x;
    for (int r = 0; r < b->rows; r += b->tall, x += (ptrdiff_t)b->k * GK_OP__LANES)
        turn(b->p, b->first + r, b->rows - r < b->tall ? b->rows - r : b->tall, b->t, b->k, x);
}

static void multiply_columns(const turned *b, int first, int columns) {
    const gk_op__panel_product *p = b->p;
    const float *x = b->x;
    for (int r = 0; r < b->rows; r += b->tall, x += (ptrdiff_t)b->k * GK_OP__LANES) {
        int rows = b->rows - r < b->tall ? b->rows - r : b->tall;
        for (int j = first; j < first + columns; j += WIDE) {
            tile o = {.x = x,
                      .panel = p->panels + (ptrdiff_t)j * p->k + (ptrdiff_t)b->t * WIDE,
                      .y = p->y + (ptrdiff_t)(b->first + r) * p->ldy + j,
                      .ldy = p->ldy,
                      .k = b->k,
                      .add = p->add || b->t > 0};
            if (p->n - j < WIDE)
                multiply_part(o, rows, p->n - j);
            else
                TILES[rows - 1](&o);
        }
    }
}

void gk_op__panels_multiply(const gk_op__panel_product *p) {
    int tiles = (p->m + TALL - 1) / TALL, parts = (p->k + DEEP - 1) / DEEP;
    if (tiles == 0 || parts == 0) return;
    int tall = (p->m + tiles - 1) / tiles, deep = up_to_lanes((p->k + parts - 1) / parts);
    int columns = panels_a_block(deep) * WIDE, most = TILES_A_BLOCK * tall;
    turned b = {.p = p, .tall = tall};
    b.x =
        gk_gemm__scratch(GK_GEMM__SCRATCH_TILES, sizeof(float) * GK_OP__LANES * DEEP *
                                                     (size_t)(tiles < TILES_A_BLOCK ? tiles : TILES_A_BLOCK));
    for (b.t = 0; b.t < p->k; b.t += deep)
        for (b.first = 0; b.first < p->m; b.first += most) {
            b.k = p->k - b.t < deep ? p->k - b.t : deep;
            b.rows = p->m - b.first < most ? p->m - b.first : most;
            turn_all(&b);
            for (int j = 0; j < p->n; j += columns)
                multiply_columns(&b, j, p->n - j < columns ? p->n - j : columns);
        }
}
