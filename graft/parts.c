/* parts.c: named parts of a graft, as YAML has them, and a scheme for each of their coalitions. */
#include "graft/internal.h"
#include "graftkit/graft/parts.h"

#include <string.h>

struct gk_parts {
    const char *about;
    gk_scheme item[GK_MOST_PARTS]; /* of each its name, place and grafts, and nothing else */
    size_t n;                      /* without the rest */
    const char *rest;
    gk_place rest_place;
    gk_graft__model_name rest_donor;
};

/* ---------------------------------------------------------------- parsing */

static bool check_name(const gk_parts *p, const char *name, gk_place at, gk_error *err) {
    static const char *const taken[] = {"none", "all", "total"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(name, taken[i]) == 0)
            return gk_fail(err, at, "give the part another name",
                           "no part can be named '%s': results call something else so", name);
    if (strstr(name, " + "))
        return gk_fail(err, at, "leave out the blanks around +",
                       "'%.80s' would read as a coalition of several parts", name);
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->item[i].name, name) == 0)
            return gk_fail(err, at, "give every part its own name", "part '%.80s' is already at line %ld",
                           name, p->item[i].place.line);
    return true;
}

static bool parse_part(const gk_graft__yaml_source *src, gk_ynode n, gk_parts *p, gk_error *err) {
    static const char *const keys[] = {"name", "grafts", NULL};
    gk_scheme *s = &p->item[p->n];
    gk_ynode name = gk_yaml_get(n, "name"), grafts = gk_yaml_get(n, "grafts");
    s->place = gk_graft__yaml_place(n, src->file);
    if (!gk_yaml_only(n, keys, err) || !gk_graft__title_parse(src, name, &s->name, err) ||
        !check_name(p, s->name, gk_graft__yaml_place(name, src->file), err) ||
        !gk_graft__grafts_parse(src, grafts, s, err))
        return false;
    if (s->n_grafts == 0)
        return gk_fail(err, gk_graft__yaml_place(grafts, src->file),
                       "write one '- at: ...' item for each graft", "part '%.80s' has no grafts", s->name);
    for (size_t i = 0; i < s->n_grafts; i++)
        if (gk_graft__layers_none(&s->graft[i].layers))
            return gk_fail(err, s->graft[i].place, "leave this graft out, or drop fewer layers",
                           "a graft of part '%.80s' has no layer", s->name);
    p->n++;
    return true;
}

/* A rest whose donor is not said has that of the parts. */
static bool find_donor(const gk_parts *p, gk_graft__model_name *out, gk_error *err) {
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->item[i].n_grafts; k++) {
            const gk_graft__model_name *donor = &p->item[i].graft[k].donor;
            if (!out->name) *out = *donor;
            if (strcmp(out->name, donor->name) != 0)
                return gk_fail(err, p->rest_place, "write rest: {name: ..., donor: ...}",
                               "the parts have several donors, '%.60s' and '%.60s': whose is the rest?",
                               out->name, donor->name);
        }
    return true;
}

static bool parse_rest(const gk_graft__yaml_source *src, gk_ynode n, gk_parts *p, gk_error *err) {
    static const char *const keys[] = {"name", "donor", NULL};
    gk_ynode name = n, donor = {0};
    if (gk_yaml_kind_of(n) == GK_YAML_NONE) return true;
    if (gk_yaml_kind_of(n) == GK_YAML_MAP) {
        if (!gk_yaml_only(n, keys, err)) return false;
        name = gk_yaml_get(n, "name");
        donor = gk_yaml_get(n, "donor");
    }
    p->rest_place = gk_graft__yaml_place(name, src->file);
    if (!gk_graft__title_parse(src, name, &p->rest, err) || !check_name(p, p->rest, p->rest_place, err))
        return false;
    return gk_yaml_kind_of(donor) == GK_YAML_NONE
               ? find_donor(p, &p->rest_donor, err)
               : gk_graft__model_name_parse(src, donor, &p->rest_donor, err);
}

static bool parse_file(const gk_graft__yaml_source *src, gk_ynode root, gk_parts *p, gk_error *err) {
    static const char *const keys[] = {"about", "parts", "rest", NULL};
    gk_ynode about = gk_yaml_get(root, "about"), parts = gk_yaml_get(root, "parts");
    if (!gk_yaml_only(root, keys, err)) return false;
    p->about = "";
    if (gk_yaml_kind_of(about) != GK_YAML_NONE && !gk_graft__yaml_title(src, about, &p->about, err))
        return false;
    size_t n = gk_yaml_len(parts), all = n + (gk_yaml_kind_of(gk_yaml_get(root, "rest")) != GK_YAML_NONE);
    if (gk_yaml_kind_of(parts) != GK_YAML_LIST || n == 0)
        return gk_fail(err, gk_graft__yaml_place(parts, src->file),
                       "write one '- {name: ..., grafts: [...]}' item for each part",
                       "parts must be a list with at least one part");
    if (all > GK_MOST_PARTS)
        return gk_fail(err, gk_graft__yaml_place(parts, src->file), "join some of them",
                       "%zu parts%s: there can be %d, since each one more doubles the coalitions", all,
                       all > n ? " with the rest" : "", GK_MOST_PARTS);
    for (size_t i = 0; i < n; i++)
        if (!parse_part(src, gk_yaml_at(parts, i), p, err)) return false;
    return parse_rest(src, gk_yaml_get(root, "rest"), p, err);
}

/* Frees the document, which may be NULL: then `err` says why. */
static const gk_parts *take_document(gk_arena *a, gk_yaml *y, const char *name, gk_error *err) {
    if (!y) return NULL;
    gk_graft__yaml_source src = {.a = a, .file = gk_arena_strdup(a, name)};
    gk_parts *p = gk_arena_alloc(a, sizeof *p);
    bool ok = parse_file(&src, gk_yaml_root(y), p, err);
    gk_yaml_free(y);
    return ok ? p : NULL;
}

const gk_parts *gk_parts_load(gk_arena *a, const char *path, gk_error *err) {
    return take_document(a, gk_yaml_load(path, err), path, err);
}

const gk_parts *gk_parts_parse(gk_arena *a, const char *text, size_t len, const char *name, gk_error *err) {
    return take_document(a, gk_yaml_parse(text, len, name, err), name, err);
}

size_t gk_parts_n(const gk_parts *p) {
    return p->n + (p->rest != NULL);
}

const char *gk_parts_name(const gk_parts *p, size_t i) {
    return i < p->n ? p->item[i].name : p->rest;
}

/* ---------------------------------------------------------------- coalitions */

static const char *name_of(gk_arena *a, const gk_parts *p, size_t number) {
    const size_t n = gk_parts_n(p);
    const char *name = NULL;
    if (number == 0) return "none";
    if (number + 1 == (size_t)1 << n) return "all";
    for (size_t i = 0; i < n; i++)
        if (number >> i & 1)
            name = name ? gk_arena_printf(a, "%s + %s", name, gk_parts_name(p, i)) : gk_parts_name(p, i);
    return name;
}

/* With the rest in it, a coalition starts from the donor and gives back what it has not; the head stays the
 * recipient's. */
static gk_scheme *coalition(gk_arena *a, const gk_parts *p, size_t number, const char *recipient) {
    const size_t n = gk_parts_n(p);
    gk_scheme *s = gk_arena_alloc(a, sizeof *s);
    *s = (gk_scheme){.name = name_of(a, p, number),
                     .set = "coalitions",
                     .set_title = "",
                     .set_about = p->about,
                     .about = "",
                     .place = p->item[0].place,
                     .n_axes = n};
    s->axis = gk_arena_alloc(a, n * sizeof *s->axis);
    for (size_t i = 0; i < n; i++)
        s->axis[i] = (gk_axis){gk_parts_name(p, i), number >> i & 1 ? GK_PART_IN : GK_PART_OUT};
    for (size_t i = 0; i < p->n; i++) s->n_grafts += p->item[i].n_grafts;
    gk_graft__assignment *to = s->graft = gk_arena_alloc(a, s->n_grafts * sizeof *s->graft);
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->item[i].n_grafts; k++, to++) {
            *to = p->item[i].graft[k];
            if (!(number >> i & 1)) to->donor.name = recipient;
        }
    if (p->rest && number >> p->n & 1) {
        s->recipient = p->rest_donor;
        s->head.donor = s->head.norm = (gk_graft__model_name){recipient, p->rest_place};
        s->head.place = p->rest_place;
    }
    s->canonical = gk_graft__canonical_text(a, s);
    return s;
}

static bool is_recipient(const gk_graft__model_name *donor, const char *part, const char *recipient,
                         gk_error *err) {
    return strcmp(donor->name, recipient) == 0 &&
           !gk_fail(err, donor->place, "name a donor", "part '%.80s' would be grafted from the recipient",
                    part);
}

bool gk_parts_coalitions(gk_arena *a, const gk_parts *p, const char *recipient, gk_schemes *out,
                         gk_error *err) {
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->item[i].n_grafts; k++)
            if (is_recipient(&p->item[i].graft[k].donor, p->item[i].name, recipient, err)) return false;
    if (p->rest && is_recipient(&p->rest_donor, p->rest, recipient, err)) return false;
    const size_t n = (size_t)1 << gk_parts_n(p);
    gk_schemes all = *out;
    all.item = gk_arena_alloc(a, (out->n + n) * sizeof *all.item);
    all.n_written += n;
    if (out->n) memcpy(all.item, out->item, out->n * sizeof *all.item);
    recipient = gk_arena_strdup(a, recipient);
    for (size_t number = 0; number < n; number++) all.item[all.n++] = coalition(a, p, number, recipient);
    *out = all;
    return true;
}

/* ---------------------------------------------------------------- parts on a prompt */

/* "layer 3, q" or "embed" */
static const char *slot_text(gk_arena *a, const gk_config *c, int slot) {
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        gk_component comp = (gk_component)i;
        bool inside = gk_component_in_layer(comp);
        for (int l = 0; l < (inside ? c->n_layers : 1); l++)
            if (gk_plan_slot(c, l, comp) == slot)
                return inside ? gk_arena_printf(a, "layer %d, %s", l, gk_component_name(comp))
                              : gk_component_name(comp);
    }
    return "";
}

/* `owner` holds 1 + the part that has each slot and token. */
static bool claim(const gk_graft__prompt *on, const gk_parts *p, size_t part, const gk_graft__assignment *g,
                  const gk_config *c, const char *prompt, uint8_t *owner, gk_error *err) {
    const size_t n = on->tokens->n, slots = (size_t)gk_plan_slots(c);
    bool *in = gk_arena_alloc(on->a, n), *slot = gk_arena_alloc(on->a, slots);
    if (!gk_graft__positions_mark(on, &g->at, in, NULL) || !gk_graft__slots_mark(on->a, g, c, slot, NULL))
        return true;
    for (size_t s = 0; s < slots; s++)
        for (size_t t = 0; slot[s] && t < n; t++) {
            uint8_t *at = &owner[s * n + t];
            if (!in[t]) continue;
            if (*at && *at != part + 1)
                return gk_fail(err, g->place, "parts may not overlap on any prompt",
                               "part '%.60s' and part '%.60s' both have token %zu, %s in %s",
                               p->item[*at - 1].name, p->item[part].name, t, slot_text(on->a, c, (int)s),
                               prompt);
            *at = (uint8_t)(part + 1);
        }
    return true;
}

bool gk_parts_apart(gk_arena *a, const gk_parts *p, const gk_config *c, const gk_tokens *tokens,
                    const gk_field_span *fields, size_t n_fields, const char *prompt, gk_error *err) {
    const gk_graft__prompt on = {a, tokens, fields, n_fields};
    uint8_t *owner = gk_arena_alloc(a, (size_t)gk_plan_slots(c) * tokens->n);
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->item[i].n_grafts; k++)
            if (!claim(&on, p, i, &p->item[i].graft[k], c, prompt, owner, err)) return false;
    return true;
}
