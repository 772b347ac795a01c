/* store.h: the SQLite side of the results store, and what only the sweep writes. Internal to eval/. */
#ifndef GK_EVAL_STORE_H
#define GK_EVAL_STORE_H

#include "eval/eval.h"

#include <sqlite3.h>

struct gk_store {
    sqlite3 *db;
    char path[512];
};

/* ---------------------------------------------------------------- statements (store.c) */

bool gk__sql_fail(gk_store *s, const char *doing, gk_error *err);
/* Statements without parameters or results. */
bool gk__sql_exec(gk_store *s, const char *sql, gk_error *err);
/* NULL on failure; release with sqlite3_finalize. */
sqlite3_stmt *gk__sql_prepare(gk_store *s, const char *sql, gk_error *err);
/* Binds by a type string: i int64_t, d double, s const char * (NULL is null; must live until the next bind or
 * finalize), b const void * and int bytes. Resets the statement first. */
bool gk__sql_bind(gk_store *s, sqlite3_stmt *q, gk_error *err, const char *types, ...);
/* 1: a row is there; 0: done; -1: failed. */
int gk__sql_next(gk_store *s, sqlite3_stmt *q, gk_error *err);
/* The text of a column; "" for null. Borrowed until the next step. */
const char *gk__sql_text(sqlite3_stmt *q, int column);

gk_store *gk__store_open(const char *path, int flags, gk_error *err);
/* The file is a store of this version; false and *empty when it holds nothing at all, *old when it is a store
 * of an earlier version. */
bool gk__store_check(gk_store *s, bool *empty, bool *old, gk_error *err);
/* The value of a run key in `a`; NULL when there is none or on failure (err is filled then). */
char *gk__store_get(gk_store *s, gk_arena *a, const char *key, gk_error *err);

/* ---------------------------------------------------------------- writing (store_write.c) */

typedef struct gk_run_model {
    const char *name, *path;
    bool derived; /* path is how, e.g. "sft:rank=8", and sha256 of that and of all weights that take part */
    char sha256[GK_SHA256_HEX], config_sha256[GK_SHA256_HEX];
} gk_run_model;

/* What a store is of. */
typedef struct gk_run {
    json_t *identity; /* strings: results with other values do not belong into the same store */
    json_t *first;    /* strings stored when the store is made, and then left alone */
    json_t *info;     /* strings that describe the latest run */
    gk_run_model model[GK_MAX_MODELS];
    int n_models;
    const gk_prompts *prompts;
    const gk_tok *tok;
    const gk_schemes *schemes;
} gk_run;

/* Creates the store, or opens one and checks that it is of the same run; adds models and schemes that are new
 * to it. On a mismatch *other is set. source[i] is the id under which scheme i's results are kept. */
gk_store *gk__store_begin(const char *path, const gk_run *run, int64_t *source, bool *other, gk_error *err);
/* Calls fn(ctx, source, prompt) for every result that is there. */
bool gk__store_done(gk_store *s, void (*fn)(void *ctx, int64_t source, int64_t prompt), void *ctx,
                    gk_error *err);

typedef struct gk_stored {
    int64_t source;
    size_t prompt; /* index in gk_prompts */
    gk_score score;
    const char *dropped; /* then score is not used */
    bool whole;          /* whole_logprob and exact are set */
    bool exact;
    double whole_logprob;
    const char
        *whole_dropped;    /* why not, where the prompt has a whole target and the first token is scored */
    const char *generated; /* what it said; NULL: not asked for, or logits were not finite on the way */
} gk_stored;
/* One transaction: the results and the run keys of `info` (strings). */
bool gk__store_add(gk_store *s, const gk_stored *r, size_t n, const json_t *info, gk_error *err);
/* Says in the run table whether every scheme of the store, not only the latest run's, has all its results. */
bool gk__store_finish(gk_store *s, gk_error *err);

#endif
