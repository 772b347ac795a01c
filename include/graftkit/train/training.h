/* training.h (train): one run, from texts to weights.
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
 *
 * Example:
 *     gk_model *m = gk_model_load("base", err);
 *     gk_tok *tok = m ? gk_tokenizer_of("base", err) : NULL;
 *     const char *const files[] = {"data/task/A2B.jsonl"};
 *     gk_corpus *c = tok ? gk_corpus_load(tok, files, 1, 512, GK_LOSS_ALL, err) : NULL;
 *     gk_recipe r;
 *     gk_recipe_default(&r);
 *     gk_train_job job = {m, "base", tok, c, NULL, &r, 1, "sft"};
 *     job.progress = stderr;
 *     gk_train_result end;
 *     bool ok = c && gk_train(&job, &end, err);
 *     if (ok) printf("%lld steps, loss %.3f\n", (long long)end.steps, end.loss);
 *     gk_corpus_free(c);
 *     gk_tok_free(tok);
 *     gk_model_free(m);
 *     return ok;
 */
#ifndef GRAFTKIT_TRAIN_TRAINING_H
#define GRAFTKIT_TRAIN_TRAINING_H

#include "graftkit/train/corpus.h"
#include "graftkit/train/recipe.h"

GK_PUBLIC_BEGIN

/* A line of metrics.jsonl that on_epoch adds to. `key` is UTF-8; one that is there is replaced, but for step,
 * epochs and tokens, which are the run's own whatever is added. */
typedef struct gk_line gk_line;
void gk_line_num(gk_line *line, const char *key, double value); /* null where it is not finite */
void gk_line_count(gk_line *line, const char *key, int64_t value);
bool gk_line_text(gk_line *line, const char *key, const char *value); /* false: it is not UTF-8 */

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
    /* Something to tell: what memory the run takes, what of the freeze is passed over, a damaged checkpoint.
     */
    void (*on_note)(void *ctx, const char *line);
    /* After each epoch (`epochs` are over), after the last step and, with step and epochs 0, before the
     * first; must not change the model, which with lora_rank is a copy that has the adapter merged. What it
     * puts into `line` goes to metrics.jsonl, whatever happens to the process once. false (and err) ends the
     * run. */
    bool (*on_epoch)(void *ctx, const gk_model *m, int64_t step, int64_t epochs, gk_line *line,
                     gk_error *err);
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
