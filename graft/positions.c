/* positions.c: which tokens a graft takes: from YAML to a tree, and from the tree to the tokens of a prompt.
 */
#include "graft/internal.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 16, LARGEST_INDEX = 100000000 };

static const char at_hint[] =
    "positions are a field, field.first, field.last, last, all, a token number, a "
    "range (2-5, -3..-1), a list "
    "of these, {not: ...}, {after: ...}, {before: ...}, {all_of: [...]} or {if_any: ...}";

/* ---------------------------------------------------------------- words */

/* Gives a range its canonical text; the range of all tokens becomes `all`. */
static void name_range(gk_arena *a, gk_graft__positions *at) {
    at->kind = at->from == 0 && at->to == -1 ? GK_GRAFT__AT_ALL : GK_GRAFT__AT_RANGE;
    if (at->kind == GK_GRAFT__AT_ALL)
        at->text = "all";
    else if (at->from == -1 && at->to == -1)
        at->text = "last";
    else
        at->text = at->from == at->to ? gk_arena_printf(a, "%d", at->from)
                                      : gk_arena_printf(a, "%d..%d", at->from, at->to);
}

static bool same_side(const gk_graft__positions *at) {
    return (at->from < 0) == (at->to < 0);
}

/* "3", "2-5", "2..5", "-3..-1", "1..-2". */
static bool parse_range(gk_arena *a, const char *text, gk_graft__positions *out) {
    const char *dots = strstr(text, ".."), *dash = *text == '-' ? NULL : strchr(text, '-');
    const char *cut = dots ? dots : dash, *right = dots ? dots + 2 : dash ? dash + 1 : NULL;
    const char *left = cut ? gk_arena_strndup(a, text, (size_t)(cut - text)) : text;
    if (!gk_graft__whole_number(left, -LARGEST_INDEX, LARGEST_INDEX, &out->from)) return false;
    out->to = out->from;
    if (right && !gk_graft__whole_number(right, dots ? -LARGEST_INDEX : 0, LARGEST_INDEX, &out->to))
        return false;
    if (same_side(out) && out->from > out->to) return false;
    name_range(a, out);
    return true;
}

static bool looks_like_number(const char *s) {
    return strspn(s, "+-.0123456789") == strlen(s) && strpbrk(s, "0123456789");
}

/* "first_actor.last": the field, and which of its tokens. */
static void split_field(gk_arena *a, const char *text, gk_graft__positions *out) {
    const char *dot = strrchr(text, '.');
    out->kind = GK_GRAFT__AT_FIELD;
    out->part = !dot || dot == text          ? GK_GRAFT__SPAN_WHOLE
                : strcmp(dot, ".first") == 0 ? GK_GRAFT__SPAN_FIRST
                : strcmp(dot, ".last") == 0  ? GK_GRAFT__SPAN_FINAL
                                             : GK_GRAFT__SPAN_WHOLE;
    out->field = out->part == GK_GRAFT__SPAN_WHOLE ? gk_arena_strdup(a, text)
                                                   : gk_arena_strndup(a, text, (size_t)(dot - text));
}

static bool parse_word(const gk_graft__yaml_source *src, gk_ynode n, gk_graft__positions *out,
                       gk_error *err) {
    const char *text;
    if (!gk_graft__yaml_text(src, n, &text, err)) return false;
    out->text = text;
    if (strcmp(text, "all") == 0) {
        out->kind = GK_GRAFT__AT_ALL;
    } else if (strcmp(text, "last") == 0) {
        out->from = out->to = -1;
        name_range(src->a, out);
    } else if (looks_like_number(text)) {
        if (!parse_range(src->a, text, out))
            return gk_fail(err, out->place, at_hint, "'%.80s' is no token number and no range", text);
    } else if (!gk_graft__name_ok(text)) {
        return gk_fail(err, out->place, at_hint, "'%.80s' is no position", text);
    } else {
        split_field(src->a, text, out);
    }
    return true;
}

/* ---------------------------------------------------------------- sets */

static int by_range(const void *a, const void *b) {
    const gk_graft__positions *x = a, *y = b;
    bool rx = x->kind == GK_GRAFT__AT_RANGE && same_side(x),
         ry = y->kind == GK_GRAFT__AT_RANGE && same_side(y);
    if (rx != ry) return rx ? -1 : 1;
    if (!rx) return strcmp(x->text, y->text);
    if ((x->from < 0) != (y->from < 0)) return x->from < 0 ? 1 : -1;
    return x->from != y->from ? (x->from > y->from) - (x->from < y->from) : (x->to > y->to) - (x->to < y->to);
}

/* One way to write a union: without repeats, ranges that touch joined. */
static size_t tidy_union(gk_arena *a, gk_graft__positions *item, size_t n) {
    qsort(item, n, sizeof *item, by_range);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        gk_graft__positions *last = kept ? &item[kept - 1] : NULL, *it = &item[i];
        bool ranges = last && last->kind == GK_GRAFT__AT_RANGE && it->kind == GK_GRAFT__AT_RANGE &&
                      same_side(last) && same_side(it) && (last->from < 0) == (it->from < 0);
        if (ranges && it->from <= last->to + 1) {
            if (it->to > last->to) last->to = it->to;
            name_range(a, last);
        } else if (!last || strcmp(last->text, it->text) != 0) {
            item[kept++] = *it;
        }
    }
    return kept;
}

static int by_text(const void *a, const void *b) {
    return strcmp(((const gk_graft__positions *)a)->text, ((const gk_graft__positions *)b)->text);
}

static size_t tidy_all_of(gk_graft__positions *item, size_t n) {
    qsort(item, n, sizeof *item, by_text);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || strcmp(item[kept - 1].text, item[i].text) != 0) item[kept++] = item[i];
    return kept;
}

static bool parse_at(const gk_graft__yaml_source *src, gk_ynode n, int depth, gk_graft__positions *out,
                     gk_error *err);

/* The members of a list, those of nested lists of the same kind among them; `whole`: `all` is one of them. */
static bool parse_items(const gk_graft__yaml_source *src, gk_ynode n, int depth, gk_graft__positions *out,
                        bool *whole, gk_error *err) {
    size_t count = gk_yaml_len(n), room = count, used = 0;
    gk_graft__positions *item = gk_arena_alloc(src->a, count * sizeof *item), *flat;
    *whole = false;
    for (size_t i = 0; i < count; i++) {
        if (!parse_at(src, gk_graft__yaml_item(src, n, i), depth + 1, &item[i], err)) return false;
        if (item[i].kind == out->kind) room += item[i].n;
    }
    flat = gk_arena_alloc(src->a, room * sizeof *flat);
    for (size_t i = 0; i < count; i++) {
        bool all = item[i].kind == GK_GRAFT__AT_ALL, nested = item[i].kind == out->kind && !item[i].if_any;
        *whole = *whole || all;
        if (all) continue;
        for (size_t k = 0; nested && k < item[i].n; k++) flat[used++] = item[i].item[k];
        if (!nested) flat[used++] = item[i];
    }
    out->item = flat;
    out->n = used;
    return true;
}

static const char *join_items(gk_arena *a, const gk_graft__positions *at, const char *separator) {
    const char **text = gk_arena_alloc(a, (at->n + 1) * sizeof *text);
    for (size_t i = 0; i < at->n; i++) text[i] = at->item[i].text;
    return gk_graft__join_texts(a, text, at->n, separator);
}

/* A set of one is that one. */
static void unwrap(gk_graft__positions *at) {
    if (at->n != 1) return;
    gk_place place = at->place;
    gk_graft__positions only = at->item[0];
    *at = only;
    if (!at->place.line) at->place = place;
}

static bool parse_union(const gk_graft__yaml_source *src, gk_ynode n, int depth, gk_graft__positions *out,
                        gk_error *err) {
    bool whole;
    out->kind = GK_GRAFT__AT_UNION;
    if (gk_yaml_len(n) == 0) return gk_fail(err, out->place, at_hint, "an empty list selects no token");
    if (!parse_items(src, n, depth, out, &whole, err)) return false;
    if (whole) {
        out->kind = GK_GRAFT__AT_ALL;
        out->text = "all";
        out->n = 0;
        return true;
    }
    out->n = tidy_union(src->a, out->item, out->n);
    qsort(out->item, out->n, sizeof *out->item, by_text);
    out->text = join_items(src->a, out, "|");
    unwrap(out);
    return true;
}

static bool parse_all_of(const gk_graft__yaml_source *src, gk_ynode n, int depth, gk_graft__positions *out,
                         gk_error *err) {
    bool whole;
    out->kind = GK_GRAFT__AT_ALL_OF;
    if (gk_yaml_kind_of(n) != GK_YAML_LIST || gk_yaml_len(n) == 0)
        return gk_fail(err, out->place, "write {all_of: [a, b]}", "all_of needs a list of positions");
    if (!parse_items(src, n, depth, out, &whole, err)) return false;
    if (out->n == 0) {
        out->kind = GK_GRAFT__AT_ALL;
        out->text = "all";
        return true;
    }
    out->n = tidy_all_of(out->item, out->n);
    out->text = gk_arena_printf(src->a, "all_of(%s)", join_items(src->a, out, ","));
    unwrap(out);
    return true;
}

/* {not: …}, {after: …}, {before: …}. */
static bool parse_relative(const gk_graft__yaml_source *src, gk_ynode n, const char *word, int depth,
                           gk_graft__positions *out, gk_error *err) {
    out->kind = *word == 'n' ? GK_GRAFT__AT_NOT : *word == 'a' ? GK_GRAFT__AT_AFTER : GK_GRAFT__AT_BEFORE;
    out->n = 1;
    out->item = gk_arena_alloc(src->a, sizeof *out->item);
    if (!parse_at(src, n, depth + 1, out->item, err)) return false;
    if (out->kind == GK_GRAFT__AT_NOT && out->item->kind == GK_GRAFT__AT_NOT && !out->item->if_any)
        *out = *out->item->item;
    else
        out->text = gk_arena_printf(src->a, "%s(%s)", word, out->item->text);
    return true;
}

/* {if_any: …}: the same selection, but that it may be empty. */
static bool parse_if_any(const gk_graft__yaml_source *src, gk_ynode n, int depth, gk_graft__positions *out,
                         gk_error *err) {
    if (!parse_at(src, n, depth + 1, out, err)) return false;
    bool can_be_empty = out->kind != GK_GRAFT__AT_ALL && out->kind != GK_GRAFT__AT_RANGE &&
                        out->kind != GK_GRAFT__AT_FIELD && out->kind != GK_GRAFT__AT_UNION;
    if (!can_be_empty)
        return gk_fail(err, out->place, "write {if_any: {all_of: [a, b]}}, or one of not, after, before",
                       "if_any has a selection that others make empty");
    if (!out->if_any) out->text = gk_arena_printf(src->a, "if_any(%s)", out->text);
    out->if_any = true;
    return true;
}

static bool parse_map(const gk_graft__yaml_source *src, gk_ynode n, int depth, gk_graft__positions *out,
                      gk_error *err) {
    static const char *const keys[] = {"not", "after", "before", "all_of", "if_any", NULL};
    if (!gk_yaml_only(n, keys, err)) return false;
    if (gk_yaml_len(n) != 1)
        return gk_fail(err, out->place, at_hint, "a map of positions has one key, not %zu", gk_yaml_len(n));
    const char *word = gk_yaml_text(gk_yaml_key(n, 0));
    gk_ynode inner = gk_graft__yaml_get(src, n, word);
    if (strcmp(word, "if_any") == 0) return parse_if_any(src, inner, depth, out, err);
    return strcmp(word, "all_of") == 0 ? parse_all_of(src, inner, depth, out, err)
                                       : parse_relative(src, inner, word, depth, out, err);
}

static bool parse_at(const gk_graft__yaml_source *src, gk_ynode n, int depth, gk_graft__positions *out,
                     gk_error *err) {
    *out = (gk_graft__positions){.place = gk_graft__yaml_place(n, src->file)};
    if (depth > DEEPEST)
        return gk_fail(err, out->place, at_hint, "more than %d levels of positions", DEEPEST);
    switch (gk_yaml_kind_of(n)) {
    case GK_YAML_SCALAR:
        return parse_word(src, n, out, err);
    case GK_YAML_LIST:
        return parse_union(src, n, depth, out, err);
    case GK_YAML_MAP:
        return parse_map(src, n, depth, out, err);
    case GK_YAML_NONE:
        break;
    }
    return gk_fail(err, out->place, at_hint, "the positions ('at' or 'not') are missing");
}

bool gk_graft__positions_parse(const gk_graft__yaml_source *src, gk_ynode n, gk_graft__positions *out,
                               gk_error *err) {
    return parse_at(src, n, 0, out, err);
}

/* ---------------------------------------------------------------- on a prompt */

/* Marks the tokens that hold a byte of the span; false when none does. */
static bool mark_span(const gk_tokens *t, gk_span s, gk_graft__span_part part, bool *in) {
    size_t first = t->n, final = 0;
    for (size_t i = 0; i < t->n; i++) {
        uint32_t begin = t->span[i].begin > s.begin ? t->span[i].begin : s.begin;
        uint32_t end = t->span[i].end < s.end ? t->span[i].end : s.end;
        if (begin >= end) continue;
        if (first == t->n) first = i;
        final = i;
        if (part == GK_GRAFT__SPAN_WHOLE) in[i] = true;
    }
    if (first == t->n) return false;
    if (part == GK_GRAFT__SPAN_FIRST) in[first] = true;
    if (part == GK_GRAFT__SPAN_FINAL) in[final] = true;
    return true;
}

static bool mark_field(const gk_graft__prompt *p, const gk_graft__positions *at, bool *in, gk_error *err) {
    bool found = false;
    for (size_t i = 0; i < p->n_fields; i++) {
        gk_span s = p->fields[i].span;
        if (strcmp(p->fields[i].field, at->field) != 0) continue;
        found = true;
        if (!mark_span(p->tokens, s, at->part, in))
            return gk_fail(err, at->place, "the span must hold at least one byte of the prompt",
                           "empty selection: no token covers the span [%u, %u) of '%.80s'", s.begin, s.end,
                           at->field);
    }
    return found || gk_fail(err, at->place, "use the scheme with templates that name this field",
                            "empty selection: the prompt has no field '%.80s'", at->field);
}

static bool mark_range(const gk_graft__prompt *p, const gk_graft__positions *at, bool *in, gk_error *err) {
    int64_t n = (int64_t)p->tokens->n;
    int64_t from = at->from < 0 ? n + at->from : at->from, to = at->to < 0 ? n + at->to : at->to;
    bool first = from < 0 || from >= n;
    if (first || to < 0 || to >= n)
        return gk_fail(err, at->place, "tokens count from 0; -1 is the last",
                       "empty selection: no token %d in a prompt of %zu tokens", first ? at->from : at->to,
                       p->tokens->n);
    if (from > to)
        return gk_fail(err, at->place, NULL,
                       "empty selection: %s ends before it begins in a prompt of %zu tokens", at->text,
                       p->tokens->n);
    memset(in + from, true, (size_t)(to - from + 1));
    return true;
}

/* Adds what is selected relative to a selection of its own. */
static bool mark_relative(const gk_graft__prompt *p, const gk_graft__positions *at, bool *in, gk_error *err) {
    size_t n = p->tokens->n, some = 0, first = n, end = 0;
    bool *inner = gk_arena_alloc(p->a, n);
    if (!gk_graft__positions_mark(p, at->item, inner, err)) return false;
    for (size_t i = 0; i < n; i++) {
        if (inner[i] && first == n) first = i;
        if (inner[i]) end = i + 1;
    }
    for (size_t i = 0; i < n; i++) {
        bool on = at->kind == GK_GRAFT__AT_NOT     ? !inner[i]
                  : at->kind == GK_GRAFT__AT_AFTER ? i >= end
                                                   : i < first;
        in[i] = in[i] || on;
        some += on;
    }
    if (some > 0 || at->if_any) return true;
    if (at->kind == GK_GRAFT__AT_NOT)
        return gk_fail(err, at->place, NULL, "empty selection: %.160s covers all %zu tokens", at->item->text,
                       n);
    return gk_fail(err, at->place, NULL, "empty selection: no token stands %s %.160s",
                   at->kind == GK_GRAFT__AT_AFTER ? "after" : "before", at->item->text);
}

static bool mark_all_of(const gk_graft__prompt *p, const gk_graft__positions *at, bool *in, gk_error *err) {
    size_t n = p->tokens->n, some = 0;
    bool *both = gk_arena_alloc(p->a, n), *one = gk_arena_alloc(p->a, n);
    memset(both, true, n);
    for (size_t i = 0; i < at->n; i++) {
        memset(one, false, n);
        if (!gk_graft__positions_mark(p, &at->item[i], one, err)) return false;
        for (size_t t = 0; t < n; t++) both[t] = both[t] && one[t];
    }
    for (size_t t = 0; t < n; t++) {
        in[t] = in[t] || both[t];
        some += both[t];
    }
    return some > 0 || at->if_any ||
           gk_fail(err, at->place, NULL, "empty selection: no token is in %.160s", at->text);
}

bool gk_graft__positions_mark(const gk_graft__prompt *p, const gk_graft__positions *at, bool *in,
                              gk_error *err) {
    switch (at->kind) {
    case GK_GRAFT__AT_ALL:
        memset(in, true, p->tokens->n);
        return true;
    case GK_GRAFT__AT_RANGE:
        return mark_range(p, at, in, err);
    case GK_GRAFT__AT_FIELD:
        return mark_field(p, at, in, err);
    case GK_GRAFT__AT_NOT:
    case GK_GRAFT__AT_AFTER:
    case GK_GRAFT__AT_BEFORE:
        return mark_relative(p, at, in, err);
    case GK_GRAFT__AT_ALL_OF:
        return mark_all_of(p, at, in, err);
    case GK_GRAFT__AT_UNION:
        break;
    }
    for (size_t i = 0; i < at->n; i++)
        if (!gk_graft__positions_mark(p, &at->item[i], in, err)) return false;
    return true;
}
