/* names.c: the words of a scheme: positions, components, layer sets. */
#include "graft/internal.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 16, MOST_LAYERS = 100000, LARGEST_INDEX = 100000000 };

gk_place gk__place(gk_ynode n, const char *file) {
    gk_place at = gk_yaml_place(n);
    at.file = file;
    at.field = NULL; /* the messages name what is wrong; a YAML key called a field would mislead here */
    return at;
}

bool gk__name_ok(const char *name) {
    if (!*name) return false;
    for (const char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c <= ' ' || c == 127 || strchr("|,;:=()[]{}\"'", c)) return false;
    }
    return true;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t gk__sort_texts(const char **text, size_t n) {
    if (n == 0) return 0;
    qsort(text, n, sizeof *text, by_text);
    size_t kept = 1;
    for (size_t i = 1; i < n; i++)
        if (strcmp(text[i], text[kept - 1]) != 0) text[kept++] = text[i];
    return kept;
}

const char *gk__join(gk_arena *a, const char *const *text, size_t n, const char *separator) {
    gk_buf b = {0};
    gk_buf_puts(&b, "");
    for (size_t i = 0; i < n; i++) gk_buf_printf(&b, "%s%s", i ? separator : "", text[i]);
    const char *joined = gk_arena_strdup(a, b.data);
    gk_buf_free(&b);
    return joined;
}

/* ---------------------------------------------------------------- positions */

static const char at_hint[] =
    "positions are a field, field.first, field.last, last, all, a token number, a list "
    "of these, or {not: ...}";

static bool whole_number(const char *s, long lo, long hi, int *out) {
    char *end;
    if (!*s || strspn(s, "-0123456789") != strlen(s)) return false;
    long v = strtol(s, &end, 10);
    if (*end || v < lo || v > hi) return false;
    *out = (int)v;
    return true;
}

static bool looks_like_number(const char *s) {
    return *s && strspn(s, "+-0123456789") == strlen(s);
}

/* "first_actor.last": the field, and which of its tokens. */
static void split_field(gk_arena *a, const char *text, gk__at *out) {
    const char *dot = strrchr(text, '.');
    out->kind = GK__AT_FIELD;
    out->part = !dot || dot == text          ? GK__WHOLE
                : strcmp(dot, ".first") == 0 ? GK__FIRST
                : strcmp(dot, ".last") == 0  ? GK__FINAL
                                             : GK__WHOLE;
    out->field =
        out->part == GK__WHOLE ? gk_arena_strdup(a, text) : gk_arena_strndup(a, text, (size_t)(dot - text));
}

static bool parse_word(gk_arena *a, gk_ynode n, gk__at *out, gk_error *err) {
    const char *text;
    if (!gk_yaml_str(n, &text, err)) return false;
    out->text = gk_arena_strdup(a, text);
    if (strcmp(text, "all") == 0) {
        out->kind = GK__AT_ALL;
    } else if (strcmp(text, "last") == 0 || strcmp(text, "-1") == 0) {
        out->kind = GK__AT_LAST;
        out->text = "last";
    } else if (looks_like_number(text)) {
        out->kind = GK__AT_INDEX;
        if (!whole_number(text, -LARGEST_INDEX, LARGEST_INDEX, &out->index))
            return gk_fail(err, out->place, at_hint, "'%.80s' is no token number", text);
        out->text = gk_arena_printf(a, "%d", out->index);
    } else if (!gk__name_ok(text)) {
        return gk_fail(err, out->place, at_hint, "'%.80s' is no position", text);
    } else {
        split_field(a, text, out);
    }
    return true;
}

static bool parse_at(gk_arena *a, gk_ynode n, const char *file, int depth, gk__at *out, gk_error *err);

static bool parse_union(gk_arena *a, gk_ynode n, const char *file, int depth, gk__at *out, gk_error *err) {
    out->kind = GK__AT_UNION;
    out->n = gk_yaml_len(n);
    if (out->n == 0) return gk_fail(err, out->place, at_hint, "an empty list selects no token");
    out->item = gk_arena_alloc(a, out->n * sizeof *out->item);
    const char **text = gk_arena_alloc(a, out->n * sizeof *text);
    bool all = false;
    for (size_t i = 0; i < out->n; i++) {
        if (!parse_at(a, gk_yaml_at(n, i), file, depth + 1, &out->item[i], err)) return false;
        text[i] = out->item[i].text;
        all = all || out->item[i].kind == GK__AT_ALL;
    }
    size_t kept = gk__sort_texts(text, out->n);
    out->text = all ? "all" : gk__join(a, text, kept, "|");
    return true;
}

static bool parse_not(gk_arena *a, gk_ynode n, const char *file, int depth, gk__at *out, gk_error *err) {
    static const char *const keys[] = {"not", NULL};
    if (!gk_yaml_only(n, keys, err)) return false;
    out->kind = GK__AT_NOT;
    out->n = 1;
    out->item = gk_arena_alloc(a, sizeof *out->item);
    if (!parse_at(a, gk_yaml_get(n, "not"), file, depth + 1, out->item, err)) return false;
    if (out->item->kind == GK__AT_NOT)
        *out = *out->item->item;
    else
        out->text = gk_arena_printf(a, "not(%s)", out->item->text);
    return true;
}

static bool parse_at(gk_arena *a, gk_ynode n, const char *file, int depth, gk__at *out, gk_error *err) {
    *out = (gk__at){.place = gk__place(n, file)};
    if (depth > DEEPEST)
        return gk_fail(err, out->place, at_hint, "more than %d levels of positions", DEEPEST);
    switch (gk_yaml_kind_of(n)) {
    case GK_YAML_SCALAR:
        return parse_word(a, n, out, err);
    case GK_YAML_LIST:
        return parse_union(a, n, file, depth, out, err);
    case GK_YAML_MAP:
        return parse_not(a, n, file, depth, out, err);
    case GK_YAML_NONE:
        break;
    }
    return gk_fail(err, out->place, at_hint, "the positions ('at' or 'not') are missing");
}

bool gk__at_parse(gk_arena *a, gk_ynode n, const char *file, gk__at *out, gk_error *err) {
    return parse_at(a, n, file, 0, out, err);
}

/* ---------------------------------------------------------------- components */

#define BIT(c) (1u << GK_##c)
static const struct {
    const char *name;
    uint32_t mask;
} groups[] = {
    {"all", GK__ALL_COMPONENTS},
    {"attn", BIT(Q) | BIT(K) | BIT(V) | BIT(O)},
    {"qkv", BIT(Q) | BIT(K) | BIT(V)},
    {"ffn", BIT(GATE) | BIT(UP) | BIT(DOWN)},
    {"norms", BIT(LN1) | BIT(Q_NORM) | BIT(K_NORM) | BIT(LN1_POST) | BIT(LN2) | BIT(LN2_POST)},
};
enum { N_GROUPS = sizeof groups / sizeof groups[0] };

static const char components_hint[] = "components are all, attn (q k v o), qkv, ffn (gate up down), norms "
                                      "(ln1 q_norm k_norm ln1_post ln2 ln2_post), "
                                      "embed, pos, one of these, or a list";

const char *gk__components_text(gk_arena *a, uint32_t components, const char *separator) {
    if (components == GK__ALL_COMPONENTS) return "all";
    const char *name[GK_N_COMPONENTS];
    size_t n = 0;
    for (int c = 0; c < GK_N_COMPONENTS; c++)
        if (components & (1u << c)) name[n++] = gk_component_name((gk_component)c);
    return gk__join(a, name, n, separator);
}

static bool parse_component(gk_ynode n, const char *file, uint32_t *out, gk_error *err) {
    const char *text;
    if (!gk_yaml_str(n, &text, err)) return false;
    for (size_t i = 0; i < N_GROUPS; i++)
        if (strcmp(text, groups[i].name) == 0) {
            *out |= groups[i].mask;
            return true;
        }
    gk_component c;
    if (!gk_component_parse(text, &c))
        return gk_fail(err, gk__place(n, file), components_hint, "unknown component '%.80s'", text);
    if (c == GK_LNF || c == GK_HEAD)
        return gk_fail(err, gk__place(n, file),
                       "give the scheme a head: recipient, head: DONOR or head: {last: DONOR}",
                       "component '%s' follows the scheme's head policy and cannot be listed", text);
    *out |= 1u << c;
    return true;
}

bool gk__components_parse(gk_ynode n, const char *file, uint32_t *out, gk_error *err) {
    *out = 0;
    if (gk_yaml_kind_of(n) == GK_YAML_NONE) *out = GK__ALL_COMPONENTS;
    if (gk_yaml_kind_of(n) == GK_YAML_NONE) return true;
    if (gk_yaml_kind_of(n) == GK_YAML_SCALAR) return parse_component(n, file, out, err);
    if (gk_yaml_kind_of(n) != GK_YAML_LIST || gk_yaml_len(n) == 0)
        return gk_fail(err, gk__place(n, file), components_hint, "no components are named here");
    for (size_t i = 0; i < gk_yaml_len(n); i++)
        if (!parse_component(gk_yaml_at(n, i), file, out, err)) return false;
    return true;
}

/* ---------------------------------------------------------------- layers */

static const char layers_hint[] =
    "layer sets are all, lower half, upper half, a part as in 2/4 (the second quarter), "
    "a range as in 3-5, a layer (from 0), or a list of these; in patches and ablations also embed";

/* "2/4", "3-5" or "3". */
static bool parse_layer_numbers(gk_arena *a, const char *text, gk__layer_item *out) {
    const char *mark = strpbrk(text, "/-");
    out->part = mark && *mark == '/';
    if (!mark) {
        if (!whole_number(text, 0, MOST_LAYERS, &out->a)) return false;
        out->b = out->a;
        return true;
    }
    const char *left = gk_arena_strndup(a, text, (size_t)(mark - text));
    long lo = out->part ? 1 : 0;
    return whole_number(left, lo, MOST_LAYERS, &out->a) && whole_number(mark + 1, lo, MOST_LAYERS, &out->b) &&
           out->a <= out->b;
}

static bool parse_layer_item(gk_arena *a, gk_ynode n, gk__layers *set, const char **canonical,
                             const char *file, gk_error *err) {
    const char *text;
    gk__layer_item item = {0};
    if (!gk_yaml_str(n, &text, err)) return false;
    if (strcmp(text, "embed") == 0) {
        set->embed = true;
        *canonical = "embed";
        return true;
    }
    if (strcmp(text, "all") == 0)
        item = (gk__layer_item){true, 1, 1};
    else if (strcmp(text, "lower half") == 0)
        item = (gk__layer_item){true, 1, 2};
    else if (strcmp(text, "upper half") == 0)
        item = (gk__layer_item){true, 2, 2};
    else if (!parse_layer_numbers(a, text, &item))
        return gk_fail(err, gk__place(n, file), layers_hint, "unknown layer set '%.80s'", text);
    set->all = set->all || (item.part && item.b == 1);
    *canonical = item.part          ? gk_arena_printf(a, "%d/%d", item.a, item.b)
                 : item.a == item.b ? gk_arena_printf(a, "%d", item.a)
                                    : gk_arena_printf(a, "%d-%d", item.a, item.b);
    set->item[set->n++] = item;
    return true;
}

bool gk__layers_parse(gk_arena *a, gk_ynode n, const char *file, gk__layers *out, gk_error *err) {
    *out = (gk__layers){.place = gk__place(n, file), .text = "all"};
    gk_yaml_kind kind = gk_yaml_kind_of(n);
    out->all = kind == GK_YAML_NONE;
    if (out->all) return true;
    size_t count = kind == GK_YAML_LIST ? gk_yaml_len(n) : kind == GK_YAML_SCALAR ? 1 : 0;
    if (count == 0) return gk_fail(err, out->place, layers_hint, "no layers are named here");
    out->item = gk_arena_alloc(a, count * sizeof *out->item);
    const char **text = gk_arena_alloc(a, count * sizeof *text);
    for (size_t i = 0; i < count; i++)
        if (!parse_layer_item(a, kind == GK_YAML_LIST ? gk_yaml_at(n, i) : n, out, &text[i], file, err))
            return false;
    if (!out->all) out->text = gk__join(a, text, gk__sort_texts(text, count), ",");
    return true;
}
