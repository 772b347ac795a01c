/* patch.c: activation patches and mean ablations of a scheme: from YAML, as canonical text, and on one
 * tokenised prompt. */
#include "graft/internal.h"

#include <string.h>

/* ---------------------------------------------------------------- parsing */

static bool parse_source(const gk_graft__yaml_source *src, gk_ynode n, const gk_scheme *s,
                         gk_graft__model_name *out, gk_error *err) {
    if (gk_yaml_kind_of(n) != GK_YAML_NONE && !gk_graft__model_name_parse(src, n, out, err)) return false;
    bool recipient = out->name && (strcmp(out->name, "recipient") == 0 ||
                                   (s->recipient.name && strcmp(out->name, s->recipient.name) == 0));
    if (recipient) out->name = NULL;
    return true;
}

static bool parse_patch(const gk_graft__yaml_source *src, gk_ynode n, const gk_scheme *s,
                        gk_graft__patch *out, gk_error *err) {
    static const char *const keys[] = {"at", "layers", "from", NULL};
    gk_ynode from = gk_graft__yaml_get(src, n, "from");
    if (!gk_yaml_only(n, keys, err)) return false;
    out->place = gk_graft__yaml_place(n, src->file);
    if (!out->mean && gk_yaml_kind_of(from) == GK_YAML_NONE)
        return gk_fail(err, out->place, "write from: and the model whose plain run is patched in",
                       "a patch says where it comes from");
    return gk_graft__positions_parse(src, gk_graft__yaml_get(src, n, "at"), &out->at, err) &&
           gk_graft__layers_parse(src, gk_graft__yaml_get(src, n, "layers"), &out->layers, err) &&
           parse_source(src, from, s, &out->from, err);
}

/* Adds one list to s->patch, which has room. */
static bool parse_list(const gk_graft__yaml_source *src, gk_ynode n, const char *key, bool mean, gk_scheme *s,
                       gk_error *err) {
    gk_yaml_kind kind = gk_yaml_kind_of(n);
    if (kind == GK_YAML_NONE) return true;
    if (kind != GK_YAML_LIST)
        return gk_fail(err, gk_graft__yaml_place(n, src->file), "write one '- at: ...' item for each",
                       "%s must be a list", key);
    for (size_t i = 0; i < gk_yaml_len(n); i++) {
        gk_graft__patch *p = &s->patch[s->n_patches++];
        p->mean = mean;
        if (!parse_patch(src, gk_graft__yaml_item(src, n, i), s, p, err)) return false;
    }
    return true;
}

bool gk_graft__patches_parse(const gk_graft__yaml_source *src, gk_ynode scheme, gk_scheme *s, gk_error *err) {
    gk_ynode patches = gk_graft__yaml_get(src, scheme, "patches"),
             ablations = gk_graft__yaml_get(src, scheme, "ablations");
    s->patch = gk_arena_alloc(src->a, (gk_yaml_len(patches) + gk_yaml_len(ablations) + 1) * sizeof *s->patch);
    return parse_list(src, patches, "patches", false, s, err) &&
           parse_list(src, ablations, "ablations", true, s, err);
}

const char *gk_graft__patches_text(gk_arena *a, const gk_scheme *s) {
    const char **text = gk_arena_alloc(a, (s->n_patches + 1) * sizeof *text);
    size_t n = 0;
    for (size_t i = 0; i < s->n_patches; i++) {
        const gk_graft__patch *p = &s->patch[i];
        if (gk_graft__layers_none(&p->layers)) continue;
        text[n++] = gk_arena_printf(a, "; %s(at=%s, from=%s, layers=%s)", p->mean ? "ablation" : "patch",
                                    p->at.text, p->from.name ? p->from.name : "recipient", p->layers.text);
    }
    return gk_graft__join_texts(a, text, gk_graft__sort_texts(text, n), "");
}

uint32_t gk_scheme_means(const gk_scheme *s, const gk_cast *cast) {
    uint32_t needed = 0;
    for (size_t i = 0; i < s->n_patches; i++) {
        if (!s->patch[i].mean || gk_graft__layers_none(&s->patch[i].layers)) continue;
        const gk_graft__model_name *from = s->patch[i].from.name ? &s->patch[i].from : &s->recipient;
        int model = from->name ? gk_graft__model_find(cast, from, NULL) : 0;
        if (model >= 0) needed |= 1u << model;
    }
    return needed;
}

/* ---------------------------------------------------------------- on a prompt */

static bool conflict(const gk_graft__patch *p, const gk_cast *cast, uint8_t mine, uint8_t other, int token,
                     gk_error *err) {
    const char *what[2] = {gk_patch_is_mean(mine) ? "the mean" : "the residual stream",
                           gk_patch_is_mean(other) ? "the mean" : "the residual stream"};
    return gk_fail(err, p->place, "patches and ablations may overlap only where they put in the same",
                   "conflict at token %d: this one puts in %s of '%.80s', an earlier one %s of '%.80s'",
                   token, what[0], cast->name[gk_patch_model(mine)], what[1],
                   cast->name[gk_patch_model(other)]);
}

/* layers: [n_layers + 1], that of the embedding first. */
static bool lay(const gk_graft__patch *p, const gk_cast *cast, uint8_t value, const bool *layers,
                int n_layers, const bool *in, gk_plan *out, gk_error *err) {
    for (int i = 0; i <= n_layers; i++)
        for (int t = 0; layers[i] && t < out->n_tokens; t++) {
            uint8_t *cell = &out->patch[(size_t)i * (size_t)out->n_tokens + (size_t)t];
            if (!in[t]) continue;
            if (*cell != GK_PATCH_NONE && *cell != value) return conflict(p, cast, value, *cell, t, err);
            *cell = value;
        }
    return true;
}

bool gk_graft__patches_lay(const gk_graft__prompt *p, const gk_scheme *s, const gk_cast *cast,
                           const gk_config *c, int recipient, gk_plan *out, gk_error *err) {
    size_t n = (size_t)out->n_tokens;
    int n_layers = c->n_layers;
    if (s->n_patches == 0) return true;
    out->n_patches = n_layers + 1;
    out->patch = gk_arena_alloc(p->a, (size_t)out->n_patches * n);
    for (size_t i = 0; i < s->n_patches; i++) {
        const gk_graft__patch *patch = &s->patch[i];
        bool *in = gk_arena_alloc(p->a, n), *layers = gk_arena_alloc(p->a, (size_t)n_layers + 1);
        int model = patch->from.name ? gk_graft__model_find(cast, &patch->from, err) : recipient;
        if (model < 0) return false;
        if (gk_graft__layers_none(&patch->layers)) continue;
        uint8_t value = patch->mean ? gk_patch_mean(model) : gk_patch_plain(model);
        layers[0] = patch->layers.all || patch->layers.embed;
        if (!gk_graft__positions_mark(p, &patch->at, in, err) ||
            !gk_graft__layers_mark(p->a, &patch->layers, n_layers, layers + 1, err) ||
            !lay(patch, cast, value, layers, n_layers, in, out, err))
            return false;
    }
    return true;
}
