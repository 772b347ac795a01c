/* modules: model core
 * kernels: under each instruction set
 *
 * test_parity.c: logits, loss and every gradient against torch's on the same weights (fixtures made by
 * tools/reference/fixtures/make_model_fixtures.py). */
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "model/arrays.h"
#include "tests/support/fixture_models.h"
#include "tests/support/scratch.h"

#include <math.h>

#define MAX_ROWS 64

static char why[2048]; /* the last error's text, for a failing assertion */

/* One fixture: the model, torch's numbers, and the two sequences as one ragged batch. */
typedef struct fixture {
    scratch scratch;
    gk_model *model;
    gk_safetensors *ref;
    int32_t token[MAX_ROWS], target[MAX_ROWS], start[3];
    gk_batch batch;
} fixture;

static const gk_array *reference(const fixture *f, const char *kind, int sequence) {
    char name[64];
    snprintf(name, sizeof name, "%s.%d", kind, sequence);
    const gk_array *a = gk_safetensors_find(f->ref, name);
    ck_assert_msg(a != NULL, "no %s in the reference", name);
    return a;
}

static void add_sequence(fixture *f, int s) {
    const gk_array *ids = reference(f, "input_ids", s);
    int n = (int)ids->shape[0], row = f->start[s];
    ck_assert_int_le(row + n, MAX_ROWS);
    for (int i = 0; i < n; i++) {
        f->token[row + i] = (int32_t)ids->data[i];
        f->target[row + i] = i + 1 < n ? (int32_t)ids->data[i + 1] : -1;
    }
    f->start[s + 1] = row + n;
}

static void open_fixture(fixture *f, const char *name, bool mapped) {
    gk_error err = {0};
    *f = (fixture){.scratch = scratch_new()};
    char *dir = gk_path_join(f->scratch.a, FIXTURES, name);
    f->model = mapped ? gk_model_open(dir, &err) : gk_model_load(dir, &err);
    ck_assert_msg(f->model != NULL, "%s", gk_error_text(&err, why, sizeof why));
    f->ref = gk_safetensors_open(gk_path_join(f->scratch.a, dir, "reference.safetensors"), &err);
    ck_assert_msg(f->ref != NULL, "%s", gk_error_text(&err, why, sizeof why));
    for (int s = 0; s < 2; s++) add_sequence(f, s);
    f->batch = (gk_batch){
        .n_rows = f->start[2], .n_seqs = 2, .token = f->token, .target = f->target, .seq_start = f->start};
}

static void close_fixture(fixture *f) {
    gk_safetensors_close(f->ref);
    gk_model_free(f->model);
    scratch_free(&f->scratch);
}

static float largest(const float *x, size_t n) {
    float m = 0;
    for (size_t i = 0; i < n; i++) m = fmaxf(m, fabsf(x[i]));
    return m;
}

static size_t argmax(const float *x, size_t n) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

/* Every model as floats in memory, and as it is mapped from its file. */
START_TEST(test_logits) {
    fixture f;
    gk_error err = {0};
    const char *name = folder_name(_i % n_folders);
    open_fixture(&f, name, _i >= n_folders);
    size_t vocab = (size_t)gk_model_config(f.model)->vocab;
    int n = f.batch.n_rows;
    int32_t rows[MAX_ROWS];
    for (int i = 0; i < n; i++) rows[i] = i;
    float *logits = gk_alloc((size_t)n * vocab * sizeof *logits);
    gk_session *s = gk_session_new(gk_model_config(f.model), n, false, &err);
    ck_assert_msg(gk_forward(s, f.model, &f.batch, rows, n, logits, &err), "%s",
                  gk_error_text(&err, why, sizeof why));
    for (int seq = 0; seq < 2; seq++) {
        const gk_array *want = reference(&f, "logits", seq);
        size_t seq_rows = (size_t)(f.start[seq + 1] - f.start[seq]);
        ck_assert_int_eq(want->shape[0], (int64_t)seq_rows);
        ck_assert_int_eq(want->shape[1], (int64_t)vocab);
        float scale = largest(want->data, seq_rows * vocab);
        const float *got = logits + (size_t)f.start[seq] * vocab;
        for (size_t i = 0; i < seq_rows * vocab; i++)
            ck_assert_msg(fabsf(got[i] - want->data[i]) <= 1e-4f * scale,
                          "%s: logit %zu of sequence %d is %g, torch says %g", name, i, seq, (double)got[i],
                          (double)want->data[i]);
        for (size_t r = 0; r < seq_rows; r++)
            ck_assert_uint_eq(argmax(got + r * vocab, vocab), argmax(want->data + r * vocab, vocab));
    }
    gk_session_free(s);
    gk_free(logits);
    close_fixture(&f);
}
END_TEST

/* The gradient is laid out as the weights are, so the saver gives its arrays the names that torch uses. */
static gk_safetensors *save_gradient(fixture *f, const float *grad) {
    gk_error err = {0};
    gk_model *as_model = gk_model_blank(gk_model_config(f->model), &err);
    memcpy(gk_model_data(as_model), grad, gk_model_floats(as_model) * sizeof *grad);
    ck_assert_msg(gk_model_save(as_model, f->scratch.dir, &err), "%s", gk_error_text(&err, why, sizeof why));
    gk_model_free(as_model);
    gk_safetensors *file = gk_safetensors_open(scratch_path(&f->scratch, "model.safetensors"), &err);
    ck_assert_msg(file != NULL, "%s", gk_error_text(&err, why, sizeof why));
    return file;
}

static void compare_gradient(const char *model, const gk_array *got, const gk_array *want) {
    size_t n = 1;
    ck_assert_int_eq(got->n_dims, want->n_dims);
    for (int d = 0; d < want->n_dims; d++) {
        ck_assert_int_eq(got->shape[d], want->shape[d]);
        n *= (size_t)want->shape[d];
    }
    float scale = largest(want->data, n);
    ck_assert_msg(scale > 0, "%s: torch's %s is zero", model, want->name);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabsf(got->data[i] - want->data[i]) <= 1e-4f * scale,
                      "%s: %s at %zu is %g, torch says %g", model, want->name, i, (double)got->data[i],
                      (double)want->data[i]);
}

START_TEST(test_loss_and_gradients) {
    fixture f;
    gk_error err = {0};
    open_fixture(&f, folder_name(_i), false);
    float *grad = gk_alloc(gk_model_floats(f.model) * sizeof *grad);
    gk_session *s = gk_session_new(gk_model_config(f.model), f.batch.n_rows, true, &err);
    double loss = 0;
    int64_t n_targets = 0;
    ck_assert_msg(gk_forward_backward(s, f.model, &f.batch, &(gk_backprop){.scale = 1.0f, .grad = grad},
                                      &loss, &n_targets, &err),
                  "%s", gk_error_text(&err, why, sizeof why));
    double want = (double)gk_safetensors_find(f.ref, "loss")->data[0];
    ck_assert_int_eq(n_targets, f.batch.n_rows - 2);
    ck_assert_msg(fabs(loss - want) <= 1e-5 * want, "%s: loss %.9g, torch says %.9g", folder_name(_i), loss,
                  want);

    gk_safetensors *file = save_gradient(&f, grad);
    size_t compared = 0;
    for (size_t i = 0; i < gk_safetensors_count(f.ref); i++) {
        const gk_array *a = gk_safetensors_at(f.ref, i);
        if (strncmp(a->name, "grad.", 5) != 0) continue;
        const gk_array *got = gk_safetensors_find(file, a->name + 5);
        ck_assert_msg(got != NULL, "%s: no %s", folder_name(_i), a->name);
        compare_gradient(folder_name(_i), got, a);
        compared++;
    }
    ck_assert_uint_eq(compared, gk_safetensors_count(file));
    gk_safetensors_close(file);
    gk_session_free(s);
    gk_free(grad);
    close_fixture(&f);
}
END_TEST

/* Five configurations of each family, and the four that other suites use too. */
START_TEST(test_coverage) {
    static const char *const prefixes[] = {"llama", "gpt2", "neox", "gemma-", "gemma2", "qwen2", "olmo2"};
    for (size_t p = 0; p < sizeof prefixes / sizeof *prefixes; p++) {
        int n = 0;
        for (int i = 0; i < n_folders; i++)
            n += strncmp(folder_name(i), prefixes[p], strlen(prefixes[p])) == 0;
        n += strcmp(prefixes[p], "gemma-") == 0; /* "gemma" itself */
        ck_assert_msg(n >= 5, "%s has %d fixtures", prefixes[p], n);
    }
}
END_TEST

int main(void) {
    find_folders();
    Suite *s = suite_create("parity");
    TCase *t = tcase_create("parity");
    tcase_add_test(t, test_coverage);
    tcase_add_loop_test(t, test_logits, 0, 2 * n_folders);
    tcase_add_loop_test(t, test_loss_and_gradients, 0, n_folders);
    suite_add_tcase(s, t);
    int code = run_suite(s);
    free_folders();
    return code;
}
