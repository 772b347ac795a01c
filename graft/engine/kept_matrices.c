/* kept_matrices.c: which matrices of a cast are laid out for their products once. */
#include "graft/internal.h"

/* The matrices of one slot; those that equal an earlier model's are never multiplied with. */
static void keep_slot(gk_products *p, const gk_cast *cast, const uint8_t *canon, int layer,
                      gk_component comp) {
    const gk_config *c = gk_model_config(cast->model[0]);
    if (gk_component_is_norm(comp) || !gk_config_has(c, comp)) return;
    const uint8_t *first = canon + gk_plan_slot(c, layer, comp) * GK_MAX_MODELS;
    for (int m = 0; m < cast->n; m++) {
        gk_graft__weights w = gk_graft__weights_of(cast, m, layer, comp);
        if (first[m] == m && w.kind <= GK_GRAFT__LOW_RANK) gk_products_keep(p, w.from);
    }
}

/* Layer by layer, the head last: it is the largest, and its blocks have many rows. */
gk_products *gk_graft__products(const gk_cast *cast, const uint8_t *canon, size_t most_bytes) {
    gk_products *p = gk_products_new(cast->bf16 ? GK_OPERANDS_BF16 : GK_OPERANDS_F32, most_bytes);
    for (int l = 0; l < gk_model_config(cast->model[0])->n_layers; l++)
        for (int comp = 0; comp < GK_N_COMPONENTS; comp++)
            if (gk_component_in_layer((gk_component)comp)) keep_slot(p, cast, canon, l, (gk_component)comp);
    keep_slot(p, cast, canon, -1, GK_HEAD);
    return p;
}

/* A rounded copy of a matrix has to be made for every product, or once: bf16 keeps all. */
gk_products *gk_graft__first_products(const gk_cast *cast, const uint8_t *canon) {
    return gk_graft__products(cast, canon, cast->bf16 ? SIZE_MAX : 0);
}
