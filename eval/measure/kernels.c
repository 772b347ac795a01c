/* kernels.c: calls the kernels of the instruction set that is used. */
#include "eval/measure/kernels.h"

GK_KERNELS_CHOOSE(GK_MEASURE_KERNELS)
