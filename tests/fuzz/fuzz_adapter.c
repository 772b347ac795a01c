/* modules: model core
 *
 * fuzz_adapter.c: a low-rank adapter's tensors, for a GPT-NeoX model (fused by heads) of two layers and rank
 * 2; what is taken has finite values only and can be merged. */
#include "graftkit/model/adapter.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "model/adapter/adapter.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>

const char fuzz_name[] = "adapter";

static gk_config small(void) {
    gk_config c;
    gk_config_default(gk_family_find("gpt_neox"), 16, &c);
    c.d_model = 8;
    c.n_layers = 2;
    c.n_heads = c.n_kv_heads = 2;
    c.d_ffn = 12;
    c.max_positions = 8;
    gk_config_derive(&c);
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0};
    gk_config c = small();
    gk_peft__spec *spec = gk_peft__spec_plain(&(gk_lora){.rank = 2, .alpha = 4});
    gk_adapter *a = gk_adapter__weights(fuzz_file(data, size), &c, spec, &err);
    gk_peft__spec_free(spec);
    fuzz_outcome(a != NULL, &err);
    if (!a) return 0;
    for (size_t i = 0; i < gk_adapter_floats(a); i++)
        if (!isfinite(gk_adapter_data(a)[i])) __builtin_trap();
    gk_model *m = gk_model_blank(&c, &err);
    if (!m || !gk_adapter_merge(a, m, &err)) __builtin_trap();
    gk_model_free(m);
    gk_adapter_free(a);
    return 0;
}
