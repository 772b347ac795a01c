/* measure_stored.c: how fast products of a few rows read weights as they are stored. */
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/model/operators.h"
#include "model/formats/quant.h"
#include "model/gemm/gemm.h"

#include <string.h>

enum { MOST_TYPES = 64, FEWEST_CALLS = 3 };

static const gk_quant__type *type_named(const char *name) {
    for (uint32_t id = 0; id < MOST_TYPES; id++) {
        const gk_quant__type *q = gk_quant__type_of(id);
        if (q && strcmp(q->name, name) == 0) return q;
    }
    return NULL;
}

static void multiply(gk_tensor t, int rows, const float *x, float *y) {
    if (t.w)
        gk_gemm__f32(GK_GEMM_NT, rows, t.out, t.in, x, t.in, t.w, t.in, 0, y, t.out);
    else if (rows <= GK_GEMM__STORED_ROWS)
        gk_gemm__stored(rows, t, x, t.in, 0, y, t.out);
    else
        gk_gemm__half(rows, t, x, t.in, 0, y, t.out);
}

double gk_stored_measure(const char *type, int rows, int out, int in, double seconds) {
    const gk_quant__type *q = type_named(type);
    if (!q || rows < 1 || out < 1 || in < 1 || (uint32_t)in % q->block) return 0;
    size_t values = (size_t)out * (size_t)in, bytes = values / q->block * q->bytes;
    size_t n_x = (size_t)rows * (size_t)in, n_y = (size_t)rows * (size_t)out;
    uint8_t *w = gk_alloc(bytes);
    float *x = gk_alloc(n_x * sizeof *x), *y = gk_alloc(n_y * sizeof *y);
    for (size_t i = 0; i < bytes; i++) w[i] = (uint8_t)(32 + i * 7 % 29); /* finite, and no subnormals */
    for (size_t i = 0; i < n_x; i++) x[i] = (float)(i % 17) / 17;
    gk_tensor t = {.out = out, .in = in, .type = q->id == GK_QUANT__F16 ? GK_F16 : GK_BF16};
    if (q->id == GK_QUANT__F32)
        t.w = (const void *)w;
    else if (q->block == 1)
        t.h = (const void *)w;
    else
        t = (gk_tensor){.out = out, .in = in, .q = w, .blocks = q};
    double best = 0, start = gk_now();
    for (int calls = 0; calls < FEWEST_CALLS || gk_now() - start < seconds; calls++) {
        double began = gk_now();
        multiply(t, rows, x, y);
        double rate = (double)bytes / (gk_now() - began);
        if (rate > best) best = rate;
    }
    void *all[] = {w, x, y};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) gk_free(all[i]);
    return best;
}
