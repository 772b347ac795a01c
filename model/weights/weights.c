/* weights.c: the flat parameter vector of a model and its views by (layer, component). */
#include "graftkit/core/memory.h"
#include "graftkit/core/random.h"
#include "model/config/dims.h"
#include "model/config/family.h"
#include "model/weights/weights.h"

#include <math.h>
#include <string.h>

#define ALIGN_FLOATS 16 /* every array that starts a group starts on a cache line */

typedef struct vector_layout {
    const gk_config *cfg;
    gk_param *list; /* NULL: count only */
    size_t n, offset, count;
} vector_layout;

static void put(vector_layout *l, gk_component comp, int layer, bool bias, int out, int in) {
    size_t count = (size_t)out * (size_t)in;
    if (l->list)
        l->list[l->n] = (gk_param){.comp = comp,
                                   .layer = layer,
                                   .bias = bias,
                                   .offset = l->offset,
                                   .count = count,
                                   .out = out,
                                   .in = in};
    l->n++;
    l->offset += count;
    l->count += count;
}

static void align(vector_layout *l) {
    l->offset = (l->offset + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
}

/* Components whose matrices share their input, stored side by side: weights first, then biases. */
static void put_group(vector_layout *l, int layer, int n, const gk_component *comp, const int *out, int in) {
    align(l);
    for (int i = 0; i < n; i++) put(l, comp[i], layer, false, out[i], in);
    if (!gk_config__component_biased(l->cfg, comp[0])) return;
    align(l);
    for (int i = 0; i < n; i++) put(l, comp[i], layer, true, out[i], 1);
}

static void put_norm(vector_layout *l, gk_component comp, int layer) {
    int width, one;
    if (!gk_config__component_shape(l->cfg, comp, &width, &one)) return;
    align(l);
    put(l, comp, layer, false, width, 1);
    if (!gk_config__component_biased(l->cfg, comp)) return;
    align(l);
    put(l, comp, layer, true, width, 1);
}

static void put_layer(vector_layout *l, int layer) {
    const gk_config *c = l->cfg;
    int q = gk_config__q_dim(c), kv = gk_config__kv_dim(c), d = c->d_model, f = c->d_ffn;
    put_norm(l, GK_LN1, layer);
    put_group(l, layer, 3, (gk_component[]){GK_Q, GK_K, GK_V}, (int[]){q, kv, kv}, d);
    put_norm(l, GK_Q_NORM, layer);
    put_norm(l, GK_K_NORM, layer);
    put_group(l, layer, 1, (gk_component[]){GK_O}, (int[]){d}, q);
    put_norm(l, GK_LN1_POST, layer);
    put_norm(l, GK_LN2, layer);
    if (gk_config_has(c, GK_GATE))
        put_group(l, layer, 2, (gk_component[]){GK_GATE, GK_UP}, (int[]){f, f}, d);
    else
        put_group(l, layer, 1, (gk_component[]){GK_UP}, (int[]){f}, d);
    put_group(l, layer, 1, (gk_component[]){GK_DOWN}, (int[]){d}, f);
    put_norm(l, GK_LN2_POST, layer);
    align(l);
}

static void put_front(vector_layout *l) {
    const gk_config *c = l->cfg;
    put(l, GK_EMBED, -1, false, c->vocab, c->d_model);
    align(l);
    if (gk_config_has(c, GK_POS)) put(l, GK_POS, -1, false, c->max_positions, c->d_model);
    align(l);
}

static void put_end(vector_layout *l) {
    put_norm(l, GK_LNF, -1);
    align(l);
    if (!l->cfg->tied) put(l, GK_HEAD, -1, false, l->cfg->vocab, l->cfg->d_model);
    align(l);
}

static void lay_out(vector_layout *l) {
    put_front(l);
    for (int i = 0; i < l->cfg->n_layers; i++) put_layer(l, i);
    put_end(l);
}

gk_param *gk_weights__params(const gk_config *c, size_t *n, size_t *floats) {
    vector_layout count = {.cfg = c};
    lay_out(&count);
    vector_layout fill = {.cfg = c, .list = gk_alloc(count.n * sizeof *fill.list)};
    lay_out(&fill);
    *n = fill.n;
    *floats = fill.offset;
    return fill.list;
}

gk_tensor *gk_weights__tensor(gk_model *m, int layer, gk_component c) {
    return layer < 0 ? &m->outer[c] : &m->layer[layer][c - GK_LN1];
}

size_t gk_weights__floats(const gk_config *c) {
    vector_layout count = {.cfg = c};
    lay_out(&count);
    return count.offset;
}

gk_model *gk_weights__hollow(const gk_config *c) {
    vector_layout count = {.cfg = c};
    lay_out(&count);
    gk_model *m = gk_alloc(sizeof *m);
    m->cfg = *c;
    m->count = count.count;
    m->layer = gk_alloc((size_t)c->n_layers * sizeof *m->layer);
    return m;
}

gk_model *gk_model_blank(const gk_config *c, gk_error *err) {
    if (!gk_config_check(c, GK_NOWHERE, err)) return NULL;
    vector_layout count = {.cfg = c};
    lay_out(&count);
    float *data = gk_try_alloc(count.offset * sizeof(float));
    if (!data) {
        gk_fail(err, GK_NOWHERE, "a machine with more memory, or a smaller model",
                "not enough memory for %zu parameters", count.count);
        return NULL;
    }
    gk_model *m = gk_weights__hollow(c);
    m->data = data;
    m->params = gk_weights__params(c, &m->n_params, &m->floats);
    for (size_t i = 0; i < m->n_params; i++) {
        const gk_param *p = &m->params[i];
        gk_tensor *t = gk_weights__tensor(m, p->layer, p->comp);
        if (p->bias) {
            t->b = data + p->offset;
        } else {
            t->w = data + p->offset;
            t->out = p->out;
            t->in = p->in;
        }
    }
    if (c->tied) m->outer[GK_HEAD] = m->outer[GK_EMBED];
    return m;
}

static float init_std(const gk_config *c, const gk_param *p) {
    if (p->comp == GK_EMBED || p->comp == GK_POS || p->comp == GK_HEAD) return 0.02f;
    float std = 1.0f / sqrtf((float)p->in);
    if (p->comp == GK_O || p->comp == GK_DOWN) std /= sqrtf(2.0f * (float)c->n_layers);
    return std;
}

gk_model *gk_model_new(const gk_config *c, uint64_t seed, gk_error *err) {
    gk_model *m = gk_model_blank(c, err);
    if (!m) return NULL;
    gk_rng rng;
    gk_rng_seed(&rng, seed, "model-init");
    for (size_t i = 0; i < m->n_params; i++) {
        const gk_param *p = &m->params[i];
        float *w = m->data + p->offset;
        if (p->bias) continue;
        bool norm = gk_component_is_norm(p->comp);
        float std = norm ? 0 : init_std(c, p), start = norm && !c->norm_offset ? 1 : 0;
        for (size_t j = 0; j < p->count; j++) w[j] = std > 0 ? std * (float)gk_rng_normal(&rng) : start;
    }
    return m;
}

gk_model *gk_model_copy(const gk_model *m) {
    gk_model *copy = gk_model_blank(&m->cfg, NULL);
    if (copy) memcpy(copy->data, m->data, m->floats * sizeof(float));
    return copy;
}

void gk_model_free(gk_model *m) {
    if (!m) return;
    gk_config__pass_through_free(&m->kept);
    for (size_t i = 0; i < m->n_own; i++) gk_free(m->own[i]);
    gk_free(m->own);
    if (m->files) m->close_files(m->files);
    gk_free(m->data);
    gk_free(m->half);
    gk_free(m->vectors);
    gk_free(m->params);
    gk_free(m->layer);
    gk_free(m);
}

const gk_config *gk_model_config(const gk_model *m) {
    return &m->cfg;
}

gk_tensor gk_model_tensor(const gk_model *m, int layer, gk_component c) {
    return gk_component_in_layer(c) ? m->layer[layer][c - GK_LN1] : m->outer[c];
}

bool gk_model_stored(const gk_model *m) {
    bool some = false;
    for (int i = 0; i < GK_N_COMPONENTS; i++)
        for (int l = 0; l < (gk_component_in_layer((gk_component)i) ? m->cfg.n_layers : 1); l++)
            some = some || gk_model_tensor(m, l, (gk_component)i).q;
    return some;
}

float *gk_model_data(gk_model *m) {
    return m->data;
}

size_t gk_model_floats(const gk_model *m) {
    return m->floats;
}

size_t gk_model_params(const gk_model *m, const gk_param **list) {
    *list = m->params;
    return m->n_params;
}

size_t gk_model_count(const gk_model *m) {
    return m->count;
}
