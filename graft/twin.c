/* twin.c: a scheme again, with other models in the place of some: its placebo. */
#include "graft/internal.h"

#include <string.h>

typedef struct exchange {
    const char *const *from, *const *to;
    size_t n;
    bool *used;     /* [n] */
    bool has_other; /* one of `to` is named already */
} exchange;

static void exchange_name(exchange *x, gk_graft__model_name *m) {
    const char *name = m->name;
    for (size_t i = 0; name && i < x->n; i++) {
        x->has_other |= strcmp(name, x->to[i]) == 0;
        if (strcmp(name, x->from[i]) != 0) continue;
        m->name = x->to[i];
        x->used[i] = true;
    }
}

/* "FE+LT (placebo: task)" */
static const char *twin_name(gk_arena *a, const gk_scheme *s, const exchange *x) {
    const char *donors = "";
    for (size_t i = 0; i < x->n; i++)
        if (x->used[i]) donors = gk_arena_printf(a, "%s%s%s", donors, *donors ? ", " : "", x->to[i]);
    return *donors ? gk_arena_printf(a, "%s (placebo: %s)", s->name, donors) : NULL;
}

gk_scheme *gk_scheme_twin(gk_arena *a, const gk_scheme *s, const char *const *from, const char *const *to,
                          size_t n) {
    exchange x = {from, to, n, gk_arena_alloc(a, (n + 1) * sizeof(bool)), false};
    gk_scheme *t = gk_arena_alloc(a, sizeof *t);
    *t = *s;
    t->graft = gk_arena_alloc(a, (s->n_grafts + 1) * sizeof *t->graft);
    t->patch = gk_arena_alloc(a, (s->n_patches + 1) * sizeof *t->patch);
    exchange_name(&x, &t->recipient);
    exchange_name(&x, &t->head.donor);
    exchange_name(&x, &t->head.norm);
    for (size_t i = 0; i < s->n_grafts; i++) {
        t->graft[i] = s->graft[i];
        exchange_name(&x, &t->graft[i].donor);
    }
    for (size_t i = 0; i < s->n_patches; i++) {
        t->patch[i] = s->patch[i];
        exchange_name(&x, &t->patch[i].from);
    }
    t->name = twin_name(a, s, &x);
    if (!t->name || x.has_other) return NULL;
    t->canonical = gk_graft__canonical_text(a, t);
    t->n_axes = 0; /* it is no cell of the grid */
    return t;
}
