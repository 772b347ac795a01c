/* modules: model core
 *
 * fuzz_safetensors.c: safetensors files: every tensor and the metadata. */
#include "model/arrays.h"
#include "model/checkpoint/safetensors.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "safetensors";

static size_t count(const gk_array *a) {
    size_t n = 1;
    for (int i = 0; i < a->n_dims; i++) n *= (size_t)a->shape[i];
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0};
    gk_safetensors *s = gk_safetensors_open(fuzz_file(data, size), &err);
    fuzz_outcome(s != NULL, &err);
    if (!s) return 0;
    const gk_safetensors__entry *all;
    size_t n = gk_safetensors__entries(s, &all);
    for (size_t i = 0; i < n; i++) fuzz_touch(data + all[i].begin, all[i].end - all[i].begin);
    for (size_t i = 0; i < gk_safetensors_count(s); i++) {
        const gk_array *a = gk_safetensors_at(s, i);
        if (gk_safetensors_find(s, a->name) != a) __builtin_trap();
        fuzz_touch(a->data, count(a) * sizeof *a->data);
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)gk_safetensors_meta(s), key, value)
        fuzz_touch(json_string_value(value), json_string_length(value));
    gk_safetensors_close(s);
    return 0;
}
