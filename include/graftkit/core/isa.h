/* isa.h (core): the instruction sets that graftkit has kernels for, and which of them this process uses.
 *
 * Example:
 *     if (!gk_isa_check(err)) return false;
 *     printf("kernels for %s\n", gk_isa_name(gk_isa_used()));
 *     return true;
 */
#ifndef GRAFTKIT_CORE_ISA_H
#define GRAFTKIT_CORE_ISA_H

#include "graftkit/core/error.h"

GK_PUBLIC_BEGIN

/* Loops over floats ("kernels") are compiled once for each of these, and chosen when the program starts.
 * Baseline is what every processor of the architecture has (on arm64 that includes NEON); avx2 also wants FMA
 * and F16C (x86-64-v3), avx512 F, BW, DQ and VL (x86-64-v4). */
typedef enum gk_isa { GK_BASELINE, GK_AVX2, GK_AVX512, GK_N_ISAS } gk_isa;

/* "baseline", "avx2", "avx512". */
const char *gk_isa_name(gk_isa isa);
/* Whether this processor and its system have it. */
bool gk_isa_has(gk_isa isa);
/* What kernels are taken from: the best that the processor has, or GRAFTKIT_ISA's. The same in all of a
 * process. */
gk_isa gk_isa_used(void);
/* Whether GRAFTKIT_ISA is set, so that libraries have to keep to gk_isa_used() too. */
bool gk_isa_forced(void);
/* False where GRAFTKIT_ISA names nothing that this processor has; gk_isa_used() then passes over it. */
bool gk_isa_check(gk_error *err);

GK_PUBLIC_END

#endif
