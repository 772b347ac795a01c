/* test_resume.c: runs that are killed end with the bytes of those that are not, whatever their steps depend
 * on. */
/* modules: train model tokenizer core */
#include "tests/support/train_fixture.h"

#include <jansson.h>

/* What a run's steps and end can depend on: by texts; by tokens, with general text between them; with bf16
 * products and activations computed again; lean. */
static trial killable(int kind) {
    trial t = {.recipe = make_recipe(), .seed = 11};
    t.recipe.epochs = 60;
    t.recipe.checkpoint_steps = 7;
    t.recipe.keep_best = true;
    t.recipe.bf16 = kind == 2;
    t.recipe.memory = kind == 2 ? GK_MEMORY_RECOMPUTE : kind == 3 ? GK_MEMORY_LEAN : GK_MEMORY_STANDARD;
    if (kind == 3) t.recipe.rows = 100; /* a step is one pass */
    if (kind != 1) return t;
    t.recipe.tokens = 25;
    t.recipe.accumulate = 3;
    t.recipe.steps = 600;
    t.recipe.validate_steps = 11;
    t.recipe.patience = 1000;
    t.recipe.warmup_ratio = 0.03;
    t.recipe.data_seed = 5;
    t.answers = true;
    mix_in(&t.recipe, 0.3);
    return t;
}

START_TEST(killed_runs_end_with_the_same_bytes) {
    scratch s = scratch_new();
    trial t = killable(_i);
    wait_for_success(train_in_child(&t, scratch_path(&s, "whole"), false));
    const int64_t steps = _i == 1 ? 600 : 60 * ((108 + 7) / 8);
    char *whole = metrics_without_speed(&s, "whole/metrics.jsonl", steps);

    char *dir = scratch_path(&s, "killed"), *metrics = scratch_path(&s, "killed/metrics.jsonl");
    off_t target = 0;
    int kills = 0;
    srand((unsigned)getpid());
    while (kill_at(train_in_child(&t, dir, false), metrics, target, 0)) {
        target += rand() % 20000; /* up to some 150 steps further than the last one lived */
        kills++;
    }
    ck_assert_int_ge(kills, 3);
    assert_same_file(&s, "whole/model.safetensors", "killed/model.safetensors");
    ck_assert_str_eq(metrics_without_speed(&s, "killed/metrics.jsonl", steps), whole);
    ck_assert_uint_eq(count_files(dir, "checkpoint"), 0);
    scratch_free(&s);
}
END_TEST

/* The rate rises until the model falls apart: patience ends the run, wherever it was killed before. */
START_TEST(a_killed_run_stops_as_early) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe(), .seed = 2};
    t.recipe.epochs = 40;
    t.recipe.warmup = 40 * 14;
    t.recipe.lr = 6;
    t.recipe.keep_best = true;
    t.recipe.validate_steps = 5;
    t.recipe.patience = 6;
    t.recipe.checkpoint_steps = 4;
    wait_for_success(train_in_child(&t, scratch_path(&s, "whole"), false));
    json_t *m = gk_json_load(scratch_path(&s, "whole/train.json"), NULL);
    int64_t last, best, since;
    ck_assert(gk_json_int(m, "step", 1, 40 * 14 - 1, &last, GK_NOWHERE, NULL));
    ck_assert(gk_json_int(m, "best_step", 1, last, &best, GK_NOWHERE, NULL));
    ck_assert(gk_json_int(m, "since_best", 6, 6, &since, GK_NOWHERE, NULL));
    ck_assert(json_is_true(json_object_get(m, "stopped")));
    ck_assert_int_eq(last, best + 6 * 5);
    json_decref(m);
    char *whole = metrics_without_speed(&s, "whole/metrics.jsonl", last);

    char *dir = scratch_path(&s, "killed"), *metrics = scratch_path(&s, "killed/metrics.jsonl");
    off_t size = size_of(scratch_path(&s, "whole/metrics.jsonl"));
    int kills = 0;
    for (off_t at = size / 2; at < size; at += (size - at) / 2 + 1) /* ever nearer to the end */
        kills += kill_at(train_in_child(&t, dir, false), metrics, at, 0);
    ck_assert_int_ge(kills, 1);
    ck_assert(train_into(&t, dir));
    ck_assert(t.end.stopped && t.end.best_step == best && t.end.steps == last);
    assert_same_file(&s, "whole/model.safetensors", "killed/model.safetensors");
    ck_assert_str_eq(metrics_without_speed(&s, "killed/metrics.jsonl", last), whole);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

int main(int argc, char **argv) {
    (void)argc;
    wait_passively(argv);
    Suite *s = suite_create("resume");
    TCase *t = tcase_create("resume");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, killed_runs_end_with_the_same_bytes, 0, 4);
    tcase_add_test(t, a_killed_run_stops_as_early);
    suite_add_tcase(s, t);
    return run_suite(s);
}
