/* tokenizer_config.h: what the files beside a tokenizer's own say of it, as transformers' AutoTokenizer takes
 * them (docs/tokenizers.md). Internal to tokenizer/. */
#ifndef GK_TOKENIZER_CONFIG_H
#define GK_TOKENIZER_CONFIG_H

#include "tokenizer/internal.h"

/* A setting that the files may leave open. */
typedef enum gk_tok__maybe { GK_TOK__UNSAID = -1, GK_TOK__NO, GK_TOK__YES } gk_tok__maybe;

enum {
    GK_TOK__BOS,
    GK_TOK__EOS,
    GK_TOK__UNK,
    GK_TOK__SEP,
    GK_TOK__PAD,
    GK_TOK__CLS,
    GK_TOK__MASK,
    GK_TOK__NAMES
};

/* A tokenizer class of transformers: what it takes for granted where the files are silent. */
typedef struct gk_tok__class {
    const char *name;                 /* without "Fast" */
    const char *token[GK_TOK__NAMES]; /* NULL: none */
    bool byte_level;                  /* its add_prefix_space is ByteLevel's; where unsaid, no */
    bool metaspace;                   /* its add_prefix_space puts the mark of a space before a text */
    bool generic;                     /* takes a file's steps as they are */
} gk_tok__class;

typedef struct gk_tok__config {
    json_t *config, *map, *added; /* tokenizer_config.json, special_tokens_map.json, added_tokens.json; NULL:
                                     no such file, or one that does not count */
    json_t *model;                /* config.json, or NULL */
    const char *dir;
    bool
        complete; /* the tokenizer is a tokenizer.json: what the class takes for granted adds nothing to it */
    gk_tok__class class;
    gk_tok__maybe add_bos, add_eos, prefix_space, legacy;
    bool split_special; /* special tokens in a text are text */
    int64_t first_new;  /* ids from here on were made by gk_tok__config_tokens */
    gk_arena *a;        /* borrowed */
} gk_tok__config;

/* Reads the files, which are kept for saving. `doc`: the tokenizer.json beside them, or NULL. On failure too
 * `out` wants gk_tok__config_free. */
bool gk_tok__config_read(gk_tok *t, const char *dir, const json_t *doc, gk_tok__config *out, gk_error *err);
void gk_tok__config_free(gk_tok__config *s);
/* Takes the class of that name where the files ask for none. */
void gk_tok__config_else(gk_tok__config *s, const char *name);

/* Whether they say anything of tokens: a tokenizer_config.json or added_tokens.json is there, or a map of
 * roles. */
bool gk_tok__config_says(const gk_tok__config *s);
/* The added tokens of a tokenizer that has `own` (a list in the layout of a tokenizer.json, or NULL) and the
 * pieces of `vocab` (name to id): a new list in that layout, with the ids that the reference gives. NULL on
 * failure. `spare` is such a list without ids, of tokens that the reference adds where the files list no
 * additional ones; or NULL. */
json_t *gk_tok__config_tokens(gk_tok__config *s, const json_t *own, const json_t *vocab, const json_t *spare,
                              gk_error *err);
/* The tokens that are listed with ids: id and name, borrowed; the list is in the arena. */
typedef struct gk_tok__listed {
    int64_t id;
    const char *name;
} gk_tok__listed;
gk_tok__listed *gk_tok__config_listed(const gk_tok__config *s, size_t *n);
/* BOS and EOS of `t`, which has those tokens, by what the files or the class call them, else by config.json.
 */
void gk_tok__config_ends(const gk_tok__config *s, gk_tok *t);
/* add_prefix_space of the files, put into the steps of a tokenizer.json. */
bool gk_tok__config_prefix(const gk_tok__config *s, json_t *doc, gk_error *err);

#endif
