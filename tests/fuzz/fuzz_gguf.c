/* modules: model core
 *
 * fuzz_gguf.c: GGUF files: all metadata by every way of asking, all tensors, and their blocks as floats. */
#include "core/gguf.h"
#include "graftkit/core/memory.h"
#include "model/formats/quant.h"
#include "tests/fuzz/fuzz.h"

const char fuzz_name[] = "gguf";

static void ask_array(gk_gguf_array a, gk_error *err) {
    const char *text;
    size_t len;
    int64_t n;
    double x;
    bool yes;
    for (size_t i = 0; i <= a.n && i < 1000; i++) {
        gk_gguf_item_int(&a, i, -1000, 1000, &n, err);
        gk_gguf_item_num(&a, i, &x, err);
        gk_gguf_item_bool(&a, i, &yes, err);
    }
    while (gk_gguf_next(&a, &text, &len)) fuzz_touch(text, len);
}

static void ask(const gk_gguf *g, const char *key, gk_arena *memory, gk_error *err) {
    const char *text;
    size_t len;
    int64_t n;
    double x;
    bool yes;
    gk_gguf_array a;
    gk_gguf_int(g, key, -1000, 1000, &n, err);
    gk_gguf_num(g, key, &x, err);
    gk_gguf_bool(g, key, &yes, err);
    gk_gguf_str(g, key, memory, &text, err);
    if (gk_gguf_bytes(g, key, &text, &len, err)) fuzz_touch(text, len);
    if (gk_gguf_array_of(g, key, GK_GGUF_NONE, &a, err)) ask_array(a, err);
}

static void dequantise(const gk_gguf_tensor *t) {
    const gk_quant__type *q = gk_quant__type_of(t->type);
    fuzz_touch(t->data, t->bytes);
    if (!q) return;
    float *out = gk_alloc((size_t)t->n_values * sizeof *out);
    gk_quant__dequantise(q, t->data, out, (size_t)t->n_values);
    fuzz_touch(out, (size_t)t->n_values * sizeof *out);
    gk_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0};
    gk_gguf *g = gk_gguf_open(fuzz_file(data, size), &err);
    fuzz_outcome(g != NULL, &err);
    if (!g) return 0;
    gk_arena *memory = gk_arena_new();
    for (size_t i = 0; i < gk_gguf_count(g); i++) ask(g, gk_gguf_key(g, i), memory, &err);
    ask(g, "absent", memory, &err);
    for (size_t i = 0; i < gk_gguf_tensors(g); i++) {
        const gk_gguf_tensor *t = gk_gguf_tensor_at(g, i);
        if (gk_gguf_tensor_find(g, t->name) != t) __builtin_trap();
        dequantise(t);
    }
    gk_arena_free(memory);
    gk_gguf_close(g);
    return 0;
}
