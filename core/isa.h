/* isa.h: instruction sets, and functions that are compiled once for each (isa.c). Part of core.h, which
 * includes it where errors and bool are known. */
#ifndef GK_CORE_ISA_H
#define GK_CORE_ISA_H

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
/* False where GRAFTKIT_ISA names nothing that this processor has; gk_isa_used() then passes over it.
 *     gk_error err;
 *     if (!gk_isa_check(&err)) return gk_die(&err); */
bool gk_isa_check(gk_error *err);

/* A module lists its kernels in one header as LIST(X) of X(returned type, `return` or nothing, name,
 * (parameters), (arguments)). Where a file is compiled for one instruction set, GK_ISA is its name in quotes
 * and GK_KERNEL_LABEL gives the file's functions symbols of their own (with _avx2 behind, say); one file of the
 * module says GK_KERNELS_CHOOSE(LIST), which defines the plain names as calls of those chosen. */
#if defined(GK_ISA)
#define GK_KERNEL_LABEL(type, give, name, parameters, arguments) \
    extern __typeof__(name) name __asm__(#name "_" GK_ISA);
#else
#define GK_KERNEL_LABEL(type, give, name, parameters, arguments)
#endif
#if defined(__x86_64__)
#define GK_KERNEL_DECLARE(type, give, name, parameters, arguments)       \
    extern __typeof__(name) name##_baseline, name##_avx2, name##_avx512; \
    static __typeof__(name) *name##_used = name##_baseline;
#define GK_KERNEL_PICK(type, give, name, parameters, arguments) \
    name##_used = isa == GK_AVX512 ? name##_avx512 : isa == GK_AVX2 ? name##_avx2 : name##_baseline;
#else
#define GK_KERNEL_DECLARE(type, give, name, parameters, arguments) \
    extern __typeof__(name) name##_baseline;                       \
    static __typeof__(name) *const name##_used = name##_baseline;
#define GK_KERNEL_PICK(type, give, name, parameters, arguments)
#endif
#define GK_KERNEL_CALL(type, give, name, parameters, arguments) \
    type name parameters {                                      \
        give name##_used arguments;                             \
    }
#define GK_KERNELS_CHOOSE(LIST)                                     \
    LIST(GK_KERNEL_DECLARE)                                         \
    __attribute__((constructor)) static void choose_kernels(void) { \
        gk_isa isa = gk_isa_used();                                 \
        (void)isa;                                                  \
        LIST(GK_KERNEL_PICK)                                        \
    }                                                               \
    LIST(GK_KERNEL_CALL)

#endif
