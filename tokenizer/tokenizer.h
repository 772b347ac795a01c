/* tokenizer.h: all that tokenizer/ gives the other modules. */
#ifndef GK_TOKENIZER_TOKENIZER_H
#define GK_TOKENIZER_TOKENIZER_H

#include "core/core.h"
#include "graftkit/tokenizer.h"

#endif
