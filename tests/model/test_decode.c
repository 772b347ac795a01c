/* modules: model core
 * kernels: under each instruction set
 *
 * test_decode.c: a growing sequence gives the logits of the whole one; 16-bit products; the choice of a
 * token. */
#include "core/gguf.h"
#include "graftkit/core/file.h"
#include "graftkit/core/random.h"
#include "graftkit/model/checkpoint.h"
#include "graftkit/model/config.h"
#include "graftkit/model/decode.h"
#include "graftkit/model/operators.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "model/formats/half.h"
#include "model/formats/quant.h"
#include "model/gemm/gemm.h"
#include "tests/support/fixture_models.h"
#include "tests/support/scratch.h"

#include <math.h>

enum { N = 30 };

/* ---------------------------------------------------------------- the decoder */

static void whole(const gk_model *m, const int32_t *token, float *logits) {
    gk_error err = {0};
    const gk_config *c = gk_model_config(m);
    gk_session *s = gk_session_new(c, N, false, &err);
    ck_assert(s != NULL);
    int32_t start[2] = {0, N}, row[N];
    for (int i = 0; i < N; i++) row[i] = i;
    gk_batch b = {.n_rows = N, .n_seqs = 1, .token = token, .seq_start = start};
    ck_assert_msg(gk_forward(s, m, &b, row, N, logits, &err), "%s", err.what);
    gk_session_free(s);
}

static void feed(gk_decoder *d, const int32_t *token, int n, float *logits) {
    gk_error err = {0};
    ck_assert_msg(gk_decoder_feed(d, token, n, logits, &err), "%s", err.what);
}

static void close_to(const float *got, const float *want, int vocab) {
    float scale = 0;
    for (int i = 0; i < vocab; i++) scale = fmaxf(scale, fabsf(want[i]));
    for (int i = 0; i < vocab; i++)
        ck_assert_msg(fabsf(got[i] - want[i]) <= 2e-6f * (10 + scale), "logit %d is %g, should be %g", i,
                      (double)got[i], (double)want[i]);
}

/* In one piece, token by token, in uneven pieces, and again after forgetting some. */
START_TEST(a_growing_text_is_the_whole_one) {
    gk_error err = {0};
    gk_model *m = gk_model_open(FOLDERS[_i], &err);
    ck_assert_msg(m != NULL, "%s", err.what);
    int vocab = gk_model_config(m)->vocab;
    gk_rng rng;
    gk_rng_seed(&rng, 1, "decode");
    int32_t token[N];
    for (int i = 0; i < N; i++) token[i] = (int32_t)gk_rng_below(&rng, (uint64_t)vocab);
    float *want = gk_alloc((size_t)(N * vocab) * sizeof *want), *got = gk_alloc((size_t)vocab * sizeof *got);
    whole(m, token, want);
    gk_decoder *d = gk_decoder_new(m, N, &err);
    ck_assert(d != NULL);
    feed(d, token, N, got);
    close_to(got, want + (N - 1) * vocab, vocab);
    gk_decoder_rewind(d, 0);
    for (int i = 0; i < N; i++) {
        feed(d, token + i, 1, got);
        close_to(got, want + i * vocab, vocab);
    }
    ck_assert_int_eq(gk_decoder_length(d), N);
    gk_decoder_rewind(d, 9);
    feed(d, token + 9, 5, NULL);
    feed(d, token + 14, 11, got);
    close_to(got, want + 24 * vocab, vocab);
    gk_decoder_free(d);
    gk_free(want);
    gk_free(got);
    gk_model_free(m);
}
END_TEST

START_TEST(there_is_no_room_for_more) {
    gk_error err = {0};
    gk_model *m = gk_model_open(FIXTURES "llama", &err);
    ck_assert_ptr_null(gk_decoder_new(m, 33, &err));
    ck_assert_str_eq(err.what, "a text of 33 tokens; the model takes up to 32");
    gk_decoder *d = gk_decoder_new(m, 3, &err);
    int32_t token[] = {1, 2, 3, 50};
    feed(d, token, 2, NULL);
    ck_assert(!gk_decoder_feed(d, token, 2, NULL, &err));
    ck_assert_str_eq(err.what, "2 tokens after 2; the decoder holds 3");
    ck_assert(!gk_decoder_feed(d, token + 3, 1, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "token 50"));
    ck_assert_int_eq(gk_decoder_length(d), 2);
    gk_decoder_free(d);
    gk_model_free(m);
}
END_TEST

/* ---------------------------------------------------------------- 16-bit products */

START_TEST(half_products) {
    static const int rows[] = {1, 2, 4, 5, 33}, outs[] = {1, 63, 64, 130}, ins[] = {1, 31, 32, 77};
    gk_dtype type = _i ? GK_F16 : GK_BF16;
    gk_rng rng;
    gk_rng_seed(&rng, 3, "half");
    for (size_t a = 0; a < 5; a++)
        for (size_t b = 0; b < 4; b++)
            for (size_t c = 0; c < 4; c++) {
                int m = rows[a], out = outs[b], in = ins[c];
                size_t n_w = (size_t)(out * in), n_y = (size_t)(m * (out + 3));
                uint16_t *h = gk_alloc(n_w * sizeof *h);
                float *w = gk_alloc(n_w * 4), *x = gk_alloc((size_t)(m * in) * 4);
                float *want = gk_alloc(n_y * 4), *got = gk_alloc(n_y * 4);
                for (size_t i = 0; i < n_w; i++) w[i] = (float)gk_rng_normal(&rng);
                (type == GK_F16 ? gk_half__f32_to_f16 : gk_half__f32_to_bf16)(w, h, n_w);
                gk_tensor t = {.h = h, .out = out, .in = in, .type = type};
                gk_tensor_floats(t, 0, n_w, w);
                for (int i = 0; i < m * in; i++) x[i] = (float)gk_rng_normal(&rng);
                for (size_t i = 0; i < n_y; i++) want[i] = got[i] = (float)gk_rng_normal(&rng);
                for (int r = 0; r < m; r++)
                    for (int o = 0; o < out; o++) {
                        double sum = 0.5 * (double)want[r * (out + 3) + o];
                        for (int i = 0; i < in; i++) sum += (double)w[o * in + i] * (double)x[r * in + i];
                        want[r * (out + 3) + o] = (float)sum;
                    }
                (m <= GK_GEMM__STORED_ROWS ? gk_gemm__stored : gk_gemm__half)(m, t, x, in, 0.5f, got,
                                                                              out + 3);
                for (size_t i = 0; i < n_y; i++) ck_assert_float_eq_tol(got[i], want[i], 1e-4f);
                void *all[] = {h, w, x, want, got};
                for (size_t i = 0; i < 5; i++) gk_free(all[i]);
            }
}
END_TEST

/* ---------------------------------------------------------------- products with ggml's blocks */

static const char *const TYPES[] = {"Q8_0", "Q4_0", "Q4_1",   "Q5_0",   "Q5_1",  "Q2_K",  "Q3_K", "Q4_K",
                                    "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4"};
enum { N_TYPES = sizeof TYPES / sizeof *TYPES };

/* The fixture's finite blocks over and over, at an odd address; against their floats, summed in double. */
START_TEST(products_with_blocks) {
    gk_error err = {0};
    gk_gguf *g = gk_gguf_open(GK_SOURCE_DIR "/tests/fixtures/quant.gguf", &err);
    const gk_gguf_tensor *from = g ? gk_gguf_tensor_find(g, TYPES[_i]) : NULL;
    ck_assert_ptr_nonnull(from);
    const gk_quant__type *q = gk_quant__type_of(from->type);
    enum { OUT = 131, MOST = 6 };
    const int in = 3 * 256;
    size_t n = (size_t)(OUT * in), blocks = n / q->block, taken = 0;
    uint8_t *bytes = gk_alloc(blocks * q->bytes + 1);
    float *w = gk_alloc(n * sizeof *w), *x = gk_alloc((size_t)(MOST * in) * sizeof *x);
    gk_rng rng;
    gk_rng_seed(&rng, 5, "blocks");
    for (size_t b = 0; taken < blocks; b = (b + 1) % (from->bytes / q->bytes)) {
        bool good = true;
        gk_quant__dequantise(q, (const uint8_t *)from->data + b * q->bytes, w, q->block);
        for (size_t i = 0; i < q->block; i++) good = good && fabsf(w[i]) < 1e4f;
        if (good)
            memcpy(bytes + 1 + taken++ * q->bytes, (const uint8_t *)from->data + b * q->bytes, q->bytes);
        ck_assert(good || taken > 0 || b + 1 < from->bytes / q->bytes);
    }
    for (int i = 0; i < MOST * in; i++) x[i] = (float)gk_rng_normal(&rng);
    gk_tensor t = {.q = bytes + 1, .blocks = q, .out = OUT, .in = in};
    gk_tensor_floats(t, 0, n, w);
    for (int m = 1; m <= MOST; m++) {
        float y[MOST * (OUT + 2)];
        for (int i = 0; i < MOST * (OUT + 2); i++) y[i] = 1;
        (m <= GK_GEMM__STORED_ROWS ? gk_gemm__stored : gk_gemm__half)(m, t, x, in, 0.5f, y, OUT + 2);
        for (int r = 0; r < m; r++)
            for (int o = 0; o < OUT; o++) {
                double sum = 0.5, size = 1;
                for (int i = 0; i < in; i++) {
                    sum += (double)w[o * in + i] * (double)x[r * in + i];
                    size += fabs((double)w[o * in + i] * (double)x[r * in + i]);
                }
                ck_assert_double_eq_tol((double)y[r * (OUT + 2) + o], sum, 2e-6 * size);
            }
        for (int i = OUT; i < OUT + 2; i++) ck_assert(y[i] >= 1 && y[i] <= 1); /* what stands between rows */
    }
    gk_free(bytes);
    gk_free(w);
    gk_free(x);
    gk_gguf_close(g);
}
END_TEST

START_TEST(products_with_blocks_are_measured) {
    for (size_t i = 0; i < N_TYPES; i++)
        ck_assert_double_gt(gk_stored_measure(TYPES[i], 1 + (int)i % 6, 8, 256, 0), 0);
    ck_assert_double_gt(gk_stored_measure("F32", 1, 8, 5, 0), 0);
    ck_assert_double_eq(gk_stored_measure("Q4_1", 1, 8, 33, 0), 0);
    ck_assert_double_eq(gk_stored_measure("Q9", 1, 8, 256, 0), 0);
}
END_TEST

/* Fed in pieces, each of which takes another way through the products. */
static const int PIECES[] = {9, 1, 2, 3, 4, 5, 1, 1, 1, 1, 1, 1};
enum { N_PIECES = sizeof PIECES / sizeof *PIECES };
static void logits_of(const gk_model *m, const int32_t *token, float *out) {
    gk_decoder *d = gk_decoder_new(m, N, NULL);
    ck_assert_ptr_nonnull(d);
    int vocab = gk_model_config(m)->vocab, at = 0;
    for (size_t i = 0; i < N_PIECES; i++) {
        feed(d, token + at, PIECES[i], out + i * (size_t)vocab);
        at += PIECES[i];
    }
    ck_assert_int_eq(at, N);
    gk_decoder_free(d);
}

START_TEST(a_model_in_blocks_is_that_of_its_floats) {
    static const char path[] = GK_SOURCE_DIR "/tests/fixtures/gguf/llama-blocks.gguf";
    gk_error err = {0};
    scratch d = scratch_new();
    gk_model *floats = gk_model_open(path, &err), *blocks = gk_model_open_stored(path, &err);
    ck_assert_msg(floats && blocks, "%s", err.what);
    ck_assert(gk_model_stored(blocks) && !gk_model_stored(floats));
    size_t vocab = (size_t)gk_model_config(floats)->vocab;
    int32_t token[N];
    for (int i = 0; i < N; i++) token[i] = 3 + i;
    float *want = gk_alloc(N_PIECES * vocab * sizeof *want), *got = gk_alloc(N_PIECES * vocab * sizeof *got);
    logits_of(floats, token, want);
    logits_of(blocks, token, got);
    for (size_t i = 0; i < N_PIECES; i++) close_to(got + i * vocab, want + i * vocab, (int)vocab);
    ck_assert(!gk_model_save(blocks, scratch_path(&d, "saved"), &err));
    ck_assert_str_eq(err.what, "the model is in blocks, as it is stored");
    ck_assert(!gk_exists(scratch_path(&d, "saved")));
    gk_free(want);
    gk_free(got);
    gk_model_free(floats);
    gk_model_free(blocks);
    scratch_free(&d);
}
END_TEST

/* ---------------------------------------------------------------- sampling */

START_TEST(what_is_drawn) {
    const float logits[] = {1, 3, 3, 0, 2}; /* probabilities of e^x / 57.97: .047 .346 .346 .017 .127 … */
    gk_rng rng;
    gk_rng_seed(&rng, 1, "sample");
    gk_sampling greedy = {.top_p = 1};
    for (int i = 0; i < 10; i++) ck_assert_int_eq(gk_sample(logits, 5, &greedy, &rng), 1);
    static const struct {
        gk_sampling s;
        int may; /* the ids that can be drawn, as bits */
    } cases[] = {
        {{1, 0, 1}, 31},  {{1, 2, 1}, 6},     {{1, 1, 1}, 2},    {{1, 0, 0.3}, 2},
        {{1, 0, 0.6}, 6}, {{1, 3, 0.99}, 22}, {{0.01, 0, 1}, 6},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int seen = 0;
        for (int i = 0; i < 2000; i++) seen |= 1 << gk_sample(logits, 5, &cases[c].s, &rng);
        ck_assert_int_eq(seen, cases[c].may);
    }
    /* As often as the softmax says. */
    int count[5] = {0};
    gk_sampling plain = {1, 0, 1};
    for (int i = 0; i < 20000; i++) count[gk_sample(logits, 5, &plain, &rng)]++;
    double sum = exp(1) + 2 * exp(3) + 1 + exp(2);
    for (int i = 0; i < 5; i++)
        ck_assert_double_eq_tol(count[i] / 20000.0, exp((double)logits[i]) / sum, 0.015);
}
END_TEST

int main(void) {
    find_folders();
    Suite *s = suite_create("decode");
    TCase *t = tcase_create("decode");
    tcase_add_loop_test(t, a_growing_text_is_the_whole_one, 0, n_folders);
    tcase_add_test(t, there_is_no_room_for_more);
    tcase_add_loop_test(t, half_products, 0, 2);
    tcase_add_loop_test(t, products_with_blocks, 0, N_TYPES);
    tcase_add_test(t, products_with_blocks_are_measured);
    tcase_add_test(t, a_model_in_blocks_is_that_of_its_floats);
    tcase_add_test(t, what_is_drawn);
    suite_add_tcase(s, t);
    int code = run_suite(s);
    free_folders();
    return code;
}
