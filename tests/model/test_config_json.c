/* modules: model core
 *
 * test_config_json.c: what config.json may say is read, written again, or refused by name. */
#include "core/json.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "model/config/family.h"
#include "tests/support/scratch.h"

#include <math.h>

static const char *const FAMILIES[] = {"llama", "gpt2", "gpt_neox", "gemma", "gemma2", "qwen2", "olmo2"};
enum { N_FAMILIES = sizeof FAMILIES / sizeof *FAMILIES };

static bool same_and_ids(const gk_config *a, const gk_config *b) {
    return gk_config_same(a, b) && a->bos_id == b->bos_id && a->eos_id == b->eos_id;
}

START_TEST(test_round_trip) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c, back;
    char *path = scratch_path(&s, "config.json");
    gk_config_default(gk_family_find(FAMILIES[_i]), 2000, &c);
    c.norm_eps = 1.2345678e-6f; /* needs all nine digits */
    c.tied = !c.family->base.tied;
    c.bos_id = 1;
    if (c.rope) {
        c.rotary.theta = 500000.0f;
        c.rotary.kind = _i % 2 ? GK_ROPE_LINEAR : GK_ROPE_LLAMA3;
        c.rotary.factor = 8;
        if (c.rotary.kind == GK_ROPE_LLAMA3) c.rotary.low = 1, c.rotary.high = 4, c.rotary.original = 100;
    }
    if (!c.family->plain_heads) {
        c.n_kv_heads = 2;
        c.head_dim = 48;
    }
    if (c.family == gk_family_find("olmo2")) c.head_dim = 32; /* follows from the others there */
    if (c.family == gk_family_find("gemma2")) c.window = 7, c.query_scale = 10, c.final_softcap = 30;
    if (c.family == gk_family_find("gpt_neox")) c.rotary_dim = 22; /* a share that rounds */
    for (int ids = 0; ids < 2; ids++) {
        ck_assert(gk_config__save(&c, GK_F32, NULL, path, &err));
        ck_assert(gk_config__load(path, &back, &err));
        ck_assert(same_and_ids(&c, &back));
        c.bos_id = -1;
    }
    scratch_free(&s);
}
END_TEST

#define LLAMA                                                                                              \
    "\"model_type\":\"llama\",\"vocab_size\":50,\"hidden_size\":16,\"intermediate_size\":24,\"num_hidden_" \
    "layers\":2,"                                                                                          \
    "\"max_position_embeddings\":32,\"rms_norm_eps\":1e-5"
#define GPT2                                                                                    \
    "\"model_type\":\"gpt2\",\"vocab_size\":50,\"n_embd\":16,\"n_layer\":2,\"n_positions\":32," \
    "\"layer_norm_epsilon\":1e-5"
#define NEOX                                                                                               \
    "\"model_type\":\"gpt_neox\",\"vocab_size\":50,\"hidden_size\":16,\"intermediate_size\":24,"           \
    "\"num_hidden_layers\":2,\"num_attention_heads\":2,\"max_position_embeddings\":32,\"layer_norm_eps\":" \
    "1e-5"
#define GEMMA2                                                                                              \
    "\"model_type\":\"gemma2\",\"vocab_size\":50,\"hidden_size\":16,\"intermediate_size\":24,"              \
    "\"num_hidden_layers\":2,\"num_attention_heads\":2,\"max_position_embeddings\":32,\"rms_norm_eps\":1e-" \
    "5,"                                                                                                    \
    "\"num_key_value_heads\":2,\"query_pre_attn_scalar\":8"
#define HEADS ",\"num_attention_heads\":4"

static bool load_text(scratch *s, const char *text, gk_config *c, gk_error *err) {
    return gk_config__load(scratch_file(s, "config.json", text), c, err);
}

START_TEST(test_absent_fields) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c;
    ck_assert(load_text(&s, "{" LLAMA HEADS "}", &c, &err));
    ck_assert(c.n_kv_heads == 4 && c.head_dim == 4 && c.rotary.theta == 1e4f && !c.tied && c.bos_id == 1 &&
              c.eos_id == 2);
    ck_assert(load_text(
        &s, "{" LLAMA HEADS ",\"head_dim\":null,\"rope_scaling\":null,\"num_key_value_heads\":null}", &c,
        &err));
    ck_assert(c.n_kv_heads == 4 && c.head_dim == 4);
    ck_assert(load_text(&s, "{" GPT2 ",\"n_head\":2,\"n_inner\":null}", &c, &err));
    ck_assert(c.d_ffn == 64 && c.head_dim == 8 && c.n_kv_heads == 2 && c.tied);
    scratch_free(&s);
}
END_TEST

static void assert_ids(gk_id_list got, int n, const int *want) {
    ck_assert_int_eq(got.n, n);
    for (int i = 0; i < n; i++) ck_assert_int_eq(got.id[i], want[i]);
}

/* Lists of ids come back as they were, and generation_config.json counts where it names any. */
START_TEST(test_ends_of_a_text) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c, back;
    const char *generation = scratch_path(&s, "generation_config.json");
    ck_assert(load_text(&s, "{" LLAMA HEADS ",\"eos_token_id\":[3,4,99]}", &c, &err));
    ck_assert(gk_config__generation_load(s.dir, &c, &err)); /* there is none */
    assert_ids(gk_config_ends(&c), 3, (const int[]){3, 4, 99});
    ck_assert(gk_config__save(&c, GK_F32, NULL, scratch_path(&s, "config.json"), &err));
    ck_assert(gk_config__generation_save(&c, NULL, s.dir, &err));
    ck_assert(!gk_exists(generation));
    ck_assert(gk_config__load(scratch_path(&s, "config.json"), &back, &err));
    ck_assert_int_eq(back.eos_id, 3);
    assert_ids(gk_config_ends(&back), 3, (const int[]){3, 4, 99});

    scratch_file(&s, "generation_config.json", "{\"eos_token_id\": [7, 3]}");
    ck_assert(gk_config__generation_load(s.dir, &c, &err));
    assert_ids(gk_config_ends(&c), 2, (const int[]){7, 3});
    ck_assert_int_eq(c.eos_id, 3); /* config.json's, still */
    unlink(generation);
    ck_assert(gk_config__generation_save(&c, NULL, s.dir, &err) &&
              gk_config__generation_load(s.dir, &back, &err));
    assert_ids(gk_config_ends(&back), 2, (const int[]){7, 3});

    scratch_file(&s, "generation_config.json", "{\"eos_token_id\": null, \"do_sample\": true}");
    ck_assert(gk_config__generation_load(s.dir, &c, &err));
    assert_ids(gk_config_ends(&c), 3, (const int[]){3, 4, 99});
    scratch_file(&s, "generation_config.json", "{\"eos_token_id\": 8}");
    ck_assert(gk_config__generation_load(s.dir, &c, &err));
    assert_ids(gk_config_ends(&c), 1, (const int[]){8});
    scratch_file(&s, "generation_config.json", "{\"eos_token_id\": \"x\"}");
    ck_assert(!gk_config__generation_load(s.dir, &c, &err));
    assert_error_at(&err, generation, ": field 'eos_token_id': is the string \"x\"; must be an integer");
    scratch_free(&s);
}
END_TEST

/* Layers that all see everything are a model without windows; transformers must hear of it when it is saved.
 */
START_TEST(test_gemma2_without_windows) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c, back;
    ck_assert(load_text(&s,
                        "{" GEMMA2 ",\"attn_logit_softcapping\":null,\"final_logit_softcapping\":null,"
                        "\"sliding_window\":4,\"layer_types\":[\"full_attention\",\"full_attention\"]}",
                        &c, &err));
    ck_assert_int_eq(c.window, 0);
    ck_assert(gk_config__save(&c, GK_F32, NULL, scratch_path(&s, "config.json"), &err));
    json_t *doc = gk_json_load(scratch_path(&s, "config.json"), &err);
    ck_assert_uint_eq(json_array_size(json_object_get(doc, "layer_types")), 2);
    ck_assert(json_is_integer(json_object_get(doc, "sliding_window"))); /* else it does not open there */
    json_decref(doc);
    ck_assert(gk_config__load(scratch_path(&s, "config.json"), &back, &err));
    ck_assert(gk_config_same(&c, &back));
    scratch_free(&s);
}
END_TEST

START_TEST(test_newer_and_older_spellings) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c;
    ck_assert(load_text(&s, "{" LLAMA HEADS ",\"rope_theta\":5e5,\"rope_scaling\":{\"type\":\"default\"}}",
                        &c, &err));
    ck_assert(c.rotary.theta == 5e5f);
    ck_assert(load_text(&s,
                        "{" LLAMA HEADS ",\"rope_parameters\":{\"rope_theta\":7e5,\"rope_type\":\"default\"},"
                        "\"eos_token_id\":[3,4],\"bos_token_id\":2}",
                        &c, &err));
    ck_assert(c.rotary.theta == 7e5f && c.eos_id == 3 && c.bos_id == 2);
    /* Both at once: the older one counts, whole. */
    ck_assert(load_text(&s,
                        "{" LLAMA HEADS ",\"rope_parameters\":{\"rope_theta\":7e5},\"rope_theta\":300,"
                        "\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}",
                        &c, &err));
    ck_assert(c.rotary.theta == 300.0f && c.rotary.kind == GK_ROPE_LINEAR && c.rotary.factor == 2.0f);
    /* A window that is not named is the family's. */
    ck_assert(load_text(&s, "{" GEMMA2 ",\"attn_logit_softcapping\":null,\"final_logit_softcapping\":30}", &c,
                        &err));
    ck_assert(c.window == 4096 && c.attn_softcap == 0 && c.final_softcap == 30.0f);
    scratch_free(&s);
}
END_TEST

static const struct {
    const char *text, *error;
} HOSTILE[] = {
    {"", ":1:1: not valid JSON"},
    {"{", ":1:"},
    {"[]", ": is an array, so it has no member 'model_type'; must be an object"},
    {"{}", ": field 'model_type': is missing; must be a string"},
    {"{\"model_type\":\"bert\"}", ": field 'model_type': the model family 'bert' is not supported: it has "
                                  "attention in both directions; `graftkit models` lists those that are"},
    {"{\"model_type\":\"ber\"}", ": field 'model_type': the model family 'ber' is not supported; "},
    {"{" LLAMA "}",
     ": field 'num_attention_heads': 32 heads do not divide a width of 16"}, /* the class's 32 */
    {"{" LLAMA ",\"num_attention_heads\":null}",
     ": field 'num_attention_heads': is null; must be an integer"},
    {"{" LLAMA ",\"num_attention_heads\":0}",
     ": field 'num_attention_heads': is 0; must be an integer from 1 to"},
    {"{" LLAMA ",\"num_attention_heads\":-4}",
     ": field 'num_attention_heads': is -4; must be an integer from 1 to"},
    {"{" LLAMA ",\"num_attention_heads\":4.5}",
     ": field 'num_attention_heads': is 4.5; must be an integer from 1 to"},
    {"{" LLAMA ",\"num_attention_heads\":\"4\"}",
     ": field 'num_attention_heads': is the string \"4\"; must be"},
    {"{" LLAMA ",\"num_attention_heads\":99999999999}",
     ": field 'num_attention_heads': is 99999999999; must be"},
    {"{" LLAMA ",\"num_attention_heads\":99999999999999999999}",
     ": field 'num_attention_heads': is 1e+20; must be an integer"},
    {"{" LLAMA ",\"num_attention_heads\":4096}", ": field 'num_attention_heads': 4096 heads do not divide"},
    {"{" LLAMA ",\"num_attention_heads\":3}",
     ": field 'num_attention_heads': 3 heads do not divide a width of 16; the number of heads must divide"},
    {"{" LLAMA HEADS ",\"num_key_value_heads\":3}",
     ": field 'num_key_value_heads': 3 key-value heads do not divide 4"},
    {"{" LLAMA HEADS ",\"head_dim\":7}",
     ": field 'head_dim': 7 of the 7 dimensions of a head are rotary; rotary"},
    {"{" LLAMA HEADS ",\"head_dim\":0}", ": field 'head_dim': is 0; must be an integer from 1 to"},
    {"{" LLAMA HEADS ",\"rope_theta\":NaN}",
     ": field 'rope_theta': is the string \"NaN\"; must be a finite number"},
    {"{" NEOX ",\"rotary_emb_base\":-Infinity}",
     ": field 'rotary_emb_base': is the string \"-Infinity\"; must be a finite number"},
    {"{" LLAMA HEADS ",\"rope_theta\":0}", ": field 'rope_theta': is 0; must be a finite number above 0"},
    {"{" LLAMA HEADS ",\"rope_theta\":1e300}",
     ": field 'rope_theta': is inf; must be a finite number above 0"},
    {"{" LLAMA HEADS ",\"rope_theta\":\"x\"}",
     ": field 'rope_theta': is the string \"x\"; must be a finite number"},
    {"{" LLAMA HEADS ",\"rope_parameters\":{\"rope_theta\":[]}}",
     ": field 'rope_parameters.rope_theta': is an array;"},
    {"{" LLAMA HEADS ",\"rope_parameters\":3}",
     ": field 'rope_parameters': is not an object; must be an object or null"},
    {"{" LLAMA HEADS ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8}}",
     ": field 'rope_scaling.low_freq_factor': is missing"},
    {"{" LLAMA HEADS ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,"
     "\"high_freq_factor\":4}}",
     ": field 'rope_scaling': the frequency factors are 4 and 4; low_freq_factor must be above 0 and below"},
    {"{" LLAMA HEADS ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":1,"
     "\"high_freq_factor\":4,\"original_max_position_embeddings\":0}}",
     ": field 'rope_scaling.original_max_position_embeddings': is 0; must be an integer from 1"},
    {"{" LLAMA HEADS ",\"rope_scaling\":{\"type\":\"linear\"}}", ": field 'rope_scaling.factor': is missing"},
    {"{" LLAMA HEADS ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":0.5}}",
     ": field 'rope_scaling': the factor is 0.5; must be a finite number of at least 1"},
    {"{" LLAMA HEADS ",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":8}}",
     ": field 'rope_scaling': asks for rotary positions of kind 'yarn'; supported: default, linear, llama3"},
    {"{" NEOX ",\"rotary_pct\":1.5}",
     ": field 'rotary_pct': the share of a head that is rotated is 1.5; must be"},
    {"{" NEOX ",\"rotary_pct\":0.1}",
     ": field 'rotary_pct': a share of 0.1 makes 0 of the 8 dimensions of a head rotary; rotary positions"},
    {"{" NEOX ",\"rotary_pct\":0.4}",
     ": field 'rotary_pct': a share of 0.4 makes 3 of the 8 dimensions of a head rotary; rotary positions"},
    {"{" NEOX ",\"rope_parameters\":{\"partial_rotary_factor\":0.9}}",
     ": field 'partial_rotary_factor': a share of 0.9 makes 7 of the 8 dimensions of a head rotary;"},
    {"{" NEOX ",\"use_parallel_residual\":1}",
     ": field 'use_parallel_residual': is 1; must be true or false"},
    {"{" GEMMA2 ",\"sliding_window\":null}",
     ": field 'sliding_window': is null, but there are layers with a window"},
    {"{" GEMMA2 ",\"attn_logit_softcapping\":0}",
     ": field 'attn_logit_softcapping': is 0; must be a number above 0, or null"},
    {"{" GEMMA2 ",\"attn_logit_softcapping\":null,\"final_logit_softcapping\":3,\"sliding_window\":4,"
     "\"layer_types\":[\"sliding_attention\"]}",
     ": field 'layer_types': is no list of 2; one entry a layer"},
    {"{" GEMMA2 ",\"layer_types\":[7,\"full_attention\"]}",
     ": field 'layer_types': layer 0 is '(nothing)'; supported: full_attention, sliding_attention"},
    {"{" LLAMA HEADS ",\"rope_scaling\":{\"type\":7}}",
     ": field 'rope_scaling': asks for rotary positions of kind '(not"},
    {"{" LLAMA HEADS ",\"rope_parameters\":{\"partial_rotary_factor\":0.25}}",
     ": field 'partial_rotary_factor': the share of a head that is rotated is 0.25; must be 1"},
    {"{" LLAMA HEADS ",\"hidden_act\":\"quick_gelu\"}",
     ": field 'hidden_act': the activation 'quick_gelu' is not supported; supported: gelu, gelu_new,"},
    {"{" LLAMA HEADS ",\"attention_bias\":1}", ": field 'attention_bias': is 1; must be true or false"},
    {"{" LLAMA HEADS ",\"layer_types\":[\"full_attention\",\"sliding_attention\"]}",
     ": field 'layer_types': layer 1 is 'sliding_attention'; every layer must be full_attention in this "
     "family"},
    {"{" LLAMA HEADS ",\"tie_word_embeddings\":1}",
     ": field 'tie_word_embeddings': is 1; must be true or false"},
    {"{" LLAMA HEADS ",\"bos_token_id\":-2}", ": field 'bos_token_id': is -2; must be an integer from -1 to"},
    {"{" LLAMA HEADS ",\"eos_token_id\":[]}", ": field 'eos_token_id': is an empty list; must be a token id"},
    {"{" LLAMA HEADS ",\"eos_token_id\":[-2]}",
     ": field 'eos_token_id': item 0 is no token id; must be a token id or a list of them"},
    {"{" LLAMA HEADS ",\"eos_token_id\":[1,2,\"3\"]}", ": field 'eos_token_id': item 2 is no token id;"},
    {"{" LLAMA HEADS ",\"eos_token_id\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
     ": field 'eos_token_id': is a list of 17; at most 16 token ids"},
    {"{" LLAMA HEADS ",\"vocab_size\":51}", ":1:"}, /* a second time */
    {"{" GPT2 ",\"n_head\":3}", ": field 'n_head': 3 heads do not divide a width of 16"},
    {"{" GPT2 ",\"n_head\":4,\"n_inner\":-1}", ": field 'n_inner': is -1; must be an integer from 1 to"},
    {"{" GPT2 ",\"n_head\":4,\"n_inner\":16777216}",
     ": field 'n_inner': is 16777216; must be from 1 to 1048576"},
    {"{" GPT2 ",\"n_head\":4,\"activation_function\":7}",
     ": field 'activation_function': is 7; must be a string"},
    {"{" GPT2 ",\"n_head\":4,\"scale_attn_weights\":false}",
     ": field 'scale_attn_weights': is false; must be true"},
    {"{" GPT2 ",\"n_head\":4,\"add_cross_attention\":true}",
     ": field 'add_cross_attention': is true; must be false"},
};

START_TEST(test_hostile) {
    scratch s = scratch_new();
    gk_error err = {0};
    gk_config c;
    ck_assert(!load_text(&s, HOSTILE[_i].text, &c, &err));
    assert_error_at(&err, scratch_path(&s, "config.json"), HOSTILE[_i].error);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("config_json");
    TCase *t = tcase_create("config_json");
    tcase_add_loop_test(t, test_round_trip, 0, N_FAMILIES);
    tcase_add_test(t, test_absent_fields);
    tcase_add_test(t, test_ends_of_a_text);
    tcase_add_test(t, test_gemma2_without_windows);
    tcase_add_test(t, test_newer_and_older_spellings);
    tcase_add_loop_test(t, test_hostile, 0, sizeof HOSTILE / sizeof *HOSTILE);
    suite_add_tcase(s, t);
    return run_suite(s);
}
