/* config.h (model): what a model is made of: its components, and the configuration that shapes them.
 *
 * Shapes are written [rows x columns], row-major fp32. "n" rows are tokens; d = d_model, q_dim =
 * n_heads*head_dim, kv_dim = n_kv_heads*head_dim, f = d_ffn, V = vocab.
 *
 * Example:
 *     gk_config c;
 *     gk_config_default(gk_family_find("llama"), 2000, &c);
 *     c.n_layers = 2;
 *     if (!gk_config_check(&c, GK_NOWHERE, err)) return false;
 *     for (int i = 0; i < GK_N_COMPONENTS; i++)
 *         if (gk_config_has(&c, (gk_component)i)) printf("%s ", gk_component_name((gk_component)i));
 *     return true;
 */
#ifndef GRAFTKIT_MODEL_CONFIG_H
#define GRAFTKIT_MODEL_CONFIG_H

#include "graftkit/core/error.h"

#include <stdint.h>

GK_PUBLIC_BEGIN

/* ---------------------------------------------------------------- components */

/* The names used everywhere: code, command line, schemes, files, report. Layer-less ones have layer -1. Which
 * of them a model has follows from its configuration (gk_config_has). */
/* clang-format off */
#define GK_COMPONENTS(X)                                                                                    \
    X(EMBED, embed) X(POS, pos)                                                                             \
    X(LN1, ln1) X(Q, q) X(K, k) X(V, v) X(Q_NORM, q_norm) X(K_NORM, k_norm) X(O, o) X(LN1_POST, ln1_post)   \
    X(LN2, ln2) X(GATE, gate) X(UP, up) X(DOWN, down) X(LN2_POST, ln2_post)                                 \
    X(LNF, lnf) X(HEAD, head)
/* clang-format on */
typedef enum gk_component {
#define X(upper, lower) GK_##upper,
    GK_COMPONENTS(X)
#undef X
        GK_N_COMPONENTS
} gk_component;

const char *gk_component_name(gk_component c);                /* "q_norm"; static */
bool gk_component_parse(const char *name, gk_component *out); /* false: there is none of that name */
bool gk_component_in_layer(gk_component c); /* ln1 … ln2_post: true; embed, pos, lnf, head: false */
bool gk_component_is_norm(gk_component c);

/* ---------------------------------------------------------------- configuration */

typedef enum gk_norm_kind { GK_LAYERNORM, GK_RMSNORM } gk_norm_kind;
typedef enum gk_act_kind { GK_GELU, GK_GELU_TANH, GK_SILU, GK_RELU } gk_act_kind;
typedef enum gk_rope_kind { GK_ROPE_PLAIN, GK_ROPE_LINEAR, GK_ROPE_LLAMA3 } gk_rope_kind;

/* Whether queries and keys are normed: no; all heads of a token together (OLMo 2); each head by itself, by
 * one vector of weights for all of them (Qwen 3). */
typedef enum gk_qk_norm { GK_QK_PLAIN, GK_QK_TOGETHER, GK_QK_BY_HEAD } gk_qk_norm;

typedef struct gk_family gk_family; /* a row of the family table */

/* Rotary positions: `factor` of linear and llama3; low, high: llama3's frequency factors; original: the
 * positions the model was first trained on (llama3). */
typedef struct gk_rotary {
    float theta;
    gk_rope_kind kind;
    float factor, low, high;
    int original;
} gk_rotary;

enum { GK_MOST_LAYERS = 1024 };
typedef struct gk_layer_set { /* a bit a layer */
    uint64_t word[GK_MOST_LAYERS / 64];
} gk_layer_set;
static inline bool gk_layer_in(const gk_layer_set *s, int layer) {
    return s->word[layer / 64] >> layer % 64 & 1u;
}
static inline void gk_layer_put(gk_layer_set *s, int layer, bool in) {
    s->word[layer / 64] = (s->word[layer / 64] & ~((uint64_t)1 << layer % 64)) | (uint64_t)in << layer % 64;
}

enum { GK_MOST_IDS = 16 };
typedef struct gk_id_list {
    int n, id[GK_MOST_IDS];
} gk_id_list;

/* A block is x + attention(ln1 x), then y + mlp(ln2 y); variations are members below. */
typedef struct gk_config {
    const gk_family *family;
    int vocab, d_model, n_layers, n_heads, n_kv_heads, head_dim, d_ffn;
    int max_positions; /* longest sequence; learned positions have this many rows */
    gk_norm_kind norm;
    float norm_eps;
    bool norm_offset; /* norms multiply by 1 + their weight (Gemma) */
    bool pre_norm,
        post_norm;      /* ln1, ln2 on what attention and MLP read; ln1_post, ln2_post on what they add */
    gk_qk_norm qk_norm; /* q_norm, k_norm before the rotation */
    bool parallel;      /* the MLP reads the block's input, not attention's output (GPT-NeoX) */
    gk_act_kind act;
    bool gated;       /* the MLP is act(gate) * up, else act(up) */
    bool rope;        /* rotary positions (half-split pairs, as in Hugging Face); else learned (`pos`) */
    int rotary_dim;   /* leading dimensions of a head that are rotated; 0: all */
    gk_rotary rotary; /* of every layer; where `rotary_apart`, of those without a window */
    gk_rotary rotary_window; /* of those with one */
    bool rotary_apart;
    gk_layer_set unrotated;            /* layers without rotary positions */
    bool qkv_bias, o_bias, mlp_bias;   /* LayerNorm has a bias always, RMSNorm never */
    float embed_scale;                 /* multiplies the embeddings; 1: none */
    float query_scale;                 /* scores are q.k / sqrt(this); 0: head_dim */
    bool scores_by_layer;              /* and divided by the layer's number, from 1 on (CRFM's GPT-2) */
    float attn_softcap, final_softcap; /* scores, logits become cap * tanh(x / cap); 0: none */
    int window;                        /* `windowed` layers see only the latest this many rows; 0: all */
    gk_layer_set windowed;
    bool tied; /* head is embed */
    /* -1: none. What a tokenizer must know; they may lie beyond the vocabulary, and then name no token. */
    int bos_id, eos_id;
    gk_id_list more_eos; /* config.json may list several: those after eos_id */
    gk_id_list ends;     /* what generation_config.json has in place of them; none: it says nothing */
} gk_config;

/* Whether this layer sees the latest `window` rows only; whether it turns queries and keys by their
 * positions. */
static inline bool gk_config_windowed(const gk_config *c, int layer) {
    return c->window > 0 && gk_layer_in(&c->windowed, layer);
}
static inline bool gk_config_rotated(const gk_config *c, int layer) {
    return c->rope && !gk_layer_in(&c->unrotated, layer);
}
/* By Hugging Face's model_type; NULL if unknown. */
const gk_family *gk_family_find(const char *name);
const char *gk_family_name(const gk_family *f); /* its model_type; static */
/* Checkpoints of it that people use, by their names on Hugging Face, with ", " between; static. */
const char *gk_family_checkpoints(const gk_family *f);
bool gk_family_fuses_qkv(const gk_family *f); /* its checkpoints have q, k and v of a layer in one tensor */
const gk_family *gk_family_at(size_t i);      /* in the table's order; NULL behind the last */
const char *gk_family_list(void);             /* "llama, gpt2, …" for messages */
/* Model families that are known and not built: their model_types with blanks between, and what they would
 * need. NULL behind the last; static. */
typedef struct gk_unbuilt {
    const char *names, *lacks;
} gk_unbuilt;
const gk_unbuilt *gk_unbuilt_at(size_t i);
/* The from-scratch recipe's shape for a family: d 128, 6 layers, 4 heads; a gated MLP of 341, another of 512.
 */
void gk_config_default(const gk_family *f, int vocab, gk_config *out);
/* Sets what follows from the sizes of a model made from scratch: head_dim = d / n_heads (> 0), and where the
 * family has them the rotated part of a head and the scales of embeddings and scores. */
void gk_config_derive(gk_config *c);
/* Consistent, positive and within sane bounds (no product overflows); `at` names the file for messages. */
bool gk_config_check(const gk_config *c, gk_place at, gk_error *err);
/* Whether a model of this configuration has weights of that component (a tied head, which is embed, too). */
bool gk_config_has(const gk_config *c, gk_component comp);
/* All ids that end a generated text, as transformers takes them: generation_config.json's where it has any,
 * else config.json's. Of a GGUF file: end of text, of turn and of message. */
gk_id_list gk_config_ends(const gk_config *c);
/* Same architecture and shapes: may be grafted. */
bool gk_config_same(const gk_config *a, const gk_config *b);
typedef struct gk_config_diff {
    const char *field; /* as config.json calls it where it does (static) */
    char a[32], b[32]; /* both values */
} gk_config_diff;
/* The opposite of gk_config_same, and the first member that differs; `out` may be NULL. */
bool gk_config_difference(const gk_config *a, const gk_config *b, gk_config_diff *out);
const char *gk_act_name(gk_act_kind act);    /* "gelu_tanh", … */
const char *gk_rope_name(gk_rope_kind kind); /* "plain", … */

GK_PUBLIC_END

#endif
