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
 * add_bos_token says whether encoding starts with BOS; default true). */
gk_tok *gk_tok_load(const char *path, gk_error *err);
void gk_tok_free(gk_tok *t); /* NULL is fine */

int gk_tok_size(const gk_tok *t);                       /* number of ids */
int gk_tok_bos(const gk_tok *t);                        /* -1 when there is none */
int gk_tok_eos(const gk_tok *t);
const char *gk_tok_piece(const gk_tok *t, int id);      /* as stored ("▁stars"); borrowed; NULL when out of range */

/* n ids; span[i] is the part of the text that id[i] stands for. The spans tile the text: span[0].begin = 0 (after
 * BOS, whose span is [0,0)), each begins where the one before ends, the last ends at len. A leading space belongs
 * to the token it is part of. */
typedef struct gk_tokens {
    int32_t *id;
    gk_span *span;
    size_t n;
} gk_tokens;
typedef enum gk_bos { GK_BOS_DEFAULT, GK_BOS_YES, GK_BOS_NO } gk_bos;
/* Text must be UTF-8 (fails at the offending byte otherwise). Special-token strings in the text are text.
 * The arrays are in `a`. Thread-safe with one arena per thread. */
bool gk_tok_encode(const gk_tok *t, const char *text, size_t len, gk_bos bos, gk_arena *a, gk_tokens *out,
                   gk_error *err);
/* NUL-terminated text of n ids, in `a`; control tokens (BOS, EOS) decode to nothing. */
char *gk_tok_decode(const gk_tok *t, const int32_t *id, size_t n, gk_arena *a, gk_error *err);
/* First token of `text` as it stands after other text, i.e. of " " + text: the target of the method. */
bool gk_tok_first(const gk_tok *t, const char *text, int32_t *id, gk_error *err);

/* Trains a sentencepiece BPE model of `vocab` pieces (unk 0, bos 1, eos 2, dummy prefix, byte fallback, no
 * normalisation beyond the identity) on the sentences and writes `dir`/tokenizer.model and
 * `dir`/tokenizer_config.json (Llama layout, so that transformers opens the folder). Deterministic. */
bool gk_tok_train(const char *const *sentences, size_t n, int vocab, const char *dir, gk_error *err);
/* Writes the files of a loaded tokenizer into `dir`. */
bool gk_tok_save(const gk_tok *t, const char *dir, gk_error *err);

#endif
