/* test_generation.c: text that grows behind grafted prompts, whose keys and values are kept, against the same
 * begun anew for each token: what a scheme does at a prompt's last token goes on (gk_plan_extend), and that
 * token itself stays as it was.
 * modules: graft model tokenizer core */
#define DEFINITION_VOCAB 37
#define DEFINITION_LONGEST 16
#include "graftkit/core/threads.h"
#include "graftkit/graft/derive.h"
#include "tests/support/engine_fixture.h"

enum { N_JOBS = 40, MOST = 6, LONGEST_PROMPT = 8 };

/* ---------------------------------------------------------------- growing, and beginning anew */

typedef struct growth {
    const gk_job *jobs;
    int32_t token[N_JOBS][LONGEST + MOST]; /* of a job: its own and those behind */
    float logits[N_JOBS][1 + MOST][VOCAB];
    int calls[N_JOBS], asked[N_JOBS];
    int32_t only; /* what comes behind, whatever is most probable; -1: that */
} growth;

static int32_t most_probable(const float *x) {
    int32_t best = 0;
    for (int i = 1; i < VOCAB; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

static bool keep_logits(void *ctx, size_t job, const float *logits) {
    growth *g = ctx;
    ck_assert_int_le(g->calls[job], MOST);
    memcpy(g->logits[job][g->calls[job]++], logits, sizeof g->logits[job][0]);
    return true;
}

/* Texts end after 1 to MOST tokens. */
static int32_t most_probable_next(void *ctx, size_t job) {
    growth *g = ctx;
    int said = g->asked[job]++;
    ck_assert_int_eq(g->calls[job], said + 1);
    if (said > 0 && said >= (int)(job % MOST) + 1) return -1;
    int32_t token = g->only >= 0 ? g->only : most_probable(g->logits[job][said]);
    g->token[job][g->jobs[job].n + said] = token;
    return token;
}

static growth *grow(const bench *b, const gk_job *jobs, size_t n, const size_t *group, size_t budget,
                    gk_graft_stats *stats) {
    growth *g = gk_arena_alloc(b->a, sizeof *g);
    gk_error err;
    gk_generation text = {.most = MOST, .group = group, .next = most_probable_next};
    g->jobs = jobs;
    g->only = -1;
    for (size_t i = 0; i < n; i++) memcpy(g->token[i], jobs[i].token, (size_t)jobs[i].n * sizeof(int32_t));
    gk_grafter *grafter = gk_grafter_new(&b->cast, &err);
    bool ok = gk_grafter_generate(grafter, jobs, n, &text, budget, keep_logits, g, stats, &err);
    ck_assert_msg(ok, "%s", err.what);
    gk_grafter_free(grafter);
    return g;
}

static gk_job longer(const bench *b, const growth *g, size_t job, int more) {
    gk_plan *plan = gk_arena_alloc(b->a, sizeof *plan);
    *plan = gk_plan_extend(b->a, g->jobs[job].plan, more);
    return (gk_job){g->token[job], g->jobs[job].n + more, plan};
}

static void assert_same(bench *b, const float *kept, const float *anew, const gk_job *defined) {
    float want[VOCAB];
    int32_t taken = most_probable(kept), best = most_probable(anew);
    close_to(kept, anew, 1e-5);
    ck_assert(best == taken || anew[best] - anew[taken] < 1e-5F);
    if (!defined) return;
    reference_logits(b, defined, want);
    close_to(kept, want, 1e-4);
}

/* Every prediction of every text, and the token that was taken; some of them against the definition too.
 * Returns how many. */
static int assert_begun_anew(bench *b, const growth *g, size_t n, bool define_too) {
    int predictions = 0;
    for (int k = 0; k <= MOST; k++) {
        gk_job jobs[N_JOBS];
        size_t of[N_JOBS], left = 0;
        for (size_t i = 0; i < n; i++) {
            if (k >= g->calls[i]) continue;
            jobs[left] = longer(b, g, i, k);
            of[left++] = i;
        }
        if (left == 0) break;
        const results *anew = run(b, jobs, left, 1 << 30, NULL);
        for (size_t j = 0; j < left; j++) {
            bool define = define_too && (of[j] + (size_t)k) % 4 == 0;
            assert_same(b, g->logits[of[j]][k], anew->logits[j], define ? &jobs[j] : NULL);
        }
        predictions += (int)left;
    }
    return predictions;
}

/* ---------------------------------------------------------------- jobs of every kind */

static void patch_some(bench *b, gk_plan *p, bool means) {
    p->n_patches = b->c.n_layers + 1;
    p->patch = gk_arena_alloc(b->a, (size_t)p->n_patches * (size_t)p->n_tokens);
    for (int i = 0; i < p->n_patches * p->n_tokens; i++) {
        int m = (int)gk_rng_below(&b->rng, (uint64_t)b->cast.n);
        if (gk_rng_below(&b->rng, 5) == 0)
            p->patch[i] = means && gk_rng_below(&b->rng, 2) ? gk_patch_mean(m) : gk_patch_plain(m);
    }
}

/* Three in four share their tokens with the one before, as the schemes of a prompt do. */
static void make_jobs(bench *b, gk_job *jobs, int n_jobs, bool patches, bool means) {
    for (int i = 0; i < n_jobs; i++) {
        int n = 1 + (int)gk_rng_below(&b->rng, LONGEST_PROMPT);
        jobs[i] = i % 4 ? jobs[i - 1] : (gk_job){random_tokens(b, n, 5), n, NULL};
        gk_plan *p = i % 3 == 0   ? random_plan(b, jobs[i].n)
                     : i % 3 == 1 ? block_plan(b, jobs[i].n)
                                  : single(b, jobs[i].n, i / 3 % b->cast.n);
        if (patches && i % 5 != 4) patch_some(b, p, means);
        jobs[i].plan = p;
    }
}

static void add_means(bench *b) {
    gk_graft_text text[2] = {{random_tokens(b, 5, 5), 5}, {random_tokens(b, 3, 5), 3}};
    for (int m = 0; m < b->cast.n; m++) {
        float *mean = gk_arena_alloc(b->a, (size_t)((b->c.n_layers + 1) * b->c.d_model) * sizeof *mean);
        ck_assert(gk_graft_means(&b->cast, m, text, 2, mean, NULL, NULL));
        b->cast.mean[m] = mean;
    }
}

/* ---------------------------------------------------------------- tests */

START_TEST(grafts_go_on_as_begun_anew) {
    bench b = start_kind(_i, 2100 + (uint64_t)_i);
    gk_job jobs[N_JOBS];
    make_jobs(&b, jobs, N_JOBS, false, false);
    growth *g = grow(&b, jobs, N_JOBS, NULL, (size_t)1 << 30, NULL);
    ck_assert_int_gt(assert_begun_anew(&b, g, N_JOBS, true), 3 * N_JOBS);
    /* A chunk a job, and chunks a thread. */
    growth *alone = grow(&b, jobs, N_JOBS, NULL, 1, NULL);
    growth *threads = grow(&b, jobs, N_JOBS, NULL, (size_t)8 << 20, NULL);
    for (int i = 0; i < N_JOBS; i++)
        for (int k = 0; k < g->calls[i]; k++) {
            close_to(alone->logits[i][k], g->logits[i][k], 1e-5);
            close_to(threads->logits[i][k], g->logits[i][k], 1e-5);
        }
    stop(&b);
}
END_TEST

START_TEST(patches_and_means_go_on_as_begun_anew) {
    bench b = start_kind(_i, 2200 + (uint64_t)_i);
    gk_job jobs[N_JOBS];
    add_means(&b);
    make_jobs(&b, jobs, N_JOBS, true, _i % 2 == 0);
    assert_begun_anew(&b, grow(&b, jobs, N_JOBS, NULL, (size_t)1 << 30, NULL), N_JOBS, true);
    assert_begun_anew(&b, grow(&b, jobs, N_JOBS, NULL, 100000, NULL), N_JOBS, false);
    stop(&b);
}
END_TEST

START_TEST(derived_donors_go_on_as_begun_anew) {
    static const gk_derivation kinds[] = {{.kind = GK_DERIVE_RANK, .rank = 3},
                                          {.kind = GK_DERIVE_TOP, .value = 0.1},
                                          {.kind = GK_DERIVE_ALPHA, .value = 0.5}};
    bench b = start_kind(_i, 2300 + (uint64_t)_i);
    gk_job jobs[N_JOBS];
    int checkpoints = b.cast.n;
    gk_error err;
    gk_factors *f = gk_factors_make(b.own[0], b.own[1], &(gk_factors_opts){.rank = 3}, &err);
    gk_derived *d[3];
    for (int i = 0; i < 3; i++) {
        int m = b.cast.n++;
        d[i] = gk_derive(b.own[0], b.own[1], &kinds[i], f, &err);
        ck_assert_ptr_nonnull(d[i]);
        b.cast.name[m] = gk_derive_name(kinds[i].kind);
        b.cast.model[m] = b.own[1];
        b.cast.derived[m] = d[i];
    }
    make_jobs(&b, jobs, N_JOBS, true, false);
    assert_begun_anew(&b, grow(&b, jobs, N_JOBS, NULL, (size_t)1 << 30, NULL), N_JOBS, false);
    b.cast.n = checkpoints;
    for (int i = 0; i < 3; i++) gk_derived_free(d[i]);
    gk_factors_free(f);
    stop(&b);
}
END_TEST

/* A group has a prompt and two longer beginnings of one text, as the targets of a sweep have; what grows
 * behind the first can be what the others have already. */
START_TEST(beginnings_of_one_text_are_computed_once) {
    enum { EACH = 3, GROUPS = 12, N = EACH * GROUPS };
    bench b = start_kind(_i, 2400 + (uint64_t)_i);
    gk_job jobs[N], prompts[GROUPS];
    size_t group[N];
    make_jobs(&b, prompts, GROUPS, _i % 2, false);
    growth *g = grow(&b, prompts, GROUPS, NULL, (size_t)1 << 30, NULL);
    for (int i = 0; i < N; i++) {
        int32_t *token = g->token[i / EACH];
        if (i % EACH == 2) token[prompts[i / EACH].n + 1] = 7; /* another way behind the same token */
        jobs[i] = longer(&b, g, (size_t)(i / EACH), i % EACH);
        int32_t *own = gk_arena_alloc(b.a, (size_t)jobs[i].n * sizeof *own);
        memcpy(own, token, (size_t)jobs[i].n * sizeof *own);
        jobs[i].token = own;
        group[i] = 100 + (size_t)(i / EACH);
    }
    gk_graft_stats one = {0}, many = {0};
    assert_begun_anew(&b, grow(&b, jobs, N, group, (size_t)1 << 30, &one), N, false);
    gk_threads_set(1);
    assert_begun_anew(&b, grow(&b, jobs, N, group, 1, &many), N, false);
    gk_threads_set(0);
    ck_assert_uint_eq(one.rows_naive, many.rows_naive);
    ck_assert_uint_lt(many.rows_unique, many.rows_naive); /* a chunk has a whole group */
    stop(&b);
}
END_TEST

START_TEST(only_new_tokens_are_computed) {
    bench b = start_kind(_i, 2500 + (uint64_t)_i);
    gk_graft_stats s = {0};
    enum { N = 5, EACH = 2 };
    gk_job job[EACH] = {{random_tokens(&b, N, VOCAB), N, single(&b, N, 0)},
                        {random_tokens(&b, N, VOCAB), N, single(&b, N, 0)}};
    grow(&b, job, EACH, NULL, (size_t)1 << 30, &s); /* one and two tokens */
    uint64_t passes = gk_graft_rows(&b.c, N + 1, 2) + gk_graft_rows(&b.c, N + 2, 3);
    ck_assert_uint_eq(s.rows_naive, passes);
    ck_assert_uint_le(s.rows_unique, passes);
    stop(&b);
}
END_TEST

/* As the count has it: the same token behind the first job of each group. */
static int32_t nought(void *ctx, size_t job) {
    (void)ctx;
    return job % 2 ? -1 : 0;
}

static bool ignore(void *ctx, size_t job, const float *logits) {
    (void)ctx;
    (void)job;
    (void)logits;
    return true;
}

START_TEST(counting_is_exact_and_memory_within_its_budget) {
    bench b = start_kind(_i, 2600 + (uint64_t)_i);
    gk_job jobs[N_JOBS];
    size_t group[N_JOBS];
    gk_error err;
    gk_graft_stats counted = {0}, real = {0}, chunked = {0};
    make_jobs(&b, jobs, N_JOBS, _i % 3 == 0, false);
    for (int i = 0; i < N_JOBS; i++) group[i] = (size_t)i / 2;
    gk_generation text = {.most = MOST, .group = group, .next = nought};
    gk_grafter *g = gk_grafter_new(&b.cast, &err);
    gk_threads_set(1);
    ck_assert(gk_grafter_count(g, jobs, N_JOBS, &text, &counted, &err));
    ck_assert(gk_grafter_generate(g, jobs, N_JOBS, &text, 300000, ignore, NULL, &chunked, &err));
    ck_assert(gk_grafter_generate(g, jobs, N_JOBS, &text, (size_t)1 << 32, ignore, NULL, &real, &err));
    gk_threads_set(0);
    ck_assert_uint_eq(counted.rows_naive, real.rows_naive);
    ck_assert_uint_eq(counted.rows_unique, real.rows_unique);
    ck_assert_double_eq(counted.flops, real.flops);
    ck_assert_uint_eq(counted.rows_naive, chunked.rows_naive);
    ck_assert_uint_le(chunked.peak_bytes, 300000 + 30000);
    gk_grafter_free(g);
    stop(&b);
}
END_TEST

START_TEST(texts_end_at_the_last_position) {
    bench b = start("gpt2", 4, true, 2, 2700);
    int n = b.c.max_positions - 2;
    gk_job job = {random_tokens(&b, n, VOCAB), n, single(&b, n, 1)}, jobs[MOST];
    for (int i = 0; i < MOST; i++) jobs[i] = job;
    growth *g = grow(&b, jobs, MOST, NULL, (size_t)1 << 30, NULL);
    ck_assert_int_eq(g->calls[MOST - 1], 3); /* it would take MOST tokens */
    ck_assert_int_eq(g->asked[MOST - 1], 2);
    assert_begun_anew(&b, g, MOST, true);
    stop(&b);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("generation");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, grafts_go_on_as_begun_anew, 0, N_KINDS);
    tcase_add_loop_test(t, patches_and_means_go_on_as_begun_anew, 0, N_KINDS);
    tcase_add_loop_test(t, derived_donors_go_on_as_begun_anew, 0, N_KINDS);
    tcase_add_loop_test(t, beginnings_of_one_text_are_computed_once, 0, N_KINDS);
    tcase_add_loop_test(t, only_new_tokens_are_computed, 0, N_KINDS);
    tcase_add_loop_test(t, counting_is_exact_and_memory_within_its_budget, 0, N_KINDS);
    tcase_add_test(t, texts_end_at_the_last_position);
    Suite *s = suite_create("generation");
    suite_add_tcase(s, t);
    return run_suite(s);
}
