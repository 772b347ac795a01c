/* session.h (model): batches of texts, forward and backward.
 *
 * A gk_session holds one run's activations and is private to one caller. Passes split their rows over the
 * process's threads (gk_threads) and give the same bits for the same shapes and thread count.
 *
 * Example:
 *     gk_config c;
 *     gk_config_default(gk_family_find("llama"), 100, &c);
 *     gk_model *m = gk_model_new(&c, 1, err);
 *     gk_session *s = m ? gk_session_new(&c, 3, false, err) : NULL;
 *     const int32_t token[] = {5, 7, 9}, start[] = {0, 3}, last[] = {2};
 *     gk_batch text = {3, 1, token, NULL, start};
 *     float logits[100];
 *     bool ok = s && gk_forward(s, m, &text, last, 1, logits, err);
 *     gk_session_free(s);
 *     gk_model_free(m);
 *     return ok;
 */
#ifndef GRAFTKIT_MODEL_SESSION_H
#define GRAFTKIT_MODEL_SESSION_H

#include "graftkit/model/adapter.h"

GK_PUBLIC_BEGIN

/* Rows of several sequences end to end, without padding. */
typedef struct gk_batch {
    int n_rows, n_seqs;
    const int32_t *token; /* [n_rows], 0 <= token < V */
    /* [n_rows], the id to predict at this row, or -1: no loss here. May be NULL in gk_forward */
    const int32_t *target;
    /* [n_seqs + 1]: sequence s is rows seq_start[s] .. seq_start[s+1]-1; positions count from 0 */
    const int32_t *seq_start;
} gk_batch;

typedef struct gk_session gk_session;
typedef struct gk_session_opts {
    bool narrow;  /* for models that gk_model_narrow or _lean made: gk_session_size counts what their products
                     take  besides */
    int max_rows; /* of a batch */
    bool backward; /* keep what gk_forward_backward needs */
    bool
        recompute; /* keep of each layer what it reads, and compute the rest again in the backward pass (Chen
                      et al. 2016): a layer's activations in memory, not all layers', for a third more time */
    const gk_adapter *adapter; /* added to the model in every pass; outlives the session. NULL: none */
    /* With backward: [n_layers + 1] masks, by layer, the last of what is outside the layers; bit (1u <<
     * component) is set where no gradient is wanted. Copied. Such a part has no place in the gradient, the
     * backward pass ends above the lowest layer that has one which is trained, and of what lies below nothing
     * is kept. NULL: all gradients are wanted. Beside an adapter, which is all that is trained: not used */
    const uint32_t *frozen;
} gk_session_opts;
/* NULL where max_rows is less than 1 or memory does not suffice. */
gk_session *gk_session_make(const gk_config *c, const gk_session_opts *o, gk_error *err);
size_t gk_session_size(const gk_config *c, const gk_session_opts *o); /* bytes that gk_session_make takes */
/* The same without recompute. */
gk_session *gk_session_new(const gk_config *c, int max_rows, bool backward, gk_error *err);
size_t gk_session_bytes(const gk_config *c, int max_rows, bool backward);
void gk_session_free(gk_session *s); /* NULL is fine */
/* The lowest layer that the backward pass goes through: 0 where embed or pos is trained, n_layers where no
 * layer has anything that is. */
int gk_session_lowest(const gk_session *s);

/* Logits [n x V] of the listed rows. Fails on a token out of range or a sequence
 * longer than max_positions. */
bool gk_forward(gk_session *s, const gk_model *m, const gk_batch *b, const int32_t *rows, int n,
                float *logits, gk_error *err);
/* Sum (not mean) of the cross-entropy over the rows that have a target, and their number. */
bool gk_forward_loss(gk_session *s, const gk_model *m, const gk_batch *b, double *loss_sum,
                     int64_t *n_targets, gk_error *err);
/* Gradients [from, from + count) of the vector of what is trained (gk_trained_places) are complete and lie in
 * grad[0 .. count): whoever is told uses them and leaves zeros. */
typedef void gk_ready_fn(void *ctx, size_t from, size_t count, float *grad);
/* What a backward pass is to give. In a session with an adapter the model is frozen: `grad` is laid out as
 * gk_adapter_data, and the other members but `scale` are not used. */
typedef struct gk_backprop {
    float scale; /* of the loss */
    /* Laid out as gk_model_data without what is frozen, [gk_trained_floats], added to. NULL: the gradients
     * come in pieces, see below */
    float *grad;
    /* So that they never exist as a whole: `front` holds those of embed and pos until the end, `window` one
     * layer's at a time, after those of lnf and head. Both of gk_backprop_floats, all zeros; `ready` is
     * called for each piece, in the order in which they are complete: after the head, from the last layer
     * down, at the end for embed and pos. */
    float *front, *window;
    gk_ready_fn *ready;
    void *ctx;
} gk_backprop;
/* The floats of `front` and of `window` for a model of this configuration; `frozen` as in gk_session_opts. */
void gk_backprop_floats(const gk_config *c, const uint32_t *frozen, size_t *front, size_t *window);
/* As gk_forward_loss, and adds d(scale * loss_sum)/d(parameter) to the gradients. The session must have been
 * made for it. */
bool gk_forward_backward(gk_session *s, const gk_model *m, const gk_batch *b, const gk_backprop *p,
                         double *loss_sum, int64_t *n_targets, gk_error *err);

/* Where the time of the last gk_forward_backward went, in seconds (of a thread, where several took parts of
 * the batch side by side): products; attention; norms, activations and what else goes row by row; softmax and
 * loss.
 */
typedef enum gk_phase {
    GK_PHASE_PRODUCTS,
    GK_PHASE_ATTENTION,
    GK_PHASE_ROWS,
    GK_PHASE_LOSS,
    GK_N_PHASES
} gk_phase;
void gk_session_phases(const gk_session *s, double seconds[GK_N_PHASES]);

GK_PUBLIC_END

#endif
