/* rows_olmo.c: the rows of OLMo. */
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
