/* outcomes.c: every scheme's result on every prompt, in memory. */
#include "eval/store/internal.h"
#include "eval/store/outcomes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct reading {
    gk_store *s;
    gk_arena *a;
    gk_outcomes *out;
    gk_outcome *room;
    size_t used, size;
} reading;

static bool count_all(reading *r, size_t *schemes, gk_error *err) {
    sqlite3_stmt *q = gk_sql_query(r->s, "how many outcomes", err);
    bool ok = q && gk_sql_next(r->s, q, err) == 1;
    r->size = ok ? (size_t)sqlite3_column_int64(q, 0) : 0;
    *schemes = ok ? (size_t)sqlite3_column_int64(q, 1) : 0;
    sqlite3_finalize(q);
    return ok;
}

/* The first pair of the packed list (see graftkit/eval/store.h). */
static void take_top(const uint8_t *bytes, int size, gk_outcome *o) {
    o->top_id = -1;
    o->top_prob = (double)NAN;
    if (!bytes || size < 8) return;
    uint32_t id =
        (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    uint32_t bits =
        (uint32_t)bytes[4] | (uint32_t)bytes[5] << 8 | (uint32_t)bytes[6] << 16 | (uint32_t)bytes[7] << 24;
    float prob;
    memcpy(&prob, &bits, sizeof prob);
    o->top_id = id <= INT32_MAX ? (int32_t)id : -1;
    o->top_prob = (double)prob;
}

static void take(reading *r, gk_tried *t, sqlite3_stmt *q) {
    gk_outcome *o = &r->room[r->used++];
    *o = (gk_outcome){.prompt = sqlite3_column_int64(q, 1),
                      .tmpl = (uint32_t)sqlite3_column_int64(q, 2),
                      .row = (uint32_t)sqlite3_column_int64(q, 3),
                      .rank = sqlite3_column_int64(q, 4),
                      .prob = sqlite3_column_double(q, 5),
                      .logprob = sqlite3_column_double(q, 6),
                      .logit_diff = sqlite3_column_double(q, 7)};
    take_top(sqlite3_column_blob(q, 8), sqlite3_column_bytes(q, 8), o);
    t->n++;
}

static bool read_schemes(reading *r, int64_t *id, gk_error *err) {
    sqlite3_stmt *q =
        gk_sql_prepare(r->s, "SELECT id, \"set\", name, canonical FROM listed ORDER BY ord, id", err);
    int got = q ? 1 : -1;
    while (got == 1 && (got = gk_sql_next(r->s, q, err)) == 1) {
        id[r->out->n] = sqlite3_column_int64(q, 0);
        gk_tried *t = &r->out->scheme[r->out->n++];
        t->set = gk_arena_strdup(r->a, gk_sql_text(q, 1));
        t->scheme = gk_arena_strdup(r->a, gk_sql_text(q, 2));
        t->canonical = gk_arena_strdup(r->a, gk_sql_text(q, 3));
    }
    sqlite3_finalize(q);
    return got == 0;
}

static bool read_results(reading *r, const int64_t *id, gk_error *err) {
    sqlite3_stmt *q = gk_sql_query(r->s, "outcomes", err);
    int got = q ? 1 : -1;
    size_t k = 0;
    while (got == 1 && (got = gk_sql_next(r->s, q, err)) == 1) {
        int64_t scheme = sqlite3_column_int64(q, 0), row = sqlite3_column_int64(q, 3);
        while (k < r->out->n && id[k] != scheme) k++;
        if (k == r->out->n || r->used == r->size || row < 0 || row > INT32_MAX) {
            gk_fail(err, GK_AT_FILE(r->s->path), "begin a new one", "the results store is damaged");
            got = -1;
            continue;
        }
        if (!r->out->scheme[k].item) r->out->scheme[k].item = r->room + r->used;
        take(r, &r->out->scheme[k], q);
    }
    sqlite3_finalize(q);
    return got == 0;
}

static bool read_same(reading *r, const int64_t *id, gk_error *err) {
    sqlite3_stmt *q = gk_sql_query(r->s, "same", err);
    int got = q ? 1 : -1;
    while (got == 1 && (got = gk_sql_next(r->s, q, err)) == 1) {
        int64_t scheme = sqlite3_column_int64(q, 0);
        size_t k = 0;
        while (k < r->out->n && id[k] != scheme) k++;
        if (k == r->out->n) continue;
        gk_tried *t = &r->out->scheme[k];
        gk_same *same = gk_arena_alloc(r->a, (t->n_same + 1) * sizeof *same);
        if (t->n_same) memcpy(same, t->same, t->n_same * sizeof *same);
        same[t->n_same++] =
            (gk_same){gk_arena_strdup(r->a, gk_sql_text(q, 1)), (uint32_t)sqlite3_column_int64(q, 2)};
        t->same = same;
    }
    sqlite3_finalize(q);
    return got == 0;
}

static bool read_entity(reading *r, gk_error *err) {
    sqlite3_stmt *q = gk_sql_query(r->s, "entity", err);
    int got = q ? gk_sql_next(r->s, q, err) : -1;
    if (got == 1) r->out->entity = gk_arena_strdup(r->a, gk_sql_text(q, 0));
    sqlite3_finalize(q);
    return got >= 0;
}

bool gk_outcomes_read(gk_store *s, gk_arena *a, gk_outcomes *out, gk_error *err) {
    *out = (gk_outcomes){0};
    reading r = {.s = s, .a = a, .out = out};
    size_t n;
    if (!count_all(&r, &n, err)) return false;
    r.room = gk_arena_alloc(a, (r.size + 1) * sizeof *r.room);
    out->scheme = gk_arena_alloc(a, (n + 1) * sizeof *out->scheme);
    int64_t *id = gk_arena_alloc(a, (n + 1) * sizeof *id);
    return read_entity(&r, err) && read_schemes(&r, id, err) && read_results(&r, id, err) &&
           read_same(&r, id, err);
}

const gk_tried *gk_outcomes_of(const gk_outcomes *o, const char *scheme) {
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->scheme[i].scheme, scheme) == 0) return &o->scheme[i];
    return NULL;
}

bool gk_coincide(const gk_tried *x, const gk_tried *y, uint32_t tmpl) {
    for (size_t i = 0; i < x->n_same; i++)
        if (x->same[i].tmpl == tmpl && strcmp(x->same[i].other, y->scheme) == 0) return true;
    return false;
}

double gk_within(const gk_tried *t, int k) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) n += t->item[i].rank < k;
    return t->n ? (double)n / (double)t->n : 0;
}

void gk_pool_stats(const gk_tried *const *t, size_t n, uint64_t seed, gk_stats *out) {
    size_t room = 1, k = 0;
    for (size_t i = 0; i < n; i++) room += t[i] ? t[i]->n : 0;
    gk_obs *obs = gk_alloc(room * sizeof *obs);
    for (size_t i = 0; i < n; i++)
        for (const gk_outcome *o = t[i] ? t[i]->item : NULL; o && o < t[i]->item + t[i]->n; o++)
            obs[k++] = (gk_obs){.row = o->row,
                                .weight = 1,
                                .rank = (double)o->rank,
                                .prob = o->prob,
                                .logprob = o->logprob,
                                .logit_diff = o->logit_diff};
    gk_stats_compute(obs, k, seed, GK_RESAMPLES, out);
    gk_free(obs);
}

bool gk_store_seed(gk_store *s, uint64_t *out, gk_error *err) {
    gk_arena *a = gk_arena_new();
    const char *seed = gk_store_get(s, a, "seed", err);
    if (seed) *out = strtoull(seed, NULL, 10);
    gk_arena_free(a);
    return seed != NULL;
}
