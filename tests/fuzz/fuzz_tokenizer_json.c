/* modules: tokenizer core
 *
 * fuzz_tokenizer_json.c: a tokenizer.json; what is taken encodes and decodes, and its spans tile the text. */
#include "graftkit/core/memory.h"
#include "graftkit/tokenizer.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

const char fuzz_name[] = "tokenizer_json";

static const char TEXT[] = "Ada's  12 caf\xC3\xA9 e\xCC\x81 <s>\xF0\x9F\x98\x80 abcabc\t\n aaaa";

static void use(const gk_tok *t) {
    gk_arena *a = gk_arena_new();
    gk_error err = {0};
    gk_tokens k;
    int32_t first = -1;
    for (int id = 0; id < gk_tok_size(t); id++) fuzz_touch(gk_tok_piece(t, id), strlen(gk_tok_piece(t, id)));
    if (gk_tok_encode(t, TEXT, sizeof TEXT - 1, GK_BOS_DEFAULT, a, &k, &err)) {
        uint32_t at = 0;
        for (size_t i = 0; i < k.n; at = k.span[i++].end)
            if (k.span[i].begin != at || k.span[i].end < at || k.id[i] < 0 || k.id[i] >= gk_tok_size(t))
                __builtin_trap();
        if (at != sizeof TEXT - 1) __builtin_trap();
        const char *text = gk_tok_decode(t, k.id, k.n, a, &err);
        if (text) fuzz_touch(text, strlen(text));
    }
    if (gk_tok_first(t, "abc", &first, &err) && (first < 0 || first >= gk_tok_size(t))) __builtin_trap();
    gk_arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0};
    if (size == 0 || data[0] != '{') { /* the other kinds have other parsers */
        gk_fail(&err, GK_NOWHERE, NULL, "not a tokenizer.json");
        fuzz_outcome(false, &err);
        return 0;
    }
    gk_tok *t = gk_tok_load(fuzz_file(data, size), &err);
    fuzz_outcome(t != NULL, &err);
    if (t) use(t);
    gk_tok_free(t);
    return 0;
}
