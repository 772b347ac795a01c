/* floors.c: what a sweep writes beside its results to compare them with: placebo twins, permuted targets, and
 * what each scheme selects. */
#include "eval/store/internal.h"

#include <string.h>

/* ---------------------------------------------------------------- twins */

/* Runs it with a scheme's name and its twin's; the number in the first column, -1 where there is none. */
static bool ask(gk_store *s, sqlite3_stmt *q, const char *scheme, const char *twin, int64_t *out,
                gk_error *err) {
    *out = -1;
    int got = gk_sql_bind(s, q, err, "ss", scheme, twin) ? gk_sql_next(s, q, err) : -1;
    if (got == 1) *out = sqlite3_column_int64(q, 0);
    return got >= 0;
}

static bool add_twins(gk_store *s, const gk_run *run, bool *other, gk_error *err) {
    sqlite3_stmt *add = gk_sql_prepare(s,
                                       "INSERT OR IGNORE INTO twin(\"of\", scheme) SELECT a.id, b.id FROM "
                                       "scheme a, scheme b WHERE a.name = ? AND b.name = ?",
                                       err);
    sqlite3_stmt *find = gk_sql_prepare(s,
                                        "SELECT b.name = ?2 FROM twin t JOIN scheme a ON a.id = t.\"of\" "
                                        "JOIN scheme b ON b.id = t.scheme WHERE a.name = ?1",
                                        err);
    bool ok = add && find;
    for (size_t i = 0; ok && run->twin_of && i < run->schemes->n; i++) {
        if (run->twin_of[i] == 0) continue;
        const char *of = gk_scheme_name(run->schemes->item[run->twin_of[i] - 1]),
                   *twin = gk_scheme_name(run->schemes->item[i]);
        int64_t same = 0, none;
        ok = ask(s, add, of, twin, &none, err) && ask(s, find, of, twin, &same, err);
        if (!ok || same == 1) continue;
        *other = true;
        ok = gk_fail(err, GK_AT_FILE(s->path), "use the same --placebo, or --restart",
                     "scheme '%.80s' has another placebo than '%.80s' in this results store", of, twin);
    }
    sqlite3_finalize(add);
    sqlite3_finalize(find);
    return ok;
}

/* ---------------------------------------------------------------- permuted targets */

static bool count(gk_store *s, const char *sql, int64_t *n, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, sql, err);
    bool ok = q && gk_sql_next(s, q, err) == 1;
    *n = ok ? sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return ok;
}

static bool put_permuted(gk_store *s, const gk_run *run, gk_error *err) {
    const gk_prompts *p = run->prompts;
    sqlite3_stmt *q =
        gk_sql_prepare(s, "INSERT INTO permuted VALUES(?1, nullif(?2, -1), nullif(?3, -1), ?4)", err);
    bool ok = q != NULL;
    for (size_t i = 0; ok && i < p->n; i++) {
        int64_t other = run->permuted->other[i];
        if (p->item[i].dropped) continue;
        ok = gk_sql_bind(s, q, err, "iiis", (int64_t)i, other,
                         (int64_t)(other < 0 ? -1 : p->item[other].target_id),
                         other < 0 ? run->permuted->why[p->item[i].tmpl] : NULL) &&
             gk_sql_next(s, q, err) == 0;
    }
    sqlite3_finalize(q);
    char seed[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)run->permuted->seed);
    q = ok ? gk_sql_prepare(s, "INSERT OR REPLACE INTO run VALUES('permuted_seed', ?)", err) : NULL;
    ok = q && gk_sql_bind(s, q, err, "s", seed) && gk_sql_next(s, q, err) == 0;
    sqlite3_finalize(q);
    return ok;
}

/* Results that are there are of these, whatever seed the sweep has now. */
static bool take_permuted(gk_store *s, const gk_run *run, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, "SELECT prompt, coalesce(other, -1) FROM permuted", err);
    int64_t n = (int64_t)run->prompts->n;
    int got = q ? 1 : -1;
    while (got == 1 && (got = gk_sql_next(s, q, err)) == 1) {
        int64_t prompt = sqlite3_column_int64(q, 0), other = sqlite3_column_int64(q, 1);
        if (prompt >= 0 && prompt < n && other < n) run->permuted->other[prompt] = other < 0 ? -1 : other;
    }
    sqlite3_finalize(q);
    return got == 0;
}

bool gk_store__add_floors(gk_store *s, const gk_run *run, bool *other, gk_error *err) {
    int64_t there;
    if (!add_twins(s, run, other, err)) return false;
    if (!run->permuted) return true;
    return count(s, "SELECT count(*) FROM permuted", &there, err) &&
           (there ? take_permuted(s, run, err) : put_permuted(s, run, err));
}

/* ---------------------------------------------------------------- what schemes select */

bool gk_store_selected(gk_store *s, void (*fn)(void *ctx, int64_t source), void *ctx, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, "SELECT DISTINCT scheme FROM selection", err);
    int got = q ? 1 : -1;
    while (got == 1 && (got = gk_sql_next(s, q, err)) == 1) fn(ctx, sqlite3_column_int64(q, 0));
    sqlite3_finalize(q);
    return got == 0;
}

bool gk_store_add_selections(gk_store *s, const gk_selection *list, size_t n, gk_error *err) {
    if (!gk_sql_exec(s, "BEGIN IMMEDIATE", err)) return false;
    sqlite3_stmt *q = gk_sql_prepare(s, "INSERT OR REPLACE INTO selection VALUES(?1, ?2, ?3, ?4)", err);
    bool ok = q != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        char plan[24], last[24] = "varied";
        snprintf(plan, sizeof plan, "%016llx", (unsigned long long)list[i].plan);
        if (list[i].last) snprintf(last, sizeof last, "%016llx", (unsigned long long)list[i].last);
        ok = gk_sql_bind(s, q, err, "iiss", list[i].source, (int64_t)list[i].tmpl + 1, plan, last) &&
             gk_sql_next(s, q, err) == 0;
    }
    sqlite3_finalize(q);
    if (ok && gk_sql_exec(s, "COMMIT", err)) return true;
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}
