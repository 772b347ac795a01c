/* internal.h: how the parts of tokenizer/ fit together. Internal to tokenizer/.
 *
 * A gk_tok is a kind (a table of functions) and its model. There are two kinds: sentencepiece (spm_kind.c
 * over the shim spm.cc and the merges of spm_bpe.c) and BPE as Hugging Face's `tokenizers` library does it
 * (bpe_kind.c). tokenizer_json.c makes the second from a tokenizer.json, from GPT-2's two files, and from what
 * gguf_tok.c writes in memory of a GGUF file.
 *
 * The way of a text through BPE: added tokens that stand in the text as it is (added.c), normalisers
 * (normalize.c), added tokens that stand in the normalised text, pre-tokenisers (pretok.c), merges (merge.c).
 */
#ifndef GK_TOKENIZER_INTERNAL_H
#define GK_TOKENIZER_INTERNAL_H

#include "core/core.h"
#include "tokenizer/tokenizer.h"

/* ---------------------------------------------------------------- kinds (tokenizer.c) */

#define GK__FILE_MAX ((size_t)256 << 20) /* bytes of a tokenizer file */
#define GK__TEXT_MAX ((size_t)1 << 28)   /* bytes of a text that can be encoded; spans are 32-bit */

typedef struct gk__kind {
    void (*free)(void *model);
    int (*size)(const void *model);
    const char *(*piece)(const void *model, int id);  /* id in range; never NULL */
    int (*find)(const void *model, const char *text); /* the id of an added token or else a piece; -1: none */
    /* `text` is UTF-8 of 1 to GK__TEXT_MAX bytes. The arrays have room for a BOS that stands first (`bos` <
     * 0: none) with the span [0,0). */
    bool (*encode)(const void *model, const char *text, size_t len, int bos, gk_arena *a, gk_tokens *out,
                   gk_error *err);
    char *(*decode)(const void *model, const int32_t *id, size_t n, gk_arena *a, gk_error *err);
    /* Appends all that encode and decode depend on, in one form whatever files it came from. */
    void (*describe)(const void *model, gk_buf *out);
} gk__kind;

/* A file as it was read, so that saving gives the same bytes. */
typedef struct gk__file {
    const char *name, *bytes;
    size_t len;
} gk__file;

struct gk_tok {
    const gk__kind *kind;
    void *model;
    int bos, eos; /* -1: none */
    bool add_bos; /* by default; nothing where there is no BOS */
    int own;      /* ids from here on were added by the files beside it; 0: none */
    gk_arena *arena;
    gk__file *file;
    size_t n_files, files_cap;
};

/* Loaders (they fill kind, model, bos, eos, add_bos; false: err is filled and the caller frees `t`).
 * `name` is for messages; `dir` the folder in which files stand beside it, or NULL. */
bool gk__load_spm(gk_tok *t, const char *bytes, size_t len, const char *name, const char *dir, gk_error *err);
/* The same by itself, but that control pieces and the unknown one are found in a text. */
bool gk__load_spm_special(gk_tok *t, const char *bytes, size_t len, const char *name, gk_error *err);
bool gk__load_json(gk_tok *t, const char *text, size_t len, const char *name, const char *dir, gk_error *err);
/* A tokenizer.json that is parsed already. */
bool gk__load_json_doc(gk_tok *t, const json_t *doc, const char *name, gk_error *err);
/* vocab.json and merges.txt of GPT-2. */
bool gk__load_gpt2(gk_tok *t, const gk__file *vocab, const gk__file *merges, const char *dir, gk_error *err);
/* The tokenizer of a GGUF file. */
bool gk__load_gguf(gk_tok *t, const char *path, gk_error *err);
/* A tokenizer from memory: a tokenizer.json where it begins like one, else a tokenizer.model. */
gk_tok *gk__tok_from_memory(const char *bytes, size_t len, const char *name, gk_error *err);
/* Reads `dir`/`name` of at most `max` bytes into t->arena and remembers it for saving. */
const gk__file *gk__keep_file(gk_tok *t, const char *dir, const char *name, size_t max, gk_error *err);
const gk__file *gk__remember(gk_tok *t, gk__file f); /* what it points to is borrowed */
/* From now on the library encodes, for tests that hold the two ways together. False: it did before. */
bool gk__spm_by_library(gk_tok *t);
/* The tokenizer_config.json of a sentencepiece model that was read without one, a new reference. */
json_t *gk__spm_config(const gk_tok *t);

/* ---------------------------------------------------------------- texts with places (view.c) */

/* A stretch of the text as the steps have rewritten it so far. Byte i of it begins at at[i] of the original
 * text, at[len] is where the stretch ends; at == NULL: it is the original from `base` on. */
typedef struct gk__view {
    const char *text;
    size_t len;
    const uint32_t *at;
    uint32_t base;
} gk__view;

static inline uint32_t gk__view_at(const gk__view *v, size_t i) {
    return v->at ? v->at[i] : v->base + (uint32_t)i;
}
gk__view gk__view_part(const gk__view *v, size_t begin, size_t end);

/* A view that is being written. */
typedef struct gk__writer {
    gk_arena *a;
    char *text;
    uint32_t *at;
    size_t len, cap;
} gk__writer;
gk__writer gk__writer_new(gk_arena *a, const gk__view *from); /* room for what `from` holds */
/* Bytes that stand for [begin, end) of `from`; false when the whole grows beyond 1 GiB. */
bool gk__write(gk__writer *w, const gk__view *from, size_t begin, size_t end, const char *bytes, size_t n,
               gk_error *err);
/* The bytes [begin, end) of `from` as they are. */
bool gk__write_same(gk__writer *w, const gk__view *from, size_t begin, size_t end, gk_error *err);
gk__view gk__written(gk__writer *w, const gk__view *from);

/* Length of the UTF-8 sequence that begins with the byte; the text is well-formed. */
static inline size_t gk__utf8_len(char first) {
    unsigned char c = (unsigned char)first;
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}
uint32_t gk__utf8_char(const char *s);        /* the character at s */
size_t gk__utf8_put(uint32_t c, char out[4]); /* c < 0x800; its length */

/* ---------------------------------------------------------------- strings to ids (table.c) */

/* Strings are borrowed. */
typedef struct gk__strings {
    struct gk__string_slot {
        const char *text;
        uint32_t len;
        int32_t id;
    } * slot;
    size_t mask, n;
    uint64_t seed;
} gk__strings;
void gk__strings_init(gk__strings *s, gk_arena *a, size_t room);
bool gk__strings_add(gk__strings *s, const char *text, size_t len, int32_t id); /* false: it is there */
int32_t gk__strings_get(const gk__strings *s, const char *text, size_t len);    /* -1: absent */

/* (left id, right id) -> rank and id of the merged piece. */
typedef struct gk__pair {
    uint32_t left, right, rank; /* rank UINT32_MAX: an empty slot */
    int32_t id;
} gk__pair;
typedef struct gk__pairs {
    gk__pair *slot;
    unsigned shift;
    size_t mask;
    uint64_t odd;
} gk__pairs;
void gk__pairs_init(gk__pairs *p, gk_arena *a, size_t room);
void gk__pairs_add(gk__pairs *p, gk__pair pair); /* a pair that is there gets the new rank */

static inline const gk__pair *gk__pairs_get(const gk__pairs *p, uint32_t left, uint32_t right) {
    uint64_t key = (uint64_t)left << 32 | right;
    for (size_t i = (size_t)((key * p->odd) >> p->shift);; i = (i + 1) & p->mask) {
        const gk__pair *s = &p->slot[i];
        if (s->rank == UINT32_MAX) return NULL;
        if (s->left == left && s->right == right) return s;
    }
}

/* ---------------------------------------------------------------- patterns (pattern.c) */

typedef struct gk__pattern {
    void *code; /* of libpcre2, or NULL: */
    const char *literal;
    size_t literal_len;
    char *source; /* of `code`, as it was written; owned */
} gk__pattern;
/* A pattern of Oniguruma's as one of libpcre2's, in `out` (gk_buf_free). What in it cannot be one; NULL:
 * nothing. */
const char *gk__oniguruma(const char *source, gk_buf *out, const char **rest);
/* A regular expression in the syntax of Oniguruma, which tokenizer.json uses. */
bool gk__pattern_regex(gk__pattern *p, const char *source, gk_place at, gk_error *err);
void gk__pattern_free(gk__pattern *p);

/* What matching needs besides the pattern, one per call of encode. */
typedef struct gk__matcher gk__matcher;
gk__matcher *gk__matcher_new(void);
void gk__matcher_free(gk__matcher *m);

typedef struct gk__search {
    const gk__pattern *pattern;
    gk__matcher *matcher;
    const char *text;
    size_t len, from, begin, end;
    bool any; /* a match was found: [begin, end) */
} gk__search;
/* The next match: 1 and [begin, end), 0 when there is none, -1 when the pattern gives up on the text. */
int gk__search_next(gk__search *s, gk_error *err);

/* ---------------------------------------------------------------- steps before the merges */

/* One call of encode: memory that ends with it. */
typedef struct gk__work {
    gk_arena *a;
    gk__matcher *matcher;
    gk_error *err;
} gk__work;

typedef enum gk__norm_kind { GK__UNICODE, GK__REPLACE, GK__PREPEND, GK__LOWERCASE } gk__norm_kind;
typedef struct gk__norm {
    gk__norm_kind kind;
    int form; /* of GK__UNICODE: options of utf8proc */
    gk__pattern pattern;
    const char *content;
    size_t content_len;
} gk__norm;

typedef enum gk__behaviour {
    GK__REMOVED,
    GK__ISOLATED,
    GK__CONTIGUOUS,
    GK__MERGED_PREVIOUS,
    GK__MERGED_NEXT
} gk__behaviour;
typedef enum gk__step_kind { GK__SPLIT, GK__PREFIX_SPACE, GK__METASPACE, GK__SHOW_BYTES } gk__step_kind;
typedef enum gk__scheme { GK__ALWAYS, GK__FIRST, GK__NEVER } gk__scheme;
typedef struct gk__step {
    gk__step_kind kind;
    gk__pattern pattern;
    gk__behaviour behaviour;
    bool invert;
    const char *mark; /* of GK__METASPACE */
    gk__scheme scheme;
} gk__step;

#define GK__STEPS_MAX 32
typedef struct gk__norms {
    gk__norm item[GK__STEPS_MAX];
    size_t n;
} gk__norms;
typedef struct gk__steps {
    gk__step item[GK__STEPS_MAX];
    size_t n;
} gk__steps;

bool gk__normalize(const gk__norms *norms, const gk__work *w, const gk__view *in, gk__view *out);

/* The words of a view, in order; what lies between them is left out. */
typedef struct gk__range {
    uint32_t begin, end;
} gk__range;
typedef struct gk__words {
    gk__view view;
    gk__range *item;
    size_t n;
} gk__words;
bool gk__pretokenize(const gk__steps *steps, const gk__work *w, const gk__view *in, gk__words *out);

/* ---------------------------------------------------------------- added tokens (added.c) */

typedef struct gk__added_token {
    const char *content;
    size_t len;
    int32_t id;
    bool single_word, lstrip, rstrip, normalized, special;
    bool marked; /* it is looked for where spaces are marks already, which lstrip and rstrip leave alone */
} gk__added_token;

/* A set of strings to find in a text, the longest of those that begin first. */
typedef struct gk__finder gk__finder;
gk__finder *gk__finder_new(gk_arena *a);
/* A later string wins over an equal earlier one. `token` is borrowed. */
void gk__finder_add(gk__finder *f, const char *text, size_t len, const gk__added_token *token);
/* [begin, end) of `text` is a token, or text between tokens. */
typedef struct gk__part {
    const gk__added_token *token; /* NULL: text */
    size_t begin, end;
} gk__part;
typedef struct gk__parts {
    gk__part *item;
    size_t n;
} gk__parts;
/* `but_special`: special tokens are found, and are text all the same. */
gk__parts gk__finder_split(const gk__finder *f, bool but_special, const char *text, size_t len, gk_arena *a);

/* ---------------------------------------------------------------- merges (merge.c) */

typedef struct gk__bpe_model {
    bool bytes;         /* the symbols are bytes (ByteLevel), else characters */
    bool ignore_merges; /* a word that is a piece is that piece */
    bool byte_fallback, fuse_unk;
    int32_t unk;            /* -1: none */
    int32_t byte_id[256];   /* of a byte as a symbol, or as "<0xE2>"; -1: none */
    int32_t ascii_id[0x80]; /* of a character; -1: none */
    gk__strings words;      /* of characters, and of words where merges are ignored */
    gk__pairs pairs;
} gk__bpe_model;

/* Ids with the place in the original text where each ends. */
typedef struct gk__ids {
    int32_t *id;
    uint32_t *end;
    size_t n, cap;
} gk__ids;
void gk__ids_add(gk__ids *ids, int32_t id, uint32_t end);
void gk__ids_free(gk__ids *ids);
typedef struct gk__cache gk__cache;
/* Words of one call and what they became; it keeps pointers into their views. */
gk__cache *gk__cache_new(size_t text_len);
void gk__cache_free(gk__cache *c);
void gk__bpe_words(const gk__bpe_model *m, const gk__words *words, gk__cache *cache, gk__ids *out);

/* ---------------------------------------------------------------- decoding (decode.c) */

typedef enum gk__dec_kind {
    GK__DEC_BYTE_LEVEL,
    GK__DEC_REPLACE,
    GK__DEC_BYTE_FALLBACK,
    GK__DEC_FUSE,
    GK__DEC_STRIP,
    GK__DEC_METASPACE
} gk__dec_kind;
typedef struct gk__dec {
    gk__dec_kind kind;
    gk__pattern pattern;
    const char *content; /* of Replace; the character of Strip and Metaspace */
    size_t start, stop;  /* of Strip */
    bool drop_first;     /* of Metaspace: the mark of the first token is dropped */
} gk__dec;
typedef struct gk__decs {
    gk__dec item[GK__STEPS_MAX];
    size_t n;
    bool any; /* false: the file has no decoder, and pieces are joined by spaces */
} gk__decs;
typedef struct gk__pieces {
    struct gk__piece {
        const char *text;
        size_t len;
    } * item;
    size_t n;
} gk__pieces;
/* `p` is changed; NULL with w->err on failure. */
char *gk__decode_pieces(const gk__decs *d, const gk__work *w, gk__pieces p, gk_arena *out);

/* The byte that a character stands for in byte-level pieces, or -1; and the other way. */
int gk__byte_of_char(uint32_t c);
uint32_t gk__char_of_byte(int byte);

/* ---------------------------------------------------------------- the BPE kind (bpe_kind.c) */

typedef struct gk__bpe {
    gk_arena *a; /* everything below */
    int size;
    struct gk__bpe_piece {
        const char *text;
        uint32_t len;
        bool there, special;
    } * piece;
    size_t n_vocab;    /* pieces of the model, without the added tokens */
    gk__strings vocab; /* those */
    gk__strings added_ids;
    bool shows_bytes; /* a step writes bytes as characters (ByteLevel before other steps) */
    gk__bpe_model model;
    gk__norms norms;
    gk__steps steps;
    gk__decs decs;
    gk__added_token *added;
    size_t n_added;
    bool split_special;           /* special tokens in a text are text */
    gk__finder *raw, *normalized; /* NULL: no such token */
} gk__bpe;
extern const gk__kind gk__bpe_kind;
gk__bpe *gk__bpe_new(void);
void gk__bpe_free(void *bpe);

/* ---------------------------------------------------------------- tokenizer.ggml.pre (gguf_pre.c) */

/* What a name stands for, of which a tokenizer.json is made. */
typedef struct gk__pre {
    const char *pre_tokenizer; /* its member of that name */
    bool nfc;                  /* the normalizer is NFC, else there is none */
    bool ignore_merges;
    bool add_bos; /* where the file does not say */
} gk__pre;
bool gk__gguf_pre(const char *name, gk__pre *out); /* false: not in the table */
const char *gk__gguf_pre_at(size_t i);             /* the i-th name; NULL behind the last */

/* ---------------------------------------------------------------- what a tokenizer is (describe.c) */

void gk__describe_number(gk_buf *out, long long n);
void gk__describe_text(gk_buf *out, const char *text, size_t len);
void gk__describe_added(gk_buf *out, const gk__added_token *t);
void gk__bpe_describe(const void *bpe, gk_buf *out);

/* Parts of a tokenizer.json (json_steps.c); `at.file` is the file. */
bool gk__read_normalizer(gk__bpe *b, const json_t *json, gk_place at, gk_error *err);
bool gk__read_pre_tokenizer(gk__bpe *b, const json_t *json, gk_place at, gk_error *err);
bool gk__read_decoder(gk__bpe *b, const json_t *json, gk_place at, gk_error *err);
/* The id that a post-processor puts first, into *bos where there is one; fails where it puts more. */
bool gk__read_post_processor(const json_t *json, int *bos, gk_place at, gk_error *err);
/* vocab, merges and settings of "model" (json_model.c), with room for n_added ids more; the pre-tokeniser
 * must be read before, the normaliser before the added tokens. */
bool gk__read_model(gk__bpe *b, const json_t *model, size_t n_added, gk_place at, gk_error *err);
bool gk__read_added(gk__bpe *b, const json_t *list, gk_place at, gk_error *err);
/* One of that list; its content is copied into `a`. */
bool gk__read_one_added(gk_arena *a, const json_t *json, gk__added_token *t, gk_place at, gk_error *err);

#endif
