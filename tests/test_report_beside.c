/* test_report_beside.c: what a page says beside its numbers: no verdict on the paper's pattern from models
 * alone, and no training, gate or dataset of another sweep. */
/* modules: eval graft train model tokenizer core */
#include "tests/report_fixture.h"

static char *page_of(bench *b) {
    gk_report_options o = options(b);
    return write_report(b, &o);
}

static void may_not_have(const char *page, const char *what) {
    const char *at = strstr(page, what);
    ck_assert_msg(!at, "the page has %.60s", at);
}

/* ---------------------------------------------------------------- models alone */

static void shows_no_pattern(bench *b, const char *checks) {
    const char *page = page_of(b);
    may_not_have(page, "pattern holds");
    may_not_have(page, "pattern fails");
    may_not_have(page, "of the paper\u2019s pattern");
    may_not_have(page, "The paper\u2019s pattern");
    ck_assert_msg(strstr(page, checks) != NULL, "the page has no \"%s\"", checks);
    check_balance(page);
}

START_TEST(models_alone_show_no_pattern) {
    static const struct {
        const char *kept, *checks;
    } cases[] = {{"('PRE', 'SFT')", "Checks of the models alone that hold: 2 of 2."},
                 {"('PRE')", "Checks of the models alone that hold: 1 of 1."},
                 {"('PRE', 'SFT', 'SFT-rh', 'M')", "Checks of the models alone that hold: 2 of 2."}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench b = bench_new();
        alter(&b, gk_arena_printf(b.s.a,
                                  "DELETE FROM applies WHERE scheme IN (SELECT id FROM scheme WHERE name NOT "
                                  "IN %s); DELETE FROM scheme WHERE name NOT IN %s;"
                                  "UPDATE result SET rank = CASE WHEN scheme = (SELECT source FROM scheme "
                                  "WHERE name = 'PRE') THEN 99 ELSE 0 END WHERE dropped IS NULL",
                                  cases[i].kept, cases[i].kept));
        shows_no_pattern(&b, cases[i].checks);
        bench_free(&b);
    }
}
END_TEST

START_TEST(a_dropout_sweep_shows_no_pattern) {
    bench b = bench_begin();
    gk_error err;
    ck_assert(gk_schemes_load_for(b.s.a, home(&b, "graft/schemes/reference.yaml"), 4, &b.schemes, &err));
    ck_assert(gk_schemes_load_for(b.s.a, home(&b, "graft/schemes/dropout.yaml"), 4, &b.schemes, &err));
    make_store(&b);
    alter(&b,
          "UPDATE result SET rank = CASE WHEN scheme = (SELECT source FROM scheme WHERE name = 'PRE') THEN "
          "99 ELSE 0 END WHERE dropped IS NULL");
    shows_no_pattern(&b, "Checks of the models alone that hold: 2 of 2.");
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("report_beside");
    TCase *t = tcase_create("report_beside");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, models_alone_show_no_pattern);
    tcase_add_test(t, a_dropout_sweep_shows_no_pattern);
    suite_add_tcase(s, t);
    return run_suite(s);
}
