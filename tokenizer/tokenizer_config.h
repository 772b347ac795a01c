/* tokenizer_config.h: what the files beside a tokenizer's own say of it, as transformers' AutoTokenizer takes
 * them (docs/tokenizers.md). Internal to tokenizer/. */
#ifndef GK_TOKENIZER_CONFIG_H
#define GK_TOKENIZER_CONFIG_H

#include "tokenizer/internal.h"

/* A setting that the files may leave open. */
typedef enum gk__maybe { GK__UNSAID = -1, GK__NO, GK__YES } gk__maybe;

enum { GK__BOS, GK__EOS, GK__UNK, GK__SEP, GK__PAD, GK__CLS, GK__MASK, GK__NAMES };

/* A tokenizer class of transformers: what it takes for granted where the files are silent. */
typedef struct gk__class {
    const char *name;             /* without "Fast" */
    const char *token[GK__NAMES]; /* NULL: none */
    bool byte_level;              /* its add_prefix_space is ByteLevel's; where unsaid, no */
    bool metaspace;               /* its add_prefix_space puts the mark of a space before a text */
    bool generic;                 /* takes a file's steps as they are */
} gk__class;

typedef struct gk__beside {
    json_t *config, *map, *added; /* tokenizer_config.json, special_tokens_map.json, added_tokens.json; NULL:
                                     no such file, or one that does not count */
    json_t *model;                /* config.json, or NULL */
    const char *dir;
    bool
        complete; /* the tokenizer is a tokenizer.json: what the class takes for granted adds nothing to it */
    gk__class class;
    gk__maybe add_bos, add_eos, prefix_space, legacy;
    bool split_special; /* special tokens in a text are text */
    int64_t first_new;  /* ids from here on were made by gk__beside_tokens */
    gk_arena *a;        /* borrowed */
} gk__beside;

/* Reads the files, which are kept for saving. `doc`: the tokenizer.json beside them, or NULL. On failure too
 * `out` wants gk__beside_free. */
bool gk__beside_read(gk_tok *t, const char *dir, const json_t *doc, gk__beside *out, gk_error *err);
void gk__beside_free(gk__beside *s);
/* Takes the class of that name where the files ask for none. */
void gk__beside_else(gk__beside *s, const char *name);

/* Whether they say anything of tokens: a tokenizer_config.json or added_tokens.json is there, or a map of
 * roles. */
bool gk__beside_says(const gk__beside *s);
/* The added tokens of a tokenizer that has `own` (a list in the layout of a tokenizer.json, or NULL) and the
 * pieces of `vocab` (name to id): a new list in that layout, with the ids that the reference gives. NULL on
 * failure. `spare` is such a list without ids, of tokens that the reference adds where the files list no
 * additional ones; or NULL. */
json_t *gk__beside_tokens(gk__beside *s, const json_t *own, const json_t *vocab, const json_t *spare,
                          gk_error *err);
/* The tokens that are listed with ids: id and name, borrowed; the list is in the arena. */
typedef struct gk__listed {
    int64_t id;
    const char *name;
} gk__listed;
gk__listed *gk__beside_listed(const gk__beside *s, size_t *n);
/* BOS and EOS of `t`, which has those tokens, by what the files or the class call them, else by config.json.
 */
void gk__beside_ends(const gk__beside *s, gk_tok *t);
/* add_prefix_space of the files, put into the steps of a tokenizer.json. */
bool gk__beside_prefix(const gk__beside *s, json_t *doc, gk_error *err);

#endif
