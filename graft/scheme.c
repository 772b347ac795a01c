/* scheme.c: YAML files of schemes, their canonical text, and whether a run can use them. Format:
 * docs/schemes.md. */
#include "graft/internal.h"

#include <string.h>

/* ---------------------------------------------------------------- parsing */

bool gk__name_parse(gk_arena *a, gk_ynode n, const char *file, gk__name *out, gk_error *err) {
    const char *text;
    if (!gk_yaml_str(n, &text, err)) return false;
    out->name = gk_arena_strdup(a, text);
    out->place = gk__place(n, file);
    if (gk__name_ok(text)) return true;
    return gk_fail(err, out->place, "a name has no blanks, quotes, brackets or any of | , ; : =",
                   "'%.80s' cannot be the name of a model", text);
}

static const char head_hint[] = "the head policy is recipient, the name of a donor, or {last: DONOR}";

static bool parse_head(gk_arena *a, gk_ynode n, const char *file, gk_scheme *s, gk_error *err) {
    static const char *const keys[] = {"last", NULL};
    switch (gk_yaml_kind_of(n)) {
    case GK_YAML_NONE:
        return true;
    case GK_YAML_LIST:
        return gk_fail(err, gk__place(n, file), head_hint, "a head policy cannot be a list");
    case GK_YAML_MAP:
        s->head_last = true;
        if (!gk_yaml_only(n, keys, err)) return false;
        n = gk_yaml_get(n, "last");
        break;
    case GK_YAML_SCALAR:
        break;
    }
    if (!gk__name_parse(a, n, file, &s->head, err)) return false;
    bool recipient = strcmp(s->head.name, "recipient") == 0;
    if (recipient || (s->recipient.name && strcmp(s->head.name, s->recipient.name) == 0)) {
        s->head.name = NULL;
        s->head_last = false;
    }
    return true;
}

static bool parse_graft(gk_arena *a, gk_ynode n, const char *file, gk__graft *out, gk_error *err) {
    static const char *const keys[] = {"at", "donor", "components", "layers", NULL};
    gk_ynode components = gk_yaml_get(n, "components");
    if (!gk_yaml_only(n, keys, err)) return false;
    out->place = gk__place(n, file);
    out->components_place = gk__place(components, file);
    if (!gk__at_parse(a, gk_yaml_get(n, "at"), file, &out->at, err) ||
        !gk__name_parse(a, gk_yaml_get(n, "donor"), file, &out->donor, err) ||
        !gk__components_parse(components, file, &out->components, err) ||
        !gk__layers_parse(a, gk_yaml_get(n, "layers"), file, &out->layers, err))
        return false;
    if (out->layers.embed)
        return gk_fail(err, out->layers.place, "write components: [embed, pos], without layers",
                       "the layer 'embed' is for patches and ablations; grafts have it as a component");
    uint32_t outside = out->components & (1u << GK_EMBED | 1u << GK_POS);
    if (outside && !out->layers.all && out->components != GK__ALL_COMPONENTS)
        return gk_fail(
            err, out->components_place, "put embed and pos into a graft of their own, with layers: all",
            "embed and pos belong to no layer, but this graft is limited to layers %s", out->layers.text);
    return true;
}

static bool parse_grafts(gk_arena *a, gk_ynode n, const char *file, gk_scheme *s, gk_error *err) {
    gk_yaml_kind kind = gk_yaml_kind_of(n);
    if (kind == GK_YAML_NONE) return true;
    if (kind != GK_YAML_LIST)
        return gk_fail(err, gk__place(n, file), "write one '- at: ...' item for each graft",
                       "grafts must be a list");
    s->n_grafts = gk_yaml_len(n);
    s->graft = gk_arena_alloc(a, s->n_grafts * sizeof *s->graft);
    for (size_t i = 0; i < s->n_grafts; i++)
        if (!parse_graft(a, gk_yaml_at(n, i), file, &s->graft[i], err)) return false;
    return true;
}

/* Order and repetition of grafts do not matter, nor does how a set was written. */
static const char *canonical_text(gk_arena *a, const gk_scheme *s) {
    const char **text = gk_arena_alloc(a, (s->n_grafts + 1) * sizeof *text);
    for (size_t i = 0; i < s->n_grafts; i++) {
        const gk__graft *g = &s->graft[i];
        text[i] = gk_arena_printf(a, "; graft(at=%s, donor=%s, components=%s, layers=%s)", g->at.text,
                                  g->donor.name, gk__components_text(a, g->components, "+"), g->layers.text);
    }
    const char *grafts = gk__join(a, text, gk__sort_texts(text, s->n_grafts), "");
    return gk_arena_printf(a, "recipient=%s; head=%s%s%s%s",
                           s->recipient.name ? s->recipient.name : "(first)", s->head_last ? "last:" : "",
                           s->head.name ? s->head.name : "recipient", grafts, gk__patches_text(a, s));
}

static bool parse_text(gk_arena *a, gk_ynode map, const char *key, const char **out, gk_error *err) {
    gk_ynode n = gk_yaml_get(map, key);
    const char *text = "";
    if (gk_yaml_kind_of(n) != GK_YAML_NONE && !gk_yaml_str(n, &text, err)) return false;
    *out = gk_arena_strdup(a, text);
    return true;
}

static bool parse_title(gk_arena *a, gk_ynode n, const char *file, const char **out, gk_error *err) {
    const char *text;
    if (!gk_yaml_str(n, &text, err)) return false;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ')
            return gk_fail(err, gk__place(n, file), NULL, "a name is one line without control characters");
    if (!*text)
        return gk_fail(err, gk__place(n, file), "write a short name such as FE+LT", "the name is empty");
    *out = gk_arena_strdup(a, text);
    return true;
}

static gk_scheme *parse_scheme(gk_arena *a, gk_ynode n, const char *file, const char *set, gk_error *err) {
    static const char *const keys[] = {"name", "about",   "recipient", "grafts",
                                       "head", "patches", "ablations", NULL};
    gk_scheme *s = gk_arena_alloc(a, sizeof *s);
    s->set = set;
    s->place = gk__place(n, file);
    gk_ynode recipient = gk_yaml_get(n, "recipient");
    bool named = gk_yaml_kind_of(recipient) != GK_YAML_NONE;
    bool ok = gk_yaml_only(n, keys, err) && parse_title(a, gk_yaml_get(n, "name"), file, &s->name, err) &&
              parse_text(a, n, "about", &s->about, err) &&
              (!named || gk__name_parse(a, recipient, file, &s->recipient, err)) &&
              parse_grafts(a, gk_yaml_get(n, "grafts"), file, s, err) &&
              gk__patches_parse(a, n, file, s, err) && parse_head(a, gk_yaml_get(n, "head"), file, s, err);
    if (!ok) return NULL;
    s->canonical = canonical_text(a, s);
    return s;
}

static bool name_is_new(const gk_schemes *known, const gk_scheme *s, gk_ynode at, const char *file,
                        gk_error *err) {
    for (size_t i = 0; i < known->n; i++) {
        const gk_scheme *other = known->item[i];
        if (strcmp(other->name, s->name) == 0)
            return gk_fail(err, gk__place(gk_yaml_get(at, "name"), file),
                           "names must be unique over all files", "scheme '%.80s' is already at %.120s:%ld",
                           s->name, other->place.file, other->place.line);
    }
    return true;
}

static bool parse_file(gk_arena *a, gk_ynode root, const char *file, gk_schemes *out, gk_error *err) {
    static const char *const keys[] = {"set", "about", "schemes", NULL};
    const char *set = NULL, *about = NULL;
    gk_ynode list = gk_yaml_get(root, "schemes");
    if (!gk_yaml_only(root, keys, err) || !parse_title(a, gk_yaml_get(root, "set"), file, &set, err) ||
        !parse_text(a, root, "about", &about, err))
        return false;
    if (gk_yaml_kind_of(list) != GK_YAML_LIST || gk_yaml_len(list) == 0)
        return gk_fail(err, gk__place(list, file), "write one '- name: ...' item for each scheme",
                       "schemes must be a list with at least one scheme");
    gk_schemes all = {gk_arena_alloc(a, (out->n + gk_yaml_len(list)) * sizeof *all.item), out->n};
    if (out->n) memcpy(all.item, out->item, out->n * sizeof *all.item);
    for (size_t i = 0; i < gk_yaml_len(list); i++) {
        gk_ynode n = gk_yaml_at(list, i);
        gk_scheme *s = parse_scheme(a, n, file, set, err);
        if (!s || !name_is_new(&all, s, n, file, err)) return false;
        all.item[all.n++] = s;
    }
    *out = all;
    return true;
}

bool gk_schemes_load(gk_arena *a, const char *path, gk_schemes *out, gk_error *err) {
    gk_yaml *y = gk_yaml_load(path, err);
    if (!y) return false;
    bool ok = parse_file(a, gk_yaml_root(y), gk_arena_strdup(a, path), out, err);
    gk_yaml_free(y);
    return ok;
}

/* ---------------------------------------------------------------- access */

const char *gk_scheme_name(const gk_scheme *s) {
    return s->name;
}

const char *gk_scheme_set(const gk_scheme *s) {
    return s->set;
}

const char *gk_scheme_about(const gk_scheme *s) {
    return s->about;
}

const char *gk_scheme_canonical(const gk_scheme *s) {
    return s->canonical;
}

/* ---------------------------------------------------------------- what a scheme needs */

static bool unknown(gk_error *err, gk_place at, const char *kind, const char *name, const char *const *known,
                    size_t n) {
    gk_buf hint = {0};
    gk_buf_printf(&hint, "known %ss: ", kind);
    for (size_t i = 0; i < n; i++) gk_buf_printf(&hint, "%s%s", i ? ", " : "", known[i]);
    gk_fail(err, at, hint.data, "unknown %s '%.80s'", kind, name);
    gk_buf_free(&hint);
    return false;
}

static bool check_model(const gk__name *m, const gk_cast *cast, gk_error *err) {
    if (!m->name) return true;
    for (int i = 0; i < cast->n; i++)
        if (strcmp(cast->name[i], m->name) == 0) return true;
    return unknown(err, m->place, "model", m->name, cast->name, (size_t)cast->n);
}

static bool check_fields(const gk__at *at, const char *const *fields, size_t n, gk_error *err) {
    if (at->kind == GK__AT_FIELD) {
        for (size_t i = 0; i < n; i++)
            if (strcmp(fields[i], at->field) == 0) return true;
        return unknown(err, at->place, "field", at->field, fields, n);
    }
    for (size_t i = 0; i < at->n; i++)
        if (!check_fields(&at->item[i], fields, n, err)) return false;
    return true;
}

bool gk_scheme_check(const gk_scheme *s, const gk_cast *cast, const char *const *fields, gk_error *err) {
    size_t n = 0;
    while (fields[n]) n++;
    if (!check_model(&s->recipient, cast, err) || !check_model(&s->head, cast, err)) return false;
    for (size_t i = 0; i < s->n_grafts; i++)
        if (!check_model(&s->graft[i].donor, cast, err) || !check_fields(&s->graft[i].at, fields, n, err))
            return false;
    for (size_t i = 0; i < s->n_patches; i++)
        if (!check_model(&s->patch[i].from, cast, err) || !check_fields(&s->patch[i].at, fields, n, err))
            return false;
    return true;
}

static bool has_fields(const gk__at *at, const gk_field_span *fields, size_t n_fields) {
    if (at->kind == GK__AT_FIELD) {
        for (size_t i = 0; i < n_fields; i++)
            if (strcmp(fields[i].field, at->field) == 0) return true;
        return false;
    }
    for (size_t i = 0; i < at->n; i++)
        if (!has_fields(&at->item[i], fields, n_fields)) return false;
    return true;
}

bool gk_scheme_applies(const gk_scheme *s, const gk_field_span *fields, size_t n_fields) {
    for (size_t i = 0; i < s->n_grafts; i++)
        if (!has_fields(&s->graft[i].at, fields, n_fields)) return false;
    for (size_t i = 0; i < s->n_patches; i++)
        if (!has_fields(&s->patch[i].at, fields, n_fields)) return false;
    return true;
}
