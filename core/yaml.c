/* yaml.c: YAML documents as handles that know their line and column. */
#include "core/yaml.h"
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

static const size_t LARGEST_DOCUMENT = (size_t)16 << 20;

struct gk_yaml {
    yaml_document_t doc;
    bool loaded;
    gk_buf name;
};

/* libyaml numbers nodes from 1 and only reads through this pointer. */
static const yaml_node_t *node_of(gk_ynode n) {
    if (!n.doc || n.id <= 0) return NULL;
    return yaml_document_get_node((yaml_document_t *)(uintptr_t)&n.doc->doc, n.id);
}

static gk_place mark_place(const gk_yaml *y, yaml_mark_t mark) {
    return GK_AT_LINE(y->name.data, (long)mark.line + 1, (long)mark.column + 1);
}

/* ---------------------------------------------------------------- checks of a fresh document */

typedef struct entry {
    const char *key;
    yaml_mark_t mark;
} entry;

static int by_key(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : (x->mark.index > y->mark.index) - (x->mark.index < y->mark.index);
}

static bool check_keys(const gk_yaml *y, const yaml_node_t *map, gk_error *err) {
    const yaml_node_pair_t *pairs = map->data.mapping.pairs.start;
    size_t n = (size_t)(map->data.mapping.pairs.top - pairs);
    entry *entries = gk_alloc((n + 1) * sizeof *entries);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        const yaml_node_t *key = node_of((gk_ynode){.doc = y, .id = pairs[i].key});
        if (key->type != YAML_SCALAR_NODE)
            ok = gk_fail(err, mark_place(y, key->start_mark), "a key must be a word",
                         "this key is a list or a map");
        else
            entries[i] = (entry){(const char *)key->data.scalar.value, key->start_mark};
    }
    if (ok) qsort(entries, n, sizeof *entries, by_key);
    for (size_t i = 1; ok && i < n; i++)
        if (strcmp(entries[i - 1].key, entries[i].key) == 0)
            ok = gk_fail(err, mark_place(y, entries[i].mark), "keep one of them",
                         "the key '%s' is there twice (first on line %zu)", entries[i].key,
                         entries[i - 1].mark.line + 1);
    gk_free(entries);
    return ok;
}

/* Counts one more parent of node `id`. An alias gives a node two: a document could then be endless, or grow
 * exponentially when walked. */
static bool count_parent(const gk_yaml *y, char *seen, int id, gk_error *err) {
    const yaml_node_t *node = node_of((gk_ynode){.doc = y, .id = id});
    if (seen[id]++ == 0) return true;
    return gk_fail(err, mark_place(y, node->start_mark), "write the value out where it is used",
                   "this value has an alias (*name), which is not supported");
}

static bool check_node(const gk_yaml *y, const yaml_node_t *node, char *seen, gk_error *err) {
    if (node->type == YAML_SCALAR_NODE) {
        if (strlen((const char *)node->data.scalar.value) == node->data.scalar.length) return true;
        return gk_fail(err, mark_place(y, node->start_mark), NULL, "this text holds a NUL character");
    }
    if (node->type == YAML_SEQUENCE_NODE) {
        for (const yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
             i++)
            if (!count_parent(y, seen, *i, err)) return false;
        return true;
    }
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++)
        if (!count_parent(y, seen, p->key, err) || !count_parent(y, seen, p->value, err)) return false;
    return check_keys(y, node, err);
}

static bool check_document(const gk_yaml *y, gk_error *err) {
    size_t n = (size_t)(y->doc.nodes.top - y->doc.nodes.start);
    char *seen = gk_alloc(n + 2);
    seen[1] = 1; /* the root has no parent, and nothing may point back at it */
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) ok = check_node(y, &y->doc.nodes.start[i], seen, err);
    gk_free(seen);
    return ok;
}

/* ---------------------------------------------------------------- loading */

static bool parser_error(const gk_yaml *y, const yaml_parser_t *p, gk_error *err) {
    const char *problem = p->problem ? p->problem : "not valid YAML";
    if (p->error == YAML_READER_ERROR)
        return gk_fail(err, GK_AT_BYTE(y->name.data, p->problem_offset), "save the file as UTF-8",
                       "not valid YAML: %s", problem);
    return gk_fail(err, mark_place(y, p->problem_mark), NULL, "not valid YAML: %s%s%s", problem,
                   p->context ? " " : "", p->context ? p->context : "");
}

/* Fails when a second document follows. */
static bool check_end(const gk_yaml *y, yaml_parser_t *p, gk_error *err) {
    yaml_document_t more;
    if (!yaml_parser_load(p, &more)) return parser_error(y, p, err);
    const yaml_node_t *root = yaml_document_get_root_node(&more);
    bool ok = !root || gk_fail(err, mark_place(y, more.start_mark), "keep one document a file",
                               "a second document starts here");
    yaml_document_delete(&more);
    return ok;
}

gk_yaml *gk_yaml_parse(const char *text, size_t len, const char *name, gk_error *err) {
    yaml_parser_t parser;
    gk_yaml *y = gk_alloc(sizeof *y);
    gk_buf_puts(&y->name, name);
    if (!yaml_parser_initialize(&parser)) {
        gk_fail(err, GK_AT_FILE(name), NULL, "out of memory");
        gk_yaml_free(y);
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    y->loaded = yaml_parser_load(&parser, &y->doc) == 1;
    bool ok = y->loaded || parser_error(y, &parser, err);
    ok = ok && check_end(y, &parser, err) && check_document(y, err);
    yaml_parser_delete(&parser);
    if (ok) return y;
    gk_yaml_free(y);
    return NULL;
}

gk_yaml *gk_yaml_load(const char *path, gk_error *err) {
    gk_arena *a = gk_arena_new();
    size_t len = 0;
    const char *text = gk_read_file(a, path, LARGEST_DOCUMENT, &len, err);
    gk_yaml *y = text ? gk_yaml_parse(text, len, path, err) : NULL;
    gk_arena_free(a);
    return y;
}

void gk_yaml_free(gk_yaml *y) {
    if (!y) return;
    if (y->loaded) yaml_document_delete(&y->doc);
    gk_buf_free(&y->name);
    gk_free(y);
}

/* ---------------------------------------------------------------- walking */

gk_ynode gk_yaml_root(const gk_yaml *y) {
    bool some = y->loaded && y->doc.nodes.top > y->doc.nodes.start;
    return (gk_ynode){.doc = y, .id = some ? 1 : 0};
}

gk_yaml_kind gk_yaml_kind_of(gk_ynode n) {
    const yaml_node_t *node = node_of(n);
    if (!node || node->type == YAML_NO_NODE) return GK_YAML_NONE;
    return node->type == YAML_SCALAR_NODE     ? GK_YAML_SCALAR
           : node->type == YAML_SEQUENCE_NODE ? GK_YAML_LIST
                                              : GK_YAML_MAP;
}

gk_place gk_yaml_place(gk_ynode n) {
    if (!n.doc) return (gk_place){.field = n.key};
    /* A missing value is reported where it was looked for: its id is minus that of the map. */
    const yaml_node_t *node = node_of((gk_ynode){.doc = n.doc, .id = n.id < 0 ? -n.id : n.id});
    gk_place at = node ? mark_place(n.doc, node->start_mark) : GK_AT_FILE(n.doc->name.data);
    at.field = n.key;
    return at;
}

size_t gk_yaml_len(gk_ynode n) {
    const yaml_node_t *node = node_of(n);
    if (gk_yaml_kind_of(n) == GK_YAML_LIST)
        return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (gk_yaml_kind_of(n) == GK_YAML_MAP)
        return (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    return 0;
}

static gk_ynode absent(gk_ynode parent, const char *key) {
    return (gk_ynode){.doc = parent.doc, .id = parent.id > 0 ? -parent.id : parent.id, .key = key};
}

gk_ynode gk_yaml_key(gk_ynode map, size_t i) {
    if (gk_yaml_kind_of(map) != GK_YAML_MAP || i >= gk_yaml_len(map)) return absent(map, NULL);
    return (gk_ynode){.doc = map.doc, .id = node_of(map)->data.mapping.pairs.start[i].key};
}

gk_ynode gk_yaml_at(gk_ynode list, size_t i) {
    if (i >= gk_yaml_len(list)) return absent(list, NULL);
    const yaml_node_t *node = node_of(list);
    if (node->type == YAML_SEQUENCE_NODE)
        return (gk_ynode){.doc = list.doc, .id = node->data.sequence.items.start[i], .key = list.key};
    return (gk_ynode){.doc = list.doc,
                      .id = node->data.mapping.pairs.start[i].value,
                      .key = gk_yaml_text(gk_yaml_key(list, i))};
}

gk_ynode gk_yaml_get(gk_ynode map, const char *key) {
    for (size_t i = 0; i < gk_yaml_len(map); i++) {
        const char *text = gk_yaml_text(gk_yaml_key(map, i));
        if (text && strcmp(text, key) == 0) return gk_yaml_at(map, i);
    }
    return absent(map, key);
}

const char *gk_yaml_text(gk_ynode scalar) {
    if (gk_yaml_kind_of(scalar) != GK_YAML_SCALAR) return NULL;
    return (const char *)node_of(scalar)->data.scalar.value;
}

/* ---------------------------------------------------------------- typed scalars */

/* The text of an unquoted scalar, or NULL: "5" in quotes is a text, not a number. */
static const char *plain(gk_ynode n) {
    const char *text = gk_yaml_text(n);
    return text && node_of(n)->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? text : NULL;
}

/* Fails with what is there and what should be. */
static bool wrong(gk_ynode n, const char *hint, gk_error *err) {
    gk_place at = gk_yaml_place(n);
    switch (gk_yaml_kind_of(n)) {
    case GK_YAML_NONE:
        if (n.doc && n.id == 0 && !n.key) return gk_fail(err, at, hint, "there is nothing in the file");
        return gk_fail(err, at, hint, "is missing");
    case GK_YAML_LIST:
        return gk_fail(err, at, hint, "is a list");
    case GK_YAML_MAP:
        return gk_fail(err, at, hint, "is a map");
    case GK_YAML_SCALAR:
        break;
    }
    const char *text = gk_yaml_text(n);
    if (!*text) return gk_fail(err, at, hint, "is empty");
    return gk_fail(err, at, hint, "is %s'%.80s'", plain(n) ? "" : "the quoted text ", text);
}

bool gk_yaml_int(gk_ynode n, int64_t lo, int64_t hi, int64_t *out, gk_error *err) {
    const char *text = plain(n);
    if (text && *text && strspn(text, "+-0123456789") == strlen(text)) {
        char *end;
        errno = 0;
        long long v = strtoll(text, &end, 10);
        if (!*end && !errno && v >= lo && v <= hi) {
            *out = v;
            return true;
        }
    }
    char hint[96];
    snprintf(hint, sizeof hint, "must be an integer from %" PRId64 " to %" PRId64, lo, hi);
    return wrong(n, hint, err);
}

bool gk_yaml_num(gk_ynode n, double *out, gk_error *err) {
    const char *text = plain(n);
    if (text && *text && strspn(text, "+-.eE0123456789") == strlen(text)) {
        char *end;
        double v = strtod(text, &end);
        if (!*end && isfinite(v)) {
            *out = v;
            return true;
        }
    }
    return wrong(n, "must be a finite number", err);
}

bool gk_yaml_bool(gk_ynode n, bool *out, gk_error *err) {
    const char *text = plain(n);
    bool yes = text && strcmp(text, "true") == 0;
    if (!yes && !(text && strcmp(text, "false") == 0)) return wrong(n, "must be true or false", err);
    *out = yes;
    return true;
}

bool gk_yaml_str(gk_ynode n, const char **out, gk_error *err) {
    const char *text = gk_yaml_text(n), *bare = plain(n);
    bool null = bare && (!*bare || strcmp(bare, "~") == 0 || strcmp(bare, "null") == 0);
    if (!text || null) return wrong(n, "must be a text", err);
    *out = text;
    return true;
}

bool gk_yaml_only(gk_ynode map, const char *const *allowed, gk_error *err) {
    if (gk_yaml_kind_of(map) != GK_YAML_MAP) return wrong(map, "must be a map of 'key: value' lines", err);
    for (size_t i = 0; i < gk_yaml_len(map); i++) {
        gk_ynode key = gk_yaml_key(map, i);
        const char *const *a = allowed;
        while (*a && strcmp(*a, gk_yaml_text(key)) != 0) a++;
        if (*a) continue;
        gk_buf hint = {0};
        gk_buf_puts(&hint, "the keys allowed here are: ");
        for (a = allowed; *a; a++) gk_buf_printf(&hint, "%s%s", a == allowed ? "" : ", ", *a);
        gk_fail(err, gk_yaml_place(key), hint.data, "unknown key '%.80s'", gk_yaml_text(key));
        gk_buf_free(&hint);
        return false;
    }
    return true;
}
