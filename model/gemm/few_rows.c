/* few_rows.c: y = x W^T for a few rows: the product is bound by reading W, so W is read once, as it lies.
 * Tiles of TILE_W rows of W by TILE_X rows of x are summed by lane in registers; how a dot product is summed
 * does not depend on how many rows there are. */
#include "model/gemm/kernels.h"

#include <string.h>

/* All sums of a tile, its rows of W and one row of x have to fit the registers: 32, or 16. */
#if defined(__AVX512F__)
enum { LANES = 16, TILE_W = 4, TILE_X = 6 };
#elif defined(__AVX__)
enum { LANES = 8, TILE_W = 3, TILE_X = 4 };
#else
enum { LANES = 4, TILE_W = 3, TILE_X = 4 };
#endif
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

/* gcc would read rows of W from memory once for each row of x, which takes as long as the sums. */
#if defined(__AVX512F__)
#define IN_REGISTER(v) __asm__("" : "+v"(v))
#elif defined(__AVX__)
#define IN_REGISTER(v) __asm__("" : "+x"(v))
#else
#define IN_REGISTER(v) (void)(v)
#endif

static inline lanes load(const float *p) {
    lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Halves are added to halves. */
static inline float sum_of(lanes v) {
    typedef float four __attribute__((vector_size(16)));
    four part[LANES / 4], x;
    memcpy(part, &v, sizeof v);
    for (int step = LANES / 8; step > 0; step /= 2)
        for (int i = 0; i < step; i++) part[i] += part[i + step];
    x = part[0];
    x += __builtin_shufflevector(x, x, 2, 3, 0, 1);
    return x[0] + x[1];
}

float gk_gemm__rest(const float *x, const float *w, int n) {
    float y = 0;
    for (int t = 0; t < n; t++) y += x[t] * w[t];
    return y;
}

/* Rows r.. of x with rows i.. of W. `rows` and `wide` are constants wherever this is inlined. */
static inline __attribute__((always_inline)) void tile(const gk_gemm__product *p, int r, int i, int rows,
                                                       int wide) {
    lanes sum[TILE_X][TILE_W];
    const float *x = p->a + (ptrdiff_t)r * p->lda, *w = p->b + (ptrdiff_t)i * p->ldb;
    int k = p->k / LANES * LANES;
    for (int a = 0; a < rows; a++)
        for (int b = 0; b < wide; b++) sum[a][b] = (lanes){0};
    for (int t = 0; t < k; t += LANES) {
        lanes wv[TILE_W];
        for (int b = 0; b < wide; b++) {
            wv[b] = load(w + b * (ptrdiff_t)p->ldb + t);
            IN_REGISTER(wv[b]);
        }
        for (int a = 0; a < rows; a++) {
            lanes xv = load(x + a * (ptrdiff_t)p->lda + t);
            IN_REGISTER(xv);
            for (int b = 0; b < wide; b++) sum[a][b] += xv * wv[b];
        }
    }
    for (int a = 0; a < rows; a++)
        for (int b = 0; b < wide; b++) {
            float y = sum_of(sum[a][b]), *c = p->c + (ptrdiff_t)(r + a) * p->ldc + i + b;
            if (k < p->k)
                y += gk_gemm__rest(x + a * (ptrdiff_t)p->lda + k, w + b * (ptrdiff_t)p->ldb + k, p->k - k);
            *c = y + (p->beta != 0 ? p->beta * *c : 0);
        }
}

#define TILE(rows, wide)                                                        \
    static void tile_##rows##_##wide(const gk_gemm__product *p, int r, int i) { \
        tile(p, r, i, rows, wide);                                              \
    }
TILE(1, 1)
TILE(2, 1)
TILE(3, 1)
TILE(4, 1)
TILE(1, TILE_W)
TILE(2, TILE_W)
TILE(3, TILE_W)
TILE(4, TILE_W)
#if defined(__AVX512F__)
TILE(5, 1)
TILE(6, 1)
TILE(5, TILE_W)
TILE(6, TILE_W)
#endif

typedef void tile_fn(const gk_gemm__product *p, int r, int i);
static tile_fn *const TILES[TILE_X][2] = {
    {tile_1_1, tile_1_TILE_W}, {tile_2_1, tile_2_TILE_W},
    {tile_3_1, tile_3_TILE_W}, {tile_4_1, tile_4_TILE_W},
#if defined(__AVX512F__)
    {tile_5_1, tile_5_TILE_W}, {tile_6_1, tile_6_TILE_W},
#endif
};

void gk_gemm__few_rows(const gk_gemm__product *p) {
    for (int i = 0; i < p->n;) {
        bool whole = p->n - i >= TILE_W;
        for (int r = 0; r < p->m; r += TILE_X) {
            int rows = p->m - r < TILE_X ? p->m - r : TILE_X;
            TILES[rows - 1][whole](p, r, i);
        }
        i += whole ? TILE_W : 1;
    }
}
