/* kernels.c: calls the kernels of the instruction set that is used. */
#include "graft/engine/kernels.h"

GK_KERNELS_CHOOSE(GK_GRAFT_KERNELS)
