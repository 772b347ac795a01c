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
    return gk_config_windowed(c, layer) ? c->window : c->max_positions;
}
/* Which of a model's tables of rotary positions this layer has: 1 is rotary_window's. */
static inline int gk_config__rotary_index(const gk_config *c, int layer) {
    return c->rotary_apart && gk_config_windowed(c, layer);
}
static inline const gk_rotary *gk_config__rotary(const gk_config *c, int index) {
    return index ? &c->rotary_window : &c->rotary;
}
/* How many heads' worth of a row q_norm and k_norm norm at once: 1, or each of them by itself. */
static inline int gk_config__norm_groups(const gk_config *c, gk_component comp) {
    if (c->qk_norm != GK_QK_BY_HEAD) return 1;
    return comp == GK_Q_NORM ? c->n_heads : comp == GK_K_NORM ? c->n_kv_heads : 1;
}

#endif
