/* test_durable.c: whatever happens to a run, its last good state stays and leads to the same bytes: kill -9
 * at any moment, a full disk, a loss that is NaN, damaged checkpoints. */
/* modules: train model tokenizer core */
#include "model/arrays.h"
#include "tests/support/train_fixture.h"
#include "train/internal.h"

#include <math.h>
#include <sys/resource.h>

/* A line an epoch, as a finetuning that is asked what it knows has: it must survive as the others do. */
static bool sum_of_weights(void *ctx, const gk_model *m, int64_t step, int64_t epochs, gk_line *line,
                           gk_error *err) {
    (void)ctx, (void)step, (void)epochs, (void)err;
    uint64_t sum =
        gk_checksum(gk_model_data((gk_model *)(uintptr_t)m), gk_model_floats(m) * sizeof(float)) >> 12;
    gk_line_count(line, "weights_sum", (int64_t)sum);
    return true;
}

static trial make_trial(void) {
    trial t = {.recipe = make_recipe(), .seed = 11, .on_epoch = sum_of_weights};
    t.recipe.keep_best = true;
    return t;
}

static char *checkpoint(scratch *s, const char *run, int64_t step) {
    return gk_train__checkpoint_files_path(s->a, scratch_path(s, run), step);
}

/* The run that nothing happened to, in the folder "whole". To be made before this process trains itself: what
 * OpenMP has started does not survive a fork. */
static void train_whole(scratch *s, trial *t) {
    wait_for_success(train_in_child(t, scratch_path(s, "whole"), false));
}

/* The run in the folder "run" goes on by itself and ends as the whole one did. */
static void assert_ends_the_same(scratch *s, trial *t) {
    int64_t steps = t->recipe.epochs * ((108 + 7) / 8);
    ck_assert_msg(train_into(t, scratch_path(s, "run")), "%s: %s", t->err.file, t->err.what);
    ck_assert_int_eq(t->end.end, GK_TRAIN_DONE);
    assert_same_file(s, "whole/model.safetensors", "run/model.safetensors");
    ck_assert_str_eq(metrics_without_speed(s, "whole/metrics.jsonl", steps),
                     metrics_without_speed(s, "run/metrics.jsonl", steps));
    size_t stay = t->recipe.keep_last > 1 ? (size_t)t->recipe.keep_last : 0;
    ck_assert_uint_eq(count_files(scratch_path(s, "run"), "checkpoint"), stay);
    ck_assert_uint_eq(count_files(scratch_path(s, "run"), ".tmp-"), 0);
}

/* ---------------------------------------------------------------- killed */

START_TEST(killed_at_many_steps) {
    scratch s = scratch_new();
    trial t = make_trial();
    t.recipe.epochs = 60;
    t.recipe.checkpoint_steps = 7;
    t.recipe.keep_last = 3;
    train_whole(&s, &t);
    char *dir = scratch_path(&s, "run"), *metrics = scratch_path(&s, "run/metrics.jsonl");
    off_t target = 0;
    int kills = 0;
    srand((unsigned)getpid());
    while (target < 120000 && kill_at(train_in_child(&t, dir, false), metrics, target, 0)) {
        target += rand() % 30000; /* up to some 150 steps further than the last one lived */
        kills++;
        if (gk_exists(dir))
            ck_assert_uint_le(count_files(dir, "checkpoint-"), 3 + 2); /* one written, one not yet removed */
    }
    ck_assert_int_ge(kills, 3);
    assert_ends_the_same(&s, &t);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

/* A checkpoint after every step, so that most kills fall into the writing of one. */
START_TEST(killed_at_any_moment) {
    scratch s = scratch_new();
    trial t = make_trial();
    t.recipe.epochs = 10;
    t.recipe.checkpoint_steps = 1;
    t.recipe.keep_last = 2;
    double start = gk_now();
    train_whole(&s, &t);
    useconds_t took = (useconds_t)(1e6 * (gk_now() - start));
    char *dir = scratch_path(&s, "run");
    srand((unsigned)getpid());
    int kills = 0;
    while (kills < 12 && kill_at(train_in_child(&t, dir, false), NULL, -1, (useconds_t)rand() % took))
        kills++;
    if (gk_exists(scratch_path(&s, "run/train.json"))) { /* the last one was not killed in time */
        assert_same_file(&s, "whole/model.safetensors", "run/model.safetensors");
    } else {
        assert_ends_the_same(&s, &t);
    }
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(a_lost_metrics_file_is_noticed) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    t.recipe.epochs = 100000;
    t.recipe.checkpoint_steps = 3;
    char *dir = scratch_path(&s, "run"), *metrics = scratch_path(&s, "run/metrics.jsonl");
    ck_assert(kill_at(train_in_child(&t, dir, false), metrics, 6000, 0));
    ck_assert_int_eq(truncate(metrics, 10), 0);
    ck_assert(!train_into(&t, dir));
    assert_error_at(&t.err, metrics, ": the file has 10 bytes, the checkpoint was written when it had ");
    ck_assert_int_eq(size_of(metrics), 10);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

/* What a process that was killed while it cleared the folder for another run leaves behind. */
START_TEST(a_folder_that_was_being_cleared_is_still_known) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe(), .replace = true};
    char *dir = scratch_path(&s, "run");
    static const char *const gone[] = {"run/model.safetensors", "run/config.json", "run/metrics.jsonl"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        t.seed = 2 * i + 1;
        ck_assert(train_into(&t, dir));
        for (size_t k = 0; k <= i; k++) ck_assert_int_eq(unlink(scratch_path(&s, gone[k])), 0);
        char *merges = scratch_file(&s, "run/merges.txt", "of the old run's tokenizer");
        t.seed = 2 * i + 2;
        ck_assert_msg(train_into(&t, dir), "without %s: %s", gone[i], t.err.what);
        ck_assert_int_eq(t.end.end, GK_TRAIN_DONE);
        ck_assert(!gk_exists(merges));
    }
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- stopped by what happens after an epoch */

static struct {
    int64_t epochs; /* after so many */
    rlim_t largest; /* bytes of a file from then on; 0: no limit */
    bool nan, fail;
} incident;

static bool happen(void *ctx, const gk_model *m, int64_t step, int64_t epochs, gk_line *line, gk_error *err) {
    sum_of_weights(ctx, m, step, epochs, line, err);
    if (epochs != incident.epochs) return true;
    if (incident.fail) return gk_fail(err, GK_NOWHERE, NULL, "stopped after %d epochs", (int)epochs);
    for (size_t i = 0; incident.nan && i < gk_model_floats(m); i++)
        gk_model_data((gk_model *)(uintptr_t)m)[i] = (float)NAN;
    if (incident.largest == 0) return true;
    struct rlimit now;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &now), 0);
    now.rlim_cur = incident.largest;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &now), 0);
    return true;
}

/* The run fails at the incident; the checkpoint of step `last` is then the newest, sound, and the only one.
 */
static void stop_at_incident(scratch *s, trial *t, int64_t last) {
    t->on_epoch = happen;
    ck_assert(!train_into(t, scratch_path(s, "run")));
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_ptr_null(strchr(gk_error_text(&t->err, (char[2048]){0}, 2048), '\n'));
    gk_error err = {0};
    gk_train__checkpoint *c = gk_train__checkpoint_open(checkpoint(s, "run", last), &err);
    ck_assert_msg(c != NULL, "%s: %s", err.file, err.what);
    gk_train__checkpoint_close(c);
    ck_assert_uint_eq(count_files(scratch_path(s, "run"), "checkpoint-"), (size_t)t->recipe.keep_last);
    ck_assert_uint_eq(count_files(scratch_path(s, "run"), ".tmp-"), 0);
    ck_assert(!gk_exists(scratch_path(s, "run/train.json")));
    t->on_epoch = sum_of_weights;
}

/* A limit on the size of files stands in for a full disk: after 3 epochs of 14 steps, or at the end. */
START_TEST(a_full_disk_stops_the_run_and_keeps_its_state) {
    static const struct {
        int64_t epochs, log_steps, last;
        rlim_t largest;
        const char *file;
    } cases[] = {{3, 1000, 40, 4000, "run/checkpoint-45.safetensors"},
                 {3, 1, 40, 3000, "run/metrics.jsonl"},
                 {8, 1000, 110, 4000, "run/model.safetensors"}};
    scratch s = scratch_new();
    trial t = make_trial();
    t.recipe.checkpoint_steps = 5;
    t.recipe.log_steps = 1;
    train_whole(&s, &t);
    incident.largest = cases[_i].largest;
    incident.epochs = cases[_i].epochs;
    t.recipe.log_steps = cases[_i].log_steps;
    stop_at_incident(&s, &t, cases[_i].last);
    assert_error_at(&t.err, scratch_path(&s, cases[_i].file),
                    ": writing the file (the disk may be full) failed");
    t.recipe.log_steps = 1;
    ck_assert_msg(train_into(&t, scratch_path(&s, "run")), "%s", t.err.what);
    ck_assert_int_eq(t.end.resumed_at, cases[_i].last);
    assert_same_file(&s, "whole/model.safetensors", "run/model.safetensors");
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(a_loss_that_becomes_nan_keeps_the_last_checkpoint) {
    scratch s = scratch_new();
    trial t = make_trial();
    t.recipe.checkpoint_steps = 5;
    train_whole(&s, &t);
    incident.epochs = 3;
    incident.nan = true;
    stop_at_incident(&s, &t, 40);
    assert_error_at(&t.err, scratch_path(&s, "run"), ": the loss is ");
    ck_assert_ptr_nonnull(strstr(t.err.what, "in step 43"));
    assert_ends_the_same(&s, &t);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- damaged */

static void flip_bit(const char *path, off_t byte, int bit) {
    FILE *f = fopen(path, "r+b");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseeko(f, byte, SEEK_SET), 0);
    int c = fgetc(f);
    ck_assert_int_ne(c, EOF);
    ck_assert_int_eq(fseeko(f, byte, SEEK_SET), 0);
    ck_assert_int_ne(fputc(c ^ 1 << bit, f), EOF);
    ck_assert_int_eq(fclose(f), 0);
}

/* A run that was stopped after 3 epochs, with checkpoints of steps 30, 35 and 40. */
static trial make_stopped(scratch *s) {
    trial t = make_trial();
    t.recipe.checkpoint_steps = 5;
    t.recipe.keep_last = 3;
    train_whole(s, &t);
    incident.epochs = 3;
    incident.fail = true;
    stop_at_incident(s, &t, 40);
    return t;
}

START_TEST(no_flipped_bit_goes_unnoticed) {
    scratch s = scratch_new();
    trial t = make_stopped(&s);
    char *path = checkpoint(&s, "run", 40);
    off_t size = size_of(path), header = 3000; /* the header and some data, all of it; then here and there */
    gk_error err = {0};
    for (off_t at = 0; at < size; at += at < header ? 1 : 97) {
        int bit = (int)(at % 8);
        flip_bit(path, at, bit);
        gk_train__checkpoint *c = gk_train__checkpoint_open(path, &err);
        ck_assert_msg(!c, "bit %d of byte %ld of %ld makes no difference", bit, (long)at, (long)size);
        assert_error_at(&err, path, "");
        flip_bit(path, at, bit);
    }
    gk_train__checkpoint *c = gk_train__checkpoint_open(path, &err);
    ck_assert_ptr_nonnull(c);
    gk_train__checkpoint_close(c);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(a_damaged_checkpoint_is_passed_over) {
    scratch s = scratch_new();
    trial t = make_stopped(&s);
    char *newest = checkpoint(&s, "run", 40), *older = checkpoint(&s, "run", 35);
    off_t size = size_of(newest);
    flip_bit(newest, size - 5000, 3);
    assert_ends_the_same(&s, &t);
    ck_assert_int_eq(t.end.resumed_at, 35);
    ck_assert_msg(strncmp(t.note, newest, strlen(newest)) == 0 &&
                      strstr(t.note, "the checkpoint is damaged: its checksum does not match") &&
                      strstr(t.note, older),
                  "%s", t.note);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(truncated_checkpoints_are_passed_over) {
    scratch s = scratch_new();
    trial t = make_stopped(&s);
    ck_assert_int_eq(truncate(checkpoint(&s, "run", 40), size_of(checkpoint(&s, "run", 40)) / 2), 0);
    ck_assert_int_eq(truncate(checkpoint(&s, "run", 35), 0), 0);
    assert_ends_the_same(&s, &t);
    ck_assert_int_eq(t.end.resumed_at, 30);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(without_a_sound_checkpoint_nothing_is_changed) {
    scratch s = scratch_new();
    trial t = make_stopped(&s);
    char before[3][GK_SHA256_HEX], after[3][GK_SHA256_HEX];
    off_t metrics = size_of(scratch_path(&s, "run/metrics.jsonl"));
    for (int i = 0; i < 3; i++) {
        flip_bit(checkpoint(&s, "run", 30 + 5 * i), 9000, i);
        ck_assert(gk_sha256_file(checkpoint(&s, "run", 30 + 5 * i), before[i], NULL));
    }
    for (int replace = 0; replace < 2; replace++) {
        t.replace = replace;
        ck_assert(!train_into(&t, scratch_path(&s, "run")));
        assert_error_at(&t.err, checkpoint(&s, "run", 40), ": field ");
        ck_assert_ptr_nonnull(strstr(t.err.hint, "any of the 2 older checkpoints"));
    }
    for (int i = 0; i < 3; i++) {
        ck_assert(gk_sha256_file(checkpoint(&s, "run", 30 + 5 * i), after[i], NULL));
        ck_assert_str_eq(before[i], after[i]);
    }
    ck_assert_int_eq(size_of(scratch_path(&s, "run/metrics.jsonl")), metrics);
    t.restart = true;
    ck_assert(train_into(&t, scratch_path(&s, "run")));
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(another_file_is_no_checkpoint) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    ck_assert(gk_mkdirs(scratch_path(&s, "run"), NULL));
    char *path = checkpoint(&s, "run", 12);
    float x[3] = {1, 2, 3};
    gk_array foreign = {.name = "weights", .data = x, .shape = {3}, .n_dims = 1};
    ck_assert(gk_safetensors_save(path, &foreign, 1, NULL, NULL));
    ck_assert(!train_into(&t, scratch_path(&s, "run")));
    assert_error_at(&t.err, path, ": this is not a training checkpoint");
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- arrays of several types */

enum { N_F32 = 70001, N_BF16 = 7, N_U8 = 3 };
typedef struct arrays {
    float f[N_F32];
    uint16_t b[N_BF16];
    uint8_t u[N_U8];
    gk_typed_array list[3];
} arrays;

static arrays *make_arrays(scratch *s, unsigned seed) {
    arrays *x = gk_arena_alloc(s->a, sizeof *x);
    for (unsigned i = 0; i < N_F32; i++) x->f[i] = (float)(seed * i);
    for (unsigned i = 0; i < N_BF16; i++) x->b[i] = (uint16_t)(seed + i);
    for (unsigned i = 0; i < N_U8; i++) x->u[i] = (uint8_t)(seed ^ i);
    x->list[0] = (gk_typed_array){"f", "F32", x->f, N_F32};
    x->list[1] = (gk_typed_array){"b", "BF16", x->b, N_BF16};
    x->list[2] = (gk_typed_array){"u", "U8", x->u, N_U8};
    return x;
}

START_TEST(arrays_of_several_types_come_back) {
    scratch s = scratch_new();
    arrays *x = make_arrays(&s, 3), *y = make_arrays(&s, 5);
    char *path = scratch_path(&s, "c.safetensors");
    json_t *inputs = json_pack("{s:i}", "made", 1), *back;
    gk_train__state at = {.step = 4, .tokens = 70, .loss = 0.5, .valid_loss = NAN, .best_loss = NAN}, got;
    gk_error err = {0};
    ck_assert(gk_train__checkpoint_save(path, x->list, 3, inputs, NULL, &at, &err));
    gk_train__checkpoint *c = gk_train__checkpoint_open(path, &err);
    ck_assert_msg(c != NULL, "%s", err.what);
    back = gk_train__checkpoint_inputs(c, &err);
    ck_assert(json_equal(inputs, back) && gk_train__checkpoint_state(c, 10, &got, &err));
    ck_assert(got.step == 4 && got.tokens == 70 && got.loss == 0.5 && isnan(got.valid_loss));
    ck_assert(!gk_train__checkpoint_state(c, 3, &got, &err)); /* beyond the run's end */
    y->list[1].type = "F16";
    ck_assert(!gk_train__checkpoint_load(c, y->list, 3, &err));
    assert_error_at(&err, path, ": field 'b': the checkpoint has no such array of 7 values of type F16");
    ck_assert_float_eq(y->f[1], 5); /* untouched */
    y->list[1].type = "BF16";
    ck_assert(gk_train__checkpoint_load(c, y->list, 3, &err));
    ck_assert(memcmp(x->f, y->f, sizeof x->f) == 0 && memcmp(x->b, y->b, sizeof x->b) == 0 &&
              memcmp(x->u, y->u, sizeof x->u) == 0);
    gk_train__checkpoint_close(c);
    json_decref(inputs);
    json_decref(back);
    scratch_free(&s);
}
END_TEST

START_TEST(old_checkpoints_go_and_damaged_newer_ones_too) {
    scratch s = scratch_new();
    static const char *const files[] = {"checkpoint-3.safetensors",   "checkpoint-20.safetensors",
                                        "checkpoint-100.safetensors", "checkpoint-7.safetensors",
                                        "checkpoint-.safetensors",    "checkpoint-5.safetensors.bak"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) scratch_file(&s, files[i], "x");
    gk_train__checkpoint_file *list;
    ck_assert_uint_eq(gk_train__checkpoint_files_list(s.a, s.dir, &list), 4);
    ck_assert(list[0].step == 100 && list[1].step == 20 && list[2].step == 7 && list[3].step == 3);
    gk_train__checkpoint_files_prune(s.dir, 20, 2);
    ck_assert_uint_eq(gk_train__checkpoint_files_list(s.a, s.dir, &list), 2);
    ck_assert(list[0].step == 20 && list[1].step == 7);
    ck_assert(gk_train__checkpoint_files_remove(s.dir, NULL));
    ck_assert_uint_eq(count_files(s.dir, "checkpoint-"), 2);
    scratch_free(&s);
}
END_TEST

int main(int argc, char **argv) {
    (void)argc;
    wait_passively(argv);
    Suite *s = suite_create("durable");
    TCase *t = tcase_create("durable");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, killed_at_many_steps);
    tcase_add_test(t, killed_at_any_moment);
    tcase_add_test(t, a_lost_metrics_file_is_noticed);
    tcase_add_test(t, a_folder_that_was_being_cleared_is_still_known);
    tcase_add_loop_test(t, a_full_disk_stops_the_run_and_keeps_its_state, 0, 3);
    tcase_add_test(t, a_loss_that_becomes_nan_keeps_the_last_checkpoint);
    tcase_add_test(t, no_flipped_bit_goes_unnoticed);
    tcase_add_test(t, a_damaged_checkpoint_is_passed_over);
    tcase_add_test(t, truncated_checkpoints_are_passed_over);
    tcase_add_test(t, without_a_sound_checkpoint_nothing_is_changed);
    tcase_add_test(t, another_file_is_no_checkpoint);
    tcase_add_test(t, arrays_of_several_types_come_back);
    tcase_add_test(t, old_checkpoints_go_and_damaged_newer_ones_too);
    suite_add_tcase(s, t);
    return run_suite(s);
}
