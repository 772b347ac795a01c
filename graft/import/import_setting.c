/* import_setting.c: what an experiment of the public code says beside its patches. */
#include "graft/import/import.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

bool gk_graft__import_is_null(gk_ynode n) {
    const char *text;
    return gk_yaml_kind_of(n) == GK_YAML_SCALAR && !gk_yaml_str(n, &text, NULL);
}

static bool there(gk_ynode n) {
    return gk_yaml_kind_of(n) != GK_YAML_NONE && !gk_graft__import_is_null(n);
}

/* ---------------------------------------------------------------- words */

static bool find_word(const char *word, const char *const *list, int *out) {
    for (int i = 0; list[i]; i++)
        if (strcmp(word, list[i]) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static bool take_direction(const char *word, gk_place at, gk_graft__import_setting *out, gk_error *err) {
    static const char *const list[] = {"sft2pre", "pre2sft", "both2one", "hybrid", NULL};
    int i;
    if (!find_word(word, list, &i))
        return gk_fail(err, at, "the directions are sft2pre, pre2sft, both2one and hybrid", "is '%.60s'",
                       word);
    out->direction = (gk_graft__import_direction)i;
    return true;
}

/* Its `last_token` is overwritten before it is looked at, and so does what `never` does. */
static bool take_head(const char *word, gk_place at, gk_graft__import_setting *out, gk_error *err) {
    static const char *const list[] = {"never", "always", "last_token", NULL};
    int i;
    if (!find_word(word, list, &i))
        return gk_fail(err, at, "the policies are never, always and last_token", "is '%.60s'", word);
    out->head_always = i == 1;
    if (i == 2)
        gk_notice(at,
                  "last_token does what never does in the public code, by a slip, and so does the scheme");
    return true;
}

static bool take_family(const char *word, gk_place at, gk_graft__import_setting *out, gk_error *err) {
    static const char *const list[] = {"llama", "gemma", "gpt2", "gpt_neox", NULL};
    int i;
    if (!find_word(word, list, &i))
        return gk_fail(err, at, "the public code has llama, gemma, gpt2 and gpt_neox (Pythia)", "is '%.60s'",
                       word);
    out->family = gk_family_find(word);
    return true;
}

bool gk_graft__import_options_setting(const gk_import_options *o, gk_graft__import_setting *out,
                                      gk_error *err) {
    *out = (gk_graft__import_setting){.patching = true};
    return (!o->family || take_family(o->family, GK_AT_FIELD(NULL, "--family"), out, err)) &&
           (!o->direction || take_direction(o->direction, GK_AT_FIELD(NULL, "--direction"), out, err)) &&
           (!o->lm_head || take_head(o->lm_head, GK_AT_FIELD(NULL, "--lm-head"), out, err));
}

/* ---------------------------------------------------------------- sections */

static bool need(gk_ynode map, const char *key, gk_ynode *out, gk_error *err) {
    *out = gk_yaml_get(map, key);
    gk_place at = gk_yaml_place(*out);
    at.field = key;
    return there(*out) || gk_fail(err, at, "the public code stops without it", "is missing");
}

static bool need_text(gk_ynode map, const char *key, gk_ynode *at, const char **out, gk_error *err) {
    return need(map, key, at, err) && gk_yaml_str(*at, out, err);
}

static bool read_model(gk_ynode root, gk_graft__import_setting *out, gk_error *err) {
    static const char *const keys[] = {"pretrained", "patch_direction", NULL};
    static const struct {
        const char *name, *family;
    } models[] = {{"llama3", "llama"},
                  {"gemma", "gemma"},
                  {"pythia-2.8b", "gpt_neox"},
                  {"gpt2-xl", "gpt2"},
                  {"gpt2", "gpt2"}};
    gk_ynode model, name, direction;
    const char *word;
    if (!need(root, "model", &model, err) || !gk_yaml_only(model, keys, err) ||
        !need_text(model, "patch_direction", &direction, &word, err) ||
        !take_direction(word, gk_yaml_place(direction), out, err) ||
        !need_text(model, "pretrained", &name, &word, err))
        return false;
    const gk_family *known = NULL;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (strcmp(word, models[i].name) == 0) known = gk_family_find(models[i].family);
    if (!known)
        return gk_fail(err, gk_yaml_place(name),
                       "the models of the public code that graftkit reads are llama3, gemma, gpt2-xl, gpt2 "
                       "and pythia-2.8b",
                       "is '%.60s'", word);
    if (out->family && out->family != known)
        return gk_fail(err, gk_yaml_place(name), "leave --family out", "is a model of the family %s, not %s",
                       gk_family_name(known), gk_family_name(out->family));
    out->family = known;
    out->first_gpt2 = strcmp(word, "gpt2") == 0;
    return true;
}

static bool read_dropout(gk_ynode map, gk_graft__import_setting *out, gk_error *err) {
    static const char *const units[] = {"layer", "matrix", NULL}, *const ways[] = {"count", "random", NULL};
    gk_ynode rate = gk_yaml_get(map, "dropout_rate"), unit = gk_yaml_get(map, "dropout_unit"),
             way = gk_yaml_get(map, "dropout_strategy");
    double share = 0;
    int is_matrix = 0, i;
    const char *word;
    if (there(rate) && !gk_yaml_num(rate, &share, err)) return false;
    if (share < 0 || share > 1)
        return gk_fail(err, gk_yaml_place(rate), "a rate is from 0 to 1", "is %g", share);
    if (there(unit) &&
        (!gk_yaml_str(unit, &word, err) ||
         (!find_word(word, units, &is_matrix) &&
          !gk_fail(err, gk_yaml_place(unit), "the units are layer and matrix", "is '%.60s'", word))))
        return false;
    if (there(way) &&
        (!gk_yaml_str(way, &word, err) ||
         (!find_word(word, ways, &i) &&
          !gk_fail(err, gk_yaml_place(way), "the strategies are count and random", "is '%.60s'", word))))
        return false;
    if (share > 0 && is_matrix) gk_notice(gk_yaml_place(unit), "the public code drops nothing by matrix");
    if (share > 0 && share < 1 && !is_matrix)
        return gk_fail(
            err, gk_yaml_place(rate),
            "give 0 or 1 here; layers drawn by a seed, the same at each token, are {of: all, drop: "
            "0.4, seed: 1} in a scheme that is not as_published",
            "the public code draws other layers at each token, of no seed");
    out->all_dropped = share >= 1 && !is_matrix;
    return true;
}

static bool read_inference(gk_ynode root, gk_graft__import_setting *out, gk_error *err) {
    static const char *const keys[] = {"patch_lm_head", "dropout_rate", "dropout_unit", "dropout_strategy",
                                       NULL};
    gk_ynode map, head;
    const char *word;
    return need(root, "inference_config", &map, err) && gk_yaml_only(map, keys, err) &&
           need_text(map, "patch_lm_head", &head, &word, err) &&
           take_head(word, gk_yaml_place(head), out, err) && read_dropout(map, out, err);
}

/* ---------------------------------------------------------------- templates */

/* One line: the template, and its fields that no row has. */
static bool add_template(gk_ynode map, gk_buf *out, gk_error *err) {
    static const char *const keys[] = {"test_sentence_template", "preposition", "relation",
                                       "relation_preposition", NULL};
    gk_ynode at;
    const char *text;
    if (!gk_yaml_only(map, keys, err) || !need_text(map, keys[0], &at, &text, err)) return false;
    json_t *line = json_object(), *fillers = json_object();
    bool ok = json_object_set_new(line, "template", json_string(text)) == 0;
    for (int i = 1; ok && keys[i]; i++) {
        ok = need_text(map, keys[i], &at, &text, err) &&
             (json_object_set_new(fillers, keys[i], json_string(text)) == 0);
    }
    json_object_set_new(line, "fillers", fillers);
    if (ok) {
        char *dump = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
        gk_buf_printf(out, "%s\n", dump);
        free(dump);
    }
    json_decref(line);
    return ok;
}

static bool read_templates(gk_arena *a, gk_ynode root, const char **out, gk_error *err) {
    gk_ynode list = gk_yaml_get(root, "test_templates");
    if (gk_yaml_kind_of(list) != GK_YAML_MAP) return true; /* counterfact has a word there */
    gk_buf text = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < gk_yaml_len(list); i++) ok = add_template(gk_yaml_at(list, i), &text, err);
    if (ok && text.len) *out = gk_arena_strndup(a, text.data, text.len);
    gk_buf_free(&text);
    return ok;
}

/* ---------------------------------------------------------------- the rest */

/* What chooses rows, and is said to `sweep`. */
static bool tell_run(gk_ynode root, gk_error *err) {
    static const char *const keys[] = {"top_k", "target_key", NULL};
    gk_ynode limit = gk_yaml_get(root, "n_examples"), smoke = gk_yaml_get(root, "smoke_test"),
             analysis = gk_yaml_get(root, "analysis_config");
    int64_t n;
    bool is_smoke = false;
    const char *target;
    if (there(smoke) && !gk_yaml_bool(smoke, &is_smoke, err)) return false;
    if (there(limit) && !gk_yaml_int(limit, 1, INT64_MAX, &n, err)) return false;
    if (is_smoke)
        gk_notice(gk_yaml_place(smoke), "the public code takes 30 rows then: give --limit 30 to sweep");
    else if (there(limit))
        gk_notice(gk_yaml_place(limit), "give --limit %lld to sweep", (long long)n);
    if (!there(analysis)) return true;
    gk_ynode top = gk_yaml_get(analysis, "top_k"), key = gk_yaml_get(analysis, "target_key");
    if (!gk_yaml_only(analysis, keys, err) || (there(top) && !gk_yaml_int(top, 1, INT64_MAX, &n, err)) ||
        (there(key) && !gk_yaml_str(key, &target, err)))
        return false;
    if (there(top) && n != 20) gk_notice(gk_yaml_place(top), "a results store has the 20 most probable");
    if (there(key) && strcmp(target, "second_actor") != 0)
        gk_notice(gk_yaml_place(key), "give --target %s to sweep", target);
    return true;
}

bool gk_graft__import_experiment(gk_arena *a, gk_ynode root, const char *path, const gk_import_options *o,
                                 gk_graft__import_setting *out, const char **templates, gk_error *err) {
    static const char *const keys[] = {"smoke_test",
                                       "patching_flag",
                                       "n_examples",
                                       "model",
                                       "paths",
                                       "test_templates",
                                       "patch_config",
                                       "inference_config",
                                       "analysis_config",
                                       "timestamp",
                                       "patch_config_filename",
                                       NULL};
    static const char says[] = "leave it out: the experiment says it";
    gk_ynode patching, name = gk_yaml_get(root, "patch_config_filename");
    if (o->direction)
        return gk_fail(err, GK_AT_FIELD(NULL, "--direction"), says, "stands beside %.200s", path);
    if (o->lm_head) return gk_fail(err, GK_AT_FIELD(NULL, "--lm-head"), says, "stands beside %.200s", path);
    if (!gk_graft__import_options_setting(o, out, err) || !gk_yaml_only(root, keys, err)) return false;
    out->experiment = path;
    return need(root, "patching_flag", &patching, err) && gk_yaml_bool(patching, &out->patching, err) &&
           read_model(root, out, err) && read_inference(root, out, err) &&
           read_templates(a, root, templates, err) && tell_run(root, err) &&
           (!there(name) || gk_yaml_str(name, &out->name, err));
}
