/* search_fixture.h: a world to search: donors whose knowledge sits in known cells. */
#ifndef GK_TESTS_SEARCH_FIXTURE_H
#define GK_TESTS_SEARCH_FIXTURE_H

#include "eval/run/search.h"
#include "graftkit/core/random.h"
#include "graftkit/eval/search.h"
#include "tests/support/eval_fixture.h"

#include <math.h>

enum { ROWS = 24 };

/* Every row asks for the same name, which no prompt holds otherwise. */
static inline void write_rows(const char *name, int n) {
    gk_buf b = {0};
    for (int i = 0; i < n; i++)
        gk_buf_printf(&b,
                      "{\"id\": %d, \"first_actor\": \"%s %s\", \"second_actor\": \"Bo Tate\", "
                      "\"movie_title\": \"%s\"}\n",
                      i, FX_FIRST[2 + i % 8], FX_LAST[i % 9], i % 2 ? "Blue River" : "Cold Stone");
    fx_write(name, b.data);
    gk_buf_free(&b);
}

static inline gk_model *gpt2(void) {
    return fx_random("gpt2", 1, "tok");
}

/* The bias of a component now pushes towards the name, `much` times as far as its row of the head. */
static inline void teach(gk_model *m, gk_component comp, int layer, float much) {
    gk_tok *t = gk_tok_load(fx_path("tok"), NULL);
    int32_t id;
    ck_assert(gk_tok_first(t, "Bo Tate", &id, NULL));
    gk_tok_free(t);
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    gk_tensor head = gk_model_tensor(m, -1, GK_HEAD);
    for (size_t i = 0; i < n; i++) {
        if (list[i].comp != comp || list[i].layer != layer || !list[i].bias) continue;
        for (size_t k = 0; k < list[i].count; k++)
            gk_model_data(m)[list[i].offset + k] += much * head.w[(size_t)id * 16 + k];
        return;
    }
    ck_abort_msg("no such bias");
}

/* pre: knows nothing. one: layer 1 alone has it. two: half of it each in layers 0 and 1. noisy: a quarter
 * each in four places, and every weight is a little off. */
static inline void start(void) {
    fx_start();
    write_rows("facts.jsonl", ROWS);
    fx_save(gpt2(), "pre", "tok");
    gk_model *m = gpt2();
    teach(m, GK_DOWN, 1, 300);
    fx_save(m, "one", "tok");
    m = gpt2();
    teach(m, GK_DOWN, 0, 25);
    teach(m, GK_DOWN, 1, 25);
    fx_save(m, "two", "tok");
    m = gpt2();
    gk_rng rng;
    gk_rng_seed(&rng, 3, "noise");
    for (size_t i = 0; i < gk_model_floats(m); i++)
        if (gk_model_data(m)[i] != 0) gk_model_data(m)[i] += (float)(0.01 * gk_rng_normal(&rng));
    for (int l = 0; l < 2; l++) {
        teach(m, GK_O, l, 12);
        teach(m, GK_DOWN, l, 12);
    }
    fx_save(m, "noisy", "tok");
}

static inline gk_search_options options(const char *donor, const char *out) {
    gk_search_options o = {.recipient = gk_arena_printf(fx_arena, "pre=%s", fx_path("pre")),
                           .donor = gk_arena_printf(fx_arena, "sft=%s", fx_path(donor)),
                           .out = fx_path(out),
                           .goal = 0.9,
                           .top = 5,
                           .held_out = 0.5,
                           .beam = 1,
                           .seed = 7};
    o.prompts = (gk_prompt_options){.templates = fx_path("eval.jsonl"),
                                    .fillers = fx_path("fillers.json"),
                                    .rows = fx_path("facts.jsonl"),
                                    .entity = "first_actor",
                                    .maybe_entity = true,
                                    .target = "second_actor"};
    return o;
}

static inline void fine_components(gk_search_options *o) {
    static const char *const fine[] = {"q", "k", "v", "o", "up", "down"};
    o->components = fine;
    o->n_components = sizeof fine / sizeof *fine;
}

static inline gk_search *search(const gk_search_options *o) {
    gk_error err = {0};
    gk_search *s = gk_search_open(o, &err);
    ck_assert_msg(s != NULL, "%s (%s)", err.what, err.hint);
    ck_assert_msg(gk_search_run(s, &err), "%s", err.what);
    ck_assert_ptr_nonnull(gk_search_found(s));
    return s;
}

#endif
