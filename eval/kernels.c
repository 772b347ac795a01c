/* kernels.c: calls the kernels of the instruction set that is used. */
#include "eval/kernels.h"

GK_KERNELS_CHOOSE(GK_EVAL_KERNELS)
