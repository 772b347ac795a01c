/* rows_gpt_neox.c: the rows of GPT-NeoX: Pythia. */
#include "model/config/rows.h"

static const gk_config__field NEOX_FIELDS[] = {
    SIZES(50432, 6144, 24576, 44, 64, 2048),
    TIED(false),
    IDS(0, 2),
    NULLABLE("head_dim", GK_CONFIG__INT, head_dim, 0), /* no key of its class, but its angles look for it */
    FIELD("layer_norm_eps", GK_CONFIG__NUM, norm_eps, 1e-5),
    ACT,
    FIELD("use_parallel_residual", GK_CONFIG__BOOL, parallel, true),
    ATTENTION_BIAS(true),
};

static const gk_config__tensor_rule NEOX_RULES[] = {
    RULE("gpt_neox.embed_in", GK_EMBED),
    RULE("gpt_neox.layers.#.input_layernorm", GK_LN1),
    {.name = "gpt_neox.layers.#.attention.query_key_value",
     .n_parts = 3,
     .part = {GK_Q, GK_K, GK_V},
     .by_head = true},
    RULE("gpt_neox.layers.#.attention.dense", GK_O),
    RULE("gpt_neox.layers.#.post_attention_layernorm", GK_LN2),
    RULE("gpt_neox.layers.#.mlp.dense_h_to_4h", GK_UP),
    RULE("gpt_neox.layers.#.mlp.dense_4h_to_h", GK_DOWN),
    RULE("gpt_neox.final_layer_norm", GK_LNF),
    RULE("embed_out", GK_HEAD),
};

const gk_family gk_config__gpt_neox = {.name = "gpt_neox",
                                       .architecture = "GPTNeoXForCausalLM",
                                       .checkpoints =
                                           "EleutherAI/pythia-70m, EleutherAI/pythia-1.4b-deduped, "
                                           "EleutherAI/gpt-neox-20b, stabilityai/stablelm-base-alpha-3b",
                                       .base = {.norm = GK_LAYERNORM,
                                                .pre_norm = true,
                                                .rope = true,
                                                .parallel = true,
                                                .act = GK_GELU,
                                                .qkv_bias = true,
                                                .o_bias = true,
                                                .mlp_bias = true},
                                       .plain_heads = true,
                                       .act_name = "gelu",
                                       .theta_key = "rotary_emb_base",
                                       .rotary_key = "rotary_pct",
                                       .rotary_default = 0.25,
                                       FIELDS(NEOX_FIELDS),
                                       RULES(NEOX_RULES),
                                       .head_alias = "lm_head",
                                       .prefix = "gpt_neox."};
