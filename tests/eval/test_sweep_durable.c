/* test_sweep_durable.c: sweeps that are killed, interrupted, out of disk, long, or extended. */
/* modules: report eval graft train model tokenizer core */
#include "graftkit/core/random.h"
#include "tests/support/eval_fixture.h"
#include "tests/support/scratch.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---------------------------------------------------------------- killed, interrupted, continued */

static int statements_to_live; /* of a doomed process */

static int count_down(unsigned kind, void *ctx, void *p, void *x) {
    (void)kind, (void)ctx, (void)p, (void)x;
    if (statements_to_live-- == 0) raise(SIGKILL);
    return 0;
}

static int doom(sqlite3 *db, const char **message, const struct sqlite3_api_routines *api) {
    (void)message, (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, count_down, NULL);
}

/* A process of its own that sweeps to the end, or dies at its n-th SQL statement (n < 0: never): while it
 * makes the store, between two results, before a commit. True when it came to the end. */
static bool sweep_apart(const gk_sweep_options *o, int n) {
    int status;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        statements_to_live = n;
        sqlite3_auto_extension((void (*)(void))doom);
        gk_sweep *s = gk_sweep_open(o, NULL);
        bool ok = s && gk_sweep_run(s, NULL, NULL);
        gk_sweep_close(s);
        _exit(ok ? 0 : 3);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return false;
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the sweep failed");
    return true;
}

static off_t file_size(const char *name) {
    struct stat st;
    ck_assert_int_eq(stat(fx_path(name), &st), 0);
    return st.st_size;
}

/* A process of its own in which no file may grow beyond `limit`. True when it came to the end; otherwise it
 * said so in one line. */
static bool sweep_within(const gk_sweep_options *o, rlim_t limit) {
    int status;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        gk_error err = {0};
        char text[2048];
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, RLIM_INFINITY}) != 0) _exit(2);
        gk_sweep *s = gk_sweep_open(o, &err);
        bool ok = s && gk_sweep_run(s, NULL, &err);
        gk_sweep_close(s);
        if (ok) _exit(0);
        gk_error_text(&err, text, sizeof text);
        _exit(*text && !strchr(text, '\n') ? 1 : 2);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "no clear error");
    return WEXITSTATUS(status) == 0;
}

static double count_results(const char *db) {
    if (fx_sql(db, "SELECT count(*) FROM sqlite_master") == 0) return 0;
    return fx_sql(db, "SELECT count(*) FROM result");
}

/* Chunks of two prompts that have some, but not all, of the results they should have. */
static const char TORN_CHUNKS[] = "SELECT count(*) FROM (SELECT count(*) AS have, (SELECT count(*) FROM "
                                  "prompt q JOIN applies a ON a.template ="
                                  " q.template JOIN scheme s ON s.id = a.scheme AND s.id = s.source WHERE "
                                  "q.dropped IS NULL AND q.id / 2 = r.prompt / 2)"
                                  " AS want FROM result r GROUP BY r.prompt / 2) WHERE have != want";

START_TEST(a_killed_sweep_resumes_with_nothing_lost_or_doubled) {
    gk_sweep_options o = fx_options("whole.db", "small.yaml", "more.yaml");
    o.chunk = 2;
    size_t all = fx_sweep(&o);
    o.out = fx_path("killed.db");
    ck_assert(!sweep_apart(&o, 3) && !sweep_apart(&o, 200)); /* while the store is being made */
    ck_assert_double_eq(count_results("killed.db"), 0);
    gk_rng r;
    gk_rng_seed(&r, 1, "deaths");
    double before = 0;
    int partial = 0, n = 760;
    for (int round = 0; round < 60 && !sweep_apart(&o, n); round++) {
        double now = count_results("killed.db");
        ck_assert_double_ge(now, before); /* what was stored stays */
        partial += now > before && now < (double)all;
        before = now;
        n = 84 + (int)gk_rng_below(&r, 70);
        if (now == 0) continue;
        ck_assert_double_eq(fx_sql("killed.db", TORN_CHUNKS), 0);
    }
    ck_assert_int_ge(partial, 8);
    fx_sweep(&o);
    ck_assert_double_eq(fx_sql("killed.db", "SELECT count(*) FROM result"), (double)all);
    ck_assert_double_eq(fx_sql("killed.db", "SELECT value FROM run WHERE key = 'complete'"), 1);
    ck_assert_str_eq(contents("killed.db"), contents("whole.db"));
}
END_TEST

/* A limit on the size of files stands in for a full disk: the sweep ends with one line, what was committed
 * stays, and with room again it ends as one that was never stopped. */
START_TEST(a_full_disk_stops_the_sweep_and_loses_no_commit) {
    gk_sweep_options o = fx_options("whole.db", "small.yaml", "more.yaml");
    o.chunk = 2;
    size_t all = fx_sweep(&o);
    off_t size = file_size("whole.db");
    o.out = fx_path("full.db");
    double before = 0;
    int partial = 0;
    for (off_t limit = 16384; limit < size; limit += 16384) {
        ck_assert(!sweep_within(&o, (rlim_t)limit));
        double now = gk_exists(o.out) ? count_results("full.db") : 0;
        ck_assert_double_ge(now, before);
        partial += now > 0 && now < (double)all;
        before = now;
        if (now > 0) ck_assert_double_eq(fx_sql("full.db", TORN_CHUNKS), 0);
    }
    ck_assert_int_ge(partial, 3);
    fx_sweep(&o);
    ck_assert_double_eq(fx_sql("full.db", "SELECT count(*) FROM result"), (double)all);
    ck_assert_str_eq(contents("full.db"), contents("whole.db"));
}
END_TEST

START_TEST(an_interrupted_sweep_says_so_and_goes_on) {
    gk_sweep_options o = fx_options("r.db", "small.yaml", NULL);
    int status;
    /* The flag that the interruption sets is the process's: a child of its own. */
    pid_t pid = fork();
    if (pid == 0) {
        gk_interrupt_catch();
        if (!interrupt_self(SIGINT)) _exit(2);
        gk_sweep *s = gk_sweep_open(&o, NULL);
        bool ok = s && gk_sweep_run(s, NULL, NULL) && gk_sweep_pending(s) == gk_sweep_total(s);
        gk_sweep_close(s);
        _exit(ok ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
    ck_assert_double_eq(fx_sql("r.db", "SELECT value FROM run WHERE key = 'complete'"), 0);
    ck_assert(sweep_apart(&o, -1));
    ck_assert_double_eq(fx_sql("r.db", "SELECT value FROM run WHERE key = 'complete'"), 1);
    ck_assert_uint_eq(fx_sweep(&o), 0); /* nothing is left to do */
}
END_TEST

/* 10,000 prompts take the memory that the budget gives, not more than 1,000 do. */
START_TEST(a_long_sweep_does_not_grow) {
    gk_buf rows = {0};
    for (int i = 0; i < 10000; i++)
        gk_buf_printf(&rows,
                      "{\"id\": %d, \"first_actor\": \"%s %s\", \"second_actor\": \"%s %s\", "
                      "\"movie_title\": \"Blue River\"}\n",
                      i, FX_FIRST[i % 10], FX_LAST[i / 10 % 10], FX_FIRST[(i + 3) % 10],
                      FX_LAST[i / 100 % 10]);
    fx_write("many.jsonl", rows.data);
    gk_buf_free(&rows);
    fx_write("one.jsonl", "{\"template\": \"{first_actor} {relation} in a movie alongside\"}\n");
    size_t peak[2] = {0};
    for (int i = 0; i < 2; i++) {
        gk_sweep_options o = fx_options(i ? "many.db" : "few.db", "more.yaml", NULL);
        o.chunk = 0;
        o.budget_bytes = 1 << 20;
        o.prompts.templates = fx_path("one.jsonl");
        o.prompts.rows = fx_path("many.jsonl");
        o.prompts.limit = i ? 0 : 1000;
        ck_assert_uint_ge(fx_sweep(&o), i ? 10000 : 1000);
        peak[i] = (size_t)fx_sql(i ? "many.db" : "few.db", "SELECT value FROM run WHERE key = 'peak_bytes'");
    }
    ck_assert_uint_le(peak[1], peak[0] + peak[0] / 20);
    ck_assert_uint_le(peak[1], (1 << 20) * 11 / 10);
}
END_TEST

START_TEST(new_schemes_compute_only_their_own_cells) {
    gk_sweep_options one = fx_options("r.db", "small.yaml", NULL),
                     both = fx_options("r.db", "small.yaml", "more.yaml");
    size_t first = fx_sweep(&one);
    ck_assert_uint_eq(fx_sweep(&one), 0);
    size_t kept = (size_t)fx_sql("r.db", "SELECT count(*) FROM prompt WHERE dropped IS NULL");
    ck_assert_uint_eq(fx_sweep(&both), 2 * kept);
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(*) FROM result"), (double)(first + 2 * kept));
    both.out = fx_path("fresh.db");
    fx_sweep(&both);
    double a = fx_sql("r.db", "SELECT sum(logprob) FROM result"),
           b = fx_sql("fresh.db", "SELECT sum(logprob) FROM result");
    ck_assert_double_eq_tol(a, b, 1e-3);
    /* A sweep with fewer schemes than the store has does not call an unfinished store complete. */
    sqlite3 *d;
    ck_assert_int_eq(sqlite3_open(fx_path("r.db"), &d), SQLITE_OK);
    sqlite3_exec(d, "DELETE FROM result WHERE scheme = (SELECT id FROM scheme WHERE name = 'LT')", NULL, NULL,
                 NULL);
    sqlite3_close(d);
    fx_sweep(&one);
    ck_assert_double_eq(fx_sql("r.db", "SELECT value FROM run WHERE key = 'complete'"), 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sweep_durable");
    TCase *t = tcase_create("durable");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, a_killed_sweep_resumes_with_nothing_lost_or_doubled);
    tcase_add_test(t, an_interrupted_sweep_says_so_and_goes_on);
    tcase_add_test(t, a_full_disk_stops_the_sweep_and_loses_no_commit);
    tcase_add_test(t, a_long_sweep_does_not_grow);
    tcase_add_test(t, new_schemes_compute_only_their_own_cells);
    suite_add_tcase(s, t);
    return run_suite(s);
}
