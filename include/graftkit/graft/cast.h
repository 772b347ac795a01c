/* cast.h (graft): the models of a run, by the names that schemes use.
 *
 * Example:
 *     gk_model *pre = gk_model_open("base", err);
 *     gk_model *sft = pre ? gk_model_open("sft", err) : NULL;
 *     gk_cast cast = {{"pre", "sft"}, {pre, sft}, {NULL}, 2, {NULL}, false};
 *     bool ok = sft && gk_cast_check(&cast, err);
 *     gk_model_free(sft);
 *     gk_model_free(pre);
 *     return ok;
 */
#ifndef GRAFTKIT_GRAFT_CAST_H
#define GRAFTKIT_GRAFT_CAST_H

#include "graftkit/model/checkpoint.h"

GK_PUBLIC_BEGIN

#define GK_MAX_MODELS 32

typedef struct gk_derived gk_derived; /* a donor that is no checkpoint (derive.h) */

/* The models of a run, by the names that schemes use. models[0] is the recipient unless a
 * scheme names another. */
typedef struct gk_cast {
    const char *name[GK_MAX_MODELS]; /* "pre", "sft", "task", … */
    /* Of a derived donor: the model that it was made from, whose configuration it has. */
    const gk_model *model[GK_MAX_MODELS];
    const gk_derived *derived[GK_MAX_MODELS]; /* then its weights are these; NULL: a checkpoint */
    int n;
    /* What mean ablation puts in place: [(n_layers + 1) x d_model] as gk_graft_means gives it, of the models
     * whose means a plan asks for; NULL for the rest. */
    const float *mean[GK_MAX_MODELS];
    /* Products with weights round both operands to bf16, to nearest, ties to even, and add up in fp32; all
     * else, attention's own products and what gk_low_rank adds among it, is fp32 still. */
    bool bf16;
} gk_cast;
/* Same configuration throughout, unique names without blanks, quotes, brackets or any of | , ; : = (and
 * not "recipient", which head policies use); names the pair that differs. */
bool gk_cast_check(const gk_cast *cast, gk_error *err);

GK_PUBLIC_END

#endif
