/* safetensors.c: named arrays in one file. Layout: header length (8 bytes, little-endian), a JSON header that
 * gives each tensor's type, shape and [begin, end) in the data, the data. */
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "model/checkpoint/safetensors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the file's numbers are little-endian and used in place");

#define MAX_DIMS 4
static const uint64_t MAX_HEADER = 100000000; /* the reference implementation's */
static const gk_safetensors__dtype DTYPES[] = {
    {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},  {"I32", 4},     {"I16", 2},     {"I8", 1},
    {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1},   {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1},
};

struct gk_safetensors {
    gk_map map;
    json_t *header;
    uint64_t data; /* offset of the data in the file */
    gk_safetensors__entry *all;
    size_t n_all;
    const gk_array **f32; /* views into `all` */
    size_t n_f32;
};

/* ---------------------------------------------------------------- one tensor of the header */

static const gk_safetensors__dtype *find_dtype(const char *name) {
    for (size_t i = 0; i < sizeof DTYPES / sizeof *DTYPES; i++)
        if (strcmp(name, DTYPES[i].name) == 0) return &DTYPES[i];
    return NULL;
}

static gk_place at_tensor(const gk_safetensors *s, const char *name) {
    /* The header is one JSON text starting at byte 8; what its members say has no better place. */
    return (gk_place){.file = s->map.path, .has_byte = true, .byte = 8, .field = name};
}

/* Multiplies the shape out; false on overflow of int64. */
static bool shape_bytes(const gk_array *a, int item, int64_t *bytes) {
    *bytes = item;
    bool fits = true;
    for (int i = 0; i < a->n_dims; i++) fits = fits && !__builtin_mul_overflow(*bytes, a->shape[i], bytes);
    return fits;
}

static bool read_shape(const gk_safetensors *s, const json_t *shape, gk_safetensors__entry *e,
                       gk_error *err) {
    gk_place at = at_tensor(s, e->array.name);
    if (!json_is_array(shape))
        return gk_fail(err, at, "must be an array of integers", "the shape is no array");
    if (json_array_size(shape) > MAX_DIMS)
        return gk_fail(err, at, "at most 4 are supported", "the shape has %zu dimensions",
                       json_array_size(shape));
    for (size_t i = 0; i < json_array_size(shape); i++) {
        const json_t *v = json_array_get(shape, i);
        if (!json_is_integer(v) || json_integer_value(v) < 0)
            return gk_fail(err, at, "must be an array of integers of at least 0",
                           "the shape's dimension %zu is not a size", i);
        e->array.shape[e->array.n_dims++] = json_integer_value(v);
    }
    return true;
}

static bool read_offsets(const gk_safetensors *s, const json_t *offsets, gk_safetensors__entry *e,
                         gk_error *err) {
    gk_place at = at_tensor(s, e->array.name);
    const json_t *b = json_array_get(offsets, 0), *n = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(b) || !json_is_integer(n))
        return gk_fail(err, at, "must be [begin, end]", "data_offsets are not two integers");
    int64_t begin = json_integer_value(b), end = json_integer_value(n),
            size = (int64_t)(s->map.size - s->data);
    if (begin < 0 || end < begin || end > size)
        return gk_fail(err, at, "the file may be truncated or damaged",
                       "data_offsets [%" PRId64 ", %" PRId64 "] do not lie in the file's %" PRId64
                       " bytes of data",
                       begin, end, size);
    e->begin = s->data + (uint64_t)begin;
    e->end = s->data + (uint64_t)end;
    return true;
}

static bool check_size(const gk_safetensors *s, const gk_safetensors__entry *e, gk_error *err) {
    gk_place at = at_tensor(s, e->array.name);
    int64_t bytes;
    if (!shape_bytes(&e->array, e->type->bytes, &bytes))
        return gk_fail(err, at, NULL, "the shape's product overflows");
    if ((uint64_t)bytes == e->end - e->begin) return true;
    at.byte = e->begin;
    return gk_fail(err, at, "the file is damaged",
                   "shape and type (%s) take %" PRId64 " bytes, data_offsets give %" PRIu64, e->type->name,
                   bytes, e->end - e->begin);
}

static bool read_tensor(const gk_safetensors *s, const char *name, const json_t *v, gk_safetensors__entry *e,
                        gk_error *err) {
    e->array.name = name;
    gk_place at = at_tensor(s, name);
    if (!json_is_object(v) || json_object_size(v) != 3)
        return gk_fail(err, at, "must be an object of dtype, shape and data_offsets",
                       "the header's entry is malformed");
    const char *dtype = json_string_value(json_object_get(v, "dtype"));
    if (!dtype) return gk_fail(err, at, "must be a string such as \"F32\"", "the dtype is no string");
    e->type = find_dtype(dtype);
    if (!e->type)
        return gk_fail(err, at, "F32, F16 or BF16 is what models are read from",
                       "the dtype '%.40s' is unknown", dtype);
    return read_shape(s, json_object_get(v, "shape"), e, err) &&
           read_offsets(s, json_object_get(v, "data_offsets"), e, err) && check_size(s, e, err);
}

/* ---------------------------------------------------------------- the header */

static bool check_meta(const char *path, const json_t *meta, gk_error *err) {
    gk_place at = GK_AT_FIELD(path, "__metadata__");
    if (!json_is_object(meta)) return gk_fail(err, at, "must be an object of strings", "is no object");
    for (void *i = json_object_iter((json_t *)(uintptr_t)meta); i;
         i = json_object_iter_next((json_t *)(uintptr_t)meta, i))
        if (!json_is_string(json_object_iter_value(i)))
            return gk_fail(err, at, "must be an object of strings", "'%.80s' is not a string",
                           json_object_iter_key(i));
    return true;
}

static bool parse_header(gk_safetensors *s, gk_error *err) {
    const char *path = s->map.path;
    uint64_t len = 0;
    if (s->map.size < sizeof len)
        return gk_fail(err, GK_AT_BYTE(path, s->map.size),
                       "a safetensors file starts with the 8-byte length of its header",
                       "the file ends after %zu bytes", s->map.size);
    memcpy(&len, s->map.data, sizeof len);
    if (len > MAX_HEADER || len > s->map.size - sizeof len)
        return gk_fail(err, GK_AT_BYTE(path, 0), "the file is truncated or no safetensors file",
                       "the header's length %" PRIu64 " exceeds %s", len,
                       len > MAX_HEADER ? "100000000 bytes" : "the file");
    const char *text = (const char *)s->map.data + sizeof len;
    if (len == 0 || text[0] != '{')
        return gk_fail(err, GK_AT_BYTE(path, sizeof len), "the file is no safetensors file",
                       "the header does not start with '{'");
    json_error_t je;
    s->header = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
    if (!s->header)
        return gk_fail(err, GK_AT_BYTE(path, sizeof len + (uint64_t)(je.position > 0 ? je.position : 0)),
                       "the header must be a JSON object with unique names", "the header is not valid: %s",
                       je.text);
    s->data = sizeof len + len;
    return true;
}

static int by_begin(const void *a, const void *b) {
    const gk_safetensors__entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Sorted by place, every tensor starts where the one before it ends, and the last ends the file. */
static bool check_coverage(const gk_safetensors *s, gk_error *err) {
    uint64_t next = s->data;
    for (size_t i = 0; i < s->n_all; i++) {
        const gk_safetensors__entry *e = &s->all[i];
        gk_place at = {.file = s->map.path, .has_byte = true, .byte = e->begin, .field = e->array.name};
        if (e->begin < next)
            return gk_fail(err, at, "tensors must not share bytes",
                           "overlaps '%.120s', which ends at byte %" PRIu64, s->all[i - 1].array.name, next);
        if (e->begin > next)
            return gk_fail(err, at, "tensors must follow each other without a hole",
                           "bytes %" PRIu64 " to %" PRIu64 " before it belong to no tensor", next,
                           e->begin - 1);
        next = e->end;
    }
    if (next == s->map.size) return true;
    return gk_fail(err, GK_AT_BYTE(s->map.path, next), "the file is damaged",
                   "the last %" PRIu64 " bytes belong to no tensor", s->map.size - next);
}

static bool read_header(gk_safetensors *s, gk_error *err) {
    const char *name;
    json_t *v;
    s->all = gk_alloc(json_object_size(s->header) * sizeof *s->all);
    json_object_foreach(s->header, name, v) {
        if (strcmp(name, "__metadata__") == 0 ? !check_meta(s->map.path, v, err)
                                              : !read_tensor(s, name, v, &s->all[s->n_all++], err))
            return false;
    }
    qsort(s->all, s->n_all, sizeof *s->all, by_begin);
    return check_coverage(s, err);
}

/* ---------------------------------------------------------------- open */

/* Older writers pad nothing (GPT-2's own file starts its data at an odd byte): such floats are copied. */
static bool expose(gk_safetensors *s, gk_safetensors__entry *e, gk_error *err) {
    const uint8_t *at = s->map.data + e->begin;
    size_t bytes = e->end - e->begin;
    if (strcmp(e->type->name, "F32") != 0) return true;
    s->f32[s->n_f32++] = &e->array;
    if ((uintptr_t)at % _Alignof(float) == 0) {
        e->array.data = (const float *)(const void *)at;
        return true;
    }
    e->copy = gk_try_alloc(bytes);
    if (!e->copy)
        return gk_fail(err, GK_AT_FILE(s->map.path), "save it again with a newer safetensors",
                       "not enough memory to align the file's data");
    memcpy(e->copy, at, bytes);
    e->array.data = e->copy;
    return true;
}

static bool expose_all(gk_safetensors *s, gk_error *err) {
    s->f32 = gk_alloc(s->n_all * sizeof *s->f32);
    for (size_t i = 0; i < s->n_all; i++)
        if (!expose(s, &s->all[i], err)) return false;
    return true;
}

gk_safetensors *gk_safetensors__map(const char *path, gk_error *err) {
    gk_safetensors *s = gk_alloc(sizeof *s);
    if (gk_map_open(path, &s->map, err) && parse_header(s, err) && read_header(s, err)) return s;
    gk_safetensors_close(s);
    return NULL;
}

gk_safetensors *gk_safetensors_open(const char *path, gk_error *err) {
    gk_safetensors *s = gk_safetensors__map(path, err);
    if (!s || expose_all(s, err)) return s;
    gk_safetensors_close(s);
    return NULL;
}

void gk_safetensors_close(gk_safetensors *s) {
    if (!s) return;
    for (size_t i = 0; i < s->n_all; i++) gk_free(s->all[i].copy);
    gk_free(s->all);
    gk_free(s->f32);
    json_decref(s->header);
    gk_map_close(&s->map);
    gk_free(s);
}

size_t gk_safetensors_count(const gk_safetensors *s) {
    return s->n_f32;
}

const gk_array *gk_safetensors_at(const gk_safetensors *s, size_t i) {
    return i < s->n_f32 ? s->f32[i] : NULL;
}

const gk_array *gk_safetensors_find(const gk_safetensors *s, const char *name) {
    for (size_t i = 0; i < s->n_f32; i++)
        if (strcmp(s->f32[i]->name, name) == 0) return s->f32[i];
    return NULL;
}

const json_t *gk_safetensors_meta(const gk_safetensors *s) {
    return json_object_get(s->header, "__metadata__");
}

const uint8_t *gk_safetensors__bytes(const gk_safetensors *s, const gk_safetensors__entry *e) {
    return s->map.data + e->begin;
}

size_t gk_safetensors__entries(const gk_safetensors *s, const gk_safetensors__entry **list) {
    *list = s->all;
    return s->n_all;
}

/* ---------------------------------------------------------------- save */

static bool add_entry(json_t *header, const gk_safetensors__typed *t, int64_t *end, gk_place at,
                      gk_error *err) {
    const gk_array *a = &t->array;
    at.field = a->name;
    int64_t bytes = 0, begin = *end;
    bool sizes = a->n_dims >= 0 && a->n_dims <= MAX_DIMS;
    json_t *shape = json_array();
    for (int i = 0; sizes && i < a->n_dims; i++) {
        sizes = a->shape[i] >= 0;
        json_array_append_new(shape, json_integer(a->shape[i]));
    }
    json_t *entry = NULL;
    if (!sizes || !shape_bytes(a, find_dtype(t->dtype)->bytes, &bytes) ||
        __builtin_add_overflow(begin, bytes, end))
        gk_fail(err, at, "at most 4 dimensions, none negative", "this array's shape cannot be written");
    else if (strcmp(a->name, "__metadata__") == 0 || json_object_get(header, a->name))
        gk_fail(err, at, "names must be unique, and not __metadata__", "this array's name is taken");
    else
        entry = json_pack("{s:s, s:O, s:[I, I]}", "dtype", t->dtype, "shape", shape, "data_offsets",
                          (json_int_t)begin, (json_int_t)*end);
    json_decref(shape);
    if (!entry) return false;
    if (json_object_set_new(header, a->name, entry) == 0) return true;
    return gk_fail(err, at, "names must be UTF-8", "this array's name cannot be written");
}

/* The header's JSON text, padded so that the data starts at a multiple of 8. */
static bool make_header(const char *path, const gk_safetensors__typed *list, size_t n, const json_t *meta,
                        gk_buf *out, gk_error *err) {
    json_t *header = json_object();
    int64_t end = 0;
    bool ok = true;
    if (meta) json_object_set(header, "__metadata__", (json_t *)(uintptr_t)meta);
    for (size_t i = 0; ok && i < n; i++) ok = add_entry(header, &list[i], &end, GK_AT_FILE(path), err);
    char *text = ok ? json_dumps(header, JSON_COMPACT) : NULL;
    if (ok && !text) ok = gk_fail(err, GK_AT_FILE(path), NULL, "the header cannot be written as JSON");
    if (text) gk_buf_puts(out, text);
    while (out->len % 8 != 0) gk_buf_puts(out, " ");
    free(text);
    json_decref(header);
    return ok;
}

/* A large array on a full disk fails here, at once and with the system's own reason. */
static bool put(gk_out *out, const void *data, size_t bytes, gk_error *err) {
    errno = 0;
    if (bytes == 0 || fwrite(data, 1, bytes, out->f) == bytes) return true;
    return gk_fail_errno(err, GK_AT_FILE(out->path), "writing the file (the disk may be full)",
                         errno ? errno : EIO);
}

bool gk_safetensors__write(const char *path, const gk_safetensors__typed *list, size_t n, const json_t *meta,
                           gk_safetensors__fill_fn *fill, void *ctx, gk_error *err) {
    gk_buf header = {0};
    gk_out out;
    if ((meta && !check_meta(path, meta, err)) || !make_header(path, list, n, meta, &header, err) ||
        !gk_out_open(path, &out, err)) {
        gk_buf_free(&header);
        return false;
    }
    uint64_t len = header.len;
    bool ok = put(&out, &len, sizeof len, err) && put(&out, header.data, header.len, err);
    gk_buf_free(&header);
    for (size_t i = 0; ok && i < n; i++) {
        int64_t bytes;
        shape_bytes(&list[i].array, find_dtype(list[i].dtype)->bytes, &bytes);
        const void *data = bytes > 0 ? fill(ctx, i, err) : NULL;
        ok = bytes == 0 || (data && put(&out, data, (size_t)bytes, err));
    }
    if (ok) return gk_out_commit(&out, err);
    gk_out_abort(&out);
    return false;
}

static const void *from_list(void *ctx, size_t i, gk_error *err) {
    (void)err;
    return ((const void *const *)ctx)[i];
}

static const void *as_they_stand(void *ctx, size_t i, gk_error *err) {
    (void)err;
    return ((const gk_array *)ctx)[i].data;
}

bool gk_safetensors_save(const char *path, const gk_array *arrays, size_t n, const json_t *meta,
                         gk_error *err) {
    gk_safetensors__typed *list = gk_alloc((n + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++) list[i] = (gk_safetensors__typed){arrays[i], "F32"};
    bool ok = gk_safetensors__write(path, list, n, meta, as_they_stand, (void *)(uintptr_t)arrays, err);
    gk_free(list);
    return ok;
}

bool gk_safetensors_save_typed(const char *path, const gk_typed_array *arrays, size_t n, const json_t *meta,
                               gk_error *err) {
    gk_safetensors__typed *list = gk_alloc((n + 1) * sizeof *list);
    const void **data = gk_alloc((n + 1) * sizeof *data);
    for (size_t i = 0; i < n; i++) {
        const gk_typed_array *a = &arrays[i];
        list[i] =
            (gk_safetensors__typed){{.name = a->name, .shape = {(int64_t)a->count}, .n_dims = 1}, a->type};
        data[i] = a->data;
    }
    bool ok = gk_safetensors__write(path, list, n, meta, from_list, data, err);
    gk_free(data);
    gk_free(list);
    return ok;
}

const void *gk_safetensors_typed(const gk_safetensors *s, const char *name, const char *type, size_t count) {
    for (size_t i = 0; i < s->n_all; i++) {
        const gk_safetensors__entry *e = &s->all[i];
        if (strcmp(e->array.name, name) != 0) continue;
        bool same =
            strcmp(e->type->name, type) == 0 && e->array.n_dims == 1 && (uint64_t)e->array.shape[0] == count;
        return same ? gk_safetensors__bytes(s, e) : NULL;
    }
    return NULL;
}

size_t gk_typed_bytes(const gk_typed_array *a) {
    return a->count * (size_t)find_dtype(a->type)->bytes;
}
