/* modules: graft model tokenizer core
 *
 * fuzz_schemes.c: scheme files; what is taken can be named, checked and asked about. */
#include "graft/graft.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

const char fuzz_name[] = "schemes";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0};
    gk_arena *a = gk_arena_new();
    gk_schemes list = {0};
    bool ok = gk_schemes_load(a, fuzz_file(data, size), &list, &err);
    fuzz_outcome(ok, &err);
    const gk_cast cast = {.name = {"pre", "sft"}, .n = 2};
    const char *const fields[] = {"first_actor", "movie", NULL};
    const gk_field_span spans[] = {{"first_actor", {0, 4}}};
    for (size_t i = 0; ok && i < list.n; i++) {
        const gk_scheme *s = list.item[i];
        if (!gk_scheme_name(s)[0] || strchr(gk_scheme_canonical(s), '\n')) __builtin_trap();
        fuzz_touch(gk_scheme_set(s), strlen(gk_scheme_set(s)));
        fuzz_touch(gk_scheme_about(s), strlen(gk_scheme_about(s)));
        if (gk_scheme_check(s, &cast, fields, &err) && gk_scheme_means(s, &cast) > 3) __builtin_trap();
        gk_scheme_applies(s, spans, 1);
    }
    gk_arena_free(a);
    return 0;
}
