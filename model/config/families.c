/* families.c: the table of model families: how each one's config.json and checkpoint tensors are called, and
 * what it fixes. */
#include "model/config/family.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define MEMBER(m) offsetof(gk_config, m)
/* The last: what an absent member means, by the default of the family's class in transformers 5.24; of an
 * activation that is `base`'s. NULLABLE: null means none (0; of an id -1), elsewhere it is refused, as in
 * transformers. */
#define FIELD(json, what, to, absent) \
    { .key = (json), .kind = (what), .member = MEMBER(to), .standard = (absent) }
#define NULLABLE(json, what, to, absent) \
    { .key = (json), .kind = (what), .member = MEMBER(to), .standard = (absent), .nullable = true }
#define ALIASED(json, other, to, absent) \
    { .key = (json), .alias = (other), .kind = GK_CONFIG__INT, .member = MEMBER(to), .standard = (absent) }
#define RULE(of, ...)                                                                          \
    {                                                                                          \
        .name = of, .n_parts = COUNT(((gk_component[]){__VA_ARGS__})), .part = { __VA_ARGS__ } \
    }

/* ---------------------------------------------------------------- what Llama's descendants share */

#define SIZES(vocabulary, width, ffn, layers, heads, positions)       \
    FIELD("vocab_size", GK_CONFIG__INT, vocab, vocabulary),           \
        FIELD("hidden_size", GK_CONFIG__INT, d_model, width),         \
        FIELD("intermediate_size", GK_CONFIG__INT, d_ffn, ffn),       \
        FIELD("num_hidden_layers", GK_CONFIG__INT, n_layers, layers), \
        FIELD("num_attention_heads", GK_CONFIG__INT, n_heads, heads), \
        FIELD("max_position_embeddings", GK_CONFIG__INT, max_positions, positions)
#define TIED(absent) FIELD("tie_word_embeddings", GK_CONFIG__BOOL, tied, absent)
#define IDS(bos, eos)                                     \
    NULLABLE("bos_token_id", GK_CONFIG__ID, bos_id, bos), \
        NULLABLE("eos_token_id", GK_CONFIG__IDS, eos_id, eos)
#define NO_ID (-1)
#define ACT FIELD("hidden_act", GK_CONFIG__ACT, act, 0)
#define RMS_EPS(absent) FIELD("rms_norm_eps", GK_CONFIG__NUM, norm_eps, absent)
#define ATTENTION_BIAS(absent)                                  \
    FIELD("attention_bias", GK_CONFIG__BOOL, qkv_bias, absent), \
        FIELD("attention_bias", GK_CONFIG__BOOL, o_bias, absent)
#define EMBED_RULE RULE("model.embed_tokens", GK_EMBED)
#define QKVO_RULES                                                                                \
    RULE("model.layers.#.self_attn.q_proj", GK_Q), RULE("model.layers.#.self_attn.k_proj", GK_K), \
        RULE("model.layers.#.self_attn.v_proj", GK_V), RULE("model.layers.#.self_attn.o_proj", GK_O)
#define GATED_RULES                                                                           \
    RULE("model.layers.#.mlp.gate_proj", GK_GATE), RULE("model.layers.#.mlp.up_proj", GK_UP), \
        RULE("model.layers.#.mlp.down_proj", GK_DOWN)
#define END_RULES RULE("model.norm", GK_LNF), RULE("lm_head", GK_HEAD)

static const gk_config__tensor_rule LLAMA_RULES[] = {
    EMBED_RULE,  RULE("model.layers.#.input_layernorm", GK_LN1),
    QKVO_RULES,  RULE("model.layers.#.post_attention_layernorm", GK_LN2),
    GATED_RULES, END_RULES,
};

/* ---------------------------------------------------------------- llama */

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

/* ---------------------------------------------------------------- qwen2 */

static const gk_config__field QWEN2_FIELDS[] = {
    SIZES(151936, 4096, 22016, 32, 32, 32768),
    TIED(false),
    IDS(NO_ID, NO_ID),
    NULLABLE("num_key_value_heads", GK_CONFIG__INT, n_kv_heads, 32),
    NULLABLE("head_dim", GK_CONFIG__INT, head_dim, 0),
    RMS_EPS(1e-6),
    ACT,
};

/* ---------------------------------------------------------------- olmo2: norms after attention and MLP only
 */

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
    EMBED_RULE,
    QKVO_RULES,
    RULE("model.layers.#.self_attn.q_norm", GK_Q_NORM),
    RULE("model.layers.#.self_attn.k_norm", GK_K_NORM),
    RULE("model.layers.#.post_attention_layernorm", GK_LN1_POST),
    GATED_RULES,
    RULE("model.layers.#.post_feedforward_layernorm", GK_LN2_POST),
    END_RULES,
};

/* ---------------------------------------------------------------- gemma */

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

/* ---------------------------------------------------------------- gemma2 */

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

static const gk_config__tensor_rule GEMMA2_RULES[] = {
    EMBED_RULE,
    RULE("model.layers.#.input_layernorm", GK_LN1),
    QKVO_RULES,
    RULE("model.layers.#.post_attention_layernorm", GK_LN1_POST),
    RULE("model.layers.#.pre_feedforward_layernorm", GK_LN2),
    GATED_RULES,
    RULE("model.layers.#.post_feedforward_layernorm", GK_LN2_POST),
    END_RULES,
};

/* ---------------------------------------------------------------- gpt_neox */

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

/* ---------------------------------------------------------------- gpt2 */

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

/* ---------------------------------------------------------------- the table */

#define FIELDS(of) .fields = (of), .n_fields = COUNT(of)
#define RULES(of) .rules = (of), .n_rules = COUNT(of)
#define LLAMA_LIKE .norm = GK_RMSNORM, .gated = true, .rope = true

static const gk_family FAMILIES[] = {
    {.name = "llama",
     .architecture = "LlamaForCausalLM",
     .checkpoints = "meta-llama/Llama-3.2-1B, meta-llama/Llama-3.1-8B, meta-llama/Llama-2-7b-hf, "
                    "HuggingFaceTB/SmolLM2-135M, TinyLlama/TinyLlama_v1.1, 01-ai/Yi-6B",
     .base = {LLAMA_LIKE, .pre_norm = true, .act = GK_SILU},
     .act_name = "silu",
     .theta_key = "rope_theta",
     FIELDS(LLAMA_FIELDS),
     RULES(LLAMA_RULES),
     .prefix = "model."},
    {.name = "gpt2",
     .architecture = "GPT2LMHeadModel",
     .checkpoints = "openai-community/gpt2, openai-community/gpt2-xl, distilbert/distilgpt2, ai-forever/mGPT",
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
     .prefix = "transformer."},
    {.name = "gpt_neox",
     .architecture = "GPTNeoXForCausalLM",
     .checkpoints = "EleutherAI/pythia-70m, EleutherAI/pythia-1.4b-deduped, EleutherAI/gpt-neox-20b, "
                    "stabilityai/stablelm-base-alpha-3b",
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
     .prefix = "gpt_neox."},
    {.name = "gemma",
     .architecture = "GemmaForCausalLM",
     .checkpoints = "google/gemma-2b, google/gemma-7b",
     .base = {LLAMA_LIKE, .pre_norm = true, .norm_offset = true, .act = GK_GELU_TANH, .tied = true},
     .embed_scaled = true,
     .act_name = "gelu_pytorch_tanh",
     .gelu_is_tanh = true,
     .theta_key = "rope_theta",
     FIELDS(GEMMA_FIELDS),
     RULES(LLAMA_RULES),
     .prefix = "model."},
    {.name = "gemma2",
     .architecture = "Gemma2ForCausalLM",
     .checkpoints = "google/gemma-2-2b, google/gemma-2-9b",
     .base = {LLAMA_LIKE, .pre_norm = true, .post_norm = true, .norm_offset = true, .act = GK_GELU_TANH,
              .query_scale = 256, .window = 4096, .tied = true},
     .embed_scaled = true,
     .act_name = "gelu_pytorch_tanh",
     .theta_key = "rope_theta",
     FIELDS(GEMMA2_FIELDS),
     RULES(GEMMA2_RULES),
     .prefix = "model."},
    {.name = "qwen2",
     .architecture = "Qwen2ForCausalLM",
     .checkpoints = "Qwen/Qwen2.5-0.5B, Qwen/Qwen2-1.5B, Qwen/Qwen1.5-1.8B",
     .base = {LLAMA_LIKE, .pre_norm = true, .act = GK_SILU, .qkv_bias = true},
     .act_name = "silu",
     .theta_key = "rope_theta",
     .switched_window = true,
     FIELDS(QWEN2_FIELDS),
     RULES(LLAMA_RULES),
     .prefix = "model."},
    {.name = "olmo2",
     .architecture = "Olmo2ForCausalLM",
     .checkpoints = "allenai/OLMo-2-0425-1B, allenai/OLMo-2-1124-7B",
     .base = {LLAMA_LIKE, .post_norm = true, .qk_norm = true, .act = GK_SILU},
     .act_name = "silu",
     .theta_key = "rope_theta",
     FIELDS(OLMO2_FIELDS),
     RULES(OLMO2_RULES),
     .prefix = "model."},
};

const gk_family *gk_family_find(const char *name) {
    for (size_t i = 0; i < COUNT(FAMILIES); i++)
        if (strcmp(name, FAMILIES[i].name) == 0) return &FAMILIES[i];
    return NULL;
}

const char *gk_family_name(const gk_family *f) {
    return f->name;
}

const char *gk_family_checkpoints(const gk_family *f) {
    return f->checkpoints;
}

bool gk_family_fuses_qkv(const gk_family *f) {
    for (size_t i = 0; i < f->n_rules; i++)
        if (f->rules[i].n_parts > 1 && f->rules[i].part[0] == GK_Q) return true;
    return false;
}

const gk_family *gk_family_at(size_t i) {
    return i < COUNT(FAMILIES) ? &FAMILIES[i] : NULL;
}

static char list[16 * COUNT(FAMILIES)]; /* of all names, once somebody asked */

static void make_list(void) {
    size_t len = 0;
    for (size_t i = 0; i < COUNT(FAMILIES); i++)
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", i ? ", " : "", FAMILIES[i].name);
}

const char *gk_family_list(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_list);
    return list;
}
