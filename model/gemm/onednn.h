/* onednn.h: the products that oneDNN makes, on the calling thread. Nothing else of graftkit knows oneDNN;
 * where it was not there when graftkit was built, nothing is made. Internal to model/. */
#ifndef GK_MODEL_ONEDNN_H
#define GK_MODEL_ONEDNN_H

#include "model/gemm/gemm.h"

/* "2.6.3", or "not built in (Debian: libdnnl-dev)". */
void gk_onednn__version(char *out, size_t size);
bool gk_onednn__built_in(void);
/* False: not made, and C is as it was. */
bool gk_onednn__sgemm(const gk_gemm__product *p);
bool gk_onednn__bf16(const gk_gemm__bf16_product *p);
/* Whether the processor has instructions for bf16 and oneDNN may use them. */
bool gk_onednn__has_bf16(void);

#endif
