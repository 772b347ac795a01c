/* prompts.h: what a results store says of its prompts and tokens, and of what was generated. */
#ifndef GK_STORE_PROMPTS_H
#define GK_STORE_PROMPTS_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/store.h"

typedef struct gk_asked {
    int64_t prompts, dropped, rows; /* of all prompts: how many, dropped ones, different rows */
    int64_t evaluated, rows_evaluated,
        first_tokens; /* not dropped: how many, rows, different first tokens of targets */
} gk_asked;
bool gk_store_asked(gk_store *s, gk_asked *out, gk_error *err);

typedef struct gk_asked_prompt { /* a prompt that is not dropped */
    int64_t prompt, template_id, target_id, n_tokens;
    const char *row_key, *text, *target,
        *piece; /* piece: the target's first token as the tokenizer stores it, or "" */
} gk_asked_prompt;
/* Number i of n samples of a template: they stand at the middles of n equal parts of its prompts. In `a`. 1:
 * there is one; 0: all are dropped; -1: failed. */
int gk_store_asked_prompt(gk_store *s, gk_arena *a, int64_t template_id, int64_t i, int64_t n,
                          gk_asked_prompt *out, gk_error *err);

/* Prompt by prompt, by id, those that are not dropped: the first token of its target. In `a`. */
typedef struct gk_asked_token {
    int64_t prompt, target_id;
} gk_asked_token;
bool gk_store_asked_tokens(gk_store *s, gk_arena *a, gk_asked_token **out, size_t *n, gk_error *err);

/* The token's text as the tokenizer stores it, or "(no such token)"; in `a`. NULL on failure. */
const char *gk_store_piece(gk_store *s, gk_arena *a, int64_t id, gk_error *err);

/* Whether the vocabulary writes bytes as characters (a blank as U+0120), and how many templates there are. */
bool gk_store_vocabulary(gk_store *s, bool *bytes, size_t *n_templates, gk_error *err);
const char *gk_store_path(const gk_store *s); /* of its file */

typedef struct gk_said {
    const char *text; /* what greedy decoding gave */
    int64_t times;
} gk_said;
/* What a scheme generated that is not the whole target: the `most` most frequent texts, of equals the first
 * by bytes; in `a`. How many in *n. */
bool gk_store_said_instead(gk_store *s, gk_arena *a, const char *set, const char *scheme, size_t most,
                           gk_said *out, size_t *n, gk_error *err);

#endif
