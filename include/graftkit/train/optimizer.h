/* optimizer.h (train): learning-rate schedules, and AdamW in full and in little memory.
 *
 * Example:
 *     gk_config c;
 *     gk_config_default(gk_family_find("llama"), 100, &c);
 *     gk_model *m = gk_model_new(&c, 1, err);
 *     const gk_param *params;
 *     size_t n = m ? gk_model_params(m, &params) : 0;
 *     const gk_adamw_opts opts = {0.9, 0.999, 1e-8, 0.01, true, true};
 *     gk_adamw *adam = m ? gk_adamw_new(params, n, gk_model_floats(m), &opts, NULL, err) : NULL;
 *     float *grad = m ? (float *)gk_alloc(gk_model_floats(m) * sizeof *grad) : NULL;
 *     double lr = 1e-3 * gk_schedule_factor(GK_COSINE, 1, 0, 100);
 *     if (adam) gk_adamw_step(adam, gk_model_data(m), grad, 1, lr, 1); // sets grad to zero
 *     gk_free(grad);
 *     gk_adamw_free(adam);
 *     gk_model_free(m);
 *     return adam != NULL;
 */
#ifndef GRAFTKIT_TRAIN_OPTIMIZER_H
#define GRAFTKIT_TRAIN_OPTIMIZER_H

#include "graftkit/core/memory.h"
#include "graftkit/model/session.h"
#include "graftkit/model/weights.h"

GK_PUBLIC_BEGIN

/* ---------------------------------------------------------------- learning-rate schedules */

typedef enum gk_schedule { GK_LINEAR, GK_COSINE, GK_CONSTANT } gk_schedule;

/* The factor on the learning rate in step `step` (from 0) of `total`: step / warmup while warming up (so the
 * very first is 0), then falling to 0 at `total` along a line or half a cosine, or staying 1:
 * get_<kind>_schedule_with_warmup of transformers. */
double gk_schedule_factor(gk_schedule kind, int64_t step, int64_t warmup, int64_t total);

/* ---------------------------------------------------------------- AdamW */

typedef struct gk_adamw_opts {
    double beta1, beta2, eps, weight_decay;
    bool decay_embed; /* decay embed and pos too */
    bool decay_norms; /* decay norms and biases too */
} gk_adamw_opts;

/* The optimiser's moments and the plan of a pass over the parameters. One run's private state: not
 * thread-safe. */
typedef struct gk_adamw gk_adamw;
/* `params` as gk_model_params gives it, inside vectors of n_floats floats; copied. `frozen` as in
 * gk_session_opts (NULL: none): no update, no decay, no moments. Fails only for lack of memory. */
gk_adamw *gk_adamw_new(const gk_param *params, size_t n_params, size_t n_floats, const gk_adamw_opts *opts,
                       const uint32_t *frozen, gk_error *err);
void gk_adamw_free(gk_adamw *a); /* NULL is fine */
/* First and second moments [gk_adamw_floats], laid out as the gradient (gk_trained_places), zero at first;
 * writable, so that a checkpoint can restore them. */
size_t gk_adamw_floats(const gk_adamw *a);
float *gk_adamw_m(gk_adamw *a);
float *gk_adamw_v(gk_adamw *a);
/* The Euclidean norm of the gradient, summed in double in a fixed order:
 * the same bits for any number of threads. */
double gk_adamw_norm(const gk_adamw *a, const float *grad);
/* The factor of torch.nn.utils.clip_grad_norm_: min(1, max_norm / (norm + 1e-6)); 1 when max_norm is 0 (no
 * clipping). */
double gk_clip_factor(double norm, double max_norm);
/* Update number t (from 1) as torch.optim.AdamW does it, of the gradient times `clip`: one pass over memory
 * that also sets the gradient to zero for the next step. Frozen arrays are not touched. */
void gk_adamw_step(gk_adamw *a, float *weights, float *grad, int64_t t, double lr, double clip);
/* From now on a step also writes the new weights, rounded to bf16, to gk_model_narrowed's copy. */
void gk_adamw_narrow(gk_adamw *a, uint16_t *narrowed);

/* ---------------------------------------------------------------- AdamW in little memory */

/* For a model that gk_model_lean made: bf16 weights (2 bytes a parameter), a first moment of 8 bits and a
 * second of 16, updated layer by layer during the backward pass: the gradients of one layer, and of the
 * embeddings, are all that exists at once. The gradient's norm is not known by then, so that what is clipped
 * is each of the n_layers + 2 pieces by itself, to clip / sqrt(n_layers + 2): all together are within `clip`.
 * One run's private state: not thread-safe. */
typedef struct gk_lean gk_lean;
/* `m` must outlive it; `frozen` as in gk_adamw_new. Fails only for lack of memory. */
gk_lean *gk_lean_new(gk_model *m, const gk_adamw_opts *opts, const uint32_t *frozen, double clip,
                     uint64_t seed, gk_error *err);
void gk_lean_free(gk_lean *l); /* NULL is fine */
/* How the backward pass of update number t (from 1) is to run; the caller adds scale. The session was
 * made with the same `frozen`, and it must be one pass: a step is not cut into micro-batches. */
gk_backprop gk_lean_begin(gk_lean *l, int64_t t, double lr);
/* After that pass: the norm of its gradient before clipping; NaN when it was not finite: then the weights are
 * of no use, some pieces being updated and some not. */
double gk_lean_norm(const gk_lean *l);
/* The moments, of what is trained, writable for a checkpoint to restore: m [n], its blocks' scales
 * [n_blocks], v [n]. */
typedef struct gk_lean_state {
    int8_t *m;
    uint16_t *v;
    float *scale;
    size_t n, n_blocks;
} gk_lean_state;
gk_lean_state gk_lean_arrays(gk_lean *l); /* they live as long as l */

GK_PUBLIC_END

#endif
