/* spm_bpe.h: encoding with a sentencepiece model without its library. Internal to tokenizer/. */
#ifndef GK_SPM_BPE_H
#define GK_SPM_BPE_H

#include "tokenizer/internal.h"
#include "tokenizer/spm/spm.h"

/* A model's pieces as a table of merges. Immutable; it borrows the pieces from the model. */
typedef struct gk__spm_bpe gk__spm_bpe;
/* NULL where a table cannot stand for the model exactly (spm_bpe.c lists when): the library must encode. */
gk__spm_bpe *gk__spm_bpe_new(const gk__spm *m, const gk__spm_facts *facts);
void gk__spm_bpe_free(gk__spm_bpe *b);
/* `prefix`: a space goes before the text. Ids and ends as the library gives them: a text it drops has none,
 * and of the bytes of a character only the last has the character's end. */
void gk__spm_bpe_encode(const gk__spm_bpe *b, bool prefix, const char *text, size_t len, gk__ids *out);

#endif
