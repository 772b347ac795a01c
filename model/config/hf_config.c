/* hf_config.c: config.json of a Hugging Face folder, read and written by the family's list of fields. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "model/config/dims.h"
#include "model/config/family.h"
#include "model/config_json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What may stand in an integer field before gk_config_check judges it: twice a product of these still fits an
 * int. */
static const int64_t LARGEST_INT = 1 << 24;
#define GENERATION "generation_config.json"

/* ---------------------------------------------------------------- reading */

/* NULL when absent or null: Hugging Face treats both alike. */
static const json_t *member(const json_t *doc, const char *key) {
    const json_t *v = json_object_get(doc, key);
    return json_is_null(v) ? NULL : v;
}

static bool read_int(const json_t *doc, const char *key, int64_t lo, int *out, gk_place at, gk_error *err) {
    int64_t value;
    if (!gk_json_int(doc, key, lo, LARGEST_INT, &value, at, err)) return false;
    *out = (int)value;
    return true;
}

static bool read_float(const json_t *doc, const char *key, float *out, gk_place at, gk_error *err) {
    double value;
    if (!gk_json_num(doc, key, &value, at, err)) return false;
    *out = (float)value;
    return true;
}

/* An id or a list of them (Llama 3 has several ends of a text); absent, null or -1: none. */
static bool read_ids(const json_t *doc, const char *key, gk_id_list *out, gk_place at, gk_error *err) {
    const json_t *v = member(doc, key);
    *out = (gk_id_list){0};
    if (!v) return true;
    if (!json_is_array(v)) {
        bool ok = read_int(doc, key, -1, &out->id[0], at, err);
        out->n = ok && out->id[0] >= 0;
        return ok;
    }
    at.field = key;
    if (json_array_size(v) == 0)
        return gk_fail(err, at, "must be a token id or a list of them, or null", "is an empty list");
    if (json_array_size(v) > GK_MOST_IDS)
        return gk_fail(err, at, "at most 16 token ids", "is a list of %zu", json_array_size(v));
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *id = json_array_get(v, i);
        if (!json_is_integer(id) || json_integer_value(id) < -1 || json_integer_value(id) > LARGEST_INT)
            return gk_fail(err, at, "must be a token id or a list of them", "item %zu is no token id", i);
        if (json_integer_value(id) >= 0) out->id[out->n++] = (int)json_integer_value(id);
    }
    return true;
}

/* The first goes to `out`, the others to `more` (NULL: they do not count). */
static bool read_id(const json_t *doc, const char *key, int *out, gk_id_list *more, gk_place at,
                    gk_error *err) {
    gk_id_list all;
    if (!read_ids(doc, key, &all, at, err)) return false;
    *out = all.n > 0 ? all.id[0] : -1;
    for (int i = 1; more && i < all.n; i++) more->id[more->n++] = all.id[i];
    return true;
}

static bool read_cap(const json_t *doc, const char *key, float *out, gk_place at, gk_error *err) {
    if (!read_float(doc, key, out, at, err)) return false;
    at.field = key;
    return *out > 0 || gk_fail(err, at, "must be a number above 0, or null", "is %g", (double)*out);
}

/* transformers' names; several mean the same function. */
static const struct {
    const char *name;
    gk_act_kind kind;
} ACTS[] = {
    {"gelu", GK_GELU},
    {"gelu_python", GK_GELU},
    {"gelu_new", GK_GELU_TANH},
    {"gelu_fast", GK_GELU_TANH},
    {"gelu_pytorch_tanh", GK_GELU_TANH},
    {"silu", GK_SILU},
    {"swish", GK_SILU},
    {"relu", GK_RELU},
};
enum { N_ACTS = sizeof ACTS / sizeof *ACTS };

static bool read_act(const json_t *doc, const char *key, const gk_family *f, gk_act_kind *out, gk_place at,
                     gk_error *err) {
    const char *name;
    if (!gk_json_str(doc, key, &name, at, err)) return false;
    for (size_t i = 0; i < N_ACTS; i++)
        if (strcmp(name, ACTS[i].name) == 0) {
            bool tanh_form = f->gelu_is_tanh && strcmp(name, "gelu") == 0;
            *out = tanh_form ? GK_GELU_TANH : ACTS[i].kind;
            return true;
        }
    at.field = key;
    return gk_fail(err, at, "supported: gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, silu, relu",
                   "the activation '%.40s' is not supported", name);
}

static const char *act_name(const gk_config *c) {
    if (c->act == c->family->base.act) return c->family->act_name;
    if (c->act == GK_GELU && c->family->gelu_is_tanh)
        return "gelu_python"; /* "gelu" would be read as tanh's */
    for (size_t i = 0; i < N_ACTS; i++)
        if (ACTS[i].kind == c->act) return ACTS[i].name;
    return NULL;
}

/* The member's value where config.json does not say it, or says that there is none. */
static void set_standard(const gk_config__field *f, bool none, gk_config *c) {
    void *out = (char *)c + f->member;
    bool id = f->kind == GK_CONFIG__ID || f->kind == GK_CONFIG__IDS;
    double value = !none ? f->standard : id ? -1 : 0;
    if (f->kind == GK_CONFIG__INT || id)
        *(int *)out = (int)value;
    else if (f->kind == GK_CONFIG__NUM || f->kind == GK_CONFIG__CAP)
        *(float *)out = (float)value;
    else if (f->kind == GK_CONFIG__BOOL)
        *(bool *)out = value != 0;
}

static bool read_value(const json_t *doc, const char *key, const gk_config__field *f, gk_config *c,
                       gk_place at, gk_error *err) {
    void *out = (char *)c + f->member;
    switch (f->kind) {
    case GK_CONFIG__INT:
        return read_int(doc, key, 1, out, at, err);
    case GK_CONFIG__NUM:
        return read_float(doc, key, out, at, err);
    case GK_CONFIG__CAP:
        return read_cap(doc, key, out, at, err);
    case GK_CONFIG__BOOL:
        return gk_json_bool(doc, key, out, at, err);
    case GK_CONFIG__ACT:
        return read_act(doc, key, c->family, out, at, err);
    case GK_CONFIG__ID:
        return read_id(doc, key, out, NULL, at, err);
    case GK_CONFIG__IDS:
        return read_id(doc, key, out, &c->more_eos, at, err);
    }
    return false;
}

static bool read_field(const json_t *doc, const gk_config__field *f, gk_config *c, gk_place at,
                       gk_error *err) {
    const char *key = f->alias && json_object_get(doc, f->alias) ? f->alias : f->key;
    const json_t *v = json_object_get(doc, key);
    set_standard(f, json_is_null(v), c);
    if (v && (!json_is_null(v) || !f->nullable)) return read_value(doc, key, f, c, at, err);
    return true;
}

/* ---------------------------------------------------------------- rotary positions */

/* transformers 5 keeps everything in rope_parameters, older ones the scaling in rope_scaling and the rest
 * beside it; where a file has both, the older name counts and the other is not looked at, as in transformers.
 */
static bool rope_object(const json_t *doc, const json_t **out, const char **key, gk_place at, gk_error *err) {
    *out = member(doc, "rope_scaling");
    bool empty = json_is_object(*out) && json_object_size(*out) == 0;
    *key = *out && !empty ? "rope_scaling" : "rope_parameters";
    if (!*out || empty) *out = member(doc, "rope_parameters");
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
    if (json_object_get(doc, key)) return read_int(doc, key, 1, out, top, err);
    return !json_object_get(rope, key) || read_int(rope, key, 1, out, inside, err);
}

static bool read_scaling(const json_t *doc, const json_t *rope, gk_config *c, gk_place top, gk_place at,
                         gk_error *err) {
    const json_t *type = json_object_get(rope, "rope_type");
    if (!type) type = json_object_get(rope, "type");
    const char *name = type ? json_string_value(type) : "default";
    if (name && strcmp(name, "default") == 0) return true;
    bool llama3 = name && strcmp(name, "llama3") == 0;
    if (!llama3 && !(name && strcmp(name, "linear") == 0))
        return gk_fail(err, at, "supported: default, linear, llama3",
                       "asks for rotary positions of kind '%.40s'", name ? name : "(not a string)");
    c->rope_kind = llama3 ? GK_ROPE_LLAMA3 : GK_ROPE_LINEAR;
    if (!read_float(rope, "factor", &c->rope_factor, at, err)) return false;
    if (!llama3) return true;
    c->rope_original = c->max_positions;
    return read_float(rope, "low_freq_factor", &c->rope_low, at, err) &&
           read_float(rope, "high_freq_factor", &c->rope_high, at, err) &&
           read_original(doc, rope, &c->rope_original, top, at, err);
}

static bool read_rope(const json_t *doc, gk_config *c, gk_place at, gk_error *err) {
    const gk_family *f = c->family;
    const json_t *rope;
    const char *key, *share_key = f->rotary_key ? f->rotary_key : "partial_rotary_factor";
    if (!rope_object(doc, &rope, &key, at, err)) return false;
    gk_place inside = at, at_share = at;
    inside.field = key;
    at_share.field = json_object_get(rope, "partial_rotary_factor") ? "partial_rotary_factor" : share_key;
    double theta = 1e4, share = f->rotary_key ? f->rotary_default : 1;
    if (!optional_num(doc, f->theta_key, &theta, at, err) ||
        !optional_num(rope, "rope_theta", &theta, inside, err) ||
        !optional_num(doc, share_key, &share, at, err) ||
        !optional_num(rope, "partial_rotary_factor", &share, inside, err))
        return false;
    if (!(share > 0 && share <= 1) || (share != 1 && !f->rotary_key))
        return gk_fail(err, at_share,
                       f->rotary_key ? "must be above 0 and at most 1" : "must be 1 for this family",
                       "the share of a head that is rotated is %g", share);
    c->rope_theta = (float)theta;
    if (share != 1) c->rotary_dim = (int)(c->head_dim * share);
    if (share != 1 && (c->rotary_dim == 0 || c->rotary_dim % 2 != 0))
        return gk_fail(err, at_share, "rotary positions turn pairs: an even number of dimensions, at least 2",
                       "a share of %g makes %d of the %d dimensions of a head rotary", share, c->rotary_dim,
                       c->head_dim);
    return !rope || read_scaling(doc, rope, c, at, inside, err);
}

/* ---------------------------------------------------------------- windows */

static bool is_type(const json_t *types, size_t layer, const char *want) {
    const char *type = json_string_value(json_array_get(types, layer));
    return type && strcmp(type, want) == 0;
}

static bool all_full(const json_t *types, int n) {
    for (size_t i = 0; i < (size_t)n; i++)
        if (!is_type(types, i, "full_attention")) return false;
    return true;
}

/* The pattern of windows that the passes know is Gemma 2's; a family without windows has none to see. */
static bool check_layer_types(const json_t *types, const gk_config *c, gk_place at, gk_error *err) {
    bool windows = c->family->base.window != 0;
    for (size_t i = 0; i < (size_t)c->n_layers; i++) {
        const char *have = json_string_value(json_array_get(types, i));
        if (is_type(types, i, windows && i % 2 == 0 ? "sliding_attention" : "full_attention")) continue;
        return gk_fail(err, at,
                       windows ? "sliding_attention and full_attention must alternate, sliding first, or "
                                 "every layer must be full_attention"
                               : "every layer must be full_attention in this family",
                       "layer %zu is '%.40s'", i, have ? have : "(nothing)");
    }
    return true;
}

static bool read_layer_types(const json_t *doc, gk_config *c, gk_place at, gk_error *err) {
    const json_t *types = member(doc, "layer_types");
    at.field = "layer_types";
    if (types && (!json_is_array(types) || json_array_size(types) != (size_t)c->n_layers))
        return gk_fail(err, at, "one entry a layer", "is no list of %d", c->n_layers);
    if (types && all_full(types, c->n_layers)) {
        c->window = 0;
        return true;
    }
    if (types && !check_layer_types(types, c, at, err)) return false;
    at.field = "sliding_window";
    return c->window != 0 || c->family->base.window == 0 ||
           gk_fail(err, at, "a number of positions, or full_attention for every layer in layer_types",
                   "is null, but there are layers with a window");
}

/* Qwen 2's window counts where it is switched on, in the layers from max_window_layers on, and where a text
 * can be longer than it: a configuration in which it changes nothing is read, any other is refused. */
static bool check_switched_window(const json_t *doc, const gk_config *c, gk_place at, gk_error *err) {
    bool on = false;
    int window = 4096, first = 28; /* the class's own */
    const json_t *width = json_object_get(doc, "sliding_window");
    if (json_object_get(doc, "use_sliding_window") && !gk_json_bool(doc, "use_sliding_window", &on, at, err))
        return false;
    if (!on || json_is_null(width) || member(doc, "layer_types")) return true; /* layer_types was looked at */
    if ((width && !read_int(doc, "sliding_window", 1, &window, at, err)) ||
        (json_object_get(doc, "max_window_layers") &&
         !read_int(doc, "max_window_layers", 0, &first, at, err)))
        return false;
    at.field = "use_sliding_window";
    return first >= c->n_layers || window >= c->max_positions ||
           gk_fail(err, at, "false, or max_window_layers at the number of layers",
                   "the layers from %d on see a window of %d positions, which is not built for this family",
                   first, window);
}

/* What optional fields leave open follows from the others. */
static bool derive(gk_config *c, gk_place at, gk_error *err) {
    if (c->n_kv_heads == 0) c->n_kv_heads = c->n_heads;
    if (c->d_ffn == 0) c->d_ffn = 4 * c->d_model;
    if (c->family->embed_scaled) c->embed_scale = sqrtf((float)c->d_model);
    if (c->head_dim != 0) return true;
    if (c->d_model % c->n_heads != 0)
        return gk_fail(err, gk_config__at_member(at, c, offsetof(gk_config, n_heads), "n_heads"),
                       "the number of heads must divide the width", "%d heads do not divide a width of %d",
                       c->n_heads, c->d_model);
    c->head_dim = c->d_model / c->n_heads;
    return true;
}

static bool find_family(const json_t *doc, const gk_family **out, gk_place at, gk_error *err) {
    const char *type;
    if (!gk_json_str(doc, "model_type", &type, at, err)) return false;
    *out = gk_family_find(type);
    if (*out) return true;
    const char *lacks = gk_config__lacks(type);
    at.field = "model_type";
    return gk_fail(err, at, "`graftkit models` lists those that are",
                   "the model family '%.80s' is not supported%s%s", type, lacks ? ": it has " : "",
                   lacks ? lacks : "");
}

static bool read_config(const json_t *doc, gk_config *c, gk_place at, gk_error *err) {
    const gk_family *f;
    if (!find_family(doc, &f, at, err)) return false;
    *c = gk_config__of_family(f);
    for (size_t i = 0; i < f->n_fields; i++)
        if (!read_field(doc, &f->fields[i], c, at, err)) return false;
    if (!derive(c, at, err) || (c->rope && !read_rope(doc, c, at, err)) ||
        !read_layer_types(doc, c, at, err) || (f->switched_window && !check_switched_window(doc, c, at, err)))
        return false;
    return gk_config_check(c, at, err) && gk_config__check_keys(doc, c, at, err);
}

bool gk_config__generation_load(const char *dir, gk_config *c, gk_error *err) {
    gk_arena *a = gk_arena_new();
    const char *path = gk_path_join(a, dir, GENERATION);
    json_t *doc = gk_exists(path) ? gk_json_load(path, err) : NULL;
    bool ok = doc ? read_ids(doc, "eos_token_id", &c->ends, GK_AT_FILE(path), err) : !gk_exists(path);
    json_decref(doc);
    gk_arena_free(a);
    return ok;
}

bool gk_config__load(const char *path, gk_config *out, gk_error *err) {
    json_t *doc = gk_json_load_words(path, err);
    if (!doc) return false;
    bool ok = read_config(doc, out, GK_AT_FILE(path), err);
    json_decref(doc);
    return ok;
}

bool gk_config_parse(const json_t *doc, gk_place at, gk_config *out, gk_error *err) {
    return read_config(doc, out, at, err);
}

/* ---------------------------------------------------------------- writing */

/* The shortest decimal that reads back as this float: 1e-05, not 9.9999997473787516e-06. */
static json_t *json_float(float x) {
    char text[32];
    int digits = 1;
    do snprintf(text, sizeof text, "%.*g", digits, (double)x);
    while (strtof(text, NULL) != x && ++digits <= 9);
    return json_real(strtod(text, NULL));
}

/* One id as a number, several as a list, as transformers has them. */
static json_t *ids_json(int first, const gk_id_list *more) {
    if (first < 0) return json_null();
    if (more->n == 0) return json_integer(first);
    json_t *list = json_pack("[i]", first);
    for (int i = 0; i < more->n; i++) json_array_append_new(list, json_integer(more->id[i]));
    return list;
}

static json_t *field_value(const gk_config *c, const gk_config__field *f) {
    const void *in = (const char *)c + f->member;
    static const gk_id_list none = {0};
    switch (f->kind) {
    case GK_CONFIG__INT: /* 0: an optional one that is not set */
        return *(const int *)in ? json_integer(*(const int *)in) : json_null();
    case GK_CONFIG__NUM: /* transformers insists that Gemma 2's query_pre_attn_scalar is an integer */
        if (f->member == offsetof(gk_config, query_scale) && c->query_scale == (float)(int)c->query_scale)
            return json_integer((json_int_t)c->query_scale);
        return json_float(*(const float *)in);
    case GK_CONFIG__CAP:
        return *(const float *)in > 0 ? json_float(*(const float *)in) : json_null();
    case GK_CONFIG__ACT:
        return json_string(act_name(c));
    case GK_CONFIG__BOOL:
        return json_boolean(*(const bool *)in);
    case GK_CONFIG__ID:
        return ids_json(*(const int *)in, &none);
    case GK_CONFIG__IDS:
        return ids_json(*(const int *)in, &c->more_eos);
    }
    return NULL;
}

/* The share of a head from which transformers gets rotary_dim back: it rounds share * head_dim down. */
static json_t *rotary_share(const gk_config *c) {
    int rotary = gk_config__rotary_dim(c);
    double share = (double)rotary / c->head_dim;
    if ((int)(c->head_dim * share) < rotary) share = nextafter(share, 1);
    return json_real(share);
}

static void save_rope(const gk_config *c, json_t *doc) {
    const gk_family *f = c->family;
    json_object_set_new(doc, f->theta_key, json_float(c->rope_theta));
    if (f->rotary_key) json_object_set_new(doc, f->rotary_key, rotary_share(c));
    if (c->rope_kind == GK_ROPE_PLAIN) return;
    json_t *scaling = json_object();
    bool llama3 = c->rope_kind == GK_ROPE_LLAMA3;
    json_object_set_new(scaling, "rope_type", json_string(llama3 ? "llama3" : "linear"));
    json_object_set_new(scaling, "factor", json_float(c->rope_factor));
    if (llama3) {
        json_object_set_new(scaling, "low_freq_factor", json_float(c->rope_low));
        json_object_set_new(scaling, "high_freq_factor", json_float(c->rope_high));
        json_object_set_new(scaling, "original_max_position_embeddings", json_integer(c->rope_original));
    }
    json_object_set_new(doc, "rope_scaling", scaling);
}

/* Gemma 2 without windows: transformers' layers have them unless they are told, and it asks for a width all
 * the same. */
static void save_layer_types(const gk_config *c, json_t *doc) {
    if (c->family->base.window == 0 || c->window != 0) return;
    json_object_set_new(doc, "sliding_window", json_integer(c->family->base.window));
    json_t *types = json_array();
    for (int i = 0; i < c->n_layers; i++) json_array_append_new(types, json_string("full_attention"));
    json_object_set_new(doc, "layer_types", types);
}

static bool same_ids(const gk_id_list *a, const gk_id_list *b) {
    return a->n == b->n && memcmp(a->id, b->id, (size_t)a->n * sizeof *a->id) == 0;
}

bool gk_config__generation_save(const gk_config *c, const json_t *kept, const char *dir, gk_error *err) {
    gk_config plain = *c;
    plain.ends.n = 0;
    gk_id_list all = gk_config_ends(&plain), rest = {0};
    gk_arena *a = gk_arena_new();
    const char *path = gk_path_join(a, dir, GENERATION);
    bool ok = true;
    if (kept) {
        ok = gk_json_save(path, kept, err);
    } else if (c->ends.n > 0 && !same_ids(&c->ends, &all)) {
        for (int i = 1; i < c->ends.n; i++) rest.id[rest.n++] = c->ends.id[i];
        json_t *doc = json_object();
        if (c->bos_id >= 0) json_object_set_new(doc, "bos_token_id", json_integer(c->bos_id));
        json_object_set_new(doc, "eos_token_id", ids_json(c->ends.id[0], &rest));
        ok = gk_json_save(path, doc, err);
        json_decref(doc);
    } else if (unlink(path) != 0 && errno != ENOENT) {
        ok = gk_fail_errno(err, GK_AT_FILE(path), "removing the file", errno);
    }
    gk_arena_free(a);
    return ok;
}

static json_t *config_json(const gk_config *c, gk_dtype weights) {
    static const char *const types[] = {[GK_F32] = "float32", [GK_F16] = "float16", [GK_BF16] = "bfloat16"};
    const gk_family *f = c->family;
    json_t *doc = json_pack("{s:[s], s:s, s:s}", "architectures", f->architecture, "model_type", f->name,
                            "torch_dtype", types[weights]);
    for (size_t i = 0; i < f->n_fields; i++)
        json_object_set_new(doc, f->fields[i].key, field_value(c, &f->fields[i]));
    if (c->rope) save_rope(c, doc);
    save_layer_types(c, doc);
    return doc;
}

bool gk_config__save(const gk_config *c, gk_dtype weights, const json_t *kept, const char *path,
                     gk_error *err) {
    json_t *doc = config_json(c, weights);
    json_object_update_missing(doc, (json_t *)(uintptr_t)kept);
    bool ok = gk_json_save(path, doc, err);
    json_decref(doc);
    return ok;
}

json_t *gk_config_json(const gk_config *c) {
    return config_json(c, GK_F32);
}
