/* safetensors.h: all tensors of a file, the ones that are not F32 too. */
#ifndef GK_MODEL_SAFETENSORS_H
#define GK_MODEL_SAFETENSORS_H

#include "graftkit/core/error.h"
#include "model/arrays.h"

typedef struct gk_safetensors__dtype {
    const char *name;
    int bytes;
} gk_safetensors__dtype;

typedef struct gk_safetensors__entry {
    gk_array array;                    /* data is NULL unless F32 */
    const gk_safetensors__dtype *type; /* of a constant table */
    uint64_t begin, end;               /* bytes of the file */
    float *copy;                       /* owned: the data, where the file's place is not aligned */
} gk_safetensors__entry;

/* As gk_safetensors_open, but F32 tensors are not listed one by one and no data is copied. */
gk_safetensors *gk_safetensors__map(const char *path, gk_error *err);
/* The tensor's bytes in the map, at any address. */
const uint8_t *gk_safetensors__bytes(const gk_safetensors *s, const gk_safetensors__entry *e);
/* In the order of their data. */
size_t gk_safetensors__entries(const gk_safetensors *s, const gk_safetensors__entry **list);

/* An array to write: its data comes later. dtype: a name of the format. */
typedef struct gk_safetensors__typed {
    gk_array array;
    const char *dtype;
} gk_safetensors__typed;
/* The data of array i, good until the next call; NULL after a failure. */
typedef const void *gk_safetensors__fill_fn(void *ctx, size_t i, gk_error *err);
/* gk_safetensors_save for arrays of any type that are made one after the other. */
bool gk_safetensors__write(const char *path, const gk_safetensors__typed *list, size_t n, const json_t *meta,
                           gk_safetensors__fill_fn *fill, void *ctx, gk_error *err);

#endif
