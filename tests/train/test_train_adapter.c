/* test_train_adapter.c: training an adapter beside a model that stays as it is. */
/* modules: train model tokenizer core */
#include "graftkit/model/adapter.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/session.h"
#include "tests/support/train_fixture.h"
#include "train/internal.h"

#include <string.h>

/* The model that train_into begins with, as a folder, and a recipe that trains an adapter of it. */
static trial lora_trial(scratch *s) {
    gk_model *m = make_model();
    char *base = scratch_path(s, "base");
    ck_assert(gk_model_save(m, base, NULL));
    gk_model_free(m);
    trial t = {.recipe = make_recipe(), .seed = 11, .base = base};
    t.recipe.lora.rank = 4;
    t.recipe.lora.alpha = 8;
    return t;
}

START_TEST(an_adapter_is_trained_beside_its_model) {
    scratch s = scratch_new();
    trial t = lora_trial(&s);
    t.recipe.epochs = 20;
    char *dir = scratch_path(&s, "run");
    ck_assert_msg(train_into(&t, dir), "%s", t.err.what);
    gk_model *before = make_model();
    size_t bytes = gk_model_floats(before) * sizeof(float);
    ck_assert_mem_eq(gk_model_data(t.model), gk_model_data(before), bytes);
    double start = 0, after = 0;
    gk_corpus *c = make_corpus();
    gk_packer *p = gk_packer_new(c, NULL, 4096, N_TEXTS);
    uint32_t all[N_TEXTS];
    for (uint32_t i = 0; i < N_TEXTS; i++) all[i] = i;
    gk_session *session = gk_session_new(gk_model_config(before), gk_packer_rows(p), false, NULL);
    gk_model *merged = gk_model_open(dir, &t.err); /* finds its base, an absolute path */
    ck_assert_msg(merged != NULL, "%s", t.err.what);
    int64_t n;
    ck_assert(gk_texts_loss(p, session, before, all, N_TEXTS, NULL, &start, &n, NULL));
    ck_assert(gk_texts_loss(p, session, merged, all, N_TEXTS, NULL, &after, &n, NULL));
    /* The frozen head is small: no state gives any token more than e^0.4 of another's chance. */
    ck_assert_msg(after < start - 0.2, "from %g to %g", start, after);
    ck_assert(!gk_exists(scratch_path(&s, "run/model.safetensors")));
    ck_assert_uint_eq(count_files(dir, "checkpoint"), 0);
    ck_assert(train_into(&t, dir) && t.end.end == GK_TRAIN_ALREADY);
    gk_session_free(session);
    gk_packer_free(p);
    gk_corpus_free(c);
    gk_model_free(merged);
    gk_model_free(before);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(killed_adapter_runs_end_with_the_same_bytes) {
    scratch s = scratch_new();
    trial t = lora_trial(&s);
    t.recipe.epochs = 40;
    t.recipe.checkpoint_steps = 7;
    t.recipe.keep_best = true;
    wait_for_success(train_in_child(&t, scratch_path(&s, "whole"), false));
    char *dir = scratch_path(&s, "killed"), *metrics = scratch_path(&s, "killed/metrics.jsonl");
    off_t target = 0;
    int kills = 0;
    while (kill_at(train_in_child(&t, dir, false), metrics, target, 0)) {
        target += 9000;
        kills++;
    }
    ck_assert_int_ge(kills, 3);
    assert_same_file(&s, "whole/adapter_model.safetensors", "killed/adapter_model.safetensors");
    assert_same_file(&s, "whole/adapter_config.json", "killed/adapter_config.json");
    ck_assert_uint_eq(count_files(dir, ".tmp-"), 0);
    scratch_free(&s);
}
END_TEST

/* Weights and moments of the adapter, nothing of the model's. */
START_TEST(an_adapter_s_checkpoint_is_small) {
    scratch s = scratch_new();
    trial t = lora_trial(&s);
    t.recipe.epochs = 100000;
    t.recipe.checkpoint_steps = 3;
    char *dir = scratch_path(&s, "run");
    ck_assert(kill_at(train_in_child(&t, dir, false), scratch_path(&s, "run/metrics.jsonl"), 4000, 0));
    gk_model *m = make_model();
    gk_adapter *a = gk_adapter_new(gk_model_config(m), &t.recipe.lora, 1, NULL);
    gk_train__checkpoint_file *kept;
    ck_assert_uint_ge(gk_train__checkpoint_files_list(s.a, dir, &kept), 1);
    off_t size = size_of(kept[0].path);
    off_t arrays = (off_t)(3 * gk_adapter_floats(a) * sizeof(float));
    ck_assert(size > arrays && size < arrays + 8192);
    gk_adapter_free(a);
    gk_model_free(m);
    scratch_free(&s);
}
END_TEST

static uint64_t sum_of(const gk_model *m) {
    return gk_checksum(gk_model_data((gk_model *)(uintptr_t)m), gk_model_floats(m) * sizeof(float));
}

static uint64_t first_sum, last_sum; /* of the models that were told of */
static bool take_sum(void *ctx, const gk_model *m, int64_t step, int64_t epochs, gk_line *line,
                     gk_error *err) {
    (void)ctx, (void)epochs, (void)line, (void)err;
    last_sum = sum_of(m);
    if (step == 0) first_sum = last_sum;
    return true;
}

/* What is asked after an epoch has the adapter in it; the model that the run was given has not. */
START_TEST(an_epoch_is_told_of_the_sum) {
    scratch s = scratch_new();
    trial t = lora_trial(&s);
    t.on_epoch = take_sum;
    ck_assert_msg(train_into(&t, scratch_path(&s, "run")), "%s", t.err.what);
    gk_model *merged = gk_model_load(scratch_path(&s, "run"), NULL);
    ck_assert_ptr_nonnull(merged);
    ck_assert(first_sum == sum_of(t.model) && last_sum == sum_of(merged) && first_sum != last_sum);
    gk_model_free(merged);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

/* By hand, of 2 layers of d 16 with q, k, v, o (16 x 16), gate, up, down (16 x 24) and a head of 40 x 16. */
START_TEST(operations_of_what_is_frozen_are_left_out) {
    scratch s = scratch_new();
    trial t = lora_trial(&s);
    gk_model *m = make_model();
    gk_train_job job = {.model = m, .base = t.base, .recipe = &t.recipe};
    gk_train__state at = {0};
    gk_train__trained trained;
    gk_train__throughput p;
    const uint32_t none[3] = {0},
                   some[3] = {1u << GK_Q, 1u << GK_Q | 1u << GK_DOWN | 1u << GK_LN1, 1u << GK_HEAD};
    ck_assert(gk_train__trained_make(&job, none, &trained, NULL));
    gk_train__throughput_begin(&p, &job, &trained, NULL, 0, &at, 10);
    double all = 2 * (4 * 16 * 16 + 3 * 16 * 24) + 40 * 16, adapter = 2 * 4 * (4 * 32 + 3 * 40);
    ck_assert_double_eq(p.less_a_row, 2 * all - 6 * adapter);
    gk_train__trained_free(&trained);
    t.recipe.lora.rank = 0;
    ck_assert(gk_train__trained_make(&job, some, &trained, NULL));
    gk_train__throughput_begin(&p, &job, &trained, some, 0, &at, 10);
    ck_assert_double_eq(p.less_a_row, 2 * (2 * 256 + 16 * 24 + 40 * 16));
    ck_assert_double_eq(p.less_attention, 0);
    /* The lower of two layers is gone through forward only: 2 of 6 operations a weight, 4 of 12 a pair. */
    const uint32_t lower[3] = {(1u << GK_N_COMPONENTS) - 1, 0, 1u << GK_EMBED};
    gk_train__throughput_begin(&p, &job, &trained, lower, 1, &at, 10);
    ck_assert_double_eq(p.less_a_row, 4 * (4 * 16 * 16 + 3 * 16 * 24));
    ck_assert_double_eq_tol(p.less_attention, 1.0 / 3, 1e-12);
    gk_train__trained_free(&trained);
    gk_model_free(m);
    scratch_free(&s);
}
END_TEST

START_TEST(an_adapter_takes_the_place_of_a_model) {
    scratch s = scratch_new();
    trial t = lora_trial(&s);
    char *dir = scratch_path(&s, "run");
    const gk_lora asked = t.recipe.lora;
    gk_recipe plain;
    gk_recipe_default(&plain);
    t.recipe.lora = plain.lora;
    ck_assert(train_into(&t, dir));
    t.recipe.lora = asked;
    t.recipe.lora.rank = 2;
    ck_assert(!train_into(&t, dir));
    ck_assert_msg(strstr(t.err.what, "recipe.lora_rank is 0 there and 2 here"), "%s", t.err.what);
    t.replace = true;
    ck_assert(train_into(&t, dir));
    ck_assert(!gk_exists(scratch_path(&s, "run/model.safetensors")) && gk_is_adapter(dir));
    t.recipe.lora = plain.lora;
    ck_assert(train_into(&t, dir));
    ck_assert(!gk_exists(scratch_path(&s, "run/adapter_model.safetensors")) && !gk_is_adapter(dir));
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(adapters_that_cannot_be_trained) {
    scratch s = scratch_new();
    trial t = lora_trial(&s);
    char *dir = scratch_path(&s, "run");
    ck_assert(gk_recipe_set(&t.recipe, "freeze", "head,v@1", GK_NOWHERE, NULL));
    ck_assert(!train_into(&t, dir));
    assert_error(&t.err, "field 'lora_targets': 'v' of layer 1 is to be frozen and to get an adapter; leave "
                         "it out of one of the two (--freeze none, where a recipe freezes layers)");
    ck_assert(gk_recipe_set(&t.recipe, "freeze", "none", GK_NOWHERE, NULL));
    t.base = NULL;
    ck_assert(!train_into(&t, dir));
    assert_error(
        &t.err,
        "field 'lora_rank': there is no base model that an adapter could be of; train the model itself: 0");
    t.base = scratch_path(&s, "base");
    ck_assert(train_into(&t, dir));
    t.base = dir;
    ck_assert(!train_into(&t, scratch_path(&s, "second")));
    ck_assert_msg(strstr(t.err.what, "is an adapter itself"), "%s", t.err.what);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

int main(int argc, char **argv) {
    (void)argc;
    wait_passively(argv);
    Suite *s = suite_create("train_adapter");
    TCase *t = tcase_create("train_adapter");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, an_adapter_is_trained_beside_its_model);
    tcase_add_test(t, killed_adapter_runs_end_with_the_same_bytes);
    tcase_add_test(t, an_adapter_s_checkpoint_is_small);
    tcase_add_test(t, an_epoch_is_told_of_the_sum);
    tcase_add_test(t, operations_of_what_is_frozen_are_left_out);
    tcase_add_test(t, an_adapter_takes_the_place_of_a_model);
    tcase_add_test(t, adapters_that_cannot_be_trained);
    suite_add_tcase(s, t);
    return run_suite(s);
}
