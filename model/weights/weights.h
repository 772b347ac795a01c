/* weights.h: what a model in memory is made of. Internal to model/. */
#ifndef GK_MODEL_WEIGHTS_H
#define GK_MODEL_WEIGHTS_H

#include "graftkit/model/weights.h"
#include "model/config/dims.h"
#include "model/config/pass_through.h"

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
/* The arrays of the flat vector, as gk_model_params has them, and its length; released with gk_free. */
gk_param *gk_weights__params(const gk_config *c, size_t *n, size_t *floats);

/* trained.c: the vector of what is trained: the flat one with the frozen arrays taken out. */
typedef struct gk_weights__offsets { /* of a component's weights and biases there */
    size_t w, b;
} gk_weights__offsets;
typedef struct gk_weights__trained {
    int n_layers;
    gk_weights__offsets *place; /* [(n_layers + 1) x GK_N_COMPONENTS]; the last row: outside the layers */
    size_t *start; /* [n_layers + 3]: of embed and pos, each layer, lnf and head; the vector's length */
} gk_weights__trained;
/* `frozen` as in gk_session_opts. */
gk_weights__trained gk_weights__trained_make(const gk_config *c, const uint32_t *frozen);
void gk_weights__trained_free(gk_weights__trained *t);
static inline gk_weights__offsets gk_weights__trained_place(const gk_weights__trained *t, int layer,
                                                            gk_component c) {
    return t->place[(size_t)(layer < 0 ? t->n_layers : layer) * GK_N_COMPONENTS + (size_t)c];
}
/* Where a layer's part begins; -1: that of embed and pos; n_layers: of lnf and the head; one more: the end.
 */
static inline size_t gk_weights__trained_start(const gk_weights__trained *t, int layer) {
    return t->start[layer + 1];
}

#endif
