/* test_report_heads.c: roles and the ceiling where grafts are read by a head that is not the recipient's.
 * modules: report eval graft train model tokenizer core */
#include "eval/store/outcomes.h"
#include "tests/support/report_fixture.h"

static void set_rank(const bench *b, const char *scheme, int rank, const char *where) {
    alter(b, gk_arena_printf(b->s.a,
                             "UPDATE result SET rank = %d WHERE dropped IS NULL AND %s AND scheme ="
                             " (SELECT source FROM scheme WHERE name = '%s')",
                             rank, where, scheme));
}

static void must_have(const char *page, const char *what) {
    ck_assert_msg(strstr(page, what) != NULL, "the page has no \"%s\"", what);
}

static char *page_of(bench *b) {
    gk_report_options o = options(b);
    return write_report(b, &o);
}

/* Grafts that have the donor's output matrix over the recipient's final norm. */
START_TEST(roles_follow_a_head_that_is_apart) {
    bench b = bench_begin();
    gk_error err;
    char *file =
        scratch_file(&b.s, "apart.yaml",
                     "set: mine\nschemes:\n  - {name: nothing}\n"
                     "  - {name: all, grafts: [{at: all, donor: sft}], head: sft}\n"
                     "  - {name: rh, grafts: [{at: all, donor: sft}]}\n"
                     "  - {name: other, grafts: [{at: all, donor: sft}], head: {norm: sft}}\n"
                     "  - {name: under, grafts: [{at: all, donor: sft}], head: {donor: sft}}\n"
                     "  - {name: end, grafts: [{at: last, donor: sft}], head: {donor: sft}}\n"
                     "  - {name: ends, grafts: [{at: [last, first_actor], donor: sft}], head: {donor: sft}}\n"
                     "  - {name: one, grafts: [{at: first_actor, donor: sft}], head: {donor: sft}}\n");
    ck_assert(gk_schemes_load(b.s.a, file, &b.schemes, &err));
    make_store(&b);
    gk_store *s = gk_store_open(b.db, &err);
    gk_outcomes all;
    gk_roles r;
    ck_assert(gk_outcomes_read(s, b.s.a, &all, &err));
    gk_store_close(s);
    gk_roles_of(&all, b.s.a, &r);
    ck_assert_str_eq(r.head, "sft|norm:recipient");
    ck_assert_str_eq(r.ceiling, "under");
    ck_assert_str_eq(r.sft, "all");
    ck_assert_str_eq(r.sft_rh, "rh");
    ck_assert_str_eq(r.fe, "one");
    ck_assert_str_eq(r.lt, "end");
    ck_assert_str_eq(r.both, "ends");
    set_rank(&b, "all", 0, "1");
    set_rank(&b, "rh", 99, "1");
    set_rank(&b, "under", 99, "prompt > 23");
    char *page = page_of(&b);
    must_have(page, "nothing and under, the ceiling");
    must_have(
        page,
        "The ceiling of grafts, which are not read by the donor\u2019s own final norm and head, is under: ");
    bench_free(&b);
}
END_TEST

/* A file as published: the whole donor has no final norm there, and no position embedding. */
START_TEST(roles_of_schemes_as_published) {
    bench b = bench_begin();
    gk_error err;
    char *file =
        scratch_file(&b.s, "published.yaml",
                     "set: mine\nas_published: true\nschemes:\n  - {name: nothing}\n"
                     "  - {name: own, grafts: [{at: all, donor: sft}], head: sft, as_published: false}\n"
                     "  - {name: all, grafts: [{at: all, donor: sft}]}\n"
                     "  - {name: end, grafts: [{at: last, donor: sft}]}\n"
                     "  - {name: ends, grafts: [{at: [last, first_actor], donor: sft}]}\n"
                     "  - {name: rest, grafts: [{at: {not: [last, first_actor]}, donor: sft}]}\n"
                     "  - {name: one, grafts: [{at: first_actor, donor: sft}]}\n");
    ck_assert_msg(gk_schemes_load(b.s.a, file, &b.schemes, &err), "%s", err.what);
    make_store(&b);
    gk_store *s = gk_store_open(b.db, &err);
    gk_outcomes all;
    gk_roles r;
    ck_assert(gk_outcomes_read(s, b.s.a, &all, &err));
    gk_store_close(s);
    gk_roles_of(&all, b.s.a, &r);
    ck_assert_str_eq(r.head, "recipient|tied:embed");
    ck_assert_str_eq(r.pre, "nothing");
    ck_assert_str_eq(r.sft, "own");
    ck_assert_str_eq(r.ceiling, "all");
    ck_assert_str_eq(r.fe, "one");
    ck_assert_str_eq(r.lt, "end");
    ck_assert_str_eq(r.both, "ends");
    ck_assert_str_eq(r.rest, "rest");
    ck_assert(!r.sft_rh);
    bench_free(&b);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("report_heads");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, roles_follow_a_head_that_is_apart);
    tcase_add_test(t, roles_of_schemes_as_published);
    Suite *s = suite_create("report_heads");
    suite_add_tcase(s, t);
    return run_suite(s);
}
