/* search.h (eval/run): looks for a small graft that suffices.
 *
 * Looks for a small graft that suffices: a set of cells (position x layer block x component group), found by
 * beam search on some of the rows and measured on the others. docs/search.md explains every choice.
 *
 * Example:
 *     gk_search_options o = {"pre=runs/base", "sft=runs/sft"};
 *     o.prompts.templates = "templates/eval.jsonl";
 *     o.prompts.rows = "data/task/metadata.jsonl";
 *     o.prompts.target = "second_actor";
 *     o.out = "runs/search";
 *     o.goal = 0.9;
 *     o.top = 5;
 *     o.held_out = 0.5;
 *     o.beam = 4;
 *     gk_search *s = gk_search_open(&o, err);
 *     bool ok = s && gk_search_run(s, err);
 *     if (ok && gk_search_found(s)) printf("%zu steps\n", gk_search_found(s)->n_ladder);
 *     gk_search_close(s);
 *     return ok;
 */
#ifndef GRAFTKIT_EVAL_SEARCH_H
#define GRAFTKIT_EVAL_SEARCH_H

#include "graftkit/eval/measure.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/graft/engine.h"

GK_PUBLIC_BEGIN

typedef enum gk_objective { GK_BY_LOGPROB, GK_BY_PROB, GK_BY_ACCURACY } gk_objective;
/* "logprob", "prob" or "accuracy". */
bool gk_objective_parse(const char *name, gk_objective *out, gk_error *err);

typedef struct gk_search_options {
    const char *recipient, *donor; /* "pre=DIR": name and model */
    const char *tokenizer;         /* of the run; NULL: the recipient's */
    gk_prompt_options prompts;
    const char *out; /* a folder, made when absent */
    /* Positions as a scheme's `at` has them; a token belongs to `last`, else to the first that selects it,
     * and what none selects is one more position, "rest". None: every field that all templates share, and
     * last. */
    const char *const *positions;
    size_t n_positions;
    /* As a scheme's `components` has them. attn and ffn bring the norms of their half of the block; what none
     * names is one more group, "others"; embed and pos are a group of their own. None: attn, ffn. */
    const char *const *components;
    size_t n_components;
    int layer_blocks; /* parts that the layers are divided into; 0: 4, or fewer where there are fewer layers;
                       * -1: one a layer */
    double goal;      /* share of the way from PRE to SFT-rh in top-`top` accuracy, in (0, 1] */
    int top;          /* 1, 5, 10, 50 or 100 */
    double held_out;  /* share of the rows that the search does not see, in (0, 1) */
    int beam;         /* graft sets kept after each step, 1 or more; 1: greedy */
    int most_cells;   /* stop at so many cells; 0: go on to the goal */
    gk_objective objective;
    size_t budget_bytes; /* the engine's working memory; 0: 256 MiB */
    uint64_t seed;       /* of the split into rows and of the bootstrap */
    bool restart;        /* begin anew where `out` holds a search */
    bool bf16;           /* products of bf16 operands: gk_cast */
    FILE *progress;      /* where bars and steps are told; NULL: nowhere */
} gk_search_options;

/* One graft on the search rows or on those held out. */
typedef struct gk_search_score {
    gk_stats stats;
    gk_recovered recovery; /* of top-k accuracy; no interval (NaN) of no cell or all, the ends themselves */
    size_t not_finite;     /* prompts on which its logits were not finite: counted as wrong */
} gk_search_score;
typedef struct gk_search_rung {
    const char *name;    /* its scheme's: "PRE", "rung 1", …, "found", "found^C", "SFT-rh" */
    const char *changed; /* the cell that this step added or dropped; NULL in the others */
    bool dropped;
    const bool *in; /* [n_cells] */
    size_t size;    /* cells */
    double share;   /* of the weights that a prompt's tokens are multiplied with, those the donor gives: mean
                     * over   prompts. embed and pos count one row a token; final norm and head do not count */
    gk_search_score search, held_out;
} gk_search_rung;
typedef struct gk_search_result {
    const char *const *cell;                /* names: "last · ffn · 4/4" */
    size_t n_cells, n_positions, n_columns; /* cell = position x n_columns + column */
    gk_metric metric;
    gk_search_rung *rung;            /* PRE, the ladder, found, found^C, SFT-rh */
    size_t n_rungs, n_ladder, found; /* steps of the ladder; index of "found" */
    bool reached;                    /* the goal, on the search rows */
    /* gk_paired's p of SFT-rh against PRE in the accuracy searched by, on the rows to search and those held
     * out: where it is 0.05 or more, there is no way to speak of that a graft could recover a share of. */
    double p_ends[2];
    size_t rows[2], prompts[2]; /* to search; held out */
} gk_search_result;

typedef struct gk_search gk_search;
/* Loads and checks everything, and takes up the search that `out` holds of the same inputs and options (one
 * of others is refused). Computes nothing. */
gk_search *gk_search_open(const gk_search_options *o, gk_error *err);
/* Those that were loaded; they live as long as `s`. */
const gk_prompts *gk_search_prompts(const gk_search *s);
/* Fields that all templates share but that are part of "rest": in some prompt no token would be left for them
 * or for the rest. NULL-terminated. */
const char *const *gk_search_left_out(const gk_search *s);
/* Searches, measures and writes state.json (after each step), then ladder.json, ladder.csv and
 * scheme.yaml. True and NULL result: gk_interrupted() became true; what was found is in state.json. Also
 * fails when the donor is not better than the recipient. Call it once. */
bool gk_search_run(gk_search *s, gk_error *err);
/* NULL before gk_search_run is through. Lives as long as `s`. */
const gk_search_result *gk_search_found(const gk_search *s);
gk_graft_stats gk_search_stats(const gk_search *s); /* of this process */
void gk_search_close(gk_search *s);                 /* NULL is fine */

GK_PUBLIC_END

#endif
