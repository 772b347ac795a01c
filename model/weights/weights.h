/* weights.h: what a model in memory is made of. Internal to model/. */
#ifndef GK_MODEL_WEIGHTS_H
#define GK_MODEL_WEIGHTS_H

#include "graftkit/model/weights.h"
#include "model/config/dims.h"
#include "model/config/pass_through.h"

/* Where a component's weights and biases stand in the flat vector. */
typedef struct gk_weights__offsets {
    size_t w, b;
} gk_weights__offsets;

/* One allocation of parameters, and views into it. q, k and v weights of a layer are adjacent (as are their
 * biases, and gate and up), so that one product computes all of them. */
struct gk_model {
    gk_config cfg;
    gk_config__pass_through kept;
    float *data;
    uint16_t *half; /* bf16, beside or instead of data; NULL: none */
    float *vectors; /* norms and biases, where data is NULL and half is not */
    size_t n_vectors;
    size_t floats, count;
    gk_param *params;
    size_t n_params;
    gk_weights__offsets *place; /* [(n_layers + 1) x GK_N_COMPONENTS]; the last row: outside the layers */
    gk_tensor outer[GK_N_COMPONENTS];        /* embed pos lnf head */
    gk_tensor (*layer)[GK_LAYER_COMPONENTS]; /* [n_layers] indexed by component - GK_LN1 */
    /* Of an opened model, whose data and params are NULL: */
    struct gk_checkpoint__files
        *files; /* what holds the tensors, and how it is let go (NULL: there is none) */
    void (*close_files)(struct gk_checkpoint__files *);
    void **own; /* arrays that could not stay in the files */
    size_t n_own;
    gk_dtype vector_type; /* of norms and biases in the files */
    bool stored;          /* matrices may be in ggml's blocks */
};

/* A model without weights, for a loader to fill; a component's tensor in it. */
gk_model *gk_weights__hollow(const gk_config *c);
gk_tensor *gk_weights__tensor(gk_model *m, int layer, gk_component c);

size_t gk_weights__floats(const gk_config *c); /* length of the flat vector of such a model */
/* The flat vector's place of a component that a model with params has. */
static inline gk_weights__offsets gk_weights__offsets_of(const gk_model *m, int layer, gk_component c) {
    int row = layer < 0 ? m->cfg.n_layers : layer;
    return m->place[(size_t)row * GK_N_COMPONENTS + (size_t)c];
}
/* Where a layer's part of the flat vector begins; that of layer n_layers is lnf's and the head's. */
size_t gk_weights__layer_start(const gk_model *m, int layer);

#endif
