/* arena.c: zeroed aligned memory, arenas with one lifetime, and a growable string. */
#include "graftkit/core/memory.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64, FIRST_BLOCK = 64 << 10, LARGEST_STEP = 16 << 20, HUGE_PAGE = 2 << 20, LARGE = 3 << 20 };

static _Noreturn void out_of_memory(size_t bytes) {
    fprintf(stderr, "graftkit: out of memory (%zu bytes asked for)\n", bytes);
    abort();
}

/* Touching 4 kB pages for the first time costs seconds a GiB; advice that the system cannot take is no error.
 */
static void ask_for_huge_pages(char *p, size_t bytes) {
    size_t skip = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (skip < bytes) madvise(p + skip, (bytes - skip) / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
}

/* calloc leaves fresh pages untouched until used, which aligned_alloc + memset would not; so the alignment is
 * made by hand, and the pointer that free() wants is kept just below. */
void *gk_try_alloc(size_t bytes) {
    if (bytes > SIZE_MAX - 2 * ALIGN) return NULL;
    char *raw = calloc(1, bytes + ALIGN + sizeof(void *));
    if (!raw) return NULL;
    char *p = raw + sizeof(void *);
    p += (ALIGN - (uintptr_t)p % ALIGN) % ALIGN;
    memcpy(p - sizeof raw, &raw, sizeof raw);
    if (bytes >= LARGE) ask_for_huge_pages(p, bytes);
    return p;
}

void *gk_alloc(size_t bytes) {
    void *p = gk_try_alloc(bytes);
    if (!p) out_of_memory(bytes);
    return p;
}

void gk_free(void *p) {
    if (!p) return;
    void *raw;
    memcpy(&raw, (char *)p - sizeof raw, sizeof raw);
    free(raw);
}

void *gk_grow(void *old, size_t old_bytes, size_t new_bytes) {
    void *p = gk_alloc(new_bytes);
    size_t keep = old_bytes < new_bytes ? old_bytes : new_bytes;
    if (old && keep) memcpy(p, old, keep);
    gk_free(old);
    return p;
}

bool gk_mul_size(size_t a, size_t b, size_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}

/* ---------------------------------------------------------------- arena */

/* Blocks before `now` are full, those after it wait for reuse. Bytes at and above `touched` are still zero as
 * they came from the system, so only memory that is handed out a second time has to be cleared. */
typedef struct block {
    struct block *next;
    size_t size, used, touched;
    char *data;
} block;

struct gk_arena {
    block *first, *now;
    size_t bytes;
};

gk_arena *gk_arena_new(void) {
    return gk_alloc(sizeof(gk_arena));
}

static block *add_block(gk_arena *a, size_t at_least) {
    size_t size = a->bytes < FIRST_BLOCK ? FIRST_BLOCK : a->bytes;
    if (size > LARGEST_STEP) size = LARGEST_STEP;
    if (size < at_least) size = at_least;
    block *b = gk_alloc(sizeof *b);
    b->data = gk_alloc(size);
    b->size = size;
    b->next = a->now ? a->now->next : NULL;
    if (a->now)
        a->now->next = b;
    else
        a->first = b;
    a->bytes += size + sizeof *b;
    return b;
}

static bool fits(const block *b, size_t bytes, size_t align) {
    size_t pad = (align - b->used % align) % align;
    return pad <= b->size - b->used && bytes <= b->size - b->used - pad;
}

static void *take(gk_arena *a, size_t bytes, size_t align) {
    if (bytes == 0) bytes = 1; /* so that every pointer is its own */
    if (!a->now || !fits(a->now, bytes, align)) {
        block *next = a->now ? a->now->next : NULL;
        a->now = next && fits(next, bytes, align) ? next : add_block(a, bytes);
    }
    block *b = a->now;
    size_t begin = b->used + (align - b->used % align) % align;
    b->used = begin + bytes;
    size_t dirty_end = b->used < b->touched ? b->used : b->touched;
    if (begin < dirty_end) memset(b->data + begin, 0, dirty_end - begin);
    if (b->touched < b->used) b->touched = b->used;
    return b->data + begin;
}

void *gk_arena_alloc(gk_arena *a, size_t bytes) {
    return take(a, bytes, ALIGN);
}

char *gk_arena_strndup(gk_arena *a, const char *s, size_t n) {
    size_t len = strnlen(s, n);
    char *copy = take(a, len + 1, 1);
    memcpy(copy, s, len);
    return copy;
}

char *gk_arena_strdup(gk_arena *a, const char *s) {
    return gk_arena_strndup(a, s, strlen(s));
}

/* vsnprintf into room found by `take` or a gk_buf needs the length first. */
static size_t printed_length(const char *fmt, va_list ap) {
    va_list copy;
    va_copy(copy, ap);
    int n = vsnprintf(NULL, 0, fmt, copy);
    va_end(copy);
    return n > 0 ? (size_t)n : 0;
}

char *gk_arena_printf(gk_arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    size_t len = printed_length(fmt, ap);
    char *text = take(a, len + 1, 1);
    vsnprintf(text, len + 1, fmt, ap);
    va_end(ap);
    return text;
}

const char *gk_arena_named(gk_arena *a, const char *text, const char **value) {
    const char *eq = text ? strchr(text, '=') : NULL;
    if (!eq || eq == text || !eq[1]) return NULL;
    *value = eq + 1;
    return gk_arena_strndup(a, text, (size_t)(eq - text));
}

void gk_arena_reset(gk_arena *a) {
    for (block *b = a->first; b; b = b->next) b->used = 0;
    a->now = a->first;
}

size_t gk_arena_bytes(const gk_arena *a) {
    return a->bytes;
}

void gk_arena_free(gk_arena *a) {
    if (!a) return;
    for (block *b = a->first, *next; b; b = next) {
        next = b->next;
        gk_free(b->data);
        gk_free(b);
    }
    gk_free(a);
}

/* ---------------------------------------------------------------- growable string */

static void make_room(gk_buf *b, size_t more) {
    if (more > SIZE_MAX / 4 - b->len) out_of_memory(more);
    size_t need = b->len + more + 1;
    if (need <= b->cap) return;
    size_t cap = b->cap ? 2 * b->cap : 64;
    if (cap < need) cap = need;
    b->data = gk_grow(b->data, b->len, cap);
    b->cap = cap;
}

void gk_buf_add(gk_buf *b, const char *bytes, size_t n) {
    make_room(b, n);
    if (n) memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void gk_buf_puts(gk_buf *b, const char *s) {
    gk_buf_add(b, s, strlen(s));
}

void gk_buf_printf(gk_buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    size_t len = printed_length(fmt, ap);
    make_room(b, len);
    vsnprintf(b->data + b->len, len + 1, fmt, ap);
    va_end(ap);
    b->len += len;
}

void gk_buf_free(gk_buf *b) {
    gk_free(b->data);
    *b = (gk_buf){0};
}
