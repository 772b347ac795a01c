/* two_word_names.c: names and titles made of two words. */
#include "data/internal.h"

#include <string.h>

gk_data__two_words gk_data__two_words_new(const gk_list *left, const gk_list *right, uint64_t seed,
                                          const char *stream) {
    gk_rng rng;
    gk_data__two_words p = {.left = left, .right = right, .n = left->n * right->n};
    p.order = gk_alloc(p.n * sizeof *p.order);
    p.used = gk_alloc((left->n + right->n) * sizeof *p.used);
    for (size_t i = 0; i < p.n; i++) p.order[i] = (uint32_t)i;
    gk_rng_seed(&rng, seed, stream);
    gk_rng_shuffle(&rng, p.order, p.n, sizeof *p.order);
    return p;
}

void gk_data__two_words_free(gk_data__two_words *p) {
    gk_free(p->order);
    gk_free(p->used);
    *p = (gk_data__two_words){0};
}

const char *gk_data__two_words_left(const gk_data__two_words *p, uint32_t pair) {
    return p->left->item[pair / p->right->n];
}

const char *gk_data__two_words_right(const gk_data__two_words *p, uint32_t pair) {
    return p->right->item[pair % p->right->n];
}

static bool alike(const gk_data__two_words *p, uint32_t pair, const uint32_t *got, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (pair / p->right->n == got[i] / p->right->n || pair % p->right->n == got[i] % p->right->n)
            return true;
    return false;
}

/* Takes the pair at `at`; those skipped keep their turn: they move up behind it. */
static uint32_t pull(gk_data__two_words *p, size_t at) {
    uint32_t pair = p->order[at];
    memmove(p->order + p->taken + 1, p->order + p->taken, (at - p->taken) * sizeof *p->order);
    p->order[p->taken++] = pair;
    return pair;
}

bool gk_data__two_words_take(gk_data__two_words *p, size_t have, size_t want, uint32_t *got) {
    for (size_t k = have; k < have + want; k++) {
        size_t at = p->taken;
        while (at < p->n && alike(p, p->order[at], got, k)) at++;
        if (at == p->n) return false;
        got[k] = pull(p, at);
    }
    return true;
}

static uint32_t least(const uint32_t *used, size_t n) {
    uint32_t min = UINT32_MAX;
    for (size_t i = 0; i < n; i++)
        if (used[i] < min) min = used[i];
    return min;
}

bool gk_data__two_words_spread(gk_data__two_words *p, size_t want, uint32_t *got) {
    uint32_t *left = p->used, *right = p->used + p->left->n;
    for (size_t k = 0; k < want; k++) {
        uint32_t l = least(left, p->left->n), r = least(right, p->right->n);
        size_t at = p->taken, half = p->n / 2;
        while (at < half && (left[p->order[at] / p->right->n] != l ||
                             right[p->order[at] % p->right->n] != r || alike(p, p->order[at], got, k)))
            at++;
        if (at < half)
            got[k] = pull(p, at);
        else if (!gk_data__two_words_take(p, k, 1, got))
            return false;
        left[got[k] / p->right->n]++;
        right[got[k] % p->right->n]++;
    }
    return true;
}

void gk_data__two_words_unuse(gk_data__two_words *p, uint32_t pair) {
    p->used[pair / p->right->n]--;
    p->used[p->left->n + pair % p->right->n]--;
}
