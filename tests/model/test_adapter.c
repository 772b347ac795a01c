/* modules: train model tokenizer core
 *
 * test_adapter.c: low-rank adapters against PEFT's on the same weights (fixtures made by
 * tools/reference/fixtures/make_lora_fixtures.py), saved, and new ones. */
#include "core/json.h"
#include "graftkit/core/threads.h"
#include "graftkit/train/optimizer.h"
#include "tests/support/adapter_fixture.h"

/* ---------------------------------------------------------------- against PEFT */

static void compare_logits(const fixture *f, const gk_model *m, const gk_adapter *a, const char *what) {
    size_t vocab = (size_t)gk_model_config(m)->vocab;
    float *logits = gk_alloc(MAX_ROWS * vocab * sizeof *logits);
    gk_session *s = session(f, false, false, a);
    ck_assert(gk_forward(s, m, &f->batch, f->rows, f->batch.n_rows, logits, NULL));
    for (int q = 0; q < 2; q++) {
        const gk_array *want = find(f->ref, "logits.", q ? "1" : "0");
        ck_assert_int_eq(want->shape[0], f->start[q + 1] - f->start[q]);
        assert_close(f, what, logits + (size_t)f->start[q] * vocab, want->data,
                     (size_t)want->shape[0] * vocab, 1e-4f);
    }
    gk_session_free(s);
    gk_free(logits);
}

START_TEST(logits_are_peft_s) {
    fixture f;
    begin_with_texts(&f, _i);
    compare_logits(&f, f.model, f.adapter, "a logit");
    end(&f);
}
END_TEST

/* A folder with an adapter is a model: mapped, loaded, and merged here. */
START_TEST(merged_logits_are_peft_s) {
    fixture f;
    begin_with_texts(&f, _i);
    gk_model *opened = gk_model_open(f.dir, NULL), *loaded = gk_model_load(f.dir, NULL);
    ck_assert(opened && loaded && gk_adapter_merge(f.adapter, f.model, NULL));
    compare_logits(&f, opened, NULL, "a logit of the opened folder");
    compare_logits(&f, loaded, NULL, "a logit of the loaded folder");
    compare_logits(&f, f.model, NULL, "a merged logit");
    ck_assert_mem_eq(gk_model_data(loaded), gk_model_data(f.model), gk_model_floats(loaded) * sizeof(float));
    gk_model_free(opened);
    gk_model_free(loaded);
    end(&f);
}
END_TEST

START_TEST(a_narrow_model_is_narrow_after_a_merge) {
    fixture f = begin(_i);
    size_t n = gk_model_floats(f.model);
    uint16_t *want = gk_alloc(n * sizeof *want);
    ck_assert(gk_model_narrow(f.model, NULL) && gk_adapter_merge(f.adapter, f.model, NULL));
    gk_bf16_round_weights(gk_model_data(f.model), want, n, 0);
    ck_assert_mem_eq(gk_model_narrowed(f.model), want, n * sizeof *want);
    gk_free(want);
    end(&f);
}
END_TEST

/* Vectors laid out as the adapter's get PEFT's names by being saved. */
static gk_safetensors *save_vector(fixture *f, const float *x) {
    float *data = gk_adapter_data(f->adapter);
    size_t bytes = gk_adapter_floats(f->adapter) * sizeof *data;
    float *before = gk_alloc(bytes);
    memcpy(before, data, bytes);
    memmove(data, x, bytes);
    ck_assert(gk_adapter_save(f->adapter, "nowhere", f->scratch.dir, NULL));
    memcpy(data, before, bytes);
    gk_free(before);
    gk_safetensors *file = gk_safetensors_open(scratch_path(&f->scratch, "adapter_model.safetensors"), NULL);
    ck_assert_ptr_nonnull(file);
    return file;
}

static void compare_vector(fixture *f, const float *x, const char *kind, float tolerance) {
    gk_safetensors *file = save_vector(f, x);
    size_t n = gk_safetensors_count(file), of_kind = 0;
    for (size_t i = 0; i < n; i++) {
        const gk_array *got = gk_safetensors_at(file, i), *want = find(f->ref, kind, got->name);
        ck_assert_int_eq(got->shape[0], want->shape[0]);
        ck_assert_int_eq(got->shape[1], want->shape[1]);
        assert_close(f, want->name, got->data, want->data, (size_t)(got->shape[0] * got->shape[1]),
                     tolerance);
    }
    for (size_t i = 0; i < gk_safetensors_count(f->ref); i++)
        of_kind += strncmp(gk_safetensors_at(f->ref, i)->name, kind, strlen(kind)) == 0;
    ck_assert_uint_eq(n, of_kind);
    gk_safetensors_close(file);
}

static double backward(const fixture *f, bool recompute, float scale, float *grad) {
    gk_session *s = session(f, true, recompute, f->adapter);
    double loss;
    int64_t n;
    ck_assert(gk_forward_backward(s, f->model, &f->batch, &(gk_backprop){.scale = scale, .grad = grad}, &loss,
                                  &n, NULL));
    ck_assert_int_eq(n, f->batch.n_rows - 2);
    gk_session_free(s);
    return loss;
}

/* On one thread, on two (each takes a sequence), and with activations computed again. */
START_TEST(gradients_are_torch_s) {
    fixture f;
    begin_with_texts(&f, _i % N_NAMES);
    int how = _i / N_NAMES;
    gk_threads_set(how == 1 ? 2 : 1);
    size_t floats = gk_adapter_floats(f.adapter), n = gk_model_floats(f.model);
    float *grad = gk_alloc(floats * sizeof *grad), *before = gk_alloc(n * sizeof *before);
    memcpy(before, gk_model_data(f.model), n * sizeof *before);
    double loss = backward(&f, how == 2, 1, grad), want = (double)find(f.ref, "loss", "")->data[0];
    ck_assert_double_eq_tol(loss, want, 1e-5 * want);
    compare_vector(&f, grad, "grad.", 1e-4f);
    ck_assert_mem_eq(gk_model_data(f.model), before, n * sizeof *before);
    gk_free(before);
    gk_free(grad);
    end(&f);
}
END_TEST

/* Beside a model whose products round to bf16 the adapter's own stay fp32. */
START_TEST(gradients_beside_a_narrow_model_come_close) {
    fixture f;
    begin_with_texts(&f, _i);
    size_t n = gk_adapter_floats(f.adapter);
    float *want = gk_alloc(n * sizeof *want), *got = gk_alloc(n * sizeof *got);
    double exact = backward(&f, false, 1, want), off = 0, all = 0;
    ck_assert(gk_model_narrow(f.model, NULL));
    double loss = backward(&f, false, 1, got);
    ck_assert(loss != exact);
    ck_assert_double_eq_tol(loss, exact, 5e-3 * exact);
    for (size_t i = 0; i < n; i++) {
        off += pow((double)got[i] - (double)want[i], 2);
        all += pow((double)want[i], 2);
    }
    ck_assert_msg(off < 4e-2 * 4e-2 * all, "%s: off by %g of its norm", f.name, sqrt(off / all));
    gk_free(want);
    gk_free(got);
    end(&f);
}
END_TEST

START_TEST(adamw_follows_torch) {
    fixture f;
    begin_with_texts(&f, _i);
    const gk_adamw_opts o = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-6, .weight_decay = 0.1};
    const gk_param *params;
    size_t n = gk_adapter_params(f.adapter, &params), floats = gk_adapter_floats(f.adapter);
    gk_adamw *adam = gk_adamw_new(params, n, floats, &o, NULL, NULL);
    float *grad = gk_alloc(floats * sizeof *grad);
    const gk_array *losses = find(f.ref, "losses", "");
    ck_assert_int_eq(losses->shape[0], STEPS);
    int targets = f.batch.n_rows - 2;
    for (int t = 1; t <= STEPS; t++) {
        double loss = backward(&f, false, 1 / (float)targets, grad) / targets,
               want = (double)losses->data[t - 1];
        ck_assert_msg(fabs(loss - want) <= 1e-4 * want, "%s: loss %g in step %d, torch says %g", f.name, loss,
                      t, want);
        gk_adamw_step(adam, gk_adapter_data(f.adapter), grad, t, 1e-2, 1);
    }
    compare_vector(&f, gk_adapter_data(f.adapter), "after.", 1e-3f);
    gk_adamw_free(adam);
    gk_free(grad);
    end(&f);
}
END_TEST

/* ---------------------------------------------------------------- folders */

/* The tensors that were read are written again, bit for bit (16-bit ones as the floats they are). */
START_TEST(saving_keeps_every_value) {
    fixture f = begin(_i);
    gk_safetensors *file = save_vector(&f, gk_adapter_data(f.adapter));
    gk_adapter *again = gk_adapter_load(f.scratch.dir, gk_model_config(f.model), NULL);
    ck_assert_ptr_nonnull(again);
    ck_assert_uint_eq(gk_adapter_floats(again), gk_adapter_floats(f.adapter));
    ck_assert_mem_eq(gk_adapter_data(again), gk_adapter_data(f.adapter),
                     gk_adapter_floats(again) * sizeof(float));
    gk_adapter_free(again);
    gk_safetensors *theirs =
        gk_safetensors_open(gk_path_join(f.scratch.a, f.dir, "adapter_model.safetensors"), NULL);
    size_t n = gk_safetensors_count(theirs);
    ck_assert(n == 0 || n == gk_safetensors_count(file));
    for (size_t i = 0; i < n; i++) {
        const gk_array *want = gk_safetensors_at(theirs, i), *got = find(file, want->name, "");
        ck_assert_mem_eq(got->data, want->data, (size_t)(want->shape[0] * want->shape[1]) * sizeof(float));
    }
    gk_safetensors_close(theirs);
    gk_safetensors_close(file);
    end(&f);
}
END_TEST

/* What target_modules becomes, sorted by nothing but the layers' order. */
static void assert_targets(int i, const char *want) {
    fixture f = begin(i);
    ck_assert(gk_adapter_save(f.adapter, "../base", f.scratch.dir, NULL));
    json_t *doc = gk_json_load(scratch_path(&f.scratch, "adapter_config.json"), NULL);
    ck_assert_str_eq(json_string_value(json_object_get(doc, "base_model_name_or_path")), "../base");
    char *got = json_dumps(json_object_get(doc, "target_modules"), JSON_COMPACT);
    ck_assert_str_eq(got, want);
    free(got);
    json_decref(doc);
    end(&f);
}

START_TEST(targets_are_named_as_peft_names_them) {
    assert_targets(1, "[\"q_proj\",\"v_proj\"]");
    assert_targets(2, "[\"model.layers.1.self_attn.k_proj\",\"model.layers.1.mlp.down_proj\"]");
    assert_targets(3, "[\"c_attn\",\"c_proj\",\"c_fc\"]");
    assert_targets(4, "[\"attn.c_proj\"]");
    assert_targets(6, "[\"query_key_value\"]");
}
END_TEST

/* ---------------------------------------------------------------- new adapters */

static gk_adapter *make(const char *model, int rank, uint32_t targets, gk_error *err) {
    char path[256];
    snprintf(path, sizeof path, "%s%s", MODELS, model);
    gk_model *m = gk_model_load(path, NULL);
    ck_assert_ptr_nonnull(m);
    gk_adapter *a =
        gk_adapter_new(gk_model_config(m), &(gk_lora){.rank = rank, .alpha = 8, .targets = targets}, 5, err);
    gk_model_free(m);
    return a;
}

START_TEST(a_new_adapter_changes_nothing) {
    fixture f;
    begin_with_texts(&f, _i);
    gk_adapter *a =
        gk_adapter_new(gk_model_config(f.model),
                       &(gk_lora){.rank = 4, .alpha = 8, .targets = GK_LORA_ATTN | GK_LORA_FFN}, 5, NULL);
    ck_assert_ptr_nonnull(a);
    double with, without;
    int64_t n;
    gk_session *s = session(&f, false, false, a), *t = session(&f, false, false, NULL);
    ck_assert(gk_forward_loss(s, f.model, &f.batch, &with, &n, NULL));
    ck_assert(gk_forward_loss(t, f.model, &f.batch, &without, &n, NULL));
    ck_assert(with == without);
    gk_session_free(s);
    gk_session_free(t);
    gk_adapter_free(a);
    end(&f);
}
END_TEST

START_TEST(a_new_adapter_is_drawn_by_its_seed) {
    gk_adapter *a = make("llama", 16, 1u << GK_Q | 1u << GK_DOWN, NULL),
               *b = make("llama", 16, 1u << GK_Q | 1u << GK_DOWN, NULL);
    ck_assert_mem_eq(gk_adapter_data(a), gk_adapter_data(b), gk_adapter_floats(a) * sizeof(float));
    const gk_param *p;
    ck_assert_uint_eq(gk_adapter_params(a, &p), 8); /* A and B, two components, two layers */
    for (int i = 0; i < 8; i += 2) {
        const float *x = gk_adapter_data(a) + p[i].offset;
        double bound = 1 / sqrt(p[i].in), square = 0;
        ck_assert_int_eq(p[i].out, 16);
        ck_assert_int_eq(p[i + 1].in, 16);
        for (size_t j = 0; j < p[i].count; j++) {
            ck_assert_double_le(fabs((double)x[j]), bound);
            square += (double)x[j] * (double)x[j];
        }
        /* Of a uniform distribution; the mean square of a few hundred values is within a quarter of it. */
        ck_assert_double_eq_tol(square / (double)p[i].count, bound * bound / 3, bound * bound / 12);
        ck_assert(largest(gk_adapter_data(a) + p[i + 1].offset, p[i + 1].count) == 0);
    }
    ck_assert(gk_adapter_has(a, 1, GK_Q) && !gk_adapter_has(a, 1, GK_K) && !gk_adapter_has(a, 2, GK_Q));
    gk_adapter_free(a);
    gk_adapter_free(b);
}
END_TEST

START_TEST(targets_that_are_not_there) {
    gk_error err;
    ck_assert_ptr_null(make("gpt2", 4, 1u << GK_Q | 1u << GK_V, &err));
    assert_error(
        &err,
        "field 'lora_targets': a gpt2 model has q, k and v in one tensor, which an adapter changes as a "
        "whole; target q, k and v together, or none of them");
    ck_assert_ptr_null(make("gpt2", 4, 1u << GK_GATE, &err));
    assert_error(
        &err,
        "field 'lora_targets': a gpt2 model has no matrix 'gate' in its layers; matrices of a layer: q k "
        "v o, gate (where there is one) up down");
    ck_assert_ptr_null(make("llama", 4, 1u << GK_HEAD, &err));
    assert_error(
        &err,
        "field 'lora_targets': a llama model has no matrix 'head' in its layers; matrices of a layer: q "
        "k v o, gate (where there is one) up down");
    ck_assert_ptr_null(make("llama", 4, 0, &err));
    ck_assert_ptr_null(make("llama", 0, 1u << GK_Q, &err));
    assert_error(&err, "field 'lora_rank': is 0; 1 to 4096");
    gk_adapter *a = make("gpt2", 4, GK_LORA_ATTN | GK_LORA_FFN, &err); /* a group is what there is of it */
    ck_assert(a && gk_adapter_has(a, 0, GK_UP) && !gk_adapter_has(a, 0, GK_GATE) &&
              gk_adapter_has(a, 0, GK_K));
    gk_adapter_free(a);
}
END_TEST

int main(void) {
    Suite *s = suite_create("adapter");
    TCase *t = tcase_create("adapter");
    tcase_add_loop_test(t, logits_are_peft_s, 0, N_NAMES);
    tcase_add_loop_test(t, merged_logits_are_peft_s, 0, N_NAMES);
    tcase_add_loop_test(t, gradients_are_torch_s, 0, 3 * N_NAMES);
    tcase_add_loop_test(t, gradients_beside_a_narrow_model_come_close, 0, N_NAMES);
    tcase_add_loop_test(t, a_narrow_model_is_narrow_after_a_merge, 0, N_NAMES);
    tcase_add_loop_test(t, adamw_follows_torch, 0, N_NAMES);
    tcase_add_loop_test(t, saving_keeps_every_value, 0, N_NAMES);
    tcase_add_test(t, targets_are_named_as_peft_names_them);
    tcase_add_loop_test(t, a_new_adapter_changes_nothing, 0, N_NAMES);
    tcase_add_test(t, a_new_adapter_is_drawn_by_its_seed);
    tcase_add_test(t, targets_that_are_not_there);
    suite_add_tcase(s, t);
    return run_suite(s);
}
