/* core.h: all that core/ gives the other modules. */
#ifndef GK_CORE_H
#define GK_CORE_H

#include "core/gguf.h"
#include "core/isa.h"
#include "core/json.h"
#include "core/shipped.h"
#include "core/yaml.h"
#include "graftkit/core/base.h"
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/isa.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/core/random.h"
#include "graftkit/core/template.h"
#include "graftkit/core/threads.h"

#include <stdarg.h>

#endif
