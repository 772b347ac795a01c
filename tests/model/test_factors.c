/* test_factors.c: the difference of two models in few directions, against an exact decomposition, and the
 * files that keep it.
 * modules: model core */
#include "graftkit/model/config.h"
#include "graftkit/model/difference.h"
#include "graftkit/model/weights.h"
#include "model/difference/spectrum.h"
#include "tests/support/exact_svd.h"
#include "tests/support/scratch.h"

#include <dirent.h>
#include <sys/stat.h>

/* ---------------------------------------------------------------- one matrix */

/* |m - left right| with the first r directions of k. */
static double rest(const matrix *m, const float *left, const float *right, int k, int r) {
    double sum = 0;
    for (int i = 0; i < m->out; i++)
        for (int j = 0; j < m->in; j++) {
            double x = (double)m->x[i * m->in + j];
            for (int d = 0; d < r; d++) x -= (double)left[i * k + d] * (double)right[d * m->in + j];
            sum += x * x;
        }
    return sqrt(sum);
}

static const struct {
    int out, in, rank, k;
    double decay;
} MATRICES[] = {
    {30, 20, 20, 20, 0.9}, /* all of them */
    {20, 30, 20, 20, 0.9},    {150, 120, 120, 24, 0.9},
    {120, 150, 120, 16, 0.7}, {160, 90, 3, 16, 0.5},  /* fewer than are asked for */
    {90, 160, 1, 4, 1},       {140, 130, 130, 16, 1}, /* nearly flat: the hard case */
    {2100, 24, 24, 8, 0.8},                           /* several blocks of rows */
    {1, 40, 1, 1, 1},         {40, 1, 1, 1, 1},
};

/* What k directions leave is what the best k leave (Eckart and Young): the other singular values. So for
 * every smaller number of them, too. */
START_TEST(directions_are_the_best) {
    int out = MATRICES[_i].out, in = MATRICES[_i].in, k = MATRICES[_i].k;
    matrix m = random_matrix(out, in, MATRICES[_i].rank, MATRICES[_i].decay);
    double *exact = gk_alloc((size_t)out * (size_t)in * sizeof *exact);
    double *sigma = gk_alloc((size_t)in * sizeof *sigma), all = 0;
    for (int i = 0; i < out * in; i++) exact[i] = (double)m.x[i];
    svd(out, in, exact, sigma);
    for (int i = 0; i < in; i++) all += sigma[i] * sigma[i];
    float *left = gk_alloc((size_t)(out + in) * (size_t)k * 2 * sizeof *left), *right = left + out * k;
    float *again = right + in * k;
    gk_spectrum__matrix rows = {.out = out, .in = in, .read = read_matrix, .ctx = &m};
    ck_assert(gk_spectrum__directions(&rows, k, 3, right, left));
    ck_assert(gk_spectrum__directions(&rows, k, 3, again + out * k, again));
    ck_assert_mem_eq(left, again, (size_t)(out + in) * (size_t)k * sizeof *left);
    double best = all;
    for (int r = 1; r <= k; r++) {
        best -= sigma[r - 1] * sigma[r - 1];
        double left_over = rest(&m, left, right, k, r);
        ck_assert_double_ge(left_over * left_over, best - 1e-9 * all);
        ck_assert_msg(left_over * left_over <= best + 1e-4 * all, "%d of %d directions leave %g, not %g", r,
                      k, left_over / sqrt(all), sqrt(fmax(best, 0) / all));
    }
    gk_free(left);
    gk_free(sigma);
    gk_free(exact);
    gk_free(m.x);
}
END_TEST

/* ---------------------------------------------------------------- two models and a folder */

typedef struct world {
    scratch s;
    gk_model *a, *b;
    char *cache;
    gk_error err;
} world;

static world begin(bool tied) {
    world w = {.s = scratch_new()};
    gk_config c;
    gk_config_default(gk_family_find("gpt2"), 50, &c);
    c.d_model = 24;
    c.n_layers = 2;
    c.n_heads = c.n_kv_heads = 2;
    c.head_dim = 12;
    c.d_ffn = 30;
    c.max_positions = 12;
    c.tied = tied;
    w.a = gk_model_new(&c, 1, NULL);
    w.b = gk_model_new(&c, 2, NULL);
    ck_assert(w.a && w.b);
    w.cache = scratch_path(&w.s, "svd/deeper");
    return w;
}

static void end(world *w) {
    gk_model_free(w->a);
    gk_model_free(w->b);
    scratch_free(&w->s);
}

static gk_factors *make(world *w, int rank, const char *cache, const char *key) {
    gk_factors_opts o = {.rank = rank, .cache = cache, .key = key};
    gk_factors *f = gk_factors_make(w->a, w->b, &o, &w->err);
    ck_assert_msg(f != NULL, "%s", w->err.what);
    return f;
}

/* The same directions, bit for bit, of every matrix; returns how many matrices that are. */
static size_t same(const gk_factors *f, const gk_factors *g, int rank) {
    size_t n = 0;
    for (int l = -1; l < 2; l++)
        for (int i = 0; i < GK_N_COMPONENTS; i++) {
            gk_component c = (gk_component)i;
            if (gk_component_in_layer(c) != (l >= 0)) continue;
            gk_low_rank x = gk_factors_of(f, l, c, rank), y = gk_factors_of(g, l, c, rank);
            ck_assert_int_eq(x.rank, y.rank);
            if (x.rank == 0) continue;
            n++;
            for (int r = 0; r < x.rank; r++) {
                ck_assert_mem_eq(x.a + r * x.in, y.a + r * y.in, (size_t)x.in * sizeof *x.a);
                for (int o = 0; o < x.out; o++)
                    ck_assert_mem_eq(&x.b[o * x.ldb + r], &y.b[o * y.ldb + r], sizeof *x.b);
            }
        }
    return n;
}

START_TEST(every_matrix_is_there) {
    world w = begin(_i == 1);
    gk_factors *f = make(&w, 100, NULL, NULL); /* more than there are */
    size_t want = 2 + 2 * 6 + (_i == 0);       /* embed, pos, q k v o up down, head */
    ck_assert_uint_eq(gk_factors_total(gk_model_config(w.a)), want);
    ck_assert_uint_eq(gk_factors_matrices(f), want);
    ck_assert_uint_eq(gk_factors_computed(f), want);
    ck_assert_int_eq(gk_factors_of(f, 0, GK_LN1, 3).rank, 0);
    ck_assert_int_eq(gk_factors_of(f, -1, GK_POS, 100).rank, 12);
    gk_low_rank embed = gk_factors_of(f, -1, GK_EMBED, 9), head = gk_factors_of(f, -1, GK_HEAD, 9);
    ck_assert_int_eq(embed.rank, 9);
    ck_assert(head.rank == 9 && (head.a == embed.a) == (_i == 1));
    gk_tensor a = gk_model_tensor(w.a, 1, GK_UP), b = gk_model_tensor(w.b, 1, GK_UP);
    gk_low_rank up = gk_factors_of(f, 1, GK_UP, 100);
    for (int i = 0; i < a.out * a.in; i++) {
        double x = (double)a.w[i];
        for (int r = 0; r < up.rank; r++)
            x += (double)up.b[i / a.in * up.ldb + r] * (double)up.a[r * up.in + i % a.in];
        ck_assert_double_eq_tol(x, (double)b.w[i], 1e-6);
    }
    gk_factors_free(f);
    end(&w);
}
END_TEST

START_TEST(files_are_used_when_they_fit) {
    world w = begin(true);
    gk_factors *f = make(&w, 6, w.cache, "a b"), *g;
    ck_assert_uint_eq(gk_factors_computed(f), 14);
    gk_factors *memory = make(&w, 6, NULL, NULL);
    ck_assert_uint_eq(same(f, memory, 6), 15); /* a tied head is embed */
    g = make(&w, 6, w.cache, "a b");
    ck_assert_uint_eq(gk_factors_computed(g), 0);
    same(f, g, 6);
    gk_factors_free(g);
    g = make(&w, 2, w.cache, "a b"); /* the first of those that are there */
    ck_assert_uint_eq(gk_factors_computed(g), 0);
    same(f, g, 2);
    gk_factors_free(g);
    g = make(&w, 2, w.cache, "a c"); /* other weights */
    ck_assert_uint_eq(gk_factors_computed(g), 14);
    gk_factors_free(g);
    g = make(&w, 12, w.cache, "a b"); /* more than there are */
    ck_assert_uint_eq(gk_factors_computed(g), 14);
    gk_factors_free(g);
    g = make(&w, 6, w.cache, "a b");
    ck_assert_uint_eq(gk_factors_computed(g), 0);
    gk_factors_free(g);
    gk_factors_free(f);
    gk_factors_free(memory);
    end(&w);
}
END_TEST

/* Calls fn on every file of the folder. */
static int each_file(world *w, void (*fn)(const char *path, long size)) {
    DIR *d = opendir(w->cache);
    ck_assert_ptr_nonnull(d);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char *path = gk_path_join(w->s.a, w->cache, e->d_name);
        struct stat st;
        if (e->d_name[0] == '.' || stat(path, &st) != 0) continue;
        fn(path, (long)st.st_size);
        n++;
    }
    closedir(d);
    return n;
}

static void flip_last(const char *path, long size) {
    FILE *f = fopen(path, "r+b");
    ck_assert_ptr_nonnull(f);
    fseek(f, size - 1, SEEK_SET);
    int c = fgetc(f);
    fseek(f, size - 1, SEEK_SET);
    fputc(c ^ 1, f);
    fclose(f);
}

static void cut(const char *path, long size) {
    ck_assert_int_eq(truncate(path, size - 4), 0);
}

static void empty(const char *path, long size) {
    (void)size;
    ck_assert_int_eq(truncate(path, 0), 0);
}

START_TEST(damaged_files_are_made_again) {
    static void (*const damage[])(const char *, long) = {flip_last, cut, empty};
    world w = begin(true);
    gk_factors *f = make(&w, 5, NULL, NULL);
    gk_factors_free(make(&w, 5, w.cache, "k"));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(each_file(&w, damage[i]), 14);
        gk_factors *g = make(&w, 5, w.cache, "k");
        ck_assert_uint_eq(gk_factors_computed(g), 14);
        same(f, g, 5);
        gk_factors_free(g);
        g = make(&w, 5, w.cache, "k");
        ck_assert_uint_eq(gk_factors_computed(g), 0);
        same(f, g, 5);
        gk_factors_free(g);
    }
    gk_factors_free(f);
    end(&w);
}
END_TEST

START_TEST(equal_models_and_bad_ones) {
    world w = begin(true);
    gk_model_free(w.b);
    w.b = gk_model_copy(w.a);
    gk_factors *f = make(&w, 5, w.cache, "k");
    ck_assert_uint_eq(gk_factors_matrices(f), 0);
    ck_assert_int_eq(gk_factors_of(f, 0, GK_Q, 3).rank, 0);
    gk_factors_free(f);
    gk_factors_opts o = {.rank = 0};
    ck_assert_ptr_null(gk_factors_make(w.a, w.b, &o, &w.err));
    assert_error(&w.err, "the rank must be 1 or more, not 0");
    o.rank = 3;
    o.cache = scratch_file(&w.s, "file", "x");
    ck_assert_ptr_null(gk_factors_make(w.a, w.b, &o, &w.err));
    o.cache = NULL;
    gk_tensor up = gk_model_tensor(w.b, 1, GK_UP);
    gk_model_data(w.b)[up.w - gk_model_data(w.b) + 5] = NAN;
    ck_assert_ptr_null(gk_factors_make(w.a, w.b, &o, &w.err));
    assert_error(&w.err, "up of layer 1 has a value that is not finite");
    gk_config c = *gk_model_config(w.a);
    c.d_ffn = 31;
    gk_model_free(w.b);
    w.b = gk_model_new(&c, 1, NULL);
    ck_assert_ptr_null(gk_factors_make(w.a, w.b, &o, &w.err));
    ck_assert_ptr_nonnull(strstr(w.err.what, "is 30 in the first model and 31"));
    end(&w);
}
END_TEST

int main(void) {
    TCase *t = tcase_create("factors");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, directions_are_the_best, 0, sizeof MATRICES / sizeof *MATRICES);
    tcase_add_loop_test(t, every_matrix_is_there, 0, 2);
    tcase_add_test(t, files_are_used_when_they_fit);
    tcase_add_test(t, damaged_files_are_made_again);
    tcase_add_test(t, equal_models_and_bad_ones);
    Suite *s = suite_create("factors");
    suite_add_tcase(s, t);
    return run_suite(s);
}
