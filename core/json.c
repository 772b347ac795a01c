/* json.c: JSON documents, JSON lines, and typed access to members with messages that say where and what. */
#include "core/json.h"
#include "core/json_text.h"
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Far above any tokenizer.json; stops a wrong path from filling the memory. */
static const size_t LARGEST_DOCUMENT = (size_t)1 << 30;

/* ---------------------------------------------------------------- documents */

static json_t *parse(const char *text, size_t len, gk_json__kind kind, size_t flags, gk_place at,
                     gk_error *err) {
    json_error_t je;
    gk_json__text t = gk_json__rewrite(text, len, kind);
    json_t *doc = json_loadb(t.text, t.len, JSON_REJECT_DUPLICATES | flags, &je);
    if (!doc) je.column -= gk_json__shift(&t, je.position > 0 ? (size_t)je.position : 0);
    gk_json__text_free(&t);
    if (doc) return doc;
    /* `at` is where the text starts: on its first line the column counts on from there. */
    if (je.line <= 1 && at.column > 0 && je.column > 0)
        at.column += je.column - 1;
    else
        at.column = je.column > 0 ? je.column : 1;
    at.line = (at.line > 0 ? at.line : 1) + (je.line > 0 ? je.line - 1 : 0);
    if (json_error_code(&je) == json_error_null_character ||
        json_error_code(&je) == json_error_null_byte_in_key)
        gk_fail(err, at, "leave it out", "a text holds the character \\u0000, which no text may");
    else
        gk_fail(err, at, NULL, "not valid JSON: %s", je.text);
    return NULL;
}

json_t *gk_json_parse(const char *text, size_t len, gk_place at, gk_error *err) {
    return parse(text, len, GK_JSON__DOCUMENT, 0, at, err);
}

json_t *gk_json_parse_reals(const char *text, size_t len, gk_place at, gk_error *err) {
    return parse(text, len, GK_JSON__DOCUMENT, JSON_DECODE_INT_AS_REAL, at, err);
}

static json_t *load(const char *path, gk_json__kind kind, gk_error *err) {
    gk_arena *a = gk_arena_new();
    size_t len = 0;
    const char *text = gk_read_file(a, path, LARGEST_DOCUMENT, &len, err);
    json_t *doc = text ? parse(text, len, kind, 0, GK_AT_FILE(path), err) : NULL;
    gk_arena_free(a);
    return doc;
}

json_t *gk_json_load(const char *path, gk_error *err) {
    return load(path, GK_JSON__DOCUMENT, err);
}

json_t *gk_json_load_words(const char *path, gk_error *err) {
    return load(path, GK_JSON__WORDS, err);
}

bool gk_json_save(const char *path, const json_t *json, gk_error *err) {
    gk_out out;
    if (!gk_out_open(path, &out, err)) return false;
    if (json_dumpf(json, out.f, JSON_INDENT(2) | JSON_ENCODE_ANY) != 0 && !ferror(out.f)) {
        gk_out_abort(&out);
        return gk_fail(err, GK_AT_FILE(path), NULL, "this JSON value cannot be written");
    }
    fputc('\n', out.f);
    return gk_out_commit(&out, err);
}

/* ---------------------------------------------------------------- typed members */

/* "the string "abc"": what is there, for a message. */
static const char *describe(const json_t *v, char *buf, size_t size) {
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        return "null";
    case JSON_STRING:
        snprintf(buf, size, "the string \"%.60s\"", json_string_value(v));
        return buf;
    case JSON_INTEGER:
        snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return buf;
    case JSON_REAL:
        snprintf(buf, size, "%.17g", json_real_value(v));
        return buf;
    }
    return "something unknown";
}

/* Fails with what stands at obj[key] (v, may be NULL) and what should stand there. A field that `at` names
 * already is the parent of `key`. */
static bool wrong(const json_t *obj, const json_t *v, const char *key, const char *hint, gk_place at,
                  gk_error *err) {
    char path[sizeof err->field], there[96];
    snprintf(path, sizeof path, "%s%s%s", at.field ? at.field : "", at.field ? "." : "", key);
    if (!json_is_object(obj))
        return gk_fail(err, at, "must be an object", "is %s, so it has no member '%s'",
                       obj ? describe(obj, there, sizeof there) : "missing", key);
    at.field = path;
    if (!v) return gk_fail(err, at, hint, "is missing");
    return gk_fail(err, at, hint, "is %s", describe(v, there, sizeof there));
}

bool gk_json_int(const json_t *obj, const char *key, int64_t lo, int64_t hi, int64_t *out, gk_place at,
                 gk_error *err) {
    const json_t *v = json_object_get(obj, key);
    if (json_is_integer(v) && json_integer_value(v) >= lo && json_integer_value(v) <= hi) {
        *out = json_integer_value(v);
        return true;
    }
    char hint[96];
    snprintf(hint, sizeof hint, "must be an integer from %" PRId64 " to %" PRId64, lo, hi);
    return wrong(obj, v, key, hint, at, err);
}

bool gk_json_num(const json_t *obj, const char *key, double *out, gk_place at, gk_error *err) {
    const json_t *v = json_object_get(obj, key);
    if (!json_is_number(v) || !isfinite(json_number_value(v)))
        return wrong(obj, v, key, "must be a finite number", at, err);
    *out = json_number_value(v);
    return true;
}

bool gk_json_bool(const json_t *obj, const char *key, bool *out, gk_place at, gk_error *err) {
    const json_t *v = json_object_get(obj, key);
    if (!json_is_boolean(v)) return wrong(obj, v, key, "must be true or false", at, err);
    *out = json_is_true(v);
    return true;
}

bool gk_json_str(const json_t *obj, const char *key, const char **out, gk_place at, gk_error *err) {
    const json_t *v = json_object_get(obj, key);
    if (!json_is_string(v)) return wrong(obj, v, key, "must be a string", at, err);
    *out = json_string_value(v);
    return true;
}

bool gk_json_only(const json_t *obj, const char *const *known, gk_place at, gk_error *err) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)obj, key, v) {
        const char *const *k = known;
        while (*k && strcmp(*k, key) != 0) k++;
        if (*k) continue;
        gk_buf hint = {0};
        gk_buf_puts(&hint, "the keys known here are: ");
        for (k = known; *k; k++) gk_buf_printf(&hint, "%s%s", k == known ? "" : ", ", *k);
        gk_fail(err, at, hint.data, "unknown key '%.80s'", key);
        gk_buf_free(&hint);
        return false;
    }
    return true;
}

/* ---------------------------------------------------------------- JSON lines */

struct gk_jsonl {
    FILE *f;
    gk_buf path;
    char *line;
    size_t cap;
    long number;
};

gk_jsonl *gk_jsonl_open(const char *path, gk_error *err) {
    FILE *f = fopen(path, "rbe");
    if (!f) {
        gk_fail_errno(err, GK_AT_FILE(path), "opening the file", errno);
        return NULL;
    }
    gk_jsonl *r = gk_alloc(sizeof *r);
    r->f = f;
    gk_buf_puts(&r->path, path);
    return r;
}

gk_place gk_jsonl_place(const gk_jsonl *r) {
    return (gk_place){.file = r->path.data, .line = r->number};
}

const char *gk_jsonl_line(const gk_jsonl *r) {
    return r->line ? r->line : "";
}

/* Takes the mark off the first line. */
static bool begin_file(gk_jsonl *r, ssize_t *n, gk_error *err) {
    size_t skip;
    if (!gk_text_begin(r->line, (size_t)*n, r->path.data, &skip, err)) return false;
    *n -= (ssize_t)skip;
    memmove(r->line, r->line + skip, (size_t)*n + 1);
    return true;
}

/* The next line that holds more than blanks: its length without the newline, or -1 at the end or on an error,
 * which only *bad tells of when it is no error of reading. */
static ssize_t next_line(gk_jsonl *r, bool *bad, gk_error *err) {
    ssize_t n;
    *bad = false;
    while ((n = getline(&r->line, &r->cap, r->f)) >= 0) {
        *bad = r->number++ == 0 && !begin_file(r, &n, err);
        if (*bad) return -1;
        if (n > 0 && r->line[n - 1] == '\n') r->line[--n] = '\0';
        if (n > 0 && r->line[n - 1] == '\r') r->line[--n] = '\0';
        if (strspn(r->line, " \t") < (size_t)n) break;
    }
    return n;
}

int gk_jsonl_next(gk_jsonl *r, json_t **out, gk_error *err) {
    *out = NULL;
    errno = 0;
    bool bad;
    ssize_t n = next_line(r, &bad, err);
    if (bad) return -1;
    if (n < 0 && feof(r->f) && !ferror(r->f)) return 0;
    if (n < 0) {
        gk_fail_errno(err, gk_jsonl_place(r), "reading the file", errno);
        return -1;
    }
    json_t *v = parse(r->line, (size_t)n, GK_JSON__LINE, 0, gk_jsonl_place(r), err);
    if (v && !json_is_object(v)) {
        char there[96];
        gk_fail(err, gk_jsonl_place(r), "each line must be one JSON object", "this line is %s",
                describe(v, there, sizeof there));
        json_decref(v);
        v = NULL;
    }
    *out = v;
    return v ? 1 : -1;
}

void gk_jsonl_close(gk_jsonl *r) {
    if (!r) return;
    fclose(r->f);
    free(r->line);
    gk_buf_free(&r->path);
    gk_free(r);
}

void gk_jsonl_write(FILE *f, const json_t *obj) {
    json_dumpf(obj, f, JSON_COMPACT);
    fputc('\n', f);
}
