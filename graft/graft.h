/* graft.h: all that graft/ gives the other modules. */
#ifndef GK_GRAFT_H
#define GK_GRAFT_H

#include "model/model.h"
#include "graftkit/cast.h"
#include "graftkit/derive.h"
#include "graftkit/engine.h"
#include "graftkit/plan.h"
#include "graftkit/scheme.h"
#include "graftkit/tokenizer.h"

#endif
