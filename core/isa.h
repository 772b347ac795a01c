/* isa.h: functions that are compiled once for each instruction set (isa.c). Shared between graftkit's
 * modules; not installed. */
#ifndef GK_CORE_ISA_H
#define GK_CORE_ISA_H

#include "graftkit/core/isa.h"

/* A module lists its kernels in one header as LIST(X) of X(returned type, `return` or nothing, name,
 * (parameters), (arguments)). Where a file is compiled for one instruction set, GK_ISA is its name in quotes
 * and GK_KERNEL_LABEL gives the file's functions symbols of their own (with _avx2 behind, say); one file of
 * the module says GK_KERNELS_CHOOSE(LIST), which defines the plain names as calls of those chosen. */
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
