/* modules: model core
 * kernels: under each instruction set
 *
 * test_backward.c: the ways in which a backward pass can run give one gradient: in several batches, with
 * frozen components or layers, with activations computed again, in pieces. On every fixture's configuration.
 */
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "tests/support/fixture_models.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <string.h>

enum { ROWS = 13 };
static const int32_t TOKENS[ROWS] = {1, 7, 9, 30, 32, 1, 4, 4, 1, 2, 3, 31, 8};
static const int32_t TARGETS[ROWS] = {7, 9, 30, 32, -1, 4, 4, -1, 2, 3, 31, 8, -1};
static const int32_t STARTS[] = {0, 5, 8, ROWS};
static const gk_batch THREE = {ROWS, 3, TOKENS, TARGETS, STARTS};

typedef struct setup {
    gk_model *m;
    size_t floats;
    float *whole; /* the gradient, in one pass */
    double loss;
} setup;

static double run_in(gk_session_opts o, const gk_model *m, const gk_batch *b, const gk_backprop *p) {
    gk_error err;
    char why[1024];
    o.max_rows = ROWS;
    o.backward = true;
    gk_session *s = gk_session_make(gk_model_config(m), &o, &err);
    double loss = 0;
    int64_t n;
    ck_assert_msg(s && gk_forward_backward(s, m, b, p, &loss, &n, &err), "%s",
                  gk_error_text(&err, why, sizeof why));
    gk_session_free(s);
    return loss;
}

static double run(const gk_model *m, const gk_batch *b, bool recompute, const gk_backprop *p) {
    return run_in((gk_session_opts){.recompute = recompute}, m, b, p);
}

static setup begin(int folder) {
    setup t = {.m = gk_model_load(FOLDERS[folder], NULL)};
    ck_assert_ptr_nonnull(t.m);
    t.floats = gk_model_floats(t.m);
    t.whole = gk_alloc(t.floats * sizeof(float));
    t.loss = run(t.m, &THREE, false, &(gk_backprop){.scale = 0.1f, .grad = t.whole});
    return t;
}

static void end(setup *t) {
    gk_model_free(t->m);
    gk_free(t->whole);
}

/* Sums in another order: to a float's rounding of the largest. */
static void assert_same(const setup *t, const float *grad, const char *how) {
    float largest = 0;
    for (size_t i = 0; i < t->floats; i++) largest = fmaxf(largest, fabsf(t->whole[i]));
    ck_assert(largest > 0);
    for (size_t i = 0; i < t->floats; i++)
        ck_assert_msg(fabsf(grad[i] - t->whole[i]) <= 3e-6f * largest, "%s: [%zu] is %g, not %g", how, i,
                      (double)grad[i], (double)t->whole[i]);
}

START_TEST(batches_add_up) {
    setup t = begin(_i);
    float *grad = gk_alloc(t.floats * sizeof(float));
    const int32_t s1[] = {0, 5, 8}, s2[] = {0, 5};
    gk_batch first = {8, 2, TOKENS, TARGETS, s1}, second = {5, 1, TOKENS + 8, TARGETS + 8, s2};
    gk_backprop p = {.scale = 0.1f, .grad = grad};
    double loss = run(t.m, &first, false, &p) + run(t.m, &second, false, &p);
    ck_assert_double_eq_tol(loss, t.loss, 1e-6 * t.loss);
    assert_same(&t, grad, "two batches");
    gk_free(grad);
    end(&t);
}
END_TEST

START_TEST(computing_again_changes_no_bit) {
    setup t = begin(_i);
    float *grad = gk_alloc(t.floats * sizeof(float));
    double loss = run(t.m, &THREE, true, &(gk_backprop){.scale = 0.1f, .grad = grad});
    ck_assert(loss == t.loss);
    ck_assert_int_eq(memcmp(grad, t.whole, t.floats * sizeof(float)), 0);
    gk_free(grad);
    end(&t);
}
END_TEST

/* Activations are off by up to 0.4%, weights by up to 0.8%, and what the layers make of that adds up. */
START_TEST(narrow_models_come_close) {
    setup t = begin(_i);
    ck_assert(gk_model_narrow(t.m, NULL));
    float *grad = gk_alloc(t.floats * sizeof(float)), *again = gk_alloc(t.floats * sizeof(float));
    gk_backprop p = {.scale = 0.1f, .grad = grad};
    double loss = run(t.m, &THREE, false, &p), off = 0, all = 0;
    ck_assert(loss != t.loss);
    ck_assert_double_eq_tol(loss, t.loss, 5e-3 * t.loss);
    for (size_t i = 0; i < t.floats; i++) {
        off += pow((double)grad[i] - (double)t.whole[i], 2);
        all += pow((double)t.whole[i], 2);
    }
    ck_assert_msg(off < 8e-2 * 8e-2 * all, "the gradient is off by %g of its norm", sqrt(off / all));
    p.grad = again;
    ck_assert(run(t.m, &THREE, false, &p) == loss);
    ck_assert_int_eq(memcmp(grad, again, t.floats * sizeof(float)), 0);
    gk_free(grad);
    gk_free(again);
    end(&t);
}
END_TEST

typedef struct pieces {
    float *grad;
    size_t floats, told;  /* parameters that were told of */
    size_t front, window; /* of them at the beginning of the vector, and most elsewhere at once */
} pieces;

static void take_piece(void *ctx, size_t from, size_t count, float *grad) {
    pieces *p = ctx;
    ck_assert_uint_le(from + count, p->floats);
    p->told += count;
    if (from == 0) p->front = count;
    if (from > 0 && count > p->window) p->window = count;
    for (size_t i = 0; i < count; i++) {
        p->grad[from + i] += grad[i];
        grad[i] = 0;
    }
}

START_TEST(pieces_make_up_the_whole) {
    setup t = begin(_i);
    pieces got = {.grad = gk_alloc(t.floats * sizeof(float)), .floats = t.floats};
    size_t front, window;
    gk_backprop_floats(gk_model_config(t.m), NULL, &front, &window);
    ck_assert_uint_lt(front + window, t.floats);
    gk_backprop p = {.scale = 0.1f,
                     .front = gk_alloc(front * sizeof(float)),
                     .window = gk_alloc(window * sizeof(float)),
                     .ready = take_piece,
                     .ctx = &got};
    run(t.m, &THREE, false, &p);
    ck_assert_uint_eq(got.told, t.floats);
    ck_assert_uint_eq(got.front, front);
    ck_assert_uint_eq(got.window, window);
    assert_same(&t, got.grad, "in pieces");
    for (size_t i = 0; i < front; i++) ck_assert(p.front[i] == 0);
    for (size_t i = 0; i < window; i++) ck_assert(p.window[i] == 0);
    gk_free(p.front);
    gk_free(p.window);
    gk_free(got.grad);
    end(&t);
}
END_TEST

/* ---------------------------------------------------------------- frozen parts */

/* The whole gradient's arrays that are trained, as a session with these masks lays them out. */
typedef struct expected {
    float *grad;
    size_t floats;
} expected;

static expected without_frozen(const setup *t, const uint32_t *masks) {
    const gk_param *list;
    size_t n = gk_model_params(t->m, &list), *place = gk_alloc(n * sizeof *place), frozen = 0, at = 0;
    const gk_config *c = gk_model_config(t->m);
    expected e = {.floats = gk_trained_places(list, n, t->floats, c->n_layers, masks, place)};
    ck_assert_uint_eq(e.floats, gk_trained_floats(c, masks));
    ck_assert_uint_lt(e.floats, t->floats);
    e.grad = gk_alloc(e.floats * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        bool still = masks[list[i].layer < 0 ? c->n_layers : list[i].layer] >> list[i].comp & 1u;
        ck_assert((place[i] == GK_NOT_TRAINED) == still);
        frozen += still;
        if (still) continue;
        ck_assert(place[i] >= at && place[i] + list[i].count <= e.floats); /* in order, none over another */
        at = place[i] + list[i].count;
        memcpy(e.grad + place[i], t->whole + list[i].offset, list[i].count * sizeof(float));
    }
    ck_assert(frozen > 0 && frozen < n);
    gk_free(place);
    return e;
}

static double largest(const setup *t) {
    double most = 0;
    for (size_t i = 0; i < t->floats; i++) most = fmax(most, fabs((double)t->whole[i]));
    return most;
}

/* What is trained has the gradient it has where nothing is frozen, in a session that keeps all activations
 * and in one that computes them again; the pieces are that gradient too. */
static void check_frozen(const setup *t, const uint32_t *masks, int lowest) {
    const gk_config *c = gk_model_config(t->m);
    expected e = without_frozen(t, masks);
    double tolerance = 3e-6 * largest(t);
    for (int how = 0; how < 3; how++) {
        size_t front, window;
        pieces got = {.grad = gk_alloc(e.floats * sizeof(float)), .floats = e.floats};
        gk_backprop p = {.scale = 0.1f, .ready = take_piece, .ctx = &got};
        gk_backprop_floats(c, masks, &front, &window);
        if (how < 2)
            p.grad = got.grad;
        else {
            p.front = gk_alloc(front * sizeof(float));
            p.window = gk_alloc(window * sizeof(float));
        }
        gk_session_opts o = {.frozen = masks, .recompute = how == 1};
        double loss = run_in(o, t->m, &THREE, &p);
        ck_assert(fabs(loss - t->loss) <= (how < 2 ? 0 : 1e-6 * t->loss));
        for (size_t i = 0; i < e.floats; i++)
            ck_assert_msg(fabs((double)got.grad[i] - (double)e.grad[i]) <= tolerance,
                          "way %d: [%zu] is %g, not %g", how, i, (double)got.grad[i], (double)e.grad[i]);
        gk_free(p.front);
        gk_free(p.window);
        gk_free(got.grad);
    }
    gk_session_opts kept = {.max_rows = ROWS, .backward = true}, still = kept;
    still.frozen = masks;
    size_t less = gk_session_size(c, &kept) - gk_session_size(c, &still);
    if (lowest > 0) ck_assert_uint_ge(less, (size_t)lowest * ROWS * (size_t)c->d_model * sizeof(float));
    gk_session *s = gk_session_make(c, &still, NULL);
    ck_assert_int_eq(gk_session_lowest(s), lowest);
    gk_session_free(s);
    gk_free(e.grad);
}

START_TEST(frozen_parts_have_no_gradient_and_change_no_other) {
    setup t = begin(_i);
    const gk_config *c = gk_model_config(t.m);
    int layers = c->n_layers;
    uint32_t *masks = gk_alloc(((size_t)layers + 1) * sizeof *masks), all = (1u << GK_N_COMPONENTS) - 1;
    for (int l = 0; l <= layers; l++) masks[l] = 1u << GK_LNF | 1u << GK_K | 1u << GK_EMBED;
    check_frozen(&t, masks, 0);
    /* Nothing below the last layer but its down: the pass may end there. */
    for (int l = 0; l < layers; l++) masks[l] = all;
    masks[layers - 1] = all & ~(1u << GK_DOWN);
    masks[layers] = 1u << GK_EMBED | 1u << GK_POS;
    check_frozen(&t, masks, layers - 1);
    /* The layers above the first give their gradient on, and have none of their own. */
    for (int l = 1; l < layers; l++) masks[l] = all;
    masks[0] = 0;
    masks[layers] = all;
    check_frozen(&t, masks, 0);
    /* No layer is trained at all. */
    masks[0] = all;
    masks[layers - 1] = all;
    masks[layers] = all & ~(1u << GK_LNF);
    check_frozen(&t, masks, layers);
    gk_free(masks);
    end(&t);
}
END_TEST

int main(void) {
    find_folders();
    Suite *suite = suite_create("backward");
    TCase *t = tcase_create("backward");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, batches_add_up, 0, n_folders);
    tcase_add_loop_test(t, computing_again_changes_no_bit, 0, n_folders);
    tcase_add_loop_test(t, narrow_models_come_close, 0, n_folders);
    tcase_add_loop_test(t, pieces_make_up_the_whole, 0, n_folders);
    tcase_add_loop_test(t, frozen_parts_have_no_gradient_and_change_no_other, 0, n_folders);
    suite_add_tcase(suite, t);
    int failed = run_suite(suite);
    free_folders();
    return failed;
}
