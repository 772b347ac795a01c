/* write.c: a sweep's side of the results store: making it, recognising it, adding to it. */
#include "eval/store/files.h"
#include "eval/store/internal.h"
#include "eval/store/write.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/tokenizer.h"

#include <stdlib.h>
#include <string.h>

static bool put(gk_store *s, const char *key, const char *value, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, "INSERT OR REPLACE INTO run(key, value) VALUES(?, ?)", err);
    bool ok = q && gk_sql_bind(s, q, err, "ss", key, value) && gk_sql_next(s, q, err) == 0;
    sqlite3_finalize(q);
    return ok;
}

static bool put_all(gk_store *s, const json_t *strings, gk_error *err) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)strings, key, v) {
        if (!put(s, key, json_string_value(v), err)) return false;
    }
    return true;
}

/* ---------------------------------------------------------------- making it */

static bool add_templates(gk_store *s, const gk_prompts *p, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, "INSERT INTO template VALUES(?, ?, ?)", err);
    bool ok = q != NULL;
    for (size_t t = 0; ok && t < p->n_templates; t++) {
        const gk_eval_template *e = &p->tmpl[t];
        json_t *names = json_array();
        for (size_t i = 0; i < e->n_fields; i++)
            json_array_append_new(names, json_string(e->fields[i].field));
        char *fields = json_dumps(names, JSON_COMPACT);
        ok = gk_sql_bind(s, q, err, "iss", (int64_t)t + 1, e->text, fields) && gk_sql_next(s, q, err) == 0;
        free(fields);
        json_decref(names);
    }
    sqlite3_finalize(q);
    return ok;
}

static bool add_prompts(gk_store *s, const gk_prompts *p, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(
        s, "INSERT INTO prompt VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, nullif(?10, 0), ?11)", err);
    bool ok = q != NULL;
    for (size_t i = 0; ok && i < p->n; i++) {
        const gk_prompt *e = &p->item[i];
        ok = gk_sql_bind(s, q, err, "iiisssiisis", (int64_t)i, (int64_t)e->tmpl + 1, (int64_t)e->row,
                         e->row_key, e->text, e->target, (int64_t)e->target_id, (int64_t)e->tokens.n,
                         e->dropped, (int64_t)e->n_target, e->no_whole) &&
             gk_sql_next(s, q, err) == 0;
    }
    sqlite3_finalize(q);
    return ok;
}

static bool add_tokens(gk_store *s, const gk_tok *tok, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, "INSERT INTO token VALUES(?, ?)", err);
    bool ok = q != NULL;
    for (int id = 0; ok && id < gk_tok_size(tok); id++)
        ok = gk_sql_bind(s, q, err, "is", (int64_t)id, gk_tok_piece(tok, id)) && gk_sql_next(s, q, err) == 0;
    sqlite3_finalize(q);
    return ok;
}

static bool create(gk_store *s, const gk_run *run, gk_error *err) {
    return gk_sql_exec(s, gk_store__schema, err) && put_all(s, run->identity, err) &&
           put_all(s, run->first, err) && add_templates(s, run->prompts, err) &&
           add_prompts(s, run->prompts, err) && add_tokens(s, run->tok, err);
}

/* ---------------------------------------------------------------- recognising it */

static bool is_other(gk_store *s, bool *other, gk_error *err, const char *what, const char *there,
                     const char *here) {
    int most = strlen(there) == GK_SHA256_HEX - 1 ? 12 : 60; /* the start of a hash says enough */
    *other = true;
    return gk_fail(
        err, GK_AT_FILE(s->path), "use another --out, or --replace (make: REPLACE=1) to begin a new store",
        "the results store was made with another %s (%.*s there, %.*s now)", what, most, there, most, here);
}

static bool same_identity(gk_store *s, const gk_run *run, bool *other, gk_error *err) {
    gk_arena *a = gk_arena_new();
    bool ok = true;
    const char *key;
    json_t *v;
    json_object_foreach(run->identity, key, v) {
        const char *there = gk_store_get(s, a, key, err);
        if (!there && strcmp(key, "bf16") == 0) there = "false"; /* it was made before there was a choice */
        ok = there || is_other(s, other, err, key, "not said", json_string_value(v));
        if (ok && strcmp(there, json_string_value(v)) != 0)
            ok = is_other(s, other, err, key, there, json_string_value(v));
        if (!ok) break;
    }
    /* Coalitions, and nothing else, fill a store of coalitions. */
    const char *parts = ok && !json_object_get(run->identity, "parts_sha256")
                            ? gk_store_get(s, a, "parts_sha256", NULL)
                            : NULL;
    if (parts) ok = is_other(s, other, err, "parts_sha256", parts, "not said");
    gk_arena_free(a);
    return ok;
}

static bool same_model(gk_store *s, const gk_run_model *m, sqlite3_stmt *find, sqlite3_stmt *add, bool *other,
                       gk_error *err) {
    if (!gk_sql_bind(s, find, err, "s", m->name)) return false;
    int got = gk_sql_next(s, find, err);
    if (got < 0) return false;
    if (got == 0)
        return gk_sql_bind(s, add, err, "ssss", m->name, m->path, m->sha256, m->config_sha256) &&
               gk_sql_next(s, add, err) == 0;
    char what[96];
    snprintf(what, sizeof what, m->derived ? "derivation of '%.40s'" : "model.safetensors for '%.40s'",
             m->name);
    if (strcmp(gk_sql_text(find, 0), m->sha256) != 0)
        return is_other(s, other, err, what, gk_sql_text(find, 0), m->sha256);
    snprintf(what, sizeof what, "config.json for '%.40s'", m->name);
    if (strcmp(gk_sql_text(find, 1), m->config_sha256) != 0)
        return is_other(s, other, err, what, gk_sql_text(find, 1), m->config_sha256);
    return true;
}

static bool same_models(gk_store *s, const gk_run *run, bool *other, gk_error *err) {
    sqlite3_stmt *find = gk_sql_prepare(s, "SELECT sha256, config_sha256 FROM model WHERE name = ?", err);
    sqlite3_stmt *add = gk_sql_prepare(s, "INSERT INTO model VALUES(?, ?, ?, ?)", err);
    bool ok = find && add;
    for (int i = 0; ok && i < run->n_models; i++) ok = same_model(s, &run->model[i], find, add, other, err);
    sqlite3_finalize(find);
    sqlite3_finalize(add);
    return ok;
}

/* ---------------------------------------------------------------- schemes */

static bool add_scheme(gk_store *s, const gk_scheme *scheme, const gk_prompts *p, gk_error *err) {
    sqlite3_stmt *q = gk_sql_query(s, "add scheme", err);
    bool ok = q &&
              gk_sql_bind(s, q, err, "ssss", gk_scheme_set(scheme), gk_scheme_name(scheme),
                          gk_scheme_about(scheme), gk_scheme_canonical(scheme)) &&
              gk_sql_next(s, q, err) == 0;
    sqlite3_finalize(q);
    int64_t id = sqlite3_last_insert_rowid(s->db);
    sqlite3_stmt *applies = ok ? gk_sql_prepare(s, "INSERT INTO applies VALUES(?, ?)", err) : NULL;
    ok = applies != NULL;
    for (size_t t = 0; ok && t < p->n_templates; t++)
        if (gk_scheme_applies(scheme, p->tmpl[t].fields, p->tmpl[t].n_fields))
            ok = gk_sql_bind(s, applies, err, "ii", id, (int64_t)t + 1) && gk_sql_next(s, applies, err) == 0;
    sqlite3_finalize(applies);
    return ok;
}

/* Where it stands in its grid. A scheme that was there already, written by hand, learns it too. */
static bool add_axes(gk_store *s, sqlite3_stmt *q, const gk_scheme *scheme, gk_error *err) {
    size_t n;
    const gk_axis *axis = gk_scheme_axes(scheme, &n);
    for (size_t i = 0; i < n; i++)
        if (!gk_sql_bind(s, q, err, "sssi", gk_scheme_name(scheme), axis[i].name, axis[i].value,
                         (int64_t)i) ||
            gk_sql_next(s, q, err) != 0)
            return false;
    return true;
}

/* 1: the scheme is there, its results under *source; 0: it is not; -1: failed, or its name means something
 * else. */
static int find_scheme(gk_store *s, sqlite3_stmt *find, const gk_scheme *scheme, int64_t *source, bool *other,
                       gk_error *err) {
    if (!gk_sql_bind(s, find, err, "s", gk_scheme_name(scheme))) return -1;
    int got = gk_sql_next(s, find, err);
    if (got != 1) return got;
    *source = sqlite3_column_int64(find, 1);
    if (strcmp(gk_sql_text(find, 0), gk_scheme_canonical(scheme)) == 0) return 1;
    *other = true;
    gk_fail(err, GK_AT_FILE(s->path), "give the changed scheme another name, or use --restart",
            "scheme '%s' means something else in this results store", gk_scheme_name(scheme));
    return -1;
}

static bool add_schemes(gk_store *s, const gk_run *run, int64_t *source, bool *other, gk_error *err) {
    sqlite3_stmt *find = gk_sql_prepare(s, "SELECT canonical, source FROM scheme WHERE name = ?", err);
    sqlite3_stmt *axis = gk_sql_query(s, "add axis", err);
    sqlite3_stmt *about = gk_sql_prepare(s, "UPDATE scheme SET about = ?2 WHERE name = ?1", err);
    bool ok = find && axis && about;
    for (size_t i = 0; ok && i < run->schemes->n; i++) {
        const gk_scheme *scheme = run->schemes->item[i];
        int got = find_scheme(s, find, scheme, &source[i], other, err);
        if (got == 0 && add_scheme(s, scheme, run->prompts, err))
            got = find_scheme(s, find, scheme, &source[i], other, err);
        ok = got == 1 && add_axes(s, axis, scheme, err) &&
             gk_sql_bind(s, about, err, "ss", gk_scheme_name(scheme), gk_scheme_about(scheme)) &&
             gk_sql_next(s, about, err) == 0;
    }
    sqlite3_finalize(find);
    sqlite3_finalize(about);
    sqlite3_finalize(axis);
    return ok;
}

/* What the files say of the set under one of its keys; of several that do, one after the other. */
static const char *of_set(gk_arena *a, const gk_schemes *list, const char *set,
                          const char *says(const gk_scheme *)) {
    const char *text = "";
    for (size_t i = 0; i < list->n; i++) {
        const char *its = says(list->item[i]);
        if (strcmp(gk_scheme_set(list->item[i]), set) != 0 || strstr(text, its)) continue;
        text = *text ? gk_arena_printf(a, "%s. %s", text, its) : its;
    }
    return text;
}

static bool has_column(gk_store *s, const char *table, const char *column, bool *there, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?", err);
    bool ok = q && gk_sql_bind(s, q, err, "ss", table, column) && gk_sql_next(s, q, err) == 1;
    *there = ok && sqlite3_column_int(q, 0) > 0;
    sqlite3_finalize(q);
    return ok;
}

/* What came later than the store: tables, the title of a set, the view's columns. */
static bool add_later(gk_store *s, gk_error *err) {
    bool there;
    if (!has_column(s, "results", "permuted_id", &there, err) ||
        (!there && !gk_sql_exec(s, "DROP VIEW IF EXISTS results", err)) ||
        !gk_sql_exec(s, gk_store__later, err) || !has_column(s, "scheme_set", "title", &there, err))
        return false;
    return there || gk_sql_exec(s, "ALTER TABLE scheme_set ADD COLUMN title TEXT NOT NULL DEFAULT ''", err);
}

static bool add_sets(gk_store *s, const gk_schemes *list, gk_error *err) {
    sqlite3_stmt *q =
        gk_sql_prepare(s, "INSERT OR REPLACE INTO scheme_set(name, about, title) VALUES(?, ?, ?)", err);
    gk_arena *a = gk_arena_new();
    bool ok = q != NULL;
    for (size_t i = 0; ok && i < list->n; i++) {
        const char *set = gk_scheme_set(list->item[i]);
        if (i > 0 && strcmp(set, gk_scheme_set(list->item[i - 1])) == 0) continue;
        ok = gk_sql_bind(s, q, err, "sss", set, of_set(a, list, set, gk_scheme_set_about),
                         of_set(a, list, set, gk_scheme_set_title)) &&
             gk_sql_next(s, q, err) == 0;
    }
    sqlite3_finalize(q);
    gk_arena_free(a);
    return ok;
}

/* ---------------------------------------------------------------- all of it */

static bool begin(gk_store *s, const gk_run *run, int64_t *source, bool *other, gk_error *err) {
    /* Exclusive: two sweeps must not fill one store. A rollback journal, not a WAL, because stores also live
     * on network file systems. */
    if (!gk_sql_exec(
            s, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;",
            err))
        return false;
    bool empty;
    if (!gk_store__check(s, &empty, other, err) && !empty) return false;
    if (!gk_sql_exec(s, "BEGIN EXCLUSIVE", err)) return false;
    bool ok = empty ? create(s, run, err) : same_identity(s, run, other, err);
    ok = ok && add_later(s, err);
    ok = ok && same_models(s, run, other, err) && add_schemes(s, run, source, other, err) &&
         add_sets(s, run->schemes, err) && gk_store__plan(s, run->schemes, err) &&
         put_all(s, run->info, err) && gk_store__add_floors(s, run, other, err);
    /* A failed COMMIT is rolled back when the store is closed. */
    return ok && gk_sql_exec(s, "COMMIT", err);
}

gk_store *gk_store_begin(const char *path, const gk_run *run, int64_t *source, bool *other, gk_error *err) {
    *other = false;
    gk_store *s = gk_store__open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (s && begin(s, run, source, other, err)) return s;
    gk_store_close(s);
    return NULL;
}

bool gk_store_done(gk_store *s, void (*fn)(void *ctx, int64_t source, int64_t prompt), void *ctx,
                   gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, "SELECT scheme, prompt FROM result", err);
    if (!q) return false;
    int got;
    while ((got = gk_sql_next(s, q, err)) == 1)
        fn(ctx, sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1));
    sqlite3_finalize(q);
    return got == 0;
}

/* ---------------------------------------------------------------- results */

static void put_le32(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(v >> (8 * i));
}

static int pack_top(const gk_score *r, uint8_t *bytes) {
    for (int i = 0; i < r->n_top; i++) {
        uint32_t prob;
        memcpy(&prob, &r->top_prob[i], sizeof prob);
        put_le32(bytes + 8 * i, (uint32_t)r->top_id[i]);
        put_le32(bytes + 8 * i + 4, prob);
    }
    return 8 * r->n_top;
}

static bool add_permuted_result(gk_store *s, sqlite3_stmt *q, const gk_stored *r, gk_error *err) {
    return !r->permuted || (gk_sql_bind(s, q, err, "iidid", r->source, (int64_t)r->prompt, r->other.logprob,
                                        r->other.rank, r->other.logit_diff) &&
                            gk_sql_next(s, q, err) == 0);
}

static bool add_results(gk_store *s, const gk_stored *r, size_t n, gk_error *err) {
    sqlite3_stmt *good = gk_sql_query(s, "add result", err);
    sqlite3_stmt *bad = gk_sql_prepare(s, "INSERT INTO result(scheme, prompt, dropped) VALUES(?, ?, ?)", err);
    sqlite3_stmt *other = gk_sql_query(s, "add permuted result", err);
    bool ok = good && bad && other;
    for (size_t i = 0; ok && i < n; i++) {
        const gk_score *g = &r[i].score;
        uint8_t top[8 * GK_TOP];
        if (r[i].dropped)
            ok = gk_sql_bind(s, bad, err, "iis", r[i].source, (int64_t)r[i].prompt, r[i].dropped) &&
                 gk_sql_next(s, bad, err) == 0;
        else
            ok = gk_sql_bind(s, good, err, "iiddidbidiss", r[i].source, (int64_t)r[i].prompt, g->prob,
                             g->logprob, g->rank, g->logit_diff, (const void *)top, pack_top(g, top),
                             (int64_t)r[i].whole, r[i].whole_logprob, (int64_t)r[i].exact, r[i].whole_dropped,
                             r[i].generated) &&
                 gk_sql_next(s, good, err) == 0 && add_permuted_result(s, other, &r[i], err);
    }
    sqlite3_finalize(other);
    sqlite3_finalize(good);
    sqlite3_finalize(bad);
    return ok;
}

bool gk_store_add(gk_store *s, const gk_stored *r, size_t n, const json_t *info, gk_error *err) {
    if (!gk_sql_exec(s, "BEGIN IMMEDIATE", err)) return false;
    if (add_results(s, r, n, err) && put_all(s, info, err) && gk_sql_exec(s, "COMMIT", err)) return true;
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

bool gk_store_finish(gk_store *s, gk_error *err) {
    sqlite3_stmt *q = gk_sql_query(s, "is it complete", err);
    bool ok = q && gk_sql_next(s, q, err) == 0;
    sqlite3_finalize(q);
    return ok;
}
