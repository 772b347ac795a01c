/* modules: train model tokenizer core
 *
 * fuzz_recipe.c: training recipes; what is taken can be written down, checked and applied to a model. */
#include "graftkit/core/memory.h"
#include "graftkit/model/config.h"
#include "graftkit/train/recipe.h"
#include "tests/fuzz/fuzz.h"
#include "train/json.h"

#include <math.h>

const char fuzz_name[] = "recipe";

static void apply(const gk_recipe *r) {
    gk_config c;
    gk_config_default(gk_family_find("llama"), 300, &c);
    uint32_t *masks = gk_alloc(((size_t)c.n_layers + 1) * sizeof *masks);
    gk_error err = {0};
    if (!gk_recipe_frozen(r, &c, masks, &err) && !*err.what) __builtin_trap();
    err = (gk_error){0};
    if (!gk_recipe_check(r, &err) && !*err.what) __builtin_trap();
    gk_free(masks);
    gk_arena *a = gk_arena_new();
    const char *const *files;
    size_t n = gk_recipe_mix(r, a, &files);
    for (size_t i = 0; i < n; i++)
        if (!*files[i]) __builtin_trap();
    if ((n > 0) != (*r->mix != 0) || gk_recipe_mix_rows(r, &c) < 1) __builtin_trap();
    gk_arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0};
    gk_recipe r;
    gk_recipe_default(&r);
    bool ok = gk_recipe_load(fuzz_file(data, size), gk_family_find("llama"), &r, &err);
    fuzz_outcome(ok, &err);
    if (!ok) return 0;
    if (isnan(r.lr)) r.lr = 1; /* for another family; --lr says it */
    json_t *json = gk_recipe_json(&r);
    if (!json || !(r.lr >= 0) || r.batch < 1 || r.epochs < 1) __builtin_trap();
    json_decref(json);
    apply(&r);
    return 0;
}
