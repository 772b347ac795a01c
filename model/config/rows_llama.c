/* rows_llama.c: the rows of Llama and of what has its tensors. */
#include "model/config/rows.h"

const gk_config__tensor_rule gk_config__llama_rules[GK_CONFIG__N_LLAMA_RULES] = {
    EMBED_RULE,    RULE("model.layers.#.input_layernorm", GK_LN1),          QKVO_RULES,
    QK_NORM_RULES, RULE("model.layers.#.post_attention_layernorm", GK_LN2), GATED_RULES,
    END_RULES,
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

static const gk_config__field SMOLLM3_FIELDS[] = {
    SIZES(128256, 2048, 11008, 36, 16, 32768),
    TIED(true),
    IDS(128000, 128001),
    NULLABLE("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 4),
    NULLABLE("head_dim", GK_CONFIG__INT, head_dim, 0),
    RMS_EPS(1e-6),
    ACT,
    ATTENTION_BIAS(false),
    FIELD("mlp_bias", GK_CONFIG__BOOL, mlp_bias, false),
    NULLABLE("sliding_window", GK_CONFIG__INT, window, 0),
};

const gk_family gk_config__smollm3 = {.name = "smollm3",
                                      .architecture = "SmolLM3ForCausalLM",
                                      .checkpoints =
                                          "HuggingFaceTB/SmolLM3-3B, HuggingFaceTB/SmolLM3-3B-Base",
                                      .base = {LLAMA_LIKE, .pre_norm = true, .act = GK_SILU, .tied = true},
                                      .act_name = "silu",
                                      .theta_key = "rope_theta",
                                      .theta = 2e6,
                                      .window_period = GK_CONFIG__ALL_LAYERS,
                                      .layer_types = true,
                                      .switched_window = true,
                                      .rope_period = 4,
                                      FIELDS(SMOLLM3_FIELDS),
                                      LLAMA_RULES,
                                      .prefix = "model."};

static const gk_config__field PHI3_FIELDS[] = {
    SIZES(32064, 3072, 8192, 32, 32, 4096),
    TIED(false),
    IDS(1, 32000),
    NULLABLE("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 0),
    NULLABLE("head_dim", GK_CONFIG__INT, head_dim, 0),
    RMS_EPS(1e-5),
    ACT,
    NULLABLE("sliding_window", GK_CONFIG__INT, window, 0),
};

static const gk_config__tensor_rule PHI3_RULES[] = {
    EMBED_RULE,
    RULE("model.layers.#.input_layernorm", GK_LN1),
    RULE("model.layers.#.self_attn.qkv_proj", GK_Q, GK_K, GK_V),
    RULE("model.layers.#.self_attn.o_proj", GK_O),
    RULE("model.layers.#.post_attention_layernorm", GK_LN2),
    RULE("model.layers.#.mlp.gate_up_proj", GK_GATE, GK_UP),
    RULE("model.layers.#.mlp.down_proj", GK_DOWN),
    END_RULES,
};

const gk_family gk_config__phi3 = {.name = "phi3",
                                   .architecture = "Phi3ForCausalLM",
                                   .checkpoints = "microsoft/Phi-3-mini-4k-instruct, microsoft/phi-4",
                                   .base = {LLAMA_LIKE, .pre_norm = true, .act = GK_SILU},
                                   .act_name = "silu",
                                   .theta_key = "rope_theta",
                                   .rotary_key = "partial_rotary_factor",
                                   .rotary_default = 1,
                                   .window_period = GK_CONFIG__ALL_LAYERS,
                                   FIELDS(PHI3_FIELDS),
                                   RULES(PHI3_RULES),
                                   .prefix = "model."};

static const gk_config__field STARCODER2_FIELDS[] = {
    SIZES(49152, 3072, 12288, 30, 24, 4096),
    TIED(true),
    IDS(50256, 50256),
    FIELD("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 2),
    NULLABLE("head_dim", GK_CONFIG__INT, head_dim, 0),
    FIELD("norm_epsilon", GK_CONFIG__NUM, norm_eps, 1e-5),
    ACT,
    FIELD("use_bias", GK_CONFIG__BOOL, qkv_bias, true),
    FIELD("use_bias", GK_CONFIG__BOOL, o_bias, true),
    FIELD("use_bias", GK_CONFIG__BOOL, mlp_bias, true),
    NULLABLE("sliding_window", GK_CONFIG__INT, window, 0),
};

static const gk_config__tensor_rule STARCODER2_RULES[] = {
    EMBED_RULE,
    RULE("model.layers.#.input_layernorm", GK_LN1),
    QKVO_RULES,
    RULE("model.layers.#.post_attention_layernorm", GK_LN2),
    RULE("model.layers.#.mlp.c_fc", GK_UP),
    RULE("model.layers.#.mlp.c_proj", GK_DOWN),
    END_RULES,
};

const gk_family gk_config__starcoder2 = {.name = "starcoder2",
                                         .architecture = "Starcoder2ForCausalLM",
                                         .checkpoints = "bigcode/starcoder2-3b, bigcode/starcoder2-7b",
                                         .base = {.norm = GK_LAYERNORM,
                                                  .pre_norm = true,
                                                  .rope = true,
                                                  .act = GK_GELU_TANH,
                                                  .qkv_bias = true,
                                                  .o_bias = true,
                                                  .mlp_bias = true,
                                                  .tied = true},
                                         .act_name = "gelu_pytorch_tanh",
                                         .theta_key = "rope_theta",
                                         .window_period = GK_CONFIG__ALL_LAYERS,
                                         FIELDS(STARCODER2_FIELDS),
                                         RULES(STARCODER2_RULES),
                                         .prefix = "model."};
