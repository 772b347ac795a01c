/* test_patch.c: activation patches and mean ablations, in the engine against the definition and in schemes.
 * modules: graft model tokenizer core */
#include "tests/support/engine_fixture.h"

#include <string.h>

/* ---------------------------------------------------------------- plans with patches */

static void patch(const bench *b, gk_plan *p, int index, int token, uint8_t value) {
    p->n_patches = b->c.n_layers + 1;
    if (!p->patch) p->patch = gk_arena_alloc(b->a, (size_t)p->n_patches * (size_t)p->n_tokens);
    p->patch[index * p->n_tokens + token] = value;
}

/* About one place in `rare` is patched, by any model; with `means` half of them with a mean. */
static void add_patches(bench *b, gk_plan *p, int rare, bool means) {
    for (int i = 0; i <= b->c.n_layers; i++)
        for (int t = 0; t < p->n_tokens; t++) {
            int m = (int)gk_rng_below(&b->rng, (uint64_t)b->cast.n);
            if (gk_rng_below(&b->rng, (uint64_t)rare) != 0) continue;
            patch(b, p, i, t, means && gk_rng_below(&b->rng, 2) ? gk_patch_mean(m) : gk_patch_plain(m));
        }
}

/* Means of every model over a few texts, one of them twice. */
static void add_means(bench *b, gk_graft_text texts[5]) {
    gk_error err;
    for (int i = 0; i < 4; i++) texts[i] = (gk_graft_text){random_tokens(b, 2 + 2 * i, 3), 2 + 2 * i};
    texts[4] = texts[1];
    for (int m = 0; m < b->cast.n; m++) {
        float *mean = gk_arena_alloc(b->a, (size_t)((b->c.n_layers + 1) * b->c.d_model) * sizeof *mean);
        bool ok = gk_graft_means(&b->cast, m, texts, 5, mean, NULL, &err);
        ck_assert_msg(ok, "%s", err.what);
        b->cast.mean[m] = mean;
    }
}

/* Jobs of which three in four share their tokens with the one before; half have grafts too. */
static void random_jobs(bench *b, gk_job *jobs, int n_jobs, bool means) {
    for (int i = 0; i < n_jobs; i++) {
        jobs[i] = next_job(b, i % 4 ? &jobs[i - 1] : NULL, 5);
        gk_plan *p = i % 2 ? random_plan(b, jobs[i].n) : single(b, jobs[i].n, i / 2 % b->cast.n);
        if (i % 8 != 7) add_patches(b, p, 1 + (int)gk_rng_below(&b->rng, 8), means);
        jobs[i].plan = p;
    }
}

/* ---------------------------------------------------------------- the engine = the definition */

START_TEST(random_patches) {
    bench b = start_kind(_i, 1100 + (uint64_t)_i);
    enum { N = 40 };
    gk_job jobs[N];
    gk_graft_text texts[5];
    bool means = _i % 2 == 0;
    if (means) add_means(&b, texts);
    random_jobs(&b, jobs, N, means);
    assert_defined(&b, jobs, run(&b, jobs, N, 1 << 30, NULL), N);
    stop(&b);
}
END_TEST

/* One patched place only: each must reach the logits as defined. Those of the last layer before the last
 * token do not; of the rest, most do. */
START_TEST(single_places) {
    bench b = start_kind(_i, 1200 + (uint64_t)_i);
    enum { N = 4 };
    const int32_t *token = random_tokens(&b, N, VOCAB);
    gk_job jobs[N], base = {token, N, single(&b, N, 0)};
    float plain[VOCAB];
    int changed = 0;
    reference_logits(&b, &base, plain);
    for (int index = 0; index <= b.c.n_layers; index++) {
        for (int t = 0; t < N; t++) {
            gk_plan *p = single(&b, N, 0);
            patch(&b, p, index, t, gk_patch_plain(1));
            jobs[t] = (gk_job){token, N, p};
        }
        results *r = run(&b, jobs, N, 1 << 30, NULL);
        assert_defined(&b, jobs, r, N);
        for (int t = 0; t < N; t++) {
            if (index == b.c.n_layers && t < N - 1)
                close_to(r->logits[t], plain, 1e-4);
            else
                changed += differs(r->logits[t], plain);
        }
    }
    ck_assert_int_ge(changed, (b.c.n_layers * N + 1) * 8 / 10);
    stop(&b);
}
END_TEST

/* ---------------------------------------------------------------- equalities */

/* Everything of the donor's after the last layer, under the recipient's final norm and head: the graft of all
 * but those two. */
START_TEST(last_layer_is_the_donor) {
    bench b = start_kind(_i, 1300 + (uint64_t)_i);
    enum { N = 6 };
    const int32_t *token = random_tokens(&b, N, VOCAB);
    gk_plan *patched = single(&b, N, 0), *last = single(&b, N, 0), *graft = single(&b, N, 1);
    for (int comp = GK_LNF; comp <= GK_HEAD; comp++)
        memset(graft->model + gk_plan_slot(&b.c, -1, (gk_component)comp) * N, 0, N);
    for (int t = 0; t < N; t++) patch(&b, patched, b.c.n_layers, t, gk_patch_plain(1));
    patch(&b, last, b.c.n_layers, N - 1, gk_patch_plain(1));
    gk_job jobs[] = {{token, N, patched}, {token, N, graft}, {token, N, last}, {token, N, single(&b, N, 0)}};
    gk_graft_stats alone = {0}, together = {0};
    run(&b, jobs + 1, 1, 1 << 30, &alone);
    results *r = run(&b, jobs, 3, 1 << 30, &together);
    ck_assert_mem_eq(r->logits[0], r->logits[1], sizeof r->logits[0]);
    ck_assert_mem_eq(r->logits[2], r->logits[1], sizeof r->logits[0]);
    ck_assert_uint_eq(together.rows_unique, alone.rows_unique); /* copied, not computed */
    ck_assert_uint_eq(together.rows_naive, 3 * alone.rows_naive);
    ck_assert(differs(r->logits[0], run(&b, jobs + 3, 1, 1 << 30, NULL)->logits[0]));
    stop(&b);
}
END_TEST

/* The donor's embeddings patched in everywhere, or grafted. */
START_TEST(embedding_is_a_graft) {
    bench b = start_kind(_i, 1400 + (uint64_t)_i);
    enum { N = 7 };
    const int32_t *token = random_tokens(&b, N, VOCAB);
    gk_plan *patched = single(&b, N, 0), *graft = single(&b, N, 0);
    for (int t = 0; t < N; t++) patch(&b, patched, 0, t, gk_patch_plain(1));
    for (int comp = GK_EMBED; comp <= GK_POS; comp++)
        if (gk_config_has(&b.c, (gk_component)comp))
            memset(graft->model + gk_plan_slot(&b.c, -1, (gk_component)comp) * N, 1, N);
    gk_job jobs[] = {{token, N, patched}, {token, N, graft}, {token, N, single(&b, N, 0)}};
    gk_graft_stats alone = {0}, together = {0};
    run(&b, jobs + 1, 1, 1 << 30, &alone);
    results *r = run(&b, jobs, 2, 1 << 30, &together);
    ck_assert_mem_eq(r->logits[0], r->logits[1], sizeof r->logits[0]);
    ck_assert_uint_eq(together.rows_unique, alone.rows_unique);
    ck_assert(differs(r->logits[0], run(&b, jobs + 2, 1, 1 << 30, NULL)->logits[0]));
    stop(&b);
}
END_TEST

/* Patching from the recipient itself changes not one bit and computes nothing. */
START_TEST(own_patch_changes_nothing) {
    bench b = start_kind(_i, 1500 + (uint64_t)_i);
    enum { N = 5 };
    const int32_t *token = random_tokens(&b, N, VOCAB);
    gk_job jobs[9] = {{token, N, single(&b, N, 0)}};
    for (int i = 1; i < 9; i++) {
        gk_plan *p = single(&b, N, 0);
        for (int index = 0; index <= b.c.n_layers; index++)
            for (int t = 0; t < N; t++)
                if (gk_rng_below(&b.rng, (uint64_t)i) == 0) patch(&b, p, index, t, gk_patch_plain(0));
        jobs[i] = (gk_job){token, N, p};
    }
    gk_graft_stats alone = {0}, together = {0};
    run(&b, jobs, 1, 1 << 30, &alone);
    results *r = run(&b, jobs, 9, 1 << 30, &together);
    for (int i = 1; i < 9; i++) ck_assert_mem_eq(r->logits[i], r->logits[0], sizeof r->logits[0]);
    ck_assert_uint_eq(together.rows_unique, alone.rows_unique);
    stop(&b);
}
END_TEST

START_TEST(chunks_and_company_do_not_matter) {
    bench b = start_kind(_i, 1600 + (uint64_t)_i);
    enum { N = 30 };
    gk_job jobs[N];
    gk_graft_text texts[5];
    add_means(&b, texts);
    random_jobs(&b, jobs, N, true);
    assert_chunks_do_not_matter(&b, jobs, N);
    stop(&b);
}
END_TEST

/* ---------------------------------------------------------------- means */

START_TEST(means_are_over_every_token) {
    bench b = start_kind(_i, 1700 + (uint64_t)_i);
    gk_graft_text texts[5];
    add_means(&b, texts);
    for (int m = 0; m < b.cast.n; m++) {
        double sum[4 * WIDEST] = {0};
        int tokens = 0;
        for (int k = 0; k < 5; k++) {
            gk_job job = {texts[k].token, texts[k].n, NULL};
            double *trace = ref_trace(&b.cast, &job, m);
            for (int i = 0; i <= b.c.n_layers; i++)
                for (int t = 0; t < job.n; t++)
                    for (int j = 0; j < b.c.d_model; j++) sum[i * WIDEST + j] += ref_residual(trace, i, t)[j];
            tokens += job.n;
            gk_free(trace);
        }
        for (int i = 0; i <= b.c.n_layers; i++)
            for (int j = 0; j < b.c.d_model; j++) {
                double want = sum[i * WIDEST + j] / tokens;
                ck_assert_double_eq_tol((double)b.cast.mean[m][i * b.c.d_model + j], want,
                                        1e-4 * fmax(1, fabs(want)));
            }
    }
    stop(&b);
}
END_TEST

/* More texts than one piece holds; again gives the same bits. */
START_TEST(means_of_many_texts) {
    bench b = start("llama", 2, false, 1, 18);
    enum { N = 200 };
    size_t values = (size_t)((b.c.n_layers + 1) * b.c.d_model);
    gk_graft_text texts[N];
    float *mean = gk_arena_alloc(b.a, values * sizeof *mean),
          *again = gk_arena_alloc(b.a, values * sizeof *mean);
    for (int i = 0; i < N; i++) texts[i] = (gk_graft_text){random_tokens(&b, LONGEST, VOCAB), LONGEST};
    gk_graft_stats stats = {0};
    gk_error err;
    ck_assert(gk_graft_means(&b.cast, 0, texts, N, mean, &stats, &err));
    ck_assert(gk_graft_means(&b.cast, 0, texts, N, again, NULL, &err));
    ck_assert_mem_eq(mean, again, values * sizeof *mean);
    ck_assert_uint_eq(stats.rows_naive, 0);
    ck_assert_uint_gt(stats.rows_unique, 0);
    double sum[WIDEST] = {0};
    for (int i = 0; i < N; i++) {
        gk_job job = {texts[i].token, LONGEST, NULL};
        double *trace = ref_trace(&b.cast, &job, 0);
        for (int t = 0; t < LONGEST; t++)
            for (int j = 0; j < b.c.d_model; j++) sum[j] += ref_residual(trace, b.c.n_layers, t)[j];
        gk_free(trace);
    }
    for (int j = 0; j < b.c.d_model; j++)
        ck_assert_double_eq_tol((double)mean[b.c.n_layers * b.c.d_model + j], sum[j] / (N * LONGEST), 1e-4);
    stop(&b);
}
END_TEST

/* ---------------------------------------------------------------- what is computed, counted by hand */

/* Three layers, gated: 13 rows a token and layer, of which ln1 k v are for later tokens
 * (tests/graft/test_engine.c).
 */
START_TEST(only_what_is_needed) {
    bench b = start("llama", 4, false, 2, 19);
    gk_graft_text texts[5];
    add_means(&b, texts);
    const int32_t token[4] = {1, 2, 3, 4};
    enum { N = 4, WHOLE = 4 + 2 * 4 * 13 + 4 * 3 + 10 + 2 };
    gk_plan *p[5];
    for (int i = 0; i < 5; i++) p[i] = single(&b, N, 0);
    for (int t = 0; t < N; t++) {
        patch(&b, p[0], 3, t, gk_patch_mean(0));
        patch(&b, p[1], 2, t, gk_patch_mean(1));
    }
    patch(&b, p[2], 3, 3, gk_patch_plain(1));
    patch(&b, p[3], 1, 1, gk_patch_plain(1));
    patch(&b, p[4], 1, 1, gk_patch_mean(0));
    static const int rows[5] = {
        2,                  /* the final norm and the head of a mean */
        1 + 4 + 1 + 10 + 2, /* the last layer, whose rows are the same at every token but for rotated keys */
        WHOLE,              /* the donor's run and nothing of the recipient's */
        /* the donor's first two tokens through layer 0, the first of them for its key and value only, in the
           place of 10 rows of the recipient's */
        WHOLE + 2 + 2 * 3 + 10 - 10,
        WHOLE - 10,
    };
    for (int i = 0; i < 5; i++) {
        gk_job job = {token, N, p[i]};
        gk_graft_stats s = {0};
        assert_defined(&b, &job, run(&b, &job, 1, 1 << 30, &s), 1);
        ck_assert_uint_eq(s.rows_naive, WHOLE);
        ck_assert_uint_eq(s.rows_unique, (uint64_t)rows[i]);
    }
    stop(&b);
}
END_TEST

/* ---------------------------------------------------------------- bad plans */

static void fails(const bench *b, gk_plan *p, const char *words) {
    const int32_t token[3] = {1, 2, 3};
    assert_refused(b, &(gk_job){token, 3, p}, words);
}

START_TEST(bad_patches) {
    bench b = start("llama", 4, false, 2, 20);
    gk_plan *p = single(&b, 3, 0);
    patch(&b, p, 1, 1, gk_patch_mean(1));
    fails(&b, p, "asks for the mean of 'sft', which the cast lacks");
    patch(&b, p, 1, 1, gk_patch_plain(2));
    fails(&b, p, "patches in 3 of a cast of 2");
    patch(&b, p, 1, 1, GK_PATCH_KINDS);
    fails(&b, p, "of a cast of 2");
    patch(&b, p, 1, 1, 255);
    fails(&b, p, "of a cast of 2");
    p->n_patches = b.c.n_layers;
    fails(&b, p, "3 rows of patches, not 4");
    p->patch = NULL;
    fails(&b, p, "3 rows of patches, not 0");
    stop(&b);
}
END_TEST

START_TEST(bad_texts) {
    bench b = start("llama", 4, false, 1, 21);
    int32_t token[20] = {1, 2, VOCAB};
    float *mean = gk_arena_alloc(b.a, (size_t)((b.c.n_layers + 1) * b.c.d_model) * sizeof *mean);
    static const struct {
        int n_texts, n;
        const char *words;
    } cases[] = {
        {0, 2, "no texts"}, {1, 0, "0 tokens"}, {1, 17, "17 tokens"}, {1, 3, "token 37 at position 2"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gk_graft_text text = {token, cases[i].n};
        gk_error err = {0};
        bool ok = gk_graft_means(&b.cast, 0, &text, (size_t)cases[i].n_texts, mean, NULL, &err);
        ck_assert_msg(!ok && strstr(err.what, cases[i].words), "'%s' in '%s'", cases[i].words, err.what);
    }
    stop(&b);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("patch");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, random_patches, 0, N_KINDS);
    tcase_add_loop_test(t, single_places, 0, N_KINDS);
    tcase_add_loop_test(t, last_layer_is_the_donor, 0, N_KINDS);
    tcase_add_loop_test(t, embedding_is_a_graft, 0, N_KINDS);
    tcase_add_loop_test(t, own_patch_changes_nothing, 0, N_KINDS);
    tcase_add_loop_test(t, chunks_and_company_do_not_matter, 0, N_KINDS);
    tcase_add_loop_test(t, means_are_over_every_token, 0, N_KINDS);
    tcase_add_test(t, means_of_many_texts);
    tcase_add_test(t, only_what_is_needed);
    tcase_add_test(t, bad_patches);
    tcase_add_test(t, bad_texts);
    Suite *s = suite_create("patch");
    suite_add_tcase(s, t);
    return run_suite(s);
}
