/* sql.h: statements on a store's database. Internal to eval/store. */
#ifndef GK_STORE_SQL_H
#define GK_STORE_SQL_H

#include "graftkit/core/error.h"
#include "graftkit/eval/store.h"
#include <sqlite3.h>

/* Statements without parameters or results. */
bool gk_sql_exec(gk_store *s, const char *sql, gk_error *err);
/* NULL on failure; release with sqlite3_finalize. */
sqlite3_stmt *gk_sql_prepare(gk_store *s, const char *sql, gk_error *err);
/* The same of queries.sql's query of this name. */
sqlite3_stmt *gk_sql_query(gk_store *s, const char *name, gk_error *err);
/* Binds by a type string: i int64_t, d double, s const char * (NULL is null; must live until the next bind or
 * finalize), b const void * and int bytes. Resets the statement first. */
bool gk_sql_bind(gk_store *s, sqlite3_stmt *q, gk_error *err, const char *types, ...);
/* 1: a row is there; 0: done; -1: failed. */
int gk_sql_next(gk_store *s, sqlite3_stmt *q, gk_error *err);
/* Whether there is a table of that name: what came later may be missing. */
bool gk_sql_has(gk_store *s, const char *table, bool *there, gk_error *err);
/* The text of a column; "" for null. Borrowed until the next step. */
const char *gk_sql_text(sqlite3_stmt *q, int column);

#endif
