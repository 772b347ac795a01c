/* json_text.h: what Python's json writes and reads and the parser does not, as something that it does.
 * Internal to core/. */
#ifndef GK_CORE_JSON_TEXT_H
#define GK_CORE_JSON_TEXT_H

#include "core/core.h"

typedef enum gk__json_kind {
    GK__JSON_DOCUMENT, /* NaN, Infinity and -Infinity become null, an integer of more than 64 bits a real;
                          "\u0000" becomes a mark (gk_json_plain) */
    GK__JSON_WORDS,    /* the same, but the three become strings of themselves */
    GK__JSON_LINE      /* the three become null; "\u0000" is left to the parser, which refuses it */
} gk__json_kind;

typedef struct gk__json_text {
    const char *text; /* the text that was given where nothing had to be rewritten */
    size_t len;
    gk_buf copy, edits; /* internal */
} gk__json_text;
/* Released with gk__json_text_free before the text that was given. */
gk__json_text gk__json_rewrite(const char *text, size_t len, gk__json_kind kind);
/* Characters that rewriting added (less those it took) on the line of byte `at` of the new text, before it.
 */
int gk__json_shift(const gk__json_text *t, size_t at);
void gk__json_text_free(gk__json_text *t);

#endif
