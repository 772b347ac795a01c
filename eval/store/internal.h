/* internal.h: the file behind a store. Internal to eval/store. */
#ifndef GK_STORE_INTERNAL_H
#define GK_STORE_INTERNAL_H

#include "eval/store/contrasts.h"
#include "eval/store/sql.h"
#include "graftkit/core/error.h"

struct gk_store {
    sqlite3 *db;
    char path[512];
};

gk_store *gk_store__open(const char *path, int flags, gk_error *err);
/* The file is a store of this version; false and *empty when it holds nothing at all, *old when it is a store
 * of an earlier version. */
bool gk_store__check(gk_store *s, bool *empty, bool *old, gk_error *err);

/* Planned contrasts (planned.c): those of the run's files take the place of what the files planned before;
 * all of the store, without statistics. */
bool gk_store__plan(gk_store *s, const gk_schemes *list, gk_error *err);
bool gk_store__planned(gk_store *s, gk_arena *a, gk_contrasts *out, gk_error *err);

#endif
