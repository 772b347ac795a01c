/* adamw.c: AdamW (Loshchilov and Hutter 2019) on one flat vector of weights, the gradient's norm and
 * clipping. */
#include "graftkit/core/threads.h"
#include "train/kernels.h"

#include <math.h>

/* Arrays are cut into pieces: the unit of work of a thread and of the norm's summation order. */
#define PIECE 16384

typedef struct piece {
    size_t at, place, n; /* among the weights; in gradient and moments */
    bool decay;
} piece;

struct gk_adamw {
    gk_adamw_opts opts;
    piece *pieces;
    size_t n_pieces, floats;
    double *squares; /* [n_pieces] */
    float *m, *v;
    uint16_t *narrowed; /* NULL: not kept */
};

static int count_layers(const gk_param *p, size_t n) {
    int layers = 0;
    for (size_t i = 0; i < n; i++)
        if (p[i].layer >= layers) layers = p[i].layer + 1;
    return layers;
}

bool gk_train__decays(const gk_param *p, const gk_adamw_opts *o) {
    if (p->bias || gk_component_is_norm(p->comp)) return o->decay_norms;
    if (p->comp == GK_EMBED || p->comp == GK_POS) return o->decay_embed;
    return true;
}

static void cut(gk_adamw *a, const gk_param *p, size_t place) {
    for (size_t done = 0; done < p->count; done += PIECE) {
        size_t left = p->count - done;
        a->pieces[a->n_pieces++] = (piece){.at = p->offset + done,
                                           .place = place + done,
                                           .n = left < PIECE ? left : PIECE,
                                           .decay = gk_train__decays(p, &a->opts)};
    }
}

gk_adamw *gk_adamw_new(const gk_param *params, size_t n_params, size_t n_floats, const gk_adamw_opts *opts,
                       const uint32_t *frozen, gk_error *err) {
    gk_adamw *a = gk_alloc(sizeof *a);
    a->opts = *opts;
    size_t n = 0, *place = gk_alloc(n_params * sizeof *place);
    int layers = count_layers(params, n_params);
    size_t floats = gk_trained_places(params, n_params, n_floats, layers, frozen, place);
    for (size_t i = 0; i < n_params; i++) n += (params[i].count + PIECE - 1) / PIECE;
    a->pieces = gk_alloc(n * sizeof *a->pieces);
    a->squares = gk_alloc(n * sizeof *a->squares);
    for (size_t i = 0; i < n_params; i++)
        if (place[i] != GK_NOT_TRAINED) cut(a, &params[i], place[i]);
    gk_free(place);
    a->floats = floats;
    a->m = gk_try_alloc(floats * sizeof *a->m);
    a->v = gk_try_alloc(floats * sizeof *a->v);
    if (a->m && a->v) return a;
    gk_adamw_free(a);
    gk_fail(err, GK_NOWHERE, "train a smaller model or on a larger machine",
            "no memory for the optimiser's moments (2 x %zu floats)", floats);
    return NULL;
}

void gk_adamw_free(gk_adamw *a) {
    if (!a) return;
    gk_free(a->pieces);
    gk_free(a->squares);
    gk_free(a->m);
    gk_free(a->v);
    gk_free(a);
}

void gk_adamw_narrow(gk_adamw *a, uint16_t *narrowed) {
    a->narrowed = narrowed;
}

size_t gk_adamw_floats(const gk_adamw *a) {
    return a->floats;
}

float *gk_adamw_m(gk_adamw *a) {
    return a->m;
}

float *gk_adamw_v(gk_adamw *a) {
    return a->v;
}

/* Independent lanes: a plain double sum could not be vectorised without reordering it. */
#define LANES 16

double gk_train__sum_squares(size_t n, const float *restrict x) {
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++) lane[j] += (double)x[i + j] * (double)x[i + j];
    for (; i < n; i++) sum += (double)x[i] * (double)x[i];
    for (size_t j = 0; j < LANES; j++) sum += lane[j];
    return sum;
}

typedef struct norm_task {
    const gk_adamw *a;
    const float *grad;
} norm_task;

static void norm_range(void *ctx, size_t begin, size_t end) {
    const norm_task *t = ctx;
    for (size_t i = begin; i < end; i++)
        t->a->squares[i] = gk_train__sum_squares(t->a->pieces[i].n, t->grad + t->a->pieces[i].place);
}

double gk_adamw_norm(const gk_adamw *a, const float *grad) {
    norm_task t = {a, grad};
    gk_parallel_for(a->n_pieces, 4, norm_range, &t);
    double sum = 0;
    for (size_t i = 0; i < a->n_pieces; i++) sum += a->squares[i];
    return sqrt(sum);
}

double gk_clip_factor(double norm, double max_norm) {
    if (max_norm <= 0) return 1;
    double factor = max_norm / (norm + 1e-6);
    return factor < 1 ? factor : 1;
}

typedef struct step_task {
    const gk_adamw *a;
    float *weights, *grad;
    float clip, keep_v, new_m, new_v, step, root, eps, shrink;
} step_task;

static void update(const step_task *t, size_t n, float shrink, float *restrict w, float *restrict g,
                   float *restrict m, float *restrict v) {
    const float clip = t->clip, new_m = t->new_m, keep_v = t->keep_v, new_v = t->new_v;
    const float step = t->step, root = t->root, eps = t->eps;
    for (size_t i = 0; i < n; i++) {
        float x = g[i] * clip;
        float mean = m[i] + new_m * (x - m[i]);
        float square = keep_v * v[i] + new_v * x * x;
        g[i] = 0;
        m[i] = mean;
        v[i] = square;
        w[i] = w[i] * shrink - step * (mean / (sqrtf(square) * root + eps));
    }
}

static void step_range(void *ctx, size_t begin, size_t end) {
    const step_task *t = ctx;
    for (size_t i = begin; i < end; i++) {
        const piece *p = &t->a->pieces[i];
        update(t, p->n, p->decay ? t->shrink : 1, t->weights + p->at, t->grad + p->place, t->a->m + p->place,
               t->a->v + p->place);
        if (t->a->narrowed) gk_bf16_round_weights(t->weights + p->at, t->a->narrowed + p->at, p->n, p->at);
    }
}

void gk_adamw_step(gk_adamw *a, float *weights, float *grad, int64_t t, double lr, double clip) {
    const gk_adamw_opts *o = &a->opts;
    step_task task = {.a = a,
                      .weights = weights,
                      .grad = grad,
                      .clip = (float)clip,
                      .new_m = (float)(1 - o->beta1),
                      .keep_v = (float)o->beta2,
                      .new_v = (float)(1 - o->beta2),
                      .step = (float)(lr / (1 - pow(o->beta1, (double)t))),
                      .root = (float)(1 / sqrt(1 - pow(o->beta2, (double)t))),
                      .eps = (float)o->eps,
                      .shrink = (float)(1 - lr * o->weight_decay)};
    gk_parallel_for(a->n_pieces, 4, step_range, &task);
}
