/* published.c: schemes that are `as_published`: what the public code of the paper computes, where that is not
 * what the words of a scheme mean otherwise.
 *
 * That code copies donor modules into a copy of the recipient before each token. So a graft of the embedding
 * takes a tied head along, over the final norm of the recipient, which it never touches; nor does it touch
 * position embeddings, or norms that its models lack. It takes the embedding along whatever layers a graft
 * names, and where a checkpoint fuses q, k and v it has one module for the three. */
#include "graft/internal.h"

#define BIT(c) (1u << GK_##c)
const uint32_t gk_graft__published_components =
    BIT(EMBED) | BIT(LN1) | BIT(Q) | BIT(K) | BIT(V) | BIT(O) | BIT(LN2) | BIT(GATE) | BIT(UP) | BIT(DOWN);
static const uint32_t QKV = BIT(Q) | BIT(K) | BIT(V);

static const char elsewhere[] = "take as_published from this scheme, or write as_published: false in it";

bool gk_graft__published_check(const gk_scheme *s, gk_error *err) {
    for (size_t i = 0; i < s->n_grafts; i++)
        if (s->graft[i].layers.drop)
            return gk_fail(
                err, s->graft[i].layers.place, elsewhere,
                "the public code drops other layers at each token, of no seed: layers as published "
                "have no drop");
    return s->n_patches == 0 ||
           gk_fail(err, s->patch[0].place, elsewhere, "the public code has no patches and no ablations");
}

bool gk_graft__published_head(gk_scheme *s, gk_error *err) {
    if (s->head.norm.name)
        return gk_fail(
            err, s->head.place,
            "write head: {donor: SFT, norm: recipient}, which is what it does by patch_lm_head: always",
            "the public code never grafts the final norm");
    for (size_t i = 0; i < s->n_grafts; i++)
        s->head.tied |= !s->head.donor.name && (s->graft[i].components & BIT(EMBED));
    return true;
}

bool gk_graft__published_fits(const gk_scheme *s, const gk_config *c, gk_error *err) {
    for (size_t i = 0; i < s->n_grafts; i++) {
        uint32_t of = s->graft[i].components & QKV;
        if (of && of != QKV && gk_family_fuses_qkv(c->family))
            return gk_fail(err, s->graft[i].components_place, "write qkv or attn, or as_published: false",
                           "the public code cannot graft q, k and v of %s models apart: they are one tensor",
                           gk_family_name(c->family));
    }
    return true;
}

bool gk_graft__published_tied(const gk_cast *cast, int m, const gk_config *c) {
    if (!cast->model[m]) return c->tied;
    gk_tensor embed = gk_model_tensor(cast->model[m], -1, GK_EMBED),
              head = gk_model_tensor(cast->model[m], -1, GK_HEAD);
    return embed.w == head.w && embed.h == head.h;
}
