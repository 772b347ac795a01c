/* adamw_lean.c: AdamW on bf16 weights while the backward pass goes on: a layer's gradients are used as soon
 * as they are complete, so that they never exist as a whole (Lv et al. 2023), the first moment is 8-bit in
 * blocks (Dettmers et al. 2021), the second bf16. What is stored is rounded up or down at random in
 * proportion, so that updates smaller than a bit are not lost on average (Gupta et al. 2015); the random
 * numbers are a function of seed, step and place. */
#include "graftkit/core/random.h"
#include "graftkit/core/threads.h"
#include "train/kernels.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 128, PIECE = 128 * BLOCK };

typedef struct piece {
    size_t at, place, n, block; /* among the weights; in gradient and moments; block: its first scale */
    bool decay;
    float *vector; /* a norm's or bias's own floats; NULL: bf16 at `at` */
} piece;

struct gk_lean {
    gk_model *model;
    gk_adamw_opts opts;
    double clip; /* of one piece of the gradients */
    uint64_t seed;
    piece *pieces;
    size_t n_pieces, n_blocks, floats; /* floats: of the gradient */
    double *squares;                   /* [n_pieces] */
    uint16_t *w, *v;
    int8_t *m;
    float *scale; /* [n_blocks] of m */
    float *front, *window;
    /* of the step under way: */
    double norm_squared;
    bool bad; /* a gradient was not finite: nothing is updated from there on */
    uint32_t key;
    float rate, root, shrink;
    double factor;
    size_t from;
    float *grad;
};

static void cut(gk_lean *l, const gk_param *p, size_t place) {
    bool vector = p->bias || gk_component_is_norm(p->comp);
    float *floats = vector ? gk_model_vector(l->model, p) : NULL;
    for (size_t done = 0; done < p->count; done += PIECE) {
        l->pieces[l->n_pieces++] = (piece){.at = p->offset + done,
                                           .place = place + done,
                                           .n = p->count - done < PIECE ? p->count - done : PIECE,
                                           .block = l->n_blocks,
                                           .decay = gk_train__decays(p, &l->opts),
                                           .vector = floats ? floats + done : NULL};
        l->n_blocks += (l->pieces[l->n_pieces - 1].n + BLOCK - 1) / BLOCK;
    }
}

static bool take_memory(gk_lean *l, const uint32_t *frozen, gk_error *err) {
    size_t front, window;
    gk_backprop_floats(gk_model_config(l->model), frozen, &front, &window);
    l->m = gk_try_alloc(l->floats);
    l->v = gk_try_alloc(l->floats * sizeof *l->v);
    l->scale = gk_try_alloc(l->n_blocks * sizeof *l->scale);
    l->front = gk_try_alloc(front * sizeof *l->front);
    l->window = gk_try_alloc(window * sizeof *l->window);
    if (l->m && l->v && l->scale && l->front && l->window) return true;
    return gk_fail(err, GK_NOWHERE, "train a smaller model or on a larger machine",
                   "no memory for the optimiser of %zu parameters", l->floats);
}

gk_lean *gk_lean_new(gk_model *m, const gk_adamw_opts *opts, const uint32_t *frozen, double clip,
                     uint64_t seed, gk_error *err) {
    const gk_param *params;
    size_t n_params = gk_model_params(m, &params), n = 0, *place = gk_alloc(n_params * sizeof *place);
    int layers = gk_model_config(m)->n_layers;
    gk_lean *l = gk_alloc(sizeof *l);
    *l = (gk_lean){.model = m, .opts = *opts, .seed = seed, .w = gk_model_narrowed(m)};
    l->floats = gk_trained_places(params, n_params, gk_model_floats(m), layers, frozen, place);
    l->clip = clip / sqrt(layers + 2.0);
    for (size_t i = 0; i < n_params; i++) n += (params[i].count + PIECE - 1) / PIECE;
    l->pieces = gk_alloc(n * sizeof *l->pieces);
    l->squares = gk_alloc(n * sizeof *l->squares);
    for (size_t i = 0; i < n_params; i++)
        if (place[i] != GK_NOT_TRAINED) cut(l, &params[i], place[i]);
    gk_free(place);
    if (take_memory(l, frozen, err)) return l;
    gk_lean_free(l);
    return NULL;
}

void gk_lean_free(gk_lean *l) {
    if (!l) return;
    void *all[] = {l->pieces, l->squares, l->m, l->v, l->scale, l->front, l->window, l};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) gk_free(all[i]);
}

gk_lean_state gk_lean_arrays(gk_lean *l) {
    return (gk_lean_state){l->m, l->v, l->scale, l->floats, l->n_blocks};
}

/* ---------------------------------------------------------------- rounding at random */

typedef union bits {
    float f;
    uint32_t u;
} bits;

static inline float widen(uint16_t h) {
    return ((bits){.u = (uint32_t)h << 16}).f;
}

/* ---------------------------------------------------------------- a block */

/* w, g and the moments of n <= BLOCK values as floats; `mean` and w are written. Returns the largest |mean|.
 */
static float update(const gk_lean *l, size_t n, float shrink, const float *restrict g,
                    const int8_t *restrict m, float scale, float *restrict square, float *restrict mean,
                    float *restrict w) {
    const float clip = (float)l->factor, new_m = (float)(1 - l->opts.beta1);
    const float keep_v = (float)l->opts.beta2, new_v = (float)(1 - l->opts.beta2);
    const float rate = l->rate, root = l->root, eps = (float)l->opts.eps;
    float largest = 0;
#pragma omp simd reduction(max : largest)
    for (size_t i = 0; i < n; i++) {
        float x = g[i] * clip, old = scale * (float)m[i];
        float a = old + new_m * (x - old), s = keep_v * square[i] + new_v * x * x, size = fabsf(a);
        w[i] = w[i] * shrink - rate * (a / (sqrtf(s) * root + eps));
        mean[i] = a;
        square[i] = s;
        largest = size > largest ? size : largest;
    }
    return largest;
}

static void store_mean(size_t n, const float *restrict mean, float largest, const uint32_t *restrict random,
                       int8_t *restrict m, float *restrict scale) {
    float inverse = largest > 0 ? 127.0f / largest : 0;
    *scale = largest / 127.0f;
    for (size_t i = 0; i < n; i++) {
        float up = (float)(random[i] * 0x9E3779B1u >> 8) * 0x1p-24f;
        float x = floorf(mean[i] * inverse + up);
        m[i] = (int8_t)(x > 127 ? 127 : x);
    }
}

static void do_block(const gk_lean *l, const piece *p, size_t done, float *scale) {
    size_t at = p->at + done, n = p->n - done < BLOCK ? p->n - done : BLOCK;
    size_t place = p->place + done;
    float *g = l->grad + (place - l->from), w[BLOCK], square[BLOCK], mean[BLOCK];
    uint32_t random[BLOCK];
    uint16_t *h = l->w + at, *v = l->v + place;
    int8_t *m = l->m + place;
    uint32_t high = gk_mix32((uint32_t)(at >> 32) ^ l->key);
    for (size_t i = 0; i < n; i++) random[i] = gk_mix32((uint32_t)(at + i) * 0x9E3779B1u ^ high);
    for (size_t i = 0; i < n; i++) square[i] = widen(v[i]);
    if (p->vector)
        memcpy(w, p->vector + done, n * sizeof *w);
    else
        for (size_t i = 0; i < n; i++) w[i] = widen(h[i]);
    float largest = update(l, n, p->decay ? l->shrink : 1, g, m, *scale, square, mean, w);
    store_mean(n, mean, largest, random, m, scale);
    for (size_t i = 0; i < n; i++) v[i] = gk_bf16_pick(square[i], random[i] >> 16);
    if (p->vector)
        memcpy(p->vector + done, w, n * sizeof *w);
    else
        for (size_t i = 0; i < n; i++) h[i] = gk_bf16_pick(w[i], random[i]);
    memset(g, 0, n * sizeof *g);
}

/* ---------------------------------------------------------------- a piece of the gradients */

typedef struct range {
    gk_lean *l;
    size_t first; /* piece */
} range;

static void sum_range(void *ctx, size_t begin, size_t end) {
    const range *r = ctx;
    for (size_t i = begin; i < end; i++) {
        const piece *p = &r->l->pieces[r->first + i];
        r->l->squares[r->first + i] = gk_train__sum_squares(p->n, r->l->grad + (p->place - r->l->from));
    }
}

static void step_range(void *ctx, size_t begin, size_t end) {
    const range *r = ctx;
    for (size_t i = begin; i < end; i++) {
        const piece *p = &r->l->pieces[r->first + i];
        for (size_t done = 0; done < p->n; done += BLOCK)
            do_block(r->l, p, done, r->l->scale + p->block + done / BLOCK);
    }
}

static size_t first_at(const gk_lean *l, size_t place) {
    size_t low = 0, high = l->n_pieces;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (l->pieces[mid].place < place)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void ready(void *ctx, size_t from, size_t count, float *grad) {
    gk_lean *l = ctx;
    size_t first = first_at(l, from), end = first_at(l, from + count);
    if (l->bad || first == end) return;
    range r = {l, first};
    l->from = from;
    l->grad = grad;
    gk_parallel_for(end - first, 4, sum_range, &r);
    double squared = 0;
    for (size_t i = first; i < end; i++) squared += l->squares[i];
    l->norm_squared += squared;
    l->bad = !isfinite(squared);
    l->factor = gk_clip_factor(sqrt(squared), l->clip);
    if (!l->bad) gk_parallel_for(end - first, 4, step_range, &r);
}

gk_backprop gk_lean_begin(gk_lean *l, int64_t t, double lr) {
    const gk_adamw_opts *o = &l->opts;
    l->norm_squared = 0;
    l->bad = false;
    l->key = gk_mix32((uint32_t)t ^ gk_mix32((uint32_t)l->seed ^ gk_mix32((uint32_t)(l->seed >> 32))));
    l->rate = (float)(lr / (1 - pow(o->beta1, (double)t)));
    l->root = (float)(1 / sqrt(1 - pow(o->beta2, (double)t)));
    l->shrink = (float)(1 - lr * o->weight_decay);
    return (gk_backprop){.front = l->front, .window = l->window, .ready = ready, .ctx = l};
}

double gk_lean_norm(const gk_lean *l) {
    return l->bad ? NAN : sqrt(l->norm_squared);
}
