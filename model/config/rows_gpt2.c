/* rows_gpt2.c: the rows of GPT-2 and GPT-Neo. */
#include "model/config/rows.h"

static const gk_config__field GPT2_FIELDS[] = {
    FIELD("vocab_size", GK_CONFIG__INT, vocab, 50257),
    ALIASED("n_embd", "hidden_size", d_model, 768),
    NULLABLE("n_inner", GK_CONFIG__INT, d_ffn, 0),
    ALIASED("n_layer", "num_hidden_layers", n_layers, 12),
    ALIASED("n_head", "num_attention_heads", n_heads, 12),
    ALIASED("n_positions", "max_position_embeddings", max_positions, 1024),
    FIELD("layer_norm_epsilon", GK_CONFIG__NUM, norm_eps, 1e-5),
    TIED(true),
    IDS(50256, 50256),
    FIELD("activation_function", GK_CONFIG__ACT, act, 0),
    FIELD("scale_attn_by_inverse_layer_idx", GK_CONFIG__BOOL, scores_by_layer, false),
};

static const gk_config__tensor_rule GPT2_RULES[] = {
    RULE("transformer.wte", GK_EMBED),
    RULE("transformer.wpe", GK_POS),
    RULE("transformer.h.#.ln_1", GK_LN1),
    {.name = "transformer.h.#.attn.c_attn", .n_parts = 3, .part = {GK_Q, GK_K, GK_V}, .transposed = true},
    {.name = "transformer.h.#.attn.c_proj", .n_parts = 1, .part = {GK_O}, .transposed = true},
    RULE("transformer.h.#.ln_2", GK_LN2),
    {.name = "transformer.h.#.mlp.c_fc", .n_parts = 1, .part = {GK_UP}, .transposed = true},
    {.name = "transformer.h.#.mlp.c_proj", .n_parts = 1, .part = {GK_DOWN}, .transposed = true},
    RULE("transformer.ln_f", GK_LNF),
    RULE("lm_head", GK_HEAD),
};

const gk_family gk_config__gpt2 = {
    .name = "gpt2",
    .architecture = "GPT2LMHeadModel",
    .checkpoints = "openai-community/gpt2, openai-community/gpt2-xl, distilbert/distilgpt2, ai-forever/mGPT, "
                   "stanford-crfm/alias-gpt2-small-x21",
    .base = {.norm = GK_LAYERNORM,
             .pre_norm = true,
             .act = GK_GELU_TANH,
             .qkv_bias = true,
             .o_bias = true,
             .mlp_bias = true,
             .tied = true},
    .plain_heads = true,
    .act_name = "gelu_new",
    FIELDS(GPT2_FIELDS),
    RULES(GPT2_RULES),
    .prefix = "transformer."};

static const gk_config__field GPT_NEO_FIELDS[] = {
    FIELD("vocab_size", GK_CONFIG__INT, vocab, 50257),
    FIELD("hidden_size", GK_CONFIG__INT, d_model, 2048),
    NULLABLE("intermediate_size", GK_CONFIG__INT, d_ffn, 0),
    ALIASED("num_layers", "num_hidden_layers", n_layers, 24),
    ALIASED("num_heads", "num_attention_heads", n_heads, 16),
    FIELD("max_position_embeddings", GK_CONFIG__INT, max_positions, 2048),
    FIELD("window_size", GK_CONFIG__INT, window, 256),
    FIELD("layer_norm_epsilon", GK_CONFIG__NUM, norm_eps, 1e-5),
    TIED(true),
    IDS(50256, 50256),
    FIELD("activation_function", GK_CONFIG__ACT, act, 0),
};

static const gk_config__tensor_rule GPT_NEO_RULES[] = {
    RULE("transformer.wte", GK_EMBED),
    RULE("transformer.wpe", GK_POS),
    RULE("transformer.h.#.ln_1", GK_LN1),
    RULE("transformer.h.#.attn.attention.q_proj", GK_Q),
    RULE("transformer.h.#.attn.attention.k_proj", GK_K),
    RULE("transformer.h.#.attn.attention.v_proj", GK_V),
    RULE("transformer.h.#.attn.attention.out_proj", GK_O),
    RULE("transformer.h.#.ln_2", GK_LN2),
    RULE("transformer.h.#.mlp.c_fc", GK_UP),
    RULE("transformer.h.#.mlp.c_proj", GK_DOWN),
    RULE("transformer.ln_f", GK_LNF),
    RULE("lm_head", GK_HEAD),
};

const gk_family gk_config__gpt_neo = {
    .name = "gpt_neo",
    .architecture = "GPTNeoForCausalLM",
    .checkpoints = "EleutherAI/gpt-neo-125m, EleutherAI/gpt-neo-1.3B, roneneldan/TinyStories-33M",
    .base = {.norm = GK_LAYERNORM,
             .pre_norm = true,
             .act = GK_GELU_TANH,
             .query_scale = 1,
             .window = 256,
             .o_bias = true,
             .mlp_bias = true,
             .tied = true},
    .plain_heads = true,
    .act_name = "gelu_new",
    .window_period = 2,
    .attention_types = true,
    FIELDS(GPT_NEO_FIELDS),
    RULES(GPT_NEO_RULES),
    .prefix = "transformer."};
