/* public_results.c: results in the folders and files of the public code of the paper. */
#include "core/json.h"
#include "eval/export/public.h"
#include "eval/store/prompts.h"
#include "graftkit/core/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct writer {
    gk_store *s;
    gk_arena *a, *scratch;
    const char *dir, *dataset, *model, *run;
    const gk_export__public_place *place; /* of each scheme */
    size_t n, at;                         /* schemes; the one whose results come */
    bool bytes;                           /* a byte-level vocabulary */
    json_t **results;                     /* of the scheme at hand, by template from 1 */
    size_t n_templates;
} writer;

/* ---------------------------------------------------------------- one result */

/* An id that is a whole number is one there. */
static json_t *example_id(const char *key) {
    char *end;
    errno = 0;
    long long id = strtoll(key, &end, 10);
    bool digits = *key && strspn(key, "-0123456789") == strlen(key);
    return digits && !*end && errno == 0 ? json_integer(id) : json_string(key);
}

static json_t *token_text(const writer *w, const char *piece) {
    json_t *text = json_string(gk_export__public_token(w->scratch, w->bytes, piece));
    return text ? text : json_string("");
}

static json_t *top_list(const writer *w, const gk_result *r) {
    json_t *list = json_array();
    for (int i = 0; i < r->n_top; i++) {
        json_t *one = json_object();
        json_object_set_new(one, "token_id", json_integer(r->top_id[i]));
        json_object_set_new(one, "token", token_text(w, r->top_piece[i]));
        json_object_set_new(one, "probability", json_real(r->top_prob[i]));
        json_array_append_new(list, one);
    }
    return list;
}

static bool write_scheme(writer *w, gk_error *err);

static bool take(void *ctx, const gk_result *r, gk_error *err) {
    writer *w = ctx;
    while (w->at < w->n && strcmp(w->place[w->at].scheme, r->scheme) != 0)
        if (!write_scheme(w, err)) return false;
    if (w->at == w->n || r->template_id < 1 || (size_t)r->template_id > w->n_templates)
        return gk_fail(err, GK_AT_FILE(gk_store_path(w->s)), "begin a new one",
                       "the results store is damaged");
    if (r->dropped || !w->place[w->at].patch) return true;
    gk_arena_reset(w->scratch);
    const char *piece = gk_store_piece(w->s, w->scratch, r->target_id, err);
    if (!piece) return false;
    json_t *one = json_object(), *target = json_object(), *record = json_object();
    json_object_set_new(record, "layers", json_array());
    json_object_set_new(one, "ex_id", example_id(r->row_key));
    json_object_set_new(one, "dropout_record", record);
    json_object_set_new(one, "top_predictions", top_list(w, r));
    json_object_set_new(target, "token", token_text(w, piece));
    json_object_set_new(target, "token_idx", json_integer(r->target_id));
    json_object_set_new(target, "token_prob", json_real(r->prob));
    json_object_set_new(target, "token_rank", json_integer(r->rank));
    json_object_set_new(one, "target", target);
    json_t **list = &w->results[r->template_id];
    if (!*list) *list = json_array();
    json_array_append_new(*list, one);
    return true;
}

/* ---------------------------------------------------------------- files */

static json_t *inference_config(const gk_export__public_place *p) {
    json_t *c = json_object();
    json_object_set_new(c, "patch_lm_head", json_string(p->policy));
    json_object_set_new(c, "dropout_rate", json_real(strtod(p->dropout, NULL)));
    json_object_set_new(c, "dropout_unit", json_string("layer"));
    json_object_set_new(c, "dropout_strategy", json_string("count"));
    return c;
}

/* What a scheme does, in graftkit's words: it may be what no patch configuration can say. */
static json_t *patch_config(const gk_export__public_place *p) {
    json_t *c = json_object();
    json_object_set_new(c, "scheme", json_string(p->scheme));
    json_object_set_new(c, "canonical", json_string(p->canonical));
    return c;
}

static json_t *experiment_config(const writer *w, const gk_export__public_place *p) {
    json_t *c = json_object(), *model = json_object(), *paths = json_object();
    json_object_set_new(model, "pretrained", json_string(w->model));
    json_object_set_new(model, "patch_direction", json_string(p->direction));
    json_object_set_new(paths, "dataset_name", json_string(w->dataset));
    json_object_set_new(c, "patching_flag", json_boolean(p->patching));
    json_object_set_new(c, "model", model);
    json_object_set_new(c, "paths", paths);
    json_object_set_new(c, "inference_config", inference_config(p));
    json_object_set_new(c, "patch_config", patch_config(p));
    json_object_set_new(c, "patch_config_filename",
                        json_string(gk_arena_printf(w->scratch, "%s.yaml", p->patch)));
    return c;
}

static bool save(const char *dir, const char *name, json_t *json, gk_arena *a, gk_error *err) {
    bool ok = gk_mkdirs(dir, err) && gk_json_save(gk_path_join(a, dir, name), json, err);
    json_decref(json);
    return ok;
}

static bool write_template(writer *w, const char *run, size_t number, gk_error *err) {
    const gk_export__public_place *p = &w->place[w->at];
    const char *last =
        p->patching ? gk_arena_printf(w->scratch, "dropout_%s_layer_count", p->dropout) : "no_patching";
    json_t *file = json_object();
    json_object_set_new(file, "inference_config", inference_config(p));
    json_object_set_new(file, "patch_config", patch_config(p));
    json_object_set_new(file, "results", w->results[number]);
    w->results[number] = NULL;
    return save(gk_arena_printf(w->scratch, "%s/sentence_%zu/%s", run, number, last), "results.json", file,
                w->scratch, err);
}

/* Writes what came of the scheme at hand, and goes on to the next. */
static bool write_scheme(writer *w, gk_error *err) {
    const gk_export__public_place *p = &w->place[w->at];
    gk_arena_reset(w->scratch);
    bool ok = true, some = false;
    const char *run = p->patch ? gk_arena_printf(w->scratch, "%s/%s/%s/%s/%s/%s/%s", w->dir, p->lm_head,
                                                 w->dataset, w->model, p->direction, p->patch, w->run)
                               : NULL;
    for (size_t t = 1; ok && t <= w->n_templates; t++) {
        if (!w->results[t]) continue;
        some = true;
        ok = write_template(w, run, t, err);
    }
    ok = ok && (!some || save(run, "experiment_config.json", experiment_config(w, p), w->scratch, err));
    w->at++;
    return ok;
}

/* ---------------------------------------------------------------- names */

static bool name_ok(const char *option, const char *name, gk_error *err) {
    const char *hidden = name ? gk_export__public_hidden(name) : NULL;
    if (hidden)
        return gk_fail(err, GK_AT_FIELD(NULL, option), "choose another name",
                       "the public code's readers pass over every path that holds '%s'", hidden);
    return !name || (*name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) ||
           gk_fail(err, GK_AT_FIELD(NULL, option), "give the name of one folder", "is '%.80s'", name);
}

bool gk_export_public_check(const char *dir, const char *dataset, const char *model, gk_error *err) {
    struct stat st;
    if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
        return gk_fail(err, GK_AT_FILE(dir), "name a folder", "there is a file in the way");
    const char *hidden = gk_export__public_hidden(dir);
    if (hidden)
        return gk_fail(err, GK_AT_FILE(dir), "name another folder",
                       "the public code's readers pass over every path that holds '%s'", hidden);
    return name_ok("--public-dataset", dataset, err) && name_ok("--public-model", model, err);
}

static const char *model_name(const char *family) {
    static const char *const names[][2] = {
        {"llama", "llama3"}, {"gemma", "gemma"}, {"gpt2", "gpt2-xl"}, {"gpt_neox", "pythia-2.8b"}};
    for (size_t i = 0; family && i < sizeof names / sizeof *names; i++)
        if (strcmp(family, names[i][0]) == 0) return names[i][1];
    return NULL;
}

/* The folder that a file is in; NULL where its name does not say. */
static const char *folder_of(gk_arena *a, const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL, *from = slash;
    while (from && from > path && from[-1] != '/') from--;
    return slash && slash > from ? gk_arena_strndup(a, from, (size_t)(slash - from)) : NULL;
}

static bool choose_names(writer *w, const char *dataset, const char *model, gk_error *err) {
    const char *family = gk_store_get(w->s, w->a, "family", err),
               *templates = gk_store_get(w->s, w->a, "templates_file", err),
               *ended = gk_store_get(w->s, w->a, "ended", err);
    w->dataset = dataset ? dataset : folder_of(w->a, templates);
    w->model = model ? model : model_name(family);
    if (!w->dataset)
        return gk_fail(err, GK_AT_FIELD(NULL, "--public-dataset"),
                       "give it a name, fake_movies_fake_actors say",
                       "the store does not say the dataset's name");
    if (!w->model)
        return gk_fail(err, GK_AT_FIELD(NULL, "--public-model"), "give it one of its names: llama3, gemma …",
                       "the public code has no model of the family %.40s", family ? family : "(unknown)");
    if (!name_ok("--public-dataset", w->dataset, err)) return false;
    char *run = gk_arena_printf(w->a, "graftkit_%.19s", ended ? ended : "1970-01-01T00:00:00");
    for (char *p = run; *p; p++) *p = *p == 'T' ? '_' : *p == ':' ? '-' : *p;
    w->run = run;
    return true;
}

static void tell_left_out(const writer *w) {
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) n += !w->place[i].patch;
    if (n) gk_notice(GK_AT_FILE(w->dir), "%zu schemes that replace activations are left out", n);
}

bool gk_export_public(gk_store *s, const char *dir, const char *dataset, const char *model, gk_error *err) {
    writer w = {.s = s, .dir = dir, .a = gk_arena_new(), .scratch = gk_arena_new()};
    gk_outcomes o;
    const char *recipient = NULL;
    bool ok = gk_export_public_check(dir, dataset, model, err) && choose_names(&w, dataset, model, err) &&
              gk_store_vocabulary(s, &w.bytes, &w.n_templates, err) &&
              (recipient = gk_store_get(s, w.a, "recipient", err)) != NULL &&
              gk_outcomes_read(s, w.a, &o, err);
    if (ok) {
        w.place = gk_export__public_places(w.a, &o, recipient);
        w.n = o.n;
        w.results = gk_arena_alloc(w.a, (w.n_templates + 1) * sizeof(json_t *));
        tell_left_out(&w);
        ok = gk_store_each(s, take, &w, err);
        while (ok && w.at < w.n) ok = write_scheme(&w, err);
        for (size_t t = 0; t <= w.n_templates; t++) json_decref(w.results[t]);
    }
    gk_arena_free(w.scratch);
    gk_arena_free(w.a);
    return ok;
}
