/* learned.h: all that eval/learned gives the other modules. */
#ifndef GK_EVAL_LEARNED_LEARNED_H
#define GK_EVAL_LEARNED_LEARNED_H

#include "eval/learned/forgetting.h"
#include "eval/measure/measure.h"
#include "graftkit/eval/learned.h"

#endif
