/* model.h: all that model/ gives the other modules. */
#ifndef GK_MODEL_H
#define GK_MODEL_H

#include "core/core.h"
#include "model/arrays.h"
#include "model/config_json.h"
#include "graftkit/adapter.h"
#include "graftkit/checkpoint.h"
#include "graftkit/config.h"
#include "graftkit/decode.h"
#include "graftkit/difference.h"
#include "graftkit/operators.h"
#include "graftkit/session.h"
#include "graftkit/weights.h"

#endif
