/* sweep.h: what the files of a sweep share. Internal to eval/run. */
#ifndef GK_RUN_SWEEP_H
#define GK_RUN_SWEEP_H

#include "eval/run/evaluate.h"
#include "eval/run/inputs.h"
#include "graftkit/eval/sweep.h"
#include "graftkit/graft/scheme.h"

struct gk_sweep {
    const gk_sweep_options *o;              /* valid during gk_sweep_open only */
    gk_arena *a, *chunk_arena, *plan_arena; /* of the sweep, of a chunk, of one plan while it is made */
    gk_run__inputs in;
    gk_schemes schemes;    /* those that were asked for */
    gk_schemes all;        /* and their twins behind them */
    const size_t *twin_of; /* of each of `all`: 1 + the place of the one whose placebo it is, or 0 */
    gk_permuted permuted;
    gk_prompts prompts;
    gk_store *store;
    const char *out,
        *work; /* the store's path, and where it is written: beside it where the old one is replaced */
    json_t *identity, *first, *info;

    /* One entry for all schemes that do the same. */
    size_t n_unique, n_listed; /* n_listed: the first so many are of schemes, the others of twins alone */
    const gk_scheme **unique;
    int64_t *source;
    size_t *by_source, n_sources; /* 1 + place of a source in `source`, 0 where it is not of this run */
    bool *done;                   /* [n_unique x prompts]; pairs that do not exist count as done */
    size_t total, pending;

    size_t chunk, budget, room; /* room: of the budget, what matrices that are kept leave */
    uint64_t seed;
    int generate;
    bool prepared;   /* the derived donors are there */
    const char *svd; /* where their factors are kept */
    gk_grafter *grafter;
    bool has_means;               /* take_means has been */
    gk_graft_stats stats, before; /* of all runs so far, and of those before this one */
    double seconds;
};

/* Makes `all` of the schemes, with twins for each "DONOR=PLACEBO". (sweep_floors.c) */
bool gk_sweep__twins(gk_sweep *s, const char *const *placebo, size_t n, gk_error *err);
/* Stores what each scheme selects in each template, as far as the store does not know it. (sweep_floors.c) */
bool gk_sweep__selections(gk_sweep *s, gk_error *err);
/* Does scheme k of `unique` apply to this prompt, and is the prompt kept? (sweep_plan.c) */
bool gk_sweep__has(const gk_sweep *s, size_t k, size_t prompt);
/* Makes the engine for the cast as it is now, in place of the one before; of the budget, matrices that it
 * keeps laid out take what they may. (sweep_plan.c) */
bool gk_sweep__grafter(gk_sweep *s, gk_error *err);
/* What mean ablations put in: means over every kept prompt of the run, whatever is stored already. False with
 * gk_interrupted() when that came first. (sweep_plan.c) */
bool gk_sweep__means(gk_sweep *s, gk_error *err);
/* In the chunk's arena; NULL, and why, where the scheme cannot be planned for this prompt. (sweep_plan.c) */
const gk_plan *gk_sweep__plan(gk_sweep *s, size_t k, size_t prompt, gk_error *why);
/* What the engine needs beside its own memory: the plans of a pair's jobs. (sweep_plan.c) */
size_t gk_sweep__plan_bytes(const gk_sweep *s, const gk_prompt *p);
/* Adds the coalitions of the run's parts to `schemes`, once the parts are known to be apart on every prompt;
 * then says in `identity` and `info` which they are. (coalitions.c) */
bool gk_sweep__coalitions(gk_sweep *s, gk_error *err);
void gk_sweep__identify_coalitions(gk_sweep *s);
/* Chooses the prompts a transaction: the same for the same inputs, so that a resumed sweep cuts where the
 * first one did. (sweep_cost.c) */
bool gk_sweep__cut(gk_sweep *s, gk_error *err);

#endif
