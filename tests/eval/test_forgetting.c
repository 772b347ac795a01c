/* modules: report eval graft train model tokenizer core
 *
 * test_forgetting.c: the verdict on a finetuned model's language, from lines of metrics.jsonl, and what the
 * report makes of it. */
#include "eval/learned/forgetting.h"
#include "tests/support/report_fixture.h"

static json_t *line(double loss, double tokens, double bytes) {
    json_t *o = json_pack("{s:f, s:f}", "general_tokens", tokens, "general_bytes", bytes);
    json_object_set_new(o, "general_loss", isfinite(loss) ? json_real(loss) : json_null());
    return o;
}

/* 4 bytes a token: a loss of 3 nats is 3 / ln 2 / 4 = 1.08 bits a byte. */
static gk_forgetting_verdict verdict(double before, double after, double *times) {
    gk_forgetting f;
    json_t *a = line(before, 1000, 4000), *b = line(after, 1000, 4000);
    ck_assert(gk_forgetting_read(a, b, &f));
    if (isfinite(before)) ck_assert_double_eq_tol(f.before, exp(before), 1e-9 * exp(before));
    if (isfinite(before)) ck_assert_double_eq_tol(f.bits, before / log(2) / 4, 1e-12);
    *times = f.times;
    json_decref(a);
    json_decref(b);
    return f.verdict;
}

START_TEST(verdicts) {
    double times;
    ck_assert_int_eq(verdict(3, 3, &times), GK_KEPT);
    ck_assert_double_eq(times, 1);
    ck_assert_int_eq(verdict(3, 2.5, &times), GK_KEPT); /* it got better */
    ck_assert_int_eq(verdict(3, 3 + log(1.49), &times), GK_KEPT);
    ck_assert_int_eq(verdict(3, 3 + log(1.51), &times), GK_FORGOT);
    ck_assert_int_eq(verdict(3, 3 + log(3.99), &times), GK_FORGOT);
    ck_assert_int_eq(verdict(3, 3 + log(4.01), &times), GK_LOST);
    ck_assert_double_eq_tol(times, 4.01, 1e-9);
    ck_assert_int_eq(verdict(3, (double)NAN, &times), GK_LOST);
    ck_assert_int_eq(verdict(log(2) * 8.01, 3, &times), GK_NO_LANGUAGE); /* 2 bits a byte and more */
    ck_assert_int_eq(verdict((double)NAN, 3, &times), GK_NO_LANGUAGE);
    gk_forgetting f;
    json_t *none = json_object(), *some = line(3, 1, 4);
    ck_assert(!gk_forgetting_read(none, some, &f) && !gk_forgetting_read(some, none, &f));
    json_t *other = line(3, 1, 4);
    json_object_set_new(some, "general_sha256", json_string("aa"));
    json_object_set_new(other, "general_sha256", json_string("bb"));
    ck_assert(gk_forgetting_read(some, some, &f) && !gk_forgetting_read(some, other, &f));
    json_decref(other);
    json_decref(none);
    json_decref(some);
}
END_TEST

static const char BEGINS[] = "{\"step\":0,\"epochs\":0,\"tokens\":0,\"general_loss\":3,\"general_tokens\":"
                             "1000,\"general_bytes\":4000}\n"
                             "{\"step\":1,\"epoch\":0,\"tokens\":9,\"loss\":2,\"grad_norm\":1,\"lr\":0.1}\n";

static const char *ends(bench *b, int step, double loss) {
    return gk_arena_printf(
        b->s.a,
        "{\"step\":%d,\"epochs\":1,\"tokens\":9,\"general_loss\":%.3f,\"general_tokens\":1000,"
        "\"general_bytes\":4000,\"change\":{\"all\":0.0123,\"q\":0.25}}\n",
        step, loss);
}

static char *page_of(bench *b, const gk_report_model *models, size_t n) {
    gk_report_options o = options(b);
    o.models = models;
    o.n_models = n;
    return write_report(b, &o);
}

START_TEST(the_report_tells) {
    bench b = bench_new();
    keep_set(&b, "component");
    alter(&b, "INSERT INTO model(name, path, sha256, config_sha256) SELECT column1, '', '', '' FROM "
              "(VALUES ('kept<b>'), ('gone'))");
    char *sound = scratch_path(&b.s, "sound"), *lost = scratch_path(&b.s, "lost"),
         *best = scratch_path(&b.s, "best");
    ck_assert(gk_mkdirs(sound, NULL) && gk_mkdirs(lost, NULL) && gk_mkdirs(best, NULL));
    scratch_file(&b.s, "sound/metrics.jsonl", gk_arena_printf(b.s.a, "%s%s", BEGINS, ends(&b, 1, 3.1)));
    scratch_file(&b.s, "lost/metrics.jsonl", gk_arena_printf(b.s.a, "%s%s", BEGINS, ends(&b, 1, 5)));
    /* The best step is what the run ended with, whatever came after. */
    scratch_file(&b.s, "best/metrics.jsonl",
                 gk_arena_printf(b.s.a, "%s%s%s", BEGINS, ends(&b, 1, 3.2), ends(&b, 2, 9)));
    scratch_file(&b.s, "best/train.json", "{\"inputs\":{\"recipe\":{\"keep_best\":true}},\"best_step\":1}");
    const gk_report_model models[] = {
        {"base", lost}, {"sft", sound}, {"kept<b>", best}, {"gone", scratch_path(&b.s, "nowhere")}};
    char *page = page_of(&b, models, 4);
    ck_assert_ptr_nonnull(strstr(page, "<h2 id=\"forgetting\">"));
    ck_assert_ptr_nonnull(strstr(page, "<td class=\"name\">sft</td><td>20.09</td><td>22.2</td><td>1.105</td>"
                                       "<td>kept its language</td>"));
    ck_assert_ptr_nonnull(strstr(page, "<td class=\"name\">kept&lt;b&gt;</td><td>20.09</td><td>24.53</td>"));
    ck_assert_ptr_nonnull(strstr(page, "<td class=\"name\">sft</td><td>0.0123</td><td>0.25</td>"));
    ck_assert_ptr_null(strstr(page, "lost its language.</strong>")); /* the base is no donor */

    const gk_report_model lost_one[] = {{"sft", lost}};
    page = page_of(&b, lost_one, 1);
    char *headline = strstr(page, "The donor sft has lost its language.</strong>");
    ck_assert_ptr_nonnull(headline);
    ck_assert(headline < strstr(page, "class=\"summary\">"));
    ck_assert_ptr_nonnull(
        strstr(headline, "perplexity of general text 20.09 before, 148.4 after (7.39 times)"));

    page = page_of(&b, NULL, 0);
    ck_assert_ptr_null(strstr(page, "id=\"forgetting\""));
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("forgetting");
    TCase *t = tcase_create("forgetting");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, verdicts);
    tcase_add_test(t, the_report_tells);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
