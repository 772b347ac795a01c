/* scheme.c: YAML files of schemes, their canonical text, and whether a run can use them. Format:
 * docs/schemes.md. */
#include "graft/internal.h"

#include <jansson.h>
#include <string.h>

/* ---------------------------------------------------------------- parsing */

/* What belongs to no layer. */
static const uint32_t OUTSIDE = 1u << GK_EMBED | 1u << GK_POS;

static bool parse_graft(const gk_graft__yaml_source *src, gk_ynode n, bool published,
                        gk_graft__assignment *out, gk_error *err) {
    static const char *const keys[] = {"at", "donor", "components", "layers", NULL};
    gk_ynode components = gk_graft__yaml_get(src, n, "components");
    if (!gk_yaml_only(n, keys, err)) return false;
    out->place = gk_graft__yaml_place(n, src->file);
    out->components_place = gk_graft__yaml_place(components, src->file);
    if (!gk_graft__positions_parse(src, gk_graft__yaml_get(src, n, "at"), &out->at, err) ||
        !gk_graft__model_name_parse(src, gk_graft__yaml_get(src, n, "donor"), &out->donor, err) ||
        !gk_graft__components_parse(src, components,
                                    published ? gk_graft__published_components : GK_GRAFT__ALL_COMPONENTS,
                                    &out->components, err) ||
        !gk_graft__layers_parse(src, gk_graft__yaml_get(src, n, "layers"), &out->layers, err))
        return false;
    if (out->layers.embed)
        return gk_fail(err, out->layers.place, "write components: [embed, pos], without layers",
                       "the layer 'embed' is for patches and ablations; grafts have it as a component");
    uint32_t outside = out->components & OUTSIDE;
    bool alone = out->components == outside; /* else, as published, it goes along with the layers */
    if (outside && !out->layers.all && out->components != GK_GRAFT__ALL_COMPONENTS && (!published || alone))
        return gk_fail(
            err, out->components_place, "put embed and pos into a graft of their own, with layers: all",
            "embed and pos belong to no layer, but this graft is limited to layers %s", out->layers.text);
    return true;
}

/* The last graft becomes two: of the embedding, and of the rest in its layers. */
static void part_embedding(gk_scheme *s) {
    gk_graft__assignment *g = &s->graft[s->n_grafts - 1], *embed = &s->graft[s->n_grafts++];
    *embed = *g;
    embed->components &= OUTSIDE;
    embed->layers = (gk_graft__layer_set){.all = true, .text = "all", .place = g->layers.place};
    g->components &= ~OUTSIDE;
}

bool gk_graft__grafts_parse(const gk_graft__yaml_source *src, gk_ynode n, gk_scheme *s, gk_error *err) {
    gk_yaml_kind kind = gk_yaml_kind_of(n);
    if (kind == GK_YAML_NONE) return true;
    if (kind != GK_YAML_LIST)
        return gk_fail(err, gk_graft__yaml_place(n, src->file), "write one '- at: ...' item for each graft",
                       "grafts must be a list");
    s->graft = gk_arena_alloc(src->a, 2 * gk_yaml_len(n) * sizeof *s->graft);
    for (size_t i = 0; i < gk_yaml_len(n); i++) {
        gk_graft__assignment *g = &s->graft[s->n_grafts++];
        if (!parse_graft(src, gk_graft__yaml_item(src, n, i), s->published, g, err)) return false;
        if (s->published && (g->components & OUTSIDE) && !g->layers.all) part_embedding(s);
    }
    return true;
}

/* Order and repetition of grafts do not matter, nor does how a set was written, nor grafts of no layer. */
const char *gk_graft__canonical_text(gk_arena *a, const gk_scheme *s) {
    const char **text = gk_arena_alloc(a, (s->n_grafts + 1) * sizeof *text);
    size_t n = 0;
    for (size_t i = 0; i < s->n_grafts; i++) {
        const gk_graft__assignment *g = &s->graft[i];
        if (gk_graft__layers_none(&g->layers)) continue;
        text[n++] =
            gk_arena_printf(a, "; graft(at=%s, donor=%s, components=%s, layers=%s)", g->at.text,
                            g->donor.name, gk_graft__components_text(a, g->components, "+"), g->layers.text);
    }
    const char *grafts = gk_graft__join_texts(a, text, gk_graft__sort_texts(text, n), "");
    return gk_arena_printf(a, "recipient=%s; head=%s%s%s", s->recipient.name ? s->recipient.name : "(first)",
                           gk_graft__head_text(a, &s->head), grafts, gk_graft__patches_text(a, s));
}

/* What a file says of all its schemes. */
typedef struct file_words {
    const char *set, *title, *about;
    bool published;
} file_words;

static bool parse_text(const gk_graft__yaml_source *src, gk_ynode map, const char *key, const char **out,
                       gk_error *err) {
    gk_ynode n = gk_yaml_get(map, key);
    *out = "";
    return gk_yaml_kind_of(n) == GK_YAML_NONE || gk_graft__yaml_title(src, n, out, err);
}

bool gk_graft__title_parse(const gk_graft__yaml_source *src, gk_ynode n, const char **out, gk_error *err) {
    if (!gk_graft__yaml_title(src, n, out, err)) return false;
    for (const char *p = *out; *p; p++)
        if ((unsigned char)*p < ' ')
            return gk_fail(err, gk_graft__yaml_place(n, src->file), NULL,
                           "a name is one line without control characters");
    return **out || gk_fail(err, gk_graft__yaml_place(n, src->file), "write a short name such as FE+LT",
                            "the name is empty");
}

/* The heading of a set in reports: one line, if there is one. */
static bool parse_title(const gk_graft__yaml_source *src, gk_ynode map, const char **out, gk_error *err) {
    gk_ynode n = gk_yaml_get(map, "title");
    if (!parse_text(src, map, "title", out, err)) return false;
    bool given = gk_yaml_kind_of(n) != GK_YAML_NONE, line = **out != 0;
    for (const char *p = *out; *p; p++) line &= (unsigned char)*p >= ' ';
    return !given || line ||
           gk_fail(err, gk_graft__yaml_place(n, src->file),
                   "write what the set asks, or leave it out: then it is the first sentence of about",
                   "a title is one line of text without control characters");
}

/* As its file says, where it says nothing itself. */
static bool parse_published(const gk_graft__yaml_source *src, gk_ynode map, bool *out, gk_error *err) {
    gk_ynode n = gk_graft__yaml_get(src, map, "as_published");
    return gk_yaml_kind_of(n) == GK_YAML_NONE || gk_yaml_bool(n, out, err);
}

static gk_scheme *parse_scheme(const gk_graft__yaml_source *src, gk_ynode n, const file_words *file,
                               gk_error *err) {
    static const char *const keys[] = {"name", "about",   "grid",      "recipient",    "grafts",
                                       "head", "patches", "ablations", "as_published", NULL};
    gk_scheme *s = gk_arena_alloc(src->a, sizeof *s);
    s->set = file->set;
    s->published = file->published;
    s->place = gk_graft__yaml_place(n, src->file);
    gk_ynode recipient = gk_graft__yaml_get(src, n, "recipient");
    bool named = gk_yaml_kind_of(recipient) != GK_YAML_NONE;
    bool ok =
        gk_yaml_only(n, keys, err) && gk_graft__title_parse(src, gk_yaml_get(n, "name"), &s->name, err) &&
        parse_text(src, n, "about", &s->about, err) &&
        (!named || gk_graft__model_name_parse(src, recipient, &s->recipient, err)) &&
        parse_published(src, n, &s->published, err) &&
        gk_graft__grafts_parse(src, gk_graft__yaml_get(src, n, "grafts"), s, err) &&
        gk_graft__patches_parse(src, n, s, err) && (!s->published || gk_graft__published_check(s, err)) &&
        gk_graft__head_parse(src, gk_graft__yaml_get(src, n, "head"), s, err) &&
        (!s->published || gk_graft__published_head(s, err));
    if (!ok) return NULL;
    s->canonical = gk_graft__canonical_text(src->a, s);
    return s;
}

/* ---------------------------------------------------------------- files */

/* The schemes read so far, and an index of their names. */
typedef struct list {
    gk_scheme **item;
    size_t n, room;
    json_t *number; /* name -> place in item */
} list;

static bool add(list *l, gk_scheme *s, gk_ynode entry, const gk_graft__yaml_source *src, gk_error *err) {
    const json_t *known = json_object_get(l->number, s->name);
    gk_place at = gk_graft__yaml_place(gk_yaml_get(entry, "name"), src->file);
    if (known && l->item) {
        const gk_scheme *other = l->item[json_integer_value(known)];
        bool cells = src->grid && other->place.file == s->place.file && other->place.line == s->place.line &&
                     other->place.column == s->place.column;
        if (cells)
            return gk_fail(err, at, "the name must hold every axis that has several values, as $axis",
                           "two cells of the grid are both named '%.80s'", s->name);
        return gk_fail(err, at, "names must be unique over all files",
                       "scheme '%.80s' is already at %.120s:%ld", s->name, other->place.file,
                       other->place.line);
    }
    if (json_object_set_new(l->number, s->name, json_integer((json_int_t)l->n)) != 0)
        return gk_fail(err, at, "save the file as UTF-8", "the name is no text");
    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : 64;
        l->item = gk_grow(l->item, l->room * sizeof(gk_scheme *), room * sizeof(gk_scheme *));
        l->room = room;
    }
    l->item[l->n++] = s;
    return true;
}

/* Where the cell that is being read stands. */
static void set_axes(gk_arena *a, const gk_graft__grid *grid, gk_scheme *s) {
    s->n_axes = grid->n;
    s->axis = gk_arena_alloc(a, grid->n * sizeof *s->axis);
    for (size_t i = 0; i < grid->n; i++)
        s->axis[i] = (gk_axis){grid->axis[i].name, grid->axis[i].value[grid->axis[i].now].label};
}

/* One entry of the file: a scheme, or a grid of them. */
static bool parse_entry(gk_graft__yaml_source src, gk_ynode n, int n_layers, const file_words *file, list *l,
                        gk_error *err) {
    gk_graft__grid grid = {.cells = 1};
    gk_ynode at = gk_yaml_get(n, "grid");
    if (gk_yaml_kind_of(at) != GK_YAML_NONE) {
        if (!gk_graft__grid_parse(&src, at, n_layers, &grid, err)) return false;
        src.grid = &grid;
    }
    if (grid.cells > GK_GRAFT__MOST_SCHEMES || l->n + grid.cells > GK_GRAFT__MOST_SCHEMES)
        return gk_fail(err, gk_graft__yaml_place(src.grid ? at : n, src.file),
                       "a run takes 100000 schemes at most",
                       "this would make %zu schemes, with %zu before it", grid.cells, l->n);
    for (size_t i = 0; i < grid.cells; i++) {
        if (src.grid) gk_graft__grid_go(&grid, i);
        gk_scheme *s = parse_scheme(&src, n, file, err);
        if (!s) return false;
        if (src.grid) set_axes(src.a, &grid, s);
        if (i == 0 && src.grid && !gk_graft__grid_check(&grid, err)) return false;
        if (!add(l, s, n, &src, err)) return false;
    }
    return true;
}

/* all: gets the contrasts, and how many entries there are. */
static bool parse_file(const gk_graft__yaml_source *src, gk_ynode root, int n_layers, list *l,
                       gk_schemes *all, gk_error *err) {
    static const char *const keys[] = {"set", "title", "about", "schemes", "as_published", "compare", NULL};
    file_words file = {0};
    gk_ynode entries = gk_yaml_get(root, "schemes");
    if (!gk_yaml_only(root, keys, err) ||
        !gk_graft__title_parse(src, gk_yaml_get(root, "set"), &file.set, err) ||
        !parse_title(src, root, &file.title, err) || !parse_text(src, root, "about", &file.about, err) ||
        !parse_published(src, root, &file.published, err))
        return false;
    if (gk_yaml_kind_of(entries) != GK_YAML_LIST || gk_yaml_len(entries) == 0)
        return gk_fail(err, gk_graft__yaml_place(entries, src->file),
                       "write one '- name: ...' item for each scheme",
                       "schemes must be a list with at least one scheme");
    size_t before = l->n;
    for (size_t i = 0; i < gk_yaml_len(entries); i++)
        if (!parse_entry(*src, gk_yaml_at(entries, i), n_layers, &file, l, err)) return false;
    for (size_t i = before; i < l->n; i++) {
        l->item[i]->set_title = file.title;
        l->item[i]->set_about = file.about;
    }
    all->n_written += gk_yaml_len(entries);
    return gk_graft__contrasts_parse(src, gk_yaml_get(root, "compare"), file.set, all, err);
}

/* Frees the document, which may be NULL: then `err` says why. */
static bool take_document(gk_arena *a, gk_yaml *y, const char *name, int n_layers, gk_schemes *out,
                          gk_error *err) {
    if (!y) return false;
    list l = {.number = json_object()};
    gk_graft__yaml_source src = {.a = a, .file = gk_arena_strdup(a, name)};
    gk_schemes all = *out;
    bool ok = true;
    for (size_t i = 0; ok && i < out->n; i++) ok = add(&l, out->item[i], (gk_ynode){0}, &src, err);
    ok = ok && parse_file(&src, gk_yaml_root(y), n_layers, &l, &all, err);
    if (ok) {
        all.item = gk_arena_alloc(a, l.n * sizeof *all.item);
        all.n = l.n;
        if (l.item) memcpy(all.item, l.item, l.n * sizeof *all.item);
        *out = all;
    }
    gk_free(l.item);
    json_decref(l.number);
    gk_yaml_free(y);
    return ok;
}

bool gk_schemes_load_for(gk_arena *a, const char *path, int n_layers, gk_schemes *out, gk_error *err) {
    return take_document(a, gk_yaml_load(path, err), path, n_layers, out, err);
}

bool gk_schemes_parse(gk_arena *a, const char *text, size_t len, const char *name, int n_layers,
                      gk_schemes *out, gk_error *err) {
    return take_document(a, gk_yaml_parse(text, len, name, err), name, n_layers, out, err);
}

bool gk_schemes_load(gk_arena *a, const char *path, gk_schemes *out, gk_error *err) {
    return gk_schemes_load_for(a, path, 0, out, err);
}

/* ---------------------------------------------------------------- access */

const char *gk_scheme_name(const gk_scheme *s) {
    return s->name;
}

const char *gk_scheme_set(const gk_scheme *s) {
    return s->set;
}

const char *gk_scheme_set_title(const gk_scheme *s) {
    return s->set_title;
}

const char *gk_scheme_set_about(const gk_scheme *s) {
    return s->set_about;
}

const char *gk_scheme_file(const gk_scheme *s) {
    return s->place.file;
}

const char *gk_scheme_about(const gk_scheme *s) {
    return s->about;
}

const char *gk_scheme_canonical(const gk_scheme *s) {
    return s->canonical;
}

const gk_axis *gk_scheme_axes(const gk_scheme *s, size_t *n) {
    *n = s->n_axes;
    return s->axis;
}

const char *gk_scheme_axis(const gk_scheme *s, const char *name) {
    for (size_t i = 0; i < s->n_axes; i++)
        if (strcmp(s->axis[i].name, name) == 0) return s->axis[i].value;
    return NULL;
}

/* ---------------------------------------------------------------- what a scheme needs */

bool gk_graft__name_scheme(const gk_scheme *s, gk_error *err) {
    if (!err || s->n_axes == 0) return false;
    size_t len = strlen(err->what);
    snprintf(err->what + len, sizeof err->what - len, " (in '%.80s')", s->name);
    return false;
}

static bool unknown(gk_error *err, gk_place at, const char *kind, const char *name, const char *const *known,
                    size_t n) {
    gk_buf hint = {0};
    if (strcmp(name, GK_ENTITY) == 0)
        gk_buf_puts(&hint, "name the field that prompts are about with --entity; ");
    gk_buf_printf(&hint, "known %ss: ", kind);
    for (size_t i = 0; i < n; i++) gk_buf_printf(&hint, "%s%s", i ? ", " : "", known[i]);
    gk_fail(err, at, hint.data, "unknown %s '%.80s'", kind, name);
    gk_buf_free(&hint);
    return false;
}

static bool check_model(const gk_graft__model_name *m, const gk_cast *cast, gk_error *err) {
    if (!m->name) return true;
    for (int i = 0; i < cast->n; i++)
        if (strcmp(cast->name[i], m->name) == 0) return true;
    return unknown(err, m->place, "model", m->name, cast->name, (size_t)cast->n);
}

static bool check_fields(const gk_graft__positions *at, const char *const *fields, size_t n, gk_error *err) {
    if (at->kind == GK_GRAFT__AT_FIELD) {
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
    if (!check_model(&s->recipient, cast, err) || !check_model(&s->head.donor, cast, err) ||
        !check_model(&s->head.norm, cast, err))
        return gk_graft__name_scheme(s, err);
    for (size_t i = 0; i < s->n_grafts; i++)
        if (!check_model(&s->graft[i].donor, cast, err) || !check_fields(&s->graft[i].at, fields, n, err))
            return gk_graft__name_scheme(s, err);
    for (size_t i = 0; i < s->n_patches; i++)
        if (!check_model(&s->patch[i].from, cast, err) || !check_fields(&s->patch[i].at, fields, n, err))
            return gk_graft__name_scheme(s, err);
    return true;
}

static bool has_fields(const gk_graft__positions *at, const gk_field_span *fields, size_t n_fields) {
    if (at->kind == GK_GRAFT__AT_FIELD) {
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
        if (!gk_graft__layers_none(&s->graft[i].layers) && !has_fields(&s->graft[i].at, fields, n_fields))
            return false;
    for (size_t i = 0; i < s->n_patches; i++)
        if (!gk_graft__layers_none(&s->patch[i].layers) && !has_fields(&s->patch[i].at, fields, n_fields))
            return false;
    return true;
}
