/* test_adamw.c: the optimiser against torch's numbers, clipping, frozen arrays, schedules. */
/* modules: train model core */
/* kernels: under each instruction set */
#include "graftkit/core/random.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/config.h"
#include "graftkit/model/weights.h"
#include "graftkit/train/optimizer.h"
#include "tests/support/scratch.h"

#include <math.h>

static void read_floats(FILE *f, size_t n, float *out) {
    for (size_t i = 0; i < n; i++) ck_assert_int_eq(fscanf(f, "%f", &out[i]), 1);
}

/* To 1e-6, and where terms cancelled to a float's rounding of the largest: torch takes the norm in float. */
static void assert_close(const float *got, const float *want, size_t n, const char *what, int step) {
    float largest = 0;
    for (size_t i = 0; i < n; i++) largest = fmaxf(largest, fabsf(want[i]));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabsf(got[i] - want[i]) <= 1e-6f * fabsf(want[i]) + 6e-8f * largest,
                      "step %d: %s[%zu] is %.9g, torch has %.9g", step, what, i, (double)got[i],
                      (double)want[i]);
}

/* As the fixture's arrays: embed [2 x 4], q [3 x 4], q's bias [3]. */
static const gk_param PARAMS[] = {
    {.comp = GK_EMBED, .layer = -1, .offset = 0, .count = 8, .out = 2, .in = 4},
    {.comp = GK_Q, .layer = 0, .offset = 8, .count = 12, .out = 3, .in = 4},
    {.comp = GK_Q, .layer = 0, .bias = true, .offset = 20, .count = 3, .out = 3, .in = 1},
};
enum { N = 23 };

START_TEST(steps_match_torch) {
    FILE *f = fopen(GK_SOURCE_DIR "/tests/fixtures/adamw.txt", "r");
    ck_assert_ptr_nonnull(f);
    int steps, n;
    double clip, lr, norm;
    gk_adamw_opts o = {0};
    float w[N], grad[N], want[N];
    ck_assert_int_eq(fscanf(f, "%d %d %lf %lf %lf %lf %lf", &steps, &n, &o.beta1, &o.beta2, &o.eps,
                            &o.weight_decay, &clip),
                     7);
    ck_assert_int_eq(n, N);
    read_floats(f, N, w);
    gk_adamw *a = gk_adamw_new(PARAMS, 3, N, &o, NULL, NULL);
    for (int t = 1; t <= steps; t++) {
        ck_assert_int_eq(fscanf(f, "%lf", &lr), 1);
        read_floats(f, N, grad);
        ck_assert_int_eq(fscanf(f, "%lf", &norm), 1);
        double got = gk_adamw_norm(a, grad);
        ck_assert_double_eq_tol(got, norm, 1e-6 * norm);
        gk_adamw_step(a, w, grad, t, lr, gk_clip_factor(got, clip));
        read_floats(f, N, want);
        assert_close(w, want, N, "weights", t);
        read_floats(f, N, want);
        assert_close(gk_adamw_m(a), want, N, "first moment", t);
        read_floats(f, N, want);
        assert_close(gk_adamw_v(a), want, N, "second moment", t);
        for (int i = 0; i < N; i++) ck_assert(grad[i] == 0);
    }
    gk_adamw_free(a);
    fclose(f);
}
END_TEST

/* With a zero gradient a step is nothing but decay, so what decays can be read off. */
static unsigned decayed(bool embed, bool norms, gk_component comp, bool bias) {
    gk_param p = {.comp = comp, .bias = bias, .count = 1, .out = 1, .in = 1};
    gk_adamw_opts o = {.beta1 = 0.9,
                       .beta2 = 0.9,
                       .eps = 1,
                       .weight_decay = 0.5,
                       .decay_embed = embed,
                       .decay_norms = norms};
    gk_adamw *a = gk_adamw_new(&p, 1, 1, &o, NULL, NULL);
    float w = 1, g = 0;
    gk_adamw_step(a, &w, &g, 1, 1, 1);
    gk_adamw_free(a);
    return w < 1;
}

START_TEST(decay_spares_what_the_options_say) {
    ck_assert(decayed(false, false, GK_Q, false));
    ck_assert(decayed(false, false, GK_HEAD, false));
    ck_assert(!decayed(false, false, GK_EMBED, false));
    ck_assert(!decayed(false, false, GK_POS, false));
    ck_assert(decayed(true, false, GK_POS, false));
    ck_assert(!decayed(true, false, GK_LN2, false));
    ck_assert(!decayed(true, false, GK_UP, true));
    ck_assert(decayed(false, true, GK_LNF, false));
    ck_assert(decayed(false, true, GK_UP, true));
}
END_TEST

START_TEST(frozen_arrays_are_not_touched_and_have_no_moments) {
    gk_adamw_opts o = {.beta1 = 0.9,
                       .beta2 = 0.9,
                       .eps = 1e-8,
                       .weight_decay = 0.1,
                       .decay_embed = true,
                       .decay_norms = true};
    /* layer 0, and outside the layers: the arrays behind are frozen, and those before */
    const uint32_t masks[2][2] = {{1u << GK_Q, 0}, {0, 1u << GK_EMBED}};
    gk_adamw *whole = gk_adamw_new(PARAMS, 3, N, &o, NULL, NULL);
    for (int k = 0; k < 2; k++) {
        gk_adamw *a = gk_adamw_new(PARAMS, 3, N, &o, masks[k], NULL);
        int from = k ? 8 : 0, n = k ? 15 : 8;
        ck_assert_uint_eq(gk_adamw_floats(a), (size_t)n);
        float w[N], all[N], grad[N], g[N], before[N];
        for (int i = 0; i < N; i++) w[i] = all[i] = before[i] = grad[i] = (float)(i + 1);
        memcpy(g, grad + from, (size_t)n * sizeof *g);
        memset(gk_adamw_m(whole), 0, N * sizeof *g);
        memset(gk_adamw_v(whole), 0, N * sizeof *g);
        double sum = 0;
        for (int i = 0; i < n; i++) sum += (double)g[i] * (double)g[i];
        ck_assert_double_eq_tol(gk_adamw_norm(a, g), sqrt(sum), 1e-12);
        gk_adamw_step(a, w, g, 1, 0.1, 1);
        gk_adamw_step(whole, all, grad, 1, 0.1, 1);
        for (int i = 0; i < N; i++) {
            bool frozen = i < from || i >= from + n;
            ck_assert(w[i] == (frozen ? before[i] : all[i]));
            ck_assert(all[i] != before[i]);
            if (frozen) continue;
            ck_assert(g[i - from] == 0);
            ck_assert(gk_adamw_m(a)[i - from] == gk_adamw_m(whole)[i] && gk_adamw_m(whole)[i] != 0);
            ck_assert(gk_adamw_v(a)[i - from] == gk_adamw_v(whole)[i] && gk_adamw_v(whole)[i] != 0);
        }
        gk_adamw_free(a);
    }
    gk_adamw_free(whole);
}
END_TEST

/* Longer than one piece of work, so that the sum and the update cross pieces and threads. */
START_TEST(large_arrays_give_the_same_bits_for_any_threads) {
    enum { BIG = 100003 };
    gk_param p = {.comp = GK_UP, .count = BIG, .out = BIG, .in = 1};
    gk_adamw_opts o = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .weight_decay = 0.1};
    float *w[2], *g = gk_alloc(BIG * sizeof *g);
    double norm[2], want = 0;
    for (int k = 0; k < 2; k++) {
        gk_rng rng;
        gk_rng_seed(&rng, 1, "test");
        gk_threads_set(1 + 2 * k);
        gk_adamw *a = gk_adamw_new(&p, 1, BIG, &o, NULL, NULL);
        w[k] = gk_alloc(BIG * sizeof *g);
        want = 0;
        for (size_t i = 0; i < BIG; i++) {
            g[i] = (float)gk_rng_normal(&rng);
            want += (double)g[i] * (double)g[i];
        }
        norm[k] = gk_adamw_norm(a, g);
        gk_adamw_step(a, w[k], g, 1, 0.1, 0.5);
        gk_adamw_free(a);
    }
    ck_assert(norm[0] == norm[1]);
    ck_assert_double_eq_tol(norm[0], sqrt(want), 1e-10 * norm[0]);
    ck_assert_mem_eq(w[0], w[1], BIG * sizeof *g);
    for (size_t i = 0; i < BIG; i++) ck_assert(w[0][i] != 0);
    for (int k = 0; k < 2; k++) gk_free(w[k]);
    gk_free(g);
}
END_TEST

START_TEST(clip_factor_is_torchs) {
    ck_assert_double_eq(gk_clip_factor(0.5, 1), 1);
    ck_assert_double_eq(gk_clip_factor(4, 1), 1 / (4 + 1e-6));
    ck_assert_double_eq(gk_clip_factor(1e9, 0), 1);
}
END_TEST

/* The values of transformers' get_*_schedule_with_warmup for 10 steps, 2 of them warm-up. */
START_TEST(schedules_match_transformers) {
    static const double linear[] = {0, 0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0};
    for (int t = 0; t <= 10; t++) {
        double warm = t < 2 ? t / 2.0 : 1;
        double cosine = t < 2 ? warm : 0.5 * (1 + cos(acos(-1.0) * (t - 2) / 8.0));
        ck_assert_double_eq_tol(gk_schedule_factor(GK_LINEAR, t, 2, 10), linear[t], 1e-15);
        ck_assert_double_eq_tol(gk_schedule_factor(GK_CONSTANT, t, 2, 10), warm, 1e-15);
        ck_assert_double_eq_tol(gk_schedule_factor(GK_COSINE, t, 2, 10), cosine, 1e-15);
    }
    ck_assert_double_eq(gk_schedule_factor(GK_LINEAR, 0, 0, 4), 1);
    ck_assert_double_eq(gk_schedule_factor(GK_LINEAR, 3, 20, 4), 0.15);
}
END_TEST

int main(void) {
    Suite *s = suite_create("adamw");
    TCase *t = tcase_create("adamw");
    tcase_add_test(t, steps_match_torch);
    tcase_add_test(t, decay_spares_what_the_options_say);
    tcase_add_test(t, frozen_arrays_are_not_touched_and_have_no_moments);
    tcase_add_test(t, large_arrays_give_the_same_bits_for_any_threads);
    tcase_add_test(t, clip_factor_is_torchs);
    tcase_add_test(t, schedules_match_transformers);
    suite_add_tcase(s, t);
    return run_suite(s);
}
