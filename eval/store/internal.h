/* internal.h: the file behind a store. Internal to eval/store. */
#ifndef GK_STORE_INTERNAL_H
#define GK_STORE_INTERNAL_H

#include "eval/store/contrasts.h"
#include "eval/store/sql.h"
#include "eval/store/write.h"
#include "graftkit/core/error.h"

struct gk_store {
    sqlite3 *db;
    char path[512];
};

gk_store *gk_store__open(const char *path, int flags, gk_error *err);
/* The file is a store of this version; false and *empty when it holds nothing at all, *old when it is a store
 * of an earlier version. */
bool gk_store__check(gk_store *s, bool *empty, bool *old, gk_error *err);

/* The contrasts of the run's files take the place of what the files planned before (contrasts.c). */
bool gk_store__plan(gk_store *s, const gk_schemes *list, gk_error *err);

/* Tables for a paper (latex_parts.c). A longer one goes on over pages (longtable). */
enum { GK_STORE__LATEX_ROWS = 40 };
#define GK_STORE__LATEX_UNFINISHED " The sweep is not complete: prompts are still to be computed."
/* Adds the text escaped; what is no UTF-8 becomes a question mark. */
void gk_store__latex_text(gk_buf *b, const char *text);
/* How many contrasts the set plans, and their table, where there are any. `label`: the set's, to which
 * "-contrasts" is added. */
size_t gk_store__latex_planned(const gk_contrasts *all, const char *set);
void gk_store__latex_contrasts(gk_buf *b, const gk_contrasts *all, const char *set, const char *label,
                               bool complete);

/* The twins of the run's schemes, which are in the store, and its permuted targets (floors.c). *other: a
 * scheme has another twin there. */
bool gk_store__add_floors(gk_store *s, const gk_run *run, bool *other, gk_error *err);

#endif
