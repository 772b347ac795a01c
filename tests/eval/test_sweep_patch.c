/* test_sweep_patch.c: sweeps over schemes with patches and mean ablations. */
/* modules: report eval graft train model tokenizer core */
#include "graftkit/report.h"
#include "tests/support/eval_fixture.h"

#include <math.h>

static const char PATCHES[] = "set: patching\n"
                              "about: Moving activations instead of weights\n"
                              "schemes:\n"
                              "  - {name: PRE}\n"
                              "  - {name: itself, patches: [{at: [first_actor, last], from: pre}]}\n"
                              "  - {name: SFT-rh, grafts: [{at: all, donor: sft}]}\n"
                              "  - {name: answer, patches: [{at: last, layers: 1, from: sft}]}\n"
                              "  - {name: nothing, recipient: sft, ablations: [{at: last, layers: 1}]}\n"
                              "  - {name: less, recipient: sft, ablations: [{at: last, layers: 0}]}\n"
                              "  - {name: other, ablations: [{at: first_actor, layers: 0, from: sft}]}\n";

/* How many results of two schemes are not the same in every bit. */
static double unlike(const char *db, const char *a, const char *b) {
    return fx_sql(
        db,
        gk_arena_printf(fx_arena,
                        "SELECT count(*) FROM result r JOIN result q ON r.prompt = q.prompt JOIN scheme s ON "
                        "s.id = r.scheme JOIN scheme t ON t.id = q.scheme WHERE s.name = '%s' AND t.name = "
                        "'%s' AND (r.logprob != q.logprob OR r.top != q.top)",
                        a, b));
}

static double answers(const char *db, const char *scheme) {
    return fx_sql(
        db, gk_arena_printf(fx_arena,
                            "SELECT count(DISTINCT substr(top, 1, 4)) FROM result r JOIN scheme s ON s.id = "
                            "r.scheme WHERE s.name = '%s'",
                            scheme));
}

START_TEST(patches_move_what_a_model_has_computed) {
    fx_write("patch.yaml", PATCHES);
    gk_sweep_options o = fx_options("r.db", "patch.yaml", NULL);
    size_t all = fx_sweep(&o);
    ck_assert_uint_gt(all, 0);
    ck_assert_double_eq(fx_sql("r.db", "SELECT count(*) FROM result WHERE dropped IS NULL"), (double)all);
    ck_assert_double_eq(unlike("r.db", "PRE", "itself"), 0);
    ck_assert_double_eq(unlike("r.db", "SFT-rh", "answer"), 0); /* the donor's answer, copied */
    ck_assert_double_gt(unlike("r.db", "PRE", "answer"), 0);
    ck_assert_double_eq(answers("r.db", "nothing"), 1); /* whatever the prompt */
    ck_assert_double_gt(answers("r.db", "less"), 1);
    ck_assert_double_gt(unlike("r.db", "PRE", "other"), 0);
}
END_TEST

START_TEST(a_sweep_that_goes_on_finds_the_same_means) {
    static const char sum[] = "SELECT sum(logprob) FROM (SELECT logprob FROM result ORDER BY scheme, prompt)";
    fx_write("patch.yaml", PATCHES);
    gk_sweep_options o = fx_options("r.db", "patch.yaml", NULL);
    size_t all = fx_sweep(&o);
    double before = fx_sql("r.db", sum);
    sqlite3 *d;
    ck_assert_int_eq(sqlite3_open(fx_path("r.db"), &d), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(d, "DELETE FROM result WHERE prompt >= 40", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(d);
    size_t again = fx_sweep(&o);
    ck_assert(again > 0 && again < all);
    ck_assert_double_eq(fx_sql("r.db", sum), before);
    ck_assert_uint_eq(fx_sweep(&o), 0);
}
END_TEST

/* The means are the run's: fewer rows, other means. */
START_TEST(means_are_over_the_prompts_of_the_run) {
    static const char first[] =
        "SELECT logprob FROM result r JOIN scheme s ON s.id = r.scheme WHERE s.name = "
        "'%s' AND prompt = 0";
    fx_write("patch.yaml", PATCHES);
    gk_sweep_options o = fx_options("r.db", "patch.yaml", NULL),
                     few = fx_options("few.db", "patch.yaml", NULL);
    few.prompts.limit = 2;
    fx_sweep(&o);
    fx_sweep(&few);
    for (int i = 0; i < 2; i++) {
        const char *sql = gk_arena_printf(fx_arena, first, i ? "nothing" : "PRE");
        double difference = fabs(fx_sql("r.db", sql) - fx_sql("few.db", sql));
        ck_assert_msg(i ? difference > 1e-4 : difference < 1e-5, "%d: %g", i, difference);
    }
}
END_TEST

/* Grafts and patches stand in one chart, told apart by colour. */
START_TEST(the_report_shows_them_together) {
    fx_write("patch.yaml", PATCHES);
    gk_sweep_options o = fx_options("r.db", "patch.yaml", NULL);
    fx_sweep(&o);
    gk_report_options r = {.db = fx_path("r.db"), .out = fx_path("report.html")};
    gk_error err = {0};
    ck_assert_msg(gk_report_write(&r, &err), "%s", err.what);
    const char *page = fx_read("report.html", NULL),
               *at = strstr(page, "Moving activations instead of weights");
    ck_assert_ptr_nonnull(at);
    const char *end = strstr(at, "</figure>");
    static const char *const parts[] = {"<svg", "itself", "SFT-rh", "activation patch</text>",
                                        "mean ablation</text>"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *part = strstr(at, parts[i]);
        ck_assert_msg(part && part < end, "%s", parts[i]);
    }
    ck_assert_ptr_null(strstr(page, "Schemes of the set"));
}
END_TEST

int main(void) {
    TCase *t = tcase_create("sweep_patch");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, fx_start, fx_stop);
    tcase_add_test(t, patches_move_what_a_model_has_computed);
    tcase_add_test(t, a_sweep_that_goes_on_finds_the_same_means);
    tcase_add_test(t, means_are_over_the_prompts_of_the_run);
    tcase_add_test(t, the_report_shows_them_together);
    Suite *s = suite_create("sweep_patch");
    suite_add_tcase(s, t);
    return run_suite(s);
}
