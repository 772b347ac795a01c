/* bf16_panels.c: see bf16_panels.h. A tile is some rows of x by a strip of columns whose sums stay in
 * registers; W is widened there, which costs two operations for all rows of a tile. */
#include "model/gemm/bf16_panels.h"
#include "model/gemm/kernels.h"

#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

/* A strip is two vectors; the sums of a tile, the strip and a row's number have to fit 32 registers, or 16.
 */
#if defined(__AVX512F__)
enum { LANES = 16, TILE_ROWS = 14 };
#elif defined(__AVX__)
enum { LANES = 8, TILE_ROWS = 6 };
#else
enum { LANES = 4, TILE_ROWS = 6 };
#endif
enum {
    CHUNK = 512, /* an even number */
    STRIP = 2 * LANES,
    X_WORDS = 1 << 17, /* of x at a time: they stay in the second cache while W goes by */
};
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef uint32_t words __attribute__((vector_size(LANES * sizeof(float))));

/* sum += a b. Left to gcc, sums change registers in every step until some have none. */
#if defined(__AVX512F__)
#define ADD_PRODUCT(sum, a, b) __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b))
#elif defined(__FMA__)
#define ADD_PRODUCT(sum, a, b) __asm__("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b))
#else
#define ADD_PRODUCT(sum, a, b) (sum) += (a) * (b)
#endif

static inline words load(const uint32_t *p) {
    words v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline lanes load_sums(const float *p) {
    lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store_sums(float *p, lanes v) {
    memcpy(p, &v, sizeof v);
}

static inline lanes all(uint32_t bits) {
    words v = {0};
    return (lanes)(v + bits);
}

/* ---------------------------------------------------------------- operands */

void gk_gemm__panels_pack(gk_tensor t, uint16_t *to, size_t begin, size_t end) {
    float x[CHUNK];
    uint16_t rounded[CHUNK];
    size_t in = (size_t)t.in, panel = gk_gemm__pairs(t.in) * GK_GEMM__PANEL * 2;
    memset(to + begin * panel, 0, (end - begin) * panel * sizeof *to);
    for (size_t row = begin * GK_GEMM__PANEL; row < end * GK_GEMM__PANEL && row < (size_t)t.out; row++) {
        uint16_t *column = to + row / GK_GEMM__PANEL * panel + row % GK_GEMM__PANEL * 2;
        for (size_t at = 0; at < in; at += CHUNK) {
            size_t n = in - at < CHUNK ? in - at : CHUNK;
            gk_tensor_floats(t, row * in + at, n, x);
            gk_half__f32_to_bf16(x, rounded, n);
            for (size_t i = 0; i < n; i++) column[(at + i) / 2 * (2 * GK_GEMM__PANEL) + i % 2] = rounded[i];
        }
    }
}

void gk_gemm__operand(const float *restrict x, int in, bool native, uint32_t *restrict to) {
    size_t n = (size_t)in;
    if (native) {
        uint16_t *half = (uint16_t *)to;
        gk_half__f32_to_bf16(x, half, n);
        if (n % 2) half[n] = 0;
        return;
    }
    for (size_t i = 0; i < n; i++) to[i] = (uint32_t)gk_half__bf16_narrow(x[i]) << 16;
    if (n % 2) to[n] = 0;
}

/* ---------------------------------------------------------------- a tile */

typedef struct strip { /* of a panel, and where its sums go */
    const uint32_t *w, *x;
    size_t pairs, row; /* words between rows of x */
    float *y;
    ptrdiff_t ldy;
} strip;

/* `rows` is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) void begin_sums(const strip *s, int rows,
                                                             lanes sum[TILE_ROWS][2]) {
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < 2; v++) sum[r][v] = load_sums(s->y + r * s->ldy + v * LANES);
}

static inline __attribute__((always_inline)) void end_sums(const strip *s, int rows,
                                                           lanes sum[TILE_ROWS][2]) {
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < 2; v++) store_sums(s->y + r * s->ldy + v * LANES, sum[r][v]);
}

/* One column of W, widened, times that of each row. */
static inline __attribute__((always_inline)) void add_column(const uint32_t *x, size_t row, int rows,
                                                             words w0, words w1, lanes sum[TILE_ROWS][2]) {
    lanes wide0 = (lanes)w0, wide1 = (lanes)w1;
    for (int r = 0; r < rows; r++) {
        lanes y = all(x[(size_t)r * row]);
        lanes sum0 = sum[r][0], sum1 = sum[r][1];
        ADD_PRODUCT(sum0, y, wide0);
        ADD_PRODUCT(sum1, y, wide1);
        sum[r][0] = sum0;
        sum[r][1] = sum1;
    }
}

static inline __attribute__((always_inline)) void tile(const strip *s, int rows) {
    lanes sum[TILE_ROWS][2];
    const uint32_t *x = s->x, *w = s->w;
    begin_sums(s, rows, sum);
    for (size_t t = 0; t < s->pairs; t++, x += 2, w += GK_GEMM__PANEL) {
        add_column(x, s->row, rows, load(w) << 16, load(w + LANES) << 16, sum);
        add_column(x + 1, s->row, rows, load(w) & 0xffff0000u, load(w + LANES) & 0xffff0000u, sum);
    }
    end_sums(s, rows, sum);
}

#if defined(__AVX512F__)
#define BY_INSTRUCTION __attribute__((target("avx512bf16")))
static inline __attribute__((always_inline)) BY_INSTRUCTION void native_tile(const strip *s, int rows) {
    lanes sum[TILE_ROWS][2];
    const uint32_t *x = s->x, *w = s->w;
    begin_sums(s, rows, sum);
    for (size_t t = 0; t < s->pairs; t++, x++, w += GK_GEMM__PANEL) {
        __m512bh w0 = (__m512bh)load(w), w1 = (__m512bh)load(w + LANES);
        for (int r = 0; r < rows; r++) {
            __m512bh y = (__m512bh)_mm512_set1_epi32((int)x[(size_t)r * s->row]);
            sum[r][0] = (lanes)_mm512_dpbf16_ps((__m512)sum[r][0], y, w0);
            sum[r][1] = (lanes)_mm512_dpbf16_ps((__m512)sum[r][1], y, w1);
        }
    }
    end_sums(s, rows, sum);
}
#define TILE(rows)                                             \
    static void tile_##rows(const strip *s) {                  \
        tile(s, rows);                                         \
    }                                                          \
    static BY_INSTRUCTION void native_##rows(const strip *s) { \
        native_tile(s, rows);                                  \
    }
#define TILES(rows) \
    { tile_##rows, native_##rows }
#else
#define TILE(rows)                            \
    static void tile_##rows(const strip *s) { \
        tile(s, rows);                        \
    }
#define TILES(rows) \
    { tile_##rows, tile_##rows }
#endif

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
#if defined(__AVX512F__)
TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)
TILE(13)
TILE(14)
#endif

typedef void tile_fn(const strip *s);
static tile_fn *const BY_ROWS[TILE_ROWS][2] = {
    TILES(1), TILES(2), TILES(3), TILES(4),  TILES(5),  TILES(6),
#if defined(__AVX512F__)
    TILES(7), TILES(8), TILES(9), TILES(10), TILES(11), TILES(12), TILES(13), TILES(14),
#endif
};

/* ---------------------------------------------------------------- a product */

/* The last columns of y have no whole strip. */
static void narrow_strip(const gk_gemm__panel_product *p, strip s, int rows, int columns) {
    float y[TILE_ROWS][STRIP] = {{0}};
    float *to = s.y;
    for (int r = 0; r < rows; r++) memcpy(y[r], to + r * s.ldy, (size_t)columns * sizeof(float));
    ptrdiff_t ldy = s.ldy;
    s.y = y[0];
    s.ldy = STRIP;
    BY_ROWS[rows - 1][p->native](&s);
    for (int r = 0; r < rows; r++) memcpy(to + r * ldy, y[r], (size_t)columns * sizeof(float));
}

/* Rows first .. first + rows - 1 of x with one panel. */
static void multiply_tile(const gk_gemm__panel_product *p, size_t panel, int first, int rows) {
    size_t row = gk_gemm__operand_row(p->in, p->native);
    strip s = {.x = p->x + (size_t)first * row, .pairs = gk_gemm__pairs(p->in), .row = row, .ldy = p->ldy};
    const uint32_t *data = (const uint32_t *)(const void *)p->w + panel * s.pairs * GK_GEMM__PANEL;
    for (int at = 0; at < GK_GEMM__PANEL; at += STRIP) {
        int column = (int)panel * GK_GEMM__PANEL + at, left = p->out - column;
        if (left <= 0) return;
        s.w = data + at;
        s.y = p->y + (ptrdiff_t)first * p->ldy + column;
        size_t columns = (size_t)(left < STRIP ? left : STRIP);
        for (int r = 0; r < rows && !p->add; r++) memset(s.y + r * s.ldy, 0, columns * sizeof *s.y);
        if (left < STRIP)
            narrow_strip(p, s, rows, left);
        else
            BY_ROWS[rows - 1][p->native](&s);
    }
}

/* Tiles of nearly equal heights: a last one of few rows would cost as much as a whole one. */
void gk_gemm__panels_multiply(const gk_gemm__panel_product *p, size_t begin, size_t end) {
    size_t row = gk_gemm__operand_row(p->in, p->native);
    int tiles = (p->m + TILE_ROWS - 1) / TILE_ROWS, at_once = (int)(X_WORDS / (row * TILE_ROWS));
    if (at_once < 1) at_once = 1;
    for (int first = 0; first < tiles; first += at_once) {
        int last = tiles - first < at_once ? tiles : first + at_once;
        for (size_t panel = begin; panel < end; panel++)
            for (int i = first; i < last; i++) {
                int from = (int)((int64_t)p->m * i / tiles), to = (int)((int64_t)p->m * (i + 1) / tiles);
                multiply_tile(p, panel, from, to - from);
            }
    }
}
