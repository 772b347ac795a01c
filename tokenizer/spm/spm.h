/* spm.h: a C face for libsentencepiece (0.1.97 to 0.2.0), the only C++ of graftkit. Internal to tokenizer/.
 *
 * No exception leaves these functions: a failure is NULL or false and one line in `why`. What they hand out
 * with "release" in the comment is malloc'ed. A gk__spm is immutable and may be shared between threads.
 */
#ifndef GK_SPM_H
#define GK_SPM_H

#include "core/core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GK__SPM_WHY 240

typedef struct gk__spm gk__spm;
typedef struct gk__spm_token { /* bytes [begin, end) of the text, as the library counts them */
    int32_t id;
    uint32_t begin, end;
} gk__spm_token;

const char *gk__spm_version(void); /* of the headers that this was compiled with */
/* `bytes` must have passed gk__spm_check: the library trusts what it reads. `prefix`: whether a space is put
 * before every text, whatever the model says. */
gk__spm *gk__spm_open(const void *bytes, size_t len, bool prefix, char why[GK__SPM_WHY]);
void gk__spm_free(gk__spm *m);

int gk__spm_size(const gk__spm *m);
int gk__spm_bos(const gk__spm *m); /* -1 when there is none; eos and unk alike */
int gk__spm_eos(const gk__spm *m);
int gk__spm_unk(const gk__spm *m);
const char *gk__spm_piece(const gk__spm *m, int id);   /* id in range */
int gk__spm_find(const gk__spm *m, const char *piece); /* -1: there is none */
int gk__spm_byte(const gk__spm *m, int id); /* the value of a byte-fallback piece "<0xE2>", or -1 */
float gk__spm_score(const gk__spm *m, int id);
bool gk__spm_is_unused(const gk__spm *m, int id);
bool gk__spm_is_control(const gk__spm *m, int id);
bool gk__spm_is_reserved(const gk__spm *m, int id); /* control, unknown, byte: never the result of a merge */

/* `text` is UTF-8 of at most GK__SPM_TEXT_MAX bytes: the library counts its threefold in an int. */
#define GK__SPM_TEXT_MAX ((size_t)1 << 28)
bool gk__spm_encode(const gk__spm *m, const char *text, size_t len, gk__spm_token **out /* release */,
                    size_t *n, char why[GK__SPM_WHY]);
bool gk__spm_decode(const gk__spm *m, const int32_t *id, size_t n, char **text /* release */, size_t *len,
                    char why[GK__SPM_WHY]);

/* Sentences are UTF-8, none longer than GK__SPM_TEXT_MAX bytes and none with a longer run of bytes without a
 * space than GK__SPM_WORD_MAX: the library keeps the place of a character in a word in 15 bits. */
#define GK__SPM_WORD_MAX ((size_t)32000)
bool gk__spm_train(const char *const *sentences, size_t n, int vocab, char **model /* release */, size_t *len,
                   char why[GK__SPM_WHY]);

void gk__spm_release(void *p);

/* What a tokenizer.model must be before the library may see it (spm_check.c). */
typedef struct gk__spm_facts {
    size_t pieces;
    bool dummy_prefix; /* a space is put before every text */
    bool squeeze;      /* spaces at the ends and all but one of a run are dropped */
    bool escape;       /* spaces become U+2581 */
    bool byte_fallback, user_defined;
} gk__spm_facts;
bool gk__spm_check(const void *bytes, size_t len, const char *file, gk__spm_facts *out, gk_error *err);

#ifdef __cplusplus
}
#endif
#endif
