/* spm_bpe.h: encoding with a sentencepiece model without its library. Internal to tokenizer/. */
#ifndef GK_SPM_BPE_H
#define GK_SPM_BPE_H

#include "tokenizer/internal.h"
#include "tokenizer/spm/spm.h"

/* A model's pieces as a table of merges. Immutable; it borrows the pieces from the model. */
typedef struct gk_spm__bpe gk_spm__bpe;
/* NULL where a table cannot stand for the model exactly (spm_bpe.c lists when): the library must encode. */
gk_spm__bpe *gk_spm__bpe_new(const gk_spm__model *m, const gk_spm__facts *facts);
void gk_spm__bpe_free(gk_spm__bpe *b);
/* `prefix`: a space goes before the text. Ids and ends as the library gives them: a text it drops has none,
 * and of the bytes of a character only the last has the character's end. */
void gk_spm__bpe_encode(const gk_spm__bpe *b, bool prefix, const char *text, size_t len, gk_tok__ids *out);

#endif
