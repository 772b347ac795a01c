/* modules: graft model tokenizer core
 *
 * fuzz_schemes.c: scheme files; what is taken can be named, checked and asked about. */
#include "graftkit/core/memory.h"
#include "graftkit/core/template.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/plan.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/model/config.h"
#include "graftkit/tokenizer.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

const char fuzz_name[] = "schemes";

/* Most cannot be planned here; whatever is planned names models of the cast. */
static void lay(gk_arena *a, const gk_scheme *s, const gk_cast *cast, const gk_field_span *spans) {
    static int32_t id[5] = {1, 2, 3, 4, 5};
    static gk_span span[5] = {{0, 0}, {0, 2}, {2, 4}, {4, 7}, {7, 9}};
    const gk_tokens tokens = {id, span, 5};
    gk_config c;
    gk_plan p;
    gk_config_default(gk_family_find("llama"), 32, &c);
    if (!gk_plan_lay(a, s, cast, &c, &tokens, spans, 1, &p, NULL)) return;
    for (int i = 0; i < p.n_slots * p.n_tokens; i++)
        if (p.model[i] >= cast->n) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gk_error err = {0};
    gk_arena *a = gk_arena_new();
    gk_schemes list = {0};
    bool ok = gk_schemes_load_for(a, fuzz_file(data, size), 6, &list, &err);
    fuzz_outcome(ok, &err);
    const gk_cast cast = {.name = {"pre", "sft"}, .n = 2};
    const char *const fields[] = {"first_actor", "movie", NULL};
    const gk_field_span spans[] = {{"first_actor", {0, 4}}};
    const gk_field_span *const of[] = {spans};
    const size_t one = 1;
    bool planned = ok && gk_contrasts_check(&list, &err);
    for (size_t i = 0; planned && i < list.n_contrasts; i++) {
        const gk_contrast *c = &list.contrast[i];
        fuzz_touch(c->about, strlen(c->about));
        if (c->top5_margin <= 0 || c->top5_margin >= 1 || c->logit_diff_margin <= 0) __builtin_trap();
        gk_contrast_check(&list, c, of, &one, 1, &err);
    }
    for (size_t i = 0; ok && i < list.n; i++) {
        const gk_scheme *s = list.item[i];
        if (!gk_scheme_name(s)[0] || strchr(gk_scheme_canonical(s), '\n')) __builtin_trap();
        fuzz_touch(gk_scheme_set(s), strlen(gk_scheme_set(s)));
        fuzz_touch(gk_scheme_about(s), strlen(gk_scheme_about(s)));
        if (gk_scheme_check(s, &cast, fields, &err) && gk_scheme_means(s, &cast) > 3) __builtin_trap();
        size_t n_axes;
        const gk_axis *axis = gk_scheme_axes(s, &n_axes);
        for (size_t k = 0; k < n_axes; k++)
            if (!gk_scheme_axis(s, axis[k].name)) __builtin_trap();
        gk_scheme_applies(s, spans, 1);
        if (i < 500) lay(a, s, &cast, spans);
    }
    gk_arena_free(a);
    return 0;
}
