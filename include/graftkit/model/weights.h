/* weights.h (model): a model's weights, by layer and component and as one vector.
 *
 * Weights (gk_model) are immutable while shared; only training writes them.
 *
 * Example:
 *     gk_config c;
 *     gk_config_default(gk_family_find("gpt2"), 2000, &c);
 *     gk_model *m = gk_model_new(&c, 1, err);
 *     if (!m) return false;
 *     gk_tensor q = gk_model_tensor(m, 0, GK_Q);
 *     printf("%zu parameters; q of layer 0 is [%d x %d]\n", gk_model_count(m), q.out, q.in);
 *     gk_model_free(m);
 *     return true;
 */
#ifndef GRAFTKIT_MODEL_WEIGHTS_H
#define GRAFTKIT_MODEL_WEIGHTS_H

#include "graftkit/model/config.h"

#include <string.h>

GK_PUBLIC_BEGIN

typedef struct gk_model gk_model;

typedef enum gk_dtype { GK_F32, GK_F16, GK_BF16 } gk_dtype;

/* One component's weights; a view into the model. A matrix is [out x in] (a row an output); embed and pos
 * are [out = entries x in = d]; norms have in = 1. The weights are floats in w or, in a model that
 * gk_model_open gave, 16-bit ones in h; both are NULL where the model lacks the component. b is NULL where it
 * has no bias. */
typedef struct gk_tensor {
    const float *w, *b;
    int out, in;
    const uint16_t *h; /* of `type`, F16 or BF16 */
    gk_dtype type;
    /* Of a model that gk_model_open_stored gave, where w and h are NULL: ggml's blocks, and what they hold.
     */
    const uint8_t *q;
    const struct gk_quant__type *blocks;
    bool narrow; /* products take h, which is BF16, and round what they multiply it with to bf16 too */
} gk_tensor;

/* A matrix [out x in] of low rank, scale B A: A [rank x in], B [out x rank] whose rows are ldb floats apart.
 * A view; rank 0: there is none. */
typedef struct gk_low_rank {
    const float *a, *b;
    int out, in, rank, ldb;
    float scale;
} gk_low_rank;

/* Values [first, first + n) of the weights, row after row, as floats (exact). Of one in blocks, whole rows.
 */
void gk_tensor_floats(gk_tensor t, size_t first, size_t n, float *out);

/* A parameter array inside the flat vector that training sees. */
typedef struct gk_param {
    gk_component comp;
    int layer;            /* -1 for embed, pos, lnf, head */
    bool bias;            /* a bias, not a weight */
    size_t offset, count; /* in floats */
    int out, in;          /* as in gk_tensor; a bias has in = 1 */
} gk_param;

/* Fresh weights: embed, pos and head N(0, 0.02), matrices N(0, 1/sqrt(in)), o and down further by
 * 1/sqrt(2L), norms 1, biases 0; the same for the same seed. */
gk_model *gk_model_new(const gk_config *c, uint64_t seed, gk_error *err);
/* All-zero weights of that shape (norms too): for loaders and buffers. */
gk_model *gk_model_blank(const gk_config *c, gk_error *err);
/* Of a model that gk_model_open did not give; NULL when memory does not suffice. */
gk_model *gk_model_copy(const gk_model *m);
void gk_model_free(gk_model *m); /* NULL is fine */

const gk_config *gk_model_config(const gk_model *m);                     /* lives as long as m */
gk_tensor gk_model_tensor(const gk_model *m, int layer, gk_component c); /* a tied head is embed's tensor */
bool gk_model_stored(const gk_model *m); /* gk_model_open_stored left a matrix in blocks */
/* The flat parameter vector (padding between arrays is zero and stays zero); NULL in a model that
 * gk_model_open gave: it has no such vector. */
float *gk_model_data(gk_model *m);
size_t gk_model_floats(const gk_model *m); /* of that vector, padding included */
/* From now on products compute with bf16 operands and fp32 sums: a bf16 copy of the weights stands beside the
 * vector, [gk_model_floats], rounded by gk_bf16_round_weights, and whoever writes the vector keeps it up to
 * date. False: no memory. */
bool gk_model_narrow(gk_model *m, gk_error *err);
uint16_t *gk_model_narrowed(gk_model *m); /* that copy; NULL where there is none */
/* The same, and the float vector is given up: 2 bytes a parameter. Norms and biases stay floats, in a vector
 * of their own of *n; in the bf16 one their places are not used. False: no memory (the model is as it was, or
 * narrow). */
bool gk_model_lean(gk_model *m, gk_error *err);
float *gk_model_vectors(gk_model *m, size_t *n);        /* NULL in other models */
float *gk_model_vector(gk_model *m, const gk_param *p); /* a norm's or bias's part of it */
/* Rounds n floats to bf16: to nearest, ties to even. */
void gk_bf16_round(const float *in, uint16_t *out, size_t n);
/* One of the two bf16 that x lies between: the one larger in size as often as x is near it, if the lower 16
 * bits of `random` are evenly spread. What is a bf16 already stays, and so do infinities and NaN. */
static inline uint16_t gk_bf16_pick(float x, uint32_t random) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t up = bits + (random & 0xffff);
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 0x40 : up >> 16);
}
/* Rounds weights `first`, first + 1 … of a model's vector to bf16, each by a threshold that its place has for
 * good. To nearest would not do: a quantised checkpoint has few different values, which all err the same way,
 * and the first small steps of training would move few weights or many at once. So the rounded weights follow
 * the floats without bias, and a copy made anew is the same copy. */
void gk_bf16_round_weights(const float *in, uint16_t *out, size_t n, size_t first);
/* Whether products of bf16 are made by this processor's instructions for them, through oneDNN: where they
 * take less time than those of fp32, with AMX and with AMD's AVX-512, which multiplies twice as many. Intel's
 * AVX-512 alone takes twice the time of fp32 (docs/speed.md). There and elsewhere narrow models compute in
 * fp32 from rounded operands: the same numbers, but for the order of sums. */
bool gk_bf16_faster(void);
/* Arrays, in file order; a tied head is not listed. */
size_t gk_model_params(const gk_model *m, const gk_param **list);
size_t gk_model_count(const gk_model *m); /* parameters, without padding */

/* The vector of what is trained, as gradients and moments have it: the flat vector without the arrays that
 * are frozen. place[i]: where array i of `list` (gk_model_params' order, a vector of n_floats) begins in it,
 * GK_NOT_TRAINED where `frozen` (as in gk_session_opts; NULL: none) has it. Returns the vector's length. */
#define GK_NOT_TRAINED SIZE_MAX
size_t gk_trained_places(const gk_param *list, size_t n, size_t n_floats, int n_layers,
                         const uint32_t *frozen, size_t *place);
size_t gk_trained_floats(const gk_config *c, const uint32_t *frozen); /* that length for a whole model */

GK_PUBLIC_END

#endif
