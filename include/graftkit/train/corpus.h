/* corpus.h (train): texts to train on, tokenised, split and packed into batches.
 *
 * Example:
 *     gk_tok *tok = gk_tokenizer_of("base", err);
 *     const char *const files[] = {"data/task/A2B.jsonl"};
 *     gk_corpus *c = tok ? gk_corpus_load(tok, files, 1, 512, GK_LOSS_ALL, err) : NULL;
 *     if (c) printf("%zu texts, the longest of %d rows\n", c->n, c->longest);
 *     gk_corpus_free(c);
 *     gk_tok_free(tok);
 *     return c != NULL;
 */
#ifndef GRAFTKIT_TRAIN_CORPUS_H
#define GRAFTKIT_TRAIN_CORPUS_H

#include "graftkit/model/session.h"
#include "graftkit/tokenizer.h"
#include "graftkit/train/recipe.h"

GK_PUBLIC_BEGIN

/* ---------------------------------------------------------------- texts */

/* Where the tokenizer of the model at `path` is: there, or beside the base of an adapter whose folder has
 * none. In `a`; NULL when that base is not here. */
const char *gk_tokenizer_path(const char *path, gk_arena *a, gk_error *err);
gk_tok *gk_tokenizer_of(const char *path, gk_error *err); /* loads it */

/* Tokenised texts end to end: BOS (where the tokenizer adds one), ids, EOS (where there is one). Text i is
 * token[start[i] .. start[i+1]-1]; it makes one row a token but the last, each predicting the next token. */
typedef struct gk_corpus {
    size_t n;             /* texts */
    const int32_t *token; /* [start[n]] */
    const size_t *start;  /* [n + 1] */
    /* [start[n]]: predicting this token counts in the loss; NULL: every one does. A text has one at least,
     * its first token aside */
    const bool *carries;
    int longest; /* rows of the longest text */
    int32_t max_id;
    char sha256[GK_SHA256_HEX]; /* of the ids, boundaries and what carries loss, and of the vocabulary where
                                   there was a tokenizer */
    /* Of general text: documents read, those cut into several texts, and those left out because they are a
     * single token */
    size_t documents, cut, left_out;
    gk_arena *memory;
} gk_corpus;

/* Reads JSON lines of all files in order: {"text": "…"} or {"prompt": "…", "completion": "…"}, which is the
 * text of both end to end. Under GK_LOSS_ANSWER only tokens that hold a byte of the answer carry loss, and
 * EOS where the answer ends the text: the completion, or the "answer" beside "text", which must stand there
 * once. Fails, naming file and line, on a text that is no non-empty string, on one without an answer where
 * that is asked for, and when texts make more than max_rows rows (how many, and the first one's place). */
gk_corpus *gk_corpus_load(const gk_tok *tok, const char *const *files, size_t n_files, int max_rows,
                          gk_loss loss, gk_error *err);
/* General text. A file whose name ends in .jsonl or .json is read as above; any other is plain text, a
 * document a paragraph (blank lines stand between them). Documents of more than max_rows rows are cut into
 * texts of nearly equal length that overlap by one token, so that every token is predicted once. */
gk_corpus *gk_corpus_load_mix(const gk_tok *tok, const char *const *files, size_t n_files, int max_rows,
                              gk_error *err);
/* Copies ready token ids; every text needs at least two. */
gk_corpus *gk_corpus_from_ids(const int32_t *token, const size_t *start, size_t n, gk_error *err);
void gk_corpus_free(gk_corpus *c); /* NULL is fine */

/* ---------------------------------------------------------------- batches */

typedef struct gk_split { /* text indices; both lists in file order */
    uint32_t *train, *valid;
    size_t n_train, n_valid;
} gk_split;
/* Holds out round(fraction * n_texts) texts (at least one when fraction > 0), drawn by the seed. In `a`.
 * Fails when no text is left to train on. */
bool gk_split_make(gk_arena *a, size_t n_texts, double fraction, uint64_t seed, gk_split *out, gk_error *err);
/* The training texts in the order of an epoch (from 0) into order [n_train]: shuffled by (seed, epoch) alone.
 */
void gk_epoch_order(const gk_split *s, bool shuffle, uint64_t seed, int64_t epoch, uint32_t *order);

/* Room for micro-batches of texts. Text i is of `c`, or from c->n on of `mix` (NULL: there is none). Not
 * thread-safe. */
typedef struct gk_packer gk_packer;
/* max_rows is raised to the longest text's rows where it is less, and lowered to what `batch` texts can need.
 */
gk_packer *gk_packer_new(const gk_corpus *c, const gk_corpus *mix, int64_t max_rows, int64_t batch);
void gk_packer_free(gk_packer *p);      /* NULL is fine */
int gk_packer_rows(const gk_packer *p); /* the most rows of a micro-batch: what the session needs */
/* Packs as many of the n > 0 texts, in order, as fit (at least one) and returns how many; *out borrows until
 * the next call. */
size_t gk_pack(gk_packer *p, const uint32_t *texts, size_t n, gk_batch *out);
/* The mean loss over all tokens of n > 0 texts that carry loss, and their number; with `back` (session made
 * for backward; its scale is set here), the gradient of that mean too. Both are the same, but for float
 * rounding, in whatever micro-batches the texts run: each token weighs 1 / *targets. Gradients in pieces need
 * them to fit one pass. */
bool gk_texts_loss(gk_packer *p, gk_session *s, const gk_model *m, const uint32_t *texts, size_t n,
                   const gk_backprop *back, double *loss, int64_t *targets, gk_error *err);

GK_PUBLIC_END

#endif
