/* template_parse.c: a text with {field} holes into its pieces, each with its place. */
#include "core/text/template_parts.h"
#include "graftkit/core/template.h"

#include <string.h>

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

size_t gk_template__json_unit(const char *s, size_t *decoded) {
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
            written = gk_template__json_unit(s, &decoded);
            p->raw += written;
        }
        bool newline = !p->raw && *s == '\n';
        p->at.line += newline;
        p->at.column = newline ? 1 : p->at.column + count_chars(s, written);
        p->seen += decoded;
    }
    return p->at;
}

static gk_template__piece *add_piece(parser *p) {
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
    gk_template__piece *hole = add_piece(p);
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

gk_template *gk_template__parse(gk_arena *a, const char *text, const gk_template__origin *from,
                                gk_error *err) {
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
    gk_template__origin from = {.at = keep_place(a, at)};
    return gk_template__parse(a, text, &from, err);
}
