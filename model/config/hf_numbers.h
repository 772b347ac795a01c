/* hf_numbers.h: members of config.json read and written as the numbers of a configuration. Internal to
 * model/config/. */
#ifndef GK_MODEL_HF_NUMBERS_H
#define GK_MODEL_HF_NUMBERS_H

#include "core/json.h"
#include "model/config/family.h"

#include <stdio.h>
#include <stdlib.h>

/* What may stand in an integer field before gk_config_check judges it: twice a product of these still fits an
 * int. */
enum { LARGEST_INT = 1 << 24 };
/* NULL when absent or null: Hugging Face treats both alike. */
static inline const json_t *gk_config__member(const json_t *doc, const char *key) {
    const json_t *v = json_object_get(doc, key);
    return json_is_null(v) ? NULL : v;
}

static inline bool gk_config__read_int(const json_t *doc, const char *key, int64_t lo, int *out, gk_place at,
                                       gk_error *err) {
    int64_t value;
    if (!gk_json_int(doc, key, lo, LARGEST_INT, &value, at, err)) return false;
    *out = (int)value;
    return true;
}

static inline bool gk_config__read_float(const json_t *doc, const char *key, float *out, gk_place at,
                                         gk_error *err) {
    double value;
    if (!gk_json_num(doc, key, &value, at, err)) return false;
    *out = (float)value;
    return true;
}

/* The shortest decimal that reads back as this float: 1e-05, not 9.9999997473787516e-06. */
static inline json_t *gk_config__float_json(float x) {
    char text[32];
    int digits = 1;
    do snprintf(text, sizeof text, "%.*g", digits, (double)x);
    while (strtof(text, NULL) != x && ++digits <= 9);
    return json_real(strtod(text, NULL));
}

/* ---- hf_rotary.c, hf_layers.c */
bool gk_config__read_rotary(const json_t *doc, gk_config *c, gk_place at, gk_error *err);
void gk_config__save_rotary(const gk_config *c, json_t *doc);
/* Which layers have a window, and which are not rotated. */
bool gk_config__read_layers(const json_t *doc, gk_config *c, gk_place at, gk_error *err);
void gk_config__save_layers(const gk_config *c, json_t *doc);

#endif
