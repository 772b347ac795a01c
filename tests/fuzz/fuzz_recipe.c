/* modules: train model tokenizer core
 *
 * fuzz_recipe.c: training recipes; what is taken can be written down. */
#include "tests/fuzz/fuzz.h"
#include "train/train.h"

#include <math.h>

const char fuzz_name[] = "recipe";

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
    return 0;
}
