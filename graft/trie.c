/* trie.c: the jobs of a chunk as a trie over (token, plan column). */
#include "graft/internal.h"

#include <string.h>

void gk__trie_start(gk__trie *t) {
    t->column_words = ((size_t)t->n_slots + 3) / 4;
    t->path_n = 0;
    gk__table_start(&t->nodes, 3, 1024, t->tally);
    gk__table_start(&t->columns, t->column_words, 64, t->tally);
}

/* The column of `job` at token i, with every model replaced by the first that has the same weights in that
 * slot. */
static uint32_t column_of(gk__trie *t, const gk_job *job, int i) {
    size_t bytes = t->column_words * sizeof(uint32_t);
    uint8_t *column = gk__room_for(&t->key, bytes, 0, t->tally);
    bool fresh;
    for (int s = 0; s < t->n_slots; s++) {
        uint8_t model = job->plan->model[(size_t)s * (size_t)job->n + (size_t)i];
        column[s] = t->canon[(size_t)s * GK_MAX_MODELS + model];
    }
    return gk__table_add(&t->columns, t->key.p, &fresh, t->tally);
}

uint32_t gk__trie_add(gk__trie *t, const gk_job *job) {
    size_t n = (size_t)job->n, start = t->path_n;
    uint32_t *path = gk__room_for(&t->path, (start + n) * sizeof *path, start * sizeof *path, t->tally);
    uint32_t at = GK__NONE;
    bool fresh = false;
    for (size_t i = 0; i < n; i++) {
        uint32_t key[3] = {at, (uint32_t)job->token[i], column_of(t, job, (int)i)};
        at = gk__table_add(&t->nodes, key, &fresh, t->tally);
        path[start + i] = at;
        if (!fresh) continue;
        gk__node *node = gk__room_for(&t->node, (at + 1) * sizeof *node, at * sizeof *node, t->tally);
        node[at] = (gk__node){key[0], key[1], key[2], (uint32_t)start, (int32_t)i};
    }
    /* A path is needed only for the nodes that it brought. */
    if (fresh) t->path_n += n;
    return at;
}

void gk__trie_free(gk__trie *t) {
    gk__table_free(&t->nodes);
    gk__table_free(&t->columns);
    gk_free(t->node.p);
    gk_free(t->path.p);
    gk_free(t->key.p);
}
