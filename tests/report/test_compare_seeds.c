/* test_compare_seeds.c: which runs are averaged, what is told of those that are not, and the numbers over
 * seeds in page and table. */
/* modules: report eval graft train model tokenizer core */
#include "graftkit/eval/statistics.h"
#include "tests/support/report_fixture.h"

enum { RUNS = 3 };

/* A run whose donor is its own: trained by this recipe, on this dataset. */
static bench run_of(const char *hash, const char *recipe, const char *dataset) {
    bench b = bench_new();
    keep_set(&b, "position");
    alter(&b, gk_arena_printf(b.s.a, "UPDATE model SET sha256 = '%s', path = 'gone/sft' WHERE name = 'sft'",
                              hash));
    alter(&b,
          gk_arena_printf(
              b.s.a,
              "UPDATE result SET rank = abs(rank + %d - 50) %% 9, logit_diff = logit_diff + %d / 10.0 WHERE "
              "rank IS NOT NULL AND scheme > 3",
              *hash * 7, *hash - 'a'));
    gk_error err;
    ck_assert(gk_mkdirs(scratch_path(&b.s, "sft"), &err) && gk_mkdirs(scratch_path(&b.s, "data"), &err));
    scratch_file(&b.s, "sft/train.json",
                 gk_arena_printf(
                     b.s.a,
                     "{\"model_sha256\": \"%s\", \"inputs\": {\"seed\": \"%s\", \"recipe\": %s, \"model\": "
                     "{\"layers\": 2, \"initial_sha256\": \"%s\"}}}",
                     hash, hash, recipe, hash));
    scratch_file(
        &b.s, "data/card.json",
        gk_arena_printf(b.s.a, "{\"name\": \"%s\", \"splits\": {\"relation\": {\"rows\": 12}}}", dataset));
    return b;
}

static const char *compare(bench *b, const char *const *dirs, size_t n, bool told) {
    gk_compare_options o = {.runs = dirs,
                            .n_runs = n,
                            .out = b->out,
                            .csv = scratch_path(&b->s, "compare.csv"),
                            .seeds_csv = scratch_path(&b->s, "seeds.csv"),
                            .replicates = told};
    gk_error err = {0};
    ck_assert_msg(gk_compare_write(&o, &err), "%s", err.what);
    const char *page = gk_read_file(b->s.a, o.out, (size_t)1 << 28, NULL, &err);
    check_balance(page);
    return page;
}

static const char *table_of(bench *b) {
    gk_error err;
    return gk_read_file(b->s.a, scratch_path(&b->s, "seeds.csv"), (size_t)1 << 24, NULL, &err);
}

/* What a query gives in each run. */
static void ask(bench *runs, const char *sql, double out[RUNS]) {
    for (int i = 0; i < RUNS; i++) out[i] = sql_value(&runs[i], sql);
}

static void check_line(bench *b, const char *csv, const char *scheme, const char *metric,
                       const double x[RUNS]) {
    double mean = (x[0] + x[1] + x[2]) / RUNS, squares = 0, got[7];
    for (int i = 0; i < RUNS; i++) squares += (x[i] - mean) * (x[i] - mean);
    double sd = sqrt(squares / (RUNS - 1)), half = gk_student_value(0.025, RUNS - 1) * sd / sqrt(RUNS);
    const char *line = strstr(csv, gk_arena_printf(b->s.a, ",position,%s,%s,3,", scheme, metric));
    ck_assert_msg(line != NULL, "no line %s %s in %s", scheme, metric, csv);
    line = strchr(line + strlen(",position,") + strlen(scheme) + strlen(metric) + 2, ',');
    ck_assert_int_eq(
        sscanf(line, ",%lf,%lf,%lf,%lf,%lf,%lf", &got[0], &got[1], &got[2], &got[3], &got[4], &got[5]), 6);
    ck_assert_double_gt(sd, 1e-6);
    ck_assert_double_eq_tol(got[0], mean, 1e-9);
    ck_assert_double_eq_tol(got[1], sd, 1e-9);
    ck_assert_double_eq_tol(got[2], mean - half, 1e-9);
    ck_assert_double_eq_tol(got[3], mean + half, 1e-9);
    ck_assert(got[4] < mean && mean < got[5]);
}

START_TEST(replicates_are_averaged) {
    bench b[RUNS] = {run_of("aa", "{\"lr\": 1}", "films"), run_of("bb", "{\"lr\": 1}", "films"),
                     run_of("cc", "{\"lr\": 1}", "films")};
    const char *const dirs[] = {b[0].s.dir, b[1].s.dir, b[2].s.dir};
    const char *page = compare(&b[0], dirs, RUNS, false), *csv = table_of(&b[0]);
    ck_assert_ptr_nonnull(strstr(page, "Over 3 seeds: "));
    ck_assert_ptr_null(strstr(page, "is not averaged with"));
    static const char *const schemes[] = {"FE", "LT", "FE+LT"};
    for (int i = 0; i < 3; i++) {
        double top5[RUNS], ahead[RUNS];
        ask(b,
            gk_arena_printf(b[0].s.a,
                            "SELECT avg(rank < 5) FROM results WHERE scheme = '%s' AND dropped IS NULL",
                            schemes[i]),
            top5);
        ask(b,
            gk_arena_printf(b[0].s.a,
                            "SELECT avg(logit_diff) FROM results WHERE scheme = '%s' AND dropped IS NULL",
                            schemes[i]),
            ahead);
        check_line(&b[0], csv, schemes[i], "top5", top5);
        check_line(&b[0], csv, schemes[i], "logit_diff", ahead);
        /* A ring for each, and their mean. */
        double mean = 100 * (top5[0] + top5[1] + top5[2]) / RUNS;
        ck_assert_ptr_nonnull(
            strstr(page, gk_arena_printf(b[0].s.a,
                                         "data-scheme=\"%s\" data-series=\"mean of 3 seeds\" "
                                         "data-template=\"pooled\" data-metric=\"seeds_top5\" "
                                         "data-value=\"%.1f\"",
                                         schemes[i], mean)));
    }
    for (int i = 0; i < RUNS; i++) bench_free(&b[i]);
}
END_TEST

/* What differs otherwise is named, and not averaged unless that is asked for. */
START_TEST(others_are_not_averaged_in_silence) {
    static const struct {
        const char *recipe, *dataset, *says;
    } other[] = {{"{\"lr\": 2}", "films", "or do not say: training of sft."},
                 {"{\"lr\": 1}", "battles", "or do not say: dataset."},
                 {"{\"lr\": 2}", "battles", "or do not say: dataset, training of sft."}};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        bench b[RUNS] = {run_of("aa", "{\"lr\": 1}", "films"), run_of("bb", "{\"lr\": 1}", "films"),
                         run_of("cc", other[i].recipe, other[i].dataset)};
        const char *const dirs[] = {b[0].s.dir, b[1].s.dir, b[2].s.dir};
        const char *page = compare(&b[0], dirs, RUNS, false);
        ck_assert_ptr_nonnull(strstr(page, "Over 2 seeds: "));
        ck_assert_ptr_nonnull(strstr(page, other[i].says));
        page = compare(&b[0], dirs, RUNS, true);
        ck_assert_ptr_nonnull(strstr(page, "Over 3 seeds: "));
        ck_assert_ptr_nonnull(strstr(page, "Averaged because that was asked for, though they differ in: "));
        for (int k = 0; k < RUNS; k++) bench_free(&b[k]);
    }
    /* One run named twice, one that was trained anew since, one that has no folder of its data. */
    bench a = run_of("aa", "{\"lr\": 1}", "films"), b = run_of("bb", "{\"lr\": 1}", "films");
    const char *const twice[] = {a.s.dir, a.s.dir};
    const char *page = compare(&a, twice, 2, false);
    ck_assert_ptr_nonnull(strstr(page, "its models are those of a run that is there already"));
    ck_assert_ptr_null(strstr(page, "Over "));
    ck_assert_str_eq(strstr(table_of(&a), "\r\n"), "\r\n"); /* its head alone */
    const char *const two[] = {a.s.dir, b.s.dir};
    scratch_file(&b.s, "sft/train.json", "{\"model_sha256\": \"dd\", \"inputs\": {\"recipe\": {\"lr\": 1}}}");
    ck_assert_ptr_nonnull(strstr(compare(&a, two, 2, false), "or do not say: "));
    ck_assert_int_eq(remove(scratch_path(&a.s, "data/card.json")), 0);
    ck_assert_int_eq(remove(scratch_path(&b.s, "data/card.json")), 0);
    ck_assert_ptr_nonnull(strstr(compare(&a, two, 2, false), "or do not say: dataset, "));
    bench_free(&a);
    bench_free(&b);
}
END_TEST

/* What was trained and made elsewhere is looked for there first: the other regime of a run, its articles. A
 * model or rows that were replaced there say nothing. */
START_TEST(models_of_another_folder_are_found) {
    bench b[2] = {run_of("aa", "{\"lr\": 1}", "films"), run_of("bb", "{\"lr\": 1}", "films")};
    const char *const dirs[] = {b[0].s.dir, b[1].s.dir};
    gk_error err;
    for (int i = 0; i < 2; i++) {
        gk_arena *a = b[i].s.a;
        char hash[GK_SHA256_HEX];
        ck_assert(gk_mkdirs(scratch_path(&b[i].s, "else/data/relation"), &err));
        ck_assert_int_eq(rename(scratch_path(&b[i].s, "sft"), scratch_path(&b[i].s, "else/free")), 0);
        scratch_file(&b[i].s, "else/data/relation/rows.jsonl", i ? "{\"id\": 1}\n" : "{\"id\": 2}\n");
        scratch_file(&b[i].s, "else/data/card.json",
                     i ? "{\"name\": \"news\", \"splits\": {}}" : "{\"name\": \"articles\", \"splits\": {}}");
        ck_assert(gk_sha256_file(scratch_path(&b[i].s, "else/data/relation/rows.jsonl"), hash, &err));
        alter(&b[i],
              gk_arena_printf(a, "UPDATE model SET path = '%s/else/free' WHERE name = 'sft'", b[i].s.dir));
        alter(&b[i], gk_arena_printf(
                         a, "INSERT OR REPLACE INTO run VALUES ('rows', '%s/else/data/relation/rows.jsonl')",
                         b[i].s.dir));
        alter(&b[i], gk_arena_printf(a, "INSERT OR REPLACE INTO run VALUES ('rows_sha256', '%s')", hash));
    }
    ck_assert_ptr_nonnull(strstr(compare(&b[0], dirs, 2, false), "or do not say: dataset."));
    scratch_file(&b[1].s, "else/data/card.json", "{\"name\": \"articles\", \"splits\": {}}");
    ck_assert_ptr_nonnull(strstr(compare(&b[0], dirs, 2, false), "Over 2 seeds: "));
    /* Others are there now: what lies in the run's own folder counts again. */
    scratch_file(&b[1].s, "else/data/relation/rows.jsonl", "{\"id\": 3}\n");
    ck_assert_ptr_nonnull(strstr(compare(&b[0], dirs, 2, false), "or do not say: dataset"));
    for (int i = 0; i < 2; i++) bench_free(&b[i]);
}
END_TEST

int main(void) {
    Suite *s = suite_create("compare_seeds");
    TCase *t = tcase_create("compare_seeds");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, replicates_are_averaged);
    tcase_add_test(t, models_of_another_folder_are_found);
    tcase_add_test(t, others_are_not_averaged_in_silence);
    suite_add_tcase(s, t);
    return run_suite(s);
}
