/* stored_rows.c: y = x W^T of a row to four with weights as they are stored, 16-bit floats or ggml's blocks:
 * 32 of them at a time become exact floats in registers, and are multiplied with as many of each row of x. So
 * the product takes what reading W takes, and its numbers are those of the floats: of 16-bit ones to the bit,
 * since sums are those of few_rows.c, of blocks but for the order of sums.
 */
#include "graftkit/core/threads.h"
#include "model/gemm/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

typedef struct stored_job {
    gk_tensor w;
    int m, lda, ldc;
    const float *a;
    float beta, *c;
} stored_job;

#if defined(__AVX2__)

/* ---------------------------------------------------------------- 32 values as floats in registers */

#if defined(__AVX512F__)
enum { LANES = 16 };
typedef __m512 lanes;
static inline lanes zero(void) {
    return _mm512_setzero_ps();
}
static inline lanes load(const float *p) {
    return _mm512_loadu_ps(p);
}
static inline lanes multiply_add(lanes a, lanes b, lanes sum) {
    return _mm512_fmadd_ps(a, b, sum);
}
static inline lanes from_bf16(const uint8_t *p) {
    __m256i h = _mm256_loadu_si256((const void *)p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}
static inline lanes from_f16(const uint8_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const void *)p));
}
static inline lanes from_signed(const uint8_t *p, float d) {
    __m512i q = _mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)p));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(q), _mm512_set1_ps(d));
}
/* d q + m of the lanes' first and last values, of bytes that are q. */
static inline void from_bytes(__m128i low, __m128i high, float d, float m, lanes out[2]) {
    lanes dv = _mm512_set1_ps(d), mv = _mm512_set1_ps(m);
    out[0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(low)), dv, mv);
    out[1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(high)), dv, mv);
}
static inline float sum_of(lanes v) {
    return _mm512_reduce_add_ps(v);
}
#else
enum { LANES = 8 };
typedef __m256 lanes;
static inline lanes zero(void) {
    return _mm256_setzero_ps();
}
static inline lanes load(const float *p) {
    return _mm256_loadu_ps(p);
}
static inline lanes multiply_add(lanes a, lanes b, lanes sum) {
    return _mm256_fmadd_ps(a, b, sum);
}
static inline lanes from_bf16(const uint8_t *p) {
    __m128i h = _mm_loadu_si128((const void *)p);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
static inline lanes from_f16(const uint8_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const void *)p));
}
static inline lanes from_signed(const uint8_t *p, float d) {
    __m256i q = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)p));
    return _mm256_mul_ps(_mm256_cvtepi32_ps(q), _mm256_set1_ps(d));
}
static inline void from_bytes(__m128i low, __m128i high, float d, float m, lanes out[4]) {
    lanes dv = _mm256_set1_ps(d), mv = _mm256_set1_ps(m);
    __m128i part[4] = {low, _mm_srli_si128(low, 8), high, _mm_srli_si128(high, 8)};
    for (int i = 0; i < 4; i++)
        out[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(part[i])), dv, mv);
}
static inline float sum_of(lanes v) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
#endif
enum { PARTS = 32 / LANES, MOST_ROWS = GK_GEMM__STORED_ROWS };

/* quant.c says what the bytes are. `s` has a block's first halves as floats: its scale d, and m where it has
 * one. They come from memory, which broadcasts them for nothing. */
enum { HALVES = 4 };

static inline void unpack_q8_0(const uint8_t *p, const float *s, lanes w[PARTS]) {
    for (int i = 0; i < PARTS; i++) w[i] = from_signed(p + 2 + i * LANES, s[0]);
}

static inline __m128i low_halves(const uint8_t *p) {
    return _mm_and_si128(_mm_loadu_si128((const void *)p), _mm_set1_epi8(15));
}

static inline __m128i high_halves(const uint8_t *p) {
    return _mm_and_si128(_mm_srli_epi16(_mm_loadu_si128((const void *)p), 4), _mm_set1_epi8(15));
}

/* Bit i of the two bytes as 16 in byte i. */
static inline __m128i fifth_bits(const uint8_t *p) {
    uint16_t bits;
    memcpy(&bits, p, sizeof bits);
    const __m128i bit = _mm_set1_epi64x((long long)0x8040201008040201u);
    const __m128i place = _mm_set_epi64x(0x0101010101010101, 0);
    __m128i each = _mm_and_si128(_mm_shuffle_epi8(_mm_cvtsi32_si128(bits), place), bit);
    return _mm_and_si128(_mm_cmpeq_epi8(each, bit), _mm_set1_epi8(16));
}

/* d q + m of 16 bytes with two q each. */
static inline void from_halves(const uint8_t *p, float d, float m, lanes w[PARTS]) {
#if defined(__AVX512F__)
    /* All 16 values that there are, looked up by the lowest four bits. */
    const lanes count = _mm512_set_ps(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    lanes table = _mm512_fmadd_ps(count, _mm512_set1_ps(d), _mm512_set1_ps(m));
    __m512i q = _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)p));
    w[0] = _mm512_permutexvar_ps(q, table);
    w[1] = _mm512_permutexvar_ps(_mm512_srli_epi32(q, 4), table);
#else
    from_bytes(low_halves(p), high_halves(p), d, m, w);
#endif
}

static inline void unpack_q4_0(const uint8_t *p, const float *s, lanes w[PARTS]) {
    from_halves(p + 2, s[0], -8 * s[0], w);
}

static inline void unpack_q4_1(const uint8_t *p, const float *s, lanes w[PARTS]) {
    from_halves(p + 4, s[0], s[1], w);
}

static inline void unpack_q5_0(const uint8_t *p, const float *s, lanes w[PARTS]) {
    from_bytes(_mm_or_si128(low_halves(p + 6), fifth_bits(p + 2)),
               _mm_or_si128(high_halves(p + 6), fifth_bits(p + 4)), s[0], -16 * s[0], w);
}

static inline void unpack_q5_1(const uint8_t *p, const float *s, lanes w[PARTS]) {
    from_bytes(_mm_or_si128(low_halves(p + 8), fifth_bits(p + 4)),
               _mm_or_si128(high_halves(p + 8), fifth_bits(p + 6)), s[0], s[1], w);
}

/* ---------------------------------------------------------------- rows of W */

/* 16-bit floats, as few_rows.c sums them: a sum by lane for each row of W and of x, and what whole vectors
 * leave after that. Rows of W side by side, as one chain of sums would be waited for. */
enum { SIDE = 4 };

static float tail(const stored_job *j, const float *x, size_t row) {
    int whole = j->w.in / LANES * LANES;
    float w[LANES];
    for (int i = whole; i < j->w.in; i++) {
        uint16_t h = j->w.h[row * (size_t)j->w.in + (size_t)i];
        w[i - whole] = j->w.type == GK_F16 ? gk_half__f16_widen(h) : gk_half__bf16_widen(h);
    }
    return gk_gemm__rest(x + whole, w, j->w.in - whole);
}

/* `m`, `wide` and `widen` are constants wherever this is inlined. */
static inline __attribute__((always_inline)) void halves_by(const stored_job *j, size_t row, int m, int wide,
                                                            lanes (*widen)(const uint8_t *p)) {
    int in = j->w.in, whole = in / LANES * LANES;
    const uint16_t *w = j->w.h + row * (size_t)in;
    lanes sum[MOST_ROWS][SIDE], wv[SIDE];
    for (int a = 0; a < m; a++)
        for (int b = 0; b < wide; b++) sum[a][b] = zero();
    for (int t = 0; t < whole; t += LANES) {
        for (int b = 0; b < wide; b++) wv[b] = widen((const uint8_t *)(w + (ptrdiff_t)b * in + t));
        for (int a = 0; a < m; a++) {
            lanes x = load(j->a + (ptrdiff_t)a * j->lda + t);
            for (int b = 0; b < wide; b++) sum[a][b] += x * wv[b]; /* fused where few_rows.c's are */
        }
    }
    for (int a = 0; a < m; a++)
        for (int b = 0; b < wide; b++) {
            float y = sum_of(sum[a][b]), *c = j->c + (ptrdiff_t)a * j->ldc + row + b;
            if (whole < in) y += tail(j, j->a + (ptrdiff_t)a * j->lda, row + (size_t)b);
            *c = y + (j->beta != 0 ? j->beta * *c : 0);
        }
}

static inline __attribute__((always_inline)) void halves_of(const stored_job *j, size_t begin, size_t end,
                                                            int m, lanes (*widen)(const uint8_t *p)) {
    size_t r = begin;
    for (; r + SIDE <= end; r += SIDE) halves_by(j, r, m, SIDE, widen);
    for (; r < end; r++) halves_by(j, r, m, 1, widen);
}

#define HALVES_OF(name)                                                      \
    static void rows_##name(const stored_job *j, size_t begin, size_t end) { \
        if (j->m == 1) halves_of(j, begin, end, 1, from_##name);             \
        if (j->m == 2) halves_of(j, begin, end, 2, from_##name);             \
        if (j->m == 3) halves_of(j, begin, end, 3, from_##name);             \
        if (j->m == 4) halves_of(j, begin, end, 4, from_##name);             \
    }
HALVES_OF(f16)
HALVES_OF(bf16)

typedef void unpack_fn(const uint8_t *p, const float *s, lanes w[PARTS]);
enum { SCALED = 64 }; /* blocks whose scales are made together */

/* `m` and `unpack` are constants wherever this is inlined. */
static inline __attribute__((always_inline)) void rows_by(const stored_job *j, size_t begin, size_t end,
                                                          int m, unpack_fn *unpack, size_t bytes) {
    int blocks = j->w.in / 32;
    size_t stride = (size_t)blocks * bytes;
    for (size_t r = begin; r < end; r++) {
        const uint8_t *p = j->w.q + r * stride;
        lanes sum[MOST_ROWS][PARTS], w[PARTS];
        for (int a = 0; a < m; a++)
            for (int i = 0; i < PARTS; i++) sum[a][i] = zero();
        for (int first = 0; first < blocks; first += SCALED) {
            int end_of = blocks - first < SCALED ? blocks : first + SCALED;
            float scale[SCALED][HALVES];
            for (int b = first; b < end_of; b++)
                _mm_storeu_ps(scale[b - first],
                              _mm_cvtph_ps(_mm_loadl_epi64((const void *)(p + (size_t)(b - first) * bytes))));
            for (int b = first; b < end_of; b++, p += bytes) {
                unpack(p, scale[b - first], w);
                for (int a = 0; a < m; a++)
                    for (int i = 0; i < PARTS; i++)
                        sum[a][i] = multiply_add(
                            w[i], load(j->a + (ptrdiff_t)a * j->lda + b * 32 + i * LANES), sum[a][i]);
            }
        }
        for (int a = 0; a < m; a++) {
            float y = 0, *c = j->c + (ptrdiff_t)a * j->ldc + r;
            for (int i = 0; i < PARTS; i++) y += sum_of(sum[a][i]);
            *c = y + (j->beta != 0 ? j->beta * *c : 0);
        }
    }
}

#define ROWS_OF(name, bytes)                                                 \
    static void rows_##name(const stored_job *j, size_t begin, size_t end) { \
        if (j->m == 1) rows_by(j, begin, end, 1, unpack_##name, bytes);      \
        if (j->m == 2) rows_by(j, begin, end, 2, unpack_##name, bytes);      \
        if (j->m == 3) rows_by(j, begin, end, 3, unpack_##name, bytes);      \
        if (j->m == 4) rows_by(j, begin, end, 4, unpack_##name, bytes);      \
    }
ROWS_OF(q8_0, 34)
ROWS_OF(q4_0, 18)
ROWS_OF(q4_1, 20)
ROWS_OF(q5_0, 22)
ROWS_OF(q5_1, 24)

/* NULL: none that reads them as they are. */
static void (*kernel_of(gk_tensor w))(const stored_job *, size_t, size_t) {
    if (w.h) return w.type == GK_F16 ? rows_f16 : rows_bf16;
    switch (w.blocks->id) {
    case 8:
        return rows_q8_0;
    case 2:
        return rows_q4_0;
    case 3:
        return rows_q4_1;
    case 6:
        return rows_q5_0;
    case 7:
        return rows_q5_1;
    default:
        return NULL;
    }
}

#else

static void (*kernel_of(gk_tensor w))(const stored_job *, size_t, size_t) {
    (void)w;
    return NULL;
}

#endif

static void range(void *ctx, size_t begin, size_t end) {
    const stored_job *j = ctx;
    kernel_of(j->w)(j, begin, end);
}

void gk_gemm__stored(int m, gk_tensor w, const float *a, int lda, float beta, float *c, int ldc) {
    enum { FEWEST_BYTES = 128 << 10 }; /* below this another thread is not worth waiting for */
    if (!kernel_of(w)) {
        gk_gemm__half(m, w, a, lda, beta, c, ldc);
        return;
    }
    stored_job j = {.w = w, .m = m, .lda = lda, .ldc = ldc, .a = a, .beta = beta, .c = c};
    size_t out = (size_t)w.out, values = out * (size_t)w.in;
    size_t bytes = w.q ? values / w.blocks->block * w.blocks->bytes : values * sizeof *w.h;
    size_t pieces = bytes > FEWEST_BYTES ? (size_t)gk_threads() : 1;
    gk_parallel_for(out, (out + pieces - 1) / pieces, range, &j);
}
