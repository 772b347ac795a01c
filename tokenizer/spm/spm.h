/* spm.h: a C face for libsentencepiece (0.1.97 to 0.2.0), the only C++ of graftkit. Internal to tokenizer/.
 *
 * No exception leaves these functions: a failure is NULL or false and one line in `why`. What they hand out
 * with "release" in the comment is malloc'ed. A gk_spm__model is immutable and may be shared between threads.
 */
#ifndef GK_SPM_H
#define GK_SPM_H

#include "graftkit/core/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GK_SPM__WHY 240

typedef struct gk_spm__model gk_spm__model;
typedef struct gk_spm__token { /* bytes [begin, end) of the text, as the library counts them */
    int32_t id;
    uint32_t begin, end;
} gk_spm__token;

const char *gk_spm__version(void); /* of the headers that this was compiled with */
/* `bytes` must have passed gk_spm__check: the library trusts what it reads. `prefix`: whether a space is put
 * before every text, whatever the model says. */
gk_spm__model *gk_spm__open(const void *bytes, size_t len, bool prefix, char why[GK_SPM__WHY]);
void gk_spm__free(gk_spm__model *m);

int gk_spm__size(const gk_spm__model *m);
int gk_spm__bos(const gk_spm__model *m); /* -1 when there is none; eos and unk alike */
int gk_spm__eos(const gk_spm__model *m);
int gk_spm__unk(const gk_spm__model *m);
const char *gk_spm__piece(const gk_spm__model *m, int id);   /* id in range */
int gk_spm__find(const gk_spm__model *m, const char *piece); /* -1: there is none */
int gk_spm__byte(const gk_spm__model *m, int id); /* the value of a byte-fallback piece "<0xE2>", or -1 */
float gk_spm__score(const gk_spm__model *m, int id);
bool gk_spm__is_unused(const gk_spm__model *m, int id);
bool gk_spm__is_control(const gk_spm__model *m, int id);
bool gk_spm__is_reserved(const gk_spm__model *m,
                         int id); /* control, unknown, byte: never the result of a merge */

/* `text` is UTF-8 of at most GK_SPM__TEXT_MAX bytes: the library counts its threefold in an int. */
#define GK_SPM__TEXT_MAX ((size_t)1 << 28)
bool gk_spm__encode(const gk_spm__model *m, const char *text, size_t len, gk_spm__token **out /* release */,
                    size_t *n, char why[GK_SPM__WHY]);
bool gk_spm__decode(const gk_spm__model *m, const int32_t *id, size_t n, char **text /* release */,
                    size_t *len, char why[GK_SPM__WHY]);

/* Sentences are UTF-8, none longer than GK_SPM__TEXT_MAX bytes and none with a longer run of bytes without a
 * space than GK_SPM__WORD_MAX: the library keeps the place of a character in a word in 15 bits. */
#define GK_SPM__WORD_MAX ((size_t)32000)
bool gk_spm__train(const char *const *sentences, size_t n, int vocab, char **model /* release */, size_t *len,
                   char why[GK_SPM__WHY]);

void gk_spm__release(void *p);

/* What a tokenizer.model must be before the library may see it (spm_check.c). */
typedef struct gk_spm__facts {
    size_t pieces;
    bool dummy_prefix; /* a space is put before every text */
    bool squeeze;      /* spaces at the ends and all but one of a run are dropped */
    bool escape;       /* spaces become U+2581 */
    bool byte_fallback, user_defined;
    bool unigram;         /* else BPE */
    const void *charsmap; /* what the model rewrites a text by, within its bytes; NULL: nothing */
    size_t charsmap_len, longest; /* the second: the most bytes that stand for one */
} gk_spm__facts;
bool gk_spm__check(const void *bytes, size_t len, const char *file, gk_spm__facts *out, gk_error *err);

#ifdef __cplusplus
}
#endif
#endif
