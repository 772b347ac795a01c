/* kept_matrices.c: which matrices of a cast are laid out for their products once. */
#include "graft/internal.h"

/* One model's matrix of a slot; one that equals an earlier model's is never multiplied with. */
static void keep_slot(gk_products *p, const gk_cast *cast, const uint8_t *canon, int m, int layer,
                      gk_component comp) {
    const gk_config *c = gk_model_config(cast->model[0]);
    if (gk_component_is_norm(comp) || !gk_config_has(c, comp)) return;
    gk_graft__weights w = gk_graft__weights_of(cast, m, layer, comp);
    bool own = canon[gk_plan_slot(c, layer, comp) * GK_MAX_MODELS + m] == m;
    if (own && w.kind <= GK_GRAFT__LOW_RANK) gk_products_keep(p, w.from);
}

static void keep_layers(gk_products *p, const gk_cast *cast, const uint8_t *canon, int m) {
    for (int l = 0; l < gk_model_config(cast->model[0])->n_layers; l++)
        for (int comp = 0; comp < GK_N_COMPONENTS; comp++)
            if (gk_component_in_layer((gk_component)comp))
                keep_slot(p, cast, canon, m, l, (gk_component)comp);
}

/* Those first whose products have the fewest rows: heads, which take them in blocks, then donors. */
gk_products *gk_graft__products(const gk_cast *cast, const uint8_t *canon, size_t most_bytes) {
    gk_products *p = gk_products_new(cast->bf16 ? GK_OPERANDS_BF16 : GK_OPERANDS_F32, most_bytes);
    for (int m = cast->n - 1; m >= 0; m--) keep_slot(p, cast, canon, m, -1, GK_HEAD);
    for (int m = cast->n - 1; m >= 0; m--) keep_layers(p, cast, canon, m);
    return p;
}

/* A rounded copy of a matrix has to be made for every product, or once: bf16 keeps all. */
gk_products *gk_graft__first_products(const gk_cast *cast, const uint8_t *canon) {
    return gk_graft__products(cast, canon, cast->bf16 ? SIZE_MAX : 0);
}
