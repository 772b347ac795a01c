/* inputs.c: loading the models and the tokenizer of a run, and saying exactly which they were. */
#include "eval/run/inputs.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/operators.h"
#include "graftkit/train/corpus.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

/* The tokenizer that was given is the run's, or else the first model's; those of the others must be the same.
 * A model that has none which can be read goes by the one given. */
static bool add_tokenizer(gk_run__inputs *in, const char *dir, gk_error *err) {
    bool first = in->cast.n == 0;
    gk_tok *t = first && in->tokenizer ? gk_tok_load(in->tokenizer, err)
                                       : gk_tokenizer_of(dir, in->tokenizer ? NULL : err);
    if (!t) return in->tokenizer && !first;
    if (first) {
        in->tok = t;
        gk_tok_fingerprint(t, in->tok_sha256);
        return true;
    }
    bool same = gk_tok_same(t, in->tok) || gk_tok_extends(t, in->tok) || gk_tok_extends(in->tok, t);
    gk_tok_free(t);
    return same || gk_fail(err, GK_AT_FILE(dir), "models that are grafted must share one tokenizer",
                           "the tokenizer differs from that of '%s'",
                           in->tokenizer ? in->tokenizer : in->info[0].path);
}

static bool check_vocab(const gk_run__inputs *in, const char *dir, gk_error *err) {
    int vocab = gk_model_config(in->model[0])->vocab, size = gk_tok_own_size(in->tok);
    return size <= vocab || gk_fail(err, GK_AT_FILE(dir), "use the tokenizer that the model was trained with",
                                    "the tokenizer has %d ids, the model only %d", size, vocab);
}

/* The model of the cast that was opened at `path`; NULL: none. */
static const gk_model *opened(const gk_run__inputs *in, const char *path) {
    for (int i = 0; i < in->cast.n; i++)
        if (in->model[i] && !in->adapter[i] && !gk_is_adapter(in->info[i].path) &&
            gk_same_file(in->info[i].path, path))
            return in->model[i];
    return NULL;
}

/* Where one model ties its head to its embedding and another does not, all have a head of their own: that of
 * a tied one is its embedding still. */
static void untie(const gk_run__inputs *in, gk_model *m) {
    if (in->cast.n == 0 || gk_model_config(m)->tied == gk_model_config(in->model[0])->tied) return;
    gk_model_untie(m);
    for (int i = 0; i < in->cast.n; i++)
        if (in->model[i]) gk_model_untie(in->model[i]);
}

/* A model whose vocabulary is padded (or not, where the recipient's is) computes with the rows that both
 * have. */
static bool fit_vocab(const gk_run__inputs *in, gk_model *m, const char *dir, gk_error *err) {
    const gk_model *to = in->model[0];
    if (in->cast.n == 0) return true;
    untie(in, m);
    int have = gk_model_config(m)->vocab, want = gk_model_config(to)->vocab;
    if (!gk_model_fit_vocab(m, to, err)) return false;
    if (have > want && gk_model_config(m)->vocab == want)
        gk_notice(GK_AT_FILE(dir), "a vocabulary of %d rows, '%s' has %d: those beyond are never predicted",
                  have, in->info[0].name, want);
    else if (have < want && gk_model_config(m)->vocab == want)
        gk_notice(GK_AT_FILE(dir), "a vocabulary of %d rows, '%s' has %d: those beyond are the latter's",
                  have, in->info[0].name, want);
    return true;
}

/* One that does more than add products is a model like any other. */
static bool open_merged(gk_run__inputs *in, const char *dir, int i, gk_error *err) {
    gk_adapter_free(in->adapter[i]);
    gk_model_free(in->model[i]);
    in->adapter[i] = NULL;
    in->cast.model[i] = in->model[i] = gk_model_open(dir, err);
    return in->model[i] && fit_vocab(in, in->model[i], dir, err);
}

/* A donor's adapter is not merged: its products go beside those of its base, often the recipient itself. */
static bool open_adapter(gk_run__inputs *in, gk_arena *a, const char *dir, int i, gk_error *err) {
    const char *path = gk_adapter_base(dir, a, err);
    const gk_model *base = path ? opened(in, path) : NULL;
    if (path && !base) {
        base = in->model[i] = gk_model_open(path, err);
        if (base && !fit_vocab(in, in->model[i], path, err)) return false;
    }
    if (!base) return false;
    in->adapter[i] =
        gk_adapter_load(dir, gk_model_config(base), NULL); /* an error is said of the merged one */
    if (!in->adapter[i] || !gk_adapter_low_rank(in->adapter[i])) return open_merged(in, dir, i, err);
    in->derived[i] = gk_derive_adapter(base, in->adapter[i], err);
    in->cast.derived[i] = in->derived[i];
    in->cast.model[i] = base;
    return in->derived[i] != NULL;
}

static bool open_model(gk_run__inputs *in, gk_arena *a, const char *dir, int i, gk_error *err) {
    if (i > 0 && gk_is_adapter(dir)) return open_adapter(in, a, dir, i, err);
    in->cast.model[i] = in->model[i] = gk_model_open(dir, err);
    return in->model[i] != NULL && fit_vocab(in, in->model[i], dir, err);
}

bool gk_run__inputs_add(gk_run__inputs *in, gk_arena *a, const char *name, const char *dir, gk_error *err) {
    int i = in->cast.n;
    if (i == GK_MAX_MODELS)
        return gk_fail(err, GK_NOWHERE, NULL, "a run has at most %d models", GK_MAX_MODELS);
    gk_run_model *info = &in->info[i];
    info->name = in->cast.name[i] = gk_arena_strdup(a, name);
    info->path = gk_arena_strdup(a, dir);
    if (!gk_run__inputs_hash(in, a, dir, i, err) || !add_tokenizer(in, dir, err)) return false;
    if (!open_model(in, a, dir, i, err)) return false;
    in->cast.n++;
    return gk_cast_check(&in->cast, err) && check_vocab(in, dir, err);
}

bool gk_run__inputs_named(gk_run__inputs *in, gk_arena *a, const char *option, const char *spec,
                          gk_error *err) {
    const char *dir, *name = gk_arena_named(a, spec, &dir);
    if (name) return gk_run__inputs_add(in, a, name, dir, err);
    return gk_fail(err, GK_AT_FIELD(NULL, option), "write NAME=DIR, e.g. pre=runs/default/base",
                   "'%.200s' is not a named model", spec ? spec : "");
}

bool gk_run__inputs_prompts(gk_run__inputs *in, gk_arena *a, const gk_prompt_options *o, gk_prompts *out,
                            gk_error *err) {
    int longest = gk_model_config(in->model[0])->max_positions;
    if (!gk_prompts_load(a, o, in->tok, longest, out, err) || !gk_run__inputs_hashed(in, err)) return false;
    return out->n_dropped < out->n ||
           gk_fail(err, GK_AT_FILE(o->rows), "mend the rows or the templates",
                   "none of the %zu prompts can be evaluated; the first: %s", out->n, out->item[0].dropped);
}

void gk_run__inputs_free(gk_run__inputs *in) {
    gk_run__inputs_hashed(in, NULL);
    for (int i = 0; i < GK_MAX_MODELS; i++) {
        gk_derived_free(in->derived[i]);
        gk_factors_free(in->factors[i]);
        gk_adapter_free(in->adapter[i]);
        gk_model_free(in->merged[i]);
        gk_model_free(in->model[i]);
    }
    gk_tok_free(in->tok);
    *in = (gk_run__inputs){0};
}

void gk_run__inputs_identify(const gk_run__inputs *in, json_t *identity) {
    gk_run__put_text(identity, "tokenizer_sha256", "%s", in->tok_sha256);
}

/* ---------------------------------------------------------------- the manifest's pieces */

void gk_run__put_text(json_t *obj, const char *key, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *value = json_string(text);
    /* A path need not be UTF-8; the manifest must be. */
    json_object_set_new(obj, key, value ? value : json_string("(not UTF-8)"));
}

bool gk_run__put_hash(json_t *obj, const char *key, const char *path, gk_error *err) {
    char hex[GK_SHA256_HEX] = "none";
    if (path && !gk_sha256_file(path, hex, err)) return false;
    gk_run__put_text(obj, key, "%s", hex);
    return true;
}

void gk_run__put_machine(json_t *obj) {
    gk_gemm_init();
    gk_gemm_info info;
    gk_gemm_describe(&info);
    gk_run__put_text(obj, "version", "%s", GK_VERSION);
    gk_run__put_text(obj, "cpu", "%s", info.cpu);
    gk_run__put_text(obj, "cpu_features", "%s", info.features);
    gk_run__put_text(obj, "blis", "%s", info.blis);
    gk_run__put_text(obj, "onednn", "%s", info.onednn);
    gk_run__put_text(obj, "sentencepiece", "%s", gk_tok_sentencepiece());
    gk_run__put_text(obj, "kernels", "%s", info.used);
    gk_run__put_text(obj, "threads", "%d", gk_threads());
}

void gk_run__put_time(json_t *obj, const char *key) {
    time_t now = time(NULL);
    struct tm tm;
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    gk_run__put_text(obj, key, "%s", text);
}
