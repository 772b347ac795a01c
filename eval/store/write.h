/* write.h: what a sweep writes into the store, and all of a run as JSON. Shared between eval's rooms and
 * report/; not installed.
 */
#ifndef GK_EVAL_STORE_WRITE_H
#define GK_EVAL_STORE_WRITE_H

#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/eval/store.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/tokenizer.h"

#include <jansson.h>

struct gk_outcomes;
/* The headline's schemes and shares, as summary.json has them (docs/store.md). */
json_t *gk_headline_json(const struct gk_outcomes *o, uint64_t seed);

/* Everything that describes the run, as one new JSON object: the run table's keys, "models", "templates",
 * "schemes", "dropped" and "whole_dropped" (lists of {template, scheme or null, reason, count}). NULL on
 * failure. */
json_t *gk_store_manifest(gk_store *s, gk_error *err);

typedef struct gk_run_model {
    const char *name, *path;
    bool derived; /* path is how, e.g. "sft:rank=8", and sha256 of that and of all weights that take part */
    char sha256[GK_SHA256_HEX], config_sha256[GK_SHA256_HEX];
} gk_run_model;

/* What a store is of. */
typedef struct gk_run {
    json_t *identity; /* strings: results with other values do not belong into the same store */
    json_t *first;    /* strings stored when the store is made, and then left alone */
    json_t *info;     /* strings that describe the latest run */
    gk_run_model model[GK_MAX_MODELS];
    int n_models;
    const gk_prompts *prompts;
    const gk_tok *tok;
    const gk_schemes *schemes; /* twins too, behind the others */
    const size_t *twin_of;     /* of each scheme: 1 + the place of the one whose placebo it is; 0: of none.
                                * NULL: of none */
    /* Of the prompts, may be NULL. A store that has some already keeps them, and `other` becomes those. */
    gk_permuted *permuted;
} gk_run;

/* Creates the store, or opens one and checks that it is of the same run; adds models and schemes that are new
 * to it. On a mismatch *other is set. source[i] is the id under which scheme i's results are kept. */
gk_store *gk_store_begin(const char *path, const gk_run *run, int64_t *source, bool *other, gk_error *err);
/* Calls fn(ctx, source, prompt) for every result that is there. */
bool gk_store_done(gk_store *s, void (*fn)(void *ctx, int64_t source, int64_t prompt), void *ctx,
                   gk_error *err);

/* What a scheme selects in a template, to see where two select the same: hashes of its plans on all prompts,
 * and of their last columns. */
typedef struct gk_selection {
    int64_t source;
    size_t tmpl;         /* index */
    uint64_t plan, last; /* last: 0 where the prompts' differ */
} gk_selection;
/* Calls fn(ctx, source) for every source whose selections the store knows. */
bool gk_store_selected(gk_store *s, void (*fn)(void *ctx, int64_t source), void *ctx, gk_error *err);
bool gk_store_add_selections(gk_store *s, const gk_selection *list, size_t n, gk_error *err);

typedef struct gk_stored {
    int64_t source;
    size_t prompt; /* index in gk_prompts */
    gk_score score;
    const char *dropped; /* then score is not used */
    bool permuted;       /* `other` is set: of another fact's target (gk_prompts_permute) */
    gk_score_other other;
    bool whole; /* whole_logprob and exact are set */
    bool exact;
    double whole_logprob;
    const char
        *whole_dropped;    /* why not, where the prompt has a whole target and the first token is scored */
    const char *generated; /* what it said; NULL: not asked for, or logits were not finite on the way */
} gk_stored;
/* One transaction: the results and the run keys of `info` (strings). */
bool gk_store_add(gk_store *s, const gk_stored *r, size_t n, const json_t *info, gk_error *err);
/* Says in the run table whether every scheme of the store, not only the latest run's, has all its results. */
bool gk_store_finish(gk_store *s, gk_error *err);

/* The numbers of a cell beside its metrics: how alike facts are, and its floors (docs/store.md, cells.csv);
 * NaN where there is none. */
typedef struct gk_cell_number {
    const char *name;
    double value;
} gk_cell_number;
enum { GK_CELL_NUMBERS = 16 };
void gk_cell_numbers(const gk_cell *c, gk_cell_number out[GK_CELL_NUMBERS]);

/* A field, as RFC 4180 wants it: quoted when it holds a quote, a comma or a line break (table.c). */
void gk_csv_text(FILE *f, const char *text);

#endif
