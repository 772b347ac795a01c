/* kernels.c: calls the kernels of the instruction set that is used. */
#include "train/kernels.h"

GK_KERNELS_CHOOSE(GK_TRAIN_KERNELS)
