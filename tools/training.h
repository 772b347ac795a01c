/* training.h: what `base` and `finetune` share: options, recipe, one run and how its end is told. Internal to
 * tools/. */
#ifndef GK_TOOLS_TRAINING_H
#define GK_TOOLS_TRAINING_H

#include "tools/epoch_eval.h"
#include "tools/tools.h"

typedef struct gk_training {
    const char *command; /* "base" */
    gk_arena *a;
    const char *base; /* where the model is; NULL: nowhere yet */
    gk_strings texts;
    const char
        *recipe; /* a file, or the name of one in train/recipes; auto, auto-mild: by the model's size */
    const char *out;
    int64_t seed, threads;
    bool restart, replace;
    const char **overrides; /* one a recipe key; NULL: as the recipe says */
    gk_strings *lists;      /* the same of keys that repeat; none: as the recipe says */
    char chosen[320];       /* what is to be said of a recipe that was chosen by size; "": nothing */
    gk_epoch_eval learned;  /* what is asked after each epoch */
} gk_training;

/* Parses the command's own options and the shared ones; `t` holds command, arena and defaults. Returns as
 * gk_args. */
int gk_training_args(gk_training *t, const char *summary, const gk_opt *own, size_t n_own, int argc,
                     char **argv);
/* Trains `model` (which stays the caller's) and prints how it ended. The process's exit code: 0, 1, 2 for a
 * malformed override, 130 when interrupted. */
int gk_training_run(gk_training *t, gk_model *model, const gk_tok *tok);
/* The words that stand for a recipe chosen by the model's size, and what they may choose, the smallest
 * models' first: NULL behind the last, and of any other word. */
#define GK_TRAINING_CHOICES "auto, auto-mild"
const char *gk_training_choice(const char *word, size_t i);

#endif
