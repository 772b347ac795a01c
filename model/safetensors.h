/* safetensors.h: all tensors of a file, the ones that are not F32 too. */
#ifndef GK_MODEL_SAFETENSORS_H
#define GK_MODEL_SAFETENSORS_H

#include "model/model.h"

typedef struct gk__dtype {
    const char *name;
    int bytes;
} gk__dtype;

typedef struct gk__entry {
    gk_array array;        /* data is NULL unless F32 */
    const gk__dtype *type; /* of a constant table */
    uint64_t begin, end;   /* bytes of the file */
    float *copy;           /* owned: the data, where the file's place is not aligned */
} gk__entry;

/* In the order of their data. */
size_t gk__safetensors_entries(const gk_safetensors *s, const gk__entry **list);

#endif
