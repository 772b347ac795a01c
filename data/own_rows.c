/* own_rows.c: rows of the user's own, in the format of metadata.jsonl. */
#include "data/internal.h"

bool gk__each_line(gk__making *m, gk__line_fn *fn, void *ctx, gk_error *err) {
    gk_jsonl *in = gk_jsonl_open(m->source, err);
    if (!in) return false;
    json_t *row;
    int got;
    for (size_t n = 0; (got = gk_jsonl_next(in, &row, err)) == 1; n++)
        fn(m, ctx, row, gk_arena_printf(m->a, "%s:%ld", m->source, gk_jsonl_place(in).line), n);
    gk_jsonl_close(in);
    return got == 0;
}

static void add_row(gk__making *m, void *ctx, json_t *row, const char *where, size_t n) {
    gk__pool_add(m, ctx, row, where, n);
}

static bool make(gk__making *m, gk_error *err) {
    static const char *const KEYS[] = {"first_actor", "second_actor", "movie_title", NULL};
    gk__pool pool = {0};
    bool ok = gk__each_line(m, add_row, &pool, err) && gk__pool_check(m, &pool, err) &&
              gk__deal(m, &pool, KEYS, err);
    gk__pool_free(&pool);
    return ok;
}

const gk__generator gk__own_rows = {
    .name = "own_rows",
    .swap = {"first_actor", "second_actor"},
    .rows = {-1, -1, -1},
    .source = "a file of rows, one JSON object a line (metadata.jsonl)",
    .make = make,
};
