/* test_bf16.c: stores of bf16 products beside those of fp32, and what --check-bf16 says of the two. */
/* modules: report eval graft train model tokenizer core */
#include "tests/support/eval_fixture.h"

#include <math.h>
#include <unistd.h>

static void both_sweeps(void) {
    gk_sweep_options o = fx_options("whole.db", "small.yaml", "more.yaml");
    fx_sweep(&o);
    o.out = fx_path("half.db");
    o.bf16 = true;
    fx_sweep(&o);
}

/* The single value of a query on whole.db, with half.db as `half`. */
static double of_both(const char *sql) {
    sqlite3 *d;
    sqlite3_stmt *q;
    const char *attach = gk_arena_printf(fx_arena, "ATTACH '%s' AS half", fx_path("half.db"));
    ck_assert_int_eq(sqlite3_open_v2(fx_path("whole.db"), &d, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(d, attach, NULL, NULL, NULL), SQLITE_OK);
    const char *all = gk_arena_printf(
        fx_arena, "%s FROM main.result x JOIN half.result y ON x.scheme = y.scheme AND x.prompt = y.prompt",
        sql);
    ck_assert_msg(sqlite3_prepare_v2(d, all, -1, &q, NULL) == SQLITE_OK, "%s: %s", all, sqlite3_errmsg(d));
    ck_assert_int_eq(sqlite3_step(q), SQLITE_ROW);
    double x = sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(d);
    return x;
}

static gk_bf16_check check(const gk_sweep_options *o, size_t cells) {
    gk_error err = {0};
    gk_sweep *s = gk_sweep_open(o, &err);
    ck_assert_msg(s != NULL, "%s", err.what);
    gk_bf16_check c;
    ck_assert_msg(gk_sweep_check_bf16(s, cells, NULL, &c, &err), "%s", err.what);
    gk_sweep_close(s);
    return c;
}

/* Of all cells it says what the two stores say, but for the last bits of fp32, which depend on a chunk. */
START_TEST(the_check_is_what_two_sweeps_say) {
    both_sweeps();
    gk_sweep_options o = fx_options("none.db", "small.yaml", "more.yaml");
    o.check_bf16 = true;
    gk_bf16_check c = check(&o, 1000000);
    ck_assert_double_eq((double)c.cells, of_both("SELECT count(*)"));
    ck_assert_uint_eq(c.dropped, 0);
    ck_assert_double_gt(c.largest, 1e-5); /* bf16 is seen */
    ck_assert_double_lt(c.largest, 0.1);
    ck_assert_double_eq_tol(c.largest, of_both("SELECT max(abs(x.logprob - y.logprob))"), 1e-6);
    ck_assert_double_eq_tol(c.mean, of_both("SELECT avg(abs(x.logprob - y.logprob))"), 1e-6);
    ck_assert_double_eq((double)c.top1, of_both("SELECT sum((x.rank < 1) <> (y.rank < 1))"));
    ck_assert_double_eq((double)c.top5, of_both("SELECT sum((x.rank < 5) <> (y.rank < 5))"));
    ck_assert_double_eq((double)c.likeliest,
                        of_both("SELECT sum(substr(x.top, 1, 4) <> substr(y.top, 1, 4))"));
    ck_assert_int_ne(access(o.out, F_OK), 0);
}
END_TEST

/* Fewer cells: as many as were asked for, the same ones again; an existing store is not touched. */
START_TEST(a_check_of_some_cells) {
    both_sweeps();
    gk_sweep_options o = fx_options("half.db", "small.yaml", "more.yaml");
    const char *before = contents("half.db");
    o.check_bf16 = true;
    gk_bf16_check all = check(&o, 1000000), some = check(&o, 13), again = check(&o, 13);
    ck_assert_uint_eq(some.cells, 13);
    ck_assert_double_le(some.largest, all.largest);
    ck_assert_mem_eq(&some, &again, sizeof some);
    ck_assert_str_eq(contents("half.db"), before);
}
END_TEST

/* Results of the two never stand in one store, whichever was first; a store that does not say is fp32. */
START_TEST(the_two_do_not_mix) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    o.bf16 = true;
    fx_sweep(&o);
    ck_assert_uint_eq(fx_sweep(&o), 0);
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(*) FROM run WHERE key = 'bf16' AND value = 'true'"), 1);
    o.bf16 = false;
    fx_refused(&o, "another bf16 (true there, false now)");
    o.replace = true;
    ck_assert_uint_gt(fx_sweep(&o), 0);
    o.replace = false;
    sqlite3 *d; /* as an earlier graftkit wrote it */
    ck_assert_int_eq(sqlite3_open(fx_path("r.db"), &d), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(d, "DELETE FROM run WHERE key = 'bf16'", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(d);
    ck_assert_uint_eq(fx_sweep(&o), 0);
    o.bf16 = true;
    fx_refused(&o, "another bf16 (false there, true now)");
}
END_TEST

/* A sweep that is cut anywhere, on any number of threads, has the same bits. */
START_TEST(the_same_again) {
    gk_sweep_options o = fx_options("one.db", "small.yaml", "more.yaml");
    o.bf16 = true;
    fx_sweep(&o);
    o.out = fx_path("two.db");
    o.chunk = 3;
    o.budget_bytes = 1 << 20;
    gk_threads_set(2);
    fx_sweep(&o);
    gk_threads_set(1);
    ck_assert_str_eq(contents("one.db"), contents("two.db"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("bf16");
    TCase *t = tcase_create("bf16");
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, the_check_is_what_two_sweeps_say);
    tcase_add_test(t, a_check_of_some_cells);
    tcase_add_test(t, the_two_do_not_mix);
    tcase_add_test(t, the_same_again);
    suite_add_tcase(s, t);
    return run_suite(s);
}
