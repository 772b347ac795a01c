/* test_template.c: templates: the exact place of what is wrong, and the exact spans of what was filled. */
/* modules: core */
#include "core/json.h"
#include "graftkit/core/template.h"
#include "tests/support/scratch.h"

static json_t *object(const char *text) {
    json_t *o = gk_json_parse(text, strlen(text), GK_NOWHERE, NULL);
    ck_assert_ptr_nonnull(o);
    return o;
}

/* ---------------------------------------------------------------- places */

/* In each line of JSON a '^' marks the brace that is wrong; it is taken out before the file is written. */
START_TEST(errors_point_at_the_brace_in_the_raw_line) {
    static const struct {
        const char *marked, *what;
    } bad[] = {
        {"{\"template\": \"A ^{name stars\"}", "unclosed '{'; close the field"},
        {"{\"template\": \"^{\"}", "unclosed '{'"},
        {"{\"template\": \"^{a{b}\"}", "unclosed '{'"},
        {"{\"template\": \"{a} in b^} c\"}", "stray '}'; write '}}'"},
        {"{\"template\": \"{a}^}\"}", "stray '}'"},
        {"{\"template\": \"{{x}}^}\"}", "stray '}'"},
        {"{\"template\": \"x ^{} y\"}", "empty field name"},
        {"{\"template\": \"x ^{ } y\"}", "empty field name"},
        {"{\"template\": \"say \\\"hi\\\" \\n ^{a\"}", "unclosed '{'"},
        {"{\"template\": \"\\u00e9\\u20ac\\ud83d\\ude00\\u0041 ^}\"}", "stray '}'"},
        {"{\"template\": \"caf\xC3\xA9 \xF0\x9F\x98\x80 ^}\"}", "stray '}'"},
        {"{\"template\": \"a ^\\u007d b\"}", "stray '}'"},
        {"{\"template\": \"a ^\\u007B b\"}", "unclosed '{'"},
        {"  { \"id\": [{\"template\": \"}{\"}, \"}\\\"{\", 2], \"template\"  :  \"a ^}\", \"z\": \"}\" }",
         "stray '}'"},
        {"{\"x\": {\"y\": \",\\\\\"}, \"tem\\u0070late\": \"a ^{\"}", "unclosed '{'"},
    };
    scratch s = scratch_new();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *mark = strchr(bad[i].marked, '^');
        long column = 1;
        for (const char *p = bad[i].marked; p < mark; p++) column += ((unsigned char)*p & 0xC0) != 0x80;
        char *text = gk_arena_printf(s.a, "\n{\"template\": \"{fine}\"}\n%.*s%s\n",
                                     (int)(mark - bad[i].marked), bad[i].marked, mark + 1);
        char *path = scratch_file(&s, "t.jsonl", text);
        gk_template **t;
        size_t n;
        gk_error e;
        ck_assert(!gk_templates_load(s.a, path, &t, &n, &e));
        assert_error_at(&e, path, gk_arena_printf(s.a, ":3:%ld: %s", column, bad[i].what));
    }
    scratch_free(&s);
}
END_TEST

START_TEST(unknown_field_points_at_its_hole) {
    scratch s = scratch_new();
    char *path = scratch_file(
        &s, "t.jsonl", "{\"template\": \"{a}\"}\n{\"template\": \"\\\"{a}\\\" {{ \\u00e9 {actr} {b}\"}\n");
    gk_template **t;
    size_t n = 0;
    gk_error e;
    ck_assert(gk_templates_load(s.a, path, &t, &n, &e));
    ck_assert_uint_eq(n, 2);
    json_t *row = object("{\"a\": \"x\", \"actor\": \"y\"}"), *fillers = object("{\"b\": \"z\"}");
    ck_assert(gk_template_check(t[0], row, NULL, &e));
    ck_assert(!gk_template_check(t[1], row, fillers, &e));
    const char *want = ":2:33: unknown field 'actr' in the template; the fields here are: a, actor, b";
    assert_error_at(&e, path, want);
    gk_rendered r;
    ck_assert(!gk_template_render(t[1], row, fillers, GK_NOWHERE, s.a, &r, &e));
    assert_error_at(&e, path, want);
    json_decref(row);
    json_decref(fillers);
    scratch_free(&s);
}
END_TEST

START_TEST(text_outside_a_file_counts_from_its_place) {
    gk_arena *a = gk_arena_new();
    gk_error e;
    ck_assert_ptr_null(gk_template_parse(a, "ab\n\xC3\xA9 }", GK_AT_FILE("x.yaml"), &e));
    assert_error_at(&e, "x.yaml", ":2:3: stray '}'");
    ck_assert_ptr_null(gk_template_parse(a, "ab }", GK_AT_LINE("x.yaml", 7, 10), &e));
    assert_error_at(&e, "x.yaml", ":7:13: stray '}'");
    gk_arena_free(a);
}
END_TEST

START_TEST(bad_template_files) {
    static const struct {
        const char *text, *at;
    } bad[] = {
        {"{\"template\": \"a\"}\n{\"tmplate\": \"a\"}", ":2: field 'template': is missing; must be a string"},
        {"{\"template\": 5}", ":1: field 'template': is 5; must be a string"},
        {"{\"template\": \"a}", ":1:"},
        {"\n\n", ": there is no template here"}};
    scratch s = scratch_new();
    gk_template **t;
    size_t n;
    gk_error e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *path = scratch_file(&s, "t.jsonl", bad[i].text);
        ck_assert(!gk_templates_load(s.a, path, &t, &n, &e));
        assert_error_at(&e, path, bad[i].at);
    }
    ck_assert(!gk_templates_load(s.a, scratch_path(&s, "none"), &t, &n, &e));
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- rendering */

static void assert_field(const gk_rendered *r, size_t i, const char *field, const char *value) {
    ck_assert_str_eq(r->fields[i].field, field);
    gk_span at = r->fields[i].span;
    ck_assert_uint_eq(at.end - at.begin, strlen(value));
    ck_assert_int_eq(memcmp(r->text + at.begin, value, strlen(value)), 0);
}

START_TEST(render_fills_holes_and_records_spans) {
    gk_arena *a = gk_arena_new();
    gk_error e;
    gk_template *t = gk_template_parse(a, "{a}{b}: {{{a}}} in {year} at {x}, {relation}.", GK_NOWHERE, &e);
    ck_assert_ptr_nonnull(t);
    ck_assert_str_eq(gk_template_text(t), "{a}{b}: {{{a}}} in {year} at {x}, {relation}.");
    ck_assert(gk_template_has(t, "year") && !gk_template_has(t, "yea"));
    json_t *row = object("{\"a\": \"Zo\\u00eb\", \"b\": \"B\", \"year\": 1999, \"x\": 0.1}");
    json_t *fillers = object("{\"relation\": \"stars\", \"a\": \"not this\"}");
    gk_rendered r;
    ck_assert(gk_template_render(t, row, fillers, GK_NOWHERE, a, &r, &e));
    ck_assert_str_eq(r.text, "Zo\xC3\xAB"
                             "B: {Zo\xC3\xAB} in 1999 at 0.1, stars.");
    ck_assert_uint_eq(r.len, strlen(r.text));
    ck_assert_uint_eq(r.n_fields, 6);
    assert_field(&r, 0, "a", "Zo\xC3\xAB");
    assert_field(&r, 1, "b", "B");
    assert_field(&r, 2, "a", "Zo\xC3\xAB");
    assert_field(&r, 3, "year", "1999");
    assert_field(&r, 4, "x", "0.1");
    assert_field(&r, 5, "relation", "stars");
    ck_assert_uint_eq(r.fields[2].span.begin, 8);
    json_decref(row);
    json_decref(fillers);
    gk_arena_free(a);
}
END_TEST

START_TEST(render_without_holes) {
    gk_arena *a = gk_arena_new();
    gk_rendered r;
    json_t *row = object("{}");
    ck_assert(gk_template_render(gk_template_parse(a, "plain", GK_NOWHERE, NULL), row, NULL, GK_NOWHERE, a,
                                 &r, NULL));
    ck_assert_str_eq(r.text, "plain");
    ck_assert_uint_eq(r.n_fields, 0);
    ck_assert(
        gk_template_render(gk_template_parse(a, "", GK_NOWHERE, NULL), row, NULL, GK_NOWHERE, a, &r, NULL));
    ck_assert_str_eq(r.text, "");
    json_decref(row);
    gk_arena_free(a);
}
END_TEST

START_TEST(values_that_cannot_be_filled_in) {
    static const struct {
        const char *row, *error;
    } bad[] = {
        {"{\"a\": null}", "rows:4: field 'a': is null; must be a string that is not empty, or a number"},
        {"{\"a\": \"\"}", "rows:4: field 'a': is empty; must be a string that is not empty, or a number"},
        {"{\"a\": true}",
         "rows:4: field 'a': is true or false; must be a string that is not empty, or a number"},
        {"{\"a\": [1]}",
         "rows:4: field 'a': is an object or an array; must be a string that is not empty, or a number"}};
    gk_arena *a = gk_arena_new();
    gk_template *t = gk_template_parse(a, "x {a}", GK_AT_FILE("t"), NULL);
    json_t *fillers = object("{\"a\": \"not taken\"}");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *row = object(bad[i].row);
        gk_rendered r;
        gk_error e;
        ck_assert(!gk_template_render(t, row, fillers, GK_AT_LINE("rows", 4, 0), a, &r, &e));
        assert_error(&e, bad[i].error);
        json_decref(row);
    }
    json_decref(fillers);
    gk_arena_free(a);
}
END_TEST

/* A line of a megabyte that is all holes takes a moment, not minutes. */
START_TEST(many_holes) {
    enum { N = 200000 };
    scratch s = scratch_new();
    gk_buf b = {0};
    gk_template **t;
    size_t n = 0;
    gk_error e;
    gk_buf_puts(&b, "{\"template\": \"");
    for (int i = 0; i < N; i++) gk_buf_puts(&b, "\\n{a}");
    gk_buf_puts(&b, "}\"}");
    char *path = scratch_file(&s, "t.jsonl", b.data);
    ck_assert(!gk_templates_load(s.a, path, &t, &n, &e));
    assert_error_at(&e, path, gk_arena_printf(s.a, ":1:%d: stray '}'", 14 + 5 * N + 1));
    gk_buf_free(&b);
    scratch_free(&s);
}
END_TEST

START_TEST(what_stands_before_a_field) {
    static const struct {
        const char *text, *before; /* NULL: there is nothing to ask */
    } cases[] = {
        {"{a} stars with  {b}.", "x stars with  "},
        {"{{b}} {a} and {b} and {b}", "{b} x and "},
        {"{a} {b}", "x "},
        {"{b} stars with {a}", NULL},
        {"With {b} is {a}", NULL},
        {"{a} stars", NULL},
        {"{a} stars with \"{b}\"", "x stars with \""},
        {"{a}{b}", "x"},
    };
    scratch s = scratch_new();
    json_t *row = object("{\"a\": \"x\", \"b\": \"y\"}");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_template *t = gk_template_parse(s.a, cases[i].text, GK_NOWHERE, NULL);
        gk_template *cut = gk_template_before(s.a, t, "b");
        gk_rendered out;
        ck_assert_msg((cut != NULL) == (cases[i].before != NULL), "%s", cases[i].text);
        if (!cut) continue;
        ck_assert(!gk_template_has(cut, "b") && gk_template_has(cut, "a"));
        ck_assert(gk_template_render(cut, row, NULL, GK_NOWHERE, s.a, &out, NULL));
        ck_assert_str_eq(out.text, cases[i].before);
        ck_assert_str_eq(out.seam, ""); /* the rest of the template begins there */
        ck_assert_uint_eq(out.n_fields, 1);
        ck_assert(strncmp(gk_template_text(t), gk_template_text(cut), strlen(gk_template_text(cut))) == 0);
        ck_assert(gk_template_render(t, row, NULL, GK_NOWHERE, s.a, &out, NULL)); /* which is as it was */
        ck_assert(gk_template_has(t, "b"));
    }
    json_decref(row);
    scratch_free(&s);
}
END_TEST

/* As a program without JSON fills one. */
START_TEST(fill_takes_names_and_texts) {
    static const struct {
        const char *template, *values[6], *text, *what;
    } cases[] = {
        {"{a} stars in {b}{a}", {"a", "Ada", "b", "Rain", NULL}, "Ada stars in RainAda", NULL},
        {"no hole", {NULL}, "no hole", NULL},
        {"{a} and {c}",
         {"a", "x", "b", "y", NULL},
         NULL,
         "t:2:9: unknown field 'c' in the template; the fields here are: a, b"},
        {"{a}",
         {"a", "", NULL},
         NULL,
         "t:2:1: field 'a': is empty; must be a string that is not empty, or a number"},
        {"{a}",
         {"a", "\xff", NULL},
         NULL,
         "field 'a': the name or its value is not UTF-8; write it in UTF-8"},
        {"{a}",
         {"a", NULL},
         NULL,
         "field 'a': the name has no value behind it; give names and values in turn, then NULL"},
    };
    scratch s = scratch_new();
    gk_rendered out;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_error err;
        gk_template *t = gk_template_parse(s.a, cases[i].template, GK_AT_LINE("t", 2, 1), NULL);
        bool ok = gk_template_fill(t, cases[i].values, s.a, &out, &err);
        ck_assert_int_eq(ok, cases[i].text != NULL);
        if (ok) ck_assert_str_eq(out.text, cases[i].text);
        if (!ok) assert_error(&err, cases[i].what);
    }
    gk_template *t = gk_template_parse(s.a, cases[0].template, GK_NOWHERE, NULL);
    ck_assert(gk_template_fill(t, cases[0].values, s.a, &out, NULL));
    ck_assert_uint_eq(out.n_fields, 3);
    ck_assert_str_eq(out.fields[1].field, "b");
    ck_assert(out.fields[1].span.begin == 13 && out.fields[1].span.end == 17);
    ck_assert_str_eq(out.seam, " ");
    /* What the line itself says of a field is used where the caller says nothing of it. */
    gk_template **list;
    size_t n;
    char *file = scratch_file(&s, "t.jsonl", "{\"template\": \"{a} {b}\", \"fillers\": {\"b\": \"own\"}}");
    ck_assert(gk_templates_load(s.a, file, &list, &n, NULL));
    const char *const a[] = {"a", "mine", NULL}, *const b[] = {"a", "mine", "b", "yours", NULL};
    ck_assert(gk_template_fill(list[0], a, s.a, &out, NULL));
    ck_assert_str_eq(out.text, "mine own");
    ck_assert(gk_template_fill(list[0], b, s.a, &out, NULL));
    ck_assert_str_eq(out.text, "mine yours");
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("template");
    TCase *t = tcase_create("template");
    tcase_add_test(t, errors_point_at_the_brace_in_the_raw_line);
    tcase_add_test(t, unknown_field_points_at_its_hole);
    tcase_add_test(t, text_outside_a_file_counts_from_its_place);
    tcase_add_test(t, bad_template_files);
    tcase_add_test(t, render_fills_holes_and_records_spans);
    tcase_add_test(t, render_without_holes);
    tcase_add_test(t, values_that_cannot_be_filled_in);
    tcase_add_test(t, many_holes);
    tcase_add_test(t, what_stands_before_a_field);
    tcase_add_test(t, fill_takes_names_and_texts);
    suite_add_tcase(s, t);
    return run_suite(s);
}
