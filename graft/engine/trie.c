/* trie.c: the jobs of a chunk as a trie over (token, plan column). */
#include "graft/internal.h"

#include <string.h>

void gk_graft__trie_start(gk_graft__trie *t) {
    t->column_words = ((size_t)(t->n_slots + t->n_patches) + 3) / 4;
    t->path_n = t->source_n = 0;
    gk_graft__intern_start(&t->nodes, 3, 1024, t->tally);
    gk_graft__intern_start(&t->columns, t->column_words, 64, t->tally);
}

/* ---------------------------------------------------------------- columns */

/* Who computes what at each position of a path: a job's plan, or one model alone. */
typedef struct deal {
    const gk_plan *plan; /* NULL: `model` everywhere */
    int model;
} deal;

static uint8_t patch_at(const gk_graft__trie *t, const gk_plan *p, int index, int token) {
    return t->n_patches && p && p->patch ? p->patch[(size_t)index * (size_t)p->n_tokens + (size_t)token] : 0;
}

/* The column at token i, with every model replaced by the first that has the same weights in that slot.
 * *patched: it has a patch that takes from a model's plain run. */
static uint32_t column_of(gk_graft__trie *t, deal d, int i, bool *patched) {
    size_t bytes = t->column_words * sizeof(uint32_t);
    uint8_t *column = gk_graft__room_for(&t->key, bytes, 0, t->tally);
    bool fresh;
    memset(column, 0, bytes);
    for (int s = 0; s < t->n_slots; s++) {
        uint8_t model =
            d.plan ? d.plan->model[(size_t)s * (size_t)d.plan->n_tokens + (size_t)i] : (uint8_t)d.model;
        column[s] = t->canon[(size_t)s * GK_MAX_MODELS + model];
    }
    *patched = false;
    for (int l = 0; l < t->n_patches; l++) {
        uint8_t patch = patch_at(t, d.plan, l, i);
        column[t->n_slots + l] = patch;
        *patched = *patched || (patch != GK_PATCH_NONE && !gk_patch_is_mean(patch));
    }
    return gk_graft__intern_add(&t->columns, t->key.p, &fresh, t->tally);
}

/* ---------------------------------------------------------------- nodes */

/* Room for the nodes that a patched node takes from, one a model. */
static uint32_t add_sources(gk_graft__trie *t) {
    size_t n = t->source_n, more = GK_MAX_MODELS;
    uint32_t *source =
        gk_graft__room_for(&t->source, (n + more) * sizeof *source, n * sizeof *source, t->tally);
    for (size_t i = 0; i < more; i++) source[n + i] = GK_GRAFT__NONE;
    t->source_n += more;
    return (uint32_t)n;
}

/* The path of the first n tokens; returns its last node. */
static uint32_t add_path(gk_graft__trie *t, const int32_t *token, int n, deal d) {
    size_t count = (size_t)n, start = t->path_n;
    uint32_t *path =
        gk_graft__room_for(&t->path, (start + count) * sizeof *path, start * sizeof *path, t->tally);
    uint32_t at = GK_GRAFT__NONE;
    bool fresh = false, patched;
    for (size_t i = 0; i < count; i++) {
        uint32_t key[3] = {at, (uint32_t)token[i], column_of(t, d, (int)i, &patched)};
        at = gk_graft__intern_add(&t->nodes, key, &fresh, t->tally);
        path[start + i] = at;
        if (!fresh) continue;
        gk_graft__trie_node *node =
            gk_graft__room_for(&t->node, (at + 1) * sizeof *node, at * sizeof *node, t->tally);
        node[at] = (gk_graft__trie_node){
            key[0], key[1], key[2], (uint32_t)start, patched ? add_sources(t) : GK_GRAFT__NONE, (int32_t)i};
    }
    /* A path is needed only for the nodes that it brought. */
    if (fresh) t->path_n += count;
    return at;
}

/* ---------------------------------------------------------------- plain runs that patches take from */

/* For each model, how many tokens of its plain run the job's patches take from: up to the last one patched.
 */
static int find_sources(const gk_graft__trie *t, const gk_job *job, int length[GK_MAX_MODELS]) {
    int chains = 0;
    memset(length, 0, GK_MAX_MODELS * sizeof *length);
    for (int l = 0; l < t->n_patches; l++)
        for (int i = 0; i < job->n; i++) {
            uint8_t patch = patch_at(t, job->plan, l, i);
            if (patch == GK_PATCH_NONE || gk_patch_is_mean(patch)) continue;
            int *to = &length[gk_patch_model(patch)];
            chains += *to == 0;
            if (*to < i + 1) *to = i + 1;
        }
    return chains;
}

/* Notes for the job's nodes, of which `end` is the last, where they take from `model`. */
static void link_source(gk_graft__trie *t, const gk_job *job, uint32_t end, int model, int length) {
    uint32_t from = add_path(t, job->token, length, (deal){.model = model});
    uint32_t to = end;
    while (gk_graft__trie_at(t, to)->position >= length) to = gk_graft__trie_at(t, to)->parent;
    uint32_t *source = t->source.p;
    while (to != GK_GRAFT__NONE) {
        const gk_graft__trie_node *node = gk_graft__trie_at(t, to);
        if (node->source != GK_GRAFT__NONE) source[node->source + (uint32_t)model] = from;
        from = gk_graft__trie_at(t, from)->parent;
        to = node->parent;
    }
}

uint32_t gk_graft__trie_add(gk_graft__trie *t, const gk_job *job) {
    int length[GK_MAX_MODELS];
    uint32_t end = add_path(t, job->token, job->n, (deal){.plan = job->plan});
    if (!t->n_patches || !find_sources(t, job, length)) return end;
    for (int m = 0; m < GK_MAX_MODELS; m++)
        if (length[m]) link_source(t, job, end, m, length[m]);
    return end;
}

/* ---------------------------------------------------------------- tokens that come later */

uint32_t gk_graft__trie_extend(gk_graft__trie *t, uint32_t parent, int32_t token) {
    const gk_graft__trie_node before = *gk_graft__trie_at(t, parent);
    const uint32_t key[3] = {parent, (uint32_t)token, before.column};
    bool fresh;
    uint32_t at = gk_graft__intern_add(&t->nodes, key, &fresh, t->tally);
    if (!fresh) return at;
    gk_graft__trie_node *node =
        gk_graft__room_for(&t->node, (at + 1) * sizeof *node, at * sizeof *node, t->tally);
    uint32_t source = before.source == GK_GRAFT__NONE ? GK_GRAFT__NONE : add_sources(t);
    node[at] = (gk_graft__trie_node){parent, key[1], key[2], 0, source, before.position + 1};
    for (uint32_t m = 0; m < GK_MAX_MODELS && source != GK_GRAFT__NONE; m++) {
        uint32_t from = ((const uint32_t *)t->source.p)[before.source + m];
        if (from == GK_GRAFT__NONE) continue;
        from = gk_graft__trie_extend(t, from, token); /* a plain run's node, which has no sources */
        ((uint32_t *)t->source.p)[source + m] = from;
    }
    return at;
}

static void list_path(gk_graft__trie *t, uint32_t node) {
    gk_graft__trie_node *at = (gk_graft__trie_node *)t->node.p + node;
    size_t start = t->path_n, count = (size_t)at->position + 1;
    uint32_t *path =
        gk_graft__room_for(&t->path, (start + count) * sizeof *path, start * sizeof *path, t->tally);
    at->path = (uint32_t)start;
    t->path_n += count;
    for (uint32_t up = node; up != GK_GRAFT__NONE; up = gk_graft__trie_at(t, up)->parent)
        path[start + --count] = up;
}

void gk_graft__trie_list_paths(gk_graft__trie *t, const uint32_t *node, uint32_t n) {
    t->path_n = 0;
    for (uint32_t i = 0; i < n; i++) {
        list_path(t, node[i]);
        uint32_t source = gk_graft__trie_at(t, node[i])->source;
        for (uint32_t m = 0; m < GK_MAX_MODELS && source != GK_GRAFT__NONE; m++) {
            uint32_t from = ((const uint32_t *)t->source.p)[source + m];
            if (from != GK_GRAFT__NONE) list_path(t, from);
        }
    }
}

uint32_t gk_graft__trie_add_plain(gk_graft__trie *t, const int32_t *token, int n, int model) {
    return add_path(t, token, n, (deal){.model = model});
}

int gk_graft__trie_paths(const gk_graft__trie *t, const gk_job *job) {
    int length[GK_MAX_MODELS];
    return 1 + (t->n_patches ? find_sources(t, job, length) : 0);
}

void gk_graft__trie_free(gk_graft__trie *t) {
    gk_graft__intern_free(&t->nodes);
    gk_graft__intern_free(&t->columns);
    gk_free(t->node.p);
    gk_free(t->path.p);
    gk_free(t->source.p);
    gk_free(t->key.p);
}
