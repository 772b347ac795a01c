/* kernels.c: calls the kernels of the instruction set that is used. */
#include "model/operators/kernels.h"

GK_KERNELS_CHOOSE(GK_OPERATOR_KERNELS)
