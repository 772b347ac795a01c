/* gguf_parts.h: what gguf.c reads and gguf_meta.c hands out (gguf_types.c: of which types). Internal to
 * core/. */
#ifndef GK_CORE_GGUF_PARTS_H
#define GK_CORE_GGUF_PARTS_H

#include "core/gguf.h"
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"

/* One key and its value, which stays in the map. */
typedef struct gk_gguf__pair {
    const char *key;      /* copied: NUL-terminated */
    uint64_t at;          /* byte offset of the value in the file */
    const uint8_t *value; /* scalar: its bytes; string: its text; array: its first item */
    uint64_t n;           /* string: its length; array: its items */
    gk_gguf_type type, item;
} gk_gguf__pair;

struct gk_gguf {
    gk_map map;
    gk_arena *names;
    const char *path;
    uint32_t version;
    size_t at;          /* while reading: the next byte */
    uint64_t alignment; /* of tensor data */
    gk_gguf__pair *pairs;
    size_t n_pairs;
    const gk_gguf__pair **by_key; /* sorted */
    gk_gguf_tensor *tensors;
    size_t n_tensors;
    const gk_gguf_tensor **by_name; /* sorted */
    gk_gguf **rest;                 /* a model's further files; its tensors are in the list above, too */
    size_t n_rest;
};

/* One file by itself, whatever it says of others. */
gk_gguf *gk_gguf__open_one(const char *path, gk_error *err);
/* Makes by_name; fails on a name that is there twice. */
bool gk_gguf__index(gk_gguf *g, gk_error *err);

/* Bytes of a value of fixed size; 0 for strings, arrays and what is no type. */
size_t gk_gguf__value_bytes(gk_gguf_type type);
const char *gk_gguf__type_name(gk_gguf_type type); /* "u32", "string", …; NULL for what is no type */
/* The pair of that key, or NULL. */
const gk_gguf__pair *gk_gguf__find(const gk_gguf *g, const char *key);

#endif
