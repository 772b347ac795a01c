/* hf_layers.c: what config.json says of single layers: which see a window only, and which are not rotated. */
#include "model/config/dims.h"
#include "model/config/hf_numbers.h"

#include <string.h>

static const char *const TYPES[] = {"full_attention", "sliding_attention"};

/* ---------------------------------------------------------------- layer_types */

static bool read_type(const json_t *types, size_t layer, bool *windowed, gk_place at, gk_error *err) {
    const char *type = json_string_value(json_array_get(types, layer));
    *windowed = type && strcmp(type, TYPES[1]) == 0;
    if (*windowed || (type && strcmp(type, TYPES[0]) == 0)) return true;
    return gk_fail(err, at, "supported: full_attention, sliding_attention", "layer %zu is '%.40s'", layer,
                   type ? type : "(nothing)");
}

static bool read_types(const json_t *types, gk_config *c, gk_place at, gk_error *err) {
    at.field = "layer_types";
    if (!json_is_array(types) || json_array_size(types) != (size_t)c->n_layers)
        return gk_fail(err, at, "one entry a layer", "is no list of %d", c->n_layers);
    for (int i = 0; i < c->n_layers; i++) {
        bool windowed;
        if (!read_type(types, (size_t)i, &windowed, at, err)) return false;
        if (windowed && !c->family->layer_types)
            return gk_fail(err, at, "every layer must be full_attention in this family", "layer %d is '%s'",
                           i, TYPES[1]);
        if (c->family->layer_types) gk_layer_put(&c->windowed, i, windowed);
    }
    return true;
}

/* ---------------------------------------------------------------- the class's own pattern */

/* Every so-many-th layer sees everything. */
static bool read_period(const json_t *doc, gk_config *c, gk_place at, gk_error *err) {
    const char *key = c->family->period_key;
    int period = c->family->window_period;
    if (key && gk_config__member(doc, key) && !gk_config__read_int(doc, key, 1, &period, at, err))
        return false;
    c->windowed = gk_config__layers_but_every(period);
    return true;
}

/* Qwen: a window where it is switched on, in the layers from max_window_layers on. */
static bool read_switch(const json_t *doc, gk_config *c, gk_place at, gk_error *err) {
    bool on = false;
    int first = (int)c->family->window_from;
    if (json_object_get(doc, "use_sliding_window") && !gk_json_bool(doc, "use_sliding_window", &on, at, err))
        return false;
    if (json_object_get(doc, "max_window_layers") &&
        !gk_config__read_int(doc, "max_window_layers", 0, &first, at, err))
        return false;
    if (!on) c->window = 0;
    for (int i = 0; i < c->n_layers; i++) gk_layer_put(&c->windowed, i, i >= first);
    return true;
}

/* GPT-Neo's [[["global", "local"], 12], …]: a list of kinds, and how often it comes. */
static bool read_attention_types(const json_t *doc, gk_config *c, gk_place at, gk_error *err) {
    const json_t *types = gk_config__member(doc, "attention_types"), *item;
    size_t i, n = 0, layers = (size_t)c->n_layers;
    at.field = "attention_types";
    for (int l = 0; l < c->n_layers; l++) gk_layer_put(&c->windowed, l, l % 2 != 0);
    if (!types) return layers == 24 || gk_fail(err, at, "a list, as there are not 24 layers", "is not there");
    json_array_foreach(types, i, item) {
        const json_t *kinds = json_array_get(item, 0), *times = json_array_get(item, 1);
        json_int_t left = json_is_integer(times) ? json_integer_value(times) : 0;
        for (; left > 0 && n < layers && json_array_size(kinds) > 0; left--)
            for (size_t k = 0; k < json_array_size(kinds) && n < layers; k++, n++) {
                const char *kind = json_string_value(json_array_get(kinds, k));
                bool local = kind && strcmp(kind, "local") == 0;
                if (!local && !(kind && strcmp(kind, "global") == 0))
                    return gk_fail(err, at, "supported: global, local", "layer %zu is of another kind", n);
                gk_layer_put(&c->windowed, (int)n, local);
            }
        if (left > 0) n = layers + 1; /* more layers than there are */
    }
    return n == layers || gk_fail(err, at, "lists of kinds, each with how often it comes, of all layers",
                                  "is no such list of %d layers", c->n_layers);
}

/* SmolLM3: a list with 0 for layers that are not rotated, or every so-many-th is not; where a window is
 * switched on, these have it. */
static bool read_no_rope(const json_t *doc, gk_config *c, gk_place at, gk_error *err) {
    int period = c->family->rope_period;
    const json_t *list = gk_config__member(doc, "no_rope_layers");
    if (gk_config__member(doc, "no_rope_layer_interval") &&
        !gk_config__read_int(doc, "no_rope_layer_interval", 1, &period, at, err))
        return false;
    at.field = "no_rope_layers";
    if (list && json_array_size(list) != (size_t)c->n_layers)
        return gk_fail(err, at, "one entry a layer", "is no list of %d", c->n_layers);
    for (int i = 0; i < c->n_layers; i++) {
        const json_t *rotated = json_array_get(list, (size_t)i);
        if (list && !json_is_integer(rotated) && !json_is_boolean(rotated))
            return gk_fail(err, at, "1 or 0 for each layer", "the entry of layer %d is neither", i);
        bool without =
            list ? json_is_false(rotated) || (json_is_integer(rotated) && json_integer_value(rotated) == 0)
                 : (i + 1) % period == 0;
        gk_layer_put(&c->unrotated, i, without);
        gk_layer_put(&c->windowed, i, without);
    }
    return true;
}

static bool any_windowed(const gk_config *c) {
    bool any = false;
    for (int i = 0; i < c->n_layers; i++) any = any || gk_layer_in(&c->windowed, i);
    return any;
}

bool gk_config__read_layers(const json_t *doc, gk_config *c, gk_place at, gk_error *err) {
    const json_t *types = gk_config__member(doc, "layer_types");
    bool windows = c->family->window_period != 0;
    if (windows && !read_period(doc, c, at, err)) return false;
    if (c->family->switched_window && !read_switch(doc, c, at, err)) return false;
    if (c->family->rope_period && !read_no_rope(doc, c, at, err)) return false;
    if (c->family->attention_types && !read_attention_types(doc, c, at, err)) return false;
    if (types && !read_types(types, c, at, err)) return false;
    for (int i = 0; c->family->rotates_windows && c->window > 0 && i < c->n_layers; i++)
        gk_layer_put(&c->unrotated, i, !gk_layer_in(&c->windowed, i));
    if (!windows || !c->family->layer_types) return true;
    at.field = "sliding_window";
    if (c->window == 0 && any_windowed(c) && (types || !c->family->switched_window))
        return gk_fail(err, at, "a number of positions, or full_attention for every layer in layer_types",
                       "is null, but there are layers with a window");
    if (!any_windowed(c)) c->window = 0;
    return true;
}

/* ---------------------------------------------------------------- writing */

static void save_attention_types(const gk_config *c, json_t *doc) {
    json_t *kinds = json_array();
    for (int i = 0; i < c->n_layers; i++)
        json_array_append_new(kinds, json_string(gk_config_windowed(c, i) ? "local" : "global"));
    json_object_set_new(doc, "attention_types", json_pack("[[o, i]]", kinds, 1));
}

static void save_no_rope(const gk_config *c, json_t *doc) {
    json_t *list = json_array();
    for (int i = 0; i < c->n_layers; i++) json_array_append_new(list, json_integer(gk_config_rotated(c, i)));
    json_object_set_new(doc, "no_rope_layers", list);
}

/* Where no layer has a window transformers asks for a width all the same; but by it a family may say that
 * none is rotated. */
void gk_config__save_layers(const gk_config *c, json_t *doc) {
    const gk_family *f = c->family;
    size_t window = offsetof(gk_config, window);
    if (f->switched_window) json_object_set_new(doc, "use_sliding_window", json_boolean(c->window > 0));
    if (f->rope_period) save_no_rope(c, doc);
    if (f->attention_types) save_attention_types(c, doc);
    if (!f->layer_types) return;
    int width = (int)gk_config__family_standard(f, window);
    bool none = f->rotates_windows && gk_config_rotated(c, 0);
    if (c->window == 0 && width > 0 && !none) json_object_set_new(doc, "sliding_window", json_integer(width));
    json_t *types = json_array();
    for (int i = 0; i < c->n_layers; i++)
        json_array_append_new(types, json_string(TYPES[gk_config_windowed(c, i)]));
    json_object_set_new(doc, "layer_types", types);
}
