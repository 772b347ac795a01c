/* quant.h: ggml's element types as floats. Internal to model/. The formats are those of ggml's public
 * documentation and of gguf-py's `quants` module, against which tests/model/test_quant.c compares bit by bit.
 */
#ifndef GK_MODEL_QUANT_H
#define GK_MODEL_QUANT_H

#include "graftkit/core/base.h"

enum {
    GK_QUANT__F32 = 0,
    GK_QUANT__F16 = 1,
    GK_QUANT__BF16 = 30
}; /* the types that are not packed in blocks */

typedef struct gk_quant__type {
    uint32_t id; /* ggml's number, as in gk_gguf_tensor.type */
    const char *name;
    uint32_t block, bytes; /* values in a block, bytes it takes */
    void (*widen)(const uint8_t *in, float *restrict out, size_t blocks); /* internal */
} gk_quant__type;

/* Those of gk_quant__list; NULL for every other number. */
const gk_quant__type *gk_quant__type_of(uint32_t id);
/* "F32, F16, …", for messages. */
const char *gk_quant__list(void);
/* n values, a multiple of q->block, from n / q->block blocks at `in`, which may stand at any address. What
 * the scales make of it is not checked: values may be infinite or NaN. Serial: split long arrays at blocks
 * over threads.
 */
void gk_quant__dequantise(const gk_quant__type *q, const void *in, float *out, size_t n);

#endif
