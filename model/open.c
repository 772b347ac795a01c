/* open.c: the model at a path, whatever is there: a folder, a GGUF file, a checkpoint of a training, an
 * adapter. */
#include "graftkit/core/file.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/checkpoint.h"
#include "model/checkpoint/load.h"

#include <string.h>

/* A model's, or an adapter's base with the adapter merged into it, for which its matrices cannot be in
 * blocks. */
static gk_model *open_path(const char *path, gk_checkpoint__way way, gk_error *err) {
    if (!*path) { /* else the folder one is in, which nobody named */
        gk_fail(err, GK_NOWHERE, "name a Hugging Face folder, or a GGUF file", "the model's path is empty");
        return NULL;
    }
    if (gk_is_checkpoint(path)) return gk_checkpoint__load_training(path, err);
    if (!gk_is_adapter(path)) return gk_checkpoint__load(path, way, err);
    gk_arena *a = gk_arena_new();
    const char *base = gk_adapter_base(path, a, err);
    if (way == GK_CHECKPOINT__STORED) way = GK_CHECKPOINT__MAPPED;
    gk_model *m = base ? gk_checkpoint__load(base, way, err) : NULL;
    gk_adapter *adapter = m ? gk_adapter_load(path, gk_model_config(m), err) : NULL;
    if (!adapter || !gk_adapter_merge(adapter, m, err)) {
        gk_model_free(m);
        m = NULL;
    }
    gk_adapter_free(adapter);
    gk_arena_free(a);
    return m;
}

gk_model *gk_model_load(const char *path, gk_error *err) {
    return open_path(path, GK_CHECKPOINT__VECTOR, err);
}

gk_model *gk_model_open(const char *path, gk_error *err) {
    return open_path(path, GK_CHECKPOINT__MAPPED, err);
}

gk_model *gk_model_open_stored(const char *path, gk_error *err) {
    return open_path(path, GK_CHECKPOINT__STORED, err);
}

/* An adapter's own file stands before those of its base. */
bool gk_model_files(const char *path, gk_arena *a, const char ***list, size_t *n, gk_error *err) {
    if (!gk_is_adapter(path)) return gk_checkpoint__paths(path, a, list, n, err);
    const char *base = gk_adapter_base(path, a, err), **of_base;
    if (!base || !gk_checkpoint__paths(base, a, &of_base, n, err)) return false;
    *list = gk_arena_alloc(a, (*n + 1) * sizeof **list);
    (*list)[0] = gk_path_join(a, path, "adapter_model.safetensors");
    memcpy(*list + 1, of_base, *n * sizeof **list);
    *n += 1;
    return true;
}
