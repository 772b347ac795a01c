/* rows_gemma.c: the rows of Gemma 1 to 3. */
#include "model/config/rows.h"

static const gk_config__field GEMMA_FIELDS[] = {
    SIZES(256000, 3072, 24576, 28, 16, 8192),
    TIED(true),
    IDS(2, 1),
    FIELD("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 16),
    FIELD("head_dim", GK_CONFIG__INT, head_dim, 256),
    RMS_EPS(1e-6),
    ACT,
    ATTENTION_BIAS(false),
};

const gk_family gk_config__gemma = {
    .name = "gemma",
    .architecture = "GemmaForCausalLM",
    .checkpoints = "google/gemma-2b, google/gemma-7b",
    .base = {LLAMA_LIKE, .pre_norm = true, .norm_offset = true, .act = GK_GELU_TANH, .tied = true},
    .embed_scaled = true,
    .act_name = "gelu_pytorch_tanh",
    .gelu_is_tanh = true,
    .theta_key = "rope_theta",
    FIELDS(GEMMA_FIELDS),
    LLAMA_RULES,
    .prefix = "model."};

static const gk_config__field GEMMA2_FIELDS[] = {
    SIZES(256000, 2304, 9216, 26, 8, 8192),
    TIED(true),
    IDS(2, 1),
    FIELD("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 4),
    FIELD("head_dim", GK_CONFIG__INT, head_dim, 256),
    RMS_EPS(1e-6),
    FIELD("hidden_activation", GK_CONFIG__ACT, act, 0),
    ATTENTION_BIAS(false),
    FIELD("query_pre_attn_scalar", GK_CONFIG__NUM, query_scale, 256),
    NULLABLE("attn_logit_softcapping", GK_CONFIG__CAP, attn_softcap, 50),
    NULLABLE("final_logit_softcapping", GK_CONFIG__CAP, final_softcap, 30),
    NULLABLE("sliding_window", GK_CONFIG__INT, window, 4096),
};

/* Of Gemma 3 too, which alone norms queries and keys. */
static const gk_config__tensor_rule GEMMA2_RULES[] = {
    EMBED_RULE,
    RULE("model.layers.#.input_layernorm", GK_LN1),
    QKVO_RULES,
    QK_NORM_RULES,
    RULE("model.layers.#.post_attention_layernorm", GK_LN1_POST),
    RULE("model.layers.#.pre_feedforward_layernorm", GK_LN2),
    GATED_RULES,
    RULE("model.layers.#.post_feedforward_layernorm", GK_LN2_POST),
    END_RULES,
};

const gk_family gk_config__gemma2 = {.name = "gemma2",
                                     .architecture = "Gemma2ForCausalLM",
                                     .checkpoints = "google/gemma-2-2b, google/gemma-2-9b",
                                     .base = {LLAMA_LIKE, .pre_norm = true, .post_norm = true,
                                              .norm_offset = true, .act = GK_GELU_TANH, .query_scale = 256,
                                              .window = 4096, .tied = true},
                                     .window_period = 2,
                                     .layer_types = true,
                                     .embed_scaled = true,
                                     .act_name = "gelu_pytorch_tanh",
                                     .theta_key = "rope_theta",
                                     FIELDS(GEMMA2_FIELDS),
                                     RULES(GEMMA2_RULES),
                                     .prefix = "model."};

static const gk_config__field GEMMA3_FIELDS[] = {
    SIZES(262208, 2304, 9216, 26, 8, 131072),
    TIED(true),
    IDS(2, 1),
    FIELD("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 4),
    FIELD("head_dim", GK_CONFIG__INT, head_dim, 256),
    RMS_EPS(1e-6),
    FIELD("hidden_activation", GK_CONFIG__ACT, act, 0),
    ATTENTION_BIAS(false),
    FIELD("query_pre_attn_scalar", GK_CONFIG__NUM, query_scale, 256),
    NULLABLE("final_logit_softcapping", GK_CONFIG__CAP, final_softcap, 0),
    NULLABLE("sliding_window", GK_CONFIG__INT, window, 4096),
};

const gk_family gk_config__gemma3_text = {
    .name = "gemma3_text",
    .architecture = "Gemma3ForCausalLM",
    .checkpoints = "google/gemma-3-1b-pt, google/gemma-3-270m",
    .base = {LLAMA_LIKE, .pre_norm = true, .post_norm = true, .norm_offset = true, .qk_norm = GK_QK_BY_HEAD,
             .act = GK_GELU_TANH, .query_scale = 256, .window = 4096, .rotary_apart = true, .tied = true},
    .window_period = 6,
    .period_key = "sliding_window_pattern",
    .layer_types = true,
    .embed_scaled = true,
    .act_name = "gelu_pytorch_tanh",
    .theta_key = "rope_theta",
    .theta_window_key = "rope_local_base_freq",
    .theta = 1e6,
    .theta_window = 1e4,
    FIELDS(GEMMA3_FIELDS),
    RULES(GEMMA2_RULES),
    .prefix = "model."};
