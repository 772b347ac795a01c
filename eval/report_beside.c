/* report_beside.c: whether what is named beside the store (training runs, gate, card) belongs to its sweep:
 * refused by hash where both sides tell theirs. Adapters and derived donors have no hash of one file. */
#include "eval/report.h"

#include <string.h>

static const json_t *models_of(const gk__report *r) {
    return json_object_get(r->manifest, "models");
}

static bool is_hash(const json_t *model, const char *hash) {
    return strcmp(gk__manifest_text(model, "sha256"), hash) == 0;
}

/* Of older stores: no hash; then anything may be it. */
static bool some_model_is(const gk__report *r, const char *hash) {
    size_t i;
    json_t *m;
    bool told = false;
    json_array_foreach(models_of(r), i, m) {
        if (is_hash(m, hash)) return true;
        told |= *gk__manifest_text(m, "sha256") != 0;
    }
    return !told;
}

static const char *names_of(const gk__report *r) {
    const char *text = "none";
    size_t i;
    json_t *m;
    json_array_foreach(models_of(r), i, m) {
        const char *name = gk__manifest_text(m, "name");
        text = i ? gk_arena_printf(r->a, "%s, %s", text, name) : gk_arena_strdup(r->a, name);
    }
    return text;
}

/* What a donor is derived from and how stands where others have their path: "sft:rank=8". */
static bool is_derived(const gk__report *r, const json_t *model) {
    const char *path = gk__manifest_text(model, "path"), *colon = strchr(path, ':');
    return colon && gk__manifest_item(r->manifest, "models",
                                      gk_arena_strndup(r->a, path, (size_t)(colon - path))) != NULL;
}

/* A model of a step, which stays in its run's folder. */
static bool is_checkpoint(const gk__report *r, const char *dir, const json_t *model) {
    const char *path = gk__manifest_text(model, "path"), *slash = strrchr(path, '/');
    char hash[GK_SHA256_HEX];
    return gk_sha256_file(gk_path_join(r->a, dir, slash ? slash + 1 : path), hash, NULL) &&
           is_hash(model, hash);
}

/* In the arena; NULL where the file is not there, or does not say. */
static const char *hash_in(const gk__report *r, const char *file, const char *key) {
    json_t *obj = gk_json_load(file, NULL);
    const char *hash = gk__manifest_text(obj, key);
    hash = *hash ? gk_arena_strdup(r->a, hash) : NULL;
    json_decref(obj);
    return hash;
}

static bool check_base(const gk__report *r, const char *option, const char *file, const char *what) {
    const char *hash = hash_in(r, file, "model_sha256");
    if (!hash || some_model_is(r, hash)) return true;
    const json_t *m = gk__manifest_item(r->manifest, "models", gk__report_run(r, "recipient"));
    const char *hint = gk_arena_printf(r->a, "name that of a model that was swept: the recipient is %s",
                                       gk__manifest_text(m, "path"));
    return gk_fail(r->err, GK_AT_FILE(file), hint, "%s: %s none of the sweep's models (%.200s)", option, what,
                   names_of(r));
}

static bool check_model(const gk__report *r, const gk_report_model *m) {
    const json_t *of = gk__manifest_item(r->manifest, "models", m->name);
    const char *file = gk_path_join(r->a, m->dir, "train.json");
    if (strcmp(m->name, "base") == 0) /* which the sweep may call otherwise, as 'pre' */
        return gk_is_adapter(m->dir) || check_base(r, "--base", file, "this training made");
    if (!of)
        return gk_fail(
            r->err, GK_AT_FILE(r->o->db), "give --donor for models that were swept, under their names there",
            "--donor %.80s: the sweep has no model of that name, but %.200s", m->name, names_of(r));
    const char *hash = hash_in(r, file, "model_sha256");
    if (!hash || !*gk__manifest_text(of, "sha256") || is_hash(of, hash) || gk_is_adapter(m->dir) ||
        is_derived(r, of) || is_checkpoint(r, m->dir, of))
        return true;
    return gk_fail(r->err, GK_AT_FILE(file),
                   gk_arena_printf(r->a, "name the folder of the model that was swept: it was %s",
                                   gk__manifest_text(of, "path")),
                   "--donor %.80s: this training made another model than the sweep's '%.80s'", m->name,
                   m->name);
}

/* The rows that were swept are one of the files that the card lists. */
static bool check_card(const gk__report *r) {
    const char *rows = gk__report_run(r, "rows_sha256"), *name;
    json_t *card = gk_json_load(r->o->card, r->err), *file;
    if (!card) return false;
    bool found = false, told = false;
    json_object_foreach(json_object_get(card, "files"), name, file) {
        const char *hash = gk__manifest_text(file, "sha256");
        told |= *hash != 0;
        found |= rows && strcmp(hash, rows) == 0;
    }
    json_decref(card);
    const char *path = gk__report_run(r, "rows");
    return !rows || !told || found ||
           gk_fail(r->err, GK_AT_FILE(r->o->card),
                   gk_arena_printf(r->a, "name the card of the dataset that %s is of", path ? path : "they"),
                   "--card: the rows that were swept are none of this dataset's files");
}

bool gk__report_check_beside(const gk__report *r) {
    const gk_report_options *o = r->o;
    for (size_t i = 0; i < o->n_models; i++)
        if (!check_model(r, &o->models[i])) return false;
    if (o->gate && !check_base(r, "--gate", o->gate, "this gate tried")) return false;
    return !o->card || check_card(r);
}
