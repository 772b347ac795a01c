/* cmd_merge.c: a model with an adapter added to its weights. */
#include "graftkit/core/file.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"
#include "tools/tools.h"

typedef struct settings {
    const char *model, *adapter, *tokenizer, *out;
    int64_t threads;
    bool replace;
} settings;

static bool check(const settings *o, const char *base, gk_error *err) {
    if (gk_is_adapter(base))
        return gk_fail(err, GK_AT_FILE(base), "merge that one first", "the base is an adapter itself");
    if (gk_same_file(base, o->out) || gk_same_file(o->adapter, o->out))
        return gk_fail(err, GK_AT_FIELD(NULL, "--out"), "name another folder",
                       "is the folder of the model or of the adapter");
    return o->replace || gk_check_folder(o->out, err);
}

static bool save(const settings *o, const char *base, const gk_model *m, gk_error *err) {
    const char *from = o->tokenizer ? o->tokenizer : gk_tok_present(o->adapter) ? o->adapter : base;
    gk_tok *t = gk_tok_load(from, err);
    bool ok = t && gk_model_save(m, o->out, err) && gk_tok_save(t, o->out, err);
    gk_tok_free(t);
    return ok;
}

static bool merge(const settings *o, gk_arena *a, gk_error *err) {
    if (!gk_is_adapter(o->adapter))
        return gk_fail(err, GK_AT_FILE(o->adapter),
                       "a folder with adapter_config.json and no model.safetensors", "holds no adapter");
    const char *base = o->model ? o->model : gk_adapter_base(o->adapter, a, err);
    if (!base || !check(o, base, err)) return false;
    gk_model *m = gk_model_load(base, err);
    gk_adapter *adapter = m ? gk_adapter_load(o->adapter, gk_model_config(m), err) : NULL;
    bool ok = adapter && gk_adapter_merge(adapter, m, err) && save(o, base, m, err);
    if (ok)
        printf("%s: %s with an adapter of rank %d (%zu parameters)\n", o->out, base, gk_adapter_rank(adapter),
               gk_adapter_count(adapter));
    gk_adapter_free(adapter);
    gk_model_free(m);
    return ok;
}

int cmd_merge(int argc, char **argv) {
    settings o = {0};
    const gk_opt opts[] = {
        {"adapter", GK_OPT_STR, &o.adapter, "DIR", "folder of a LoRA adapter, as finetune or PEFT saves it",
         true},
        {"model", GK_OPT_STR, &o.model, "PATH", "its base [the one that the adapter names]", false},
        {"tokenizer", GK_OPT_STR, &o.tokenizer, "PATH",
         "what is saved beside it [the adapter's or the base's]", false},
        {"out", GK_OPT_STR, &o.out, "DIR", "folder of the model that results, as F32", true},
        {"replace", GK_OPT_FLAG, &o.replace, NULL, "write over the model or run that is in --out", false},
        {"threads", GK_OPT_INT, &o.threads, "N", "0: all cores", false},
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args("merge", "add an adapter to its base model and save the sum as a model", opts,
                       sizeof opts / sizeof *opts, argc, argv, a);
    if (code < 0) {
        gk_error err;
        gk_use_threads(o.threads);
        code = merge(&o, a, &err) ? 0 : gk_die("merge", &err);
    }
    gk_arena_free(a);
    return code;
}
