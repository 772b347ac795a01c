/* modules: model core
 * kernels: under each instruction set
 *
 * test_quant.c: 16-bit floats over all their codes against the definition, and quantised blocks against what
 * gguf-py makes of them (tests/fixtures/quant.gguf, written by
 * tools/reference/fixtures/make_quant_fixtures.py). */
#include "core/gguf.h"
#include "model/formats/half.h"
#include "model/formats/quant.h"
#include "tests/support/scratch.h"

#include <math.h>

static uint32_t bits_of(float x) {
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static float float_of(uint32_t b) {
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

/* ---------------------------------------------------------------- 16-bit floats */

enum { CODES = 1 << 16, STEPS = 4096 };

/* binary16 by its definition. */
static float f16_value(uint16_t h) {
    int exponent = h >> 10 & 31, fraction = h & 1023;
    double size = exponent == 0    ? ldexp(fraction, -24)
                  : exponent == 31 ? (double)INFINITY
                                   : ldexp(1024 + fraction, exponent - 25);
    return h & 0x8000 ? (float)-size : (float)size;
}

static bool f16_is_nan(uint32_t h) {
    return (h & 0x7FFF) > 0x7C00;
}

/* Every code, in arrays long enough for the processor's conversions and one at a time. */
START_TEST(every_f16_widens_to_its_value_and_back) {
    uint16_t *codes = gk_alloc(CODES * sizeof *codes), *back = gk_alloc(CODES * sizeof *back);
    float *wide = gk_alloc(CODES * sizeof *wide);
    for (int i = 0; i < CODES; i++) codes[i] = (uint16_t)i;
    gk_half__f16_to_f32(codes, wide, CODES);
    gk_half__f32_to_f16(wide, back, CODES);
    for (uint32_t h = 0; h < CODES; h++) {
        uint32_t quiet_nan = (h & 0x8000) << 16 | 0x7FC00000 | (h & 0x03FF) << 13;
        uint32_t want = f16_is_nan(h) ? quiet_nan : bits_of(f16_value((uint16_t)h));
        uint32_t home = f16_is_nan(h) ? h | 0x0200 : h;
        ck_assert_msg(bits_of(wide[h]) == want, "code %04x widens to %08x, not %08x", h, bits_of(wide[h]),
                      want);
        ck_assert_msg(bits_of(gk_half__f16_widen((uint16_t)h)) == want, "code %04x alone", h);
        ck_assert_msg(back[h] == home, "code %04x comes back as %04x", h, back[h]);
        ck_assert_msg(gk_half__f16_narrow(wide[h]) == home, "code %04x comes back alone", h);
    }
    gk_free(codes);
    gk_free(back);
    gk_free(wide);
}
END_TEST

START_TEST(every_bf16_widens_to_its_value_and_back) {
    uint16_t *codes = gk_alloc(CODES * sizeof *codes), *back = gk_alloc(CODES * sizeof *back);
    float *wide = gk_alloc(CODES * sizeof *wide);
    for (int i = 0; i < CODES; i++) codes[i] = (uint16_t)i;
    gk_half__bf16_to_f32(codes, wide, CODES);
    gk_half__f32_to_bf16(wide, back, CODES);
    for (uint32_t h = 0; h < CODES; h++) {
        ck_assert_uint_eq(bits_of(wide[h]), h << 16);
        ck_assert_uint_eq(back[h], (h & 0x7FFF) > 0x7F80 ? h | 0x0040 : h);
    }
    gk_free(codes);
    gk_free(back);
    gk_free(wide);
}
END_TEST

/* Whether code h is x rounded to nearest, ties to even, among the codes whose values `value` gives. Sizes
 * only: h and x are not negative. `top` is infinity's code; the value that it would have as a number bounds
 * the last interval. */
static bool is_nearest(uint32_t h, double x, double (*value)(uint32_t), uint32_t top) {
    double below = h > 0 ? (value(h - 1) + value(h)) / 2 : -1, above = (value(h) + value(h + 1)) / 2;
    if (h == top) return x >= below;
    bool even = h % 2 == 0;
    return (x > below || (even && x == below)) && (x < above || (even && x == above));
}

static double f16_size(uint32_t h) {
    return h < 0x400 ? ldexp(h, -24) : ldexp(1024 + (h & 1023), (int)(h >> 10) - 25);
}

static double bf16_size(uint32_t h) {
    return h < 0x80 ? ldexp(h, -133) : ldexp(128 + (h & 127), (int)(h >> 7) - 134);
}

static void check_rounding(const float *x, size_t n) {
    uint16_t half[STEPS], brain[STEPS];
    gk_half__f32_to_f16(x, half, n);
    gk_half__f32_to_bf16(x, brain, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t b = bits_of(x[i]), sign = b >> 31;
        if (isnan(x[i])) {
            ck_assert_msg(half[i] == (sign << 15 | 0x7E00 | (b >> 13 & 0x3FF)), "%08x as f16: %04x", b,
                          half[i]);
            ck_assert_msg(brain[i] == (b >> 16 | 0x0040), "%08x as bf16: %04x", b, brain[i]);
        } else {
            ck_assert_msg(half[i] >> 15 == sign &&
                              is_nearest(half[i] & 0x7FFF, fabs((double)x[i]), f16_size, 0x7C00),
                          "%08x as f16: %04x", b, half[i]);
            ck_assert_msg(brain[i] >> 15 == sign &&
                              is_nearest(brain[i] & 0x7FFF, fabs((double)x[i]), bf16_size, 0x7F80),
                          "%08x as bf16: %04x", b, brain[i]);
        }
        ck_assert_uint_eq(gk_half__f16_narrow(x[i]), half[i]);
    }
}

/* Around every f16 and bf16: the value, the middle between it and the next, and their neighbours. */
START_TEST(narrowing_rounds_to_nearest_even) {
    float x[STEPS];
    size_t n = 0;
    for (uint32_t h = 0; h < CODES; h++) {
        uint32_t centres[] = {bits_of(f16_value((uint16_t)h)), bits_of(f16_value((uint16_t)h)) + 0x1000,
                              h << 16, h << 16 | 0x8000};
        for (size_t c = 0; c < sizeof centres / sizeof *centres; c++)
            for (uint32_t d = 0; d < 3; d++) x[n++] = float_of(centres[c] + d - 1);
        if (n + 12 > STEPS) {
            check_rounding(x, n);
            n = 0;
        }
    }
    check_rounding(x, n);
}
END_TEST

/* f16 subnormals are a fixed distance apart, so their middles are elsewhere. */
START_TEST(subnormal_f16s_round_too) {
    for (int i = 0; i <= 1024; i++) {
        float middle = ldexpf((float)i + 0.5f, -24),
              x[] = {nextafterf(middle, 0), middle, nextafterf(middle, 1)};
        check_rounding(x, 3);
    }
}
END_TEST

/* Lengths that leave a remainder after the wide loops touch exactly their elements. */
START_TEST(arrays_of_any_length) {
    for (size_t n = 0; n < 40; n++) {
        uint16_t in[40] = {0}, back[41] = {0}, brain[41] = {0};
        float out[41] = {0};
        for (size_t i = 0; i < n; i++) in[i] = (uint16_t)(0x3C00 + i);
        out[n] = 7;
        back[n] = brain[n] = 7;
        gk_half__f16_to_f32(in, out, n);
        gk_half__f32_to_f16(out, back, n);
        for (size_t i = 0; i < n; i++) ck_assert(out[i] == f16_value(in[i]) && back[i] == in[i]);
        ck_assert(out[n] == 7.0f && back[n] == 7);
        gk_half__bf16_to_f32(in, out, n);
        gk_half__f32_to_bf16(out, brain, n);
        for (size_t i = 0; i < n; i++)
            ck_assert(bits_of(out[i]) == (uint32_t)in[i] << 16 && brain[i] == in[i]);
        ck_assert(out[n] == 7.0f && brain[n] == 7);
    }
}
END_TEST

/* ---------------------------------------------------------------- blocks */

static const char *const NAMES[] = {"F32",  "F16",    "BF16",   "Q8_0",  "Q4_0",  "Q4_1",
                                    "Q5_0", "Q5_1",   "Q4_K",   "Q5_K",  "Q6_K",  "Q2_K",
                                    "Q3_K", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4"};
enum { N_NAMES = sizeof NAMES / sizeof *NAMES };

/* The table agrees with the container's, and names what it has and nothing else. */
START_TEST(table) {
    size_t found = 0;
    for (uint32_t id = 0; id < 1000; id++) {
        const gk_quant__type *q = gk_quant__type_of(id);
        const gk_gguf_dtype *d = gk_gguf_dtype_of(id);
        if (!q) continue;
        found++;
        ck_assert_ptr_nonnull(d);
        ck_assert_str_eq(q->name, d->name);
        ck_assert_uint_eq(q->block, d->block);
        ck_assert_uint_eq(q->bytes, d->bytes);
        char name[16];
        snprintf(name, sizeof name, "%s%s", id == 0 ? "" : ", ", q->name);
        ck_assert_ptr_nonnull(strstr(gk_quant__list(), name));
    }
    ck_assert_uint_eq(found, N_NAMES);
    ck_assert_ptr_null(gk_quant__type_of(UINT32_MAX));
}
END_TEST

static void same_floats(const char *name, const float *got, const float *want, size_t n) {
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(bits_of(got[i]) == bits_of(want[i]) || (isnan(got[i]) && isnan(want[i])),
                      "%s: value %zu is %.9g (%08x), should be %.9g (%08x)", name, i, (double)got[i],
                      bits_of(got[i]), (double)want[i], bits_of(want[i]));
}

START_TEST(blocks_are_what_gguf_py_makes_of_them) {
    gk_error err = {0};
    char pair[32], text[1024];
    const char *name = NAMES[_i];
    gk_gguf *g = gk_gguf_open(GK_SOURCE_DIR "/tests/fixtures/quant.gguf", &err);
    ck_assert_msg(g != NULL, "%s", gk_error_text(&err, text, sizeof text));
    snprintf(pair, sizeof pair, "%s.f32", _i == 0 ? "F16" : name);
    const gk_gguf_tensor *want = gk_gguf_tensor_find(g, pair),
                         *in = _i == 0 ? want : gk_gguf_tensor_find(g, name);
    ck_assert(in && want);
    size_t n = (size_t)in->n_values;
    const gk_quant__type *q = gk_quant__type_of(in->type);
    ck_assert_ptr_nonnull(q);
    ck_assert_str_eq(q->name, name);
    ck_assert(n >= 2000 && want->n_values == in->n_values);
    float *out = gk_alloc((n + 1) * sizeof *out);
    uint8_t *moved = gk_alloc(in->bytes + 1);
    out[n] = 7;
    gk_quant__dequantise(q, in->data, out, n);
    same_floats(name, out, want->data, n);
    /* the same from an odd address, and not a value more than asked for */
    memcpy(moved + 1, in->data, in->bytes);
    memset(out, 0, n * sizeof *out);
    gk_quant__dequantise(q, moved + 1, out, n - q->block);
    same_floats(name, out, want->data, n - q->block);
    for (size_t i = n - q->block; i < n; i++) ck_assert(out[i] == 0.0f);
    ck_assert(out[n] == 7.0f);
    gk_free(moved);
    gk_free(out);
    gk_gguf_close(g);
}
END_TEST

int main(void) {
    Suite *s = suite_create("quant");
    TCase *t = tcase_create("quant");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_f16_widens_to_its_value_and_back);
    tcase_add_test(t, every_bf16_widens_to_its_value_and_back);
    tcase_add_test(t, narrowing_rounds_to_nearest_even);
    tcase_add_test(t, subnormal_f16s_round_too);
    tcase_add_test(t, arrays_of_any_length);
    tcase_add_test(t, table);
    tcase_add_loop_test(t, blocks_are_what_gguf_py_makes_of_them, 0, N_NAMES);
    suite_add_tcase(s, t);
    return run_suite(s);
}
