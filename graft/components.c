/* components.c: the names of components and of groups of them, in schemes. */
#include "graft/internal.h"

#include <string.h>

#define BIT(c) (1u << GK_##c)
static const struct {
    const char *name;
    uint32_t mask;
} groups[] = {
    {"all", GK_GRAFT__ALL_COMPONENTS},
    {"attn", BIT(Q) | BIT(K) | BIT(V) | BIT(O)},
    {"qkv", BIT(Q) | BIT(K) | BIT(V)},
    {"ffn", BIT(GATE) | BIT(UP) | BIT(DOWN)},
    {"norms", BIT(LN1) | BIT(Q_NORM) | BIT(K_NORM) | BIT(LN1_POST) | BIT(LN2) | BIT(LN2_POST)},
};
enum { N_GROUPS = sizeof groups / sizeof groups[0] };

static const char components_hint[] = "components are all, attn (q k v o), qkv, ffn (gate up down), norms "
                                      "(ln1 q_norm k_norm ln1_post ln2 ln2_post), "
                                      "embed, pos, one of these, or a list";

const char *gk_graft__components_text(gk_arena *a, uint32_t components, const char *separator) {
    if (components == GK_GRAFT__ALL_COMPONENTS) return "all";
    const char *name[GK_N_COMPONENTS];
    size_t n = 0;
    for (int c = 0; c < GK_N_COMPONENTS; c++)
        if (components & (1u << c)) name[n++] = gk_component_name((gk_component)c);
    return gk_graft__join_texts(a, name, n, separator);
}

static bool parse_component(const gk_graft__yaml_source *src, gk_ynode n, uint32_t known, uint32_t *out,
                            gk_error *err) {
    const char *text;
    if (!gk_graft__yaml_text(src, n, &text, err)) return false;
    for (size_t i = 0; i < N_GROUPS; i++)
        if (strcmp(text, groups[i].name) == 0) {
            *out |= groups[i].mask & known;
            return true;
        }
    gk_component c;
    if (!gk_component_parse(text, &c))
        return gk_fail(err, gk_graft__yaml_place(n, src->file), components_hint, "unknown component '%.80s'",
                       text);
    if (c == GK_LNF || c == GK_HEAD)
        return gk_fail(err, gk_graft__yaml_place(n, src->file),
                       "give the scheme a head: DONOR, head: {donor: DONOR, norm: DONOR} or head: {last: …}",
                       "component '%s' follows the scheme's head policy and cannot be listed", text);
    if (!(known & (1u << c)))
        return gk_fail(err, gk_graft__yaml_place(n, src->file), "leave it out, or write as_published: false",
                       "the public code never grafts '%s'", text);
    *out |= 1u << c;
    return true;
}

bool gk_graft__components_parse(const gk_graft__yaml_source *src, gk_ynode n, uint32_t known, uint32_t *out,
                                gk_error *err) {
    *out = 0;
    if (gk_yaml_kind_of(n) == GK_YAML_NONE) *out = known;
    if (gk_yaml_kind_of(n) == GK_YAML_NONE) return true;
    if (gk_yaml_kind_of(n) == GK_YAML_SCALAR) return parse_component(src, n, known, out, err);
    if (gk_yaml_kind_of(n) != GK_YAML_LIST || gk_yaml_len(n) == 0)
        return gk_fail(err, gk_graft__yaml_place(n, src->file), components_hint,
                       "no components are named here");
    for (size_t i = 0; i < gk_yaml_len(n); i++)
        if (!parse_component(src, gk_graft__yaml_item(src, n, i), known, out, err)) return false;
    return true;
}
