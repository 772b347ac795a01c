/* model.h: all that model/ gives the other modules. */
#ifndef GK_MODEL_H
#define GK_MODEL_H

#include "core/core.h"
#include "model/arrays.h"
#include "model/config_json.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/decode.h"
#include "graftkit/model/difference.h"
#include "graftkit/model/operators.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"

#endif
