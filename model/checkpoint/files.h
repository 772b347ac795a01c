/* files.h: the tensors of a checkpoint, wherever they are stored: one safetensors file, several with an
 * index, or a GGUF file. Internal to model/. */
#ifndef GK_MODEL_FILES_H
#define GK_MODEL_FILES_H

#include "core/gguf.h"
#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/model/config.h"
#include "model/arrays.h"
#include "model/config/family.h"
#include "model/formats/quant.h"

/* One tensor in a mapped file. */
typedef struct gk_checkpoint__stored {
    const char *name;
    const char *type_name;
    const gk_quant__type *type; /* NULL: a type that models are not read from */
    int64_t shape[4];           /* rows first */
    int n_dims;
    const uint8_t *data;
    const char *path; /* the file, and the byte in it */
    uint64_t byte, bytes;
} gk_checkpoint__stored;

typedef struct gk_checkpoint__files {
    gk_arena *a; /* names and the list */
    gk_checkpoint__stored *list;
    size_t n;
    const char **path; /* of the files, in a fixed order */
    size_t n_paths;
    gk_safetensors **part;
    size_t n_parts;
    gk_gguf *gguf;
} gk_checkpoint__files;

/* How the tensors of a file map to components. */
typedef struct gk_checkpoint__layout {
    const gk_config__tensor_rule *rules;
    size_t n_rules;
    const char *prefix;     /* as in gk_family */
    const char *head_alias; /* as in gk_family */
    const char *const
        *buffers;        /* tensors that are no parameters, '#' for a layer's number; NULL-terminated */
    bool strict;         /* nothing but these may be left over */
    bool norms_plus_one; /* norms are stored as 1 + their weight (GGUF files of Gemma) */
} gk_checkpoint__layout;

/* Whether a model's path is that of a file, which must then be a GGUF file; all else is a folder. path.c. */
bool gk_checkpoint__is_file(const char *path);
/* As gk_model_files, of a path that is no adapter's. */
bool gk_checkpoint__paths(const char *path, gk_arena *a, const char ***list, size_t *n, gk_error *err);
/* A folder's model.safetensors, or the files that its model.safetensors.index.json lists. */
bool gk_checkpoint__files_folder(const char *dir, gk_checkpoint__files *out, gk_error *err);
/* The paths of a GGUF file's parts, of which there may be one; in `a`. */
const char **gk_checkpoint__gguf_paths(const gk_gguf *g, gk_arena *a, size_t *n);
/* A GGUF file, with its configuration and layout. `out` is closed by the caller after success only. */
bool gk_checkpoint__files_gguf(const char *path, gk_checkpoint__files *out, gk_config *c,
                               gk_checkpoint__layout *layout, gk_error *err);
void gk_checkpoint__files_close(gk_checkpoint__files *f);

/* A safetensors type that weights are read from: F32, F16 and BF16, which GGUF has too; NULL for another. */
const gk_quant__type *gk_checkpoint__float_type(const char *name);

gk_checkpoint__layout gk_checkpoint__layout_hf(const gk_family *f); /* of a folder */

#endif
