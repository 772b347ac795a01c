/* learned.h (eval/learned): what a model in training has learned of its facts, and how well it still reads.
 *
 * Example:
 *     gk_tok *tok = gk_tok_load("base", err);
 *     gk_model *m = tok ? gk_model_open("base", err) : NULL;
 *     gk_quiz_options o = {{"templates/eval.jsonl", NULL, "data/task/metadata.jsonl", "second_actor"}};
 *     gk_quiz *q = m ? gk_quiz_open(&o, tok, gk_model_config(m), err) : NULL;
 *     gk_quiz_score asked, trained;
 *     bool ok = q && gk_quiz_ask(q, m, &asked, &trained, err);
 *     if (ok) printf("%.1f%% of %zu\n", 100 * asked.top1, asked.n);
 *     gk_quiz_close(q);
 *     gk_model_free(m);
 *     gk_tok_free(tok);
 *     return ok;
 */
#ifndef GRAFTKIT_EVAL_LEARNED_H
#define GRAFTKIT_EVAL_LEARNED_H

#include "graftkit/eval/prompts.h"
#include "graftkit/train/training.h"

GK_PUBLIC_BEGIN

/* ---------------------------------------------------------------- a quiz for a model in training */

/* What does a model know of the rows, asked in the words of its training texts, and in words that it has not
 * seen? The same prompts at every asking. */
typedef struct gk_quiz_options {
    gk_prompt_options held_out;   /* templates that training has not seen; `limit` rows */
    const char *const *templates; /* files of training templates, which tell the target; may be none */
    size_t n_templates;
    size_t budget_bytes; /* the engine's working memory; 0: 256 MiB */
} gk_quiz_options;
typedef struct gk_quiz_score { /* shares of n prompts; a prompt whose logits are not finite counts as wrong */
    size_t n;
    double top1, top5;
} gk_quiz_score;
typedef struct gk_quiz gk_quiz;
/* Prompts from every held-out template and, a row being asked as many, from training templates in turn. `tok`
 * is not needed afterwards. */
gk_quiz *gk_quiz_open(const gk_quiz_options *o, const gk_tok *tok, const gk_config *c, gk_error *err);
/* `m`: any model of that configuration. trained->n is 0 where there are no training templates. */
bool gk_quiz_ask(gk_quiz *q, const gk_model *m, gk_quiz_score *held_out, gk_quiz_score *trained,
                 gk_error *err);
/* The most working memory that asking takes. */
size_t gk_quiz_bytes(const gk_quiz *q);
void gk_quiz_close(gk_quiz *q); /* NULL is fine */

/* ---------------------------------------------------------------- forgetting */

/* General text, of which a model in training is asked how well it reads it: paragraphs, as gk_corpus_load_mix
 * has them, in windows of 512 tokens or what the model takes. */
typedef struct gk_general gk_general;
/* `m`: the model that training starts from, not needed afterwards, and `base` where it is; NULL: how far the
 * weights move is not asked. */
gk_general *gk_general_open(const char *file, const char *base, const gk_tok *tok, const gk_model *m,
                            gk_error *err);
/* Puts into `line`, a line of metrics.jsonl: general_loss (mean over tokens, in nats; null where it is not
 * finite), general_tokens, and general_bytes and general_sha256 of its file; after the first step also
 * change: {component: |W - base| / |base|, all: …}. */
bool gk_general_ask(gk_general *g, const gk_model *m, int64_t step, gk_line *line, gk_error *err);
size_t gk_general_size(const gk_general *g); /* the most memory that asking takes */
void gk_general_close(gk_general *g);        /* NULL is fine */

GK_PUBLIC_END

#endif
