/* decode.h (model): one growing text, token by token, and what is drawn next.
 *
 * Example:
 *     gk_model *m = gk_model_open("model", err);
 *     gk_decoder *d = m ? gk_decoder_new(m, 64, err) : NULL;
 *     int vocab = m ? gk_model_config(m)->vocab : 0;
 *     float *logits = (float *)gk_alloc((size_t)vocab * sizeof *logits);
 *     const gk_sampling greedy = {0, 0, 1};
 *     int32_t token = 1;
 *     bool ok = d != NULL;
 *     for (int i = 0; i < 10 && (ok = ok && gk_decoder_feed(d, &token, 1, logits, err)); i++)
 *         printf("%d ", token = gk_sample(logits, vocab, &greedy, NULL));
 *     gk_free(logits);
 *     gk_decoder_free(d);
 *     gk_model_free(m);
 *     return ok;
 */
#ifndef GRAFTKIT_MODEL_DECODE_H
#define GRAFTKIT_MODEL_DECODE_H

#include "graftkit/core/random.h"
#include "graftkit/model/weights.h"

GK_PUBLIC_BEGIN

/* Computes each token once and keeps its keys and values. For one caller at a time; the model must outlive
 * it. */
typedef struct gk_decoder gk_decoder;
/* Room for a text of max_tokens, at most the model's max_positions. */
gk_decoder *gk_decoder_new(const gk_model *m, int max_tokens, gk_error *err);
void gk_decoder_free(gk_decoder *d); /* NULL is fine */
/* Appends n >= 1 tokens; logits [V] (NULL: not wanted) after the last. Fails on a token out of range, which
 * leaves the text as it was up to a chunk before, and when there is no room. */
bool gk_decoder_feed(gk_decoder *d, const int32_t *token, int n, float *logits, gk_error *err);
int gk_decoder_length(const gk_decoder *d);   /* tokens so far */
void gk_decoder_rewind(gk_decoder *d, int n); /* forgets all but the first n */

typedef struct gk_sampling {
    double temperature; /* 0: the likeliest token, the lower id among equals */
    int top_k;          /* only the k likeliest; 0: all */
    double top_p; /* only the likeliest that reach this probability together (Holtzman et al. 2020); 1: all */
} gk_sampling;
/* The next token. Logits must be finite. Thread-safe. */
int32_t gk_sample(const float *logits, int vocab, const gk_sampling *s, gk_rng *rng);

GK_PUBLIC_END

#endif
