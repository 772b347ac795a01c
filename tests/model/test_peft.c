/* modules: train model tokenizer core
 *
 * test_peft.c: adapters that do more than add one product of one rank, against the logits that PEFT computes
 * with them (tests/fixtures/peft, made by tools/reference/fixtures/make_peft_fixtures.py); and what such a
 * folder may not be. */
#include "core/json.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "model/arrays.h"
#include "tests/support/scratch.h"

#include <math.h>

#define MODELS GK_SOURCE_DIR "/tests/fixtures/model/"
#define ADAPTERS GK_SOURCE_DIR "/tests/fixtures/peft/"
enum { MAX_ROWS = 64 };

static const char *const NAMES[] = {
    "llama-patterns", "gemma2-patterns",  "neox-patterns", "llama-dora",  "gpt2-dora",   "neox-dora",
    "gemma-dora",     "qwen2-dora",       "olmo2-dora",    "llama-whole", "llama-norms", "tied-embed",
    "tied-head",      "tied-both",        "tied-kept",     "gpt2-whole",  "neox-whole",  "gemma-whole",
    "llama-grown",    "tied-grown",       "gpt2-grown",    "grown-saved", "gpt2-biases", "qwen2-biases",
    "olmo2-chosen",   "llama-expression", "neox-exact",    "gpt2-copies", "kept-grown",  "gpt2-not-kept"};
enum { N_NAMES = sizeof NAMES / sizeof *NAMES };

static char why[2048];

static gk_safetensors *reference_of(scratch *s, const char *dir) {
    gk_safetensors *file = gk_safetensors_open(gk_path_join(s->a, dir, "reference.safetensors"), NULL);
    ck_assert_ptr_nonnull(file);
    return file;
}

/* Logits of the two sequences of the base's reference, one after the other. */
static float *logits_of(const gk_model *m, const gk_safetensors *texts, int *n_rows) {
    int32_t token[MAX_ROWS], rows[MAX_ROWS], start[3] = {0};
    for (int q = 0; q < 2; q++) {
        const gk_array *ids = gk_safetensors_find(texts, q ? "input_ids.1" : "input_ids.0");
        ck_assert_ptr_nonnull(ids);
        for (int i = 0; i < (int)ids->shape[0]; i++) token[start[q] + i] = (int32_t)ids->data[i];
        start[q + 1] = start[q] + (int)ids->shape[0];
    }
    ck_assert_int_le(start[2], MAX_ROWS);
    for (int i = 0; i < start[2]; i++) rows[i] = i;
    gk_batch b = {.n_rows = start[2], .n_seqs = 2, .token = token, .seq_start = start};
    gk_session *s = gk_session_new(gk_model_config(m), MAX_ROWS, false, NULL);
    float *logits = gk_alloc((size_t)start[2] * (size_t)gk_model_config(m)->vocab * sizeof *logits);
    ck_assert(s && gk_forward(s, m, &b, rows, start[2], logits, NULL));
    gk_session_free(s);
    *n_rows = start[2];
    return logits;
}

/* Within 1e-4 of the largest. */
static void compare(const char *name, const char *what, const gk_model *m, const gk_safetensors *texts,
                    const gk_safetensors *want) {
    int n_rows, row = 0;
    size_t vocab = (size_t)gk_model_config(m)->vocab;
    float *got = logits_of(m, texts, &n_rows), largest = 0;
    for (int q = 0; q < 2; q++) {
        const gk_array *w = gk_safetensors_find(want, q ? "logits.1" : "logits.0");
        ck_assert_ptr_nonnull(w);
        ck_assert_msg(w->shape[1] == (int64_t)vocab, "%s %s: %zu logits", name, what, vocab);
        size_t n = (size_t)w->shape[0] * vocab;
        for (size_t i = 0; i < n; i++) largest = fmaxf(largest, fabsf(w->data[i]));
        for (size_t i = 0; i < n; i++) {
            float x = got[(size_t)row * vocab + i];
            ck_assert_msg(fabsf(x - w->data[i]) <= 1e-4f * largest,
                          "%s %s: logit %zu of text %d is %g, not %g", name, what, i, q, (double)x,
                          (double)w->data[i]);
        }
        row += (int)w->shape[0];
    }
    ck_assert_int_eq(row, n_rows);
    gk_free(got);
}

/* Opened (mapped), loaded (for training), merged and saved: one model. */
START_TEST(logits_are_peft_s) {
    scratch s = scratch_new();
    gk_error err = {0};
    const char *name = NAMES[_i], *dir = gk_path_join(s.a, ADAPTERS, name),
               *base = gk_adapter_base(dir, s.a, &err);
    ck_assert_ptr_nonnull(base);
    gk_safetensors *texts = reference_of(&s, base), *want = reference_of(&s, dir);
    gk_model *opened = gk_model_open(dir, &err);
    ck_assert_msg(opened != NULL, "%s: %s", name, gk_error_text(&err, why, sizeof why));
    compare(name, "opened", opened, texts, want);
    gk_model *loaded = gk_model_load(dir, &err);
    ck_assert_msg(loaded != NULL, "%s: %s", name, gk_error_text(&err, why, sizeof why));
    compare(name, "loaded", loaded, texts, want);
    ck_assert_uint_eq(gk_model_count(opened), gk_model_count(loaded));
    ck_assert(gk_config_same(gk_model_config(opened), gk_model_config(loaded)));
    for (int k = 0; k < 2; k++) {
        const char *to = scratch_path(&s, k ? "loaded" : "opened");
        ck_assert_msg(gk_model_save(k ? loaded : opened, to, &err), "%s",
                      gk_error_text(&err, why, sizeof why));
        gk_model *again = gk_model_open(to, &err);
        ck_assert_msg(again != NULL, "%s: %s", name, gk_error_text(&err, why, sizeof why));
        compare(name, "saved", again, texts, want);
        gk_model_free(again);
    }
    gk_model_free(opened);
    gk_model_free(loaded);
    gk_safetensors_close(texts);
    gk_safetensors_close(want);
    scratch_free(&s);
}
END_TEST

/* The base alone gives other logits: what is compared above is the adapter's doing. */
START_TEST(adapters_change_the_model) {
    scratch s = scratch_new();
    for (int i = 0; i < N_NAMES; i++) {
        const char *dir = gk_path_join(s.a, ADAPTERS, NAMES[i]), *base = gk_adapter_base(dir, s.a, NULL);
        gk_safetensors *texts = reference_of(&s, base), *want = reference_of(&s, dir);
        gk_model *m = gk_model_open(base, NULL);
        int n_rows;
        float *got = logits_of(m, texts, &n_rows), most = 0;
        const gk_array *w = gk_safetensors_find(want, "logits.0");
        size_t vocab = (size_t)gk_model_config(m)->vocab;
        for (size_t v = 0; v < vocab; v++) most = fmaxf(most, fabsf(got[v] - w->data[v]));
        ck_assert_msg(most > 1e-2f, "%s changes nothing", NAMES[i]);
        gk_free(got);
        gk_model_free(m);
        gk_safetensors_close(texts);
        gk_safetensors_close(want);
    }
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- what is refused */

/* A fixture's folder with one member of its configuration set, or gone where `value` is NULL. */
static const char *edited(scratch *s, const char *name, const char *key, const char *value) {
    const char *dir = gk_path_join(s->a, ADAPTERS, name), *to = scratch_path(s, "edited");
    size_t len;
    ck_assert(gk_mkdirs(to, NULL));
    json_t *doc = gk_json_load(gk_path_join(s->a, dir, "adapter_config.json"), NULL);
    ck_assert_ptr_nonnull(doc);
    json_object_set_new(doc, "base_model_name_or_path", json_string(gk_adapter_base(dir, s->a, NULL)));
    json_t *v = json_loads(value, JSON_DECODE_ANY, NULL);
    ck_assert_msg(v != NULL, "%s", value);
    json_object_set_new(doc, key, v);
    char *text = json_dumps(doc, 0);
    scratch_file(s, "edited/adapter_config.json", text);
    free(text);
    json_decref(doc);
    char *weights =
        gk_read_file(s->a, gk_path_join(s->a, dir, "adapter_model.safetensors"), 1 << 22, &len, NULL);
    FILE *f = fopen(scratch_path(s, "edited/adapter_model.safetensors"), "wb");
    ck_assert(f && fwrite(weights, 1, len, f) == len && fclose(f) == 0);
    return to;
}

static const struct {
    const char *of, *key, *value, *says;
} REFUSED[] = {
    {"llama-patterns", "peft_type", "\"LOHA\"",
     "is 'LOHA'; must be LORA; of another kind make a model of it with PEFT"},
    {"llama-patterns", "rank_pattern", "{}", "the rank and the base model ask for"},
    {"llama-patterns", "rank_pattern", "[1]", "is no object"},
    {"llama-patterns", "rank_pattern", "{\"q_proj\": 2.5}", "'q_proj' has no such number"},
    {"llama-patterns", "rank_pattern", "{\"q_proj\": 0}", "'q_proj' has no such number"},
    {"llama-patterns", "alpha_pattern", "{\"q_proj\": \"2\"}", "'q_proj' has no such number"},
    {"llama-patterns", "alpha_pattern", "{\"q_proj(\": 2}", "'q_proj(' is no regular expression"},
    {"llama-patterns", "alpha_pattern", "{\"(([a-z._0-9]+)+)+[!?]\": 2}", "takes too many steps on a name"},
    {"llama-patterns", "target_modules", "[\"q_proj\"]",
     "does not make 'model.layers.0.self_attn.k_proj' a target"},
    {"llama-patterns", "target_modules", "null", "names none: PEFT would take a list of its own"},
    {"llama-patterns", "target_modules", "[]", "names none"},
    {"llama-patterns", "exclude_modules", "[\"up_proj\"]",
     "does not make 'model.layers.0.mlp.up_proj' a target"},
    {"llama-patterns", "exclude_modules", "\".*1.mlp.up_proj\"",
     "does not make 'model.layers.1.mlp.up_proj' a target"},
    {"olmo2-chosen", "layers_to_transform", "0", "does not make 'model.layers.1.self_attn.v_proj' a target"},
    {"olmo2-chosen", "layers_pattern", "[\"h\"]", "does not make 'model.layers.1.self_attn.v_proj' a target"},
    {"llama-patterns", "modules_to_save", "[\"norm\"]", "the tensor is missing; modules_to_save asks for it"},
    {"llama-patterns", "modules_to_save", "[\"mlp\"]",
     "does not make 'model.layers.0.mlp.gate_proj' a target"},
    {"llama-patterns", "modules_to_save", "\"norm\"", "is no list"},
    {"llama-patterns", "use_dora", "true",
     "the tensor is missing; use_dora asks for one beside every lora_B"},
    {"llama-dora", "use_dora", "false", "is no such adapter of a llama model"},
    {"llama-patterns", "lora_bias", "true",
     "this kind of adapter is not supported; make a model of it with PEFT"},
    {"llama-patterns", "layer_replication", "[[0, 2]]", "merge_and_unload"},
    {"llama-patterns", "trainable_token_indices", "[1, 2]", "merge_and_unload"},
    {"llama-patterns", "target_parameters", "[\"mlp.x\"]", "merge_and_unload"},
    {"llama-patterns", "init_lora_weights", "\"pissa\"", "'pissa' changes the base model as well"},
    {"llama-patterns", "init_lora_weights", "\"olora\"", "merge_and_unload"},
    {"llama-patterns", "bias", "\"some\"", "is 'some'; none, all or lora_only"},
    {"llama-patterns", "use_new_kind", "true", "this member is not known here"},
    {"llama-head", "bias", "\"none\"",
     "'base_model.model.lm_head.base_layer.weight': an adapter of the embedding or the head is not "
     "supported; "
     "make a model of it with PEFT"},
    {"gpt2-embedding", "bias", "\"none\"",
     "'base_model.model.transformer.wte.lora_embedding_A': an adapter of the embedding or the head"},
    {"tied-both", "ensure_weight_tying", "true",
     "the base ties the head to the embedding, but the adapter's differ"},
};

START_TEST(what_is_refused) {
    scratch s = scratch_new();
    gk_error err = {0};
    const char *dir = edited(&s, REFUSED[_i].of, REFUSED[_i].key, REFUSED[_i].value);
    gk_model *m = gk_model_open(dir, &err);
    ck_assert_msg(m == NULL, "%s: %s was taken", REFUSED[_i].key, REFUSED[_i].value);
    gk_error_text(&err, why, sizeof why);
    ck_assert_msg(strstr(why, REFUSED[_i].says), "%s: %s: %s", REFUSED[_i].key, REFUSED[_i].value, why);
    scratch_free(&s);
}
END_TEST

/* Members that change nothing, whatever they say. */
START_TEST(what_is_taken) {
    static const struct {
        const char *key, *value;
    } TAKEN[] = {{"fan_in_fan_out", "true"},
                 {"lora_dropout", "0.1"},
                 {"use_new_kind", "false"},
                 {"peft_version", "\"9.9\""},
                 {"layers_to_transform", "[]"},
                 {"exclude_modules", "[]"},
                 {"modules_to_save", "[\"score\"]"},
                 {"bias", "\"all\""},
                 {"init_lora_weights", "\"gaussian\""},
                 {"rank_pattern", "{\"q_proj\": 4, \"layers\\\\.0\\\\..*\": 2, \"down_proj\": 3}"}};
    scratch s = scratch_new();
    gk_error err = {0};
    for (size_t i = 0; i + 1 < sizeof TAKEN / sizeof *TAKEN; i++) {
        gk_model *m = gk_model_open(edited(&s, "llama-patterns", TAKEN[i].key, TAKEN[i].value), &err);
        ck_assert_msg(m != NULL, "%s: %s", TAKEN[i].key, gk_error_text(&err, why, sizeof why));
        gk_model_free(m);
    }
    /* The first that matches counts. */
    ck_assert_ptr_null(gk_model_open(edited(&s, "llama-patterns", "rank_pattern", TAKEN[9].value), &err));
    ck_assert_msg(strstr(err.field, "layers.0.self_attn.q_proj"), "%s", err.field);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("peft");
    TCase *t = tcase_create("peft");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, logits_are_peft_s, 0, N_NAMES);
    tcase_add_test(t, adapters_change_the_model);
    tcase_add_loop_test(t, what_is_refused, 0, (int)(sizeof REFUSED / sizeof *REFUSED));
    tcase_add_test(t, what_is_taken);
    suite_add_tcase(s, t);
    return run_suite(s);
}
