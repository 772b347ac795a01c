/* import_read.c: the patches of a configuration of the public code: which tokens, matrices and layers. */
#include "graft/import/import.h"
#include "graft/internal.h"

#include <string.h>

typedef struct reader {
    gk_arena *a;
    const char *path;
    const gk_graft__import_setting *s;
    const gk_import_options *o;
} reader;

static bool there(gk_ynode n) {
    return gk_yaml_kind_of(n) != GK_YAML_NONE && !gk_graft__import_is_null(n);
}

/* ---------------------------------------------------------------- targets */

enum { Q, K, V, GATE, N_SPLIT };
static const struct {
    const char *name;
    gk_component component;
} TARGETS[] = {
    {"q", GK_Q},       {"k", GK_K},           {"v", GK_V},      {"gate", GK_GATE}, {"o", GK_O},
    {"mlp_up", GK_UP}, {"mlp_down", GK_DOWN}, {"ln_1", GK_LN1}, {"ln_2", GK_LN2},  {"embeddings", GK_EMBED}};
enum { N_TARGETS = sizeof TARGETS / sizeof *TARGETS };

#define BIT(c) (1u << (c))
static const uint32_t QKV = BIT(GK_Q) | BIT(GK_K) | BIT(GK_V);

/* Where checkpoints fuse q, k and v, the public code has a module `q` that is the three, no k, v and gate. */
static uint32_t of_fused(uint32_t mask) {
    uint32_t rest = mask & ~(QKV | BIT(GK_GATE));
    return mask & BIT(GK_Q) ? rest | QKV : rest;
}

static bool read_targets(const reader *r, gk_ynode n, uint32_t *out, gk_error *err) {
    const char *keys[N_TARGETS + 1] = {NULL};
    for (int i = 0; i < N_TARGETS; i++) keys[i] = TARGETS[i].name;
    if (!gk_yaml_only(n, keys, err)) return false;
    uint32_t mask = 0;
    for (int i = 0; i < N_TARGETS; i++) {
        bool on = false;
        gk_ynode at = gk_yaml_get(n, keys[i]);
        if (gk_yaml_kind_of(at) != GK_YAML_NONE && !gk_yaml_bool(at, &on, err)) return false;
        if (on) mask |= BIT(TARGETS[i].component);
    }
    gk_ynode embed = gk_yaml_get(n, "embeddings");
    if (r->s->first_gpt2 && (mask & BIT(GK_EMBED)))
        return gk_fail(err, gk_yaml_place(embed), "the public code has embeddings of gpt2-xl, not of gpt2",
                       "is true for the model gpt2, where the public code stops");
    if (r->s->first_gpt2) mask &= ~(BIT(GK_LN1) | BIT(GK_LN2));
    bool apart = (mask & QKV) && (mask & QKV) != QKV;
    if (apart && !r->s->family)
        return gk_fail(err, gk_yaml_place(n), "give --family llama, gemma, gpt2 or gpt_neox",
                       "q, k and v differ, and q is all three in the public code's GPT-2 and Pythia");
    bool fused = r->s->family && gk_family_fuses_qkv(r->s->family);
    *out = fused ? of_fused(mask) : mask;
    if (r->s->all_dropped) *out &= BIT(GK_EMBED); /* the embedding is in no layer */
    return true;
}

/* ---------------------------------------------------------------- layers */

static bool add_number(const reader *r, gk_ynode n, gk_graft__import_layers *out, gk_buf *text,
                       gk_error *err) {
    int64_t layer;
    if (!gk_yaml_int(n, 0, r->o->n_layers ? r->o->n_layers - 1 : 99999, &layer, err)) return false;
    if (out->number) out->number[layer] = true;
    gk_buf_printf(text, "%s%lld", text->len ? ", " : "", (long long)layer);
    return true;
}

/* Its third eighth begins behind its end; so do others where there are few layers. */
static bool is_empty_anywhere(const char *word) {
    int begin, end;
    return gk_graft__layers_group(word, 1 << 20, &begin, &end) && end <= begin;
}

static bool add_word(const reader *r, gk_ynode n, gk_graft__import_layers *out, gk_buf *text, gk_error *err) {
    const char *word = gk_yaml_text(n);
    int n_layers = r->o->n_layers, begin = 0, end = n_layers;
    bool all = strcmp(word, "all") == 0;
    if (!all && !gk_graft__layers_group(word, n_layers, &begin, &end)) {
        if (strspn(word, "0123456789") == strlen(word)) return add_number(r, n, out, text, err);
        return gk_fail(err, gk_yaml_place(n),
                       "the public code has all, first_quarter ... fourth_quarter, first_eighth ... "
                       "sixth_eighth, and layer numbers from 0",
                       "'%.60s' is no layer and no group of layers", word);
    }
    out->all |= all;
    for (int l = begin; out->number && l < end; l++) out->number[l] = true;
    if (!is_empty_anywhere(word)) gk_buf_printf(text, "%s%s", text->len ? ", " : "", word);
    return true;
}

/* Runs of numbers, as schemes write them. */
static void name_numbers(int n_layers, gk_graft__import_layers *out, gk_buf *text) {
    int some = 0;
    text->len = 0;
    for (int l = 0; l < n_layers; l++) {
        int first = l;
        if (!out->number[l]) continue;
        while (l + 1 < n_layers && out->number[l + 1]) l++;
        some += l - first + 1;
        gk_buf_printf(text, first == l ? "%s%d" : "%s%d-%d", text->len ? ", " : "", first, l);
    }
    out->all = some == n_layers;
}

static bool four_quarters(const char *text) {
    return strstr(text, "first_quarter") && strstr(text, "second_quarter") && strstr(text, "third_quarter") &&
           strstr(text, "fourth_quarter");
}

/* No layers, null and an empty list are the same: nothing is patched there. */
static bool read_layers(const reader *r, gk_ynode n, gk_graft__import_layers *out, gk_error *err) {
    gk_yaml_kind kind = gk_yaml_kind_of(n);
    if (kind == GK_YAML_MAP)
        return gk_fail(err, gk_yaml_place(n), "give a group, a number, or a list of these", "is a map");
    size_t count = !there(n) ? 0 : kind == GK_YAML_LIST ? gk_yaml_len(n) : 1;
    gk_buf text = {0};
    bool ok = true;
    if (r->o->n_layers) out->number = gk_arena_alloc(r->a, (size_t)r->o->n_layers * sizeof *out->number);
    for (size_t i = 0; ok && i < count; i++) {
        gk_ynode item = kind == GK_YAML_LIST ? gk_yaml_at(n, i) : n;
        ok = gk_yaml_kind_of(item) == GK_YAML_SCALAR ? add_word(r, item, out, &text, err)
                                                     : add_number(r, item, out, &text, err);
    }
    if (ok && out->number) name_numbers(r->o->n_layers, out, &text);
    out->none = !out->all && text.len == 0;
    out->all = out->all || (text.len && four_quarters(text.data));
    out->text = text.len ? gk_arena_printf(r->a, "[%s]", text.data) : "[]";
    gk_buf_free(&text);
    return ok;
}

/* ---------------------------------------------------------------- tokens */

static bool read_values(const reader *r, gk_ynode spec, gk_graft__import_patch *out, gk_error *err) {
    gk_ynode list = gk_yaml_get(spec, "values");
    if (gk_yaml_kind_of(list) != GK_YAML_LIST)
        return gk_fail(err, gk_yaml_place(list), "write values: [-1]", "token_idx needs a list of tokens");
    gk_buf text = {0};
    bool ok = true;
    out->only_last = out->never_last = true;
    for (size_t i = 0; ok && i < gk_yaml_len(list); i++) {
        int64_t v = 0;
        ok = gk_yaml_int(gk_yaml_at(list, i), -1000000, 1000000, &v, err);
        out->has_last |= v == -1;
        out->only_last &= v == -1;
        out->never_last &= v < -1;
        gk_buf_printf(&text, v == -1 ? "%slast" : "%s%lld", i ? ", " : "", (long long)v);
    }
    if (text.len) out->at = gk_arena_strndup(r->a, text.data, text.len);
    gk_buf_free(&text);
    return ok;
}

/* Words that mean something else where schemes have a field. */
static bool is_field(const char *name) {
    const char *dot = strrchr(name, '.');
    bool part = dot && (strcmp(dot, ".first") == 0 || strcmp(dot, ".last") == 0);
    return gk_graft__name_ok(name) && !part && strcmp(name, "all") != 0 && strcmp(name, "last") != 0 &&
           strcmp(name, GK_ENTITY) != 0 && strspn(name, "+-.0123456789") != strlen(name);
}

static bool read_field(const reader *r, gk_ynode spec, gk_ynode name, gk_graft__import_patch *out,
                       gk_error *err) {
    const char *field = gk_yaml_text(name), *key;
    gk_ynode at = gk_yaml_get(spec, "key");
    if (!is_field(field))
        return gk_fail(err, gk_yaml_place(name), "rename the field in rows, templates and here",
                       "'%.60s' cannot be a field: schemes use the word for something else", field);
    if (!there(at))
        return gk_fail(err, gk_yaml_place(spec), "write key: with the field's name",
                       "the patch '%.60s' has no key, and the public code stops there", field);
    if (!gk_yaml_str(at, &key, err)) return false;
    if (strcmp(key, field) != 0)
        return gk_fail(
            err, gk_yaml_place(at), "give the patch the name of its key",
            "the patch '%.60s' has the key '%.60s': it would be made where the template has the one "
            "field, at the text of the other",
            field, key);
    out->at = strcmp(field, r->o->entity) == 0 ? GK_ENTITY : gk_arena_strdup(r->a, field);
    return true;
}

/* ---------------------------------------------------------------- patches */

static bool read_patch(const reader *r, gk_ynode name, gk_ynode spec, gk_graft__import_where where,
                       gk_graft__import_patch *out, gk_error *err) {
    static const char *const keys[] = {"key", "values", "targets", "layers", NULL};
    if (!gk_yaml_only(spec, keys, err)) return false;
    gk_ynode stray = gk_yaml_get(spec, where == GK_GRAFT__IMPORT_TOKENS ? "key" : "values"),
             key = gk_yaml_get(spec, "key"), targets = gk_yaml_get(spec, "targets");
    out->where = where;
    if (where == GK_GRAFT__IMPORT_OTHER && there(key)) stray = key;
    if (there(stray))
        return gk_fail(err, gk_yaml_place(stray), "leave it out", "the public code does not read it here");
    if (!there(targets))
        return gk_fail(err, gk_yaml_place(spec), "write targets: {q: true}",
                       "the patch has no targets, and the public code stops there");
    return (where != GK_GRAFT__IMPORT_FIELD || read_field(r, spec, name, out, err)) &&
           (where != GK_GRAFT__IMPORT_TOKENS || read_values(r, spec, out, err)) &&
           read_targets(r, targets, &out->components, err) &&
           read_layers(r, gk_yaml_get(spec, "layers"), &out->layers, err);
}

static gk_graft__import_where where_of(const char *name) {
    if (strcmp(name, "other") == 0) return GK_GRAFT__IMPORT_OTHER;
    return strstr(name, "token_idx") ? GK_GRAFT__IMPORT_TOKENS : GK_GRAFT__IMPORT_FIELD;
}

/* `other` first, then fields, then token numbers: the order in which the public code makes them. */
static bool read_patches(const reader *r, gk_ynode map, gk_graft__import_config *out, gk_error *err) {
    if (gk_yaml_kind_of(map) != GK_YAML_MAP)
        return gk_fail(err, gk_yaml_place(map), "write patches: {}, or a patch for each field",
                       "patches must be a map");
    out->patch = gk_arena_alloc(r->a, (gk_yaml_len(map) + 1) * sizeof *out->patch);
    for (int where = GK_GRAFT__IMPORT_OTHER; where <= GK_GRAFT__IMPORT_TOKENS; where++) {
        for (size_t i = 0; i < gk_yaml_len(map); i++) {
            gk_ynode name = gk_yaml_key(map, i);
            gk_graft__import_patch *p = &out->patch[out->n];
            if ((int)where_of(gk_yaml_text(name)) != where) continue;
            if (!read_patch(r, name, gk_yaml_at(map, i), (gk_graft__import_where)where, p, err)) return false;
            if (p->layers.none) p->components = 0;
            bool no_token = where == GK_GRAFT__IMPORT_TOKENS && !p->at;
            out->n += !no_token;
        }
    }
    return true;
}

/* As the public code: up to the first dot. */
static const char *name_of(gk_arena *a, const char *path) {
    static const char prefix[] = "config_patches_";
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *cut = strstr(name, prefix);
    if (cut) name = cut + sizeof prefix - 1;
    return gk_arena_strndup(a, name, strcspn(name, "."));
}

bool gk_graft__import_read(gk_arena *a, gk_ynode root, const char *path, const gk_graft__import_setting *s,
                           const gk_import_options *o, gk_graft__import_config *out, gk_error *err) {
    static const char *const keys[] = {"patches", NULL};
    reader r = {a, path, s, o};
    *out = (gk_graft__import_config){.path = path, .setting = *s};
    if (!gk_yaml_only(root, keys, err) || !read_patches(&r, gk_yaml_get(root, "patches"), out, err))
        return false;
    bool hybrid = s->direction == GK_GRAFT__HYBRID && s->patching;
    for (size_t i = 0; hybrid && i < out->n; i++) {
        const gk_graft__import_layers *l = &out->patch[i].layers;
        if (l->all || l->none || l->number) continue;
        return gk_fail(err, gk_yaml_place(gk_yaml_get(root, "patches")),
                       "give --layers with the number of layers of the models",
                       "a hybrid divides %.100s at the middle of the depth", l->text);
    }
    const char *name = name_of(a, s->name ? s->name : path);
    bool bare = strcmp(name, "no_patching") == 0; /* what its plots tell apart */
    if (bare)
        name = gk_arena_printf(a, "%s_%s", name, s->direction == GK_GRAFT__PRE2SFT ? "pre2sft" : "sft2pre");
    out->name = name;
    return true;
}
