/* template.c: texts with {field} holes, and where each field's value comes to stand. */
#include "core/core.h"

#include <inttypes.h>
#include <string.h>

/* Literal text, or a hole when `field` is set. */
typedef struct piece {
    const char *text, *field;
    gk_place at; /* of the hole's opening brace */
} piece;

typedef struct filler { /* of the template's own line */
    const char *field, *text;
} filler;

struct gk_template {
    const char *text;
    piece *pieces;
    size_t n_pieces, n_holes;
    filler *fillers;
    size_t n_fillers;
    gk_place at;
    const char *delimiter; /* what stands between it and an answer; NULL: gk_seam says */
};

/* Where a template's text stands: at `at`, and, when it came out of a JSON line, as the escaped string at
 * raw. */
typedef struct origin {
    gk_place at;
    const char *line, *raw;
} origin;

/* ---------------------------------------------------------------- places */

static long count_chars(const char *s, size_t n) {
    long chars = 0;
    for (size_t i = 0; i < n; i++) chars += ((unsigned char)s[i] & 0xC0) != 0x80;
    return chars;
}

static unsigned hex4(const char *s) {
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)s[i];
        value = 16 * value + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

/* One unit of a valid JSON string's inside: how many raw bytes it takes; *decoded: how many bytes it stands
 * for. */
static size_t json_unit(const char *s, size_t *decoded) {
    *decoded = 1;
    if (s[0] != '\\') return 1;
    if (s[1] != 'u') return 2;
    unsigned c = hex4(s + 2);
    bool pair = c >= 0xD800 && c <= 0xDBFF;
    *decoded = pair ? 4 : c >= 0x800 ? 3 : c >= 0x80 ? 2 : 1;
    return pair ? 12 : 6;
}

/* ---------------------------------------------------------------- parsing */

typedef struct parser {
    gk_arena *a;
    const char *text;
    gk_place at;     /* of text[seen]: places are asked for in order, and each goes on from the one before */
    const char *raw; /* where text[seen] is written in the JSON line, or NULL */
    size_t seen;
    gk_template *out;
    gk_buf literal;
    gk_error *err;
} parser;

/* The place of text[offset], which lies behind all asked for before. Columns count characters, as an editor
 * shows them. */
static gk_place place_of(parser *p, size_t offset) {
    while (p->seen < offset) {
        size_t written = 1, decoded = 1;
        const char *s = p->raw ? p->raw : p->text + p->seen;
        if (p->raw) {
            written = json_unit(s, &decoded);
            p->raw += written;
        }
        bool newline = !p->raw && *s == '\n';
        p->at.line += newline;
        p->at.column = newline ? 1 : p->at.column + count_chars(s, written);
        p->seen += decoded;
    }
    return p->at;
}

static piece *add_piece(parser *p) {
    gk_template *t = p->out;
    return &t->pieces[t->n_pieces++];
}

static void end_literal(parser *p) {
    if (p->literal.len == 0) return;
    add_piece(p)->text = gk_arena_strdup(p->a, p->literal.data);
    p->literal.len = 0;
}

static bool bad_brace(parser *p, size_t offset, const char *hint, const char *what) {
    return gk_fail(p->err, place_of(p, offset), hint, "%s", what);
}

/* The hole whose '{' is at *i; moves *i behind its '}'. */
static bool parse_hole(parser *p, size_t *i) {
    const char *name = p->text + *i + 1;
    size_t len = strcspn(name, "{}");
    if (name[len] != '}')
        return bad_brace(p, *i, "close the field with '}', or write '{{' for a brace", "unclosed '{'");
    if (strspn(name, " \t") >= len)
        return bad_brace(p, *i, "name a field between the braces", "empty field name");
    end_literal(p);
    piece *hole = add_piece(p);
    hole->field = gk_arena_strndup(p->a, name, len);
    hole->at = place_of(p, *i);
    p->out->n_holes++;
    *i += len + 2;
    return true;
}

static bool parse_pieces(parser *p) {
    const char *s = p->text;
    for (size_t i = 0; s[i];) {
        if (s[i] == '{' && s[i + 1] != '{') {
            if (!parse_hole(p, &i)) return false;
            continue;
        }
        bool brace = s[i] == '{' || s[i] == '}';
        if (brace && s[i + 1] != s[i]) return bad_brace(p, i, "write '}}' for a brace", "stray '}'");
        gk_buf_add(&p->literal, s + i, 1);
        i += brace ? 2 : 1;
    }
    end_literal(p);
    return true;
}

static gk_template *parse(gk_arena *a, const char *text, const origin *from, gk_error *err) {
    gk_template *t = gk_arena_alloc(a, sizeof *t);
    t->text = gk_arena_strdup(a, text);
    t->at = from->at;
    size_t holes = 0;
    for (const char *s = text; *s; s++) holes += *s == '{';
    t->pieces = gk_arena_alloc(a, (2 * holes + 1) * sizeof *t->pieces);
    parser p = {.a = a, .text = text, .at = from->at, .raw = from->raw, .out = t, .err = err};
    if (p.at.line <= 0) p.at.line = 1;
    if (p.raw)
        p.at.column = 1 + count_chars(from->line, (size_t)(p.raw - from->line));
    else if (p.at.column <= 0)
        p.at.column = 1;
    bool ok = parse_pieces(&p);
    gk_buf_free(&p.literal);
    return ok ? t : NULL;
}

/* The place outlives the caller's strings: a template may be checked long after its file was read. */
static gk_place keep_place(gk_arena *a, gk_place at) {
    if (at.file) at.file = gk_arena_strdup(a, at.file);
    if (at.field) at.field = gk_arena_strdup(a, at.field);
    return at;
}

gk_template *gk_template_parse(gk_arena *a, const char *text, gk_place at, gk_error *err) {
    origin from = {.at = keep_place(a, at)};
    return parse(a, text, &from, err);
}

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

static bool add_value(gk_buf *b, const char *field, const json_t *v, gk_place at, gk_error *err) {
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
    if (value && add_value(&b, NULL, value, GK_NOWHERE, NULL)) text = gk_arena_strdup(a, b.data);
    gk_buf_free(&b);
    return text;
}

/* ---------------------------------------------------------------- loading */

/* Behind the closing quote of the JSON string that starts behind an opening one. */
static const char *skip_string(const char *s) {
    size_t decoded;
    while (*s != '"') s += json_unit(s, &decoded);
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
        bool ok = add_value(&b, gk_arena_printf(a, "fillers.%s", field), v, at, err);
        if (ok) t->fillers[t->n_fillers++] = (filler){gk_arena_strdup(a, field), gk_arena_strdup(a, b.data)};
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
    origin from = {.at = at, .line = line, .raw = raw_member(line, member_index(obj, "template"))};
    gk_template *t = parse(a, text, &from, err);
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
        const piece *p = &t->pieces[i];
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

static bool unknown_field(const gk_template *t, const piece *hole, const json_t *row, const json_t *fillers,
                          gk_error *err) {
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

static const piece *lacks(const gk_template *t, const json_t *row, const json_t *fillers) {
    for (size_t i = 0; i < t->n_pieces; i++) {
        const piece *p = &t->pieces[i];
        if (p->field && !has_value(t, p->field, row, fillers)) return p;
    }
    return NULL;
}

const char *gk_template_lacks(const gk_template *t, const json_t *row, const json_t *fillers) {
    const piece *hole = lacks(t, row, fillers);
    return hole ? hole->field : NULL;
}

bool gk_template_check(const gk_template *t, const json_t *row, const json_t *fillers, gk_error *err) {
    const piece *hole = lacks(t, row, fillers);
    return !hole || unknown_field(t, hole, row, fillers, err);
}

static bool add_field(const gk_template *t, const char *field, const json_t *row, const json_t *fillers,
                      gk_place at, gk_buf *text, gk_error *err) {
    const json_t *v = json_object_get(row, field);
    const char *own = v ? NULL : own_filler(t, field);
    if (own) gk_buf_puts(text, own);
    return own || add_value(text, field, v ? v : json_object_get(fillers, field), at, err);
}

static bool fill(const gk_template *t, const json_t *row, const json_t *fillers, gk_place at, gk_buf *text,
                 gk_rendered *out, gk_error *err) {
    for (size_t i = 0; i < t->n_pieces; i++) {
        const piece *p = &t->pieces[i];
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
