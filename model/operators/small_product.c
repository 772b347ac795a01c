/* small_product.c: a product of operands that are in cache: C is made in register blocks of up to TALL rows
 * and two vectors, each step of k one broadcast a row. */
#include "model/operators/kernels.h"

#include <string.h>
#if defined(__AVX__)
#include <immintrin.h>
#endif

/* Two vectors a row, two of B and the broadcast have to fit the registers: 32, or 16. */
#if defined(__AVX512F__)
#define TALL 8
#else
#define TALL 6
#endif

typedef float lanes __attribute__((vector_size(GK_OP__LANES * sizeof(float))));

typedef struct operands {
    const float *a, *b;
    float *c;
    ptrdiff_t down, right;
    int k, ldb, ldc;
    bool add;
} operands;

/* rows and wide are constants wherever this is inlined, so that sum lives in registers. */
static inline __attribute__((always_inline)) void block(const operands *o, int rows, int wide) {
    lanes sum[TALL][2];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < wide; v++)
            sum[r][v] =
                o->add ? *(const lanes *)(o->c + (ptrdiff_t)r * o->ldc + v * GK_OP__LANES) : (lanes){0};
    const float *a = o->a, *b = o->b;
    for (int t = 0; t < o->k; t++, a += o->right, b += o->ldb) {
        lanes x[2];
        for (int v = 0; v < wide; v++) x[v] = *(const lanes *)(b + v * GK_OP__LANES);
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < wide; v++) sum[r][v] += a[r * o->down] * x[v];
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < wide; v++)
            *(lanes *)(o->c + (ptrdiff_t)r * o->ldc + v * GK_OP__LANES) = sum[r][v];
}

#define BLOCK(rows)                                   \
    static void block_##rows##_1(const operands *o) { \
        block(o, rows, 1);                            \
    }                                                 \
    static void block_##rows##_2(const operands *o) { \
        block(o, rows, 2);                            \
    }
static void block_tall_1(const operands *o) {
    block(o, TALL, 1);
}
static void block_tall_2(const operands *o) {
    block(o, TALL, 2);
}
BLOCK(4)
BLOCK(2)
BLOCK(1)

static void columns(operands o, int m, int wide) {
    static const int SIZE[4] = {TALL, 4, 2, 1};
    static void (*const DO[2][4])(const operands *) = {{block_tall_1, block_4_1, block_2_1, block_1_1},
                                                       {block_tall_2, block_4_2, block_2_2, block_1_2}};
    for (int which = 0; which < 4; which++)
        for (int size = SIZE[which]; m >= size; m -= size) {
            DO[wide - 1][which](&o);
            o.a += size * o.down;
            o.c += (ptrdiff_t)size * o.ldc;
        }
}

void gk_op__small_product(int m, int n, int k, const float *a, ptrdiff_t down, ptrdiff_t right,
                          const float *b, int ldb, bool add, float *c, int ldc) {
    operands o = {a, b, c, down, right, k, ldb, ldc, add};
    for (int at = 0; at < n; at += 2 * GK_OP__LANES) {
        columns(o, m, n - at > GK_OP__LANES ? 2 : 1);
        o.b += 2 * GK_OP__LANES;
        o.c += 2 * GK_OP__LANES;
    }
}

#if defined(__AVX512F__)
/* Pairs, then fours of floats change places inside 128 bits; then the 128-bit parts, twice. */
static inline void transpose16(__m512 x[GK_OP__LANES]) {
    __m512 t[GK_OP__LANES];
    for (int i = 0; i < GK_OP__LANES; i += 2) {
        t[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
    for (int i = 0; i < GK_OP__LANES; i += 4) {
        x[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
        x[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
        x[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        x[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_f32x4(x[i], x[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_f32x4(x[i], x[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        x[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
        x[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
        x[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
        x[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
    }
}

void gk_op__transpose(int rows, int columns, const float *x, ptrdiff_t ldx, float *t, ptrdiff_t ldt) {
    __m512 v[GK_OP__LANES];
    for (int r = 0; r < GK_OP__LANES; r++)
        v[r] = r < rows ? _mm512_load_ps(x + r * ldx) : _mm512_setzero_ps();
    transpose16(v);
    for (int i = 0; i < columns; i++) _mm512_store_ps(t + i * ldt, v[i]);
}
#elif defined(__AVX__)
/* Pairs, then fours of floats change places inside 128 bits; then the halves. */
static inline void transpose8(__m256 x[GK_OP__LANES]) {
    __m256 t[GK_OP__LANES];
    for (int i = 0; i < GK_OP__LANES; i += 2) {
        t[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
    for (int i = 0; i < GK_OP__LANES; i += 4) {
        x[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        x[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        x[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        x[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm256_permute2f128_ps(x[i], x[i + 4], 0x20);
        t[i + 4] = _mm256_permute2f128_ps(x[i], x[i + 4], 0x31);
    }
    memcpy(x, t, sizeof t);
}

void gk_op__transpose(int rows, int columns, const float *x, ptrdiff_t ldx, float *t, ptrdiff_t ldt) {
    __m256 v[GK_OP__LANES];
    for (int r = 0; r < GK_OP__LANES; r++)
        v[r] = r < rows ? _mm256_load_ps(x + r * ldx) : _mm256_setzero_ps();
    transpose8(v);
    for (int i = 0; i < columns; i++) _mm256_store_ps(t + i * ldt, v[i]);
}
#else
void gk_op__transpose(int rows, int columns, const float *x, ptrdiff_t ldx, float *t, ptrdiff_t ldt) {
    for (int i = 0; i < columns; i++)
        for (int r = 0; r < GK_OP__LANES; r++) t[i * ldt + r] = r < rows ? x[r * ldx + i] : 0;
}
#endif
