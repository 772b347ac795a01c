/* test_train.c: runs go on where they were interrupted, and refuse folders that are not theirs. */
/* modules: train model tokenizer core */
#include "graftkit/tokenizer.h"
#include "tests/support/train_fixture.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <sys/file.h>

START_TEST(an_interrupted_run_goes_on) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    char *dir = scratch_path(&s, "run");
    wait_for_success(train_in_child(&t, dir, true));
    ck_assert(gk_exists(scratch_path(&s, "run/checkpoint-0.safetensors")));
    ck_assert(!gk_exists(scratch_path(&s, "run/model.safetensors")));
    ck_assert(train_into(&t, dir));
    ck_assert_int_eq(t.end.end, GK_TRAIN_DONE);
    ck_assert(train_into(&t, scratch_path(&s, "other")));
    assert_same_file(&s, "run/model.safetensors", "other/model.safetensors");
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- refusals */

START_TEST(other_inputs_are_refused) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    char *dir = scratch_path(&s, "run"), *checkpoint = scratch_path(&s, "run/checkpoint-0.safetensors");
    char before[GK_SHA256_HEX], after[GK_SHA256_HEX];
    wait_for_success(train_in_child(&t, dir, true));
    ck_assert(gk_sha256_file(checkpoint, before, NULL));
    t.recipe.lr = 0.5;
    ck_assert(!train_into(&t, dir));
    assert_error_at(&t.err, checkpoint,
                    ": the folder holds a run with other inputs: recipe.lr is 0.01 there and 0.5 here; use "
                    "another --out");
    t.recipe = make_recipe();
    const struct {
        const char *key, *value;
    } other[] = {{"steps", "9"},          {"tokens", "50"},         {"accumulate", "2"},
                 {"warmup_ratio", "0.1"}, {"validate_steps", "4"},  {"patience", "3"},
                 {"loss", "answer"},      {"data_seed", "8"},       {"clip", "0.5"},
                 {"freeze", "attn"},      {"decay_norms", "false"}, {"keep_best", "true"}};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        char want[128];
        t.recipe = make_recipe();
        ck_assert(gk_recipe_set(&t.recipe, other[i].key, other[i].value, GK_NOWHERE, NULL));
        ck_assert(!train_into(&t, dir));
        snprintf(want, sizeof want, ": the folder holds a run with other inputs: recipe.%s is ",
                 other[i].key);
        assert_error_at(&t.err, checkpoint, want);
    }
    t.recipe = make_recipe();
    t.seed = 9;
    ck_assert(!train_into(&t, dir));
    assert_error_at(&t.err, checkpoint,
                    ": the folder holds a run with other inputs: seed is \"0\" there and \"9\" here");
    ck_assert(gk_sha256_file(checkpoint, after, NULL));
    ck_assert_str_eq(before, after);
    t.recipe.log_steps = 2; /* decides nothing, so it may differ; the seed is restarted over */
    t.restart = true;
    ck_assert(train_into(&t, dir));
    ck_assert_int_eq(t.end.resumed_at, 0);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

static void says_its_freeze(trial *t, const char *text) {
    t->recipe = make_recipe();
    ck_assert(gk_recipe_set(&t->recipe, "freeze", text, GK_NOWHERE, NULL));
}

/* What is compared is what is frozen in these two layers, not how that is said. */
START_TEST(a_freeze_may_be_said_otherwise) {
    static const char *const same[][2] = {
        {"all@1/2", "all@1/4,all@2/4"}, {"ffn@0-1", "ffn"}, {"q@0,q@1", "q"}, {"all@1/3", "none"}};
    scratch s = scratch_new();
    trial t = {.replace = true};
    char *dir = scratch_path(&s, "run"), *manifest = scratch_path(&s, "run/train.json");
    says_its_freeze(&t, "q@0");
    wait_for_success(train_in_child(&t, dir, true));
    says_its_freeze(&t, "q@1/2");
    ck_assert_msg(gk_exists(scratch_path(&s, "run/checkpoint-0.safetensors")) && train_into(&t, dir), "%s",
                  t.err.what);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char before[GK_SHA256_HEX], after[GK_SHA256_HEX];
        says_its_freeze(&t, same[i][0]);
        ck_assert(train_into(&t, dir)); /* another freeze than that before: replaced */
        ck_assert_int_eq(t.end.end, GK_TRAIN_DONE);
        ck_assert(gk_sha256_file(manifest, before, NULL));
        says_its_freeze(&t, same[i][1]);
        ck_assert(train_into(&t, dir));
        ck_assert_int_eq(t.end.end, GK_TRAIN_ALREADY);
        ck_assert(gk_sha256_file(manifest, after, NULL));
        ck_assert_str_eq(before, after);
    }
    t.replace = false;
    says_its_freeze(&t, "all@2/2");
    ck_assert(!train_into(&t, dir));
    assert_error_at(&t.err, manifest,
                    ": the folder holds a run with other inputs: recipe.freeze is [\"ln1@1/3\",");
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(another_number_of_threads_does_not_go_on) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    char *dir = scratch_path(&s, "run"), *checkpoint = scratch_path(&s, "run/checkpoint-0.safetensors");
    wait_for_success(train_in_child(&t, dir, true));
    off_t size = size_of(checkpoint);
    t.threads = 3;
    t.replace = true; /* the inputs are the same: nothing to replace */
    ck_assert(!train_into(&t, dir));
    assert_error_at(&t.err, checkpoint,
                    ": the run was begun with 2 threads, and now there are 3; go on with --threads 2 (make: "
                    "THREADS=2); --restart starts over");
    ck_assert_int_eq(size_of(checkpoint), size);
    t.threads = 2;
    ck_assert(train_into(&t, dir));
    t.threads = 3; /* finished is finished */
    ck_assert(train_into(&t, dir));
    ck_assert_int_eq(t.end.end, GK_TRAIN_ALREADY);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(other_inputs_are_replaced_and_equal_ones_kept) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe(), .replace = true};
    char *dir = scratch_path(&s, "run");
    wait_for_success(train_in_child(&t, dir, true));
    t.seed = 3; /* unfinished, of another seed */
    ck_assert(train_into(&t, dir));
    ck_assert_int_eq(t.end.end, GK_TRAIN_DONE);
    ck_assert(train_into(&t, dir));
    ck_assert_int_eq(t.end.end, GK_TRAIN_ALREADY);
    t.seed = 4; /* finished, of another seed */
    ck_assert(train_into(&t, dir));
    ck_assert_int_eq(t.end.end, GK_TRAIN_DONE);
    char *file = scratch_file(&s, "run/train.json", "{}");
    ck_assert(!train_into(&t, dir));
    assert_error_at(&t.err, file, ": field 'inputs': is missing: this is not the manifest of a training run");
    ck_assert(gk_exists(scratch_path(&s, "run/model.safetensors")));
    ck_assert(gk_mkdirs(scratch_path(&s, "damaged"), NULL)); /* and thus not known to be another run's */
    file = scratch_file(&s, "damaged/checkpoint-0.safetensors", "x");
    ck_assert(!train_into(&t, scratch_path(&s, "damaged")));
    ck_assert_int_eq(size_of(file), 1);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(finished_runs_are_not_redone) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    char *dir = scratch_path(&s, "run"), *model = scratch_path(&s, "run/model.safetensors");
    char *manifest = scratch_path(&s, "run/train.json");
    ck_assert(train_into(&t, dir));
    double loss = t.end.loss;
    ino_t inode;
    struct stat st;
    ck_assert_int_eq(stat(model, &st), 0);
    inode = st.st_ino;
    ck_assert(train_into(&t, dir));
    ck_assert_int_eq(t.end.end, GK_TRAIN_ALREADY);
    ck_assert_double_eq(t.end.loss, loss);
    ck_assert_int_eq(stat(model, &st), 0);
    ck_assert_uint_eq(st.st_ino, inode);
    t.seed = 1;
    ck_assert(!train_into(&t, dir));
    assert_error_at(&t.err, manifest, ": the folder holds a run with other inputs: seed ");
    t.seed = 0;
    ck_assert_int_eq(truncate(model, 100), 0);
    ck_assert(!train_into(&t, dir));
    assert_error_at(&t.err, model, ": the file is not the one that train.json was written for");
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(the_manifest_tells_the_run) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe(), .seed = 4};
    ck_assert(train_into(&t, scratch_path(&s, "run")));
    char *path = scratch_path(&s, "run/train.json"), hex[GK_SHA256_HEX];
    json_t *m = gk_json_load(path, NULL);
    int64_t n;
    double x;
    const char *text;
    gk_place at = GK_AT_FILE(path);
    ck_assert(gk_json_int(m, "step", t.end.total_steps, t.end.total_steps, &n, at, NULL));
    ck_assert(gk_json_int(m, "tokens", t.end.tokens, t.end.tokens, &n, at, NULL));
    ck_assert(gk_json_int(m, "threads", gk_threads(), gk_threads(), &n, at, NULL));
    ck_assert(gk_json_num(m, "seconds", &x, at, NULL) && x > 0);
    ck_assert(gk_json_num(m, "tokens_per_s", &x, at, NULL) && x > 0);
    ck_assert(gk_json_num(m, "loss", &x, at, NULL) && x == t.end.loss);
    ck_assert(gk_json_num(m, "valid_loss", &x, at, NULL) && x == t.end.valid_loss);
    ck_assert(gk_json_str(m, "graftkit", &text, at, NULL));
    const json_t *kernels = json_object_get(m, "kernels");
    ck_assert_str_eq(json_string_value(json_object_get(kernels, "sentencepiece")), gk_tok_sentencepiece());
    ck_assert(json_object_get(kernels, "onednn") && json_object_get(kernels, "blis"));
    ck_assert_str_eq(text, GK_VERSION);
    ck_assert(gk_sha256_file(scratch_path(&s, "run/model.safetensors"), hex, NULL));
    ck_assert(gk_json_str(m, "model_sha256", &text, at, NULL));
    ck_assert_str_eq(text, hex);
    const json_t *inputs = json_object_get(m, "inputs");
    ck_assert(gk_json_str(inputs, "seed", &text, at, NULL));
    ck_assert_str_eq(text, "4");
    ck_assert(gk_json_int(json_object_get(inputs, "recipe"), "batch", 8, 8, &n, at, NULL));
    json_decref(m);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(foreign_and_unusable_folders_are_refused) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe(), .restart = true};
    ck_assert(gk_mkdirs(scratch_path(&s, "theirs"), NULL));
    char *file = scratch_file(&s, "theirs/model.safetensors", "precious");
    ck_assert(!train_into(&t, scratch_path(&s, "theirs")));
    assert_error_at(&t.err, file, ": the folder holds a file that no training run known here made");
    ck_assert_int_eq(size_of(file), 8);
    ck_assert(!gk_exists(scratch_path(&s, "theirs/checkpoint-0.safetensors")));
    ck_assert(!train_into(&t, file));
    assert_error_at(&t.err, file, ": ");
    ck_assert(!train_into(&t, scratch_path(&s, "theirs/model.safetensors/run")));
    char *locked = scratch_path(&s, "locked");
    ck_assert(gk_mkdirs(locked, NULL));
    int fd = open(locked, O_RDONLY | O_DIRECTORY);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert(!train_into(&t, locked));
    assert_error_at(&t.err, locked, ": another process is training into this folder");
    close(fd);
    if (geteuid() != 0) { /* to root every folder is writable */
        ck_assert_int_eq(chmod(locked, 0555), 0);
        ck_assert(!train_into(&t, locked));
        assert_error_at(&t.err, locked, ": ");
    }
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

static void job_refused(scratch *s, const gk_recipe *r, const int32_t *token, size_t n, const char *message) {
    size_t start[] = {0, n, 2 * n};
    int32_t twice[64];
    memcpy(twice, token, n * sizeof *token);
    memcpy(twice + n, token, n * sizeof *token);
    gk_corpus *c = gk_corpus_from_ids(twice, start, 2, NULL);
    gk_model *m = make_model();
    gk_error err;
    gk_train_result end;
    gk_train_job job = {.model = m, .corpus = c, .recipe = r, .dir = scratch_path(s, "never")};
    ck_assert(!gk_train(&job, &end, &err));
    assert_error(&err, message);
    ck_assert(!gk_exists(job.dir));
    gk_model_free(m);
    gk_corpus_free(c);
}

START_TEST(jobs_that_do_not_fit_the_model_are_refused) {
    scratch s = scratch_new();
    gk_recipe r = make_recipe();
    int32_t ids[20] = {1, 2, 3};
    job_refused(
        &s, &r, (int32_t[]){1, 40}, 2,
        "the texts have token id 40, the model's vocabulary ends at 39; use the model's own tokenizer");
    job_refused(
        &s, &r, ids, 18,
        "a text has 17 tokens, the model takes 16; shorten the texts or use a model with more positions");
    r.keep_best = true;
    r.validation = 0;
    job_refused(
        &s, &r, ids, 3,
        "field 'keep_best': there is no best step without validation; hold texts out with `validation`");
    r.keep_best = false;
    ck_assert(gk_recipe_set(&r, "freeze", "pos", GK_NOWHERE, NULL));
    job_refused(&s, &r, ids, 3, "field 'freeze': a llama model has no component 'pos'");
    r = make_recipe();
    mix_in(&r, 0.5);
    job_refused(&s, &r, ids, 3,
                "field 'mix_ratio': there is no general text; give the run general text where it is above 0");
    scratch_free(&s);
}
END_TEST

START_TEST(a_loss_that_is_not_finite_stops_the_run) {
    scratch s = scratch_new();
    gk_corpus *c = make_corpus();
    gk_model *m = make_model();
    gk_model_data(m)[0] = INFINITY;
    for (size_t i = 0; i < gk_model_floats(m); i++) gk_model_data(m)[i] *= 1e30f;
    gk_recipe r = make_recipe();
    gk_error err;
    gk_train_result end;
    gk_train_job job = {.model = m, .corpus = c, .recipe = &r, .dir = scratch_path(&s, "run")};
    ck_assert(!gk_train(&job, &end, &err));
    ck_assert_msg(strstr(err.what, "in step 1"), "%s", err.what);
    ck_assert(gk_exists(scratch_path(&s, "run/checkpoint-0.safetensors")));
    ck_assert(!gk_exists(scratch_path(&s, "run/model.safetensors")));
    gk_model_free(m);
    gk_corpus_free(c);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- what a step is */

/* By hand: 2 layers of d 16 with q, k, v, o (16 x 16) and gate, up, down (16 x 24), a head of 40 x 16. */
START_TEST(operations_of_a_sequence_are_counted) {
    gk_model *m = make_model();
    ck_assert(!gk_model_config(m)->tied);
    double matrices = 2 * (4 * 16 * 16 + 3 * 16 * 24) + 40 * 16;
    for (int rows = 1; rows < 12; rows += 5) {
        double pairs = rows * (rows + 1) / 2.0, attention = 2 * (2 * 16 + 2 * 16) * pairs;
        ck_assert_double_eq(gk_train_flops(m, rows), 3 * (2 * matrices * rows + attention));
    }
    gk_model_free(m);
}
END_TEST

int main(int argc, char **argv) {
    (void)argc;
    wait_passively(argv);
    Suite *s = suite_create("train");
    TCase *t = tcase_create("train");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, an_interrupted_run_goes_on);
    tcase_add_test(t, other_inputs_are_refused);
    tcase_add_test(t, a_freeze_may_be_said_otherwise);
    tcase_add_test(t, another_number_of_threads_does_not_go_on);
    tcase_add_test(t, other_inputs_are_replaced_and_equal_ones_kept);
    tcase_add_test(t, finished_runs_are_not_redone);
    tcase_add_test(t, the_manifest_tells_the_run);
    tcase_add_test(t, foreign_and_unusable_folders_are_refused);
    tcase_add_test(t, jobs_that_do_not_fit_the_model_are_refused);
    tcase_add_test(t, a_loss_that_is_not_finite_stops_the_run);
    tcase_add_test(t, operations_of_a_sequence_are_counted);
    suite_add_tcase(s, t);
    return run_suite(s);
}
