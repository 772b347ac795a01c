/* prompts.c: what a store says of its prompts and tokens, and of what was generated. */
#include "eval/store/internal.h"
#include "eval/store/prompts.h"

bool gk_store_asked(gk_store *s, gk_asked *out, gk_error *err) {
    sqlite3_stmt *q = gk_sql_query(s, "asked", err);
    bool ok = q && gk_sql_next(s, q, err) == 1;
    if (ok)
        *out = (gk_asked){.prompts = sqlite3_column_int64(q, 0),
                          .dropped = sqlite3_column_int64(q, 1),
                          .rows = sqlite3_column_int64(q, 2),
                          .evaluated = sqlite3_column_int64(q, 3),
                          .rows_evaluated = sqlite3_column_int64(q, 4),
                          .first_tokens = sqlite3_column_int64(q, 5)};
    sqlite3_finalize(q);
    return ok;
}

int gk_store_asked_prompt(gk_store *s, gk_arena *a, int64_t template_id, int64_t i, int64_t n,
                          gk_asked_prompt *out, gk_error *err) {
    sqlite3_stmt *q = gk_sql_query(s, "sample", err);
    int got = q && gk_sql_bind(s, q, err, "iii", template_id, i, n) ? gk_sql_next(s, q, err) : -1;
    if (got == 1)
        *out = (gk_asked_prompt){.prompt = sqlite3_column_int64(q, 0),
                                 .template_id = template_id,
                                 .target_id = sqlite3_column_int64(q, 5),
                                 .n_tokens = sqlite3_column_int64(q, 6),
                                 .row_key = gk_arena_strdup(a, gk_sql_text(q, 1)),
                                 .text = gk_arena_strdup(a, gk_sql_text(q, 2)),
                                 .target = gk_arena_strdup(a, gk_sql_text(q, 3)),
                                 .piece = gk_arena_strdup(a, gk_sql_text(q, 4))};
    sqlite3_finalize(q);
    return got;
}

bool gk_store_asked_tokens(gk_store *s, gk_arena *a, gk_asked_token **out, size_t *n, gk_error *err) {
    gk_asked asked;
    if (!gk_store_asked(s, &asked, err)) return false;
    sqlite3_stmt *q =
        gk_sql_prepare(s, "SELECT id, target_id FROM prompt WHERE dropped IS NULL ORDER BY id", err);
    int got = q ? 1 : -1;
    *out = gk_arena_alloc(a, (size_t)asked.evaluated * sizeof **out);
    *n = 0;
    while (got == 1 && *n < (size_t)asked.evaluated && (got = gk_sql_next(s, q, err)) == 1)
        (*out)[(*n)++] = (gk_asked_token){sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1)};
    sqlite3_finalize(q);
    return got >= 0;
}

const char *gk_store_piece(gk_store *s, gk_arena *a, int64_t id, gk_error *err) {
    sqlite3_stmt *q = gk_sql_prepare(s, "SELECT piece FROM token WHERE id = ?", err);
    int got = q && gk_sql_bind(s, q, err, "i", id) ? gk_sql_next(s, q, err) : -1;
    const char *piece = got < 0 ? NULL : gk_arena_strdup(a, got ? gk_sql_text(q, 0) : "(no such token)");
    sqlite3_finalize(q);
    return piece;
}

bool gk_store_vocabulary(gk_store *s, bool *bytes, size_t *n_templates, gk_error *err) {
    sqlite3_stmt *q = gk_sql_query(s, "byte level", err);
    bool ok = q && gk_sql_next(s, q, err) == 1;
    *bytes = ok && sqlite3_column_int(q, 0) != 0;
    *n_templates = ok ? (size_t)sqlite3_column_int64(q, 1) : 0;
    sqlite3_finalize(q);
    return ok;
}

const char *gk_store_path(const gk_store *s) {
    return s->path;
}

bool gk_store_said_instead(gk_store *s, gk_arena *a, const char *set, const char *scheme, size_t most,
                           gk_said *out, size_t *n, gk_error *err) {
    sqlite3_stmt *q = gk_sql_query(s, "said instead", err);
    int got = q && gk_sql_bind(s, q, err, "ss", set, scheme) ? 1 : -1;
    *n = 0;
    while (*n < most && got == 1 && (got = gk_sql_next(s, q, err)) == 1)
        out[(*n)++] = (gk_said){gk_arena_strdup(a, gk_sql_text(q, 0)), sqlite3_column_int64(q, 1)};
    sqlite3_finalize(q);
    return got >= 0;
}
