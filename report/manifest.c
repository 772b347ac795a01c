/* manifest.c: looking things up in what a store says of its run. */
#include "report/manifest.h"

#include <string.h>

const json_t *gk_manifest__item(const json_t *manifest, const char *list, const char *name) {
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(manifest, list), i, v) {
        const char *its = json_string_value(json_object_get(v, "name"));
        if (its && name && strcmp(its, name) == 0) return v;
    }
    return NULL;
}

const char *gk_manifest__text(const json_t *item, const char *key) {
    const char *text = json_string_value(json_object_get(item, key));
    return text ? text : "";
}

bool gk_manifest__bf16(const json_t *manifest) {
    return strcmp(gk_manifest__text(manifest, "bf16"), "true") == 0;
}
