/* plan_fixture.h: a tokenised prompt, and plans of schemes on it. */
#ifndef GK_TESTS_PLAN_FIXTURE_H
#define GK_TESTS_PLAN_FIXTURE_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/template.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/plan.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"
#include "tests/support/scratch.h"

/* BOS, then "Ann Lee stars in Big Sun with": the first actor is three tokens, the film's tokens begin with
 * blanks that are not part of its name, and the last token is the preposition. */
enum { N = 9 };
static int32_t ids[N] = {1, 10, 11, 12, 13, 14, 15, 16, 17};
static gk_span spans[N] = {{0, 0}, {0, 3}, {3, 5}, {5, 7}, {7, 13}, {13, 16}, {16, 20}, {20, 24}, {24, 29}};
static const gk_tokens PROMPT = {ids, spans, N};
static const gk_field_span FIELDS[] = {{"first_actor", {0, 7}},   {"entity", {0, 7}},
                                       {"relation", {8, 13}},     {"relation_preposition", {14, 16}},
                                       {"movie_title", {17, 24}}, {"preposition", {25, 29}}};
enum { N_FIELDS = sizeof FIELDS / sizeof *FIELDS };

typedef struct stagehand {
    scratch s;
    gk_config c;
    gk_cast cast;
    gk_model *model[3];
} stagehand;

static inline stagehand start(const char *family, int layers) {
    static const char *const names[] = {"pre", "sft", "task"};
    stagehand h = {.s = scratch_new(), .cast = {.n = 3}};
    gk_config_default(gk_family_find(family), 32, &h.c);
    h.c.n_layers = layers;
    for (int i = 0; i < 3; i++) {
        h.cast.model[i] = h.model[i] = gk_model_blank(&h.c, NULL);
        h.cast.name[i] = names[i];
    }
    return h;
}

static inline void stop(stagehand *h) {
    for (int i = 0; i < 3; i++) gk_model_free(h->model[i]);
    scratch_free(&h->s);
}

static inline const gk_scheme *parse(stagehand *h, const char *body) {
    gk_schemes all = {0};
    gk_error err;
    char *text = gk_arena_printf(h->s.a, "set: t\nschemes:\n- {name: x, %s}\n", body);
    bool ok = gk_schemes_load(h->s.a, scratch_file(&h->s, "s.yaml", text), &all, &err);
    ck_assert_msg(ok, "%s: %s", body, err.what);
    return all.item[0];
}

static inline gk_plan plan(stagehand *h, const char *body) {
    gk_plan p;
    gk_error err;
    bool ok = gk_plan_make(h->s.a, parse(h, body), &h->cast, &PROMPT, FIELDS, N_FIELDS, &p, &err);
    ck_assert_msg(ok, "%s: %s", body, err.what);
    ck_assert_int_eq(p.n_tokens, N);
    ck_assert_int_eq(p.n_slots, gk_plan_slots(&h->c));
    return p;
}

/* "011100001": the model that has the slot at each token. */
static inline const char *row(stagehand *h, const gk_plan *p, int layer, gk_component comp) {
    char *text = gk_arena_alloc(h->s.a, N + 1);
    for (int t = 0; t < N; t++) text[t] = (char)('0' + p->model[gk_plan_slot(&h->c, layer, comp) * N + t]);
    return text;
}

#endif
