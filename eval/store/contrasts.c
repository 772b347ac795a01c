/* contrasts.c: what scheme files plan to compare, in a store and out of it; computed from its results. */
#include "eval/store/contrasts.h"
#include "eval/store/internal.h"
#include "graftkit/core/threads.h"
#include "graftkit/graft/scheme.h"

#include <math.h>
#include <string.h>

static const double CLEAR = 0.05;

const char *gk_verdict_key(gk_verdict v) {
    static const char *const keys[] = {[GK_NOT_JUDGED] = "not judged",
                                       [GK_NEITHER] = "neither",
                                       [GK_DIFFERENT] = "different",
                                       [GK_EQUIVALENT] = "equivalent",
                                       [GK_DIFFERENT_WITHIN] = "different, but equivalent"};
    return keys[v];
}

/* ---------------------------------------------------------------- into a store */

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

/* ---------------------------------------------------------------- out of it */

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

static bool read_planned(gk_store *s, gk_arena *a, gk_contrasts *out, gk_error *err) {
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

/* ---------------------------------------------------------------- one contrast */

typedef struct jobs {
    const gk_outcomes *o;
    uint64_t seed;
    gk_contrasts *out;
} jobs;

static void compute_one(gk_contrasted *c, const gk_outcomes *o, uint64_t seed) {
    const gk_tried *a = gk_outcomes_of(o, c->plan.a), *b = gk_outcomes_of(o, c->plan.b);
    size_t room = a ? a->n + 1 : 1, n = 0;
    gk_obs *its = gk_alloc(room * sizeof *its), *other = gk_alloc(room * sizeof *other);
    if (a && b) n = gk_common(b, a, other, its, &c->templates);
    gk_contrast_compute(its, other, n, c->plan.metric, c->plan.margin, seed, GK_RESAMPLES, &c->stats);
    gk_free(its);
    gk_free(other);
}

static void compute_range(void *ctx, size_t begin, size_t end) {
    const jobs *j = ctx;
    for (size_t i = begin; i < end; i++) compute_one(&j->out->item[i], j->o, j->seed);
}

/* ---------------------------------------------------------------- the plan as a whole */

/* Every difference and every equivalence that the contrasts of one set may claim, from `from` on. */
static size_t correct_set(gk_contrasts *all, size_t from) {
    size_t to = from, n;
    while (to < all->n && strcmp(all->item[to].plan.set, all->item[from].plan.set) == 0) to++;
    n = to - from;
    double *p = gk_alloc(2 * n * sizeof *p), *holm = gk_alloc(2 * n * sizeof *holm);
    for (size_t i = 0; i < n; i++) {
        p[2 * i] = all->item[from + i].stats.p;
        p[2 * i + 1] = all->item[from + i].stats.p_equal;
    }
    gk_holm(p, 2 * n, holm);
    for (size_t i = 0; i < n; i++) {
        all->item[from + i].p_holm = holm[2 * i];
        all->item[from + i].p_equal_holm = holm[2 * i + 1];
    }
    gk_free(p);
    gk_free(holm);
    return to;
}

static gk_verdict judge(const gk_contrasted *c) {
    bool differ = c->p_holm < CLEAR, equal = c->p_equal_holm < CLEAR;
    if (isnan(c->p_holm)) return GK_NOT_JUDGED;
    if (differ) return equal ? GK_DIFFERENT_WITHIN : GK_DIFFERENT;
    return equal ? GK_EQUIVALENT : GK_NEITHER;
}

bool gk_contrasts_of(gk_store *s, const gk_outcomes *o, gk_arena *a, gk_contrasts *out, gk_error *err) {
    jobs j = {.o = o, .out = out};
    if (!read_planned(s, a, out, err) || !gk_store_seed(s, &j.seed, err)) return false;
    gk_parallel_for(out->n, 1, compute_range, &j);
    for (size_t i = 0; i < out->n;) i = correct_set(out, i);
    for (size_t i = 0; i < out->n; i++) out->item[i].verdict = judge(&out->item[i]);
    return true;
}
