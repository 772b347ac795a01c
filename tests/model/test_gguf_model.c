/* modules: model core
 *
 * test_gguf_model.c: what the metadata of a GGUF file say of a model is done, or refused by its key; never
 * passed over. And a GGUF file is told by its bytes. */
#include "graftkit/core/threads.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "tests/support/gguf_writer.h"

#include <math.h>
#include <sys/stat.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static char why[2048];

static char *fixture(scratch *s, const char *name, size_t *len) {
    char *bytes = gk_read_file(
        s->a, gk_arena_printf(s->a, GK_SOURCE_DIR "/tests/fixtures/gguf/%s.gguf", name), 1 << 22, len, NULL);
    ck_assert_ptr_nonnull(bytes);
    return bytes;
}

static gk_config config_of(const char *path) {
    gk_error err = {0};
    gk_model *m = gk_model_open(path, &err);
    ck_assert_msg(m != NULL, "%s", gk_error_text(&err, why, sizeof why));
    gk_config c = *gk_model_config(m);
    gk_model_free(m);
    return c;
}

/* ---------------------------------------------------------------- numbers of other models */

static const struct {
    const char *file, *key;
    float value, neutral; /* NaN: none */
} NUMBERS[] = {
    {"llama-mqa", "llama.expert_count", 8, 0},
    {"llama-mqa", "llama.expert_used_count", 2, 0},
    {"llama-mqa", "llama.logit_scale", 0.5f, 1},
    {"llama-mqa", "llama.residual_scale", 0.5f, 1},
    {"llama-mqa", "llama.embedding_scale", 12, 1},
    {"llama-mqa", "llama.attention.clamp_kqv", 8, 0},
    {"llama-mqa", "llama.attention.max_alibi_bias", 8, 0},
    {"llama-mqa", "llama.attention.scale", 0.9f, 0},
    {"llama-mqa", "llama.attention.sliding_window", 4, 4096},
    {"llama-mqa", "llama.attn_logit_softcapping", 50, 0},
    {"llama-mqa", "llama.final_logit_softcapping", 30, 0},
    {"llama-mqa", "llama.rope.scaling.attn_factor", 2, 1},
    {"gemma2", "gemma2.attention.scale", 0.9f, 0},
    {"gemma2", "gemma2.rope.freq_base_swa", 1e6f, NAN},
    {"qwen2", "qwen2.attention.sliding_window", 4, 4096},
    {"gpt2-inner", "gpt2.attention.scale", 0.9f, 0},
};

START_TEST(numbers_that_no_model_here_has) {
    scratch s = scratch_new();
    gk_error err = {0};
    gguf_writer w = {0};
    size_t len;
    char *bytes = fixture(&s, NUMBERS[_i].file, &len);
    gw_f32(&w, NUMBERS[_i].key, NUMBERS[_i].value);
    ck_assert_ptr_null(gk_model_open(gw_insert(&w, &s, bytes, len, "x.gguf"), &err));
    ck_assert_str_eq(err.field, NUMBERS[_i].key);
    ck_assert_msg(strstr(err.what, "would change the numbers"), "%s", err.what);
    if (!isnan(NUMBERS[_i].neutral)) {
        gw_f32(&w, NUMBERS[_i].key, NUMBERS[_i].neutral);
        config_of(gw_insert(&w, &s, bytes, len, "x.gguf"));
    }
    scratch_free(&s);
}
END_TEST

/* Files made before these keys were are of the same models. */
START_TEST(caps_that_a_gemma2_leaves_out) {
    scratch s = scratch_new();
    static const char *const KEYS[] = {"gemma2.attn_logit_softcapping", "gemma2.final_logit_softcapping"};
    size_t len;
    char *bytes = fixture(&s, "gemma2", &len);
    for (size_t i = 0; i < COUNT(KEYS); i++) {
        char *key = memmem(bytes, len, KEYS[i], strlen(KEYS[i]));
        ck_assert_ptr_nonnull(key);
        memcpy(key, "remark", 6);
    }
    gguf_writer w = {0};
    gw_str(&w, "general.note", "");
    gk_config c = config_of(gw_insert(&w, &s, bytes, len, "x.gguf"));
    ck_assert(c.attn_softcap == 50 && c.final_softcap == 30);
    scratch_free(&s);
}
END_TEST

START_TEST(scores_scaled_as_they_are_anyway) {
    scratch s = scratch_new();
    gguf_writer w = {0};
    size_t len;
    char *bytes = fixture(&s, "llama-mqa", &len);
    gk_config plain = config_of(GK_SOURCE_DIR "/tests/fixtures/gguf/llama-mqa.gguf");
    gw_f32(&w, "llama.attention.scale", 1 / sqrtf((float)plain.head_dim));
    gk_config c = config_of(gw_insert(&w, &s, bytes, len, "x.gguf"));
    ck_assert(gk_config_same(&c, &plain));
    gw_bool(&w, "llama.attention.causal", false);
    gk_error err = {0};
    ck_assert_ptr_null(gk_model_open(gw_insert(&w, &s, bytes, len, "x.gguf"), &err));
    ck_assert_str_eq(err.field, "llama.attention.causal");
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- rotary positions */

START_TEST(positions_scaled_without_a_type) {
    scratch s = scratch_new();
    size_t len;
    char *bytes = fixture(&s, "llama-mqa", &len);
    static const char *const KEYS[] = {"llama.rope.scaling.factor", "llama.rope.scale_linear"};
    gk_config plain = config_of(GK_SOURCE_DIR "/tests/fixtures/gguf/llama-mqa.gguf");
    for (size_t i = 0; i < COUNT(KEYS); i++) {
        gguf_writer w = {0};
        gw_f32(&w, KEYS[i], 4);
        gk_config c = config_of(gw_insert(&w, &s, bytes, len, "x.gguf"));
        ck_assert(c.rotary.kind == GK_ROPE_LINEAR && c.rotary.factor == 4.0f);
        gw_f32(&w, KEYS[i], 1);
        c = config_of(gw_insert(&w, &s, bytes, len, "x.gguf"));
        ck_assert(gk_config_same(&c, &plain));
    }
    gguf_writer w = {0};
    gw_str(&w, "llama.rope.scaling.type", "none");
    gw_f32(&w, KEYS[0], 4);
    gk_config c = config_of(gw_insert(&w, &s, bytes, len, "x.gguf"));
    ck_assert(gk_config_same(&c, &plain));
    gw_str(&w, "llama.rope.scaling.type", "yarn");
    gk_error err = {0};
    ck_assert_ptr_null(gk_model_open(gw_insert(&w, &s, bytes, len, "x.gguf"), &err));
    ck_assert_str_eq(err.field, "llama.rope.scaling.type");
    scratch_free(&s);
}
END_TEST

/* Only GPT-NeoX rotates a part of a head, and an even one. */
START_TEST(parts_of_a_head) {
    static const struct {
        const char *file, *key;
        uint32_t n;
    } PARTS[] = {{"llama-mqa", "llama.rope.dimension_count", 2},
                 {"qwen2", "qwen2.rope.dimension_count", 2},
                 {"gemma", "gemma.rope.dimension_count", 2},
                 {"neox", "gptneox.rope.dimension_count", 3},
                 {"neox", "gptneox.rope.dimension_count", 4096}};
    scratch s = scratch_new();
    for (size_t i = 0; i < COUNT(PARTS); i++) {
        gk_error err = {0};
        size_t len;
        char *bytes = fixture(&s, PARTS[i].file, &len), *path = scratch_path(&s, "x.gguf");
        gw_patch(bytes, len, PARTS[i].key, &PARTS[i].n);
        ck_assert(gk_write_file(path, bytes, len, NULL));
        ck_assert_ptr_null(gk_model_open(path, &err));
        ck_assert_str_eq(err.field, PARTS[i].key);
    }
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- ends of a text */

START_TEST(ends_of_turns_count) {
    scratch s = scratch_new();
    gguf_writer w = {0};
    size_t len;
    char *bytes = fixture(&s, "llama-mqa", &len), *dir = scratch_path(&s, "saved");
    gk_config plain = config_of(GK_SOURCE_DIR "/tests/fixtures/gguf/llama-mqa.gguf");
    gw_u32(&w, "tokenizer.ggml.eot_token_id", 9);
    gw_u32(&w, "tokenizer.ggml.eom_token_id", (uint32_t)plain.eos_id);
    gk_model *m = gk_model_open(gw_insert(&w, &s, bytes, len, "x.gguf"), NULL);
    ck_assert_ptr_nonnull(m);
    ck_assert(gk_model_save(m, dir, NULL));
    gk_config both[] = {*gk_model_config(m), config_of(dir)};
    for (int i = 0; i < 2; i++) {
        gk_id_list ends = gk_config_ends(&both[i]);
        ck_assert(ends.n == 2 && ends.id[0] == plain.eos_id && ends.id[1] == 9);
        ck_assert_int_eq(both[i].eos_id, plain.eos_id);
    }
    gk_model_free(m);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- biases */

/* The fixture with a word of its keys and names replaced by another of the same length. */
static char *rename_all(scratch *s, const char *fixture_name, const char *from, const char *to) {
    size_t len, n = strlen(from);
    char *bytes = fixture(s, fixture_name, &len), *path = scratch_path(s, "x.gguf");
    ck_assert_uint_eq(strlen(to), n);
    for (char *at = bytes; (at = memmem(at, len - (size_t)(at - bytes), from, n)); at += n) memcpy(at, to, n);
    ck_assert(gk_write_file(path, bytes, len, NULL));
    return path;
}

static void assert_same_values(const gk_model *a, const gk_model *b) {
    const gk_param *list;
    size_t n = gk_model_params(b, &list);
    for (size_t i = 0; i < n; i++) {
        gk_tensor x = gk_model_tensor(a, list[i].layer, list[i].comp);
        gk_tensor y = gk_model_tensor(b, list[i].layer, list[i].comp);
        const float *from = list[i].bias ? x.b : x.w, *to = list[i].bias ? y.b : y.w;
        size_t bytes = (size_t)list[i].out * (size_t)list[i].in * sizeof(float);
        ck_assert(from && to && memcmp(from, to, bytes) == 0);
    }
}

/* A Llama with biases of q, k and v alone is what config.json calls qwen2; its file has heads' halves
 * interleaved all the same. */
START_TEST(a_llama_with_biases_of_qwen2) {
    scratch s = scratch_new();
    gk_error err = {0};
    char *dir = scratch_path(&s, "saved");
    gk_model *qwen = gk_model_load(GK_SOURCE_DIR "/tests/fixtures/gguf/qwen2.gguf", &err);
    gk_model *m = gk_model_load(rename_all(&s, "qwen2", "qwen2", "llama"), &err);
    ck_assert_msg(qwen && m, "%s", gk_error_text(&err, why, sizeof why));
    const gk_config *c = gk_model_config(m);
    ck_assert_str_eq(gk_family_name(c->family), "qwen2");
    ck_assert(c->qkv_bias && !c->o_bias && gk_config_same(c, gk_model_config(qwen)));
    const float *q = gk_model_tensor(m, 0, GK_Q).w, *plain = gk_model_tensor(qwen, 0, GK_Q).w;
    size_t row = (size_t)c->d_model;
    ck_assert_mem_eq(q + row, plain + 2 * row, row * sizeof *q);
    ck_assert_mem_eq(gk_model_tensor(m, 0, GK_V).w, gk_model_tensor(qwen, 0, GK_V).w, row * sizeof *q);

    ck_assert(gk_model_save(m, dir, &err));
    gk_model *back = gk_model_load(dir, &err);
    ck_assert_msg(back != NULL, "%s", gk_error_text(&err, why, sizeof why));
    ck_assert(gk_config_same(c, gk_model_config(back)));
    ck_assert_uint_eq(gk_model_count(m), gk_model_count(back));
    assert_same_values(m, back);
    gk_model_free(back);
    gk_model_free(m);
    gk_model_free(qwen);
    scratch_free(&s);
}
END_TEST

/* Saved, such a model could not be read back. */
START_TEST(biases_that_no_config_says) {
    static const struct {
        const char *file, *from, *to, *error;
    } FILES[] = {
        {"qwen2", "qwen2", "gemma",
         ": there are biases of q, k and v and none of o; a gemma model has both,"},
        {"llama-gqa-biases", "llama", "qwen2", ": there are biases of o; a qwen2 model has none there"},
        {"llama-gqa-biases", "llama", "gemma", ": there are biases of the MLP; a gemma model has none there"},
        {"neox", "bias", "bios", ": there are no biases of the MLP; a gpt_neox model has some there"},
    };
    scratch s = scratch_new();
    for (size_t i = 0; i < COUNT(FILES); i++) {
        gk_error err = {0};
        char *path = rename_all(&s, FILES[i].file, FILES[i].from, FILES[i].to);
        ck_assert_ptr_null(gk_model_open(path, &err));
        assert_error_at(&err, path, FILES[i].error);
    }
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- names */

START_TEST(a_gguf_file_of_any_name) {
    scratch s = scratch_new();
    size_t len, n;
    const char **files, *path = scratch_path(&s, "sha256-0123"),
                        *other = scratch_file(&s, "x.safetensors", "{}");
    char *bytes = fixture(&s, "llama-mqa", &len), *dir = scratch_path(&s, "folder.gguf");
    ck_assert(gk_write_file(path, bytes, len, NULL));
    config_of(path);
    ck_assert(gk_model_files(path, s.a, &files, &n, NULL));
    ck_assert(n == 1 && strcmp(files[0], path) == 0);
    gk_model *m = gk_model_open(path, NULL);
    ck_assert(gk_model_save(m, dir, NULL)); /* a folder, whatever its name */
    config_of(dir);
    gk_model_free(m);
    gk_error err = {0};
    ck_assert_ptr_null(gk_model_open(other, &err));
    assert_error_at(&err, other,
                    ": a model cannot be read from this file; name a Hugging Face folder, or a GGUF");
    char *pipe = scratch_path(&s, "pipe");
    ck_assert(mkfifo(pipe, 0600) == 0 && !gk_gguf_is(pipe));
    ck_assert_ptr_null(gk_model_open(pipe, &err));
    ck_assert_ptr_null(gk_model_open(scratch_path(&s, "none.gguf"), &err));
    assert_error_at(&err, scratch_path(&s, "none.gguf"), ": opening the file failed: No such file");
    scratch_free(&s);
}
END_TEST

int main(void) {
    gk_threads_set(1);
    TCase *t = tcase_create("gguf_model");
    tcase_add_loop_test(t, numbers_that_no_model_here_has, 0, (int)COUNT(NUMBERS));
    tcase_add_test(t, caps_that_a_gemma2_leaves_out);
    tcase_add_test(t, scores_scaled_as_they_are_anyway);
    tcase_add_test(t, positions_scaled_without_a_type);
    tcase_add_test(t, parts_of_a_head);
    tcase_add_test(t, ends_of_turns_count);
    tcase_add_test(t, a_llama_with_biases_of_qwen2);
    tcase_add_test(t, biases_that_no_config_says);
    tcase_add_test(t, a_gguf_file_of_any_name);
    Suite *s = suite_create("gguf_model");
    suite_add_tcase(s, t);
    return run_suite(s);
}
