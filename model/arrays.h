/* arrays.h: named arrays in safetensors files. Shared between graftkit's modules; not installed, since its
 * meta data are jansson's.
 */
#ifndef GK_MODEL_ARRAYS_H
#define GK_MODEL_ARRAYS_H

#include "graftkit/core/error.h"

#include <jansson.h>

/* Named fp32 arrays in one safetensors file; used for checkpoints too. */
typedef struct gk_array {
    const char *name;
    const float *data;
    int64_t shape[4];
    int n_dims;
} gk_array;
/* Writes atomically; `meta` (may be NULL) is a flat object of strings stored under __metadata__. */
bool gk_safetensors_save(const char *path, const gk_array *arrays, size_t n, const json_t *meta,
                         gk_error *err);
/* An array of any of the format's types, by the format's name for it: "F32", "BF16", "U8", … */
typedef struct gk_typed_array {
    const char *name, *type;
    void *data;   /* gk_safetensors_save_typed only reads it */
    size_t count; /* elements */
} gk_typed_array;
size_t gk_typed_bytes(const gk_typed_array *a);
/* As gk_safetensors_save, array after array straight from where they are: no copy is made. */
bool gk_safetensors_save_typed(const char *path, const gk_typed_array *arrays, size_t n, const json_t *meta,
                               gk_error *err);
typedef struct gk_safetensors gk_safetensors;
/* Maps a file and checks its header: sizes, offsets (no overlap, no hole, no overflow), types,
 * unique names. The values are not looked at. count, at and find know the F32 tensors only, in the
 * order of their data. */
gk_safetensors *gk_safetensors_open(const char *path, gk_error *err);
size_t gk_safetensors_count(const gk_safetensors *s);
/* NULL past the end; lives as long as s. */
const gk_array *gk_safetensors_at(const gk_safetensors *s, size_t i);
const gk_array *gk_safetensors_find(const gk_safetensors *s, const char *name); /* NULL when absent */
const json_t *gk_safetensors_meta(const gk_safetensors *s);                     /* NULL when absent */
/* The one-dimensional array of that name, type and number of elements, in the map and perhaps unaligned;
 * NULL when the file has none. */
const void *gk_safetensors_typed(const gk_safetensors *s, const char *name, const char *type, size_t count);
void gk_safetensors_close(gk_safetensors *s);

#endif
