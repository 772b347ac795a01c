/* modules: model core
 *
 * test_diff.c: two models compared: against loops in double, and spectra against an exact decomposition. */
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/difference.h"
#include "graftkit/model/weights.h"
#include "model/difference/spectrum.h"
#include "tests/support/exact_svd.h"
#include "tests/support/fixture_models.h"
#include "tests/support/scratch.h"

#include <math.h>

static char why[2048];

/* ---------------------------------------------------------------- spectra */

static const struct {
    int out, in, rank, k;
    double decay, error; /* of each value, relative to the largest */
} SPECTRA[] = {
    {30, 20, 20, 20, 0.9, 1e-6},    {20, 30, 20, 20, 0.9, 1e-6}, /* all of them */
    {150, 120, 120, 64, 0.9, 1e-5}, {120, 150, 120, 16, 0.7, 1e-5},
    {160, 90, 3, 16, 0.5, 1e-6},                                  /* fewer than are asked for */
    {90, 160, 1, 4, 1, 1e-6},       {150, 150, 150, 16, 1, 0.02}, /* nearly flat: the hard case */
    {1, 40, 1, 1, 1, 1e-6},         {40, 1, 1, 1, 1, 1e-6},
    {2100, 24, 24, 8, 0.8, 1e-6}, /* several blocks of rows */
    {80, 60, 60, 16, 0.05, 1e-6}, /* squares beyond what floats tell apart */
};

START_TEST(spectra_are_exact_ones) {
    int out = SPECTRA[_i].out, in = SPECTRA[_i].in, k = SPECTRA[_i].k;
    matrix m = random_matrix(out, in, SPECTRA[_i].rank, SPECTRA[_i].decay);
    double *exact = gk_alloc((size_t)out * (size_t)in * sizeof *exact), want[256], have[256], again[256];
    for (int i = 0; i < out * in; i++) exact[i] = (double)m.x[i];
    svd(out, in, exact, want);
    gk_spectrum__matrix rows = {.out = out, .in = in, .read = read_matrix, .ctx = &m};
    ck_assert(gk_spectrum__values(&rows, k, 3, NULL, NULL, have));
    ck_assert(gk_spectrum__values(&rows, k, 3, NULL, NULL, again));
    double sum = 0, sum_want = 0;
    for (int i = 0; i < k; i++) {
        ck_assert_double_eq_tol(have[i] / want[0], want[i] / want[0], SPECTRA[_i].error);
        ck_assert(i == 0 || have[i] <= have[i - 1]);
        sum += have[i] * have[i];
        sum_want += want[i] * want[i];
    }
    ck_assert_double_eq_tol(sum / sum_want, 1, 2e-3);
    ck_assert_int_eq(memcmp(have, again, (size_t)k * sizeof *have), 0);
    gk_free(exact);
    gk_free(m.x);
}
END_TEST

START_TEST(eigenvectors) {
    enum { N = 12 };
    double m[N * N], kept[N * N], value[N], vector[N * N];
    gk_rng rng;
    gk_rng_seed(&rng, 9, "eigen");
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) m[i * N + j] = m[j * N + i] = gk_rng_normal(&rng);
    memcpy(kept, m, sizeof m);
    gk_spectrum__eigen(N, m, value, vector);
    for (int e = 0; e < N; e++) {
        ck_assert(e == 0 || value[e] <= value[e - 1]);
        for (int i = 0; i < N; i++) {
            double sum = 0, dot = 0;
            for (int j = 0; j < N; j++) sum += kept[i * N + j] * vector[e * N + j];
            for (int j = 0; j < N; j++) dot += vector[i * N + j] * vector[e * N + j];
            ck_assert_double_eq_tol(sum, value[e] * vector[e * N + i], 1e-10);
            ck_assert_double_eq_tol(dot, i == e, 1e-12);
        }
    }
}
END_TEST

/* ---------------------------------------------------------------- models */

static gk_model *open_model(const char *path) {
    gk_error err = {0};
    gk_model *m = gk_model_open(path, &err);
    ck_assert_msg(m != NULL, "%s", gk_error_text(&err, why, sizeof why));
    return m;
}

static gk_diff *compare(const gk_model *a, const gk_model *b, int rank) {
    gk_error err = {0};
    gk_diff *d = gk_model_diff(a, b, rank, NULL, &err);
    ck_assert_msg(d != NULL, "%s", gk_error_text(&err, why, sizeof why));
    return d;
}

static float *weights_of(gk_model *m, int layer, gk_component c) {
    return gk_model_data(m) + (gk_model_tensor(m, layer, c).w - gk_model_data(m));
}

static gk_config config_of(const char *family) {
    gk_config c;
    gk_config_default(gk_family_find(family), 40, &c);
    c.d_model = 24, c.n_layers = 2, c.n_heads = c.n_kv_heads = 2, c.d_ffn = 34, c.max_positions = 16;
    gk_config_derive(&c);
    return c;
}

static const char *const FAMILIES[] = {"llama", "gpt2", "gpt_neox", "gemma", "gemma2", "qwen2", "olmo2"};

static double length(const float *x, size_t n, double offset) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += ((double)x[i] + offset) * ((double)x[i] + offset);
    return sqrt(sum);
}

static void check_item(const gk_diff *d, const gk_diff_item *i, const gk_model *a, const gk_model *b) {
    gk_tensor x = gk_model_tensor(a, i->layer, i->comp), y = gk_model_tensor(b, i->layer, i->comp);
    size_t n = (size_t)x.out * (size_t)x.in, n_bias = x.b ? (size_t)x.out : 0;
    double offset = gk_component_is_norm(i->comp) && d->config.norm_offset ? 1 : 0;
    double *delta = gk_alloc((n + n_bias) * sizeof *delta), weights = 0, all = 0, sigma[256];
    for (size_t v = 0; v < n + n_bias; v++) {
        delta[v] = v < n ? (double)y.w[v] - (double)x.w[v] : (double)y.b[v - n] - (double)x.b[v - n];
        all += delta[v] * delta[v];
        weights += v < n ? delta[v] * delta[v] : 0;
    }
    double norm = hypot(length(x.w, n, offset), x.b ? length(x.b, n_bias, 0) : 0);
    ck_assert_uint_eq(i->values, n + n_bias);
    ck_assert_double_eq_tol(i->norm_a / norm, 1, 1e-9);
    ck_assert_double_eq_tol(i->delta / sqrt(all), 1, 1e-9);
    ck_assert_double_eq_tol(gk_diff_relative(i), sqrt(all) / norm, 1e-9);
    ck_assert_int_eq(i->n_sigma, gk_component_is_norm(i->comp) ? 0 : i->out < i->in ? i->out : i->in);
    if (i->n_sigma) {
        svd(i->out, i->in, delta, sigma);
        double sum = 0;
        for (int r = 0; r < i->n_sigma; r++) {
            sum += sigma[r] * sigma[r];
            ck_assert_double_eq_tol(gk_diff_share(i, r + 1), sum / weights, 1e-5);
        }
        ck_assert_double_eq_tol(gk_diff_stable_rank(i) / (weights / (sigma[0] * sigma[0])), 1, 1e-5);
        ck_assert_double_eq_tol(gk_diff_share(i, 1000), 1, 1e-5);
    } else {
        ck_assert(isnan(gk_diff_share(i, 1)) && isnan(gk_diff_stable_rank(i)));
    }
    gk_free(delta);
}

START_TEST(every_component_against_loops) {
    gk_config c = config_of(FAMILIES[_i]);
    gk_model *a = gk_model_new(&c, 1, NULL), *b = gk_model_new(&c, 2, NULL);
    gk_rng rng;
    gk_rng_seed(&rng, 4, "nudge");
    float *x = gk_model_data(b); /* biases and norms differ too */
    const gk_param *list;
    size_t n = gk_model_params(b, &list), values = 0;
    for (size_t p = 0; p < n; p++)
        for (size_t i = 0; i < list[p].count; i++)
            x[list[p].offset + i] += 0.01f * (float)gk_rng_normal(&rng);
    gk_diff *d = compare(a, b, 64);
    double delta = 0, norm = 0;
    for (size_t i = 0; i < d->n; i++) {
        check_item(d, &d->item[i], a, b);
        values += d->item[i].values;
        delta += pow(d->item[i].delta, 2);
        norm += pow(d->item[i].norm_a, 2);
        ck_assert_ptr_eq(gk_diff_find(d, d->item[i].layer, d->item[i].comp), &d->item[i]);
    }
    ck_assert_uint_eq(values, gk_model_count(a));
    ck_assert_double_eq_tol(gk_diff_relative_of(d, -2, GK_N_COMPONENTS), sqrt(delta / norm), 1e-12);
    double q0 = gk_diff_relative(gk_diff_find(d, 0, GK_Q));
    ck_assert_double_eq(gk_diff_relative_of(d, 0, GK_Q), q0);
    ck_assert_double_ne(gk_diff_relative_of(d, -2, GK_Q), q0);
    gk_diff_free(d);
    gk_model_free(a);
    gk_model_free(b);
}
END_TEST

/* The file's own types against floats of the same values: nothing differs, and exactly. */
START_TEST(equal_values_are_exactly_equal) {
    scratch s = scratch_new();
    gk_model *mapped = open_model(FOLDERS[_i]), *loaded = gk_model_load(FOLDERS[_i], NULL);
    ck_assert(gk_model_save(loaded, scratch_path(&s, "f32"), NULL));
    gk_model *floats = open_model(scratch_path(&s, "f32"));
    gk_diff *d = compare(mapped, floats, 4);
    ck_assert_uint_gt(d->n, 10);
    for (size_t i = 0; i < d->n; i++) {
        ck_assert(d->item[i].delta == 0 && d->item[i].changed == 0 && d->item[i].n_sigma == 0);
        ck_assert(gk_diff_relative(&d->item[i]) == 0 && d->item[i].norm_a == d->item[i].norm_b);
    }
    ck_assert(gk_diff_relative_of(d, -2, GK_N_COMPONENTS) == 0);
    gk_diff_free(d);
    gk_model_free(mapped);
    gk_model_free(loaded);
    gk_model_free(floats);
    scratch_free(&s);
}
END_TEST

START_TEST(one_direction_in_one_matrix) {
    gk_config c = config_of("llama");
    gk_model *a = gk_model_new(&c, 1, NULL), *b = gk_model_new(&c, 1, NULL);
    float *w = weights_of(b, 1, GK_UP);
    for (int i = 0; i < c.d_ffn; i++)
        for (int j = 0; j < c.d_model; j++)
            w[i * c.d_model + j] += 1e-3f * (float)(i + 1) * (float)(j % 5 - 2);
    gk_diff *d = compare(a, b, 4);
    for (size_t i = 0; i < d->n; i++) {
        bool it = d->item[i].layer == 1 && d->item[i].comp == GK_UP;
        ck_assert(it == (d->item[i].delta > 0) && it == (d->item[i].n_sigma == 4));
        if (!it) continue;
        ck_assert_double_eq_tol(gk_diff_stable_rank(&d->item[i]), 1, 1e-4);
        ck_assert_double_eq_tol(gk_diff_share(&d->item[i], 1), 1, 1e-4);
        ck_assert(isnan(gk_diff_share(&d->item[i], 5)) && isnan(gk_diff_share(&d->item[i], 0)));
        ck_assert_uint_lt(d->item[i].changed, d->item[i].values); /* every fifth column stayed */
        ck_assert_uint_gt(d->item[i].changed, d->item[i].values / 2);
    }
    gk_diff_free(d);
    gk_model_free(a);
    gk_model_free(b);
}
END_TEST

/* A bias counts in the norm and has no directions; differences far below and above 1 are no trouble. */
START_TEST(biases_zeros_and_sizes) {
    gk_config c = config_of("gpt2");
    gk_model *a = gk_model_new(&c, 1, NULL), *b = gk_model_new(&c, 1, NULL);
    gk_tensor q = gk_model_tensor(b, 0, GK_Q);
    gk_model_data(b)[q.b - gk_model_data(b)] = 3;
    weights_of(b, 0, GK_DOWN)[7] += 1e18f;
    memset(weights_of(a, 1, GK_O), 0, sizeof(float) * (size_t)(c.d_model * c.d_model));
    for (int i = 0; i < c.d_model * c.d_model; i++) weights_of(b, 1, GK_O)[i] = i == 5 ? 1e-30f : 0;
    gk_diff *d = compare(a, b, 4);
    const gk_diff_item *bias = gk_diff_find(d, 0, GK_Q), *large = gk_diff_find(d, 0, GK_DOWN),
                       *small = gk_diff_find(d, 1, GK_O);
    ck_assert_double_eq(bias->delta, 3);
    ck_assert(bias->n_sigma == 0 && bias->matrix_delta == 0 && bias->changed == 1);
    ck_assert_double_eq_tol(large->sigma[0] / 1e18, 1, 1e-5);
    ck_assert_double_eq_tol(gk_diff_stable_rank(large), 1, 1e-5);
    ck_assert_double_eq_tol(small->sigma[0] / 1e-30, 1, 1e-5);
    ck_assert(isinf(gk_diff_relative(small)));
    gk_diff_free(d);
    gk_model_free(a);
    gk_model_free(b);
}
END_TEST

/* ---------------------------------------------------------------- what is refused */

static void refused(const gk_model *a, const gk_model *b, int rank, const char *text) {
    gk_error err = {0};
    ck_assert_ptr_null(gk_model_diff(a, b, rank, NULL, &err));
    assert_error(&err, text);
}

START_TEST(what_cannot_be_compared) {
    gk_config c = config_of("llama"), wide = c;
    wide.d_ffn = 35;
    gk_model *a = gk_model_new(&c, 1, NULL), *b = gk_model_new(&wide, 1, NULL), *bad = gk_model_copy(a);
    refused(a, b, 4,
            "field 'intermediate_size': is 34 in the first model and 35 in the second; only models of one "
            "architecture and shape can be compared");
    refused(a, a, -1, "the rank must be from 0 to 256, not -1");
    weights_of(bad, 1, GK_V)[3] = NAN;
    refused(a, bad, 4, "v of layer 1 of the second model has a value that is not finite");
    weights_of(bad, 1, GK_V)[3] = INFINITY;
    refused(bad, a, 4, "v of layer 1 of the first model has a value that is not finite");
    gk_model_free(a);
    gk_model_free(b);
    gk_model_free(bad);
}
END_TEST

START_TEST(an_interrupt_ends_it) {
    gk_config c = config_of("llama");
    gk_interrupt_catch();
    gk_model *a = gk_model_new(&c, 1, NULL), *b = gk_model_new(&c, 2, NULL);
    ck_assert(interrupt_self(SIGINT));
    refused(a, b, 4, "interrupted before every component was compared");
    gk_model_free(a);
    gk_model_free(b);
}
END_TEST

int main(void) {
    find_folders();
    Suite *s = suite_create("diff");
    TCase *t = tcase_create("diff");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, spectra_are_exact_ones, 0, (int)(sizeof SPECTRA / sizeof *SPECTRA));
    tcase_add_test(t, eigenvectors);
    tcase_add_loop_test(t, every_component_against_loops, 0, (int)(sizeof FAMILIES / sizeof *FAMILIES));
    tcase_add_loop_test(t, equal_values_are_exactly_equal, 0, n_folders);
    tcase_add_test(t, one_direction_in_one_matrix);
    tcase_add_test(t, biases_zeros_and_sizes);
    tcase_add_test(t, what_cannot_be_compared);
    tcase_add_test(t, an_interrupt_ends_it);
    suite_add_tcase(s, t);
    int code = run_suite(s);
    free_folders();
    return code;
}
