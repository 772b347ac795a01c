/* half.h: 16-bit floats to and from 32-bit ones. Internal to model/.
 *
 * f16 is IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits); bf16 is the upper half of a binary32. To
 * 32 bits every value is exact; to 16 bits it is rounded to nearest, ties to even, overflow to infinity,
 * subnormals included. A NaN stays one, with its sign and the upper bits of its payload, and comes out quiet
 * (except from bf16, which is widened bit by bit). The processor's conversions and the portable ones give the
 * same bits.
 *
 * The arrays must not overlap. */
#ifndef GK_MODEL_HALF_H
#define GK_MODEL_HALF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

void gk_half__f16_to_f32(const uint16_t *in, float *out, size_t n);
void gk_half__f32_to_f16(const float *in, uint16_t *out, size_t n);
void gk_half__bf16_to_f32(const uint16_t *in, float *out, size_t n);
void gk_half__f32_to_bf16(const float *in, uint16_t *out, size_t n);

/* What the array functions do for each value, on any processor; for tests, and for one value at a time. */
static inline float gk_half__f16_widen(uint16_t h) {
    /* With the fields shifted into place the exponent is 112 too small, for subnormals too. */
    uint32_t bits = (uint32_t)(h & 0x7FFF) << 13;
    float f;
    memcpy(&f, &bits, sizeof f);
    f *= 0x1p112f;
    memcpy(&bits, &f, sizeof bits);
    /* Exponent 31 has become 143 and has to be 255: infinity, or a NaN, whose quiet bit gets set. */
    bits |= f >= 65536.0f ? 0x7F800000u : 0u;
    bits |= bits > 0x7F800000u ? 0x00400000u : 0u;
    bits |= (uint32_t)(h & 0x8000) << 16;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint16_t gk_half__f16_narrow(float x) {
    uint32_t bits, tiny;
    memcpy(&bits, &x, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7FFFFFFF;
    /* Normal: the exponent loses 112, the fraction 13 bits; a carry runs into the exponent as it should. */
    uint32_t r = size - 0x38000000u;
    r = (r + 0x0FFF + (r >> 13 & 1)) >> 13;
    /* Subnormal: beside 0.5 a float's last bit is worth 2^-24, as an f16 subnormal's is; the sum rounds. */
    float f;
    memcpy(&f, &size, sizeof f);
    f += 0.5f;
    memcpy(&tiny, &f, sizeof tiny);
    r = size < 0x38800000u ? tiny - 0x3F000000u : r; /* 2^-14 */
    r = size >= 0x477FF000u ? 0x7C00u : r;           /* 65520 is where rounding reaches infinity */
    r = size > 0x7F800000u ? 0x7E00u | (size >> 13 & 0x03FF) : r;
    return (uint16_t)(sign | r);
}

static inline float gk_half__bf16_widen(uint16_t h) {
    uint32_t bits = (uint32_t)h << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint16_t gk_half__bf16_narrow(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t r = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    r = (bits & 0x7FFFFFFF) > 0x7F800000u ? bits >> 16 | 0x0040 : r;
    return (uint16_t)r;
}

#endif
