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
    if (types && !read_types(types, c, at, err)) return false;
    if (!windows || !c->family->layer_types) return true;
    at.field = "sliding_window";
    if (c->window == 0 && any_windowed(c) && (types || !c->family->switched_window))
        return gk_fail(err, at, "a number of positions, or full_attention for every layer in layer_types",
                       "is null, but there are layers with a window");
    if (!any_windowed(c)) c->window = 0;
    return true;
}

/* ---------------------------------------------------------------- writing */

/* transformers asks for a width where no layer has a window too. */
void gk_config__save_layers(const gk_config *c, json_t *doc) {
    const gk_family *f = c->family;
    size_t window = offsetof(gk_config, window);
    if (f->switched_window) json_object_set_new(doc, "use_sliding_window", json_boolean(c->window > 0));
    if (!f->layer_types) return;
    if (c->window == 0)
        json_object_set_new(doc, "sliding_window",
                            json_integer((json_int_t)gk_config__family_standard(f, window)));
    json_t *types = json_array();
    for (int i = 0; i < c->n_layers; i++)
        json_array_append_new(types, json_string(TYPES[gk_config_windowed(c, i)]));
    json_object_set_new(doc, "layer_types", types);
}
