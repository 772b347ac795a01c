/* paired.h: every scheme's result on every prompt, side by side, and how schemes differ on the same prompts.
 * Internal to eval/. */
#ifndef GK_EVAL_PAIRED_H
#define GK_EVAL_PAIRED_H

#include "eval/store.h"

/* ---------------------------------------------------------------- outcomes (outcomes.c) */

typedef struct gk__outcome {
    int64_t prompt; /* id in the store */
    uint32_t tmpl;  /* id in the store, from 1 */
    uint32_t row;
    int64_t rank;
    double prob, logprob, logit_diff;
    int32_t top_id; /* the most probable token and its probability; -1 and NaN where the store has none */
    double top_prob;
} gk__outcome;
typedef struct gk__tried { /* a scheme on its prompts, those that were evaluated, by prompt id */
    const char *set, *scheme;
    gk__outcome *item;
    size_t n;
} gk__tried;
typedef struct gk__outcomes {
    gk__tried *scheme; /* in their order */
    size_t n;
} gk__outcomes;
/* All of the store, in `a`. */
bool gk__outcomes_read(gk_store *s, gk_arena *a, gk__outcomes *out, gk_error *err);
/* NULL when there is no such scheme. */
const gk__tried *gk__outcomes_of(const gk__outcomes *o, const char *scheme);

/* ---------------------------------------------------------------- differences (paired.c) */

typedef struct gk__difference {
    const char *set, *scheme, *reference;
    gk_paired paired;
    double p_holm; /* corrected over all differences of the set */
} gk__difference;
typedef struct gk__differences {
    gk__difference *item; /* scheme by scheme, in their order */
    size_t n;
} gk__differences;
/* Every scheme against PRE and SFT-rh (SFT where there is no SFT-rh), those that the store has; where it has
 * none of them, against the first scheme of its set. Top-5, on the prompts that both were evaluated on. */
void gk__differences_of(const gk__outcomes *o, gk_arena *a, uint64_t seed, gk__differences *out);
/* The seed of the store's bootstrap. */
bool gk__store_seed(gk_store *s, uint64_t *out, gk_error *err);

#endif
