/* test_rng.c: random numbers and the parallel loop. */
/* modules: core */
#include "graftkit/core/random.h"
#include "graftkit/core/threads.h"
#include "tests/support/scratch.h"

#include <math.h>

/* ---------------------------------------------------------------- random numbers */

START_TEST(generator_matches_the_published_vector) { /* xoshiro256** from the state 1 2 3 4 */
    gk_rng r = {{1, 2, 3, 4}};
    ck_assert(gk_rng_u64(&r) == 11520);
    ck_assert(gk_rng_u64(&r) == 0);
    ck_assert(gk_rng_u64(&r) == 1509978240);
    ck_assert(gk_rng_u64(&r) == 1215971899390074240);
}
END_TEST

START_TEST(streams_are_pinned_and_differ) {
    static const uint64_t want[2][3] = {{0xD150C8B91EB1C140, 0x349FCCD8FED9F255, 0xD9026C3EE2188415},
                                        {0xF0C16642D9230ECC, 0x830EBEE1A8858E62, 0xC3F41357831C5DDA}};
    gk_rng a, b;
    gk_rng_seed(&a, 1, "x");
    gk_rng_seed(&b, 42, "shuffle");
    for (int i = 0; i < 3; i++) {
        ck_assert(gk_rng_u64(&a) == want[0][i]);
        ck_assert(gk_rng_u64(&b) == want[1][i]);
    }
    gk_rng_seed(&a, 42, "shuffled");
    gk_rng_seed(&b, 42, "shuffle");
    ck_assert(gk_rng_u64(&a) != gk_rng_u64(&b));
    gk_rng_seed(&a, 5, NULL);
    gk_rng_seed(&b, 5, "");
    ck_assert(gk_rng_u64(&a) == gk_rng_u64(&b));
}
END_TEST

/* Pearson's statistic over 64 cells; 63 degrees of freedom exceed 115 once in 10^4. The seeds are fixed. */
static double chi_square(const long cell[64], long draws) {
    double sum = 0, expected = (double)draws / 64;
    for (int i = 0; i < 64; i++)
        sum += ((double)cell[i] - expected) * ((double)cell[i] - expected) / expected;
    return sum;
}

START_TEST(uniform_is_uniform) {
    gk_rng r;
    gk_rng_seed(&r, 7, "uniform");
    long cell[64] = {0};
    for (int i = 0; i < 200000; i++) {
        double u = gk_rng_uniform(&r);
        if (!(u >= 0 && u < 1)) ck_abort_msg("%g is not in [0, 1)", u);
        cell[(int)(u * 64)]++;
    }
    ck_assert(chi_square(cell, 200000) < 115);
}
END_TEST

START_TEST(below_is_unbiased) {
    gk_rng r;
    gk_rng_seed(&r, 7, "below");
    /* Plain `% n` would give the lower half of this n twice the chance of the upper half. */
    uint64_t n = 0xC000000000000000u;
    long low = 0;
    for (int i = 0; i < 60000; i++) low += gk_rng_below(&r, n) < n / 3;
    ck_assert_int_lt(labs(low - 20000), 600); /* 5 standard deviations are 577 */
    long cell[64] = {0};
    for (int i = 0; i < 200000; i++) cell[gk_rng_below(&r, 64)]++;
    ck_assert(chi_square(cell, 200000) < 115);
    for (int i = 0; i < 1000; i++) ck_assert(gk_rng_below(&r, 3) < 3);
    ck_assert(gk_rng_below(&r, 1) == 0);
}
END_TEST

START_TEST(normal_has_the_right_moments) {
    gk_rng r;
    gk_rng_seed(&r, 3, "normal");
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    enum { N = 200000 };
    for (int i = 0; i < N; i++) {
        double x = gk_rng_normal(&r);
        m1 += x / N;
        m2 += x * x / N;
        m3 += x * x * x / N;
        m4 += x * x * x * x / N;
    }
    ck_assert(fabs(m1) < 0.012);
    ck_assert(fabs(m2 - 1) < 0.016);
    ck_assert(fabs(m3) < 0.045);
    ck_assert(fabs(m4 - 3) < 0.12);
}
END_TEST

START_TEST(normal_is_the_polar_method) {
    gk_rng r;
    gk_rng_seed(&r, 11, "polar");
    for (int i = 0; i < 2000; i++) {
        gk_rng copy = r;
        double u, v, q;
        do {
            u = 2 * gk_rng_uniform(&copy) - 1;
            v = 2 * gk_rng_uniform(&copy) - 1;
            q = u * u + v * v;
        } while (q >= 1 || q == 0);
        double want = u * sqrt(-2 * log(q) / q), got = gk_rng_normal(&r);
        if (!(fabs(got - want) <= 1e-14 * fabs(want))) ck_abort_msg("%.17g is not %.17g", got, want);
        ck_assert_mem_eq(&copy, &r, sizeof r);
    }
}
END_TEST

START_TEST(shuffle_permutes_evenly) {
    gk_rng r;
    gk_rng_seed(&r, 5, "shuffle");
    long count[6] = {0};
    for (int i = 0; i < 12000; i++) {
        char item[3] = {0, 1, 2};
        gk_rng_shuffle(&r, item, 3, 1);
        ck_assert_int_eq((1 << item[0]) | (1 << item[1]) | (1 << item[2]), 7);
        count[item[0] * 2 + (item[1] > item[2])]++;
    }
    for (int i = 0; i < 6; i++) ck_assert_int_lt(labs(count[i] - 2000), 205); /* 5 standard deviations */

    struct {
        int key;
        char filler[96];
    } big[50];
    memset(big, 0, sizeof big);
    for (int i = 0; i < 50; i++) {
        big[i].key = i;
        big[i].filler[95] = (char)i;
    }
    gk_rng_shuffle(&r, big, 50, sizeof *big);
    int sum = 0, moved = 0;
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(big[i].key, big[i].filler[95]);
        sum += big[i].key;
        moved += big[i].key != i;
    }
    ck_assert_int_eq(sum, 49 * 25);
    ck_assert_int_gt(moved, 30);
    gk_rng_shuffle(&r, big, 0, sizeof *big);
}
END_TEST

/* ---------------------------------------------------------------- parallel loop */

typedef struct cover {
    size_t n, grain;
    int *hits;
    int bad;
} cover;

static void visit(void *ctx, size_t begin, size_t end) {
    cover *c = ctx;
    bool right =
        begin % c->grain == 0 && begin < end && end <= c->n && (end == c->n || end - begin == c->grain);
    if (!right) __atomic_fetch_add(&c->bad, 1, __ATOMIC_RELAXED);
    for (size_t i = begin; i < end && i < c->n; i++) __atomic_fetch_add(&c->hits[i], 1, __ATOMIC_RELAXED);
}

static void check_cover(size_t n, size_t grain) {
    cover c = {n, grain, gk_alloc((n + 1) * sizeof(int)), 0};
    gk_parallel_for(n, grain, visit, &c);
    ck_assert_int_eq(c.bad, 0);
    for (size_t i = 0; i < n; i++)
        if (c.hits[i] != 1)
            ck_abort_msg("index %zu of %zu (grain %zu) was visited %d times", i, n, grain, c.hits[i]);
    gk_free(c.hits);
}

START_TEST(parallel_for_covers_every_index_once) {
    int threads[] = {1, 2, 4};
    size_t sizes[] = {0, 1, 2, 63, 64, 65, 1000, 10007}, grains[] = {1, 7, 64, 20000, SIZE_MAX};
    for (int t = 0; t < 3; t++) {
        gk_threads_set(threads[t]);
        ck_assert_int_eq(gk_threads(), threads[t]);
        for (size_t i = 0; i < 8; i++)
            for (size_t g = 0; g < 5; g++) check_cover(sizes[i], grains[g]);
    }
}
END_TEST

static void nest(void *ctx, size_t begin, size_t end) {
    cover *all = ctx;
    for (size_t i = begin; i < end; i++) {
        cover c = {100, 10, all->hits + 100 * i, 0};
        gk_parallel_for(100, 10, visit, &c);
        if (c.bad) __atomic_fetch_add(&all->bad, 1, __ATOMIC_RELAXED);
    }
}

START_TEST(nested_loops_cover_everything_too) {
    cover all = {.hits = gk_alloc(2000 * sizeof(int))};
    gk_threads_set(4);
    gk_parallel_for(20, 1, nest, &all);
    ck_assert_int_eq(all.bad, 0);
    for (int i = 0; i < 2000; i++) ck_assert_int_eq(all.hits[i], 1);
    gk_free(all.hits);
}
END_TEST

START_TEST(thread_counts_are_clamped) {
    gk_threads_set(2000000000);
    ck_assert_int_ge(gk_threads(), 1);
    ck_assert_int_le(gk_threads(), 65536);
    setenv("OMP_NUM_THREADS", "3", 1);
    gk_threads_set(0);
    ck_assert_int_eq(gk_threads(), 3);
    setenv("OMP_NUM_THREADS", "rubbish", 1);
    gk_threads_set(-5);
    ck_assert_int_ge(gk_threads(), 1);
}
END_TEST

int main(void) {
    Suite *s = suite_create("rng");
    TCase *t = tcase_create("rng");
    tcase_add_test(t, generator_matches_the_published_vector);
    tcase_add_test(t, streams_are_pinned_and_differ);
    tcase_add_test(t, uniform_is_uniform);
    tcase_add_test(t, below_is_unbiased);
    tcase_add_test(t, normal_has_the_right_moments);
    tcase_add_test(t, normal_is_the_polar_method);
    tcase_add_test(t, shuffle_permutes_evenly);
    tcase_add_test(t, parallel_for_covers_every_index_once);
    tcase_add_test(t, nested_loops_cover_everything_too);
    tcase_add_test(t, thread_counts_are_clamped);
    suite_add_tcase(s, t);
    return run_suite(s);
}
