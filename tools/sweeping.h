/* sweeping.h: what the commands that sweep share: options, and a sweep with what it says on stderr. Internal
 * to tools/. */
#ifndef GK_TOOLS_SWEEPING_H
#define GK_TOOLS_SWEEPING_H

#include "graftkit/eval/sweep.h"
#include "tools/tools.h"

/* ---------------------------------------------------------------- prompts */

typedef struct gk_prompt_args { /* start with GK_PROMPT_DEFAULTS */
    const char *templates, *fillers, *rows, *entity, *target;
    int64_t limit;
    bool keep_shared_first, drop_bad_rows;
} gk_prompt_args;
/* clang-format off */
#define GK_PROMPT_DEFAULTS {.entity = GK_ENTITY_FIELD, .target = GK_TARGET_FIELD}
/* Rows of a table of options, in two parts: which prompts, and which of them. */
#define GK_PROMPT_OPTIONS(p)                                                                                 \
    {"templates", GK_OPT_STR, &(p).templates, "FILE", "evaluation templates (JSONL)", true},                 \
    {"fillers", GK_OPT_STR, &(p).fillers, "FILE", "fixed values of template fields (JSON)", false},          \
    {"rows", GK_OPT_STR, &(p).rows, "FILE", "metadata rows (JSONL)", true},                                  \
    {"entity", GK_OPT_STR, &(p).entity, "FIELD", "the field that schemes call `entity`", false},             \
    {"target", GK_OPT_STR, &(p).target, "FIELD", "the field that the prompts ask for", false}
#define GK_PROMPT_CHOICES(p)                                                                                 \
    {"limit", GK_OPT_INT, &(p).limit, "N", "only the first N rows; 0: all", false},                          \
    {"keep-shared-first", GK_OPT_FLAG, &(p).keep_shared_first, NULL,                                         \
     "keep prompts whose target's first token also begins one of their fields", false},                      \
    {"drop-bad-rows", GK_OPT_FLAG, &(p).drop_bad_rows, NULL,                                                 \
     "leave rows out that lack a field, and count them", false}
/* clang-format on */
gk_prompt_options gk_prompts_asked(const gk_prompt_args *p);

/* ---------------------------------------------------------------- a sweep */

typedef struct gk_sweep_args {
    const char *recipient, *tokenizer, *svd, *budget;
    gk_strings donors, derive;
    gk_prompt_args prompts;
    const char *bf16;
    int64_t seed, threads;
    bool restart, replace;
} gk_sweep_args;
/* clang-format off */
#define GK_SWEEP_DEFAULTS {.prompts = GK_PROMPT_DEFAULTS, .budget = "1GiB", .bf16 = "false", .seed = 1}
/* The models, and how it is run. */
#define GK_SWEEP_MODELS(g)                                                                                   \
    {"recipient", GK_OPT_STR, &(g).recipient, "NAME=DIR", "the model that is grafted into", true},           \
    {"donor", GK_OPT_LIST, &(g).donors, "NAME=DIR", "a model that weights come from; may be repeated",       \
     false},                                                                                                 \
    {"derive", GK_OPT_LIST, &(g).derive, "NAME=DONOR:HOW",                                                   \
     "a donor made of DONOR and the recipient; HOW: rank=R, top=F, alpha=A (docs/schemes.md); may be "       \
     "repeated",                                                                                             \
     false},                                                                                                 \
    {"svd", GK_OPT_STR, &(g).svd, "DIR", "the folder that keeps what rank=R computes [OUT.svd]", false},     \
    {"tokenizer", GK_OPT_STR, &(g).tokenizer, "PATH", "the models' tokenizer [the recipient's]", false}
#define GK_BF16_OPTION(word)                                                                                 \
    {"bf16", GK_OPT_STR, &(word), "BOOL", "products of bf16 operands, with fp32 sums", false}
#define GK_SWEEP_RUNNING(g)                                                                                  \
    {"budget", GK_OPT_STR, &(g).budget, "BYTES", "working memory, without weights", false},                  \
    GK_BF16_OPTION((g).bf16),                                                                                \
    {"seed", GK_OPT_INT, &(g).seed, "N", "seed of the bootstrap", false},                                    \
    {"threads", GK_OPT_INT, &(g).threads, "N", "threads; 0: all cores", false},                              \
    GK_PROMPT_CHOICES((g).prompts),                                                                          \
    {"replace", GK_OPT_FLAG, &(g).replace, NULL, "begin anew where the store was made from other inputs",    \
     false},                                                                                                 \
    {"restart", GK_OPT_FLAG, &(g).restart, NULL,                                                             \
     "begin anew; the old store stays until the new one is complete", false}
/* clang-format on */
/* What --bf16 says. */
bool gk_parse_bf16(const char *word, bool *out, gk_error *err);
/* What of `o` these options say. */
bool gk_sweep_asked(const gk_sweep_args *g, gk_sweep_options *o, gk_error *err);
/* Runs it to its end, or until it is interrupted, which it says; *finished tells. */
bool gk_sweep_through(const char *command, gk_sweep *s, bool generate, bool *finished, gk_error *err);

#endif
