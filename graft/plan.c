/* plan.c: a scheme on one tokenised prompt: which model computes each slot at each token. */
#include "graft/internal.h"

#include <string.h>

/* ---------------------------------------------------------------- slots */

static int count_components(const gk_config *c, gk_component first, gk_component end) {
    int n = 0;
    for (int i = (int)first; i < (int)end; i++) n += gk_config_has(c, (gk_component)i);
    return n;
}

int gk_plan_slots(const gk_config *c) {
    return count_components(c, GK_EMBED, GK_LN1) + c->n_layers * count_components(c, GK_LN1, GK_LNF) +
           count_components(c, GK_LNF, GK_N_COMPONENTS);
}

int gk_plan_slot(const gk_config *c, int layer, gk_component comp) {
    if (!gk_config_has(c, comp)) return -1;
    if (comp < GK_LN1) return count_components(c, GK_EMBED, comp);
    int before = count_components(c, GK_EMBED, GK_LN1), in_layer = count_components(c, GK_LN1, GK_LNF);
    if (comp >= GK_LNF) return before + c->n_layers * in_layer + count_components(c, GK_LNF, comp);
    if (layer < 0 || layer >= c->n_layers) return -1;
    return before + layer * in_layer + count_components(c, GK_LN1, comp);
}

gk_plan gk_plan_single(gk_arena *a, const gk_config *c, int n_tokens, int model) {
    gk_plan p = {.n_slots = gk_plan_slots(c), .n_tokens = n_tokens};
    size_t bytes = (size_t)p.n_slots * (size_t)n_tokens;
    p.model = gk_arena_alloc(a, bytes);
    memset(p.model, model, bytes);
    return p;
}

/* Copies rows of n values, each going on for `extra` more as it ends. */
static uint8_t *go_on(gk_arena *a, const uint8_t *from, size_t rows, size_t n, size_t extra) {
    uint8_t *to = gk_arena_alloc(a, rows * (n + extra));
    for (size_t i = 0; i < rows; i++) {
        memcpy(to + i * (n + extra), from + i * n, n);
        memset(to + i * (n + extra) + n, from[i * n + n - 1], extra);
    }
    return to;
}

gk_plan gk_plan_extend(gk_arena *a, const gk_plan *p, int extra) {
    gk_plan q = {.n_slots = p->n_slots, .n_tokens = p->n_tokens + extra, .n_patches = p->n_patches};
    size_t n = (size_t)p->n_tokens, more = (size_t)extra;
    q.model = go_on(a, p->model, (size_t)p->n_slots, n, more);
    if (p->patch) q.patch = go_on(a, p->patch, (size_t)p->n_patches, n, more);
    return q;
}

/* ---------------------------------------------------------------- the plan */

bool gk_graft__slots_mark(gk_arena *a, const gk_graft__assignment *g, const gk_config *c, bool *slots,
                          gk_error *err) {
    bool *layers = gk_arena_alloc(a, (size_t)c->n_layers);
    size_t some = 0;
    bool known = false;
    if (!gk_graft__layers_mark(a, &g->layers, c->n_layers, layers, err)) return false;
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        gk_component comp = (gk_component)i;
        if (!(g->components & (1u << i)) || !gk_config_has(c, comp)) continue;
        bool inside = gk_component_in_layer(comp);
        known = true;
        for (int l = 0; l < (inside ? c->n_layers : 1); l++) {
            bool on = inside ? layers[l] : g->layers.all;
            if (on) slots[gk_plan_slot(c, l, comp)] = true;
            some += on;
        }
    }
    return some > 0 || (known && g->layers.drop) ||
           gk_fail(err, g->components_place, NULL, "empty selection: %s models have no %s",
                   gk_family_name(c->family), gk_graft__components_text(a, g->components, ", "));
}

/* `taken` holds 1 + the donor of every slot and token that a graft has claimed. */
static bool lay(const gk_graft__assignment *g, const gk_cast *cast, int donor, const bool *slots,
                const bool *in, uint8_t *taken, gk_plan *out, gk_error *err) {
    for (int s = 0; s < out->n_slots; s++) {
        for (int t = 0; slots[s] && t < out->n_tokens; t++) {
            size_t i = (size_t)s * (size_t)out->n_tokens + (size_t)t;
            if (!in[t]) continue;
            if (taken[i] && taken[i] != donor + 1)
                return gk_fail(
                    err, g->place, "two grafts may overlap only when they name the same donor",
                    "conflict at token %d: this graft takes it from '%.80s', an earlier one from '%.80s'", t,
                    cast->name[donor], cast->name[taken[i] - 1]);
            taken[i] = (uint8_t)(donor + 1);
            out->model[i] = (uint8_t)donor;
        }
    }
    return true;
}

static bool lay_head(const gk_graft__head_policy *h, const gk_cast *cast, const gk_config *c, gk_plan *out,
                     gk_error *err) {
    const struct {
        gk_component comp;
        const gk_graft__model_name *whose;
    } part[] = {{GK_LNF, &h->norm}, {GK_HEAD, &h->donor}};
    for (int i = 0; i < 2; i++) {
        if (!part[i].whose->name) continue;
        int model = gk_graft__model_find(cast, part[i].whose, err);
        if (model < 0) return false;
        size_t row = (size_t)gk_plan_slot(c, -1, part[i].comp) * (size_t)out->n_tokens;
        for (int t = h->last ? out->n_tokens - 1 : 0; t < out->n_tokens; t++)
            out->model[row + (size_t)t] = (uint8_t)model;
    }
    return true;
}

/* A tied head goes where the embedding is grafted from, token by token. */
static bool lay_tied(const gk_scheme *s, const gk_cast *cast, const gk_config *c, int recipient, gk_plan *out,
                     gk_error *err) {
    if (!s->head.tied || !gk_graft__published_tied(cast, recipient, c)) return true;
    size_t n = (size_t)out->n_tokens;
    uint8_t *head = out->model + (size_t)gk_plan_slot(c, -1, GK_HEAD) * n;
    const uint8_t *embed = out->model + (size_t)gk_plan_slot(c, -1, GK_EMBED) * n;
    for (size_t t = 0; t < n; t++)
        if (!gk_graft__published_tied(cast, embed[t], c))
            return gk_fail(err, s->place, "give both ties or none, or write as_published: false",
                           "the head of '%.80s' is tied to its embedding, that of '%.80s' is not: the public "
                           "code would take the embedding of '%.80s' for a head",
                           cast->name[recipient], cast->name[embed[t]], cast->name[embed[t]]);
    memcpy(head, embed, n);
    return true;
}

static bool lay_all(gk_arena *a, const gk_scheme *s, const gk_cast *cast, const gk_config *c,
                    const gk_tokens *tokens, const gk_field_span *fields, size_t n_fields, gk_plan *out,
                    gk_error *err) {
    if (tokens->n < 1 || tokens->n > (size_t)c->max_positions)
        return gk_fail(err, s->place, NULL, "a prompt of %zu tokens; these models take 1 to %d", tokens->n,
                       c->max_positions);
    if (s->published && !gk_graft__published_fits(s, c, err)) return false;
    int recipient = s->recipient.name ? gk_graft__model_find(cast, &s->recipient, err) : 0;
    if (recipient < 0) return false;
    *out = gk_plan_single(a, c, (int)tokens->n, recipient);
    uint8_t *taken = gk_arena_alloc(a, (size_t)out->n_slots * tokens->n);
    gk_graft__prompt p = {a, tokens, fields, n_fields};
    for (size_t i = 0; i < s->n_grafts; i++) {
        const gk_graft__assignment *g = &s->graft[i];
        bool *in = gk_arena_alloc(a, tokens->n), *slots = gk_arena_alloc(a, (size_t)out->n_slots);
        int donor = gk_graft__model_find(cast, &g->donor, err);
        if (donor < 0) return false;
        if (gk_graft__layers_none(&g->layers)) continue;
        if (!gk_graft__positions_mark(&p, &g->at, in, err) || !gk_graft__slots_mark(a, g, c, slots, err) ||
            !lay(g, cast, donor, slots, in, taken, out, err))
            return false;
    }
    return lay_head(&s->head, cast, c, out, err) && lay_tied(s, cast, c, recipient, out, err) &&
           gk_graft__patches_lay(&p, s, cast, c, recipient, out, err);
}

bool gk_plan_lay(gk_arena *a, const gk_scheme *s, const gk_cast *cast, const gk_config *c,
                 const gk_tokens *tokens, const gk_field_span *fields, size_t n_fields, gk_plan *out,
                 gk_error *err) {
    return lay_all(a, s, cast, c, tokens, fields, n_fields, out, err) || gk_graft__name_scheme(s, err);
}

bool gk_plan_make(gk_arena *a, const gk_scheme *s, const gk_cast *cast, const gk_tokens *tokens,
                  const gk_field_span *fields, size_t n_fields, gk_plan *out, gk_error *err) {
    return gk_cast_check(cast, err) &&
           gk_plan_lay(a, s, cast, gk_model_config(cast->model[0]), tokens, fields, n_fields, out, err);
}
