/* json.h: recipes and lines of metrics.jsonl as JSON. Shared between graftkit's modules; not installed. */
#ifndef GK_TRAIN_JSON_H
#define GK_TRAIN_JSON_H

#include "graftkit/train/recipe.h"
#include "graftkit/train/training.h"

#include <jansson.h>

/* A new reference to an object of every key that decides the result (not of checkpoint and log intervals, nor
 * of the names of files, whose contents decide). */
json_t *gk_recipe_json(const gk_recipe *r);

/* What on_epoch has put into a line of metrics.jsonl. */
struct gk_line {
    json_t *json;
};

#endif
