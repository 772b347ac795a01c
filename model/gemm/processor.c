/* processor.c: which instructions for bf16 the processor has, and whether they are the faster way. */
#include "graftkit/core/isa.h"
#include "graftkit/model/operators.h"
#include "model/gemm/bf16_panels.h"
#include "model/gemm/gemm.h"
#include "model/gemm/onednn.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <pthread.h>

#if defined(__x86_64__)
/* gcc 12's __builtin_cpu_supports does not know it: CPUID leaf 7, EDX bit 22. */
bool gk_gemm__has_amx(void) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1u);
}
#endif

static bool bf16_faster;
static pthread_once_t bf16_once = PTHREAD_ONCE_INIT;

static void find_bf16(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    bf16_faster = gk_onednn__has_bf16() && (gk_gemm__has_amx() || __builtin_cpu_is("amd"));
#endif
}

bool gk_bf16_faster(void) {
    pthread_once(&bf16_once, find_bf16);
    return bf16_faster;
}

bool gk_gemm__panels_native(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return gk_isa_used() == GK_AVX512 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_is("amd");
#else
    return false;
#endif
}
