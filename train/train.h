/* train.h: all that train/ gives the other modules. */
#ifndef GK_TRAIN_H
#define GK_TRAIN_H

#include "core/core.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"
#include "train/json.h"
#include "graftkit/train/corpus.h"
#include "graftkit/train/optimizer.h"
#include "graftkit/train/recipe.h"
#include "graftkit/train/training.h"

#endif
