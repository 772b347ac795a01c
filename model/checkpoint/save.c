/* save.c: a model as a Hugging Face folder. */
#include "graftkit/core/file.h"
#include "graftkit/model/checkpoint.h"
#include "model/checkpoint/safetensors.h"
#include "model/checkpoint/slots.h"
#include "model/formats/half.h"
#include "model/weights/weights.h"

#include <string.h>

static const char *const DTYPE_NAMES[] = {[GK_F32] = "F32", [GK_F16] = "F16", [GK_BF16] = "BF16"};

typedef struct model_saver {
    const gk_model *m;
    gk_checkpoint__slots slots;
    const char *path;
    void *scratch; /* of the tensor at hand, where it is not in the model as it goes into the file */
    size_t bytes;
} model_saver;

static gk_dtype slot_type(const gk_model *m, const gk_checkpoint__slot *s) {
    gk_tensor t = gk_model_tensor(m, s->layer, s->rule->part[0]);
    if (s->n_dims == 2) return t.w ? GK_F32 : t.type; /* a narrow model's floats are what it is */
    return m->data ? GK_F32 : m->vector_type;
}

static size_t type_bytes(gk_dtype t) {
    return t == GK_F32 ? sizeof(float) : sizeof(uint16_t);
}

/* n floats into the file's tensor, from value `at` on. */
static void put(void *file, gk_dtype type, size_t at, const float *x, size_t n) {
    if (type == GK_F32)
        memcpy((float *)file + at, x, n * sizeof *x);
    else if (type == GK_F16)
        gk_half__f32_to_f16(x, (uint16_t *)file + at, n);
    else
        gk_half__f32_to_bf16(x, (uint16_t *)file + at, n);
}

/* Row r of the component as floats. */
static void get_row(gk_tensor t, bool bias, size_t r, size_t in, float *out) {
    if (bias)
        *out = t.b[r];
    else
        gk_tensor_floats(t, r * in, in, out);
}

static void lay_out_part(const model_saver *v, const gk_checkpoint__slot *s, int part, int before,
                         float *row) {
    gk_tensor t = gk_model_tensor(v->m, s->layer, s->rule->part[part]);
    gk_dtype type = slot_type(v->m, s);
    size_t in = (size_t)s->in;
    for (int r = 0; r < t.out; r++) {
        get_row(t, s->bias, (size_t)r, in, row);
        if (!gk_checkpoint__slot_transposed(s)) {
            put(v->scratch, type, gk_checkpoint__slot_row(&v->m->cfg, s, part, before, r) * in, row, in);
            continue;
        }
        for (size_t i = 0; i < in; i++)
            put(v->scratch, type, i * (size_t)s->out + (size_t)(before + r), &row[i], 1);
    }
}

static const void *fill(void *ctx, size_t i, gk_error *err) {
    model_saver *v = ctx;
    const gk_checkpoint__slot *s = &v->slots.list[i];
    gk_tensor t = gk_model_tensor(v->m, s->layer, s->rule->part[0]);
    gk_dtype type = slot_type(v->m, s);
    bool floats = s->n_dims == 1 || t.w;
    if (gk_checkpoint__slot_plain(s) && floats == (type == GK_F32))
        return s->bias ? (const void *)t.b : t.w ? (const void *)t.w : t.h;
    size_t in = (size_t)s->in, bytes = (size_t)s->out * in * type_bytes(type);
    if (bytes > v->bytes) {
        gk_free(v->scratch);
        v->scratch = gk_try_alloc(bytes);
        v->bytes = v->scratch ? bytes : 0;
    }
    if (!v->scratch) {
        gk_fail(err, GK_AT_FIELD(v->path, s->name), NULL, "not enough memory to lay it out");
        return NULL;
    }
    float *row = gk_alloc(in * sizeof *row);
    for (int p = 0, before = 0; p < s->rule->n_parts;
         before += gk_checkpoint__slot_part_rows(&v->m->cfg, s, p), p++)
        lay_out_part(v, s, p, before, row);
    gk_free(row);
    return v->scratch;
}

static bool save_weights(const gk_model *m, const char *path, gk_error *err) {
    gk_checkpoint__layout layout = gk_checkpoint__layout_hf(m->cfg.family);
    model_saver v = {.m = m, .slots = gk_checkpoint__slots_make(&m->cfg, &layout), .path = path};
    gk_safetensors__typed *list = gk_alloc((v.slots.n + 1) * sizeof *list);
    for (size_t i = 0; i < v.slots.n; i++) {
        const gk_checkpoint__slot *s = &v.slots.list[i];
        list[i] = (gk_safetensors__typed){
            .array = {.name = s->name, .shape = {s->shape[0], s->shape[1]}, .n_dims = s->n_dims},
            .dtype = DTYPE_NAMES[slot_type(m, s)]};
    }
    json_t *meta = json_pack("{s:s}", "format", "pt"); /* transformers wants to know */
    bool ok = gk_safetensors__write(path, list, v.slots.n, meta, fill, &v, err);
    json_decref(meta);
    gk_free(v.scratch);
    gk_free(list);
    gk_free(v.slots.list);
    return ok;
}

bool gk_model_save(const gk_model *m, const char *dir, gk_error *err) {
    if (gk_model_stored(m))
        return gk_fail(err, GK_NOWHERE, "open it with gk_model_open",
                       "the model is in blocks, as it is stored");
    if (!gk_mkdirs(dir, err)) return false;
    gk_arena *a = gk_arena_new();
    gk_tensor embed = gk_model_tensor(m, -1, GK_EMBED);
    gk_dtype type = embed.w ? GK_F32 : embed.type;
    bool ok = save_weights(m, gk_path_join(a, dir, "model.safetensors"), err) &&
              gk_config__generation_save(&m->cfg, m->kept.generation, dir, err) &&
              gk_config__save(&m->cfg, type, m->kept.config, gk_path_join(a, dir, "config.json"), err);
    gk_arena_free(a);
    return ok;
}
