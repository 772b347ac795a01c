/* pass_through.h: what a folder says that saving has to hand on. Internal to model/. */
#ifndef GK_MODEL_PASS_THROUGH_H
#define GK_MODEL_PASS_THROUGH_H

#include "graftkit/core/error.h"

#include <jansson.h>

/* NULL members: nothing. */
typedef struct gk_config__pass_through {
    json_t *config;     /* members of config.json */
    json_t *generation; /* generation_config.json */
} gk_config__pass_through;
/* On failure too `out` wants gk_config__pass_through_free. */
bool gk_config__pass_through_load(const char *dir, gk_config__pass_through *out, gk_error *err);
void gk_config__pass_through_free(gk_config__pass_through *k);

#endif
