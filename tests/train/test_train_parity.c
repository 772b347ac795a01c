/* modules: train model tokenizer core
 * kernels: under each instruction set
 *
 * test_train_parity.c: fifty steps of training against transformers and torch.optim.AdamW on the same weights
 * and batches: loss, gradient norm and learning rate of every step, the first gradient, weights and moments
 * (fixtures made by tools/reference/fixtures/make_train_fixtures.py). */
#include "graftkit/core/threads.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "graftkit/train/optimizer.h"
#include "model/arrays.h"
#include "tests/support/scratch.h"

#include <math.h>

#define FIXTURES GK_SOURCE_DIR "/tests/fixtures/train"
enum { BATCHES = 4, MOST_TEXTS = 8, MOST_ROWS = 96 };

static const char *const NAMES[] = {"llama", "gpt2", "gpt_neox", "gemma"};
enum { N_NAMES = sizeof NAMES / sizeof *NAMES };
static const char *const PARTS[] = {"weights", "first moment", "second moment"};

/* Relative differences that are allowed: of a step's loss and gradient norm, of an array's values to its
 * largest. The largest seen with oneDNN: loss 1.6e-7, norm 3.6e-7, weights 1.7e-7, gradients and
 * moments 2.4e-6: rounding error, which 50 steps do not let grow. Other kernels round otherwise; ten times as
 * much is left to them. */
#define LOSS 1e-5
#define NORM 1e-5
#define WEIGHTS 2e-6
#define GRADIENTS 3e-5
#define NOISE 1e-7 /* absolute, of gradients that are 0 but for rounding */

static char why[2048]; /* the last error's text, for a failing assertion */

typedef struct settings {
    double lr;
    gk_adamw_opts adam;
    double clip;
    int warmup, steps;
} settings;

typedef struct fixture {
    const char *name;
    scratch scratch;
    char *dir;
    gk_model *model;
    gk_safetensors *ref;
    settings set;
} fixture;

static const gk_array *reference(const fixture *f, const char *kind, int i) {
    char name[64];
    snprintf(name, sizeof name, i < 0 ? "%s" : "%s.%d", kind, i);
    const gk_array *a = gk_safetensors_find(f->ref, name);
    ck_assert_msg(a != NULL, "%s: no %s in the reference", f->name, name);
    return a;
}

static void open_fixture(fixture *f, const char *name) {
    gk_error err = {0};
    *f = (fixture){.name = name, .scratch = scratch_new()};
    f->dir = gk_path_join(f->scratch.a, FIXTURES, name);
    f->model = gk_model_load(f->dir, &err);
    ck_assert_msg(f->model != NULL, "%s", gk_error_text(&err, why, sizeof why));
    f->ref = gk_safetensors_open(gk_path_join(f->scratch.a, f->dir, "reference.safetensors"), &err);
    ck_assert_msg(f->ref != NULL, "%s", gk_error_text(&err, why, sizeof why));
    const float *x = reference(f, "settings", -1)->data;
    /* As the recipe's decimal numbers: the file holds them rounded to floats. */
    f->set = (settings){.lr = 1e-3,
                        .adam = {.beta1 = 0.9,
                                 .beta2 = 0.999,
                                 .eps = 1e-8,
                                 .weight_decay = 0.1,
                                 .decay_embed = true,
                                 .decay_norms = true},
                        .clip = 1,
                        .warmup = (int)x[6],
                        .steps = (int)x[7]};
    const double want[] = {f->set.lr,       f->set.adam.beta1,        f->set.adam.beta2,
                           f->set.adam.eps, f->set.adam.weight_decay, f->set.clip};
    for (int i = 0; i < 6; i++) ck_assert_double_eq_tol((double)x[i], want[i], 1e-7 * want[i]);
    ck_assert_int_eq(f->set.steps, 50);
}

static void close_fixture(fixture *f) {
    gk_safetensors_close(f->ref);
    gk_model_free(f->model);
    scratch_free(&f->scratch);
}

/* ---------------------------------------------------------------- torch's tensors as our vectors */

static size_t values(const gk_array *a) {
    size_t n = 1;
    for (int d = 0; d < a->n_dims; d++) n *= (size_t)a->shape[d];
    return n;
}

/* The reference's arrays "<prefix>.<tensor>" as a model, so that the loader finds each array's place; `part`
 * of stacked ones (-1: they are not stacked). */
static gk_model *as_model(fixture *f, const char *prefix, int part) {
    gk_error err = {0};
    gk_array list[128];
    size_t n = 0, skip = strlen(prefix) + 1;
    for (size_t i = 0; i < gk_safetensors_count(f->ref); i++) {
        gk_array a = *gk_safetensors_at(f->ref, i);
        if (strncmp(a.name, prefix, skip - 1) != 0 || a.name[skip - 1] != '.') continue;
        a.name += skip;
        if (part >= 0) {
            ck_assert_int_eq(a.shape[0], 3);
            memmove(a.shape, a.shape + 1, sizeof a.shape - sizeof *a.shape);
            a.n_dims--;
            a.data += (size_t)part * values(&a);
        }
        list[n++] = a;
    }
    ck_assert_uint_gt(n, 0);
    size_t len;
    char *config =
        gk_read_file(f->scratch.a, gk_path_join(f->scratch.a, f->dir, "config.json"), 1 << 16, &len, &err);
    ck_assert_ptr_nonnull(config);
    ck_assert(gk_write_file(scratch_path(&f->scratch, "config.json"), config, len, &err));
    ck_assert(gk_safetensors_save(scratch_path(&f->scratch, "model.safetensors"), list, n, NULL, &err));
    gk_model *m = gk_model_load(f->scratch.dir, &err);
    ck_assert_msg(m != NULL, "%s", gk_error_text(&err, why, sizeof why));
    return m;
}

/* Where k's bias is not rotated it adds the same to all scores of a query, and softmax does not see it: its
 * gradient is rounding error, which AdamW blows up to whole steps in any direction. */
static bool is_noise(const gk_config *c, const gk_param *p, size_t j) {
    if (p->comp != GK_K || !p->bias) return false;
    size_t head_dim = (size_t)c->head_dim, rotated = c->rotary_dim > 0 ? (size_t)c->rotary_dim : head_dim;
    return !c->rope || j % head_dim >= rotated;
}

/* One parameter array within `tolerance` of torch's, relative to its largest value. */
static void compare_array(const fixture *f, const char *what, int part, const gk_param *p, const float *got,
                          const float *want, double tolerance) {
    const gk_config *c = gk_model_config(f->model);
    double scale = 0;
    for (size_t j = 0; j < p->count; j++)
        if (!is_noise(c, p, j)) scale = fmax(scale, fabs((double)want[j]));
    for (size_t j = 0; j < p->count; j++) {
        bool noise = is_noise(c, p, j), weights = part == 0;
        double apart = fabs((double)got[j] - (double)want[j]), most = noise ? NOISE : tolerance * scale;
        ck_assert_msg((noise && weights) || apart <= most,
                      "%s: %s %s of %s%s, layer %d, at %zu is %.9g, torch says %.9g", f->name, what,
                      part < 0 ? "" : PARTS[part], gk_component_name(p->comp), p->bias ? "'s bias" : "",
                      p->layer, j, (double)got[j], (double)want[j]);
    }
}

static void compare(fixture *f, const char *what, int part, const float *got, double tolerance) {
    gk_model *m = as_model(f, what, part);
    const float *want = gk_model_data(m);
    const gk_param *params;
    size_t n = gk_model_params(m, &params);
    for (size_t i = 0; i < n; i++)
        compare_array(f, what, part, &params[i], got + params[i].offset, want + params[i].offset, tolerance);
    gk_model_free(m);
}

/* ---------------------------------------------------------------- fifty steps */

typedef struct ragged {
    int32_t token[MOST_ROWS], target[MOST_ROWS], start[MOST_TEXTS + 1];
    gk_batch batch;
} ragged;

/* Texts first .. last-1 of batch b; last < 0: to its end. Returns how many texts the batch has. */
static int make_batch(const fixture *f, int b, int first, int last, ragged *out) {
    const gk_array *ids = reference(f, "ids", b), *lengths = reference(f, "lengths", b);
    int n_texts = (int)lengths->shape[0], from = 0, rows = 0, end = last < 0 ? n_texts : last;
    ck_assert_int_le(n_texts, MOST_TEXTS);
    ck_assert_int_le((int)ids->shape[0], MOST_ROWS);
    for (int s = 0; s < end; s++) {
        int len = (int)lengths->data[s];
        if (s >= first) {
            out->start[s - first] = rows;
            for (int i = 0; i < len; i++, rows++) {
                out->token[rows] = (int32_t)ids->data[from + i];
                out->target[rows] = i + 1 < len ? (int32_t)ids->data[from + i + 1] : -1;
            }
        }
        from += len;
    }
    out->start[end - first] = rows;
    out->batch = (gk_batch){.n_rows = rows,
                            .n_seqs = end - first,
                            .token = out->token,
                            .target = out->target,
                            .seq_start = out->start};
    return n_texts;
}

/* The step's mean loss and its gradient, in one batch or accumulated text by text. */
static double mean_loss(const fixture *f, gk_session *s, int b, bool one_by_one, float *grad) {
    gk_error err = {0};
    ragged r;
    int n_texts = make_batch(f, b, 0, -1, &r), each = one_by_one ? 1 : n_texts;
    int64_t targets = r.batch.n_rows - n_texts, counted = 0;
    double sum = 0;
    for (int first = 0; first < n_texts; first += each) {
        double part;
        int64_t count;
        make_batch(f, b, first, first + each, &r);
        ck_assert_msg(gk_forward_backward(s, f->model, &r.batch,
                                          &(gk_backprop){.scale = (float)(1 / (double)targets), .grad = grad},
                                          &part, &count, &err),
                      "%s", gk_error_text(&err, why, sizeof why));
        sum += part;
        counted += count;
    }
    ck_assert_int_eq(counted, targets);
    return sum / (double)targets;
}

static void close_to(const fixture *f, const char *what, int step, double got, double tolerance) {
    double want = (double)reference(f, what, -1)->data[step];
    ck_assert_msg(fabs(got - want) <= tolerance * fabs(want), "%s: %s of step %d is %.9g, torch says %.9g",
                  f->name, what, step + 1, got, want);
}

typedef struct run {
    gk_session *session;
    gk_adamw *adamw;
    float *grad;
    double loss, norm, lr; /* of the step that is being taken */
} run;

static run begin_run(const fixture *f) {
    gk_error err = {0};
    const gk_param *params;
    size_t n = gk_model_params(f->model, &params), floats = gk_model_floats(f->model);
    run r = {.session = gk_session_new(gk_model_config(f->model), MOST_ROWS, true, &err),
             .adamw = gk_adamw_new(params, n, floats, &f->set.adam, NULL, &err),
             .grad = gk_alloc(floats * sizeof(float))};
    ck_assert(r.session && r.adamw);
    return r;
}

static void end_run(run *r) {
    gk_session_free(r->session);
    gk_adamw_free(r->adamw);
    gk_free(r->grad);
}

static void compute_step(const fixture *f, run *r, int step, bool one_by_one) {
    r->lr = f->set.lr * gk_schedule_factor(GK_LINEAR, step, f->set.warmup, f->set.steps);
    r->loss = mean_loss(f, r->session, step % BATCHES, one_by_one, r->grad);
    r->norm = gk_adamw_norm(r->adamw, r->grad);
}

static void update(const fixture *f, run *r, int step) {
    gk_adamw_step(r->adamw, gk_model_data(f->model), r->grad, step + 1, r->lr,
                  gk_clip_factor(r->norm, f->set.clip));
}

/* Every family, batches whole with two threads and accumulated text by text with one. */
START_TEST(steps_follow_torch) {
    fixture f;
    bool one_by_one = _i >= N_NAMES;
    gk_threads_set(one_by_one ? 1 : 2);
    open_fixture(&f, NAMES[_i % N_NAMES]);
    run r = begin_run(&f);
    for (int step = 0; step < f.set.steps; step++) {
        compute_step(&f, &r, step, one_by_one);
        close_to(&f, "loss", step, r.loss, LOSS);
        close_to(&f, "norm", step, r.norm, NORM);
        close_to(&f, "lr", step, r.lr, 1e-7);
        if (step == 0) compare(&f, "grad", -1, r.grad, GRADIENTS);
        update(&f, &r, step);
        if (step + 1 != 2 && step + 1 != f.set.steps) continue;
        const char *when = step + 1 == 2 ? "after2" : "after50";
        compare(&f, when, 0, gk_model_data(f.model), WEIGHTS);
        compare(&f, when, 1, gk_adamw_m(r.adamw), GRADIENTS);
        compare(&f, when, 2, gk_adamw_v(r.adamw), GRADIENTS);
    }
    end_run(&r);
    close_fixture(&f);
}
END_TEST

/* Every family, with one thread and with two. */
START_TEST(equal_runs_give_the_same_bits) {
    fixture f[2];
    gk_threads_set(1 + _i / N_NAMES);
    for (int k = 0; k < 2; k++) {
        open_fixture(&f[k], NAMES[_i % N_NAMES]);
        run r = begin_run(&f[k]);
        for (int step = 0; step < f[k].set.steps; step++) {
            compute_step(&f[k], &r, step, false);
            update(&f[k], &r, step);
        }
        end_run(&r);
    }
    ck_assert_mem_eq(gk_model_data(f[0].model), gk_model_data(f[1].model),
                     gk_model_floats(f[0].model) * sizeof(float));
    for (int k = 0; k < 2; k++) close_fixture(&f[k]);
}
END_TEST

int main(void) {
    Suite *s = suite_create("train_parity");
    TCase *t = tcase_create("train_parity");
    tcase_add_loop_test(t, steps_follow_torch, 0, 2 * N_NAMES);
    tcase_add_loop_test(t, equal_runs_give_the_same_bits, 0, 2 * N_NAMES);
    suite_add_tcase(s, t);
    return run_suite(s);
}
