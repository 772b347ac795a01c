/* test_learning.c: what a step computes, whatever it is packed with, and what a run does with its steps. */
/* modules: train model tokenizer core */
#include "graftkit/model/adapter.h"
#include "graftkit/model/session.h"
#include "tests/support/train_fixture.h"
#include "train/internal.h"
#include "train/json.h"

#include <jansson.h>
#include <math.h>

/* ---------------------------------------------------------------- the loss of a step */

typedef struct result {
    float *grad;
    size_t floats;
    double loss;
    int64_t targets;
} result;

/* Loss and gradient of the texts in micro-batches of at most `rows` rows. */
static result compute(const gk_corpus *c, const gk_corpus *mix, const gk_model *m, const uint32_t *texts,
                      size_t n, int rows) {
    result r = {.floats = gk_model_floats(m)};
    gk_packer *p = gk_packer_new(c, mix, rows, (int64_t)n);
    gk_session *s = gk_session_new(gk_model_config(m), gk_packer_rows(p), true, NULL);
    r.grad = gk_alloc(r.floats * sizeof(float));
    ck_assert(gk_texts_loss(p, s, m, texts, n, &(gk_backprop){.grad = r.grad}, &r.loss, &r.targets, NULL));
    double again;
    int64_t targets;
    ck_assert(gk_texts_loss(p, s, m, texts, n, NULL, &again, &targets, NULL));
    ck_assert_int_eq(targets, r.targets);
    ck_assert_double_eq_tol(again, r.loss, 1e-6 * r.loss);
    gk_session_free(s);
    gk_packer_free(p);
    return r;
}

static double largest(const result *r) {
    double x = 0;
    for (size_t i = 0; i < r->floats; i++) x = fmax(x, fabs((double)r->grad[i]));
    return x;
}

static void assert_same_gradient(const float *a, const float *b, size_t n, double scale) {
    ck_assert(scale > 1e-4);
    for (size_t i = 0; i < n; i++) ck_assert_double_eq_tol((double)a[i], (double)b[i], 1e-5 * scale);
}

static const int ROWS[] = {10000, 100, 30, 15};
enum { N_ROWS = sizeof ROWS / sizeof *ROWS, STEP = 24 };

/* Own texts and general ones, all tokens or answers only, in other micro-batches and another order. */
START_TEST(packing_changes_neither_loss_nor_gradient) {
    gk_corpus *c = make_corpus(), *mix = make_general();
    gk_model *m = make_model();
    uint32_t texts[STEP], turned[STEP];
    if (_i) only_answers(c);
    for (uint32_t i = 0; i < STEP; i++) texts[i] = i % 4 == 3 ? N_TEXTS + i / 4 : 5 * i;
    for (uint32_t i = 0; i < STEP; i++) turned[i] = texts[(7 * i + 3) % STEP];
    result first = compute(c, mix, m, texts, STEP, ROWS[0]);
    for (int k = 1; k < 2 * N_ROWS; k++) {
        result r = compute(c, mix, m, k % 2 ? turned : texts, STEP, ROWS[k / 2]);
        ck_assert_int_eq(r.targets, first.targets);
        ck_assert_double_eq_tol(r.loss, first.loss, 1e-6 * first.loss);
        assert_same_gradient(r.grad, first.grad, r.floats, largest(&first));
        gk_free(r.grad);
    }
    gk_free(first.grad);
    gk_model_free(m);
    gk_corpus_free(mix);
    gk_corpus_free(c);
}
END_TEST

/* A step is the sum of its texts, each computed alone, over the targets of all: so no text's loss or gradient
 * depends on its neighbours, and a micro-batch of few targets weighs little. */
START_TEST(a_step_is_the_sum_of_its_texts) {
    gk_corpus *c = make_corpus(), *mix = make_general();
    gk_model *m = make_model();
    uint32_t texts[STEP];
    if (_i) only_answers(c);
    for (uint32_t i = 0; i < STEP; i++) texts[i] = i % 4 == 3 ? N_TEXTS + i / 4 : 5 * i;
    result step = compute(c, mix, m, texts, STEP, 40);
    double *sum = gk_alloc(step.floats * sizeof *sum), loss = 0;
    float *mean = gk_alloc(step.floats * sizeof *mean);
    int64_t targets = 0;
    for (size_t i = 0; i < STEP; i++) {
        result one = compute(c, mix, m, &texts[i], 1, 1);
        for (size_t k = 0; k < one.floats; k++) sum[k] += (double)one.grad[k] * (double)one.targets;
        loss += one.loss * (double)one.targets;
        targets += one.targets;
        gk_free(one.grad);
    }
    for (size_t k = 0; k < step.floats; k++) mean[k] = (float)(sum[k] / (double)targets);
    ck_assert_int_eq(step.targets, targets);
    ck_assert_double_eq_tol(step.loss, loss / (double)targets, 1e-6 * step.loss);
    assert_same_gradient(step.grad, mean, step.floats, largest(&step));
    gk_free(mean);
    gk_free(sum);
    gk_free(step.grad);
    gk_model_free(m);
    gk_corpus_free(mix);
    gk_corpus_free(c);
}
END_TEST

/* Beside texts that carry no loss, a text has the loss and the gradient that it has alone. */
START_TEST(neighbours_do_not_matter) {
    gk_corpus *c = make_corpus();
    gk_model *m = make_model();
    for (uint32_t text = 0; text < 12; text++) {
        gk_packer *p = gk_packer_new(c, NULL, 1000, 12);
        gk_session *s = gk_session_new(gk_model_config(m), gk_packer_rows(p), true, NULL);
        uint32_t all[12];
        gk_batch b;
        for (uint32_t i = 0; i < 12; i++) all[i] = i;
        ck_assert_uint_eq(gk_pack(p, all, 12, &b), 12);
        int32_t target[200];
        for (int i = 0; i < b.n_rows; i++)
            target[i] = i >= b.seq_start[text] && i < b.seq_start[text + 1] ? b.target[i] : -1;
        b.target = target;
        result alone = compute(c, NULL, m, &text, 1, 1);
        float *grad = gk_alloc(alone.floats * sizeof *grad);
        double sum;
        int64_t n;
        ck_assert(gk_forward_backward(
            s, m, &b, &(gk_backprop){.scale = 1 / (float)alone.targets, .grad = grad}, &sum, &n, NULL));
        ck_assert_int_eq(n, alone.targets);
        ck_assert_double_eq_tol(sum / (double)n, alone.loss, 1e-6 * alone.loss);
        assert_same_gradient(grad, alone.grad, alone.floats, largest(&alone));
        gk_free(grad);
        gk_free(alone.grad);
        gk_session_free(s);
        gk_packer_free(p);
    }
    gk_model_free(m);
    gk_corpus_free(c);
}
END_TEST

/* What accumulate and rows may not change, over a whole run: 40 texts at once, or 5 times 8 in pieces. */
START_TEST(accumulated_steps_are_the_same_steps) {
    scratch s = scratch_new();
    trial a = {.recipe = make_recipe()}, b = {.recipe = make_recipe()};
    a.recipe.batch = 40;
    a.recipe.rows = 1000;
    b.recipe.accumulate = 5;
    b.recipe.rows = 1;
    a.answers = b.answers = true;
    a.recipe.lr = b.recipe.lr = 1e-3;
    ck_assert(train_into(&a, scratch_path(&s, "a")) && train_into(&b, scratch_path(&s, "b")));
    ck_assert_int_eq(a.end.steps, 8 * 3);
    ck_assert(a.end.steps == b.end.steps && a.end.tokens == b.end.tokens);
    ck_assert_double_eq_tol(a.end.loss, b.end.loss, 1e-4 * a.end.loss);
    ck_assert_double_eq_tol(a.end.valid_loss, b.end.valid_loss, 1e-4 * a.end.valid_loss);
    gk_model_free(a.model);
    gk_model_free(b.model);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- what a run does */

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
    const uint32_t everywhere = 1u << GK_HEAD | 1u << GK_LNF | 1u << GK_K | 1u << GK_EMBED, in_0 = 1u << GK_Q;
    ck_assert(gk_recipe_set(&t.recipe, "freeze", "head,lnf,k,embed,q@0", GK_NOWHERE, NULL));
    ck_assert(train_into(&t, scratch_path(&s, "run")));
    gk_model *before = make_model();
    const gk_param *list;
    size_t n = gk_model_params(before, &list);
    for (size_t i = 0; i < n; i++) {
        bool same = memcmp(gk_model_data(before) + list[i].offset, gk_model_data(t.model) + list[i].offset,
                           list[i].count * sizeof(float)) == 0;
        uint32_t frozen = everywhere | (list[i].layer == 0 ? in_0 : 0);
        ck_assert_msg(same == ((frozen >> list[i].comp & 1u) != 0), "%s of layer %d",
                      gk_component_name(list[i].comp), list[i].layer);
    }
    gk_model_free(before);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

/* The same run in other precisions and memory ends nearly where fp32 does; computing again, exactly there. */
START_TEST(precision_and_memory_change_little) {
    scratch s = scratch_new();
    double loss[4];
    for (int i = 0; i < 4; i++) {
        trial t = {.recipe = make_recipe()};
        char name[16];
        snprintf(name, sizeof name, "run%d", i);
        t.recipe.bf16 = i == 2;
        t.recipe.memory = i == 1 ? GK_MEMORY_RECOMPUTE : i == 3 ? GK_MEMORY_LEAN : GK_MEMORY_STANDARD;
        t.recipe.rows = 100;
        ck_assert_msg(train_into(&t, scratch_path(&s, name)), "%s", t.err.what);
        loss[i] = t.end.valid_loss;
        gk_model_free(t.model);
    }
    assert_same_file(&s, "run0/model.safetensors", "run1/model.safetensors");
    ck_assert_msg(fabs(loss[2] - loss[0]) < 0.1, "bf16 ends at %g, fp32 at %g", loss[2], loss[0]);
    ck_assert_msg(fabs(loss[3] - loss[0]) < 0.2, "lean ends at %g, fp32 at %g", loss[3], loss[0]);
    scratch_free(&s);
}
END_TEST

START_TEST(lean_says_what_it_cannot) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    t.recipe.memory = GK_MEMORY_LEAN;
    ck_assert(!train_into(&t, scratch_path(&s, "run")));
    ck_assert_msg(strstr(t.err.what, "in one pass of 40 rows") != NULL, "%s", t.err.what);
    t.recipe.rows = 100;
    t.recipe.accumulate = 2;
    ck_assert(!train_into(&t, scratch_path(&s, "run")));
    ck_assert_ptr_nonnull(strstr(t.err.what, "cannot accumulate"));
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

/* Refused, with the sum, when it is more than there is; what is taken already does not count again. */
START_TEST(memory_is_counted_before) {
    gk_config c;
    gk_config_default(gk_family_find("llama"), 2000, &c);
    gk_recipe r = make_recipe();
    gk_train_memory m, lean;
    gk_error err;
    size_t floats = 1000000;
    gk_train_memory_of(&r, &c, floats, 100, 0, &m);
    ck_assert_uint_eq(m.weights, 4 * floats);
    ck_assert_uint_eq(m.gradients + m.moments, 12 * floats);
    ck_assert_uint_eq(m.total, m.weights + m.gradients + m.moments + m.best + m.activations);
    ck_assert(gk_train_fits(&m, m.weights, m.total - m.weights, &err));
    ck_assert(!gk_train_fits(&m, m.weights, m.total - m.weights - 1, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "does not fit: memory: weights 0.00 GiB, gradients"));
    gk_train_memory asked;
    gk_train_memory_of(&r, &c, floats, 100, 1000, &asked);
    ck_assert_uint_eq(asked.total, m.total + 1000);
    r.lora = (gk_lora){.rank = 2, .alpha = 4, .targets = 1u << GK_Q};
    gk_train_memory_of(&r, &c, floats, 100, 1000, &asked);
    ck_assert_uint_eq(asked.epochs, 1000 + 4 * floats); /* what is asked is a copy with the adapter merged */
    r.lora.rank = 0;
    r.memory = GK_MEMORY_LEAN;
    gk_train_memory_of(&r, &c, floats, 100, 0, &lean);
    ck_assert_uint_lt(lean.weights + lean.moments, 6 * floats);
    ck_assert_uint_lt(lean.activations, m.activations);
    size_t front, window;
    gk_backprop_floats(&c, NULL, &front, &window);
    ck_assert_uint_eq(lean.gradients, 4 * (front + window));
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
    gk_packer *p = gk_packer_new(c, NULL, 1000, 100);
    gk_session *session = gk_session_new(gk_model_config(t.model), gk_packer_rows(p), false, NULL);
    double loss;
    int64_t targets;
    ck_assert(gk_texts_loss(p, session, t.model, split.valid, split.n_valid, NULL, &loss, &targets, NULL));
    ck_assert_double_eq_tol(loss, best, 1e-5 * best);
    gk_session_free(session);
    gk_packer_free(p);
    gk_corpus_free(c);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

/* Every validation: its step and loss. */
static size_t validations(scratch *s, const char *name, int64_t *steps, double *losses, size_t most) {
    gk_jsonl *in = gk_jsonl_open(scratch_path(s, name), NULL);
    json_t *line;
    size_t n = 0;
    while (gk_jsonl_next(in, &line, NULL) > 0) {
        const json_t *v = json_object_get(line, "valid_loss");
        if (v) {
            ck_assert_uint_lt(n, most);
            losses[n] = json_number_value(v);
            steps[n++] = json_integer_value(json_object_get(line, "step"));
        }
        json_decref(line);
    }
    gk_jsonl_close(in);
    return n;
}

START_TEST(validation_comes_by_steps_or_epochs_and_at_the_end) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe()};
    int64_t steps[40];
    double losses[40];
    t.recipe.steps = 37;
    ck_assert(train_into(&t, scratch_path(&s, "epochs")));
    ck_assert_int_eq(t.end.steps, 37);
    ck_assert_uint_eq(validations(&s, "epochs/metrics.jsonl", steps, losses, 40), 3);
    ck_assert(steps[0] == 14 && steps[1] == 28 && steps[2] == 37);
    t.recipe.validate_steps = 10;
    ck_assert(train_into(&t, scratch_path(&s, "steps")));
    ck_assert_uint_eq(validations(&s, "steps/metrics.jsonl", steps, losses, 40), 4);
    ck_assert(steps[0] == 10 && steps[1] == 20 && steps[2] == 30 && steps[3] == 37);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

static gk_buf told;
static bool tell(void *ctx, const gk_model *m, int64_t step, int64_t epochs, gk_line *line, gk_error *err) {
    (void)ctx, (void)m, (void)line, (void)err;
    gk_buf_printf(&told, "%d:%d ", (int)step, (int)epochs);
    return true;
}

/* 108 texts are 14 steps of 8: an epoch. */
START_TEST(epochs_and_the_end_are_told_of) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe(), .on_epoch = tell};
    t.recipe.epochs = 2;
    ck_assert(train_into(&t, scratch_path(&s, "epochs")));
    ck_assert_str_eq(told.data, "0:0 14:1 28:2 ");
    gk_buf_free(&told);
    told = (gk_buf){0};
    t.recipe.steps = 17;
    ck_assert(train_into(&t, scratch_path(&s, "steps")));
    ck_assert_str_eq(told.data, "0:0 14:1 17:1 ");
    gk_buf_free(&told);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

START_TEST(patience_counts_validations_without_a_better_one) {
    scratch s = scratch_new();
    trial t = {.recipe = make_recipe(), .seed = 2};
    int64_t steps[60];
    double losses[60];
    t.recipe.epochs = 40;
    t.recipe.warmup = 40 * 14; /* the rate rises all along: the model learns, then falls apart */
    t.recipe.lr = 6;
    t.recipe.patience = 3;
    ck_assert(train_into(&t, scratch_path(&s, "run")));
    size_t n = validations(&s, "run/metrics.jsonl", steps, losses, 60), best = 0, since = 0;
    for (size_t i = 1; i < n; i++) {
        ck_assert_uint_lt(since, 3);
        since = losses[i] < losses[best] ? 0 : since + 1;
        if (since == 0) best = i;
    }
    ck_assert(t.end.stopped && since == 3 && best > 0 && n < 40);
    ck_assert(t.end.steps == steps[n - 1] && t.end.best_step == steps[best]);
    ck_assert(train_into(&t, scratch_path(&s, "run"))); /* and is finished */
    ck_assert(t.end.end == GK_TRAIN_ALREADY && t.end.stopped && t.end.best_step == steps[best]);
    t.recipe.patience = 0;
    ck_assert(train_into(&t, scratch_path(&s, "all")));
    ck_assert(!t.end.stopped && t.end.steps == 40 * 14);
    gk_model_free(t.model);
    scratch_free(&s);
}
END_TEST

/* Warm-up as a share is rounded up, as transformers does it: 0.03 of 112 steps are 4. */
START_TEST(warm_up_as_a_share_of_the_steps) {
    scratch s = scratch_new();
    trial a = {.recipe = make_recipe()}, b = {.recipe = make_recipe()};
    a.recipe.warmup_ratio = 0.03; /* over the recipe's 5 steps */
    b.recipe.warmup = 4;
    ck_assert(train_into(&a, scratch_path(&s, "a")) && train_into(&b, scratch_path(&s, "b")));
    ck_assert_int_eq(a.end.steps, 112);
    assert_same_file(&s, "a/model.safetensors", "b/model.safetensors");
    gk_model_free(a.model);
    gk_model_free(b.model);
    scratch_free(&s);
}
END_TEST

/* Mixing general text in keeps what a model knows of it: the loss on it stays lower than without. */
START_TEST(general_text_is_learned_where_it_is_mixed_in) {
    scratch s = scratch_new();
    double loss[2];
    for (int k = 0; k < 2; k++) {
        trial t = {.recipe = make_recipe()};
        if (k) mix_in(&t.recipe, 0.4);
        ck_assert(train_into(&t, scratch_path(&s, k ? "mixed" : "plain")));
        gk_corpus *general = make_general();
        result r = compute(general, NULL, t.model, (uint32_t[]){0, 1, 2, 3, 4, 5, 6}, 7, 100);
        loss[k] = r.loss;
        gk_free(r.grad);
        gk_corpus_free(general);
        gk_model_free(t.model);
    }
    ck_assert_msg(loss[1] < 0.5 * loss[0], "%g with, %g without", loss[1], loss[0]);
    scratch_free(&s);
}
END_TEST

START_TEST(a_line_takes_numbers_counts_and_texts) {
    gk_line line = {json_object()};
    gk_line_num(&line, "a", 0.5);
    gk_line_num(&line, "b", NAN);
    gk_line_count(&line, "c", 7);
    ck_assert(gk_line_text(&line, "d", "Ada") && !gk_line_text(&line, "e", "\xff"));
    gk_line_num(&line, "a", 0.25);
    char *text = json_dumps(line.json, JSON_COMPACT);
    ck_assert_str_eq(text, "{\"a\":0.25,\"b\":null,\"c\":7,\"d\":\"Ada\"}");
    free(text);
    json_decref(line.json);
}
END_TEST

START_TEST(a_line_cannot_change_where_it_stands) {
    scratch s = scratch_new();
    gk_error err;
    gk_line line = {json_object()};
    gk_line_count(&line, "step", 99);
    gk_line_count(&line, "tokens", 98);
    gk_line_num(&line, "known", 0.5);
    gk_train__metrics m;
    const char *path = scratch_path(&s, "metrics.jsonl");
    ck_assert(gk_train__metrics_open(&m, path, 0, &err));
    gk_train__metrics_epoch(&m, &(gk_train__state){.step = 7, .tokens = 30}, 2, line.json);
    gk_train__metrics_close(&m);
    ck_assert_str_eq(gk_read_file(s.a, path, 1 << 10, NULL, &err),
                     "{\"step\":7,\"epochs\":2,\"tokens\":30,\"known\":0.5}\n");
    json_decref(line.json);
    scratch_free(&s);
}
END_TEST

int main(int argc, char **argv) {
    (void)argc;
    wait_passively(argv);
    Suite *s = suite_create("learning");
    TCase *t = tcase_create("learning");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, packing_changes_neither_loss_nor_gradient, 0, 2);
    tcase_add_loop_test(t, a_step_is_the_sum_of_its_texts, 0, 2);
    tcase_add_test(t, a_small_model_learns);
    tcase_add_test(t, frozen_components_keep_their_bits);
    tcase_add_test(t, precision_and_memory_change_little);
    tcase_add_test(t, lean_says_what_it_cannot);
    tcase_add_test(t, memory_is_counted_before);
    tcase_add_test(t, keep_best_ends_with_the_best_weights);
    tcase_add_test(t, validation_comes_by_steps_or_epochs_and_at_the_end);
    tcase_add_test(t, epochs_and_the_end_are_told_of);
    tcase_add_test(t, a_line_takes_numbers_counts_and_texts);
    tcase_add_test(t, a_line_cannot_change_where_it_stands);
    tcase_add_test(t, patience_counts_validations_without_a_better_one);
    tcase_add_test(t, warm_up_as_a_share_of_the_steps);
    tcase_add_test(t, general_text_is_learned_where_it_is_mixed_in);
    tcase_add_test(t, accumulated_steps_are_the_same_steps);
    tcase_add_test(t, neighbours_do_not_matter);
    suite_add_tcase(s, t);
    return run_suite(s);
}
