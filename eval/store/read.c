/* read.c: what a results store says: cells and results. */
#include "eval/store/internal.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/measure.h"
#include "graftkit/graft/scheme.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- cells */

typedef struct template_row {
    bool full;      /* has every field that some template has */
    size_t dropped; /* prompts that no scheme is evaluated on */
} template_row;

typedef struct scheme_row {
    int64_t id, source;
    const char *set, *name;
    const gk_axis *axis;
    size_t n_axes;
    bool *applies;        /* by template */
    size_t *dropped;      /* by template: dropped for this scheme only */
    bool *left_out;       /* by template: its pools do not have it */
    const char **same_as; /* by template: who selects the same, a line each, or "" */
    const char *twin;     /* its placebo, and where the results of that are; NULL: none */
    int64_t twin_source;
} scheme_row;

/* What a scheme was found to do in its templates, one after the other. */
typedef struct seen {
    gk_obs *obs, *permuted;
    size_t *n, *n_permuted; /* by template */
} seen;

typedef struct reader {
    gk_store *s;
    gk_arena *a;
    gk_error *err;
    template_row *tmpl;
    size_t n_templates;
    scheme_row *scheme;
    scheme_row **by_id;
    size_t n_schemes;
    size_t n_full;
    gk_cells *out;
    gk_obs_list *lists; /* by cell: its results, its placebo's, with permuted targets */
} reader;

static bool count_rows(reader *r, const char *sql, size_t *n) {
    sqlite3_stmt *q = gk_sql_prepare(r->s, sql, r->err);
    bool ok = q && gk_sql_next(r->s, q, r->err) == 1;
    *n = ok ? (size_t)sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return ok;
}

/* Runs a statement, releases it; fn sees each row. */
static bool each_of(reader *r, sqlite3_stmt *q, void (*fn)(reader *r, sqlite3_stmt *q)) {
    int got = q ? 1 : -1;
    while (got == 1 && (got = gk_sql_next(r->s, q, r->err)) == 1) fn(r, q);
    sqlite3_finalize(q);
    return got == 0;
}

static bool each_row(reader *r, const char *sql, void (*fn)(reader *r, sqlite3_stmt *q)) {
    return each_of(r, gk_sql_prepare(r->s, sql, r->err), fn);
}

/* Template ids count from 1; a store that says otherwise was tampered with, and its row is passed over. */
static template_row *template_at(reader *r, int64_t id) {
    return id >= 1 && (size_t)id <= r->n_templates ? &r->tmpl[id - 1] : NULL;
}

static void take_template(reader *r, sqlite3_stmt *q) {
    template_row *t = template_at(r, sqlite3_column_int64(q, 0));
    if (!t) return;
    t->full = sqlite3_column_int(q, 1) != 0;
    t->dropped = (size_t)sqlite3_column_int64(q, 2);
    r->n_full += t->full;
}

static void take_scheme(reader *r, sqlite3_stmt *q) {
    scheme_row *s = &r->scheme[r->n_schemes++];
    s->id = sqlite3_column_int64(q, 0);
    s->source = sqlite3_column_int64(q, 1);
    s->set = gk_arena_strdup(r->a, gk_sql_text(q, 2));
    s->name = gk_arena_strdup(r->a, gk_sql_text(q, 3));
    s->applies = gk_arena_alloc(r->a, r->n_templates * sizeof *s->applies);
    s->dropped = gk_arena_alloc(r->a, r->n_templates * sizeof *s->dropped);
    s->left_out = gk_arena_alloc(r->a, r->n_templates * sizeof *s->left_out);
    s->same_as = gk_arena_alloc(r->a, r->n_templates * sizeof *s->same_as);
    for (size_t t = 0; t < r->n_templates; t++) s->same_as[t] = "";
}

static int by_id(const void *a, const void *b) {
    const scheme_row *x = *(scheme_row *const *)a, *y = *(scheme_row *const *)b;
    return (x->id > y->id) - (x->id < y->id);
}

static void index_schemes(reader *r) {
    r->by_id = gk_arena_alloc(r->a, (r->n_schemes + 1) * sizeof *r->by_id);
    for (size_t i = 0; i < r->n_schemes; i++) r->by_id[i] = &r->scheme[i];
    qsort(r->by_id, r->n_schemes, sizeof(scheme_row *), by_id);
}

static scheme_row *scheme_of(reader *r, int64_t id) {
    const scheme_row key = {.id = id}, *at = &key;
    scheme_row **found = bsearch(&at, r->by_id, r->n_schemes, sizeof(scheme_row *), by_id);
    return found ? *found : NULL;
}

static void take_twin(reader *r, sqlite3_stmt *q) {
    scheme_row *s = scheme_of(r, sqlite3_column_int64(q, 0));
    if (!s) return;
    s->twin = gk_arena_strdup(r->a, gk_sql_text(q, 1));
    s->twin_source = sqlite3_column_int64(q, 2);
}

static void take_coincidence(reader *r, sqlite3_stmt *q) {
    scheme_row *s = scheme_of(r, sqlite3_column_int64(q, 0));
    int64_t t = sqlite3_column_int64(q, 1);
    if (!s || !template_at(r, t)) return;
    s->left_out[t - 1] |= sqlite3_column_int(q, 3) != 0;
    const char *before = s->same_as[t - 1];
    s->same_as[t - 1] = gk_arena_printf(r->a, "%s%s%s", before, *before ? "\n" : "", gk_sql_text(q, 2));
}

static void take_applies(reader *r, sqlite3_stmt *q) {
    scheme_row *s = scheme_of(r, sqlite3_column_int64(q, 0));
    int64_t t = sqlite3_column_int64(q, 1);
    if (s && template_at(r, t)) s->applies[t - 1] = true;
}

/* The rows of a scheme come one after the other. */
static void take_axis(reader *r, sqlite3_stmt *q) {
    scheme_row *s = scheme_of(r, sqlite3_column_int64(q, 0));
    if (!s) return;
    gk_axis *axis = gk_arena_alloc(r->a, (s->n_axes + 1) * sizeof *axis);
    if (s->n_axes) memcpy(axis, s->axis, s->n_axes * sizeof *axis);
    axis[s->n_axes++] =
        (gk_axis){gk_arena_strdup(r->a, gk_sql_text(q, 1)), gk_arena_strdup(r->a, gk_sql_text(q, 2))};
    s->axis = axis;
}

/* A store that was made before there were grids has no such table. */
static bool read_axes(reader *r) {
    bool there;
    return gk_sql_has(r->s, "axis", &there, r->err) &&
           (!there || each_row(r, "SELECT scheme, name, value FROM axis ORDER BY scheme, ord", take_axis));
}

static bool read_tables(reader *r) {
    size_t n;
    if (!count_rows(r, "SELECT count(*) FROM template", &r->n_templates)) return false;
    if (!count_rows(r, "SELECT count(*) FROM scheme", &n)) return false;
    r->tmpl = gk_arena_alloc(r->a, (r->n_templates + 1) * sizeof *r->tmpl);
    r->scheme = gk_arena_alloc(r->a, (n + 1) * sizeof *r->scheme);
    sqlite3_stmt *q = gk_sql_query(r->s, "templates", r->err);
    bool ok = each_of(r, q, take_template) &&
              each_row(r, "SELECT id, source, \"set\", name FROM listed ORDER BY ord, id", take_scheme);
    index_schemes(r);
    return ok && each_row(r, "SELECT scheme, template FROM applies", take_applies) && read_axes(r) &&
           each_of(r, gk_sql_query(r->s, "twins", r->err), take_twin) &&
           each_of(r, gk_sql_query(r->s, "coincidences", r->err), take_coincidence);
}

static gk_obs obs_of(sqlite3_stmt *q, uint32_t row) {
    return (gk_obs){.row = row,
                    .weight = 1,
                    .rank = sqlite3_column_double(q, 2),
                    .prob = sqlite3_column_double(q, 8),
                    .logprob = sqlite3_column_double(q, 3),
                    .logit_diff = sqlite3_column_double(q, 4),
                    .whole = sqlite3_column_type(q, 6) != SQLITE_NULL,
                    .whole_logprob = sqlite3_column_double(q, 6),
                    .exact = sqlite3_column_int(q, 7) != 0};
}

static gk_obs permuted_of(sqlite3_stmt *q, uint32_t row) {
    return (gk_obs){.row = row,
                    .weight = 1,
                    .rank = sqlite3_column_double(q, 9),
                    .prob = exp(sqlite3_column_double(q, 10)),
                    .logprob = sqlite3_column_double(q, 10),
                    .logit_diff = sqlite3_column_double(q, 11)};
}

/* What stands under one source; `dropped` by template, may be NULL. */
static bool read_obs(reader *r, int64_t source, size_t *dropped, size_t room, seen *out) {
    sqlite3_stmt *q = gk_sql_query(r->s, "observations", r->err);
    if (!q) return false;
    size_t at = 0, at_permuted = 0;
    out->obs = gk_arena_alloc(r->a, (room + 1) * sizeof *out->obs);
    out->permuted = gk_arena_alloc(r->a, (room + 1) * sizeof *out->permuted);
    out->n = gk_arena_alloc(r->a, (r->n_templates + 1) * sizeof *out->n);
    out->n_permuted = gk_arena_alloc(r->a, (r->n_templates + 1) * sizeof *out->n_permuted);
    int got = gk_sql_bind(r->s, q, r->err, "i", source) ? 1 : -1;
    while (got == 1 && (got = gk_sql_next(r->s, q, r->err)) == 1) {
        int64_t t = sqlite3_column_int64(q, 0);
        int64_t row = sqlite3_column_int64(q, 1);
        if (!template_at(r, t) || row < 0 || (size_t)row >= room || at == room) {
            gk_fail(r->err, GK_AT_FILE(r->s->path), "begin a new one", "the results store is damaged");
            got = -1;
            continue;
        }
        if (sqlite3_column_int(q, 5)) {
            if (dropped) dropped[t - 1]++;
            continue;
        }
        out->obs[at++] = obs_of(q, (uint32_t)row);
        out->n[t - 1]++;
        if (sqlite3_column_type(q, 9) == SQLITE_NULL) continue;
        out->permuted[at_permuted++] = permuted_of(q, (uint32_t)row);
        out->n_permuted[t - 1]++;
    }
    sqlite3_finalize(q);
    return got == 0;
}

static size_t dropped_of(const reader *r, const scheme_row *s, size_t t) {
    return r->tmpl[t].dropped + s->dropped[t];
}

/* Of what was seen, that of the templates that are `in`. */
static gk_obs_list take_in(reader *r, const gk_obs *obs, const size_t *n, const bool *in) {
    size_t count = 0, room = 0, from = 0;
    for (size_t t = 0; n && t < r->n_templates; t++) room += in[t] ? n[t] : 0;
    gk_obs *pool = gk_arena_alloc(r->a, (room + 1) * sizeof *pool);
    for (size_t t = 0; n && t < r->n_templates; from += n[t], t++) {
        if (!in[t] || n[t] == 0) continue;
        memcpy(pool + count, obs + from, n[t] * sizeof *pool);
        count += n[t];
    }
    return (gk_obs_list){pool, count};
}

/* A cell of the templates that are `in`. */
static gk_cell *add_cell(reader *r, const scheme_row *s, const char *name, const seen *own,
                         const seen *placebo, const bool *in) {
    gk_obs_list *list = &r->lists[3 * r->out->n];
    gk_cell *c = &r->out->item[r->out->n++];
    *c = (gk_cell){.set = s->set,
                   .scheme = s->name,
                   .template_name = name,
                   .axis = s->axis,
                   .n_axes = s->n_axes,
                   .twin = s->twin,
                   .same_as = "",
                   .left_out = ""};
    for (size_t t = 0; t < r->n_templates; t++) {
        if (!in[t]) continue;
        c->applies = true;
        c->dropped += dropped_of(r, s, t);
    }
    list[0] = take_in(r, own->obs, own->n, in);
    list[1] = take_in(r, placebo->obs, placebo->n, in);
    list[2] = take_in(r, own->permuted, own->n_permuted, in);
    return c;
}

typedef enum pool { ALL, FULL, LACKING } pool;

/* The templates that count, among those to which the scheme applies. */
static void add_pool(reader *r, const scheme_row *s, pool which, const seen *own, const seen *placebo) {
    static const char *const name[] = {[ALL] = "pooled", [FULL] = "full", [LACKING] = "lacking"};
    bool *in = gk_arena_alloc(r->a, (r->n_templates + 1) * sizeof *in);
    const char *left_out = "";
    bool applies = false;
    for (size_t t = 0; t < r->n_templates; t++) {
        bool counts = s->applies[t] && (which == ALL || r->tmpl[t].full == (which == FULL));
        applies |= counts;
        in[t] = counts && !s->left_out[t];
        if (counts && s->left_out[t])
            left_out = gk_arena_printf(r->a, "%s%s%zu", left_out, *left_out ? " " : "", t + 1);
    }
    gk_cell *c = add_cell(r, s, name[which], own, placebo, in);
    c->left_out = left_out;
    c->applies = applies;
}

static bool add_scheme_cells(reader *r, scheme_row *s, size_t n_prompts) {
    seen own, placebo = {0};
    bool *in = gk_arena_alloc(r->a, (r->n_templates + 1) * sizeof *in);
    if (!read_obs(r, s->source, s->dropped, n_prompts, &own) ||
        (s->twin && !read_obs(r, s->twin_source, NULL, n_prompts, &placebo)))
        return false;
    for (size_t t = 0; t < r->n_templates; t++) {
        in[t] = s->applies[t];
        add_cell(r, s, gk_arena_printf(r->a, "%zu", t + 1), &own, &placebo, in)->same_as = s->same_as[t];
        in[t] = false;
    }
    add_pool(r, s, ALL, &own, &placebo);
    if (r->n_full == 0 || r->n_full == r->n_templates) return true;
    add_pool(r, s, FULL, &own, &placebo);
    add_pool(r, s, LACKING, &own, &placebo);
    return true;
}

bool gk_store_cells(gk_store *s, gk_arena *a, gk_cells *out, gk_error *err) {
    *out = (gk_cells){0};
    reader r = {.s = s, .a = a, .err = err, .out = out};
    size_t n_prompts;
    if (!read_tables(&r) || !count_rows(&r, "SELECT count(*) FROM prompt", &n_prompts)) return false;
    const char *seed = gk_store_get(s, a, "seed", err);
    if (!seed) return false;
    size_t room = r.n_schemes * (r.n_templates + 3) + 1;
    out->item = gk_arena_alloc(a, room * sizeof *out->item);
    r.lists = gk_arena_alloc(a, 3 * room * sizeof *r.lists);
    for (size_t i = 0; i < r.n_schemes; i++)
        if (!add_scheme_cells(&r, &r.scheme[i], n_prompts)) return false;
    gk_stats *stats = gk_arena_alloc(a, 3 * room * sizeof *stats);
    gk_stats_compute_all(r.lists, 3 * out->n, strtoull(seed, NULL, 10), GK_RESAMPLES, stats);
    for (size_t i = 0; i < out->n; i++) {
        out->item[i].stats = stats[3 * i];
        out->item[i].placebo = stats[3 * i + 1];
        out->item[i].permuted = stats[3 * i + 2];
    }
    return true;
}

/* ---------------------------------------------------------------- results */

static uint32_t le32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

typedef struct pieces {
    const char **piece; /* by token id; NULL where there is none */
    size_t n;
} pieces;

static bool read_pieces(gk_store *s, gk_arena *a, pieces *out, gk_error *err) {
    reader r = {.s = s, .err = err};
    if (!count_rows(&r, "SELECT count(*) FROM token", &out->n)) return false;
    out->piece = gk_arena_alloc(a, (out->n + 1) * sizeof *out->piece);
    sqlite3_stmt *q = gk_sql_prepare(s, "SELECT id, piece FROM token", err);
    if (!q) return false;
    int got;
    while ((got = gk_sql_next(s, q, err)) == 1) {
        int64_t id = sqlite3_column_int64(q, 0);
        if (id >= 0 && (size_t)id < out->n) out->piece[id] = gk_arena_strdup(a, gk_sql_text(q, 1));
    }
    sqlite3_finalize(q);
    return got == 0;
}

static void unpack_top(gk_result *r, const uint8_t *bytes, int size, const pieces *p) {
    r->n_top = bytes ? size / 8 : 0;
    if (r->n_top > GK_TOP) r->n_top = GK_TOP;
    for (int i = 0; i < r->n_top; i++) {
        uint32_t id = le32(bytes + 8 * i), bits = le32(bytes + 8 * i + 4);
        float prob;
        memcpy(&prob, &bits, sizeof prob);
        r->top_piece[i] = id < p->n && p->piece[id] ? p->piece[id] : "(no such token)";
        r->top_prob[i] = (double)prob;
        r->top_id[i] = (int32_t)id;
    }
}

/* rank, logprob and logit_diff from a column on. */
static gk_floor floor_of(sqlite3_stmt *q, int column) {
    return (gk_floor){.there = sqlite3_column_type(q, column) != SQLITE_NULL,
                      .rank = sqlite3_column_int64(q, column),
                      .logprob = sqlite3_column_double(q, column + 1),
                      .logit_diff = sqlite3_column_double(q, column + 2)};
}

static void fill_result(sqlite3_stmt *q, const pieces *p, gk_result *r) {
    *r = (gk_result){.set = gk_sql_text(q, 0),
                     .scheme = gk_sql_text(q, 1),
                     .template_id = sqlite3_column_int64(q, 2),
                     .row_key = gk_sql_text(q, 3),
                     .text = gk_sql_text(q, 4),
                     .target = gk_sql_text(q, 5),
                     .target_id = sqlite3_column_int64(q, 6),
                     .n_tokens = sqlite3_column_int64(q, 7),
                     .dropped = (const char *)sqlite3_column_text(q, 8),
                     .prob = sqlite3_column_double(q, 9),
                     .logprob = sqlite3_column_double(q, 10),
                     .rank = sqlite3_column_int64(q, 11),
                     .logit_diff = sqlite3_column_double(q, 12),
                     .target_tokens = sqlite3_column_int64(q, 14),
                     .whole = sqlite3_column_type(q, 15) != SQLITE_NULL,
                     .whole_logprob = sqlite3_column_double(q, 15),
                     .exact = sqlite3_column_int(q, 16) != 0,
                     .whole_dropped = (const char *)sqlite3_column_text(q, 17),
                     .generated = (const char *)sqlite3_column_text(q, 18)};
    r->permuted = floor_of(q, 20);
    r->placebo = floor_of(q, 24);
    r->twin = (const char *)sqlite3_column_text(q, 23);
    r->permuted_id = r->permuted.there ? sqlite3_column_int64(q, 19) : -1;
    unpack_top(r, sqlite3_column_blob(q, 13), sqlite3_column_bytes(q, 13), p);
}

bool gk_store_each(gk_store *s, gk_result_fn *fn, void *ctx, gk_error *err) {
    gk_arena *a = gk_arena_new();
    pieces p;
    bool ok = read_pieces(s, a, &p, err);
    sqlite3_stmt *q = ok ? gk_sql_query(s, "results", err) : NULL;
    int got = q ? 1 : -1;
    while (got == 1 && (got = gk_sql_next(s, q, err)) == 1) {
        gk_result r;
        fill_result(q, &p, &r);
        if (!fn(ctx, &r, err)) got = -1;
    }
    sqlite3_finalize(q);
    gk_arena_free(a);
    return got == 0;
}
