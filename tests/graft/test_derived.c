/* test_derived.c: donors that are no checkpoints, against checkpoints that are made from their definition.
 * kernels: under each instruction set
 * modules: graft model tokenizer core */
#include "graftkit/core/threads.h"
#include "graftkit/graft/derive.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/difference.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/exact_svd.h"

#include <stdlib.h>

/* ---------------------------------------------------------------- by definition */

typedef struct entry {
    double size;
    size_t at;
} entry;

static int by_size(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->size > y->size || x->size < y->size) return x->size > y->size ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

/* x: the recipient's values, which become the derived donor's; y: the donor's. */
static void derive_matrix(const gk_derivation *d, const gk_param *p, float *x, const float *y) {
    size_t n = p->count, k = (size_t)llround(d->value * (double)n);
    double *delta = gk_alloc(n * sizeof *delta);
    entry *list = gk_alloc(n * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        delta[i] = (double)y[i] - (double)x[i];
        list[i] = (entry){fabs((double)(y[i] - x[i])), i};
    }
    if (d->kind == GK_DERIVE_RANK) truncate_matrix(p->out, p->in, delta, d->rank);
    if (d->kind == GK_DERIVE_TOP) qsort(list, n, sizeof *list, by_size);
    for (size_t i = 0; i < n; i++) {
        if (d->kind == GK_DERIVE_RANK) x[i] = (float)((double)x[i] + delta[i]);
        if (d->kind == GK_DERIVE_ALPHA) x[i] = (float)((double)x[i] + d->value * delta[i]);
    }
    for (size_t i = 0; d->kind == GK_DERIVE_TOP && i < (k ? k : 1); i++) x[list[i].at] = y[list[i].at];
    gk_free(delta);
    gk_free(list);
}

/* The checkpoint that gk_derive must be equal to. */
static gk_model *by_definition(const gk_model *recipient, const gk_model *donor, const gk_derivation *d) {
    gk_model *m = gk_model_copy(recipient), *other = gk_model_copy(donor);
    const gk_param *list;
    size_t n = gk_model_params(m, &list);
    for (size_t i = 0; i < n; i++) {
        float *x = gk_model_data(m) + list[i].offset, *y = gk_model_data(other) + list[i].offset;
        bool vector = list[i].bias || gk_component_is_norm(list[i].comp);
        if (vector && d->kind != GK_DERIVE_ALPHA)
            memcpy(x, y, list[i].count * sizeof *x);
        else
            derive_matrix(d, &list[i], x, y);
    }
    gk_model_free(other);
    return m;
}

/* ---------------------------------------------------------------- running */

/* A cast of derived donors beside the same as checkpoints. */
typedef struct pair {
    bench b;
    int checkpoints; /* the first of the cast */
    gk_factors *f;
    gk_adapter *adapter;
    gk_cast plain; /* b.cast, with checkpoints in the place of derived donors */
    gk_model *made[GK_MAX_MODELS];
    gk_derived *derived[GK_MAX_MODELS];
} pair;

static pair open_pair(int number, uint64_t seed, int most_rank) {
    pair p = {.b = start_kind(number, seed)};
    gk_error err = {0};
    gk_factors_opts o = {.rank = most_rank};
    p.f = gk_factors_make(p.b.own[0], p.b.own[1], &o, &err);
    ck_assert_msg(p.f != NULL, "%s", err.what);
    p.plain = p.b.cast;
    p.checkpoints = p.b.cast.n;
    return p;
}

static void close_pair(pair *p) {
    for (int i = 0; i < GK_MAX_MODELS; i++) {
        gk_derived_free(p->derived[i]);
        gk_model_free(p->made[i]);
    }
    gk_factors_free(p->f);
    gk_adapter_free(p->adapter);
    p->b.cast.n = p->checkpoints;
    stop(&p->b);
}

static int put(pair *p, const char *name, const gk_model *model, gk_derived *derived, gk_model *made) {
    int i = p->b.cast.n;
    ck_assert_ptr_nonnull(derived);
    p->b.cast.name[i] = p->plain.name[i] = name;
    p->b.cast.model[i] = model;
    p->b.cast.derived[i] = p->derived[i] = derived;
    p->plain.model[i] = p->made[i] = made;
    p->b.cast.n = p->plain.n = i + 1;
    return i;
}

static int add(pair *p, const char *name, gk_derivation d) {
    gk_error err = {0};
    gk_derived *derived = gk_derive(p->b.own[0], p->b.own[1], &d, p->f, &err);
    ck_assert_msg(derived != NULL, "%s", err.what);
    return put(p, name, p->b.own[1], derived, by_definition(p->b.own[0], p->b.own[1], &d));
}

/* An adapter of all matrices, whose B is not zero, on model `base`. */
static int add_adapter(pair *p, const char *name, int base) {
    gk_error err = {0};
    gk_lora o = {.rank = 3, .alpha = 5, .targets = GK_LORA_ATTN | GK_LORA_FFN};
    p->adapter = gk_adapter_new(&p->b.c, &o, 7, &err);
    ck_assert_msg(p->adapter != NULL, "%s", err.what);
    for (size_t i = 0; i < gk_adapter_floats(p->adapter); i++)
        gk_adapter_data(p->adapter)[i] = (float)(0.2 * gk_rng_normal(&p->b.rng));
    gk_model *merged = gk_model_copy(p->b.own[base]);
    ck_assert(gk_adapter_merge(p->adapter, merged, &err));
    return put(p, name, p->b.own[base], gk_derive_adapter(p->b.own[base], p->adapter, &err), merged);
}

/* Singular values that are nearly equal, as those of random matrices are, turn into each other by the
 * rounding of floats. */
static const double RANK_TOLERANCE = 5e-5;

/* The same plans on both casts: of any models, or of checkpoints and in half of the slots `only`. */
static void compare(pair *p, int only, double tolerance) {
    gk_job jobs[12];
    for (int i = 0; i < 12; i++) {
        int all = p->b.cast.n;
        jobs[i] = next_job(&p->b, i % 3 ? &jobs[i - 1] : NULL, VOCAB);
        if (only >= 0) p->b.cast.n = p->checkpoints;
        gk_plan *plan = i == 0 && only >= 0 ? single(&p->b, jobs[i].n, only) : random_plan(&p->b, jobs[i].n);
        p->b.cast.n = all;
        for (int s = 0; only >= 0 && s < plan->n_slots * jobs[i].n; s++)
            if (gk_rng_below(&p->b.rng, 2)) plan->model[s] = (uint8_t)only;
        jobs[i].plan = plan;
    }
    results *have = run(&p->b, jobs, 12, 1 << 30, NULL);
    gk_cast derived = p->b.cast;
    p->b.cast = p->plain;
    results *want = run(&p->b, jobs, 12, 1 << 30, NULL);
    for (int i = 0; i < 12; i++) close_to(have->logits[i], want->logits[i], tolerance);
    assert_defined(&p->b, jobs, have, 1);
    p->b.cast = derived;
}

/* ---------------------------------------------------------------- each kind, every family */

static const struct {
    const char *name;
    gk_derivation d;
} DERIVED[] = {
    {"r1", {GK_DERIVE_RANK, 1, 0}},       {"r5", {GK_DERIVE_RANK, 5, 0}},
    {"r19", {GK_DERIVE_RANK, 19, 0}},     {"tiny", {GK_DERIVE_TOP, 0, 1e-9}},
    {"tenth", {GK_DERIVE_TOP, 0, 0.1}},   {"most", {GK_DERIVE_TOP, 0, 0.77}},
    {"half", {GK_DERIVE_ALPHA, 0, 0.5}},  {"beyond", {GK_DERIVE_ALPHA, 0, 1.75}},
    {"away", {GK_DERIVE_ALPHA, 0, -0.5}},
};
enum { N_DERIVED = sizeof DERIVED / sizeof *DERIVED };

/* One after the other joins the cast: each is tried for itself, and among those before it. */
START_TEST(derived_is_the_checkpoint) {
    pair p = open_pair(_i, 600 + (uint64_t)_i, 19);
    for (int i = 0; i < N_DERIVED; i++)
        compare(&p, add(&p, DERIVED[i].name, DERIVED[i].d),
                DERIVED[i].d.kind == GK_DERIVE_RANK ? RANK_TOLERANCE : 1e-5);
    add_adapter(&p, "lora", 0);
    compare(&p, -1, RANK_TOLERANCE);
    close_pair(&p);
}
END_TEST

START_TEST(adapter_is_its_merge) {
    pair p = open_pair(_i, 700 + (uint64_t)_i, 1);
    compare(&p, add_adapter(&p, "lora", 0), 1e-5);
    close_pair(&p);
    p = open_pair(_i, 750 + (uint64_t)_i, 1);
    compare(&p, add_adapter(&p, "lora", 1), 1e-5); /* of another base than the recipient */
    close_pair(&p);
}
END_TEST

/* ---------------------------------------------------------------- ends of the scale */

/* Models i and j of the cast are one to the engine. */
static void counts_as(pair *p, int i, int j) {
    gk_job jobs[8];
    for (int k = 0; k < 8; k += 2) {
        int n = 2 + k;
        jobs[k] = (gk_job){random_tokens(&p->b, n, VOCAB), n, single(&p->b, n, i)};
        jobs[k + 1] = (gk_job){jobs[k].token, n, single(&p->b, n, j)};
    }
    assert_pairs_are_one(&p->b, jobs, 8);
}

START_TEST(ends_are_recipient_and_donor) {
    gk_threads_set(2);
    pair p = open_pair(_i, 900 + (uint64_t)_i, 24);
    counts_as(&p, add(&p, "none", (gk_derivation){GK_DERIVE_ALPHA, 0, 0}), 0);
    counts_as(&p, add(&p, "minus", (gk_derivation){GK_DERIVE_ALPHA, 0, -0.0}), 0);
    counts_as(&p, add(&p, "one", (gk_derivation){GK_DERIVE_ALPHA, 0, 1}), 1);
    counts_as(&p, add(&p, "whole", (gk_derivation){GK_DERIVE_RANK, 24, 0}), 1);
    counts_as(&p, add(&p, "every", (gk_derivation){GK_DERIVE_TOP, 0, 1}), 1);
    int r2 = add(&p, "r2", (gk_derivation){GK_DERIVE_RANK, 2, 0});
    counts_as(&p, add(&p, "again", (gk_derivation){GK_DERIVE_RANK, 2, 0}), r2);
    /* Alone in a cast, without the donor, it still gives the donor's bits. */
    gk_job job = {random_tokens(&p.b, 5, VOCAB), 5, single(&p.b, 5, 1)};
    results *want = run(&p.b, &job, 1, 1 << 20, NULL);
    p.b.cast.derived[1] = p.derived[p.checkpoints + 2];
    p.b.cast.n = 2;
    results *have = run(&p.b, &job, 1, 1 << 20, NULL);
    ck_assert_mem_eq(have->logits[0], want->logits[0], sizeof have->logits[0]);
    close_pair(&p);
}
END_TEST

/* A donor that differs from the recipient in one matrix shares all other rows, however it is derived. */
START_TEST(what_is_equal_is_shared) {
    bench b = start("gpt2", 4, true, 2, 31);
    gk_model *copy = with_other_down(b.own[0]);
    gk_factors_opts o = {.rank = 4};
    gk_factors *f = gk_factors_make(b.own[0], copy, &o, NULL);
    ck_assert_uint_eq(gk_factors_matrices(f), 1);
    const int32_t token[3] = {1, 2, 3};
    gk_job jobs[2] = {{token, 3, single(&b, 3, 0)}, {token, 3, single(&b, 3, 1)}};
    gk_graft_stats alone = {0};
    run(&b, jobs, 1, 1 << 30, &alone);
    const gk_derivation how[] = {{GK_DERIVE_RANK, 1, 0}, {GK_DERIVE_TOP, 0, 0.01}, {GK_DERIVE_ALPHA, 0, 0.3}};
    for (int i = 0; i < 3; i++) {
        gk_derived *d = gk_derive(b.own[0], copy, &how[i], f, NULL);
        b.cast.derived[1] = d;
        gk_graft_stats s = {0};
        results *r = run(&b, jobs, 2, 1 << 30, &s);
        ck_assert_uint_eq(s.rows_unique, alone.rows_unique + 4); /* down, add, lnf, head */
        ck_assert(memcmp(r->logits[0], r->logits[1], sizeof r->logits[0]) != 0);
        gk_derived_free(d);
    }
    gk_lora lora = {.rank = 2, .alpha = 2, .targets = GK_LORA_FFN};
    gk_adapter *fresh = gk_adapter_new(&b.c, &lora, 1, NULL);
    gk_derived *d = gk_derive_adapter(b.own[0], fresh, NULL);
    b.cast.derived[1] = d;
    gk_graft_stats s = {0};
    run(&b, jobs, 2, 1 << 30, &s); /* its B is zero */
    ck_assert_uint_eq(s.rows_unique, alone.rows_unique);
    gk_derived_free(d);
    gk_adapter_free(fresh);
    gk_factors_free(f);
    gk_model_free(copy);
    stop(&b);
}
END_TEST

/* Equal differences: the first in order are taken. */
START_TEST(ties_go_to_the_first) {
    bench b = start("llama", 4, false, 2, 32);
    gk_model *donor = gk_model_copy(b.own[0]);
    const gk_param *list;
    size_t n = gk_model_params(donor, &list);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < list[i].count; k++) {
            float *x = gk_model_data(b.own[0]) + list[i].offset, *y = gk_model_data(donor) + list[i].offset;
            if (gk_component_is_norm(list[i].comp)) continue;
            x[k] = k % 2 ? 0.25f : -0.5f; /* so that differences are exact */
            y[k] = x[k] + (k % 3 ? -0.125f : 0.125f);
        }
    gk_model_free(b.own[1]);
    b.cast.model[1] = b.own[1] = donor;
    pair p = {.b = b, .checkpoints = 2, .plain = b.cast};
    int m = add(&p, "half", (gk_derivation){GK_DERIVE_TOP, 0, 0.5});
    compare(&p, m, 1e-5);
    close_pair(&p);
}
END_TEST

/* A recipient whose file has 16-bit weights, which stay in it, and a donor in floats. */
START_TEST(sixteen_bits) {
    static const char *const fixtures[] = {"gemma2", "qwen2"};
    gk_error err = {0};
    char dir[256];
    snprintf(dir, sizeof dir, GK_SOURCE_DIR "/tests/fixtures/model/%s", fixtures[_i]);
    gk_model *half = gk_model_open(dir, &err), *same = gk_model_load(dir, &err);
    ck_assert_msg(half && same && gk_model_config(half)->vocab == VOCAB, "%s", err.what);
    ck_assert_ptr_nonnull(gk_model_tensor(half, 0, GK_Q).h);
    bench b = {.c = *gk_model_config(half), .a = gk_arena_new()};
    gk_rng_seed(&b.rng, 5, "donor");
    gk_model *donor = gk_model_copy(same);
    for (size_t i = 0; i < gk_model_floats(donor); i++)
        gk_model_data(donor)[i] += (float)(0.02 * gk_rng_normal(&b.rng));
    gk_factors_opts o = {.rank = 3};
    gk_factors *f = gk_factors_make(half, donor, &o, &err);
    const int32_t *token = random_tokens(&b, 6, VOCAB);
    for (int i = 0; i < N_DERIVED; i++) {
        gk_derivation d = DERIVED[i].d;
        if (d.kind == GK_DERIVE_RANK && d.rank > o.rank) continue;
        gk_derived *derived = gk_derive(half, donor, &d, f, &err);
        gk_model *made = by_definition(same, donor, &d);
        gk_job job = {token, 6, single(&b, 6, 1)};
        b.cast = (gk_cast){.name = {"pre", "x"}, .model = {half, donor}, .derived = {NULL, derived}, .n = 2};
        results *have = run(&b, &job, 1, 1 << 30, NULL);
        b.cast.model[1] = made;
        b.cast.derived[1] = NULL;
        close_to(have->logits[0], run(&b, &job, 1, 1 << 30, NULL)->logits[0], 1e-5);
        gk_derived_free(derived);
        gk_model_free(made);
    }
    gk_factors_free(f);
    gk_model_free(donor);
    gk_model_free(same);
    gk_model_free(half);
    gk_arena_free(b.a);
}
END_TEST

/* ---------------------------------------------------------------- what is refused */

START_TEST(bad_derivations) {
    bench b = start("llama", 2, false, 2, 33);
    static const struct {
        gk_derivation d;
        const char *words;
    } bad[] = {
        {{GK_DERIVE_RANK, 0, 0}, "cannot be 0"},       {{GK_DERIVE_RANK, -3, 0}, "cannot be -3"},
        {{GK_DERIVE_RANK, 25, 0}, "cannot be 25"},     {{GK_DERIVE_TOP, 0, 0}, "fraction of entries"},
        {{GK_DERIVE_TOP, 0, 1.01}, "cannot be 1.01"},  {{GK_DERIVE_TOP, 0, NAN}, "cannot be"},
        {{GK_DERIVE_ALPHA, 0, NAN}, "alpha cannot"},   {{GK_DERIVE_ALPHA, 0, INFINITY}, "alpha cannot"},
        {{GK_DERIVE_ALPHA, 0, 1e300}, "alpha cannot"}, {{GK_DERIVE_RANK, 3, 0}, "no factors"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gk_error err = {0};
        ck_assert_ptr_null(gk_derive(b.own[0], b.own[1], &bad[i].d, NULL, &err));
        ck_assert_msg(strstr(err.what, bad[i].words) != NULL, "'%s' lacks '%s'", err.what, bad[i].words);
    }
    gk_config wide = b.c;
    wide.d_ffn = 22;
    gk_model *other = random_model(&wide, 1);
    gk_derivation half = {GK_DERIVE_ALPHA, 0, 0.5};
    gk_error err = {0};
    ck_assert_ptr_null(gk_derive(b.own[0], other, &half, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "differ in intermediate_size"));
    gk_lora lora = {.rank = 2, .alpha = 2, .targets = GK_LORA_FFN};
    gk_adapter *a = gk_adapter_new(&wide, &lora, 1, NULL);
    ck_assert_ptr_null(gk_derive_adapter(b.own[0], a, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "differ in intermediate_size"));
    gk_adapter_free(a);
    gk_model_free(other);
    stop(&b);
}
END_TEST

int main(void) {
    gk_threads_set(1); /* tiny matrices: threads would but wait for each other */
    TCase *t = tcase_create("derived");
    tcase_set_timeout(t, 240);
    tcase_add_loop_test(t, derived_is_the_checkpoint, 0, N_KINDS);
    tcase_add_loop_test(t, adapter_is_its_merge, 0, N_KINDS);
    tcase_add_loop_test(t, ends_are_recipient_and_donor, 0, N_KINDS);
    tcase_add_test(t, what_is_equal_is_shared);
    tcase_add_test(t, ties_go_to_the_first);
    tcase_add_loop_test(t, sixteen_bits, 0, 2);
    tcase_add_test(t, bad_derivations);
    Suite *s = suite_create("derived");
    suite_add_tcase(s, t);
    return run_suite(s);
}
