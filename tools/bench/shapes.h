/* shapes.h: published models' shapes, for the benchmarks. Internal to tools/. */
#ifndef GK_SHAPES_H
#define GK_SHAPES_H

#include "graftkit/core/error.h"
#include "graftkit/model/config.h"

#include <string.h>

typedef struct gk_shape {
    const char *name, *family;
    int vocab, d_model, n_layers, n_heads, n_kv_heads, d_ffn, max_positions;
    int batch; /* texts of a training step unless --batch says otherwise */
} gk_shape;

static const gk_shape GK_SHAPES[] = {
    {"gpt2-124m", "gpt2", 50257, 768, 12, 12, 12, 3072, 1024, 8},
    {"smollm2-135m", "llama", 49152, 576, 30, 9, 3, 1536, 2048, 8},
    {"llama-3.2-1b", "llama", 128256, 2048, 16, 32, 8, 8192, 2048, 1},
    {"gemma-2b", "gemma", 256000, 2048, 18, 8, 1, 16384, 2048, 1},
};
enum { GK_N_SHAPES = sizeof GK_SHAPES / sizeof *GK_SHAPES };

/* NULL: no such shape, and the error names --shape. */
static inline const gk_shape *gk_shape_find(const char *name, gk_error *err) {
    for (int i = 0; i < GK_N_SHAPES; i++)
        if (strcmp(GK_SHAPES[i].name, name) == 0) return &GK_SHAPES[i];
    gk_fail(err, GK_AT_FIELD(NULL, "--shape"), "give gpt2-124m, smollm2-135m, llama-3.2-1b or gemma-2b",
            "is '%.60s'", name);
    return NULL;
}

static inline void gk_shape_config(const gk_shape *s, gk_config *c) {
    gk_config_default(gk_family_find(s->family), s->vocab, c);
    c->d_model = s->d_model;
    c->n_layers = s->n_layers;
    c->n_heads = s->n_heads;
    c->n_kv_heads = s->n_kv_heads;
    c->d_ffn = s->d_ffn;
    c->max_positions = s->max_positions;
    c->tied = true;
    gk_config_derive(c);
}

#endif
