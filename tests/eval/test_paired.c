/* test_paired.c: McNemar's test and Holm's correction against values worked by hand, the paired bootstrap
 * against one written out, and what is exported against the store. */
/* modules: report eval graft train model tokenizer core */
#include "core/json.h"
#include "tests/support/report_fixture.h"

/* ---------------------------------------------------------------- tests */

/* Values of scipy.stats.fisher_exact(alternative="less"). */
START_TEST(fisher_is_the_hypergeometric_tail) {
    ck_assert_double_eq(gk_fisher_fewer(0, 0, 3, 5), 1);
    ck_assert_double_eq(gk_fisher_fewer(2, 4, 0, 0), 1);
    ck_assert_double_eq_tol(gk_fisher_fewer(0, 4, 8, 8), 1 / 495.0, 1e-12);
    ck_assert_double_eq_tol(gk_fisher_fewer(2, 4, 6, 8), 0.4060606060606061, 1e-12);
    ck_assert_double_eq_tol(gk_fisher_fewer(7, 11, 85, 89), 0.004621697065438825, 1e-12);
    ck_assert_double_eq_tol(gk_fisher_fewer(4, 4, 8, 8), 1, 1e-12);
    ck_assert_double_eq_tol(gk_fisher_fewer(40, 200, 700, 3000), 0.15960649465791382, 1e-10);
}
END_TEST

START_TEST(mcnemar_is_the_binomial_tail) {
    ck_assert_double_eq(gk_mcnemar(0, 0), 1);
    ck_assert_double_eq(gk_mcnemar(4, 4), 1);
    ck_assert_double_eq_tol(gk_mcnemar(1, 0), 1, 1e-12);
    ck_assert_double_eq_tol(gk_mcnemar(5, 0), 2.0 / 32, 1e-12);
    ck_assert_double_eq_tol(gk_mcnemar(0, 5), 2.0 / 32, 1e-12);
    ck_assert_double_eq_tol(gk_mcnemar(8, 2), 2 * (1 + 10 + 45) / 1024.0, 1e-12);
    ck_assert_double_eq_tol(gk_mcnemar(2, 1), 1, 1e-12); /* 2 (1 + 3) / 8 */
    ck_assert_double_eq_tol(gk_mcnemar(25, 12), 0.04703102743951604, 1e-12);
    ck_assert_double_gt(gk_mcnemar(900, 100), 0);
    ck_assert_double_eq(gk_mcnemar(100000, 0), 0); /* below the smallest double */
}
END_TEST

/* Sorted: 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1, and none below the one before it. */
START_TEST(holm_steps_down) {
    const double p[] = {0.01, 0.04, (double)NAN, 0.03, 0.005}, want[] = {0.03, 0.06, 0, 0.06, 0.02};
    double got[5];
    gk_holm(p, 5, got);
    for (int i = 0; i < 5; i++)
        if (i == 2)
            ck_assert(isnan(got[i]));
        else
            ck_assert_double_eq_tol(got[i], want[i], 1e-12);
    const double large[] = {0.5, 0.9};
    gk_holm(large, 2, got);
    ck_assert_double_eq(got[0], 1);
    ck_assert_double_eq(got[1], 1);
    gk_holm(NULL, 0, got);
}
END_TEST

/* ---------------------------------------------------------------- one pair */

static gk_obs at_rank(uint32_t row, double rank) {
    return (gk_obs){.row = row, .weight = 1, .rank = rank};
}

/* Four rows with 1, 2, 1 and 2 prompts. Right under the reference: no | yes no | yes | no no; under the
 * other: yes | yes yes | no | no yes. */
START_TEST(pair_is_compared_by_rows) {
    const gk_obs ref[] = {at_rank(7, 9), at_rank(2, 0), at_rank(2, 5),
                          at_rank(0, 4), at_rank(1, 7), at_rank(1, 8)};
    const gk_obs obs[] = {at_rank(7, 4), at_rank(2, 0), at_rank(2, 1),
                          at_rank(0, 6), at_rank(1, 5), at_rank(1, 0)};
    gk_paired got;
    gk_paired_compute(ref, obs, 6, 5, 11, 500, &got);
    ck_assert_uint_eq(got.n, 6);
    ck_assert_uint_eq(got.rows, 4);
    ck_assert_uint_eq(got.rows_more, 3);
    ck_assert_uint_eq(got.rows_fewer, 1);
    ck_assert_double_eq_tol(got.diff, 2.0 / 6, 1e-12);
    ck_assert_double_eq_tol(got.p, 2 * (1 + 4) / 16.0, 1e-12);
    /* The same draws, prompt by prompt. */
    static const int begin[] = {0, 1, 3, 4, 6};
    double draw[500];
    gk_rng rng;
    gk_rng_seed(&rng, 11, "bootstrap");
    for (int b = 0; b < 500; b++) {
        int n = 0, more = 0;
        for (int k = 0; k < 4; k++) {
            size_t row = (size_t)gk_rng_below(&rng, 4);
            for (int i = begin[row]; i < begin[row + 1]; i++, n++)
                more += (obs[i].rank < 5) - (ref[i].rank < 5);
        }
        draw[b] = (double)more / n;
    }
    for (int i = 1; i < 500; i++) /* insertion sort */
        for (int k = i; k > 0 && draw[k] < draw[k - 1]; k--) {
            double x = draw[k];
            draw[k] = draw[k - 1];
            draw[k - 1] = x;
        }
    double low = draw[12] + 0.475 * (draw[13] - draw[12]), high = draw[486] + 0.525 * (draw[487] - draw[486]);
    ck_assert_double_eq_tol(got.low, low, 1e-12);
    ck_assert_double_eq_tol(got.high, high, 1e-12);
    /* No row differs, or every one: Clopper and Pearson's share of the rows that were not seen. */
    double u = 1 - pow(0.025, 0.25);
    gk_paired_compute(ref, ref, 6, 5, 11, 500, &got);
    ck_assert(got.diff == 0 && fabs(got.low + u) < 1e-12 && fabs(got.high - u) < 1e-12);
    gk_obs all[6], none[6];
    for (uint32_t i = 0; i < 6; i++) {
        all[i] = at_rank(ref[i].row, 0);
        none[i] = at_rank(ref[i].row, 9);
    }
    gk_paired_compute(none, all, 6, 5, 11, 500, &got);
    ck_assert(got.diff == 1 && fabs(got.low - (1 - 2 * u)) < 1e-12 && got.high == 1);
    gk_paired_compute(ref, obs, 0, 5, 11, 500, &got);
    ck_assert(isnan(got.diff) && isnan(got.p) && isnan(got.low));
}
END_TEST

/* ---------------------------------------------------------------- a store */

static const char *text_of(const json_t *row, const char *key) {
    const char *v = json_string_value(json_object_get(row, key));
    ck_assert_ptr_nonnull(v);
    return v;
}

static double number_of(const json_t *row, const char *key) {
    return json_number_value(json_object_get(row, key));
}

/* The difference of the shares over the prompts that both have, asked of the database. */
static double wanted(const bench *b, const json_t *row) {
    return sql_value(
        b,
        gk_arena_printf(b->s.a,
                        "SELECT avg((x.rank < 5) - (y.rank < 5)) FROM result x JOIN result y ON y.prompt = "
                        "x.prompt WHERE x.dropped IS NULL AND y.dropped IS NULL AND"
                        " x.scheme = (SELECT source FROM scheme WHERE name = '%s') AND"
                        " y.scheme = (SELECT source FROM scheme WHERE name = '%s')",
                        text_of(row, "scheme"), text_of(row, "reference")));
}

/* A table row of the page: the difference in points, and both p-values. */
static void check_in_page(const bench *b, const char *page, const json_t *row) {
    gk_buf want = {0};
    gk_buf_printf(&want,
                  "<tr><td class=\"name\">%s</td><td>%s</td><td>%.0f</td><td>%.0f</td><td>%+.1f<small>",
                  text_of(row, "scheme"), text_of(row, "reference"), number_of(row, "n"),
                  number_of(row, "rows"), 100 * number_of(row, "top5_difference"));
    gk_buf_printf(&want, "[%+.1f, %+.1f]</small></td><td>%.0f</td><td>%.0f</td><td>%.3g</td><td%s>%.3g</td>",
                  100 * number_of(row, "top5_difference_low"), 100 * number_of(row, "top5_difference_high"),
                  number_of(row, "rows_more"), number_of(row, "rows_fewer"), number_of(row, "p"),
                  number_of(row, "p_holm") < 0.05 ? " class=\"sure\"" : "", number_of(row, "p_holm"));
    ck_assert_msg(strstr(page, want.data) != NULL, "the page has no %s", want.data);
    gk_buf_free(&want);
    (void)b;
}

START_TEST(differences_are_exported_and_shown) {
    bench b = bench_new();
    gk_error err;
    gk_store *s = gk_store_open(b.db, &err);
    char *path = scratch_path(&b.s, "differ.jsonl"), *summary = scratch_path(&b.s, "summary.json");
    ck_assert(gk_export_differences(s, path, &err));
    ck_assert(gk_export_summary(s, summary, &err));
    gk_store_close(s);
    gk_report_options o = options(&b);
    char *page = write_report(&b, &o);
    json_t *all = gk_json_load(summary, &err), *list = json_object_get(all, "differences"), *row;
    gk_jsonl *in = gk_jsonl_open(path, &err);
    size_t n = 0;
    for (; gk_jsonl_next(in, &row, &err) > 0; n++) {
        ck_assert(json_equal(row, json_array_get(list, n)));
        const char *recipient = strncmp(text_of(row, "scheme"), "task | ", 7) == 0 ? "task | none" : "PRE";
        ck_assert_msg(strcmp(text_of(row, "reference"), recipient) == 0 ||
                          strcmp(text_of(row, "reference"), "SFT-rh") == 0,
                      "%s is compared with %s", text_of(row, "scheme"), text_of(row, "reference"));
        ck_assert(number_of(row, "p_holm") >= number_of(row, "p"));
        if (!strpbrk(text_of(row, "scheme"), "'<\\")) {
            ck_assert_double_eq_tol(number_of(row, "top5_difference"), wanted(&b, row), 1e-12);
            check_in_page(&b, page, row);
        }
        json_decref(row);
    }
    gk_jsonl_close(in);
    ck_assert_uint_eq(n, json_array_size(list));
    ck_assert_uint_eq(n, 2 * b.schemes.n - 3); /* no reference against itself */
    json_decref(all);
    bench_free(&b);
}
END_TEST

static const gk_difference *difference_of(const gk_differences *d, const char *scheme, bool of_donor) {
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->item[i].scheme, scheme) == 0 && d->item[i].of_donor == of_donor) return &d->item[i];
    return NULL;
}

/* What is in one regime, or one recipient, is not compared with another's. */
START_TEST(references_are_of_the_own_regime) {
#define IN "(first); head=recipient; graft(at="
#define WHOLE ", components=all, layers=all)"
    static const struct {
        const char *name, *does, *recipient, *donor;
    } want[] = {
        {"PRE", "(first); head=recipient", NULL, "SFT-rh"},
        {"SFT-rh", IN "all, donor=sft" WHOLE, "PRE", NULL},
        {"SFT-rh, free", IN "all, donor=free" WHOLE, "PRE", NULL},
        {"FE", IN "entity, donor=sft" WHOLE, "PRE", "SFT-rh"},
        {"FE, free", IN "entity, donor=free" WHOLE, "PRE", "SFT-rh, free"},
        {"LT, other", IN "last, donor=other" WHOLE, "PRE", "SFT"},
        {"SFT", "(first); head=other; graft(at=all, donor=other" WHOLE, "PRE", NULL},
        {"none", "task; head=recipient", NULL, "SFT-rh"},
        {"FFN", "task; head=recipient; graft(at=last, donor=sft, components=o, layers=all)", "none",
         "SFT-rh"},
        {"FFN, free", "free_task; head=recipient; graft(at=last, donor=free, components=o, layers=all)", NULL,
         "SFT-rh, free"},
        {"back", "sft; head=recipient; graft(at=last, donor=pre" WHOLE, NULL, "back all"},
        {"back all", "sft; head=recipient; graft(at=all, donor=pre" WHOLE, NULL, NULL},
        {"hybrid", IN "entity, donor=free" WHOLE "; graft(at=last, donor=sft" WHOLE, "PRE", "SFT-rh"},
    };
#undef IN
#undef WHOLE
    enum { N = sizeof want / sizeof *want };
    gk_arena *a = gk_arena_new();
    gk_tried tried[N];
    gk_outcomes o = {.scheme = tried, .n = N};
    gk_outcome one = {.prompt = 1, .tmpl = 1};
    gk_differences d;
    for (size_t i = 0; i < N; i++)
        tried[i] = (gk_tried){.set = "s",
                              .scheme = want[i].name,
                              .canonical = gk_arena_printf(a, "recipient=%s", want[i].does),
                              .item = &one,
                              .n = 1};
    gk_differences_of(&o, a, 1, &d);
    for (size_t i = 0; i < N; i++)
        for (int donor = 0; donor < 2; donor++) {
            const gk_difference *x = difference_of(&d, want[i].name, donor);
            const char *is = x ? x->reference : "nothing", *to = donor ? want[i].donor : want[i].recipient;
            ck_assert_msg(strcmp(is, to ? to : "nothing") == 0, "%s is compared with %s", want[i].name, is);
        }
    ck_assert_uint_eq(d.n_without, 3);
    ck_assert_str_eq(d.without[0]->scheme, "FFN, free");
    gk_arena_free(a);
}
END_TEST

/* Without PRE and SFT, the first scheme of a set is what the others are compared with. */
START_TEST(first_scheme_stands_in) {
    bench b = bench_new();
    /* A name makes no reference: what it does is looked at. */
    alter(
        &b,
        "DELETE FROM applies WHERE scheme IN (SELECT id FROM scheme WHERE name IN ('PRE', 'SFT', 'SFT-rh'));"
        "DELETE FROM scheme WHERE name IN ('PRE', 'SFT', 'SFT-rh');"
        "UPDATE scheme SET name = 'PRE' WHERE name = 'FE'; UPDATE scheme SET name = 'SFT-rh' WHERE name = "
        "'LT^C'");
    gk_error err;
    gk_store *s = gk_store_open(b.db, &err);
    char *path = scratch_path(&b.s, "differ.csv");
    ck_assert(gk_export_differences(s, path, &err));
    gk_store_close(s);
    char *text = gk_read_file(b.s.a, path, 1 << 20, NULL, &err);
    ck_assert_ptr_nonnull(strstr(text, "\nposition,LT,PRE,"));
    ck_assert_ptr_nonnull(strstr(text, "\ncomponent,task | ATTN+O,task | none,"));
    ck_assert_ptr_null(strstr(text, ",PRE,PRE,"));
    ck_assert_uint_eq(count(text, ",SFT-rh,"), 1); /* no reference of anything */
    bench_free(&b);
}
END_TEST

/* The definition, resample by resample. */
START_TEST(shares_add_up_as_defined) {
    enum { FACTS = 20, EACH = 3, PROMPTS = FACTS * EACH };
    gk_obs obs[5][PROMPTS];
    gk_rng rng;
    gk_rng_seed(&rng, 4, "additive");
    for (int i = 0; i < PROMPTS; i++)
        for (int s = 0; s < 5; s++)
            obs[s][i] =
                (gk_obs){.row = (uint32_t)(i % FACTS),
                         .weight = 1,
                         .rank = gk_rng_uniform(&rng) < (const double[]){.1, .9, .4, .3, .8}[s] ? 0 : 50,
                         .logit_diff = (const double[]){-9, 4, -5, -4, 3}[s] + gk_rng_normal(&rng)};
    const gk_additive_obs of = {obs[0], obs[1], obs[2], obs[3], obs[4]};
    for (int logit = 0; logit < 2; logit++) {
        gk_metric m = logit ? GK_METRIC_logit_diff : GK_METRIC_top5;
        gk_additive x;
        gk_additive_of(&of, PROMPTS, m, 7, GK_RESAMPLES, &x);
        double draw[2][GK_RESAMPLES];
        gk_rng_seed(&rng, 7, "bootstrap");
        for (int b = -1; b < GK_RESAMPLES; b++) {
            double mean[5] = {0};
            for (int k = 0; k < FACTS; k++) { /* prompts of a row are i, i + FACTS, … */
                int row = b < 0 ? k : (int)gk_rng_below(&rng, FACTS);
                for (int i = row; i < PROMPTS; i += FACTS)
                    for (int s = 0; s < 5; s++)
                        mean[s] += (logit ? obs[s][i].logit_diff : obs[s][i].rank < 5) / PROMPTS;
            }
            double sum = (mean[2] + mean[3] - 2 * mean[0]) / (mean[1] - mean[0]);
            double additive = (mean[2] + mean[3] - 2 * mean[0]) / (mean[4] - mean[0]);
            if (b < 0) {
                ck_assert_double_eq_tol(x.sum.value, sum, 1e-12);
                ck_assert_double_eq_tol(x.additive.value, additive, 1e-12);
                ck_assert_double_eq_tol(x.sum.value, x.first.value + x.second.value, 1e-12);
                ck_assert_double_eq_tol(x.additive.value * x.both.value, x.sum.value, 1e-12);
            } else {
                draw[0][b] = sum;
                draw[1][b] = additive;
            }
        }
        double low, high;
        gk_percentile_ends(draw[0], GK_RESAMPLES, &low, &high);
        ck_assert_double_eq_tol(x.sum.low, low, 1e-12);
        ck_assert_double_eq_tol(x.sum.high, high, 1e-12);
        gk_percentile_ends(draw[1], GK_RESAMPLES, &low, &high);
        ck_assert_double_eq_tol(x.additive.low, low, 1e-12);
        ck_assert_double_eq_tol(x.additive.high, high, 1e-12);
        ck_assert(x.n == PROMPTS && x.rows == FACTS && x.sum.undefined == 0);
    }
    const gk_additive_obs none = {obs[1], obs[0], obs[2], obs[3], obs[4]}; /* downhill: there is no way */
    gk_additive x;
    gk_additive_of(&none, PROMPTS, GK_METRIC_logit_diff, 7, GK_RESAMPLES, &x);
    ck_assert(isnan(x.sum.value) && isnan(x.additive.value) && isnan(x.first.value));
    ck_assert_int_eq(x.sum.undefined, GK_RESAMPLES);
    gk_additive_of(&of, 0, GK_METRIC_top5, 7, GK_RESAMPLES, &x);
    ck_assert(isnan(x.sum.value) && x.n == 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("paired");
    TCase *t = tcase_create("paired");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, mcnemar_is_the_binomial_tail);
    tcase_add_test(t, fisher_is_the_hypergeometric_tail);
    tcase_add_test(t, holm_steps_down);
    tcase_add_test(t, pair_is_compared_by_rows);
    tcase_add_test(t, differences_are_exported_and_shown);
    tcase_add_test(t, references_are_of_the_own_regime);
    tcase_add_test(t, first_scheme_stands_in);
    tcase_add_test(t, shares_add_up_as_defined);
    suite_add_tcase(s, t);
    return run_suite(s);
}
