/* internal.h: what the files of train/ share about a run and its folder. */
#ifndef GK_TRAIN_INTERNAL_H
#define GK_TRAIN_INTERNAL_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/config.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"
#include "graftkit/train/corpus.h"
#include "graftkit/train/optimizer.h"
#include "graftkit/train/recipe.h"
#include "graftkit/train/training.h"
#include "model/arrays.h"

/* ---- freeze.c */

bool gk_train__freeze_parse(const char *text, gk_recipe *r, gk_place at, gk_error *err);
json_t *gk_train__freeze_json(const gk_recipe *r);
/* Whether two such lists freeze the same in a model of this kind, however they say it. */
bool gk_train__freeze_same(const json_t *a, const json_t *b, const gk_config *c);
/* A line for each part of the layers that a model so shallow has nothing of. */
void gk_train__freeze_notes(const gk_recipe *r, const gk_config *c, void on_note(void *ctx, const char *line),
                            void *ctx);

/* ---- text_files.c: the texts of a corpus as they stand in its files */

typedef struct gk_train__example {
    const char *utf8;
    size_t len;
    size_t answer, answer_end; /* the bytes [answer, answer_end) are the answer */
    const char *file;          /* borrowed */
    long line;
    gk_tokens ids; /* once it is encoded */
} gk_train__example;
typedef struct gk_train__examples {
    gk_train__example *item; /* released with gk_free */
    size_t n, cap;
    gk_arena *a; /* of the texts */
} gk_train__examples;
/* Appends the texts of all files; `plain`: a file whose name does not end in .jsonl or .json is paragraphs.
 * Under GK_LOSS_ANSWER every text has an answer. */
bool gk_train__read_examples(gk_train__examples *t, const char *const *files, size_t n_files, bool plain,
                             gk_loss loss, gk_error *err);

/* ---- packing.c */

/* The training texts shuffled by (seed, stream, pass) alone, or in file order. */
void gk_train__stream_order(const gk_split *s, bool shuffle, uint64_t seed, const char *stream, int64_t pass,
                            uint32_t *order);

/* ---- step_texts.c: which texts a step takes: a function of recipe, seed, texts and the step's number */

typedef struct gk_train__step_texts gk_train__step_texts;
/* Holds texts out and counts the run's steps; everything it borrows is the job's. */
gk_train__step_texts *gk_train__step_texts_new(const gk_train_job *job, gk_error *err);
void gk_train__step_texts_free(gk_train__step_texts *p); /* NULL is fine */
const gk_split *gk_train__step_texts_split(const gk_train__step_texts *p);
int64_t gk_train__step_texts_steps(const gk_train__step_texts *p);  /* of the whole run */
int64_t gk_train__step_texts_warmup(const gk_train__step_texts *p); /* steps */
/* From here on gk_train__step_texts_next gives what comes after `step` steps. */
void gk_train__step_texts_seek(gk_train__step_texts *p, int64_t step);
typedef struct gk_train__next_texts { /* of a step */
    const uint32_t *text;             /* as gk_packer numbers them; borrowed until the next call */
    size_t n;
    int64_t epoch;   /* from 0 */
    bool ends_epoch; /* it takes the last text of the epoch */
} gk_train__next_texts;
gk_train__next_texts gk_train__step_texts_next(gk_train__step_texts *p);

/* ---- run_state.c: where a run stands, and what it was made from */

typedef struct gk_train__state { /* after `step` steps */
    int64_t step, tokens;
    int64_t metrics_bytes; /* length of metrics.jsonl at that moment */
    int64_t best_step;     /* of best_loss; 0: no validation yet */
    int64_t since_best;    /* validations after that one */
    bool stopped;          /* by `patience`: this was the last step */
    double seconds;
    double loss, valid_loss, best_loss; /* NaN: none yet */
} gk_train__state;
json_t *gk_train__state_json(const gk_train__state *s);
bool gk_train__state_parse(const json_t *json, int64_t total_steps, gk_train__state *out, gk_place at,
                           gk_error *err);

/* Everything the resulting weights depend on, as an object: two runs with equal inputs are the same run. */
json_t *gk_train__inputs_json(const gk_train_job *job);
/* A freeze of `there` that is the one of `here`, said otherwise, becomes that. */
void gk_train__inputs_align(json_t *there, const json_t *here, const gk_config *c);
/* True when equal; otherwise fails naming the first input that differs, and how. */
bool gk_train__inputs_match(const json_t *there, const json_t *here, gk_place at, gk_error *err);

/* ---- adamw.c: what its variants share */

bool gk_train__decays(const gk_param *p, const gk_adamw_opts *o);
double gk_train__sum_squares(size_t n, const float *x);

/* ---- trained_weights.c: the vector that a run trains: the model's, or an adapter's where the recipe has a
 * rank */

typedef struct gk_train__trained {
    gk_adapter *adapter; /* NULL: the model itself */
    const gk_param *params;
    size_t n_params, floats;
    float *data;
} gk_train__trained;
/* `frozen`: gk_recipe_frozen's masks, which an adapter must not touch. Freed by gk_train__trained_free, after
 * a failure too. */
bool gk_train__trained_make(const gk_train_job *job, const uint32_t *frozen, gk_train__trained *out,
                            gk_error *err);
void gk_train__trained_free(gk_train__trained *t);
/* A copy of the model with the adapter added. */
gk_model *gk_train__trained_merged(const gk_train__trained *t, const gk_model *m, gk_error *err);
/* The result, as a model or an adapter. */
bool gk_train__trained_save(const gk_train__trained *t, const gk_train_job *job, gk_error *err);
/* lora_targets, as "q,v" or "attn,down"; as a list of names. */
bool gk_train__targets_parse(const char *text, uint32_t *out, gk_place at, gk_error *err);
json_t *gk_train__targets_json(uint32_t targets);

/* ---- memory.c */

/* `frozen` is borrowed by the result. */
gk_session_opts gk_train__session_opts(const gk_recipe *r, int rows, const gk_adapter *a,
                                       const uint32_t *frozen);

/* ---- update.c: the vectors of a run and their update, as the recipe's `memory` and `bf16` say */

enum { GK_TRAIN__MOST_ARRAYS = 8 };
typedef struct gk_train__update {
    gk_model *model;
    const gk_train__trained *trained;
    const uint32_t *frozen; /* NULL beside an adapter */
    double clip;
    gk_adamw *adam; /* NULL: lean */
    gk_lean *lean;
    float *data, *grad;
    void *
        best[GK_TRAIN__MOST_ARRAYS]; /* copies of gk_train__update_weights' arrays, where the best are kept */
} gk_train__update;
/* Lean: gives up the model's floats. Freed by gk_train__update_free, after a failure too. */
bool gk_train__update_make(gk_train__update *u, const gk_train_job *job, const gk_train__trained *t,
                           const uint32_t *frozen, gk_error *err);
void gk_train__update_free(gk_train__update *u);
/* What makes up the result; all that a checkpoint holds. Return how many. */
size_t gk_train__update_weights(gk_train__update *u, gk_typed_array list[GK_TRAIN__MOST_ARRAYS]);
size_t gk_train__update_arrays(gk_train__update *u, gk_typed_array list[GK_TRAIN__MOST_ARRAYS]);
bool gk_train__update_loaded(gk_train__update *u, gk_error *err); /* after a checkpoint was read into them */
void gk_train__update_keep_best(gk_train__update *u);
void gk_train__update_take_best(gk_train__update *u);
/* Step t (from 1): how its backward pass is to run, the gradient's norm, the update. */
gk_backprop gk_train__update_begin(gk_train__update *u, int64_t t, double lr);
double gk_train__update_norm(const gk_train__update *u);
void gk_train__update_end(gk_train__update *u, int64_t t, double lr, double norm);

/* ---- checkpoint.c */

/* All that a run is made of, as named arrays of the types that it computes with. Wider types first: floats at
 * an odd place of the file would be copied when it is opened. The same names, types and numbers must be given
 * to load as were given to save. `c`: the model's, where its own weights are what is trained: the file is
 * then a model to others; or NULL. */
bool gk_train__checkpoint_save(const char *path, const gk_typed_array *list, size_t n, const json_t *inputs,
                               const gk_config *c, const gk_train__state *s, gk_error *err);
typedef struct gk_train__checkpoint gk_train__checkpoint;
/* NULL unless the whole file is sound: every array and all else matches its checksum. `path` is borrowed. */
gk_train__checkpoint *gk_train__checkpoint_open(const char *path, gk_error *err);
void gk_train__checkpoint_close(gk_train__checkpoint *c); /* NULL is fine */
const char *gk_train__checkpoint_path(const gk_train__checkpoint *c);
/* What it was made from, as a new reference. */
json_t *gk_train__checkpoint_inputs(const gk_train__checkpoint *c, gk_error *err);
bool gk_train__checkpoint_state(const gk_train__checkpoint *c, int64_t total_steps, gk_train__state *s,
                                gk_error *err);
/* Copies into the arrays of the list; changes nothing unless all are there and as many threads as now made
 * them. */
bool gk_train__checkpoint_load(const gk_train__checkpoint *c, const gk_typed_array *list, size_t n,
                               gk_error *err);

/* ---- checkpoint_files.c: the checkpoints of a folder */

typedef struct gk_train__checkpoint_file {
    int64_t step;
    char *path;
} gk_train__checkpoint_file;
char *gk_train__checkpoint_files_path(gk_arena *a, const char *dir, int64_t step);
size_t gk_train__checkpoint_files_list(gk_arena *a, const char *dir,
                                       gk_train__checkpoint_file **out); /* newest first */
typedef struct gk_train__skipped {
    size_t n;
    gk_error first; /* what is wrong with the newest */
} gk_train__skipped;
/* The newest sound checkpoint, with what was passed over for it; NULL when there is none. Its path is in `a`.
 */
gk_train__checkpoint *gk_train__checkpoint_files_newest(gk_arena *a, const char *dir, const char *metrics,
                                                        gk_train__skipped *skipped, gk_error *err);
/* Removes all but `keep` up to step `newest`; what is newer was passed over as damaged. */
void gk_train__checkpoint_files_prune(const char *dir, int64_t newest, int64_t keep);
/* Removes all, the oldest first. */
bool gk_train__checkpoint_files_remove(const char *dir, gk_error *err);
/* Removes what a killed run was writing: nobody else writes such names in a folder that is locked. */
void gk_train__checkpoint_files_sweep(const char *dir);

/* ---- run_folder.c: who owns the run folder and what it holds */

typedef enum gk_train__found { GK_TRAIN__FRESH, GK_TRAIN__UNFINISHED, GK_TRAIN__FINISHED } gk_train__found;
typedef struct gk_train__folder {
    int lock; /* descriptor of the folder, held until the run ends */
    const char *dir;
    char *metrics, *manifest;
    char *weights, *config;             /* the result's */
    char *other_weights, *other_config; /* those of the other kind, adapter or model: not this run's */
    char *generation;                   /* generation_config.json, which a saved model has or has not */
    gk_train__checkpoint *resume;       /* of an unfinished run; closed with the folder if not before */
    gk_train__skipped skipped;          /* for it */
} gk_train__folder;
/* Makes and locks the folder, and refuses one that holds anything but this run. `paths` are in `a`. */
bool gk_train__folder_enter(gk_arena *a, const gk_train_job *job, const json_t *inputs, gk_train__folder *f,
                            gk_train__found *found, gk_error *err);
void gk_train__folder_leave(gk_train__folder *f);
/* Reads what a finished run's manifest says; fails when the weights are not the file it was written for.
 */
bool gk_train__manifest_read(const gk_train__folder *f, gk_train_result *out, gk_error *err);
bool gk_train__manifest_write(const gk_train__folder *f, const json_t *inputs, const gk_train__state *s,
                              gk_error *err);

/* ---- throughput.c: how fast the run goes */

typedef struct gk_train__throughput {
    double peak, flops;    /* FLOP/s of the machine; FLOPs since the process began */
    double less_a_row;     /* of gk_train_product_flops, for what is frozen */
    double less_attention; /* the share of gk_train_attention_flops, for layers without a backward pass */
    double begun, logged, logged_flops;
    int64_t total, first_step, first_tokens, logged_tokens;
} gk_train__throughput;
typedef struct gk_train__speed {
    double tokens_per_s, gflops_per_s, peak_share, seconds_left;
} gk_train__speed;
/* Measures the machine's peak, which takes some 50 ms. `frozen` as in gk_session_opts, `lowest` as
 * gk_session_lowest says. */
void gk_train__throughput_begin(gk_train__throughput *p, const gk_train_job *job, const gk_train__trained *t,
                                const uint32_t *frozen, int lowest, const gk_train__state *at,
                                int64_t total_steps);
void gk_train__throughput_step(gk_train__throughput *p, const gk_train_job *job,
                               const gk_train__next_texts *texts); /* counts a step */
gk_train__speed gk_train__throughput_now(const gk_train__throughput *p,
                                         const gk_train__state *at); /* since this process began */
gk_train__speed gk_train__throughput_since_log(gk_train__throughput *p,
                                               const gk_train__state *at); /* since the last such call */

/* ---- metrics.c: metrics.jsonl, cut back to the checkpoint's length on resume */

typedef struct gk_train__metrics {
    FILE *f;
    const char *path;
} gk_train__metrics;
/* False when the file is shorter than `bytes`. */
bool gk_train__metrics_reach(const char *path, int64_t bytes, gk_error *err);
/* Cuts the file to `keep` bytes and appends from there. `path` is borrowed. */
bool gk_train__metrics_open(gk_train__metrics *m, const char *path, int64_t keep, gk_error *err);
void gk_train__metrics_step(gk_train__metrics *m, const gk_train__state *s, int64_t epoch, double norm,
                            double lr, const gk_train__speed *speed);
void gk_train__metrics_valid(gk_train__metrics *m, const gk_train__state *s, int64_t epoch);
/* A line of `epochs` finished epochs with all members of `line`; nothing when it has none. */
void gk_train__metrics_epoch(gk_train__metrics *m, const gk_train__state *s, int64_t epochs,
                             const json_t *line);
/* On disk up to *bytes; reports any write that failed since the last call. */
bool gk_train__metrics_sync(gk_train__metrics *m, int64_t *bytes, gk_error *err);
void gk_train__metrics_close(gk_train__metrics *m);

#endif
