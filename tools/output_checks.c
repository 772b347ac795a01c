/* output_checks.c: that nothing is written over something that was named, too. */
#include "graftkit/core/file.h"
#include "graftkit/model/checkpoint.h"
#include "tools/tools.h"

static bool same(const gk_named_path *output, const char *path, const char *of, gk_error *err) {
    return path && gk_same_file(output->path, path) &&
           !gk_fail(err, GK_AT_FIELD(NULL, output->option), "name another file", "is the file of %s", of);
}

/* Whether the output is one of the files of a model; one that cannot be found has none. */
static bool in_model(const gk_named_path *output, const gk_named_path *model, gk_error *err) {
    static const char *const ITS[] = {
        "config.json",       "generation_config.json", "tokenizer.json",
        "tokenizer.model",   "tokenizer_config.json",  "special_tokens_map.json",
        "added_tokens.json", "chat_template.jinja",    "vocab.json",
        "merges.txt"};
    gk_arena *a = gk_arena_new();
    const char **file;
    size_t n = 0;
    bool is = false;
    if (!gk_model_files(model->path, a, &file, &n, NULL)) n = 0;
    for (size_t i = 0; !is && i < n; i++) is = same(output, file[i], model->option, err);
    for (size_t i = 0; !is && i < sizeof ITS / sizeof *ITS; i++)
        is = same(output, gk_path_join(a, model->path, ITS[i]), model->option, err);
    gk_arena_free(a);
    return is;
}

bool gk_check_outputs(const gk_named_path *list, size_t n, gk_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (list[i].kind != GK_OUTPUT || !list[i].path) continue;
        for (size_t j = 0; j < n; j++) {
            if (j == i || !list[j].path || (list[j].kind == GK_OUTPUT && j > i)) continue;
            if (list[j].kind == GK_MODEL ? in_model(&list[i], &list[j], err)
                                         : same(&list[i], list[j].path, list[j].option, err))
                return false;
        }
    }
    return true;
}

bool gk_check_folder(const char *dir, gk_error *err) {
    static const char *const THEIRS[] = {"train.json",
                                         "metrics.jsonl",
                                         "model.safetensors",
                                         "model.safetensors.index.json",
                                         "adapter_model.safetensors",
                                         "adapter_config.json",
                                         "config.json",
                                         "generation_config.json",
                                         "tokenizer.json",
                                         "tokenizer.model",
                                         "tokenizer_config.json",
                                         "special_tokens_map.json",
                                         "added_tokens.json",
                                         "chat_template.jinja",
                                         "vocab.json",
                                         "merges.txt"};
    gk_arena *a = gk_arena_new();
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof THEIRS / sizeof *THEIRS; i++)
        ok = !gk_exists(gk_path_join(a, dir, THEIRS[i])) ||
             gk_fail(err, GK_AT_FILE(gk_path_join(a, dir, THEIRS[i])), "name another folder, or --replace",
                     "the folder holds a model or a run");
    gk_arena_free(a);
    return ok;
}
