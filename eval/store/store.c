/* store.c: SQLite with graftkit's errors; opening a results store. */
#include "core/embed.h"
#include "eval/store/files.h"
#include "eval/store/internal.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"

#include <stdarg.h>
#include <string.h>

/* "grkt"; also in schema.sql. */
enum { APPLICATION_ID = 0x67726b74, SCHEMA_VERSION = 3 };
/* Differs only in what is not read any more: a column `titled` of the templates. */
enum { OLDEST_VERSION = 2 };

static bool sql_fail(gk_store *s, const char *doing, gk_error *err) {
    int code = sqlite3_errcode(s->db) & 0xff;
    const char *hint = "check that the folder exists and can be written, and that the disk is not full";
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        hint = "another process is using this store: wait for it";
    if (code == SQLITE_NOTADB) hint = "name a results store, or a file that does not exist yet";
    if (code == SQLITE_CORRUPT) hint = "the file is damaged: begin a new one";
    return gk_fail(err, GK_AT_FILE(s->path), hint, "%s failed: %s", doing, sqlite3_errmsg(s->db));
}

bool gk_sql_exec(gk_store *s, const char *sql, gk_error *err) {
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
           sql_fail(s, "using the results store", err);
}

static sqlite3_stmt *prepare(gk_store *s, const char *sql, int n, gk_error *err) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, sql, n, &q, NULL) == SQLITE_OK) return q;
    sql_fail(s, "using the results store", err);
    return NULL;
}

sqlite3_stmt *gk_sql_prepare(gk_store *s, const char *sql, gk_error *err) {
    return prepare(s, sql, -1, err);
}

sqlite3_stmt *gk_sql_query(gk_store *s, const char *name, gk_error *err) {
    size_t n = 0;
    const char *sql = gk_piece(gk_store__queries, name, &n);
    return prepare(s, sql ? sql : name, sql ? (int)n : -1, err);
}

bool gk_sql_bind(gk_store *s, sqlite3_stmt *q, gk_error *err, const char *types, ...) {
    sqlite3_reset(q);
    va_list ap;
    va_start(ap, types);
    int rc = SQLITE_OK;
    for (int i = 1; *types && rc == SQLITE_OK; i++, types++) {
        if (*types == 'i') rc = sqlite3_bind_int64(q, i, va_arg(ap, int64_t));
        if (*types == 'd') rc = sqlite3_bind_double(q, i, va_arg(ap, double));
        if (*types == 's') rc = sqlite3_bind_text(q, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
        if (*types == 'b') {
            const void *bytes = va_arg(ap, const void *);
            rc = sqlite3_bind_blob(q, i, bytes, va_arg(ap, int), SQLITE_STATIC);
        }
    }
    va_end(ap);
    return rc == SQLITE_OK || sql_fail(s, "using the results store", err);
}

int gk_sql_next(gk_store *s, sqlite3_stmt *q, gk_error *err) {
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) return 1;
    if (rc == SQLITE_DONE) return 0;
    sql_fail(s, "using the results store", err);
    return -1;
}

const char *gk_sql_text(sqlite3_stmt *q, int column) {
    const char *text = (const char *)sqlite3_column_text(q, column);
    return text ? text : "";
}

bool gk_sql_has(gk_store *s, const char *table, bool *there, gk_error *err) {
    sqlite3_stmt *q =
        gk_sql_prepare(s, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", err);
    bool ok = q && gk_sql_bind(s, q, err, "s", table) && gk_sql_next(s, q, err) == 1;
    *there = ok && sqlite3_column_int(q, 0) > 0;
    sqlite3_finalize(q);
    return ok;
}

gk_store *gk_store__open(const char *path, int flags, gk_error *err) {
    gk_store *s = gk_alloc(sizeof *s);
    if (strlen(path) >= sizeof s->path) {
        gk_free(s);
        gk_fail(err, GK_NOWHERE, "use a shorter path", "the results store's path is too long");
        return NULL;
    }
    memcpy(s->path, path, strlen(path) + 1);
    if (sqlite3_open_v2(path, &s->db, flags, NULL) == SQLITE_OK) return s;
    sql_fail(s, "opening the results store", err);
    gk_store_close(s);
    return NULL;
}

static bool pragma_int(gk_store *s, const char *sql, int64_t *out, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, sql, err);
    if (!q) return false;
    bool ok = gk_sql_next(s, q, err) == 1;
    *out = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return ok;
}

bool gk_store__check(gk_store *s, bool *empty, bool *old, gk_error *err) {
    int64_t objects, id, version;
    *empty = *old = false;
    if (!pragma_int(s, "SELECT count(*) FROM sqlite_master", &objects, err)) return false;
    if (!pragma_int(s, "PRAGMA application_id", &id, err)) return false;
    if (!pragma_int(s, "PRAGMA user_version", &version, err)) return false;
    gk_place at = GK_AT_FILE(s->path);
    if (objects == 0 && id == 0) {
        *empty = true;
        return gk_fail(err, at, "run a sweep into it first", "the results store is empty");
    }
    if (id != APPLICATION_ID)
        return gk_fail(err, at, "name another file", "this is a SQLite file of some other program");
    *old = version < OLDEST_VERSION;
    if (version < OLDEST_VERSION || version > SCHEMA_VERSION)
        return gk_fail(
            err, at, "use the version of graftkit that wrote it, or begin a new store (sweep --restart)",
            "the results store has schema version %lld, not %d", (long long)version, SCHEMA_VERSION);
    return true;
}

/* Runs all statements of a piece of queries.sql. */
static bool run_all(gk_store *s, const char *name, gk_error *err) {
    size_t n = 0;
    const char *sql = gk_piece(gk_store__queries, name, &n);
    gk_buf b = {0};
    gk_buf_add(&b, sql, n);
    bool ok = gk_sql_exec(s, b.data, err);
    gk_buf_free(&b);
    return ok;
}

/* What a reader asks of is there, whatever version wrote the store: what it lacks is made in memory. */
static bool complete(gk_store *s, gk_error *err) {
    int64_t there;
    return pragma_int(s, "SELECT count(*) FROM sqlite_master WHERE name = 'coincidence'", &there, err) &&
           (there || run_all(s, "what later tables lack", err)) && run_all(s, "what is listed", err);
}

gk_store *gk_store_open(const char *path, gk_error *err) {
    if (!gk_exists(path)) {
        gk_fail(err, GK_AT_FILE(path), "run a sweep first", "there is no such results store");
        return NULL;
    }
    /* Read-write, so that a journal left by a sweep that was killed can be rolled back. */
    gk_store *s = gk_store__open(path, SQLITE_OPEN_READWRITE, err);
    bool empty, old;
    if (s && gk_store__check(s, &empty, &old, err) && complete(s, err)) return s;
    gk_store_close(s);
    return NULL;
}

void gk_store_close(gk_store *s) {
    if (!s) return;
    sqlite3_close(s->db);
    gk_free(s);
}

char *gk_store_get(gk_store *s, gk_arena *a, const char *key, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, "SELECT value FROM run WHERE key = ?", err);
    if (!q) return NULL;
    char *value = NULL;
    if (gk_sql_bind(s, q, err, "s", key)) {
        int got = gk_sql_next(s, q, err);
        if (got == 1) value = gk_arena_strdup(a, gk_sql_text(q, 0));
        if (got == 0) gk_fail(err, GK_AT_FILE(s->path), NULL, "the results store does not say its %s", key);
    }
    sqlite3_finalize(q);
    return value;
}
