/* hf_rotary.c: rotary positions in config.json. */
#include "model/config/dims.h"
#include "model/config/hf_numbers.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- rotary positions */

/* transformers 5 keeps everything in rope_parameters, older ones the scaling in rope_scaling and the rest
 * beside it; where a file has both, the older name counts and the other is not looked at, as in transformers.
 */
static bool rope_object(const json_t *doc, const json_t **out, const char **key, gk_place at, gk_error *err) {
    *out = gk_config__member(doc, "rope_scaling");
    bool empty = json_is_object(*out) && json_object_size(*out) == 0;
    *key = *out && !empty ? "rope_scaling" : "rope_parameters";
    if (!*out || empty) *out = gk_config__member(doc, "rope_parameters");
    at.field = *key;
    if (*out && !json_is_object(*out))
        return gk_fail(err, at, "must be an object or null", "is not an object");
    for (int i = 0; i < 2; i++) {
        const char *kind = i ? "sliding_attention" : "full_attention";
        if (json_object_get(*out, kind))
            return gk_fail(err, at, "one object for all layers", "has rotary positions for '%s' alone", kind);
    }
    return true;
}

/* Absent or a number. */
static bool optional_num(const json_t *doc, const char *key, double *out, gk_place at, gk_error *err) {
    return !json_object_get(doc, key) || gk_json_num(doc, key, out, at, err);
}

/* Beside the object it counts before the same key in it, for the kinds that need it. */
static bool read_original(const json_t *doc, const json_t *rope, int *out, gk_place top, gk_place inside,
                          gk_error *err) {
    static const char key[] = "original_max_position_embeddings";
    if (json_object_get(doc, key)) return gk_config__read_int(doc, key, 1, out, top, err);
    return !json_object_get(rope, key) || gk_config__read_int(rope, key, 1, out, inside, err);
}

static bool read_scaling(const json_t *doc, const json_t *rope, const gk_config *c, gk_rotary *out,
                         gk_place top, gk_place at, gk_error *err) {
    const json_t *type = json_object_get(rope, "rope_type");
    if (!type) type = json_object_get(rope, "type");
    const char *name = type ? json_string_value(type) : "default";
    if (name && strcmp(name, "default") == 0) return true;
    bool llama3 = name && strcmp(name, "llama3") == 0;
    if (!llama3 && !(name && strcmp(name, "linear") == 0))
        return gk_fail(err, at, "supported: default, linear, llama3",
                       "asks for rotary positions of kind '%.40s'", name ? name : "(not a string)");
    out->kind = llama3 ? GK_ROPE_LLAMA3 : GK_ROPE_LINEAR;
    if (!gk_config__read_float(rope, "factor", &out->factor, at, err)) return false;
    if (!llama3) return true;
    out->original = c->max_positions;
    return gk_config__read_float(rope, "low_freq_factor", &out->low, at, err) &&
           gk_config__read_float(rope, "high_freq_factor", &out->high, at, err) &&
           read_original(doc, rope, &out->original, top, at, err);
}

/* The rotated share of a head, which is a whole number of pairs. */
static bool set_share(gk_config *c, double share, gk_place at, gk_error *err) {
    bool any = c->family->rotary_key != NULL;
    if (!(share > 0 && share <= 1) || (share != 1 && !any))
        return gk_fail(err, at, any ? "must be above 0 and at most 1" : "must be 1 for this family",
                       "the share of a head that is rotated is %g", share);
    if (share != 1) c->rotary_dim = (int)(c->head_dim * share);
    return share == 1 || (c->rotary_dim != 0 && c->rotary_dim % 2 == 0) ||
           gk_fail(err, at, "rotary positions turn pairs: an even number of dimensions, at least 2",
                   "a share of %g makes %d of the %d dimensions of a head rotary", share, c->rotary_dim,
                   c->head_dim);
}

/* One kind of layers': `rope` is its object (NULL: there is none), `theta_key` its theta's name beside it. */
static bool read_kind(const json_t *doc, const json_t *rope, const char *theta_key, double theta,
                      gk_config *c, gk_rotary *out, gk_place at, gk_place inside, gk_error *err) {
    const gk_family *f = c->family;
    const char *share_key = f->rotary_key ? f->rotary_key : "partial_rotary_factor";
    gk_place at_share = at;
    at_share.field = json_object_get(rope, "partial_rotary_factor") ? "partial_rotary_factor" : share_key;
    double share = f->rotary_key ? f->rotary_default : 1;
    if (!optional_num(doc, theta_key, &theta, at, err) ||
        !optional_num(rope, "rope_theta", &theta, inside, err) ||
        !optional_num(doc, share_key, &share, at, err) ||
        !optional_num(rope, "partial_rotary_factor", &share, inside, err))
        return false;
    out->theta = (float)theta;
    return set_share(c, share, at_share, err) && (!rope || read_scaling(doc, rope, c, out, at, inside, err));
}

/* The older layout scales the layers without a window only, and names the others' theta apart. */
static bool read_apart(const json_t *doc, gk_config *c, gk_place at, gk_error *err) {
    static const char *const KIND[] = {"full_attention", "sliding_attention"};
    const gk_family *f = c->family;
    const json_t *both = gk_config__member(doc, "rope_parameters"),
                 *old = gk_config__member(doc, "rope_scaling");
    gk_rotary *out[] = {&c->rotary, &c->rotary_window};
    const char *key[] = {f->theta_key, f->theta_window_key};
    const double theta[] = {f->theta, f->theta_window};
    for (int i = 0; i < 2; i++) {
        const json_t *rope = gk_config__member(both, KIND[i]);
        gk_place inside = at;
        inside.field = rope ? KIND[i] : "rope_scaling";
        if (i == 0 && old && json_object_size(old) > 0) rope = old;
        if (rope && !json_is_object(rope))
            return gk_fail(err, inside, "must be an object or null", "is no object");
        if (!read_kind(doc, rope, key[i], theta[i], c, out[i], at, inside, err)) return false;
    }
    return true;
}

bool gk_config__read_rotary(const json_t *doc, gk_config *c, gk_place at, gk_error *err) {
    const json_t *rope;
    const char *key;
    if (c->rotary_apart) return read_apart(doc, c, at, err);
    if (!rope_object(doc, &rope, &key, at, err)) return false;
    gk_place inside = at;
    inside.field = key;
    double theta = c->family->theta != 0 ? c->family->theta : 1e4;
    return read_kind(doc, rope, c->family->theta_key, theta, c, &c->rotary, at, inside, err);
}

/* ---------------------------------------------------------------- writing */

/* The share of a head from which transformers gets rotary_dim back: it rounds share * head_dim down. */
static json_t *rotary_share(const gk_config *c) {
    int rotary = gk_config__rotary_dim(c);
    double share = (double)rotary / c->head_dim;
    if ((int)(c->head_dim * share) < rotary) share = nextafter(share, 1);
    return json_real(share);
}

static json_t *scaling_json(const gk_rotary *r) {
    json_t *o = json_object();
    if (r->kind == GK_ROPE_PLAIN) return json_object_set_new(o, "rope_type", json_string("default")), o;
    json_object_set_new(o, "rope_type", json_string(gk_rope_name(r->kind)));
    json_object_set_new(o, "factor", gk_config__float_json(r->factor));
    if (r->kind != GK_ROPE_LLAMA3) return o;
    json_object_set_new(o, "low_freq_factor", gk_config__float_json(r->low));
    json_object_set_new(o, "high_freq_factor", gk_config__float_json(r->high));
    json_object_set_new(o, "original_max_position_embeddings", json_integer(r->original));
    return o;
}

void gk_config__save_rotary(const gk_config *c, json_t *doc) {
    const gk_family *f = c->family;
    if (f->rotary_key) json_object_set_new(doc, f->rotary_key, rotary_share(c));
    if (c->rotary_apart) {
        json_t *full = scaling_json(&c->rotary), *windowed = scaling_json(&c->rotary_window);
        json_object_set_new(full, "rope_theta", gk_config__float_json(c->rotary.theta));
        json_object_set_new(windowed, "rope_theta", gk_config__float_json(c->rotary_window.theta));
        json_object_set_new(doc, "rope_parameters",
                            json_pack("{s:o, s:o}", "full_attention", full, "sliding_attention", windowed));
        return;
    }
    json_object_set_new(doc, f->theta_key, gk_config__float_json(c->rotary.theta));
    if (c->rotary.kind != GK_ROPE_PLAIN) json_object_set_new(doc, "rope_scaling", scaling_json(&c->rotary));
}
