/* gguf_model.c: a model in a GGUF file: its configuration from the metadata, its tensors under ggml's names.
 * The keys and names are those of ggml's docs/gguf.md and of the converter that the files come from. */
#include "model/checkpoint/files.h"
#include "model/config/dims.h"
#include "model/operators/operators.h"

#include <math.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define RULE(of, ...)                                                                          \
    {                                                                                          \
        .name = of, .n_parts = COUNT(((gk_component[]){__VA_ARGS__})), .part = { __VA_ARGS__ } \
    }
#define PAIRS(of, comp) \
    { .name = (of), .n_parts = 1, .part = {comp}, .rope_pairs = true }

/* ---------------------------------------------------------------- tensors */

#define LAYER_RULES                                                                                    \
    RULE("blk.#.attn_norm", GK_LN1), RULE("blk.#.attn_v", GK_V), RULE("blk.#.attn_q_norm", GK_Q_NORM), \
        RULE("blk.#.attn_k_norm", GK_K_NORM), RULE("blk.#.attn_output", GK_O),                         \
        RULE("blk.#.post_attention_norm", GK_LN1_POST), RULE("blk.#.ffn_norm", GK_LN2),                \
        RULE("blk.#.ffn_gate", GK_GATE), RULE("blk.#.ffn_up", GK_UP), RULE("blk.#.ffn_down", GK_DOWN), \
        RULE("blk.#.post_ffw_norm", GK_LN2_POST)
#define OUTER_RULES                                                                           \
    RULE("token_embd", GK_EMBED), RULE("position_embd", GK_POS), RULE("output_norm", GK_LNF), \
        RULE("output", GK_HEAD)

static const gk_config__tensor_rule PLAIN[] = {OUTER_RULES, LAYER_RULES, RULE("blk.#.attn_q", GK_Q),
                                               RULE("blk.#.attn_k", GK_K)};
static const gk_config__tensor_rule LLAMA[] = {OUTER_RULES, LAYER_RULES, PAIRS("blk.#.attn_q", GK_Q),
                                               PAIRS("blk.#.attn_k", GK_K)};
static const gk_config__tensor_rule FUSED[] = {
    OUTER_RULES,
    RULE("blk.#.attn_norm", GK_LN1),
    RULE("blk.#.attn_qkv", GK_Q, GK_K, GK_V),
    RULE("blk.#.attn_output", GK_O),
    RULE("blk.#.ffn_norm", GK_LN2),
    RULE("blk.#.ffn_up", GK_UP),
    RULE("blk.#.ffn_down", GK_DOWN),
};
static const char *const BUFFERS[] = {"rope_freqs.weight", NULL}; /* see read_freqs */

static const struct architecture {
    const char *name, *family;
    const gk_config__tensor_rule *rules;
    size_t n_rules;
    bool norms_plus_one;
} ARCHITECTURES[] = {
    {"llama", "llama", LLAMA, COUNT(LLAMA), false}, {"qwen2", "qwen2", PLAIN, COUNT(PLAIN), false},
    {"qwen3", "qwen3", PLAIN, COUNT(PLAIN), false}, {"olmo2", "olmo2", PLAIN, COUNT(PLAIN), false},
    {"gemma", "gemma", PLAIN, COUNT(PLAIN), true},  {"gemma2", "gemma2", PLAIN, COUNT(PLAIN), true},
    {"gpt2", "gpt2", FUSED, COUNT(FUSED), false},   {"gptneox", "gpt_neox", FUSED, COUNT(FUSED), false},
};

const char *gk_family_gguf(const gk_family *f) {
    for (size_t i = 0; i < COUNT(ARCHITECTURES); i++)
        if (strcmp(ARCHITECTURES[i].family, gk_family_name(f)) == 0) return ARCHITECTURES[i].name;
    return NULL;
}

static gk_checkpoint__layout layout_of(const struct architecture *a) {
    return (gk_checkpoint__layout){.rules = a->rules,
                                   .n_rules = a->n_rules,
                                   .buffers = BUFFERS,
                                   .strict = true,
                                   .norms_plus_one = a->norms_plus_one};
}

static void list_tensors(gk_checkpoint__files *f) {
    size_t n = gk_gguf_tensors(f->gguf);
    f->list = gk_arena_alloc(f->a, (n + 1) * sizeof *f->list);
    f->path = gk_checkpoint__gguf_paths(f->gguf, f->a, &f->n_paths);
    for (size_t i = 0; i < n; i++) {
        const gk_gguf_tensor *t = gk_gguf_tensor_at(f->gguf, i);
        gk_checkpoint__stored *s = &f->list[f->n++];
        *s = (gk_checkpoint__stored){.name = t->name,
                                     .type_name = t->type_name,
                                     .type = gk_quant__type_of(t->type),
                                     .n_dims = t->n_dims,
                                     .data = t->data,
                                     .path = t->file,
                                     .byte = t->offset,
                                     .bytes = t->bytes};
        for (int d = 0; d < t->n_dims; d++) s->shape[d] = t->shape[t->n_dims - 1 - d];
    }
}

/* ---------------------------------------------------------------- configuration */

typedef struct metadata_reader {
    const gk_gguf *g;
    const struct architecture *arch;
    gk_error *err;
    char key[96];
} metadata_reader;

static const char *key_of(metadata_reader *r, const char *name) {
    snprintf(r->key, sizeof r->key, "%s.%s", r->arch->name, name);
    return r->key;
}

static bool get_int(metadata_reader *r, const char *name, int *out) {
    int64_t v;
    if (!gk_gguf_int(r->g, key_of(r, name), 1, 1 << 24, &v, r->err)) return false;
    *out = (int)v;
    return true;
}

/* What is not there keeps its value. */
static bool maybe_int(metadata_reader *r, const char *name, int *out) {
    return !gk_gguf_has(r->g, key_of(r, name)) || get_int(r, name, out);
}

static bool maybe_num(metadata_reader *r, const char *name, float *out) {
    double v;
    if (!gk_gguf_has(r->g, key_of(r, name))) return true;
    if (!gk_gguf_num(r->g, r->key, &v, r->err)) return false;
    *out = (float)v;
    return true;
}

static bool maybe_id(metadata_reader *r, const char *key, int *out) {
    int64_t v;
    if (!gk_gguf_has(r->g, key)) return true;
    if (!gk_gguf_int(r->g, key, 0, 1 << 24, &v, r->err)) return false;
    *out = (int)v;
    return true;
}

static bool read_sizes(metadata_reader *r, gk_config *c) {
    const gk_gguf_tensor *embed = gk_gguf_tensor_find(r->g, "token_embd.weight");
    if (!embed || embed->n_dims != 2 || embed->shape[1] > 1 << 24)
        return gk_fail(r->err, gk_gguf_place(r->g, "general.architecture"),
                       "a matrix of [vocabulary x width]",
                       "the tensor token_embd.weight is missing or no such matrix");
    c->vocab = (int)embed->shape[1];
    if (!get_int(r, "embedding_length", &c->d_model) || !get_int(r, "block_count", &c->n_layers) ||
        !get_int(r, "feed_forward_length", &c->d_ffn) || !get_int(r, "attention.head_count", &c->n_heads) ||
        !get_int(r, "context_length", &c->max_positions))
        return false;
    c->n_kv_heads = c->n_heads;
    c->head_dim = c->d_model / c->n_heads;
    return maybe_int(r, "attention.head_count_kv", &c->n_kv_heads) &&
           maybe_int(r, "attention.key_length", &c->head_dim);
}

/* Positions divided by a factor: "linear", which is also meant where there is a factor and no type, or the
 * older key scale_linear. */
static bool read_scaling(metadata_reader *r, gk_config *c) {
    float factor = 0;
    const char *type = "linear";
    gk_arena *a = gk_arena_new();
    bool typed = gk_gguf_has(r->g, key_of(r, "rope.scaling.type"));
    bool ok = !typed || gk_gguf_str(r->g, r->key, a, &type, r->err);
    bool linear = ok && strcmp(type, "linear") == 0;
    if (linear)
        ok = maybe_num(r, "rope.scale_linear", &factor) && maybe_num(r, "rope.scaling.factor", &factor);
    if (ok && linear && typed && factor == 0)
        ok = gk_fail(r->err, gk_gguf_place(r->g, key_of(r, "rope.scaling.factor")), "a number", "is missing");
    if (ok && linear && factor != 0 && (typed || factor != 1)) {
        c->rotary.kind = GK_ROPE_LINEAR;
        c->rotary.factor = factor;
    }
    if (ok && !linear && strcmp(type, "none") != 0)
        ok = gk_fail(r->err, gk_gguf_place(r->g, key_of(r, "rope.scaling.type")), "supported: none, linear",
                     "asks for rotary positions of kind '%.40s'", type);
    gk_arena_free(a);
    return ok;
}

static bool read_rope(metadata_reader *r, gk_config *c) {
    if (!c->rope) return true;
    int rotary = c->head_dim;
    c->rotary.theta = 1e4f;
    if (!maybe_num(r, "rope.freq_base", &c->rotary.theta) || !maybe_int(r, "rope.dimension_count", &rotary))
        return false;
    bool partial =
        c->family->rotary_key != NULL; /* the others have whole heads rotated, here and in transformers */
    if (partial ? rotary < 2 || rotary % 2 != 0 || rotary > c->head_dim : rotary != c->head_dim) {
        char hint[64];
        snprintf(hint, sizeof hint,
                 partial ? "must be even, and at most %d" : "must be %d, the size of a head", c->head_dim);
        return gk_fail(r->err, gk_gguf_place(r->g, key_of(r, "rope.dimension_count")), hint, "is %d", rotary);
    }
    if (rotary != c->head_dim) c->rotary_dim = rotary;
    return read_scaling(r, c);
}

/* Llama 3's scaling comes as a tensor of what each frequency is divided by; the published models are told by
 * their largest factor, and every value must be the one that their rule gives. */
static bool read_freqs(metadata_reader *r, gk_config *c) {
    const gk_gguf_tensor *t = gk_gguf_tensor_find(r->g, "rope_freqs.weight");
    if (!t) return true;
    const gk_gguf_dtype *f32 = gk_gguf_dtype_of(t->type);
    gk_place at = gk_gguf_tensor_place(r->g, t);
    int half = gk_config__rotary_dim(c) / 2;
    if (!c->rope || !f32 || f32->id != GK_QUANT__F32 || t->n_values != half)
        return gk_fail(r->err, at, "F32, one value for each pair of a head",
                       "cannot be used for rotary positions");
    if (c->rotary.kind != GK_ROPE_PLAIN)
        return gk_fail(r->err, at, "one or the other", "scales rotary positions that the metadata scale too");
    float *divide = gk_alloc((size_t)half * sizeof *divide), largest = 0;
    memcpy(divide, t->data, (size_t)half * sizeof *divide);
    for (int i = 0; i < half; i++) largest = divide[i] > largest ? divide[i] : largest;
    c->rotary.kind = GK_ROPE_LLAMA3;
    c->rotary.factor = largest;
    c->rotary.low = 1;
    c->rotary.high = 4;
    c->rotary.original = 8192;
    bool same = largest >= 1;
    for (int i = 0; i < half && same; i++) {
        double plain = pow((double)c->rotary.theta, -2.0 * i / gk_config__rotary_dim(c));
        same =
            fabs(plain / gk_op__rope_frequency(&c->rotary, gk_config__rotary_dim(c), i) / (double)divide[i] -
                 1) < 1e-4;
    }
    gk_free(divide);
    return same || gk_fail(r->err, at, "the factors of Llama 3.1 to 3.3 models",
                           "these factors of rotary frequencies follow no rule that is known here");
}

/* ---------------------------------------------------------------- what other models have */

/* Numbers that change what a model computes and that no model here has: they must have the value that changes
 * nothing. */
static const struct neutral {
    const char *name;
    double value, other; /* both mean the same */
} NEUTRAL[] = {
    {"expert_count", 0, 0},
    {"expert_used_count", 0, 0},
    {"expert_shared_count", 0, 0},
    {"expert_weights_scale", 0, 1},
    {"logit_scale", 1, 0},
    {"residual_scale", 1, 0},
    {"embedding_scale", 1, 0},
    {"router_logit_softcapping", 0, 0},
    {"activation_sparsity_scale", 0, 0},
    {"swiglu_clamp_exp", 0, 0},
    {"nextn_predict_layers", 0, 0},
    {"attention.clamp_kqv", 0, 0},
    {"attention.max_alibi_bias", 0, 0},
    {"attention.output_scale", 1, 0},
    {"attention.temperature_length", 0, 0},
    {"attention.temperature_scale", 0, 0},
    {"attention.shared_kv_layers", 0, 0},
    {"rope.scaling.attn_factor", 1, 1},
};

static bool not_here(metadata_reader *r, double value, double neutral) {
    char hint[64];
    snprintf(hint, sizeof hint, "must be %g, or not be there", neutral);
    return gk_fail(r->err, gk_gguf_place(r->g, r->key), hint,
                   "is %g, which would change the numbers and is not built for this family", value);
}

static bool check_neutral(metadata_reader *r) {
    for (size_t i = 0; i < COUNT(NEUTRAL); i++) {
        double value;
        if (!gk_gguf_has(r->g, key_of(r, NEUTRAL[i].name))) continue;
        if (!gk_gguf_num(r->g, r->key, &value, r->err)) return false;
        if (value != NEUTRAL[i].value && value != NEUTRAL[i].other)
            return not_here(r, value, NEUTRAL[i].value);
    }
    return true;
}

/* A number that must be `want` to a float's precision, where it is there at all. */
static bool check_equal(metadata_reader *r, const char *name, double want, double neutral) {
    double value;
    if (!gk_gguf_has(r->g, key_of(r, name))) return true;
    if (!gk_gguf_num(r->g, r->key, &value, r->err)) return false;
    return value == neutral || fabs(value - want) <= 1e-6 * fabs(want) || not_here(r, value, want);
}

/* What the family has no place for: its config.json could not say it either. */
static bool check_foreign(metadata_reader *r, const gk_config *c) {
    bool causal = true;
    double scale = 1 / sqrt(c->query_scale != 0 ? (double)c->query_scale : c->head_dim);
    if (gk_gguf_has(r->g, key_of(r, "attention.causal")) && !gk_gguf_bool(r->g, r->key, &causal, r->err))
        return false;
    if (!causal)
        return gk_fail(r->err, gk_gguf_place(r->g, r->key), "a model whose tokens see only those before them",
                       "is false");
    if (!gk_config__family_says(c->family, offsetof(gk_config, window)) || c->family->switched_window) {
        double window = 0;
        if (gk_gguf_has(r->g, key_of(r, "attention.sliding_window")) &&
            !gk_gguf_num(r->g, r->key, &window, r->err))
            return false;
        if (window > 0 && window < c->max_positions) return not_here(r, window, 0);
    } else if (!check_equal(r, "attention.sliding_window_pattern", 2, 2)) {
        return false;
    }
    if (!gk_config__family_says(c->family, offsetof(gk_config, attn_softcap)) && c->attn_softcap != 0)
        return key_of(r, "attn_logit_softcapping"), not_here(r, (double)c->attn_softcap, 0);
    if (!gk_config__family_says(c->family, offsetof(gk_config, final_softcap)) && c->final_softcap != 0)
        return key_of(r, "final_logit_softcapping"), not_here(r, (double)c->final_softcap, 0);
    return check_equal(r, "attention.scale", scale, 0) &&
           check_equal(r, "attention.value_length", c->head_dim, c->head_dim) &&
           check_equal(r, "rope.freq_base_swa", (double)c->rotary.theta, (double)c->rotary.theta) &&
           check_equal(r, "rope.dimension_count_swa", gk_config__rotary_dim(c), gk_config__rotary_dim(c));
}

/* Further ends of a text that generation stops at: of a turn, of a message. */
static bool read_ends(metadata_reader *r, gk_config *c) {
    static const char *const KEYS[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
    gk_id_list all = gk_config_ends(c);
    int before = all.n;
    for (size_t i = 0; i < COUNT(KEYS); i++) {
        int id = -1, at = 0;
        if (!maybe_id(r, KEYS[i], &id)) return false;
        while (at < all.n && all.id[at] != id) at++;
        if (id >= 0 && at == all.n) all.id[all.n++] = id;
    }
    if (all.n > before) c->ends = all;
    return true;
}

static bool has_tensor(const metadata_reader *r, const char *name) {
    return gk_gguf_tensor_find(r->g, name) != NULL;
}

static bool read_rest(metadata_reader *r, gk_config *c) {
    const char *eps =
        c->norm == GK_LAYERNORM ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon";
    if (!gk_gguf_has(r->g, key_of(r, eps)))
        return gk_fail(r->err, gk_gguf_place(r->g, r->key), "a number", "is missing");
    /* As the class has it: files of Gemma 2 made before these keys were leave them out. */
    c->attn_softcap = (float)gk_config__family_standard(c->family, offsetof(gk_config, attn_softcap));
    c->final_softcap = (float)gk_config__family_standard(c->family, offsetof(gk_config, final_softcap));
    if (!maybe_num(r, eps, &c->norm_eps) || !maybe_num(r, "attn_logit_softcapping", &c->attn_softcap) ||
        !maybe_num(r, "final_logit_softcapping", &c->final_softcap))
        return false;
    /* Gemma 2's 27B model alone divides its scores by another root; the file does not say so. */
    if (c->query_scale != 0)
        c->query_scale = (float)(c->n_layers == 46 ? c->d_model / c->n_heads : c->head_dim);
    if (c->post_norm && c->pre_norm && !maybe_int(r, "attention.sliding_window", &c->window)) return false;
    if (c->parallel && gk_gguf_has(r->g, key_of(r, "use_parallel_residual")) &&
        !gk_gguf_bool(r->g, r->key, &c->parallel, r->err))
        return false;
    if (c->family->embed_scaled) c->embed_scale = sqrtf((float)c->d_model);
    c->tied = !has_tensor(r, "output.weight");
    c->qkv_bias = has_tensor(r, "blk.0.attn_q.bias") || has_tensor(r, "blk.0.attn_qkv.bias");
    c->o_bias = has_tensor(r, "blk.0.attn_output.bias");
    c->mlp_bias = has_tensor(r, "blk.0.ffn_up.bias");
    return maybe_id(r, "tokenizer.ggml.bos_token_id", &c->bos_id) &&
           maybe_id(r, "tokenizer.ggml.eos_token_id", &c->eos_id) && read_ends(r, c) && check_neutral(r) &&
           check_foreign(r, c);
}

static bool find_architecture(metadata_reader *r) {
    static const char key[] = "general.architecture";
    gk_arena *a = gk_arena_new();
    const char *name;
    bool ok = gk_gguf_str(r->g, key, a, &name, r->err);
    for (size_t i = 0; ok && i < COUNT(ARCHITECTURES); i++)
        if (strcmp(name, ARCHITECTURES[i].name) == 0) r->arch = &ARCHITECTURES[i];
    if (ok && !r->arch)
        ok = gk_fail(r->err, gk_gguf_place(r->g, key),
                     "supported: llama, qwen2, qwen3, olmo2, gemma, gemma2, gpt2, gptneox",
                     "the architecture '%.40s' is not supported", name);
    gk_arena_free(a);
    return ok;
}

/* Llama's config.json has one word for the biases of q, k, v and of o; a Llama that has only the former is a
 * Qwen2, whatever its file calls it. */
static void name_family(gk_config *c) {
    if (c->family == gk_family_find("llama") && c->qkv_bias && !c->o_bias && !c->mlp_bias)
        c->family = gk_family_find("qwen2");
}

static bool read_config(const gk_gguf *g, const char *path, gk_config *c, gk_checkpoint__layout *layout,
                        gk_error *err) {
    metadata_reader r = {.g = g, .err = err};
    if (!find_architecture(&r)) return false;
    *layout = layout_of(r.arch);
    *c = gk_config__of_family(gk_family_find(r.arch->family));
    if (!read_sizes(&r, c) || !read_rope(&r, c) || !read_freqs(&r, c) || !read_rest(&r, c)) return false;
    name_family(c);
    return gk_config_check(c, GK_AT_FILE(path), err);
}

bool gk_checkpoint__files_gguf(const char *path, gk_checkpoint__files *out, gk_config *c,
                               gk_checkpoint__layout *layout, gk_error *err) {
    *out = (gk_checkpoint__files){.a = gk_arena_new()};
    out->gguf = gk_gguf_open(path, err);
    if (out->gguf && read_config(out->gguf, path, c, layout, err)) {
        list_tensors(out);
        return true;
    }
    gk_checkpoint__files_close(out);
    *out = (gk_checkpoint__files){0};
    return false;
}
