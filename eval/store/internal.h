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

/* The twins of the run's schemes, which are in the store, and its permuted targets (floors.c). *other: a
 * scheme has another twin there. */
bool gk_store__add_floors(gk_store *s, const gk_run *run, bool *other, gk_error *err);

#endif
