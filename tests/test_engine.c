/* test_engine.c: the grafting engine against the definition of the method, computed token by token.
 * modules: graft model tokenizer core */
#include "graft/graft.h"
#include "tests/definition.h"
#include "tests/scratch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_JOBS = 64 };

/* ---------------------------------------------------------------- models to graft */

static gk_config tiny(const char *family, int n_kv_heads) {
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
static gk_model *random_model(const gk_config *c, uint64_t seed) {
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

typedef struct bench {
    gk_config c;
    gk_cast cast;
    gk_model *own[4];
    gk_arena *a;
    gk_rng rng;
} bench;

static bench start_of(gk_config c, int n_models, uint64_t seed) {
    static const char *const names[] = {"pre", "sft", "task", "other"};
    bench b = {.c = c, .a = gk_arena_new(), .cast = {.n = n_models}};
    for (int i = 0; i < n_models; i++) {
        b.cast.model[i] = b.own[i] = random_model(&b.c, seed * 10 + (uint64_t)i);
        b.cast.name[i] = names[i];
    }
    gk_rng_seed(&b.rng, seed, "plans");
    return b;
}

static bench start(const char *family, int n_kv_heads, bool tied, int n_models, uint64_t seed) {
    gk_config c = tiny(family, n_kv_heads);
    c.tied = tied;
    return start_of(c, n_models, seed);
}

static void stop(bench *b) {
    for (int i = 0; i < b->cast.n; i++) gk_model_free(b->own[i]);
    gk_arena_free(b->a);
}

static int32_t *random_tokens(bench *b, int n, int vocab) {
    int32_t *t = gk_arena_alloc(b->a, (size_t)n * sizeof *t);
    for (int i = 0; i < n; i++) t[i] = (int32_t)gk_rng_below(&b->rng, (uint64_t)vocab);
    return t;
}

static gk_plan *single(bench *b, int n, int model) {
    gk_plan *p = gk_arena_alloc(b->a, sizeof *p);
    *p = gk_plan_single(b->a, &b->c, n, model);
    return p;
}

static gk_plan *random_plan(bench *b, int n) {
    gk_plan *p = single(b, n, 0);
    for (int i = 0; i < p->n_slots * n; i++)
        p->model[i] = (uint8_t)gk_rng_below(&b->rng, (uint64_t)b->cast.n);
    return p;
}

/* ---------------------------------------------------------------- running and comparing */

typedef struct results {
    float logits[MOST_JOBS][VOCAB];
    int calls[MOST_JOBS];
    size_t stop_after, n_calls;
    bool backwards; /* a call came for an earlier job than the call before it */
    size_t previous;
} results;

static bool keep(void *ctx, size_t job, const float *logits) {
    results *r = ctx;
    memcpy(r->logits[job], logits, sizeof r->logits[job]);
    r->calls[job]++;
    if (r->n_calls++ && job < r->previous) r->backwards = true;
    r->previous = job;
    return r->n_calls != r->stop_after;
}

static results *run(bench *b, const gk_job *jobs, size_t n, size_t budget, gk_graft_stats *stats) {
    results *r = gk_arena_alloc(b->a, sizeof *r);
    gk_error err;
    ck_assert_msg(gk_graft_run(&b->cast, jobs, n, budget, keep, r, stats, &err), "%s", err.what);
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(r->calls[i], 1);
    return r;
}

static void close_to(const float *a, const float *b, double tolerance) {
    double scale = 1, worst = 0;
    for (int i = 0; i < VOCAB; i++) {
        ck_assert(isfinite(a[i]));
        scale = fmax(scale, fabs((double)b[i]));
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    }
    ck_assert_msg(worst <= tolerance * scale, "difference %g at scale %g", worst, scale);
}

static bool differs(const float *a, const float *b) {
    double worst = 0;
    for (int i = 0; i < VOCAB; i++) worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    return worst > 1e-2;
}

static void reference_logits(const bench *b, const gk_job *job, float *out) {
    double logits[VOCAB] = {0};
    define(&b->cast, job, logits);
    for (int i = 0; i < VOCAB; i++) out[i] = (float)logits[i];
}

static void forward(const bench *b, int model, const gk_job *job, float *logits) {
    gk_error err;
    gk_session *s = gk_session_new(&b->c, LONGEST, false, &err);
    ck_assert_msg(s != NULL, "%s", err.what);
    int32_t ends[2] = {0, job->n}, row = job->n - 1;
    gk_batch batch = {.n_rows = job->n, .n_seqs = 1, .token = job->token, .seq_start = ends};
    ck_assert_msg(gk_forward(s, b->cast.model[model], &batch, &row, 1, logits, &err), "%s", err.what);
    gk_session_free(s);
}

/* ---------------------------------------------------------------- plans = the definition */

typedef struct kind {
    const char *family;
    int n_kv_heads;
    bool tied;
    int n_models;
    void (*change)(gk_config *c);
} kind;

static void scale_positions(gk_config *c) {
    c->rope_kind = GK_ROPE_LLAMA3;
    c->rope_theta = 20;
    c->rope_factor = 8;
    c->rope_low = 1;
    c->rope_high = 4;
    c->rope_original = 8;
}

static void stretch_positions(gk_config *c) {
    c->rope_kind = GK_ROPE_LINEAR;
    c->rope_factor = 3;
    c->qkv_bias = c->o_bias = c->mlp_bias = true;
}

static void one_after_the_other(gk_config *c) {
    c->parallel = false;
    c->act = GK_RELU;
}

static const kind KINDS[] = {
    {"llama", 4, false, 2, NULL},    {"llama", 2, false, 3, scale_positions},
    {"llama", 1, true, 4, NULL},     {"gpt2", 4, true, 2, NULL},
    {"gpt2", 4, false, 4, NULL},     {"llama", 2, true, 2, stretch_positions},
    {"gpt_neox", 4, false, 3, NULL}, {"gpt_neox", 4, true, 2, one_after_the_other},
    {"gemma", 1, true, 2, NULL},     {"gemma2", 2, true, 3, NULL},
    {"qwen2", 2, false, 2, NULL},    {"olmo2", 2, false, 3, NULL},
};
enum { N_KINDS = sizeof KINDS / sizeof *KINDS };

static bench start_kind(int i, uint64_t seed) {
    gk_config c = tiny(KINDS[i].family, KINDS[i].n_kv_heads);
    c.tied = KINDS[i].tied;
    if (KINDS[i].change) KINDS[i].change(&c);
    return start_of(c, KINDS[i].n_models, seed);
}

/* 40 plans of each kind; a few tokens only, and several plans a prompt, so that much is shared. */
START_TEST(random_plans) {
    bench b = start_kind(_i, 100 + (uint64_t)_i);
    gk_job jobs[40];
    float want[VOCAB];
    for (int i = 0; i < 40; i++) {
        int n = 1 + (int)gk_rng_below(&b.rng, LONGEST);
        bool again = i % 4 != 0;
        jobs[i] =
            (gk_job){again ? jobs[i - 1].token : random_tokens(&b, n, 5), again ? jobs[i - 1].n : n, NULL};
        jobs[i].plan = random_plan(&b, jobs[i].n);
    }
    results *r = run(&b, jobs, 40, 1 << 30, NULL);
    for (int i = 0; i < 40; i++) {
        reference_logits(&b, &jobs[i], want);
        close_to(r->logits[i], want, 1e-4);
    }
    stop(&b);
}
END_TEST

/* Plans that swap one (layer, component, token) only: each such slot must reach the logits exactly as
 * defined. */
START_TEST(single_slots) {
    bench b = start_kind(_i, 200 + (uint64_t)_i);
    const int n = 4;
    const int32_t *token = random_tokens(&b, n, VOCAB);
    float want[VOCAB], plain[VOCAB];
    gk_job base = {token, n, single(&b, n, 0)};
    reference_logits(&b, &base, plain);
    int changed = 0, slots = gk_plan_slots(&b.c);
    for (int s = 0; s < slots; s++) {
        gk_plan *plans[4];
        gk_job jobs[4];
        for (int t = 0; t < n; t++) {
            plans[t] = single(&b, n, 0);
            plans[t]->model[s * n + t] = 1;
            jobs[t] = (gk_job){token, n, plans[t]};
        }
        results *r = run(&b, jobs, 4, 1 << 30, NULL);
        for (int t = 0; t < n; t++) {
            reference_logits(&b, &jobs[t], want);
            close_to(r->logits[t], want, 1e-4);
            changed += differs(r->logits[t], plain);
        }
    }
    /* All but lnf, head and the last layer's components other than k and v at earlier tokens must matter. */
    int dead = (n - 1) * (6 + gk_config_has(&b.c, GK_GATE) + gk_config_has(&b.c, GK_LN2) +
                          gk_config_has(&b.c, GK_Q_NORM) + gk_config_has(&b.c, GK_LN1_POST) +
                          gk_config_has(&b.c, GK_LN2_POST));
    ck_assert_int_gt(changed, (slots * n - dead) * 8 / 10);
    ck_assert_int_le(changed, slots * n - dead);
    stop(&b);
}
END_TEST

/* ---------------------------------------------------------------- identities */

START_TEST(single_model_is_the_forward_pass) {
    bench b = start_kind(_i, 300 + (uint64_t)_i);
    gk_job jobs[24];
    float want[VOCAB];
    for (int i = 0; i < 24; i++) {
        int n = 1 + i % LONGEST;
        jobs[i] = (gk_job){random_tokens(&b, n, VOCAB), n, single(&b, n, i % b.cast.n)};
    }
    results *r = run(&b, jobs, 24, 1 << 30, NULL);
    for (int i = 0; i < 24; i++) {
        forward(&b, i % b.cast.n, &jobs[i], want);
        close_to(r->logits[i], want, 1e-5);
    }
    stop(&b);
}
END_TEST

START_TEST(equal_donor_changes_nothing) {
    bench b = start_kind(_i, 400 + (uint64_t)_i);
    gk_model *copy = gk_model_copy(b.own[0]), *donor = b.own[1];
    b.cast.model[1] = copy;
    b.cast.n = 2;
    gk_job jobs[8];
    for (int i = 0; i < 8; i += 2) {
        int n = 3 + i % 5;
        jobs[i] = (gk_job){random_tokens(&b, n, VOCAB), n, single(&b, n, 0)};
        jobs[i + 1] = (gk_job){jobs[i].token, n, random_plan(&b, n)};
    }
    gk_graft_stats stats = {0}, alone = {0};
    results *r = run(&b, jobs, 8, 1 << 30, &stats);
    for (int i = 0; i < 8; i += 2) ck_assert_mem_eq(r->logits[i], r->logits[i + 1], sizeof r->logits[i]);
    for (int i = 0; i < 4; i++) jobs[i] = jobs[2 * i];
    run(&b, jobs, 4, 1 << 30, &alone);
    ck_assert_uint_eq(stats.rows_unique, alone.rows_unique);
    /* And a donor that differs does change something. */
    b.cast.model[1] = donor;
    jobs[1] = (gk_job){jobs[0].token, jobs[0].n, single(&b, jobs[0].n, 1)};
    r = run(&b, jobs, 2, 1 << 30, NULL);
    ck_assert(differs(r->logits[0], r->logits[1]));
    gk_model_free(copy);
    b.cast.n = KINDS[_i].n_models;
    stop(&b);
}
END_TEST

/* Same jobs: one chunk, a chunk a job, reversed, and alone. */
START_TEST(chunks_and_company_do_not_matter) {
    bench b = start_kind(_i, 500 + (uint64_t)_i);
    enum { N = 30 };
    gk_job jobs[N], reversed[N];
    for (int i = 0; i < N; i++) {
        int n = 2 + i % 7;
        const int32_t *token = i >= 7 ? jobs[i - 7].token : random_tokens(&b, n, 4);
        jobs[i] = (gk_job){token, n, random_plan(&b, n)};
        reversed[N - 1 - i] = jobs[i];
    }
    gk_graft_stats one = {0}, many = {0};
    results *huge = run(&b, jobs, N, (size_t)1 << 34, &one), *tiny_budget = run(&b, jobs, N, 1, &many);
    results *back = run(&b, reversed, N, 100000, NULL);
    ck_assert(!huge->backwards); /* one chunk: in the caller's order */
    ck_assert_uint_eq(one.rows_naive, many.rows_naive);
    ck_assert_uint_le(one.rows_unique, many.rows_unique);
    ck_assert_uint_lt(many.peak_bytes, one.peak_bytes);
    for (int i = 0; i < N; i++) {
        close_to(tiny_budget->logits[i], huge->logits[i], 1e-5);
        close_to(back->logits[N - 1 - i], huge->logits[i], 1e-5);
        close_to(run(&b, &jobs[i], 1, 1 << 20, NULL)->logits[0], huge->logits[i], 1e-5);
    }
    stop(&b);
}
END_TEST

/* ---------------------------------------------------------------- sharing, counted by hand */

/* Three layers, gated: 13 rows a token and layer (ln1 q k v attend o add ln2 gate up act down add); the last
 * layer has ln1 k v at every token and the other 10 at the last; embed, lnf and head besides. */
START_TEST(sharing_is_exact) {
    bench b = start("llama", 4, false, 2, 7);
    const int32_t token[4] = {1, 2, 3, 4};
    const int n = 4, alone = 4 * 1 + 2 * 4 * 13 + 4 * 3 + 10 + 2;
    gk_plan *pre = single(&b, n, 0), *lt = single(&b, n, 0), *o_up = single(&b, n, 0);
    for (int s = 0; s < gk_plan_slots(&b.c); s++)
        if (s != gk_plan_slot(&b.c, -1, GK_LNF) && s != gk_plan_slot(&b.c, -1, GK_HEAD))
            lt->model[s * n + 3] = 1;
    o_up->model[gk_plan_slot(&b.c, 1, GK_UP) * n + 3] = 1;
    gk_job jobs[] = {{token, n, pre}, {token, n, pre}, {token, n, lt}, {token, n, o_up}};
    gk_graft_stats s = {0};

    run(&b, jobs, 1, 1 << 30, &s);
    ck_assert_uint_eq(s.rows_naive, (uint64_t)alone);
    ck_assert_uint_eq(s.rows_unique, (uint64_t)alone);

    s = (gk_graft_stats){0};
    results *r = run(&b, jobs, 2, 1 << 30, &s); /* the same job twice costs nothing */
    ck_assert_uint_eq(s.rows_naive, 2 * (uint64_t)alone);
    ck_assert_uint_eq(s.rows_unique, (uint64_t)alone);
    ck_assert_mem_eq(r->logits[0], r->logits[1], sizeof r->logits[0]);

    s = (gk_graft_stats){0};
    run(&b, jobs + 1, 2, 1 << 30, &s); /* the last token anew: embed, 3 x 13, lnf, head */
    ck_assert_uint_eq(s.rows_unique, (uint64_t)(alone + 1 + 3 * 13 + 2));

    s = (gk_graft_stats){
        0}; /* `up` of layer 1 at the last token: up act down add there, then a layer, lnf, head */
    jobs[2] = jobs[3];
    run(&b, jobs + 1, 2, 1 << 30, &s);
    ck_assert_uint_eq(s.rows_unique, (uint64_t)(alone + 4 + 13 + 2));
    stop(&b);
}
END_TEST

/* The same token at two positions shares its embedding, ln1 and v of layer 0; rotated q and k, and all after,
 * differ. */
START_TEST(positions_are_told_apart) {
    bench b = start("llama", 2, false, 2, 8);
    const int32_t token[3] = {5, 5, 5};
    gk_job job = {token, 3, single(&b, 3, 0)};
    gk_graft_stats s = {0};
    float want[VOCAB];
    results *r = run(&b, &job, 1, 1 << 30, &s);
    ck_assert_uint_eq(s.rows_naive - s.rows_unique, 2 * 3);
    reference_logits(&b, &job, want);
    close_to(r->logits[0], want, 1e-4);
    stop(&b);
}
END_TEST

START_TEST(frozen_weights_are_shared) {
    bench b = start("gpt2", 4, false, 2, 9);
    gk_model *copy = gk_model_copy(b.own[0]);
    const gk_param *list;
    size_t n = gk_model_params(copy, &list);
    for (size_t i = 0; i < n; i++)
        if (list[i].comp == GK_DOWN && list[i].layer == 2 && !list[i].bias)
            gk_model_data(copy)[list[i].offset] += 1;
    const gk_model *other = b.cast.model[1];
    b.cast.model[1] = copy;
    const int32_t token[3] = {1, 2, 3};
    gk_job jobs[2] = {{token, 3, single(&b, 3, 0)}, {token, 3, single(&b, 3, 1)}};
    gk_graft_stats s = {0}, alone = {0};
    results *r = run(&b, jobs, 2, 1 << 30, &s);
    run(&b, jobs, 1, 1 << 30, &alone);
    /* Only the last layer's down differs: down, add, lnf, head are anew. */
    ck_assert_uint_eq(s.rows_unique, alone.rows_unique + 4);
    ck_assert(memcmp(r->logits[0], r->logits[1], sizeof r->logits[0]) != 0);
    b.cast.model[1] = other;
    gk_model_free(copy);
    stop(&b);
}
END_TEST

/* ---------------------------------------------------------------- bad input */

static void fails(const bench *b, const gk_job *job, const char *words) {
    results *r = gk_alloc(sizeof *r);
    gk_error err = {0};
    ck_assert(!gk_graft_run(&b->cast, job, 1, 1 << 20, keep, r, NULL, &err));
    ck_assert_msg(strstr(err.what, words) != NULL, "'%s' in '%s'", words, err.what);
    ck_assert_uint_eq(r->n_calls, 0);
    gk_free(r);
}

START_TEST(bad_jobs) {
    bench b = start("llama", 4, false, 2, 10);
    int32_t token[20] = {1, 2, 3};
    gk_plan *p = single(&b, 3, 0);
    fails(&b, &(gk_job){token, 0, p}, "0 tokens");
    fails(&b, &(gk_job){token, 17, p}, "17 tokens");
    fails(&b, &(gk_job){token, 2, p}, "3 tokens");
    fails(&b, &(gk_job){token, 3, NULL}, "its plan");
    p->model[4] = 2;
    fails(&b, &(gk_job){token, 3, p}, "model 2 of a cast of 2");
    p->model[4] = 0;
    token[1] = VOCAB;
    fails(&b, &(gk_job){token, 3, p}, "token 37 at position 1");
    token[1] = -1;
    fails(&b, &(gk_job){token, 3, p}, "token -1 at position 1");
    p->n_slots--;
    fails(&b, &(gk_job){token, 3, p}, "outside the vocabulary");
    token[1] = 0;
    fails(&b, &(gk_job){token, 3, p}, "slots");
    stop(&b);
}
END_TEST

START_TEST(no_jobs_and_stopping) {
    bench b = start("llama", 4, false, 2, 11);
    gk_job jobs[5];
    for (int i = 0; i < 5; i++) jobs[i] = (gk_job){random_tokens(&b, 4, VOCAB), 4, single(&b, 4, 0)};
    results *r = gk_alloc(sizeof *r);
    gk_error err = {.what = "as the callback left it"};
    ck_assert(gk_graft_run(&b.cast, NULL, 0, 1 << 20, keep, r, NULL, &err));
    r->stop_after = 3;
    ck_assert(!gk_graft_run(&b.cast, jobs, 5, 1, keep, r, NULL, &err));
    ck_assert_uint_eq(r->n_calls, 3);
    ck_assert_str_eq(err.what, "as the callback left it");
    gk_free(r);
    stop(&b);
}
END_TEST

START_TEST(bad_casts) {
    bench b = start("llama", 4, false, 2, 12);
    gk_error err;
    gk_cast cast = b.cast;
    ck_assert(gk_cast_check(&cast, &err));
    cast.name[1] = "pre";
    ck_assert(!gk_cast_check(&cast, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "both named 'pre'"));
    cast.name[1] = "recipient";
    ck_assert(!gk_cast_check(&cast, &err));
    cast = b.cast;
    gk_config c = b.c;
    c.d_ffn = 22;
    gk_model *wide = random_model(&c, 1);
    cast.model[1] = wide;
    ck_assert(!gk_cast_check(&cast, &err));
    char want[128];
    snprintf(want, sizeof want, "models 'pre' and 'sft' differ in intermediate_size: %d and 22", b.c.d_ffn);
    ck_assert_str_eq(err.what, want);
    cast.n = 0;
    ck_assert(!gk_cast_check(&cast, &err));
    cast.n = GK_MAX_MODELS + 1;
    ck_assert(!gk_cast_check(&cast, &err));
    gk_model_free(wide);
    stop(&b);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("engine");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, random_plans, 0, N_KINDS);
    tcase_add_loop_test(t, single_slots, 0, N_KINDS);
    tcase_add_loop_test(t, single_model_is_the_forward_pass, 0, N_KINDS);
    tcase_add_loop_test(t, equal_donor_changes_nothing, 0, N_KINDS);
    tcase_add_loop_test(t, chunks_and_company_do_not_matter, 0, N_KINDS);
    tcase_add_test(t, sharing_is_exact);
    tcase_add_test(t, positions_are_told_apart);
    tcase_add_test(t, frozen_weights_are_shared);
    tcase_add_test(t, bad_jobs);
    tcase_add_test(t, no_jobs_and_stopping);
    tcase_add_test(t, bad_casts);
    Suite *s = suite_create("engine");
    suite_add_tcase(s, t);
    return run_suite(s);
}
