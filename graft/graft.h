/* graft.h: all that graft/ gives the other modules. */
#ifndef GK_GRAFT_H
#define GK_GRAFT_H

#include "model/model.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/derive.h"
#include "graftkit/graft/engine.h"
#include "graftkit/graft/plan.h"
#include "graftkit/graft/scheme.h"
#include "graftkit/tokenizer.h"

#endif
