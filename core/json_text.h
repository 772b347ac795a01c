/* json_text.h: what Python's json writes and reads and the parser does not, as something that it does.
 * Internal to core/. */
#ifndef GK_CORE_JSON_TEXT_H
#define GK_CORE_JSON_TEXT_H

#include "graftkit/core/memory.h"

typedef enum gk_json__kind {
    GK_JSON__DOCUMENT, /* NaN, Infinity and -Infinity become null, an integer of more than 64 bits a real;
                          "\u0000" becomes a mark (gk_json_plain) */
    GK_JSON__WORDS,    /* the same, but the three become strings of themselves */
    GK_JSON__LINE      /* the three become null; "\u0000" is left to the parser, which refuses it */
} gk_json__kind;

typedef struct gk_json__text {
    const char *text; /* the text that was given where nothing had to be rewritten */
    size_t len;
    gk_buf copy, edits; /* internal */
} gk_json__text;
/* Released with gk_json__text_free before the text that was given. */
gk_json__text gk_json__rewrite(const char *text, size_t len, gk_json__kind kind);
/* Characters that rewriting added (less those it took) on the line of byte `at` of the new text, before it.
 */
int gk_json__shift(const gk_json__text *t, size_t at);
void gk_json__text_free(gk_json__text *t);

#endif
