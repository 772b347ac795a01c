/* test_report_beside.c: what a page says beside its numbers: no verdict on the paper's pattern from models
 * alone, no training, gate or dataset of another sweep, and no stores of a run's replaced models. */
/* modules: report eval graft train model tokenizer core */
#include "graftkit/model/adapter.h"
#include "tests/support/report_fixture.h"

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

/* ---------------------------------------------------------------- foreign runs */

static void refused(const gk_report_options *o, const char *file, const char *what) {
    gk_error err = {0};
    ck_assert_msg(!gk_report_write(o, &err), "taken: %s", what);
    assert_error_at(&err, file, what);
    ck_assert(!gk_exists(o->out));
}

static void taken(const gk_report_options *o) {
    gk_error err = {0};
    char text[2048];
    ck_assert_msg(gk_report_write(o, &err), "%s", gk_error_text(&err, text, sizeof text));
    ck_assert_int_eq(unlink(o->out), 0);
}

/* The store's models are pre (00ff) and sft (11ff). */
START_TEST(training_of_other_models_is_refused) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_error err;
    char *dir = scratch_path(&b.s, "run"), hash[GK_SHA256_HEX];
    ck_assert(gk_mkdirs(dir, &err));
    char *train = scratch_file(&b.s, "run/train.json", "{\"model_sha256\": \"22ff\"}");
    gk_report_model model = {"sft", dir};
    gk_report_options o = options(&b);
    o.models = &model;
    o.n_models = 1;
    refused(
        &o, train,
        ": --donor sft: this training made another model than the sweep's 'sft'; name that of the model that "
        "was swept: it was elsewhere");
    model.name = "base";
    refused(&o, train, ": --base: this training made another model than the sweep's 'pre'; name that");
    scratch_file(&b.s, "run/train.json", "{\"model_sha256\": \"11ff\"}");
    refused(&o, train, ": --base: this training made another model than the sweep's 'pre'"); /* but sft */
    model.name = "task";
    refused(&o, b.db, ": --donor task: the sweep has no model of that name, but pre, sft; give");
    scratch_file(&b.s, "run/train.json", "{\"model_sha256\": \"00ff\"}");
    model.name = "base"; /* which the sweep calls pre */
    taken(&o);
    model.name = "sft";
    refused(&o, train, ": --donor sft: ");
    /* A step's model, an adapter, a derived donor, a store that does not tell. */
    ck_assert(gk_sha256_file(scratch_file(&b.s, "run/checkpoint-2.safetensors", "weights"), hash, &err));
    alter(&b, gk_arena_printf(b.s.a,
                              "UPDATE model SET path = '/gone/checkpoint-2.safetensors', sha256 = '%s' "
                              "WHERE name = 'sft'",
                              hash));
    taken(&o);
    scratch_file(&b.s, "run/checkpoint-2.safetensors", "other weights");
    refused(&o, train, ": --donor sft: ");
    char *adapter = scratch_file(&b.s, "run/adapter_config.json", "{}");
    ck_assert(gk_is_adapter(dir));
    taken(&o);
    ck_assert_int_eq(unlink(adapter), 0);
    alter(&b, "UPDATE model SET path = 'pre:rank=8' WHERE name = 'sft'");
    taken(&o);
    alter(&b, "UPDATE model SET path = 'x', sha256 = '' WHERE name = 'sft'");
    taken(&o);
    bench_free(&b);
}
END_TEST

START_TEST(gate_and_card_of_others_are_refused) {
    bench b = bench_new();
    keep_set(&b, "component");
    gk_report_options o = options(&b);
#define GATE "{\"pass\": true, \"top\": 5, \"min\": 0.9, \"share\": 1, \"model_sha256\": \"%s\"}"
    o.gate = scratch_file(&b.s, "gate.json", gk_arena_printf(b.s.a, GATE, "22ff"));
    refused(&o, o.gate, ": --gate: this gate tried another model than the sweep's 'pre'; name that of");
    scratch_file(&b.s, "gate.json", gk_arena_printf(b.s.a, GATE, "00ff"));
    taken(&o);
    o.gate = NULL;
#define CARD "{\"name\": \"facts\", \"splits\": {}, \"files\": {\"rows.jsonl\": {\"sha256\": \"%s\"}}}"
    o.card = scratch_file(&b.s, "card.json", gk_arena_printf(b.s.a, CARD, "aaff"));
    taken(&o); /* the store does not say which rows it is of */
    alter(&b, "INSERT INTO run VALUES ('rows_sha256', 'bbff')");
    refused(&o, o.card, ": --card: the rows that were swept are none of this dataset's files; name the card");
    scratch_file(&b.s, "card.json", gk_arena_printf(b.s.a, CARD, "bbff"));
    taken(&o);
    scratch_file(&b.s, "card.json", "{\"name\": \"facts\", \"splits\": {}}");
    taken(&o);
    bench_free(&b);
}
END_TEST

/* ---------------------------------------------------------------- stores of one run */

/* Copies the store, as it is now, to run/NAME. */
static void put_store(bench *b, const char *name) {
    gk_error err;
    size_t n;
    char *bytes = gk_read_file(b->s.a, b->db, (size_t)1 << 28, &n, &err);
    char *path = scratch_path(&b->s, gk_arena_printf(b->s.a, "run/%s", name));
    char *folder = gk_arena_strndup(b->s.a, path, (size_t)(strrchr(path, '/') - path));
    ck_assert(bytes && gk_mkdirs(folder, &err) && gk_write_file(path, bytes, n, &err));
}

static void compares(const gk_compare_options *o, const char *a, const char *b, const char *model) {
    gk_error err = {0};
    char text[2048], want[256];
    bool ok = gk_compare_write(o, &err);
    gk_error_text(&err, text, sizeof text);
    ck_assert_msg(ok == !model, "%s", ok ? "taken" : text);
    if (!model) return;
    snprintf(want, sizeof want, ": %s and %s are of different models '%s'; it was replaced", a, b, model);
    assert_error_at(&err, o->runs[0], want);
    snprintf(want, sizeof want, "RUN=%s REPLACE=1", o->runs[0]);
    ck_assert_ptr_nonnull(strstr(text, want));
}

START_TEST(stores_of_a_run_are_of_the_same_models) {
    bench b = bench_new();
    keep_set(&b, "component");
    const char *run = scratch_path(&b.s, "run"), *names[] = {"position", "component", "articles"};
    gk_compare_options o = {.runs = &run,
                            .n_runs = 1,
                            .names = names,
                            .n_names = 3,
                            .experiments = GK_SOURCE_DIR "/experiments",
                            .out = scratch_path(&b.s, "page.html")};
    put_store(&b, "results.db");
    put_store(&b, "experiments/position/results.db");
    put_store(&b, "experiments/component/results.db");
    compares(&o, NULL, NULL, NULL);
    /* Other facts have other finetuned models on the same base. */
    alter(&b, "UPDATE model SET sha256 = '22ff' WHERE name = 'sft'");
    put_store(&b, "experiments/articles/results.db");
    compares(&o, NULL, NULL, NULL);
    put_store(&b, "experiments/component/results.db");
    compares(&o, "the experiment 'position'", "the experiment 'component'", "sft");
    /* Of two experiments' stores and the sweep's, one is older. */
    put_store(&b, "experiments/position/results.db");
    compares(&o, "the experiment 'position'", "the run's own sweep", "sft");
    /* But the sweep may call another of the run's models so. */
    alter(&b, "UPDATE model SET sha256 = '11ff', path = 'run/mild' WHERE name = 'sft'");
    put_store(&b, "results.db");
    compares(&o, "the experiment 'position'", "the run's own sweep", "sft");
    gk_error err;
    ck_assert(gk_mkdirs(scratch_path(&b.s, "run/mild"), &err));
    scratch_file(&b.s, "run/mild/train.json", "{}");
    compares(&o, NULL, NULL, NULL);
    /* The base is one for all facts. */
    alter(&b, "UPDATE model SET sha256 = '33ff' WHERE name = 'pre'");
    put_store(&b, "experiments/articles/results.db");
    compares(&o, "the experiment 'position'", "the experiment 'articles'", "pre");
    /* Older stores do not tell. */
    alter(&b, "UPDATE model SET sha256 = ''");
    put_store(&b, "experiments/articles/results.db");
    compares(&o, NULL, NULL, NULL);
    bench_free(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("report_beside");
    TCase *t = tcase_create("report_beside");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, models_alone_show_no_pattern);
    tcase_add_test(t, a_dropout_sweep_shows_no_pattern);
    tcase_add_test(t, training_of_other_models_is_refused);
    tcase_add_test(t, gate_and_card_of_others_are_refused);
    tcase_add_test(t, stores_of_a_run_are_of_the_same_models);
    suite_add_tcase(s, t);
    return run_suite(s);
}
