/* half.c: arrays of 16-bit floats. The portable loops vectorise; where the processor converts f16 itself,
 * that is used for all but the last few. */
#include "graftkit/core/random.h"
#include "model/formats/kernels.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

void gk_half__f16_to_f32(const uint16_t *restrict in, float *restrict out, size_t n) {
    size_t i = 0;
#if defined(__AVX512F__)
    for (; n - i >= 16; i += 16)
        _mm512_storeu_ps(out + i, _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(in + i))));
#elif defined(__F16C__)
    for (; n - i >= 8; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(in + i))));
#endif
    for (; i < n; i++) out[i] = gk_half__f16_widen(in[i]);
}

void gk_half__f32_to_f16(const float *restrict in, uint16_t *restrict out, size_t n) {
    size_t i = 0;
#if defined(__AVX512F__)
    for (; n - i >= 16; i += 16)
        _mm256_storeu_si256((void *)(out + i),
                            _mm512_cvtps_ph(_mm512_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
#elif defined(__F16C__)
    for (; n - i >= 8; i += 8)
        _mm_storeu_si128((void *)(out + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
#endif
    for (; i < n; i++) out[i] = gk_half__f16_narrow(in[i]);
}

void gk_half__bf16_to_f32(const uint16_t *restrict in, float *restrict out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = gk_half__bf16_widen(in[i]);
}

void gk_half__f32_to_bf16(const float *restrict in, uint16_t *restrict out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = gk_half__bf16_narrow(in[i]);
}

void gk_bf16_round(const float *in, uint16_t *out, size_t n) {
    gk_half__f32_to_bf16(in, out, n);
}

void gk_bf16_round_weights(const float *restrict in, uint16_t *restrict out, size_t n, size_t first) {
    for (size_t i = 0; i < n; i++)
        out[i] = gk_bf16_pick(in[i], gk_mix32((uint32_t)(first + i) * 0x9E3779B1u));
}
