/* internal.h: how the parts of tokenizer/ fit together. Internal to tokenizer/.
 *
 * A gk_tok is a kind (a table of functions) and its model. There are two kinds: sentencepiece (spm_kind.c
 * over the shim spm.cc and the merges of spm_bpe.c) and that of Hugging Face's `tokenizers` library, BPE or
 * Unigram (bpe_kind.c). tokenizer_json.c makes the second from a tokenizer.json, which gguf_tok.c and, for
 * GPT-2's files, tokenizer_json.c write in memory for what they read. files.c says which kind a file or
 * folder is.
 *
 * The way of a text through the second: added tokens that stand in the text as it is (added_tokens.c),
 * normalisers (normalize.c), added tokens that stand in the normalised text, pre-tokenisers (pretok.c),
 * merges (bpe_merges.c) or the best pieces (unigram.c).
 */
#ifndef GK_TOKENIZER_INTERNAL_H
#define GK_TOKENIZER_INTERNAL_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/tokenizer.h"

#include <jansson.h>

/* ---------------------------------------------------------------- kinds (tokenizer.c) */

#define GK_TOK__FILE_MAX ((size_t)256 << 20) /* bytes of a tokenizer file */
#define GK_TOK__TEXT_MAX ((size_t)1 << 28)   /* bytes of a text that can be encoded; spans are 32-bit */

typedef struct gk_tok__kind {
    void (*free)(void *model);
    int (*size)(const void *model);
    const char *(*piece)(const void *model, int id);  /* id in range; never NULL */
    int (*find)(const void *model, const char *text); /* the id of an added token or else a piece; -1: none */
    /* `text` is UTF-8 of 1 to GK_TOK__TEXT_MAX bytes. The arrays have room for a BOS that stands first (`bos`
     * < 0: none) with the span [0,0). */
    bool (*encode)(const void *model, const char *text, size_t len, int bos, gk_arena *a, gk_tokens *out,
                   gk_error *err);
    char *(*decode)(const void *model, const int32_t *id, size_t n, gk_arena *a, gk_error *err);
    /* Appends all that encode and decode depend on, in one form whatever files it came from. */
    void (*describe)(const void *model, gk_buf *out);
} gk_tok__kind;

/* A file as it was read, so that saving gives the same bytes. */
typedef struct gk_tok__file {
    const char *name, *bytes;
    size_t len;
} gk_tok__file;

struct gk_tok {
    const gk_tok__kind *kind;
    void *model;
    int bos, eos; /* -1: none */
    bool add_bos; /* by default; nothing where there is no BOS */
    int own;      /* ids from here on were added by the files beside it; 0: none */
    /* What stands behind BOS before a text, where a template puts several tokens there. */
    const int32_t *behind_bos;
    size_t n_behind_bos;
    gk_arena *arena;
    gk_tok__file *file;
    size_t n_files, files_cap;
};

/* Loaders (they fill kind, model, bos, eos, add_bos; false: err is filled and the caller frees `t`).
 * `name` is for messages; `dir` the folder in which files stand beside it, or NULL. */
bool gk_tok__load_spm(gk_tok *t, const char *bytes, size_t len, const char *name, const char *dir,
                      gk_error *err);
/* The same by itself, but that control pieces and the unknown one are found in a text. */
bool gk_tok__load_spm_special(gk_tok *t, const char *bytes, size_t len, const char *name, gk_error *err);
bool gk_tok__load_json(gk_tok *t, const char *text, size_t len, const char *name, const char *dir,
                       gk_error *err);
/* A tokenizer.json that is parsed already. */
bool gk_tok__load_json_doc(gk_tok *t, const json_t *doc, const char *name, gk_error *err);
/* vocab.json and merges.txt of GPT-2. */
bool gk_tok__load_gpt2(gk_tok *t, const gk_tok__file *vocab, const gk_tok__file *merges, const char *dir,
                       gk_error *err);
/* The tokenizer of a GGUF file. */
bool gk_tok__load_gguf(gk_tok *t, const char *path, gk_error *err);
/* A tokenizer from memory: a tokenizer.json where it begins like one, else a tokenizer.model. */
gk_tok *gk_tok__from_memory(const char *bytes, size_t len, const char *name, gk_error *err);
/* Reads `dir`/`name` of at most `max` bytes into t->arena and remembers it for saving. */
const gk_tok__file *gk_tok__keep_file(gk_tok *t, const char *dir, const char *name, size_t max,
                                      gk_error *err);
const gk_tok__file *gk_tok__remember(gk_tok *t, gk_tok__file f); /* what it points to is borrowed */
/* From now on the library encodes, for tests that hold the two ways together. False: it did before. */
bool gk_spm__by_library(gk_tok *t);
/* The tokenizer_config.json of a sentencepiece model that was read without one, a new reference. */
json_t *gk_spm__config(const gk_tok *t);

/* ---------------------------------------------------------------- texts with places (text_view.c) */

/* A stretch of the text as the steps have rewritten it so far. Byte i of it begins at at[i] of the original
 * text, at[len] is where the stretch ends; at == NULL: it is the original from `base` on. */
typedef struct gk_tok__view {
    const char *text;
    size_t len;
    const uint32_t *at;
    uint32_t base;
} gk_tok__view;

static inline uint32_t gk_tok__view_at(const gk_tok__view *v, size_t i) {
    return v->at ? v->at[i] : v->base + (uint32_t)i;
}
gk_tok__view gk_tok__view_part(const gk_tok__view *v, size_t begin, size_t end);

/* A view that is being written. */
typedef struct gk_tok__writer {
    gk_arena *a;
    char *text;
    uint32_t *at;
    size_t len, cap;
} gk_tok__writer;
gk_tok__writer gk_tok__writer_new(gk_arena *a, const gk_tok__view *from); /* room for what `from` holds */
/* Bytes that stand for [begin, end) of `from`; false when the whole grows beyond 1 GiB. */
bool gk_tok__write(gk_tok__writer *w, const gk_tok__view *from, size_t begin, size_t end, const char *bytes,
                   size_t n, gk_error *err);
/* The bytes [begin, end) of `from` as they are. */
bool gk_tok__write_same(gk_tok__writer *w, const gk_tok__view *from, size_t begin, size_t end, gk_error *err);
gk_tok__view gk_tok__written(gk_tok__writer *w, const gk_tok__view *from);

/* Length of the UTF-8 sequence that begins with the byte; the text is well-formed. */
static inline size_t gk_tok__utf8_len(char first) {
    unsigned char c = (unsigned char)first;
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}
uint32_t gk_tok__utf8_char(const char *s);        /* the character at s */
size_t gk_tok__utf8_put(uint32_t c, char out[4]); /* c < 0x800; its length */

/* ---------------------------------------------------------------- strings to ids (hash_tables.c) */

/* Strings are borrowed. */
typedef struct gk_tok__strings {
    struct gk_tok__string_slot {
        const char *text;
        uint32_t len;
        int32_t id;
    } * slot;
    size_t mask, n;
    uint64_t seed;
} gk_tok__strings;
void gk_tok__strings_init(gk_tok__strings *s, gk_arena *a, size_t room);
bool gk_tok__strings_add(gk_tok__strings *s, const char *text, size_t len,
                         int32_t id);                                                /* false: it is there */
int32_t gk_tok__strings_get(const gk_tok__strings *s, const char *text, size_t len); /* -1: absent */

/* (left id, right id) -> rank and id of the merged piece. */
typedef struct gk_tok__merge {
    uint32_t left, right, rank; /* rank UINT32_MAX: an empty slot */
    int32_t id;
} gk_tok__merge;
typedef struct gk_tok__merges {
    gk_tok__merge *slot;
    unsigned shift;
    size_t mask;
    uint64_t odd;
} gk_tok__merges;
void gk_tok__merges_init(gk_tok__merges *p, gk_arena *a, size_t room);
void gk_tok__merges_add(gk_tok__merges *p, gk_tok__merge pair); /* a pair that is there gets the new rank */

static inline const gk_tok__merge *gk_tok__merges_get(const gk_tok__merges *p, uint32_t left,
                                                      uint32_t right) {
    uint64_t key = (uint64_t)left << 32 | right;
    for (size_t i = (size_t)((key * p->odd) >> p->shift);; i = (i + 1) & p->mask) {
        const gk_tok__merge *s = &p->slot[i];
        if (s->rank == UINT32_MAX) return NULL;
        if (s->left == left && s->right == right) return s;
    }
}

/* ---------------------------------------------------------------- patterns (pattern.c) */

typedef struct gk_tok__pattern {
    void *code; /* of libpcre2, or NULL: */
    const char *literal;
    size_t literal_len;
    char *source; /* of `code`, as it was written; owned */
} gk_tok__pattern;
/* A pattern of Oniguruma's as one of libpcre2's, in `out` (gk_buf_free). What in it cannot be one; NULL:
 * nothing. */
const char *gk_tok__oniguruma(const char *source, gk_buf *out, const char **rest);
/* A regular expression in the syntax of Oniguruma, which tokenizer.json uses. */
bool gk_tok__pattern_regex(gk_tok__pattern *p, const char *source, gk_place at, gk_error *err);
void gk_tok__pattern_free(gk_tok__pattern *p);

/* What matching needs besides the pattern, one per call of encode. */
typedef struct gk_tok__matcher gk_tok__matcher;
gk_tok__matcher *gk_tok__matcher_new(void);
void gk_tok__matcher_free(gk_tok__matcher *m);

typedef struct gk_tok__match {
    const gk_tok__pattern *pattern;
    gk_tok__matcher *matcher;
    const char *text;
    size_t len, from, begin, end;
    bool any; /* a match was found: [begin, end) */
} gk_tok__match;
/* The next match: 1 and [begin, end), 0 when there is none, -1 when the pattern gives up on the text. */
int gk_tok__match_next(gk_tok__match *s, gk_error *err);

/* ---------------------------------------------------------------- replacements (charsmap.c) */

/* "precompiled_charsmap" of sentencepiece: a trie of strings and what each is replaced by. */
typedef struct gk_tok__charsmap {
    const void *bytes; /* all of it, borrowed */
    size_t len;
    const unsigned char *units; /* of the trie, four bytes each */
    uint32_t n_units;
    const char *text; /* replacements, each with a NUL behind it */
    size_t text_len, longest; /* the second: of one replacement */
} gk_tok__charsmap;
/* What is wrong with it; NULL: nothing, and it can be used, by sentencepiece's library too. */
const char *gk_tok__charsmap_open(gk_tok__charsmap *m, const void *bytes, size_t len);
/* What stands for the shortest string that `text` begins with; NULL: it begins with none. */
const char *gk_tok__charsmap_find(const gk_tok__charsmap *m, const char *text, size_t len);

/* ---------------------------------------------------------------- steps before the merges */

/* One call of encode: memory that ends with it. */
typedef struct gk_tok__work {
    gk_arena *a;
    gk_tok__matcher *matcher;
    gk_error *err;
} gk_tok__work;

typedef enum gk_tok__norm_kind {
    GK_TOK__UNICODE,
    GK_TOK__REPLACE,
    GK_TOK__PREPEND,
    GK_TOK__LOWERCASE,
    GK_TOK__CHARSMAP,
    GK_TOK__STRIP,
    GK_TOK__NMT
} gk_tok__norm_kind;
typedef struct gk_tok__norm {
    gk_tok__norm_kind kind;
    int form; /* of GK_TOK__UNICODE: options of utf8proc */
    gk_tok__pattern pattern;
    const char *content;
    size_t content_len;
    gk_tok__charsmap map;
    bool left, right; /* of GK_TOK__STRIP */
} gk_tok__norm;

typedef enum gk_tok__behaviour {
    GK_TOK__REMOVED,
    GK_TOK__ISOLATED,
    GK_TOK__CONTIGUOUS,
    GK_TOK__MERGED_PREVIOUS,
    GK_TOK__MERGED_NEXT
} gk_tok__behaviour;
typedef enum gk_tok__pre_step_kind {
    GK_TOK__SPLIT,
    GK_TOK__PREFIX_SPACE,
    GK_TOK__METASPACE,
    GK_TOK__SHOW_BYTES
} gk_tok__pre_step_kind;
typedef enum gk_tok__prepend_scheme { GK_TOK__ALWAYS, GK_TOK__FIRST, GK_TOK__NEVER } gk_tok__prepend_scheme;
typedef struct gk_tok__pre_step {
    gk_tok__pre_step_kind kind;
    gk_tok__pattern pattern;
    gk_tok__behaviour behaviour;
    bool invert;
    const char *mark; /* of GK_TOK__METASPACE */
    gk_tok__prepend_scheme scheme;
} gk_tok__pre_step;

#define GK_TOK__STEPS_MAX 32
typedef struct gk_tok__norms {
    gk_tok__norm item[GK_TOK__STEPS_MAX];
    size_t n;
} gk_tok__norms;
typedef struct gk_tok__pre_steps {
    gk_tok__pre_step item[GK_TOK__STEPS_MAX];
    size_t n;
} gk_tok__pre_steps;

bool gk_tok__normalize(const gk_tok__norms *norms, const gk_tok__work *w, const gk_tok__view *in,
                       gk_tok__view *out);

/* The words of a view, in order; what lies between them is left out. */
typedef struct gk_tok__range {
    uint32_t begin, end;
} gk_tok__range;
typedef struct gk_tok__words {
    gk_tok__view view;
    gk_tok__range *item;
    size_t n;
} gk_tok__words;
bool gk_tok__pretokenize(const gk_tok__pre_steps *steps, const gk_tok__work *w, const gk_tok__view *in,
                         gk_tok__words *out);

/* ---------------------------------------------------------------- added tokens (added_tokens.c) */

bool gk_tok__is_space(uint32_t c);

typedef struct gk_tok__added_token {
    const char *content;
    size_t len;
    int32_t id;
    bool single_word, lstrip, rstrip, normalized, special;
    bool marked; /* it is looked for where spaces are marks already, which lstrip and rstrip leave alone */
} gk_tok__added_token;

/* A set of strings to find in a text, the longest of those that begin first. */
typedef struct gk_tok__finder gk_tok__finder;
gk_tok__finder *gk_tok__finder_new(gk_arena *a);
/* A later string wins over an equal earlier one. `token` is borrowed. */
void gk_tok__finder_add(gk_tok__finder *f, const char *text, size_t len, const gk_tok__added_token *token);
/* [begin, end) of `text` is a token, or text between tokens. */
typedef struct gk_tok__stretch {
    const gk_tok__added_token *token; /* NULL: text */
    size_t begin, end;
} gk_tok__stretch;
typedef struct gk_tok__stretches {
    gk_tok__stretch *item;
    size_t n;
} gk_tok__stretches;
/* `but_special`: special tokens are found, and are text all the same. */
gk_tok__stretches gk_tok__finder_split(const gk_tok__finder *f, bool but_special, const char *text,
                                       size_t len, gk_arena *a);

/* ---------------------------------------------------------------- merges (bpe_merges.c) */

#define GK_TOK__AFFIX_MAX 64 /* bytes */
typedef struct gk_tok__bpe_model {
    bool bytes;         /* the symbols are bytes (ByteLevel), else characters */
    bool ignore_merges; /* a word that is a piece is that piece */
    bool byte_fallback, fuse_unk;
    int32_t unk;            /* -1: none */
    int32_t byte_id[256];   /* of a byte as a symbol, or as "<0xE2>"; -1: none */
    int32_t ascii_id[0x80]; /* of a character; -1: none */
    gk_tok__strings words;  /* of characters, and of words where merges are ignored */
    /* What every character but a word's first has before it, and its last behind it, in the vocabulary;
     * NULL: nothing. Both: symbols are characters. */
    const char *prefix, *suffix;
    gk_tok__merges pairs;
} gk_tok__bpe_model;

/* Ids with the place in the original text where each ends. */
typedef struct gk_tok__ids {
    int32_t *id;
    uint32_t *end;
    size_t n, cap;
} gk_tok__ids;
void gk_tok__ids_add(gk_tok__ids *ids, int32_t id, uint32_t end);
void gk_tok__ids_free(gk_tok__ids *ids);
typedef struct gk_tok__word_cache gk_tok__word_cache;
/* Words of one call and what they became; it keeps pointers into their views. */
gk_tok__word_cache *gk_tok__word_cache_new(size_t text_len);
void gk_tok__word_cache_free(gk_tok__word_cache *c);
void gk_tok__bpe_words(const gk_tok__bpe_model *m, const gk_tok__words *words, gk_tok__word_cache *cache,
                       gk_tok__ids *out);

/* ---------------------------------------------------------------- decoding (decode.c) */

typedef enum gk_tok__dec_kind {
    GK_TOK__DEC_BYTE_LEVEL,
    GK_TOK__DEC_REPLACE,
    GK_TOK__DEC_BYTE_FALLBACK,
    GK_TOK__DEC_FUSE,
    GK_TOK__DEC_STRIP,
    GK_TOK__DEC_METASPACE,
    GK_TOK__DEC_SUFFIX
} gk_tok__dec_kind;
typedef struct gk_tok__dec {
    gk_tok__dec_kind kind;
    gk_tok__pattern pattern;
    const char *content; /* of Replace; the character of Strip and Metaspace, the suffix of BPEDecoder */
    size_t start, stop;  /* of Strip */
    bool drop_first;     /* of Metaspace: the mark of the first token is dropped */
} gk_tok__dec;
typedef struct gk_tok__decs {
    gk_tok__dec item[GK_TOK__STEPS_MAX];
    size_t n;
    bool any; /* false: the file has no decoder, and pieces are joined by spaces */
} gk_tok__decs;
typedef struct gk_tok__pieces {
    struct gk_tok__piece {
        const char *text;
        size_t len;
    } * item;
    size_t n;
} gk_tok__pieces;
/* `p` is changed; NULL with w->err on failure. */
char *gk_tok__decode_pieces(const gk_tok__decs *d, const gk_tok__work *w, gk_tok__pieces p, gk_arena *out);

/* The byte that a character stands for in byte-level pieces, or -1; and the other way. */
int gk_tok__byte_of_char(uint32_t c);
uint32_t gk_tok__char_of_byte(int byte);

/* ------------------------------------------------- a tokenizer.json (bpe_kind.c), its pieces (unigram.c) */

typedef struct gk_tok__unigram gk_tok__unigram;
typedef struct gk_tok__bpe {
    gk_arena *a; /* everything below */
    int size;
    struct gk_tok__bpe_piece {
        const char *text;
        uint32_t len;
        bool there, special;
    } * piece;
    size_t n_vocab;        /* pieces of the model, without the added tokens */
    gk_tok__strings vocab; /* those */
    gk_tok__strings added_ids;
    bool shows_bytes; /* a step writes bytes as characters (ByteLevel before other steps) */
    gk_tok__bpe_model model;
    gk_tok__unigram
        *unigram; /* NULL: words are merged; else the model's unk, byte_fallback and byte_id count */
    gk_tok__norms norms;
    gk_tok__pre_steps steps;
    gk_tok__decs decs;
    gk_tok__added_token *added;
    size_t n_added;
    bool split_special;               /* special tokens in a text are text */
    gk_tok__finder *raw, *normalized; /* NULL: no such token */
} gk_tok__bpe;
extern const gk_tok__kind gk_tok__bpe_kind;
gk_tok__bpe *gk_tok__bpe_new(void);
/* Of the pieces that `b` has, with the score of each; it lives as long as `b`. */
gk_tok__unigram *gk_tok__unigram_new(const gk_tok__bpe *b, const double *score);
double gk_tok__unigram_score(const gk_tok__unigram *u, int id);
void gk_tok__unigram_words(const gk_tok__bpe *b, const gk_tok__words *words, gk_tok__ids *out);

/* ---------------------------------------------------------------- tokenizer.ggml.pre (gguf_pre.c) */

/* What a name stands for, of which a tokenizer.json is made. */
typedef struct gk_tok__gguf_steps {
    const char *pre_tokenizer; /* its member of that name */
    bool nfc;                  /* the normalizer is NFC, else there is none */
    bool ignore_merges;
    bool add_bos; /* where the file does not say */
} gk_tok__gguf_steps;
bool gk_tok__gguf_pre(const char *name, gk_tok__gguf_steps *out); /* false: not in the table */
const char *gk_tok__gguf_pre_at(size_t i);                        /* the i-th name; NULL behind the last */

/* ---------------------------------------------------- what a tokenizer is (describe.c, fingerprint.c) */

void gk_tok__describe_text(gk_buf *out, const char *text, size_t len);
void gk_tok__describe_added(gk_buf *out, const gk_tok__added_token *t);
void gk_tok__bpe_describe(const void *bpe, gk_buf *out);
/* The ids below `end` alone. */
void gk_tok__bpe_describe_upto(const gk_tok__bpe *b, int end, gk_buf *out);

/* Parts of a tokenizer.json (json_steps.c); `at.file` is the file. */
bool gk_tok__read_normalizer(gk_tok__bpe *b, const json_t *json, gk_place at, gk_error *err);
bool gk_tok__read_pre_tokenizer(gk_tok__bpe *b, const json_t *json, gk_place at, gk_error *err);
bool gk_tok__read_decoder(gk_tok__bpe *b, const json_t *json, gk_place at, gk_error *err);
/* The ids that a post-processor puts before a text; fails where it puts more. */
typedef struct gk_tok__lead {
    int32_t id[GK_TOK__STEPS_MAX];
    size_t n;
} gk_tok__lead;
bool gk_tok__read_post_processor(const json_t *json, gk_tok__lead *lead, gk_place at, gk_error *err);
/* vocab, merges and settings of "model" (json_model.c), with room for n_added ids more; the pre-tokeniser
 * must be read before, the normaliser before the added tokens. */
bool gk_tok__read_model(gk_tok__bpe *b, const json_t *model, size_t n_added, gk_place at, gk_error *err);
bool gk_tok__read_added(gk_tok__bpe *b, const json_t *list, gk_place at, gk_error *err);
/* One of that list; its content is copied into `a`. */
bool gk_tok__read_one_added(gk_arena *a, const json_t *json, gk_tok__added_token *t, gk_place at,
                            gk_error *err);

#endif
