/* recipe.h (train): how a run trains: every setting, its default, and the YAML files that hold them.
 *
 * Example:
 *     gk_recipe r;
 *     gk_recipe_default(&r);
 *     if (!gk_recipe_set(&r, "lr", "1e-4", GK_NOWHERE, err)) return false;
 *     r.epochs = 3;
 *     return gk_recipe_check(&r, err);
 */
#ifndef GRAFTKIT_TRAIN_RECIPE_H
#define GRAFTKIT_TRAIN_RECIPE_H

#include "graftkit/core/memory.h"
#include "graftkit/model/adapter.h"
#include "graftkit/train/optimizer.h"

GK_PUBLIC_BEGIN

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
size_t gk_recipe_keys(void);              /* how many there are */
gk_recipe_key gk_recipe_key_at(size_t i); /* i below that; its strings are static */

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
/* The files of `mix`, in `a`; their number. */
size_t gk_recipe_mix(const gk_recipe *r, gk_arena *a, const char *const **files);
/* The longest window of general text for a model, as gk_corpus_load_mix wants it. */
int gk_recipe_mix_rows(const gk_recipe *r, const gk_config *c);
/* What `freeze` is in a model, as bits (1u << component): masks[l] of layer l, masks[n_layers] of what is
 * outside the layers. Fails on a component or layer that the model lacks and, without lora_rank, on a tied
 * head that is to be frozen without its embedding and when nothing is left to train. */
bool gk_recipe_frozen(const gk_recipe *r, const gk_config *c, uint32_t *masks, gk_error *err);

GK_PUBLIC_END

#endif
