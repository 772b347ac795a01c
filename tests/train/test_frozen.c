/* modules: train model core
 *
 * test_frozen.c: what is frozen costs nothing and changes nothing: steps of a session that knows what is
 * frozen end with the weights that steps with all gradients give, of which only those of the rest are used.
 */
#include "graftkit/core/random.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "graftkit/train/optimizer.h"
#include "graftkit/train/recipe.h"
#include "graftkit/train/training.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <string.h>

enum { VOCAB = 60, TEXTS = 6, LONGEST = 11, STEPS = 5 };
static const gk_adamw_opts OPTS = {
    .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .weight_decay = 0.01, .decay_embed = true, .decay_norms = true};

typedef struct texts {
    int32_t token[TEXTS * LONGEST], target[TEXTS * LONGEST], start[TEXTS + 1];
    gk_batch batch;
} texts;

static void make_texts(texts *t, int step) {
    gk_rng rng;
    gk_rng_seed(&rng, (uint64_t)step, "test_frozen");
    int n = 0;
    for (int s = 0; s < TEXTS; s++) {
        t->start[s] = n;
        for (int i = 0, len = 3 + (int)gk_rng_below(&rng, LONGEST - 2); i < len; i++, n++) {
            t->token[n] = (int32_t)gk_rng_below(&rng, VOCAB);
            t->target[n] = i + 1 < len ? (int32_t)gk_rng_below(&rng, VOCAB) : -1;
        }
    }
    t->start[TEXTS] = n;
    t->batch = (gk_batch){n, TEXTS, t->token, t->target, t->start};
}

/* The gradient of all, and of it what is trained. */
static void pick(const gk_model *m, const uint32_t *masks, float *all, float *some) {
    const gk_param *list;
    size_t n = gk_model_params(m, &list), *place = gk_alloc(n * sizeof *place);
    gk_trained_places(list, n, gk_model_floats(m), gk_model_config(m)->n_layers, masks, place);
    for (size_t i = 0; i < n; i++)
        if (place[i] != GK_NOT_TRAINED)
            memcpy(some + place[i], all + list[i].offset, list[i].count * sizeof(float));
    memset(all, 0, gk_model_floats(m) * sizeof(float));
    gk_free(place);
}

static gk_model *trained(const gk_config *c, const uint32_t *masks, bool knows, bool recompute) {
    gk_model *m = gk_model_new(c, 3, NULL);
    const gk_param *list;
    size_t n = gk_model_params(m, &list), floats = gk_model_floats(m);
    gk_session_opts o = {.max_rows = TEXTS * LONGEST,
                         .backward = true,
                         .recompute = recompute,
                         .frozen = knows ? masks : NULL};
    gk_session *s = gk_session_make(c, &o, NULL);
    gk_adamw *a = gk_adamw_new(list, n, floats, &OPTS, masks, NULL);
    float *all = gk_alloc(floats * sizeof *all), *some = gk_alloc(gk_adamw_floats(a) * sizeof *some);
    for (int t = 1; t <= STEPS; t++) {
        texts x;
        double loss;
        int64_t targets;
        make_texts(&x, t);
        gk_backprop p = {.scale = 0.02f, .grad = knows ? some : all};
        ck_assert(gk_forward_backward(s, m, &x.batch, &p, &loss, &targets, NULL));
        if (!knows) pick(m, masks, all, some);
        gk_adamw_step(a, gk_model_data(m), some, t, 1e-2, gk_clip_factor(gk_adamw_norm(a, some), 1));
    }
    gk_adamw_free(a);
    gk_session_free(s);
    gk_free(all);
    gk_free(some);
    return m;
}

/* tolerance 0: to the bit. */
static void check(const gk_config *c, const char *freeze, double tolerance) {
    gk_recipe r;
    gk_recipe_default(&r);
    ck_assert(gk_recipe_set(&r, "freeze", freeze, GK_NOWHERE, NULL));
    uint32_t *masks = gk_alloc(((size_t)c->n_layers + 1) * sizeof *masks);
    ck_assert(gk_recipe_frozen(&r, c, masks, NULL));
    gk_model *want = trained(c, masks, false, false), *start = gk_model_new(c, 3, NULL);
    ck_assert_int_ne(memcmp(gk_model_data(want), gk_model_data(start), gk_model_floats(start) * 4), 0);
    for (int recompute = 0; recompute < 2; recompute++) {
        gk_model *got = trained(c, masks, true, recompute);
        for (size_t i = 0; i < gk_model_floats(got); i++) {
            double x = (double)gk_model_data(got)[i], y = (double)gk_model_data(want)[i];
            ck_assert_msg(fabs(x - y) <= tolerance, "%s, %s: weight %zu is %.9g, not %.9g",
                          gk_family_name(c->family), freeze, i, x, y);
        }
        gk_model_free(got);
    }
    gk_model_free(want);
    gk_model_free(start);
    gk_free(masks);
}

static const char *const NAMES[] = {"llama", "gpt2", "gpt_neox", "gemma2", "olmo2"};

START_TEST(frozen_runs_end_with_the_same_weights) {
    gk_config c;
    gk_config_default(gk_family_find(NAMES[_i]), VOCAB, &c);
    c.n_layers = 3;
    const char *embed = gk_config_has(&c, GK_POS) ? "embed,pos,all@1/3" : "embed,all@1/3";
    check(&c, embed, 0);
    check(&c, "lnf,all@0-1", 0);
    check(&c, "all@1,all@2", 0);
    check(&c, gk_config_has(&c, GK_POS) ? "embed,pos,ffn,norms,lnf" : "embed,ffn,norms,lnf", 0);
    /* Products of some of q, k and v only have sums in another order; AdamW's first steps are as large for
     * tiny gradients as for others. */
    check(&c, "k,up@0", 2e-3);
}
END_TEST

/* What is frozen has neither gradient nor moments; below the lowest layer that is trained no activations are
 * kept. */
START_TEST(frozen_parts_take_no_memory) {
    gk_config c;
    gk_config_default(gk_family_find("llama"), 2000, &c);
    for (int k = 0; k < 2; k++) {
        gk_recipe r, still;
        gk_model *m = gk_model_new(&c, 1, NULL);
        gk_train_memory all, less;
        size_t floats = gk_model_floats(m);
        gk_recipe_default(&r);
        r.memory = k ? GK_MEMORY_LEAN : GK_MEMORY_STANDARD;
        still = r;
        ck_assert(gk_recipe_set(&still, "freeze", "lnf,embed,all@1/2", GK_NOWHERE, NULL));
        uint32_t *masks = gk_alloc(((size_t)c.n_layers + 1) * sizeof *masks);
        ck_assert(gk_recipe_frozen(&still, &c, masks, NULL));
        size_t trained = gk_trained_floats(&c, masks);
        ck_assert_uint_lt(trained, floats / 2 + floats / 10);
        gk_train_memory_of(&r, &c, floats, 100, 0, &all);
        gk_train_memory_of(&still, &c, floats, 100, 0, &less);
        ck_assert_uint_eq(less.weights, all.weights);
        ck_assert_uint_eq(less.moments, k ? 3 * trained + trained / 32 : 8 * trained);
        if (!k) ck_assert_uint_eq(less.gradients, 4 * trained);
        ck_assert_uint_lt(less.gradients, all.gradients);
        ck_assert_uint_lt(less.activations, all.activations);
        gk_free(masks);
        gk_model_free(m);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("frozen");
    TCase *t = tcase_create("frozen");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, frozen_runs_end_with_the_same_weights, 0, sizeof NAMES / sizeof *NAMES);
    tcase_add_test(t, frozen_parts_take_no_memory);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
