/* measure.h: all that eval/measure gives the other modules. */
#ifndef GK_EVAL_MEASURE_MEASURE_H
#define GK_EVAL_MEASURE_MEASURE_H

#include "core/core.h"
#include "graft/graft.h"
#include "tokenizer/tokenizer.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/prompts.h"

#endif
