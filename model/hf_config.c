/* hf_config.c: config.json of a Hugging Face folder, read and written by the family's list of fields. */
#include "model/family.h"

#include <stdlib.h>
#include <string.h>

/* What may stand in an integer field before gk_config_check judges it: twice a product of these still fits an
 * int. */
static const int64_t LARGEST_INT = 1 << 24;

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

/* Llama 3 lists several ends of a text. */
static bool read_id(const json_t *doc, const char *key, int *out, gk_place at, gk_error *err) {
    const json_t *v = member(doc, key);
    if (!v) return true;
    if (!json_is_array(v)) return read_int(doc, key, 0, out, at, err);
    const json_t *first = json_array_get(v, 0);
    if (json_is_integer(first) && json_integer_value(first) >= 0 &&
        json_integer_value(first) <= LARGEST_INT) {
        *out = (int)json_integer_value(first);
        return true;
    }
    at.field = key;
    return gk_fail(err, at, "must be a token id or a list of them",
                   "the list does not start with a token id");
}

static bool check_fixed(const json_t *doc, const gk__field *f, gk_place at, gk_error *err) {
    const json_t *v = member(doc, f->key);
    if (!v) return true;
    json_t *want = json_loads(f->value, JSON_DECODE_ANY, NULL);
    bool same = json_equal(v, want);
    json_decref(want);
    if (same) return true;
    char hint[96], *there = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    snprintf(hint, sizeof hint, "must be %s, the only value supported so far", f->value);
    at.field = f->key;
    gk_fail(err, at, hint, "is %.80s", there ? there : "not readable");
    free(there);
    return false;
}

static bool read_field(const json_t *doc, const gk__field *f, gk_config *c, gk_place at, gk_error *err) {
    void *out = (char *)c + f->member;
    if (f->optional && !member(doc, f->key)) return true;
    switch (f->kind) {
    case GK__INT:
        return read_int(doc, f->key, 1, out, at, err);
    case GK__NUM:
        return read_float(doc, f->key, out, at, err);
    case GK__BOOL:
        return gk_json_bool(doc, f->key, out, at, err);
    case GK__ID:
        return read_id(doc, f->key, out, at, err);
    case GK__FIXED:
        return check_fixed(doc, f, at, err);
    }
    return false;
}

/* Only plain rotary positions: a scaled kind would give other numbers. `key` holds the object that names the
 * kind. */
static bool check_rope_kind(const json_t *doc, const char *key, gk_place at, gk_error *err) {
    const json_t *rope = member(doc, key);
    if (!rope) return true;
    at.field = key;
    if (!json_is_object(rope)) return gk_fail(err, at, "must be an object or null", "is not an object");
    const json_t *type = member(rope, "rope_type");
    if (!type) type = member(rope, "type");
    const char *name = json_string_value(type);
    if (type && (!name || strcmp(name, "default") != 0))
        return gk_fail(err, at, "must be null or of rope_type \"default\", the only kind supported so far",
                       "asks for rotary positions of kind '%.40s'", name ? name : "(not a string)");
    const json_t *part = member(rope, "partial_rotary_factor");
    if (part && json_number_value(part) != 1.0)
        return gk_fail(err, at, "must be 1, the only value supported so far",
                       "partial_rotary_factor is not 1");
    return true;
}

/* transformers 5 keeps theta inside rope_parameters, older ones beside it; absent means 10000 to both. */
static bool read_rope(const json_t *doc, gk_config *c, gk_place at, gk_error *err) {
    if (!check_rope_kind(doc, "rope_scaling", at, err) || !check_rope_kind(doc, "rope_parameters", at, err))
        return false;
    const json_t *inner = member(doc, "rope_parameters");
    c->rope_theta = 1e4f;
    if (member(inner, "rope_theta")) {
        at.field = "rope_parameters";
        return read_float(inner, "rope_theta", &c->rope_theta, at, err);
    }
    return !member(doc, "rope_theta") || read_float(doc, "rope_theta", &c->rope_theta, at, err);
}

/* What optional fields leave open follows from the others. */
static bool derive(gk_config *c, gk_place at, gk_error *err) {
    if (c->n_kv_heads == 0) c->n_kv_heads = c->n_heads;
    if (c->d_ffn == 0) c->d_ffn = 4 * c->d_model;
    if (c->head_dim != 0) return true;
    if (c->d_model % c->n_heads != 0)
        return gk_fail(err, gk__at_member(at, c, offsetof(gk_config, n_heads), "n_heads"),
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
    char hint[96];
    snprintf(hint, sizeof hint, "supported: %s", gk_family_list());
    at.field = "model_type";
    return gk_fail(err, at, hint, "the model family '%.80s' is not supported", type);
}

static bool read_config(const json_t *doc, gk_config *c, gk_place at, gk_error *err) {
    const gk_family *f;
    if (!find_family(doc, &f, at, err)) return false;
    *c = (gk_config){.family = f,
                     .norm = f->norm,
                     .mlp = f->mlp,
                     .rope = f->rope,
                     .bias = f->bias,
                     .tied = f->tied_default,
                     .bos_id = -1,
                     .eos_id = -1};
    for (size_t i = 0; i < f->n_fields; i++)
        if (!read_field(doc, &f->fields[i], c, at, err)) return false;
    if (c->rope && !read_rope(doc, c, at, err)) return false;
    return derive(c, at, err) && gk_config_check(c, at, err);
}

bool gk__config_load(const char *path, gk_config *out, gk_error *err) {
    json_t *doc = gk_json_load(path, err);
    if (!doc) return false;
    bool ok = read_config(doc, out, GK_AT_FILE(path), err);
    json_decref(doc);
    return ok;
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

static json_t *field_value(const gk_config *c, const gk__field *f) {
    const void *in = (const char *)c + f->member;
    int id;
    switch (f->kind) {
    case GK__INT:
        return json_integer(*(const int *)in);
    case GK__NUM:
        return json_float(*(const float *)in);
    case GK__BOOL:
        return json_boolean(*(const bool *)in);
    case GK__ID:
        id = *(const int *)in;
        return id < 0 ? json_null() : json_integer(id);
    case GK__FIXED:
        return json_loads(f->value, JSON_DECODE_ANY, NULL);
    }
    return NULL;
}

bool gk__config_save(const gk_config *c, const char *path, gk_error *err) {
    const gk_family *f = c->family;
    json_t *doc = json_pack("{s:[s], s:s, s:s}", "architectures", f->architecture, "model_type", f->name,
                            "torch_dtype", "float32");
    for (size_t i = 0; i < f->n_fields; i++)
        json_object_set_new(doc, f->fields[i].key, field_value(c, &f->fields[i]));
    if (c->rope) json_object_set_new(doc, "rope_theta", json_float(c->rope_theta));
    bool ok = gk_json_save(path, doc, err);
    json_decref(doc);
    return ok;
}
