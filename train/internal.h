/* internal.h: what the files of train/ share about a run and its folder. */
#ifndef GK_TRAIN_INTERNAL_H
#define GK_TRAIN_INTERNAL_H

#include "train/train.h"

/* ---- freeze.c */

bool gk__freeze_parse(const char *text, gk_recipe *r, gk_place at, gk_error *err);
json_t *gk__freeze_json(const gk_recipe *r);

/* ---- text_files.c: the texts of a corpus as they stand in its files */

typedef struct gk__text {
    const char *utf8;
    size_t len;
    size_t answer, answer_end; /* the bytes [answer, answer_end) are the answer */
    const char *file;          /* borrowed */
    long line;
    gk_tokens ids; /* once it is encoded */
} gk__text;
typedef struct gk__text_list {
    gk__text *item; /* released with gk_free */
    size_t n, cap;
    gk_arena *a; /* of the texts */
} gk__text_list;
/* Appends the texts of all files; `plain`: a file whose name does not end in .jsonl or .json is paragraphs.
 * Under GK_LOSS_ANSWER every text has an answer. */
bool gk__read_texts(gk__text_list *t, const char *const *files, size_t n_files, bool plain, gk_loss loss,
                    gk_error *err);

/* ---- packing.c */

/* The training texts shuffled by (seed, stream, pass) alone, or in file order. */
void gk__stream_order(const gk_split *s, bool shuffle, uint64_t seed, const char *stream, int64_t pass,
                      uint32_t *order);

/* ---- step_texts.c: which texts a step takes: a function of recipe, seed, texts and the step's number */

typedef struct gk__plan gk__plan;
/* Holds texts out and counts the run's steps; everything it borrows is the job's. */
gk__plan *gk__plan_new(const gk_train_job *job, gk_error *err);
void gk__plan_free(gk__plan *p); /* NULL is fine */
const gk_split *gk__plan_split(const gk__plan *p);
int64_t gk__plan_steps(const gk__plan *p);  /* of the whole run */
int64_t gk__plan_warmup(const gk__plan *p); /* steps */
/* From here on gk__plan_next gives what comes after `step` steps. */
void gk__plan_seek(gk__plan *p, int64_t step);
typedef struct gk__texts { /* of a step */
    const uint32_t *text;  /* as gk_packer numbers them; borrowed until the next call */
    size_t n;
    int64_t epoch;   /* from 0 */
    bool ends_epoch; /* it takes the last text of the epoch */
} gk__texts;
gk__texts gk__plan_next(gk__plan *p);

/* ---- run_state.c: where a run stands, and what it was made from */

typedef struct gk__state { /* after `step` steps */
    int64_t step, tokens;
    int64_t metrics_bytes; /* length of metrics.jsonl at that moment */
    int64_t best_step;     /* of best_loss; 0: no validation yet */
    int64_t since_best;    /* validations after that one */
    bool stopped;          /* by `patience`: this was the last step */
    double seconds;
    double loss, valid_loss, best_loss; /* NaN: none yet */
} gk__state;
json_t *gk__state_json(const gk__state *s);
bool gk__state_parse(const json_t *json, int64_t total_steps, gk__state *out, gk_place at, gk_error *err);

/* Everything the resulting weights depend on, as an object: two runs with equal inputs are the same run. */
json_t *gk__inputs_json(const gk_train_job *job);
/* True when equal; otherwise fails naming the first input that differs, and how. */
bool gk__inputs_match(const json_t *there, const json_t *here, gk_place at, gk_error *err);

/* ---- adamw.c: what its variants share */

/* `frozen` as in gk_backprop, or NULL. */
bool gk__is_frozen(const gk_param *p, const uint32_t *frozen, int n_layers);
bool gk__decays(const gk_param *p, const gk_adamw_opts *o);
double gk__sum_squares(size_t n, const float *x);

/* ---- trained_weights.c: the vector that a run trains: the model's, or an adapter's where the recipe has a
 * rank */

typedef struct gk__trained {
    gk_adapter *adapter; /* NULL: the model itself */
    const gk_param *params;
    size_t n_params, floats;
    float *data;
} gk__trained;
/* `frozen`: gk_recipe_frozen's masks, which an adapter must not touch. Freed by gk__trained_free, after a
 * failure too. */
bool gk__trained_make(const gk_train_job *job, const uint32_t *frozen, gk__trained *out, gk_error *err);
void gk__trained_free(gk__trained *t);
/* A copy of the model with the adapter added. */
gk_model *gk__trained_merged(const gk__trained *t, const gk_model *m, gk_error *err);
/* The result, as a model or an adapter. */
bool gk__trained_save(const gk__trained *t, const gk_train_job *job, gk_error *err);
/* lora_targets, as "q,v" or "attn,down"; as a list of names. */
bool gk__targets_parse(const char *text, uint32_t *out, gk_place at, gk_error *err);
json_t *gk__targets_json(uint32_t targets);

/* ---- memory.c */

gk_session_opts gk__session_opts(const gk_recipe *r, int rows, const gk_adapter *a);

/* ---- update.c: the vectors of a run and their update, as the recipe's `memory` and `bf16` say */

enum { GK__MOST_ARRAYS = 8 };
typedef struct gk__update {
    gk_model *model;
    const gk__trained *trained;
    const uint32_t *frozen; /* NULL beside an adapter */
    double clip;
    gk_adamw *adam; /* NULL: lean */
    gk_lean *lean;
    float *data, *grad;
    void *best[GK__MOST_ARRAYS]; /* copies of gk__update_weights' arrays, where the best are kept */
} gk__update;
/* Lean: gives up the model's floats. Freed by gk__update_free, after a failure too. */
bool gk__update_make(gk__update *u, const gk_train_job *job, const gk__trained *t, const uint32_t *frozen,
                     gk_error *err);
void gk__update_free(gk__update *u);
/* What makes up the result; all that a checkpoint holds. Return how many. */
size_t gk__update_weights(gk__update *u, gk_typed_array list[GK__MOST_ARRAYS]);
size_t gk__update_arrays(gk__update *u, gk_typed_array list[GK__MOST_ARRAYS]);
bool gk__update_loaded(gk__update *u, gk_error *err); /* after a checkpoint was read into them */
void gk__update_keep_best(gk__update *u);
void gk__update_take_best(gk__update *u);
/* Step t (from 1): how its backward pass is to run, the gradient's norm, the update. */
gk_backprop gk__update_begin(gk__update *u, int64_t t, double lr);
double gk__update_norm(const gk__update *u);
void gk__update_end(gk__update *u, int64_t t, double lr, double norm);

/* ---- checkpoint.c */

/* All that a run is made of, as named arrays of the types that it computes with. Wider types first: floats at
 * an odd place of the file would be copied when it is opened. The same names, types and numbers must be given
 * to load as were given to save. `c`: the model's, where its own weights are what is trained: the file is
 * then a model to others; or NULL. */
bool gk__checkpoint_save(const char *path, const gk_typed_array *list, size_t n, const json_t *inputs,
                         const gk_config *c, const gk__state *s, gk_error *err);
typedef struct gk__checkpoint gk__checkpoint;
/* NULL unless the whole file is sound: every array and all else matches its checksum. `path` is borrowed. */
gk__checkpoint *gk__checkpoint_open(const char *path, gk_error *err);
void gk__checkpoint_close(gk__checkpoint *c); /* NULL is fine */
const char *gk__checkpoint_path(const gk__checkpoint *c);
/* What it was made from, as a new reference. */
json_t *gk__checkpoint_inputs(const gk__checkpoint *c, gk_error *err);
bool gk__checkpoint_state(const gk__checkpoint *c, int64_t total_steps, gk__state *s, gk_error *err);
/* Copies into the arrays of the list; changes nothing unless all are there and as many threads as now made
 * them. */
bool gk__checkpoint_load(const gk__checkpoint *c, const gk_typed_array *list, size_t n, gk_error *err);

/* ---- checkpoint_files.c: the checkpoints of a folder */

typedef struct gk__kept {
    int64_t step;
    char *path;
} gk__kept;
char *gk__kept_path(gk_arena *a, const char *dir, int64_t step);
size_t gk__kept_list(gk_arena *a, const char *dir, gk__kept **out); /* newest first */
typedef struct gk__skipped {
    size_t n;
    gk_error first; /* what is wrong with the newest */
} gk__skipped;
/* The newest sound checkpoint, with what was passed over for it; NULL when there is none. Its path is in `a`.
 */
gk__checkpoint *gk__kept_newest(gk_arena *a, const char *dir, const char *metrics, gk__skipped *skipped,
                                gk_error *err);
/* Removes all but `keep` up to step `newest`; what is newer was passed over as damaged. */
void gk__kept_prune(const char *dir, int64_t newest, int64_t keep);
/* Removes all, the oldest first. */
bool gk__kept_remove(const char *dir, gk_error *err);
/* Removes what a killed run was writing: nobody else writes such names in a folder that is locked. */
void gk__kept_sweep(const char *dir);

/* ---- run_folder.c: who owns the run folder and what it holds */

typedef enum gk__found { GK__FRESH, GK__UNFINISHED, GK__FINISHED } gk__found;
typedef struct gk__folder {
    int lock; /* descriptor of the folder, held until the run ends */
    const char *dir;
    char *metrics, *manifest;
    char *weights, *config;             /* the result's */
    char *other_weights, *other_config; /* those of the other kind, adapter or model: not this run's */
    char *generation;                   /* generation_config.json, which a saved model has or has not */
    gk__checkpoint *resume;             /* of an unfinished run; closed with the folder if not before */
    gk__skipped skipped;                /* for it */
} gk__folder;
/* Makes and locks the folder, and refuses one that holds anything but this run. `paths` are in `a`. */
bool gk__folder_enter(gk_arena *a, const gk_train_job *job, const json_t *inputs, gk__folder *f,
                      gk__found *found, gk_error *err);
void gk__folder_leave(gk__folder *f);
/* Reads what a finished run's manifest says; fails when the weights are not the file it was written for.
 */
bool gk__manifest_read(const gk__folder *f, gk_train_result *out, gk_error *err);
bool gk__manifest_write(const gk__folder *f, const json_t *inputs, const gk__state *s, gk_error *err);

/* ---- throughput.c: how fast the run goes */

typedef struct gk__pace {
    double peak, flops; /* FLOP/s of the machine; FLOPs since the process began */
    double less_a_row;  /* of gk_train_flops, for what is frozen */
    double begun, logged, logged_flops;
    int64_t total, first_step, first_tokens, logged_tokens;
} gk__pace;
typedef struct gk__speed {
    double tokens_per_s, gflops_per_s, peak_share, seconds_left;
} gk__speed;
/* Measures the machine's peak, which takes some 50 ms. `frozen` as in gk_backprop. */
void gk__pace_begin(gk__pace *p, const gk_train_job *job, const gk__trained *t, const uint32_t *frozen,
                    const gk__state *at, int64_t total_steps);
void gk__pace_step(gk__pace *p, const gk_train_job *job, const gk__texts *texts); /* counts a step */
gk__speed gk__pace_now(const gk__pace *p, const gk__state *at); /* since this process began */
gk__speed gk__pace_since_log(gk__pace *p, const gk__state *at); /* since the last such call */

/* ---- metrics.c: metrics.jsonl, cut back to the checkpoint's length on resume */

typedef struct gk__metrics {
    FILE *f;
    const char *path;
} gk__metrics;
/* False when the file is shorter than `bytes`. */
bool gk__metrics_reach(const char *path, int64_t bytes, gk_error *err);
/* Cuts the file to `keep` bytes and appends from there. `path` is borrowed. */
bool gk__metrics_open(gk__metrics *m, const char *path, int64_t keep, gk_error *err);
void gk__metrics_step(gk__metrics *m, const gk__state *s, int64_t epoch, double norm, double lr,
                      const gk__speed *speed);
void gk__metrics_valid(gk__metrics *m, const gk__state *s, int64_t epoch);
/* A line of `epochs` finished epochs with all members of `line`; nothing when it has none. */
void gk__metrics_epoch(gk__metrics *m, const gk__state *s, int64_t epochs, const json_t *line);
/* On disk up to *bytes; reports any write that failed since the last call. */
bool gk__metrics_sync(gk__metrics *m, int64_t *bytes, gk_error *err);
void gk__metrics_close(gk__metrics *m);

#endif
