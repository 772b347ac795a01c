/* planned.c: the contrasts of scheme files, in a store and out of it. */
#include "eval/store/internal.h"
#include "graftkit/graft/scheme.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- writing */

static bool run_with(gk_store *s, const char *sql, const char *file, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, sql, err);
    bool ok = q && (!file || gk_sql_bind(s, q, err, "s", file)) && gk_sql_next(s, q, err) == 0;
    sqlite3_finalize(q);
    return ok;
}

/* What the files of this run planned before goes where they do not plan it any more. */
static bool mark_old(gk_store *s, const gk_schemes *list, gk_error *err) {
    const char *last = NULL;
    for (size_t i = 0; i < list->n; i++) {
        const char *file = gk_scheme_file(list->item[i]);
        if (last && strcmp(last, file) == 0) continue;
        if (!run_with(s, "UPDATE contrast SET ord = -1 WHERE file = ?", file, err)) return false;
        last = file;
    }
    return true;
}

static bool add(gk_store *s, sqlite3_stmt *q, const gk_contrast *c, size_t ord, gk_error *err) {
    const bool in[] = {c->top5, c->logit_diff};
    const gk_metric metric[] = {GK_METRIC_top5, GK_METRIC_logit_diff};
    const double margin[] = {c->top5_margin, c->logit_diff_margin}; /* NaN is stored as NULL */
    for (size_t m = 0; m < 2; m++)
        if (in[m] && (!gk_sql_bind(s, q, err, "sssdsssi", c->a, c->b, gk_metric_key(metric[m]), margin[m],
                                   c->about, c->set, c->file, (int64_t)(2 * ord + m)) ||
                      gk_sql_next(s, q, err) != 0))
            return false;
    return true;
}

bool gk_store__plan(gk_store *s, const gk_schemes *list, gk_error *err) {
    if (!mark_old(s, list, err)) return false;
    sqlite3_stmt *q = gk_sql_query(s, "plan contrast", err);
    bool ok = q != NULL;
    for (size_t i = 0; ok && i < list->n_contrasts; i++) ok = add(s, q, &list->contrast[i], i, err);
    sqlite3_finalize(q);
    return ok && run_with(s, "DELETE FROM contrast WHERE ord = -1", NULL, err);
}

/* ---------------------------------------------------------------- reading */

static bool is_metric(const char *text, gk_metric *out) {
    static const gk_metric known[] = {GK_METRIC_top5, GK_METRIC_logit_diff};
    for (size_t i = 0; i < 2; i++)
        if (strcmp(text, gk_metric_key(known[i])) == 0) {
            *out = known[i];
            return true;
        }
    return false;
}

/* One of a metric that is none (the store was tampered with) is passed over. */
static void take(gk_arena *a, sqlite3_stmt *q, gk_contrasts *out) {
    gk_planned *p = &out->item[out->n].plan;
    if (!is_metric(gk_sql_text(q, 3), &p->metric)) return;
    p->set = gk_arena_strdup(a, gk_sql_text(q, 0));
    p->a = gk_arena_strdup(a, gk_sql_text(q, 1));
    p->b = gk_arena_strdup(a, gk_sql_text(q, 2));
    p->margin = sqlite3_column_type(q, 4) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(q, 4);
    p->about = gk_arena_strdup(a, gk_sql_text(q, 5));
    p->file = gk_arena_strdup(a, gk_sql_text(q, 6));
    p->ahead = sqlite3_column_int(q, 7) != 0;
    out->n++;
}

bool gk_store__planned(gk_store *s, gk_arena *a, gk_contrasts *out, gk_error *err) {
    *out = (gk_contrasts){0};
    bool there;
    if (!gk_sql_has(s, "contrast", &there, err) || !there) return !there;
    sqlite3_stmt *q = gk_sql_prepare(s, "SELECT count(*) FROM contrast", err);
    size_t room = q && gk_sql_next(s, q, err) == 1 ? (size_t)sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    out->item = gk_arena_alloc(a, (room + 1) * sizeof *out->item);
    q = gk_sql_query(s, "contrasts", err);
    int got = q ? 1 : -1;
    while (got == 1 && (got = gk_sql_next(s, q, err)) == 1)
        if (out->n < room) take(a, q, out);
    sqlite3_finalize(q);
    return got == 0;
}
