/* test_contrasts.c: what scheme files plan to compare: read, refused where it says nothing, checked over all
 * files. */
/* modules: graft model tokenizer core */
#include "graftkit/graft/scheme.h"
#include "tests/support/scratch.h"

#include <check.h>
#include <math.h>

static const char HEAD[] =
    "set: t\nschemes:\n- {name: A}\n- {name: B, grafts: [{at: last, donor: d}]}\n"
    "- {name: B2, grafts: [{at: -1, donor: d}]}\n- {name: E, grafts: [{at: entity, donor: d}]}\n"
    "- {name: M, grafts: [{at: movie_title, donor: d}]}\n"
    "- {name: layer $l, grid: {l: [0, 1]}, grafts: [{at: last, donor: d, layers: $l}]}\n"
    "compare:\n";

static const char *file_with(scratch *s, const char *compare) {
    return scratch_file(s, "c.yaml", gk_arena_printf(s->a, "%s%s", HEAD, compare));
}

START_TEST(plans_are_read) {
    scratch s = scratch_new();
    gk_schemes all = {0};
    gk_error err = {0};
    const char *path =
        file_with(&s, "- [A, B]\n"
                      "- {compare: [E, A], margin: 0.05, about: one}\n"
                      "- {compare: [layer 1, layer 0], metric: logit_diff, margin: 2}\n"
                      "- {compare: [E, B], metric: both, margin: {logit_diff: 0.5, top5: .1}}\n"
                      "- {compare: [M, B], metric: top5}\n"
                      "- {compare: [M, B], metric: logit_diff}\n");
    ck_assert_msg(gk_schemes_load(s.a, path, &all, &err) && gk_contrasts_check(&all, &err), "%s", err.what);
    static const struct {
        const char *a, *b;
        bool top5, logit_diff;
        double margin[2]; /* 0: none */
    } want[] = {{"A", "B", true, true, {0, 0}},
                {"E", "A", true, true, {0.05, 0}},
                {"layer 1", "layer 0", false, true, {0, 2}},
                {"E", "B", true, true, {0.1, 0.5}},
                {"M", "B", true, false, {0, 0}},
                {"M", "B", false, true, {0, 0}}};
    ck_assert_uint_eq(all.n_contrasts, sizeof want / sizeof *want);
    for (size_t i = 0; i < all.n_contrasts; i++) {
        const gk_contrast *c = &all.contrast[i];
        ck_assert_str_eq(c->a, want[i].a);
        ck_assert_str_eq(c->b, want[i].b);
        ck_assert(c->top5 == want[i].top5 && c->logit_diff == want[i].logit_diff);
        const double margin[] = {c->top5_margin, c->logit_diff_margin};
        for (int k = 0; k < 2; k++)
            ck_assert(want[i].margin[k] > 0 ? margin[k] == want[i].margin[k] : isnan(margin[k]));
        ck_assert_str_eq(c->set, "t");
        ck_assert_str_eq(c->file, path);
        ck_assert_str_eq(c->about, i == 1 ? "one" : "");
        ck_assert_int_eq(c->place.line, 10 + (long)i);
    }
    ck_assert_str_eq(gk_scheme_file(all.item[0]), path);
    scratch_free(&s);
}
END_TEST

/* The second line of compare, the first being [A, B]. */
static const struct {
    const char *text, *message;
} BAD[] = {
    {"[A, A]", ":11:7: the scheme 'A' is compared with itself"},
    {"[A, C]", ":11:7: there is no scheme 'C'; name one of this file, or give the file that has it"},
    {"[layer 7, A]", ":11:4: there is no scheme 'layer 7'"},
    {"[B, B2]", ":11:7: 'B2' does the same as 'B': it would be compared with itself"},
    {"[A, B]", ":11:3: 'A' and 'B' are already compared at "},
    {"[B, A]", ":11:3: 'B' and 'A' are already compared at "},
    {"[B2, A]", ":11:3: 'B2' and 'A' are already compared at "},
    {"{compare: [A, B], metric: top5}", ":11:3: 'A' and 'B' are already compared at "},
    {"[A, B, E]", ":11:3: a contrast is of two schemes, this one names 3; write [A, B]"},
    {"[A]", ":11:3: a contrast is of two schemes, this one names 1"},
    {"[]", ":11:3: a contrast is of two schemes, this one names 0"},
    {"A", ":11:3: a contrast is a list of two schemes"},
    {"{margin: 0.1}", ":11:3: a contrast is a list of two schemes"},
    {"{compare: A}", ":11:13: a contrast is a list of two schemes"},
    {"{compare: [A, [E]]}", ":11:17: "},
    {"[~, A]", ":11:4: "},
    {"{compare: [A, E], margin: 0}", ":11:29: 0 cannot be an equivalence margin of top5; write a share"},
    {"{compare: [A, E], margin: -0.1}", ":11:29: -0.1 cannot be an equivalence margin of top5"},
    {"{compare: [A, E], margin: 1}", ":11:29: 1 cannot be an equivalence margin of top5"},
    {"{compare: [A, E], margin: 5}", ":11:29: 5 cannot be an equivalence margin of top5"},
    {"{compare: [A, E], margin: 0, metric: logit_diff}",
     ":11:29: 0 cannot be an equivalence margin of logit_diff; write how many nats"},
    {"{compare: [A, E], margin: {top5: 0.1, logit_diff: -1}}",
     ":11:53: -1 cannot be an equivalence margin of logit_diff"},
    {"{compare: [A, E], margin: .inf}", ":11:29: field 'margin': is '.inf'; must be a finite number"},
    {"{compare: [A, E], margin: 1e999, metric: logit_diff}", ":11:29: "},
    {"{compare: [A, E], margin: .nan}", ":11:29: "},
    {"{compare: [A, E], margin: \"0.05\"}", ":11:29: "},
    {"{compare: [A, E], margin: [0.05]}", ":11:29: "},
    {"{compare: [A, E], margin: {}}", ":11:29: there is no margin in the map"},
    {"{compare: [A, E], margin: {top10: 0.1}}", ":11:30: unknown key 'top10'"},
    {"{compare: [A, E], margin: {top5: 0.1}, metric: logit_diff}",
     ":11:36: the margin is of top5, which is not compared"},
    {"{compare: [A, E], metric: top10}", ":11:29: 'top10' is no metric that contrasts are in; write top5"},
    {"{compare: [A, E], metric: [top5]}", ":11:29: "},
    {"{compare: [A, E], margins: 0.1}", ":11:21: unknown key 'margins'; the keys allowed here are: compare"},
};

START_TEST(bad_plans_are_refused) {
    scratch s = scratch_new();
    gk_schemes all = {0};
    gk_error err = {0};
    const char *path = file_with(&s, gk_arena_printf(s.a, "- [A, B]\n- %s\n", BAD[_i].text));
    bool ok = gk_schemes_load(s.a, path, &all, &err);
    if (!ok) ck_assert(all.n == 0 && all.n_contrasts == 0);
    ck_assert_msg(!ok || !gk_contrasts_check(&all, &err), "accepted: %s", BAD[_i].text);
    assert_error_at(&err, path, BAD[_i].message);
    scratch_free(&s);
}
END_TEST

START_TEST(a_plan_is_a_list) {
    static const char *const bad[] = {" [A, B]\n", " {A: B}\n", " A\n", "\n"};
    scratch s = scratch_new();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gk_schemes all = {0};
        gk_error err = {0};
        const char *path = scratch_file(
            &s, "l.yaml", gk_arena_printf(s.a, "set: t\nschemes:\n- name: A\ncompare:%s", bad[i]));
        ck_assert_msg(!gk_schemes_load(s.a, path, &all, &err), "accepted: %s", bad[i]);
        assert_error_at(&err, path, ":4:");
    }
    scratch_free(&s);
}
END_TEST

/* Names are of any file of the run, and a pair is planned once over all of them. */
START_TEST(plans_reach_over_files) {
    scratch s = scratch_new();
    gk_schemes all = {0};
    gk_error err = {0};
    const char *one = scratch_file(&s, "1.yaml", "set: a\nschemes:\n- name: x\ncompare:\n- [x, y]\n"),
               *two = scratch_file(&s, "2.yaml",
                                   "set: b\nschemes:\n- {name: y, grafts: [{at: last, donor: d}]}\n"),
               *three = scratch_file(&s, "3.yaml",
                                     "set: c\nschemes:\n- {name: z, grafts: [{at: 0, donor: d}]}\n"
                                     "compare:\n- [z, y]\n- [y, x]\n");
    ck_assert(gk_schemes_load(s.a, one, &all, &err));
    ck_assert(!gk_contrasts_check(&all, &err));
    assert_error_at(&err, one, ":5:7: there is no scheme 'y'");
    ck_assert(gk_schemes_load(s.a, two, &all, &err) && gk_contrasts_check(&all, &err));
    ck_assert(gk_schemes_load(s.a, three, &all, &err));
    ck_assert_uint_eq(all.n_contrasts, 3);
    ck_assert(!gk_contrasts_check(&all, &err));
    assert_error_at(&err, three, ":6:3: 'y' and 'x' are already compared at ");
    ck_assert_ptr_nonnull(strstr(err.what, "1.yaml:5"));
    scratch_free(&s);
}
END_TEST

START_TEST(both_schemes_have_a_template) {
    scratch s = scratch_new();
    gk_schemes all = {0};
    gk_error err = {0};
    const char *path = file_with(&s, "- [E, M]\n- [M, A]\n");
    ck_assert(gk_schemes_load(s.a, path, &all, &err) && gk_contrasts_check(&all, &err));
    static const gk_field_span entity = {.field = "entity"}, movie = {.field = "movie_title"},
                               both[] = {{.field = "movie_title"}, {.field = "entity"}};
    const gk_field_span *apart[] = {&entity, &movie}, *with[] = {&entity, both};
    const size_t one[] = {1, 1}, n[] = {1, 2};
    ck_assert(gk_contrast_check(&all, &all.contrast[0], with, n, 2, &err));
    ck_assert(gk_contrast_check(&all, &all.contrast[1], apart, one, 2, &err));
    ck_assert(!gk_contrast_check(&all, &all.contrast[0], apart, one, 2, &err));
    assert_error_at(&err, path, ":10:3: no template has the fields of both 'E' and 'M'");
    scratch_free(&s);
}
END_TEST

START_TEST(too_many_are_refused) {
    scratch s = scratch_new();
    gk_schemes all = {0};
    gk_error err = {0};
    gk_buf b = {0};
    gk_buf_puts(&b, "set: t\nschemes: [{name: A}]\ncompare:\n");
    for (int i = 0; i < 1001; i++) gk_buf_printf(&b, "- [A, s%d]\n", i);
    const char *path = scratch_file(&s, "many.yaml", b.data);
    ck_assert(!gk_schemes_load(s.a, path, &all, &err));
    assert_error_at(&err, path, ":4:1: this would make 1001 contrasts; a run takes 1000 at most");
    gk_buf_free(&b);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("contrasts");
    TCase *t = tcase_create("contrasts");
    tcase_add_test(t, plans_are_read);
    tcase_add_loop_test(t, bad_plans_are_refused, 0, sizeof BAD / sizeof *BAD);
    tcase_add_test(t, a_plan_is_a_list);
    tcase_add_test(t, plans_reach_over_files);
    tcase_add_test(t, both_schemes_have_a_template);
    tcase_add_test(t, too_many_are_refused);
    suite_add_tcase(s, t);
    return run_suite(s);
}
