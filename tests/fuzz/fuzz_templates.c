/* modules: core
 *
 * fuzz_templates.c: files of templates; what is taken is filled, and the spans lie in the text. */
#include "core/json.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/template.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

const char fuzz_name[] = "templates";

static void fill(const gk_template *t, const json_t *row, gk_arena *a, gk_error *err) {
    gk_rendered r;
    fuzz_touch(gk_template_text(t), strlen(gk_template_text(t)));
    gk_template_has(t, "a");
    if (!gk_template_render(t, row, NULL, GK_AT_FILE("row"), a, &r, err)) return;
    for (size_t i = 0; i < r.n_fields; i++)
        if (r.fields[i].span.begin >= r.fields[i].span.end || r.fields[i].span.end > r.len) __builtin_trap();
    if (strlen(r.text) != r.len) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0};
    gk_arena *a = gk_arena_new();
    gk_template **list;
    size_t n;
    bool ok = gk_templates_load(a, fuzz_file(data, size), &list, &n, &err);
    fuzz_outcome(ok, &err);
    json_t *row = json_pack("{s:s, s:i, s:f, s:n}", "a", "text", "b", 12, "c", 0.1, "d");
    for (size_t i = 0; ok && i < n; i++) fill(list[i], row, a, &err);
    json_decref(row);
    gk_arena_free(a);
    return 0;
}
