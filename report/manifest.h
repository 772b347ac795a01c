/* manifest.h: looking things up in what a store says of its run (gk_store_manifest). Internal to report/. */
#ifndef GK_REPORT_MANIFEST_H
#define GK_REPORT_MANIFEST_H

#include "graftkit/core/base.h"

#include <jansson.h>

/* The item of this name in one of a manifest's lists (models, schemes, sets); NULL where there is none. */
const json_t *gk_manifest__item(const json_t *manifest, const char *list, const char *name);
/* What an item (or NULL) says under this key; "" where it does not. */
const char *gk_manifest__text(const json_t *item, const char *key);
/* Whether its products were of bf16 operands; a store that was made earlier does not say, and was not. */
bool gk_manifest__bf16(const json_t *manifest);

#endif
