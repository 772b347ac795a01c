/* test_steps.c: which texts each step takes. */
/* modules: train model tokenizer core */
#include "tests/support/train_fixture.h"
#include "train/internal.h"

#include <math.h>

enum { MOST = 4000 };

typedef struct walk { /* every step of a plan */
    gk_train__step_texts *plan;
    int64_t steps;
    uint32_t text[MOST];
    size_t start[MOST]; /* step k takes text[start[k] .. start[k+1]-1] */
    int64_t epoch[MOST];
    bool ends_epoch[MOST];
} walk;

static gk_corpus *own, *general;

static void walk_of(const gk_recipe *r, uint64_t seed, walk *w) {
    *w = (walk){0};
    gk_train_job job = {.corpus = own, .mix = r->mix_ratio > 0 ? general : NULL, .recipe = r, .seed = seed};
    w->plan = gk_train__step_texts_new(&job, NULL);
    ck_assert_ptr_nonnull(w->plan);
    w->steps = gk_train__step_texts_steps(w->plan);
    ck_assert_int_lt(w->steps, MOST);
    w->start[0] = 0;
    for (int64_t k = 0; k < w->steps; k++) {
        gk_train__next_texts t = gk_train__step_texts_next(w->plan);
        ck_assert(t.n > 0 && w->start[k] + t.n < MOST);
        memcpy(w->text + w->start[k], t.text, t.n * sizeof *t.text);
        w->start[k + 1] = w->start[k] + t.n;
        w->epoch[k] = t.epoch;
        w->ends_epoch[k] = t.ends_epoch;
    }
    gk_train__step_texts_free(w->plan);
}

static int64_t rows_of(uint32_t text) {
    const gk_corpus *c = text < N_TEXTS ? own : general;
    size_t i = text < N_TEXTS ? text : text - N_TEXTS;
    return (int64_t)(c->start[i + 1] - c->start[i]) - 1;
}

/* Own texts, without the general ones between them, are each epoch's order, cut nowhere else than at its end.
 */
static void check_epochs(const walk *w, const gk_recipe *r, uint64_t seed) {
    gk_arena *a = gk_arena_new();
    gk_split split;
    ck_assert(gk_split_make(a, N_TEXTS, r->validation, seed, &split, NULL));
    uint32_t order[N_TEXTS];
    int64_t epoch = 0;
    size_t taken = 0;
    gk_epoch_order(&split, r->shuffle, seed, 0, order);
    for (int64_t k = 0; k < w->steps; k++) {
        if (taken == split.n_train) {
            gk_epoch_order(&split, r->shuffle, seed, ++epoch, order);
            taken = 0;
        }
        for (size_t i = w->start[k]; i < w->start[k + 1]; i++)
            if (w->text[i] < N_TEXTS) ck_assert_uint_eq(w->text[i], order[taken++]);
        ck_assert(w->epoch[k] == epoch && w->ends_epoch[k] == (taken == split.n_train));
    }
    if (r->steps == 0) ck_assert(epoch == r->epochs - 1 && taken == split.n_train);
    gk_arena_free(a);
}

static gk_recipe plan_recipe(void) {
    gk_recipe r = make_recipe();
    r.epochs = 3;
    return r;
}

START_TEST(a_batch_is_so_many_texts) {
    static walk w;
    gk_recipe r = plan_recipe();
    r.batch = 5;
    r.accumulate = 2;
    walk_of(&r, 4, &w);
    ck_assert_int_eq(w.steps, 3 * 11); /* of 108 texts */
    check_epochs(&w, &r, 4);
    for (int64_t k = 0; k < w.steps; k++)
        ck_assert_uint_eq(w.start[k + 1] - w.start[k], k % 11 == 10 ? 8 : 10);
    r.steps = 20;
    walk_of(&r, 4, &w);
    ck_assert_int_eq(w.steps, 20);
    check_epochs(&w, &r, 4);
}
END_TEST

/* Each of the parts of a step is as many texts, in order, as the budget takes, and one at least. */
START_TEST(tokens_are_a_budget) {
    static walk w;
    gk_recipe r = plan_recipe();
    for (int64_t budget = 1; budget < 60; budget += 6) {
        r.tokens = budget;
        r.accumulate = 1 + budget / 6 % 3;
        walk_of(&r, 4, &w);
        check_epochs(&w, &r, 4);
        for (int64_t k = 0; k < w.steps; k++) {
            size_t i = w.start[k];
            for (int64_t part = 0; part < r.accumulate && i < w.start[k + 1]; part++) {
                int64_t rows = rows_of(w.text[i++]);
                while (i < w.start[k + 1] && rows + rows_of(w.text[i]) <= budget)
                    rows += rows_of(w.text[i++]);
            }
            ck_assert_uint_eq(i, w.start[k + 1]);
            bool full = k + 1 == w.steps || w.ends_epoch[k];
            if (full || r.accumulate > 1) continue;
            int64_t rows = 0;
            for (i = w.start[k]; i < w.start[k + 1]; i++) rows += rows_of(w.text[i]);
            ck_assert_int_gt(rows + rows_of(w.text[w.start[k + 1]]), budget);
        }
    }
}
END_TEST

/* At every point of the run the general texts' share of the tokens is mix_ratio, to within a text; each pass
 * over them takes every one once, in another order. */
START_TEST(general_text_has_its_share) {
    static walk w;
    gk_recipe r = plan_recipe();
    r.tokens = 30 * _i;
    r.epochs = 9;
    mix_in(&r, 0.3);
    walk_of(&r, 4, &w);
    check_epochs(&w, &r, 4);
    double of_mix = 0, all = 0;
    uint32_t pass[2][7];
    size_t mixed = 0, other_orders = 0;
    for (size_t i = 0; i < w.start[w.steps]; i++) {
        bool mix = w.text[i] >= N_TEXTS;
        all += (double)rows_of(w.text[i]);
        if (mix) of_mix += (double)rows_of(w.text[i]);
        ck_assert_double_le(fabs(of_mix - 0.3 * all), 15);
        if (!mix) continue;
        pass[mixed / 7 % 2][mixed % 7] = w.text[i];
        if (++mixed % 7 != 0) continue;
        bool seen[7] = {false};
        for (int k = 0; k < 7; k++) seen[pass[(mixed / 7 - 1) % 2][k] - N_TEXTS] = true;
        for (int k = 0; k < 7; k++) ck_assert(seen[k]);
        if (mixed > 7) other_orders += memcmp(pass[0], pass[1], sizeof pass[0]) != 0;
    }
    ck_assert_uint_gt(other_orders, 5);
}
END_TEST

/* The steps after `k` are those of a plan that has walked there. */
START_TEST(a_plan_goes_on_from_anywhere) {
    static walk w;
    gk_recipe r = plan_recipe();
    if (_i > 0) r.tokens = 40;
    if (_i > 1) mix_in(&r, 0.4);
    walk_of(&r, 9, &w);
    gk_train_job job = {.corpus = own, .mix = _i > 1 ? general : NULL, .recipe = &r, .seed = 9};
    gk_train__step_texts *p = gk_train__step_texts_new(&job, NULL);
    for (int64_t from = w.steps - 1; from >= 0; from--) {
        gk_train__step_texts_seek(p, from);
        for (int64_t k = from; k < w.steps && k < from + 3; k++) {
            gk_train__next_texts t = gk_train__step_texts_next(p);
            ck_assert_uint_eq(t.n, w.start[k + 1] - w.start[k]);
            ck_assert_mem_eq(t.text, w.text + w.start[k], t.n * sizeof *t.text);
            ck_assert(t.epoch == w.epoch[k] && t.ends_epoch == w.ends_epoch[k]);
        }
    }
    gk_train__step_texts_free(p);
}
END_TEST

START_TEST(seeds_decide_and_threads_do_not) {
    static walk a, b;
    gk_recipe r = plan_recipe();
    mix_in(&r, 0.4);
    r.tokens = 40;
    gk_threads_set(1);
    walk_of(&r, 9, &a);
    gk_threads_set(3);
    walk_of(&r, 9, &b);
    ck_assert_mem_eq(a.text, b.text, sizeof a.text);
    walk_of(&r, 10, &b);
    ck_assert_mem_ne(a.text, b.text, sizeof a.text);
    r.data_seed = 9; /* whatever the run's seed is */
    walk_of(&r, 77, &b);
    ck_assert_mem_eq(a.text, b.text, sizeof a.text);
}
END_TEST

START_TEST(warm_up_is_steps_or_a_share) {
    gk_recipe r = plan_recipe();
    gk_train_job job = {.corpus = own, .recipe = &r};
    const struct {
        double ratio;
        int64_t warmup;
    } cases[] = {{0, 5}, {0.03, 2}, {0.5, 21}, {1, 42}, {0.001, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        r.warmup_ratio = cases[i].ratio;
        gk_train__step_texts *p = gk_train__step_texts_new(&job, NULL);
        ck_assert_int_eq(gk_train__step_texts_steps(p), 42);
        ck_assert_int_eq(gk_train__step_texts_warmup(p), cases[i].warmup);
        gk_train__step_texts_free(p);
    }
}
END_TEST

static void make_texts(void) {
    own = make_corpus();
    general = make_general();
}

static void free_texts(void) {
    gk_corpus_free(own);
    gk_corpus_free(general);
}

int main(void) {
    Suite *s = suite_create("steps");
    TCase *t = tcase_create("steps");
    tcase_add_checked_fixture(t, make_texts, free_texts);
    tcase_add_test(t, a_batch_is_so_many_texts);
    tcase_add_test(t, tokens_are_a_budget);
    tcase_add_loop_test(t, general_text_has_its_share, 0, 2);
    tcase_add_loop_test(t, a_plan_goes_on_from_anywhere, 0, 3);
    tcase_add_test(t, seeds_decide_and_threads_do_not);
    tcase_add_test(t, warm_up_is_steps_or_a_share);
    suite_add_tcase(s, t);
    return run_suite(s);
}
