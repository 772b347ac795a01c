/* prompts.h (eval/measure): templated prompts: every row of a dataset in the words of every template.
 *
 * One measurement is a (scheme, prompt) pair: the distribution after the prompt's last token under the
 * scheme's graft. Prompt, seam (gk_seam: mostly a blank) and the row's target field are encoded as one text;
 * the target is the first token that holds a byte behind the prompt, and the tokens before it are the
 * prompt's. A prompt that cannot be evaluated is kept, with the reason; nothing disappears from a denominator
 * unseen.
 *
 * The whole target is that token and all behind it, fed one after the other (teacher forcing); the tokens fed
 * are computed as the scheme has the prompt's last one (gk_plan_extend).
 * What would follow the target is not asked: no end of text needs to come.
 *
 * Example:
 *     gk_arena *a = gk_arena_new();
 *     gk_tok *tok = gk_tok_load("base", err);
 *     gk_prompt_options o = {"templates/eval.jsonl", NULL, "data/task/metadata.jsonl", "second_actor"};
 *     o.entity = "first_actor";
 *     gk_prompts p;
 *     bool ok = tok && gk_prompts_load(a, &o, tok, 512, &p, err);
 *     for (size_t i = 0; ok && i < p.n; i++)
 *         printf("%s: %s\n", p.item[i].text, p.item[i].dropped ? p.item[i].dropped : p.item[i].target);
 *     gk_tok_free(tok);
 *     gk_arena_free(a);
 *     return ok;
 */
#ifndef GRAFTKIT_EVAL_PROMPTS_H
#define GRAFTKIT_EVAL_PROMPTS_H

#include "graftkit/core/template.h"
#include "graftkit/tokenizer.h"

GK_PUBLIC_BEGIN

typedef struct gk_eval_template {
    const char *text;
    /* The template's fields, each once, and GK_ENTITY where it has the entity's; the spans are empty, only
     * the names count. */
    gk_field_span *fields;
    size_t n_fields;
} gk_eval_template;

typedef struct gk_prompt {
    uint32_t tmpl;         /* index of its template */
    uint32_t row;          /* index of its row in the file, blank lines not counted */
    const char *row_key;   /* the row's "id" as text (1, 1.0 and "1" are the same id), else "line N" */
    const char *text;      /* "" when it could not be rendered */
    const char *seam;      /* what stands between it and the target */
    const char *target;    /* the target field's text without blanks around it; "" when there is none */
    int32_t target_id;     /* -1 when dropped before it was known */
    gk_tokens tokens;      /* before the target, where both are one text */
    gk_field_span *fields; /* the entity's twice: as GK_ENTITY too */
    size_t n_fields;
    const char *dropped; /* why it is not evaluated; NULL when it is */
    bool merged;         /* alone the prompt has other tokens: its end is part of the target's first */
    bool shared_first;   /* the target's first token also begins a field of the prompt */
    /* The prompt's tokens and behind them those of the whole target, n_target of them: the first is
     * target_id. NULL and 0 where it was not asked for, and where no_whole says why there are none. */
    const int32_t *forced;
    size_t n_target;
    const char *no_whole; /* why a prompt that is evaluated has no whole target */
} gk_prompt;

typedef struct gk_prompts {
    gk_eval_template *tmpl;
    size_t n_templates;
    gk_prompt *item; /* row by row: item[row * n_templates + tmpl] */
    size_t n, n_rows, n_dropped, n_no_whole;
    size_t n_merged;       /* of those that are evaluated */
    size_t n_shared_first; /* dropped, or kept with keep_shared_first */
    /* Rows that are evaluated and tell of an entity that another row tells of (where no template has the
     * entity's field: whose prompt another row has, too). They count as facts of their own. */
    size_t n_repeats;
    const char *const *fields; /* NULL-terminated: every field that some template has */
} gk_prompts;

typedef struct gk_prompt_options {
    const char *templates; /* JSONL */
    const char *fillers;   /* a JSON object, for fields that no row has ({relation}); NULL: none */
    const char *rows;      /* JSONL metadata */
    const char *target;    /* field of the row that the prompt asks for */
    const char *entity;    /* field that schemes call GK_ENTITY; NULL: none */
    bool maybe_entity; /* nobody named it: that no template has it, or that it is the target, is no error */
    int64_t limit;     /* only the first so many rows; <= 0: all */
    /* The templates tell the target: each is cut before it, and those that cannot be cut are left out. */
    bool cut;
    bool maybe_none; /* cut: a file of which nothing is left gives no prompts, which else is an error */
    bool whole;      /* the whole target too, not only its first token */
    bool keep_shared_first; /* prompts whose target's first token also begins one of their fields */
    bool drop_bad_rows; /* a row without a field that a template (or the target) needs drops its prompts with
                         * that reason; otherwise it is an error at the row's file:line */
} gk_prompt_options;

/* Renders and encodes every row with every template, all in `a`. Errors: unreadable or malformed files, a
 * template field that neither a row nor a filler has (at the hole), a field GK_ENTITY beside another that is
 * said to be the entity, a template that holds the target (at its line), an entity that is the target, an id
 * that is neither text nor number, see drop_bad_rows. Reasons to drop a prompt: a missing, empty or
 * non-scalar field; a row id seen before; more than max_tokens tokens; a field that no token covers; a target
 * that cannot be encoded, or (without keep_shared_first) whose first token also begins a field of the prompt:
 * it would give the answer away to a model that copies. Reason to have no whole target: more than max_tokens
 * tokens to feed (the target's last is not). */
bool gk_prompts_load(gk_arena *a, const gk_prompt_options *o, const gk_tok *tok, int max_tokens,
                     gk_prompts *out, gk_error *err);
/* The first token of a target behind a prompt, as there. */
bool gk_prompt_first(const gk_tok *tok, const gk_rendered *prompt, const char *target, int32_t *id,
                     gk_error *err);

/* Permuted targets: in each template every fact that is evaluated is asked for the target of another one,
 * which begins with another token. Facts are ordered by SHA-256 (hexadecimal) of "SEED|token|ID", ID that of
 * the target's first token, and then of "SEED|row|KEY" (row_key); each has the target of the fact m places
 * on, around the end, where m facts have the most common first token. There is no such order, and none is
 * made, where m is more than half of them. */
typedef struct gk_permuted {
    int64_t *other;   /* [n]: the prompt, of the same template, whose target stands in; -1: none */
    const char **why; /* [n_templates]: why there are none; NULL: there are */
    uint64_t seed;
} gk_permuted;
/* In `a`. */
void gk_prompts_permute(gk_arena *a, const gk_prompts *p, uint64_t seed, gk_permuted *out);

GK_PUBLIC_END

#endif
