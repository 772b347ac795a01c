/* template.c: what a template's holes are filled with, and where each field's value comes to stand. */
#include "core/json.h"
#include "core/text/template_parts.h"
#include "graftkit/core/template.h"

#include <inttypes.h>
#include <string.h>

/* ---------------------------------------------------------------- values */

/* The shortest decimal that reads back as the same number; a whole one as the integer that it is. */
static void add_real(gk_buf *b, double x) {
    static const double exact = 9007199254740992; /* 2^53 */
    char text[40];
    if (x > -exact && x < exact && x == (double)(int64_t)x) {
        gk_buf_printf(b, "%" PRId64, (int64_t)x);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        double back = 0;
        if (sscanf(text, "%lf", &back) == 1 && back == x) break;
    }
    gk_buf_puts(b, text);
}

bool gk_template__add_value(gk_buf *b, const char *field, const json_t *v, gk_place at, gk_error *err) {
    at.field = field;
    const char *hint = "must be a string that is not empty, or a number";
    switch (json_typeof(v)) {
    case JSON_STRING:
        if (json_string_length(v) == 0) return gk_fail(err, at, hint, "is empty");
        gk_buf_add(b, json_string_value(v), json_string_length(v));
        return true;
    case JSON_INTEGER:
        gk_buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        return true;
    case JSON_REAL:
        add_real(b, json_real_value(v));
        return true;
    case JSON_NULL:
        return gk_fail(err, at, hint, "is null");
    case JSON_TRUE:
    case JSON_FALSE:
        return gk_fail(err, at, hint, "is true or false");
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    return gk_fail(err, at, hint, "is an object or an array");
}

const char *gk_value_text(gk_arena *a, const json_t *value) {
    gk_buf b = {0};
    const char *text = NULL;
    if (value && gk_template__add_value(&b, NULL, value, GK_NOWHERE, NULL)) text = gk_arena_strdup(a, b.data);
    gk_buf_free(&b);
    return text;
}

/* ---------------------------------------------------------------- use */

const char *gk_template_text(const gk_template *t) {
    return t->text;
}

gk_place gk_template_place(const gk_template *t) {
    return t->at;
}

/* The first hole of the field in the text as written. */
static const char *hole_in(const gk_template *t, const char *field) {
    const char *s = t->text;
    for (size_t len = strlen(field); *s; s++) {
        if (s[0] != '{') continue;
        if (s[1] != '{' && strncmp(s + 1, field, len) == 0 && s[1 + len] == '}') break;
        s += s[1] == '{';
    }
    return s;
}

gk_template *gk_template_before(gk_arena *a, const gk_template *t, const char *field) {
    gk_template *cut = gk_arena_alloc(a, sizeof *cut);
    *cut = (gk_template){
        .pieces = t->pieces, .fillers = t->fillers, .n_fillers = t->n_fillers, .at = t->at, .delimiter = ""};
    for (size_t i = 0; i < t->n_pieces; i++) {
        const gk_template__piece *p = &t->pieces[i];
        if (p->field && strcmp(p->field, field) == 0) {
            cut->text = gk_arena_strndup(a, t->text, (size_t)(hole_in(t, field) - t->text));
            return cut->n_holes ? cut : NULL;
        }
        cut->n_pieces++;
        cut->n_holes += p->field != NULL;
    }
    return NULL;
}

const char *const *gk_template_fields(gk_arena *a, const gk_template *t) {
    const char **list = gk_arena_alloc(a, (t->n_holes + 1) * sizeof *list);
    json_t *seen = json_object();
    size_t n = 0;
    for (size_t i = 0; i < t->n_pieces; i++) {
        const char *field = t->pieces[i].field;
        if (!field || json_object_get(seen, field)) continue;
        json_object_set_new(seen, field, json_true());
        list[n++] = field;
    }
    json_decref(seen);
    return list;
}

bool gk_template_has(const gk_template *t, const char *field) {
    for (size_t i = 0; i < t->n_pieces; i++)
        if (t->pieces[i].field && strcmp(t->pieces[i].field, field) == 0) return true;
    return false;
}

bool gk_templates_ask(gk_template *const *t, size_t n, const char *target, gk_error *err) {
    for (size_t i = 0; i < n; i++)
        if (gk_template_has(t[i], target))
            return gk_fail(err, gk_template_place(t[i]), "end the template where the target begins",
                           "the prompt holds its own answer, field '%s'", target);
    return true;
}

static const char *own_filler(const gk_template *t, const char *field) {
    for (size_t i = 0; i < t->n_fillers; i++)
        if (strcmp(t->fillers[i].field, field) == 0) return t->fillers[i].text;
    return NULL;
}

static bool has_value(const gk_template *t, const char *field, const json_t *row, const json_t *fillers) {
    return json_object_get(row, field) || own_filler(t, field) || json_object_get(fillers, field);
}

static void list_keys(gk_buf *b, const json_t *obj) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)obj, key, v) gk_buf_printf(b, "%s%s", b->len ? ", " : "", key);
}

static bool unknown_field(const gk_template *t, const gk_template__piece *hole, const json_t *row,
                          const json_t *fillers, gk_error *err) {
    gk_buf known = {0}, hint = {0};
    list_keys(&known, row);
    for (size_t i = 0; i < t->n_fillers; i++)
        gk_buf_printf(&known, "%s%s", known.len ? ", " : "", t->fillers[i].field);
    list_keys(&known, fillers);
    gk_buf_printf(&hint, "the fields here are: %s", known.len ? known.data : "(none)");
    gk_fail(err, hole->at, hint.data, "unknown field '%s' in the template", hole->field);
    gk_buf_free(&known);
    gk_buf_free(&hint);
    return false;
}

static const gk_template__piece *lacks(const gk_template *t, const json_t *row, const json_t *fillers) {
    for (size_t i = 0; i < t->n_pieces; i++) {
        const gk_template__piece *p = &t->pieces[i];
        if (p->field && !has_value(t, p->field, row, fillers)) return p;
    }
    return NULL;
}

const char *gk_template_lacks(const gk_template *t, const json_t *row, const json_t *fillers) {
    const gk_template__piece *hole = lacks(t, row, fillers);
    return hole ? hole->field : NULL;
}

bool gk_template_check(const gk_template *t, const json_t *row, const json_t *fillers, gk_error *err) {
    const gk_template__piece *hole = lacks(t, row, fillers);
    return !hole || unknown_field(t, hole, row, fillers, err);
}

static bool add_field(const gk_template *t, const char *field, const json_t *row, const json_t *fillers,
                      gk_place at, gk_buf *text, gk_error *err) {
    const json_t *v = json_object_get(row, field);
    const char *own = v ? NULL : own_filler(t, field);
    if (own) gk_buf_puts(text, own);
    return own || gk_template__add_value(text, field, v ? v : json_object_get(fillers, field), at, err);
}

static bool fill(const gk_template *t, const json_t *row, const json_t *fillers, gk_place at, gk_buf *text,
                 gk_rendered *out, gk_error *err) {
    for (size_t i = 0; i < t->n_pieces; i++) {
        const gk_template__piece *p = &t->pieces[i];
        size_t begin = text->len;
        if (p->field) {
            if (!add_field(t, p->field, row, fillers, at, text, err)) return false;
        } else {
            gk_buf_puts(text, p->text);
        }
        if (text->len > UINT32_MAX) return gk_fail(err, at, NULL, "the filled template is longer than 4 GiB");
        if (p->field)
            out->fields[out->n_fields++] = (gk_field_span){p->field, {(uint32_t)begin, (uint32_t)text->len}};
    }
    return true;
}

bool gk_template_render(const gk_template *t, const json_t *row, const json_t *fillers, gk_place at,
                        gk_arena *a, gk_rendered *out, gk_error *err) {
    *out = (gk_rendered){0};
    if (!gk_template_check(t, row, fillers, err)) return false;
    out->fields = gk_arena_alloc(a, t->n_holes * sizeof *out->fields);
    gk_buf text = {0};
    bool ok = fill(t, row, fillers, at, &text, out, err);
    if (ok) {
        out->len = text.len;
        out->text = gk_arena_alloc(a, text.len + 1);
        if (text.len) memcpy(out->text, text.data, text.len);
        out->seam = t->delimiter ? t->delimiter : gk_seam(out->text, out->len);
    }
    gk_buf_free(&text);
    return ok;
}

bool gk_template_fill(const gk_template *t, const char *const *values, gk_arena *a, gk_rendered *out,
                      gk_error *err) {
    json_t *row = json_object();
    bool ok = true;
    *out = (gk_rendered){0};
    for (size_t i = 0; ok && values[i]; i += 2) {
        if (!values[i + 1]) {
            ok = gk_fail(err, GK_AT_FIELD(NULL, values[i]), "give names and values in turn, then NULL",
                         "the name has no value behind it");
        } else if (json_object_set_new(row, values[i], json_string(values[i + 1])) != 0) {
            ok = gk_fail(err, GK_AT_FIELD(NULL, values[i]), "write it in UTF-8",
                         "the name or its value is not UTF-8");
        }
    }
    ok = ok && gk_template_render(t, row, NULL, t->at, a, out, err);
    json_decref(row);
    return ok;
}
