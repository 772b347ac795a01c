/* run.h: all that eval/run gives the other modules. */
#ifndef GK_EVAL_RUN_RUN_H
#define GK_EVAL_RUN_RUN_H

#include "eval/run/experiment.h"
#include "eval/store/store.h"
#include "graftkit/eval/gate.h"
#include "graftkit/eval/search.h"
#include "graftkit/eval/sweep.h"

#endif
