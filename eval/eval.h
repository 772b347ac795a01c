/* eval.h: from schemes and dataset rows to numbers. Templated prompts, what a model's next-token distribution
 * says about each one's target, the results store (SQLite), the sweep that fills it, the gate, and the
 * exports.
 *
 * One measurement is a (scheme, prompt) pair: the distribution after the prompt's last token under the
 * scheme's graft. Prompt, seam (gk_seam: mostly a blank) and the row's target field are encoded as one text;
 * the target is the first token that holds a byte behind the prompt, and the tokens before it are the
 * prompt's. A prompt that cannot be evaluated is kept, with the reason; nothing disappears from a denominator
 * unseen.
 *
 * The whole target is that token and all behind it, fed one after the other (teacher forcing); the tokens fed
 * are computed as the scheme has the prompt's last one (gk_plan_extend).
 * What would follow the target is not asked: no end of text needs to come.
 */
#ifndef GK_EVAL_H
#define GK_EVAL_H

#include "core/core.h"
#include "graft/graft.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

GK_PUBLIC_BEGIN

/* ---------------------------------------------------------------- prompts (prompts.c) */

#define GK_ENTITY_FIELD "first_actor" /* the field that schemes call GK_ENTITY where nobody names another */

typedef struct gk_eval_template {
    const char *text;
    /* The template's fields, each once, and GK_ENTITY where it has the entity's; the spans are empty, only
     * the names count. */
    gk_field_span *fields;
    size_t n_fields;
    bool titled; /* names the film (field movie_title) */
} gk_eval_template;

typedef struct gk_prompt {
    uint32_t tmpl;         /* index of its template */
    uint32_t row;          /* index of its row in the file, blank lines not counted */
    const char *row_key;   /* the row's "id" as text (1, 1.0 and "1" are the same id), else "line N" */
    const char *text;      /* "" when it could not be rendered */
    const char *seam;      /* what stands between it and the target */
    const char *target;    /* the target field's text without blanks around it; "" when there is none */
    int32_t target_id;     /* -1 when dropped before it was known */
    gk_tokens tokens;      /* before the target, where both are one text */
    gk_field_span *fields; /* the entity's twice: as GK_ENTITY too */
    size_t n_fields;
    const char *dropped; /* why it is not evaluated; NULL when it is */
    bool merged;         /* alone the prompt has other tokens: its end is part of the target's first */
    bool shared_first;   /* the target's first token also begins a field of the prompt */
    /* The prompt's tokens and behind them those of the whole target, n_target of them: the first is
     * target_id. NULL and 0 where it was not asked for, and where no_whole says why there are none. */
    const int32_t *forced;
    size_t n_target;
    const char *no_whole; /* why a prompt that is evaluated has no whole target */
} gk_prompt;

typedef struct gk_prompts {
    gk_eval_template *tmpl;
    size_t n_templates;
    gk_prompt *item; /* row by row: item[row * n_templates + tmpl] */
    size_t n, n_rows, n_dropped, n_no_whole;
    size_t n_merged;       /* of those that are evaluated */
    size_t n_shared_first; /* dropped, or kept with keep_shared_first */
    /* Rows that are evaluated and tell of an entity that another row tells of (where no template has the
     * entity's field: whose prompt another row has, too). They count as facts of their own. */
    size_t n_repeats;
    const char *const *fields; /* NULL-terminated: every field that some template has */
} gk_prompts;

typedef struct gk_prompt_options {
    const char *templates; /* JSONL */
    const char *fillers;   /* a JSON object; NULL: none */
    const char *rows;      /* JSONL metadata */
    const char *target;    /* field of the row that the prompt asks for, e.g. "second_actor" */
    const char *entity;    /* field that schemes call GK_ENTITY; NULL: none */
    int64_t limit;         /* only the first so many rows; <= 0: all */
    /* The templates tell the target: each is cut before it, and those that cannot be cut are left out. */
    bool cut;
    bool maybe_none; /* cut: a file of which nothing is left gives no prompts, which else is an error */
    bool whole;      /* the whole target too, not only its first token */
    bool keep_shared_first; /* prompts whose target's first token also begins one of their fields */
    bool drop_bad_rows; /* a row without a field that a template (or the target) needs drops its prompts with
                         * that reason; otherwise it is an error at the row's file:line */
} gk_prompt_options;

/* Renders and encodes every row with every template, all in `a`. Errors: unreadable or malformed files, a
 * template field that neither a row nor a filler has (at the hole), a field GK_ENTITY beside another that is
 * said to be the entity, a template that holds the target (at its line), an entity that is the target, an id
 * that is neither text nor number, see drop_bad_rows. Reasons to drop a prompt: a missing, empty or
 * non-scalar field; a row id seen before; more than max_tokens tokens; a field that no token covers; a target
 * that cannot be encoded, or (without keep_shared_first) whose first token also begins a field of the prompt:
 * it would give the answer away to a model that copies. Reason to have no whole target: more than max_tokens
 * tokens to feed (the target's last is not). */
bool gk_prompts_load(gk_arena *a, const gk_prompt_options *o, const gk_tok *tok, int max_tokens,
                     gk_prompts *out, gk_error *err);
/* The first token of a target behind a prompt, as there. */
bool gk_prompt_first(const gk_tok *tok, const gk_rendered *prompt, const char *target, int32_t *id,
                     gk_error *err);

/* ---------------------------------------------------------------- one prediction (score.c) */

#define GK_TOP 20

typedef struct gk_score {
    double prob, logprob;   /* of the target; log-softmax computed in double */
    double logit_diff;      /* target's logit minus the best other token's */
    int64_t rank;           /* tokens with a strictly higher logit: 0 is best, ties favour the target */
    int n_top;              /* min(GK_TOP, vocab) */
    int32_t top_id[GK_TOP]; /* most probable first; of equal logits the lower id first */
    float top_prob[GK_TOP];
} gk_score;
/* Fails when the target is no id of the vocabulary (which has at least 2 entries), or when a logit is NaN or
 * +inf or the target's is not finite. */
bool gk_score_logits(const float *logits, int vocab, int32_t target, gk_score *out, gk_error *err);

/* ---------------------------------------------------------------- cells (metrics.c) */

/* X(key in every export, what it is). Accuracies are shares in [0, 1]; a rank counts from 0 (see gk_score).
 * `exact`: at every token of the whole target, fed so far, the next has rank 0; with equal logits the target
 * counts as taken. `exact` and `whole_logprob` are over the prompts that have a whole target. */
#define GK_METRICS(X)                                                                \
    X(top1, "share of prompts whose target is the most probable token")              \
    X(top5, "share of prompts whose target is among the 5 most probable tokens")     \
    X(top10, "share of prompts whose target is among the 10 most probable tokens")   \
    X(top50, "share of prompts whose target is among the 50 most probable tokens")   \
    X(top100, "share of prompts whose target is among the 100 most probable tokens") \
    X(exact, "share of prompts whose whole target greedy decoding gives")            \
    X(mean_rank, "mean number of tokens more probable than the target")              \
    X(median_rank, "median number of tokens more probable than the target")          \
    X(mean_prob, "mean probability of the target")                                   \
    X(mean_logprob, "mean natural logarithm of the target's probability")            \
    X(whole_logprob, "mean natural logarithm of the whole target's probability")     \
    X(logit_diff, "mean difference of the target's logit to the best other token's")
typedef enum gk_metric {
#define X(key, about) GK_METRIC_##key,
    GK_METRICS(X)
#undef X
        GK_N_METRICS
} gk_metric;
const char *gk_metric_key(gk_metric m);   /* "top5" */
const char *gk_metric_about(gk_metric m); /* the sentence above */

/* One scored prompt. Prompts of one row (the same fact in several templates) share `row`. */
typedef struct gk_obs {
    uint32_t row;
    double weight; /* 1 unless rows are weighted */
    double rank, prob, logprob, logit_diff;
    bool whole; /* there is a whole target, with these numbers */
    double exact, whole_logprob;
} gk_obs;

typedef struct gk_stats {
    size_t n;       /* observations; 0: every value is NaN */
    size_t n_whole; /* of them, with a whole target; 0: exact and whole_logprob are NaN */
    double value[GK_N_METRICS], low[GK_N_METRICS], high[GK_N_METRICS];
} gk_stats;

#define GK_RESAMPLES 2000

/* Values and their 95% percentile bootstrap intervals. The bootstrap draws ROWS with replacement, each with
 * all its observations: a row that appears in several templates is one fact, not several. Depends on the
 * observations and the seed only; cells over the same rows get the same draws, so their intervals can be
 * compared.
 *
 * Where every row has the same share x of a metric that counts prompts (top1 … exact), resampling would give
 * the interval [x, x]. Its place is taken by Clopper and Pearson's exact interval: of the rows that were not
 * seen, no more than gk_unseen_share(rows) are other than these, so [x - x u, x + (1 - x) u]; rows of unequal
 * weight count as (sum of weights)^2 / (sum of their squares) rows. One row alone says nothing of how a mean
 * varies: low and high of every other metric are NaN then. */
void gk_stats_compute(const gk_obs *obs, size_t n, uint64_t seed, int resamples, gk_stats *out);
/* The same for many cells, in parallel; out[i] is what gk_stats_compute gives for cell i. */
typedef struct gk_obs_list {
    const gk_obs *obs;
    size_t n;
} gk_obs_list;
void gk_stats_compute_all(const gk_obs_list *cells, size_t n_cells, uint64_t seed, int resamples,
                          gk_stats *out);

/* The p-quantile of n > 0 values, linear between neighbours (numpy's default); leaves them in another order.
 */
double gk_percentile(double *v, size_t n, double p);

/* The largest share of rows that may be of a kind of which none was among `rows`, at the upper end of Clopper
 * and Pearson's two-sided 95% interval: 1 - 0.025^(1 / rows). */
double gk_unseen_share(double rows);

/* How much of the way from `low` (the recipient alone) to `high` (the donor) a graft goes, as measured by a
 * metric that is a mean: (graft - low) / (high - low). The interval is of the whole ratio: each draw takes
 * the same rows from all three. */
typedef struct gk_recovered {
    /* NaN where `high` is not above `low`. Where every draw gives the same ratio (the graft does as one of
     * the ends in every row), low and high are gk_unseen_share(rows) of the rows away from it. */
    double value, low, high;
    int undefined; /* draws left out of the interval because `high` was not above `low` in them */
} gk_recovered;
/* The three lists hold n observations of the same prompts in the same order, with equal rows and weights. */
void gk_recovery(const gk_obs *low, const gk_obs *high, const gk_obs *obs, size_t n, gk_metric metric,
                 uint64_t seed, int resamples, gk_recovered *out);

/* Two schemes on the same prompts (paired.c): how much more often the one has the target among the `top` most
 * probable tokens. The interval is a bootstrap over rows, each drawn with all its prompts (where all rows
 * differ alike: as exact as gk_stats_compute's). The test is over rows, because prompts of one row are not
 * independent: a row counts for the scheme that has more of its prompts right, and not at all where both have
 * as many. With one prompt a row that is McNemar's exact test, with several the sign test. */
typedef struct gk_paired {
    size_t n, rows;         /* prompts; rows they are of */
    double diff, low, high; /* of the shares, in [-1, 1]; NaN where n is 0, low and high without draws */
    size_t rows_more, rows_fewer; /* rows with more, with fewer prompts right than under the reference */
    double p;                     /* gk_mcnemar of these two; NaN where n is 0 */
} gk_paired;
/* ref and obs hold n observations of the same prompts in the same order; weights do not count. */
void gk_paired_compute(const gk_obs *ref, const gk_obs *obs, size_t n, int top, uint64_t seed, int resamples,
                       gk_paired *out);
/* Two-sided exact p-value of so many against so many where either is as likely: the binomial tail, doubled,
 * at most 1. */
double gk_mcnemar(size_t more, size_t fewer);
/* Holm's step-down correction of n p-values. NaN stays NaN and does not count. `out` may not be `p`. */
void gk_holm(const double *p, size_t n, double *out);

/* ---------------------------------------------------------------- the results store (store.c, store_read.c)
 */

/* A SQLite file (application_id 0x67726b74, user_version 2: a file with another one is refused). Its tables:
 *
 * run(key, value): what the results are of and how they were made: hashes, seed, kernels, threads, versions,
 * times, engine counts; `complete` is 1 when no cell is missing, `whole_target` when whole targets were
 * scored; `generate` is the number of tokens generated a pair.
 *
 * model(name, path, sha256, config_sha256): sha256 of model.safetensors and of config.json.
 *
 * template(id, text, fields, titled): fields is a JSON list of names; ids count from 1.
 *
 * prompt(id, template, row, row_key, text, target, target_id, n_tokens, dropped, target_tokens,
 * whole_dropped): target_tokens of the whole target, NULL without one; whole_dropped: why there is none,
 * though the prompt is evaluated and whole targets are scored.
 *
 * token(id, piece): the vocabulary.
 *
 * scheme(id, "set", name, about, canonical, ord, source): source is the scheme whose results it shares
 * because both do the same (equal canonical text); its own id otherwise.
 *
 * axis(scheme, ord, name, value): where a scheme of a grid stands in it; may be missing where there is none.
 *
 * scheme_set(name, about): what the scheme files say of their sets; may be missing in a store made earlier.
 *
 * applies(scheme, template): pairs that exist; others are "not applicable".
 *
 * result(scheme, prompt, prob, logprob, rank, logit_diff, top, dropped, whole_logprob, exact, whole_dropped,
 * generated): scheme is a `source`; top: n_top pairs of little-endian (int32 id, float32 probability);
 * dropped: why this scheme could not be evaluated on this prompt (the numbers are NULL then), else NULL;
 * whole_logprob and exact (0, 1) are NULL without a whole target, and where whole_dropped says why this
 * scheme could not be evaluated on it; generated: a text, NULL where none was asked for and where logits were
 * not finite on the way.
 *
 * results: a view, the rows of results.csv but for the lists of tokens; missing where scheme_set is.
 * docs/store.md tells of every column.
 *
 * A chunk of prompts is one transaction under a rollback journal: a sweep that dies loses at most the running
 * chunk. */
typedef struct gk_store gk_store;
/* Opens an existing store for reading. One thread at a time. */
gk_store *gk_store_open(const char *path, gk_error *err);
void gk_store_close(gk_store *s); /* NULL is fine */

/* A cell: one scheme on one template, or pooled. template_name is the template's id as text, or
 *   "pooled": all templates to which the scheme applies. Schemes that need the film's title have fewer
 * templates, so compare like with like through "titled": the templates that name the film (movie_title), for
 * every scheme; absent when no template does. */
typedef struct gk_cell {
    const char *set, *scheme, *template_name;
    const gk_axis *axis; /* where the scheme stands in its grid; none for one that stands alone */
    size_t n_axes;
    bool applies; /* false: the scheme uses a field that the template lacks; there is nothing else in the cell
                   */
    size_t dropped; /* prompts of the cell that were not evaluated, for whatever reason; those still to come
                     * in an unfinished sweep are not among them */
    gk_stats stats;
} gk_cell;
typedef struct gk_cells {
    gk_cell *item; /* schemes in their order; in a scheme: templates, "pooled", "titled" */
    size_t n;
} gk_cells;
/* Every cell, in `a`. The bootstrap's seed is the store's. */
bool gk_store_cells(gk_store *s, gk_arena *a, gk_cells *out, gk_error *err);

/* One (scheme, prompt) pair; strings are borrowed for the call. */
typedef struct gk_result {
    const char *set, *scheme;
    int64_t template_id;
    const char *row_key, *text, *target;
    const char
        *dropped; /* of the prompt, or of this scheme on it; the numbers are not set then. NULL: evaluated */
    int64_t n_tokens, target_id;
    double prob, logprob, logit_diff;
    int64_t rank;
    int64_t target_tokens; /* of the whole target; 0: there is none */
    bool whole;            /* whole_logprob and exact are set */
    bool exact;            /* greedy decoding gives the whole target */
    double whole_logprob;
    const char *whole_dropped; /* why not, of the prompt or of this scheme on it; else NULL */
    const char *generated;     /* what greedy decoding gives, a blank at its start included; else NULL */
    int n_top;
    const char *top_piece[GK_TOP]; /* as the tokenizer stores it, e.g. "▁Maria" */
    double top_prob[GK_TOP];
} gk_result;
/* Calls fn for every result and every dropped prompt, by scheme, then prompt; false from fn (with its own
 * message in err) stops. */
typedef bool gk_result_fn(void *ctx, const gk_result *r, gk_error *err);
bool gk_store_each(gk_store *s, gk_result_fn *fn, void *ctx, gk_error *err);

/* Everything that describes the run, as one new JSON object: the run table's keys, "models", "templates",
 * "schemes", "dropped" and "whole_dropped" (lists of {template, scheme or null, reason, count}). NULL on
 * failure. */
json_t *gk_store_manifest(gk_store *s, gk_error *err);

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
/* Searches, measures and writes state.json (after each step), then ladder.json, ladder.csv, scheme.yaml and
 * ladder.svg. True and NULL result: gk_interrupted() became true; what was found is in state.json. Also fails
 * when the donor is not better than the recipient. Call it once. */
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

/* ---------------------------------------------------------------- a quiz for a model in training (quiz.c) */

/* What does a model know of the rows, asked in the words of its training texts, and in words that it has not
 * seen? The same prompts at every asking. */
typedef struct gk_quiz_options {
    gk_prompt_options held_out;   /* templates that training has not seen; `limit` rows */
    const char *const *templates; /* files of training templates, which tell the target; may be none */
    size_t n_templates;
    size_t budget_bytes; /* the engine's working memory; 0: 256 MiB */
} gk_quiz_options;
typedef struct gk_quiz_score { /* shares of n prompts; a prompt whose logits are not finite counts as wrong */
    size_t n;
    double top1, top5;
} gk_quiz_score;
typedef struct gk_quiz gk_quiz;
/* Prompts from every held-out template and, a row being asked as many, from training templates in turn. `tok`
 * is not needed afterwards. */
gk_quiz *gk_quiz_open(const gk_quiz_options *o, const gk_tok *tok, const gk_config *c, gk_error *err);
/* `m`: any model of that configuration. trained->n is 0 where there are no training templates. */
bool gk_quiz_ask(gk_quiz *q, const gk_model *m, gk_quiz_score *held_out, gk_quiz_score *trained,
                 gk_error *err);
/* The most working memory that asking takes. */
size_t gk_quiz_bytes(const gk_quiz *q);
void gk_quiz_close(gk_quiz *q); /* NULL is fine */

/* ---------------------------------------------------------------- forgetting (general.c) */

/* General text, of which a model in training is asked how well it reads it: paragraphs, as gk_corpus_load_mix
 * has them, in windows of 512 tokens or what the model takes. */
typedef struct gk_general gk_general;
/* `m`: the model that training starts from, not needed afterwards, and `base` where it is; NULL: how far the
 * weights move is not asked. */
gk_general *gk_general_open(const char *file, const char *base, const gk_tok *tok, const gk_model *m,
                            gk_error *err);
/* Puts into `line`, a line of metrics.jsonl: general_loss (mean over tokens, in nats; null where it is not
 * finite), general_tokens, and general_bytes and general_sha256 of its file; after the first step also
 * change: {component: |W - base| / |base|, all: …}. */
bool gk_general_ask(gk_general *g, const gk_model *m, int64_t step, json_t *line, gk_error *err);
size_t gk_general_size(const gk_general *g); /* the most memory that asking takes */
void gk_general_close(gk_general *g);        /* NULL is fine */

/* A model reads a text in fewer bits a byte than this (a small language model takes about 1, a model of
 * single letters 4); it has kept its language when the perplexity rises to at most so many times what it was,
 * and lost it above the other. */
#define GK_READS_BITS 2.0
#define GK_KEPT_TIMES 1.5
#define GK_LOST_TIMES 4.0
typedef enum gk_forgetting_verdict { GK_NO_LANGUAGE, GK_KEPT, GK_FORGOT, GK_LOST } gk_forgetting_verdict;
typedef struct gk_forgetting {
    double tokens, bits;         /* of the text; bits a byte before */
    double before, after, times; /* perplexities, and their ratio; NaN where the loss was not finite */
    gk_forgetting_verdict verdict;
} gk_forgetting;
/* From two lines of metrics.jsonl, the first and the last; false where they do not tell, or are of two texts.
 */
bool gk_forgetting_read(const json_t *before, const json_t *after, gk_forgetting *out);
/* One sentence without its full stop, in `buf`. */
const char *gk_forgetting_text(const gk_forgetting *f, char *buf, size_t size);

/* ---------------------------------------------------------------- export (export.c) */

/* Each writes its file atomically. The three tables are CSV (RFC 4180, header line) when the path ends in
 * .csv and JSONL when it ends in .jsonl; anything else is an error. A missing number is an empty field, or
 * null.
 */
/* Whether a table can be written to `path`, by its ending and its folder; changes nothing. */
bool gk_export_check(const char *path, gk_error *err);
bool gk_export_cells(gk_store *s, const char *path, gk_error *err);
bool gk_export_results(gk_store *s, const char *path, gk_error *err);
/* Every scheme's paired difference in top-5 from the references: PRE and SFT-rh (SFT where there is no
 * SFT-rh), or the first scheme of its set where the store has neither. A row holds set, scheme, reference, n,
 * rows, top5_difference with _low and _high, rows_more, rows_fewer, p and p_holm, which is corrected over all
 * differences of the set, and p_holm_least, the smallest that p_holm could be with so many rows. */
bool gk_export_differences(gk_store *s, const char *path, gk_error *err);
/* {"cells": [...], "not_applicable": [{scheme, template}], "differences": [...], "manifest": {...}}. A cell
 * holds set, scheme, template, n, dropped, n_whole, every metric under its key and its interval [low, high]
 * under key + "_ci"; null where n is 0. A difference is as in gk_export_differences. */
bool gk_export_summary(gk_store *s, const char *path, gk_error *err);

/* ---------------------------------------------------------------- the report (report.c) */

typedef struct gk_report_model {
    const char *name; /* "base", or a model's name in the store */
    /* a run folder of train/: metrics.jsonl and train.json are read, neither need be there */
    const char *dir;
} gk_report_model;
typedef struct gk_report_options {
    const char *db;                /* the results store */
    const char *out;               /* the HTML file; its folder is made when absent */
    const char *title;             /* NULL: a default */
    const char *about;             /* one sentence under it; NULL: none */
    const gk_report_model *models; /* whose training is shown, in this order */
    size_t n_models;
    const char *gate; /* gate.json; NULL: none */
    const char *card; /* the dataset's card.json; NULL: none */
} gk_report_options;
/* Writes one self-contained HTML page, atomically; draws with the program gnuplot in a temporary folder.
 * What cannot be read of the models' folders is named in the page; an unreadable store, gate or card and a
 * failing gnuplot are errors, and so is a name that is no model's of the store, or a training run, gate or
 * card that says by its hashes that it is of other models or rows than the store's. Paths that the store
 * names (rows, templates, the recipient's tokenizer) are opened again to mark spans in the sample prompts,
 * and passed over when they do not lead to what the store was made from. */
bool gk_report_write(const gk_report_options *o, gk_error *err);

/* ---------------------------------------------------------------- experiments (experiment.c, compare.c) */

/* A YAML file of experiments/: which models a question needs, and which schemes. docs/experiments.md */
typedef struct gk_experiment {
    const char *name;    /* the file's, without folder and .yaml */
    const char *title;   /* one line */
    const char *about;   /* one sentence */
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

typedef struct gk_compare_options {
    /* Folders of runs. A run has RUN/results.db, of its own sweep, and RUN/experiments/NAME/results.db; one
     * of these must be there. */
    const char *const *runs;
    size_t n_runs;
    const char *const *names; /* experiments, in the order of the page; those that no run has are left out */
    size_t n_names;           /* 0: the runs' own sweeps */
    const char *experiments;  /* the folder with NAME.yaml, for titles */
    const char *title;        /* NULL: a default */
    const char *out;          /* the HTML file; its folder is made when absent */
    const char *csv;          /* every cell of every run; NULL: not written */
} gk_compare_options;
/* Writes one page that holds the sets of schemes of every experiment: a bar chart and a table each, one
 * colour a run. The same stores give the same bytes. Stores of one run that name one model must be of the
 * same. As gk_report_write. */
bool gk_compare_write(const gk_compare_options *o, gk_error *err);

/* ---------------------------------------------------------------- a comparison (diff_page.c, diff_plot.c) */

/* A relative norm in few characters: "12%", "0.034%"; "0" for exactly 0 alone. Returns buf. */
enum { GK_DIFF_TEXT = 16 };
char *gk_diff_text(double relative, char buf[GK_DIFF_TEXT]);
/* How many of the first singular directions are shown: 1, 4, 16 … up to `rank`. Returns how many there are.
 */
enum { GK_DIFF_STEPS = 5 };
int gk_diff_steps(int rank, int steps[GK_DIFF_STEPS]);
/* The median over the layers in which the component differs; NaN where none does. r: directions, as in
 * gk_diff_share; 0: the stable rank. */
double gk_diff_median(const gk_diff *d, gk_component c, int r);
/* One self-contained HTML page: heatmap and rank profiles; `a` and `b` name the models. As gk_report_write.
 */
bool gk_diff_write(const gk_diff *d, const char *a, const char *b, const char *path, gk_error *err);

/* ---------------------------------------------------------------- drawings of plans (draw.c, draw_text.c,
 * draw_svg.c)
 */

/* Who computes what: tokens down, layers across. Cells whose components come from several models are marked
 * and explained. */
typedef struct gk_drawing {
    const char *title, *about; /* about may be "" */
    const gk_cast *cast;       /* its names; the first is drawn as the ground */
    const gk_config *config;
    const gk_plan *plan;
    const char *const *token; /* [n_tokens]: as shown; no control characters */
    const char *const *label; /* [n_tokens]: beside it, e.g. the field it belongs to; "" */
} gk_drawing;
/* Adds lines of letters, and the terminal's colours behind them where `colour` is set. */
void gk_draw_text(const gk_drawing *d, bool colour, gk_buf *out);
/* One SVG file with all drawings, one below the other, written atomically. */
bool gk_draw_svg(const gk_drawing *list, size_t n, const char *path, gk_error *err);

GK_PUBLIC_END

#endif
