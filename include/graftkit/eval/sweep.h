/* sweep.h (eval/run): every scheme on every prompt, computed into a results store.
 *
 * Example:
 *     const char *const donors[] = {"sft=runs/sft"}, *const schemes[] = {"graft/schemes/position.yaml"};
 *     gk_sweep_options o = {"pre=runs/base", NULL, donors, 1, NULL, 0, NULL, schemes, 1};
 *     o.prompts.templates = "templates/eval.jsonl";
 *     o.prompts.rows = "data/task/metadata.jsonl";
 *     o.prompts.target = "second_actor";
 *     o.prompts.entity = "first_actor";
 *     o.out = "runs/results.db";
 *     gk_sweep *s = gk_sweep_open(&o, err);
 *     bool ok = s && gk_sweep_run(s, NULL, err);
 *     gk_sweep_close(s);
 *     return ok;
 */
#ifndef GRAFTKIT_EVAL_SWEEP_H
#define GRAFTKIT_EVAL_SWEEP_H

#include "graftkit/core/progress.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/graft/scheme.h"

GK_PUBLIC_BEGIN

typedef struct gk_sweep_options {
    const char *recipient;     /* "pre=DIR": name and Hugging Face folder */
    const char *tokenizer;     /* of the run; NULL: the recipient's */
    const char *const *donors; /* the same form */
    size_t n_donors;
    /* Donors made of these and the recipient: "NAME=DONOR:rank=8", "…:top=0.01", "…:alpha=0.5" (gk_derive); a
     * ladder where {} in NAME stands for the value: "r{}=sft:rank=1,2,4". */
    const char *const *derive;
    size_t n_derive;
    const char *svd;            /* the folder that keeps what rank= computes; NULL: `out`.svd */
    const char *const *schemes; /* YAML files */
    size_t n_schemes;
    /* "DONOR=PLACEBO": every scheme that has DONOR and not PLACEBO is computed with PLACEBO in its place too,
     * as its twin (gk_scheme_twin), which is no scheme of its set but a floor under it. */
    const char *const *placebo;
    size_t n_placebo;
    gk_prompt_options prompts;
    const char *out;     /* the store */
    size_t budget_bytes; /* the engine's working memory; 0: 1 GiB */
    uint64_t seed;       /* of the bootstrap */
    int generate;        /* tokens to generate greedily for each pair; <= 0: none */
    int chunk;           /* prompts a transaction; <= 0: by their cost, the same for the same inputs */
    bool restart;        /* begin anew; an existing `out` stays until the new one is complete */
    bool replace;        /* the same, but only where `out` was made from other inputs; else go on with it */
    /* Instead of schemes: a YAML file of parts, whose coalitions are the schemes (graftkit/graft/parts.h).
     * The store is then theirs alone (gk_attribution_read), and its folder is made when absent. */
    const char *parts;
    bool bf16;       /* products of bf16 operands: gk_cast. Another store than one of fp32 */
    bool check_bf16; /* for gk_sweep_check_bf16 alone: `out` is neither read nor written */
} gk_sweep_options;

typedef struct gk_sweep gk_sweep;
/* Loads everything, checks all of it, and opens or creates the store. A store that was made from other
 * weights, tokenizer, templates, rows or prompts, with another choice of prompts.whole, `generate` or `bf16`,
 * or by a graftkit with an older layout is refused (or replaced, see `replace`); one with fewer schemes is
 * extended. Nothing is computed yet. */
gk_sweep *gk_sweep_open(const gk_sweep_options *o, gk_error *err);
size_t gk_sweep_total(const gk_sweep *s);   /* (scheme, prompt) pairs; schemes that do the same count once */
size_t gk_sweep_pending(const gk_sweep *s); /* of them, not in the store yet */
/* What was loaded; they live as long as `s`. */
const gk_schemes *gk_sweep_schemes(const gk_sweep *s);
size_t gk_sweep_twins(const gk_sweep *s); /* how many of them have a placebo */
const gk_prompts *gk_sweep_prompts(const gk_sweep *s);
/* Derives the donors, when anything is pending: the factors of gk_sweep_matrices matrices (0: none), which
 * `progress` (may be NULL) counts, and the rest. The estimate and gk_sweep_run do it when it has not been
 * done. False with gk_interrupted(): nothing is wrong. */
size_t gk_sweep_matrices(const gk_sweep *s);
bool gk_sweep_prepare(gk_sweep *s, gk_progress *progress, gk_error *err);
/* What a sweep takes. Rows as in gk_graft_stats. */
typedef struct gk_sweep_cost {
    double rows_naive, rows_unique, flops, seconds;
    size_t weights; /* bytes of all models' weights as they lie in memory or in the mapped files */
    size_t budget;  /* bytes of working memory */
} gk_sweep_cost;
/* What the pending cells will take: a few rows of the file are counted exactly, and some of their cells
 * computed for the time (about a second; they are not kept). Generated texts count as if none ended early.
 */
bool gk_sweep_estimate(gk_sweep *s, gk_sweep_cost *out, gk_error *err);
/* What this gk_sweep took: seconds in the engine; budget: the most working memory; weights are not set. */
void gk_sweep_spent(const gk_sweep *s, gk_sweep_cost *out);
/* Computes what is pending, chunk after chunk. True with gk_sweep_pending > 0 afterwards: gk_interrupted()
 * became true, and what was computed is stored. `progress` counts pairs; may be NULL. Call it once. */
bool gk_sweep_run(gk_sweep *s, gk_progress *progress, gk_error *err);
/* What bf16 does to cells of a sweep. */
typedef struct gk_bf16_check {
    size_t cells, dropped; /* compared; without a plan, or without finite logits in one of the two */
    double largest, mean;  /* differences of log-probabilities of a target's first token, in nats */
    /* cells in which the target is among the 1 or 5 most probable tokens in one of the two only; in which the
     * most probable token is another */
    size_t top1, top5, likeliest;
} gk_bf16_check;
/* Computes `cells` cells (or all, where there are fewer) in fp32 and with bf16 products: as many of each
 * scheme as can be, of prompts drawn by the seed. Of a gk_sweep that was opened with check_bf16; `progress`
 * (may be NULL) counts twice the cells. False with gk_interrupted() when that came first. Call it once. */
bool gk_sweep_check_bf16(gk_sweep *s, size_t cells, gk_progress *progress, gk_bf16_check *out, gk_error *err);
void gk_sweep_close(gk_sweep *s); /* NULL is fine */

GK_PUBLIC_END

#endif
