/* kept_keys.c: keys and values of a chunk, layer by layer, for the tokens that are put behind its jobs later.
 *
 * A token behind a job is computed in the column of the job's last token, which itself stays as it was: so no
 * row of an earlier pass changes, and a later pass has a node a job. */
#include "graft/internal.h"

#include <string.h>

void gk_graft__kept_start(gk_graft__engine *e, uint32_t n_later) {
    size_t layers = (size_t)e->cfg->n_layers;
    e->further = false;
    e->n_later = n_later;
    if (n_later == 0) {
        gk_graft__kept_free(e);
        return;
    }
    if (!e->kept) e->kept = gk_alloc(layers * sizeof *e->kept);
    for (size_t l = 0; l < layers; l++) e->kept[l].n = e->kept[l].n_prefixes = 0;
}

/* The listed rows, behind those that are there. At first there is room for all that may come. */
static void append(gk_graft__engine *e, gk_graft__room *to, uint32_t before, const gk_graft__stage_rows *from,
                   const uint32_t *index) {
    size_t row = (size_t)from->width * sizeof(float), n = e->pair.n;
    size_t most = n + (e->further ? 0 : e->n_later);
    char *rows = gk_graft__room_for(to, (before + most) * row, before * row, &e->tally);
    for (size_t i = 0; i < n; i++)
        memcpy(rows + (before + i) * row, (const char *)from->x.p + index[i] * row, row);
}

void gk_graft__kept_take(gk_graft__engine *e, int layer) {
    gk_graft__kept_keys *kept = &e->kept[layer];
    size_t most = (e->n_nodes + (e->further ? 0 : e->n_later)) * sizeof(uint32_t);
    uint32_t *of = gk_graft__room_for(&kept->of, most, e->further ? kept->of.bytes : 0, &e->tally);
    const uint32_t *row = e->pair.of.p;
    for (uint32_t i = 0; i < e->n_keys; i++) of[e->keys[i]] = kept->n + row[e->keys[i]];
    gk_graft__room_for(&kept->prefix, most, e->further ? kept->prefix.bytes : 0, &e->tally);
    if (!e->counting) {
        append(e, &kept->k, kept->n, &e->k, e->pair.in.p);
        append(e, &kept->v, kept->n, &e->v, e->pair.in2.p);
    }
    kept->n += e->pair.n;
}

void gk_graft__kept_go_on(gk_graft__engine *e) {
    e->further = true;
    e->n_nodes = e->trie.nodes.n;
    e->n_all = e->n_last;
    size_t bytes = e->n_last * sizeof(uint32_t);
    memcpy(gk_graft__room_for(&e->all, bytes, 0, &e->tally), e->last.p, bytes);
}

double gk_graft__kept_bytes(const gk_config *c, double nodes, double later, double path) {
    double kv = (double)c->n_kv_heads * c->head_dim;
    double row = c->n_layers * (2 * kv * sizeof(float) + 2 * sizeof(uint32_t));
    double node = 1.5 * (sizeof(gk_graft__trie_node) + 8 * sizeof(uint32_t)) + c->n_layers + 1;
    return (nodes + later) * row + later * node + path * 2 * sizeof(uint32_t);
}

void gk_graft__kept_free(gk_graft__engine *e) {
    for (int l = 0; e->kept && l < e->cfg->n_layers; l++) {
        gk_graft__room *rooms[] = {&e->kept[l].k, &e->kept[l].v, &e->kept[l].of, &e->kept[l].prefix};
        for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
            e->tally -= rooms[i]->bytes;
            gk_free(rooms[i]->p);
        }
    }
    gk_free(e->kept);
    e->kept = NULL;
}
