/* two_word_names.c: names and titles made of two words. */
#include "data/internal.h"

#include <string.h>

gk_data__two_words gk_data__two_words_new(const gk_list *left, const gk_list *right, uint64_t seed,
                                          const char *stream) {
    gk_rng rng;
    gk_data__two_words p = {.left = left, .right = right, .n = left->n * right->n};
    p.order = gk_alloc(p.n * sizeof *p.order);
    for (size_t i = 0; i < p.n; i++) p.order[i] = (uint32_t)i;
    gk_rng_seed(&rng, seed, stream);
    gk_rng_shuffle(&rng, p.order, p.n, sizeof *p.order);
    return p;
}

void gk_data__two_words_free(gk_data__two_words *p) {
    gk_free(p->order);
    *p = (gk_data__two_words){0};
}

const char *gk_data__two_words_left(const gk_data__two_words *p, uint32_t pair) {
    return p->left->item[pair / p->right->n];
}

const char *gk_data__two_words_right(const gk_data__two_words *p, uint32_t pair) {
    return p->right->item[pair % p->right->n];
}

static bool alike(const gk_data__two_words *p, uint32_t x, uint32_t y) {
    return x / p->right->n == y / p->right->n || x % p->right->n == y % p->right->n;
}

bool gk_data__two_words_take(gk_data__two_words *p, size_t want, uint32_t *got) {
    for (size_t k = 0; k < want; k++) {
        size_t at = p->taken;
        for (size_t j = 0; at < p->n && j < k;) {
            bool clash = alike(p, p->order[at], got[j]);
            at += clash;
            j = clash ? 0 : j + 1;
        }
        if (at == p->n) return false;
        got[k] = p->order[at];
        /* The pairs skipped keep their turn: they move up behind the one taken. */
        memmove(p->order + p->taken + 1, p->order + p->taken, (at - p->taken) * sizeof *p->order);
        p->order[p->taken++] = got[k];
    }
    return true;
}
