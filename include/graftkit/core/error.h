/* error.h (core): what went wrong, where in the input, and what would be right.
 *
 * Example:
 *     char text[512];
 *     gk_tok *tok = gk_tok_load("model/tokenizer.json", err);
 *     if (!tok) fprintf(stderr, "%s\n", gk_error_text(err, text, sizeof text));
 *     gk_tok_free(tok);
 *     return tok != NULL;
 */
#ifndef GRAFTKIT_CORE_ERROR_H
#define GRAFTKIT_CORE_ERROR_H

#include "graftkit/core/base.h"

GK_PUBLIC_BEGIN

/* Where in the input something is wrong. Zero-initialised members are "not known"; lines and columns count
 * from 1; byte is an offset from 0 and counts only when has_byte is set. The strings are borrowed. */
typedef struct gk_place {
    const char *file;
    long line, column;
    bool has_byte;
    uint64_t byte;
    const char *field;
} gk_place;

#ifdef __cplusplus
#define GK_PLACE(f, l, c, has, b, name) (gk_place{f, l, c, has, b, name})
#else
#define GK_PLACE(f, l, c, has, b, name) ((gk_place){f, l, c, has, b, name})
#endif
#define GK_AT_FILE(f) GK_PLACE(f, 0, 0, false, 0, NULL)
#define GK_AT_LINE(f, l, c) GK_PLACE(f, l, c, false, 0, NULL)
#define GK_AT_BYTE(f, b) GK_PLACE(f, 0, 0, true, b, NULL)
#define GK_AT_FIELD(f, name) GK_PLACE(f, 0, 0, false, 0, name)
#define GK_NOWHERE GK_PLACE(NULL, 0, 0, false, 0, NULL)

/* What went wrong, where, and what would be right. Plain data: copy it freely. */
typedef struct gk_error {
    char what[320];
    char hint[320]; /* what would be right; may be empty */
    char file[512];
    char field[96];
    long line, column;
    bool has_byte;
    uint64_t byte;
} gk_error;

/* Fills `err` (when not NULL) and returns false, so that `return gk_fail(...)` reads well.
 * `hint` may be NULL or a printf-free sentence saying what would be right. */
bool gk_fail(gk_error *err, gk_place at, const char *hint, const char *what_fmt, ...) GK_PRINTF(4, 5);
/* The same from errno-style system errors: what = "<verb> failed: <strerror(errnum)>". */
bool gk_fail_errno(gk_error *err, gk_place at, const char *verb, int errnum);
/* One line, no newline: `file:line:column: field 'f': what; hint` (absent parts left out). Returns buf. */
char *gk_error_text(const gk_error *err, char *buf, size_t size);

/* What a user should know though nothing failed: that a part of the input is not used, say. The library hands
 * each such line (no newline) to the function that the program set, or drops it. Set before other threads
 * start; called from the thread that reads the input. */
typedef void gk_notice_fn(void *ctx, const char *line);
void gk_notice_to(gk_notice_fn *fn, void *ctx);                    /* NULL: drop them */
void gk_notice(gk_place at, const char *fmt, ...) GK_PRINTF(2, 3); /* "file: field 'f': what" */

GK_PUBLIC_END

#endif
