/* latex.h: the parts of tables for a paper. Internal to eval/export. */
#ifndef GK_EXPORT_LATEX_H
#define GK_EXPORT_LATEX_H

#include "eval/store/contrasts.h"
#include "graftkit/core/memory.h"

/* Tables for a paper (latex_parts.c). A longer one goes on over pages (longtable). */
enum { GK_EXPORT__LATEX_ROWS = 40 };
#define GK_EXPORT__LATEX_UNFINISHED " The sweep is not complete: prompts are still to be computed."
/* Adds the text escaped; what is no UTF-8 becomes a question mark. */
void gk_export__latex_text(gk_buf *b, const char *text);
/* How many contrasts the set plans, and their table, where there are any. `label`: the set's, to which
 * "-contrasts" is added. */
size_t gk_export__latex_planned(const gk_contrasts *all, const char *set);
void gk_export__latex_contrasts(gk_buf *b, const gk_contrasts *all, const char *set, const char *label,
                                bool complete);

#endif
