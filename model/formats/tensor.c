/* tensor.c: the values of a tensor, whatever their type. */
#include "graftkit/model/weights.h"
#include "model/formats/half.h"
#include "model/formats/quant.h"

#include <string.h>

void gk_tensor_floats(gk_tensor t, size_t first, size_t n, float *out) {
    if (t.q)
        gk_quant__dequantise(t.blocks, t.q + first / t.blocks->block * t.blocks->bytes, out, n);
    else if (t.w)
        memcpy(out, t.w + first, n * sizeof *out);
    else if (t.type == GK_F16)
        gk_half__f16_to_f32(t.h + first, out, n);
    else
        gk_half__bf16_to_f32(t.h + first, out, n);
}
