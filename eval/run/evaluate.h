/* evaluate.h: (scheme, prompt) pairs through the engine: the first token, the whole target, what was said
 * instead. Internal to eval/run. */
#ifndef GK_RUN_EVALUATE_H
#define GK_RUN_EVALUATE_H

#include "eval/store/write.h"
#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/graft/engine.h"
#include "graftkit/graft/plan.h"
#include "graftkit/model/config.h"
#include "graftkit/tokenizer.h"

typedef struct gk_run__evaluated {
    const gk_prompt *prompt; /* not dropped */
    const gk_plan *plan;     /* for its tokens */
    int32_t permuted;        /* another fact's first token, which is asked about too; -1: none */
    gk_stored *out;          /* receives everything but source and prompt */
} gk_run__evaluated;

typedef struct gk_run__evaluation {
    gk_grafter *grafter;
    const gk_config *cfg;
    const gk_tok *tok; /* for the text that was generated */
    size_t budget;     /* working memory of the engine */
    int generate;      /* tokens to generate greedily a pair; 0: none */
    gk_arena *a;       /* plans, and the texts that `out` points to */
    gk_progress *progress;
    double before; /* pairs done before these, for the progress */
} gk_run__evaluation;

/* The jobs that score a prompt's target under a plan, one a token of it (the first alone where there is no
 * whole target); their longer plans are in `a`. Returns how many; `out` has room for gk_run__target_steps. */
int gk_run__target_steps(const gk_prompt *p);
int gk_run__target_jobs(gk_arena *a, const gk_prompt *p, const gk_plan *plan, gk_job *out);
/* What a generation of so many tokens puts behind such jobs, whose groups are those of one pair: all but the
 * last token, behind which nothing is predicted. `next` is not set. */
gk_generation gk_run__generation(int tokens, const size_t *group);
/* Rows that passes of their own compute for a prompt, its target and `said` tokens that are generated. */
uint64_t gk_run__naive_rows(const gk_config *c, const gk_prompt *p, int said);

/* A prompt's first token and, where it has one, its whole target. A target of k tokens is k jobs: the prompt,
 * and the prompt with 1 to k-1 of them behind it. The engine computes what they share once.
 *
 * Generation takes the most probable token (of equal logits the lower id) until an id that ends a text, which
 * is not part of it, or until the model's last position. It goes on in the chunk that scored the pair, whose
 * keys and values are still there, where the pair leaves its target: up to there its tokens are known.
 *
 * `stats` is added to; its rows_naive counts a pass a pair over the prompt and the target, and one more row
 * for each token generated. */
bool gk_run__evaluate(const gk_run__evaluation *e, const gk_run__evaluated *pairs, size_t n,
                      gk_graft_stats *stats, gk_error *err);

#endif
