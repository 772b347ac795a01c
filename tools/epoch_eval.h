/* epoch_eval.h: what finetuning has taught so far: asked after each epoch, told as a table. Internal to
 * tools/.
 */
#ifndef GK_TOOLS_EPOCH_EVAL_H
#define GK_TOOLS_EPOCH_EVAL_H

#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/eval/learned.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"
#include "tools/tools.h"
#include "train/json.h"

typedef struct gk_epoch_eval_args {
    const char *rows, *templates, *fillers, *target;
    gk_strings trained;
    int64_t limit;
    const char *general; /* NULL: the one that comes along */
    bool no_general;
    bool keep_shared_first;
} gk_epoch_eval_args;
#define GK_EPOCH_EVAL_DEFAULTS \
    { .target = GK_TARGET_FIELD, .limit = 200 }
#define GK_EPOCH_EVAL_OPTS(l)                                                                                 \
    {"eval-rows", GK_OPT_STR, &(l)->rows, "FILE", "rows (JSONL) to ask the model for after each epoch",       \
     false},                                                                                                  \
        {"templates", GK_OPT_STR, &(l)->templates, "FILE", "in the words of these templates (JSONL)", false}, \
        {"train-templates",                                                                                   \
         GK_OPT_LIST,                                                                                         \
         &(l)->trained,                                                                                       \
         "FILE",                                                                                              \
         "and of these, which the texts were made with; may be repeated",                                     \
         false},                                                                                              \
        {"fillers", GK_OPT_STR, &(l)->fillers, "FILE", "fixed values of template fields (JSON)", false},      \
        {"target", GK_OPT_STR, &(l)->target, "FIELD", "the field that the prompts ask for", false},           \
        {"general",                                                                                           \
         GK_OPT_STR,                                                                                          \
         &(l)->general,                                                                                       \
         "FILE",                                                                                              \
         "general text that should still be read well [old prose that comes along]",                          \
         false},                                                                                              \
        {"no-general", GK_OPT_FLAG, &(l)->no_general, NULL, "do not ask what was forgotten", false},          \
        {"eval-most", GK_OPT_INT, &(l)->limit, "N", "ask for the first N rows; 0: all", false}, {             \
        "keep-shared-first", GK_OPT_FLAG, &(l)->keep_shared_first, NULL,                                      \
            "ask too where the target's first token begins a field of the prompt", false                      \
    }

/* What is asked; each NULL where it is not. With the answers go hashes of the questions. */
typedef struct gk_epoch_eval {
    gk_quiz *quiz;
    gk_general *general;
    char quiz_sha256[GK_SHA256_HEX], general_sha256[GK_SHA256_HEX]; /* ""; where it is not asked */
} gk_epoch_eval;
/* `base`: the model that training starts from. */
bool gk_epoch_eval_open(const gk_epoch_eval_args *l, const char *base, const gk_tok *tok, const gk_model *m,
                        gk_epoch_eval *out, gk_error *err);
void gk_epoch_eval_close(gk_epoch_eval *l);
size_t gk_epoch_eval_bytes(const gk_epoch_eval *l); /* the most memory that asking takes */
/* The on_epoch of a gk_train_job. */
bool gk_epoch_eval_ask(const gk_epoch_eval *l, const gk_model *m, int64_t step, gk_line *line, gk_error *err);
/* Prints a table of the epochs that DIR/metrics.jsonl has answers of, and what was forgotten; nothing where
 * it has none. */
bool gk_epoch_eval_tell(const char *dir, gk_error *err);
/* Whether DIR/metrics.jsonl has answers to other questions than `l` asks: in words which, NULL: it has not.
 */
const char *gk_epoch_eval_other(const gk_epoch_eval *l, const char *dir);

#endif
