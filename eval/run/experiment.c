/* experiment.c: the YAML files of experiments/. */
#include "core/yaml.h"
#include "eval/run/experiment.h"
#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/template.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/train/recipe.h"

#include <jansson.h>
#include <string.h>

/* ---------------------------------------------------------------- one file */

/* One line that a shell, make and a page can take as it is. */
static bool take_line(gk_arena *a, gk_ynode map, const char *key, const char **out, gk_error *err) {
    gk_ynode n = gk_yaml_get(map, key);
    const char *text;
    if (!gk_yaml_str(n, &text, err)) return false;
    if (!*text || text[strcspn(text, "\n\r\t$")])
        return gk_fail(err, gk_yaml_place(n), "write one sentence, without tabs and '$'",
                       *text ? "the text has a character that cannot be used" : "the text is empty");
    *out = gk_arena_strdup(a, text);
    return true;
}

static bool is_word(const char *text) {
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 0 && !text[n];
}

static bool take_word(gk_arena *a, gk_ynode n, const char **out, gk_error *err) {
    const char *text;
    if (!gk_yaml_str(n, &text, err)) return false;
    if (!is_word(text))
        return gk_fail(err, gk_yaml_place(n), "use letters, digits, '-' and '_'", "'%.80s' is no name", text);
    *out = gk_arena_strdup(a, text);
    return true;
}

/* A list of words, or one text of them: "lnf,all@1/3". */
static bool take_freeze(gk_arena *a, gk_ynode n, const char **out, gk_error *err) {
    gk_buf all = {0};
    gk_recipe r = {0};
    const bool list = gk_yaml_kind_of(n) == GK_YAML_LIST;
    bool ok = true;
    for (size_t i = 0; ok && i < (list ? gk_yaml_len(n) : 1); i++) {
        const char *word;
        ok = gk_yaml_str(list ? gk_yaml_at(n, i) : n, &word, err);
        if (ok) gk_buf_printf(&all, "%s%s", all.len ? "," : "", word);
    }
    if (ok && all.len == 0)
        ok = gk_fail(err, gk_yaml_place(n), "write none, or components", "the freeze is empty");
    ok = ok && gk_recipe_set(&r, "freeze", all.data, gk_yaml_place(n), err);
    if (ok) *out = gk_arena_strdup(a, all.data);
    gk_buf_free(&all);
    return ok;
}

/* `relation`, or {kind: relation, freeze: [lnf, head]}, a model of its own that is called KIND.NAME. */
static bool take_kind(gk_arena *a, gk_ynode n, const char *name, const char **kind, const char **freeze,
                      gk_error *err) {
    static const char *const keys[] = {"kind", "freeze", NULL};
    *freeze = NULL;
    if (gk_yaml_kind_of(n) != GK_YAML_MAP) return take_word(a, n, kind, err);
    if (!gk_yaml_only(n, keys, err)) return false;
    if (gk_yaml_kind_of(gk_yaml_get(n, "freeze")) == GK_YAML_NONE)
        return gk_fail(err, gk_yaml_place(n), "write {kind: relation, freeze: [lnf, head]}",
                       "there is no freeze");
    if (!take_word(a, gk_yaml_get(n, "kind"), kind, err) ||
        !take_freeze(a, gk_yaml_get(n, "freeze"), freeze, err))
        return false;
    if (strcmp(*kind, "base") == 0)
        return gk_fail(err, gk_yaml_place(n), NULL, "the base is not finetuned and freezes nothing");
    *kind = gk_arena_printf(a, "%s.%s", *kind, name);
    return true;
}

static bool take_models(gk_arena *a, gk_ynode map, gk_experiment *e, gk_error *err) {
    size_t n = gk_yaml_len(map);
    if (gk_yaml_kind_of(map) != GK_YAML_MAP || n == 0 || n > GK_MAX_MODELS)
        return gk_fail(err, gk_yaml_place(map), "write {pre: base, sft: relation}, the recipient first",
                       "must be a map of 1 to %d models", GK_MAX_MODELS);
    e->model = gk_arena_alloc(a, n * sizeof *e->model);
    e->kind = gk_arena_alloc(a, n * sizeof *e->kind);
    e->freeze = gk_arena_alloc(a, n * sizeof *e->freeze);
    for (size_t i = 0; i < n; i++) {
        if (!take_word(a, gk_yaml_key(map, i), &e->model[i], err) ||
            !take_kind(a, gk_yaml_at(map, i), e->model[i], &e->kind[i], &e->freeze[i], err))
            return false;
        if (strcmp(e->model[i], "recipient") == 0)
            return gk_fail(err, gk_yaml_place(gk_yaml_key(map, i)), "schemes mean the first model by it",
                           "no model can be named recipient");
    }
    e->n_models = n;
    return true;
}

static bool take_schemes(gk_arena *a, gk_ynode list, gk_experiment *e, gk_error *err) {
    size_t n = gk_yaml_len(list);
    if (gk_yaml_kind_of(list) != GK_YAML_LIST || n == 0)
        return gk_fail(err, gk_yaml_place(list), "write [position], names of graft/schemes or files",
                       "must be a list of scheme files");
    e->schemes = gk_arena_alloc(a, n * sizeof *e->schemes);
    for (size_t i = 0; i < n; i++) {
        gk_ynode item = gk_yaml_at(list, i);
        const char *text;
        if (!gk_yaml_str(item, &text, err)) return false;
        if (!*text || text[strcspn(text, " \t\n\r'\"$:;")])
            return gk_fail(err, gk_yaml_place(item), "use a path without blanks, quotes and any of $ : ;",
                           "'%.80s' cannot be used as a path", text);
        e->schemes[i] = gk_arena_strdup(a, text);
    }
    e->n_schemes = n;
    return true;
}

static bool take_fields(gk_arena *a, gk_ynode list, gk_experiment *e, gk_error *err) {
    size_t n = gk_yaml_len(list);
    if (gk_yaml_kind_of(list) == GK_YAML_NONE) return true;
    if (gk_yaml_kind_of(list) != GK_YAML_LIST || n == 0)
        return gk_fail(err, gk_yaml_place(list), "write [relation], fields of the run's templates",
                       "must be a list of fields");
    e->fields = gk_arena_alloc(a, n * sizeof *e->fields);
    for (size_t i = 0; i < n; i++)
        if (!take_word(a, gk_yaml_at(list, i), &e->fields[i], err)) return false;
    e->n_fields = n;
    return true;
}

static bool take_all(gk_arena *a, gk_ynode root, gk_experiment *e, gk_error *err) {
    static const char *const keys[] = {"title",   "about",  "place",   "paper", "fields",
                                       "dataset", "models", "schemes", NULL};
    gk_ynode dataset = gk_yaml_get(root, "dataset"), place = gk_yaml_get(root, "place"),
             paper = gk_yaml_get(root, "paper");
    e->place = INT64_MAX;
    e->in_paper = true;
    return gk_yaml_only(root, keys, err) && take_line(a, root, "title", &e->title, err) &&
           take_line(a, root, "about", &e->about, err) &&
           (gk_yaml_kind_of(place) == GK_YAML_NONE || gk_yaml_int(place, 1, 1000000, &e->place, err)) &&
           (gk_yaml_kind_of(paper) == GK_YAML_NONE || gk_yaml_bool(paper, &e->in_paper, err)) &&
           (gk_yaml_kind_of(dataset) == GK_YAML_NONE || take_word(a, dataset, &e->dataset, err)) &&
           take_fields(a, gk_yaml_get(root, "fields"), e, err) &&
           take_models(a, gk_yaml_get(root, "models"), e, err) &&
           take_schemes(a, gk_yaml_get(root, "schemes"), e, err);
}

/* "experiments/position.yaml": "position". */
static const char *name_of(gk_arena *a, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    return dot ? gk_arena_strndup(a, name, (size_t)(dot - name)) : gk_arena_strdup(a, name);
}

bool gk_experiment_load(gk_arena *a, const char *path, gk_experiment *out, gk_error *err) {
    gk_experiment e = {.name = name_of(a, path)};
    gk_yaml *y = gk_yaml_load(path, err);
    bool ok = y && take_all(a, gk_yaml_root(y), &e, err);
    gk_yaml_free(y);
    if (ok) *out = e;
    return ok;
}

/* ---------------------------------------------------------------- its fields and schemes */

bool gk_experiment_lacks(gk_arena *a, const gk_experiment *e, const char *templates, const char **out,
                         gk_error *err) {
    gk_template **t;
    size_t n;
    *out = NULL;
    if (!gk_templates_load(a, templates, &t, &n, err)) return false;
    for (size_t i = 0; i < e->n_fields && !*out; i++) {
        bool has = false;
        for (size_t k = 0; k < n; k++) has |= gk_template_has(t[k], e->fields[i]);
        if (!has) *out = e->fields[i];
    }
    return true;
}

/* The fields of all templates as the keys of `all`, and what schemes call the one that holds the entity. */
static bool fields_of(gk_arena *a, const char *templates, const char *entity, json_t *all, gk_error *err) {
    gk_template **t;
    size_t n;
    if (!gk_templates_load(a, templates, &t, &n, err)) return false;
    for (size_t i = 0; i < n; i++) {
        const char *const *field = gk_template_fields(a, t[i]);
        for (; *field; field++) json_object_set_new(all, *field, json_true());
    }
    if (json_object_get(all, entity)) json_object_set_new(all, GK_ENTITY, json_true());
    return true;
}

static const char *const *keys_of(gk_arena *a, json_t *all) {
    const char **list = gk_arena_alloc(a, (json_object_size(all) + 1) * sizeof *list), *key;
    json_t *v;
    size_t n = 0;
    json_object_foreach(all, key, v) list[n++] = gk_arena_strdup(a, key);
    return list;
}

/* Of every contrast some template has the fields. */
static bool check_contrasts(gk_arena *a, const gk_schemes *all, const char *templates, const char *entity,
                            gk_error *err) {
    gk_template **t;
    size_t n;
    if (!gk_contrasts_check(all, err) || !gk_templates_load(a, templates, &t, &n, err)) return false;
    const gk_field_span **fields = gk_arena_alloc(a, n * sizeof(*fields));
    size_t *n_fields = gk_arena_alloc(a, n * sizeof *n_fields);
    for (size_t i = 0; i < n; i++) {
        const char *const *name = gk_template_fields(a, t[i]);
        size_t k = 0;
        while (name[k]) k++;
        gk_field_span *own = gk_arena_alloc(a, (k + 1) * sizeof *own);
        for (size_t m = 0; m < k; m++) own[m].field = name[m];
        if (gk_template_has(t[i], entity)) own[k++].field = GK_ENTITY;
        fields[i] = own;
        n_fields[i] = k;
    }
    for (size_t i = 0; i < all->n_contrasts; i++)
        if (!gk_contrast_check(all, &all->contrast[i], fields, n_fields, n, err)) return false;
    return true;
}

bool gk_experiment_check(const gk_experiment *e, const char *const *path, size_t n, const char *templates,
                         const char *entity, gk_error *err) {
    enum { LAYERS = 128 }; /* as many as a model may have: a window may be as wide */
    gk_arena *a = gk_arena_new();
    gk_schemes all = {0};
    gk_cast cast = {.n = (int)e->n_models};
    json_t *all_fields = json_object();
    memcpy(cast.name, e->model, e->n_models * sizeof *e->model);
    bool ok = fields_of(a, templates, entity, all_fields, err);
    const char *const *fields = keys_of(a, all_fields);
    json_decref(all_fields);
    for (size_t i = 0; ok && i < n; i++) ok = gk_schemes_load_for(a, path[i], LAYERS, &all, err);
    for (size_t i = 0; ok && i < all.n; i++) ok = gk_scheme_check(all.item[i], &cast, fields, err);
    ok = ok && check_contrasts(a, &all, templates, entity, err);
    gk_arena_free(a);
    return ok;
}
