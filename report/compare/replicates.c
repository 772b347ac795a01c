/* replicates.c: which runs differ in their seed only. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "report/compare/compare.h"

#include <stdlib.h>
#include <string.h>

static const char UNKNOWN[] = "(not said)"; /* which is never the same as anything */

static void put(json_t *to, const char *key, const char *text) {
    json_t *v = text ? json_string(text) : NULL;
    json_object_set_new(to, key, v ? v : json_string(UNKNOWN));
}

/* As text, its keys in order. */
static void put_json(gk_arena *a, json_t *to, const char *key, const json_t *v) {
    char *text = v ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
    put(to, key, text ? gk_arena_strdup(a, text) : NULL);
    free(text);
}

/* ---------------------------------------------------------------- what a run is of */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The manifest of a training in this folder, if it is still that of the model which was swept. */
static json_t *trained_in(gk_arena *a, const char *folder, const json_t *model) {
    const char *file = gk_path_join(a, folder, "train.json");
    json_t *train = gk_exists(file) ? gk_json_load(file, NULL) : NULL;
    const char *hash = json_string_value(json_object_get(train, "model_sha256"));
    if (hash && strcmp(hash, gk_manifest__text(model, "sha256")) == 0) return train;
    json_decref(train);
    return NULL;
}

/* The model may be of another folder than the run's (another regime, articles), or have moved with the run.
 */
static json_t *trained(gk_arena *a, const char *run, const json_t *model) {
    const char *path = gk_manifest__text(model, "path");
    json_t *train = *path ? trained_in(a, path, model) : NULL;
    if (!train && *base_name(path)) train = trained_in(a, gk_path_join(a, run, base_name(path)), model);
    return train;
}

/* What it was trained with; of one that was not, its weights. */
static void put_model(gk_arena *a, const char *run, const json_t *model, json_t *to) {
    const char *name = gk_manifest__text(model, "name");
    json_t *train = trained(a, run, model), *inputs = json_object_get(train, "inputs");
    const char *key = gk_arena_printf(a, "training of %s", name);
    if (train) {
        json_t *shape = json_copy(json_object_get(inputs, "model")),
               *how = json_pack("{s:O?, s:o?}", "recipe", json_object_get(inputs, "recipe"), "model", shape);
        json_object_del(shape, "initial_sha256");
        put_json(a, to, key, how);
        json_decref(how);
    } else
        put(to, key, gk_arena_printf(a, "weights %s", gk_manifest__text(model, "sha256")));
    json_decref(train);
}

/* The rows are still those that were swept. */
static bool is_there(const char *rows, const json_t *manifest) {
    char hash[GK_SHA256_HEX];
    gk_error err;
    return gk_exists(rows) && gk_sha256_file(rows, hash, &err) &&
           strcmp(hash, gk_manifest__text(manifest, "rows_sha256")) == 0;
}

/* Its name, where its rows are from, and how many there are of each split. */
static void put_dataset(gk_arena *a, const char *run, const json_t *manifest, json_t *to) {
    const char *rows = gk_manifest__text(manifest, "rows"), *slash = strrchr(rows, '/');
    const char *split = gk_arena_strndup(a, rows, slash ? (size_t)(slash - rows) : 0);
    slash = strrchr(split, '/');
    const char *own = gk_path_join(a, gk_arena_strndup(a, split, slash ? (size_t)(slash - split) : 0),
                                   "card.json"),
               *usual = gk_path_join(a, gk_path_join(a, run, "data"), "card.json");
    json_t *card = gk_json_load(!gk_exists(usual) || is_there(rows, manifest) ? own : usual, NULL),
           *sizes = json_object(), *splits, *s;
    const char *name;
    splits = json_object_get(card, "splits");
    json_object_foreach(splits, name, s) {
        json_object_set(sizes, name, json_object_get(s, "rows"));
    }
    put(to, "dataset", json_string_value(json_object_get(card, "name")));
    put_json(a, to, "rows of the splits", card ? sizes : NULL);
    put_json(a, to, "source", card ? json_object_get(json_object_get(card, "source"), "sha256") : NULL);
    if (card && !json_object_get(card, "source")) put(to, "source", "none");
    json_decref(sizes);
    json_decref(card);
}

json_t *gk_compare__signature(gk_arena *a, const char *run, const json_t *manifest) {
    static const char *const keys[] = {
        "family",       "parameters",       "layers",         "width",
        "recipient",    "entity",           "target",         "limit",
        "whole_target", "templates_sha256", "fillers_sha256", "keep_shared_first"};
    json_t *of = json_object(), *model;
    size_t i;
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        const json_t *v = json_object_get(manifest, keys[k]);
        put_json(a, of, keys[k], v ? v : json_false());
    }
    put(of, "bf16", gk_manifest__bf16(manifest) ? "true" : "false");
    put_dataset(a, run, manifest, of);
    json_array_foreach(json_object_get(manifest, "models"), i, model) put_model(a, run, model, of);
    return of;
}

/* ---------------------------------------------------------------- what differs */

static const char *add_name(gk_arena *a, const char *list, const char *name) {
    return gk_arena_printf(a, "%s%s%s", list, *list ? ", " : "", name);
}

const char *gk_compare__differ(gk_arena *a, const json_t *x, const json_t *y) {
    const char *key, *list = "";
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)x, key, v) {
        const char *text = json_string_value(v), *other = json_string_value(json_object_get(y, key));
        if (!other || strcmp(text, other) != 0 || strcmp(text, UNKNOWN) == 0) list = add_name(a, list, key);
    }
    json_object_foreach((json_t *)(uintptr_t)y, key, v) {
        if (!json_object_get(x, key)) list = add_name(a, list, key);
    }
    return list;
}

bool gk_compare__same_weights(const json_t *x, const json_t *y) {
    size_t i;
    json_t *model;
    json_array_foreach(json_object_get(x, "models"), i, model) {
        const json_t *other = gk_manifest__item(y, "models", gk_manifest__text(model, "name"));
        if (!other || strcmp(gk_manifest__text(model, "sha256"), gk_manifest__text(other, "sha256")) != 0)
            return false;
    }
    return true;
}
