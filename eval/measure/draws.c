/* draws.c: the bootstrap's draws, made once for each number of rows. */
#include "eval/measure/draws.h"
#include "graftkit/core/memory.h"

#include <pthread.h>
#include <string.h>

enum { MOST_KEPT = 16 };                       /* numbers of rows */
static const size_t LARGEST = (size_t)4 << 20; /* draws of one number of rows */

struct gk_measure__draws {
    uint64_t seed;
    size_t resamples, n;
    pthread_mutex_t lock;
    struct {
        size_t rows;
        uint32_t *times;
    } kept[MOST_KEPT];
};

void gk_measure__draws_seed(gk_rng *rng, uint64_t seed) {
    gk_rng_seed(rng, seed, "bootstrap");
}

void gk_measure__draws_next(gk_rng *rng, size_t rows, uint32_t *times) {
    memset(times, 0, rows * sizeof *times);
    for (size_t k = 0; k < rows; k++) times[gk_rng_below(rng, rows)]++;
}

gk_measure__draws *gk_measure__draws_new(uint64_t seed, size_t resamples) {
    gk_measure__draws *d = gk_alloc(sizeof *d);
    d->seed = seed;
    d->resamples = resamples;
    pthread_mutex_init(&d->lock, NULL);
    return d;
}

static uint32_t *draw_all(const gk_measure__draws *d, size_t rows) {
    uint32_t *times = gk_alloc((d->resamples * rows + 1) * sizeof *times);
    gk_rng rng;
    gk_measure__draws_seed(&rng, d->seed);
    for (size_t b = 0; b < d->resamples; b++) gk_measure__draws_next(&rng, rows, times + b * rows);
    return times;
}

const uint32_t *gk_measure__draws_of(gk_measure__draws *d, size_t rows) {
    if (rows == 0 || rows > LARGEST / (d->resamples + 1)) return NULL;
    const uint32_t *times = NULL;
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->n && !times; i++)
        if (d->kept[i].rows == rows) times = d->kept[i].times;
    if (!times && d->n < MOST_KEPT) {
        d->kept[d->n].rows = rows;
        times = d->kept[d->n++].times = draw_all(d, rows);
    }
    pthread_mutex_unlock(&d->lock);
    return times;
}

void gk_measure__draws_free(gk_measure__draws *d) {
    if (!d) return;
    for (size_t i = 0; i < d->n; i++) gk_free(d->kept[i].times);
    pthread_mutex_destroy(&d->lock);
    gk_free(d);
}
