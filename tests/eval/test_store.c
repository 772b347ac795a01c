/* test_store.c: what a results store says, against SQL and against the exports. */
/* modules: report eval graft train model tokenizer core */
#include "core/json.h"
#include "eval/store/write.h"
#include "graftkit/core/random.h"
#include "graftkit/eval/measure.h"
#include "tests/support/eval_fixture.h"

#include <math.h>
#include <sys/stat.h>

/* ---------------------------------------------------------------- files that are no stores */

static gk_error open_fails(const char *name, const char *words) {
    gk_error err = {0};
    gk_store *s = gk_store_open(fx_path(name), &err);
    ck_assert_msg(s == NULL, "%s was opened", name);
    ck_assert_msg(strstr(err.what, words) != NULL, "'%s' lacks '%s'", err.what, words);
    ck_assert_str_eq(err.file, fx_path(name));
    return err;
}

static void sql_file(const char *name, const char *sql) {
    sqlite3 *d;
    ck_assert_int_eq(sqlite3_open(fx_path(name), &d), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(d, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(d);
}

START_TEST(other_files_are_refused_and_left_alone) {
    open_fails("absent.db", "no such results store");
    fx_write("text.db", "not a database, but somebody's notes\n");
    open_fails("text.db", "not a database");
    fx_write("empty.db", "");
    open_fails("empty.db", "empty");
    sql_file("other.db", "CREATE TABLE mine(x); INSERT INTO mine VALUES(1);");
    open_fails("other.db", "some other program");
    sql_file("later.db",
             "PRAGMA application_id = 0x67726b74; PRAGMA user_version = 99; CREATE TABLE run(x);");
    open_fails("later.db", "schema version 99");

    /* Nor does a sweep write into them. */
    gk_sweep_options o = fx_options("text.db", "small.yaml", NULL);
    fx_refused(&o, "not a database");
    o.out = fx_path("other.db");
    fx_refused(&o, "some other program");
    ck_assert_str_eq(fx_read("text.db", NULL), "not a database, but somebody's notes\n");
    ck_assert_double_eq(fx_sql("other.db", "SELECT count(*) FROM sqlite_master"), 1);
}
END_TEST

START_TEST(an_unwritable_path_is_one_clear_error) {
    gk_sweep_options o = fx_options("no/such/folder/r.db", "small.yaml", NULL);
    gk_error err = fx_refused(&o, "unable to open");
    ck_assert_str_eq(err.file, o.out);
    o.out = fx_path("pre"); /* a folder */
    fx_refused(&o, "unable to open");
    o.out = NULL;
    fx_refused(&o, "no output file");
}
END_TEST

/* ---------------------------------------------------------------- cells */

static const gk_cell *find_cell(const gk_cells *c, const char *scheme, const char *tmpl) {
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->item[i].scheme, scheme) == 0 && strcmp(c->item[i].template_name, tmpl) == 0)
            return &c->item[i];
    ck_abort_msg("no cell %s / %s", scheme, tmpl);
    return NULL;
}

START_TEST(cells_pool_the_templates_that_apply) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    gk_cells c;
    ck_assert(gk_store_cells(s, fx_arena, &c, NULL));
    ck_assert_uint_eq(c.n, 5 * (3 + 3)); /* schemes x (templates, pooled, full, lacking) */
    size_t n[3];
    const char *const name[] = {"1", "2", "3"};
    for (int t = 0; t < 3; t++) n[t] = find_cell(&c, "PRE", name[t])->stats.n;
    ck_assert_uint_eq(
        n[1], FX_ROWS - (size_t)fx_sql(
                            "r.db", "SELECT count(*) FROM prompt WHERE template = 2 AND dropped NOT NULL"));
    ck_assert_uint_eq(find_cell(&c, "PRE", "pooled")->stats.n, n[0] + n[1] + n[2]);
    ck_assert_uint_eq(find_cell(&c, "PRE", "full")->stats.n, n[1]);
    ck_assert_uint_eq(find_cell(&c, "PRE", "lacking")->stats.n, n[0] + n[2]);
    ck_assert(!find_cell(&c, "M+LT", "lacking")->applies);
    const gk_cell *absent = find_cell(&c, "M+LT", "1");
    ck_assert(!absent->applies);
    ck_assert_uint_eq(absent->stats.n, 0);
    ck_assert_uint_eq(find_cell(&c, "M+LT", "pooled")->stats.n, n[1]);
    ck_assert_uint_eq(find_cell(&c, "M+LT", "full")->stats.n, n[1]);
    /* Two names for one thing are computed once and shown twice. */
    const gk_cell *a = find_cell(&c, "FE", "pooled"), *b = find_cell(&c, "FE again", "pooled");
    ck_assert_mem_eq(&a->stats, &b->stats, sizeof a->stats);
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(DISTINCT scheme) FROM result"), 4);
    gk_store_close(s);
}
END_TEST

/* As a graftkit wrote it that knew no titles of sets, but templates with a film's. */
START_TEST(an_older_store_is_read_and_added_to) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    gk_cells before, after;
    ck_assert(gk_store_cells(s, fx_arena, &before, NULL));
    gk_store_close(s);
    sql_file("r.db", "ALTER TABLE template ADD COLUMN titled INTEGER NOT NULL DEFAULT 0;"
                     "ALTER TABLE scheme_set DROP COLUMN title; PRAGMA user_version = 2");
    for (int again = 0; again < 2; again++) {
        gk_error err;
        s = gk_store_open(fx_path("r.db"), &err);
        ck_assert_ptr_nonnull(s);
        ck_assert(gk_store_cells(s, fx_arena, &after, &err));
        json_t *manifest = gk_store_manifest(s, &err), *sets = json_object_get(manifest, "sets");
        ck_assert_uint_gt(json_array_size(sets), 0);
        ck_assert(json_is_string(json_object_get(json_array_get(sets, 0), "title")) == (again == 1));
        json_decref(manifest);
        gk_store_close(s);
        ck_assert_uint_eq(after.n, before.n);
        for (size_t i = 0; i < after.n; i++)
            ck_assert_mem_eq(&after.item[i].stats, &before.item[i].stats, sizeof after.item[i].stats);
        ck_assert_uint_eq(fx_sweep(&o), 0); /* which completes its tables */
    }
}
END_TEST

/* ---------------------------------------------------------------- exports */

static double query(const char *fmt, const char *scheme, const char *where) {
    return fx_sql(
        "r.db", gk_arena_printf(fx_arena,
                                "SELECT %s FROM result r JOIN prompt p ON p.id = r.prompt JOIN template t ON"
                                " t.id = p.template JOIN scheme s ON s.source = r.scheme"
                                " WHERE r.dropped IS NULL AND s.name = '%s' AND %s",
                                fmt, scheme, where));
}

static double number(const json_t *cell, const char *key) {
    const json_t *v = json_object_get(cell, key);
    ck_assert_msg(json_is_number(v), "no number '%s'", key);
    return json_number_value(v);
}

/* An average over those that have a whole target: none in the cell is null. */
static void check_whole(const json_t *cell, const char *scheme, const char *where) {
    ck_assert_double_eq(number(cell, "n_whole"), query("count(whole_logprob)", scheme, where));
    ck_assert_double_gt(number(cell, "n_whole"), 0);
    ck_assert_double_eq_tol(number(cell, "exact"), query("avg(exact)", scheme, where), 1e-12);
    ck_assert_double_eq_tol(number(cell, "whole_logprob"), query("avg(whole_logprob)", scheme, where), 1e-9);
}

static void check_summary_cell(const json_t *cell) {
    const char *scheme = json_string_value(json_object_get(cell, "scheme"));
    const char *tmpl = json_string_value(json_object_get(cell, "template"));
    const char *where = strcmp(tmpl, "pooled") == 0    ? "1"
                        : strcmp(tmpl, "full") == 0    ? "t.fields LIKE '%movie_title%'"
                        : strcmp(tmpl, "lacking") == 0 ? "t.fields NOT LIKE '%movie_title%'"
                                                       : gk_arena_printf(fx_arena, "p.template = %s", tmpl);
    ck_assert_double_eq(number(cell, "rows"), query("count(DISTINCT p.row)", scheme, where));
    ck_assert_double_eq(number(cell, "n"), query("count(*)", scheme, where));
    ck_assert_double_gt(number(cell, "n"), 0);
    ck_assert_double_eq_tol(number(cell, "top1"), query("avg(rank < 1)", scheme, where), 1e-12);
    ck_assert_double_eq_tol(number(cell, "top5"), query("avg(rank < 5)", scheme, where), 1e-12);
    ck_assert_double_eq_tol(number(cell, "top10"), query("avg(rank < 10)", scheme, where), 1e-12);
    ck_assert_double_eq_tol(number(cell, "top50"), query("avg(rank < 50)", scheme, where), 1e-12);
    ck_assert_double_eq_tol(number(cell, "top100"), query("avg(rank < 100)", scheme, where), 1e-12);
    ck_assert_double_eq_tol(number(cell, "mean_rank"), query("avg(rank)", scheme, where), 1e-9);
    ck_assert_double_eq_tol(number(cell, "mean_prob"), query("avg(r.prob)", scheme, where), 1e-9);
    ck_assert_double_eq_tol(number(cell, "mean_logprob"), query("avg(logprob)", scheme, where), 1e-9);
    ck_assert_double_eq_tol(number(cell, "logit_diff"), query("avg(r.logit_diff)", scheme, where), 1e-9);
    check_whole(cell, scheme, where);
    for (int m = 0; m < GK_N_METRICS; m++) {
        const char *key = gk_metric_key((gk_metric)m);
        const json_t *ci = json_object_get(cell, gk_arena_printf(fx_arena, "%s_ci", key));
        ck_assert_uint_eq(json_array_size(ci), 2);
        ck_assert_double_le(json_number_value(json_array_get(ci, 0)), number(cell, key));
        ck_assert_double_ge(json_number_value(json_array_get(ci, 1)), number(cell, key));
    }
}

START_TEST(the_summary_agrees_with_sql) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    ck_assert(gk_export_summary(s, fx_path("summary.json"), NULL));
    gk_store_close(s);
    json_t *all = gk_json_load(fx_path("summary.json"), NULL), *cells = json_object_get(all, "cells");
    ck_assert_uint_eq(json_array_size(cells), 4 * 6 + 3); /* M+LT: template 2, pooled, full */
    ck_assert_uint_eq(json_array_size(json_object_get(all, "not_applicable")), 3);
    size_t i;
    json_t *cell;
    json_array_foreach(cells, i, cell) check_summary_cell(cell);

    json_t *m = json_object_get(all, "manifest");
    static const char *const keys[] = {
        "tokenizer_sha256", "templates_sha256", "fillers_sha256", "rows_sha256", "prompts_sha256", "seed",
        "threads",          "kernels",          "version",        "started",     "ended",          "seconds",
        "rows_naive",       "rows_unique",      "flops",          "models",      "templates",      "schemes",
        "dropped",          "sentencepiece",    "onednn",         "blis"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        ck_assert_msg(json_object_get(m, keys[k]) != NULL, "the manifest lacks %s", keys[k]);
    ck_assert_double_eq(number(m, "complete"), 1);
    ck_assert_double_eq(number(m, "seed"), 5);
    ck_assert_double_gt(number(m, "rows_naive"), number(m, "rows_unique"));
    char hex[GK_SHA256_HEX];
    ck_assert(gk_sha256_file(fx_path("sft/model.safetensors"), hex, NULL));
    const json_t *sft = json_array_get(json_object_get(m, "models"), 1);
    ck_assert_str_eq(json_string_value(json_object_get(sft, "sha256")), hex);
    json_decref(all);
}
END_TEST

/* ---------------------------------------------------------------- CSV */

/* One field of RFC 4180, unquoted, in the arena; *s moves behind it and its separator, *last says whether the
 * record ended there. */
static char *csv_field(const char **s, bool *last) {
    gk_buf b = {0};
    const char *p = *s;
    bool quoted = *p == '"';
    p += quoted;
    for (; *p; p++) {
        if (quoted && *p == '"' && p[1] == '"')
            p++;
        else if (quoted ? *p == '"' : *p == ',' || *p == '\r')
            break;
        gk_buf_add(&b, p, 1);
    }
    p += quoted;
    *last = *p == '\r';
    ck_assert(*p == ',' || (p[0] == '\r' && p[1] == '\n'));
    *s = p + (*last ? 2 : 1);
    char *field = gk_arena_strdup(fx_arena, b.data ? b.data : "");
    gk_buf_free(&b);
    return field;
}

static void check_field(const char *csv, const json_t *v, const char *key) {
    if (json_is_null(v)) {
        ck_assert_str_eq(csv, "");
    } else if (json_is_string(v)) {
        ck_assert_str_eq(csv, json_string_value(v));
    } else if (json_is_boolean(v)) {
        ck_assert_str_eq(csv, json_is_true(v) ? "true" : "false");
    } else if (json_is_number(v)) {
        ck_assert_msg(strtod(csv, NULL) == json_number_value(v), "%s: %s", key, csv);
    } else {
        json_t *list = json_loads(csv, 0, NULL);
        ck_assert(json_equal(list, v));
        json_decref(list);
    }
}

/* The CSV holds exactly what the JSONL holds; returns the number of records. */
static size_t same_tables(const char *csv_name, const char *jsonl_name) {
    const char *s = fx_read(csv_name, NULL);
    const char *key[64];
    size_t n_keys = 0, rows = 0;
    for (bool last = false; !last;) key[n_keys++] = csv_field(&s, &last);
    gk_jsonl *r = gk_jsonl_open(fx_path(jsonl_name), NULL);
    json_t *row;
    for (; gk_jsonl_next(r, &row, NULL) == 1; rows++) {
        ck_assert_uint_eq(json_object_size(row), n_keys);
        bool last = false;
        for (size_t k = 0; k < n_keys; k++) {
            ck_assert(!last);
            const json_t *v = json_object_get(row, key[k]);
            ck_assert_ptr_nonnull(v);
            check_field(csv_field(&s, &last), v, key[k]);
        }
        ck_assert(last);
        json_decref(row);
    }
    gk_jsonl_close(r);
    ck_assert_str_eq(s, "");
    return rows;
}

START_TEST(csv_and_jsonl_hold_the_same) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    ck_assert(gk_export_results(s, fx_path("r.csv"), NULL) && gk_export_results(s, fx_path("r.jsonl"), NULL));
    ck_assert(gk_export_cells(s, fx_path("c.csv"), NULL) && gk_export_cells(s, fx_path("c.jsonl"), NULL));
    ck_assert_uint_eq(same_tables("r.csv", "r.jsonl"),
                      4 * 3 * FX_ROWS + FX_ROWS); /* dropped prompts included */
    ck_assert_uint_eq(same_tables("c.csv", "c.jsonl"), 30);
    /* The title with quotes and a comma came through as it stands in the rows. */
    ck_assert_ptr_nonnull(
        strstr(fx_read("r.csv", NULL), "\"Hal Kane stars in The \"\"Last\"\", One alongside\""));
    gk_store_close(s);
}
END_TEST

START_TEST(exports_fail_cleanly) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    gk_error err;
    fx_write("cells.txt", "mine");
    ck_assert(!gk_export_cells(s, fx_path("cells.txt"), &err));
    ck_assert_ptr_nonnull(strstr(err.hint, ".csv or .jsonl"));
    ck_assert(!gk_export_results(s, fx_path("results"), &err));
    ck_assert(!gk_exists(fx_path("results")));
    ck_assert_str_eq(fx_read("cells.txt", NULL), "mine");
    ck_assert(!gk_export_results(s, fx_path("no/such/r.csv"), &err));
    ck_assert(!gk_export_cells(s, fx_path("no/such/c.csv"), &err));
    ck_assert(!gk_export_summary(s, fx_path("no/such/s.json"), &err));
    gk_store_close(s);
}
END_TEST

/* ---------------------------------------------------------------- single results */

static bool check_result(void *ctx, const gk_result *r, gk_error *err) {
    (void)err;
    size_t *seen = ctx;
    seen[r->dropped != NULL]++;
    if (r->dropped) return true;
    ck_assert_int_eq(r->n_top, GK_TOP);
    ck_assert_double_eq_tol(r->prob, exp(r->logprob), 1e-9);
    for (int i = 1; i < r->n_top; i++) ck_assert_double_ge(r->top_prob[i - 1], r->top_prob[i]);
    if (r->rank < GK_TOP) ck_assert_double_eq_tol(r->top_prob[r->rank], r->prob, 1e-6);
    ck_assert((r->rank == 0) == (r->logit_diff >= 0));
    for (int i = 0; i < r->n_top; i++) ck_assert_ptr_null(strstr(r->top_piece[i], "no such token"));
    ck_assert(r->whole && r->target_tokens >= 1 && !r->whole_dropped && !r->generated);
    ck_assert_double_le(r->whole_logprob, r->logprob);
    ck_assert(!r->exact || r->rank == 0);
    return true;
}

static bool stop_at_third(void *ctx, const gk_result *r, gk_error *err) {
    (void)r;
    int *calls = ctx;
    return ++*calls < 3 || gk_fail(err, GK_NOWHERE, NULL, "enough");
}

START_TEST(results_are_consistent) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    gk_store *s = gk_store_open(fx_path("r.db"), NULL);
    size_t seen[2] = {0};
    ck_assert(gk_store_each(s, check_result, seen, NULL));
    ck_assert_uint_eq(seen[0] + seen[1], 13 * FX_ROWS);
    int calls = 0;
    gk_error err;
    ck_assert(!gk_store_each(s, stop_at_third, &calls, &err));
    ck_assert_int_eq(calls, 3);
    ck_assert_str_eq(err.what, "enough");
    gk_store_close(s);
}
END_TEST

START_TEST(a_damaged_store_does_not_crash) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    fx_sweep(&o);
    size_t len;
    char *bytes = fx_read("r.db", &len);
    gk_rng r;
    gk_rng_seed(&r, 1, "damage");
    int refused = 0;
    for (int round = 0; round < 60; round++) {
        char *bad = gk_arena_alloc(fx_arena, len);
        memcpy(bad, bytes, len);
        size_t size = round % 3 ? len : gk_rng_below(&r, len); /* every third one is cut short */
        for (int i = 0; i < 200; i++) bad[gk_rng_below(&r, len)] = (char)gk_rng_u64(&r);
        ck_assert(gk_write_file(fx_path("bad.db"), bad, size, NULL));
        gk_error err = {0};
        gk_store *s = gk_store_open(fx_path("bad.db"), &err);
        bool ok = s && gk_export_summary(s, fx_path("bad.json"), &err) &&
                  gk_export_results(s, fx_path("bad.csv"), &err);
        refused += !ok;
        if (!ok) ck_assert_str_ne(err.what, "");
        gk_store_close(s);
    }
    ck_assert_int_gt(refused, 10);
}
END_TEST

int main(void) {
    Suite *s = suite_create("store");
    TCase *t = tcase_create("store");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, other_files_are_refused_and_left_alone);
    tcase_add_test(t, an_unwritable_path_is_one_clear_error);
    tcase_add_test(t, cells_pool_the_templates_that_apply);
    tcase_add_test(t, an_older_store_is_read_and_added_to);
    tcase_add_test(t, the_summary_agrees_with_sql);
    tcase_add_test(t, csv_and_jsonl_hold_the_same);
    tcase_add_test(t, exports_fail_cleanly);
    tcase_add_test(t, results_are_consistent);
    tcase_add_test(t, a_damaged_store_does_not_crash);
    suite_add_tcase(s, t);
    return run_suite(s);
}
