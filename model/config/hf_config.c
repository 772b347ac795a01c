/* hf_config.c: config.json of a Hugging Face folder, read and written by the family's list of fields. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "model/config/hf_numbers.h"
#include "model/config_json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GENERATION "generation_config.json"

/* ---------------------------------------------------------------- reading */

/* An id or a list of them (Llama 3 has several ends of a text); absent, null or -1: none. */
static bool read_ids(const json_t *doc, const char *key, gk_id_list *out, gk_place at, gk_error *err) {
    const json_t *v = gk_config__member(doc, key);
    *out = (gk_id_list){0};
    if (!v) return true;
    if (!json_is_array(v)) {
        bool ok = gk_config__read_int(doc, key, -1, &out->id[0], at, err);
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
    if (!gk_config__read_float(doc, key, out, at, err)) return false;
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
        return gk_config__read_int(doc, key, 1, out, at, err);
    case GK_CONFIG__NUM:
        return gk_config__read_float(doc, key, out, at, err);
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
    if (!derive(c, at, err) || (c->rope && !gk_config__read_rotary(doc, c, at, err)) ||
        !gk_config__read_layers(doc, c, at, err))
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
        return gk_config__float_json(*(const float *)in);
    case GK_CONFIG__CAP:
        return *(const float *)in > 0 ? gk_config__float_json(*(const float *)in) : json_null();
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
    if (c->rope) gk_config__save_rotary(c, doc);
    gk_config__save_layers(c, doc);
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
