/* own_rows.c: rows of the user's own, in the format of metadata.jsonl. */
#include "core/json.h"
#include "data/internal.h"

#include <string.h>

bool gk_data__each_line(gk_data__making *m, gk_data__line_fn *fn, void *ctx, gk_error *err) {
    gk_jsonl *in = gk_jsonl_open(m->source, err);
    if (!in) return false;
    json_t *row;
    int got;
    bool ok = true;
    for (size_t n = 0; ok && (got = gk_jsonl_next(in, &row, err)) != 0; n++)
        ok = got == 1 &&
             fn(m, ctx, row, gk_arena_printf(m->a, "%s:%ld", m->source, gk_jsonl_place(in).line), n, err);
    gk_jsonl_close(in);
    return ok;
}

static bool add_row(gk_data__making *m, void *ctx, json_t *row, const char *where, size_t n, gk_error *err) {
    return gk_data__pool_add(m, ctx, row, where, n, err);
}

static bool has_field(const gk_data__making *m, const gk_data__pool *p, const char *option, const char *field,
                      gk_error *err) {
    if (json_object_size(p->known) == 0 || json_object_get(p->known, field)) return true;
    gk_buf hint = {0};
    gk_buf_printf(&hint, "name it with %s (make: %s=): the fields are", option,
                  strcmp(option, "--entity") == 0 ? "ENTITY" : "TARGET");
    const char *key;
    json_t *v;
    json_object_foreach(p->known, key, v) gk_buf_printf(&hint, " %s", key);
    gk_fail(err, GK_AT_FIELD(m->source, field), hint.data, "no row has the %s", option + 2);
    gk_buf_free(&hint);
    return false;
}

static bool make(gk_data__making *m, gk_error *err) {
    const char *const keys[] = {m->swap.a, m->swap.b, "movie_title", NULL};
    gk_data__pool pool = {0};
    bool ok = gk_data__each_line(m, add_row, &pool, err) && has_field(m, &pool, "--entity", m->swap.a, err) &&
              has_field(m, &pool, "--target", m->swap.b, err) && gk_data__pool_check(m, &pool, err) &&
              gk_data__deal(m, &pool, keys, err);
    gk_data__pool_free(&pool);
    return ok;
}

const gk_data__generator gk_data__own_rows = {
    .name = "own_rows",
    .swap = {"first_actor", "second_actor", false},
    .names = true,
    .rows = {-1, -1, -1},
    .source = "a file of rows, one JSON object a line (metadata.jsonl)",
    .make = make,
};
