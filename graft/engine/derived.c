/* derived.c: donors that are no checkpoints, as a table of what computes each of their slots. */
#include "graft/internal.h"
#include "graftkit/core/progress.h"
#include "graftkit/core/threads.h"
#include "graftkit/graft/derive.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/difference.h"

#include <math.h>
#include <string.h>

struct gk_derived {
    gk_config cfg;
    gk_graft__weights *slot; /* [(n_layers + 1) x GK_N_COMPONENTS]; the last row: outside the layers */
    gk_arena *memory;
};

static gk_graft__weights *slot_of(const gk_derived *d, int layer, gk_component comp) {
    bool inside = gk_component_in_layer(comp);
    return d->slot + (size_t)(inside ? layer : d->cfg.n_layers) * GK_N_COMPONENTS + (size_t)comp;
}

gk_graft__weights gk_graft__weights_of(const gk_cast *cast, int m, int layer, gk_component comp) {
    if (cast->derived[m]) return *slot_of(cast->derived[m], layer, comp);
    return (gk_graft__weights){.from = gk_model_tensor(cast->model[m], layer, comp)};
}

static gk_derived *blank(const gk_config *c) {
    gk_arena *memory = gk_arena_new();
    gk_derived *d = gk_arena_alloc(memory, sizeof *d);
    d->cfg = *c;
    d->memory = memory;
    d->slot = gk_arena_alloc(memory, (size_t)(c->n_layers + 1) * GK_N_COMPONENTS * sizeof *d->slot);
    return d;
}

void gk_derived_free(gk_derived *d) {
    if (d) gk_arena_free(d->memory);
}

/* ---------------------------------------------------------------- the numbers */

const char *gk_derive_name(gk_derive_kind k) {
    static const char *const name[] = {
        [GK_DERIVE_RANK] = "rank", [GK_DERIVE_TOP] = "top", [GK_DERIVE_ALPHA] = "alpha"};
    return name[k];
}

int gk_derive_most_rank(const gk_config *c) {
    int d = c->d_model, q = c->n_heads * c->head_dim, wide = c->d_ffn > c->vocab ? c->d_ffn : c->vocab;
    if (q > wide) wide = q;
    if (gk_config_has(c, GK_POS) && c->max_positions > wide) wide = c->max_positions;
    return d < wide ? d : wide;
}

bool gk_derivation_check(const gk_derivation *d, const gk_config *c, gk_error *err) {
    char hint[96];
    int most = gk_derive_most_rank(c);
    switch (d->kind) {
    case GK_DERIVE_RANK:
        snprintf(hint, sizeof hint, "a rank from 1 to %d, which is the whole donor", most);
        return (d->rank >= 1 && d->rank <= most) ||
               gk_fail(err, GK_NOWHERE, hint, "the rank of a difference cannot be %d", d->rank);
    case GK_DERIVE_TOP:
        return (d->value > 0 && d->value <= 1) ||
               gk_fail(err, GK_NOWHERE, "above 0, at most 1: top=0.01 is one entry in a hundred",
                       "the fraction of entries cannot be %g", d->value);
    case GK_DERIVE_ALPHA:
        break;
    }
    return isfinite((float)d->value) ||
           gk_fail(err, GK_NOWHERE, "a finite number: 0 is the recipient, 1 the donor", "alpha cannot be %g",
                   d->value);
}

/* ---------------------------------------------------------------- the largest differences */

typedef struct scan { /* passes over the entries of two matrices */
    gk_tensor from, to;
    uint32_t *count; /* [1 << 16], by a half of the bits */
    uint32_t high;   /* pass 2: the upper half that is looked into */
} scan;

typedef void each_fn(scan *s, size_t at, uint32_t bits, size_t *left);

static void count_high(scan *s, size_t at, uint32_t bits, size_t *left) {
    (void)at, (void)left;
    s->count[bits >> 16]++;
}

static void count_low(scan *s, size_t at, uint32_t bits, size_t *left) {
    (void)at, (void)left;
    if (bits >> 16 == s->high) s->count[bits & 0xFFFF]++;
}

/* Calls fn for every entry in order, until *left (may be NULL) is 0; returns the entry after the last. */
static size_t pass(scan *s, each_fn *fn, size_t *left) {
    enum { CHUNK = 2048 };
    float a[CHUNK], b[CHUNK];
    size_t n = (size_t)s->from.out * (size_t)s->from.in;
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t count = n - at < CHUNK ? n - at : CHUNK;
        gk_tensor_floats(s->from, at, count, a);
        gk_tensor_floats(s->to, at, count, b);
        for (size_t i = 0; i < count; i++) {
            fn(s, at + i, gk_graft__difference_bits(a[i], b[i]), left);
            if (left && *left == 0) return at + i + 1;
        }
    }
    return n;
}

/* The half word in which the k-th largest entry lies; k becomes its number among those. */
static uint32_t descend(const uint32_t *count, size_t *k) {
    uint32_t bin = 0xFFFF;
    for (; bin > 0 && *k > count[bin]; bin--) *k -= count[bin];
    return bin;
}

static void count_ties(scan *s, size_t at, uint32_t bits, size_t *left) {
    (void)at;
    uint32_t least = s->high;
    if (bits == least) --*left;
}

/* The k-th largest |to - from| by its bits, and the last entry that is taken of those which are just that. */
static void select_largest(gk_graft__weights *w, size_t k) {
    scan s = {.from = w->from, .to = w->to};
    s.count = gk_alloc(((size_t)1 << 16) * sizeof *s.count);
    pass(&s, count_high, NULL);
    s.high = descend(s.count, &k);
    memset(s.count, 0, ((size_t)1 << 16) * sizeof *s.count);
    pass(&s, count_low, NULL);
    w->least = s.high << 16 | descend(s.count, &k);
    s.high = w->least;
    w->last = pass(&s, count_ties, &k) - 1;
    gk_free(s.count);
}

/* ---------------------------------------------------------------- one slot */

typedef struct job {
    gk_derived *d;
    const gk_model *recipient, *donor;
    const gk_derivation *how;
    const gk_factors *f;
} job;

static float mix(float from, float to, float alpha) {
    return from + alpha * (to - from);
}

/* A vector of its own: recipient + alpha (donor - recipient). */
static const float *mix_vector(const job *j, const float *from, const float *to, size_t n) {
    float alpha = (float)j->how->value;
    if (!from || gk_graft__floats_same(from, to, n) || alpha == 0) return from;
    if (alpha == 1) return to;
    float *x = gk_arena_alloc(j->d->memory, n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = mix(from[i], to[i], alpha);
    return x;
}

static void set_vector(const job *j, gk_graft__weights *w, gk_tensor donor) {
    gk_tensor from = w->from;
    size_t n = (size_t)from.out * (size_t)from.in;
    if (j->how->kind != GK_DERIVE_ALPHA) {
        w->from = donor;
        return;
    }
    float *both = gk_arena_alloc(j->d->memory, 2 * n * sizeof *both);
    gk_tensor_floats(from, 0, n, both);
    gk_tensor_floats(donor, 0, n, both + n);
    w->from = (gk_tensor){.w = mix_vector(j, both, both + n, n),
                          .b = mix_vector(j, from.b, donor.b, (size_t)from.out),
                          .out = from.out,
                          .in = from.in};
}

static void set_matrix(const job *j, gk_graft__weights *w, gk_tensor donor, int layer, gk_component comp) {
    const gk_derivation *how = j->how;
    const float *recipient_bias = w->from.b;
    size_t n = (size_t)donor.out * (size_t)donor.in, k;
    int smaller = donor.out < donor.in ? donor.out : donor.in;
    bool whole = false;
    w->from.b = donor.b;
    w->to = donor;
    switch (how->kind) {
    case GK_DERIVE_RANK:
        w->kind = GK_GRAFT__LOW_RANK;
        whole = how->rank >= smaller;
        if (!whole) w->low = gk_factors_of(j->f, layer, comp, how->rank);
        if (w->low.rank == 0) w->kind = GK_GRAFT__PLAIN; /* they differ in the signs of zeros */
        break;
    case GK_DERIVE_TOP:
        w->kind = GK_GRAFT__SELECT;
        k = (size_t)llround(how->value * (double)n);
        whole = k >= n;
        if (!whole) select_largest(w, k > 0 ? k : 1);
        break;
    case GK_DERIVE_ALPHA:
        w->kind = GK_GRAFT__BLEND;
        w->alpha = (float)how->value;
        w->from.b = mix_vector(j, recipient_bias, donor.b, (size_t)donor.out);
        whole = w->alpha == 1;
        break;
    }
    if (whole) *w = (gk_graft__weights){.from = donor};
}

/* Equal weights and alpha 0 leave the recipient's tensor, with whatever bias there is to be. */
static void set_slot(const job *j, int layer, gk_component comp) {
    gk_graft__weights *w = slot_of(j->d, layer, comp);
    gk_tensor donor = gk_model_tensor(j->donor, layer, comp);
    bool none = j->how->kind == GK_DERIVE_ALPHA && (float)j->how->value == 0;
    *w = (gk_graft__weights){.from = gk_model_tensor(j->recipient, layer, comp)};
    if (none) return;
    if (gk_component_is_norm(comp)) {
        set_vector(j, w, donor);
    } else if (comp == GK_HEAD && j->d->cfg.tied) {
        *w = *slot_of(j->d, -1, GK_EMBED);
    } else if (gk_graft__tensor_same(w->from, donor)) {
        w->from.b =
            j->how->kind == GK_DERIVE_ALPHA ? mix_vector(j, w->from.b, donor.b, (size_t)donor.out) : donor.b;
    } else {
        set_matrix(j, w, donor, layer, comp);
    }
}

/* What is outside the layers counts as number 0. */
static void set_slots(void *ctx, size_t begin, size_t end) {
    const job *j = ctx;
    for (size_t l = begin; l < end && !gk_interrupted(); l++) {
        for (int i = 0; i < GK_N_COMPONENTS; i++) {
            gk_component comp = (gk_component)i;
            bool inside = gk_component_in_layer(comp);
            if (gk_config_has(&j->d->cfg, comp) && inside == (l > 0)) set_slot(j, (int)l - 1, comp);
        }
    }
}

gk_derived *gk_derive(const gk_model *recipient, const gk_model *donor, const gk_derivation *how,
                      const gk_factors *f, gk_error *err) {
    const gk_config *c = gk_model_config(recipient);
    gk_config_diff diff;
    if (!gk_derivation_check(how, c, err)) return NULL;
    if (gk_config_difference(c, gk_model_config(donor), &diff)) {
        gk_fail(err, GK_NOWHERE, "only models of one architecture and shape can be mixed",
                "recipient and donor differ in %s: %s and %s", diff.field, diff.a, diff.b);
        return NULL;
    }
    if (how->kind == GK_DERIVE_RANK && !f && how->rank < gk_derive_most_rank(c)) {
        gk_fail(err, GK_NOWHERE, NULL, "there are no factors to take a rank from");
        return NULL;
    }
    job j = {.d = blank(c), .recipient = recipient, .donor = donor, .how = how, .f = f};
    if (how->kind == GK_DERIVE_TOP) /* the one that has to search, and takes nothing from the arena */
        gk_parallel_for((size_t)c->n_layers + 1, 1, set_slots, &j);
    else
        set_slots(&j, 0, (size_t)c->n_layers + 1);
    if (!gk_interrupted()) return j.d;
    gk_fail(err, GK_NOWHERE, NULL, "interrupted before the donor was derived");
    gk_derived_free(j.d);
    return NULL;
}

/* ---------------------------------------------------------------- adapters */

static bool all_zero(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (x[i] < 0 || x[i] > 0 || x[i] != x[i]) return false;
    return true;
}

static void set_adapted(gk_derived *d, const gk_model *base, const gk_adapter *a, int layer,
                        gk_component comp) {
    gk_graft__weights *w = slot_of(d, layer, comp);
    *w = (gk_graft__weights){.from = gk_model_tensor(base, layer, comp)};
    if (layer >= 0) w->low = gk_adapter_part(a, layer, comp);
    /* A fresh adapter changes nothing. */
    size_t n = (size_t)w->low.out * (size_t)w->low.rank;
    if (n > 0 && !all_zero(w->low.b, n)) w->kind = GK_GRAFT__LOW_RANK;
}

gk_derived *gk_derive_adapter(const gk_model *base, const gk_adapter *a, gk_error *err) {
    const gk_config *c = gk_model_config(base);
    gk_config_diff diff;
    if (gk_config_difference(c, gk_adapter_config(a), &diff)) {
        gk_fail(err, GK_NOWHERE, "an adapter of the model's configuration",
                "adapter and model differ in %s: %s and %s", diff.field, diff.a, diff.b);
        return NULL;
    }
    gk_derived *d = blank(c);
    for (int l = -1; l < c->n_layers; l++)
        for (int i = 0; i < GK_N_COMPONENTS; i++) {
            gk_component comp = (gk_component)i;
            if (gk_config_has(c, comp) && gk_component_in_layer(comp) == (l >= 0))
                set_adapted(d, base, a, l, comp);
        }
    return d;
}
