/* layers.c: which layers a graft takes: from YAML, and on models of so many layers. */
#include "graft/internal.h"
#include "graftkit/core/random.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_LAYERS = 100000 };

static const char layers_hint[] =
    "layer sets are all, lower half, upper half, a part as in 2/4 (the second quarter), "
    "a range as in 3-5, a layer (from 0), a range of depth as in 0.25-0.5, a list of these, {not: ...}, "
    "or {of: ..., drop: 0.4, seed: 1}; first_quarter ... fourth_quarter, first_eighth ... sixth_eighth as "
    "the public code has "
    "them; in patches and ablations also embed";

/* ---------------------------------------------------------------- groups of the public code */

/* With Q = floor(L / 4), the layers floor(a Q / 2) to floor(b Q / 2) - 1 of L, and to the last for b =
 * TO_THE_END. Some are empty, the third eighth at any depth. */
enum { TO_THE_END = -1 };
static const struct {
    const char *word;
    int a, b;
} GROUPS[] = {
    {"first_quarter", 0, 2}, {"second_quarter", 2, 4},
    {"third_quarter", 4, 6}, {"fourth_quarter", 6, TO_THE_END},
    {"first_eighth", 0, 1},  {"second_eighth", 1, 2},
    {"third_eighth", 4, 3},  {"fourth_eighth", 3, 4},
    {"fifth_eighth", 4, 5},  {"sixth_eighth", 5, 6},
};
enum { N_GROUPS = sizeof GROUPS / sizeof *GROUPS };

static bool parse_group(const char *text, gk_graft__layer_item *out) {
    for (int i = 0; i < N_GROUPS; i++)
        if (strcmp(text, GROUPS[i].word) == 0) {
            *out = (gk_graft__layer_item){.group = i + 1};
            return true;
        }
    return false;
}

static void group_layers(int group, int n_layers, int *begin, int *end) {
    int quarter = n_layers / 4, b = GROUPS[group - 1].b;
    *begin = GROUPS[group - 1].a * quarter / 2;
    *end = b == TO_THE_END ? n_layers : b * quarter / 2;
}

bool gk_graft__layers_group(const char *word, int n_layers, int *begin, int *end) {
    gk_graft__layer_item it;
    if (!parse_group(word, &it)) return false;
    group_layers(it.group, n_layers, begin, end);
    return true;
}

/* ---------------------------------------------------------------- one set */

/* "0.25", ".5", "1": in millionths, exactly. */
static bool parse_fraction(const char *s, int *out) {
    size_t whole = strspn(s, "0123456789");
    const char *digits = s[whole] == '.' ? s + whole + 1 : s + whole;
    size_t places = strspn(digits, "0123456789");
    if (whole > 6 || places > 6 || digits[places] || whole + places == 0) return false;
    long v = strtol(s, NULL, 10) * GK_GRAFT__MILLION;
    for (size_t i = 0, unit = GK_GRAFT__MILLION / 10; i < places; i++, unit /= 10)
        v += (digits[i] - '0') * (long)unit;
    *out = (int)v;
    return v <= GK_GRAFT__MILLION;
}

static int common_divisor(int a, int b) {
    while (b) {
        int r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* "0.25-0.5" in lowest terms: 1/4 to 2/4. */
static bool parse_depth(const char *left, const char *right, gk_graft__layer_item *out) {
    if (!parse_fraction(left, &out->a) || !parse_fraction(right, &out->b) || out->a >= out->b) return false;
    int d = common_divisor(common_divisor(GK_GRAFT__MILLION, out->a), out->b);
    out->a /= d;
    out->b /= d;
    out->of = GK_GRAFT__MILLION / d;
    return true;
}

/* "2/4", "0.25-0.5", "3-5" or "3". */
static bool parse_numbers(gk_arena *a, const char *text, gk_graft__layer_item *out) {
    const char *mark = strpbrk(text, "/-");
    out->of = 0;
    if (!mark) {
        bool ok = gk_graft__whole_number(text, 0, MOST_LAYERS, &out->a);
        out->b = out->a;
        return ok;
    }
    const char *left = gk_arena_strndup(a, text, (size_t)(mark - text));
    if (*mark == '-' && strchr(text, '.')) return parse_depth(left, mark + 1, out);
    long lo = *mark == '/' ? 1 : 0;
    if (!gk_graft__whole_number(left, lo, MOST_LAYERS, &out->a) ||
        !gk_graft__whole_number(mark + 1, lo, MOST_LAYERS, &out->b) || out->a > out->b)
        return false;
    if (*mark == '/') *out = (gk_graft__layer_item){.a = out->a - 1, .b = out->a, .of = out->b};
    return true;
}

/* Adds to set->item, which has room, or sets set->embed. */
static bool parse_item(const gk_graft__yaml_source *src, gk_ynode n, gk_graft__layer_set *set,
                       gk_error *err) {
    const char *text;
    if (!gk_graft__yaml_text(src, n, &text, err)) return false;
    if (strcmp(text, "embed") == 0) {
        set->embed = true;
        return true;
    }
    gk_graft__layer_item *out = &set->item[set->n++];
    if (strcmp(text, "all") == 0)
        *out = (gk_graft__layer_item){.a = 0, .b = 1, .of = 1};
    else if (strcmp(text, "lower half") == 0)
        *out = (gk_graft__layer_item){.a = 0, .b = 1, .of = 2};
    else if (strcmp(text, "upper half") == 0)
        *out = (gk_graft__layer_item){.a = 1, .b = 2, .of = 2};
    else if (!parse_group(text, out) && !parse_numbers(src->a, text, out))
        return gk_fail(err, gk_graft__yaml_place(n, src->file), layers_hint, "unknown layer set '%.80s'",
                       text);
    return true;
}

static int by_item(const void *a, const void *b) {
    const gk_graft__layer_item *x = a, *y = b;
    if (x->group != y->group) return (x->group > y->group) - (x->group < y->group);
    if (x->of != y->of) return !x->of != !y->of ? (x->of ? -1 : 1) : (x->of > y->of) - (x->of < y->of);
    return x->a != y->a ? (x->a > y->a) - (x->a < y->a) : (x->b > y->b) - (x->b < y->b);
}

/* One way to write a set: sorted, without repeats, ranges that touch joined. */
static void tidy(gk_graft__layer_set *set) {
    qsort(set->item, set->n, sizeof *set->item, by_item);
    size_t kept = 0;
    for (size_t i = 0; i < set->n; i++) {
        gk_graft__layer_item *last = kept ? &set->item[kept - 1] : NULL, it = set->item[i];
        bool same = last && last->of == it.of && last->group == it.group,
             equal = same && last->a == it.a && last->b == it.b;
        if (same && !it.of && !it.group && it.a <= last->b + 1)
            last->b = it.b > last->b ? it.b : last->b;
        else if (!equal)
            set->item[kept++] = it;
    }
    set->n = kept;
}

static const char *item_text(gk_arena *a, gk_graft__layer_item it) {
    if (it.group) return GROUPS[it.group - 1].word;
    if (it.of && it.b - it.a == 1) return gk_arena_printf(a, "%d/%d", it.b, it.of);
    if (it.of) return gk_arena_printf(a, "depth(%d/%d:%d/%d)", it.a, it.of, it.b, it.of);
    return it.a == it.b ? gk_arena_printf(a, "%d", it.a) : gk_arena_printf(a, "%d-%d", it.a, it.b);
}

static bool parse_set(const gk_graft__yaml_source *src, gk_ynode n, gk_graft__layer_set *out, gk_error *err) {
    gk_yaml_kind kind = gk_yaml_kind_of(n);
    size_t count = kind == GK_YAML_LIST ? gk_yaml_len(n) : kind == GK_YAML_SCALAR ? 1 : 0;
    if (count == 0)
        return gk_fail(err, gk_graft__yaml_place(n, src->file), layers_hint, "no layers are named here");
    out->item = gk_arena_alloc(src->a, count * sizeof *out->item);
    for (size_t i = 0; i < count; i++)
        if (!parse_item(src, kind == GK_YAML_LIST ? gk_graft__yaml_item(src, n, i) : n, out, err))
            return false;
    for (size_t i = 0; i < out->n; i++)
        out->all = out->all || (out->item[i].of && out->item[i].a == 0 && out->item[i].b == out->item[i].of);
    tidy(out);
    const char **text = gk_arena_alloc(src->a, (out->n + 1) * sizeof *text);
    size_t n_texts = 0;
    if (out->embed) text[n_texts++] = "embed";
    for (size_t i = 0; i < out->n; i++) text[n_texts++] = item_text(src->a, out->item[i]);
    out->text = out->all ? "all" : gk_graft__join_texts(src->a, text, n_texts, ",");
    return true;
}

/* ---------------------------------------------------------------- not, drop */

static bool parse_not(const gk_graft__yaml_source *src, gk_ynode map, gk_graft__layer_set *out,
                      gk_error *err) {
    if (gk_yaml_len(map) != 1)
        return gk_fail(err, out->place, "write {not: 3}", "'not' stands alone in its map of layers");
    if (!parse_set(src, gk_graft__yaml_get(src, map, "not"), out, err)) return false;
    out->inverse = true;
    out->embed = false; /* the complement is one of layers */
    out->text = gk_arena_printf(src->a, "not(%s)", out->text);
    out->all = false;
    return true;
}

static bool parse_seed(const gk_graft__yaml_source *src, gk_ynode n, uint64_t *out, gk_error *err) {
    const char *text;
    if (!gk_graft__yaml_text(src, n, &text, err)) return false;
    size_t len = strlen(text);
    if (len == 0 || len > 18 || strspn(text, "0123456789") != len)
        return gk_fail(err, gk_graft__yaml_place(n, src->file), "write an integer of 0 or more, such as 1",
                       "'%.80s' cannot be a seed", text);
    *out = strtoull(text, NULL, 10);
    return true;
}

/* What a rate of 0 does is what the set itself does, but that embed and pos are no layers; a rate of 1 takes
 * nothing, whatever the seed. */
static void name_drop(gk_arena *a, gk_graft__layer_set *set) {
    if (set->rate == 0 && !set->all) return;
    const char *rate = gk_arena_printf(a, "%.6g", set->rate / (double)GK_GRAFT__MILLION);
    if (set->rate == 0 || set->rate == GK_GRAFT__MILLION)
        set->text = gk_arena_printf(a, "drop(%s:%s)", set->text, rate);
    else
        set->text = gk_arena_printf(a, "drop(%s:%s:%llu)", set->text, rate, (unsigned long long)set->seed);
}

static bool parse_drop(const gk_graft__yaml_source *src, gk_ynode map, gk_graft__layer_set *out,
                       gk_error *err) {
    const char *rate;
    gk_ynode of = gk_graft__yaml_get(src, map, "of"), at = gk_graft__yaml_get(src, map, "drop");
    out->drop = true;
    if (!gk_graft__yaml_text(src, at, &rate, err)) return false;
    if (!parse_fraction(rate, &out->rate))
        return gk_fail(err, gk_graft__yaml_place(at, src->file),
                       "write a fraction from 0 to 1, with at most 6 decimals",
                       "'%.80s' cannot be a drop rate", rate);
    if (!parse_seed(src, gk_graft__yaml_get(src, map, "seed"), &out->seed, err)) return false;
    if (gk_yaml_kind_of(of) == GK_YAML_NONE) {
        out->item = gk_arena_alloc(src->a, sizeof *out->item);
        *out->item = (gk_graft__layer_item){.a = 0, .b = 1, .of = 1};
        out->n = 1;
        out->all = true;
    } else if (!parse_set(src, of, out, err)) {
        return false;
    }
    name_drop(src->a, out);
    out->all = false;
    return true;
}

bool gk_graft__layers_parse(const gk_graft__yaml_source *src, gk_ynode n, gk_graft__layer_set *out,
                            gk_error *err) {
    static const char *const keys[] = {"of", "drop", "seed", "not", NULL};
    *out = (gk_graft__layer_set){.place = gk_graft__yaml_place(n, src->file), .text = "all"};
    gk_yaml_kind kind = gk_yaml_kind_of(n);
    out->all = kind == GK_YAML_NONE;
    if (out->all) return true;
    if (kind != GK_YAML_MAP) return parse_set(src, n, out, err);
    if (!gk_yaml_only(n, keys, err)) return false;
    if (gk_yaml_len(n) == 0) return gk_fail(err, out->place, layers_hint, "no layers are named here");
    return gk_yaml_kind_of(gk_yaml_get(n, "not")) != GK_YAML_NONE ? parse_not(src, n, out, err)
                                                                  : parse_drop(src, n, out, err);
}

bool gk_graft__layers_none(const gk_graft__layer_set *set) {
    return set->drop && set->rate == GK_GRAFT__MILLION;
}

/* ---------------------------------------------------------------- on a model */

/* The parts of any division are disjoint and together all layers. */
static bool mark_item(const gk_graft__layer_set *set, gk_graft__layer_item it, int n_layers, bool *in,
                      gk_error *err) {
    int begin = it.of ? (int)((int64_t)it.a * n_layers / it.of) : it.a;
    int end = it.of ? (int)((int64_t)it.b * n_layers / it.of) : it.b + 1;
    if (it.group) group_layers(it.group, n_layers, &begin, &end);
    if (it.group && begin >= end)
        return gk_fail(err, set->place, "leave it out, or write a part of the depth, as in 3/8",
                       "empty selection: the public code's %s of %d layers holds no layer",
                       GROUPS[it.group - 1].word, n_layers);
    if (end > n_layers)
        return gk_fail(err, set->place, NULL, "no layer %d: the models have layers 0 to %d", end - 1,
                       n_layers - 1);
    if (begin >= end && it.b - it.a == 1)
        return gk_fail(err, set->place, "divide the layers into fewer parts",
                       "empty selection: part %d/%d of %d layers holds no layer", it.b, it.of, n_layers);
    if (begin >= end)
        return gk_fail(err, set->place, "widen the range of depth",
                       "empty selection: the depth %d/%d to %d/%d of %d layers holds no layer", it.a, it.of,
                       it.b, it.of, n_layers);
    memset(in + begin, true, (size_t)(end - begin));
    return true;
}

/* Leaves out round(rate * number), the first of a random order: of one seed, what a smaller rate drops a
 * larger one drops too. */
static void drop_some(gk_arena *a, const gk_graft__layer_set *set, int n_layers, bool *in) {
    int n = 0, *layer = gk_arena_alloc(a, (size_t)n_layers * sizeof *layer);
    for (int l = 0; l < n_layers; l++)
        if (in[l]) layer[n++] = l;
    gk_rng rng;
    gk_rng_seed(&rng, set->seed, "layer dropout");
    gk_rng_shuffle(&rng, layer, (size_t)n, sizeof *layer);
    int64_t dropped = ((int64_t)set->rate * n + GK_GRAFT__MILLION / 2) / GK_GRAFT__MILLION;
    for (int i = 0; i < dropped; i++) in[layer[i]] = false;
}

bool gk_graft__layers_mark(gk_arena *a, const gk_graft__layer_set *set, int n_layers, bool *in,
                           gk_error *err) {
    if (set->all) memset(in, true, (size_t)n_layers);
    for (size_t i = 0; !set->all && i < set->n; i++)
        if (!mark_item(set, set->item[i], n_layers, in, err)) return false;
    int some = 0;
    for (int l = 0; set->inverse && l < n_layers; l++) {
        in[l] = !in[l];
        some += in[l];
    }
    if (set->inverse && some == 0)
        return gk_fail(err, set->place, NULL, "empty selection: layers %s leave none of %d", set->text,
                       n_layers);
    if (set->drop) drop_some(a, set, n_layers, in);
    return true;
}
