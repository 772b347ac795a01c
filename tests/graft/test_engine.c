/* test_engine.c: the grafting engine against the definition of the method, computed token by token.
 * kernels: under each instruction set
 * modules: graft model tokenizer core */
#include "graftkit/model/checkpoint.h"
#include "tests/support/engine_fixture.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- plans = the definition */

/* 200 plans of each kind; a few tokens only, and several plans a prompt, so that much is shared. Half of the
 * plans draw a model for every slot and token, half graft a block of some slots and tokens, as schemes do. */
START_TEST(random_plans) {
    enum { ROUNDS = 5, EACH = 40 };
    bench b = start_kind(_i, 100 + (uint64_t)_i);
    gk_job jobs[EACH];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EACH; i++) {
            jobs[i] = next_job(&b, i % 4 ? &jobs[i - 1] : NULL, 5);
            jobs[i].plan = i % 2 ? random_plan(&b, jobs[i].n) : block_plan(&b, jobs[i].n);
        }
        assert_defined(&b, jobs, run(&b, jobs, EACH, 1 << 30, NULL), EACH);
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
    float plain[VOCAB];
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
        assert_defined(&b, jobs, r, n);
        for (int t = 0; t < n; t++) changed += differs(r->logits[t], plain);
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
    assert_pairs_are_one(&b, jobs, 8);
    /* And a donor that differs does change something. */
    b.cast.model[1] = donor;
    jobs[1] = (gk_job){jobs[0].token, jobs[0].n, single(&b, jobs[0].n, 1)};
    results *r = run(&b, jobs, 2, 1 << 30, NULL);
    ck_assert(differs(r->logits[0], r->logits[1]));
    gk_model_free(copy);
    b.cast.n = KINDS[_i].n_models;
    stop(&b);
}
END_TEST

START_TEST(chunks_and_company_do_not_matter) {
    bench b = start_kind(_i, 500 + (uint64_t)_i);
    enum { N = 30 };
    gk_job jobs[N];
    for (int i = 0; i < N; i++) {
        int n = 2 + i % 7;
        const int32_t *token = i >= 7 ? jobs[i - 7].token : random_tokens(&b, n, 4);
        jobs[i] = (gk_job){token, n, random_plan(&b, n)};
    }
    assert_chunks_do_not_matter(&b, jobs, N);
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
    assert_defined(&b, &job, run(&b, &job, 1, 1 << 30, &s), 1);
    ck_assert_uint_eq(s.rows_naive - s.rows_unique, 2 * 3);
    stop(&b);
}
END_TEST

START_TEST(frozen_weights_are_shared) {
    bench b = start("gpt2", 4, false, 2, 9);
    gk_model *copy = with_other_down(b.own[0]);
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

START_TEST(bad_jobs) {
    bench b = start("llama", 4, false, 2, 10);
    int32_t token[20] = {1, 2, 3};
    gk_plan *p = single(&b, 3, 0);
    assert_refused(&b, &(gk_job){token, 0, p}, "0 tokens");
    assert_refused(&b, &(gk_job){token, 17, p}, "17 tokens");
    assert_refused(&b, &(gk_job){token, 2, p}, "3 tokens");
    assert_refused(&b, &(gk_job){token, 3, NULL}, "its plan");
    p->model[4] = 2;
    assert_refused(&b, &(gk_job){token, 3, p}, "model 2 of a cast of 2");
    p->model[4] = 0;
    token[1] = VOCAB;
    assert_refused(&b, &(gk_job){token, 3, p}, "token 37 at position 1");
    token[1] = -1;
    assert_refused(&b, &(gk_job){token, 3, p}, "token -1 at position 1");
    p->n_slots--;
    assert_refused(&b, &(gk_job){token, 3, p}, "outside the vocabulary");
    token[1] = 0;
    assert_refused(&b, &(gk_job){token, 3, p}, "slots");
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
    gk_model *blocks = gk_model_open_stored(GK_SOURCE_DIR "/tests/fixtures/gguf/llama-blocks.gguf", &err);
    ck_assert_msg(blocks != NULL, "%s", err.what);
    cast.model[0] = blocks;
    ck_assert(!gk_cast_check(&cast, &err));
    ck_assert_str_eq(err.what, "model 'pre' of the cast is in blocks, as it is stored");
    gk_model_free(blocks);
    cast.model[0] = b.cast.model[0];
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
