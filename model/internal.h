/* internal.h: what the files of model/ share. */
#ifndef GK_MODEL_INTERNAL_H
#define GK_MODEL_INTERNAL_H

#include "model/model.h"

#define GK_LAYER_COMPONENTS (GK_LNF - GK_LN1)

/* Where a component's weights and biases stand in the flat vector. */
typedef struct gk__place {
    size_t w, b;
} gk__place;

/* One allocation of parameters, and views into it. q, k and v weights of a layer are adjacent (as are their
 * biases, and gate and up), so that one product computes all of them. */
/* kept.c: what a folder says that saving has to hand on; NULL members: nothing. */
typedef struct gk__kept {
    json_t *config;     /* members of config.json */
    json_t *generation; /* generation_config.json */
} gk__kept;
/* On failure too `out` wants gk__kept_free. */
bool gk__kept_load(const char *dir, gk__kept *out, gk_error *err);
void gk__kept_free(gk__kept *k);

struct gk_model {
    gk_config cfg;
    gk__kept kept;
    float *data;
    uint16_t *half; /* bf16, beside or instead of data; NULL: none */
    float *vectors; /* norms and biases, where data is NULL and half is not */
    size_t n_vectors;
    size_t floats, count;
    gk_param *params;
    size_t n_params;
    gk__place *place; /* [(n_layers + 1) x GK_N_COMPONENTS]; the last row: outside the layers */
    gk_tensor outer[GK_N_COMPONENTS];        /* embed pos lnf head */
    gk_tensor (*layer)[GK_LAYER_COMPONENTS]; /* [n_layers] indexed by component - GK_LN1 */
    /* Of an opened model, whose data and params are NULL: */
    struct gk__files *files;
    void **own; /* arrays that could not stay in the files */
    size_t n_own;
    gk_dtype vector_type; /* of norms and biases in the files */
};

/* weights.c: a model without weights, for load.c to fill; a component's tensor in it. */
gk_model *gk__model_hollow(const gk_config *c);
gk_tensor *gk__model_slot(gk_model *m, int layer, gk_component c);

static inline int gk__q_dim(const gk_config *c) {
    return c->n_heads * c->head_dim;
}
static inline int gk__kv_dim(const gk_config *c) {
    return c->n_kv_heads * c->head_dim;
}
static inline int gk__qkv_dim(const gk_config *c) {
    return gk__q_dim(c) + 2 * gk__kv_dim(c);
}
/* Columns of the MLP's first product: gate and up, or up alone. */
static inline int gk__gu_dim(const gk_config *c) {
    return c->gated ? 2 * c->d_ffn : c->d_ffn;
}

/* y [n x out] = beta y + x [n x in] W^T, without the bias; ops_rows.c. */
void gk__product_linear(gk_tensor t, int n, const float *x, int ldx, float beta, float *y, int ldy);
/* y = x W^T + b for `count` components from `first` on, which share x, side by side in y; forward.c. */
void gk__linear_group(const gk_model *m, int layer, gk_component first, int count, int n, const float *x,
                      float *y, int ldy);

size_t gk__config_floats(const gk_config *c); /* weights.c: length of the flat vector of such a model */
/* weights.c: the flat vector's place of a component that a model with params has. */
static inline gk__place gk__place_of(const gk_model *m, int layer, gk_component c) {
    int row = layer < 0 ? m->cfg.n_layers : layer;
    return m->place[(size_t)row * GK_N_COMPONENTS + (size_t)c];
}
/* Where a layer's part of the flat vector begins; that of layer n_layers is lnf's and the head's. */
size_t gk__layer_start(const gk_model *m, int layer);

/* ---- gemm.c: C[m x n] = beta C + op(A) op(B), row-major, split over the threads. The letters say which
 * operand is transposed in memory: NT is x W^T (forward), NN is dy W (input gradient), TN is dy^T x (weight
 * gradient). */
typedef enum gk_gemm_kind { GK_GEMM_NT, GK_GEMM_NN, GK_GEMM_TN } gk_gemm_kind;
void gk__gemm(gk_gemm_kind kind, int m, int n, int k, const float *a, int lda, const float *b, int ldb,
              float beta, float *c, int ldc);
/* gemm_half.c: the NT product with 16-bit weights, widened a few rows at a time. */
void gk__gemm_half(int m, gk_tensor w, const float *a, int lda, float beta, float *c, int ldc);

/* gemm_bf16.c: the same of bf16 operands, with fp32 sums; `add` to C, else C is overwritten. */
void gk__gemm_bf16(gk_gemm_kind kind, int m, int n, int k, const uint16_t *a, int lda, const uint16_t *b,
                   int ldb, bool add, float *c, int ldc);
/* Rows of `width` floats, ld apart, to bf16, end to end. */
void gk__narrow(const float *x, int rows, int width, int ld, uint16_t *out);
/* Memory of the calling thread for one use, kept until the thread ends; its contents are not. Touching fresh
 * memory in every product would cost more than the product. */
typedef enum gk__scratch_use {
    GK__SCRATCH_DNNL,
    GK__SCRATCH_HEAD, /* attention */
    GK__SCRATCH_LEFT, /* bf16 operands */
    GK__SCRATCH_RIGHT,
    GK__SCRATCH_WIDE_A, /* the same as floats, where bf16 has no instructions */
    GK__SCRATCH_WIDE_B,
    GK__SCRATCHES
} gk__scratch_use;
void *gk__scratch(gk__scratch_use use, size_t bytes);

static inline int gk__rotary_dim(const gk_config *c) {
    return c->rotary_dim ? c->rotary_dim : c->head_dim;
}
/* Rows that a query of this layer sees, its own included. */
static inline int gk__window(const gk_config *c, int layer) {
    return c->window > 0 && layer % 2 == 0 ? c->window : c->max_positions;
}

/* ---- ops_norm.c: rows of ln.out floats at a stride of ldx, ldy … floats. */
/* stats [n x 2]: mean (0 for RMSNorm) and reciprocal deviation, when not NULL. */
void gk__norm_forward(const gk_config *c, gk_tensor ln, int n, const float *x, int ldx, float *y, int ldy,
                      float *stats);
/* dx += gradient through the norm; dw, db (NULL: not wanted) += theirs. */
void gk__norm_backward(const gk_config *c, gk_tensor ln, int n, const float *x, int ldx, const float *stats,
                       const float *dy, int lddy, float *dx, int lddx, float *dw, float *db);

/* ---- ops_attention.c: causal attention inside each sequence over fused rows [q|k|v] of qkv_dim. */
/* out [n x q_dim], lse [n x n_heads] (log of the softmax denominator). */
void gk__attention_forward(const gk_config *c, int layer, const gk_batch *b, const float *qkv, float *out,
                           float *lse);
/* dqkv [n x qkv_dim] is overwritten. */
void gk__attention_backward(const gk_config *c, int layer, const gk_batch *b, const float *qkv,
                            const float *out, const float *lse, const float *dout, float *dqkv);
/* Rotates heads in place: sign +1 forward, -1 backward. table: cos, sin pairs [n_positions x gk__rotary_dim/2
 * x 2]. */
/* Radians a position of pair i. */
double gk__rope_frequency(const gk_config *c, int i);
void gk__rope_table(const gk_config *c, int n_positions, float *table);
void gk__rope_apply(const gk_config *c, int n, int heads, const int32_t *position, const float *table,
                    float sign, float *x, int ldx);

/* The keys and values of a growing sequence: [n_layers x max x kv_dim], rotated; the first n rows of each are
 * set. */
typedef struct gk__cache {
    int n, max;
    float *k, *v;
} gk__cache;
/* Rows [q|k|v] of a sequence's next n positions: puts k and v behind the cache's first rows; out [n x q_dim].
 */
void gk__attention_cached(const gk_config *c, int layer, int n, const gk__cache *cache, const float *qkv,
                          float *out);

/* ---- ops_mlp.c: gu rows are [gate|up] (gated) or [up]. */
void gk__act_forward(const gk_config *c, int n, const float *gu, float *act);
/* Writes dgu from dact. */
void gk__act_backward(const gk_config *c, int n, const float *gu, const float *dact, float *dgu);

/* ---- ops_rows.c */
/* sum += part, which becomes zero; on this thread. */
void gk__take(size_t count, float *sum, float *part);
/* dlogits *= the slope of gk_op_softcap where it gave `capped`. */
void gk__softcap_backward(float cap, size_t count, const float *capped, float *dlogits);
/* For rows of logits [n x V] and their targets: adds up the cross-entropy (returned); when scale != 0 the
 * logits become scale * (softmax - onehot). */
double gk__xent(int n, int vocab, float *logits, const int32_t *target, float scale);

/* dw [out x in] += dy^T x, db (may be NULL) [out] += column sums of dy. */
void gk__linear_backward_weights(int n, int out, int in, const float *dy, int lddy, const float *x, int ldx,
                                 float *dw, float *db);
/* Both gradients of y = x W^T + b: dx [n x in] = dy W; dw and db as above (dw NULL: neither wanted). */
void gk__linear_backward(gk_tensor t, int n, const float *dy, int lddy, const float *x, float *dx, float *dw,
                         float *db);

#endif
