/* inputs.h: the models and the tokenizer of a run, with their hashes. Internal to eval/run. */
#ifndef GK_RUN_INPUTS_H
#define GK_RUN_INPUTS_H

#include "eval/store/write.h"
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/derive.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/difference.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"

/* A donor that --derive asks for; derive.c. */
typedef struct gk_run__derivation {
    int model, donor; /* their numbers in the cast */
    gk_derivation how;
} gk_run__derivation;

typedef struct gk_run__hashing gk_run__hashing;

typedef struct gk_run__inputs {
    gk_cast cast;
    /* Owned; of an adapter its base, where the cast has not got that already. */
    gk_model *model[GK_MAX_MODELS];
    gk_adapter *adapter[GK_MAX_MODELS];
    gk_derived *derived[GK_MAX_MODELS];
    /* Owned, of donors that others are derived from: an adapter merged, and the difference to the recipient.
     */
    gk_model *merged[GK_MAX_MODELS];
    gk_factors *factors[GK_MAX_MODELS];
    gk_run__derivation derive[GK_MAX_MODELS];
    int n_derive;
    gk_run_model info[GK_MAX_MODELS]; /* with its hashes after gk_run__inputs_hashed */
    gk_run__hashing *hashing[GK_MAX_MODELS];
    const char *tokenizer; /* where the run's is; NULL: the first model's. Set before any model is added */
    gk_tok *tok;
    char tok_sha256[GK_SHA256_HEX];
} gk_run__inputs;

/* Opens the model at `dir` (a folder or a .gguf file) as the next of the cast. The first one's tokenizer is
 * the run's where none is given; the others must have the same. An adapter is merged when it comes first,
 * else it is a derived donor. Strings go to `a`. */
bool gk_run__inputs_add(gk_run__inputs *in, gk_arena *a, const char *name, const char *dir, gk_error *err);
/* The same of "NAME=DIR", which `option` (--donor …) gave. */
bool gk_run__inputs_named(gk_run__inputs *in, gk_arena *a, const char *option, const char *spec,
                          gk_error *err);
/* Begins to hash the files of the model at `path`, as the i-th of the cast; hashing.c. */
bool gk_run__inputs_hash(gk_run__inputs *in, gk_arena *a, const char *path, int i, gk_error *err);
/* Waits for what was begun. */
bool gk_run__inputs_hashed(gk_run__inputs *in, gk_error *err);
/* The prompts in the run's tokens, for its models, whose hashes are there then; an error where all of them
 * are dropped. */
bool gk_run__inputs_prompts(gk_run__inputs *in, gk_arena *a, const gk_prompt_options *o, gk_prompts *out,
                            gk_error *err);
/* Adds the donors of "NAME=DONOR:KIND=VALUE[,VALUE…]" to the cast, by name and hash; nothing is computed yet.
 */
bool gk_run__inputs_plan(gk_run__inputs *in, gk_arena *a, const char *spec, gk_error *err);
/* Matrices that are to be factored for them; 0: none. */
size_t gk_run__inputs_matrices(const gk_run__inputs *in);
/* Derives all of them: `cache` is the folder of factors; `p` counts matrices. */
bool gk_run__inputs_derive(gk_run__inputs *in, const char *cache, gk_progress *p, gk_error *err);
void gk_run__inputs_free(gk_run__inputs *in);
/* Puts the tokenizer's hash into `identity`. */
void gk_run__inputs_identify(const gk_run__inputs *in, json_t *identity);

/* obj[key] = the file's sha256, or "none" for a NULL path. */
bool gk_run__put_hash(json_t *obj, const char *key, const char *path, gk_error *err);
/* obj[key] = text. */
void gk_run__put_text(json_t *obj, const char *key, const char *fmt, ...) GK_PRINTF(3, 4);
/* Version, machine, kernels and threads of this process. */
void gk_run__put_machine(json_t *obj);
/* obj[key] = now, as 2026-01-31T12:00:00Z. */
void gk_run__put_time(json_t *obj, const char *key);

#endif
