/* gguf_writer.h: metadata of GGUF files, written value by value. */
#ifndef GK_TESTS_GGUF_WRITER_H
#define GK_TESTS_GGUF_WRITER_H

#include "core/gguf.h"
#include "graftkit/core/memory.h"
#include "tests/support/scratch.h"

typedef struct gguf_writer {
    gk_buf kv;
    uint64_t n;
} gguf_writer;

static inline void gw_raw(gk_buf *b, uint64_t value, size_t bytes) {
    gk_buf_add(b, (const char *)&value, bytes);
}

static inline void gw_text(gk_buf *b, const char *text) {
    gw_raw(b, strlen(text), 8);
    gk_buf_puts(b, text);
}

static inline void gw_key(gguf_writer *w, const char *key, gk_gguf_type type) {
    gw_text(&w->kv, key);
    gw_raw(&w->kv, type, 4);
    w->n++;
}

static inline void gw_u32(gguf_writer *w, const char *key, uint32_t value) {
    gw_key(w, key, GK_GGUF_U32);
    gw_raw(&w->kv, value, 4);
}

static inline void gw_bool(gguf_writer *w, const char *key, bool value) {
    gw_key(w, key, GK_GGUF_BOOL);
    gw_raw(&w->kv, value, 1);
}

static inline void gw_str(gguf_writer *w, const char *key, const char *value) {
    gw_key(w, key, GK_GGUF_STRING);
    gw_text(&w->kv, value);
}

/* The head of an array; its n items follow. */
static inline void gw_array(gguf_writer *w, const char *key, gk_gguf_type type, size_t n) {
    gw_key(w, key, GK_GGUF_ARRAY);
    gw_raw(&w->kv, type, 4);
    gw_raw(&w->kv, n, 8);
}

static inline void gw_strings(gguf_writer *w, const char *key, const char *const *text, size_t n) {
    gw_array(w, key, GK_GGUF_STRING, n);
    for (size_t i = 0; i < n; i++) gw_text(&w->kv, text[i]);
}

static inline void gw_f32(gguf_writer *w, const char *key, float value) {
    gw_key(w, key, GK_GGUF_F32);
    gk_buf_add(&w->kv, (const char *)&value, sizeof value);
}

/* The value of a u32 or f32 of a file in memory becomes these four bytes. */
static inline void gw_patch(char *bytes, size_t len, const char *key, const void *value) {
    char *at = memmem(bytes, len, key, strlen(key));
    ck_assert_ptr_nonnull(at);
    memcpy(at + strlen(key) + 4, value, 4);
}

/* Writes the file and ends the writer. */
static inline char *gw_end(gguf_writer *w, gk_buf *all, scratch *s, const char *name) {
    char *path = scratch_path(s, name);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(all->data, 1, all->len, f), all->len);
    ck_assert_int_eq(fclose(f), 0);
    gk_buf_free(all);
    gk_buf_free(&w->kv);
    *w = (gguf_writer){0};
    return path;
}

/* A copy of a file's bytes with this metadata before its own; ends the writer. */
static inline char *gw_insert(gguf_writer *w, scratch *s, const char *bytes, size_t len, const char *name) {
    enum { HEAD = 24, N_KEYS = 16, ALIGNMENT = 32 };
    gk_buf all = {0};
    uint64_t n;
    /* Tensors keep their alignment. */
    size_t pad = 2 * ALIGNMENT - (w->kv.len + 8 + strlen("test.pad") + 4 + 8) % ALIGNMENT;
    gw_str(w, "test.pad", gk_arena_printf(s->a, "%*s", (int)pad, ""));
    memcpy(&n, bytes + N_KEYS, sizeof n);
    gk_buf_add(&all, bytes, N_KEYS);
    gw_raw(&all, n + w->n, 8);
    gk_buf_add(&all, w->kv.data, w->kv.len);
    gk_buf_add(&all, bytes + HEAD, len - HEAD);
    return gw_end(w, &all, s, name);
}

/* A file of this metadata without tensors; ends the writer. */
static inline char *gw_save(gguf_writer *w, scratch *s, const char *name) {
    gk_buf all = {0};
    gk_buf_add(&all, "GGUF", 4);
    gw_raw(&all, 3, 4);
    gw_raw(&all, 0, 8);
    gw_raw(&all, w->n, 8);
    gk_buf_add(&all, w->kv.data, w->kv.len);
    return gw_end(w, &all, s, name);
}

#endif
