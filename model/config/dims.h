/* dims.h: sizes that follow from a configuration. Internal to model/. */
#ifndef GK_MODEL_DIMS_H
#define GK_MODEL_DIMS_H

#include "graftkit/model/config.h"

#define GK_LAYER_COMPONENTS (GK_LNF - GK_LN1)

static inline int gk_config__q_dim(const gk_config *c) {
    return c->n_heads * c->head_dim;
}
static inline int gk_config__kv_dim(const gk_config *c) {
    return c->n_kv_heads * c->head_dim;
}
static inline int gk_config__qkv_dim(const gk_config *c) {
    return gk_config__q_dim(c) + 2 * gk_config__kv_dim(c);
}
/* Columns of the MLP's first product: gate and up, or up alone. */
static inline int gk_config__gu_dim(const gk_config *c) {
    return c->gated ? 2 * c->d_ffn : c->d_ffn;
}
static inline int gk_config__rotary_dim(const gk_config *c) {
    return c->rotary_dim ? c->rotary_dim : c->head_dim;
}
/* Rows that a query of this layer sees, its own included. */
static inline int gk_config__window(const gk_config *c, int layer) {
    return c->window > 0 && layer % 2 == 0 ? c->window : c->max_positions;
}

#endif
