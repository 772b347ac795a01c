/* forgetting.h: what two lines of metrics.jsonl say of a model's language. Shared with report/ and tools/;
 * not installed.
 */
#ifndef GK_EVAL_LEARNED_FORGETTING_H
#define GK_EVAL_LEARNED_FORGETTING_H

#include "graftkit/eval/learned.h"

#include <jansson.h>

/* A model reads a text in fewer bits a byte than this (a small language model takes about 1, a model of
 * single letters 4); it has kept its language when the perplexity rises to at most so many times what it was,
 * and lost it above the other. */
#define GK_READS_BITS 2.0
#define GK_KEPT_TIMES 1.5
#define GK_LOST_TIMES 4.0
typedef enum gk_forgetting_verdict { GK_NO_LANGUAGE, GK_KEPT, GK_FORGOT, GK_LOST } gk_forgetting_verdict;
typedef struct gk_forgetting {
    double tokens, bits;         /* of the text; bits a byte before */
    double before, after, times; /* perplexities, and their ratio; NaN where the loss was not finite */
    gk_forgetting_verdict verdict;
} gk_forgetting;
/* From two lines of metrics.jsonl, the first and the last; false where they do not tell, or are of two texts.
 */
bool gk_forgetting_read(const json_t *before, const json_t *after, gk_forgetting *out);
/* One sentence without its full stop, in `buf`. */
const char *gk_forgetting_text(const gk_forgetting *f, char *buf, size_t size);

#endif
