/* internal.h: what the files of train/ share about a run and its folder. */
#ifndef GK_TRAIN_INTERNAL_H
#define GK_TRAIN_INTERNAL_H

#include "train/train.h"

/* ---- freeze.c */

bool gk__freeze_parse(const char *text, gk_recipe *r, gk_place at, gk_error *err);
json_t *gk__freeze_json(const gk_recipe *r);

/* ---- reading.c: the texts of a corpus as they stand in its files */

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

/* ---- batch.c */

/* The training texts shuffled by (seed, stream, pass) alone, or in file order. */
void gk__stream_order(const gk_split *s, bool shuffle, uint64_t seed, const char *stream, int64_t pass,
                      uint32_t *order);

/* ---- plan.c: which texts a step takes: a function of recipe, seed, texts and the step's number */

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

/* ---- state.c: where a run stands, and what it was made from */

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

/* ---- lora.c: the vector that a run trains: the model's, or an adapter's where the recipe has a rank */

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
