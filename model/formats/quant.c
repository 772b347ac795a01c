/* quant.c: ggml's element types as floats. A block is stored as scales and, for each value, a small integer
 * q, or q's place in a table; the value is d*q, or d*q + m where the type has a minimum. Every product here
 * is exact in a float but Q6_K's, which no sum follows, so contraction to fused multiply-adds changes
 * nothing.
 *
 * Blocks stand at any byte, so all is copied out. The q of eight values are unpacked as the bytes of one
 * 64-bit number and become floats together. */
#include "model/formats/kernels.h"

#include <assert.h>
#include <math.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

/* ---------------------------------------------------------------- eight values at a time */

/* The byte in all eight places. */
#define EACH(byte) ((uint64_t)(byte)*0x0101010101010101u)

static inline float scale(const uint8_t *p) {
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return gk_half__f16_widen(h);
}

static inline uint64_t load8(const uint8_t *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static inline uint64_t low_halves(uint64_t x) {
    return x & EACH(0x0F);
}

static inline uint64_t high_halves(uint64_t x) {
    return x >> 4 & EACH(0x0F);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "byte i of the number is byte i of the block");

/* put_scaled: out = d * (q - zero) of the eight bytes q; put_from: out = d * q + m. gcc needs telling how:
 * left to itself it reaches 18 of 50 GB/s. */
#if defined(__AVX2__)
static inline __m256 to_floats(uint64_t q) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)q)));
}
static inline void put_scaled(uint64_t q, float d, float zero, float *out) {
    _mm256_storeu_ps(out,
                     _mm256_mul_ps(_mm256_sub_ps(to_floats(q), _mm256_set1_ps(zero)), _mm256_set1_ps(d)));
}
static inline void put_from(uint64_t q, float d, float m, float *out) {
    _mm256_storeu_ps(out, _mm256_add_ps(_mm256_mul_ps(to_floats(q), _mm256_set1_ps(d)), _mm256_set1_ps(m)));
}
#else
static inline void put_scaled(uint64_t q, float d, float zero, float *restrict out) {
    uint8_t bytes[8];
    memcpy(bytes, &q, sizeof bytes);
#pragma omp simd
    for (int i = 0; i < 8; i++) out[i] = ((float)bytes[i] - zero) * d;
}
static inline void put_from(uint64_t q, float d, float m, float *restrict out) {
    uint8_t bytes[8];
    memcpy(bytes, &q, sizeof bytes);
#pragma omp simd
    for (int i = 0; i < 8; i++) out[i] = (float)bytes[i] * d + m;
}
#endif

/* ---------------------------------------------------------------- plain floats */

static void widen_f32(const uint8_t *in, float *restrict out, size_t n) {
    memcpy(out, in, n * sizeof *out);
}

enum { CHUNK = 1024 }; /* values that are copied to an aligned place at a time, where they are not aligned */

static void widen_halves(const uint8_t *in, float *restrict out, size_t n,
                         void to_f32(const uint16_t *, float *, size_t)) {
    if ((uintptr_t)in % _Alignof(uint16_t) == 0) {
        to_f32((const uint16_t *)(const void *)in, out, n);
        return;
    }
    uint16_t part[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        memcpy(part, in + i * sizeof *part, m * sizeof *part);
        to_f32(part, out + i, m);
    }
}

static void widen_f16(const uint8_t *in, float *restrict out, size_t n) {
    widen_halves(in, out, n, gk_half__f16_to_f32);
}

static void widen_bf16(const uint8_t *in, float *restrict out, size_t n) {
    widen_halves(in, out, n, gk_half__bf16_to_f32);
}

/* ---------------------------------------------------------------- blocks of 32 */

/* d (f16), 32 signed bytes */
static void widen_q8_0(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 34, out += 32) {
        float d = scale(in);
        for (int i = 0; i < 32; i++) out[i] = d * (float)(int8_t)in[2 + i];
    }
}

/* d, 16 bytes: value i in the low half of byte i, value 16 + i in the high one; q is 8 too large */
static void widen_q4_0(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 18, out += 32) {
        float d = scale(in);
        for (int i = 0; i < 16; i += 8) {
            uint64_t q = load8(in + 2 + i);
            put_scaled(low_halves(q), d, 8, out + i);
            put_scaled(high_halves(q), d, 8, out + 16 + i);
        }
    }
}

/* d, m, 16 bytes as above */
static void widen_q4_1(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 20, out += 32) {
        float d = scale(in), m = scale(in + 2);
        for (int i = 0; i < 16; i += 8) {
            uint64_t q = load8(in + 4 + i);
            put_from(low_halves(q), d, m, out + i);
            put_from(high_halves(q), d, m, out + 16 + i);
        }
    }
}

/* Bit i of the byte as 16 in byte i: byte i keeps its own bit i, and adding 127 carries that into its bit 7.
 */
static inline uint64_t fifth_bits(uint8_t byte) {
    uint64_t own = EACH(byte) & 0x8040201008040201u;
    return (own + EACH(0x7F)) >> 3 & EACH(0x10);
}

/* d, a fifth bit for each of 32 values, 16 bytes as above; q is 16 too large */
static void widen_q5_0(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 22, out += 32) {
        float d = scale(in);
        for (int i = 0; i < 16; i += 8) {
            uint64_t q = load8(in + 6 + i);
            put_scaled(low_halves(q) | fifth_bits(in[2 + i / 8]), d, 16, out + i);
            put_scaled(high_halves(q) | fifth_bits(in[4 + i / 8]), d, 16, out + 16 + i);
        }
    }
}

/* d, m, fifth bits, 16 bytes */
static void widen_q5_1(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 24, out += 32) {
        float d = scale(in), m = scale(in + 2);
        for (int i = 0; i < 16; i += 8) {
            uint64_t q = load8(in + 8 + i);
            put_from(low_halves(q) | fifth_bits(in[4 + i / 8]), d, m, out + i);
            put_from(high_halves(q) | fifth_bits(in[6 + i / 8]), d, m, out + 16 + i);
        }
    }
}

/* ---------------------------------------------------------------- blocks of 256 */

/* Eight scales and eight minima of 6 bits in 12 bytes: the first four of each are the low bits of bytes 0 to
 * 7; the last four have their low halves in bytes 8 to 11 and their upper two bits on top of the first ones'.
 */
static void unpack_scales(const uint8_t *p, uint8_t *restrict sc, uint8_t *restrict mn) {
    for (int j = 0; j < 4; j++) {
        sc[j] = p[j] & 63;
        mn[j] = p[4 + j] & 63;
        sc[4 + j] = (uint8_t)((p[8 + j] & 15) | (p[j] >> 6) << 4);
        mn[4 + j] = (uint8_t)(p[8 + j] >> 4 | (p[4 + j] >> 6) << 4);
    }
}

/* 16 bytes of a scale (low half) and a minimum (high half) for 16 values each, 64 bytes, d, dmin. Each 32
 * bytes hold four groups of 32 values, group g in bits 2g and 2g + 1. */
static void widen_q2_k(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 84) {
        float d = scale(in + 80), dmin = scale(in + 82);
        for (int g = 0; g < 8; g++, out += 32)
            for (int i = 0; i < 32; i += 8) {
                uint8_t sc = in[2 * g + i / 16];
                uint64_t q = load8(in + 16 + 32 * (g / 4) + i) >> (2 * (g % 4));
                put_from(q & EACH(3), d * (float)(sc & 15), -(dmin * (float)(sc >> 4)), out + i);
            }
    }
}

/* Sixteen scales of 6 bits in 12 bytes, 32 too large: the low halves of the first eight are those of bytes 0
 * to 7, of the last eight the high halves; byte 8 + j % 4 has scale j's upper two bits, at 2 (j / 4). */
static int q3_scale(const uint8_t *p, int j) {
    return ((p[j % 8] >> (4 * (j / 8)) & 15) | (p[8 + j % 4] >> (2 * (j / 4)) & 3) << 4) - 32;
}

/* 32 bytes of third bits (group g's is bit g), 64 bytes as in Q2_K, scales, d; q is 4 too large */
static void widen_q3_k(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 110) {
        float d = scale(in + 108);
        for (int g = 0; g < 8; g++, out += 32)
            for (int i = 0; i < 32; i += 8) {
                uint64_t q = load8(in + 32 + 32 * (g / 4) + i) >> (2 * (g % 4)), high = load8(in + i) >> g;
                put_scaled((q & EACH(3)) | (high & EACH(1)) << 2,
                           d * (float)q3_scale(in + 96, 2 * g + i / 16), 4, out + i);
            }
    }
}

/* d, dmin, scales, 128 bytes: each 32 bytes hold two groups of 32 values, the first in the low halves. */
static void widen_q4_k(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 144) {
        uint8_t sc[8], mn[8];
        float d = scale(in), dmin = scale(in + 2);
        unpack_scales(in + 4, sc, mn);
        for (int g = 0; g < 8; g += 2, out += 64) {
            float d0 = d * (float)sc[g], m0 = dmin * (float)mn[g];
            float d1 = d * (float)sc[g + 1], m1 = dmin * (float)mn[g + 1];
            for (int i = 0; i < 32; i += 8) {
                uint64_t q = load8(in + 16 + 16 * g + i);
                put_from(low_halves(q), d0, -m0, out + i);
                put_from(high_halves(q), d1, -m1, out + 32 + i);
            }
        }
    }
}

/* d, dmin, scales, 32 bytes of fifth bits (group g's is bit g), 128 bytes as above */
static void widen_q5_k(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 176) {
        uint8_t sc[8], mn[8];
        float d = scale(in), dmin = scale(in + 2);
        unpack_scales(in + 4, sc, mn);
        for (int g = 0; g < 8; g += 2, out += 64) {
            float d0 = d * (float)sc[g], m0 = dmin * (float)mn[g];
            float d1 = d * (float)sc[g + 1], m1 = dmin * (float)mn[g + 1];
            for (int i = 0; i < 32; i += 8) {
                uint64_t q = load8(in + 48 + 16 * g + i), high = load8(in + 16 + i) >> g;
                put_from(low_halves(q) | (high << 4 & EACH(0x10)), d0, -m0, out + i);
                put_from(high_halves(q) | (high << 3 & EACH(0x10)), d1, -m1, out + 32 + i);
            }
        }
    }
}

/* 128 bytes of lower halves, 64 bytes of upper pairs, 16 signed scales, d; q is 32 too large. Each half of
 * the block is four groups of 32 values: the lower bits of groups 0 and 2 are the low and high halves of the
 * same 32 bytes, those of 1 and 3 of the next 32; the upper bits of all four share 32 bytes. A scale serves
 * 16 values. */
static void widen_q6_k(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 210) {
        float d = scale(in + 208);
        for (int half = 0; half < 2; half++, out += 128)
            for (int i = 0; i < 32; i += 8) {
                uint64_t a = load8(in + 64 * half + i), c = load8(in + 64 * half + 32 + i);
                uint64_t high = load8(in + 128 + 32 * half + i);
                const int8_t *sc = (const int8_t *)in + 192 + 8 * half + i / 16;
                put_scaled(low_halves(a) | (high << 4 & EACH(0x30)), d * (float)sc[0], 32, out + i);
                put_scaled(low_halves(c) | (high << 2 & EACH(0x30)), d * (float)sc[2], 32, out + 32 + i);
                put_scaled(high_halves(a) | (high & EACH(0x30)), d * (float)sc[4], 32, out + 64 + i);
                put_scaled(high_halves(c) | (high >> 2 & EACH(0x30)), d * (float)sc[6], 32, out + 96 + i);
            }
    }
}

/* 32 bytes of five values, 16 more, 4 of four, d. A byte is about 256/243 of a number of five ternary digits:
 * times 3^k, without what overflows, it has digit k as its own third. Digit k of 32 bytes (16, 4) is 32 (16,
 * 4) values in a row; q is 1 too large. */
static void widen_tq1_0(const uint8_t *in, float *restrict out, size_t blocks) {
    static const struct { int at, bytes, digits; } RUN[] = {{0, 32, 5}, {32, 16, 5}, {48, 4, 4}};
    for (size_t b = 0; b < blocks; b++, in += 54) {
        float d = scale(in + 52);
        for (int r = 0; r < 3; r++)
            for (int k = 0, power = 1; k < RUN[r].digits; k++, power *= 3)
                for (int i = 0; i < RUN[r].bytes; i++)
                    *out++ = d * (float)(((uint8_t)(in[RUN[r].at + i] * power) * 3 >> 8) - 1);
    }
}

/* 64 bytes as in Q2_K, d; q is 1 too large */
static void widen_tq2_0(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 66) {
        float d = scale(in + 64);
        for (int g = 0; g < 8; g++, out += 32)
            for (int i = 0; i < 32; i += 8)
                put_scaled(load8(in + 32 * (g / 4) + i) >> (2 * (g % 4)) & EACH(3), d, 1, out + i);
    }
}

/* ---------------------------------------------------------------- places in a table */

/* The values are packed as in Q4_0. */
static inline void put_places(const uint8_t *in, const int8_t *table, float d, float *restrict out) {
    for (int i = 0; i < 16; i++) {
        out[i] = d * (float)table[in[i] & 15];
        out[16 + i] = d * (float)table[in[i] >> 4];
    }
}

static const int8_t UNEVEN[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/* d, 16 bytes */
static void widen_iq4_nl(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 18, out += 32) put_places(in + 2, UNEVEN, scale(in), out);
}

/* d, for each of eight groups two upper bits and then four lower ones of a scale that is 32 too large, 128
 * bytes */
static void widen_iq4_xs(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 136) {
        float d = scale(in);
        for (int g = 0; g < 8; g++, out += 32) {
            int low = in[4 + g / 2] >> (4 * (g % 2)) & 15, high = in[2 + g / 4] >> (2 * (g % 4)) & 3;
            put_places(in + 8 + 16 * g, UNEVEN, d * (float)((low | high << 4) - 32), out);
        }
    }
}

/* Twice the values of a 4-bit float (one sign, two exponent bits, one fraction bit). */
static const int8_t E2M1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/* an exponent, of which d is half the power of two; 16 bytes */
static void widen_mxfp4(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 17, out += 32)
        put_places(in + 1, E2M1, ldexpf(1, in[0] - 128), out);
}

/* ---------------------------------------------------------------- the table */

static const gk_quant__type QUANTS[] = {
    {0, "F32", 1, 4, widen_f32},
    {1, "F16", 1, 2, widen_f16},
    {30, "BF16", 1, 2, widen_bf16},
    {8, "Q8_0", 32, 34, widen_q8_0},
    {2, "Q4_0", 32, 18, widen_q4_0},
    {3, "Q4_1", 32, 20, widen_q4_1},
    {6, "Q5_0", 32, 22, widen_q5_0},
    {7, "Q5_1", 32, 24, widen_q5_1},
    {12, "Q4_K", 256, 144, widen_q4_k},
    {13, "Q5_K", 256, 176, widen_q5_k},
    {14, "Q6_K", 256, 210, widen_q6_k},
    {10, "Q2_K", 256, 84, widen_q2_k},
    {11, "Q3_K", 256, 110, widen_q3_k},
    {20, "IQ4_NL", 32, 18, widen_iq4_nl},
    {23, "IQ4_XS", 256, 136, widen_iq4_xs},
    {34, "TQ1_0", 256, 54, widen_tq1_0},
    {35, "TQ2_0", 256, 66, widen_tq2_0},
    {39, "MXFP4", 32, 17, widen_mxfp4},
};

const gk_quant__type *gk_quant__type_of(uint32_t id) {
    for (size_t i = 0; i < sizeof QUANTS / sizeof *QUANTS; i++)
        if (QUANTS[i].id == id) return &QUANTS[i];
    return NULL;
}

const char *gk_quant__list(void) {
    return "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, "
           "TQ1_0, TQ2_0, MXFP4";
}

void gk_quant__dequantise(const gk_quant__type *q, const void *in, float *out, size_t n) {
    assert(n % q->block == 0);
    q->widen(in, out, n / q->block);
}
