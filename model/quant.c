/* quant.c: ggml's element types as floats. A block is stored as scales and, for each value, a small integer
 * q; the value is d*q, or d*q + m where the type has a minimum. Every product here is exact in a float but
 * Q6_K's, which no sum follows, so contraction to fused multiply-adds changes nothing.
 *
 * Blocks stand at any byte, so scales are copied out; the loops over a block's values vectorise. */
#include "model/quant.h"

#include "model/half.h"

#include <assert.h>

static float scale(const uint8_t *p) {
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return gk__f16_widen(h);
}

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
    widen_halves(in, out, n, gk__f16_to_f32);
}

static void widen_bf16(const uint8_t *in, float *restrict out, size_t n) {
    widen_halves(in, out, n, gk__bf16_to_f32);
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
        for (int i = 0; i < 16; i++) {
            out[i] = d * (float)((in[2 + i] & 15) - 8);
            out[16 + i] = d * (float)((in[2 + i] >> 4) - 8);
        }
    }
}

/* d, m, 16 bytes as above */
static void widen_q4_1(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 20, out += 32) {
        float d = scale(in), m = scale(in + 2);
        for (int i = 0; i < 16; i++) {
            out[i] = d * (float)(in[4 + i] & 15) + m;
            out[16 + i] = d * (float)(in[4 + i] >> 4) + m;
        }
    }
}

/* q of 5 bits: the lower four as above, the fifth of value i is bit i of a 32-bit number before them. */
static void five_bits(const uint8_t *in, int *restrict q) {
    uint32_t high;
    memcpy(&high, in, sizeof high);
    for (int i = 0; i < 16; i++) {
        q[i] = (int)((in[4 + i] & 15) | (high >> i & 1) << 4);
        q[16 + i] = (int)((in[4 + i] >> 4) | (high >> (16 + i) & 1) << 4);
    }
}

/* d, fifth bits, 16 bytes; q is 16 too large */
static void widen_q5_0(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 22, out += 32) {
        int q[32];
        float d = scale(in);
        five_bits(in + 2, q);
        for (int i = 0; i < 32; i++) out[i] = d * (float)(q[i] - 16);
    }
}

/* d, m, fifth bits, 16 bytes */
static void widen_q5_1(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 24, out += 32) {
        int q[32];
        float d = scale(in), m = scale(in + 2);
        five_bits(in + 4, q);
        for (int i = 0; i < 32; i++) out[i] = d * (float)q[i] + m;
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

/* d, dmin, scales, 128 bytes: each 32 bytes hold two groups of 32 values, the first in the low halves. */
static void widen_q4_k(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 144) {
        uint8_t sc[8], mn[8];
        float d = scale(in), dmin = scale(in + 2);
        unpack_scales(in + 4, sc, mn);
        for (int g = 0; g < 8; g += 2, out += 64) {
            const uint8_t *q = in + 16 + 16 * g;
            float d0 = d * (float)sc[g], m0 = dmin * (float)mn[g];
            float d1 = d * (float)sc[g + 1], m1 = dmin * (float)mn[g + 1];
            for (int i = 0; i < 32; i++) out[i] = d0 * (float)(q[i] & 15) - m0;
            for (int i = 0; i < 32; i++) out[32 + i] = d1 * (float)(q[i] >> 4) - m1;
        }
    }
}

/* d, dmin, scales, 32 bytes of fifth bits (group g's is bit g), 128 bytes as above */
static void widen_q5_k(const uint8_t *in, float *restrict out, size_t blocks) {
    for (size_t b = 0; b < blocks; b++, in += 176) {
        uint8_t sc[8], mn[8];
        float d = scale(in), dmin = scale(in + 2);
        const uint8_t *high = in + 16;
        unpack_scales(in + 4, sc, mn);
        for (int g = 0; g < 8; g += 2, out += 64) {
            const uint8_t *q = in + 48 + 16 * g;
            float d0 = d * (float)sc[g], m0 = dmin * (float)mn[g];
            float d1 = d * (float)sc[g + 1], m1 = dmin * (float)mn[g + 1];
            for (int i = 0; i < 32; i++) out[i] = d0 * (float)((q[i] & 15) | (high[i] >> g & 1) << 4) - m0;
            for (int i = 0; i < 32; i++)
                out[32 + i] = d1 * (float)(q[i] >> 4 | (high[i] >> (g + 1) & 1) << 4) - m1;
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
        for (int g = 0; g < 8; g++, out += 32) {
            const uint8_t *low = in + 64 * (g / 4) + 32 * (g % 2), *high = in + 128 + 32 * (g / 4);
            const int8_t *sc = (const int8_t *)in + 192 + 2 * g;
            float d0 = d * (float)sc[0], d1 = d * (float)sc[1];
            int down = g % 4 / 2 * 4, up = g % 4 * 2;
            for (int i = 0; i < 16; i++)
                out[i] = d0 * (float)(((low[i] >> down & 15) | (high[i] >> up & 3) << 4) - 32);
            for (int i = 16; i < 32; i++)
                out[i] = d1 * (float)(((low[i] >> down & 15) | (high[i] >> up & 3) << 4) - 32);
        }
    }
}

/* ---------------------------------------------------------------- the table */

static const gk__quant QUANTS[] = {
    {0, "F32", 1, 4, widen_f32},        {1, "F16", 1, 2, widen_f16},
    {30, "BF16", 1, 2, widen_bf16},     {8, "Q8_0", 32, 34, widen_q8_0},
    {2, "Q4_0", 32, 18, widen_q4_0},    {3, "Q4_1", 32, 20, widen_q4_1},
    {6, "Q5_0", 32, 22, widen_q5_0},    {7, "Q5_1", 32, 24, widen_q5_1},
    {12, "Q4_K", 256, 144, widen_q4_k}, {13, "Q5_K", 256, 176, widen_q5_k},
    {14, "Q6_K", 256, 210, widen_q6_k},
};

const gk__quant *gk__quant_of(uint32_t id) {
    for (size_t i = 0; i < sizeof QUANTS / sizeof *QUANTS; i++)
        if (QUANTS[i].id == id) return &QUANTS[i];
    return NULL;
}

const char *gk__quant_list(void) {
    return "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K";
}

void gk__dequantise(const gk__quant *q, const void *in, float *out, size_t n) {
    assert(n % q->block == 0);
    q->widen(in, out, n / q->block);
}
