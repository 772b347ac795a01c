/* internal.h: what the files of train/ share about a run and its folder. */
#ifndef GK_TRAIN_INTERNAL_H
#define GK_TRAIN_INTERNAL_H

#include "train/train.h"

/* ---- state.c: where a run stands, and what it was made from */

typedef struct gk__state { /* after `step` steps */
    int64_t step, tokens;
    int64_t metrics_bytes; /* length of metrics.jsonl at that moment */
    int64_t best_step;     /* of best_loss; 0: no validation yet */
    double seconds;
    double loss, valid_loss, best_loss; /* NaN: none yet */
} gk__state;
json_t *gk__state_json(const gk__state *s);
bool gk__state_parse(const json_t *json, int64_t total_steps, gk__state *out, gk_place at, gk_error *err);

/* Everything the resulting weights depend on, as an object: two runs with equal inputs are the same run. */
json_t *gk__inputs_json(const gk_train_job *job);
/* True when equal; otherwise fails naming the first input that differs, and how. */
bool gk__inputs_match(const json_t *there, const json_t *here, gk_place at, gk_error *err);

/* ---- lora.c: the vector that a run trains: the model's, or an adapter's where the recipe has a rank */

typedef struct gk__trained {
    gk_adapter *adapter; /* NULL: the model itself */
    const gk_param *params;
    size_t n_params, floats;
    float *data;
} gk__trained;
/* Freed by gk__trained_free, after a failure too. */
bool gk__trained_make(const gk_train_job *job, gk__trained *out, gk_error *err);
void gk__trained_free(gk__trained *t);
/* The result, as a model or an adapter. */
bool gk__trained_save(const gk__trained *t, const gk_train_job *job, gk_error *err);
/* lora_targets, as "q,v" or "attn,down"; as a list of names. */
bool gk__targets_parse(const char *text, uint32_t *out, gk_place at, gk_error *err);
json_t *gk__targets_json(uint32_t targets);
uint64_t gk__lora_bytes(const gk_recipe *r, const gk_config *c, size_t model_floats); /* gk_train_bytes */

/* ---- checkpoint.c */

typedef struct gk__weights { /* all [floats] */
    size_t floats;
    float *data, *m, *v;
    float *best; /* NULL: not kept */
} gk__weights;
bool gk__checkpoint_save(const char *path, const gk__weights *w, const json_t *inputs, const gk__state *s,
                         gk_error *err);
/* What the checkpoint was made from, as a new reference; NULL when the file is damaged or no checkpoint. */
json_t *gk__checkpoint_inputs(const char *path, gk_error *err);
/* Changes nothing unless the whole file is sound and was made by as many threads as there are now. */
bool gk__checkpoint_load(const char *path, gk__weights *w, int64_t total_steps, gk__state *s, gk_error *err);

/* ---- folder.c: who owns the run folder and what it holds */

typedef enum gk__found { GK__FRESH, GK__UNFINISHED, GK__FINISHED } gk__found;
typedef struct gk__folder {
    int lock; /* descriptor of the folder, held until the run ends */
    char *checkpoint, *metrics, *manifest;
    char *weights, *config;             /* the result's */
    char *other_weights, *other_config; /* those of the other kind, adapter or model: not this run's */
} gk__folder;
/* Makes and locks the folder, and refuses one that holds anything but this run. `paths` are in `a`. */
bool gk__folder_enter(gk_arena *a, const gk_train_job *job, const json_t *inputs, gk__folder *f,
                      gk__found *found, gk_error *err);
void gk__folder_leave(gk__folder *f);
/* Reads what a finished run's manifest says; fails when the weights are not the file it was written for.
 */
bool gk__manifest_read(const gk__folder *f, gk_train_result *out, gk_error *err);
bool gk__manifest_write(const gk__folder *f, const json_t *inputs, const gk__state *s, gk_error *err);

/* ---- metrics.c: metrics.jsonl, cut back to the checkpoint's length on resume */

typedef struct gk__metrics {
    FILE *f;
    const char *path;
} gk__metrics;
/* Cuts the file to `keep` bytes and appends from there. `path` is borrowed. */
bool gk__metrics_open(gk__metrics *m, const char *path, int64_t keep, gk_error *err);
void gk__metrics_step(gk__metrics *m, const gk__state *s, int64_t epoch, double norm, double lr,
                      double tokens_per_s);
void gk__metrics_valid(gk__metrics *m, const gk__state *s, int64_t epoch);
/* On disk up to *bytes; reports any write that failed since the last call. */
bool gk__metrics_sync(gk__metrics *m, int64_t *bytes, gk_error *err);
void gk__metrics_close(gk__metrics *m);

#endif
