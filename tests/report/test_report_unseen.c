/* test_report_unseen.c: facts whose target begins with a token that the base never read, as the gate wrote
 * them. modules: report eval graft train model tokenizer core */
#include "tests/support/report_fixture.h"

static void set_rank(const bench *b, int rank, const char *where) {
    alter(b, gk_arena_printf(b->s.a,
                             "UPDATE result SET rank = %d WHERE dropped IS NULL AND prompt IN (SELECT id "
                             "FROM prompt WHERE %s)",
                             rank, where));
}

static void must_have(const char *page, const char *what) {
    ck_assert_msg(strstr(page, what) != NULL, "the page has no \"%s\"", what);
}

static char *page_with_gate(bench *b, const char *new_rows) {
    gk_report_options o = options(b);
    o.gate = scratch_file(
        &b->s, "gate.json",
        gk_arena_printf(b->s.a, "{\"pass\": true, \"top\": 5, \"min\": 0.9, \"share\": 1%s}", new_rows));
    return write_report(b, &o);
}

/* The first tokens of the targets of facts 0 and 1, which are those of facts 6 and 7 too: four of twelve. */
static const char *two_names(bench *b) {
    static const char *const ask = "SELECT target_id FROM prompt WHERE row = %d AND dropped IS NULL";
    double one = sql_value(b, gk_arena_printf(b->s.a, ask, 0)),
           two = sql_value(b, gk_arena_printf(b->s.a, ask, 1));
    ck_assert_double_ne(one, two);
    return gk_arena_printf(b->s.a, ", \"new_rows\": {\"rows\": 12, \"unseen\": 4, \"tokens\": [%.0f, %.0f]}",
                           one, two);
}

/* Of 12 facts 4 begin with what was never read. None of these known, all others: that is 1 of C(12, 4) = 495
 * ways. Two known, and six of eight: it says nothing. Every scheme has the same ranks, so PRE knows what the
 * ceiling does. */
START_TEST(targets_out_of_reach_are_flagged) {
    bench b = bench_new();
    const char *of_two = two_names(&b);
    set_rank(&b, 0, "1");
    must_have(page_with_gate(&b, of_two), "4 of 12 facts have such a target: 4 of them known, of the others "
                                          "8 of 8; p = 1</td><td class=\"yes\"");
    set_rank(&b, 99, "row % 6 < 2");
    must_have(page_with_gate(&b, of_two), "4 of 12 facts have such a target: 0 of them known, of the others "
                                          "8 of 8; p = 0.002</td><td class=\"no\"");
    set_rank(&b, 0, "row < 2");
    set_rank(&b, 99, "row IN (3, 4)");
    must_have(page_with_gate(&b, of_two), "4 of 12 facts have such a target: 2 of them known, of the others "
                                          "6 of 8; p = 0.41</td><td class=\"yes\"");
    bench_free(&b);
}
END_TEST

/* A fact is known that is right in more than half of its prompts. */
START_TEST(half_is_not_known) {
    bench b = bench_new();
    const char *of_two = two_names(&b);
    set_rank(&b, 0, "1");
    set_rank(&b, 99, "row % 6 < 2 AND template > 2");
    must_have(page_with_gate(&b, of_two), "4 of 12 facts have such a target: 0 of them known");
    bench_free(&b);
}
END_TEST

START_TEST(a_gate_that_says_less_is_told) {
    static const char *const claim = "Targets that begin with what the base never read";
    bench b = bench_new();
    must_have(page_with_gate(&b, ", \"new_rows\": {\"rows\": 12, \"unseen\": 0, \"tokens\": []}"),
              "none of 12 facts has such a target</td><td class=\"yes\"");
    ck_assert_ptr_null(strstr(page_with_gate(&b, ""), claim));
    alter(&b, "INSERT INTO run VALUES ('rows_sha256', 'aa')");
    must_have(
        page_with_gate(
            &b, ", \"new_rows\": {\"rows\": 2, \"unseen\": 0, \"tokens\": [], \"rows_sha256\": \"bb\"}"),
        "? not judged: the gate looked at other rows");
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("report_unseen");
    TCase *t = tcase_create("report_unseen");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, targets_out_of_reach_are_flagged);
    tcase_add_test(t, half_is_not_known);
    tcase_add_test(t, a_gate_that_says_less_is_told);
    suite_add_tcase(s, t);
    return run_suite(s);
}
