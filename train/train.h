/* train.h: all that train/ gives the other modules. */
#ifndef GK_TRAIN_H
#define GK_TRAIN_H

#include "core/core.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"
#include "train/json.h"
#include "graftkit/corpus.h"
#include "graftkit/optimizer.h"
#include "graftkit/recipe.h"
#include "graftkit/training.h"

#endif
