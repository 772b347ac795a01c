/* modules: model core
 *
 * fuzz_adapter_config.c: a low-rank adapter's adapter_config.json; what is taken is a rank and a finite
 * alpha. */
#include "model/adapter/adapter.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>

const char fuzz_name[] = "adapter_config";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0};
    static const char module[] = "model.layers.1.self_attn.q_proj";
    gk_peft__spec *s = gk_peft__spec_read(fuzz_file(data, size), &err);
    fuzz_outcome(s != NULL, &err);
    if (s && (gk_peft__spec_rank(s, module) < 1 || !isfinite(gk_peft__spec_scale(s, module))))
        __builtin_trap();
    if (s) (void)(gk_peft__spec_targets(s, module, 1) + gk_peft__spec_whole(s, module));
    gk_peft__spec_free(s);
    return 0;
}
