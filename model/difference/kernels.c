/* kernels.c: calls the kernels of the instruction set that is used. */
#include "model/difference/kernels.h"

GK_KERNELS_CHOOSE(GK_DIFFERENCE_KERNELS)
