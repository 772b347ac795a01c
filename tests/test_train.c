/* test_train.c: runs: they learn, survive kill -9 with the same bytes, and refuse folders that are not
 * theirs. */
/* modules: train model tokenizer core */
#include "tests/scratch.h"
#include "train/train.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---------------------------------------------------------------- a small job */

enum { VOCAB = 40, N_TEXTS = 120 };

/* Texts of 6 to 12 tokens, each a walk through the ids with a stride that its second token tells. */
static gk_corpus *make_corpus(void) {
    int32_t token[N_TEXTS * 12];
    size_t start[N_TEXTS + 1] = {0};
    for (size_t i = 0; i < N_TEXTS; i++) {
        size_t n = 6 + i % 7;
        for (size_t k = 0; k < n; k++)
            token[start[i] + k] = k == 0 ? 1 : (int32_t)(3 + (i % 5) * 7 + (k - 1) * (1 + i % 3) % 7);
        start[i + 1] = start[i] + n;
    }
    return gk_corpus_from_ids(token, start, N_TEXTS, NULL);
}

static gk_model *make_model(void) {
    gk_config c;
    gk_config_default(gk_family_find("llama"), VOCAB, &c);
    c.d_model = 16;
    c.n_layers = 2;
    c.n_heads = c.n_kv_heads = 2;
    c.head_dim = 8;
    c.d_ffn = 24;
    c.max_positions = 16;
    gk_model *m = gk_model_new(&c, 3, NULL);
    ck_assert_ptr_nonnull(m);
    return m;
}

static gk_recipe make_recipe(void) {
    gk_recipe r;
    gk_recipe_default(&r);
    r.lr = 1e-2;
    r.batch = 8;
    r.epochs = 8;
    r.warmup = 5;
    r.validation = 0.1;
    r.rows = 40; /* several micro-batches a step */
    r.checkpoint_seconds = 0;
    return r;
}

typedef struct trial {
    gk_recipe recipe;
    uint64_t seed;
    const char *base;
    int threads; /* 0: 2 */
    bool restart, replace;
    gk_model *model; /* afterwards; freed by trial_free */
    gk_train_result end;
    gk_error err;
} trial;

static bool train_into(trial *t, const char *dir) {
    gk_corpus *c = make_corpus();
    gk_model_free(t->model);
    t->model = make_model();
    gk_train_job job = {.model = t->model,
                        .corpus = c,
                        .base = t->base,
                        .recipe = &t->recipe,
                        .seed = t->seed,
                        .dir = dir,
                        .restart = t->restart,
                        .replace = t->replace};
    gk_threads_set(t->threads ? t->threads : 2);
    bool ok = gk_train(&job, &t->end, &t->err);
    gk_corpus_free(c);
    return ok;
}

/* A process that trains; with `interrupted`, one that was asked to stop before its first step. Made before
 * the test's own process has started any thread. */
static pid_t train_in_child(trial *t, const char *dir, bool interrupted) {
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid > 0) return pid;
    if (interrupted) {
        gk_interrupt_catch();
        if (!interrupt_self(SIGINT)) _exit(2);
    }
    bool ok = train_into(t, dir);
    gk_train_end want = interrupted ? GK_TRAIN_INTERRUPTED : GK_TRAIN_DONE;
    _exit(ok && t->end.end == want ? 0 : 1);
}

static void wait_for_success(pid_t pid) {
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void assert_same_file(scratch *s, const char *a, const char *b) {
    size_t na, nb;
    char *x = gk_read_file(s->a, scratch_path(s, a), 1 << 26, &na, NULL);
    char *y = gk_read_file(s->a, scratch_path(s, b), 1 << 26, &nb, NULL);
    ck_assert(x && y);
    ck_assert_uint_eq(na, nb);
    ck_assert_mem_eq(x, y, na);
}

static off_t size_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* ---------------------------------------------------------------- killed and resumed */

/* Every line but for its speed; steps must count 1, 2, 3 … with none left out. */
static char *metrics_without_speed(scratch *s, const char *name, int64_t steps) {
    gk_jsonl *in = gk_jsonl_open(scratch_path(s, name), NULL);
    ck_assert_ptr_nonnull(in);
    gk_buf all = {0};
    json_t *line;
    int64_t last = 0;
    while (gk_jsonl_next(in, &line, NULL) > 0) {
        json_int_t step = json_integer_value(json_object_get(line, "step"));
        if (!json_object_get(line, "valid_loss")) ck_assert_int_eq(step, ++last);
        json_object_del(line, "tokens_per_s");
        char *text = json_dumps(line, JSON_COMPACT);
        gk_buf_puts(&all, text);
        free(text);
        json_decref(line);
    }
    gk_jsonl_close(in);
    ck_assert_int_eq(last, steps);
    char *copy = gk_arena_strdup(s->a, all.data);
    gk_buf_free(&all);
    return copy;
}

/* Kills the child once metrics.jsonl has `bytes`; false when it ended by itself before. */
static bool kill_at(pid_t pid, const char *metrics, off_t bytes) {
    int status;
    for (;;) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            return false;
        }
        if (size_of(metrics) >= bytes) break;
        usleep(300);
    }
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status);
}

START_TEST(killed_runs_end_with_the_same_bytes) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe(), .seed = 11};
    t.recipe.epochs = 60;
    t.recipe.checkpoint_steps = 7;
    t.recipe.keep_best = true;
    wait_for_success(train_in_child(&t, scratch_path(&s, "whole"), false));
    const int64_t steps = 60 * ((108 + 7) / 8);
    char *whole = metrics_without_speed(&s, "whole/metrics.jsonl", steps);

    char *dir = scratch_path(&s, "killed"), *metrics = scratch_path(&s, "killed/metrics.jsonl");
    off_t target = 0;
    int kills = 0;
    srand((unsigned)getpid());
    while (kill_at(train_in_child(&t, dir, false), metrics, target)) {
        target += rand() % 20000; /* up to some 150 steps further than the last one lived */
        kills++;
    }
    ck_assert_int_ge(kills, 3);
    assert_same_file(&s, "whole/model.safetensors", "killed/model.safetensors");
    ck_assert_str_eq(metrics_without_speed(&s, "killed/metrics.jsonl", steps), whole);
    ck_assert(!gk_exists(scratch_path(&s, "killed/checkpoint.safetensors")));
    scratch_free(&s);
}
END_TEST

START_TEST(a_lost_metrics_file_is_noticed) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    t.recipe.epochs = 100000;
    t.recipe.checkpoint_steps = 3;
    char *dir = scratch_path(&s, "run"), *metrics = scratch_path(&s, "run/metrics.jsonl");
    ck_assert(kill_at(train_in_child(&t, dir, false), metrics, 4000));
    ck_assert_int_eq(truncate(metrics, 10), 0);
    ck_assert(!train_into(&t, dir));
    assert_error_at(&t.err, metrics, ": the file has 10 bytes, the checkpoint was written when it had ");
    ck_assert_int_eq(size_of(metrics), 10);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(an_interrupted_run_goes_on) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    char *dir = scratch_path(&s, "run");
    wait_for_success(train_in_child(&t, dir, true));
    ck_assert(gk_exists(scratch_path(&s, "run/checkpoint.safetensors")));
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
    char *dir = scratch_path(&s, "run"), *checkpoint = scratch_path(&s, "run/checkpoint.safetensors");
    char before[GK_SHA256_HEX], after[GK_SHA256_HEX];
    wait_for_success(train_in_child(&t, dir, true));
    ck_assert(gk_sha256_file(checkpoint, before, NULL));
    t.recipe.lr = 0.5;
    ck_assert(!train_into(&t, dir));
    assert_error_at(&t.err, checkpoint,
                    ": the folder holds a run with other inputs: recipe.lr is 0.01 there and 0.5 here; use "
                    "another --out");
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

START_TEST(another_number_of_threads_does_not_go_on) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    char *dir = scratch_path(&s, "run"), *checkpoint = scratch_path(&s, "run/checkpoint.safetensors");
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
    file = scratch_file(&s, "damaged/checkpoint.safetensors", "x");
    ck_assert(!train_into(&t, scratch_path(&s, "damaged")));
    ck_assert_int_eq(size_of(file), 1);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(damaged_checkpoints_are_refused_and_kept) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    char *dir = scratch_path(&s, "run"), *checkpoint = scratch_path(&s, "run/checkpoint.safetensors");
    wait_for_success(train_in_child(&t, dir, true));
    off_t cuts[] = {size_of(checkpoint) - 1, size_of(checkpoint) / 2, 9, 0};
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(truncate(checkpoint, cuts[i]), 0);
        ck_assert(!train_into(&t, dir));
        assert_error_at(&t.err, checkpoint, ": ");
        ck_assert_int_eq(size_of(checkpoint), cuts[i]);
        ck_assert(!gk_exists(scratch_path(&s, "run/train.json")));
    }
    float x[3] = {1, 2, 3};
    gk_array foreign = {.name = "weights", .data = x, .shape = {3}, .n_dims = 1};
    ck_assert(gk_safetensors_save(checkpoint, &foreign, 1, NULL, NULL));
    ck_assert(!train_into(&t, dir));
    assert_error_at(&t.err, checkpoint, ": this is not a training checkpoint");
    t.restart = true;
    ck_assert(train_into(&t, dir));
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
    ck_assert(!gk_exists(scratch_path(&s, "theirs/checkpoint.safetensors")));
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
    r.adam.frozen = 1u << GK_POS;
    job_refused(&s, &r, ids, 3, "field 'freeze': a llama model has no component 'pos'");
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
    ck_assert(gk_exists(scratch_path(&s, "run/checkpoint.safetensors")));
    ck_assert(!gk_exists(scratch_path(&s, "run/model.safetensors")));
    gk_model_free(m);
    gk_corpus_free(c);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- what training does */

START_TEST(accumulation_does_not_change_loss_or_gradient) {
    gk_corpus *c = make_corpus();
    gk_model *m = make_model();
    size_t floats = gk_model_floats(m);
    uint32_t texts[20];
    for (uint32_t i = 0; i < 20; i++) texts[i] = 3 * i;
    float *grad[2];
    double loss[2], largest = 0;
    int64_t targets[2];
    for (int k = 0; k < 2; k++) {
        gk_packer *p = gk_packer_new(c, k ? 30 : 10000, 20);
        gk_session *s = gk_session_new(gk_model_config(m), gk_packer_rows(p), true, NULL);
        grad[k] = gk_alloc(floats * sizeof(float));
        ck_assert(gk_texts_loss(p, s, m, texts, 20, NULL, grad[k], &loss[k], &targets[k], NULL));
        gk_session_free(s);
        gk_packer_free(p);
    }
    ck_assert_int_eq(targets[0], targets[1]);
    ck_assert_double_eq_tol(loss[0], loss[1], 1e-6 * loss[0]);
    for (size_t i = 0; i < floats; i++) largest = fmax(largest, fabs((double)grad[0][i]));
    ck_assert(largest > 1e-3);
    for (size_t i = 0; i < floats; i++)
        ck_assert_double_eq_tol((double)grad[0][i], (double)grad[1][i], 1e-5 * largest);
    for (int k = 0; k < 2; k++) gk_free(grad[k]);
    gk_model_free(m);
    gk_corpus_free(c);
}
END_TEST

START_TEST(a_small_model_learns) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    ck_assert(train_into(&t, scratch_path(&s, "run")));
    ck_assert_int_eq(t.end.steps, t.end.total_steps);
    ck_assert_msg(t.end.loss < 0.4 * log(VOCAB), "loss %g, from log(%d) at the start", t.end.loss, VOCAB);
    ck_assert(t.end.valid_loss < 0.4 * log(VOCAB));
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(frozen_components_keep_their_bits) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    t.recipe.epochs = 1;
    t.recipe.adam.frozen = 1u << GK_HEAD | 1u << GK_LNF | 1u << GK_K | 1u << GK_EMBED;
    ck_assert(train_into(&t, scratch_path(&s, "run")));
    gk_model *before = make_model();
    const gk_param *list;
    size_t n = gk_model_params(before, &list);
    for (size_t i = 0; i < n; i++) {
        bool same = memcmp(gk_model_data(before) + list[i].offset, gk_model_data(t.model) + list[i].offset,
                           list[i].count * sizeof(float)) == 0;
        ck_assert_msg(same == ((t.recipe.adam.frozen >> list[i].comp & 1u) != 0), "%s",
                      gk_component_name(list[i].comp));
    }
    gk_model_free(before);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(keep_best_ends_with_the_best_weights) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe(), .seed = 2};
    t.recipe.keep_best = true;
    t.recipe.epochs = 12;
    t.recipe.warmup = 12 * 14; /* the rate rises all along: the model learns, then falls apart */
    t.recipe.lr = 2;
    ck_assert(train_into(&t, scratch_path(&s, "run")));
    gk_jsonl *in = gk_jsonl_open(scratch_path(&s, "run/metrics.jsonl"), NULL);
    json_t *line;
    double best = INFINITY, last = 0;
    while (gk_jsonl_next(in, &line, NULL) > 0) {
        const json_t *v = json_object_get(line, "valid_loss");
        if (v) best = fmin(best, last = json_number_value(v));
        json_decref(line);
    }
    gk_jsonl_close(in);
    ck_assert_msg(best < last, "the last epoch (%g) was the best: the test shows nothing", last);
    gk_corpus *c = make_corpus();
    gk_split split;
    ck_assert(gk_split_make(s.a, c->n, t.recipe.validation, t.seed, &split, NULL));
    gk_packer *p = gk_packer_new(c, 1000, 100);
    gk_session *session = gk_session_new(gk_model_config(t.model), gk_packer_rows(p), false, NULL);
    double loss;
    int64_t targets;
    ck_assert(
        gk_texts_loss(p, session, t.model, split.valid, split.n_valid, NULL, NULL, &loss, &targets, NULL));
    ck_assert_double_eq_tol(loss, best, 1e-5 * best);
    gk_session_free(session);
    gk_packer_free(p);
    gk_corpus_free(c);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- adapters */

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
    gk_packer *p = gk_packer_new(c, 4096, N_TEXTS);
    uint32_t all[N_TEXTS];
    for (uint32_t i = 0; i < N_TEXTS; i++) all[i] = i;
    gk_session *session = gk_session_new(gk_model_config(before), gk_packer_rows(p), false, NULL);
    gk_model *merged = gk_model_open(dir, &t.err); /* finds its base, an absolute path */
    ck_assert_msg(merged != NULL, "%s", t.err.what);
    int64_t n;
    ck_assert(gk_texts_loss(p, session, before, all, N_TEXTS, NULL, NULL, &start, &n, NULL));
    ck_assert(gk_texts_loss(p, session, merged, all, N_TEXTS, NULL, NULL, &after, &n, NULL));
    /* The frozen head is small: no state gives any token more than e^0.4 of another's chance. */
    ck_assert_msg(after < start - 0.2, "from %g to %g", start, after);
    ck_assert(!gk_exists(scratch_path(&s, "run/model.safetensors")));
    ck_assert(!gk_exists(scratch_path(&s, "run/checkpoint.safetensors")));
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
    while (kill_at(train_in_child(&t, dir, false), metrics, target)) {
        target += 9000;
        kills++;
    }
    ck_assert_int_ge(kills, 3);
    assert_same_file(&s, "whole/adapter_model.safetensors", "killed/adapter_model.safetensors");
    assert_same_file(&s, "whole/adapter_config.json", "killed/adapter_config.json");
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
    ck_assert(kill_at(train_in_child(&t, dir, false), scratch_path(&s, "run/metrics.jsonl"), 4000));
    gk_model *m = make_model();
    gk_adapter *a = gk_adapter_new(gk_model_config(m), &t.recipe.lora, 1, NULL);
    off_t size = size_of(scratch_path(&s, "run/checkpoint.safetensors"));
    off_t arrays = (off_t)(3 * gk_adapter_floats(a) * sizeof(float));
    ck_assert(size > arrays && size < arrays + 8192);
    gk_adapter_free(a);
    gk_model_free(m);
    scratch_free(&s);
}
END_TEST

START_TEST(an_adapter_takes_the_place_of_a_model) {
    scratch s = scratch_new();
    trial t = lora_trial(&s);
    char *dir = scratch_path(&s, "run");
    t.recipe.lora.rank = 0;
    ck_assert(train_into(&t, dir));
    t.recipe.lora.rank = 2;
    ck_assert(!train_into(&t, dir));
    ck_assert_msg(strstr(t.err.what, "recipe.lora_rank is 0 there and 2 here"), "%s", t.err.what);
    t.replace = true;
    ck_assert(train_into(&t, dir));
    ck_assert(!gk_exists(scratch_path(&s, "run/model.safetensors")) && gk_is_adapter(dir));
    t.recipe.lora.rank = 0;
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
    t.recipe.adam.frozen = 1u << GK_V;
    ck_assert(!train_into(&t, dir));
    assert_error(
        &t.err,
        "field 'lora_targets': 'v' is to be frozen and to get an adapter; leave it out of one of the two");
    t.recipe.adam.frozen = 0;
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

/* On a machine whose cores are all busy, threads that spin at every barrier make these many short parallel
 * loops a hundred times slower. OpenMP reads the setting when it is loaded. */
static void wait_passively(char **argv) {
    if (setenv("OMP_WAIT_POLICY", "passive", 0) == 0 && !getenv("GK_TEST_AGAIN")) {
        setenv("GK_TEST_AGAIN", "1", 1);
        execv("/proc/self/exe", argv);
    }
}

int main(int argc, char **argv) {
    (void)argc;
    wait_passively(argv);
    Suite *s = suite_create("train");
    TCase *t = tcase_create("train");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, killed_runs_end_with_the_same_bytes);
    tcase_add_test(t, a_lost_metrics_file_is_noticed);
    tcase_add_test(t, an_interrupted_run_goes_on);
    tcase_add_test(t, other_inputs_are_refused);
    tcase_add_test(t, another_number_of_threads_does_not_go_on);
    tcase_add_test(t, other_inputs_are_replaced_and_equal_ones_kept);
    tcase_add_test(t, damaged_checkpoints_are_refused_and_kept);
    tcase_add_test(t, finished_runs_are_not_redone);
    tcase_add_test(t, the_manifest_tells_the_run);
    tcase_add_test(t, foreign_and_unusable_folders_are_refused);
    tcase_add_test(t, jobs_that_do_not_fit_the_model_are_refused);
    tcase_add_test(t, a_loss_that_is_not_finite_stops_the_run);
    tcase_add_test(t, accumulation_does_not_change_loss_or_gradient);
    tcase_add_test(t, a_small_model_learns);
    tcase_add_test(t, frozen_components_keep_their_bits);
    tcase_add_test(t, keep_best_ends_with_the_best_weights);
    tcase_add_test(t, an_adapter_is_trained_beside_its_model);
    tcase_add_test(t, killed_adapter_runs_end_with_the_same_bytes);
    tcase_add_test(t, an_adapter_s_checkpoint_is_small);
    tcase_add_test(t, an_adapter_takes_the_place_of_a_model);
    tcase_add_test(t, adapters_that_cannot_be_trained);
    suite_add_tcase(s, t);
    return run_suite(s);
}
