/* session.h: the activations of one run, shared by session.c, forward.c and backward.c. */
#ifndef GK_MODEL_SESSION_H
#define GK_MODEL_SESSION_H

#include "model/internal.h"

/* One layer's activations, all [rows x …]. Without backward every layer uses the same ones. */
typedef struct gk__acts {
    float *x_in;         /* d: the residual stream as the layer finds it */
    float *ln1, *stats1; /* d, 2 */
    float *qkv;          /* qkv_dim, rotated */
    float *att, *lse;    /* q_dim, n_heads */
    float *x_mid;        /* d: after attention */
    float *ln2, *stats2; /* d, 2 */
    float *gu, *act;     /* gu_dim, f */
} gk__acts;

struct gk_session {
    gk_config cfg;
    int max_rows, loss_rows;
    bool backward;
    float *block; /* the one allocation */
    gk__acts *layer;
    float *x_out;                 /* d: after the last layer */
    float *picked, *lnf, *statsf; /* d, d, 2: the rows that predict something */
    float *logits;                /* [loss_rows x V] */
    float *rope;
    int32_t *position, *rows, *target; /* [max_rows] */
    float *dx, *dnorm, *dwide, *dact;  /* backward only: d, d, max(qkv_dim, gu_dim), max(f, d, q_dim) */
};

bool gk__batch_check(const gk_session *s, const gk_model *m, const gk_batch *b, gk_error *err);
/* Residual stream after the last layer, in s->x_out. */
void gk__forward(gk_session *s, const gk_model *m, const gk_batch *b);
/* s->dx holds the gradient of the loss by s->x_out; adds the parameters' to grad. */
void gk__backward(gk_session *s, const gk_model *m, const gk_batch *b, uint32_t frozen, float *grad);
/* The q k v (or gate up) matrices of a layer as one. */
gk_tensor gk__fused(const gk_model *m, int layer, gk_component first, int out);

#endif
