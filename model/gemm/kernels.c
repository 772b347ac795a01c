/* kernels.c: calls the kernels of the instruction set that is used. */
#include "model/gemm/kernels.h"

GK_KERNELS_CHOOSE(GK_GEMM_KERNELS)
