/* beside.c: whether what is named beside the store (training runs, gate, card, attribution) belongs to its
 * sweep: refused by hash where both sides tell theirs. Adapters and derived donors have no hash of one file.
 */
#include "core/json.h"
#include "eval/store/write.h"
#include "graftkit/core/file.h"
#include "graftkit/model/adapter.h"
#include "report/internal.h"

#include <string.h>

static const json_t *models_of(const gk_report__state *r) {
    return json_object_get(r->manifest, "models");
}

static bool is_hash(const json_t *model, const char *hash) {
    return strcmp(gk_manifest__text(model, "sha256"), hash) == 0;
}

static const char *names_of(const gk_report__state *r) {
    const char *text = "none";
    size_t i;
    json_t *m;
    json_array_foreach(models_of(r), i, m) {
        const char *name = gk_manifest__text(m, "name");
        text = i ? gk_arena_printf(r->a, "%s, %s", text, name) : gk_arena_strdup(r->a, name);
    }
    return text;
}

/* What a donor is derived from and how stands where others have their path: "sft:rank=8". */
static bool is_derived(const gk_report__state *r, const json_t *model) {
    const char *path = gk_manifest__text(model, "path"), *colon = strchr(path, ':');
    return colon && gk_manifest__item(r->manifest, "models",
                                      gk_arena_strndup(r->a, path, (size_t)(colon - path))) != NULL;
}

/* A model of a step, which stays in its run's folder. */
static bool is_checkpoint(const gk_report__state *r, const char *dir, const json_t *model) {
    const char *path = gk_manifest__text(model, "path"), *slash = strrchr(path, '/');
    char hash[GK_SHA256_HEX];
    return gk_sha256_file(gk_path_join(r->a, dir, slash ? slash + 1 : path), hash, NULL) &&
           is_hash(model, hash);
}

/* In the arena; NULL where the file is not there, or does not say. */
static const char *hash_in(const gk_report__state *r, const char *file, const char *key) {
    json_t *obj = gk_json_load(file, NULL);
    const char *hash = gk_manifest__text(obj, key);
    hash = *hash ? gk_arena_strdup(r->a, hash) : NULL;
    json_decref(obj);
    return hash;
}

/* An error unless `hash` (NULL: not told) is the model's, or nothing can be said. */
static bool check_hash(const gk_report__state *r, const char *option, const char *file, const char *what,
                       const char *hash, const json_t *of) {
    const char *path = gk_manifest__text(of, "path"), *name = gk_manifest__text(of, "name");
    if (!hash || !*gk_manifest__text(of, "sha256") || is_hash(of, hash)) return true;
    return gk_fail(r->err, GK_AT_FILE(file),
                   gk_arena_printf(r->a, "name that of the model that was swept: it was %s", path),
                   "%s: this %s another model than the sweep's '%.80s'", option, what, name);
}

static bool check_model(const gk_report__state *r, const gk_report_model *m, const json_t *recipient) {
    bool base = strcmp(m->name, "base") == 0; /* which the sweep may call otherwise, as 'pre' */
    const json_t *of = base ? recipient : gk_manifest__item(r->manifest, "models", m->name);
    const char *file = gk_path_join(r->a, m->dir, "train.json");
    const char *option = base ? "--base" : gk_arena_printf(r->a, "--donor %.80s", m->name);
    if (!of && !base)
        return gk_fail(r->err, GK_AT_FILE(r->o->db),
                       "give --donor for models that were swept, under their names there",
                       "%s: the sweep has no model of that name, but %.200s", option, names_of(r));
    if (gk_is_adapter(m->dir) || (base && gk_is_adapter(gk_manifest__text(of, "path"))) ||
        is_derived(r, of) || is_checkpoint(r, m->dir, of))
        return true;
    return check_hash(r, option, file, "training made", hash_in(r, file, "model_sha256"), of);
}

/* The rows that were swept are one of the files that the card lists. */
static bool check_card(const gk_report__state *r) {
    const char *rows = gk_report__run(r, "rows_sha256"), *name;
    json_t *card = gk_json_load(r->o->card, r->err), *file;
    if (!card) return false;
    bool found = false, told = false;
    json_object_foreach(json_object_get(card, "files"), name, file) {
        const char *hash = gk_manifest__text(file, "sha256");
        told |= *hash != 0;
        found |= rows && strcmp(hash, rows) == 0;
    }
    json_decref(card);
    const char *path = gk_report__run(r, "rows");
    return !rows || !told || found ||
           gk_fail(r->err, GK_AT_FILE(r->o->card),
                   gk_arena_printf(r->a, "name the card of the dataset that %s is of", path ? path : "they"),
                   "--card: the rows that were swept are none of this dataset's files");
}

/* An attribution is of the sweep's rows, and of its models by their names. */
static bool check_attribution(const gk_report__state *r, const char *db, const json_t *of) {
    const char *rows = gk_report__run(r, "rows_sha256");
    if (!*gk_manifest__text(of, "parts_sha256"))
        return gk_fail(r->err, GK_AT_FILE(db), "name the folder of graftkit attribute",
                       "--attribution: this store is of no parts");
    if (rows && strcmp(gk_manifest__text(of, "rows_sha256"), rows) != 0)
        return gk_fail(r->err, GK_AT_FILE(db), "attribute with the rows that were swept",
                       "--attribution: it is of other rows than the sweep");
    if (gk_manifest__bf16(of) != gk_manifest__bf16(r->manifest))
        return gk_fail(r->err, GK_AT_FILE(db), "attribute as was swept, with or without --bf16 true",
                       "--attribution: one of the two computed products of bf16 operands, the other in fp32");
    if (strcmp(gk_manifest__text(of, "recipient"), gk_manifest__text(r->manifest, "recipient")) != 0)
        return gk_fail(r->err, GK_AT_FILE(db), "attribute with the recipient that was swept",
                       "--attribution: its recipient is '%.80s', the sweep's '%.80s'",
                       gk_manifest__text(of, "recipient"), gk_manifest__text(r->manifest, "recipient"));
    size_t i;
    json_t *m;
    json_array_foreach(json_object_get(of, "models"), i, m) {
        const char *name = gk_manifest__text(m, "name");
        const json_t *ours = gk_manifest__item(r->manifest, "models", name);
        if (ours && !check_hash(r, gk_arena_printf(r->a, "--attribution, model '%.80s'", name), db,
                                "attribution grafted", gk_manifest__text(m, "sha256"), ours))
            return false;
    }
    return true;
}

static bool open_attribution(const gk_report__state *r) {
    const char *db = gk_path_join(r->a, r->o->attribution, "results.db");
    gk_store *s = gk_store_open(db, r->err);
    json_t *of = s ? gk_store_manifest(s, r->err) : NULL;
    bool ok = of && check_attribution(r, db, of);
    json_decref(of);
    gk_store_close(s);
    return ok;
}

bool gk_report__check_beside(const gk_report__state *r) {
    const gk_report_options *o = r->o;
    const json_t *recipient = gk_manifest__item(r->manifest, "models", gk_report__run(r, "recipient"));
    for (size_t i = 0; i < o->n_models; i++)
        if (!check_model(r, &o->models[i], recipient)) return false;
    if (o->gate &&
        !check_hash(r, "--gate", o->gate, "gate tried", hash_in(r, o->gate, "model_sha256"), recipient))
        return false;
    return (!o->card || check_card(r)) && (!o->attribution || open_attribution(r));
}
