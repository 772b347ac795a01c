/* draws.c: the bootstrap's draws, made once for each number of rows while somebody holds them. */
#include "eval/measure/draws.h"
#include "graftkit/core/memory.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

enum { MOST_KEPT = 64, LANES = GK_MEASURE__LANES }; /* MOST_KEPT: numbers of rows */
static const size_t MOST_BYTES = (size_t)256 << 20; /* kept of one seed */

struct gk_measure__draws {
    uint64_t seed;
    size_t resamples, holders, n, bytes;
    struct {
        size_t rows;
        uint16_t *times; /* [resamples / LANES, rounded up][rows][LANES] */
    } kept[MOST_KEPT];
    gk_measure__draws *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static gk_measure__draws *held;

gk_measure__draws *gk_measure__draws_hold(uint64_t seed, size_t resamples) {
    pthread_mutex_lock(&lock);
    gk_measure__draws *d = held;
    while (d && (d->seed != seed || d->resamples != resamples)) d = d->next;
    if (!d) {
        d = gk_alloc(sizeof *d);
        d->seed = seed;
        d->resamples = resamples;
        d->next = held;
        held = d;
    }
    d->holders++;
    pthread_mutex_unlock(&lock);
    return d;
}

void gk_measure__draws_let_go(gk_measure__draws *d) {
    pthread_mutex_lock(&lock);
    if (--d->holders > 0) d = NULL;
    for (gk_measure__draws **at = &held; d && *at; at = &(*at)->next)
        if (*at == d) {
            *at = d->next;
            break;
        }
    pthread_mutex_unlock(&lock);
    if (!d) return;
    for (size_t i = 0; i < d->n; i++) gk_free(d->kept[i].times);
    gk_free(d);
}

/* Of the next resamples, as many as there are lanes or are left. No row is drawn 65,536 times in one: fewer
 * rows than that cannot be, and of more it is not seen. */
static void draw_lanes(gk_rng *rng, size_t rows, size_t lanes, uint16_t *times) {
    memset(times, 0, rows * LANES * sizeof *times);
    for (size_t lane = 0; lane < lanes; lane++)
        for (size_t k = 0; k < rows; k++) times[gk_rng_below(rng, rows) * LANES + lane]++;
}

static size_t at_once(size_t resamples, size_t at) {
    return resamples - at < LANES ? resamples - at : LANES;
}

static uint16_t *draw_all(const gk_measure__draws *d, size_t rows, size_t bytes) {
    uint16_t *times = gk_alloc(bytes);
    gk_rng rng;
    gk_rng_seed(&rng, d->seed, "bootstrap");
    for (size_t b = 0; b < d->resamples; b += LANES)
        draw_lanes(&rng, rows, at_once(d->resamples, b), times + b * rows);
    return times;
}

/* NULL where they are too many to be kept. */
static const uint16_t *kept_of(gk_measure__draws *d, size_t rows) {
    const size_t blocks = (d->resamples + LANES - 1) / LANES, of_row = blocks * LANES * sizeof(uint16_t);
    const uint16_t *times = NULL;
    if (rows == 0 || blocks == 0 || rows > MOST_BYTES / of_row) return NULL;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < d->n && !times; i++)
        if (d->kept[i].rows == rows) times = d->kept[i].times;
    if (!times && d->n < MOST_KEPT && rows * of_row <= MOST_BYTES - d->bytes) {
        d->bytes += rows * of_row;
        d->kept[d->n].rows = rows;
        times = d->kept[d->n++].times = draw_all(d, rows, rows * of_row);
    }
    pthread_mutex_unlock(&lock);
    return times;
}

void gk_measure__walk_begin(gk_measure__walk *w, gk_measure__draws *d, size_t rows) {
    *w = (gk_measure__walk){.rows = rows, .resamples = d->resamples, .kept = kept_of(d, rows)};
    if (w->kept) return;
    w->own = gk_alloc((rows * LANES + 1) * sizeof *w->own);
    gk_rng_seed(&w->rng, d->seed, "bootstrap");
}

bool gk_measure__walk_next(gk_measure__walk *w) {
    if (w->times) w->at += LANES;
    if (w->at >= w->resamples) return false;
    w->n = at_once(w->resamples, w->at);
    if (w->own) draw_lanes(&w->rng, w->rows, w->n, w->own);
    w->times = w->own ? w->own : w->kept + w->at * w->rows;
    return true;
}

void gk_measure__walk_end(gk_measure__walk *w) {
    gk_free(w->own);
}

/* Where some number is none: no times that is nothing. */
static void sum_drawn(const uint16_t *times, const double *x, size_t rows, size_t columns, double *sums) {
    memset(sums, 0, columns * LANES * sizeof *sums);
    for (size_t k = 0; k < rows; k++)
        for (size_t lane = 0; lane < LANES; lane++) {
            const double n = times[k * LANES + lane];
            for (size_t c = 0; n > 0 && c < columns; c++) sums[c * LANES + lane] += n * x[k * columns + c];
        }
}

void gk_measure__walk_sums(const gk_measure__walk *w, const double *x, size_t columns, bool finite,
                           double *sums) {
    if (finite)
        gk_measure__sum_lanes(w->times, x, w->rows, columns, sums);
    else
        sum_drawn(w->times, x, w->rows, columns, sums);
}

void gk_measure__draw_sums(gk_measure__draws *d, const double *x, size_t rows, size_t columns, double *sums) {
    double *lanes = gk_alloc(columns * LANES * sizeof *lanes);
    bool finite = true;
    for (size_t i = 0; i < rows * columns; i++) finite &= isfinite(x[i]) != 0;
    gk_measure__walk w;
    gk_measure__walk_begin(&w, d, rows);
    while (gk_measure__walk_next(&w)) {
        gk_measure__walk_sums(&w, x, columns, finite, lanes);
        for (size_t c = 0; c < columns; c++)
            memcpy(sums + c * w.resamples + w.at, lanes + c * LANES, w.n * sizeof *sums);
    }
    gk_measure__walk_end(&w);
    gk_free(lanes);
}
