/* test_products.c: products of bf16 operands against their definition, bit for bit; of fp32 ones up to
 * rounding.
 * kernels: under each instruction set
 * modules: model core */
#include "graftkit/core/isa.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/random.h"
#include "graftkit/core/threads.h"
#include "graftkit/model/products.h"
#include "model/formats/half.h"
#include "model/gemm/bf16_panels.h"

#include <check.h>
#include <math.h>
#include <string.h>

typedef struct matrices {
    int n, out, in, ldx, ldy;
    float *w, *b, *x, *y, *want;
    uint16_t *h;
} matrices;

static float *randoms(gk_rng *r, size_t n) {
    float *x = gk_alloc((n + 1) * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = (float)gk_rng_normal(r);
    return x;
}

static float rounded(float x) {
    return gk_half__bf16_widen(gk_half__bf16_narrow(x));
}

/* The sum from the first column on, in fp32; the products are exact. */
static void define(matrices *m, const uint32_t *row) {
    for (int r = 0; r < m->n; r++)
        for (int o = 0; o < m->out; o++) {
            float y = m->b ? m->b[o] : 0;
            const float *x = m->x + (ptrdiff_t)(row ? row[r] : (uint32_t)r) * m->ldx;
            for (int i = 0; i < m->in; i++) y += rounded(x[i]) * rounded(m->w[o * m->in + i]);
            m->want[r * m->ldy + o] = y;
        }
}

static matrices make(uint64_t seed, int n, int out, int in, bool bias) {
    gk_rng r;
    gk_rng_seed(&r, seed, "products");
    matrices m = {.n = n, .out = out, .in = in, .ldx = in + 3, .ldy = out + 5};
    size_t weights = (size_t)out * (size_t)in, results = (size_t)n * (size_t)m.ldy;
    m.w = randoms(&r, weights);
    m.x = randoms(&r, (size_t)n * (size_t)m.ldx);
    m.b = bias ? randoms(&r, (size_t)out) : NULL;
    m.y = randoms(&r, results);
    m.want = gk_alloc(results * sizeof *m.want);
    memcpy(m.want, m.y, results * sizeof *m.want); /* what is between rows stays */
    m.h = gk_alloc(weights * sizeof *m.h);
    gk_bf16_round(m.w, m.h, weights);
    return m;
}

static void drop(matrices *m) {
    void *all[] = {m->w, m->b, m->x, m->y, m->want, m->h};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) gk_free(all[i]);
}

/* By the instruction for bf16 a step adds two columns: the same but for the order of roundings. */
static void same(const matrices *m, const char *what) {
    for (size_t i = 0; i < (size_t)m->n * (size_t)m->ldy; i++) {
        double far = fabs((double)m->y[i] - (double)m->want[i]);
        bool ok = gk_gemm__panels_native() ? far <= 1e-5 * m->in : memcmp(&m->y[i], &m->want[i], 4) == 0;
        ck_assert_msg(ok, "%s: %d x %d x %d: %zu is %.9g, not %.9g", what, m->n, m->out, m->in, i,
                      (double)m->y[i], (double)m->want[i]);
    }
}

static const int SHAPES[][3] = {{1, 1, 1},    {1, 32, 64},  {2, 33, 7},     {5, 31, 576},  {6, 64, 31},
                                {7, 70, 33},  {13, 96, 5},  {14, 257, 64},  {15, 48, 100}, {16, 16, 2},
                                {29, 100, 9}, {70, 65, 66}, {700, 40, 3000}};

static void multiply(const matrices *m, gk_tensor t, size_t most, const uint32_t *row) {
    gk_products *p = gk_products_new(GK_OPERANDS_BF16, most);
    bool kept = gk_products_keep(p, t);
    ck_assert(kept == (most > 0) && gk_products_keeps(p, t) == kept && (gk_products_bytes(p) > 0) == kept);
    for (int twice = 0; twice < 2; twice++) gk_products_linear(p, t, m->n, m->x, m->ldx, row, m->y, m->ldy);
    gk_products_free(p);
}

/* Kept or not, from floats or bf16, rows as they lie or picked out: one definition. */
START_TEST(products_are_as_defined) {
    const int *s = SHAPES[_i];
    for (int bias = 0; bias < 2; bias++) {
        matrices m = make((uint64_t)_i, s[0], s[1], s[2], bias);
        gk_tensor t = {.w = m.w, .b = m.b, .out = m.out, .in = m.in};
        define(&m, NULL);
        multiply(&m, t, SIZE_MAX, NULL);
        same(&m, "kept");
        multiply(&m, t, 0, NULL);
        same(&m, "not kept");
        t.w = NULL;
        t.h = m.h;
        t.type = GK_BF16;
        multiply(&m, t, SIZE_MAX, NULL);
        same(&m, "of bf16 weights");
        multiply(&m, t, 0, NULL);
        same(&m, "of bf16 weights, not kept");
        uint32_t *row = gk_alloc((size_t)m.n * sizeof *row);
        for (int r = 0; r < m.n; r++) row[r] = (uint32_t)(r * 7 % m.n);
        define(&m, row);
        multiply(&m, t, SIZE_MAX, row);
        same(&m, "of rows picked out");
        gk_free(row);
        drop(&m);
    }
}
END_TEST

/* A row comes out the same alone and among others, up to `most` of them, on one thread and on several. */
static void company_does_not_matter(gk_operands type, matrices m, int most) {
    gk_tensor t = {.w = m.w, .b = m.b, .out = m.out, .in = m.in};
    gk_products *p = gk_products_new(type, SIZE_MAX);
    gk_products_keep(p, t);
    gk_threads_set(3);
    gk_products_linear(p, t, m.n, m.x, m.ldx, NULL, m.want, m.ldy);
    gk_threads_set(1);
    for (int r = 0, n = 1; r < m.n; r += n, n = 1 + r % most) {
        if (n > m.n - r) n = m.n - r;
        gk_products_linear(p, t, n, m.x + (ptrdiff_t)r * m.ldx, m.ldx, NULL, m.y + (ptrdiff_t)r * m.ldy,
                           m.ldy);
    }
    for (int r = 0; r < m.n; r++)
        ck_assert_msg(memcmp(m.y + r * m.ldy, m.want + r * m.ldy, (size_t)m.out * sizeof *m.y) == 0, "row %d",
                      r);
    gk_threads_set(0);
    gk_products_free(p);
    drop(&m);
}

START_TEST(company_and_threads_do_not_matter) {
    company_does_not_matter(GK_OPERANDS_BF16, make(99, 61, 300, 577, true), 9);
}
END_TEST

/* Infinities and NaN come through; a NaN's payload is nobody's promise. */
START_TEST(what_is_not_finite_is_seen) {
    matrices m = make(5, 4, 40, 50, false);
    gk_tensor t = {.w = m.w, .out = 40, .in = 50};
    m.x[3] = NAN;
    m.x[m.ldx + 7] = INFINITY;
    m.x[2 * m.ldx + 1] = 3.4e38f; /* rounds to infinity */
    multiply(&m, t, SIZE_MAX, NULL);
    for (int o = 0; o < 40; o++) {
        ck_assert(isnan(m.y[o]));
        ck_assert(!isfinite(m.y[m.ldy + o]) && !isfinite(m.y[2 * m.ldy + o]));
        ck_assert(isfinite(m.y[3 * m.ldy + o]));
    }
    drop(&m);
}
END_TEST

#if defined(__x86_64__)
void gk_gemm__operand(const float *x, int in, bool native, uint32_t *to);
/* The kernel of processors whose instruction is the faster one, where this one has the instruction too. */
START_TEST(by_the_instruction_for_bf16) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512bf16") || gk_isa_used() != GK_AVX512) return;
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        matrices m = make(i, SHAPES[i][0], SHAPES[i][1], SHAPES[i][2], false);
        gk_tensor t = {.w = m.w, .out = m.out, .in = m.in};
        size_t row = gk_gemm__operand_row(m.in, true);
        uint32_t *x = gk_alloc((size_t)m.n * row * sizeof *x);
        uint16_t *panels = gk_alloc(gk_gemm__panels_bytes(m.out, m.in));
        gk_gemm__panels_pack(t, panels, 0, gk_gemm__panels(m.out));
        for (int r = 0; r < m.n; r++)
            gk_gemm__operand(m.x + (ptrdiff_t)r * m.ldx, m.in, true, x + (size_t)r * row);
        gk_gemm__panel_product p = {
            .w = panels, .x = x, .m = m.n, .out = m.out, .in = m.in, .ldy = m.ldy, .y = m.y, .native = true};
        gk_gemm__panels_multiply(&p, 0, gk_gemm__panels(m.out));
        define(&m, NULL);
        for (int r = 0; r < m.n; r++)
            for (int o = 0; o < m.out; o++)
                ck_assert_float_eq_tol(m.y[r * m.ldy + o], m.want[r * m.ldy + o], 1e-6f * (float)m.in);
        gk_free(x);
        gk_free(panels);
        drop(&m);
    }
}
END_TEST
#endif

/* ---------------------------------------------------------------- fp32 */

/* Kept or not, from floats or bf16, rows as they lie or picked out: the sums in double, up to rounding. */
static void close_to_sums(const matrices *m, gk_tensor t, size_t most, const uint32_t *row) {
    gk_products *p = gk_products_new(GK_OPERANDS_F32, most);
    ck_assert(gk_products_keep(p, t) == (most > 0));
    for (int twice = 0; twice < 2; twice++) gk_products_linear(p, t, m->n, m->x, m->ldx, row, m->y, m->ldy);
    for (int r = 0; r < m->n; r++) {
        const float *x = m->x + (ptrdiff_t)(row ? row[r] : (uint32_t)r) * m->ldx;
        for (int o = 0; o < m->out; o++) {
            double sum = m->b ? (double)m->b[o] : 0, size = fabs(sum);
            for (int i = 0; i < m->in; i++) {
                float w = t.w ? t.w[o * m->in + i] : gk_half__bf16_widen(t.h[o * m->in + i]);
                sum += (double)x[i] * (double)w;
                size += fabs((double)x[i] * (double)w);
            }
            double far = fabs((double)m->y[r * m->ldy + o] - sum);
            ck_assert_msg(far <= 1e-6 * size, "%d x %d x %d: %d, %d is %g off", m->n, m->out, m->in, r, o,
                          far);
        }
        /* what is between rows stays */
        for (int o = m->out; o < m->ldy; o++)
            ck_assert(memcmp(&m->y[r * m->ldy + o], &m->want[r * m->ldy + o], 4) == 0);
    }
    gk_products_free(p);
}

START_TEST(fp32_products_are_sums) {
    const int *s = SHAPES[_i];
    for (int bias = 0; bias < 2; bias++) {
        matrices m = make((uint64_t)_i, s[0], s[1], s[2], bias);
        gk_tensor t = {.w = m.w, .b = m.b, .out = m.out, .in = m.in};
        uint32_t *row = gk_alloc((size_t)m.n * sizeof *row);
        for (int r = 0; r < m.n; r++) row[r] = (uint32_t)(r * 7 % m.n);
        close_to_sums(&m, t, SIZE_MAX, NULL);
        close_to_sums(&m, t, SIZE_MAX, row);
        close_to_sums(&m, t, 0, NULL);
        t.w = NULL;
        t.h = m.h;
        t.type = GK_BF16;
        close_to_sums(&m, t, SIZE_MAX, row);
        gk_free(row);
        drop(&m);
    }
}
END_TEST

START_TEST(fp32_company_and_threads_do_not_matter) {
    company_does_not_matter(GK_OPERANDS_F32, make(98, 700, 500, 1300, true), 37);
}
END_TEST

/* Room for one of two matrices, known by where they lie. */
START_TEST(no_more_is_kept_than_fits) {
    matrices a = make(1, 1, 100, 50, false), b = make(2, 1, 100, 50, false);
    gk_tensor ta = {.w = a.w, .out = 100, .in = 50}, tb = {.w = b.w, .out = 100, .in = 50};
    gk_products *all = gk_products_new(GK_OPERANDS_F32, SIZE_MAX);
    ck_assert(gk_products_keep(all, ta));
    size_t one = gk_products_bytes(all);
    ck_assert_uint_ge(one, 100 * 50 * sizeof(float));
    ck_assert(gk_products_keep(all, ta)); /* again: no more bytes */
    ck_assert_uint_eq(gk_products_bytes(all), one);
    gk_products *few = gk_products_new(GK_OPERANDS_F32, 2 * one - 1);
    ck_assert(gk_products_keep(few, ta) && !gk_products_keep(few, tb));
    ck_assert(gk_products_keeps(few, ta) && !gk_products_keeps(few, tb));
    ck_assert_uint_eq(gk_products_bytes(few), one);
    gk_products_free(few);
    gk_products_free(all);
    drop(&a);
    drop(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("products");
    TCase *t = tcase_create("products");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, products_are_as_defined, 0, sizeof SHAPES / sizeof *SHAPES);
    tcase_add_test(t, company_and_threads_do_not_matter);
    tcase_add_test(t, what_is_not_finite_is_seen);
    tcase_add_loop_test(t, fp32_products_are_sums, 0, sizeof SHAPES / sizeof *SHAPES);
    tcase_add_test(t, fp32_company_and_threads_do_not_matter);
    tcase_add_test(t, no_more_is_kept_than_fits);
#if defined(__x86_64__)
    tcase_add_test(t, by_the_instruction_for_bf16);
#endif
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
