/* tokenizer.h (tokenizer): text <-> token ids, every id with the bytes of the text it stands for.
 *
 * A gk_tok is immutable after loading and may be shared between threads. There are two kinds: sentencepiece
 * models (tokenizer.model; https://github.com/google/sentencepiece), through a small C shim, and BPE as
 * Hugging Face's `tokenizers` does it (tokenizer.json, or GPT-2's vocab.json and merges.txt): byte-level, or
 * with byte fallback. Each gives the ids and the texts that its reference library gives
 * (tools/reference/check_tokenizers.py).
 *
 * Example:
 *     gk_arena *a = gk_arena_new();
 *     const char text[] = "Ada Moss stars in";
 *     gk_tok *tok = gk_tok_load("model", err);
 *     gk_tokens t;
 *     bool ok = tok && gk_tok_encode(tok, text, sizeof text - 1, GK_BOS_DEFAULT, a, &t, err);
 *     for (size_t i = 0; ok && i < t.n; i++)
 *         printf("%d: bytes %u to %u\n", t.id[i], t.span[i].begin, t.span[i].end);
 *     gk_tok_free(tok);
 *     gk_arena_free(a);
 *     return ok;
 */
#ifndef GRAFTKIT_TOKENIZER_H
#define GRAFTKIT_TOKENIZER_H

#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"

GK_PUBLIC_BEGIN

typedef struct gk_tok gk_tok;

/* Opens a tokenizer.json, tokenizer.model or .gguf file (the bytes say which), or a folder that holds, in
 * this order of preference, a tokenizer.json, a tokenizer.model, or a vocab.json with a merges.txt. The
 * caller frees it.
 *
 * In a folder, tokenizer_config.json, special_tokens_map.json, added_tokens.json and config.json say which
 * tokens there are besides, what they do to the white space beside them, whether a space goes before a text,
 * and which tokens are BOS and EOS: as transformers' AutoTokenizer takes it, and where that differs from the
 * library that made the tokenizer as docs/tokenizers.md says. Encoding starts with BOS where the
 * post-processor of a tokenizer.json puts it; beside a tokenizer.model unless add_bos_token is false; beside
 * GPT-2's files where it is true. Of a file by itself, EOS of a tokenizer.json is <|endoftext|> where there
 * is such an added token, and BOS what the post-processor puts first, else the same. Truncation and padding
 * are not done.
 *
 * Of a GGUF file (of one in several parts: any of them) the metadata under tokenizer.ggml say all of this:
 * the models "llama" (sentencepiece) and "gpt2" (byte-level BPE) with the pre-tokenisers of gguf_pre.c's
 * table.
 *
 * NULL, with the place, when a file is damaged or holds something that is not built: a sentencepiece model
 * whose tokens have no exact bytes (one that rewrites the text, gives a space to the word before it, or is
 * not of the BPE kind); a tokenizer.json with another model than BPE or with a step that is not known, which
 * the message names; settings that put EOS or another token after the text. Thread-safe. */
gk_tok *gk_tok_load(const char *path, gk_error *err);
/* The version of the sentencepiece library that graftkit was built with, such as "0.1.97", or "unknown". The
 * vocabularies that two versions train on the same texts can differ by a piece. Static. Thread-safe. */
const char *gk_tok_sentencepiece(void);
/* Whether a folder holds the files of a tokenizer, good or bad. */
bool gk_tok_present(const char *dir);
void gk_tok_free(gk_tok *t); /* NULL is fine */

int gk_tok_size(const gk_tok *t); /* number of ids */
/* The same without tokens that only a folder's settings add: a model may have fewer rows than these take, as
 * long as no text has them (a pad_token, mostly). */
int gk_tok_own_size(const gk_tok *t);
int gk_tok_bos(const gk_tok *t); /* -1 when there is none */
int gk_tok_eos(const gk_tok *t); /* -1 when there is none */
/* As stored ("▁stars", "Ġstars"); borrowed; NULL when out of range, "" for an id without a piece. */
const char *gk_tok_piece(const gk_tok *t, int id);

/* A hash of what a tokenizer is, not of its files: pieces and their ids, merges or scores, added tokens,
 * normalisers, pre-tokenisers and decoders, BOS and EOS and whether encoding starts with BOS. A tokenizer
 * that gk_tok_save wrote has the fingerprint of the one that was saved, whatever files that came from.
 * Thread-safe. */
void gk_tok_fingerprint(const gk_tok *t, char hex[GK_SHA256_HEX]);
/* Whether models of both may be used together: ids mean the same. True for equal fingerprints. One tokenizer
 * is published both as a sentencepiece model and as a tokenizer.json: of two different kinds, every id must
 * have the same piece, and BOS and EOS must be the same. Thread-safe. */
bool gk_tok_same(const gk_tok *a, const gk_tok *b);
/* Whether `more` is `a` with further tokens behind a's last id (a pad token, say), so that a text without
 * them has the same ids in both. Of two tokenizers that are no sentencepiece models; else false. Thread-safe.
 */
bool gk_tok_extends(const gk_tok *more, const gk_tok *a);

/* n ids; span[i] is the part of the text that id[i] stands for. The spans tile the text: span[0].begin = 0
 * (after BOS, whose span is [0,0)), each begins where the one before ends, the last ends at len. A leading
 * space belongs to the token it is part of. The dummy prefix, the space a model puts before every text,
 * has no bytes: a first token "▁Ada" spans "Ada", and a first token "▁" spans [0,0). A character without a
 * piece of its own becomes one token a byte, and each of them spans its own byte, so that spans may end
 * inside a character. Bytes that are dropped (spaces under remove_extra_whitespaces, characters that have no
 * piece where there is no unknown token) belong to the token after them, at the end to the last. Bytes that a
 * normaliser writes for a character (NFC) stand for the bytes of that character in the text as it was given.
 */
typedef struct gk_tokens {
    int32_t *id;
    gk_span *span;
    size_t n;
} gk_tokens;
typedef enum gk_bos { GK_BOS_DEFAULT, GK_BOS_YES, GK_BOS_NO } gk_bos;
/* Text must be UTF-8 (fails at the offending byte otherwise) of at most 256 MiB. Added tokens in the text are
 * matched: those of the file and of what stands beside it; a sentencepiece model by itself has none. Fails
 * with GK_BOS_YES when there is no BOS, when the model drops the whole of a text that is not empty, and when
 * a pattern of the tokenizer needs too many steps. The empty text has no tokens but BOS; `text` may then be
 * NULL. The arrays are in `a`; after a failure *out is zero. Thread-safe with one arena per thread. */
bool gk_tok_encode(const gk_tok *t, const char *text, size_t len, gk_bos bos, gk_arena *a, gk_tokens *out,
                   gk_error *err);
/* NUL-terminated text of n ids, in `a`. Special tokens (BOS, EOS) decode to nothing, a dummy prefix at the
 * start too, and bytes that are no UTF-8 to U+FFFD. Gives back the text that was encoded, but for what a
 * normaliser rewrote, a model drops or does not know, for special tokens in it, and for U+2581 in it, which
 * becomes a space where pieces hold it for one. Fails on an id out of range. Thread-safe with one arena per
 * thread. */
char *gk_tok_decode(const gk_tok *t, const int32_t *id, size_t n, gk_arena *a, gk_error *err);
/* The same for what a model said: an id that has no piece (vocabularies are padded) shows as "<id 2003>", so
 * that it is seen and the text goes on. */
char *gk_tok_show(const gk_tok *t, const int32_t *id, size_t n, gk_arena *a, gk_error *err);
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
/* Writes the files of a loaded tokenizer into `dir` (made where it is missing) as they were read: the
 * tokenizer's own and, of a folder, tokenizer_config.json, special_tokens_map.json, added_tokens.json and the
 * chat templates. A tokenizer.model that was read without a tokenizer_config.json gets one in the layout of
 * gk_tok_train. Fails when a file of another kind of tokenizer stands there, since loading would mix the two.
 * Of a GGUF file it is a tokenizer.json or tokenizer.model that gives the same ids. Each file is replaced
 * whole or not at all. Thread-safe for different folders. */
bool gk_tok_save(const gk_tok *t, const char *dir, gk_error *err);
/* Fails at the first tokenizer file in `dir` that gk_tok_save would not leave as it is. */
bool gk_tok_fits(const gk_tok *t, const char *dir, gk_error *err);
/* Removes the files of any kind of tokenizer from `dir`, so that another may be saved there. */
bool gk_tok_remove(const char *dir, gk_error *err);

GK_PUBLIC_END

#endif
