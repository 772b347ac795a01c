/* gate.h (eval/run): does a model, ungrafted, know the rows that it was trained on?
 *
 * Example:
 *     gk_gate_options o = {"runs/base", NULL};
 *     o.prompts.templates = "templates/eval.jsonl";
 *     o.prompts.rows = "data/base/metadata.jsonl";
 *     o.prompts.target = "second_actor";
 *     o.top = 5;
 *     o.min = 0.9;
 *     gk_gate gate;
 *     if (!gk_gate_run(&o, &gate, err)) return false;
 *     printf("%.1f%% of %zu prompts\n", 100 * gate.plain.value, gate.n);
 *     return true;
 */
#ifndef GRAFTKIT_EVAL_GATE_H
#define GRAFTKIT_EVAL_GATE_H

#include "graftkit/eval/prompts.h"

GK_PUBLIC_BEGIN

typedef struct gk_gate_options {
    const char *model;
    const char *tokenizer; /* NULL: the model's */
    gk_prompt_options prompts;
    /* The texts that the model was trained on, and rows that others are to be finetuned on (metadata.jsonl,
     * with the same target): whose targets begin with tokens that it never read is found out. Both or
     * neither. */
    const char *texts, *new_rows;
    int top;             /* k of top-k, 1 or more, less than the vocabulary has tokens */
    double min;          /* pass when the plain mean reaches it; above 0 and at most 1 */
    size_t budget_bytes; /* 0: 1 GiB */
    uint64_t seed;
    bool bf16;       /* products of bf16 operands: gk_cast */
    const char *out; /* receives all of it, as JSON; NULL: none */
    FILE *progress;  /* where the bar goes; NULL: none */
} gk_gate_options;
typedef struct gk_interval {
    double value, low, high;
} gk_interval;
typedef struct gk_gate {
    size_t n, dropped;
    size_t repeats;    /* rows, as n_repeats of gk_prompts */
    size_t targets;    /* different first tokens asked for: not more than `top`, and the share says nothing */
    gk_interval plain; /* share of prompts whose target is among the top k */
    gk_interval weighted; /* the same with row i of n weighted 1/(i + 1 + 0.05 n): as often as a base corpus
                             drew it */
    /* Of the new rows: how many, how many are asked for a target that begins with a token that no text has. A
     * head that finetuning does not train cannot learn to say it. */
    size_t new_facts, unseen;
    bool pass;
} gk_gate;
/* Does the model itself, ungrafted, know the rows? Fails where it cannot tell; that it
 * does not pass is no failure.
 */
bool gk_gate_run(const gk_gate_options *o, gk_gate *out, gk_error *err);

GK_PUBLIC_END

#endif
