/* pass_through.c: what a folder says that no pass depends on, but those who open what is saved from it do. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "model/config/family.h"
#include "model/config/pass_through.h"

#define GENERATION "generation_config.json"

/* Of config.json: which tokens pad and part texts, and which tokenizer class the folder wants. */
static const char *const KEYS[] = {"pad_token_id", "sep_token_id", "tokenizer_class"};

bool gk_config__pass_through_load(const char *dir, gk_config__pass_through *out, gk_error *err) {
    gk_arena *a = gk_arena_new();
    const char *generation = gk_path_join(a, dir, GENERATION);
    json_t *config = gk_json_load(gk_path_join(a, dir, "config.json"), err);
    bool there = gk_exists(generation);
    *out = (gk_config__pass_through){.config = json_object(),
                                     .generation = there ? gk_json_load(generation, err) : NULL};
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        json_t *v = json_object_get(config, KEYS[i]);
        if (v) json_object_set(out->config, KEYS[i], v);
    }
    bool ok = config && (out->generation || !there);
    json_decref(config);
    gk_arena_free(a);
    return ok;
}

void gk_config__pass_through_free(gk_config__pass_through *k) {
    json_decref(k->config);
    json_decref(k->generation);
    *k = (gk_config__pass_through){0};
}
