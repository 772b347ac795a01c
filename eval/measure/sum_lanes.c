/* sum_lanes.c: rows summed as often as they were drawn, eight resamples side by side. */
#include "eval/measure/kernels.h"

#include <string.h>

/* No multiply-add is fused here (tools/build/compile.mk): an interval is the same from every instruction set.
 */
enum { LANES = GK_MEASURE__LANES, MOST = 6 }; /* MOST: columns whose sums stay in registers */
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
typedef int32_t counts __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef uint16_t times_of __attribute__((vector_size(LANES * sizeof(uint16_t))));

__attribute__((always_inline)) static inline void
sum_some(const uint16_t *times, const double *x, size_t rows, size_t columns, int some, double *sums) {
    lanes all[MOST] = {{0}};
    for (size_t k = 0; k < rows; k++, x += columns, times += LANES) {
        times_of drawn;
        memcpy(&drawn, times, sizeof drawn);
        const lanes n = __builtin_convertvector(__builtin_convertvector(drawn, counts), lanes);
#pragma GCC unroll 6
        for (int c = 0; c < some; c++) all[c] += n * x[c];
    }
    memcpy(sums, all, (size_t)some * sizeof *all);
}

void gk_measure__sum_lanes(const uint16_t *times, const double *x, size_t rows, size_t columns,
                           double *sums) {
    for (size_t c = 0, some; c < columns; c += some) {
        some = columns - c < MOST ? columns - c : MOST;
        switch (some) {
        case 1:
            sum_some(times, x + c, rows, columns, 1, sums + c * LANES);
            break;
        case 2:
            sum_some(times, x + c, rows, columns, 2, sums + c * LANES);
            break;
        case 3:
            sum_some(times, x + c, rows, columns, 3, sums + c * LANES);
            break;
        case 4:
            sum_some(times, x + c, rows, columns, 4, sums + c * LANES);
            break;
        case 5:
            sum_some(times, x + c, rows, columns, 5, sums + c * LANES);
            break;
        default:
            sum_some(times, x + c, rows, columns, MOST, sums + c * LANES);
        }
    }
}
