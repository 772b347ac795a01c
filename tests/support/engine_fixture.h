/* engine_fixture.h: tiny random models of every family to graft, random plans, and running jobs on them. */
#ifndef GK_TESTS_ENGINE_FIXTURE_H
#define GK_TESTS_ENGINE_FIXTURE_H

#include "graftkit/core/error.h"
#include "graftkit/core/random.h"
#include "graftkit/model/session.h"
#include "tests/support/definition.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <string.h>

enum { MOST_JOBS = 64 };

/* ---------------------------------------------------------------- models to graft */

static inline gk_config tiny(const char *family, int n_kv_heads) {
    gk_config c;
    gk_config_default(gk_family_find(family), VOCAB, &c);
    c.d_model = 24;
    c.n_layers = 3;
    c.n_heads = 4;
    c.n_kv_heads = n_kv_heads;
    c.head_dim = 6;
    c.d_ffn = 20;
    c.max_positions = 16;
    if (c.rotary_dim) c.rotary_dim = 4;
    if (c.embed_scale != 1) c.embed_scale = sqrtf(24);
    if (c.post_norm && c.pre_norm) { /* gemma2 */
        c.window = 3;
        c.query_scale = 10;
        c.attn_softcap = 2;
        c.final_softcap = 5;
    }
    return c;
}

/* Every array drawn large enough (biases and norms too) that each slot's weights show in the logits. */
static inline gk_model *random_model(const gk_config *c, uint64_t seed) {
    gk_error err;
    gk_model *m = gk_model_new(c, seed, &err);
    ck_assert_msg(m != NULL, "%s", err.what);
    gk_rng r;
    gk_rng_seed(&r, seed, "weights");
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    for (size_t i = 0; i < n; i++) {
        bool norm = gk_component_is_norm(list[i].comp);
        double mean = norm && !list[i].bias && !c->norm_offset ? 1 : 0;
        double scale = list[i].bias || norm                                 ? 0.2
                       : list[i].comp == GK_EMBED || list[i].comp == GK_POS ? 1
                                                                            : 1 / sqrt(list[i].in);
        float *w = gk_model_data(m) + list[i].offset;
        for (size_t j = 0; j < list[i].count; j++) w[j] = (float)(mean + scale * gk_rng_normal(&r));
    }
    return m;
}

/* A copy whose last layer's down is another, in weights and bias. */
static inline gk_model *with_other_down(const gk_model *m) {
    gk_model *copy = gk_model_copy(m);
    const gk_param *list;
    size_t n = gk_model_params(copy, &list);
    for (size_t i = 0; i < n; i++)
        if (list[i].comp == GK_DOWN && list[i].layer == 2)
            gk_model_data(copy)[list[i].offset + (list[i].bias ? 1 : 0)] += 1;
    return copy;
}

typedef struct bench {
    gk_config c;
    gk_cast cast;
    gk_model *own[4];
    gk_arena *a;
    gk_rng rng;
} bench;

static inline bench start_of(gk_config c, int n_models, uint64_t seed) {
    static const char *const names[] = {"pre", "sft", "task", "other"};
    bench b = {.c = c, .a = gk_arena_new(), .cast = {.n = n_models}};
    for (int i = 0; i < n_models; i++) {
        b.cast.model[i] = b.own[i] = random_model(&b.c, seed * 10 + (uint64_t)i);
        b.cast.name[i] = names[i];
    }
    gk_rng_seed(&b.rng, seed, "plans");
    return b;
}

static inline bench start(const char *family, int n_kv_heads, bool tied, int n_models, uint64_t seed) {
    gk_config c = tiny(family, n_kv_heads);
    c.tied = tied;
    return start_of(c, n_models, seed);
}

static inline void stop(bench *b) {
    for (int i = 0; i < b->cast.n; i++) gk_model_free(b->own[i]);
    gk_arena_free(b->a);
}

static inline int32_t *random_tokens(bench *b, int n, int vocab) {
    int32_t *t = gk_arena_alloc(b->a, (size_t)n * sizeof *t);
    for (int i = 0; i < n; i++) t[i] = (int32_t)gk_rng_below(&b->rng, (uint64_t)vocab);
    return t;
}

/* The tokens of the job before, or some anew; no plan yet. */
static inline gk_job next_job(bench *b, const gk_job *before, int vocab) {
    int n = 1 + (int)gk_rng_below(&b->rng, LONGEST);
    return before ? (gk_job){before->token, before->n, NULL} : (gk_job){random_tokens(b, n, vocab), n, NULL};
}

static inline gk_plan *single(bench *b, int n, int model) {
    gk_plan *p = gk_arena_alloc(b->a, sizeof *p);
    *p = gk_plan_single(b->a, &b->c, n, model);
    return p;
}

static inline gk_plan *random_plan(bench *b, int n) {
    gk_plan *p = single(b, n, 0);
    for (int i = 0; i < p->n_slots * n; i++)
        p->model[i] = (uint8_t)gk_rng_below(&b->rng, (uint64_t)b->cast.n);
    return p;
}

/* One model at a run of slots and a run of tokens, the first model elsewhere. */
static inline gk_plan *block_plan(bench *b, int n) {
    gk_plan *p = single(b, n, 0);
    int s = (int)gk_rng_below(&b->rng, (uint64_t)p->n_slots), t = (int)gk_rng_below(&b->rng, (uint64_t)n);
    int slots = 1 + (int)gk_rng_below(&b->rng, (uint64_t)(p->n_slots - s));
    int tokens = 1 + (int)gk_rng_below(&b->rng, (uint64_t)(n - t));
    uint8_t donor = (uint8_t)gk_rng_below(&b->rng, (uint64_t)b->cast.n);
    for (int i = s; i < s + slots; i++) memset(p->model + i * n + t, donor, (size_t)tokens);
    return p;
}

/* ---------------------------------------------------------------- running and comparing */

typedef struct results {
    float logits[MOST_JOBS][VOCAB];
    int calls[MOST_JOBS];
    size_t stop_after, n_calls;
} results;

static inline bool keep(void *ctx, size_t job, const float *logits) {
    results *r = ctx;
    memcpy(r->logits[job], logits, sizeof r->logits[job]);
    r->calls[job]++;
    r->n_calls++;
    return r->n_calls != r->stop_after;
}

static inline results *run(bench *b, const gk_job *jobs, size_t n, size_t budget, gk_graft_stats *stats) {
    results *r = gk_arena_alloc(b->a, sizeof *r);
    gk_error err;
    ck_assert_msg(gk_graft_run(&b->cast, jobs, n, budget, keep, r, stats, &err), "%s", err.what);
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(r->calls[i], 1);
    return r;
}

static inline void close_to(const float *a, const float *b, double tolerance) {
    double scale = 1, worst = 0;
    for (int i = 0; i < VOCAB; i++) {
        ck_assert(isfinite(a[i]));
        scale = fmax(scale, fabs((double)b[i]));
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    }
    ck_assert_msg(worst <= tolerance * scale, "difference %g at scale %g", worst, scale);
}

static inline bool differs(const float *a, const float *b) {
    double worst = 0;
    for (int i = 0; i < VOCAB; i++) worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    return worst > 1e-2;
}

static inline void reference_logits(const bench *b, const gk_job *job, float *out) {
    double logits[VOCAB] = {0};
    define(&b->cast, job, logits);
    for (int i = 0; i < VOCAB; i++) out[i] = (float)logits[i];
}

static inline void assert_defined(const bench *b, const gk_job *jobs, const results *r, int n) {
    float want[VOCAB];
    for (int i = 0; i < n; i++) {
        reference_logits(b, &jobs[i], want);
        close_to(r->logits[i], want, 1e-4);
    }
}

/* Jobs 2i and 2i + 1 are one to the engine: the same bits, and no more rows than one alone. */
static inline void assert_pairs_are_one(bench *b, const gk_job *jobs, int n) {
    gk_job one[MOST_JOBS];
    gk_graft_stats both = {0}, alone = {0};
    results *r = run(b, jobs, (size_t)n, 1 << 30, &both);
    for (int i = 0; i < n; i += 2) {
        ck_assert_mem_eq(r->logits[i], r->logits[i + 1], sizeof r->logits[i]);
        one[i / 2] = jobs[i];
    }
    run(b, one, (size_t)(n / 2), 1 << 30, &alone);
    ck_assert_uint_eq(both.rows_unique, alone.rows_unique);
}

/* One chunk, a chunk a job, reversed, and alone. */
static inline void assert_chunks_do_not_matter(bench *b, const gk_job *jobs, int n) {
    gk_job reversed[MOST_JOBS];
    for (int i = 0; i < n; i++) reversed[n - 1 - i] = jobs[i];
    gk_graft_stats one = {0}, many = {0};
    results *huge = run(b, jobs, (size_t)n, (size_t)1 << 34, &one);
    results *tiny_budget = run(b, jobs, (size_t)n, 1, &many);
    results *back = run(b, reversed, (size_t)n, 100000, NULL);
    ck_assert_uint_eq(one.rows_naive, many.rows_naive);
    ck_assert_uint_le(one.rows_unique, many.rows_unique);
    ck_assert_uint_lt(many.peak_bytes, one.peak_bytes);
    for (int i = 0; i < n; i++) {
        close_to(tiny_budget->logits[i], huge->logits[i], 1e-5);
        close_to(back->logits[n - 1 - i], huge->logits[i], 1e-5);
        close_to(run(b, &jobs[i], 1, 1 << 20, NULL)->logits[0], huge->logits[i], 1e-5);
    }
}

/* Refused before anything is computed. */
static inline void assert_refused(const bench *b, const gk_job *job, const char *words) {
    results *r = gk_alloc(sizeof *r);
    gk_error err = {0};
    ck_assert(!gk_graft_run(&b->cast, job, 1, 1 << 20, keep, r, NULL, &err));
    ck_assert_msg(strstr(err.what, words) != NULL, "'%s' in '%s'", words, err.what);
    ck_assert_uint_eq(r->n_calls, 0);
    gk_free(r);
}

static inline void forward(const bench *b, int model, const gk_job *job, float *logits) {
    gk_error err;
    gk_session *s = gk_session_new(&b->c, LONGEST, false, &err);
    ck_assert_msg(s != NULL, "%s", err.what);
    int32_t ends[2] = {0, job->n}, row = job->n - 1;
    gk_batch batch = {.n_rows = job->n, .n_seqs = 1, .token = job->token, .seq_start = ends};
    ck_assert_msg(gk_forward(s, b->cast.model[model], &batch, &row, 1, logits, &err), "%s", err.what);
    gk_session_free(s);
}

/* ---------------------------------------------------------------- a kind of model for every family */

typedef struct kind {
    const char *family;
    int n_kv_heads;
    bool tied;
    int n_models;
    void (*change)(gk_config *c);
} kind;

static inline void scale_positions(gk_config *c) {
    c->rotary.kind = GK_ROPE_LLAMA3;
    c->rotary.theta = 20;
    c->rotary.factor = 8;
    c->rotary.low = 1;
    c->rotary.high = 4;
    c->rotary.original = 8;
}

static inline void stretch_positions(gk_config *c) {
    c->rotary.kind = GK_ROPE_LINEAR;
    c->rotary.factor = 3;
    c->qkv_bias = c->o_bias = c->mlp_bias = true;
}

static inline void one_after_the_other(gk_config *c) {
    c->parallel = false;
    c->act = GK_RELU;
}

/* A window of three rows, in some layers. */
static inline void windows(gk_config *c) {
    c->window = 3;
    gk_layer_put(&c->windowed, 1, true);
}

static inline void two_rotations(gk_config *c) {
    windows(c);
    scale_positions(c);
    c->rotary_window.theta = 50;
    c->attn_softcap = 0; /* which no file of its family can say */
}

static inline void only_windows_rotated(gk_config *c) {
    windows(c);
    gk_layer_put(&c->windowed, 2, false);
    gk_layer_put(&c->unrotated, 2, true);
}

static inline void scores_by_layer(gk_config *c) {
    c->scores_by_layer = true;
}

static const kind KINDS[] = {
    {"llama", 4, false, 2, NULL},
    {"llama", 2, false, 3, scale_positions},
    {"llama", 1, true, 4, NULL},
    {"gpt2", 4, true, 2, NULL},
    {"gpt2", 4, false, 4, NULL},
    {"llama", 2, true, 2, stretch_positions},
    {"gpt_neox", 4, false, 3, NULL},
    {"gpt_neox", 4, true, 2, one_after_the_other},
    {"gemma", 1, true, 2, NULL},
    {"gemma2", 2, true, 3, NULL},
    {"qwen2", 2, false, 2, NULL},
    {"olmo2", 2, false, 3, NULL},
    {"qwen3", 2, false, 2, NULL},
    {"gemma3_text", 2, true, 3, two_rotations},
    {"exaone4", 2, false, 2, only_windows_rotated},
    {"smollm3", 2, true, 2, NULL},
    {"gpt_neo", 4, true, 2, windows},
    {"gpt2", 4, true, 2, scores_by_layer},
    {"mistral", 2, false, 2, windows},
};
enum { N_KINDS = sizeof KINDS / sizeof *KINDS };

static inline bench start_kind(int i, uint64_t seed) {
    gk_config c = tiny(KINDS[i].family, KINDS[i].n_kv_heads);
    c.tied = KINDS[i].tied;
    if (KINDS[i].change) KINDS[i].change(&c);
    return start_of(c, KINDS[i].n_models, seed);
}

#endif
