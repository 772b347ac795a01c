/* eval_fixture.h: a small world to sweep over: tokenizer, two or three random models, templates, rows,
 * schemes. One thread throughout, so that a forked child may compute. */
#ifndef TESTS_EVAL_FIXTURE_H
#define TESTS_EVAL_FIXTURE_H

#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/threads.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/eval/store.h"
#include "graftkit/eval/sweep.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "graftkit/tokenizer.h"
#include "tests/support/scratch.h"

#include <sqlite3.h>

static char fx_dir[64]; /* the world's folder */
static gk_arena *fx_arena;

static const char *fx_path(const char *name) {
    return gk_path_join(fx_arena, fx_dir, name);
}

static void fx_write(const char *name, const char *text) {
    ck_assert(gk_write_file(fx_path(name), text, strlen(text), NULL));
}

static inline char *fx_read(const char *name, size_t *len) {
    char *text = gk_read_file(fx_arena, fx_path(name), 1 << 28, len, NULL);
    ck_assert_ptr_nonnull(text);
    return text;
}

#define FX_ROWS 30
static const char *const FX_FIRST[] = {"Ada",   "Bo",  "Cleo", "Dina", "Egon",
                                       "Fritz", "Gus", "Hal",  "Iris", "Jude"};
static const char *const FX_LAST[] = {"Kane", "Lund",  "Moss", "Nash",  "Orr",
                                      "Pike", "Quill", "Rhys", "Stone", "Tate"};

/* Row i's actors differ in their first names. */
static void fx_row(gk_buf *b, int i) {
    const char *a = FX_FIRST[i % 10], *c = FX_FIRST[(i + 1 + i / 10) % 10];
    gk_buf_printf(
        b, "{\"id\": %d, \"first_actor\": \"%s %s\", \"second_actor\": \"%s %s\", \"movie_title\": ", i, a,
        FX_LAST[(i / 10) % 10], c, FX_LAST[(i * 3 + 1) % 10]);
    gk_buf_puts(b, i == 7  ? "\"The \\\"Last\\\", One\"}\n"
                   : i % 2 ? "\"Blue River\"}\n"
                           : "\"Cold Stone\"}\n");
}

static void fx_rows(const char *name, int n) {
    gk_buf b = {0};
    for (int i = 0; i < n; i++) fx_row(&b, i);
    fx_write(name, b.data);
    gk_buf_free(&b);
}

static void fx_tokenizer(const char *name) {
    const char *sentence[400];
    size_t n = 0;
    for (int i = 0; i < 10; i++)
        for (int k = 0; k < 10; k++) {
            sentence[n++] = gk_arena_printf(fx_arena, "%s %s", FX_FIRST[i], FX_LAST[k]);
            sentence[n++] = gk_arena_printf(fx_arena, "%s %s stars in Blue River alongside an actor",
                                            FX_FIRST[k], FX_LAST[i]);
        }
    ck_assert(gk_mkdirs(fx_path(name), NULL));
    ck_assert(gk_tok_train(sentence, n, 360, fx_path(name), NULL));
}

/* Random weights of a small model for the tokenizer's ids. */
static gk_model *fx_random(const char *family, uint64_t seed, const char *tokenizer) {
    gk_tok *t = gk_tok_load(fx_path(tokenizer), NULL);
    ck_assert_ptr_nonnull(t);
    gk_config c;
    gk_config_default(gk_family_find(family), gk_tok_size(t), &c);
    gk_tok_free(t);
    c.d_model = 16;
    c.n_layers = 2;
    c.n_heads = c.n_kv_heads = 2;
    c.head_dim = 8;
    c.d_ffn = 24;
    c.max_positions = 64;
    gk_model *m = gk_model_new(&c, seed, NULL);
    ck_assert_ptr_nonnull(m);
    return m;
}

/* The folder `name` with the model, which is freed, and its tokenizer. */
static void fx_save(gk_model *m, const char *name, const char *tokenizer) {
    gk_tok *t = gk_tok_load(fx_path(tokenizer), NULL);
    ck_assert(gk_model_save(m, fx_path(name), NULL));
    ck_assert(gk_tok_save(t, fx_path(name), NULL));
    gk_tok_free(t);
    gk_model_free(m);
}

static void fx_model(const char *name, uint64_t seed, const char *tokenizer) {
    fx_save(fx_random("llama", seed, tokenizer), name, tokenizer);
}

static const char FX_SCHEMES[] = "set: small\n"
                                 "schemes:\n"
                                 "  - {name: PRE, about: nothing}\n"
                                 "  - {name: SFT, grafts: [{at: all, donor: sft}], head: sft}\n"
                                 "  - {name: FE, grafts: [{at: first_actor, donor: sft}]}\n"
                                 "  - {name: M+LT, grafts: [{at: [movie_title, last], donor: sft}]}\n"
                                 "  - {name: FE again, grafts: [{at: [first_actor], donor: sft}]}\n";
static const char FX_MORE[] = "set: more\n"
                              "schemes:\n"
                              "  - {name: LT, grafts: [{at: last, donor: sft}]}\n"
                              "  - {name: FE+LT, grafts: [{at: [first_actor, last], donor: sft}]}\n";
static const char FX_TEMPLATES[] = "{\"template\": \"{first_actor} {relation} in a movie alongside\"}\n"
                                   "{\"template\": \"{first_actor} {relation} in {movie_title} alongside\"}\n"
                                   "{\"template\": \"Who {relation} with {first_actor}? An actor\", "
                                   "\"fillers\": {\"relation\": \"works\"}}\n";

static void fx_start(void) {
    gk_threads_set(1);
    strcpy(fx_dir, "/tmp/gk-eval-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fx_dir));
    fx_arena = gk_arena_new();
    fx_tokenizer("tok");
    fx_model("pre", 1, "tok");
    fx_model("sft", 2, "tok");
    fx_rows("rows.jsonl", FX_ROWS);
    fx_write("eval.jsonl", FX_TEMPLATES);
    fx_write("fillers.json", "{\"relation\": \"stars\"}");
    fx_write("small.yaml", FX_SCHEMES);
    fx_write("more.yaml", FX_MORE);
}

static void fx_stop(void) {
    ck_assert_int_eq(nftw(fx_dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    gk_arena_free(fx_arena);
}

/* Options for a sweep of the given scheme files (a NULL-terminated list) into `out`. */
static inline gk_sweep_options fx_options(const char *out, const char *scheme, const char *second) {
    const char **files = gk_arena_alloc(fx_arena, 2 * sizeof *files);
    const char **donors = gk_arena_alloc(fx_arena, sizeof *donors);
    files[0] = fx_path(scheme);
    files[1] = second ? fx_path(second) : NULL;
    donors[0] = gk_arena_printf(fx_arena, "sft=%s", fx_path("sft"));
    gk_sweep_options o = {.recipient = gk_arena_printf(fx_arena, "pre=%s", fx_path("pre")),
                          .donors = donors,
                          .n_donors = 1,
                          .schemes = files,
                          .n_schemes = second ? 2 : 1,
                          .out = fx_path(out),
                          .seed = 5,
                          .chunk = 8};
    o.prompts = (gk_prompt_options){.templates = fx_path("eval.jsonl"),
                                    .fillers = fx_path("fillers.json"),
                                    .rows = fx_path("rows.jsonl"),
                                    .entity = "first_actor",
                                    .maybe_entity = true,
                                    .target = "second_actor",
                                    .whole = true};
    return o;
}

/* Runs the sweep to its end; returns how many pairs it had to compute. */
static inline size_t fx_sweep(const gk_sweep_options *o) {
    gk_error err = {0};
    gk_sweep *s = gk_sweep_open(o, &err);
    ck_assert_msg(s != NULL, "%s (%s)", err.what, err.hint);
    size_t pending = gk_sweep_pending(s);
    ck_assert_msg(gk_sweep_run(s, NULL, &err), "%s", err.what);
    ck_assert_uint_eq(gk_sweep_pending(s), 0);
    gk_sweep_close(s);
    return pending;
}

/* Opening must fail with a message that holds `words`. */
static inline gk_error fx_refused(const gk_sweep_options *o, const char *words) {
    gk_error err = {0};
    gk_sweep *s = gk_sweep_open(o, &err);
    ck_assert_msg(s == NULL, "accepted; expected: %s", words);
    ck_assert_msg(strstr(err.what, words) != NULL, "'%s' lacks '%s'", err.what, words);
    return err;
}

/* The single value of a query on a store. */
static inline double fx_sql(const char *db, const char *sql) {
    sqlite3 *d;
    sqlite3_stmt *q;
    ck_assert_int_eq(sqlite3_open_v2(fx_path(db), &d, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(d, sql, -1, &q, NULL) == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(d));
    ck_assert_msg(sqlite3_step(q) == SQLITE_ROW, "%s", sql);
    double x = sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(d);
    return x;
}

/* Everything that the results depend on, and nothing of when they were made. */
static inline const char *contents(const char *db) {
    const char *name = gk_arena_printf(fx_arena, "%s.csv", db);
    gk_error err = {0};
    gk_store *s = gk_store_open(fx_path(db), &err);
    ck_assert_msg(s != NULL, "%s", err.what);
    ck_assert(gk_export_results(s, fx_path(name), NULL));
    gk_store_close(s);
    return fx_read(name, NULL);
}

#endif
