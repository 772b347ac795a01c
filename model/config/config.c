/* config.c: component names and what makes a configuration valid. */
#include "model/config/dims.h"
#include "model/config/family.h"

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
    return c >= GK_LN1 && c <= GK_LN2_POST;
}

bool gk_component_is_norm(gk_component c) {
    return c == GK_LN1 || c == GK_Q_NORM || c == GK_K_NORM || c == GK_LN1_POST || c == GK_LN2 ||
           c == GK_LN2_POST || c == GK_LNF;
}

/* ---------------------------------------------------------------- configurations */

gk_layer_set gk_config__layers_but_every(int period) {
    gk_layer_set s = {{0}};
    for (int i = 0; period > 0 && i < GK_MOST_LAYERS; i++) gk_layer_put(&s, i, (i + 1) % period != 0);
    return s;
}

gk_config gk_config__of_family(const gk_family *f) {
    gk_config c = f->base;
    c.family = f;
    c.windowed = gk_config__layers_but_every(f->window_period);
    gk_layer_set rotated = gk_config__layers_but_every(f->rope_period);
    for (int i = 0; f->rope_period && i < GK_MOST_LAYERS; i++)
        gk_layer_put(&c.unrotated, i, !gk_layer_in(&rotated, i));
    c.bos_id = c.eos_id = -1;
    if (c.embed_scale == 0) c.embed_scale = 1;
    return c;
}

void gk_config_derive(gk_config *c) {
    const gk_family *f = c->family;
    c->head_dim = c->d_model / c->n_heads;
    if (f->rotary_key) c->rotary_dim = (int)(c->head_dim * f->rotary_default) / 2 * 2;
    if (f->embed_scaled) c->embed_scale = sqrtf((float)c->d_model);
    if (c->query_scale > 1) c->query_scale = (float)c->head_dim; /* 1: scores as they are */
}

void gk_config_default(const gk_family *f, int vocab, gk_config *out) {
    enum { D = 128, LAYERS = 6, HEADS = 4, POSITIONS = 256 };
    gk_config c = gk_config__of_family(f);
    c.vocab = vocab;
    c.d_model = D;
    c.n_layers = LAYERS;
    c.n_heads = c.n_kv_heads = HEADS;
    c.d_ffn = c.gated ? 8 * D / 3 : 4 * D;
    c.max_positions = POSITIONS;
    c.norm_eps = 1e-5f;
    c.rotary.theta = c.rope ? 1e4f : 0;
    if (c.rotary_apart) c.rotary_window = c.rotary;
    c.tied = false;
    gk_config_derive(&c);
    *out = c;
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

/* NULL where config.json cannot say the member. */
static const gk_config__field *field_of(const gk_family *f, size_t member) {
    const gk_config__field *field = NULL;
    for (size_t i = 0; i < f->n_fields; i++)
        if (f->fields[i].member == member) field = &f->fields[i];
    return field;
}

/* What config.json calls the member; NULL where it cannot say it. */
static const char *key_of(const gk_family *f, size_t member) {
    const gk_config__field *field = field_of(f, member);
    return field ? field->key : NULL;
}

double gk_config__family_standard(const gk_family *f, size_t member) {
    const gk_config__field *field = field_of(f, member);
    return field ? field->standard : 0;
}

bool gk_config__family_says(const gk_family *f, size_t member) {
    return key_of(f, member) != NULL;
}

gk_place gk_config__at_member(gk_place at, const gk_config *c, size_t member, const char *name) {
    const char *key = key_of(c->family, member);
    at.field = key ? key : name;
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
        return gk_fail(err, gk_config__at_member(at, c, b->member, b->name), hint, "is %d", value);
    }
    return true;
}

/* The number that is to blame for how many dimensions of a head are rotary. */
static gk_place rotary_place(gk_place at, const gk_config *c) {
    if (c->rotary_dim == 0 || !c->family->rotary_key)
        return gk_config__at_member(at, c, MEMBER(head_dim), "head_dim");
    at.field = c->family->rotary_key;
    return at;
}

static bool check_heads(const gk_config *c, gk_place at, gk_error *err) {
    if (c->n_heads % c->n_kv_heads != 0)
        return gk_fail(err, gk_config__at_member(at, c, MEMBER(n_kv_heads), "n_kv_heads"),
                       "must divide the number of heads", "%d key-value heads do not divide %d heads",
                       c->n_kv_heads, c->n_heads);
    if (c->family->plain_heads && c->head_dim * c->n_heads != c->d_model &&
        gk_config__family_says(c->family, MEMBER(head_dim)))
        return gk_fail(err, gk_config__at_member(at, c, MEMBER(head_dim), "head_dim"),
                       "leave it out: it is the width over the number of heads",
                       "%d heads of %d do not make up a width of %d", c->n_heads, c->head_dim, c->d_model);
    if (c->family->plain_heads && (c->n_kv_heads != c->n_heads || c->head_dim * c->n_heads != c->d_model))
        return gk_fail(err, gk_config__at_member(at, c, MEMBER(n_heads), "n_heads"),
                       "the heads must divide the width evenly, each with its own keys and values",
                       "%d heads of %d (%d of them for keys and values) do not make up a width of %d",
                       c->n_heads, c->head_dim, c->n_kv_heads, c->d_model);
    int rotary = gk_config__rotary_dim(c);
    if (c->rope && (rotary < 2 || rotary % 2 != 0 || rotary > c->head_dim))
        return gk_fail(
            err, rotary_place(at, c),
            "rotary positions turn pairs: an even number of dimensions, at least 2 and no more than head_dim",
            "%d of the %d dimensions of a head are rotary", rotary, c->head_dim);
    return true;
}

static bool check_positive(const gk_config *c, float x, size_t member, const char *name, gk_place at,
                           gk_error *err) {
    if (x > 0 && isfinite(x)) return true;
    return gk_fail(err, gk_config__at_member(at, c, member, name), "must be a finite number above 0", "is %g",
                   (double)x);
}

static bool check_rotary(const gk_config *c, const gk_rotary *r, size_t theta, gk_place at, gk_error *err) {
    if (!check_positive(c, r->theta, theta, c->family->theta_key, at, err)) return false;
    at.field = "rope_scaling";
    if (r->kind != GK_ROPE_PLAIN && !(r->factor >= 1 && isfinite(r->factor)))
        return gk_fail(err, at, "must be a finite number of at least 1", "the factor is %g",
                       (double)r->factor);
    if (r->kind != GK_ROPE_LLAMA3) return true;
    if (!(r->low > 0 && r->low < r->high && isfinite(r->high)))
        return gk_fail(err, at, "low_freq_factor must be above 0 and below high_freq_factor",
                       "the frequency factors are %g and %g", (double)r->low, (double)r->high);
    return r->original >= 1 ||
           gk_fail(err, at, "must be at least 1", "original_max_position_embeddings is %d", r->original);
}

static bool check_rope(const gk_config *c, gk_place at, gk_error *err) {
    if (!c->rope) return true;
    return check_rotary(c, &c->rotary, MEMBER(rotary.theta), at, err) &&
           (!c->rotary_apart || check_rotary(c, &c->rotary_window, MEMBER(rotary_window.theta), at, err));
}

static bool check_numbers(const gk_config *c, gk_place at, gk_error *err) {
    if (!(c->norm_eps > 0 && c->norm_eps < 1))
        return gk_fail(err, gk_config__at_member(at, c, MEMBER(norm_eps), "norm_eps"),
                       "must be above 0 and below 1", "is %g", (double)c->norm_eps);
    if (c->query_scale != 0 &&
        !check_positive(c, c->query_scale, MEMBER(query_scale), "query_scale", at, err))
        return false;
    if (c->attn_softcap != 0 &&
        !check_positive(c, c->attn_softcap, MEMBER(attn_softcap), "attn_softcap", at, err))
        return false;
    if (c->final_softcap != 0 &&
        !check_positive(c, c->final_softcap, MEMBER(final_softcap), "final_softcap", at, err))
        return false;
    if (c->window < 0)
        return gk_fail(err, gk_config__at_member(at, c, MEMBER(window), "window"),
                       "must be at least 1, or null", "is %d", c->window);
    return check_positive(c, c->embed_scale, MEMBER(embed_scale), "embed_scale", at, err);
}

/* What the passes cannot do together, whatever the family. */
static bool check_kind(const gk_config *c, gk_place at, gk_error *err) {
    const gk_config *base = &c->family->base;
    if (c->norm != base->norm || c->gated != base->gated || c->rope != base->rope ||
        c->pre_norm != base->pre_norm || c->post_norm != base->post_norm || c->qk_norm != base->qk_norm ||
        c->norm_offset != base->norm_offset)
        return gk_fail(err, at, "start from gk_config_default",
                       "norms, MLP and positions are not those of the %s family", c->family->name);
    if (c->parallel && c->post_norm)
        return gk_fail(err, at, NULL, "a parallel block cannot have norms after attention and MLP");
    return true;
}

/* Biases that the family's config.json cannot say: the model would not be read back as it was saved. */
static bool check_biases(const gk_config *c, gk_place at, gk_error *err) {
    const gk_config *base = &c->family->base;
    const char *qkv = key_of(c->family, MEMBER(qkv_bias)), *o = key_of(c->family, MEMBER(o_bias));
    const struct {
        const char *key, *of;
        bool has, want;
    } all[] = {{qkv, "q, k and v", c->qkv_bias, base->qkv_bias},
               {o, "o", c->o_bias, base->o_bias},
               {key_of(c->family, MEMBER(mlp_bias)), "the MLP", c->mlp_bias, base->mlp_bias}};
    char hint[64];
    for (size_t i = 0; i < COUNT(all); i++) {
        if (all[i].key || all[i].has == all[i].want) continue;
        snprintf(hint, sizeof hint, "a %s model has %s there", c->family->name,
                 all[i].want ? "some" : "none");
        return gk_fail(err, at, hint, "there are %s of %s", all[i].has ? "biases" : "no biases", all[i].of);
    }
    if (!qkv || !o || strcmp(qkv, o) != 0 || c->qkv_bias == c->o_bias) return true;
    snprintf(hint, sizeof hint, "a %s model has both, or neither", c->family->name);
    return gk_fail(err, at, hint, "there are biases of %s and none of %s", all[c->o_bias].of,
                   all[!c->o_bias].of);
}

/* Ids beyond the vocabulary are what some folders have, and harm nobody: no text has such a token. */
static bool check_id(const gk_config *c, int id, size_t member, const char *name, gk_place at,
                     gk_error *err) {
    return id >= -1 || gk_fail(err, gk_config__at_member(at, c, member, name), "must be a token id, or none",
                               "is %d", id);
}

bool gk_config_check(const gk_config *c, gk_place at, gk_error *err) {
    if (!c->family) return gk_fail(err, at, gk_family_list(), "the configuration names no model family");
    return check_kind(c, at, err) && check_biases(c, at, err) && check_bounds(c, at, err) &&
           check_heads(c, at, err) && check_rope(c, at, err) && check_numbers(c, at, err) &&
           check_id(c, c->bos_id, MEMBER(bos_id), "bos_id", at, err) &&
           check_id(c, c->eos_id, MEMBER(eos_id), "eos_id", at, err);
}

gk_id_list gk_config_ends(const gk_config *c) {
    if (c->ends.n > 0) return c->ends;
    gk_id_list all = {0};
    if (c->eos_id >= 0) all.id[all.n++] = c->eos_id;
    for (int i = 0; i < c->more_eos.n && all.n < GK_MOST_IDS; i++) all.id[all.n++] = c->more_eos.id[i];
    return all;
}

bool gk_config_has(const gk_config *c, gk_component comp) {
    switch (comp) {
    case GK_POS:
        return !c->rope;
    case GK_GATE:
        return c->gated;
    case GK_LN1:
    case GK_LN2:
        return c->pre_norm;
    case GK_LN1_POST:
    case GK_LN2_POST:
        return c->post_norm;
    case GK_Q_NORM:
    case GK_K_NORM:
        return c->qk_norm;
    default:
        return comp >= 0 && comp < GK_N_COMPONENTS;
    }
}

/* ---------------------------------------------------------------- shapes */

bool gk_config__component_shape(const gk_config *c, gk_component comp, int *out, int *in) {
    int d = c->d_model, q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
    if (!gk_config_has(c, comp) || (comp == GK_HEAD && c->tied)) return false;
    const int shape[GK_N_COMPONENTS][2] = {
        [GK_EMBED] = {c->vocab, d},
        [GK_POS] = {c->max_positions, d},
        [GK_LN1] = {d, 1},
        [GK_Q] = {q, d},
        [GK_K] = {kv, d},
        [GK_V] = {kv, d},
        [GK_Q_NORM] = {c->qk_norm == GK_QK_BY_HEAD ? c->head_dim : q, 1},
        [GK_K_NORM] = {c->qk_norm == GK_QK_BY_HEAD ? c->head_dim : kv, 1},
        [GK_O] = {d, q},
        [GK_LN1_POST] = {d, 1},
        [GK_LN2] = {d, 1},
        [GK_GATE] = {c->d_ffn, d},
        [GK_UP] = {c->d_ffn, d},
        [GK_DOWN] = {d, c->d_ffn},
        [GK_LN2_POST] = {d, 1},
        [GK_LNF] = {d, 1},
        [GK_HEAD] = {c->vocab, d},
    };
    *out = shape[comp][0];
    *in = shape[comp][1];
    return true;
}

bool gk_config__component_biased(const gk_config *c, gk_component comp) {
    if (gk_component_is_norm(comp)) return c->norm == GK_LAYERNORM;
    switch (comp) {
    case GK_Q:
    case GK_K:
    case GK_V:
        return c->qkv_bias;
    case GK_O:
        return c->o_bias;
    case GK_GATE:
    case GK_UP:
    case GK_DOWN:
        return c->mlp_bias;
    default:
        return false;
    }
}
