/* modules: model core
 *
 * fuzz_config_json.c: a model's config.json; what is taken is consistent, and its weights can be counted. */
#include "graftkit/model/config.h"
#include "model/config/family.h"
#include "model/weights/weights.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "config_json";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0};
    gk_config c = {0};
    bool ok = gk_config__load(fuzz_file(data, size), &c, &err);
    fuzz_outcome(ok, &err);
    if (!ok) return 0;
    if (!gk_config_check(&c, GK_NOWHERE, &err) || !gk_config_same(&c, &c)) __builtin_trap();
    if (gk_weights__floats(&c) == 0) __builtin_trap();
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        int out = 0, in = 0;
        if (gk_config__component_shape(&c, (gk_component)i, &out, &in) && (out <= 0 || in <= 0))
            __builtin_trap();
    }
    return 0;
}
