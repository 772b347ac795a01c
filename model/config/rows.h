/* rows.h: what the rows of the family table are written with; each rows_NAME.c has the rows of one
 * kin. Internal to model/config/. */
#ifndef GK_MODEL_ROWS_H
#define GK_MODEL_ROWS_H

#include "model/config/family.h"

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
#define QK_NORM_RULES \
    RULE("model.layers.#.self_attn.q_norm", GK_Q_NORM), RULE("model.layers.#.self_attn.k_norm", GK_K_NORM)
#define GATED_RULES                                                                           \
    RULE("model.layers.#.mlp.gate_proj", GK_GATE), RULE("model.layers.#.mlp.up_proj", GK_UP), \
        RULE("model.layers.#.mlp.down_proj", GK_DOWN)
#define END_RULES RULE("model.norm", GK_LNF), RULE("lm_head", GK_HEAD)

#define FIELDS(of) .fields = (of), .n_fields = COUNT(of)
#define RULES(of) .rules = (of), .n_rules = COUNT(of)
#define LLAMA_LIKE .norm = GK_RMSNORM, .gated = true, .rope = true

/* Llama's names, which most have; a family with fewer tensors has no component for the others. */
extern const gk_config__tensor_rule gk_config__llama_rules[];
enum { GK_CONFIG__N_LLAMA_RULES = 14 };
#define LLAMA_RULES .rules = gk_config__llama_rules, .n_rules = GK_CONFIG__N_LLAMA_RULES

#endif
