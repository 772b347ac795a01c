/* page.h: HTML pages: text and numbers in them, the paragraphs of prose.html, beginning, end and file.
 * Internal to report/.
 */
#ifndef GK_REPORT_PAGE_PAGE_H
#define GK_REPORT_PAGE_PAGE_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/measure.h"

/* ---------------------------------------------------------------- text and numbers (html.c) */

/* Adds text with &<>"' escaped; ill-formed UTF-8 and control characters become U+FFFD. */
void gk_page__html_text(gk_buf *b, const char *text);
/* A token as the tokenizer stores it: sentencepiece's "▁", the space before a word, as a raised dot. */
void gk_page__html_piece(gk_buf *b, const char *piece);
/* <code>text</code> */
void gk_page__html_code(gk_buf *b, const char *text);
/* The value and its interval as the content of a table cell. */
void gk_page__html_stat(gk_buf *b, const gk_stats *s, gk_metric m);

/* ---------------------------------------------------------------- prose.html (prose.c) */

/* Adds the piece of prose.html of this name. Behind it, in pairs, what stands for each {key} in it, and a
 * NULL: the key and a text, which is escaped. */
void gk_page__prose(gk_buf *b, const char *piece, ... /* const char *key, const char *text, …, NULL */);

/* ---------------------------------------------------------------- beginning, end and file (page.c) */

/* Up to the heading. */
void gk_page__begin(gk_buf *b, const char *title);
/* With the script that sorts tables, filters schemes and saves tables, where the page has something for it.
 */
void gk_page__end(gk_buf *b, bool script);
/* Writes the page atomically; its folder is made when absent. */
bool gk_page__save(const gk_buf *b, const char *path, gk_error *err);

#endif
