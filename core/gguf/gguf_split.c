/* gguf_split.c: opens a model in one file, or in several, STEM-00001-of-00003.gguf and so on, as llama.cpp's
 * gguf-split and gguf-py write them. Each says split.no (from 0), split.count and split.tensors.count, of all
 * of them together; the first alone has the model's metadata. */
#include "core/gguf/gguf_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NO "split.no"
#define COUNT "split.count"
#define TENSORS "split.tensors.count"
enum { MOST_PARTS = 65535 };

typedef struct joining {
    gk_gguf **part;
    size_t n;
    const char *stem;
    gk_arena *names;
    gk_error *err;
} joining;

static const char *name_of(const joining *j, size_t i) {
    return gk_arena_printf(j->names, "%s-%05zu-of-%05zu.gguf", j->stem, i + 1, j->n);
}

/* The path of part `no` without what tells it from the others. */
static bool find_stem(joining *j, size_t no) {
    const char *path = j->part[no]->path;
    size_t len = strlen(path);
    j->stem = "";
    const char *end = name_of(j, no);
    size_t n = strlen(end);
    if (len < n || strcmp(path + len - n, end) != 0)
        return gk_fail(j->err, GK_AT_FIELD(path, NO),
                       "the parts must keep the names that they were written under",
                       "the file is part %zu of %zu, but its name does not end in '%s'", no + 1, j->n, end);
    j->stem = gk_arena_strndup(j->names, path, len - n);
    return true;
}

static bool open_parts(joining *j) {
    for (size_t i = 0; i < j->n; i++) {
        const char *path = name_of(j, i);
        if (j->part[i]) continue;
        if (!gk_exists(path))
            return gk_fail(j->err, GK_AT_FILE(path), "all of a model's files must be in one folder",
                           "part %zu of %zu is missing", i + 1, j->n);
        j->part[i] = gk_gguf__open_one(path, j->err);
        if (!j->part[i]) return false;
    }
    return true;
}

/* ---------------------------------------------------------------- of one model */

static size_t value_bytes(const gk_gguf__pair *p) {
    gk_gguf_type type = p->type == GK_GGUF_ARRAY ? p->item : p->type;
    size_t n = p->type == GK_GGUF_ARRAY ? p->n : 1, at = 0;
    if (p->type == GK_GGUF_STRING) return p->n;
    if (type != GK_GGUF_STRING) return n * gk_gguf__value_bytes(type);
    for (size_t i = 0; i < n; i++) {
        uint64_t len;
        memcpy(&len, p->value + at, sizeof len);
        at += sizeof len + len;
    }
    return at;
}

static bool same_value(const gk_gguf__pair *a, const gk_gguf__pair *b) {
    return a && a->type == b->type && a->item == b->item && a->n == b->n &&
           value_bytes(a) == value_bytes(b) && memcmp(a->value, b->value, value_bytes(a)) == 0;
}

static bool check_number(const joining *j, size_t i, const char *key, int64_t want) {
    int64_t value;
    if (!gk_gguf_int(j->part[i], key, 0, INT64_MAX, &value, j->err)) return false;
    return value == want ||
           gk_fail(j->err, gk_gguf_place(j->part[i], key), "the parts must be those of one model",
                   "is %" PRId64 ", not %" PRId64 " as the file's name and the other parts say", value, want);
}

/* What a part says of the model besides must be what the first one says. */
static bool check_metadata(const joining *j, size_t i) {
    const gk_gguf *g = j->part[i];
    for (size_t k = 0; k < g->n_pairs; k++) {
        const gk_gguf__pair *p = &g->pairs[k];
        if (strncmp(p->key, "split.", 6) == 0 || strcmp(p->key, "general.alignment") == 0) continue;
        if (!same_value(gk_gguf__find(j->part[0], p->key), p))
            return gk_fail(j->err, gk_gguf_place(g, p->key), "the parts must be those of one model",
                           "the first part does not say the same");
    }
    return true;
}

static bool check_parts(const joining *j) {
    int64_t total = 0;
    size_t there = 0;
    if (!gk_gguf_int(j->part[0], TENSORS, 0, INT64_MAX, &total, j->err)) return false;
    for (size_t i = 0; i < j->n; i++) {
        if (!check_number(j, i, COUNT, (int64_t)j->n) || !check_number(j, i, NO, (int64_t)i) ||
            !check_number(j, i, TENSORS, total) || !check_metadata(j, i))
            return false;
        there += j->part[i]->n_tensors;
    }
    return (uint64_t)total == there ||
           gk_fail(j->err, gk_gguf_place(j->part[0], TENSORS), "the parts must be those of one model, whole",
                   "is %" PRId64 ", but the %zu parts have %zu tensors", total, j->n, there);
}

/* ---------------------------------------------------------------- one list of tensors */

/* The first part gets all tensors, and then the other parts, which hold the names and data. */
static bool join(const joining *j) {
    gk_gguf *head = j->part[0];
    size_t n = 0;
    for (size_t i = 0; i < j->n; i++) n += j->part[i]->n_tensors;
    head->tensors =
        gk_grow(head->tensors, head->n_tensors * sizeof *head->tensors, n * sizeof *head->tensors);
    for (size_t i = 1; i < j->n; i++) {
        const gk_gguf *g = j->part[i];
        if (g->n_tensors)
            memcpy(&head->tensors[head->n_tensors], g->tensors, g->n_tensors * sizeof *g->tensors);
        head->n_tensors += g->n_tensors;
    }
    if (!gk_gguf__index(head, j->err)) return false;
    head->n_rest = j->n - 1;
    head->rest = gk_alloc(head->n_rest * sizeof(gk_gguf *));
    memcpy(head->rest, j->part + 1, head->n_rest * sizeof(gk_gguf *));
    return true;
}

/* Opens the other parts of a model of which `given` is one, and gives the first, which has all tensors.
 * `given` is used up, also by a failure. */
static gk_gguf *join_all(gk_gguf *given, gk_error *err) {
    int64_t count = 0, no = 0;
    if (!gk_gguf_has(given, COUNT)) return given;
    if (!gk_gguf_int(given, COUNT, 0, MOST_PARTS, &count, err) ||
        (count > 1 && !gk_gguf_int(given, NO, 0, count - 1, &no, err))) {
        gk_gguf_close(given);
        return NULL;
    }
    if (count <= 1) return given; /* 0: gguf-split wrote it when it put the parts together */
    joining j = {.n = (size_t)count, .names = gk_arena_new(), .err = err};
    j.part = gk_alloc(j.n * sizeof *j.part);
    j.part[no] = given;
    gk_gguf *head = NULL;
    if (find_stem(&j, (size_t)no) && open_parts(&j) && check_parts(&j) && join(&j))
        head = j.part[0];
    else
        for (size_t i = 0; i < j.n; i++) gk_gguf_close(j.part[i]);
    gk_free(j.part);
    gk_arena_free(j.names);
    return head;
}

gk_gguf *gk_gguf_open(const char *path, gk_error *err) {
    gk_gguf *g = gk_gguf__open_one(path, err);
    return g ? join_all(g, err) : NULL;
}

size_t gk_gguf_files(const gk_gguf *g) {
    return 1 + g->n_rest;
}

const char *gk_gguf_file(const gk_gguf *g, size_t i) {
    return i == 0 ? g->path : i <= g->n_rest ? g->rest[i - 1]->path : NULL;
}
