/* config_json.h: a configuration as config.json says it. Shared between graftkit's modules; not installed. */
#ifndef GK_MODEL_CONFIG_JSON_H
#define GK_MODEL_CONFIG_JSON_H

#include "graftkit/core/error.h"
#include "graftkit/model/config.h"

#include <jansson.h>

/* What config.json would say, as a new reference, and the way back. */
json_t *gk_config_json(const gk_config *c);
bool gk_config_parse(const json_t *doc, gk_place at, gk_config *out, gk_error *err);

#endif
