/* config_keys.c: the keys of config.json that are no field of the family: those that must have the one value
 * that is built, those that change nothing, and the rest. docs/config-keys.md is made from this table and
 * from the list of all keys. */
#include "graftkit/core/memory.h"
#include "model/config/family.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---------------------------------------------------------------- one value only */

/* Of families: those, all, those without windows. */
#define ALL "*"
#define NO_WINDOW "-"

/* A key that transformers honours and that has one value here; absent means the same. */
static const struct fixed {
    const char *key, *families;
    const char *value; /* as JSON text */
} FIXED[] = {
    {"is_causal", ALL, "true"},
    {"per_layer_config", ALL, "null"},
    {"kv_sharing_modes", ALL, "null"},
    {"sliding_window", NO_WINDOW, "null"}, /* which its cache honours though its masks do not */
    {"attention_chunk_size", NO_WINDOW, "null"},
    {"quantization_config", ALL, "null"},
    {"text_config", ALL, "null"}, /* of these three: a configuration inside, which would count */
    {"decoder", ALL, "null"},
    {"generator", ALL, "null"},
    {"use_bidirectional_attention", "gemma gemma2 gemma3_text", "false"},
    {"scale_attn_weights", "gpt2", "true"},
    {"add_cross_attention", "gpt2", "false"},
};

/* ---------------------------------------------------------------- no value changes anything */

static const struct ground {
    const char *why;
    const char *keys; /* with blanks between */
} VOID[] = {
    {"dropout acts in training alone", "attention_dropout attn_pdrop embd_pdrop resid_pdrop hidden_dropout "
                                       "classifier_dropout summary_first_dropout "
                                       "summary_last_dropout"},
    {"how fresh weights are drawn", "initializer_range"},
    {"how the file is stored: values are read exactly and computed with in fp32",
     "dtype torch_dtype use_bfloat16"},
    {"another way to the same numbers", "use_cache chunk_size_feed_forward pretraining_tp "
                                        "reorder_and_upcast_attn attn_implementation _attn_implementation "
                                        "_experts_implementation torchscript"},
    {"what the pass returns beside its logits",
     "return_dict use_return_dict output_hidden_states output_attentions tie_last_hidden_states"},
    {"names and versions",
     "model_type architectures transformers_version name_or_path _name_or_path _commit_hash finetuning_task "
     "task_specific_params tokenizer_class"},
    {"the role in a pair of encoder and decoder, which a decoder alone does not look at",
     "is_decoder is_encoder_decoder tie_encoder_decoder add_cross_attention cross_attention_hidden_size"},
    {"a head for other tasks",
     "id2label label2id num_labels problem_type summary_type summary_use_proj summary_activation "
     "summary_proj_to_labels"},
    {"a setting of generate(), which has options of its own here",
     "assistant_confidence_threshold assistant_early_exit assistant_ensemble_weight assistant_lookbehind "
     "bad_words_ids "
     "begin_suppress_tokens cache_config cache_implementation compile_config constraints "
     "continuous_batching_config "
     "decoder_start_token_id disable_compile diversity_penalty do_sample dola_layers early_stopping "
     "encoder_no_repeat_ngram_size encoder_repetition_penalty epsilon_cutoff eta_cutoff "
     "exponential_decay_length_penalty force_words_ids forced_bos_token_id forced_eos_token_id "
     "guidance_scale "
     "is_assistant length_penalty low_memory max_cache_len max_length max_matching_ngram_size max_new_tokens "
     "max_time "
     "min_length min_new_tokens min_p no_repeat_ngram_size num_assistant_tokens "
     "num_assistant_tokens_schedule "
     "num_beam_groups num_beams num_return_sequences output_logits output_scores penalty_alpha "
     "prefill_chunk_size "
     "prompt_lookup_num_tokens remove_invalid_values renormalize_logits repetition_penalty "
     "return_dict_in_generate "
     "sequence_bias speculation_type stop_strings suppress_tokens target_lookbehind temperature "
     "token_healing top_h top_k "
     "top_p typical_p use_mtp watermarking_config"},
    {"a row of the embedding, which a text without padding does not look up", "pad_token_id"},
    {"an older name that is not read any more; n_positions and the tensor's shape count", "n_ctx"},
};

/* Keys by which a switched window is read. */
static const char SWITCHED[] = "use_sliding_window sliding_window max_window_layers";

static bool listed(const char *words, const char *key) {
    size_t n = strlen(key);
    for (const char *at = words; *at;) {
        size_t len = strcspn(at, " ");
        if (len == n && memcmp(at, key, n) == 0) return true;
        at += len + strspn(at + len, " ");
    }
    return false;
}

/* ---------------------------------------------------------------- what becomes of a key */

static bool concerns(const char *families, const gk_family *f) {
    if (strcmp(families, ALL) == 0) return true;
    return strcmp(families, NO_WINDOW) == 0 ? f->window_period == 0 : listed(families, f->name);
}

static bool is_field(const gk_family *f, const char *key) {
    for (size_t i = 0; i < f->n_fields; i++)
        if (strcmp(f->fields[i].key, key) == 0 ||
            (f->fields[i].alias && strcmp(f->fields[i].alias, key) == 0))
            return true;
    return false;
}

static bool is_layers(const gk_family *f, const char *key) {
    return strcmp(key, "layer_types") == 0 || (f->switched_window && listed(SWITCHED, key)) ||
           (f->period_key && strcmp(f->period_key, key) == 0) ||
           (f->rope_period && listed("no_rope_layers no_rope_layer_interval", key)) ||
           (f->attention_types && strcmp(key, "attention_types") == 0);
}

static bool is_rope(const gk_family *f, const char *key) {
    if (!f->base.rope) return false;
    const char *share = f->rotary_key ? f->rotary_key : "partial_rotary_factor";
    return listed("rope_scaling rope_parameters original_max_position_embeddings", key) ||
           strcmp(key, f->theta_key) == 0 || (f->theta_window_key && strcmp(key, f->theta_window_key) == 0) ||
           strcmp(key, share) == 0;
}

gk_config__key_use gk_config__key_of(const gk_family *f, const char *key, const char **detail) {
    *detail = "";
    for (size_t i = 0; i < COUNT(FIXED); i++)
        if (strcmp(FIXED[i].key, key) == 0 && concerns(FIXED[i].families, f)) {
            *detail = FIXED[i].value;
            return GK_CONFIG__KEY_FIXED;
        }
    if (is_field(f, key) || is_rope(f, key) || is_layers(f, key)) return GK_CONFIG__KEY_READ;
    for (size_t i = 0; i < COUNT(VOID); i++)
        if (listed(VOID[i].keys, key)) {
            *detail = VOID[i].why;
            return GK_CONFIG__KEY_VOID;
        }
    return GK_CONFIG__KEY_OTHER;
}

/* ---------------------------------------------------------------- the keys of a file */

/* A window that no text is longer than. */
static bool wide_window(const char *key, const json_t *v, const gk_config *c) {
    return listed("sliding_window attention_chunk_size", key) && json_is_integer(v) &&
           json_integer_value(v) >= c->max_positions;
}

/* null stands for a false one, and for a null: what Python takes for false. For a true one it does not. */
static bool check_fixed(const char *key, const json_t *v, const char *value, gk_place at, gk_error *err) {
    json_t *want = json_loads(value, JSON_DECODE_ANY, NULL);
    bool same = json_equal(v, want) || (json_is_null(v) && !json_is_true(want));
    json_decref(want);
    if (same) return true;
    char hint[96], *there = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    snprintf(hint, sizeof hint, "must be %s, the only value supported so far", value);
    at.field = key;
    gk_fail(err, at, hint, "is %.80s", there ? there : "not readable");
    free(there);
    return false;
}

bool gk_config__check_keys(const json_t *doc, const gk_config *c, gk_place at, gk_error *err) {
    const gk_family *f = c->family;
    const char *key, *detail;
    const json_t *v;
    gk_buf unused = {0};
    bool ok = true;
    json_object_foreach((json_t *)(uintptr_t)doc, key, v) {
        gk_config__key_use use = gk_config__key_of(f, key, &detail);
        if (use == GK_CONFIG__KEY_FIXED && !wide_window(key, v, c)) ok = check_fixed(key, v, detail, at, err);
        if (!ok) break;
        bool says = json_is_object(v)  ? json_object_size(v) > 0
                    : json_is_array(v) ? json_array_size(v) > 0
                                       : !json_is_null(v);
        if (use == GK_CONFIG__KEY_OTHER && says)
            gk_buf_printf(&unused, "%s%.60s", unused.len ? ", " : "", key);
    }
    if (ok && unused.len)
        gk_notice(at, "keys that transformers does not use for a %s model, nor does graftkit: %s", f->name,
                  unused.data);
    gk_buf_free(&unused);
    return ok;
}
