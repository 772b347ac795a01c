/* adapter.c: which matrices an adapter changes, its parameters in one vector, and its merge into a model. */
#include "model/adapter.h"
#include "model/family.h"
#include "model/internal.h"

#include <math.h>
#include <string.h>

#define ALIGN_FLOATS 16 /* every array starts on a cache line */

/* ---------------------------------------------------------------- making */

gk__slots gk__adapter_slots(const gk_config *c) {
    gk__layout layout = gk__layout_hf(c->family);
    gk__slots s = gk__slots_make(c, &layout);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.list[i].layer >= 0 && s.list[i].n_dims == 2) s.list[n++] = s.list[i];
    s.n = n;
    return s;
}

static void put(gk_adapter *a, size_t *at, const gk__site *s, int out, int in, size_t i) {
    size_t count = (size_t)out * (size_t)in;
    a->params[i] = (gk_param){
        .comp = s->first, .layer = s->slot.layer, .offset = *at, .count = count, .out = out, .in = in};
    a->count += count;
    *at += (count + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
}

static void lay_out(gk_adapter *a) {
    for (size_t i = 0; i < a->n_sites; i++) {
        gk__site *s = &a->site[i];
        s->a = a->floats;
        put(a, &a->floats, s, a->rank, s->slot.in, 2 * i);
        s->b = a->floats;
        put(a, &a->floats, s, s->slot.out, a->rank, 2 * i + 1);
        for (int p = 0; p < s->slot.rule->n_parts; p++)
            a->at[(size_t)s->slot.layer * GK_N_COMPONENTS + s->slot.rule->part[p]] = s;
    }
}

gk_adapter *gk__adapter_blank(const gk_config *c, const gk_lora *o, const gk__slots *slots,
                              const bool *chosen, gk_error *err) {
    gk_adapter *a = gk_alloc(sizeof *a);
    *a = (gk_adapter){.cfg = *c, .rank = (int)o->rank, .alpha = o->alpha, .rslora = o->rslora};
    a->scale = (float)(o->alpha / (o->rslora ? sqrt((double)o->rank) : (double)o->rank));
    a->site = gk_alloc(slots->n * sizeof *a->site);
    a->params = gk_alloc(2 * slots->n * sizeof *a->params);
    a->at = gk_alloc((size_t)c->n_layers * GK_N_COMPONENTS * sizeof *a->at);
    for (size_t i = 0; i < slots->n; i++)
        if (chosen[i])
            a->site[a->n_sites++] = (gk__site){.slot = slots->list[i], .first = slots->list[i].rule->part[0]};
    lay_out(a);
    a->data = gk_try_alloc(a->floats * sizeof *a->data);
    if (a->data) return a;
    gk_fail(err, GK_NOWHERE, "a lower rank or fewer targets", "not enough memory for %zu parameters",
            a->count);
    gk_adapter_free(a);
    return NULL;
}

void gk_adapter_free(gk_adapter *a) {
    if (!a) return;
    gk_free(a->site);
    gk_free(a->params);
    gk_free(a->at);
    gk_free(a->data);
    gk_free(a);
}

/* ---------------------------------------------------------------- a new one */

static const gk_component ATTN[] = {GK_Q, GK_K, GK_V, GK_O}, FFN[] = {GK_GATE, GK_UP, GK_DOWN};

/* The components asked for, each as a bit; groups give what there is. */
static uint32_t expand(const gk_config *c, uint32_t targets) {
    uint32_t mask = targets & ((1u << GK_N_COMPONENTS) - 1);
    for (size_t i = 0; i < sizeof ATTN / sizeof *ATTN; i++)
        if (targets & GK_LORA_ATTN) mask |= 1u << ATTN[i];
    for (size_t i = 0; i < sizeof FFN / sizeof *FFN; i++)
        if ((targets & GK_LORA_FFN) && gk_config_has(c, FFN[i])) mask |= 1u << FFN[i];
    return mask;
}

/* Marks the slots whose components are in the mask; fails on those that are there only in part. */
static bool choose(const gk_config *c, uint32_t mask, const gk__slots *slots, bool *chosen, gk_error *err) {
    gk_place at = GK_AT_FIELD(NULL, "lora_targets");
    for (size_t i = 0; i < slots->n; i++) {
        const gk__rule *r = slots->list[i].rule;
        int in = 0;
        for (int p = 0; p < r->n_parts; p++) in += (int)(mask >> r->part[p] & 1u);
        if (in > 0 && in < r->n_parts)
            return gk_fail(err, at, "target q, k and v together, or none of them",
                           "a %s model has q, k and v in one tensor, which an adapter changes as a whole",
                           gk_family_name(c->family));
        chosen[i] = in > 0;
    }
    return true;
}

static bool check_targets(const gk_config *c, uint32_t mask, const gk__slots *slots, gk_error *err) {
    gk_place at = GK_AT_FIELD(NULL, "lora_targets");
    uint32_t can = 0;
    for (size_t i = 0; i < slots->n; i++)
        for (int p = 0; p < slots->list[i].rule->n_parts; p++) can |= 1u << slots->list[i].rule->part[p];
    for (int i = 0; i < GK_N_COMPONENTS; i++)
        if ((mask & ~can) >> i & 1u)
            return gk_fail(err, at, "matrices of a layer: q k v o, gate (where there is one) up down",
                           "a %s model has no matrix '%s' in its layers", gk_family_name(c->family),
                           gk_component_name((gk_component)i));
    return mask || gk_fail(err, at, "q k v o gate up down, attn, ffn or all-linear", "names no component");
}

static bool check_numbers(const gk_lora *o, gk_error *err) {
    char hint[64];
    snprintf(hint, sizeof hint, "1 to %d", GK_LORA_MOST_RANK);
    if (o->rank < 1 || o->rank > GK_LORA_MOST_RANK)
        return gk_fail(err, GK_AT_FIELD(NULL, "lora_rank"), hint, "is %lld", (long long)o->rank);
    return isfinite(o->alpha) ||
           gk_fail(err, GK_AT_FIELD(NULL, "lora_alpha"), "a finite number", "is %g", o->alpha);
}

static void draw(gk_adapter *a, uint64_t seed) {
    gk_rng rng;
    gk_rng_seed(&rng, seed, "adapter-init");
    for (size_t i = 0; i < a->n_sites; i++) {
        float *x = a->data + a->site[i].a;
        double bound = 1 / sqrt(a->site[i].slot.in);
        for (size_t j = 0; j < a->params[2 * i].count; j++)
            x[j] = (float)(bound * (2 * gk_rng_uniform(&rng) - 1));
    }
}

gk_adapter *gk_adapter_new(const gk_config *c, const gk_lora *o, uint64_t seed, gk_error *err) {
    if (!check_numbers(o, err)) return NULL;
    gk__slots slots = gk__adapter_slots(c);
    bool *chosen = gk_alloc(slots.n * sizeof *chosen);
    uint32_t mask = expand(c, o->targets);
    bool ok = check_targets(c, mask, &slots, err) && choose(c, mask, &slots, chosen, err);
    gk_adapter *a = ok ? gk__adapter_blank(c, o, &slots, chosen, err) : NULL;
    gk_free(chosen);
    gk_free(slots.list);
    if (a) draw(a, seed);
    return a;
}

/* ---------------------------------------------------------------- what others see */

const gk_config *gk_adapter_config(const gk_adapter *a) {
    return &a->cfg;
}

int gk_adapter_rank(const gk_adapter *a) {
    return a->rank;
}

bool gk_adapter_has(const gk_adapter *a, int layer, gk_component c) {
    return layer >= 0 && layer < a->cfg.n_layers && gk__site_of(a, layer, c) != NULL;
}

gk_low_rank gk_adapter_part(const gk_adapter *a, int layer, gk_component c) {
    const gk__site *s = gk_adapter_has(a, layer, c) ? gk__site_of(a, layer, c) : NULL;
    size_t row = 0;
    int out, in;
    if (!s) return (gk_low_rank){0};
    for (int p = 0; s->slot.rule->part[p] != c; p++) {
        gk__component_shape(&a->cfg, s->slot.rule->part[p], &out, &in);
        row += (size_t)out;
    }
    gk__component_shape(&a->cfg, c, &out, &in);
    return (gk_low_rank){.a = a->data + s->a,
                         .b = a->data + s->b + row * (size_t)a->rank,
                         .out = out,
                         .in = in,
                         .rank = a->rank,
                         .ldb = a->rank,
                         .scale = a->scale};
}

float *gk_adapter_data(gk_adapter *a) {
    return a->data;
}

size_t gk_adapter_floats(const gk_adapter *a) {
    return a->floats;
}

size_t gk_adapter_params(const gk_adapter *a, const gk_param **list) {
    *list = a->params;
    return 2 * a->n_sites;
}

size_t gk_adapter_count(const gk_adapter *a) {
    return a->count;
}

/* ---------------------------------------------------------------- merging */

/* An opened model's matrix as floats of its own, in place of what the tensor points at. */
static float *own_floats(gk_model *m, gk_tensor *t, gk_error *err) {
    size_t n = (size_t)t->out * (size_t)t->in;
    float *w = gk_try_alloc(n * sizeof *w);
    if (!w) {
        gk_fail(err, GK_NOWHERE, "a machine with more memory",
                "not enough memory for a matrix of %d x %d with its adapter", t->out, t->in);
        return NULL;
    }
    gk_tensor_floats(*t, 0, n, w);
    m->own = gk_grow(m->own, m->n_own * sizeof *m->own, (m->n_own + 1) * sizeof *m->own);
    m->own[m->n_own++] = w;
    t->w = w;
    t->h = NULL;
    t->type = GK_F32;
    return w;
}

/* W += scale B A of one component, whose rows of B begin with `row`. */
static bool merge_part(const gk_adapter *a, const gk__site *s, gk_model *m, gk_component c, int row,
                       gk_error *err) {
    gk_tensor *t = gk__model_slot(m, s->slot.layer, c);
    float *w = m->data ? m->data + (t->w - m->data) : own_floats(m, t, err);
    size_t n = (size_t)t->out * (size_t)a->rank;
    float *b = w ? gk_alloc(n * sizeof *b) : NULL;
    if (!b) return false;
    const float *from = a->data + s->b + (size_t)row * (size_t)a->rank;
    for (size_t i = 0; i < n; i++) b[i] = a->scale * from[i];
    gk__gemm(GK_GEMM_NN, t->out, t->in, a->rank, b, a->rank, a->data + s->a, t->in, 1, w, t->in);
    gk_free(b);
    return true;
}

bool gk_adapter_merge(const gk_adapter *a, gk_model *m, gk_error *err) {
    gk_config_diff d;
    if (gk_config_difference(&a->cfg, &m->cfg, &d))
        return gk_fail(err, GK_NOWHERE, "an adapter of the model's configuration",
                       "adapter and model differ in %s: %s and %s", d.field, d.a, d.b);
    if (m->vectors)
        return gk_fail(err, GK_NOWHERE, "merge before gk_model_lean",
                       "the model has no floats that an adapter could be added to");
    gk_gemm_init();
    for (size_t i = 0; i < a->n_sites; i++) {
        const gk__site *s = &a->site[i];
        for (int p = 0, row = 0; p < s->slot.rule->n_parts; p++) {
            gk_component c = s->slot.rule->part[p];
            if (!merge_part(a, s, m, c, row, err)) return false;
            row += gk_model_tensor(m, s->slot.layer, c).out;
        }
    }
    return !gk_model_narrowed(m) || gk_model_narrow(m, err);
}
