/* training_checkpoint.c: the weights in a checkpoint of a training run (train/checkpoint.c writes them) as a
 * model. */
#include "core/json.h"
#include "model/checkpoint/load.h"
#include "model/config_json.h"

#include <string.h>

/* Copies the array, which must be there with so many values. */
static bool take(const gk_safetensors *f, const char *path, const char *name, const char *type, void *to,
                 size_t count, size_t size, gk_error *err) {
    const void *data = gk_safetensors_typed(f, name, type, count);
    if (!data)
        return gk_fail(
            err, GK_AT_FIELD(path, name), "name the folder of a finished run",
            "the checkpoint has no such array of %zu values of type %s: it is of another kind of run", count,
            type);
    memcpy(to, data, count * size);
    return true;
}

static bool read_config(const gk_safetensors *f, const char *path, gk_config *c, gk_error *err) {
    const char *text = json_string_value(json_object_get(gk_safetensors_meta(f), "config"));
    if (!text)
        return gk_fail(err, GK_AT_FILE(path), "name the folder of a finished run",
                       "holds no configuration: it is no checkpoint of a model, or one of an adapter");
    gk_place at = GK_AT_FIELD(path, "config");
    json_t *doc = gk_json_parse(text, strlen(text), at, err);
    bool ok = doc && gk_config_parse(doc, at, c, err);
    json_decref(doc);
    return ok;
}

static void copy_component(const gk_model *from, gk_model *to, int layer, gk_component c) {
    gk_tensor a = gk_model_tensor(from, layer, c), b = gk_model_tensor(to, layer, c);
    if (!b.w && !b.b) return; /* the model has none */
    if (b.w) gk_tensor_floats(a, 0, (size_t)b.out * (size_t)b.in, (float *)(uintptr_t)b.w);
    if (b.b) memcpy((float *)(uintptr_t)b.b, a.b, (size_t)b.out * sizeof(float));
}

/* A run in little memory has bf16 weights, and its norms and biases apart; its products are its own business.
 */
static bool read_lean(const gk_safetensors *f, const char *path, gk_model *m, gk_error *err) {
    size_t n;
    gk_model *lean = gk_model_blank(gk_model_config(m), err);
    bool ok = lean && gk_model_lean(lean, err);
    float *vectors = ok ? gk_model_vectors(lean, &n) : NULL;
    ok = ok &&
         take(f, path, "weights", "BF16", gk_model_narrowed(lean), gk_model_floats(m), sizeof(uint16_t),
              err) &&
         take(f, path, "vectors", "F32", vectors, n, sizeof(float), err);
    for (int l = -1; ok && l < gk_model_config(m)->n_layers; l++)
        for (int c = 0; c < GK_N_COMPONENTS; c++)
            if ((l < 0) == (c == GK_EMBED || c == GK_POS || c == GK_LNF || c == GK_HEAD))
                copy_component(lean, m, l, (gk_component)c);
    gk_model_free(lean);
    return ok;
}

static bool read_weights(const gk_safetensors *f, const char *path, gk_model *m, gk_error *err) {
    size_t floats = gk_model_floats(m);
    if (gk_safetensors_typed(f, "weights", "BF16", floats)) return read_lean(f, path, m, err);
    return take(f, path, "weights", "F32", gk_model_data(m), floats, sizeof(float), err);
}

gk_model *gk_checkpoint__load_training(const char *path, gk_error *err) {
    gk_config c;
    gk_safetensors *f = gk_safetensors_open(path, err);
    if (!f) return NULL;
    gk_model *m = read_config(f, path, &c, err) ? gk_model_blank(&c, err) : NULL;
    if (m && !read_weights(f, path, m, err)) {
        gk_model_free(m);
        m = NULL;
    }
    gk_safetensors_close(f);
    return m;
}
