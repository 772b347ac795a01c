/* freeze.c: the words of `freeze`: components, groups of them, and the layers they are frozen in. */
#include "train/internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- names */

/* Beside the bits of the components: the head where it is a matrix of its own, and nothing where it is the
 * embedding. */
#define OWN_HEAD (1u << GK_N_COMPONENTS)
_Static_assert(GK_N_COMPONENTS < 32, "a bit beside those of the components");

/* Named as the groups of graft schemes are: `all` is embed … down, without the final norm and the head. */
#define BIT(c) (1u << GK_##c)
static const struct {
    const char *name;
    uint32_t mask;
} GROUPS[] = {
    {"all", BIT(LNF) - 1u},
    {"attn", BIT(Q) | BIT(K) | BIT(V) | BIT(O)},
    {"qkv", BIT(Q) | BIT(K) | BIT(V)},
    {"ffn", BIT(GATE) | BIT(UP) | BIT(DOWN)},
    {"norms", BIT(LN1) | BIT(Q_NORM) | BIT(K_NORM) | BIT(LN1_POST) | BIT(LN2) | BIT(LN2_POST)},
    {"own_head", OWN_HEAD},
};
#undef BIT
enum { N_GROUPS = sizeof GROUPS / sizeof *GROUPS, MOST_LAYERS = 100000 };

static bool unknown_name(const char *name, gk_place at, gk_error *err) {
    char hint[320] = "components:";
    for (int c = 0; c < GK_N_COMPONENTS; c++) {
        size_t len = strlen(hint);
        snprintf(hint + len, sizeof hint - len, " %s", gk_component_name((gk_component)c));
    }
    size_t len = strlen(hint);
    snprintf(hint + len, sizeof hint - len,
             "; groups: all attn qkv ffn norms own_head; some layers only: ffn@0-3");
    return gk_fail(err, at, hint, "there is no component '%.40s'", name);
}

static bool of_no_layer(const char *name, gk_place at, gk_error *err) {
    return gk_fail(err, at, "leave the layers out", "'%s' belongs to no layer", name);
}

static bool parse_name(const char *name, gk_freeze *f, gk_place at, gk_error *err) {
    for (size_t i = 0; i < N_GROUPS; i++) {
        if (strcmp(name, GROUPS[i].name) != 0) continue;
        f->components = GROUPS[i].mask;
        f->group = true;
        return !f->layered || GROUPS[i].mask != OWN_HEAD || of_no_layer(name, at, err);
    }
    gk_component c;
    if (!gk_component_parse(name, &c)) return unknown_name(name, at, err);
    f->components = 1u << c;
    return !f->layered || gk_component_in_layer(c) || of_no_layer(name, at, err);
}

static bool whole_number(const char *s, size_t len, int *out) {
    if (len == 0 || len > 6 || strspn(s, "0123456789") < len) return false;
    *out = (int)strtol(s, NULL, 10);
    return *out <= MOST_LAYERS;
}

/* "3", "0-3" or "2/4". */
static bool parse_layers(const char *text, size_t len, gk_freeze *f) {
    size_t mark = strcspn(text, "-/");
    f->layered = true;
    if (mark >= len) {
        bool ok = whole_number(text, len, &f->first);
        f->last = f->first;
        return ok;
    }
    f->part = text[mark] == '/';
    return whole_number(text, mark, &f->first) && whole_number(text + mark + 1, len - mark - 1, &f->last) &&
           f->first >= (f->part ? 1 : 0) && f->first <= f->last;
}

static bool parse_word(const char *word, size_t len, gk_freeze *f, gk_place at, gk_error *err) {
    const char *mark = memchr(word, '@', len);
    size_t name_len = mark ? (size_t)(mark - word) : len;
    char name[41];
    *f = (gk_freeze){0};
    if (mark && !parse_layers(mark + 1, len - name_len - 1, f))
        return gk_fail(err, at, "layers are 3, 0-3 or a part as 2/4 (the second quarter), from 0 on",
                       "'%.*s' names no layers", len < 40 ? (int)len : 40, word);
    snprintf(name, sizeof name, "%.*s", name_len < 40 ? (int)name_len : 40, word);
    return parse_name(name, f, at, err);
}

/* Equal sets of words in any order are to be the same recipe. */
static int by_layers(const void *a, const void *b) {
    const gk_freeze *x = a, *y = b;
    int difference = (x->layered - y->layered) * 4 + (x->part - y->part) * 2;
    if (difference == 0) difference = x->first != y->first ? x->first - y->first : x->last - y->last;
    if (difference != 0) return difference;
    return (x->components > y->components) - (x->components < y->components);
}

bool gk_train__freeze_parse(const char *text, gk_recipe *r, gk_place at, gk_error *err) {
    r->n_freeze = 0;
    memset(r->freeze, 0, sizeof r->freeze);
    if (strcmp(text, "none") == 0 || !*text) return true;
    for (const char *p = text;; p++) {
        size_t len = strcspn(p, ",");
        if (r->n_freeze == GK_MOST_FREEZES)
            return gk_fail(err, at, "name groups or ranges of layers", "more than %d names", GK_MOST_FREEZES);
        if (!parse_word(p, len, &r->freeze[r->n_freeze++], at, err)) return false;
        p += len;
        if (!*p) break;
    }
    qsort(r->freeze, (size_t)r->n_freeze, sizeof *r->freeze, by_layers);
    return true;
}

/* ---------------------------------------------------------------- for manifests */

static bool same_layers(const gk_freeze *a, const gk_freeze *b) {
    return a->layered == b->layered && a->part == b->part && a->first == b->first && a->last == b->last;
}

static json_t *word_json(const gk_freeze *f, gk_component c) {
    const char *name = gk_component_name(c);
    if (!f->layered) return json_string(name);
    if (!f->part && f->first == f->last) return json_sprintf("%s@%d", name, f->first);
    return json_sprintf("%s@%d%c%d", name, f->first, f->part ? '/' : '-', f->last);
}

json_t *gk_train__freeze_json(const gk_recipe *r) {
    json_t *list = json_array();
    for (int i = 0, next; i < r->n_freeze; i = next) { /* entries of the same layers stand together */
        uint32_t mask = 0;
        for (next = i; next < r->n_freeze && same_layers(&r->freeze[i], &r->freeze[next]); next++)
            mask |= r->freeze[next].components;
        for (int c = 0; c < GK_N_COMPONENTS; c++) {
            bool listed = mask >> c & 1u && (!r->freeze[i].layered || gk_component_in_layer((gk_component)c));
            if (listed) json_array_append_new(list, word_json(&r->freeze[i], (gk_component)c));
        }
        if ((mask & OWN_HEAD) && !(mask >> GK_HEAD & 1u))
            json_array_append_new(list, json_string("own_head"));
    }
    return list;
}

/* ---------------------------------------------------------------- in a model */

static bool fail(gk_error *err, const char *hint, const char *what) {
    return gk_fail(err, GK_AT_FIELD(NULL, "freeze"), hint, "%s", what);
}

/* Layers [*from, *to); parts divide as they do in schemes. A group passes over the part that a shallow model
 * has no layer of, as over components that it lacks. */
static bool layers_of(const gk_freeze *f, int n_layers, int *from, int *to, gk_error *err) {
    *from = !f->layered ? 0 : f->part ? (int)((int64_t)(f->first - 1) * n_layers / f->last) : f->first;
    *to = !f->layered ? n_layers : f->part ? (int)((int64_t)f->first * n_layers / f->last) : f->last + 1;
    if (*to <= n_layers && (*from < *to || (f->part && f->group))) return true;
    return gk_fail(err, GK_AT_FIELD(NULL, "freeze"), "layers count from 0",
                   f->part ? "part %d/%d holds none of the model's %d layers"
                           : "the layers %d-%d are not all among the model's %d",
                   f->first, f->last, n_layers);
}

static bool add(const gk_freeze *f, const gk_config *c, uint32_t *masks, gk_error *err) {
    int from, to;
    if (!layers_of(f, c->n_layers, &from, &to, err)) return false;
    if ((f->components & OWN_HEAD) && !c->tied) masks[c->n_layers] |= 1u << GK_HEAD;
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        gk_component comp = (gk_component)i;
        if (!(f->components >> i & 1u)) continue;
        if (!gk_config_has(c, comp) && !f->group)
            return gk_fail(err, GK_AT_FIELD(NULL, "freeze"), NULL, "a %s model has no component '%s'",
                           gk_family_name(c->family), gk_component_name(comp));
        if (!gk_config_has(c, comp)) continue;
        if (!gk_component_in_layer(comp) && !f->layered) masks[c->n_layers] |= 1u << comp;
        for (int l = from; l < to && gk_component_in_layer(comp); l++) masks[l] |= 1u << comp;
    }
    return true;
}

/* What a list as gk_train__freeze_json writes it freezes in a model of this kind: its words were of groups,
 * so that what the model lacks is passed over. A tied head is the embedding. */
static bool masks_of_json(const json_t *list, const gk_config *c, uint32_t *masks) {
    size_t i;
    json_t *word;
    json_array_foreach((json_t *)(uintptr_t)list, i, word) {
        const char *text = json_string_value(word);
        gk_freeze f;
        if (!text || !parse_word(text, strlen(text), &f, GK_NOWHERE, NULL)) return false;
        f.group = true;
        if (!add(&f, c, masks, NULL)) return false;
    }
    if (c->tied && (masks[c->n_layers] >> GK_EMBED & 1u)) masks[c->n_layers] |= 1u << GK_HEAD;
    return json_is_array(list);
}

bool gk_train__freeze_same(const json_t *a, const json_t *b, const gk_config *c) {
    size_t n = (size_t)c->n_layers + 1;
    uint32_t *masks = gk_alloc(2 * n * sizeof *masks);
    bool same = masks_of_json(a, c, masks) && masks_of_json(b, c, masks + n) &&
                memcmp(masks, masks + n, n * sizeof *masks) == 0;
    gk_free(masks);
    return same;
}

static bool something_is_left(const gk_config *c, const uint32_t *masks) {
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        gk_component comp = (gk_component)i;
        bool own = gk_config_has(c, comp) && !(comp == GK_HEAD && c->tied), in = gk_component_in_layer(comp);
        for (int l = in ? 0 : c->n_layers; own && l < c->n_layers + !in; l++)
            if (!(masks[l] >> i & 1u)) return true;
    }
    return false;
}

void gk_train__freeze_notes(const gk_recipe *r, const gk_config *c, void on_note(void *ctx, const char *line),
                            void *ctx) {
    for (int i = 0; i < r->n_freeze; i++) {
        const gk_freeze *f = &r->freeze[i];
        char line[160];
        int from, to;
        if (!layers_of(f, c->n_layers, &from, &to, NULL) || from < to) continue;
        snprintf(line, sizeof line,
                 "freeze: part %d/%d holds none of the model's %d layers: nothing is frozen there", f->first,
                 f->last, c->n_layers);
        on_note(ctx, line);
    }
}

bool gk_recipe_frozen(const gk_recipe *r, const gk_config *c, uint32_t *masks, gk_error *err) {
    memset(masks, 0, ((size_t)c->n_layers + 1) * sizeof *masks);
    for (int i = 0; i < r->n_freeze; i++)
        if (!add(&r->freeze[i], c, masks, err)) return false;
    if (r->lora.rank > 0) return true; /* all the rest stays as it is anyway */
    uint32_t outside = masks[c->n_layers];
    if (c->tied && (outside >> GK_HEAD & 1u) && !(outside >> GK_EMBED & 1u))
        return fail(err, "freeze embed as well, or leave head out, or write own_head",
                    "head is tied to embed in this model and cannot be frozen alone");
    if (!something_is_left(c, masks)) return fail(err, "freeze less", "nothing is left to train");
    return true;
}
