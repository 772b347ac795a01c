/* input_texts.h: the texts that `generate` and `logits` run on. Internal to tools/. */
#ifndef GK_TOOLS_INPUT_TEXTS_H
#define GK_TOOLS_INPUT_TEXTS_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"
#include "tools/tools.h"

typedef struct gk_input_text {
    const char *text; /* NULL: given as ids */
    int32_t *id;
    int n;
} gk_input_text;

typedef struct gk_input_texts {
    gk_model *model;
    gk_tok *tok; /* NULL only where all texts are given as ids and there is no tokenizer */
    gk_input_text *text;
    size_t n;
} gk_input_texts;

/* The options that say what runs: fill, parse, open. */
typedef struct gk_input_texts_args {
    const char *model, *tokenizer, *file;
    gk_strings prompts, ids;
    bool no_bos;
    int64_t threads;
} gk_input_texts_args;
#define GK_INPUT_TEXTS_OPTS(t)                                                                                 \
    {"model", GK_OPT_STR, &(t)->model, "PATH", "a model folder or a .gguf file", true},                        \
        {"tokenizer", GK_OPT_STR, &(t)->tokenizer, "PATH", "its tokenizer [the model's]", false},              \
        {"prompt", GK_OPT_LIST, &(t)->prompts, "TEXT", "a text; may be repeated", false},                      \
        {"prompts", GK_OPT_STR, &(t)->file, "FILE", "JSONL lines of {\"prompt\": …} or {\"text\": …}", false}, \
        {"ids", GK_OPT_LIST, &(t)->ids, "IDS", "a text as token ids, \"5 17 3\"; may be repeated", false},     \
        {"no-bos", GK_OPT_FLAG, &(t)->no_bos, NULL, "do not start texts with the tokenizer's BOS", false}, {   \
        "threads", GK_OPT_INT, &(t)->threads, "N", "threads; 0: all cores", false                              \
    }

/* Opens model and tokenizer and encodes every text, into `a`. gk_input_texts_close after success. */
bool gk_input_texts_open(const gk_input_texts_args *args, gk_arena *a, gk_input_texts *out, gk_error *err);
void gk_input_texts_close(gk_input_texts *t);

#endif
