/* base.h (core): what every header of graftkit begins with. What holds in all of them:
 *
 *  - A function that can fail returns bool (false = failed) or a pointer (NULL = failed) and fills a
 *    gk_error. `err` may be NULL when the caller does not care. The library never prints and never exits, but
 *    where memory.h says so.
 *  - "Thread-safe" in a comment means: may be called from several threads on different objects, and
 *    on the same object where the object is const. Functions are thread-safe in that sense unless
 *    they say otherwise.
 *  - Strings are UTF-8. Spans are byte offsets [begin, end) into such a string.
 *  - What is "in `a`" lives until that arena is freed or reset. What a function returns otherwise is the
 *    caller's to release with the function named beside it, unless it is said to be borrowed or static.
 *  - The examples are bodies of a function `bool example(gk_error *err)`, which are compiled by a test.
 *
 * Example:
 *     printf("graftkit %s\n", GK_VERSION);
 *     return true;
 */
#ifndef GRAFTKIT_CORE_BASE_H
#define GRAFTKIT_CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a public header declares is C to C++ too, and all that the shared library shows. (graftkit itself
 * compiles functions that it has once for each instruction set with these two empty.) */
#if defined(GK_PUBLIC_BEGIN)
#elif defined(__cplusplus)
#define GK_PUBLIC_BEGIN \
    extern "C" {        \
    _Pragma("GCC visibility push(default)")
#define GK_PUBLIC_END             \
    _Pragma("GCC visibility pop") \
    }
#else
#define GK_PUBLIC_BEGIN _Pragma("GCC visibility push(default)")
#define GK_PUBLIC_END _Pragma("GCC visibility pop")
#endif

/* Semantic; while the first number is 0, every version is an interface of its own. */
#define GK_VERSION "0.1.0"

#if defined(__GNUC__)
#define GK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define GK_PRINTF(fmt, args)
#endif

/* A part of a text: bytes [begin, end). */
typedef struct gk_span {
    uint32_t begin, end;
} gk_span;

#endif
