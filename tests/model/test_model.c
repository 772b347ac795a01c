/* modules: model core
 * kernels: under each instruction set
 *
 * test_model.c: every operator and the whole model against finite differences; products against a plain loop;
 * packing and batch composition do not change the loss. */
#include "graftkit/core/random.h"
#include "graftkit/model/config.h"
#include "graftkit/model/operators.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"
#include "model/formats/half.h"
#include "model/gemm/gemm.h"
#include "model/gemm/onednn.h"
#include "model/operators/mathfn.h"
#include "model/operators/operators.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float *randoms(gk_rng *rng, size_t n, float scale) {
    float *x = gk_alloc(n * sizeof(float));
    for (size_t i = 0; i < n; i++) x[i] = scale * (float)gk_rng_normal(rng);
    return x;
}

static gk_config config_of(const char *family, int kv_heads, bool tied) {
    gk_config c;
    gk_config_default(gk_family_find(family), 53, &c);
    c.d_model = 24;
    c.n_layers = 2;
    c.n_heads = 4;
    c.n_kv_heads = kv_heads;
    c.head_dim = 6;
    c.d_ffn = 37;
    c.max_positions = 16;
    c.tied = tied;
    return c;
}

/* ---------------------------------------------------------------- products */

static double element(const float *x, int ld, int row, int col, bool transposed) {
    return (double)(transposed ? x[(ptrdiff_t)col * ld + row] : x[(ptrdiff_t)row * ld + col]);
}

START_TEST(test_products) {
    static const int shapes[][3] = {{1, 7, 5},    {2, 9, 19},      {3, 33, 17},   {4, 64, 16},
                                    {5, 40, 70},  {6, 10, 61},     {7, 13, 80},   {8, 128, 1},
                                    {11, 22, 33}, {13, 5, 7},      {16, 31, 96},  {17, 14, 12},
                                    {97, 65, 33}, {200, 341, 128}, {300, 500, 64}};
    gk_rng rng;
    gk_rng_seed(&rng, 1, "products");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int kind = GK_GEMM_NT; kind <= GK_GEMM_TN; kind++)
            for (int add = 0; add < 2; add++) {
                int m = shapes[i][0], n = shapes[i][1], k = shapes[i][2];
                int lda = (kind == GK_GEMM_TN ? m : k) + 3, ldb = (kind == GK_GEMM_NT ? k : n) + 2,
                    ldc = n + 1;
                float *a = randoms(&rng, (size_t)lda * (size_t)(kind == GK_GEMM_TN ? k : m), 1);
                float *b = randoms(&rng, (size_t)ldb * (size_t)(kind == GK_GEMM_NT ? n : k), 1);
                float *c = randoms(&rng, (size_t)ldc * (size_t)m, 1),
                      *before = gk_alloc((size_t)ldc * (size_t)m * 4);
                memcpy(before, c, (size_t)ldc * (size_t)m * 4);
                gk_gemm__f32((gk_gemm_kind)kind, m, n, k, a, lda, b, ldb, add ? 1.0f : 0.0f, c, ldc);
                for (int r = 0; r < m; r++) {
                    for (int col = 0; col < n; col++) {
                        double want = add ? (double)before[r * ldc + col] : 0;
                        for (int t = 0; t < k; t++)
                            want += element(a, lda, r, t, kind == GK_GEMM_TN) *
                                    element(b, ldb, t, col, kind == GK_GEMM_NT);
                        ck_assert_msg(fabs(want - (double)c[r * ldc + col]) < 1e-4 * (1 + sqrt(k)),
                                      "kind %d %dx%dx%d at %d,%d: %g, want %g", kind, m, n, k, r, col,
                                      (double)c[r * ldc + col], want);
                    }
                    ck_assert(c[r * ldc + n] == before[r * ldc + n]); /* nothing beyond the row */
                }
                gk_free(a);
                gk_free(b);
                gk_free(c);
                gk_free(before);
            }
}
END_TEST

/* Operands as bf16 and as floats, in all four ways; and by oneDNN, whether or not it is the faster way here.
 */
enum { FORMS = 5, BY_ONEDNN = 4 };
static bool multiply_bf16(int form, const gk_gemm__bf16_product *p, const float *a, const float *b) {
    gk_gemm__bf16_operand x = form & 1 ? (gk_gemm__bf16_operand){.f = a} : p->a,
                          y = form & 2 ? (gk_gemm__bf16_operand){.f = b} : p->b;
    if (form == BY_ONEDNN) return gk_onednn__has_bf16() && gk_onednn__bf16(p);
    gk_gemm__bf16(p->kind, p->m, p->n, p->k, x, p->lda, y, p->ldb, p->add, p->c, p->ldc);
    return true;
}

/* Against a plain loop over the same rounded operands, in odd shapes and with spare columns. */
START_TEST(test_bf16_products) {
    /* The last two are too large to be widened at once where there are no instructions. */
    static const int shapes[][3] = {{2, 7, 5},       {3, 33, 17},   {64, 40, 70},    {97, 65, 33},
                                    {200, 341, 128}, {65, 500, 64}, {2, 1100, 1000}, {1100, 2, 1000}};
    gk_rng rng;
    gk_rng_seed(&rng, 8, "bf16");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int kind = GK_GEMM_NT; kind <= GK_GEMM_TN; kind++)
            for (int way = 0; way < 2 * FORMS; way++) {
                int m = shapes[i][0], n = shapes[i][1], k = shapes[i][2];
                bool add = way % 2 != 0;
                int lda = (kind == GK_GEMM_TN ? m : k) + 3, ldb = (kind == GK_GEMM_NT ? k : n) + 2,
                    ldc = n + 1;
                size_t na = (size_t)lda * (size_t)(kind == GK_GEMM_TN ? k : m);
                size_t nb = (size_t)ldb * (size_t)(kind == GK_GEMM_NT ? n : k), nc = (size_t)ldc * (size_t)m;
                float *a = randoms(&rng, na, 1), *b = randoms(&rng, nb, 1), *c = randoms(&rng, nc, 1);
                float *before = gk_alloc(nc * sizeof *before);
                uint16_t *ha = gk_alloc(na * sizeof *ha), *hb = gk_alloc(nb * sizeof *hb);
                memcpy(before, c, nc * sizeof *c);
                gk_bf16_round(a, ha, na);
                gk_bf16_round(b, hb, nb);
                gk_half__bf16_to_f32(ha, a, na);
                gk_half__bf16_to_f32(hb, b, nb);
                gk_gemm__bf16_product p = {(gk_gemm_kind)kind, m,         n, k,  lda, ldb, ldc,
                                           {.h = ha},          {.h = hb}, c, add};
                bool made = multiply_bf16(way / 2, &p, a, b);
                for (int r = 0; made && r < m; r++) {
                    for (int col = 0; col < n; col++) {
                        double want = add ? (double)before[r * ldc + col] : 0;
                        for (int t = 0; t < k; t++)
                            want += element(a, lda, r, t, kind == GK_GEMM_TN) *
                                    element(b, ldb, t, col, kind == GK_GEMM_NT);
                        ck_assert_double_eq_tol((double)c[r * ldc + col], want, 2e-5 * sqrt(k) + 1e-5);
                    }
                    ck_assert(c[r * ldc + n] == before[r * ldc + n]);
                }
                void *all[] = {a, b, c, before, ha, hb};
                for (size_t x = 0; x < sizeof all / sizeof *all; x++) gk_free(all[x]);
            }
}
END_TEST

START_TEST(test_exp) {
    for (int i = 0; i < 12628; i++) {
        const double x = -86 + 0.0137 * i;
        double want = exp((double)(float)x), got = (double)gk_op__exp((float)x);
        ck_assert_msg(fabs(got - want) < 3e-7 * want, "exp(%g) = %g, want %g", x, got, want);
    }
    ck_assert(isnan(gk_op__exp(NAN)));
    ck_assert(gk_op__exp(-1e30f) < 2e-38f && gk_op__exp(1e30f) > 1e38f);
    ck_assert_double_eq_tol((double)gk_op__tanh(20.0f), 1, 1e-7);
    ck_assert_double_eq_tol((double)gk_op__tanh(-90.0f), -1, 1e-7);
}
END_TEST

/* ---------------------------------------------------------------- operators against finite differences */

/* f(x) = sum w . op(x), evaluated by `run`; its gradient by `grad` is compared at every entry of x. */
typedef struct difference {
    double (*run)(void *ctx);
    void *ctx;
    const char *what;
} difference;

static void check_gradient(const difference *t, float *x, const float *grad, size_t n, double tolerance) {
    double largest = 1e-2; /* below this, single precision is what a difference shows */
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs((double)grad[i]));
    for (size_t i = 0; i < n; i++) {
        const float step = 4e-3f, keep = x[i];
        x[i] = keep + step;
        double up = t->run(t->ctx);
        x[i] = keep - step;
        double down = t->run(t->ctx);
        x[i] = keep;
        double want = (up - down) / (2.0 * (double)step);
        ck_assert_msg(fabs(want - (double)grad[i]) < tolerance * largest,
                      "%s[%zu]: gradient %g, difference %g", t->what, i, (double)grad[i], want);
    }
}

typedef struct op_case {
    gk_config c;
    int n, width;
    gk_tensor ln;
    float *x, *y, *w, *stats, *lse;
    gk_batch b;
} op_case;

static double weighted(const op_case *o) {
    double sum = 0;
    for (int i = 0; i < o->n * o->width; i++) sum += (double)o->w[i] * (double)o->y[i];
    return sum;
}

static double run_norm(void *ctx) {
    op_case *o = ctx;
    gk_op__norm_forward(&o->c, o->ln, o->n, 1, o->x, o->width, o->y, o->width, o->stats);
    return weighted(o);
}

static double run_act(void *ctx) {
    op_case *o = ctx;
    gk_op__act_forward(&o->c, o->n, o->x, o->y);
    return weighted(o);
}

static double run_attention(void *ctx) {
    op_case *o = ctx;
    gk_op__attention_forward(&o->c, 0, &o->b, o->x, o->y, o->lse);
    return weighted(o);
}

static const char *const families[] = {"llama", "gpt2", "gemma"};

START_TEST(test_norm_gradient) {
    gk_config c = config_of(families[_i], 4, false);
    gk_rng rng;
    gk_rng_seed(&rng, 2, "norm");
    int n = 5, d = c.d_model;
    size_t nd = (size_t)(n * d);
    float *gain = randoms(&rng, (size_t)d, 1),
          *shift = c.norm == GK_LAYERNORM ? randoms(&rng, (size_t)d, 1) : NULL;
    op_case o = {.c = c, .n = n, .width = d, .ln = {.w = gain, .b = shift, .out = d, .in = 1}};
    o.x = randoms(&rng, nd, 1);
    o.w = randoms(&rng, nd, 1);
    o.y = gk_alloc(nd * 4);
    o.stats = gk_alloc((size_t)n * 8);
    run_norm(&o);
    float *dx = gk_alloc(nd * 4), *dw = gk_alloc((size_t)d * 4), *db = shift ? gk_alloc((size_t)d * 4) : NULL;
    gk_op__norm_backward(&c, o.ln, n, 1, o.x, d, o.stats, o.w, d, dx, d, dw, db);
    difference t = {run_norm, &o, "x"};
    check_gradient(&t, o.x, dx, nd, 2e-3);
    t.what = "gain";
    check_gradient(&t, gain, dw, (size_t)d, 2e-3);
    t.what = "shift";
    if (shift) check_gradient(&t, shift, db, (size_t)d, 2e-3);
    float *all[] = {gain, shift, o.x, o.w, o.y, o.stats, dx, dw, db};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) gk_free(all[i]);
}
END_TEST

/* Every activation, gated and not. */
START_TEST(test_act_gradient) {
    gk_config c = config_of(families[_i % 2], 4, false);
    c.act = (gk_act_kind)(_i / 2);
    gk_rng rng;
    gk_rng_seed(&rng, 3, "act");
    int n = 4, gu = gk_config__gu_dim(&c);
    op_case o = {.c = c, .n = n, .width = c.d_ffn};
    o.x = randoms(&rng, (size_t)(n * gu), 2);
    o.w = randoms(&rng, (size_t)(n * c.d_ffn), 1);
    o.y = gk_alloc((size_t)(n * c.d_ffn) * 4);
    float *dgu = gk_alloc((size_t)(n * gu) * 4);
    gk_op__act_backward(&c, n, o.x, o.w, dgu);
    difference t = {run_act, &o, "act"};
    check_gradient(&t, o.x, dgu, (size_t)(n * gu), 2e-3);
    float *all[] = {o.x, o.w, o.y, dgu};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) gk_free(all[i]);
}
END_TEST

START_TEST(test_attention_gradient) {
    gk_config c = config_of("llama", _i == 0 ? 4 : _i == 1 ? 2 : 1, false);
    if (_i == 3) c.attn_softcap = 0.7f, c.window = 3, c.query_scale = 5;
    gk_rng rng;
    gk_rng_seed(&rng, 4, "attention");
    int32_t starts[] = {0, 5, 6, 13};
    int n = 13, q = gk_config__q_dim(&c), qkv = gk_config__qkv_dim(&c);
    op_case o = {.c = c, .n = n, .width = q, .b = {.n_rows = n, .n_seqs = 3, .seq_start = starts}};
    o.x = randoms(&rng, (size_t)(n * qkv), 1);
    o.w = randoms(&rng, (size_t)(n * q), 1);
    o.y = gk_alloc((size_t)(n * q) * 4);
    o.lse = gk_alloc((size_t)(n * c.n_heads) * 4);
    run_attention(&o);
    float *out = gk_alloc((size_t)(n * q) * 4), *lse = gk_alloc((size_t)(n * c.n_heads) * 4);
    memcpy(out, o.y, (size_t)(n * q) * 4);
    memcpy(lse, o.lse, (size_t)(n * c.n_heads) * 4);
    float *dqkv = randoms(&rng, (size_t)(n * qkv), 1); /* must be overwritten */
    gk_op__attention_backward(&c, 0, &o.b, o.x, out, lse, o.w, dqkv);
    difference t = {run_attention, &o, "qkv"};
    check_gradient(&t, o.x, dqkv, (size_t)(n * qkv), 2e-3);
    float *all[] = {o.x, o.w, o.y, o.lse, out, lse, dqkv};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) gk_free(all[i]);
}
END_TEST

START_TEST(test_rope_inverse) {
    gk_config c = config_of("llama", 2, false);
    gk_rng rng;
    gk_rng_seed(&rng, 5, "rope");
    int32_t position[] = {0, 3, 15, 1};
    int width = c.n_heads * c.head_dim;
    float *x = randoms(&rng, (size_t)(4 * width), 1), *y = gk_alloc((size_t)(4 * width) * 4);
    float *table = gk_alloc((size_t)(16 * c.head_dim) * 4);
    memcpy(y, x, (size_t)(4 * width) * 4);
    gk_op_rope(&c, 0, 4, c.n_heads, position, y, width);
    ck_assert(memcmp(x, y, (size_t)width * 4) == 0); /* position 0 is not turned */
    ck_assert(fabsf(x[width] - y[width]) > 1e-4f);
    gk_op__rope_table(&c, 0, 16, table);
    gk_op__rope_apply(&c, 4, c.n_heads, position, table, -1.0f, y, width);
    for (int i = 0; i < 4 * width; i++) ck_assert_float_eq_tol(x[i], y[i], 1e-5f);
    gk_free(x);
    gk_free(y);
    gk_free(table);
}
END_TEST

/* The gathered attention of grafting is the causal one when every query lists its own past. */
START_TEST(test_attend_is_attention) {
    gk_config c = config_of("llama", 2, false);
    if (_i == 1) c.attn_softcap = 0.7f, c.window = 3, c.query_scale = 5;
    gk_rng rng;
    gk_rng_seed(&rng, 6, "attend");
    enum { N = 7 };
    int q = gk_config__q_dim(&c), kv = gk_config__kv_dim(&c), qkv = gk_config__qkv_dim(&c);
    int32_t starts[] = {0, N}, rows[N], n_ctx[N];
    const int32_t *ctx[N];
    gk_batch b = {.n_rows = N, .n_seqs = 1, .seq_start = starts};
    float *x = randoms(&rng, (size_t)(N * qkv), 1), *want = gk_alloc((size_t)(N * q) * 4),
          *got = gk_alloc((size_t)(N * q) * 4);
    float *lse = gk_alloc((size_t)(N * c.n_heads) * 4), *qs = gk_alloc((size_t)(N * q) * 4);
    float *ks = gk_alloc((size_t)(N * kv) * 4), *vs = gk_alloc((size_t)(N * kv) * 4);
    for (int r = 0; r < N; r++) {
        rows[r] = r;
        ctx[r] = rows;
        n_ctx[r] = r + 1;
        memcpy(qs + r * q, x + r * qkv, (size_t)q * 4);
        memcpy(ks + r * kv, x + r * qkv + q, (size_t)kv * 4);
        memcpy(vs + r * kv, x + r * qkv + q + kv, (size_t)kv * 4);
    }
    gk_op__attention_forward(&c, 0, &b, x, want, lse);
    gk_op_attend(&c, 0, N, qs, ctx, n_ctx, ks, vs, got);
    for (int i = 0; i < N * q; i++) ck_assert_float_eq_tol(want[i], got[i], 1e-6f);
    float *all[] = {x, want, got, lse, qs, ks, vs};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) gk_free(all[i]);
}
END_TEST

/* ---------------------------------------------------------------- the whole model */

static const int32_t tokens[] = {1, 7, 9, 30, 52, 1, 4, 4, 1, 2, 3, 50, 8};
static const int32_t targets[] = {7, 9, 30, 52, -1, 4, 4, -1, 2, 3, 50, 8, -1};
static const int32_t starts3[] = {0, 5, 8, 13};
static const gk_batch three = {13, 3, tokens, targets, starts3};

typedef struct whole_case {
    gk_model *m;
    gk_session *s;
} whole_case;

static double run_whole(void *ctx) {
    whole_case *w = ctx;
    double loss;
    int64_t n;
    gk_error err;
    ck_assert_msg(gk_forward_loss(w->s, w->m, &three, &loss, &n, &err), "%s", err.what);
    ck_assert_int_eq(n, 10);
    return loss;
}

static void whole_model(const char *family, int kv_heads, bool tied) {
    gk_config c = config_of(family, kv_heads, tied);
    gk_error err;
    gk_model *m = gk_model_new(&c, 11, &err);
    gk_session *s = gk_session_new(&c, 13, true, &err);
    ck_assert(m && s);
    /* Away from the initial symmetry: norms and biases random, weights larger. */
    gk_rng rng;
    gk_rng_seed(&rng, 12, "whole");
    const gk_param *p;
    size_t n_params = gk_model_params(m, &p);
    for (size_t i = 0; i < n_params; i++)
        for (size_t j = 0; j < p[i].count; j++)
            gk_model_data(m)[p[i].offset + j] += 0.15f * (float)gk_rng_normal(&rng);
    float *grad = gk_alloc(gk_model_floats(m) * 4);
    double loss;
    int64_t n;
    ck_assert(
        gk_forward_backward(s, m, &three, &(gk_backprop){.scale = 1.0f, .grad = grad}, &loss, &n, &err));
    whole_case w = {m, s};
    ck_assert_double_eq_tol(loss, run_whole(&w), 1e-5);
    for (size_t i = 0; i < n_params; i++) {
        char what[64];
        snprintf(what, sizeof what, "%s %d.%s%s", family, p[i].layer, gk_component_name(p[i].comp),
                 p[i].bias ? " bias" : "");
        difference t = {run_whole, &w, what};
        /* A sample of each array: the operators were checked entry by entry. */
        size_t step = p[i].count > 40 ? p[i].count / 40 * 8 : 8;
        for (size_t j = 0; j + 8 <= p[i].count; j += step)
            check_gradient(&t, gk_model_data(m) + p[i].offset + j, grad + p[i].offset + j, 8, 2e-2);
    }
    gk_free(grad);
    gk_session_free(s);
    gk_model_free(m);
}

START_TEST(test_whole_llama) {
    whole_model("llama", 2, false);
}
END_TEST
START_TEST(test_whole_llama_tied) {
    whole_model("llama", 4, true);
}
END_TEST
START_TEST(test_whole_gpt2) {
    whole_model("gpt2", 4, false);
}
END_TEST

START_TEST(test_batch_errors) {
    gk_config c = config_of("llama", 4, false);
    gk_error err;
    gk_model *m = gk_model_new(&c, 1, &err);
    gk_session *s = gk_session_new(&c, 20, false, &err);
    float *logits = gk_alloc((size_t)c.vocab * 4);
    int32_t token[20] = {0}, start[] = {0, 20}, row = 0;
    gk_batch b = {20, 1, token, NULL, start};
    ck_assert(!gk_forward(s, m, &b, &row, 1, logits, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "20 tokens"));
    b.n_rows = start[1] = 10;
    token[3] = 53;
    ck_assert(!gk_forward(s, m, &b, &row, 1, logits, &err));
    ck_assert_ptr_nonnull(strstr(err.what, "token 53"));
    token[3] = 52;
    ck_assert(gk_forward(s, m, &b, &row, 1, logits, &err));
    row = 10;
    ck_assert(!gk_forward(s, m, &b, &row, 1, logits, &err));
    double loss;
    int64_t n;
    ck_assert(!gk_forward_backward(s, m, &b, &(gk_backprop){.scale = 1, .grad = logits}, &loss, &n, &err));
    gk_free(logits);
    gk_session_free(s);
    gk_model_free(m);
}
END_TEST

/* Equal values go up and down in proportion, each place the same way every time: a small step moves few of
 * them, and none the wrong way. */
START_TEST(weights_are_rounded_without_bias) {
    enum { N = 1 << 16 };
    float *x = gk_alloc(N * sizeof *x);
    uint16_t *before = gk_alloc(N * sizeof *before), *after = gk_alloc(N * sizeof *after);
    for (int i = 0; i < N; i++) x[i] = 1 + 0.3f / 128; /* between 1 and 1 + 1/128, 0x3f80 and 0x3f81 */
    gk_bf16_round_weights(x, before, N, 0);
    for (int i = 0; i < N; i++) x[i] += 0.05f / 128;
    gk_bf16_round_weights(x, after, N, 0);
    int up = 0, up_after = 0;
    for (int i = 0; i < N; i++) {
        ck_assert(before[i] == 0x3f80 || before[i] == 0x3f81);
        ck_assert_uint_le(before[i], after[i]);
        up += before[i] == 0x3f81;
        up_after += after[i] == 0x3f81;
    }
    ck_assert_double_eq_tol((double)up / N, 0.3, 0.01);
    ck_assert_double_eq_tol((double)up_after / N, 0.35, 0.01);
    gk_bf16_round_weights(x + 1000, before, 500, 1000);
    ck_assert_mem_eq(before, after + 1000, 500 * sizeof *before);
    const float kept[] = {0, -0.0f, 1, -1.0078125f, 0x1p-130f, INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        for (size_t place = 0; place < 100; place++) {
            float back;
            gk_bf16_round_weights(&kept[i], before, 1, place);
            gk_half__bf16_to_f32(before, &back, 1);
            ck_assert(isnan(kept[i]) ? isnan(back) : back == kept[i] && signbit(back) == signbit(kept[i]));
        }
    gk_free(x);
    gk_free(before);
    gk_free(after);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model");
    TCase *t = tcase_create("model");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, test_products);
    tcase_add_test(t, test_bf16_products);
    tcase_add_test(t, test_exp);
    tcase_add_loop_test(t, test_norm_gradient, 0, 3);
    tcase_add_loop_test(t, test_act_gradient, 0, 8);
    tcase_add_loop_test(t, test_attention_gradient, 0, 4);
    tcase_add_test(t, test_rope_inverse);
    tcase_add_loop_test(t, test_attend_is_attention, 0, 2);
    tcase_add_test(t, test_whole_llama);
    tcase_add_test(t, test_whole_llama_tied);
    tcase_add_test(t, test_whole_gpt2);
    tcase_add_test(t, test_batch_errors);
    tcase_add_test(t, weights_are_rounded_without_bias);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
