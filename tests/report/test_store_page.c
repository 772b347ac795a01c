/* test_store_page.c: docs/store.md against the store and the files that are made from it: every table, view
 * and column, in their order, and nothing else. */
/* modules: report eval graft train model tokenizer core */
#include "core/json.h"
#include "tests/support/report_fixture.h"

/* The names in backticks of the first column of the tables of a section, with a blank behind each. */
static const char *told(bench *b, const char *section) {
    gk_error err;
    const char *page = gk_read_file(b->s.a, home(b, "docs/store.md"), 1 << 20, NULL, &err);
    ck_assert_ptr_nonnull(page);
    const char *at = strstr(page, gk_arena_printf(b->s.a, "\n## `%s`\n", section));
    ck_assert_msg(at != NULL, "docs/store.md has no section %s", section);
    const char *next = strstr(at + 4, "\n## "), *end = next ? next : at + strlen(at);
    gk_buf names = {0};
    gk_buf_puts(&names, "");
    while ((at = strstr(at, "\n| `")) && at < end) {
        const char *cell = strchr(at + 3, '|');
        for (at += 3; at < cell; at++) {
            if (*at != '`') continue;
            size_t n = strcspn(at + 1, "`");
            gk_buf_add(&names, at + 1, n);
            gk_buf_puts(&names, " ");
            at += n + 1;
        }
    }
    const char *text = gk_arena_strdup(b->s.a, names.data);
    gk_buf_free(&names);
    return text;
}

/* What a query gives in its first column, with a blank behind each. */
static const char *listed(const bench *b, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *q;
    gk_buf names = {0};
    gk_buf_puts(&names, "");
    ck_assert_int_eq(sqlite3_open(b->db, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW)
        gk_buf_printf(&names, "%s ", (const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    sqlite3_close(db);
    const char *text = gk_arena_strdup(b->s.a, names.data);
    gk_buf_free(&names);
    return text;
}

START_TEST(tables_and_views_are_as_told) {
    bench b = bench_new();
    const char *all = listed(&b, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')");
    size_t n = 0;
    for (char *rest = gk_arena_strdup(b.s.a, all), *name; (name = strsep(&rest, " ")) && *name; n++)
        ck_assert_str_eq(
            told(&b, name),
            listed(&b, gk_arena_printf(b.s.a, "SELECT name FROM pragma_table_info('%s')", name)));
    ck_assert_uint_eq(n, 17);
    bench_free(&b);
}
END_TEST

/* Its header line, as `told` gives names. */
static const char *header(bench *b, const char *path) {
    gk_error err;
    char *text = gk_read_file(b->s.a, path, (size_t)1 << 28, NULL, &err), *end = strstr(text, "\r\n");
    *end = 0;
    for (char *at = text; *at; at++)
        if (*at == ',') *at = ' ';
    return gk_arena_printf(b->s.a, "%s ", text);
}

static void check_headers(bench *b) {
    gk_error err;
    gk_store *s = gk_store_open(b->db, &err);
    char *cells = scratch_path(&b->s, "cells.csv"), *results = scratch_path(&b->s, "results.csv"),
         *differ = scratch_path(&b->s, "differences.csv"), *planned = scratch_path(&b->s, "contrasts.csv");
    ck_assert(gk_export_cells(s, cells, &err) && gk_export_results(s, results, &err) &&
              gk_export_differences(s, differ, &err) && gk_export_contrasts(s, planned, &err));
    gk_store_close(s);
    ck_assert_str_eq(header(b, cells), told(b, "cells.csv"));
    ck_assert_str_eq(header(b, results), told(b, "results.csv"));
    ck_assert_str_eq(header(b, differ), told(b, "differences.csv"));
    ck_assert_str_eq(header(b, planned), told(b, "contrasts.csv"));
}

START_TEST(exports_are_as_told) {
    bench b = bench_new();
    gk_error err;
    check_headers(&b);
    /* Several runs: the cells' columns of metrics stand behind those told. */
    const char *runs[] = {b.s.dir}, *metrics = strstr(told(&b, "cells.csv"), "top1 ");
    gk_compare_options o = {
        .runs = runs, .n_runs = 1, .out = b.out, .csv = scratch_path(&b.s, "compare.csv")};
    ck_assert(gk_compare_write(&o, &err));
    ck_assert_str_eq(header(&b, scratch_path(&b.s, "compare.csv")),
                     gk_arena_printf(b.s.a, "%s%s", told(&b, "compare.csv"), metrics));
    bench_free(&b);
}
END_TEST

/* A table without a line has its columns' names. */
START_TEST(empty_exports_have_headers) {
    bench b = bench_new();
    alter(&b, "DELETE FROM contrast; DELETE FROM applies; DELETE FROM scheme");
    check_headers(&b);
    bench_free(&b);
}
END_TEST

/* The view holds what results.csv holds. */
START_TEST(view_is_what_is_exported) {
    bench b = bench_begin();
    gk_error err;
    load_schemes(&b);
    ck_assert(
        gk_schemes_load(b.s.a, home(&b, "graft/schemes/component_after_entity.yaml"), &b.schemes, &err));
    make_store(&b);
    gk_store *s = gk_store_open(b.db, &err);
    char *path = scratch_path(&b.s, "results.jsonl");
    ck_assert(gk_export_results(s, path, &err));
    gk_store_close(s);
    gk_jsonl *in = gk_jsonl_open(path, &err);
    json_t *row;
    double n = 0, prob = 0, dropped = 0, exact = 0;
    while (gk_jsonl_next(in, &row, &err) > 0) {
        n++;
        prob += json_number_value(json_object_get(row, "prob"));
        dropped += json_is_string(json_object_get(row, "dropped"));
        exact += json_is_true(json_object_get(row, "exact"));
        json_decref(row);
    }
    gk_jsonl_close(in);
    ck_assert(n > 100 && dropped > 0 && exact > 0);
    ck_assert_double_eq(sql_value(&b, "SELECT count(*) FROM results"), n);
    ck_assert_double_eq_tol(sql_value(&b, "SELECT sum(prob) FROM results"), prob, 1e-6);
    ck_assert_double_eq(sql_value(&b, "SELECT count(dropped) FROM results"), dropped);
    ck_assert_double_eq(sql_value(&b, "SELECT sum(exact) FROM results"), exact);
    /* Both schemes that do the same have their rows, under their own names. */
    ck_assert_double_eq(sql_value(&b, "SELECT count(*) FROM results WHERE scheme = 'FE | none'"),
                        sql_value(&b, "SELECT count(*) FROM results WHERE scheme = 'FE'"));
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("store_page");
    TCase *t = tcase_create("store_page");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, tables_and_views_are_as_told);
    tcase_add_test(t, exports_are_as_told);
    tcase_add_test(t, empty_exports_have_headers);
    tcase_add_test(t, view_is_what_is_exported);
    suite_add_tcase(s, t);
    return run_suite(s);
}
