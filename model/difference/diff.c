/* diff.c: two models of one architecture, component by component: how far apart, and in how many directions.
 */
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/difference.h"
#include "model/config/dims.h"
#include "model/config/family.h"
#include "model/difference/spectrum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GRAIN = 64, CHUNK = 1024 };

/* ---------------------------------------------------------------- norms */

typedef struct sums {
    double a, b, delta; /* squares */
    size_t changed;
} sums;

typedef struct tensor_pair {
    gk_diff__delta t;
    double offset; /* what a norm's weights are added to */
    sums *part;    /* one a range of GRAIN rows */
} tensor_pair;

static void add_values(sums *s, const float *a, const float *b, size_t n, double offset) {
    for (size_t i = 0; i < n; i++) {
        double x = (double)a[i] + offset, y = (double)b[i] + offset, d = (double)b[i] - (double)a[i];
        s->a += x * x;
        s->b += y * y;
        s->delta += d * d;
        s->changed += a[i] != b[i];
    }
}

static void sum_range(void *ctx, size_t begin, size_t end) {
    const tensor_pair *p = ctx;
    float a[CHUNK], b[CHUNK];
    size_t in = (size_t)p->t.a.in, last = end * in;
    sums s = {0};
    for (size_t at = begin * in; at < last; at += CHUNK) {
        size_t n = last - at < CHUNK ? last - at : CHUNK;
        gk_tensor_floats(p->t.a, at, n, a);
        gk_tensor_floats(p->t.b, at, n, b);
        add_values(&s, a, b, n, p->offset);
    }
    p->part[begin / GRAIN] = s;
}

/* Parts are added in their order, so that threads do not change the sum. */
static sums sum_weights(tensor_pair *p) {
    size_t rows = (size_t)p->t.a.out, parts = (rows + GRAIN - 1) / GRAIN;
    p->part = gk_alloc(parts * sizeof *p->part);
    gk_parallel_for(rows, GRAIN, sum_range, p);
    sums all = {0};
    for (size_t i = 0; i < parts; i++) {
        all.a += p->part[i].a;
        all.b += p->part[i].b;
        all.delta += p->part[i].delta;
        all.changed += p->part[i].changed;
    }
    gk_free(p->part);
    return all;
}

/* ---------------------------------------------------------------- one component */

typedef struct comparison {
    const gk_model *a, *b;
    gk_diff *out;
    gk_progress *progress;
    double done, size; /* values: of the components behind, of this one */
} comparison;

/* Most spectra settle within a third of the passes they may take. */
static void on_pass(void *ctx, int passes) {
    comparison *r = ctx;
    double part = fmin(1, (1.0 + passes) / (1 + GK_SPECTRUM__MOST_PASSES / 3.0));
    gk_progress_update(r->progress, r->done + part * r->size, NULL);
}

static const char *where(const gk_diff_item *i, char buf[48]) {
    if (i->layer < 0)
        snprintf(buf, 48, "%s", gk_component_name(i->comp));
    else
        snprintf(buf, 48, "%s of layer %d", gk_component_name(i->comp), i->layer);
    return buf;
}

static bool interrupted(gk_error *err) {
    return gk_fail(err, GK_NOWHERE, NULL, "interrupted before every component was compared");
}

/* Entries are scaled to a size of about 1, far from what a float cannot square. */
static bool add_spectrum(comparison *r, gk_diff_item *i, tensor_pair *p, gk_error *err) {
    int most = i->out < i->in ? i->out : i->in;
    i->n_sigma = r->out->rank < most ? r->out->rank : most;
    double *sigma = gk_arena_alloc(r->out->memory, (size_t)i->n_sigma * sizeof *sigma);
    p->t.scale = sqrt((double)i->out * (double)i->in) / i->matrix_delta;
    gk_spectrum__matrix rows = {.out = i->out, .in = i->in, .read = gk_diff__delta_read, .ctx = &p->t};
    uint64_t seed = (uint64_t)(i->layer + 1) * GK_N_COMPONENTS + i->comp;
    if (!gk_spectrum__values(&rows, i->n_sigma, seed, on_pass, r, sigma)) return interrupted(err);
    for (int s = 0; s < i->n_sigma; s++) sigma[s] /= p->t.scale;
    i->sigma = sigma;
    return true;
}

static bool compare(comparison *r, gk_diff_item *i, gk_error *err) {
    const gk_config *c = &r->out->config;
    char name[48];
    bool norm = gk_component_is_norm(i->comp);
    tensor_pair p = {.t.a = gk_model_tensor(r->a, i->layer, i->comp),
                     .t.b = gk_model_tensor(r->b, i->layer, i->comp),
                     .offset = norm && c->norm_offset ? 1 : 0};
    i->out = p.t.a.out;
    i->in = p.t.a.in;
    i->values = (size_t)i->out * (size_t)i->in + (p.t.a.b ? (size_t)i->out : 0);
    r->size = (double)i->values;
    sums s = sum_weights(&p);
    i->matrix_delta = sqrt(s.delta);
    if (p.t.a.b) add_values(&s, p.t.a.b, p.t.b.b, (size_t)i->out, 0);
    if (!isfinite(s.a) || !isfinite(s.b))
        return gk_fail(err, GK_NOWHERE, NULL, "%s of the %s model has a value that is not finite",
                       where(i, name), isfinite(s.a) ? "second" : "first");
    i->norm_a = sqrt(s.a);
    i->norm_b = sqrt(s.b);
    i->delta = sqrt(s.delta);
    i->changed = s.changed;
    if (gk_interrupted()) return interrupted(err);
    if (r->out->rank > 0 && !norm && i->matrix_delta > 0 && !add_spectrum(r, i, &p, err)) return false;
    r->done += r->size;
    gk_progress_update(r->progress, r->done, NULL);
    return true;
}

/* ---------------------------------------------------------------- all of them */

static void list_items(gk_diff *d) {
    static const gk_component outer[] = {GK_EMBED, GK_POS, GK_LNF, GK_HEAD};
    const gk_config *c = &d->config;
    int out, in;
    d->item = gk_arena_alloc(d->memory, ((size_t)c->n_layers * GK_LAYER_COMPONENTS + 4) * sizeof *d->item);
    for (int o = 0; o < 4; o++) {
        for (int l = 0; o == 2 && l < c->n_layers; l++)
            for (int i = GK_LN1; i < GK_LNF; i++)
                if (gk_config_has(c, (gk_component)i))
                    d->item[d->n++] = (gk_diff_item){.comp = (gk_component)i, .layer = l};
        if (gk_config__component_shape(c, outer[o], &out, &in))
            d->item[d->n++] = (gk_diff_item){.comp = outer[o], .layer = -1};
    }
}

gk_diff *gk_model_diff(const gk_model *a, const gk_model *b, int rank, gk_progress *p, gk_error *err) {
    gk_config_diff d;
    if (gk_config_difference(gk_model_config(a), gk_model_config(b), &d)) {
        gk_fail(err, GK_AT_FIELD(NULL, d.field), "only models of one architecture and shape can be compared",
                "is %s in the first model and %s in the second", d.a, d.b);
        return NULL;
    }
    if (rank < 0 || rank > GK_MOST_RANK) {
        gk_fail(err, GK_NOWHERE, NULL, "the rank must be from 0 to %d, not %d", GK_MOST_RANK, rank);
        return NULL;
    }
    gk_arena *memory = gk_arena_new();
    gk_diff *out = gk_arena_alloc(memory, sizeof *out);
    *out = (gk_diff){.config = *gk_model_config(a), .rank = rank, .memory = memory};
    list_items(out);
    comparison r = {.a = a, .b = b, .out = out, .progress = p};
    for (size_t i = 0; i < out->n; i++)
        if (!compare(&r, &out->item[i], err)) {
            gk_diff_free(out);
            return NULL;
        }
    return out;
}

void gk_diff_free(gk_diff *d) {
    if (d) gk_arena_free(d->memory);
}

/* ---------------------------------------------------------------- figures */

const gk_diff_item *gk_diff_find(const gk_diff *d, int layer, gk_component c) {
    for (size_t i = 0; i < d->n; i++)
        if (d->item[i].layer == layer && d->item[i].comp == c) return &d->item[i];
    return NULL;
}

static double relative(double delta, double norm) {
    return delta == 0 ? 0 : norm > 0 ? delta / norm : INFINITY;
}

double gk_diff_relative(const gk_diff_item *i) {
    return relative(i->delta, i->norm_a);
}

double gk_diff_relative_of(const gk_diff *d, int layer, gk_component c) {
    double delta = 0, norm = 0;
    for (size_t i = 0; i < d->n; i++) {
        const gk_diff_item *t = &d->item[i];
        if ((layer != -2 && t->layer != layer) || (c != GK_N_COMPONENTS && t->comp != c)) continue;
        delta += t->delta * t->delta;
        norm += t->norm_a * t->norm_a;
    }
    return relative(sqrt(delta), sqrt(norm));
}

double gk_diff_share(const gk_diff_item *i, int r) {
    bool whole = i->n_sigma == (i->out < i->in ? i->out : i->in);
    if (i->n_sigma == 0 || r < 1 || (r > i->n_sigma && !whole)) return NAN;
    double sum = 0;
    for (int s = 0; s < r && s < i->n_sigma; s++) sum += i->sigma[s] * i->sigma[s];
    return fmin(1, sum / (i->matrix_delta * i->matrix_delta));
}

double gk_diff_stable_rank(const gk_diff_item *i) {
    if (i->n_sigma == 0) return NAN;
    double r = i->matrix_delta / i->sigma[0];
    return fmax(1, r * r);
}

static double figure(const gk_diff_item *i, int r) {
    return r ? gk_diff_share(i, r) : gk_diff_stable_rank(i);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double gk_diff_median(const gk_diff *d, gk_component c, int r) {
    double *all = gk_alloc((d->n + 1) * sizeof *all), median = NAN;
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++)
        if (d->item[i].comp == c && !isnan(figure(&d->item[i], r))) all[n++] = figure(&d->item[i], r);
    qsort(all, n, sizeof *all, ascending);
    if (n) median = (all[(n - 1) / 2] + all[n / 2]) / 2;
    gk_free(all);
    return median;
}
