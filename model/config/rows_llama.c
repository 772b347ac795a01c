/* rows_llama.c: the rows of Llama and of what has its tensors. */
#include "model/config/rows.h"

const gk_config__tensor_rule gk_config__llama_rules[GK_CONFIG__N_LLAMA_RULES] = {
    EMBED_RULE,  RULE("model.layers.#.input_layernorm", GK_LN1),
    QKVO_RULES,  RULE("model.layers.#.post_attention_layernorm", GK_LN2),
    GATED_RULES, END_RULES,
};

static const gk_config__field LLAMA_FIELDS[] = {
    SIZES(32000, 4096, 11008, 32, 32, 2048),
    TIED(false),
    IDS(1, 2),
    NULLABLE("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 0),
    NULLABLE("head_dim", GK_CONFIG__INT, head_dim, 0),
    RMS_EPS(1e-6),
    ACT,
    ATTENTION_BIAS(false),
    FIELD("mlp_bias", GK_CONFIG__BOOL, mlp_bias, false),
};

const gk_family gk_config__llama = {
    .name = "llama",
    .architecture = "LlamaForCausalLM",
    .checkpoints = "meta-llama/Llama-3.2-1B, meta-llama/Llama-3.1-8B, meta-llama/Llama-2-7b-hf, "
                   "HuggingFaceTB/SmolLM2-135M, TinyLlama/TinyLlama_v1.1, 01-ai/Yi-6B",
    .base = {LLAMA_LIKE, .pre_norm = true, .act = GK_SILU},
    .act_name = "silu",
    .theta_key = "rope_theta",
    FIELDS(LLAMA_FIELDS),
    LLAMA_RULES,
    .prefix = "model."};

static const gk_config__field MISTRAL_FIELDS[] = {
    SIZES(32000, 4096, 14336, 32, 32, 131072),
    TIED(false),
    IDS(1, 2),
    FIELD("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 8),
    NULLABLE("head_dim", GK_CONFIG__INT, head_dim, 0),
    RMS_EPS(1e-6),
    ACT,
    NULLABLE("sliding_window", GK_CONFIG__INT, window, 4096),
};

const gk_family gk_config__mistral = {.name = "mistral",
                                      .architecture = "MistralForCausalLM",
                                      .checkpoints = "mistralai/Mistral-7B-v0.1, mistralai/Mistral-7B-v0.3",
                                      .base = {LLAMA_LIKE, .pre_norm = true, .act = GK_SILU},
                                      .act_name = "silu",
                                      .theta_key = "rope_theta",
                                      .window_period = GK_CONFIG__ALL_LAYERS,
                                      FIELDS(MISTRAL_FIELDS),
                                      LLAMA_RULES,
                                      .prefix = "model."};

static const gk_config__field SEED_OSS_FIELDS[] = {
    SIZES(155136, 4096, 27648, 64, 80, 524288),
    TIED(false),
    IDS(0, 2),
    NULLABLE("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 8),
    NULLABLE("head_dim", GK_CONFIG__INT, head_dim, 128),
    RMS_EPS(1e-6),
    ACT,
    FIELD("attention_bias", GK_CONFIG__BOOL, qkv_bias, true),
    FIELD("attention_out_bias", GK_CONFIG__BOOL, o_bias, false),
    FIELD("mlp_bias", GK_CONFIG__BOOL, mlp_bias, false),
};

const gk_family gk_config__seed_oss = {
    .name = "seed_oss",
    .architecture = "SeedOssForCausalLM",
    .checkpoints = "ByteDance-Seed/Seed-OSS-36B-Base",
    .base = {LLAMA_LIKE, .pre_norm = true, .act = GK_SILU, .qkv_bias = true},
    .act_name = "silu",
    .theta_key = "rope_theta",
    FIELDS(SEED_OSS_FIELDS),
    LLAMA_RULES,
    .prefix = "model."};
