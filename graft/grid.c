/* grid.c: one entry of a scheme file that stands for many: the values of its axes, and $axis in its words. */
#include "graft/internal.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST_LABEL = 120, MOST_NUMBER = 1000000000 };

static const char values_hint[] =
    "an axis is a list of values, each (every layer), halves, quarters, eighths, {parts: N}, "
    "{window: W, stride: S} or {from: A, to: B, step: S}";

/* ---------------------------------------------------------------- $axis in texts */

static bool name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t name_length(const char *s) {
    size_t n = 0;
    if (!name_start(*s)) return 0;
    while (name_start(s[n]) || (s[n] >= '0' && s[n] <= '9')) n++;
    return n;
}

/* The name of the $axis or ${axis} that `s` begins with; NULL when it begins with none. *len: of all of it.
 */
static const char *placeholder(const char *s, size_t *name_len, size_t *len) {
    if (*s != '$') return NULL;
    bool braces = s[1] == '{';
    const char *name = s + 1 + braces;
    *name_len = name_length(name);
    *len = *name_len + 1 + 2 * (size_t)braces;
    return *name_len && (!braces || name[*name_len] == '}') ? name : NULL;
}

static gk_graft__axis *find_axis(const gk_graft__grid *grid, const char *name, size_t len) {
    for (size_t i = 0; grid && i < grid->n; i++)
        if (strlen(grid->axis[i].name) == len && strncmp(grid->axis[i].name, name, len) == 0)
            return &grid->axis[i];
    return NULL;
}

static bool unknown_axis(const gk_graft__yaml_source *src, gk_ynode n, const char *name, size_t len,
                         gk_error *err) {
    gk_buf hint = {0};
    gk_buf_puts(&hint, src->grid ? "the axes of the grid: " : "the scheme has no grid");
    for (size_t i = 0; src->grid && i < src->grid->n; i++)
        gk_buf_printf(&hint, "%s%s", i ? ", " : "", src->grid->axis[i].name);
    gk_fail(err, gk_graft__yaml_place(n, src->file), hint.data, "unknown placeholder '$%.*s'",
            (int)(len < 80 ? len : 80), name);
    gk_buf_free(&hint);
    return false;
}

/* The value of the axis that is all that stands in the scalar. */
static gk_ynode resolve(const gk_graft__yaml_source *src, gk_ynode n) {
    const char *text = src->grid ? gk_yaml_text(n) : NULL;
    size_t name_len, len;
    const char *name = text ? placeholder(text, &name_len, &len) : NULL;
    gk_graft__axis *axis = name && !text[len] ? find_axis(src->grid, name, name_len) : NULL;
    if (!axis || gk_yaml_kind_of(axis->value[axis->now].node) == GK_YAML_NONE) return n;
    axis->used = true;
    return axis->value[axis->now].node;
}

gk_ynode gk_graft__yaml_get(const gk_graft__yaml_source *src, gk_ynode map, const char *key) {
    return resolve(src, gk_yaml_get(map, key));
}

gk_ynode gk_graft__yaml_item(const gk_graft__yaml_source *src, gk_ynode list, size_t i) {
    return resolve(src, gk_yaml_at(list, i));
}

static bool fill_in(const gk_graft__yaml_source *src, gk_ynode n, bool title, const char **out,
                    gk_error *err) {
    const char *text;
    if (!gk_yaml_str(n, &text, err)) return false;
    *out = gk_arena_strdup(src->a, text);
    if (!strchr(text, '$') || (title && !src->grid)) return true;
    gk_buf b = {0};
    gk_buf_puts(&b, "");
    bool ok = true;
    while (ok && *text) {
        size_t name_len, len = 1;
        const char *name = placeholder(text, &name_len, &len);
        gk_graft__axis *axis = name ? find_axis(src->grid, name, name_len) : NULL;
        const gk_graft__axis_value *v = axis ? &axis->value[axis->now] : NULL;
        if (v && !title && !v->text)
            ok =
                gk_fail(err, gk_graft__yaml_place(n, src->file), "let it stand alone where the value belongs",
                        "'$%.80s' is a list or a map and cannot be part of a text", axis->name);
        else if (name && !v)
            ok = unknown_axis(src, n, name, name_len, err);
        else if (v)
            gk_buf_puts(&b, title ? v->label : v->text);
        else
            gk_buf_add(&b, text, 1);
        if (v && !title) axis->used = true;
        text += v ? len : 1;
    }
    *out = gk_arena_strdup(src->a, b.data);
    gk_buf_free(&b);
    return ok;
}

bool gk_graft__yaml_text(const gk_graft__yaml_source *src, gk_ynode n, const char **out, gk_error *err) {
    return fill_in(src, n, false, out, err);
}

bool gk_graft__yaml_title(const gk_graft__yaml_source *src, gk_ynode n, const char **out, gk_error *err) {
    return fill_in(src, n, true, out, err);
}

/* ---------------------------------------------------------------- values that are written out */

/* "o+ffn", "not(first_actor+last)". */
static void add_label(gk_buf *b, gk_ynode n) {
    size_t len = gk_yaml_len(n);
    if (b->len > LONGEST_LABEL) return;
    if (gk_yaml_kind_of(n) == GK_YAML_SCALAR) gk_buf_puts(b, gk_yaml_text(n));
    for (size_t i = 0; i < len; i++) {
        bool map = gk_yaml_kind_of(n) == GK_YAML_MAP;
        if (i) gk_buf_puts(b, map ? " " : "+");
        if (map) gk_buf_printf(b, "%s(", gk_yaml_text(gk_yaml_key(n, i)));
        add_label(b, gk_yaml_at(n, i));
        if (map) gk_buf_puts(b, ")");
    }
}

/* Values are plain: an axis that stood for another could go round in circles. */
static bool check_plain(const char *file, gk_ynode n, gk_error *err) {
    const char *text = gk_yaml_text(n);
    size_t name_len, len;
    for (const char *p = text; p && *p; p++)
        if (placeholder(p, &name_len, &len))
            return gk_fail(err, gk_graft__yaml_place(n, file), "write the values themselves",
                           "the values of a grid cannot refer to axes ('%.80s')", text);
    for (size_t i = 0; i < gk_yaml_len(n); i++)
        if (!check_plain(file, gk_yaml_at(n, i), err)) return false;
    return true;
}

static bool parse_value(const gk_graft__yaml_source *src, gk_ynode n, gk_graft__axis_value *out,
                        gk_error *err) {
    static const char *const keys[] = {"name", "value", NULL};
    const char *label = NULL, *text;
    if (gk_yaml_kind_of(gk_yaml_get(n, "value")) != GK_YAML_NONE) {
        if (!gk_yaml_only(n, keys, err) || !gk_yaml_str(gk_yaml_get(n, "name"), &label, err)) return false;
        n = gk_yaml_get(n, "value");
    }
    if (gk_yaml_kind_of(n) == GK_YAML_SCALAR && !gk_yaml_str(n, &text, err)) return false;
    if (!check_plain(src->file, n, err)) return false;
    gk_buf b = {0};
    gk_buf_puts(&b, label ? label : "");
    if (!label) add_label(&b, n);
    out->node = n;
    out->text = gk_yaml_text(n) ? gk_arena_strdup(src->a, gk_yaml_text(n)) : NULL;
    out->label = gk_arena_strdup(src->a, b.data);
    bool ok = b.len <= LONGEST_LABEL;
    gk_buf_free(&b);
    return ok || gk_fail(err, gk_graft__yaml_place(n, src->file), "write {name: …, value: …}",
                         "this value is too long to be a name");
}

static bool parse_list(const gk_graft__yaml_source *src, gk_ynode n, gk_graft__axis *out, gk_error *err) {
    out->n = gk_yaml_len(n);
    if (out->n == 0) return gk_fail(err, out->place, values_hint, "axis '%.80s' has no values", out->name);
    out->value = gk_arena_alloc(src->a, out->n * sizeof *out->value);
    for (size_t i = 0; i < out->n; i++)
        if (!parse_value(src, gk_yaml_at(n, i), &out->value[i], err)) return false;
    return true;
}

/* ---------------------------------------------------------------- values that are counted */

/* Room for `n` values, or the refusal of so many. */
static bool make_room(const gk_graft__yaml_source *src, size_t n, gk_graft__axis *out, gk_error *err) {
    out->n = n;
    if (n > GK_GRAFT__MOST_SCHEMES)
        return gk_fail(err, out->place, "a run takes 100000 schemes at most", "axis '%.80s' has %zu values",
                       out->name, n);
    out->value = gk_arena_alloc(src->a, n * sizeof *out->value);
    return true;
}

static void put_value(gk_graft__axis *axis, size_t i, const char *text) {
    axis->value[i] = (gk_graft__axis_value){.label = text, .text = text};
}

static bool needs_depth(gk_place at, int n_layers, gk_error *err) {
    return n_layers > 0 || gk_fail(err, at, "load the schemes together with the models",
                                   "how many layers the models have is not known here");
}

static bool make_parts(const gk_graft__yaml_source *src, int parts, gk_graft__axis *out, gk_error *err) {
    if (!make_room(src, (size_t)parts, out, err)) return false;
    for (int i = 0; i < parts; i++) put_value(out, (size_t)i, gk_arena_printf(src->a, "%d/%d", i + 1, parts));
    return true;
}

/* Windows of w layers, a stride apart; the last one ends at the last layer, however short its step is. */
static bool make_windows(const gk_graft__yaml_source *src, int w, int stride, int n_layers,
                         gk_graft__axis *out, gk_error *err) {
    if (!needs_depth(out->place, n_layers, err)) return false;
    if (w > n_layers)
        return gk_fail(err, out->place, NULL, "a window of %d layers in models of %d layers", w, n_layers);
    int steps = (n_layers - w + stride - 1) / stride;
    if (!make_room(src, (size_t)steps + 1, out, err)) return false;
    for (int i = 0; i <= steps; i++) {
        int first = i < steps ? i * stride : n_layers - w;
        put_value(out, (size_t)i,
                  w == 1 ? gk_arena_printf(src->a, "%d", first)
                         : gk_arena_printf(src->a, "%d-%d", first, first + w - 1));
    }
    return true;
}

static bool make_numbers(const gk_graft__yaml_source *src, int64_t from, int64_t to, int64_t step,
                         gk_graft__axis *out, gk_error *err) {
    if (from > to) return gk_fail(err, out->place, NULL, "axis '%.80s' ends before it begins", out->name);
    if (!make_room(src, (size_t)((to - from) / step) + 1, out, err)) return false;
    for (size_t i = 0; i < out->n; i++)
        put_value(out, i, gk_arena_printf(src->a, "%lld", (long long)(from + (int64_t)i * step)));
    return true;
}

static bool number(gk_ynode map, const char *key, int64_t lo, int64_t absent, int64_t *out, gk_error *err) {
    gk_ynode n = gk_yaml_get(map, key);
    *out = absent;
    return (absent >= 0 && gk_yaml_kind_of(n) == GK_YAML_NONE) || gk_yaml_int(n, lo, MOST_NUMBER, out, err);
}

static bool parse_counted(const gk_graft__yaml_source *src, gk_ynode n, int n_layers, gk_graft__axis *out,
                          gk_error *err) {
    static const char *const window[] = {"window", "stride", NULL}, *const parts[] = {"parts", NULL},
                             *const range[] = {"from", "to", "step", NULL};
    int64_t a, b, c;
    if (gk_yaml_kind_of(gk_yaml_get(n, "window")) != GK_YAML_NONE)
        return gk_yaml_only(n, window, err) && number(n, "window", 1, -1, &a, err) &&
               number(n, "stride", 1, 1, &b, err) && make_windows(src, (int)a, (int)b, n_layers, out, err);
    if (gk_yaml_kind_of(gk_yaml_get(n, "parts")) != GK_YAML_NONE)
        return gk_yaml_only(n, parts, err) && number(n, "parts", 1, -1, &a, err) &&
               make_parts(src, (int)a, out, err);
    if (gk_yaml_kind_of(gk_yaml_get(n, "from")) != GK_YAML_NONE)
        return gk_yaml_only(n, range, err) && number(n, "from", 0, -1, &a, err) &&
               number(n, "to", 0, -1, &b, err) && number(n, "step", 1, 1, &c, err) &&
               make_numbers(src, a, b, c, out, err);
    return gk_fail(err, out->place, values_hint, "axis '%.80s' is a map of none of the known kinds",
                   out->name);
}

static bool parse_word(const gk_graft__yaml_source *src, gk_ynode n, int n_layers, gk_graft__axis *out,
                       gk_error *err) {
    static const struct {
        const char *word;
        int parts;
    } divisions[] = {{"halves", 2}, {"quarters", 4}, {"eighths", 8}};
    const char *text;
    if (!gk_yaml_str(n, &text, err)) return false;
    if (strcmp(text, "each") == 0) return make_windows(src, 1, 1, n_layers, out, err);
    for (size_t i = 0; i < sizeof divisions / sizeof *divisions; i++)
        if (strcmp(text, divisions[i].word) == 0) return make_parts(src, divisions[i].parts, out, err);
    return gk_fail(err, out->place, values_hint, "axis '%.80s' has the unknown values '%.80s'", out->name,
                   text);
}

/* ---------------------------------------------------------------- all axes */

static bool parse_axis(const gk_graft__yaml_source *src, gk_ynode map, size_t i, int n_layers,
                       gk_graft__axis *out, gk_error *err) {
    gk_ynode key = gk_yaml_key(map, i), n = gk_yaml_at(map, i);
    const char *name = gk_yaml_text(key);
    if (!*name || name_length(name) != strlen(name))
        return gk_fail(err, gk_graft__yaml_place(key, src->file), "write a word of letters, digits and _",
                       "'%.80s' cannot be the name of an axis", name);
    out->name = gk_arena_strdup(src->a, name);
    out->place = gk_graft__yaml_place(n, src->file);
    if (gk_yaml_kind_of(n) == GK_YAML_LIST) return parse_list(src, n, out, err);
    return gk_yaml_kind_of(n) == GK_YAML_MAP ? parse_counted(src, n, n_layers, out, err)
                                             : parse_word(src, n, n_layers, out, err);
}

bool gk_graft__grid_parse(const gk_graft__yaml_source *src, gk_ynode n, int n_layers, gk_graft__grid *out,
                          gk_error *err) {
    if (gk_yaml_kind_of(n) != GK_YAML_MAP || gk_yaml_len(n) == 0)
        return gk_fail(err, gk_graft__yaml_place(n, src->file),
                       "write {layer: each, components: [attn, ffn]}", "a grid is a map of axes");
    *out = (gk_graft__grid){.n = gk_yaml_len(n), .cells = 1};
    out->axis = gk_arena_alloc(src->a, out->n * sizeof *out->axis);
    for (size_t i = 0; i < out->n; i++) {
        if (!parse_axis(src, n, i, n_layers, &out->axis[i], err)) return false;
        if (!gk_mul_size(out->cells, out->axis[i].n, &out->cells))
            return gk_fail(err, gk_graft__yaml_place(n, src->file), "a run takes 100000 schemes at most",
                           "the grid has more cells than can be counted");
    }
    return true;
}

void gk_graft__grid_go(gk_graft__grid *grid, size_t i) {
    for (size_t k = grid->n; k-- > 0; i /= grid->axis[k].n) grid->axis[k].now = i % grid->axis[k].n;
}

bool gk_graft__grid_check(const gk_graft__grid *grid, gk_error *err) {
    for (size_t i = 0; i < grid->n; i++)
        if (!grid->axis[i].used)
            return gk_fail(err, grid->axis[i].place, "write $axis where its values belong, or take it out",
                           "axis '%.80s' is used by no graft and no model of this scheme",
                           grid->axis[i].name);
    return true;
}
