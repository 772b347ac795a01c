/* gguf_meta.c: typed access to a GGUF file's metadata, with messages that say where and what. */
#include "core/gguf/gguf_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t LARGEST_TEXT = 16 << 20;

/* ---------------------------------------------------------------- the pair of a key */

static int find_key(const void *key, const void *item) {
    const gk_gguf__pair *const *p = item;
    return strcmp(key, (*p)->key);
}

const gk_gguf__pair *gk_gguf__find(const gk_gguf *g, const char *key) {
    if (!g->by_key) return NULL;
    const gk_gguf__pair **p = bsearch(key, g->by_key, g->n_pairs, sizeof *g->by_key, find_key);
    return p ? *p : NULL;
}

/* ---------------------------------------------------------------- one value */

/* A number or a bool in place, whether it is a pair's or an array's item. */
typedef struct value {
    gk_gguf_type type;
    const uint8_t *bytes;
} value;

static bool is_integer(gk_gguf_type t) {
    return t <= GK_GGUF_I32 || t == GK_GGUF_U64 || t == GK_GGUF_I64;
}

/* Values stand at any byte, so they are copied out. */
#define LOAD(ctype, bytes) (*(ctype *)memcpy(&(ctype){0}, bytes, sizeof(ctype)))

/* An integer; what exceeds int64_t sets *big instead. */
static int64_t load_int(value v, uint64_t *big) {
    *big = 0;
    switch (v.type) {
    case GK_GGUF_U8:
        return *v.bytes;
    case GK_GGUF_I8:
        return LOAD(int8_t, v.bytes);
    case GK_GGUF_U16:
        return LOAD(uint16_t, v.bytes);
    case GK_GGUF_I16:
        return LOAD(int16_t, v.bytes);
    case GK_GGUF_U32:
        return LOAD(uint32_t, v.bytes);
    case GK_GGUF_I32:
        return LOAD(int32_t, v.bytes);
    case GK_GGUF_U64:
        *big = LOAD(uint64_t, v.bytes);
        if (*big <= INT64_MAX) {
            int64_t small = (int64_t)*big;
            *big = 0;
            return small;
        }
        return INT64_MAX;
    default:
        return LOAD(int64_t, v.bytes);
    }
}

static double load_float(value v) {
    return v.type == GK_GGUF_F32 ? (double)LOAD(float, v.bytes) : LOAD(double, v.bytes);
}

/* ---------------------------------------------------------------- what is there, for messages */

static const char *describe_value(value v, char *buf, size_t size) {
    uint64_t big;
    if (v.type == GK_GGUF_BOOL) return *v.bytes ? "true" : "false";
    if (is_integer(v.type)) {
        int64_t n = load_int(v, &big);
        if (big)
            snprintf(buf, size, "%" PRIu64, big);
        else
            snprintf(buf, size, "%" PRId64, n);
    } else {
        snprintf(buf, size, "the %s %.9g", gk_gguf__type_name(v.type), load_float(v));
    }
    return buf;
}

static const char *describe(const gk_gguf__pair *p, char *buf, size_t size) {
    if (p->type == GK_GGUF_ARRAY) {
        snprintf(buf, size, "an array of %" PRIu64 " %s", p->n, gk_gguf__type_name(p->item));
        return buf;
    }
    if (p->type != GK_GGUF_STRING) return describe_value((value){p->type, p->value}, buf, size);
    /* A message is one line of UTF-8, whatever the file holds. */
    bool plain = gk_utf8_valid((const char *)p->value, p->n, NULL) && p->n <= 60;
    for (uint64_t i = 0; plain && i < p->n; i++) plain = p->value[i] >= ' ';
    if (plain)
        snprintf(buf, size, "the string \"%.*s\"", (int)p->n, (const char *)p->value);
    else
        snprintf(buf, size, "a string of %" PRIu64 " bytes", p->n);
    return buf;
}

gk_place gk_gguf_place(const gk_gguf *g, const char *key) {
    const gk_gguf__pair *p = gk_gguf__find(g, key);
    return (gk_place){.file = g->path, .has_byte = p != NULL, .byte = p ? p->at : 0, .field = key};
}

static bool wrong(const gk_gguf *g, const char *key, const char *hint, gk_error *err) {
    const gk_gguf__pair *p = gk_gguf__find(g, key);
    char there[96];
    if (!p) return gk_fail(err, gk_gguf_place(g, key), hint, "is missing");
    return gk_fail(err, gk_gguf_place(g, key), hint, "is %s", describe(p, there, sizeof there));
}

/* ---------------------------------------------------------------- conversions, shared by scalars and items
 */

static bool to_int(value v, int64_t lo, int64_t hi, int64_t *out) {
    uint64_t big;
    if (!is_integer(v.type)) return false;
    int64_t n = load_int(v, &big);
    if (big || n < lo || n > hi) return false;
    *out = n;
    return true;
}

static bool to_num(value v, double *out) {
    uint64_t big;
    double x;
    if (is_integer(v.type)) {
        x = (double)load_int(v, &big);
        if (big) x = (double)big;
    } else if (v.type == GK_GGUF_F32 || v.type == GK_GGUF_F64) {
        x = load_float(v);
    } else {
        return false;
    }
    if (!isfinite(x)) return false;
    *out = x;
    return true;
}

static bool to_bool(value v, bool *out) {
    if (v.type != GK_GGUF_BOOL) return false;
    *out = *v.bytes != 0;
    return true;
}

static const char *int_hint(char buf[96], int64_t lo, int64_t hi) {
    snprintf(buf, 96, "must be an integer from %" PRId64 " to %" PRId64, lo, hi);
    return buf;
}

static const char NUM_HINT[] = "must be a finite number", BOOL_HINT[] = "must be true or false";

/* ---------------------------------------------------------------- scalars */

size_t gk_gguf_count(const gk_gguf *g) {
    return g->n_pairs;
}

const char *gk_gguf_key(const gk_gguf *g, size_t i) {
    return i < g->n_pairs ? g->pairs[i].key : NULL;
}

uint32_t gk_gguf_version(const gk_gguf *g) {
    return g->version;
}

gk_gguf_type gk_gguf_type_of(const gk_gguf *g, const char *key) {
    const gk_gguf__pair *p = gk_gguf__find(g, key);
    return p ? p->type : GK_GGUF_NONE;
}

bool gk_gguf_has(const gk_gguf *g, const char *key) {
    return gk_gguf__find(g, key) != NULL;
}

static value value_of(const gk_gguf *g, const char *key) {
    const gk_gguf__pair *p = gk_gguf__find(g, key);
    return p ? (value){p->type, p->value} : (value){GK_GGUF_NONE, NULL};
}

bool gk_gguf_int(const gk_gguf *g, const char *key, int64_t lo, int64_t hi, int64_t *out, gk_error *err) {
    char hint[96];
    return to_int(value_of(g, key), lo, hi, out) || wrong(g, key, int_hint(hint, lo, hi), err);
}

bool gk_gguf_num(const gk_gguf *g, const char *key, double *out, gk_error *err) {
    return to_num(value_of(g, key), out) || wrong(g, key, NUM_HINT, err);
}

bool gk_gguf_bool(const gk_gguf *g, const char *key, bool *out, gk_error *err) {
    return to_bool(value_of(g, key), out) || wrong(g, key, BOOL_HINT, err);
}

bool gk_gguf_bytes(const gk_gguf *g, const char *key, const char **out, size_t *len, gk_error *err) {
    const gk_gguf__pair *p = gk_gguf__find(g, key);
    if (!p || p->type != GK_GGUF_STRING) return wrong(g, key, "must be a string", err);
    *out = (const char *)p->value;
    *len = p->n;
    return true;
}

bool gk_gguf_str(const gk_gguf *g, const char *key, gk_arena *a, const char **out, gk_error *err) {
    const char *text = NULL;
    size_t len = 0, bad = 0;
    if (!gk_gguf_bytes(g, key, &text, &len, err)) return false;
    gk_place at = gk_gguf_place(g, key);
    if (len > LARGEST_TEXT)
        return gk_fail(err, at, "must be a string of at most 16 MiB", "is %zu bytes long", len);
    at.byte += sizeof(uint64_t); /* the length stands before the text */
    const char *nul = len ? memchr(text, 0, len) : NULL;
    if (nul) {
        at.byte += (uint64_t)(nul - text);
        return gk_fail(err, at, "must be a string without NUL", "the string has a NUL in it");
    }
    if (!gk_utf8_valid(text, len, &bad)) {
        at.byte += bad;
        return gk_fail(err, at, "must be a string of UTF-8", "the string is no valid UTF-8");
    }
    *out = gk_arena_strndup(a, text, len);
    return true;
}

/* ---------------------------------------------------------------- arrays */

bool gk_gguf_array_of(const gk_gguf *g, const char *key, gk_gguf_type type, gk_gguf_array *out,
                      gk_error *err) {
    const gk_gguf__pair *p = gk_gguf__find(g, key);
    if (p && p->type == GK_GGUF_ARRAY && (type == GK_GGUF_NONE || p->item == type)) {
        *out = (gk_gguf_array){.type = p->item, .n = p->n, .data = p->value, .g = g, .key = p->key};
        return true;
    }
    const char *item = gk_gguf__type_name(type);
    char hint[64];
    snprintf(hint, sizeof hint, "must be an array%s%s", item ? " of " : "", item ? item : "");
    return wrong(g, key, hint, err);
}

bool gk_gguf_next(gk_gguf_array *a, const char **out, size_t *len) {
    if (a->type != GK_GGUF_STRING || a->next >= a->n) return false;
    *len = LOAD(uint64_t, a->data);
    *out = (const char *)a->data + sizeof(uint64_t);
    a->data += sizeof(uint64_t) + *len;
    a->next++;
    return true;
}

/* Strings are no items of fixed size; asking for one as a number is refused like any other wrong type. */
static value item(const gk_gguf_array *a, size_t i) {
    size_t bytes = gk_gguf__value_bytes(a->type);
    if (i >= a->n || bytes == 0) return (value){GK_GGUF_NONE, NULL};
    return (value){a->type, a->data + i * bytes};
}

static bool wrong_item(const gk_gguf_array *a, size_t i, const char *hint, gk_error *err) {
    value v = item(a, i);
    char field[sizeof err->field], there[96];
    snprintf(field, sizeof field, "%.64s[%zu]", a->key, i);
    gk_place at = {.file = a->g->path, .field = field};
    if (i >= a->n) return gk_fail(err, at, hint, "is missing: the array has %zu items", a->n);
    if (!v.bytes) return gk_fail(err, at, hint, "is a string");
    at.has_byte = true;
    at.byte = (uint64_t)(v.bytes - a->g->map.data);
    return gk_fail(err, at, hint, "is %s", describe_value(v, there, sizeof there));
}

bool gk_gguf_item_int(const gk_gguf_array *a, size_t i, int64_t lo, int64_t hi, int64_t *out, gk_error *err) {
    char hint[96];
    return to_int(item(a, i), lo, hi, out) || wrong_item(a, i, int_hint(hint, lo, hi), err);
}

bool gk_gguf_item_num(const gk_gguf_array *a, size_t i, double *out, gk_error *err) {
    return to_num(item(a, i), out) || wrong_item(a, i, NUM_HINT, err);
}

bool gk_gguf_item_bool(const gk_gguf_array *a, size_t i, bool *out, gk_error *err) {
    return to_bool(item(a, i), out) || wrong_item(a, i, BOOL_HINT, err);
}
