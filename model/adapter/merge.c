/* merge.c: an adapter becomes part of a model: whole tensors in the place of the model's, W + scale B
 * A, and with DoRA (Liu et al. 2024) each of its rows brought to a length of its own. */
#include "graftkit/model/operators.h"
#include "model/adapter/adapter.h"
#include "model/gemm/gemm.h"
#include "model/weights/weights.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- memory */

static float *own(gk_model *m, size_t n, gk_error *err) {
    float *p = gk_try_alloc(n * sizeof *p);
    if (!p) {
        gk_fail(err, GK_NOWHERE, "a machine with more memory",
                "not enough memory for a matrix of %zu values with its adapter", n);
        return NULL;
    }
    m->own = gk_grow(m->own, m->n_own * sizeof *m->own, (m->n_own + 1) * sizeof *m->own);
    m->own[m->n_own++] = p;
    return p;
}

/* A matrix as floats that may be written: of an opened model they are of its own, in place of what the tensor
 * points at. */
static float *writable(gk_model *m, gk_tensor *t, gk_error *err) {
    size_t n = (size_t)t->out * (size_t)t->in;
    if (m->data) return m->data + (t->w - m->data);
    float *w = own(m, n, err);
    if (!w) return NULL;
    gk_tensor_floats(*t, 0, n, w);
    t->w = w;
    t->h = NULL;
    t->type = GK_F32;
    return w;
}

/* ---------------------------------------------------------------- whole tensors */

/* What a model of another vocabulary, or one whose embedding and head part, is laid out like: all that it
 * shares with m is copied; embedding and head follow. */
static bool lay_out_anew(gk_model *m, const gk_config *c, gk_error *err) {
    gk_model *n = gk_model_blank(c, err);
    if (!n) return false;
    for (size_t i = 0; i < n->n_params; i++) {
        const gk_param *p = &n->params[i];
        gk_tensor from = gk_model_tensor(m, p->layer, p->comp);
        size_t there = p->bias ? (size_t)from.out : (size_t)from.out * (size_t)from.in;
        memcpy(n->data + p->offset, p->bias ? from.b : from.w,
               (there < p->count ? there : p->count) * sizeof(float));
    }
    gk_model old = *m;
    *m = *n;
    *n = old;
    gk_model_free(n);
    return true;
}

static const gk_adapter__whole *whole_of(const gk_adapter *a, gk_component c) {
    for (size_t i = 0; i < a->n_wholes; i++)
        if (a->whole[i].slot.rule->part[0] == c && !a->whole[i].slot.bias) return &a->whole[i];
    return NULL;
}

static bool change_config(const gk_adapter *a, gk_model *m, gk_error *err) {
    const gk_adapter__whole *embed = whole_of(a, GK_EMBED);
    gk_config c = m->cfg;
    if (embed) c.vocab = embed->slot.out;
    if (a->unties) c.tied = false;
    if (c.vocab == m->cfg.vocab && c.tied == m->cfg.tied) return true;
    if (!gk_config_check(&c, GK_NOWHERE, err)) return false;
    if (m->data) return lay_out_anew(m, &c, err);
    m->count += ((size_t)c.vocab * (c.tied ? 1 : 2) - (size_t)m->cfg.vocab * (m->cfg.tied ? 1 : 2)) *
                (size_t)c.d_model;
    m->cfg = c;
    return true;
}

static bool put_whole(const gk_adapter__whole *w, gk_model *m, gk_error *err) {
    const gk_checkpoint__slot *s = &w->slot;
    const float *from = w->values;
    for (int p = 0; p < s->rule->n_parts; p++) {
        gk_tensor *t = gk_weights__tensor(m, s->layer, s->rule->part[p]);
        bool outer = s->rule->part[p] == GK_EMBED || s->rule->part[p] == GK_HEAD;
        int rows = outer ? s->out : t->out;
        size_t n = (size_t)rows * (size_t)s->in;
        float *to = m->data ? m->data + ((s->bias ? t->b : t->w) - m->data) : own(m, n, err);
        if (!to) return false;
        if (!m->data && s->n_dims == 1) m->vector_type = GK_F32; /* and so they are saved */
        memcpy(to, from, n * sizeof *to);
        from += n;
        if (s->bias) {
            t->b = to;
            continue;
        }
        t->w = to;
        t->h = NULL;
        t->type = GK_F32;
        t->out = rows;
    }
    return true;
}

/* ---------------------------------------------------------------- products */

/* Rows of W become as long as `magnitude` says. */
static bool set_lengths(const float *magnitude, int rows, int width, float *w, gk_error *err) {
    for (int r = 0; r < rows; r++) {
        double sum = 0;
        float *x = w + (size_t)r * (size_t)width;
        for (int i = 0; i < width; i++) sum += (double)x[i] * (double)x[i];
        if (!(sum > 0) || !isfinite(sum))
            return gk_fail(err, GK_NOWHERE, "the base that the adapter was trained on",
                           "a row of a matrix with its adapter has no length that DoRA could set");
        float by = (float)((double)magnitude[r] / sqrt(sum));
        for (int i = 0; i < width; i++) x[i] *= by;
    }
    return true;
}

/* W += scale B A of one component, whose rows of B begin with `row`. */
static bool merge_part(const gk_adapter *a, const gk_adapter__site *s, gk_model *m, gk_component c, int row,
                       gk_error *err) {
    gk_tensor *t = gk_weights__tensor(m, s->slot.layer, c);
    float *w = writable(m, t, err);
    if (!w) return false;
    size_t n = (size_t)t->out * (size_t)s->rank;
    float *b = gk_alloc(n * sizeof *b);
    const float *from = a->data + s->b + (size_t)row * (size_t)s->rank;
    for (size_t i = 0; i < n; i++) b[i] = s->scale * from[i];
    gk_gemm__f32(GK_GEMM_NN, t->out, t->in, s->rank, b, s->rank, a->data + s->a, t->in, 1, w, t->in);
    gk_free(b);
    return !s->magnitude || set_lengths(s->magnitude + row, t->out, t->in, w, err);
}

static bool merge_site(const gk_adapter *a, const gk_adapter__site *s, gk_model *m, gk_error *err) {
    for (int p = 0, row = 0; p < s->slot.rule->n_parts; p++) {
        gk_component c = s->slot.rule->part[p];
        if (!merge_part(a, s, m, c, row, err)) return false;
        row += gk_model_tensor(m, s->slot.layer, c).out;
    }
    return true;
}

bool gk_adapter_merge(const gk_adapter *a, gk_model *m, gk_error *err) {
    gk_config_diff d;
    if (gk_config_difference(&a->cfg, &m->cfg, &d))
        return gk_fail(err, GK_NOWHERE, "an adapter of the model's configuration",
                       "adapter and model differ in %s: %s and %s", d.field, d.a, d.b);
    if (gk_model_stored(m))
        return gk_fail(err, GK_NOWHERE, "open it with gk_model_open",
                       "the model is in blocks, as it is stored");
    if (m->vectors)
        return gk_fail(err, GK_NOWHERE, "merge before gk_model_lean",
                       "the model has no floats that an adapter could be added to");
    bool narrow = gk_model_narrowed(m) != NULL;
    gk_gemm_init();
    if (!change_config(a, m, err)) return false;
    for (size_t i = 0; i < a->n_wholes; i++)
        if (!put_whole(&a->whole[i], m, err)) return false;
    if (m->cfg.tied) m->outer[GK_HEAD] = m->outer[GK_EMBED];
    for (size_t i = 0; i < a->n_sites; i++)
        if (!merge_site(a, &a->site[i], m, err)) return false;
    return !narrow || gk_model_narrow(m, err);
}
