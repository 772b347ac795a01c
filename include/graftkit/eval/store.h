/* store.h (eval/store): the results store (SQLite): what a sweep wrote, read and exported.
 *
 * Example:
 *     gk_arena *a = gk_arena_new();
 *     gk_store *s = gk_store_open("runs/results.db", err);
 *     gk_cells cells;
 *     bool ok = s && gk_store_cells(s, a, &cells, err);
 *     for (size_t i = 0; ok && i < cells.n; i++)
 *         printf("%s, %s: %.3f\n", cells.item[i].scheme, cells.item[i].template_name,
 *                cells.item[i].stats.value[GK_METRIC_top5]);
 *     gk_store_close(s);
 *     gk_arena_free(a);
 *     return ok;
 */
#ifndef GRAFTKIT_EVAL_STORE_H
#define GRAFTKIT_EVAL_STORE_H

#include "graftkit/core/memory.h"
#include "graftkit/eval/measure.h"
#include "graftkit/graft/scheme.h"

GK_PUBLIC_BEGIN

/* A SQLite file (application_id 0x67726b74, user_version 3; 2 is read, too, another is refused). Its tables:
 *
 * run(key, value): what the results are of and how they were made: hashes, seed, kernels, threads, versions,
 * times, engine counts; `complete` is 1 when no cell is missing, `whole_target` when whole targets were
 * scored; `generate` is the number of tokens generated a pair.
 *
 * model(name, path, sha256, config_sha256): sha256 of model.safetensors and of config.json.
 *
 * template(id, text, fields): fields is a JSON list of names; ids count from 1.
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
 * scheme_set(name, about, title): what the scheme files say of their sets; may be missing in a store made
 * earlier, and so may title.
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
 * contrast(a, b, metric, margin, about, "set", file, ord, ahead): what scheme files plan to compare, scheme a
 * minus scheme b; margin is NULL for none; ahead is 0 when results were there already.
 *
 * twin(scheme, "of"): placebos: the one scheme is the other with another model in its donor's place.
 *
 * permuted(prompt, other, target_id, reason): the prompt whose target stands in for a prompt's (gk_permuted);
 * permuted_result(scheme, prompt, logprob, rank, logit_diff): the result by that.
 *
 * selection(scheme, template, plan, last): what a `source` selects in a template; coincidence: a
 * view, which two select the same there, and for which the template is the exception.
 *
 * These, contrast and what follows may be missing in a store made earlier.
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
 *   "pooled": all templates to which the scheme applies. Schemes that use a field which some templates lack
 * have fewer, so compare like with like through
 *   "full": the templates that have every field that some template has, for every scheme, and
 *   "lacking": the others. Both are absent when none or all have.
 * A pool leaves out the templates in which another scheme selects the same and which are the exception for
 * this one: docs/store.md has the rule. */
typedef struct gk_cell {
    const char *set, *scheme, *template_name;
    const gk_axis *axis; /* where the scheme stands in its grid; none for one that stands alone */
    size_t n_axes;
    bool applies; /* false: the scheme uses a field that the template lacks; there is nothing else in the cell
                   */
    size_t dropped; /* prompts of the cell that were not evaluated, for whatever reason; those still to come
                     * in an unfinished sweep are not among them */
    gk_stats stats;
    /* Floors: the same with a placebo in the donor's place, and when asked for another fact's target. n is 0
     * where there is none; whole targets are not scored of the latter, prob is exp(logprob). */
    gk_stats placebo, permuted;
    const char *twin;     /* the placebo's name, "LT (placebo: task)"; NULL: the scheme has none */
    const char *same_as;  /* a template alone: schemes that select the same there, a line each; "": none */
    const char *left_out; /* a pool: the ids of templates it leaves out, blanks between them; "": none */
} gk_cell;
typedef struct gk_cells {
    gk_cell *item; /* schemes in their order; in a scheme: templates, "pooled", "full", "lacking" */
    size_t n;
} gk_cells;
/* Every cell, in `a`. The bootstrap's seed is the store's. */
bool gk_store_cells(gk_store *s, gk_arena *a, gk_cells *out, gk_error *err);

/* A result to compare with. */
typedef struct gk_floor {
    bool there;
    int64_t rank;
    double logprob, logit_diff;
} gk_floor;

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
    const char *whole_dropped;  /* why not, of the prompt or of this scheme on it; else NULL */
    const char *generated;      /* what greedy decoding gives, a blank at its start included; else NULL */
    gk_floor permuted, placebo; /* asked for another fact's target; with a placebo in the donor's place */
    int64_t permuted_id;        /* the token that the target begins with that stands in; -1: none */
    const char *twin;           /* the placebo's name; NULL: none */
    int n_top;
    const char *top_piece[GK_TOP]; /* as the tokenizer stores it, e.g. "▁Maria" */
    double top_prob[GK_TOP];
    int32_t top_id[GK_TOP];
} gk_result;
/* Calls fn for every result and every dropped prompt, by scheme, then prompt; false from fn (with its own
 * message in err) stops. */
typedef bool gk_result_fn(void *ctx, const gk_result *r, gk_error *err);
bool gk_store_each(gk_store *s, gk_result_fn *fn, void *ctx, gk_error *err);
/* The value of a run key in `a`; NULL when there is none or on failure (err is filled then). */
char *gk_store_get(gk_store *s, gk_arena *a, const char *key, gk_error *err);
/* The seed of the store's bootstrap. */
bool gk_store_seed(gk_store *s, uint64_t *out, gk_error *err);

/* ---------------------------------------------------------------- export */

/* Each writes its file atomically. The three tables are CSV (RFC 4180, header line) when the path ends in
 * .csv and JSONL when it ends in .jsonl; anything else is an error. A missing number is an empty field, or
 * null.
 */
/* Whether a table can be written to `path`, by its ending and its folder; changes nothing. */
bool gk_export_check(const char *path, gk_error *err);
/* A row a cell of gk_store_cells; a row a result of gk_store_each. docs/store.md has the columns. */
bool gk_export_cells(gk_store *s, const char *path, gk_error *err);
bool gk_export_results(gk_store *s, const char *path, gk_error *err);
/* Every scheme's paired difference in top-5 from the references: PRE and SFT-rh (SFT where there is no
 * SFT-rh), or the first scheme of its set where the store has neither. A row holds set, scheme, reference, n,
 * rows, top5_difference with _low and _high, rows_more, rows_fewer, p and p_holm, which is corrected over all
 * differences of the set, and p_holm_least, the smallest that p_holm could be with so many rows. */
bool gk_export_differences(gk_store *s, const char *path, gk_error *err);
/* What the scheme files planned to compare (`compare:`): a row a contrast and metric, with its difference,
 * its interval and its tests; its header line alone where nothing is planned. docs/store.md has the columns.
 */
bool gk_export_contrasts(gk_store *s, const char *path, gk_error *err);
/* {"cells": [...], "not_applicable": [{scheme, template}], "differences": [...], "contrasts": [...],
 * "manifest": {...}}. A cell
 * holds set, scheme, template, n, rows, dropped, n_whole, every metric under its key and its interval [low,
 * high] under key + "_ci"; null where n is 0. A difference is as in gk_export_differences, a contrast as in
 * gk_export_contrasts. */
bool gk_export_summary(gk_store *s, const char *path, gk_error *err);
/* Tables for a paper, one a set: its schemes' cells with all templates, numbers as gk_metric_text has them,
 * with intervals, caption and label (tab:SET); for the package booktabs, and longtable where a set has more
 * than 40 schemes. All in `path` when it ends in .tex; in a folder, which is made when `path` ends in a
 * slash, each in SET.tex (of SET, letters, digits and hyphens; 80 at most, and no two alike). Of an
 * unfinished sweep every caption says so. */
bool gk_export_latex_check(const char *path, gk_error *err); /* as gk_export_check */
bool gk_export_latex(gk_store *s, const char *path, gk_error *err);

/* What the public code of the paper would have written: in `dir` (made where it is absent), for every scheme
 * that grafts weights and every template, lm_head_POLICY/DATASET/MODEL/DIRECTION/PATCH/RUN/sentence_N/
 * dropout_RATE_layer_count/results.json (no_patching in place of the last folder for one model alone), and an
 * experiment_config.json in RUN. dataset and model are names of folders: NULL takes the folder of the run's
 * templates, and the public code's name of the run's family. docs/public-code.md has the rules. */
bool gk_export_public_check(const char *dir, const char *dataset, const char *model, gk_error *err);
bool gk_export_public(gk_store *s, const char *dir, const char *dataset, const char *model, gk_error *err);

GK_PUBLIC_END

#endif
