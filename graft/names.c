/* names.c: what the words of schemes share, and the names of components. */
#include "graft/internal.h"

#include <stdlib.h>
#include <string.h>

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

bool gk__whole(const char *s, long lo, long hi, int *out) {
    char *end;
    if (!*s || strspn(s, "-0123456789") != strlen(s)) return false;
    long v = strtol(s, &end, 10);
    if (*end || v < lo || v > hi) return false;
    *out = (int)v;
    return true;
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

static bool parse_component(const gk__source *src, gk_ynode n, uint32_t *out, gk_error *err) {
    const char *text;
    if (!gk__text(src, n, &text, err)) return false;
    for (size_t i = 0; i < N_GROUPS; i++)
        if (strcmp(text, groups[i].name) == 0) {
            *out |= groups[i].mask;
            return true;
        }
    gk_component c;
    if (!gk_component_parse(text, &c))
        return gk_fail(err, gk__place(n, src->file), components_hint, "unknown component '%.80s'", text);
    if (c == GK_LNF || c == GK_HEAD)
        return gk_fail(err, gk__place(n, src->file),
                       "give the scheme a head: recipient, head: DONOR or head: {last: DONOR}",
                       "component '%s' follows the scheme's head policy and cannot be listed", text);
    *out |= 1u << c;
    return true;
}

bool gk__components_parse(const gk__source *src, gk_ynode n, uint32_t *out, gk_error *err) {
    *out = 0;
    if (gk_yaml_kind_of(n) == GK_YAML_NONE) *out = GK__ALL_COMPONENTS;
    if (gk_yaml_kind_of(n) == GK_YAML_NONE) return true;
    if (gk_yaml_kind_of(n) == GK_YAML_SCALAR) return parse_component(src, n, out, err);
    if (gk_yaml_kind_of(n) != GK_YAML_LIST || gk_yaml_len(n) == 0)
        return gk_fail(err, gk__place(n, src->file), components_hint, "no components are named here");
    for (size_t i = 0; i < gk_yaml_len(n); i++)
        if (!parse_component(src, gk__item(src, n, i), out, err)) return false;
    return true;
}
