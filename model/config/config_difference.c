/* config_difference.c: whether two models are of one architecture, and in what they differ. */
#include "model/config/dims.h"
#include "model/config/family.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define MEMBER(m) offsetof(gk_config, m)

typedef enum member_kind { AN_INT, A_FLOAT, A_BOOL, AN_ACT, A_ROPE, ROTARY, LAYERS } member_kind;

/* What two models must share to be of one architecture, the plainest first. What a family fixes is the same
 * when the families are; ids of special tokens are no part of it. */
static const struct shared {
    size_t member;
    const char *name;
    member_kind kind;
} SHARED[] = {
    {MEMBER(d_model), "d_model", AN_INT},
    {MEMBER(n_layers), "n_layers", AN_INT},
    {MEMBER(n_heads), "n_heads", AN_INT},
    {MEMBER(n_kv_heads), "n_kv_heads", AN_INT},
    {MEMBER(head_dim), "head_dim", AN_INT},
    {MEMBER(d_ffn), "d_ffn", AN_INT},
    {MEMBER(vocab), "vocab", AN_INT},
    {MEMBER(max_positions), "max_positions", AN_INT},
    {MEMBER(tied), "tied", A_BOOL},
    {MEMBER(act), "act", AN_ACT},
    {MEMBER(qkv_bias), "qkv_bias", A_BOOL},
    {MEMBER(o_bias), "o_bias", A_BOOL},
    {MEMBER(mlp_bias), "mlp_bias", A_BOOL},
    {MEMBER(parallel), "parallel", A_BOOL},
    {MEMBER(norm_eps), "norm_eps", A_FLOAT},
    {MEMBER(rotary_dim), "rotary_dim", ROTARY},
    {MEMBER(rotary.theta), "rope_theta", A_FLOAT},
    {MEMBER(rotary.kind), "rope_kind", A_ROPE},
    {MEMBER(rotary.factor), "rope_factor", A_FLOAT},
    {MEMBER(rotary.low), "rope_low", A_FLOAT},
    {MEMBER(rotary.high), "rope_high", A_FLOAT},
    {MEMBER(rotary.original), "rope_original", AN_INT},
    {MEMBER(embed_scale), "embed_scale", A_FLOAT},
    {MEMBER(query_scale), "query_scale", A_FLOAT},
    {MEMBER(attn_softcap), "attn_softcap", A_FLOAT},
    {MEMBER(final_softcap), "final_softcap", A_FLOAT},
    {MEMBER(scores_by_layer), "scores_by_layer", A_BOOL},
    {MEMBER(window), "window", AN_INT},
    {MEMBER(windowed), "layer_types", LAYERS},
    {MEMBER(unrotated), "no_rope_layers", LAYERS},
    {MEMBER(rotary_window.theta), "rope_local_base_freq", A_FLOAT},
    {MEMBER(rotary_window.kind), "rope_kind of sliding_attention", A_ROPE},
    {MEMBER(rotary_window.factor), "rope_factor of sliding_attention", A_FLOAT},
    {MEMBER(rotary_window.low), "rope_low of sliding_attention", A_FLOAT},
    {MEMBER(rotary_window.high), "rope_high of sliding_attention", A_FLOAT},
    {MEMBER(rotary_window.original), "rope_original of sliding_attention", AN_INT},
};

const char *gk_act_name(gk_act_kind act) {
    static const char *const names[] = {"gelu", "gelu_tanh", "silu", "relu"};
    return names[act];
}

const char *gk_rope_name(gk_rope_kind kind) {
    static const char *const names[] = {"plain", "linear", "llama3"};
    return names[kind];
}

/* The first layer that is in one set alone; -1: there is none. Windowed layers of no window are none. */
static int differing_layer(const struct shared *s, const gk_config *a, const gk_config *b) {
    const gk_layer_set *x = (const void *)((const char *)a + s->member);
    const gk_layer_set *y = (const void *)((const char *)b + s->member);
    for (int l = 0; l < a->n_layers && (s->member != MEMBER(windowed) || a->window > 0); l++)
        if (gk_layer_in(x, l) != gk_layer_in(y, l)) return l;
    return -1;
}

static bool member_same(const struct shared *s, const gk_config *a, const gk_config *b) {
    const char *x = (const char *)a + s->member, *y = (const char *)b + s->member;
    switch (s->kind) {
    case A_FLOAT:
        return *(const float *)(const void *)x == *(const float *)(const void *)y;
    case A_BOOL:
        return *(const bool *)x == *(const bool *)y;
    case AN_ACT:
        return a->act == b->act;
    case A_ROPE:
        return *(const gk_rope_kind *)(const void *)x == *(const gk_rope_kind *)(const void *)y;
    case ROTARY:
        return gk_config__rotary_dim(a) == gk_config__rotary_dim(b);
    case LAYERS:
        return differing_layer(s, a, b) < 0;
    default:
        return *(const int *)(const void *)x == *(const int *)(const void *)y;
    }
}

/* digits: of a number that is no integer; enough of them tell any two apart. */
static void member_text(const struct shared *s, const gk_config *c, int digits, char out[32]) {
    const char *at = (const char *)c + s->member;
    switch (s->kind) {
    case A_FLOAT:
        snprintf(out, 32, "%.*g", digits, (double)*(const float *)(const void *)at);
        break;
    case A_BOOL:
        snprintf(out, 32, "%s", *(const bool *)at ? "true" : "false");
        break;
    case AN_ACT:
        snprintf(out, 32, "%s", gk_act_name(c->act));
        break;
    case A_ROPE:
        snprintf(out, 32, "%s", gk_rope_name(*(const gk_rope_kind *)(const void *)at));
        break;
    case ROTARY:
        snprintf(out, 32, "%d", gk_config__rotary_dim(c));
        break;
    default:
        snprintf(out, 32, "%d", *(const int *)(const void *)at);
    }
}

bool gk_config_difference(const gk_config *a, const gk_config *b, gk_config_diff *out) {
    gk_config_diff none;
    if (!out) out = &none;
    *out = (gk_config_diff){0};
    if (a->family != b->family) {
        out->field = "model_type";
        snprintf(out->a, sizeof out->a, "%s", gk_family_name(a->family));
        snprintf(out->b, sizeof out->b, "%s", gk_family_name(b->family));
        return true;
    }
    for (size_t i = 0; i < COUNT(SHARED); i++) {
        const struct shared *s = &SHARED[i];
        if (member_same(s, a, b)) continue;
        out->field = gk_config__at_member(GK_NOWHERE, a, s->member, s->name).field;
        if (s->kind == LAYERS) {
            int layer = differing_layer(s, a, b);
            bool in = gk_layer_in((const void *)((const char *)a + s->member), layer);
            snprintf(out->a, sizeof out->a, "%s layer %d", in ? "with" : "without", layer);
            snprintf(out->b, sizeof out->b, "%s layer %d", in ? "without" : "with", layer);
            return true;
        }
        for (int digits = 6; digits <= 9 && strcmp(out->a, out->b) == 0; digits += 3) {
            member_text(s, a, digits, out->a);
            member_text(s, b, digits, out->b);
        }
        return true;
    }
    return false;
}

bool gk_config_same(const gk_config *a, const gk_config *b) {
    return !gk_config_difference(a, b, NULL);
}
