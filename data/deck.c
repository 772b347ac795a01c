/* deck.c: values dealt as cards are, so that each comes as often as any other. */
#include "data/internal.h"

gk_data__deck gk_data__deck_new(gk_arena *a, size_t n) {
    gk_data__deck d = {.card = gk_arena_alloc(a, n * sizeof *d.card), .n = n, .dealt = n};
    for (size_t i = 0; i < n; i++) d.card[i] = i;
    return d;
}

size_t gk_data__deck_deal(gk_data__deck *d, gk_rng *rng) {
    if (d->dealt == d->n) {
        gk_rng_shuffle(rng, d->card, d->n, sizeof *d->card);
        d->dealt = 0;
    }
    return d->card[d->dealt++];
}
