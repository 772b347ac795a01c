/* learned.h: what finetuning has taught so far: asked after each epoch, told as a table. Internal to tools/.
 */
#ifndef GK_TOOLS_LEARNED_H
#define GK_TOOLS_LEARNED_H

#include "eval/eval.h"
#include "tools/tools.h"

typedef struct gk_learned_args {
    const char *rows, *templates, *fillers, *target;
    gk_strings trained;
    int64_t limit;
    bool keep_shared_first;
} gk_learned_args;
#define GK_LEARNED_DEFAULTS \
    { .target = "second_actor", .limit = 200 }
#define GK_LEARNED_OPTS(l)                                                                                    \
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
        {"eval-most", GK_OPT_INT, &(l)->limit, "N", "ask for the first N rows; 0: all", false}, {             \
        "keep-shared-first", GK_OPT_FLAG, &(l)->keep_shared_first, NULL,                                      \
            "ask too where the target's first token begins a field of the prompt", false                      \
    }

/* *out is NULL where nothing is to be asked. */
bool gk_learned_open(const gk_learned_args *l, const gk_tok *tok, const gk_config *c, gk_quiz **out,
                     gk_error *err);
/* The on_epoch of a gk_train_job: asks `quiz`. */
bool gk_learned_ask(gk_quiz *quiz, const gk_model *m, json_t *line, gk_error *err);
/* Prints a table of the epochs that DIR/metrics.jsonl has answers of; nothing where it has none. */
bool gk_learned_tell(const char *dir, gk_error *err);

#endif
