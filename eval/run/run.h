/* run.h: all that eval/run gives the other modules. */
#ifndef GK_EVAL_RUN_RUN_H
#define GK_EVAL_RUN_RUN_H

#include "eval/run/experiment.h"
#include "eval/store/store.h"
#include "graftkit/gate.h"
#include "graftkit/search.h"
#include "graftkit/sweep.h"

#endif
