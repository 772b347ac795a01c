/* test_engine_bf16.c: grafting with products of bf16 operands against the definition, token by token.
 * kernels: under each instruction set
 * modules: graft model tokenizer core */
#include "tests/support/engine_fixture.h"

#include "graftkit/core/threads.h"

#include <string.h>

enum { EACH = 40 };

static const char *const FAMILIES[] = {"llama", "gpt2", "gpt_neox", "gemma2"};

static bench begin(int i, uint64_t seed) {
    bench b = start(FAMILIES[i], i == 0 ? 2 : 4, i % 2, 3, seed);
    b.cast.bf16 = true;
    return b;
}

static void draw(bench *b, gk_job *jobs) {
    for (int i = 0; i < EACH; i++) {
        jobs[i] = next_job(b, i % 4 ? &jobs[i - 1] : NULL, 5);
        jobs[i].plan = i % 2 ? random_plan(b, jobs[i].n) : block_plan(b, jobs[i].n);
    }
}

/* Of a grafter with several workers. */
static bool keep_alone(void *ctx, size_t job, const float *logits) {
    bool ok;
#pragma omp critical
    ok = keep(ctx, job, logits);
    return ok;
}

static double farthest(const float *x, const float *y) {
    double most = 0;
    for (int i = 0; i < VOCAB; i++) most = fmax(most, fabs((double)x[i] - (double)y[i]));
    return most;
}

/* The definition adds up in double: where it and the engine stand on two sides of a half, an operand is
 * rounded to the other neighbour, 1/256 away, and what follows moves by a little. That is rare: most jobs
 * agree to 2e-5, all to 0.05. fp32 is far from it in nearly all of them. */
START_TEST(plans_are_as_defined) {
    bench b = begin(_i, 700 + (uint64_t)_i);
    gk_job jobs[EACH];
    draw(&b, jobs);
    results *half = run(&b, jobs, EACH, 1 << 30, NULL);
    b.cast.bf16 = false;
    results *whole = run(&b, jobs, EACH, 1 << 30, NULL);
    b.cast.bf16 = true;
    int agree = 0, apart = 0;
    for (int i = 0; i < EACH; i++) {
        float want[VOCAB];
        reference_logits(&b, &jobs[i], want);
        double far = farthest(half->logits[i], want);
        ck_assert_msg(far < 0.05, "job %d is %g from the definition", i, far);
        agree += far < 2e-5;
        apart += farthest(whole->logits[i], want) > 1e-3;
    }
    ck_assert_int_ge(agree, EACH * 3 / 4);
    ck_assert_int_ge(apart, EACH * 9 / 10);
    stop(&b);
}
END_TEST

/* The same bits whatever jobs are computed together, on however many threads, laid out once or every time. */
START_TEST(company_threads_and_room_do_not_matter) {
    bench b = begin(_i, 800 + (uint64_t)_i);
    gk_job jobs[EACH];
    gk_error err;
    draw(&b, jobs);
    results *all = run(&b, jobs, EACH, 1 << 30, NULL);
    for (int i = 0; i < EACH; i++) {
        results *alone = run(&b, &jobs[i], 1, 1 << 20, NULL);
        ck_assert_mem_eq(alone->logits[0], all->logits[i], sizeof alone->logits[0]);
    }
    gk_threads_set(1 + _i);
    results *again = run(&b, jobs, EACH, 1 << 20, NULL);
    ck_assert_mem_eq(again->logits, all->logits, EACH * sizeof all->logits[0]);
    gk_grafter *g = gk_grafter_new(&b.cast, &err);
    ck_assert_uint_eq(gk_grafter_keep(g, 0), 0);
    again = gk_arena_alloc(b.a, sizeof *again);
    memset(again, 0, sizeof *again);
    ck_assert(gk_grafter_run(g, jobs, EACH, 1 << 20, keep_alone, again, NULL, &err));
    ck_assert_mem_eq(again->logits, all->logits, EACH * sizeof all->logits[0]);
    gk_grafter_free(g);
    gk_threads_set(0);
    stop(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("engine bf16");
    TCase *t = tcase_create("engine bf16");
    const int n = (int)(sizeof FAMILIES / sizeof *FAMILIES);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, plans_are_as_defined, 0, n);
    tcase_add_loop_test(t, company_threads_and_room_do_not_matter, 0, n);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
