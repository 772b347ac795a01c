/* needed_nodes.c: which nodes of a trie a layer must compute, and the rows that patches put in their place.
 *
 * Counted by index: 0 is after the embedding, l + 1 after layer l. A node that a job ends in needs its
 * residual stream after the last layer; who needs one that a patch replaces needs the row it is replaced by;
 * who needs one that a layer computes needs that layer's keys and values at all positions up to its own, and
 * so the residual stream before the layer there. */
#include "graft/internal.h"

#include <string.h>

enum { NEEDED = 1, KEYS = 2, OUTPUT = 4 };

static uint8_t *flags_at(const gk_graft__engine *e, int index) {
    return (uint8_t *)e->live.p + (size_t)index * e->n_nodes;
}

static uint32_t source_of(const gk_graft__engine *e, uint32_t node, uint8_t patch) {
    const uint32_t *source = e->trie.source.p;
    return source[gk_graft__trie_at(&e->trie, node)->source + (uint32_t)gk_patch_model(patch)];
}

/* From what is needed at `index`: what its layer computes. Sources have no patches themselves. */
static void find_outputs(const gk_graft__engine *e, int index) {
    uint8_t *flags = flags_at(e, index);
    for (uint32_t i = 0; i < e->n_nodes; i++) {
        uint8_t patch = gk_graft__trie_patch(&e->trie, i, index);
        if ((flags[i] & NEEDED) && patch != GK_PATCH_NONE && !gk_patch_is_mean(patch))
            flags[source_of(e, i, patch)] |= NEEDED;
    }
    for (uint32_t i = 0; i < e->n_nodes; i++)
        if ((flags[i] & NEEDED) && gk_graft__trie_patch(&e->trie, i, index) == GK_PATCH_NONE)
            flags[i] |= OUTPUT | KEYS;
}

/* Children come after their parents. */
static void find_keys(const gk_graft__engine *e, int index) {
    uint8_t *flags = flags_at(e, index), *below = flags_at(e, index - 1);
    for (uint32_t i = e->n_nodes; i-- > 0;) {
        uint32_t parent = gk_graft__trie_at(&e->trie, i)->parent;
        if (!(flags[i] & KEYS)) continue;
        below[i] |= NEEDED;
        /* Behind a pass whose keys are kept, tokens come in the column of their parent: what that one needed
         * of those before it is what they need. */
        if (parent != GK_GRAFT__NONE && !e->further) flags[parent] |= KEYS;
    }
}

void gk_graft__needed_find(gk_graft__engine *e) {
    const uint32_t *last = e->last.p;
    int layers = e->cfg->n_layers;
    if (!e->trie.n_patches) return;
    size_t bytes = ((size_t)layers + 1) * e->n_nodes;
    memset(gk_graft__room_for(&e->live, bytes, 0, &e->tally), 0, bytes);
    for (uint32_t i = 0; i < e->n_last; i++) flags_at(e, layers)[last[i]] |= NEEDED;
    for (int index = layers; index >= 0; index--) {
        find_outputs(e, index);
        if (index > 0) find_keys(e, index);
    }
}

static const uint32_t *list(gk_graft__engine *e, gk_graft__room *to, const uint8_t *flags, uint8_t flag,
                            uint32_t *n) {
    uint32_t *node = gk_graft__room_for(to, (e->n_nodes + 1) * sizeof *node, 0, &e->tally);
    *n = 0;
    for (uint32_t i = 0; i < e->n_nodes; i++)
        if (flags[i] & flag) node[(*n)++] = i;
    return node;
}

void gk_graft__needed_layer(gk_graft__engine *e, int index) {
    if (e->trie.n_patches) {
        const uint8_t *flags = flags_at(e, index);
        e->keys = list(e, &e->live_keys, flags, index ? KEYS : OUTPUT, &e->n_keys);
        e->outputs = list(e, &e->live_outputs, flags, OUTPUT, &e->n_outputs);
        return;
    }
    bool top = index == e->cfg->n_layers;
    e->keys = e->all.p;
    e->n_keys = e->n_all;
    e->outputs = top ? e->last.p : e->all.p;
    e->n_outputs = top ? e->n_last : e->n_all;
}

/* ---------------------------------------------------------------- what patches put in */

/* A row of its own behind those that were computed. */
static uint32_t add_mean(gk_graft__engine *e, int model, int index) {
    gk_graft__stage_rows *x = &e->x;
    size_t row = (size_t)e->cfg->d_model * sizeof(float), before = x->n * row;
    if (e->counting) return x->n++;
    char *rows = gk_graft__room_for(&x->x, before + row, before, &e->tally);
    memcpy(rows + before, e->cast->mean[model] + (size_t)index * (size_t)e->cfg->d_model, row);
    return x->n++;
}

void gk_graft__patch_rows(gk_graft__engine *e, int index) {
    if (!e->trie.n_patches) return;
    const uint8_t *flags = flags_at(e, index);
    uint32_t mean[GK_MAX_MODELS], *of = e->x.of.p;
    memset(mean, 0xff, sizeof mean); /* GK_GRAFT__NONE */
    for (uint32_t i = 0; i < e->n_nodes; i++) {
        uint8_t patch = gk_graft__trie_patch(&e->trie, i, index);
        if (!(flags[i] & NEEDED) || patch == GK_PATCH_NONE) continue;
        int model = gk_patch_model(patch);
        if (!gk_patch_is_mean(patch)) {
            of[i] = of[source_of(e, i, patch)];
            continue;
        }
        if (mean[model] == GK_GRAFT__NONE) mean[model] = add_mean(e, model, index);
        of[i] = mean[model];
    }
}
