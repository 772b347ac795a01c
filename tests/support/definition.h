/* definition.h: dynamic weight grafting as it is defined, one token at a time: plain scalar loops in double,
 * no operator of the library takes part. Patches overwrite the residual stream where they stand. */
#ifndef GK_TESTS_DEFINITION_H
#define GK_TESTS_DEFINITION_H

#include "graftkit/core/memory.h"
#include "graftkit/graft/cast.h"
#include "graftkit/graft/engine.h"
#include "graftkit/graft/plan.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"

#include <math.h>

#ifndef DEFINITION_VOCAB
#define DEFINITION_VOCAB 37
#define DEFINITION_LONGEST 9
#endif
#ifndef DEFINITION_WIDEST
#define DEFINITION_WIDEST 32
#endif
enum { VOCAB = DEFINITION_VOCAB, LONGEST = DEFINITION_LONGEST, WIDEST = DEFINITION_WIDEST };

typedef struct reference {
    const gk_config *c;
    const gk_cast *cast;
    const gk_job *job;
    double *k, *v; /* the cache: [layer x token x kv_dim] */
    int token;
    double
        *plain[GK_MAX_MODELS]; /* [(n_layers + 1) x LONGEST x WIDEST]: residual streams that patches copy */
    double *trace;             /* the same of this run, written where not NULL */
} reference;

static double *ref_residual(double *residual, int index, int token) {
    return residual + (index * LONGEST + token) * WIDEST;
}

/* The residual stream after the embedding (index 0) or layer index - 1 is complete. */
static void ref_patch(const reference *r, int index, double *x) {
    const gk_plan *p = r->job->plan;
    uint8_t patch = p->patch ? p->patch[index * p->n_tokens + r->token] : GK_PATCH_NONE;
    for (int i = 0; i < r->c->d_model; i++) {
        if (patch != GK_PATCH_NONE && gk_patch_is_mean(patch))
            x[i] = (double)r->cast->mean[gk_patch_model(patch)][index * r->c->d_model + i];
        else if (patch != GK_PATCH_NONE)
            x[i] = ref_residual(r->plain[gk_patch_model(patch)], index, r->token)[i];
        if (r->trace) ref_residual(r->trace, index, r->token)[i] = x[i];
    }
}

static gk_tensor weights(const reference *r, int layer, gk_component comp) {
    const gk_plan *p = r->job->plan;
    int slot = gk_plan_slot(r->c, layer, comp);
    return gk_model_tensor(r->cast->model[p->model[slot * p->n_tokens + r->token]], layer, comp);
}

static void ref_norm_row(const reference *r, gk_tensor t, const double *x, double *y) {
    int d = t.out;
    double mean = 0, var = 0, offset = r->c->norm_offset ? 1 : 0;
    for (int i = 0; i < d && r->c->norm == GK_LAYERNORM; i++) mean += x[i] / d;
    for (int i = 0; i < d; i++) var += (x[i] - mean) * (x[i] - mean) / d;
    for (int i = 0; i < d; i++)
        y[i] = (x[i] - mean) / sqrt(var + (double)r->c->norm_eps) * (offset + (double)t.w[i]) +
               (t.b ? (double)t.b[i] : 0);
}

/* Does nothing where the model has no such norm. */
static void ref_norm(const reference *r, int layer, gk_component comp, const double *x, double *y) {
    if (!gk_config_has(r->c, comp)) return;
    gk_tensor t = weights(r, layer, comp);
    bool by_head = r->c->qk_norm == GK_QK_BY_HEAD && (comp == GK_Q_NORM || comp == GK_K_NORM);
    int groups = !by_head ? 1 : comp == GK_Q_NORM ? r->c->n_heads : r->c->n_kv_heads;
    for (int g = 0; g < groups; g++) ref_norm_row(r, t, x + g * t.out, y + g * t.out);
}

/* To the nearest bf16, of two as near the one whose last bit is 0. */
static double ref_bf16(double x) {
    if (x == 0) return x;
    double ulp = ldexp(1, (int)floor(log2(fabs(x))) - 7);
    return nearbyint(x / ulp) * ulp;
}

static void ref_linear(const reference *r, int layer, gk_component comp, const double *x, double *y) {
    gk_tensor t = weights(r, layer, comp);
    for (int o = 0; o < t.out; o++) {
        y[o] = t.b ? (double)t.b[o] : 0;
        for (int i = 0; i < t.in; i++) {
            double w = (double)t.w[o * t.in + i];
            y[o] += r->cast->bf16 ? ref_bf16(w) * ref_bf16(x[i]) : w * x[i];
        }
    }
}

static int ref_rotary(const gk_config *c) {
    return c->rotary_dim ? c->rotary_dim : c->head_dim;
}

static double ref_frequency(const gk_config *c, const gk_rotary *r, int i) {
    double f = pow((double)r->theta, -2.0 * i / ref_rotary(c)), factor = (double)r->factor;
    if (r->kind == GK_ROPE_PLAIN) return f;
    if (r->kind == GK_ROPE_LINEAR) return f / factor;
    double wavelength = 2 * acos(-1) / f, low = (double)r->low, high = (double)r->high;
    if (wavelength < r->original / high) return f;
    if (wavelength > r->original / low) return f / factor;
    double smooth = (r->original / wavelength - low) / (high - low);
    return (1 - smooth) * f / factor + smooth * f;
}

static void ref_rope(const reference *r, int layer, int heads, double *x) {
    bool apart = r->c->rotary_apart && gk_config_windowed(r->c, layer);
    int half = ref_rotary(r->c) / 2;
    for (int h = 0; h < heads && gk_config_rotated(r->c, layer); h++) {
        for (int i = 0; i < half; i++) {
            double *a = x + h * r->c->head_dim + i, *b = a + half, a0 = *a, b0 = *b;
            double angle = r->token * ref_frequency(r->c, apart ? &r->c->rotary_window : &r->c->rotary, i);
            *a = a0 * cos(angle) - b0 * sin(angle);
            *b = b0 * cos(angle) + a0 * sin(angle);
        }
    }
}

static double ref_cap(double x, float cap) {
    return cap > 0 ? (double)cap * tanh(x / (double)cap) : x;
}

static void ref_attend(const reference *r, int layer, const double *q, double *out) {
    const gk_config *c = r->c;
    int hd = c->head_dim, kv = c->n_kv_heads * hd, group = c->n_heads / c->n_kv_heads;
    int first = gk_config_windowed(c, layer) && r->token >= c->window ? r->token - c->window + 1 : 0;
    double root =
        sqrt(c->query_scale > 0 ? (double)c->query_scale : hd) * (c->scores_by_layer ? layer + 1 : 1);
    const double *k = r->k + layer * LONGEST * kv, *v = r->v + layer * LONGEST * kv;
    for (int h = 0; h < c->n_heads; h++) {
        double score[LONGEST], sum = 0;
        for (int t = first; t <= r->token; t++) {
            score[t] = 0;
            for (int i = 0; i < hd; i++) score[t] += q[h * hd + i] * k[t * kv + h / group * hd + i];
            score[t] = exp(ref_cap(score[t] / root, c->attn_softcap));
            sum += score[t];
        }
        for (int i = 0; i < hd; i++) {
            out[h * hd + i] = 0;
            for (int t = first; t <= r->token; t++)
                out[h * hd + i] += score[t] / sum * v[t * kv + h / group * hd + i];
        }
    }
}

static double ref_act(gk_act_kind kind, double x) {
    switch (kind) {
    case GK_SILU:
        return x / (1 + exp(-x));
    case GK_GELU:
        return 0.5 * x * (1 + erf(x / sqrt(2)));
    case GK_GELU_TANH:
        return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case GK_RELU:
        break;
    }
    return x > 0 ? x : 0;
}

static void ref_mlp(const reference *r, int layer, const double *x, double *y) {
    double gate[WIDEST] = {0}, up[WIDEST] = {0};
    ref_linear(r, layer, GK_UP, x, up);
    if (r->c->gated) ref_linear(r, layer, GK_GATE, x, gate);
    for (int i = 0; i < r->c->d_ffn; i++)
        up[i] = r->c->gated ? ref_act(r->c->act, gate[i]) * up[i] : ref_act(r->c->act, up[i]);
    ref_linear(r, layer, GK_DOWN, up, y);
}

static void ref_layer(const reference *r, int layer, double *x) {
    int d = r->c->d_model, kv = r->c->n_kv_heads * r->c->head_dim;
    double a[WIDEST] = {0}, q[WIDEST] = {0}, out[WIDEST] = {0}, y[WIDEST] = {0}, mlp[WIDEST] = {0};
    double *k = r->k + (layer * LONGEST + r->token) * kv, *v = r->v + (layer * LONGEST + r->token) * kv;
    for (int i = 0; i < d; i++) a[i] = mlp[i] = x[i];
    ref_norm(r, layer, GK_LN1, x, a);
    ref_linear(r, layer, GK_Q, a, q);
    ref_linear(r, layer, GK_K, a, k);
    ref_linear(r, layer, GK_V, a, v);
    ref_norm(r, layer, GK_Q_NORM, q, q);
    ref_norm(r, layer, GK_K_NORM, k, k);
    ref_rope(r, layer, r->c->n_heads, q);
    ref_rope(r, layer, r->c->n_kv_heads, k);
    ref_attend(r, layer, q, out);
    ref_linear(r, layer, GK_O, out, y);
    ref_norm(r, layer, GK_LN1_POST, y, y);
    for (int i = 0; i < d; i++) x[i] += y[i];
    for (int i = 0; i < d && !r->c->parallel; i++) mlp[i] = x[i];
    for (int i = 0; i < d; i++) a[i] = mlp[i];
    ref_norm(r, layer, GK_LN2, mlp, a);
    ref_mlp(r, layer, a, y);
    ref_norm(r, layer, GK_LN2_POST, y, y);
    for (int i = 0; i < d; i++) x[i] += y[i];
}

static void ref_run(reference r, double *logits) {
    const gk_config *c = r.c;
    const gk_job *job = r.job;
    size_t cache = (size_t)(c->n_layers * LONGEST * c->n_kv_heads * c->head_dim);
    r.k = gk_alloc(cache * sizeof(double));
    r.v = gk_alloc(cache * sizeof(double));
    for (r.token = 0; r.token < job->n; r.token++) {
        double x[WIDEST] = {0}, a[WIDEST] = {0};
        const float *embed = weights(&r, -1, GK_EMBED).w + job->token[r.token] * c->d_model;
        for (int i = 0; i < c->d_model; i++) {
            x[i] = (double)c->embed_scale * (double)embed[i];
            if (gk_config_has(c, GK_POS)) x[i] += (double)weights(&r, -1, GK_POS).w[r.token * c->d_model + i];
        }
        ref_patch(&r, 0, x);
        for (int l = 0; l < c->n_layers; l++) {
            ref_layer(&r, l, x);
            ref_patch(&r, l + 1, x);
        }
        ref_norm(&r, -1, GK_LNF, x, a);
        ref_linear(&r, -1, GK_HEAD, a, logits);
        for (int i = 0; i < VOCAB; i++) logits[i] = ref_cap(logits[i], c->final_softcap);
    }
    gk_free(r.k);
    gk_free(r.v);
}

/* The residual stream of one model alone on the job's tokens, as gk_alloc gives it. */
static double *ref_trace(const gk_cast *cast, const gk_job *job, int model) {
    const gk_config *c = gk_model_config(cast->model[0]);
    gk_arena *a = gk_arena_new();
    double *trace = gk_alloc((size_t)((c->n_layers + 1) * LONGEST * WIDEST) * sizeof *trace);
    double logits[VOCAB] = {0};
    gk_plan plan = gk_plan_single(a, c, job->n, model);
    gk_job plain = {job->token, job->n, &plan};
    ref_run((reference){.c = c, .cast = cast, .job = &plain, .trace = trace}, logits);
    gk_arena_free(a);
    return trace;
}

/* Logits [VOCAB] at the job's last token. */
static void define(const gk_cast *cast, const gk_job *job, double *logits) {
    reference r = {.c = gk_model_config(cast->model[0]), .cast = cast, .job = job};
    for (int m = 0; job->plan->patch && m < cast->n; m++) r.plain[m] = ref_trace(cast, job, m);
    ref_run(r, logits);
    for (int m = 0; m < cast->n; m++) gk_free(r.plain[m]);
}

#endif
