/* manifest.c: everything that describes a store's run, as one JSON object. */
#include "eval/store/internal.h"
#include "eval/store/write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static json_t *column_json(sqlite3_stmt *q, int i) {
    int type = sqlite3_column_type(q, i);
    if (type == SQLITE_INTEGER) return json_integer(sqlite3_column_int64(q, i));
    json_t *text = type == SQLITE_NULL ? NULL : json_string(gk_sql_text(q, i));
    return text ? text : json_null();
}

/* Each row of the statement, which it releases, as an object: column name -> value. */
static bool add_list(gk_store *s, json_t *to, const char *key, sqlite3_stmt *q, gk_error *err) {
    json_t *list = json_array();
    json_object_set_new(to, key, list);
    int got = q ? 1 : -1;
    while (got == 1 && (got = gk_sql_next(s, q, err)) == 1) {
        json_t *row = json_object();
        for (int i = 0; i < sqlite3_column_count(q); i++)
            json_object_set_new(row, sqlite3_column_name(q, i), column_json(q, i));
        json_array_append_new(list, row);
    }
    sqlite3_finalize(q);
    return got == 0;
}

static bool add_rows(gk_store *s, json_t *to, const char *key, const char *sql, gk_error *err) {
    return add_list(s, to, key, gk_sql_prepare(s, sql, err), err);
}

static bool is_number_key(const char *key) {
    static const char *const keys[] = {"seed",       "threads",      "limit",        "complete",
                                       "seconds",    "rows_naive",   "rows_unique",  "flops",
                                       "peak_bytes", "budget_bytes", "whole_target", "generate",
                                       "parameters", "layers",       "width"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0) return true;
    return false;
}

static json_t *run_value(const char *key, const char *text) {
    char *end = NULL;
    if (is_number_key(key)) {
        errno = 0;
        long long whole = strtoll(text, &end, 10);
        if (*end == 0 && *text && errno == 0) return json_integer(whole);
        double x = strtod(text, &end);
        if (*end == 0 && *text) return json_real(x);
    }
    json_t *string = json_string(text);
    return string ? string : json_null();
}

static bool add_run(gk_store *s, json_t *to, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, "SELECT key, value FROM run ORDER BY key", err);
    if (!q) return false;
    int got;
    while ((got = gk_sql_next(s, q, err)) == 1)
        json_object_set_new(to, gk_sql_text(q, 0), run_value(gk_sql_text(q, 0), gk_sql_text(q, 1)));
    sqlite3_finalize(q);
    return got == 0;
}

/* A store that was made earlier does not say. */
static bool add_sets(gk_store *s, json_t *to, gk_error *err) {
    bool there;
    return gk_sql_has(s, "scheme_set", &there, err) &&
           (!there || add_rows(s, to, "sets", "SELECT * FROM scheme_set ORDER BY rowid", err));
}

json_t *gk_store_manifest(gk_store *s, gk_error *err) {
    json_t *m = json_object();
    bool ok = add_run(s, m, err) && add_sets(s, m, err) &&
              add_rows(s, m, "models", "SELECT * FROM model ORDER BY rowid", err) &&
              add_rows(s, m, "templates", "SELECT id, text, fields FROM template ORDER BY id", err) &&
              add_rows(s, m, "schemes", "SELECT \"set\", name, about, canonical FROM listed ORDER BY ord, id",
                       err) &&
              add_list(s, m, "dropped", gk_sql_query(s, "dropped", err), err) &&
              add_list(s, m, "whole_dropped", gk_sql_query(s, "whole dropped", err), err);
    if (ok) return m;
    json_decref(m);
    return NULL;
}
