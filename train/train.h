/* train.h: from texts to weights: the recipe, the corpus, AdamW, and one run from start (or checkpoint) to a
 * model folder.
 *
 * A run is a function of its inputs: recipe, tokenised texts, initial weights and seed (and the number of
 * threads, which decides float rounding). Killed at any moment and started again, it ends with the same
 * bytes.
 *
 * The files of a run folder:
 *  - checkpoint-<step>.safetensors: weights (of the adapter alone with lora_rank), both moments and the place
 *    in the run, with checksums; the last few (keep_last), from the first moment until the end, and
 *    where these are more than one, after it. A run goes on from the newest sound one. Each is a model, too
 *    (gk_is_checkpoint).
 *  - metrics.jsonl: a line a step (step, epoch, tokens, loss, grad_norm, lr, tokens_per_s, gflops_per_s,
 *    peak_share, seconds_left), a line a validation (step, epoch, tokens, valid_loss, since_best: the
 *    validations since the best one) and, with an on_epoch that has something to say, a line an epoch and one
 *    at the end (step, epochs, tokens and what it says).
 *  - config.json, model.safetensors, tokenizer files: the result; with lora_rank, adapter_config.json and
 *    adapter_model.safetensors instead of the first two.
 *  - train.json: the manifest, written last: a folder with it holds a finished run.
 */
#ifndef GK_TRAIN_H
#define GK_TRAIN_H

#include "core/core.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

GK_PUBLIC_BEGIN

/* ---------------------------------------------------------------- learning-rate schedules (schedule.c) */

typedef enum gk_schedule { GK_LINEAR, GK_COSINE, GK_CONSTANT } gk_schedule;

/* The factor on the learning rate in step `step` (from 0) of `total`: step / warmup while warming up (so the
 * very first is 0), then falling to 0 at `total` along a line or half a cosine, or staying 1:
 * get_<kind>_schedule_with_warmup of transformers. */
double gk_schedule_factor(gk_schedule kind, int64_t step, int64_t warmup, int64_t total);

/* ---------------------------------------------------------------- AdamW (adamw.c) */

typedef struct gk_adamw_opts {
    double beta1, beta2, eps, weight_decay;
    bool decay_embed; /* decay embed and pos too */
    bool decay_norms; /* decay norms and biases too */
} gk_adamw_opts;

/* The optimiser's moments and the plan of a pass over the parameters. One run's private state: not
 * thread-safe. */
typedef struct gk_adamw gk_adamw;
/* `params` as gk_model_params gives it, inside vectors of n_floats floats; copied. `frozen` as in gk_backprop
 * (NULL: none): no update, no decay, no moments. Fails only for lack of memory. */
gk_adamw *gk_adamw_new(const gk_param *params, size_t n_params, size_t n_floats, const gk_adamw_opts *opts,
                       const uint32_t *frozen, gk_error *err);
void gk_adamw_free(gk_adamw *a); /* NULL is fine */
/* First and second moments [n_floats], zero at first; writable, so that a checkpoint can restore them. */
float *gk_adamw_m(gk_adamw *a);
float *gk_adamw_v(gk_adamw *a);
/* The Euclidean norm of the gradient of all arrays that are not frozen, summed in double in a fixed order:
 * the same bits for any number of threads. */
double gk_adamw_norm(const gk_adamw *a, const float *grad);
/* The factor of torch.nn.utils.clip_grad_norm_: min(1, max_norm / (norm + 1e-6)); 1 when max_norm is 0 (no
 * clipping). */
double gk_clip_factor(double norm, double max_norm);
/* Update number t (from 1) as torch.optim.AdamW does it, of the gradient times `clip`: one pass over memory
 * that also sets the gradient to zero for the next step. Frozen arrays are not touched, nor is their
 * gradient. */
void gk_adamw_step(gk_adamw *a, float *weights, float *grad, int64_t t, double lr, double clip);
/* From now on a step also writes the new weights, rounded to bf16, to gk_model_narrowed's copy. */
void gk_adamw_narrow(gk_adamw *a, uint16_t *narrowed);

/* ---------------------------------------------------------------- AdamW in little memory (adamw_lean.c) */

/* For a model that gk_model_lean made: bf16 weights (2 bytes a parameter), a first moment of 8 bits and a
 * second of 16, updated layer by layer during the backward pass: the gradients of one layer, and of the
 * embeddings, are all that exists at once. The gradient's norm is not known by then, so that what is clipped
 * is each of the n_layers + 2 pieces by itself, to clip / sqrt(n_layers + 2): all together are within `clip`.
 * One run's private state: not thread-safe. */
typedef struct gk_lean gk_lean;
/* `m` must outlive it; `frozen` as in gk_adamw_new. Fails only for lack of memory. */
gk_lean *gk_lean_new(gk_model *m, const gk_adamw_opts *opts, const uint32_t *frozen, double clip,
                     uint64_t seed, gk_error *err);
void gk_lean_free(gk_lean *l); /* NULL is fine */
/* How the backward pass of update number t (from 1) is to run; the caller adds scale and frozen. It must be
 * one pass: a step is not cut into micro-batches. */
gk_backprop gk_lean_begin(gk_lean *l, int64_t t, double lr);
/* After that pass: the norm of its gradient before clipping; NaN when it was not finite: then the weights are
 * of no use, some pieces being updated and some not. */
double gk_lean_norm(const gk_lean *l);
/* The moments, writable for a checkpoint to restore: m [n], its blocks' scales [n_blocks], v [n]. */
typedef struct gk_lean_state {
    int8_t *m;
    uint16_t *v;
    float *scale;
    size_t n, n_blocks;
} gk_lean_state;
gk_lean_state gk_lean_arrays(gk_lean *l);

/* ---------------------------------------------------------------- recipes (recipe.c, freeze.c;
 * train/recipes/) */

/* How a run keeps its memory: all activations, gradients and fp32 moments; activations of one layer at a
 * time, the others being computed again; adamw_lean.c's bf16 weights and small moments besides. */
typedef enum gk_memory { GK_MEMORY_STANDARD, GK_MEMORY_RECOMPUTE, GK_MEMORY_LEAN } gk_memory;
typedef enum gk_loss { GK_LOSS_ALL, GK_LOSS_ANSWER } gk_loss;

/* Components that stay as they are, in some layers or wherever they are (freeze.c). */
typedef struct gk_freeze {
    uint32_t components; /* bit (1u << component) */
    bool group;          /* the name of a group: what the model lacks of it is passed over */
    bool layered, part;  /* layers first to last, or part `first` of `last` of all layers; else everywhere */
    int first, last;
} gk_freeze;
enum { GK_MOST_FREEZES = 32, GK_MIX_BYTES = 2048 };

typedef struct gk_recipe {
    double lr;
    gk_adamw_opts adam;
    double clip; /* largest gradient norm; 0: no clipping */
    gk_schedule schedule;
    int64_t warmup;         /* steps */
    double warmup_ratio;    /* share of all steps, rounded up; 0: `warmup` says */
    int64_t epochs, steps;  /* steps: of the whole run; 0: `epochs` says */
    int64_t batch, tokens;  /* texts a step; tokens (rows) a step at most, 0: `batch` says */
    int64_t accumulate;     /* a step is so many times batch or tokens */
    bool shuffle;           /* else texts in file order */
    gk_loss loss;           /* which tokens carry loss */
    char mix[GK_MIX_BYTES]; /* files of general text, one a line; "": none */
    double mix_ratio;       /* share of all tokens that is general text */
    int64_t mix_rows;       /* longest window of general text; 0: what `rows` and the model take */
    int64_t data_seed;      /* held-out texts, order and mix; 0: the run's seed */
    double validation;      /* share of the texts held out, chosen by the seed */
    int64_t validate_steps; /* steps between validations; 0: each epoch */
    int64_t patience;       /* stop after so many validations without a better one; 0: never */
    bool keep_best;         /* end with the weights of the lowest validation loss */
    gk_freeze freeze[GK_MOST_FREEZES];
    int n_freeze;
    bool bf16;        /* products take bf16 operands and add up in fp32; weights and optimiser stay fp32 */
    gk_memory memory; /* lean: products are as with bf16 */
    int64_t rows;     /* a step runs in micro-batches of at most so many rows (a text is never split) */
    int64_t checkpoint_steps;  /* 0: not by steps */
    double checkpoint_seconds; /* 0: not by time */
    int64_t keep_last;         /* checkpoints that stay; the older ones are removed */
    int64_t log_steps;         /* a metrics line every so many steps */
    gk_lora lora; /* rank 0: the model itself is trained; else an adapter, and the model stays as it is */
} gk_recipe;

/* A recipe key as files spell it, for command lines: --weight-decay is weight_decay. `repeats`: its value is
 * a list of texts that may hold commas, so that the option is repeated instead. */
typedef struct gk_recipe_key {
    const char *name, *arg, *help;
    bool repeats;
} gk_recipe_key;
size_t gk_recipe_keys(void);
gk_recipe_key gk_recipe_key_at(size_t i);

/* torch's AdamW defaults, one epoch of 16 texts a step, no validation. */
void gk_recipe_default(gk_recipe *r);
/* Reads a YAML recipe over the defaults. `lr` may be a map from family to value; then `family` decides, and
 * lr is NaN where the map lacks it: it must be set before training. Unknown keys and values out of range are
 * errors with file:line:column. */
bool gk_recipe_load(const char *path, const gk_family *family, gk_recipe *out, gk_error *err);
/* Takes `head` from a recipe that freezes it without `embed` where the model's head is its embedding; true:
 * it was taken, and both will be trained. For recipes read from a file: what a user asks for by name is not
 * changed. */
bool gk_recipe_untie(gk_recipe *r, const gk_config *c);
/* Sets one key from text ("1e-3", "true", "lnf,head"; where the key repeats, one item a line); `at` names the
 * place for the message. */
bool gk_recipe_set(gk_recipe *r, const char *key, const char *text, gk_place at, gk_error *err);
/* Whether the keys fit together: fails at the one that asks for what another one would have to give. */
bool gk_recipe_check(const gk_recipe *r, gk_error *err);
/* A new reference to an object of every key that decides the result (not of checkpoint and log intervals, nor
 * of the names of files, whose contents decide). */
json_t *gk_recipe_json(const gk_recipe *r);
/* The files of `mix`, in `a`; their number. */
size_t gk_recipe_mix(const gk_recipe *r, gk_arena *a, const char *const **files);
/* The longest window of general text for a model, as gk_corpus_load_mix wants it. */
int gk_recipe_mix_rows(const gk_recipe *r, const gk_config *c);
/* What `freeze` is in a model, as bits (1u << component): masks[l] of layer l, masks[n_layers] of what is
 * outside the layers. Fails on a component or layer that the model lacks and, without lora_rank, on a tied
 * head that is to be frozen without its embedding and when nothing is left to train. */
bool gk_recipe_frozen(const gk_recipe *r, const gk_config *c, uint32_t *masks, gk_error *err);

/* ---------------------------------------------------------------- texts (corpus.c) */

/* Where the tokenizer of the model at `path` is: there, or beside the base of an adapter whose folder has
 * none. In `a`; NULL when that base is not here. */
const char *gk_tokenizer_path(const char *path, gk_arena *a, gk_error *err);
gk_tok *gk_tokenizer_of(const char *path, gk_error *err); /* loads it */

/* Tokenised texts end to end: BOS (where the tokenizer adds one), ids, EOS (where there is one). Text i is
 * token[start[i] .. start[i+1]-1]; it makes one row a token but the last, each predicting the next token. */
typedef struct gk_corpus {
    size_t n;             /* texts */
    const int32_t *token; /* [start[n]] */
    const size_t *start;  /* [n + 1] */
    /* [start[n]]: predicting this token counts in the loss; NULL: every one does. A text has one at least,
     * its first token aside */
    const bool *carries;
    int longest; /* rows of the longest text */
    int32_t max_id;
    char sha256[GK_SHA256_HEX]; /* of the ids, boundaries and what carries loss, and of the vocabulary where
                                   there was a tokenizer */
    /* Of general text: documents read, those cut into several texts, and those left out because they are a
     * single token */
    size_t documents, cut, left_out;
    gk_arena *memory;
} gk_corpus;

/* Reads JSON lines of all files in order: {"text": "…"} or {"prompt": "…", "completion": "…"}, which is the
 * text of both end to end. Under GK_LOSS_ANSWER only tokens that hold a byte of the answer carry loss, and
 * EOS where the answer ends the text: the completion, or the "answer" beside "text", which must stand there
 * once. Fails, naming file and line, on a text that is no non-empty string, on one without an answer where
 * that is asked for, and when texts make more than max_rows rows (how many, and the first one's place). */
gk_corpus *gk_corpus_load(const gk_tok *tok, const char *const *files, size_t n_files, int max_rows,
                          gk_loss loss, gk_error *err);
/* General text. A file whose name ends in .jsonl or .json is read as above; any other is plain text, a
 * document a paragraph (blank lines stand between them). Documents of more than max_rows rows are cut into
 * texts of nearly equal length that overlap by one token, so that every token is predicted once. */
gk_corpus *gk_corpus_load_mix(const gk_tok *tok, const char *const *files, size_t n_files, int max_rows,
                              gk_error *err);
/* Copies ready token ids; every text needs at least two. */
gk_corpus *gk_corpus_from_ids(const int32_t *token, const size_t *start, size_t n, gk_error *err);
void gk_corpus_free(gk_corpus *c); /* NULL is fine */

/* ---------------------------------------------------------------- batches (packing.c) */

typedef struct gk_split { /* text indices; both lists in file order */
    uint32_t *train, *valid;
    size_t n_train, n_valid;
} gk_split;
/* Holds out round(fraction * n_texts) texts (at least one when fraction > 0), drawn by the seed. In `a`.
 * Fails when no text is left to train on. */
bool gk_split_make(gk_arena *a, size_t n_texts, double fraction, uint64_t seed, gk_split *out, gk_error *err);
/* The training texts in the order of an epoch (from 0) into order [n_train]: shuffled by (seed, epoch) alone.
 */
void gk_epoch_order(const gk_split *s, bool shuffle, uint64_t seed, int64_t epoch, uint32_t *order);

/* Room for micro-batches of texts. Text i is of `c`, or from c->n on of `mix` (NULL: there is none). Not
 * thread-safe. */
typedef struct gk_packer gk_packer;
/* max_rows is raised to the longest text's rows where it is less, and lowered to what `batch` texts can need.
 */
gk_packer *gk_packer_new(const gk_corpus *c, const gk_corpus *mix, int64_t max_rows, int64_t batch);
void gk_packer_free(gk_packer *p);      /* NULL is fine */
int gk_packer_rows(const gk_packer *p); /* the most rows of a micro-batch: what the session needs */
/* Packs as many of the n > 0 texts, in order, as fit (at least one) and returns how many; *out borrows until
 * the next call. */
size_t gk_pack(gk_packer *p, const uint32_t *texts, size_t n, gk_batch *out);
/* The mean loss over all tokens of n > 0 texts that carry loss, and their number; with `back` (session made
 * for backward; its scale is set here), the gradient of that mean too. Both are the same, but for float
 * rounding, in whatever micro-batches the texts run: each token weighs 1 / *targets. Gradients in pieces need
 * them to fit one pass. */
bool gk_texts_loss(gk_packer *p, gk_session *s, const gk_model *m, const uint32_t *texts, size_t n,
                   const gk_backprop *back, double *loss, int64_t *targets, gk_error *err);

/* ---------------------------------------------------------------- a run (run.c) */

typedef struct gk_train_job {
    gk_model *model;   /* the initial weights; holds the result afterwards (with lora_rank: stays the base).
                          Undefined after a failure */
    const char *base;  /* where those weights are, for the adapter's folder; may be NULL without lora_rank */
    const gk_tok *tok; /* saved beside the model; may be NULL */
    const gk_corpus *corpus;
    const gk_corpus *mix; /* general text, where the recipe's mix_ratio asks for it; else NULL */
    const gk_recipe *recipe;
    uint64_t seed;
    const char *dir;   /* made when absent */
    bool restart;      /* start over whatever run the folder holds */
    bool replace;      /* start over where the folder holds a run with other inputs; else go on */
    FILE *progress;    /* where the bar goes, once all is checked; NULL: none */
    const char *label; /* of the bar */
    /* What the run calls in the thread that trains; each may be NULL. */
    void *ctx;
    void (*on_note)(void *ctx,
                    const char *line); /* something to tell: a damaged checkpoint was passed over */
    /* After each epoch (`epochs` are over), after the last step and, with step and epochs 0, before the
     * first; must not change the model, which with lora_rank is a copy that has the adapter merged. What it
     * puts into `line` goes to metrics.jsonl, whatever happens to the process once. false (and err) ends the
     * run. */
    bool (*on_epoch)(void *ctx, const gk_model *m, int64_t step, int64_t epochs, json_t *line, gk_error *err);
    uint64_t epoch_bytes; /* the memory on_epoch takes meanwhile, for the estimate */
} gk_train_job;

typedef enum gk_train_end { GK_TRAIN_DONE, GK_TRAIN_ALREADY, GK_TRAIN_INTERRUPTED } gk_train_end;
typedef struct gk_train_result {
    gk_train_end end; /* finished now; found finished (model left as given); gk_interrupted(): resumes from
                         its checkpoint */
    int64_t steps, total_steps, resumed_at;
    int64_t tokens;    /* target tokens, of the whole run */
    double seconds;    /* of the whole run, all its processes together */
    double loss;       /* of the last step */
    double valid_loss; /* of the last validation; NaN without one */
    int64_t best_step; /* of the lowest validation loss; 0 without one */
    bool stopped;      /* `patience` ended it before total_steps */
} gk_train_result;

/* The memory that a run takes, in bytes; not the texts. With lora_rank gradients, moments and best weights
 * are the adapter's, and `epochs`, what on_epoch takes (epoch_bytes), holds a copy of the model besides.
 * `floats`: gk_model_floats; `rows`: of the largest micro-batch. */
typedef struct gk_train_memory {
    uint64_t weights, gradients, moments, best, activations, epochs, total;
} gk_train_memory;
void gk_train_memory_of(const gk_recipe *r, const gk_config *c, size_t floats, int rows, uint64_t epoch_bytes,
                        gk_train_memory *out);
void gk_train_memory_text(const gk_train_memory *m, char *out, size_t size); /* one line of GiB */
/* Fails, with the sum, when what is not yet `taken` is more than `free_bytes`; 0: what the system has. */
bool gk_train_fits(const gk_train_memory *m, uint64_t taken, uint64_t free_bytes, gk_error *err);
/* The total for micro-batches of r->rows rows, without an on_epoch. */
uint64_t gk_train_bytes(const gk_recipe *r, const gk_config *c, size_t floats);
/* The floating-point operations of training on a sequence of `rows` rows: 6 for each weight of a matrix
 * product and row, and attention's scores and sums of each query with the keys up to it, forward and
 * backward; what is computed twice to save memory counts once (throughput.c). */
double gk_train_product_flops(const gk_model *m, int64_t rows);
double gk_train_attention_flops(const gk_config *c, int64_t rows);
/* Both. */
double gk_train_flops(const gk_model *m, int64_t rows);
/* Trains. Continues from the folder's newest sound checkpoint when it was made from the same inputs by as
 * many threads; refuses, and changes nothing, when the folder holds a run with other inputs, a model that is
 * not this run's, no sound checkpoint among those it has, or a run that is in progress. A finished run is
 * itself whatever number of threads made it (train.json says it). A loss or gradient that is not finite and a
 * disk that is full are errors; the last checkpoint stays as it was. */
bool gk_train(const gk_train_job *job, gk_train_result *out, gk_error *err);

GK_PUBLIC_END

#endif
