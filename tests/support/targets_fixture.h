/* targets_fixture.h: a sweep of targets of several tokens, beside the definition, token by token; and a model
 * that knows a name. */
#ifndef GK_TESTS_TARGETS_FIXTURE_H
#define GK_TESTS_TARGETS_FIXTURE_H

#define DEFINITION_VOCAB 360
#define DEFINITION_LONGEST 64
#include "graftkit/graft/scheme.h"
#include "tests/support/definition.h"
#include "tests/support/eval_fixture.h"

#include <math.h>

enum { GENERATE = 5 };

/* ---------------------------------------------------------------- a world as the sweep sees it */

typedef struct world {
    gk_tok *tok;
    gk_model *model[2];
    gk_cast cast;
    gk_prompts prompts;
    gk_schemes schemes;
} world;

static inline world open_world(const gk_sweep_options *o) {
    world w = {.tok = gk_tok_load(fx_path("tok"), NULL), .cast = {.name = {"pre", "sft"}, .n = 2}};
    gk_error err;
    for (int i = 0; i < 2; i++) {
        w.model[i] = gk_model_load(fx_path(w.cast.name[i]), NULL);
        ck_assert_ptr_nonnull(w.model[i]);
        w.cast.model[i] = w.model[i];
    }
    ck_assert_int_eq(gk_model_config(w.model[0])->vocab, VOCAB);
    ck_assert_msg(gk_prompts_load(fx_arena, &o->prompts, w.tok, LONGEST, &w.prompts, &err), "%s", err.what);
    for (size_t i = 0; i < o->n_schemes; i++)
        ck_assert(gk_schemes_load(fx_arena, o->schemes[i], &w.schemes, &err));
    return w;
}

static inline void close_world(world *w) {
    for (int i = 0; i < 2; i++) gk_model_free(w->model[i]);
    gk_tok_free(w->tok);
}

static inline const gk_scheme *scheme_of(const world *w, const char *name) {
    for (size_t i = 0; i < w->schemes.n; i++)
        if (strcmp(gk_scheme_name(w->schemes.item[i]), name) == 0) return w->schemes.item[i];
    ck_abort_msg("no scheme %s", name);
    return NULL;
}

/* The tokens of " " + target behind a word, which no prompt of this world changes. */
static inline gk_tokens target_tokens(const world *w, const gk_prompt *p) {
    gk_tokens t;
    const char *text = gk_arena_printf(fx_arena, "alongside %s", p->target);
    ck_assert(gk_tok_encode(w->tok, text, strlen(text), GK_BOS_NO, fx_arena, &t, NULL));
    size_t skip = 0;
    while (t.span[skip].end <= strlen("alongside")) skip++;
    return (gk_tokens){.id = t.id + skip, .n = t.n - skip};
}

/* The plan for the prompt and what comes behind it, written down slot by slot. */
static inline gk_plan longer_plan(const gk_config *c, const gk_plan *p, int n) {
    gk_plan q = {.n_slots = p->n_slots, .n_tokens = n};
    q.model = gk_arena_alloc(fx_arena, (size_t)(q.n_slots * n));
    for (int s = 0; s < q.n_slots; s++)
        for (int t = 0; t < n; t++)
            q.model[s * n + t] = p->model[s * p->n_tokens + (t < p->n_tokens ? t : p->n_tokens - 1)];
    if (!p->patch) return q;
    q.n_patches = c->n_layers + 1;
    q.patch = gk_arena_alloc(fx_arena, (size_t)((c->n_layers + 1) * n));
    for (int l = 0; l <= c->n_layers; l++)
        for (int t = 0; t < n; t++)
            q.patch[l * n + t] = p->patch[l * p->n_tokens + (t < p->n_tokens ? t : p->n_tokens - 1)];
    return q;
}

typedef struct path { /* a prompt, and what stands behind it */
    const world *w;
    gk_plan plan; /* of the prompt */
    int32_t token[LONGEST + GENERATE];
    int n;
} path;

static inline path start_path(const world *w, const char *scheme, const gk_prompt *p) {
    path a = {.w = w, .n = (int)p->tokens.n};
    gk_error err;
    ck_assert_msg(gk_plan_make(fx_arena, scheme_of(w, scheme), &w->cast, &p->tokens, p->fields, p->n_fields,
                               &a.plan, &err),
                  "%s", err.what);
    memcpy(a.token, p->tokens.id, p->tokens.n * sizeof *a.token);
    return a;
}

static inline void next_logits(const path *a, double logits[VOCAB]) {
    gk_plan plan = longer_plan(gk_model_config(a->w->model[0]), &a->plan, a->n);
    gk_job job = {.token = a->token, .n = a->n, .plan = &plan};
    define(&a->w->cast, &job, logits);
}

static inline double logprob_of(const double *x, int32_t id) {
    double sum = 0;
    for (int i = 0; i < VOCAB; i++) sum += exp(x[i] - x[id]);
    return -log(sum);
}

static inline int32_t best_of(const double *x) {
    int32_t best = 0;
    for (int i = 1; i < VOCAB; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

/* What greedy decoding says, by the definition: the text behind the prompt. */
static inline const char *spoken(const world *w, const char *scheme, const gk_prompt *p) {
    path a = start_path(w, scheme, p);
    double x[VOCAB] = {0};
    int start = a.n;
    for (int i = 0; i < GENERATE && a.n <= LONGEST; i++) {
        next_logits(&a, x);
        int32_t id = best_of(x);
        if (id == gk_tok_eos(w->tok)) break;
        a.token[a.n++] = id;
    }
    const char *all = gk_tok_decode(w->tok, a.token, (size_t)a.n, fx_arena, NULL);
    ck_assert_int_eq(strncmp(all, p->text, strlen(p->text)), 0);
    ck_assert_int_ge(a.n, start);
    return all + strlen(p->text);
}

/* ---------------------------------------------------------------- the store against the definition */

typedef struct tally {
    const world *w;
    size_t n, tokens, exact, missing, texts;
} tally;

static inline const gk_prompt *prompt_of(const world *w, const gk_result *r) {
    for (size_t i = 0; i < w->prompts.n; i++) {
        const gk_prompt *p = &w->prompts.item[i];
        if (p->tmpl + 1 == r->template_id && strcmp(p->row_key, r->row_key) == 0) return p;
    }
    ck_abort_msg("no prompt of row %s", r->row_key);
    return NULL;
}

static inline bool check_target(void *ctx, const gk_result *r, gk_error *err) {
    (void)err;
    tally *t = ctx;
    const gk_prompt *p = prompt_of(t->w, r);
    if (r->dropped) return true;
    t->n++;
    t->missing += !r->whole;
    if (!r->whole) return true;
    path a = start_path(t->w, r->scheme, p);
    gk_tokens target = target_tokens(t->w, p);
    ck_assert_int_eq(r->target_tokens, (int64_t)target.n);
    double x[VOCAB] = {0}, sum = 0, margin = 1;
    bool exact = true;
    for (size_t i = 0; i < target.n; i++) {
        next_logits(&a, x);
        double best = x[best_of(x)], of_target = x[target.id[i]];
        sum += logprob_of(x, target.id[i]);
        exact = exact && of_target >= best;
        margin = fmin(margin, fabs(best - of_target) > 0 ? fabs(best - of_target) : 1);
        a.token[a.n++] = target.id[i];
        if (i == 0) ck_assert_double_eq_tol(r->logprob, sum, 1e-4);
    }
    ck_assert_double_eq_tol(r->whole_logprob, sum, 1e-4 * (double)target.n);
    if (target.n == 1) ck_assert_double_eq(r->whole_logprob, r->logprob);
    if (target.n == 1) ck_assert(r->exact == (r->rank == 0));
    ck_assert(r->exact == exact || margin < 1e-5);
    ck_assert(!r->exact || r->rank == 0);
    t->tokens += target.n;
    t->exact += r->exact;
    return true;
}

static inline bool check_spoken(void *ctx, const gk_result *r, gk_error *err) {
    (void)err;
    tally *t = ctx;
    if (r->dropped) return true;
    ck_assert_ptr_nonnull(r->generated);
    ck_assert_str_eq(r->generated, spoken(t->w, r->scheme, prompt_of(t->w, r)));
    t->texts++;
    return true;
}

static inline tally check_store(const gk_sweep_options *o, gk_result_fn *fn) {
    world w = open_world(o);
    tally t = {.w = &w};
    gk_error err = {0};
    gk_store *s = gk_store_open(o->out, &err);
    ck_assert_msg(s != NULL, "%s", err.what);
    ck_assert_msg(gk_store_each(s, fn, &t, &err), "%s", err.what);
    gk_store_close(s);
    close_world(&w);
    return t;
}

#endif
