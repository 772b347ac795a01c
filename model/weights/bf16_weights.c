/* bf16_weights.c: models whose matrices are bf16, beside their floats (fast products, exact updates) or
 * instead of them (little memory). Norms and biases are floats always. */
#include "graftkit/core/memory.h"
#include "graftkit/core/threads.h"
#include "model/weights/weights.h"

#include <string.h>

static bool is_vector(const gk_param *p) {
    return p->bias || gk_component_is_norm(p->comp);
}

static void narrow_range(void *ctx, size_t begin, size_t end) {
    gk_model *m = ctx;
    gk_bf16_round_weights(m->data + begin, m->half + begin, end - begin, begin);
}

static void point_at_half(gk_model *m) {
    for (size_t i = 0; i < m->n_params; i++) {
        const gk_param *p = &m->params[i];
        if (is_vector(p)) continue;
        gk_tensor *t = gk_weights__tensor(m, p->layer, p->comp);
        t->h = m->half + p->offset;
        t->type = GK_BF16;
        t->narrow = true;
        if (!m->data) t->w = NULL;
    }
    if (m->cfg.tied) m->outer[GK_HEAD] = m->outer[GK_EMBED];
}

bool gk_model_narrow(gk_model *m, gk_error *err) {
    if (!m->half) m->half = gk_try_alloc(m->floats * sizeof *m->half);
    if (!m->half)
        return gk_fail(err, GK_NOWHERE, "a machine with more memory, or a smaller model",
                       "not enough memory for a bf16 copy of %zu parameters", m->count);
    gk_parallel_for(m->floats, 65536, narrow_range, m);
    point_at_half(m);
    return true;
}

bool gk_model_lean(gk_model *m, gk_error *err) {
    size_t n = 0;
    for (size_t i = 0; i < m->n_params; i++)
        if (is_vector(&m->params[i])) n += m->params[i].count;
    float *vectors = gk_try_alloc((n ? n : 1) * sizeof *vectors);
    if (!vectors || !gk_model_narrow(m, err)) {
        gk_free(vectors);
        return gk_fail(err, GK_NOWHERE, "a machine with more memory, or a smaller model",
                       "not enough memory for a bf16 copy of %zu parameters", m->count);
    }
    size_t at = 0;
    for (size_t i = 0; i < m->n_params; i++) {
        const gk_param *p = &m->params[i];
        if (!is_vector(p)) continue;
        memcpy(vectors + at, m->data + p->offset, p->count * sizeof *vectors);
        gk_tensor *t = gk_weights__tensor(m, p->layer, p->comp);
        *(p->bias ? &t->b : &t->w) = vectors + at;
        at += p->count;
    }
    gk_free(m->data);
    m->data = NULL;
    m->vectors = vectors;
    m->n_vectors = n;
    m->vector_type = GK_F32;
    point_at_half(m);
    return true;
}

uint16_t *gk_model_narrowed(gk_model *m) {
    return m->half;
}

float *gk_model_vectors(gk_model *m, size_t *n) {
    *n = m->n_vectors;
    return m->vectors;
}

float *gk_model_vector(gk_model *m, const gk_param *p) {
    gk_tensor t = gk_model_tensor(m, p->layer, p->comp);
    return m->vectors + ((p->bias ? t.b : t.w) - m->vectors);
}
