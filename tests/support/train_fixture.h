/* train_fixture.h: a small training run, in this process or in a child that can be killed. */
#ifndef GK_TESTS_TRAIN_FIXTURE_H
#define GK_TESTS_TRAIN_FIXTURE_H

#include "core/json.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "graftkit/train/corpus.h"
#include "graftkit/train/recipe.h"
#include "graftkit/train/training.h"
#include "tests/support/scratch.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { VOCAB = 40, N_TEXTS = 120 };

/* Texts of 6 to 12 tokens, each a walk through the ids with a stride that its second token tells. */
static inline gk_corpus *make_corpus(void) {
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

/* Only the last three tokens of a text carry loss. */
static inline void only_answers(gk_corpus *c) {
    bool *carries = gk_arena_alloc(c->memory, c->start[c->n] * sizeof *carries);
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = c->start[i + 1] - 3; k < c->start[i + 1]; k++) carries[k] = true;
    c->carries = carries;
}

/* Seven texts of 3 to 15 tokens that run down through the ids. */
static inline gk_corpus *make_general(void) {
    int32_t token[7 * 15];
    size_t start[8] = {0};
    for (size_t i = 0; i < 7; i++) {
        size_t n = 3 + 2 * i;
        for (size_t k = 0; k < n; k++) token[start[i] + k] = (int32_t)(39 - i - k);
        start[i + 1] = start[i] + n;
    }
    return gk_corpus_from_ids(token, start, 7, NULL);
}

/* Asks for general text; the run brings it. */
static inline void mix_in(gk_recipe *r, double ratio) {
    ck_assert(gk_recipe_set(r, "mix", "general.txt", GK_NOWHERE, NULL));
    r->mix_ratio = ratio;
}

static inline gk_model *make_model(void) {
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

static inline gk_recipe make_recipe(void) {
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
    bool answers; /* only_answers */
    bool (*on_epoch)(void *ctx, const gk_model *m, int64_t step, int64_t epochs, gk_line *line,
                     gk_error *err);
    char note[2400]; /* the last that was told */
    gk_model *model; /* afterwards; freed by trial_free */
    gk_train_result end;
    gk_error err;
} trial;

static inline void take_note(void *ctx, const char *line) {
    trial *t = ctx;
    snprintf(t->note, sizeof t->note, "%s", line);
}

static inline bool train_into(trial *t, const char *dir) {
    gk_corpus *c = make_corpus(), *mix = t->recipe.mix_ratio > 0 ? make_general() : NULL;
    if (t->answers) only_answers(c);
    gk_model_free(t->model);
    t->model = make_model();
    gk_train_job job = {.model = t->model,
                        .base = t->base,
                        .corpus = c,
                        .mix = mix,
                        .recipe = &t->recipe,
                        .seed = t->seed,
                        .dir = dir,
                        .restart = t->restart,
                        .replace = t->replace,
                        .ctx = t,
                        .on_note = take_note,
                        .on_epoch = t->on_epoch};
    gk_threads_set(t->threads ? t->threads : 2);
    bool ok = gk_train(&job, &t->end, &t->err);
    gk_corpus_free(c);
    gk_corpus_free(mix);
    return ok;
}

/* A process that trains; with `interrupted`, one that was asked to stop before its first step. Made before
 * the test's own process has started any thread. */
static inline pid_t train_in_child(trial *t, const char *dir, bool interrupted) {
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid > 0) return pid;
    if (interrupted) {
        gk_interrupt_catch();
        if (!interrupt_self(SIGINT)) _exit(2);
    }
    bool ok = train_into(t, dir);
    /* An earlier child may have finished the run before it was killed, or instead. */
    _exit(ok && (t->end.end == GK_TRAIN_INTERRUPTED) == interrupted ? 0 : 1);
}

static inline void wait_for_success(pid_t pid) {
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static inline void assert_same_file(scratch *s, const char *a, const char *b) {
    size_t na, nb;
    char *x = gk_read_file(s->a, scratch_path(s, a), 1 << 26, &na, NULL);
    char *y = gk_read_file(s->a, scratch_path(s, b), 1 << 26, &nb, NULL);
    ck_assert(x && y);
    ck_assert_uint_eq(na, nb);
    ck_assert_mem_eq(x, y, na);
}

static inline off_t size_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* Every line but for its speed; steps must count 1, 2, 3 … with none left out. */
static inline char *metrics_without_speed(scratch *s, const char *name, int64_t steps) {
    static const char *const speed[] = {"tokens_per_s", "gflops_per_s", "peak_share", "seconds_left"};
    gk_jsonl *in = gk_jsonl_open(scratch_path(s, name), NULL);
    ck_assert_ptr_nonnull(in);
    gk_buf all = {0};
    json_t *line;
    int64_t last = 0;
    while (gk_jsonl_next(in, &line, NULL) > 0) {
        json_int_t step = json_integer_value(json_object_get(line, "step"));
        if (json_object_get(line, "loss")) ck_assert_int_eq(step, ++last);
        for (size_t i = 0; i < sizeof speed / sizeof *speed; i++) json_object_del(line, speed[i]);
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

static inline size_t count_files(const char *dir, const char *part) {
    DIR *d = opendir(dir);
    ck_assert_ptr_nonnull(d);
    size_t n = 0;
    for (struct dirent *e; (e = readdir(d));) n += strstr(e->d_name, part) != NULL;
    closedir(d);
    return n;
}

/* Kills the child once metrics.jsonl has `bytes` or, where that is negative, after some microseconds; false
 * when it ended by itself before. */
static inline bool kill_at(pid_t pid, const char *metrics, off_t bytes, useconds_t us) {
    int status;
    double end = gk_now() + us / 1e6;
    for (;;) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            return false;
        }
        if (bytes < 0 ? gk_now() >= end : size_of(metrics) >= bytes) break;
        usleep(300);
    }
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status);
}

/* On a machine whose cores are all busy, threads that spin at every barrier make these many short parallel
 * loops a hundred times slower. OpenMP reads the setting when it is loaded. */
static inline void wait_passively(char **argv) {
    if (setenv("OMP_WAIT_POLICY", "passive", 0) == 0 && !getenv("GK_TEST_AGAIN")) {
        setenv("GK_TEST_AGAIN", "1", 1);
        execv("/proc/self/exe", argv);
    }
}

#endif
