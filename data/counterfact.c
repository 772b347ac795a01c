/* counterfact.c: a CounterFact file of the user's: statements with their subject and a new, false end. */
#include "core/json.h"
#include "data/internal.h"
#include "graftkit/core/file.h"

#include <ctype.h>
#include <string.h>

typedef struct fact { /* one record, whichever structure it has; all is borrowed, NULL: absent */
    const char *prompt, *subject, *truth, *relation;
    json_t *target;
} fact;

/* A target is a text or {"str": text}. */
static json_t *value_of(json_t *v) {
    return json_is_object(v) ? json_object_get(v, "str") : v;
}

static const char *text_of(json_t *v) {
    return json_string_value(value_of(v));
}

static fact read_fact(const json_t *record) {
    const json_t *inner = json_object_get(record, "requested_rewrite");
    const json_t *o = inner ? inner : record;
    fact f = {.prompt = text_of(json_object_get(o, "prompt")),
              .subject = text_of(json_object_get(o, "subject")),
              .target = value_of(json_object_get(o, "target_new")),
              .truth = text_of(json_object_get(o, "target_true")),
              .relation = text_of(json_object_get(o, "relation_id"))};
    if (!f.target) f.target = value_of(json_object_get(o, "target_false"));
    if (!f.relation) f.relation = text_of(json_object_get(o, "relation"));
    return f;
}

static const char *trim(gk_arena *a, const char *s) {
    s += strspn(s, " \t");
    size_t n = strlen(s);
    while (n > 0 && strchr(" \t", s[n - 1])) n--;
    return gk_arena_strndup(a, s, n);
}

/* Where the subject stands in the prompt, as whole words where it can; NULL when nowhere. */
static const char *find(const char *prompt, const char *subject) {
    size_t n = strlen(subject);
    const char *any = strstr(prompt, subject);
    for (const char *s = any; s; s = strstr(s + 1, subject)) {
        bool left = s == prompt || !isalnum((unsigned char)s[-1]);
        if (left && !isalnum((unsigned char)s[n])) return s;
    }
    return any;
}

/* Cuts the prompt into what stands before its subject and behind it. False: the subject is not in it. */
static bool cut(gk_arena *a, const char *prompt, const char *subject, const char **before,
                const char **after) {
    const char *hole = strstr(prompt, "{}");
    const char *at = hole ? hole : find(prompt, subject);
    if (!at) return false;
    *before = trim(a, gk_arena_strndup(a, prompt, (size_t)(at - prompt)));
    const char *rest = at + (hole ? 2 : strlen(subject));
    size_t n = strlen(rest);
    while (n > 0 && rest[n - 1] == ' ') n--;
    *after = gk_arena_strndup(a, rest, n);
    return true;
}

/* `record`'s case_id or id, or nothing: then gk_data__pool_add numbers the row. */
static void set_id(json_t *row, const json_t *record) {
    json_t *id = json_object_get(record, "case_id");
    if (!id || json_is_null(id)) id = json_object_get(record, "id");
    if (id) json_object_set(row, "id", id);
}

static json_t *row_of(gk_data__making *m, const json_t *record, const char *where) {
    fact f = read_fact(record);
    if (!f.prompt || !f.subject || !*f.subject) {
        gk_data__drop(m, where, "field '%s' is missing, empty or no text", f.prompt ? "subject" : "prompt");
        return NULL;
    }
    const char *hole = strstr(f.prompt, "{}");
    if (hole && strstr(hole + 2, "{}")) {
        gk_data__drop(m, where, "the prompt has more than one {}: there is one subject");
        return NULL;
    }
    const char *before, *after, *subject = trim(m->a, f.subject);
    if (!*subject || !cut(m->a, f.prompt, subject, &before, &after)) {
        gk_data__drop(m, where, "the subject does not stand in the prompt");
        return NULL;
    }
    if (!*after) {
        gk_data__drop(m, where, "the prompt ends with its subject");
        return NULL;
    }
    json_t *row = json_object();
    set_id(row, record);
    json_object_set_new(row, "first_actor", json_string(subject));
    if (f.target) json_object_set(row, "second_actor", f.target);
    json_object_set_new(row, "relation", json_string(after));
    json_object_set_new(row, "opening", json_sprintf("statement:%s%s", *before ? " " : "", before));
    json_object_set_new(row, "statement",
                        json_sprintf("%s%s%s%s", before, *before ? " " : "", subject, after));
    if (f.truth) json_object_set_new(row, "target_true", json_string(trim(m->a, f.truth)));
    if (f.relation) json_object_set_new(row, "relation_id", json_string(f.relation));
    return row;
}

static bool add_record(gk_data__making *m, void *ctx, json_t *record, const char *where, size_t n,
                       gk_error *err) {
    json_t *row = row_of(m, record, where);
    bool ok = !row || gk_data__pool_add(m, ctx, row, where, n, err);
    json_decref(record);
    return ok;
}

/* The public file is one array; others write one record a line. */
static bool is_array(const char *path) {
    FILE *f = fopen(path, "rbe");
    char head[3];
    size_t skip = 0, n = f ? fread(head, 1, sizeof head, f) : 0;
    int c = ' ';
    if (f && gk_text_begin(head, n, path, &skip, NULL)) fseek(f, (long)skip, SEEK_SET);
    while (f && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) c = fgetc(f);
    if (f) fclose(f);
    return c == '[';
}

static bool each_item(gk_data__making *m, gk_data__pool *pool, gk_error *err) {
    json_t *all = gk_json_load(m->source, err), *record;
    size_t i;
    bool ok = all != NULL;
    json_array_foreach(all, i, record) {
        const char *where = gk_arena_printf(m->a, "%s, record %zu", m->source, i + 1);
        if (json_is_object(record))
            ok = add_record(m, pool, json_incref(record), where, i, err);
        else
            gk_data__drop(m, where, "the record is no JSON object");
        if (!ok) break;
    }
    json_decref(all);
    return ok;
}

static bool make(gk_data__making *m, gk_error *err) {
    static const char *const KEYS[] = {"first_actor", "second_actor", NULL};
    gk_data__pool pool = {0};
    bool ok = is_array(m->source) ? each_item(m, &pool, err) : gk_data__each_line(m, add_record, &pool, err);
    ok = ok && gk_data__pool_check(m, &pool, err) && gk_data__deal(m, &pool, KEYS, err);
    gk_data__pool_free(&pool);
    return ok;
}

const gk_data__generator gk_data__counterfact = {
    .name = "counterfact",
    .swap = {"first_actor", "second_actor", false},
    .rows = {-1, -1, -1},
    .source = "a CounterFact file, one record a line or one JSON array",
    .make = make,
};
