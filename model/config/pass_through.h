/* pass_through.h: what a folder says that saving has to hand on. Internal to model/. */
#ifndef GK_MODEL_PASS_THROUGH_H
#define GK_MODEL_PASS_THROUGH_H

#include "model/model.h"

/* NULL members: nothing. */
typedef struct gk__kept {
    json_t *config;     /* members of config.json */
    json_t *generation; /* generation_config.json */
} gk__kept;
/* On failure too `out` wants gk__kept_free. */
bool gk__kept_load(const char *dir, gk__kept *out, gk_error *err);
void gk__kept_free(gk__kept *k);

#endif
