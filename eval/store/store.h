/* store.h: all that eval/store gives the other modules, but for outcomes.h and sql.h. */
#ifndef GK_EVAL_STORE_STORE_H
#define GK_EVAL_STORE_STORE_H

#include "eval/measure/measure.h"
#include "eval/store/write.h"
#include "model/model.h"
#include "graftkit/eval/store.h"

#endif
