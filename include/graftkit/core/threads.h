/* threads.h (core): how many threads graftkit uses, and loops over all of them.
 *
 * Example:
 *     gk_threads_set(4);
 *     printf("%d threads\n", gk_threads());
 *     return true;
 */
#ifndef GRAFTKIT_CORE_THREADS_H
#define GRAFTKIT_CORE_THREADS_H

#include "graftkit/core/base.h"

GK_PUBLIC_BEGIN

/* Before any parallel work, from the main thread; n <= 0: $OMP_NUM_THREADS, else all cores. Clamped to 256
 * or the number of cores, whichever is more. */
void gk_threads_set(int n);
int gk_threads(void); /* how many are used */
/* Calls fn(ctx, begin, end) over disjoint ranges that cover [0, n), each at most `grain` long (grain >= 1),
 * handed out dynamically, and returns when all are done. A range's bounds depend on n and grain only, so the
 * result does not depend on which thread ran it. Inside another gk_parallel_for it runs serially. */
typedef void gk_range_fn(void *ctx, size_t begin, size_t end);
void gk_parallel_for(size_t n, size_t grain, gk_range_fn *fn, void *ctx);

GK_PUBLIC_END

#endif
