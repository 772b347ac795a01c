/* adapter.c: which matrices an adapter changes, and its parameters in one vector. */
#include "graftkit/core/random.h"
#include "model/adapter/adapter.h"
#include "model/config/family.h"

#include <math.h>
#include <string.h>

#define ALIGN_FLOATS 16 /* every array starts on a cache line */

/* ---------------------------------------------------------------- making */

gk_checkpoint__slots gk_adapter__slots(const gk_config *c) {
    gk_checkpoint__layout layout = gk_checkpoint__layout_hf(c->family);
    gk_checkpoint__slots s = gk_checkpoint__slots_make(c, &layout);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.list[i].layer >= 0 && s.list[i].n_dims == 2) s.list[n++] = s.list[i];
    s.n = n;
    return s;
}

static void put(gk_adapter *a, size_t *at, const gk_adapter__site *s, int out, int in, size_t i) {
    size_t count = (size_t)out * (size_t)in;
    a->params[i] = (gk_param){
        .comp = s->first, .layer = s->slot.layer, .offset = *at, .count = count, .out = out, .in = in};
    a->count += count;
    *at += (count + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
}

static void lay_out(gk_adapter *a) {
    for (size_t i = 0; i < a->n_sites; i++) {
        gk_adapter__site *s = &a->site[i];
        s->a = a->floats;
        put(a, &a->floats, s, s->rank, s->slot.in, 2 * i);
        s->b = a->floats;
        put(a, &a->floats, s, s->slot.out, s->rank, 2 * i + 1);
        for (int p = 0; p < s->slot.rule->n_parts; p++)
            a->at[(size_t)s->slot.layer * GK_N_COMPONENTS + s->slot.rule->part[p]] = s;
    }
}

void gk_adapter__module_name(const gk_checkpoint__slot *s, char *out, size_t size) {
    gk_checkpoint__slot_name(s->rule->name, s->layer, "", out, size);
}

static void add_site(gk_adapter *a, gk_peft__spec *spec, const gk_checkpoint__slot *slot) {
    char module[96];
    gk_adapter__module_name(slot, module, sizeof module);
    gk_adapter__site *s = &a->site[a->n_sites++];
    *s = (gk_adapter__site){.slot = *slot,
                            .first = slot->rule->part[0],
                            .rank = gk_peft__spec_rank(spec, module),
                            .scale = gk_peft__spec_scale(spec, module)};
    if (s->rank > a->rank) a->rank = s->rank;
}

gk_adapter *gk_adapter__blank(const gk_config *c, gk_peft__spec *spec, const gk_checkpoint__slots *slots,
                              const bool *chosen, gk_error *err) {
    gk_adapter *a = gk_alloc(sizeof *a);
    const gk_lora *o = gk_peft__spec_lora(spec);
    *a = (gk_adapter){.cfg = *c, .alpha = o->alpha, .rslora = o->rslora};
    a->site = gk_alloc(slots->n * sizeof *a->site);
    a->params = gk_alloc(2 * slots->n * sizeof *a->params);
    a->at = gk_alloc((size_t)c->n_layers * GK_N_COMPONENTS * sizeof *a->at);
    for (size_t i = 0; i < slots->n; i++)
        if (chosen[i]) add_site(a, spec, &slots->list[i]);
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
    for (size_t i = 0; i < a->n_sites; i++) gk_free(a->site[i].magnitude);
    for (size_t i = 0; i < a->n_wholes; i++) gk_free(a->whole[i].values);
    gk_free(a->whole);
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
static bool choose(const gk_config *c, uint32_t mask, const gk_checkpoint__slots *slots, bool *chosen,
                   gk_error *err) {
    gk_place at = GK_AT_FIELD(NULL, "lora_targets");
    for (size_t i = 0; i < slots->n; i++) {
        const gk_config__tensor_rule *r = slots->list[i].rule;
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

static bool check_targets(const gk_config *c, uint32_t mask, const gk_checkpoint__slots *slots,
                          gk_error *err) {
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
    gk_checkpoint__slots slots = gk_adapter__slots(c);
    bool *chosen = gk_alloc(slots.n * sizeof *chosen);
    uint32_t mask = expand(c, o->targets);
    bool ok = check_targets(c, mask, &slots, err) && choose(c, mask, &slots, chosen, err);
    gk_peft__spec *spec = gk_peft__spec_plain(o);
    gk_adapter *a = ok ? gk_adapter__blank(c, spec, &slots, chosen, err) : NULL;
    gk_peft__spec_free(spec);
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

bool gk_adapter_low_rank(const gk_adapter *a) {
    bool dora = false;
    for (size_t i = 0; i < a->n_sites; i++) dora = dora || a->site[i].magnitude;
    return !dora && a->n_wholes == 0;
}

bool gk_adapter_has(const gk_adapter *a, int layer, gk_component c) {
    return layer >= 0 && layer < a->cfg.n_layers && gk_adapter__site_of(a, layer, c) != NULL;
}

gk_low_rank gk_adapter_part(const gk_adapter *a, int layer, gk_component c) {
    const gk_adapter__site *s = gk_adapter_has(a, layer, c) ? gk_adapter__site_of(a, layer, c) : NULL;
    size_t row = 0;
    int out, in;
    if (!s) return (gk_low_rank){0};
    for (int p = 0; s->slot.rule->part[p] != c; p++) {
        gk_config__component_shape(&a->cfg, s->slot.rule->part[p], &out, &in);
        row += (size_t)out;
    }
    gk_config__component_shape(&a->cfg, c, &out, &in);
    return (gk_low_rank){.a = a->data + s->a,
                         .b = a->data + s->b + row * (size_t)s->rank,
                         .out = out,
                         .in = in,
                         .rank = s->rank,
                         .ldb = s->rank,
                         .scale = s->scale};
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
