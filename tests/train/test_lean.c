/* modules: train model tokenizer core
 *
 * test_lean.c: AdamW on bf16 weights during the backward pass: it learns as the fp32 one does, small updates
 * are not lost, the same inputs give the same bits, what is frozen stays, a gradient that is not finite is
 * told. */
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "graftkit/train/optimizer.h"
#include "tests/support/fixture_models.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <string.h>

enum { ROWS = 13, STEPS = 60 };
static const int32_t TOKENS[ROWS] = {1, 7, 9, 30, 32, 1, 4, 4, 1, 2, 3, 31, 8};
static const int32_t TARGETS[ROWS] = {7, 9, 30, 32, -1, 4, 4, -1, 2, 3, 31, 8, -1};
static const int32_t STARTS[] = {0, 5, 8, ROWS};
static const gk_batch BATCH = {ROWS, 3, TOKENS, TARGETS, STARTS};
static const gk_adamw_opts OPTS = {
    .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .weight_decay = 0.01, .decay_embed = true, .decay_norms = true};

static gk_model *load(int i, bool lean) {
    gk_model *m = gk_model_load(FOLDERS[i], NULL);
    ck_assert_ptr_nonnull(m);
    if (lean) ck_assert(gk_model_lean(m, NULL));
    return m;
}

static gk_session *session_of(const gk_model *m, const uint32_t *frozen) {
    gk_session_opts o = {.max_rows = ROWS, .backward = true, .recompute = true, .frozen = frozen};
    gk_session *s = gk_session_make(gk_model_config(m), &o, NULL);
    ck_assert_ptr_nonnull(s);
    return s;
}

static double lean_step(gk_lean *l, gk_session *s, const gk_model *m, int t, double lr) {
    gk_backprop p = gk_lean_begin(l, t, lr);
    double loss;
    int64_t n;
    p.scale = 0.1f;
    ck_assert(gk_forward_backward(s, m, &BATCH, &p, &loss, &n, NULL));
    return loss / (double)n;
}

static double train_lean(gk_model *m, double *first_norm) {
    gk_lean *l = gk_lean_new(m, &OPTS, NULL, 1.0, 5, NULL);
    gk_session *s = session_of(m, NULL);
    double loss = 0;
    ck_assert(l);
    for (int t = 1; t <= STEPS; t++) {
        loss = lean_step(l, s, m, t, 1e-3);
        if (t == 1) *first_norm = gk_lean_norm(l);
    }
    gk_session_free(s);
    gk_lean_free(l);
    return loss;
}

static double train_full(gk_model *m, double *first_norm, double *first_loss) {
    const gk_param *params;
    size_t n_params = gk_model_params(m, &params), floats = gk_model_floats(m);
    gk_adamw *a = gk_adamw_new(params, n_params, floats, &OPTS, NULL, NULL);
    gk_session *s = session_of(m, NULL);
    float *grad = gk_alloc(floats * sizeof *grad);
    double loss = 0;
    int64_t n;
    for (int t = 1; t <= STEPS; t++) {
        ck_assert(
            gk_forward_backward(s, m, &BATCH, &(gk_backprop){.scale = 0.1f, .grad = grad}, &loss, &n, NULL));
        double norm = gk_adamw_norm(a, grad);
        if (t == 1) {
            *first_norm = norm;
            *first_loss = loss / (double)n;
        }
        gk_adamw_step(a, gk_model_data(m), grad, t, 1e-3, gk_clip_factor(norm, 1));
    }
    gk_free(grad);
    gk_session_free(s);
    gk_adamw_free(a);
    return loss / (double)n;
}

START_TEST(learns_as_fp32_does) {
    gk_model *full = load(_i, false), *lean = load(_i, true);
    double norm_full, norm_lean, start = 0, full_loss = train_full(full, &norm_full, &start);
    double lean_loss = train_lean(lean, &norm_lean);
    ck_assert_double_eq_tol(norm_lean, norm_full, 0.05 * norm_full);
    ck_assert_msg(full_loss < 0.9 * start, "fp32 itself learned nothing: %g of %g", full_loss, start);
    ck_assert_msg(fabs(lean_loss - full_loss) < 0.1 * (start - full_loss), "loss %g, with fp32 %g, from %g",
                  lean_loss, full_loss, start);
    gk_model_free(full);
    gk_model_free(lean);
}
END_TEST

START_TEST(equal_runs_give_equal_bits) {
    gk_model *m[2] = {load(_i, true), load(_i, true)};
    double norm, loss[2];
    for (int k = 0; k < 2; k++) loss[k] = train_lean(m[k], &norm);
    ck_assert(loss[0] == loss[1]);
    size_t n;
    const float *a = gk_model_vectors(m[0], &n), *b = gk_model_vectors(m[1], &n);
    ck_assert_int_eq(memcmp(gk_model_narrowed(m[0]), gk_model_narrowed(m[1]), 2 * gk_model_floats(m[0])), 0);
    ck_assert_int_eq(memcmp(a, b, n * sizeof *a), 0);
    for (int k = 0; k < 2; k++) gk_model_free(m[k]);
}
END_TEST

/* A constant gradient moves each weight by lr a step. At 1 a bf16's neighbours are 1/128 and 1/256 away, ten
 * times what the run moves them in all: rounding to nearest would leave them where they are. */
START_TEST(small_updates_add_up) {
    gk_model *m = load(0, true);
    gk_adamw_opts o = OPTS;
    o.weight_decay = 0;
    gk_lean *l = gk_lean_new(m, &o, NULL, 0, 5, NULL);
    gk_tensor embed = gk_model_tensor(m, -1, GK_EMBED);
    size_t n = (size_t)embed.out * (size_t)embed.in;
    uint16_t *w = gk_model_narrowed(m);
    float one = 1, moved;
    double sum = 0;
    for (size_t i = 0; i < n; i++) gk_bf16_round(&one, &w[i], 1);
    for (int t = 1; t <= 20; t++) {
        gk_backprop p = gk_lean_begin(l, t, 2e-5);
        for (size_t i = 0; i < n; i++) p.front[i] = 0.3f;
        p.ready(p.ctx, 0, n, p.front);
        for (size_t i = 0; i < n; i++) ck_assert(p.front[i] == 0);
    }
    for (size_t i = 0; i < n; i++) {
        gk_tensor_floats(embed, i, 1, &moved);
        sum += 1 - (double)moved;
    }
    double deviation = sqrt(4e-4 / 256 / (double)n); /* of the mean of n values, each 1/256 less with 10% */
    ck_assert_msg(fabs(sum / (double)n - 4e-4) < 5 * deviation + 2e-5, "moved by %g of 4e-4, +- %g",
                  sum / (double)n, deviation);
    gk_lean_free(l);
    gk_model_free(m);
}
END_TEST

START_TEST(frozen_parts_and_bad_gradients) {
    gk_model *m = load(0, true), *before = load(0, true);
    int layers = gk_model_config(m)->n_layers;
    uint32_t *masks = gk_alloc(((size_t)layers + 1) * sizeof *masks);
    for (int i = 0; i <= layers; i++) masks[i] = 1u << GK_Q | 1u << GK_LNF | 1u << GK_LN1;
    gk_lean *l = gk_lean_new(m, &OPTS, masks, 1, 5, NULL);
    gk_session *s = session_of(m, masks);
    lean_step(l, s, m, 1, 1e-2);
    ck_assert(isfinite(gk_lean_norm(l)));
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    for (size_t i = 0; i < n; i++) {
        bool frozen = masks[list[i].layer < 0 ? layers : list[i].layer] >> list[i].comp & 1u, same;
        if (list[i].bias || gk_component_is_norm(list[i].comp))
            same = memcmp(gk_model_vector(m, &list[i]), gk_model_vector(before, &list[i]),
                          4 * list[i].count) == 0;
        else
            same = memcmp(gk_model_narrowed(m) + list[i].offset, gk_model_narrowed(before) + list[i].offset,
                          2 * list[i].count) == 0;
        ck_assert_msg(same == frozen, "%s of layer %d", gk_component_name(list[i].comp), list[i].layer);
    }
    gk_backprop p = gk_lean_begin(l, 2, 1e-2);
    p.front[3] = NAN;
    uint16_t first = gk_model_narrowed(m)[0];
    p.ready(p.ctx, 0, 16, p.front);
    ck_assert(isnan(gk_lean_norm(l)));
    ck_assert_uint_eq(gk_model_narrowed(m)[0], first);
    gk_free(masks);
    gk_session_free(s);
    gk_lean_free(l);
    gk_model_free(m);
    gk_model_free(before);
}
END_TEST

/* What is saved is bf16 and opens as such. */
START_TEST(lean_models_are_saved) {
    scratch s = scratch_new();
    gk_model *m = load(_i, true);
    ck_assert(gk_model_save(m, scratch_path(&s, "m"), NULL));
    gk_model *back = gk_model_load(scratch_path(&s, "m"), NULL);
    ck_assert_ptr_nonnull(back);
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    for (size_t i = 0; i < n; i++) {
        float x[8];
        size_t k = list[i].count < 8 ? list[i].count : 8;
        if (list[i].bias || gk_component_is_norm(list[i].comp))
            memcpy(x, gk_model_vector(m, &list[i]), k * sizeof *x);
        else
            gk_tensor_floats(gk_model_tensor(m, list[i].layer, list[i].comp), 0, k, x);
        ck_assert_int_eq(memcmp(x, gk_model_data(back) + list[i].offset, k * sizeof *x), 0);
    }
    gk_model_free(m);
    gk_model_free(back);
    scratch_free(&s);
}
END_TEST

int main(void) {
    find_folders();
    Suite *suite = suite_create("lean");
    TCase *t = tcase_create("lean");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, learns_as_fp32_does, 0, n_folders);
    tcase_add_loop_test(t, equal_runs_give_equal_bits, 0, 4);
    tcase_add_test(t, small_updates_add_up);
    tcase_add_test(t, frozen_parts_and_bad_gradients);
    tcase_add_loop_test(t, lean_models_are_saved, 0, n_folders);
    suite_add_tcase(suite, t);
    int failed = run_suite(suite);
    free_folders();
    return failed;
}
