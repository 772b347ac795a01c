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

/* As gk_safetensors_open, but F32 tensors are not listed one by one and no data is copied. */
gk_safetensors *gk__safetensors_map(const char *path, gk_error *err);
/* The tensor's bytes in the map, at any address. */
const uint8_t *gk__safetensors_bytes(const gk_safetensors *s, const gk__entry *e);
/* In the order of their data. */
size_t gk__safetensors_entries(const gk_safetensors *s, const gk__entry **list);

/* An array to write: its data comes later. dtype: a name of the format. */
typedef struct gk__typed {
    gk_array array;
    const char *dtype;
} gk__typed;
/* The data of array i, good until the next call; NULL after a failure. */
typedef const void *gk__fill_fn(void *ctx, size_t i, gk_error *err);
/* gk_safetensors_save for arrays of any type that are made one after the other. */
bool gk__safetensors_write(const char *path, const gk__typed *list, size_t n, const json_t *meta,
                           gk__fill_fn *fill, void *ctx, gk_error *err);

#endif
