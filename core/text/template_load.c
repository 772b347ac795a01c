/* template_load.c: templates and fillers from their files. */
#include "core/json.h"
#include "core/text/template_parts.h"
#include "graftkit/core/template.h"

#include <string.h>

/* Behind the closing quote of the JSON string that starts behind an opening one. */
static const char *skip_string(const char *s) {
    size_t decoded;
    while (*s != '"') s += gk_template__json_unit(s, &decoded);
    return s + 1;
}

/* The inside of the string that is member number `index` of the object on this (valid) JSON line. */
static const char *raw_member(const char *line, size_t index) {
    const char *s = strchr(line, '{') + 1;
    size_t depth = 0;
    for (size_t commas = 0; commas < index;) {
        char c = *s++;
        if (c == '"') s = skip_string(s);
        if (c == '{' || c == '[') depth++;
        if (c == '}' || c == ']') depth--;
        if (c == ',' && depth == 0) commas++;
    }
    s = skip_string(strchr(s, '"') + 1); /* the key */
    return strchr(s, '"') + 1;
}

static size_t member_index(json_t *obj, const char *key) {
    size_t index = 0;
    const char *k;
    json_t *v;
    json_object_foreach(obj, k, v) { /* in the order of the file */
        if (strcmp(k, key) == 0) break;
        index++;
    }
    return index;
}

static bool read_fillers(gk_arena *a, gk_template *t, json_t *own, gk_place at, gk_error *err) {
    at.field = "fillers";
    if (!own) return true;
    if (!json_is_object(own))
        return gk_fail(err, at, "write {\"relation\": \"stars\", ...}", "is not a JSON object");
    t->fillers = gk_arena_alloc(a, (json_object_size(own) + 1) * sizeof *t->fillers);
    const char *field;
    json_t *v;
    json_object_foreach(own, field, v) {
        gk_buf b = {0};
        bool ok = gk_template__add_value(&b, gk_arena_printf(a, "fillers.%s", field), v, at, err);
        if (ok)
            t->fillers[t->n_fillers++] =
                (gk_template__filler){gk_arena_strdup(a, field), gk_arena_strdup(a, b.data)};
        gk_buf_free(&b);
        if (!ok) return false;
    }
    return true;
}

static bool read_delimiter(gk_arena *a, gk_template *t, json_t *obj, gk_place at, gk_error *err) {
    const char *text;
    if (!json_object_get(obj, "target_delimiter")) return true;
    if (!gk_json_str(obj, "target_delimiter", &text, at, err)) return false;
    t->delimiter = gk_arena_strdup(a, text);
    return true;
}

/* A mistyped key left unread would make another prompt of the line. */
static gk_template *from_line(gk_arena *a, const char *path, const gk_jsonl *r, json_t *obj, gk_error *err) {
    static const char *const known[] = {"template", "fillers", "target_delimiter", NULL};
    gk_place at = gk_jsonl_place(r);
    at.file = path;
    const char *text;
    if (!gk_json_str(obj, "template", &text, at, err)) return NULL;
    const char *line = gk_jsonl_line(r);
    gk_template__origin from = {
        .at = at, .line = line, .raw = raw_member(line, member_index(obj, "template"))};
    gk_template *t = gk_template__parse(a, text, &from, err);
    bool ok = t && gk_json_only(obj, known, at, err) &&
              read_fillers(a, t, json_object_get(obj, "fillers"), at, err) &&
              read_delimiter(a, t, obj, at, err);
    return ok ? t : NULL;
}

/* Appends a pointer to each template of the file to `list`. */
static bool read_templates(gk_arena *a, const char *path, gk_jsonl *r, gk_buf *list, gk_error *err) {
    json_t *obj;
    int got;
    while ((got = gk_jsonl_next(r, &obj, err)) == 1) {
        gk_template *t = from_line(a, path, r, obj, err);
        json_decref(obj);
        if (!t) return false;
        gk_buf_add(list, (const char *)&t, sizeof t);
    }
    return got == 0;
}

bool gk_templates_load(gk_arena *a, const char *path, gk_template ***out, size_t *n, gk_error *err) {
    gk_jsonl *r = gk_jsonl_open(path, err);
    if (!r) return false;
    gk_buf list = {0};
    bool ok = read_templates(a, gk_arena_strdup(a, path), r, &list, err);
    gk_jsonl_close(r);
    if (ok && list.len == 0) {
        ok = gk_fail(err, GK_AT_FILE(path), "write one {\"template\": \"...\"} a line",
                     "there is no template here");
    } else if (ok) {
        *n = list.len / sizeof **out;
        *out = gk_arena_alloc(a, list.len);
        memcpy(*out, list.data, list.len);
    }
    gk_buf_free(&list);
    return ok;
}

json_t *gk_fillers_load(const char *path, gk_error *err) {
    json_t *all = path ? gk_json_load(path, err) : json_object();
    if (!all || json_is_object(all)) return all;
    json_decref(all);
    gk_fail(err, GK_AT_FILE(path), "write {\"relation\": \"stars\", ...}",
            "the fillers are not a JSON object");
    return NULL;
}
