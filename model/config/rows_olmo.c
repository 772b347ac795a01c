/* rows_olmo.c: the rows of OLMo 2 and 3, and of EXAONE 4, whose blocks are like theirs. */
#include "model/config/rows.h"

static const gk_config__field OLMO2_FIELDS[] = {
    SIZES(50304, 4096, 11008, 32, 32, 2048),
    TIED(false),
    IDS(NO_ID, 50279),
    NULLABLE("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 0),
    NULLABLE("head_dim", GK_CONFIG__INT, head_dim, 0),
    RMS_EPS(1e-5),
    ACT,
    ATTENTION_BIAS(false),
};

static const gk_config__tensor_rule OLMO2_RULES[] = {
    EMBED_RULE,    QKVO_RULES,
    QK_NORM_RULES, RULE("model.layers.#.post_attention_layernorm", GK_LN1_POST),
    GATED_RULES,   RULE("model.layers.#.post_feedforward_layernorm", GK_LN2_POST),
    END_RULES,
};

const gk_family gk_config__olmo2 = {
    .name = "olmo2",
    .architecture = "Olmo2ForCausalLM",
    .checkpoints = "allenai/OLMo-2-0425-1B, allenai/OLMo-2-1124-7B",
    .base = {LLAMA_LIKE, .post_norm = true, .qk_norm = GK_QK_TOGETHER, .act = GK_SILU},
    .act_name = "silu",
    .theta_key = "rope_theta",
    FIELDS(OLMO2_FIELDS),
    RULES(OLMO2_RULES),
    .prefix = "model."};

static const gk_config__field OLMO3_FIELDS[] = {
    SIZES(50304, 4096, 11008, 32, 32, 2048),
    TIED(false),
    IDS(NO_ID, 50279),
    NULLABLE("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 0),
    NULLABLE("head_dim", GK_CONFIG__INT, head_dim, 0),
    RMS_EPS(1e-5),
    ACT,
    ATTENTION_BIAS(false),
    NULLABLE("sliding_window", GK_CONFIG__INT, window, 4096),
};

/* In the older layout the layers with a window do not have its rope_theta. */
const gk_family gk_config__olmo3 = {.name = "olmo3",
                                    .architecture = "Olmo3ForCausalLM",
                                    .checkpoints = "allenai/Olmo-3-1025-7B",
                                    .base = {LLAMA_LIKE, .post_norm = true, .qk_norm = GK_QK_TOGETHER,
                                             .act = GK_SILU, .window = 4096, .rotary_apart = true},
                                    .act_name = "silu",
                                    .theta_key = "rope_theta",
                                    .theta = 5e5,
                                    .theta_window = 5e5,
                                    .window_period = 4,
                                    .layer_types = true,
                                    FIELDS(OLMO3_FIELDS),
                                    RULES(OLMO2_RULES),
                                    .prefix = "model."};

static const gk_config__field EXAONE4_FIELDS[] = {
    SIZES(102400, 4096, 16384, 32, 32, 2048),
    TIED(false),
    IDS(0, 2),
    FIELD("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 32),
    NULLABLE("head_dim", GK_CONFIG__INT, head_dim, 0),
    RMS_EPS(1e-5),
    ACT,
    NULLABLE("sliding_window", GK_CONFIG__INT, window, 4096),
};

const gk_family gk_config__exaone4 = {
    .name = "exaone4",
    .architecture = "Exaone4ForCausalLM",
    .checkpoints = "LGAI-EXAONE/EXAONE-4.0-1.2B, LGAI-EXAONE/EXAONE-4.0-32B",
    .base = {LLAMA_LIKE, .post_norm = true, .qk_norm = GK_QK_BY_HEAD, .act = GK_SILU, .window = 4096},
    .act_name = "silu",
    .theta_key = "rope_theta",
    .window_period = 4,
    .period_key = "sliding_window_pattern",
    .layer_types = true,
    .rotates_windows = true,
    FIELDS(EXAONE4_FIELDS),
    RULES(OLMO2_RULES),
    .prefix = "model."};
