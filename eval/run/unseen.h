/* unseen.h: targets that begin with a token which a model never read in training. Internal to eval/run. */
#ifndef GK_RUN_UNSEEN_H
#define GK_RUN_UNSEEN_H

#include "eval/run/inputs.h"

#include <jansson.h>

typedef struct gk_run__unseen {
    size_t rows, unseen; /* rows that are asked, and those of them with such a target in some prompt */
    json_t *tokens;      /* owned: the first tokens of these targets, ascending */
} gk_run__unseen;

/* Of the prompts of `rows`, in the words and with the target of `o`, against the texts of a JSONL file. */
bool gk_run__unseen_find(gk_run__inputs *in, gk_arena *a, const gk_prompt_options *o, const char *rows,
                         const char *texts, gk_run__unseen *out, gk_error *err);

#endif
