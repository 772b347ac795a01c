/* run.h: what computes: sweeps of schemes over prompts, the search for a small graft, the gate of a base
 * model; and the experiments that name what is to be swept. */
#ifndef GK_RUN_RUN_H
#define GK_RUN_RUN_H

#include "eval/store/store.h"

GK_PUBLIC_BEGIN

/* ---------------------------------------------------------------- sweep (sweep.c) */

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
    gk_prompt_options prompts;
    const char *out;     /* the store */
    size_t budget_bytes; /* the engine's working memory; 0: 1 GiB */
    uint64_t seed;       /* of the bootstrap */
    int generate;        /* tokens to generate greedily for each pair; <= 0: none */
    int chunk;           /* prompts a transaction; <= 0: by their cost, the same for the same inputs */
    bool restart;        /* begin anew; an existing `out` stays until the new one is complete */
    bool replace;        /* the same, but only where `out` was made from other inputs; else go on with it */
} gk_sweep_options;

typedef struct gk_sweep gk_sweep;
/* Loads everything, checks all of it, and opens or creates the store. A store that was made from other
 * weights, tokenizer, templates, rows or prompts, with another choice of prompts.whole or `generate`, or by a
 * graftkit with an older layout is refused (or replaced, see `replace`); one with fewer schemes is extended.
 * Nothing is computed yet. */
gk_sweep *gk_sweep_open(const gk_sweep_options *o, gk_error *err);
size_t gk_sweep_total(const gk_sweep *s);   /* (scheme, prompt) pairs; schemes that do the same count once */
size_t gk_sweep_pending(const gk_sweep *s); /* of them, not in the store yet */
const gk_schemes *gk_sweep_schemes(const gk_sweep *s);
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
 * computed for the time (about a second; they are not kept). What is generated is not in it. */
bool gk_sweep_estimate(gk_sweep *s, gk_sweep_cost *out, gk_error *err);
/* What this gk_sweep took: seconds in the engine; budget: the most working memory; weights are not set. */
void gk_sweep_spent(const gk_sweep *s, gk_sweep_cost *out);
/* Computes what is pending, chunk after chunk. True with gk_sweep_pending > 0 afterwards: gk_interrupted()
 * became true, and what was computed is stored. `progress` counts pairs; may be NULL. Call it once. */
bool gk_sweep_run(gk_sweep *s, gk_progress *progress, gk_error *err);
void gk_sweep_close(gk_sweep *s); /* NULL is fine */

/* ---------------------------------------------------------------- search (search.c, search_*.c)
 *
 * Looks for a small graft that suffices: a set of cells (position x layer block x component group), found by
 * beam search on some of the rows and measured on the others. docs/search.md explains every choice.
 */

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

/* ---------------------------------------------------------------- gate (gate.c) */

typedef struct gk_gate_options {
    const char *model;
    const char *tokenizer; /* NULL: the model's */
    gk_prompt_options prompts;
    int top;             /* k of top-k, 1 or more, less than the vocabulary has tokens */
    double min;          /* pass when the plain mean reaches it; above 0 and at most 1 */
    size_t budget_bytes; /* 0: 1 GiB */
    uint64_t seed;
    FILE *progress; /* where the bar goes; NULL: none */
} gk_gate_options;
typedef struct gk_interval {
    double value, low, high;
} gk_interval;
typedef struct gk_gate {
    size_t n, dropped;
    size_t repeats;    /* rows, as n_repeats of gk_prompts */
    size_t targets;    /* different first tokens asked for: not more than `top`, and the share says nothing */
    gk_interval plain; /* share of prompts whose target is among the top k */
    gk_interval weighted; /* the same with row i of n weighted 1/(i + 1 + 0.05 n): as often as a base corpus
                             drew it */
    bool pass;
} gk_gate;
/* Does the model itself, ungrafted, know the rows? `json` (may be NULL) receives a new object with all of it.
 */
bool gk_gate_run(const gk_gate_options *o, gk_gate *out, json_t **json, gk_error *err);

/* ---------------------------------------------------------------- experiments (experiment.c) */

/* A YAML file of experiments/: which models a question needs, and which schemes. docs/experiments.md */
typedef struct gk_experiment {
    const char *name;    /* the file's, without folder and .yaml */
    const char *title;   /* one line */
    const char *about;   /* one sentence */
    int64_t place;       /* where it stands among those that come along; INT64_MAX: behind them */
    const char *dataset; /* the dataset that it is about, NULL: that of the run */
    const char **model;  /* the names that its schemes use, the recipient first */
    const char **kind;   /* which of the run's models each is: "base", "relation", … */
    size_t n_models;
    const char **schemes; /* files, as written: a name without '/' and '.' is one of graft/schemes */
    size_t n_schemes;
} gk_experiment;
/* Reads one, into `a`. Errors (file:line:column): unknown or missing keys, texts of several lines or with a
 * '$' (make would read it as its own), names that are no words, a dataset that is no name. Whether schemes
 * and models fit each other is gk_experiment_check's. */
bool gk_experiment_load(gk_arena *a, const char *path, gk_experiment *out, gk_error *err);
/* Loads the scheme files `path` (n of them) as a run of the experiment would, without its models: every model
 * that they name is the experiment's, every field is one that a template of `templates` (JSONL) has;
 * `entity` is the one that they call GK_ENTITY. Grids are expanded for 128 layers. */
bool gk_experiment_check(const gk_experiment *e, const char *const *path, size_t n, const char *templates,
                         const char *entity, gk_error *err);

GK_PUBLIC_END

#endif
