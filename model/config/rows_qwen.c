/* rows_qwen.c: the rows of Qwen 2, 2.5 and 3. */
#include "model/config/rows.h"

static const gk_config__field QWEN2_FIELDS[] = {
    SIZES(151936, 4096, 22016, 32, 32, 32768),
    TIED(false),
    IDS(NO_ID, NO_ID),
    NULLABLE("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 32),
    NULLABLE("head_dim", GK_CONFIG__INT, head_dim, 0),
    RMS_EPS(1e-6),
    ACT,
    NULLABLE("sliding_window", GK_CONFIG__INT, window, 4096),
};

const gk_family gk_config__qwen2 = {.name = "qwen2",
                                    .architecture = "Qwen2ForCausalLM",
                                    .checkpoints = "Qwen/Qwen2.5-0.5B, Qwen/Qwen2-1.5B, Qwen/Qwen1.5-1.8B",
                                    .base = {LLAMA_LIKE, .pre_norm = true, .act = GK_SILU, .qkv_bias = true},
                                    .act_name = "silu",
                                    .theta_key = "rope_theta",
                                    .window_period = GK_CONFIG__ALL_LAYERS,
                                    .layer_types = true,
                                    .switched_window = true,
                                    .window_from = 28,
                                    FIELDS(QWEN2_FIELDS),
                                    LLAMA_RULES,
                                    .prefix = "model."};

static const gk_config__field QWEN3_FIELDS[] = {
    SIZES(151936, 4096, 22016, 32, 32, 32768),
    TIED(false),
    IDS(NO_ID, NO_ID),
    NULLABLE("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 32),
    FIELD("head_dim", GK_CONFIG__INT, head_dim, 128),
    RMS_EPS(1e-6),
    ACT,
    ATTENTION_BIAS(false),
    NULLABLE("sliding_window", GK_CONFIG__INT, window, 4096),
};

const gk_family gk_config__qwen3 = {
    .name = "qwen3",
    .architecture = "Qwen3ForCausalLM",
    .checkpoints = "Qwen/Qwen3-0.6B, Qwen/Qwen3-1.7B, Qwen/Qwen3-8B",
    .base = {LLAMA_LIKE, .pre_norm = true, .qk_norm = GK_QK_BY_HEAD, .act = GK_SILU},
    .act_name = "silu",
    .theta_key = "rope_theta",
    .window_period = GK_CONFIG__ALL_LAYERS,
    .layer_types = true,
    .switched_window = true,
    .window_from = 28,
    FIELDS(QWEN3_FIELDS),
    LLAMA_RULES,
    .prefix = "model."};
