/* gguf.h: the container of ggml's models. Shared between graftkit's modules; not installed. */
#ifndef GK_CORE_GGUF_H
#define GK_CORE_GGUF_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"

/* The container of ggml's models: typed metadata and named tensors in one file (docs/gguf.md of the ggml
 * project), or in several as gguf-split writes them. Versions 2 and 3, little-endian. Everything is checked
 * when the file is opened; nothing but names is copied, and arrays and tensor data are read from the map in
 * place.
 *
 * Keys and tensor names are unique, not empty, valid UTF-8 without NUL. Texts among the values may hold any
 * bytes: they come with their length and no NUL behind them; gk_gguf_str alone insists on UTF-8 without NUL.
 * Arrays of arrays are refused. All that a gk_gguf hands out lives until gk_gguf_close. */
typedef struct gk_gguf gk_gguf;
typedef enum gk_gguf_type { /* the file's numbers */
                            GK_GGUF_U8,
                            GK_GGUF_I8,
                            GK_GGUF_U16,
                            GK_GGUF_I16,
                            GK_GGUF_U32,
                            GK_GGUF_I32,
                            GK_GGUF_F32,
                            GK_GGUF_BOOL,
                            GK_GGUF_STRING,
                            GK_GGUF_ARRAY,
                            GK_GGUF_U64,
                            GK_GGUF_I64,
                            GK_GGUF_F64,
                            GK_GGUF_NONE /* there is no such value */
} gk_gguf_type;
/* Whether the file begins as a GGUF file does, whatever its name. */
bool gk_gguf_is(const char *path);
/* Of a model in several files (split.count in its metadata) any one may be named: the others are opened
 * beside it, and must be all there and of one model. The metadata are the first's, the tensors those of all.
 * Errors carry the byte at which a file is wrong, and the key or tensor as the field. */
gk_gguf *gk_gguf_open(const char *path, gk_error *err);
void gk_gguf_close(gk_gguf *g); /* NULL is fine */
/* The files in their order; NULL beyond. The first is the one with the metadata, whichever was named. */
size_t gk_gguf_files(const gk_gguf *g);
const char *gk_gguf_file(const gk_gguf *g, size_t i);
uint32_t gk_gguf_version(const gk_gguf *g);

/* Metadata in file order; NULL and GK_GGUF_NONE for what is not there. */
size_t gk_gguf_count(const gk_gguf *g);
const char *gk_gguf_key(const gk_gguf *g, size_t i);
gk_gguf_type gk_gguf_type_of(const gk_gguf *g, const char *key);
bool gk_gguf_has(const gk_gguf *g, const char *key);
/* Where a value stands, for messages of the caller's own: file, byte, and `key` (borrowed) as the field. */
gk_place gk_gguf_place(const gk_gguf *g, const char *key);

/* Typed access to the value of `key`, as with gk_json_int and its like. Every integer type is an integer,
 * every integer and float type is a number, and numbers must be finite; bools are neither. */
bool gk_gguf_int(const gk_gguf *g, const char *key, int64_t lo, int64_t hi, int64_t *out, gk_error *err);
bool gk_gguf_num(const gk_gguf *g, const char *key, double *out, gk_error *err);
bool gk_gguf_bool(const gk_gguf *g, const char *key, bool *out, gk_error *err);
/* *out is a NUL-terminated copy in `a`; fails when the text is longer than 16 MiB, holds a NUL or is no
 * UTF-8. */
bool gk_gguf_str(const gk_gguf *g, const char *key, gk_arena *a, const char **out, gk_error *err);
/* The text as it stands in the file: *len bytes, any bytes, no NUL behind them. */
bool gk_gguf_bytes(const gk_gguf *g, const char *key, const char **out, size_t *len, gk_error *err);

/* An array's items, in place. Plain data: a copy is a second iterator over the same items. */
typedef struct gk_gguf_array {
    gk_gguf_type type; /* of the items; never GK_GGUF_ARRAY */
    size_t n;
    size_t next;         /* the text that gk_gguf_next gives next */
    const uint8_t *data; /* internal: item 0; of strings the one numbered `next` */
    const gk_gguf *g;
    const char *key;
} gk_gguf_array;
/* `type`: what the items must be, or GK_GGUF_NONE for any type. */
bool gk_gguf_array_of(const gk_gguf *g, const char *key, gk_gguf_type type, gk_gguf_array *out,
                      gk_error *err);
/* The next text of an array of strings, in constant time; false after the last and for other arrays. */
bool gk_gguf_next(gk_gguf_array *a, const char **out, size_t *len);
/* Item i in constant time, with the same conversions and errors as the scalars (the field reads "key[i]"). */
bool gk_gguf_item_int(const gk_gguf_array *a, size_t i, int64_t lo, int64_t hi, int64_t *out, gk_error *err);
bool gk_gguf_item_num(const gk_gguf_array *a, size_t i, double *out, gk_error *err);
bool gk_gguf_item_bool(const gk_gguf_array *a, size_t i, bool *out, gk_error *err);

typedef struct gk_gguf_tensor {
    const char *name;
    int n_dims; /* 0 to 4 */
    /* In the file's order: shape[0] varies fastest. A matrix that safetensors gives as [rows, columns] is
     * {columns, rows, 1, 1} here, with the same order of values in memory. Unused dimensions are 1. */
    int64_t shape[4];
    int64_t n_values;
    uint32_t type;         /* ggml's number of the element type */
    const char *type_name; /* "F32", "Q4_K", … */
    const void *data;      /* in the map, aligned to at least 8 bytes */
    uint64_t bytes;
    const char *file; /* the path of the file that holds it */
    uint64_t offset;  /* of the data in the file */
    uint64_t at;      /* of its description in the file */
} gk_gguf_tensor;
size_t gk_gguf_tensors(const gk_gguf *g);
const gk_gguf_tensor *gk_gguf_tensor_at(const gk_gguf *g, size_t i); /* in file order; NULL beyond */
const gk_gguf_tensor *gk_gguf_tensor_find(const gk_gguf *g, const char *name); /* NULL when there is none */
gk_place gk_gguf_tensor_place(const gk_gguf *g, const gk_gguf_tensor *t); /* its description, for messages */
/* ggml's element types: `block` values take `bytes` bytes. NULL for a number that is none. */
typedef struct gk_gguf_dtype {
    uint32_t id;
    const char *name;
    uint32_t block, bytes;
} gk_gguf_dtype;
const gk_gguf_dtype *gk_gguf_dtype_of(uint32_t id);

#endif
