/* isa.c: which instruction set the kernels are taken from. */
#include "graftkit/core/error.h"
#include "graftkit/core/isa.h"

#include <stdlib.h>
#include <string.h>

static const char *const NAMES[GK_N_ISAS] = {"baseline", "avx2", "avx512"};

const char *gk_isa_name(gk_isa isa) {
    return NAMES[isa];
}

bool gk_isa_has(gk_isa isa) {
    if (isa == GK_BASELINE) return true;
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    if (isa == GK_AVX2) return avx2;
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

static const char *asked(void) {
    const char *word = getenv("GRAFTKIT_ISA");
    return word && *word ? word : NULL;
}

/* GK_N_ISAS: no such name. */
static gk_isa named(const char *word) {
    gk_isa isa = GK_BASELINE;
    while (isa < GK_N_ISAS && strcmp(word, NAMES[isa]) != 0) isa++;
    return isa;
}

bool gk_isa_forced(void) {
    return asked() && gk_isa_check(NULL);
}

gk_isa gk_isa_used(void) {
    if (gk_isa_forced()) return named(asked());
    return gk_isa_has(GK_AVX512) ? GK_AVX512 : gk_isa_has(GK_AVX2) ? GK_AVX2 : GK_BASELINE;
}

bool gk_isa_check(gk_error *err) {
    const char *word = asked();
    if (!word) return true;
    gk_isa isa = named(word);
    if (isa == GK_N_ISAS)
        return gk_fail(err, GK_NOWHERE, "it is baseline, avx2 or avx512",
                       "GRAFTKIT_ISA='%s' is no instruction set", word);
    if (!gk_isa_has(isa))
        return gk_fail(err, GK_NOWHERE, "leave it unset: the best that there is gets chosen",
                       "GRAFTKIT_ISA=%s: this processor has no %s", word, word);
    return true;
}
