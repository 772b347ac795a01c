/* session.h: the activations of one run, and what the passes share. Internal to model/. */
#ifndef GK_MODEL_SESSION_H
#define GK_MODEL_SESSION_H

#include "graftkit/core/progress.h"
#include "graftkit/model/adapter.h"
#include "model/operators/operators.h"
#include "model/weights/weights.h"

/* One layer's activations, all [rows x …]. Without backward every layer uses the same ones. A norm that the
 * model has not leaves its output pointing at its input. */
typedef struct gk_session__activations {
    float *x_in;                   /* d: the residual stream as the layer finds it */
    float *ln1, *stats1;           /* d, 2 */
    float *qk, *stats_q, *stats_k; /* q_dim + kv_dim, 2 a group: before q_norm and k_norm */
    float *qkv;                    /* qkv_dim, normed and rotated */
    float *att, *lse;              /* q_dim, n_heads */
    float *o_out, *stats1_post;    /* d, 2: before ln1_post */
    float *x_mid;                  /* d: after attention */
    float *ln2, *stats2;           /* d, 2 */
    float *gu, *act;               /* gu_dim, f */
    float *down_out, *stats2_post; /* d, 2: before ln2_post */
} gk_session__activations;

/* What one thread takes through the whole step of a batch (data_parallel.c). Shard 0 uses the session's own
 * buffers and the caller's gradient. */
typedef struct gk_session__shard {
    gk_session *session;
    float *grad;
    int32_t *starts, *token, *target; /* [max_rows + 1], [max_rows] each: what batch is of */
    gk_batch batch;
    double loss;
    int64_t n;
} gk_session__shard;

/* A sequence of the batch, and the shard that it falls to. */
typedef struct gk_session__assignment {
    int seq, rows;
    size_t shard;
} gk_session__assignment;

struct gk_session {
    gk_config cfg;
    int max_rows, loss_rows;
    bool backward, recompute;
    uint32_t *frozen;            /* [n_layers + 1] masks, as in gk_session_opts; NULL: none */
    gk_weights__trained trained; /* backward without an adapter: where gradients go */
    int lowest;   /* the first layer whose activations are kept: it, or embed or pos below, is trained */
    float *block; /* the one allocation */
    gk_session__shard *shard;
    gk_session__assignment *assigned; /* [max_rows] */
    size_t n_shards;                  /* 0: the operators split their rows instead */
    size_t grad_floats;               /* of a shard */
    gk_session__activations *layer;
    gk_phase phase; /* of the pass under way */
    double spent[GK_N_PHASES], phase_began;
    float *x_out;                      /* d: after the last layer */
    float *picked, *lnf, *statsf;      /* d, d, 2: the rows that predict something */
    float *logits, *capped;            /* [loss_rows x V]; capped: backward with a soft cap only */
    float *rope[2];                    /* as gk_config__rotary_index has them; NULL: there is none */
    const gk_adapter *adapter;         /* NULL: none */
    float *low, *dlow;                 /* rank, rank: x A^T, and (backward) the gradient by it */
    gk_op__kv_cache *cache;            /* of a decoder: the batch goes on where it ends */
    int32_t *position, *rows, *target; /* [max_rows] */
    /* Backward only: d, d, max(qkv_dim, gu_dim), max(f, d, q_dim). Of what a branch added to the residual
     * stream: d, where that is not dx; before q_norm and k_norm: q_dim + kv_dim. */
    float *dx, *dnorm, *dwide, *dact, *dbranch, *dqk;
};

/* What comes next is of this phase. */
static inline void gk_session__phase(gk_session *s, gk_phase p) {
    double now = gk_now();
    s->spent[s->phase] += now - s->phase_began;
    s->phase_began = now;
    s->phase = p;
}

/* Whether a component's own weights get a gradient. */
static inline bool gk_session__trains(const gk_session *s, int layer, gk_component c) {
    if (s->adapter) return false;
    return !s->frozen || !(s->frozen[layer < 0 ? s->cfg.n_layers : layer] >> c & 1u);
}

/* activations.c: a session without shards, and the bytes that it takes; of operands rounded to bf16, which
 * the threads keep. */
gk_session *gk_session__single(const gk_config *c, const gk_session_opts *o, gk_error *err);
void gk_session__single_free(gk_session *s);
size_t gk_session__single_bytes(const gk_config *c, const gk_session_opts *o);
size_t gk_session__operand_bytes(const gk_config *c, const gk_session_opts *o);

/* forward.c: the residual stream after the last layer, in s->x_out, of a checked batch. */
void gk_session__forward(gk_session *s, const gk_model *m, const gk_batch *b);
/* A layer's activations once more, from its x_in; not what it hands on. */
void gk_session__forward_again(gk_session *s, const gk_model *m, const gk_batch *b, int layer);
/* q and k of rows [q|k|v] turned by their positions where this layer does so; sign -1: backward. */
void gk_session__rotate(gk_session *s, int layer, int n, float sign, float *qkv);
/* The q k v (or gate up) matrices of a layer as one. */
gk_tensor gk_session__fused(const gk_model *m, int layer, gk_component first, int out);

/* head.c: the final norm of the listed rows, into s->lnf; logits [n x V] of normed rows. */
void gk_session__final_norm(gk_session *s, const gk_model *m, const int32_t *rows, int n);
void gk_session__head(const gk_config *c, const gk_model *m, int n, const float *x, float *logits);
/* Gathers rows and targets of those that have one into s->rows and s->target: the head runs over these only.
 */
int gk_session__rows_with_target(gk_session *s, const gk_batch *b);

/* backward.c: loss and gradients of a checked batch. */
double gk_session__step(gk_session *s, const gk_model *m, const gk_batch *b, const gk_backprop *p,
                        int64_t *n_targets);

/* data_parallel.c: the same, each sequence by one thread. */
size_t gk_session__shards_wanted(const gk_config *c, bool backward); /* 1: none */
bool gk_session__shards_new(gk_session *s, size_t n, const gk_session_opts *o, gk_error *err);
void gk_session__shards_free(gk_session *s);
double gk_session__shards_step(gk_session *s, const gk_model *m, const gk_batch *b, const gk_backprop *p,
                               int64_t *n_targets);

/* low_rank.c; nothing where the session's adapter, if any, has none of `count` components from `first`
 * on, whose outputs lie side by side in y. */
/* y += scale (x A^T) B^T */
void gk_session__adapter_forward(const gk_session *s, int layer, gk_component first, int count, int n,
                                 const float *x, float *y, int ldy);
/* dx [n x in] += the gradient through it; adds those of A and B to grad. */
void gk_session__adapter_backward(const gk_session *s, int layer, gk_component first, int count, int n,
                                  const float *dy, int lddy, const float *x, float *dx, float *grad);
size_t gk_session__grad_floats(const gk_config *c, const gk_session_opts *o); /* the gradient's length */

/* What the MLP reads before its norm. */
static inline float *gk_session__mlp_in(const gk_config *c, const gk_session__activations *a) {
    return c->parallel ? a->x_in : a->x_mid;
}

#endif
