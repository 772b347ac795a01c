/* sweep_plan.c: what the cells of a sweep are computed from: their plans, derived donors and means. */
#include "eval/run/sweep.h"
#include "graftkit/core/threads.h"

/* ---------------------------------------------------------------- plans */

bool gk_sweep__has(const gk_sweep *s, size_t k, size_t prompt) {
    const gk_prompt *p = &s->prompts.item[prompt];
    const gk_eval_template *t = &s->prompts.tmpl[p->tmpl];
    return !p->dropped && gk_scheme_applies(s->unique[k], t->fields, t->n_fields);
}

const gk_plan *gk_sweep__plan(gk_sweep *s, size_t k, size_t prompt, gk_error *why) {
    gk_arena *a = s->chunk_arena;
    const gk_prompt *p = &s->prompts.item[prompt];
    gk_plan made, *plan;
    gk_arena_reset(s->plan_arena);
    if (!gk_plan_make(s->plan_arena, s->unique[k], &s->in.cast, &p->tokens, p->fields, p->n_fields, &made,
                      why))
        return NULL;
    plan = gk_arena_alloc(a, sizeof *plan);
    *plan = gk_plan_extend(a, &made, 0); /* what making it took stays behind */
    return plan;
}

static size_t one_plan_bytes(const gk_sweep *s, size_t tokens) {
    const gk_config *c = gk_model_config(s->in.model[0]);
    return ((size_t)gk_plan_slots(c) + (size_t)c->n_layers + 1) * tokens + sizeof(gk_plan) + sizeof(gk_job) +
           sizeof(gk_stored);
}

size_t gk_sweep__plan_bytes(const gk_sweep *s, const gk_prompt *p) {
    size_t bytes = 0;
    for (int k = 0; k < gk_run__target_steps(p); k++) bytes += one_plan_bytes(s, p->tokens.n + (size_t)k);
    return bytes;
}

/* ---------------------------------------------------------------- donors and means */

bool gk_sweep__grafter(gk_sweep *s, gk_error *err) {
    enum { LITTLE = 128 << 20 }; /* all of it is for working memory */
    gk_grafter_free(s->grafter);
    s->grafter = gk_grafter_new(&s->in.cast, err);
    s->room = s->budget;
    if (!s->grafter || s->in.cast.bf16 || s->budget <= LITTLE) return s->grafter != NULL;
    s->room -= gk_grafter_keep(s->grafter, s->budget / 8);
    return true;
}

size_t gk_sweep_matrices(const gk_sweep *s) {
    return s->prepared || s->pending == 0 ? 0 : gk_run__inputs_matrices(&s->in);
}

bool gk_sweep_prepare(gk_sweep *s, gk_progress *progress, gk_error *err) {
    if (s->prepared || s->pending == 0) return true;
    if (!gk_run__inputs_derive(&s->in, s->svd, progress, err)) return false;
    /* The one before took the derived donors for what they are made from. */
    s->prepared = s->in.n_derive == 0 || gk_sweep__grafter(s, err);
    return s->prepared;
}

/* What mean ablations put in: means over every kept prompt of the run, whatever is stored already. False with
 * gk_interrupted() when that came first. */
bool gk_sweep__means(gk_sweep *s, gk_error *err) {
    const gk_config *c = gk_model_config(s->in.model[0]);
    uint32_t needed = 0;
    if (s->has_means) return true;
    for (size_t k = 0; k < s->n_unique; k++)
        for (size_t i = 0; i < s->prompts.n; i++)
            if (!s->done[k * s->prompts.n + i]) {
                needed |= gk_scheme_means(s->unique[k], &s->in.cast);
                break;
            }
    gk_graft_text *text = needed ? gk_arena_alloc(s->a, s->prompts.n * sizeof *text) : NULL;
    size_t n = 0;
    for (size_t i = 0; needed && i < s->prompts.n; i++) {
        const gk_prompt *p = &s->prompts.item[i];
        if (!p->dropped) text[n++] = (gk_graft_text){p->tokens.id, (int)p->tokens.n};
    }
    for (int m = 0; m < s->in.cast.n; m++) {
        if (!(needed & (1u << m))) continue;
        size_t values = ((size_t)c->n_layers + 1) * (size_t)c->d_model;
        float *mean = gk_arena_alloc(s->a, values * sizeof *mean);
        if (!gk_graft_means(&s->in.cast, m, text, n, mean, &s->stats, err)) return false;
        s->in.cast.mean[m] = mean;
    }
    s->has_means = true;
    return true;
}
