/* modules: report eval graft train model tokenizer core
 *
 * test_diff_page.c: how a comparison's figures are written, and the page on it. */
#include "graftkit/model/config.h"
#include "graftkit/model/difference.h"
#include "graftkit/model/weights.h"
#include "graftkit/report.h"
#include "tests/support/scratch.h"

#include <math.h>

START_TEST(relative_norms_in_few_characters) {
    static const struct {
        double x;
        const char *text;
    } cases[] = {
        {0, "0"},          {1.2345, "123%"},    {0.12, "12%"},         {0.0994, "9.9%"},    {0.09951, "10%"},
        {0.01234, "1.2%"}, {0.001234, "0.12%"}, {0.0001234, "0.012%"}, {0.00005, "0.005%"}, {3e-8, "3e-06%"},
        {5000, "5e+05%"},  {INFINITY, "inf"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[GK_DIFF_TEXT];
        ck_assert_str_eq(gk_diff_text(cases[i].x, text), cases[i].text);
    }
}
END_TEST

START_TEST(steps_are_powers_of_four) {
    int steps[GK_DIFF_STEPS];
    ck_assert_int_eq(gk_diff_steps(64, steps), 4);
    ck_assert(steps[0] == 1 && steps[1] == 4 && steps[2] == 16 && steps[3] == 64);
    ck_assert_int_eq(gk_diff_steps(63, steps), 3);
    ck_assert_int_eq(gk_diff_steps(256, steps), 5);
    ck_assert_int_eq(gk_diff_steps(1, steps), 1);
}
END_TEST

typedef struct two {
    scratch s;
    gk_model *a, *b;
    gk_diff *d;
} two;

/* Layers of a model that differ in o alone, each by another factor; layer 2 not at all. */
static two make(bool differ) {
    two t = {.s = scratch_new()};
    gk_config c;
    gk_config_default(gk_family_find("llama"), 50, &c);
    c.d_model = 32, c.n_layers = 4, c.d_ffn = 40;
    gk_config_derive(&c);
    t.a = gk_model_new(&c, 1, NULL);
    t.b = gk_model_copy(t.a);
    for (int l = 0; differ && l < 4; l++) {
        float *o = gk_model_data(t.b) + (gk_model_tensor(t.b, l, GK_O).w - gk_model_data(t.b));
        for (int i = 0; l != 2 && i < 32 * 32; i++) o[i] *= 1 + 0.15f * (float)(l + 1);
    }
    t.d = gk_model_diff(t.a, t.b, 16, NULL, NULL);
    ck_assert_ptr_nonnull(t.d);
    return t;
}

static void drop(two *t) {
    gk_diff_free(t->d);
    gk_model_free(t->a);
    gk_model_free(t->b);
    scratch_free(&t->s);
}

START_TEST(medians_leave_out_what_is_equal) {
    two t = make(true);
    double r[3];
    for (int i = 0; i < 3; i++) r[i] = gk_diff_stable_rank(gk_diff_find(t.d, i == 2 ? 3 : i, GK_O));
    double middle = fmax(fmin(r[0], r[1]), fmin(fmax(r[0], r[1]), r[2]));
    ck_assert_double_eq(gk_diff_median(t.d, GK_O, 0), middle);
    ck_assert(isnan(gk_diff_median(t.d, GK_Q, 0)) && isnan(gk_diff_median(t.d, GK_O, 64)));
    ck_assert_double_eq_tol(gk_diff_relative(gk_diff_find(t.d, 3, GK_O)), 0.6, 1e-6);
    drop(&t);
}
END_TEST

static size_t count(const char *text, const char *what) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++) n++;
    return n;
}

static char *page_of(two *t) {
    gk_error err = {0};
    char why[1024], *path = scratch_path(&t->s, "new/page.html");
    ck_assert_msg(gk_diff_write(t->d, "a<b>", "b&c", path, NULL, &err), "%s",
                  gk_error_text(&err, why, sizeof why));
    return gk_read_file(t->s.a, path, 1 << 24, NULL, &err);
}

START_TEST(the_page_holds_everything) {
    two t = make(true);
    char *page = page_of(&t);
    ck_assert_uint_eq(count(page, "<svg"), 1);
    ck_assert_uint_eq(count(page, "src="), 0);
    ck_assert_uint_eq(count(page, "url(http"), 0);
    ck_assert(strstr(page, "a&lt;b&gt;") && strstr(page, "b&amp;c") && !strstr(page, "a<b>"));
    ck_assert_uint_eq(count(page, "class=\"muted\">identical"), t.d->n - 3);
    const char *svg = strstr(page, "<svg"), *end = strstr(page, "</svg>");
    const char *cell = strstr(svg, "15%"), *last = strstr(svg, "60%"); /* o of layers 0 and 3 */
    ck_assert(cell && last && cell < last && last < end);
    ck_assert_ptr_nonnull(strstr(page, "<strong>o of layer 3</strong>: 60%"));
    ck_assert_ptr_nonnull(strstr(page, "stable rank"));
    drop(&t);
}
END_TEST

START_TEST(the_page_of_equal_models) {
    two t = make(false);
    char *page = page_of(&t);
    ck_assert_ptr_nonnull(strstr(page, "Their weights are identical."));
    ck_assert_uint_eq(count(page, "class=\"muted\">identical"), t.d->n);
    ck_assert_ptr_null(strstr(page, "In how many directions"));
    drop(&t);
}
END_TEST

int main(void) {
    Suite *s = suite_create("diff_page");
    TCase *t = tcase_create("diff_page");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, relative_norms_in_few_characters);
    tcase_add_test(t, steps_are_powers_of_four);
    tcase_add_test(t, medians_leave_out_what_is_equal);
    tcase_add_test(t, the_page_holds_everything);
    tcase_add_test(t, the_page_of_equal_models);
    suite_add_tcase(s, t);
    return run_suite(s);
}
