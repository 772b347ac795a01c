/* trained.c: the vector of what is trained: a model's flat vector with its frozen arrays taken out. Gradients
 * and moments are laid out so, and what is frozen has no place there. */
#include "graftkit/core/memory.h"
#include "graftkit/model/session.h"
#include "model/weights/weights.h"

size_t gk_trained_places(const gk_param *list, size_t n, size_t n_floats, int n_layers,
                         const uint32_t *frozen, size_t *place) {
    size_t gone = 0;
    for (size_t i = 0; i < n; i++) {
        const gk_param *p = &list[i];
        bool still = frozen && (frozen[p->layer < 0 ? n_layers : p->layer] >> p->comp & 1u);
        place[i] = still ? GK_NOT_TRAINED : p->offset - gone;
        if (still) gone += (i + 1 < n ? list[i + 1].offset : n_floats) - p->offset;
    }
    return n_floats - gone;
}

/* The parts of the vector: 0 is embed and pos, then the layers, then lnf and the head. */
static int part_of(const gk_param *p, int n_layers) {
    if (p->layer >= 0) return p->layer + 1;
    return p->comp == GK_EMBED || p->comp == GK_POS ? 0 : n_layers + 1;
}

gk_weights__trained gk_weights__trained_make(const gk_config *c, const uint32_t *frozen) {
    size_t n, floats, at = 0, layers = (size_t)c->n_layers;
    gk_param *list = gk_weights__params(c, &n, &floats);
    size_t *place = gk_alloc(n * sizeof *place);
    gk_weights__trained t = {.n_layers = c->n_layers,
                             .place = gk_alloc((layers + 1) * GK_N_COMPONENTS * sizeof *t.place),
                             .start = gk_alloc((layers + 3) * sizeof *t.start)};
    floats = gk_trained_places(list, n, floats, c->n_layers, frozen, place);
    t.start[layers + 2] = at = floats;
    for (size_t i = n; i-- > 0;) {
        const gk_param *p = &list[i];
        if (place[i] != GK_NOT_TRAINED) at = place[i];
        size_t row = p->layer < 0 ? layers : (size_t)p->layer;
        gk_weights__offsets *to = &t.place[row * GK_N_COMPONENTS + p->comp];
        *(p->bias ? &to->b : &to->w) = place[i];
        t.start[part_of(p, c->n_layers)] = at;
    }
    gk_free(place);
    gk_free(list);
    return t;
}

void gk_weights__trained_free(gk_weights__trained *t) {
    gk_free(t->place);
    gk_free(t->start);
}

size_t gk_trained_floats(const gk_config *c, const uint32_t *frozen) {
    gk_weights__trained t = gk_weights__trained_make(c, frozen);
    size_t floats = gk_weights__trained_start(&t, c->n_layers + 1);
    gk_weights__trained_free(&t);
    return floats;
}

void gk_backprop_floats(const gk_config *c, const uint32_t *frozen, size_t *front, size_t *window) {
    gk_weights__trained t = gk_weights__trained_make(c, frozen);
    *front = gk_weights__trained_start(&t, 0);
    *window = 0;
    for (int l = 0; l <= c->n_layers; l++) {
        size_t part = gk_weights__trained_start(&t, l + 1) - gk_weights__trained_start(&t, l);
        if (part > *window) *window = part;
    }
    gk_weights__trained_free(&t);
}
