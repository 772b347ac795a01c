/* modules: model core
 *
 * test_hf.c: Hugging Face folders. What transformers saved comes back byte by byte; what does not fit is
 * refused by name. */
#include "core/json.h"
#include "graftkit/core/random.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "model/arrays.h"
#include "tests/support/scratch.h"

#include <math.h>

#define FIXTURES GK_SOURCE_DIR "/tests/fixtures/model/"
#define MAX_TENSORS 64

static const char *const MODELS[] = {"llama", "llama-tied", "gpt2", "gpt2-untied"};
enum { N_MODELS = sizeof MODELS / sizeof *MODELS };

static char why[2048]; /* the last error's text, for a failing assertion */

static size_t floats_of(const gk_array *a) {
    size_t n = 1;
    for (int d = 0; d < a->n_dims; d++) n *= (size_t)a->shape[d];
    return n;
}

static gk_safetensors *open_file(const char *path) {
    gk_error err = {0};
    gk_safetensors *f = gk_safetensors_open(path, &err);
    ck_assert_msg(f != NULL, "%s", gk_error_text(&err, why, sizeof why));
    return f;
}

static gk_model *load(const char *dir) {
    gk_error err = {0};
    gk_model *m = gk_model_load(dir, &err);
    ck_assert_msg(m != NULL, "%s", gk_error_text(&err, why, sizeof why));
    return m;
}

static void save(const gk_model *m, const char *dir) {
    gk_error err = {0};
    ck_assert_msg(gk_model_save(m, dir, &err), "%s", gk_error_text(&err, why, sizeof why));
}

/* ---------------------------------------------------------------- round trips */

static void assert_same_tensors(const char *a_path, const char *b_path) {
    gk_safetensors *a = open_file(a_path), *b = open_file(b_path);
    ck_assert_uint_eq(gk_safetensors_count(a), gk_safetensors_count(b));
    ck_assert_uint_gt(gk_safetensors_count(a), 0);
    for (size_t i = 0; i < gk_safetensors_count(a); i++) {
        const gk_array *x = gk_safetensors_at(a, i), *y = gk_safetensors_find(b, x->name);
        ck_assert_msg(y != NULL, "no %s", x->name);
        ck_assert_int_eq(x->n_dims, y->n_dims);
        ck_assert_int_eq(memcmp(x->shape, y->shape, sizeof x->shape), 0);
        ck_assert_msg(memcmp(x->data, y->data, floats_of(x) * sizeof(float)) == 0, "%s differs", x->name);
    }
    gk_safetensors_close(a);
    gk_safetensors_close(b);
}

START_TEST(test_load_save_is_identical) {
    scratch s = scratch_new();
    char *dir = gk_path_join(s.a, FIXTURES, MODELS[_i]),
         *weights = gk_path_join(s.a, dir, "model.safetensors");
    gk_model *m = load(dir);
    save(m, scratch_path(&s, "new/folder"));
    assert_same_tensors(weights, scratch_path(&s, "new/folder/model.safetensors"));
    gk_model *back = load(scratch_path(&s, "new/folder"));
    ck_assert(gk_config_same(gk_model_config(m), gk_model_config(back)));
    ck_assert_int_eq(memcmp(gk_model_data(m), gk_model_data(back), gk_model_floats(m) * sizeof(float)), 0);
    gk_model_free(m);
    gk_model_free(back);
    scratch_free(&s);
}
END_TEST

/* Where a fused, transposed tensor's numbers go, said a second time and independently. */
START_TEST(test_gpt2_fused_layout) {
    gk_model *m = load(FIXTURES "gpt2");
    gk_safetensors *f = open_file(FIXTURES "gpt2/model.safetensors");
    const gk_array *w = gk_safetensors_find(f, "transformer.h.1.attn.c_attn.weight");
    const gk_array *b = gk_safetensors_find(f, "transformer.h.1.attn.c_attn.bias");
    static const gk_component parts[] = {GK_Q, GK_K, GK_V};
    for (int p = 0; p < 3; p++) {
        gk_tensor t = gk_model_tensor(m, 1, parts[p]);
        ck_assert(t.out == 16 && t.in == 16);
        for (int o = 0; o < 16; o++) {
            ck_assert(t.b[o] == b->data[p * 16 + o]);
            for (int i = 0; i < 16; i++) ck_assert(t.w[o * 16 + i] == w->data[i * 48 + p * 16 + o]);
        }
    }
    gk_safetensors_close(f);
    gk_model_free(m);
}
END_TEST

START_TEST(test_llama_values_in_place) {
    gk_model *m = load(FIXTURES "llama");
    gk_safetensors *f = open_file(FIXTURES "llama/model.safetensors");
    const gk_array *k = gk_safetensors_find(f, "model.layers.1.self_attn.k_proj.weight");
    const gk_array *h = gk_safetensors_find(f, "lm_head.weight");
    ck_assert_int_eq(memcmp(gk_model_tensor(m, 1, GK_K).w, k->data, floats_of(k) * sizeof(float)), 0);
    ck_assert_int_eq(memcmp(gk_model_tensor(m, -1, GK_HEAD).w, h->data, floats_of(h) * sizeof(float)), 0);
    ck_assert_int_eq(gk_model_config(m)->n_kv_heads, 2);
    gk_safetensors_close(f);
    gk_model_free(m);
}
END_TEST

/* Uneven sizes, so that a swapped dimension cannot pass. */
START_TEST(test_fresh_model_round_trip) {
    static const char *const families[] = {"llama", "gpt2"};
    scratch s = scratch_new();
    gk_config c;
    gk_config_default(gk_family_find(families[_i % 2]), 71, &c);
    c.d_model = 36;
    c.n_layers = 3;
    c.head_dim = c.rope ? 10 : 9;
    c.n_kv_heads = c.rope ? 1 : 4;
    c.d_ffn = 101;
    c.max_positions = 13;
    c.tied = _i >= 2;
    gk_error err = {0};
    gk_model *m = gk_model_new(&c, 5, &err);
    ck_assert_msg(m != NULL, "%s", gk_error_text(&err, why, sizeof why));
    gk_rng rng;
    gk_rng_seed(&rng, 6, "biases too");
    const gk_param *p;
    size_t n = gk_model_params(m, &p);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < p[i].count; j++)
            gk_model_data(m)[p[i].offset + j] = (float)gk_rng_normal(&rng);
    save(m, s.dir);
    gk_model *back = load(s.dir);
    ck_assert(gk_config_same(gk_model_config(back), &c));
    ck_assert_int_eq(memcmp(gk_model_data(m), gk_model_data(back), gk_model_floats(m) * sizeof(float)), 0);
    gk_model_free(m);
    gk_model_free(back);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- edited folders */

/* A folder with a fixture's config.json and an edited list of its tensors. */
typedef struct edited {
    scratch s;
    gk_safetensors *from;
    gk_array list[MAX_TENSORS];
    size_t n;
    char *weights;
} edited;

static edited edit(const char *model) {
    edited e = {.s = scratch_new()};
    gk_error err = {0};
    char *dir = gk_path_join(e.s.a, FIXTURES, model);
    scratch_file(&e.s, "config.json",
                 gk_read_file(e.s.a, gk_path_join(e.s.a, dir, "config.json"), 1 << 16, NULL, &err));
    e.from = open_file(gk_path_join(e.s.a, dir, "model.safetensors"));
    for (; e.n < gk_safetensors_count(e.from); e.n++) e.list[e.n] = *gk_safetensors_at(e.from, e.n);
    ck_assert_uint_le(e.n + 8, MAX_TENSORS);
    e.weights = scratch_path(&e.s, "model.safetensors");
    return e;
}

static gk_array *tensor(edited *e, const char *name) {
    for (size_t i = 0; i < e->n; i++)
        if (strcmp(e->list[i].name, name) == 0) return &e->list[i];
    ck_abort_msg("no %s", name);
    return NULL;
}

static void drop(edited *e, const char *name) {
    *tensor(e, name) = e->list[--e->n];
}

static void add(edited *e, const char *name, const float *data, int n_dims, int64_t d0, int64_t d1) {
    e->list[e->n++] = (gk_array){.name = name, .data = data, .shape = {d0, d1}, .n_dims = n_dims};
}

/* The tensor with the value at `index` replaced. */
static void poke(edited *e, const char *name, size_t index, float value) {
    gk_array *a = tensor(e, name);
    float *copy = gk_arena_alloc(e->s.a, floats_of(a) * sizeof *copy);
    memcpy(copy, a->data, floats_of(a) * sizeof *copy);
    copy[index] = value;
    a->data = copy;
}

static gk_model *try_load(edited *e, gk_error *err) {
    ck_assert(gk_safetensors_save(e->weights, e->list, e->n, NULL, err));
    return gk_model_load(e->s.dir, err);
}

static void assert_loads(edited *e) {
    gk_error err = {0};
    gk_model *m = try_load(e, &err);
    ck_assert_msg(m != NULL, "%s", gk_error_text(&err, why, sizeof why));
    gk_model_free(m);
}

/* The message names the weights file, then `field`, then says `text`. */
static void assert_refused(edited *e, const char *field, const char *text) {
    gk_error err = {0};
    ck_assert_ptr_null(try_load(e, &err));
    gk_error_text(&err, why, sizeof why);
    ck_assert_str_eq(err.file, e->weights);
    ck_assert_str_eq(err.field, field);
    ck_assert_msg(strstr(why, text) != NULL, "error is\n  %s\nand should say\n  %s", why, text);
}

/* The byte in the last refusal is where tensor `name` has its value `index`. */
static void assert_byte(edited *e, const char *name, size_t index) {
    gk_error err = {0};
    size_t len;
    const char *bytes = gk_read_file(e->s.a, e->weights, 1 << 20, &len, &err);
    ck_assert_ptr_null(gk_model_load(e->s.dir, &err));
    ck_assert(err.has_byte && err.byte + sizeof(float) <= len);
    ck_assert_int_eq(memcmp(bytes + err.byte, tensor(e, name)->data + index, sizeof(float)), 0);
}

static void done(edited *e) {
    gk_safetensors_close(e->from);
    scratch_free(&e->s);
}

START_TEST(test_unedited_copy_loads) {
    for (int i = 0; i < N_MODELS; i++) {
        edited e = edit(MODELS[i]);
        assert_loads(&e);
        done(&e);
    }
}
END_TEST

/* Older GPT-2 files leave the prefix out and hold the attention mask. */
START_TEST(test_gpt2_bare_names_and_buffers) {
    edited e = edit("gpt2");
    static const float mask[4] = {1, 0, 1, 1};
    for (size_t i = 0; i < e.n; i++) e.list[i].name += strlen("transformer.");
    add(&e, "h.0.attn.bias", mask, 2, 2, 2);
    add(&e, "h.1.attn.masked_bias", mask, 0, 0, 0);
    gk_error err = {0};
    gk_model *bare = try_load(&e, &err), *full = load(FIXTURES "gpt2");
    ck_assert_msg(bare != NULL, "%s", gk_error_text(&err, why, sizeof why));
    ck_assert_int_eq(memcmp(gk_model_data(bare), gk_model_data(full), gk_model_floats(full) * sizeof(float)),
                     0);
    gk_model_free(bare);
    gk_model_free(full);
    add(&e, "h.x.attn.bias", mask, 2, 2, 2);
    assert_refused(&e, "h.x.attn.bias", "a gpt2 model of 2 layers has no such tensor");
    done(&e);
}
END_TEST

START_TEST(test_name_with_and_without_prefix) {
    edited e = edit("gpt2");
    gk_array *w = tensor(&e, "transformer.wpe.weight");
    add(&e, "wpe.weight", w->data, 2, w->shape[0], w->shape[1]);
    gk_error err = {0};
    ck_assert_ptr_null(try_load(&e, &err));
    ck_assert_ptr_nonnull(strstr(gk_error_text(&err, why, sizeof why), "the tensor is there twice"));
    done(&e);
}
END_TEST

START_TEST(test_head_of_a_tied_model) {
    edited e = edit("llama-tied");
    const gk_array *w = tensor(&e, "model.embed_tokens.weight");
    add(&e, "lm_head.weight", w->data, 2, w->shape[0], w->shape[1]);
    assert_loads(&e);
    poke(&e, "lm_head.weight", 3, 0.5f);
    assert_refused(&e, "lm_head.weight", "config.json ties the head to the embedding, but they differ");
    tensor(&e, "lm_head.weight")->shape[0] = 10;
    assert_refused(&e, "lm_head.weight",
                   "the tensor's shape is [10, 16]; the configuration asks for [50, 16]");
    done(&e);
}
END_TEST

START_TEST(test_missing_and_unknown) {
    edited e = edit("llama");
    drop(&e, "model.layers.1.mlp.up_proj.weight");
    assert_refused(&e, "model.layers.1.mlp.up_proj.weight",
                   "the tensor is missing; the configuration asks for it with the shape [24, 16]");
    done(&e);
    e = edit("llama");
    static const float x[1] = {1};
    add(&e, "model.layers.2.input_layernorm.weight", x, 1, 1, 0);
    assert_refused(&e, "model.layers.2.input_layernorm.weight",
                   "a llama model of 2 layers has no such tensor");
    done(&e);
    e = edit("gpt2");
    drop(&e, "transformer.h.0.attn.c_attn.bias");
    assert_refused(&e, "transformer.h.0.attn.c_attn.bias",
                   "the tensor is missing; the configuration asks for it with the "
                   "shape [48]");
    done(&e);
}
END_TEST

START_TEST(test_wrong_shapes) {
    edited e = edit("gpt2");
    gk_array *w = tensor(&e, "transformer.h.0.mlp.c_fc.weight");
    w->shape[0] = 64, w->shape[1] = 16; /* not transposed */
    assert_refused(&e, w->name, "the tensor's shape is [64, 16]; the configuration asks for [16, 64]");
    w->shape[0] = 1024, w->n_dims = 1;
    assert_refused(&e, w->name, "the tensor's shape is [1024]; the configuration asks for [16, 64]");
    done(&e);
}
END_TEST

START_TEST(test_nonfinite_weights) {
    edited e = edit("llama");
    const char *name = "model.layers.0.mlp.down_proj.weight";
    poke(&e, name, 17, NAN);
    assert_refused(&e, name, "the value at index 17 is NaN; every weight must be a finite number");
    poke(&e, name, 17, 0);
    poke(&e, name, 383, -INFINITY); /* the last */
    assert_refused(&e, name, "the value at index 383 is infinite; every weight must be a finite number");
    assert_byte(&e, name, 383);
    done(&e);
}
END_TEST

/* Saves nothing itself: rewrites the type in a file's header, same length. */
START_TEST(test_other_dtype) {
    edited e = edit("llama");
    gk_error err = {0};
    ck_assert(gk_safetensors_save(e.weights, e.list, e.n, NULL, &err));
    size_t len;
    char *bytes = gk_read_file(e.s.a, e.weights, 1 << 20, &len, &err);
    char *at = strstr(bytes + 8, "\"model.norm.weight\":{\"dtype\":\"F32\"");
    ck_assert_ptr_nonnull(at);
    memcpy(strstr(at, "F32"), "I32", 3);
    ck_assert(gk_write_file(e.weights, bytes, len, &err));
    ck_assert_ptr_null(gk_model_load(e.s.dir, &err));
    ck_assert_str_eq(err.field, "model.norm.weight");
    ck_assert_str_eq(err.what, "the tensor's type is I32");
    ck_assert_ptr_nonnull(strstr(err.hint, "models are read from F32"));
    done(&e);
}
END_TEST

/* A configuration that asks for far more than the file holds fails before memory is taken for it. */
START_TEST(test_config_larger_than_file) {
    scratch s = scratch_new();
    gk_error err = {0};
    json_t *doc = gk_json_load(FIXTURES "llama/config.json", &err);
    json_object_set_new(doc, "intermediate_size", json_integer(1 << 20));
    json_object_set_new(doc, "num_hidden_layers", json_integer(1024));
    ck_assert(gk_json_save(scratch_path(&s, "config.json"), doc, &err));
    json_decref(doc);
    size_t len;
    char *bytes = gk_read_file(s.a, FIXTURES "llama/model.safetensors", 1 << 20, &len, &err);
    ck_assert(gk_write_file(scratch_path(&s, "model.safetensors"), bytes, len, &err));
    ck_assert_ptr_null(gk_model_load(s.dir, &err));
    ck_assert_str_eq(err.field, "model.layers.0.mlp.gate_proj.weight");
    ck_assert_str_eq(err.what, "the tensor's shape is [24, 16]");
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- folders */

START_TEST(test_absent_files) {
    scratch s = scratch_new();
    gk_error err = {0};
    char *weights = scratch_path(&s, "model.safetensors");
    ck_assert(!gk_model_load("", &err) && !gk_model_open("", &err));
    ck_assert_str_eq(err.what, "the model's path is empty"); /* else this folder's own files would be it */
    ck_assert_ptr_null(gk_model_load(scratch_path(&s, "none"), &err));
    assert_error_at(&err, scratch_path(&s, "none/config.json"), ": opening the file failed: No such file");
    scratch_file(&s, "config.json", gk_read_file(s.a, FIXTURES "gpt2/config.json", 1 << 16, NULL, &err));
    ck_assert_ptr_null(gk_model_load(s.dir, &err));
    assert_error_at(&err, weights, ": opening the file failed: No such file");
    scratch_file(&s, "pytorch_model.bin", "x");
    ck_assert_ptr_null(gk_model_load(s.dir, &err));
    assert_error_at(&err, weights, ": the folder holds a pickled checkpoint; convert it to safetensors");
    char *index = scratch_file(&s, "model.safetensors.index.json", "{}");
    ck_assert_ptr_null(gk_model_load(s.dir, &err));
    assert_error_at(&err, index, ": field 'weight_map': is not there or empty");
    scratch_file(&s, "model.safetensors.index.json", "{\"weight_map\":{\"a\":\"../x.safetensors\"}}");
    ck_assert_ptr_null(gk_model_load(s.dir, &err));
    assert_error_at(&err, index, ": field 'weight_map': 'a' is in '../x.safetensors'; the name of a file in");
    scratch_file(&s, "model.safetensors.index.json", "{\"weight_map\":{\"a\":\"gone.safetensors\"}}");
    ck_assert_ptr_null(gk_model_load(s.dir, &err));
    assert_error_at(&err, scratch_path(&s, "gone.safetensors"), ": opening the file failed: No such file");
    scratch_free(&s);
}
END_TEST

START_TEST(test_save_where_a_file_is) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_model *m = load(FIXTURES "llama");
    char *path = scratch_file(&s, "taken", "precious");
    ck_assert(!gk_model_save(m, path, &err));
    assert_error_at(&err, path, ": there is a file in the way; name a folder");
    ck_assert_str_eq(gk_read_file(s.a, path, 100, NULL, &err), "precious");
    gk_model_free(m);
    scratch_free(&s);
}
END_TEST

/* What no pass depends on, but those who open what was saved. */
START_TEST(test_settings_of_generation_are_kept) {
    static const char GENERATION[] = "{\"do_sample\": true, \"temperature\": 0.6, \"eos_token_id\": [2, 7]}";
    scratch s = scratch_new();
    gk_error err = {0};
    ck_assert(gk_mkdirs(scratch_path(&s, "a"), &err));
    json_t *config = gk_json_load(FIXTURES "llama/config.json", &err);
    json_object_set_new(config, "pad_token_id", json_integer(3));
    json_object_set_new(config, "tokenizer_class", json_string("GPT2Tokenizer"));
    ck_assert(gk_json_save(scratch_path(&s, "a/config.json"), config, &err));
    json_decref(config);
    size_t len;
    const char *weights = gk_read_file(s.a, FIXTURES "llama/model.safetensors", 1 << 24, &len, &err);
    ck_assert(weights && gk_write_file(scratch_path(&s, "a/model.safetensors"), weights, len, &err));
    scratch_file(&s, "a/generation_config.json", GENERATION);
    gk_model *loaded = load(scratch_path(&s, "a")), *opened = gk_model_open(scratch_path(&s, "a"), &err);
    ck_assert_ptr_nonnull(opened);
    json_t *want = json_loads(GENERATION, 0, NULL);
    for (int i = 0; i < 2; i++) {
        const char *dir = scratch_path(&s, i ? "opened" : "loaded");
        save(i ? opened : loaded, dir);
        json_t *have = gk_json_load(gk_path_join(s.a, dir, "generation_config.json"), &err);
        ck_assert(json_equal(have, want));
        json_decref(have);
        have = gk_json_load(gk_path_join(s.a, dir, "config.json"), &err);
        ck_assert_int_eq(json_integer_value(json_object_get(have, "pad_token_id")), 3);
        ck_assert_str_eq(json_string_value(json_object_get(have, "tokenizer_class")), "GPT2Tokenizer");
        json_decref(have);
    }
    /* Of a folder that has none, none is left of another model. */
    gk_model *plain = load(FIXTURES "llama");
    save(plain, scratch_path(&s, "opened"));
    ck_assert(!gk_exists(scratch_path(&s, "opened/generation_config.json")));
    json_decref(want);
    gk_model_free(plain);
    gk_model_free(loaded);
    gk_model_free(opened);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("hf");
    TCase *t = tcase_create("hf");
    tcase_add_loop_test(t, test_load_save_is_identical, 0, N_MODELS);
    tcase_add_test(t, test_gpt2_fused_layout);
    tcase_add_test(t, test_llama_values_in_place);
    tcase_add_loop_test(t, test_fresh_model_round_trip, 0, 4);
    tcase_add_test(t, test_unedited_copy_loads);
    tcase_add_test(t, test_gpt2_bare_names_and_buffers);
    tcase_add_test(t, test_name_with_and_without_prefix);
    tcase_add_test(t, test_head_of_a_tied_model);
    tcase_add_test(t, test_missing_and_unknown);
    tcase_add_test(t, test_wrong_shapes);
    tcase_add_test(t, test_nonfinite_weights);
    tcase_add_test(t, test_other_dtype);
    tcase_add_test(t, test_config_larger_than_file);
    tcase_add_test(t, test_absent_files);
    tcase_add_test(t, test_save_where_a_file_is);
    tcase_add_test(t, test_settings_of_generation_are_kept);
    suite_add_tcase(s, t);
    return run_suite(s);
}
