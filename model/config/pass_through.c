/* pass_through.c: what a folder says that no pass depends on, but those who open what is saved from it do. */
#include "model/config/family.h"
#include "model/config/pass_through.h"

#define GENERATION "generation_config.json"

/* Of config.json: which tokens pad and part texts, and which tokenizer class the folder wants. */
static const char *const KEYS[] = {"pad_token_id", "sep_token_id", "tokenizer_class"};

bool gk__kept_load(const char *dir, gk__kept *out, gk_error *err) {
    gk_arena *a = gk_arena_new();
    const char *generation = gk_path_join(a, dir, GENERATION);
    json_t *config = gk_json_load(gk_path_join(a, dir, "config.json"), err);
    bool there = gk_exists(generation);
    *out = (gk__kept){.config = json_object(), .generation = there ? gk_json_load(generation, err) : NULL};
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        json_t *v = json_object_get(config, KEYS[i]);
        if (v) json_object_set(out->config, KEYS[i], v);
    }
    bool ok = config && (out->generation || !there);
    json_decref(config);
    gk_arena_free(a);
    return ok;
}

void gk__kept_free(gk__kept *k) {
    json_decref(k->config);
    json_decref(k->generation);
    *k = (gk__kept){0};
}
