/* config.c: component names, the table of model families, and what makes a configuration valid. */
#include "model/family.h"

#include <math.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define MEMBER(m) offsetof(gk_config, m)

/* ---------------------------------------------------------------- components */

static const char *const COMPONENT_NAMES[] = {
#define X(upper, lower) [GK_##upper] = #lower,
    GK_COMPONENTS(X)
#undef X
};

const char *gk_component_name(gk_component c) {
    return c >= 0 && c < GK_N_COMPONENTS ? COMPONENT_NAMES[c] : "?";
}

bool gk_component_parse(const char *name, gk_component *out) {
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        if (strcmp(name, COMPONENT_NAMES[i]) != 0) continue;
        *out = (gk_component)i;
        return true;
    }
    return false;
}

bool gk_component_in_layer(gk_component c) {
    return c >= GK_LN1 && c <= GK_DOWN;
}

bool gk__component_is_norm(gk_component c) {
    return c == GK_LN1 || c == GK_LN2 || c == GK_LNF;
}

/* ---------------------------------------------------------------- llama */

static const gk__field LLAMA_FIELDS[] = {
    {.key = "vocab_size", .kind = GK__INT, .member = MEMBER(vocab)},
    {.key = "hidden_size", .kind = GK__INT, .member = MEMBER(d_model)},
    {.key = "intermediate_size", .kind = GK__INT, .member = MEMBER(d_ffn)},
    {.key = "num_hidden_layers", .kind = GK__INT, .member = MEMBER(n_layers)},
    {.key = "num_attention_heads", .kind = GK__INT, .member = MEMBER(n_heads)},
    {.key = "num_key_value_heads", .kind = GK__INT, .member = MEMBER(n_kv_heads), .optional = true},
    {.key = "head_dim", .kind = GK__INT, .member = MEMBER(head_dim), .optional = true},
    {.key = "max_position_embeddings", .kind = GK__INT, .member = MEMBER(max_positions)},
    {.key = "rms_norm_eps", .kind = GK__NUM, .member = MEMBER(norm_eps)},
    {.key = "tie_word_embeddings", .kind = GK__BOOL, .member = MEMBER(tied), .optional = true},
    {.key = "bos_token_id", .kind = GK__ID, .member = MEMBER(bos_id)},
    {.key = "eos_token_id", .kind = GK__ID, .member = MEMBER(eos_id)},
    {.key = "hidden_act", .kind = GK__FIXED, .value = "\"silu\""},
    {.key = "attention_bias", .kind = GK__FIXED, .value = "false"},
    {.key = "mlp_bias", .kind = GK__FIXED, .value = "false"},
};

static const gk__rule LLAMA_RULES[] = {
    {.name = "model.embed_tokens", .n_parts = 1, .part = {GK_EMBED}},
    {.name = "model.layers.#.input_layernorm", .n_parts = 1, .part = {GK_LN1}},
    {.name = "model.layers.#.self_attn.q_proj", .n_parts = 1, .part = {GK_Q}},
    {.name = "model.layers.#.self_attn.k_proj", .n_parts = 1, .part = {GK_K}},
    {.name = "model.layers.#.self_attn.v_proj", .n_parts = 1, .part = {GK_V}},
    {.name = "model.layers.#.self_attn.o_proj", .n_parts = 1, .part = {GK_O}},
    {.name = "model.layers.#.post_attention_layernorm", .n_parts = 1, .part = {GK_LN2}},
    {.name = "model.layers.#.mlp.gate_proj", .n_parts = 1, .part = {GK_GATE}},
    {.name = "model.layers.#.mlp.up_proj", .n_parts = 1, .part = {GK_UP}},
    {.name = "model.layers.#.mlp.down_proj", .n_parts = 1, .part = {GK_DOWN}},
    {.name = "model.norm", .n_parts = 1, .part = {GK_LNF}},
    {.name = "lm_head", .n_parts = 1, .part = {GK_HEAD}},
};

static const char *const LLAMA_BUFFERS[] = {"model.layers.#.self_attn.rotary_emb.inv_freq",
                                            "model.rotary_emb.inv_freq", NULL};

/* ---------------------------------------------------------------- gpt2 */

static const gk__field GPT2_FIELDS[] = {
    {.key = "vocab_size", .kind = GK__INT, .member = MEMBER(vocab)},
    {.key = "n_embd", .kind = GK__INT, .member = MEMBER(d_model)},
    {.key = "n_inner", .kind = GK__INT, .member = MEMBER(d_ffn), .optional = true},
    {.key = "n_layer", .kind = GK__INT, .member = MEMBER(n_layers)},
    {.key = "n_head", .kind = GK__INT, .member = MEMBER(n_heads)},
    {.key = "n_positions", .kind = GK__INT, .member = MEMBER(max_positions)},
    {.key = "layer_norm_epsilon", .kind = GK__NUM, .member = MEMBER(norm_eps)},
    {.key = "tie_word_embeddings", .kind = GK__BOOL, .member = MEMBER(tied), .optional = true},
    {.key = "bos_token_id", .kind = GK__ID, .member = MEMBER(bos_id)},
    {.key = "eos_token_id", .kind = GK__ID, .member = MEMBER(eos_id)},
    {.key = "activation_function", .kind = GK__FIXED, .value = "\"gelu_new\""},
    {.key = "scale_attn_weights", .kind = GK__FIXED, .value = "true"},
    {.key = "scale_attn_by_inverse_layer_idx", .kind = GK__FIXED, .value = "false"},
    {.key = "add_cross_attention", .kind = GK__FIXED, .value = "false"},
};

static const gk__rule GPT2_RULES[] = {
    {.name = "transformer.wte", .n_parts = 1, .part = {GK_EMBED}},
    {.name = "transformer.wpe", .n_parts = 1, .part = {GK_POS}},
    {.name = "transformer.h.#.ln_1", .n_parts = 1, .part = {GK_LN1}},
    {.name = "transformer.h.#.attn.c_attn", .n_parts = 3, .part = {GK_Q, GK_K, GK_V}, .transposed = true},
    {.name = "transformer.h.#.attn.c_proj", .n_parts = 1, .part = {GK_O}, .transposed = true},
    {.name = "transformer.h.#.ln_2", .n_parts = 1, .part = {GK_LN2}},
    {.name = "transformer.h.#.mlp.c_fc", .n_parts = 1, .part = {GK_UP}, .transposed = true},
    {.name = "transformer.h.#.mlp.c_proj", .n_parts = 1, .part = {GK_DOWN}, .transposed = true},
    {.name = "transformer.ln_f", .n_parts = 1, .part = {GK_LNF}},
    {.name = "lm_head", .n_parts = 1, .part = {GK_HEAD}},
};

static const char *const GPT2_BUFFERS[] = {"transformer.h.#.attn.bias", "transformer.h.#.attn.masked_bias",
                                           NULL};

/* ---------------------------------------------------------------- the table */

static const char FAMILY_LIST[] = "llama, gpt2";
static const gk_family FAMILIES[] = {
    {.name = "llama",
     .architecture = "LlamaForCausalLM",
     .norm = GK_RMSNORM,
     .mlp = GK_MLP_SWIGLU,
     .rope = true,
     .fields = LLAMA_FIELDS,
     .n_fields = COUNT(LLAMA_FIELDS),
     .rules = LLAMA_RULES,
     .n_rules = COUNT(LLAMA_RULES),
     .buffers = LLAMA_BUFFERS},
    {.name = "gpt2",
     .architecture = "GPT2LMHeadModel",
     .norm = GK_LAYERNORM,
     .mlp = GK_MLP_GELU_TANH,
     .bias = true,
     .plain_heads = true,
     .tied_default = true,
     .fields = GPT2_FIELDS,
     .n_fields = COUNT(GPT2_FIELDS),
     .rules = GPT2_RULES,
     .n_rules = COUNT(GPT2_RULES),
     .prefix = "transformer.",
     .buffers = GPT2_BUFFERS},
};

const gk_family *gk_family_find(const char *name) {
    for (size_t i = 0; i < COUNT(FAMILIES); i++)
        if (strcmp(name, FAMILIES[i].name) == 0) return &FAMILIES[i];
    return NULL;
}

const char *gk_family_name(const gk_family *f) {
    return f->name;
}

const char *gk_family_list(void) {
    return FAMILY_LIST;
}

/* ---------------------------------------------------------------- configurations */

void gk_config_default(const gk_family *f, int vocab, gk_config *out) {
    enum { D = 128, LAYERS = 6, HEADS = 4, POSITIONS = 256 };
    *out = (gk_config){.family = f,
                       .vocab = vocab,
                       .d_model = D,
                       .n_layers = LAYERS,
                       .n_heads = HEADS,
                       .n_kv_heads = HEADS,
                       .head_dim = D / HEADS,
                       .d_ffn = f->mlp == GK_MLP_SWIGLU ? 8 * D / 3 : 4 * D,
                       .max_positions = POSITIONS,
                       .norm = f->norm,
                       .norm_eps = 1e-5f,
                       .mlp = f->mlp,
                       .rope = f->rope,
                       .rope_theta = f->rope ? 1e4f : 0,
                       .bias = f->bias,
                       .bos_id = -1,
                       .eos_id = -1};
}

/* Bounds far above any model, low enough that no product of two dimensions overflows an int64 and no row an
 * int. */
static const struct bound {
    size_t member;
    const char *name;
    int hi;
} BOUNDS[] = {
    {MEMBER(vocab), "vocab", 1 << 24},           {MEMBER(d_model), "d_model", 1 << 16},
    {MEMBER(n_layers), "n_layers", 1 << 10},     {MEMBER(n_heads), "n_heads", 1 << 10},
    {MEMBER(n_kv_heads), "n_kv_heads", 1 << 10}, {MEMBER(head_dim), "head_dim", 1 << 12},
    {MEMBER(d_ffn), "d_ffn", 1 << 20},           {MEMBER(max_positions), "max_positions", 1 << 24},
};

gk_place gk__at_member(gk_place at, const gk_config *c, size_t member, const char *name) {
    at.field = name;
    for (size_t i = 0; i < c->family->n_fields; i++) {
        const gk__field *f = &c->family->fields[i];
        if (f->member == member && f->kind != GK__FIXED) at.field = f->key;
    }
    return at;
}

static bool check_bounds(const gk_config *c, gk_place at, gk_error *err) {
    for (size_t i = 0; i < COUNT(BOUNDS); i++) {
        const struct bound *b = &BOUNDS[i];
        int value;
        memcpy(&value, (const char *)c + b->member, sizeof value);
        if (value >= 1 && value <= b->hi) continue;
        char hint[64];
        snprintf(hint, sizeof hint, "must be from 1 to %d", b->hi);
        return gk_fail(err, gk__at_member(at, c, b->member, b->name), hint, "is %d", value);
    }
    return true;
}

static bool check_heads(const gk_config *c, gk_place at, gk_error *err) {
    if (c->n_heads % c->n_kv_heads != 0)
        return gk_fail(err, gk__at_member(at, c, MEMBER(n_kv_heads), "n_kv_heads"),
                       "must divide the number of heads", "%d key-value heads do not divide %d heads",
                       c->n_kv_heads, c->n_heads);
    if (c->family->plain_heads && (c->n_kv_heads != c->n_heads || c->head_dim * c->n_heads != c->d_model))
        return gk_fail(err, gk__at_member(at, c, MEMBER(n_heads), "n_heads"),
                       "the heads must divide the width evenly, each with its own keys and values",
                       "%d heads of %d (%d of them for keys and values) do not make up a width of %d",
                       c->n_heads, c->head_dim, c->n_kv_heads, c->d_model);
    if (c->rope && c->head_dim % 2 != 0)
        return gk_fail(err, gk__at_member(at, c, MEMBER(head_dim), "head_dim"),
                       "must be even, since rotary positions turn pairs", "is %d", c->head_dim);
    return true;
}

static bool check_numbers(const gk_config *c, gk_place at, gk_error *err) {
    if (!(c->norm_eps > 0 && c->norm_eps < 1))
        return gk_fail(err, gk__at_member(at, c, MEMBER(norm_eps), "norm_eps"), "must be above 0 and below 1",
                       "is %g", (double)c->norm_eps);
    if (c->rope && !(c->rope_theta > 0 && isfinite(c->rope_theta)))
        return gk_fail(err, gk__at_member(at, c, MEMBER(rope_theta), "rope_theta"),
                       "must be a finite number above 0", "is %g", (double)c->rope_theta);
    return true;
}

static bool check_id(const gk_config *c, int id, size_t member, const char *name, gk_place at,
                     gk_error *err) {
    if (id >= -1 && id < c->vocab) return true;
    return gk_fail(err, gk__at_member(at, c, member, name),
                   "must be a token id below the vocabulary size, or none", "is %d in a vocabulary of %d", id,
                   c->vocab);
}

bool gk_config_check(const gk_config *c, gk_place at, gk_error *err) {
    const gk_family *f = c->family;
    if (!f) return gk_fail(err, at, FAMILY_LIST, "the configuration names no model family");
    if (c->norm != f->norm || c->mlp != f->mlp || c->rope != f->rope || c->bias != f->bias)
        return gk_fail(err, at, "start from gk_config_default",
                       "norm, MLP, positions and biases are not those of the %s family", f->name);
    return check_bounds(c, at, err) && check_heads(c, at, err) && check_numbers(c, at, err) &&
           check_id(c, c->bos_id, MEMBER(bos_id), "bos_id", at, err) &&
           check_id(c, c->eos_id, MEMBER(eos_id), "eos_id", at, err);
}

bool gk_config_has(const gk_config *c, gk_component comp) {
    if (comp == GK_GATE) return c->mlp == GK_MLP_SWIGLU;
    if (comp == GK_POS) return !c->rope;
    return comp >= 0 && comp < GK_N_COMPONENTS;
}

bool gk_config_same(const gk_config *a, const gk_config *b) {
    return a->family == b->family && a->vocab == b->vocab && a->d_model == b->d_model &&
           a->n_layers == b->n_layers && a->n_heads == b->n_heads && a->n_kv_heads == b->n_kv_heads &&
           a->head_dim == b->head_dim && a->d_ffn == b->d_ffn && a->max_positions == b->max_positions &&
           a->norm_eps == b->norm_eps && a->rope_theta == b->rope_theta && a->tied == b->tied;
}

bool gk__component_shape(const gk_config *c, gk_component comp, int *out, int *in) {
    int d = c->d_model, q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
    if (!gk_config_has(c, comp) || (comp == GK_HEAD && c->tied)) return false;
    const int shape[GK_N_COMPONENTS][2] = {[GK_EMBED] = {c->vocab, d},
                                           [GK_POS] = {c->max_positions, d},
                                           [GK_LN1] = {d, 1},
                                           [GK_Q] = {q, d},
                                           [GK_K] = {kv, d},
                                           [GK_V] = {kv, d},
                                           [GK_O] = {d, q},
                                           [GK_LN2] = {d, 1},
                                           [GK_GATE] = {c->d_ffn, d},
                                           [GK_UP] = {c->d_ffn, d},
                                           [GK_DOWN] = {d, c->d_ffn},
                                           [GK_LNF] = {d, 1},
                                           [GK_HEAD] = {c->vocab, d}};
    *out = shape[comp][0];
    *in = shape[comp][1];
    return true;
}

bool gk__component_biased(const gk_config *c, gk_component comp) {
    if (gk__component_is_norm(comp)) return c->norm == GK_LAYERNORM;
    return c->bias && gk_component_in_layer(comp);
}
