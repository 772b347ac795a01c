/* core.h: all that core/ gives the other modules. */
#ifndef GK_CORE_H
#define GK_CORE_H

#include "core/gguf.h"
#include "core/isa.h"
#include "core/json.h"
#include "core/shipped.h"
#include "core/yaml.h"
#include "graftkit/base.h"
#include "graftkit/error.h"
#include "graftkit/file.h"
#include "graftkit/isa.h"
#include "graftkit/memory.h"
#include "graftkit/progress.h"
#include "graftkit/random.h"
#include "graftkit/template.h"
#include "graftkit/threads.h"

#include <stdarg.h>

#endif
