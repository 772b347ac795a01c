/* schedule.c: the learning rate's factor at a step. */
#include "graftkit/train/optimizer.h"

#include <math.h>

double gk_schedule_factor(gk_schedule kind, int64_t step, int64_t warmup, int64_t total) {
    if (step < warmup) return (double)step / (double)warmup;
    if (kind == GK_CONSTANT) return 1;
    int64_t span = total - warmup;
    double left = span > 0 && step < total ? (double)(total - step) / (double)span : 0;
    return kind == GK_LINEAR ? left : 0.5 * (1 + cos(acos(-1.0) * (1 - left)));
}
