/* gguf.c: opens one GGUF file. Layout, all little-endian: "GGUF", version (u32), number of tensors (u64),
 * number of pairs (u64); the pairs: key, type (u32), value; the tensors: name, dimensions (u32), that many
 * sizes (u64), element type (u32), offset (u64); then, from the next multiple of general.alignment, the data,
 * into which the offsets point. A string is its length (u64) and its bytes; an array is the items' type
 * (u32), their number (u64) and the items. */
#include "core/gguf/gguf_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the file's numbers are little-endian and used in place");

/* Lists grow as they are read, so a count that lies costs nothing; these stop what is no model anyway. */
static const uint64_t MAX_ENTRIES = 1 << 20;
static const uint64_t MAX_NAME = 65535; /* the format's, for keys */
static const char *const DAMAGED = "the file is truncated or damaged";

/* ---------------------------------------------------------------- bytes, numbers, strings */

static gk_place here(const gk_gguf *g, const char *field) {
    return (gk_place){.file = g->path, .has_byte = true, .byte = g->at, .field = field};
}

static uint64_t left(const gk_gguf *g) {
    return g->map.size - g->at;
}

/* Steps over n bytes and returns where they start; NULL when the file has fewer left. */
static const uint8_t *take(gk_gguf *g, uint64_t n, const char *field, const char *what, gk_error *err) {
    const uint8_t *p = g->map.data + g->at;
    if (n > left(g)) {
        gk_fail(err, here(g, field), DAMAGED, "%s takes %" PRIu64 " bytes, the file has %" PRIu64 " left",
                what, n, left(g));
        return NULL;
    }
    g->at += n;
    return p;
}

static bool take_u32(gk_gguf *g, uint32_t *out, const char *field, const char *what, gk_error *err) {
    const uint8_t *p = take(g, sizeof *out, field, what, err);
    if (!p) return false;
    memcpy(out, p, sizeof *out);
    return true;
}

static bool take_u64(gk_gguf *g, uint64_t *out, const char *field, const char *what, gk_error *err) {
    const uint8_t *p = take(g, sizeof *out, field, what, err);
    if (!p) return false;
    memcpy(out, p, sizeof *out);
    return true;
}

static const uint8_t *take_string(gk_gguf *g, uint64_t *len, const char *field, gk_error *err) {
    return take_u64(g, len, field, "a string's length", err) ? take(g, *len, field, "a string", err) : NULL;
}

/* A key or a tensor's name, copied. */
static bool take_name(gk_gguf *g, const char **out, const char *what, gk_error *err) {
    uint64_t start = g->at, len = 0;
    size_t bad = 0;
    if (!take_u64(g, &len, NULL, what, err)) return false;
    gk_place at = here(g, NULL);
    if (len == 0 || len > MAX_NAME)
        return gk_fail(err, GK_AT_BYTE(g->path, start),
                       "it must be 1 to 65535 bytes; the file may be damaged", "%s is %" PRIu64 " bytes long",
                       what, len);
    const uint8_t *text = take(g, len, NULL, what, err);
    if (!text) return false;
    const uint8_t *nul = memchr(text, 0, len);
    if (nul) {
        at.byte += (uint64_t)(nul - text);
        return gk_fail(err, at, "names hold no NUL", "%s has a NUL in it", what);
    }
    if (!gk_utf8_valid((const char *)text, len, &bad)) {
        at.byte += bad;
        return gk_fail(err, at, "names are UTF-8", "%s is no valid UTF-8", what);
    }
    *out = gk_arena_strndup(g->names, (const char *)text, len);
    return true;
}

/* A count that what is left of the file could hold. */
static bool take_count(gk_gguf *g, uint64_t *n, uint64_t least_bytes, const char *what, gk_error *err) {
    gk_place at = here(g, NULL);
    if (!take_u64(g, n, NULL, what, err)) return false;
    if (*n <= MAX_ENTRIES && *n <= left(g) / least_bytes) return true;
    return gk_fail(err, at, DAMAGED, "%s is %" PRIu64 ", which %s", what, *n,
                   *n > MAX_ENTRIES ? "is more than 1048576" : "the rest of the file cannot hold");
}

/* Room for item n of a list; doubles as needed. */
static void *room(void *list, size_t n, size_t item) {
    if (n & (n - 1)) return list;
    return gk_grow(list, n * item, (n ? 2 * n : 1) * item);
}

/* ---------------------------------------------------------------- metadata */

static bool check_bools(const gk_gguf *g, const gk_gguf__pair *p, uint64_t n, gk_error *err) {
    for (uint64_t i = 0; i < n; i++)
        if (p->value[i] > 1) {
            gk_place at = here(g, p->key);
            at.byte = (uint64_t)(p->value - g->map.data) + i;
            return gk_fail(err, at, "a bool is 0 or 1", "this bool is %d", p->value[i]);
        }
    return true;
}

static bool read_array(gk_gguf *g, gk_gguf__pair *p, gk_error *err) {
    gk_place at = here(g, p->key);
    uint32_t type = 0;
    if (!take_u32(g, &type, p->key, "the type of an array's items", err)) return false;
    if (type == GK_GGUF_ARRAY)
        return gk_fail(err, at, "items must be numbers, bools or strings", "this is an array of arrays");
    if (type >= GK_GGUF_NONE)
        return gk_fail(err, at, "types are 0 to 12", "the array's items have the unknown type %" PRIu32,
                       type);
    p->item = type;
    at = here(g, p->key);
    if (!take_u64(g, &p->n, p->key, "an array's length", err)) return false;
    size_t bytes = gk_gguf__value_bytes(type), least = bytes ? bytes : sizeof(uint64_t);
    if (p->n > left(g) / least)
        return gk_fail(err, at, DAMAGED,
                       "an array of %" PRIu64 " %s does not fit into the file's last %" PRIu64 " bytes", p->n,
                       gk_gguf__type_name(type), left(g));
    p->value = g->map.data + g->at;
    if (type == GK_GGUF_BOOL && !check_bools(g, p, p->n, err)) return false;
    if (bytes) return take(g, p->n * bytes, p->key, "an array", err) != NULL;
    uint64_t len = 0;
    for (uint64_t i = 0; i < p->n; i++)
        if (!take_string(g, &len, p->key, err)) return false;
    return true;
}

static bool read_pair(gk_gguf *g, gk_gguf__pair *p, gk_error *err) {
    uint32_t type = 0;
    if (!take_name(g, &p->key, "a key", err)) return false;
    gk_place at = here(g, p->key);
    if (!take_u32(g, &type, p->key, "a value's type", err)) return false;
    if (type >= GK_GGUF_NONE)
        return gk_fail(err, at, "types are 0 to 12", "the value has the unknown type %" PRIu32, type);
    p->type = type;
    p->item = GK_GGUF_NONE;
    p->at = g->at;
    if (type == GK_GGUF_ARRAY) return read_array(g, p, err);
    p->value = type == GK_GGUF_STRING ? take_string(g, &p->n, p->key, err)
                                      : take(g, gk_gguf__value_bytes(type), p->key, "a value", err);
    return p->value && (type != GK_GGUF_BOOL || check_bools(g, p, 1, err));
}

/* Both lists are sorted by name, not hashed: no file can make that slow. */
static int by_key(const void *a, const void *b) {
    const gk_gguf__pair *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

static int by_name(const void *a, const void *b) {
    const gk_gguf_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int find_name(const void *key, const void *item) {
    const gk_gguf_tensor *const *t = item;
    return strcmp(key, (*t)->name);
}

static bool read_pairs(gk_gguf *g, uint64_t n, gk_error *err) {
    for (; g->n_pairs < n; g->n_pairs++) {
        g->pairs = room(g->pairs, g->n_pairs, sizeof *g->pairs);
        if (!read_pair(g, &g->pairs[g->n_pairs], err)) return false;
    }
    g->by_key = gk_alloc(g->n_pairs * sizeof *g->by_key);
    for (size_t i = 0; i < g->n_pairs; i++) g->by_key[i] = &g->pairs[i];
    qsort(g->by_key, g->n_pairs, sizeof *g->by_key, by_key);
    for (size_t i = 1; i < g->n_pairs; i++)
        if (by_key(&g->by_key[i - 1], &g->by_key[i]) == 0) {
            const gk_gguf__pair *a = g->by_key[i - 1], *b = g->by_key[i];
            gk_place at = {.file = g->path, .has_byte = true, .byte = (a > b ? a : b)->at, .field = a->key};
            return gk_fail(err, at, "keys must be unique", "the key is there twice");
        }
    return true;
}

static bool read_alignment(gk_gguf *g, gk_error *err) {
    int64_t n = 32;
    const char *key = "general.alignment";
    if (gk_gguf_has(g, key) && !gk_gguf_int(g, key, 8, 1 << 30, &n, err)) return false;
    if (n & (n - 1))
        return gk_fail(err, gk_gguf_place(g, key), "must be a power of two from 8", "is %" PRId64, n);
    g->alignment = (uint64_t)n;
    return true;
}

/* ---------------------------------------------------------------- tensors */

static bool read_shape(gk_gguf *g, gk_gguf_tensor *t, gk_error *err) {
    gk_place at = here(g, t->name);
    uint32_t n_dims = 0;
    if (!take_u32(g, &n_dims, t->name, "a number of dimensions", err)) return false;
    if (n_dims > 4)
        return gk_fail(err, at, "at most 4 are supported", "the shape has %" PRIu32 " dimensions", n_dims);
    t->n_dims = (int)n_dims;
    t->n_values = 1;
    for (int i = 0; i < 4; i++) {
        uint64_t size = 1;
        at = here(g, t->name);
        if (i < t->n_dims && !take_u64(g, &size, t->name, "a dimension's size", err)) return false;
        if (size > INT64_MAX)
            return gk_fail(err, at, DAMAGED, "the shape's dimension %d is %" PRIu64, i, size);
        t->shape[i] = (int64_t)size;
    }
    /* Zeros last, so that they cannot hide an overflow of the others. */
    bool empty = false, fits = true;
    for (int i = 0; i < 4; i++) {
        empty = empty || t->shape[i] == 0;
        fits = fits && (t->shape[i] == 0 || !__builtin_mul_overflow(t->n_values, t->shape[i], &t->n_values));
    }
    if (!fits) return gk_fail(err, at, DAMAGED, "the shape's product overflows");
    if (empty) t->n_values = 0;
    return true;
}

static bool read_type(gk_gguf *g, gk_gguf_tensor *t, gk_error *err) {
    gk_place at = here(g, t->name);
    if (!take_u32(g, &t->type, t->name, "an element type", err)) return false;
    const gk_gguf_dtype *d = gk_gguf_dtype_of(t->type);
    if (!d)
        return gk_fail(err, at, "the file is damaged, or newer than graftkit",
                       "the element type %" PRIu32 " is unknown", t->type);
    t->type_name = d->name;
    if (t->shape[0] % d->block != 0)
        return gk_fail(err, at, DAMAGED, "rows of %" PRId64 " values are not made of %s's blocks of %" PRIu32,
                       t->shape[0], d->name, d->block);
    if (__builtin_mul_overflow((uint64_t)t->n_values / d->block, d->bytes, &t->bytes))
        return gk_fail(err, at, DAMAGED, "the shape's size in bytes overflows");
    return true;
}

/* The offset stays relative to the data, of which the start is known after the last tensor. */
static bool read_tensor(gk_gguf *g, gk_gguf_tensor *t, gk_error *err) {
    t->at = g->at;
    t->file = g->path;
    if (!take_name(g, &t->name, "a tensor's name", err) || !read_shape(g, t, err) || !read_type(g, t, err))
        return false;
    gk_place at = here(g, t->name);
    if (!take_u64(g, &t->offset, t->name, "a tensor's offset", err)) return false;
    if (t->offset % g->alignment == 0) return true;
    return gk_fail(err, at, DAMAGED, "the offset %" PRIu64 " is no multiple of the alignment %" PRIu64,
                   t->offset, g->alignment);
}

bool gk_gguf__index(gk_gguf *g, gk_error *err) {
    gk_free(g->by_name);
    g->by_name = gk_alloc(g->n_tensors * sizeof *g->by_name);
    for (size_t i = 0; i < g->n_tensors; i++) g->by_name[i] = &g->tensors[i];
    qsort(g->by_name, g->n_tensors, sizeof *g->by_name, by_name);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (by_name(&g->by_name[i - 1], &g->by_name[i]) == 0) {
            const gk_gguf_tensor *a = g->by_name[i - 1], *b = g->by_name[i], *first = a > b ? b : a;
            bool one = a->file == b->file;
            return gk_fail(err, gk_gguf_tensor_place(g, a > b ? a : b), "names must be unique",
                           one ? "the tensor is there twice" : "the tensor is in '%s' too", first->file);
        }
    return true;
}

static bool read_tensors(gk_gguf *g, uint64_t n, gk_error *err) {
    for (; g->n_tensors < n; g->n_tensors++) {
        g->tensors = room(g->tensors, g->n_tensors, sizeof *g->tensors);
        if (!read_tensor(g, &g->tensors[g->n_tensors], err)) return false;
    }
    return gk_gguf__index(g, err);
}

static bool place_tensors(gk_gguf *g, gk_error *err) {
    if (g->n_tensors == 0) return true;
    uint64_t start = (g->at + g->alignment - 1) & ~(g->alignment - 1);
    if (start > g->map.size) start = g->map.size; /* empty tensors may follow unpadded */
    uint64_t size = g->map.size - start;
    for (size_t i = 0; i < g->n_tensors; i++) {
        gk_gguf_tensor *t = &g->tensors[i];
        if (t->offset > size || t->bytes > size - t->offset)
            return gk_fail(
                err, (gk_place){.file = g->path, .has_byte = true, .byte = start, .field = t->name}, DAMAGED,
                "%" PRIu64 " bytes at offset %" PRIu64 " do not lie in the file's %" PRIu64 " bytes of data",
                t->bytes, t->offset, size);
        t->offset += start;
        t->data = g->map.data + t->offset;
    }
    return true;
}

static int by_offset(const void *a, const void *b) {
    const gk_gguf_tensor *x = *(const gk_gguf_tensor *const *)a, *y = *(const gk_gguf_tensor *const *)b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
    return (x > y) - (x < y);
}

/* Holes are allowed (padding is one); shared bytes are not. */
static bool check_overlaps(const gk_gguf *g, gk_error *err) {
    const gk_gguf_tensor **list = gk_alloc(g->n_tensors * sizeof *list);
    bool ok = true;
    for (size_t i = 0; i < g->n_tensors; i++) list[i] = &g->tensors[i];
    qsort(list, g->n_tensors, sizeof *list, by_offset);
    for (size_t i = 1; ok && i < g->n_tensors; i++) {
        const gk_gguf_tensor *a = list[i - 1], *b = list[i];
        gk_place at = {.file = g->path, .has_byte = true, .byte = b->offset, .field = b->name};
        if (a->offset + a->bytes > b->offset)
            ok = gk_fail(err, at, "tensors must not share bytes",
                         "overlaps '%.120s', which ends at byte %" PRIu64, a->name, a->offset + a->bytes);
    }
    gk_free(list);
    return ok;
}

/* ---------------------------------------------------------------- open */

static bool read_version(gk_gguf *g, gk_error *err) {
    const uint8_t *magic = take(g, 4, NULL, "the magic number", err);
    if (!magic) return false;
    if (memcmp(magic, "GGUF", 4) != 0)
        return gk_fail(err, GK_AT_BYTE(g->path, 0), "the file is no GGUF file",
                       "the file does not start with 'GGUF'");
    gk_place at = here(g, NULL);
    if (!take_u32(g, &g->version, NULL, "the version", err)) return false;
    if (g->version == 2 || g->version == 3) return true;
    if (g->version != 0 && (g->version & 0xFFFF) == 0)
        return gk_fail(err, at, "convert the model to a little-endian file", "the file is big-endian");
    return gk_fail(err, at, "versions 2 and 3 are supported; convert the model again",
                   "the file's version is %" PRIu32, g->version);
}

static bool read_file(gk_gguf *g, gk_error *err) {
    /* The least a tensor takes: name of one byte, no dimensions; the least a pair: key of one byte, a u8. */
    enum { LEAST_TENSOR = 8 + 1 + 4 + 4 + 8, LEAST_PAIR = 8 + 1 + 4 + 1 };
    uint64_t n_tensors = 0, n_pairs = 0;
    return read_version(g, err) && take_count(g, &n_tensors, LEAST_TENSOR, "the number of tensors", err) &&
           take_count(g, &n_pairs, LEAST_PAIR, "the number of metadata pairs", err) &&
           read_pairs(g, n_pairs, err) && read_alignment(g, err) && read_tensors(g, n_tensors, err) &&
           place_tensors(g, err) && check_overlaps(g, err);
}

gk_gguf *gk_gguf__open_one(const char *path, gk_error *err) {
    gk_gguf *g = gk_alloc(sizeof *g);
    g->names = gk_arena_new();
    g->path = gk_arena_strdup(g->names, path);
    if (gk_map_open(path, &g->map, err) && read_file(g, err)) return g;
    gk_gguf_close(g);
    return NULL;
}

bool gk_gguf_is(const char *path) {
    char magic[4] = "";
    struct stat st;
    bool file =
        stat(path, &st) == 0 && S_ISREG(st.st_mode); /* a pipe would lose what is read of it, or block */
    FILE *f = file ? fopen(path, "rbe") : NULL;
    bool is = f && fread(magic, 1, 4, f) == 4 && memcmp(magic, "GGUF", 4) == 0;
    if (f) fclose(f);
    return is;
}

void gk_gguf_close(gk_gguf *g) {
    if (!g) return;
    for (size_t i = 0; i < g->n_rest; i++) gk_gguf_close(g->rest[i]);
    gk_free(g->rest);
    gk_map_close(&g->map);
    gk_arena_free(g->names);
    gk_free(g->pairs);
    gk_free(g->by_key);
    gk_free(g->tensors);
    gk_free(g->by_name);
    gk_free(g);
}

size_t gk_gguf_tensors(const gk_gguf *g) {
    return g->n_tensors;
}

const gk_gguf_tensor *gk_gguf_tensor_at(const gk_gguf *g, size_t i) {
    return i < g->n_tensors ? &g->tensors[i] : NULL;
}

gk_place gk_gguf_tensor_place(const gk_gguf *g, const gk_gguf_tensor *t) {
    (void)g;
    return (gk_place){.file = t->file, .has_byte = true, .byte = t->at, .field = t->name};
}

const gk_gguf_tensor *gk_gguf_tensor_find(const gk_gguf *g, const char *name) {
    const gk_gguf_tensor **t = bsearch(name, g->by_name, g->n_tensors, sizeof *g->by_name, find_name);
    return t ? *t : NULL;
}
