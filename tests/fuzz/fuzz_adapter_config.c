/* modules: model core
 *
 * fuzz_adapter_config.c: a low-rank adapter's adapter_config.json; what is taken is a rank and a finite
 * alpha. */
#include "model/adapter.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>

const char fuzz_name[] = "adapter_config";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0};
    gk_lora o = {0};
    bool ok = gk__adapter_config(fuzz_file(data, size), &o, &err);
    fuzz_outcome(ok, &err);
    if (ok && (o.rank < 1 || !isfinite(o.alpha))) __builtin_trap();
    return 0;
}
