/* tokenizer.h: text <-> token ids, every id with the bytes of the text it stands for.
 *
 * A gk_tok is immutable after loading and may be shared between threads. The kind built so far is the
 * sentencepiece model (tokenizer.model; https://github.com/google/sentencepiece), through a small C shim.
 */
#ifndef GK_TOKENIZER_H
#define GK_TOKENIZER_H

#include "core/core.h"

typedef struct gk_tok gk_tok;

/* Opens a tokenizer.model file, or a folder that holds one (with an optional tokenizer_config.json whose
 * add_bos_token says whether encoding starts with BOS; default true). The caller frees it. NULL, with the
 * byte where it stands, when the file is damaged or is a model whose tokens have no exact bytes: one that
 * rewrites the text (any normalisation but the identity), gives a space to the word before it, or is not
 * of the BPE kind. Thread-safe. */
gk_tok *gk_tok_load(const char *path, gk_error *err);
void gk_tok_free(gk_tok *t); /* NULL is fine */

int gk_tok_size(const gk_tok *t); /* number of ids */
int gk_tok_bos(const gk_tok *t);  /* -1 when there is none */
int gk_tok_eos(const gk_tok *t);  /* -1 when there is none */
/* As stored ("▁stars"); borrowed; NULL when out of range. */
const char *gk_tok_piece(const gk_tok *t, int id);

/* n ids; span[i] is the part of the text that id[i] stands for. The spans tile the text: span[0].begin = 0
 * (after BOS, whose span is [0,0)), each begins where the one before ends, the last ends at len. A leading
 * space belongs to the token it is part of. The dummy prefix, the space a model puts before every text,
 * has no bytes: a first token "▁Ada" spans "Ada", and a first token "▁" spans [0,0). A character without a
 * piece of its own becomes one token a byte, and each of them spans its own byte, so that spans may end
 * inside a character. Spaces that a model drops (remove_extra_whitespaces) belong to the token after them,
 * at the end to the last. */
typedef struct gk_tokens {
    int32_t *id;
    gk_span *span;
    size_t n;
} gk_tokens;
typedef enum gk_bos { GK_BOS_DEFAULT, GK_BOS_YES, GK_BOS_NO } gk_bos;
/* Text must be UTF-8 (fails at the offending byte otherwise) of at most 256 MiB. Special-token strings in
 * the text are text. Fails with GK_BOS_YES when there is no BOS, and when the model drops the whole of a
 * text that is not empty. The empty text has no tokens but BOS; `text` may then be NULL. The arrays are in
 * `a`; after a failure *out is zero. Thread-safe with one arena per thread. */
bool gk_tok_encode(const gk_tok *t, const char *text, size_t len, gk_bos bos, gk_arena *a, gk_tokens *out,
                   gk_error *err);
/* NUL-terminated text of n ids, in `a`; control tokens (BOS, EOS) decode to nothing, a dummy prefix at the
 * start too, and bytes that are no UTF-8 to U+FFFD. Gives back the text that was encoded, but for U+2581
 * in it, which becomes a space, and for what a model drops or does not know. Fails on an id out of range.
 * Thread-safe with one arena per thread. */
char *gk_tok_decode(const gk_tok *t, const int32_t *id, size_t n, gk_arena *a, gk_error *err);
/* First token of `text` as it stands after other text, i.e. of " " + text: the target of the method. It is
 * "▁" alone where the model has no piece for the space and what follows it. Fails on an empty text and as
 * gk_tok_encode does. Thread-safe. */
bool gk_tok_first(const gk_tok *t, const char *text, int32_t *id, gk_error *err);

/* Trains a sentencepiece BPE model of `vocab` pieces (unk 0, bos 1, eos 2, dummy prefix, byte fallback, no
 * normalisation beyond the identity) on the sentences and writes `dir`/tokenizer.model and
 * `dir`/tokenizer_config.json (Llama layout, so that transformers opens the folder). Deterministic.
 *
 * `vocab` counts the 3 special tokens, the 256 bytes and every character of the sentences. Fails when it
 * is too small for these (260 at the least), and when the sentences give fewer pieces than it asks for: a
 * vocabulary smaller than was asked for would silently change the model that is built on it. Fails too on
 * a sentence that is not UTF-8 (its number from 0, and the byte) or has 32,000 bytes without a space. The
 * library passes over sentences with U+2585 and learns no piece across a tab. `dir` is made where it is
 * missing, and is touched only once training has succeeded. Thread-safe; sets the library's log level for
 * the whole process (silent). */
bool gk_tok_train(const char *const *sentences, size_t n, int vocab, const char *dir, gk_error *err);
/* Writes the files of a loaded tokenizer into `dir` (made where it is missing): tokenizer.model as it was
 * read, and tokenizer_config.json as it was read or, where there was none, in the layout of gk_tok_train.
 * Each file is replaced whole or not at all. Thread-safe for different folders. */
bool gk_tok_save(const gk_tok *t, const char *dir, gk_error *err);

#endif
