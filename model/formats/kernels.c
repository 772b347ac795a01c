/* kernels.c: calls the kernels of the instruction set that is used. */
#include "model/formats/kernels.h"

GK_KERNELS_CHOOSE(GK_FORMAT_KERNELS)
