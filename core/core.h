/* core.h: what every graftkit module may lean on and that knows nothing of models.
 *
 * Conventions that hold in every header of graftkit:
 *  - A function that can fail returns bool (false = failed) or a pointer (NULL = failed) and fills a
 *    gk_error. `err` may be NULL when the caller does not care. Library code never prints and never exits.
 *  - "Thread-safe" in a comment means: may be called from several threads on different objects, and
 *    on the same object where the object is const. Functions are thread-safe in that sense unless
 *    they say otherwise.
 *  - Strings are UTF-8. Spans are byte offsets [begin, end) into such a string.
 */
#ifndef GK_CORE_H
#define GK_CORE_H

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a public header declares is C to C++ too, and all that the shared library shows. */
#ifdef __cplusplus
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

GK_PUBLIC_BEGIN

#define GK_VERSION "0.1.0"

#if defined(__GNUC__)
#define GK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define GK_PRINTF(fmt, args)
#endif

/* ---------------------------------------------------------------- errors (error.c) */

/* Where in the input something is wrong. Zero-initialised members are "not known"; lines and columns count
 * from 1; byte is an offset from 0 and counts only when has_byte is set. The strings are borrowed. */
typedef struct gk_place {
    const char *file;
    long line, column;
    bool has_byte;
    uint64_t byte;
    const char *field;
} gk_place;

#define GK_AT_FILE(f) ((gk_place){.file = (f)})
#define GK_AT_LINE(f, l, c) ((gk_place){.file = (f), .line = (l), .column = (c)})
#define GK_AT_BYTE(f, b) ((gk_place){.file = (f), .has_byte = true, .byte = (b)})
#define GK_AT_FIELD(f, name) ((gk_place){.file = (f), .field = (name)})
#define GK_NOWHERE ((gk_place){0})

/* What went wrong, where, and what would be right. Plain data: copy it freely. */
typedef struct gk_error {
    char what[320];
    char hint[320]; /* what would be right; may be empty */
    char file[512];
    char field[96];
    long line, column;
    bool has_byte;
    uint64_t byte;
} gk_error;

/* Fills `err` (when not NULL) and returns false, so that `return gk_fail(...)` reads well.
 * `hint` may be NULL or a printf-free sentence saying what would be right. */
bool gk_fail(gk_error *err, gk_place at, const char *hint, const char *what_fmt, ...) GK_PRINTF(4, 5);
/* The same from errno-style system errors: what = "<verb> failed: <strerror(errnum)>". */
bool gk_fail_errno(gk_error *err, gk_place at, const char *verb, int errnum);
/* One line, no newline: `file:line:column: field 'f': what; hint` (absent parts left out). Returns buf. */
char *gk_error_text(const gk_error *err, char *buf, size_t size);

#include "core/isa.h" /* instruction sets */

/* What a user should know though nothing failed: that a part of the input is not used, say. The library hands
 * each such line (no newline) to the function that the program set, or drops it. Set before other threads
 * start; called from the thread that reads the input. */
typedef void gk_notice_fn(void *ctx, const char *line);
void gk_notice_to(gk_notice_fn *fn, void *ctx);                    /* NULL: drop them */
void gk_notice(gk_place at, const char *fmt, ...) GK_PRINTF(2, 3); /* "file: field 'f': what" */

/* ---------------------------------------------------------------- memory (arena.c) */

/* Out of memory: gk_alloc and arenas never return NULL; they write one line to stderr and abort, because no
 * caller could go on. A size that comes from a file or a user must therefore be checked against what is
 * sensible first, or go through gk_try_alloc. */
void *gk_alloc(size_t bytes);     /* zeroed, 64-byte aligned; release with gk_free */
void *gk_try_alloc(size_t bytes); /* the same, or NULL */
void *gk_grow(void *old, size_t old_bytes, size_t new_bytes); /* keeps the old bytes; zeroes the rest */
void gk_free(void *p);                                        /* NULL is fine */
/* a*b, or false when it does not fit size_t. */
bool gk_mul_size(size_t a, size_t b, size_t *out);

/* A bump allocator with one lifetime: a model, a batch, a chunk. Not thread-safe. */
typedef struct gk_arena gk_arena;
gk_arena *gk_arena_new(void);
void *gk_arena_alloc(gk_arena *a, size_t bytes); /* zeroed, 64-byte aligned */
char *gk_arena_strdup(gk_arena *a, const char *s);
char *gk_arena_strndup(gk_arena *a, const char *s, size_t n);
/* "NAME=VALUE" with both there: the name, and *value points behind the first `=`. NULL where text is no such
 * thing, or NULL. */
const char *gk_arena_named(gk_arena *a, const char *text, const char **value);
char *gk_arena_printf(gk_arena *a, const char *fmt, ...) GK_PRINTF(2, 3);
void gk_arena_reset(gk_arena *a);         /* keeps the memory for reuse */
size_t gk_arena_bytes(const gk_arena *a); /* bytes taken from the system */
void gk_arena_free(gk_arena *a);          /* NULL is fine */

/* A growable byte string, always NUL-terminated once written to. Zero-initialise;
 * release with gk_buf_free. */
typedef struct gk_buf {
    char *data;
    size_t len, cap;
} gk_buf;
void gk_buf_add(gk_buf *b, const char *bytes, size_t n);
void gk_buf_puts(gk_buf *b, const char *s);
void gk_buf_printf(gk_buf *b, const char *fmt, ...) GK_PRINTF(2, 3);
void gk_buf_free(gk_buf *b);

/* ---------------------------------------------------------------- files (file.c, mapped.c, hash.c) */

/* A read-only mapping of a whole file. Empty files map to data = "" with size 0. */
typedef struct gk_map {
    const uint8_t *data;
    size_t size;
    char path[512];
} gk_map;
bool gk_map_open(const char *path, gk_map *out, gk_error *err);
void gk_map_close(gk_map *m);
/* Bytes of a mapped file that will not be read soon: they no longer count as this process's memory. Reading
 * them again costs a page fault each. Memory that gk_map_open did not give is left alone. */
void gk_map_forget(const void *p, size_t n);
/* For the program's main, once, before threads start. A file that is truncated while it is mapped cannot be
 * read any more and the system ends the process (SIGBUS); from now on one line on stderr says which file it
 * was, and the exit code is 1. Without this call it is a crash: a program that uses the library keeps its own
 * handlers. */
void gk_map_guard(void);

/* A whole file as a NUL-terminated string in `a`, without a byte order mark; *len (may be NULL) receives its
 * size. Fails above max_bytes. */
char *gk_read_file(gk_arena *a, const char *path, size_t max_bytes, size_t *len, gk_error *err);

/* Atomic output: bytes go to a temporary name beside `path`; commit flushes, fsyncs, renames over `path`
 * and fsyncs the folder; abort removes the temporary file. Exactly one of commit/abort ends a gk_out. A
 * write error (disk full) is reported by commit, which then removes the temporary file and leaves `path`
 * as it was. Opening removes the temporary files that dead processes left for the same path. A link is
 * followed; a device, a folder or a write-protected file is refused. After a failed
 * open, abort is harmless. */
typedef struct gk_out {
    FILE *f;
    char path[512], temp[544];
} gk_out;
bool gk_out_open(const char *path, gk_out *out, gk_error *err);
bool gk_out_commit(gk_out *out, gk_error *err);
void gk_out_abort(gk_out *out);
/* Whether gk_out_open would succeed, before long work whose result goes there. Changes nothing. */
bool gk_out_check(const char *path, gk_error *err);
/* Writes `len` bytes to `path` through a gk_out. */
bool gk_write_file(const char *path, const void *data, size_t len, gk_error *err);

bool gk_mkdirs(const char *path, gk_error *err); /* like mkdir -p; fails when a folder is not writable */
bool gk_exists(const char *path);
/* True when both name the same file or folder, which need not exist yet. */
bool gk_same_file(const char *a, const char *b);
/* "a/b" in `a`. */
char *gk_path_join(gk_arena *a, const char *dir, const char *name);

#define GK_SHA256_HEX 65
bool gk_sha256_file(const char *path, char hex[GK_SHA256_HEX], gk_error *err);
void gk_sha256_bytes(const void *data, size_t len, char hex[GK_SHA256_HEX]);
/* 64 bits that differ after accidental damage (never after one 8-byte word alone changed, else but for a
 * chance of 2^-64); no protection against forgery. As fast as memory is read; the same for any number of
 * threads. */
uint64_t gk_checksum(const void *data, size_t len);

/* True when [s, s+n) is well-formed UTF-8; otherwise *bad (may be NULL) is the offset at which the first
 * ill-formed sequence starts. */
bool gk_utf8_valid(const char *s, size_t n, size_t *bad);
/* The head of a text file: *skip bytes of it are a byte order mark (UTF-8's, as Windows programs write it),
 * which is no part of the text. All readers of this header leave it out, and lines and columns count without
 * it. Fails on the mark of UTF-16. */
bool gk_text_begin(const char *text, size_t len, const char *path, size_t *skip, gk_error *err);

/* ---------------------------------------------------------------- JSON (json.c; parser: jansson) */

/* A JSON document with unique keys. The caller owns the reference (json_decref). Errors carry
 * line and column. An integer that 64 bits do not hold, which Python writes too, is a real. */
json_t *gk_json_load(const char *path, gk_error *err);
json_t *gk_json_parse(const char *text, size_t len, gk_place at, gk_error *err);
/* Python writes NaN, Infinity and -Infinity, which are no JSON: these two read them as null. This one reads
 * them as strings of themselves, so that who asks for a number there is told. */
json_t *gk_json_load_words(const char *path, gk_error *err);
json_t *gk_json_parse_reals(const char *text, size_t len, gk_place at,
                            gk_error *err); /* integers of any size */
/* A key or text of a document may hold "\u0000", which C's strings cannot: it comes as a mark in its place
 * (U+10FFFF and "0", and U+10FFFF itself twice). The text as it was: `s` itself, or in `a` and with no NUL
 * behind it. */
const char *gk_json_plain(gk_arena *a, const char *s, size_t *len);
/* Atomic, indented, keys in insertion order. */
bool gk_json_save(const char *path, const json_t *json, gk_error *err);

/* Typed access to member `key` of object `obj`; `at` names the place for the message. False (with a
 * message that names file, field, what is there and what would be right) when it is absent or not what
 * was asked for. */
bool gk_json_int(const json_t *obj, const char *key, int64_t lo, int64_t hi, int64_t *out, gk_place at,
                 gk_error *err);
bool gk_json_num(const json_t *obj, const char *key, double *out, gk_place at, gk_error *err); /* finite */
bool gk_json_bool(const json_t *obj, const char *key, bool *out, gk_place at, gk_error *err);
/* *out is borrowed. */
bool gk_json_str(const json_t *obj, const char *key, const char **out, gk_place at, gk_error *err);
/* Fails at the first key that is not `known` (NULL-terminated); the hint lists those. */
bool gk_json_only(const json_t *obj, const char *const *known, gk_place at, gk_error *err);

/* One JSON object a line; blank lines and leading blanks are skipped. NaN, Infinity and -Infinity, which
 * Python writes though they are no JSON, are read as null. */
typedef struct gk_jsonl gk_jsonl;
gk_jsonl *gk_jsonl_open(const char *path, gk_error *err);
/* 1: *out is a new reference to the next object; 0: end of file; -1: error (file:line in err). */
int gk_jsonl_next(gk_jsonl *r, json_t **out, gk_error *err);
gk_place gk_jsonl_place(const gk_jsonl *r); /* file and line of the object last returned */
/* The raw line last read, without its newline (borrowed until the next call). */
const char *gk_jsonl_line(const gk_jsonl *r);
void gk_jsonl_close(gk_jsonl *r);
/* Writes one object and a newline, compact. */
void gk_jsonl_write(FILE *f, const json_t *obj);

/* ---------------------------------------------------------------- YAML (yaml.c; parser: libyaml) */

typedef struct gk_yaml gk_yaml; /* a parsed document */
typedef enum gk_yaml_kind { GK_YAML_NONE, GK_YAML_SCALAR, GK_YAML_LIST, GK_YAML_MAP } gk_yaml_kind;
/* A handle into a document; "absent" when gk_yaml_kind_of says GK_YAML_NONE, as for {0}. */
typedef struct gk_ynode {
    const gk_yaml *doc;
    int id; /* internal */
    /* the key it was looked up by, which messages name; borrowed from the caller or the document */
    const char *key;
} gk_ynode;

/* One document of at most 16 MiB. Duplicate keys, keys that are no scalars and aliases (*name) are errors;
 * an empty document has an absent root. */
gk_yaml *gk_yaml_load(const char *path, gk_error *err);
gk_yaml *gk_yaml_parse(const char *text, size_t len, const char *name, gk_error *err);
void gk_yaml_free(gk_yaml *y);
gk_ynode gk_yaml_root(const gk_yaml *y);
gk_yaml_kind gk_yaml_kind_of(gk_ynode n);     /* GK_YAML_NONE for an absent node */
gk_place gk_yaml_place(gk_ynode n);           /* file, line, column, key; of an absent node: of its map */
size_t gk_yaml_len(gk_ynode n);               /* items of a list or map, else 0 */
gk_ynode gk_yaml_at(gk_ynode list, size_t i); /* i-th item of a list, or i-th value of a map */
gk_ynode gk_yaml_key(gk_ynode map, size_t i); /* i-th key of a map */
gk_ynode gk_yaml_get(gk_ynode map, const char *key); /* absent when there is none */
const char *gk_yaml_text(gk_ynode scalar);           /* NULL when not a scalar */
/* Typed access to a scalar node: false with file:line:column when it is absent or malformed. A quoted
 * scalar is a text, not a number or a bool. */
bool gk_yaml_int(gk_ynode n, int64_t lo, int64_t hi, int64_t *out, gk_error *err);
bool gk_yaml_num(gk_ynode n, double *out, gk_error *err);
bool gk_yaml_bool(gk_ynode n, bool *out, gk_error *err);
/* A bare null, ~ or nothing is no text; "" is. */
bool gk_yaml_str(gk_ynode n, const char **out, gk_error *err);
/* Fails, naming the key and the allowed ones, when `map` is no map or has a key that is not in the
 * NULL-terminated list. */
bool gk_yaml_only(gk_ynode map, const char *const *allowed, gk_error *err);

/* ---------------------------------------------------------------- templates (template.c, seam.c) */

typedef struct gk_span {
    uint32_t begin, end;
} gk_span;

/* A text with {field} holes; "{{" and "}}" stand for braces. */
typedef struct gk_template gk_template;
typedef struct gk_field_span { /* where a field's value stands in a rendered text */
    const char *field;
    gk_span span;
} gk_field_span;
typedef struct gk_rendered {
    char *text;
    size_t len;
    gk_field_span *fields;
    size_t n_fields;
    const char *seam; /* what stands between this text and an answer behind it */
} gk_rendered;
/* Every template of a JSONL file, in order, into `a`. A line is {"template": "..."}; "fillers", an object of
 * texts and numbers, gives it values of fields, and "target_delimiter", a text, what stands between the
 * prompt and the answer instead of gk_seam. Any other key is an error. Errors (unclosed or stray brace, empty
 * field name) carry file:line:column of the brace in the file as it stands. */
bool gk_templates_load(gk_arena *a, const char *path, gk_template ***out, size_t *n, gk_error *err);
gk_template *gk_template_parse(gk_arena *a, const char *text, gk_place at, gk_error *err);
const char *gk_template_text(const gk_template *t); /* as written */
gk_place gk_template_place(const gk_template *t);   /* file and line of one that a file gave */
bool gk_template_has(const gk_template *t, const char *field);
/* Fails at the first of n templates that has the target's field: such a prompt would only be copied from. */
bool gk_templates_ask(gk_template *const *t, size_t n, const char *target, gk_error *err);
/* The fields of its holes, each once, in the order of the text: a NULL-terminated list in `a`. */
const char *const *gk_template_fields(gk_arena *a, const gk_template *t);
/* What stands before the first hole of `field`, up to the hole: a prompt that goes on as it stands. NULL
 * where there is no such hole or no other hole before it. */
gk_template *gk_template_before(gk_arena *a, const gk_template *t, const char *field);
/* A file of fillers, {"field": "value", ...}, a new reference; an empty object for a NULL path. */
json_t *gk_fillers_load(const char *path, gk_error *err);
/* The first field that neither `row`, nor the template's own fillers, nor `fillers` (which may be NULL) has;
 * NULL when there is none. Values are looked up in this order. */
const char *gk_template_lacks(const gk_template *t, const json_t *row, const json_t *fillers);
/* Fails at the hole's file:line:column when the template lacks a field. */
bool gk_template_check(const gk_template *t, const json_t *row, const json_t *fillers, gk_error *err);
/* Fills every hole; strings and numbers are values (integers print without a point). Fails as
 * gk_template_check does, and when a value is null, empty or not a scalar (`at`: the row). */
bool gk_template_render(const gk_template *t, const json_t *row, const json_t *fillers, gk_place at,
                        gk_arena *a, gk_rendered *out, gk_error *err);
/* A value as templates say it, in `a`; NULL where it is no text and no number, or empty. */
const char *gk_value_text(gk_arena *a, const json_t *value);
/* A row's "id" as text without blanks around it, in `a`: 25, 25.0 and "25" are one. *id is NULL where there
 * is none, or it is null or blank. Fails at `at` where it is neither a text nor a number. */
bool gk_row_id(gk_arena *a, const json_t *row, gk_place at, const char **id, gk_error *err);

/* What stands between a prompt and the answer behind it, "" or " ", by what the prompt ends in (seam.c).
 * Nothing behind white space, an opening bracket or quotation mark, a sign that leads ($ # @ / _ and a hyphen
 * behind a word) and in scripts that put no blanks between words; a blank behind everything else. Where a
 * text cannot tell, a template line's target_delimiter does. */
const char *gk_seam(const char *prompt, size_t len);

/* ---------------------------------------------------------------- GGUF (gguf.c, gguf_meta.c, gguf_split.c)
 */

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

/* ---------------------------------------------------------------- random numbers (rng.c) */

/* xoshiro256** (Blackman and Vigna), seeded by splitmix64 over (seed, stream name): the same on every
 * machine. Plain data: copy it to save its state. */
typedef struct gk_rng {
    uint64_t s[4];
} gk_rng;
void gk_rng_seed(gk_rng *r, uint64_t seed, const char *stream);
/* What looks like 32 random bits and follows from x, one to one; for loops that vectorise. */
static inline uint32_t gk_mix32(uint32_t x) {
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}
uint64_t gk_rng_u64(gk_rng *r);
double gk_rng_uniform(gk_rng *r);                                         /* [0, 1), 53 bits */
uint64_t gk_rng_below(gk_rng *r, uint64_t n);                             /* 0 .. n-1 without bias; n > 0 */
double gk_rng_normal(gk_rng *r);                                          /* mean 0, variance 1 */
void gk_rng_shuffle(gk_rng *r, void *items, size_t n, size_t item_bytes); /* Fisher-Yates */

/* ---------------------------------------------------------------- threads (parallel.c; OpenMP) */

/* Before any parallel work, from the main thread; n <= 0: $OMP_NUM_THREADS, else all cores. Clamped to 256
 * or the number of cores, whichever is more. */
void gk_threads_set(int n);
int gk_threads(void);
/* Calls fn(ctx, begin, end) over disjoint ranges that cover [0, n), each at most `grain` long (grain >= 1),
 * handed out dynamically, and returns when all are done. A range's bounds depend on n and grain only, so the
 * result does not depend on which thread ran it. Inside another gk_parallel_for it runs serially. */
typedef void gk_range_fn(void *ctx, size_t begin, size_t end);
void gk_parallel_for(size_t n, size_t grain, gk_range_fn *fn, void *ctx);

/* ---------------------------------------------------------------- progress and interruption (progress.c) */

double gk_now(void); /* seconds, monotonic */

/* A progress line on `out` (usually stderr): a bar with rate and time left on a terminal, a plain line
 * every few seconds elsewhere. NULL handles are fine everywhere, so library code takes a handle and need
 * not ask. One thread at a time may use a handle. `label`, `unit` and `note` are copied (and cut when
 * long); total <= 0: unknown. */
typedef struct gk_progress gk_progress;
gk_progress *gk_progress_start(FILE *out, const char *label, double total, const char *unit);
void gk_progress_update(gk_progress *p, double done, const char *note); /* cheap; note may be NULL */
void gk_progress_end(gk_progress *p, const char *note);                 /* prints the final line; frees p */

/* SIGINT and SIGTERM set a flag; the second one ends the process. Call it before other threads start: it
 * blocks both signals, which threads inherit, and takes them in a thread of its own. */
void gk_interrupt_catch(void);
bool gk_interrupted(void);

GK_PUBLIC_END

#endif
