/* modules: train model tokenizer core
 *
 * test_adapter_refused.c: an adapter's folder that lies, or that is another model's, is refused and says
 * where. */
#include "tests/support/adapter_fixture.h"

/* ---------------------------------------------------------------- hostile folders */

typedef struct hostile {
    scratch s;
    gk_model *m;
    gk_error err;
} hostile;

static hostile hostile_new(void) {
    hostile h = {.s = scratch_new(), .m = gk_model_load(MODELS "llama", NULL)};
    ck_assert_ptr_nonnull(h.m);
    return h;
}

static void hostile_free(hostile *h) {
    gk_model_free(h->m);
    scratch_free(&h->s);
}

static void write_config(hostile *h, const char *text) {
    scratch_file(&h->s, "adapter_config.json", text);
}

#define GOOD                                                                                      \
    "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4, \"target_modules\": \"all-linear\", " \
    "\"base_model_name_or_path\": \"" MODELS "llama"                                              \
    "\""
#define MODULE "base_model.model.model.layers.0.self_attn.q_proj.lora_"

/* q of layer 0: A [rank x 16], B [out x rank], and perhaps one tensor more. */
static void write_tensors(hostile *h, int rank, int out, int n, const char *third, float value) {
    static float x[256], a[256];
    for (int i = 0; i < 256; i++) x[i] = a[i] = 0.5f;
    a[5] = value;
    gk_array list[] = {{.name = MODULE "A.weight", .data = a, .shape = {rank, 16}, .n_dims = 2},
                       {.name = MODULE "B.weight", .data = x, .shape = {out, rank}, .n_dims = 2},
                       {.name = third, .data = x, .shape = {2, 16}, .n_dims = 2}};
    ck_assert(
        gk_safetensors_save(scratch_path(&h->s, "adapter_model.safetensors"), list, (size_t)n, NULL, NULL));
}

static void refused(hostile *h, const char *file, const char *rest) {
    ck_assert_ptr_null(gk_adapter_load(h->s.dir, gk_model_config(h->m), &h->err));
    assert_error_at(&h->err, scratch_path(&h->s, file), rest);
    gk_error as_model;
    ck_assert_ptr_null(gk_model_open(h->s.dir, &as_model));
}

START_TEST(hostile_configurations) {
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{\"r\": 2, \"lora_alpha\": 4}", ": field 'peft_type': is missing"},
        {"{\"peft_type\": \"IA3\", \"r\": 2, \"lora_alpha\": 4}",
         ": field 'peft_type': is 'IA3'; must be LORA"},
        {"{\"peft_type\": \"LORA\", \"r\": 0, \"lora_alpha\": 4}", ": field 'r': "},
        {"{\"peft_type\": \"LORA\", \"r\": -3, \"lora_alpha\": 4}", ": field 'r': "},
        {"{\"peft_type\": \"LORA\", \"r\": 1e9, \"lora_alpha\": 4}", ": field 'r': "},
        {"{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": NaN}", ": field 'lora_alpha': is"},
        {"{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 1e999}", ":1:"},
        {"{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": null}", ": field 'lora_alpha': "},
        {GOOD ", \"use_dora\": 3}", ": field 'use_dora': "},
        {GOOD ", \"use_qalora\": true}", ": field 'use_qalora': this kind of adapter is not supported; "},
        {GOOD ", \"bias\": \"each\"}", ": field 'bias': is 'each'"},
        {GOOD ", \"rank_pattern\": {\"q_proj\": -4}}", ": field 'rank_pattern': "},
        {GOOD ", \"modules_to_save\": [3]}", ": field 'modules_to_save': "},
        {GOOD ", \"init_lora_weights\": \"pissa\"}",
         ": field 'init_lora_weights': 'pissa' changes the base model"},
        {GOOD ", \"use_rslora\": 3}", ": field 'use_rslora': "},
        {"[]", ": is an array"},
        {"{", ":"},
    };
    hostile h = hostile_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_config(&h, cases[i].text);
        write_tensors(&h, 2, 16, 2, NULL, 1);
        refused(&h, "adapter_config.json", cases[i].error);
    }
    write_config(&h, GOOD
                 ", \"bias\": \"none\", \"use_dora\": false, \"rank_pattern\": {}, \"use_rslora\": true}");
    gk_adapter *good = gk_adapter_load(h.s.dir, gk_model_config(h.m), &h.err);
    ck_assert_ptr_nonnull(good);
    gk_adapter_free(good);
    hostile_free(&h);
}
END_TEST

START_TEST(hostile_tensors) {
    hostile h = hostile_new();
    const char *file = "adapter_model.safetensors";
    write_config(&h, GOOD "}");
    refused(&h, file, ": "); /* it is not there */
    write_tensors(&h, 2, 16, 1, NULL, 1);
    refused(&h, file, ": field '" MODULE "B.weight': the tensor is missing; A and B come in pairs");
    write_tensors(&h, 3, 16, 2, NULL, 1);
    refused(&h, file, ": byte ");
    ck_assert_str_eq(h.err.field, MODULE "A.weight");
    ck_assert_str_eq(h.err.what, "the tensor has 2 dimensions, the first two 3 and 16");
    ck_assert_str_eq(h.err.hint, "the rank and the base model ask for [2, 16]");
    write_tensors(&h, 2, 15, 2, NULL, 1);
    refused(&h, file, ": byte ");
    ck_assert_str_eq(h.err.field, MODULE "B.weight");
    write_tensors(&h, 2, 16, 2, NULL, NAN);
    refused(&h, file, ": byte ");
    ck_assert_str_eq(h.err.what, "the value at index 5 is NaN");
    write_tensors(&h, 2, 16, 3, "base_model.model.lm_head.lora_A.weight", 1);
    refused(&h, file, ": byte ");
    ck_assert_str_eq(h.err.what, "an adapter of the embedding or the head is not supported");
    static const char *const strangers[] = {
        "base_model.model.model.layers.2.self_attn.q_proj.lora_A.weight",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector", "lm_head.weight"};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        write_tensors(&h, 2, 16, 3, strangers[i], 1);
        refused(&h, file, ": byte ");
        ck_assert_str_eq(h.err.field, strangers[i]);
        ck_assert_str_eq(h.err.what, "is no such adapter of a llama model of 2 layers");
    }
    hostile_free(&h);
}
END_TEST

START_TEST(bases_that_are_not_here) {
    hostile h = hostile_new();
    write_tensors(&h, 2, 16, 2, NULL, 1);
    write_config(&h, "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4, \"base_model_name_or_path\": "
                     "\"some/hub-name\"}");
    ck_assert_ptr_null(gk_model_open(h.s.dir, &h.err));
    assert_error_at(&h.err, scratch_path(&h.s, "adapter_config.json"),
                    ": field 'base_model_name_or_path': there is no 'some/hub-name' here; write the path");
    write_config(
        &h, "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4, \"base_model_name_or_path\": \".\"}");
    ck_assert_ptr_null(gk_model_open(h.s.dir, &h.err));
    assert_error_at(&h.err, scratch_path(&h.s, "adapter_config.json"),
                    ": field 'base_model_name_or_path': the base '");
    write_config(&h, "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4}");
    ck_assert_ptr_null(gk_model_open(h.s.dir, &h.err));
    write_config(&h,
                 "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 4, \"base_model_name_or_path\": \"\"}");
    ck_assert_ptr_null(gk_model_open(h.s.dir, &h.err));
    write_config(&h, GOOD "}");
    gk_model *m = gk_model_open(h.s.dir, &h.err);
    ck_assert_ptr_nonnull(m);
    gk_model_free(m);
    ck_assert_ptr_null(gk_inspect(h.s.dir, &h.err));
    assert_error_at(&h.err, h.s.dir, ": the folder holds an adapter, not a model; ");
    /* Beside a model it would be part of it for transformers. */
    size_t len;
    char *config = gk_read_file(h.s.a, MODELS "llama/config.json", 1 << 20, &len, NULL);
    ck_assert(config && gk_write_file(scratch_path(&h.s, "config.json"), config, len, NULL));
    char *weights = gk_read_file(h.s.a, MODELS "llama/model.safetensors", 1 << 22, &len, NULL);
    ck_assert(weights && gk_write_file(scratch_path(&h.s, "model.safetensors"), weights, len, NULL));
    ck_assert_ptr_null(gk_model_open(h.s.dir, &h.err));
    assert_error_at(&h.err, h.s.dir, ": the folder holds a model and an adapter (adapter_config.json)");
    ck_assert(remove(scratch_path(&h.s, "adapter_model.safetensors")) == 0);
    m = gk_model_open(h.s.dir, &h.err);
    ck_assert_ptr_nonnull(m);
    gk_model_free(m);
    hostile_free(&h);
}
END_TEST

/* ---------------------------------------------------------------- what does not fit */

START_TEST(a_lean_model_is_not_merged) {
    fixture f = begin(0);
    gk_error err;
    ck_assert(gk_model_lean(f.model, NULL));
    ck_assert(!gk_adapter_merge(f.adapter, f.model, &err));
    assert_error(&err,
                 "the model has no floats that an adapter could be added to; merge before gk_model_lean");
    end(&f);
}
END_TEST

START_TEST(another_model_s_adapter) {
    fixture f = begin(0), g;
    begin_with_texts(&g, 3);
    gk_error err;
    double loss;
    int64_t n;
    ck_assert(!gk_adapter_merge(f.adapter, g.model, &err));
    gk_session *s = session(&g, false, false, f.adapter);
    ck_assert(!gk_forward_loss(s, g.model, &g.batch, &loss, &n, &err));
    assert_error(
        &err,
        "adapter and session differ in model_type: llama and gpt2; an adapter of the model's configuration");
    gk_session_free(s);
    end(&f);
    end(&g);
}
END_TEST

int main(void) {
    Suite *s = suite_create("adapter_refused");
    TCase *t = tcase_create("adapter_refused");
    tcase_add_test(t, hostile_configurations);
    tcase_add_test(t, hostile_tensors);
    tcase_add_test(t, bases_that_are_not_here);
    tcase_add_test(t, a_lean_model_is_not_merged);
    tcase_add_test(t, another_model_s_adapter);
    suite_add_tcase(s, t);
    return run_suite(s);
}
