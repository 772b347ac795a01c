/* memory.h (core): aligned memory, arenas, growing byte strings.
 *
 * Out of memory: gk_alloc and arenas never return NULL; they write one line to stderr and abort, because no
 * caller could go on. A size that comes from a file or a user must therefore be checked against what is
 * sensible first, or go through gk_try_alloc.
 *
 * Example:
 *     gk_arena *a = gk_arena_new();
 *     float *row = (float *)gk_arena_alloc(a, 768 * sizeof *row);
 *     char *name = gk_arena_printf(a, "layer %d", 3);
 *     printf("%s: %g\n", name, (double)row[0]);
 *     gk_arena_free(a); // and with it row and name
 *     return true;
 */
#ifndef GRAFTKIT_CORE_MEMORY_H
#define GRAFTKIT_CORE_MEMORY_H

#include "graftkit/core/base.h"

GK_PUBLIC_BEGIN

void *gk_alloc(size_t bytes);     /* zeroed, 64-byte aligned; release with gk_free */
void *gk_try_alloc(size_t bytes); /* the same, or NULL */
void *gk_grow(void *old, size_t old_bytes, size_t new_bytes); /* keeps the old bytes; zeroes the rest */
void gk_free(void *p);                                        /* NULL is fine */
/* a*b, or false when it does not fit size_t. */
bool gk_mul_size(size_t a, size_t b, size_t *out);
/* A bump allocator with one lifetime: a model, a batch, a chunk. Not thread-safe. */
typedef struct gk_arena gk_arena;
gk_arena *gk_arena_new(void);                    /* empty; release with gk_arena_free */
void *gk_arena_alloc(gk_arena *a, size_t bytes); /* zeroed, 64-byte aligned */
/* Copies of a text, of its first n bytes (fewer where it ends before), of a text made as printf makes it. */
char *gk_arena_strdup(gk_arena *a, const char *s);
char *gk_arena_strndup(gk_arena *a, const char *s, size_t n);
char *gk_arena_printf(gk_arena *a, const char *fmt, ...) GK_PRINTF(2, 3);
/* "NAME=VALUE" with both there: the name, and *value points behind the first `=`. NULL where text is no such
 * thing, or NULL. */
const char *gk_arena_named(gk_arena *a, const char *text, const char **value);
void gk_arena_reset(gk_arena *a);         /* keeps the memory for reuse */
size_t gk_arena_bytes(const gk_arena *a); /* bytes taken from the system */
void gk_arena_free(gk_arena *a);          /* NULL is fine */

/* A growable byte string, always NUL-terminated once written to. Zero-initialise;
 * release with gk_buf_free. */
typedef struct gk_buf {
    char *data;
    size_t len, cap;
} gk_buf;
/* They append bytes, a text, a text made as printf makes it. */
void gk_buf_add(gk_buf *b, const char *bytes, size_t n);
void gk_buf_puts(gk_buf *b, const char *s);
void gk_buf_printf(gk_buf *b, const char *fmt, ...) GK_PRINTF(2, 3);
void gk_buf_free(gk_buf *b); /* empty again afterwards */

GK_PUBLIC_END

#endif
