/* derive.h (graft): donors that are no checkpoints.
 *
 * A donor may be computed from the recipient's and another model's weights while the engine runs; no copy of
 * the model is made. What the derivations take from where:
 *
 *            matrices (embed, pos, head too)                     norms, biases
 *   rank     recipient + the first r singular directions of      the donor's
 *            donor - recipient; all of them: the donor's
 *   top      the donor's in the fraction of its entries where    the donor's
 *            |donor - recipient| is largest (of equal ones
 *            the first rows', in a row the first), else the
 *            recipient's
 *   alpha    recipient + alpha (donor - recipient)               the same
 *   adapter  the base's + scale B A                              the base's
 *
 * alpha 0 and alpha 1, a matrix with no more than r singular values and top 1 are the recipient's or the
 * donor's own tensors, bit for bit. A tied head is embed, derived alike.
 *
 * Example:
 *     gk_model *pre = gk_model_open("base", err);
 *     gk_model *sft = pre ? gk_model_open("sft", err) : NULL;
 *     const gk_derivation half = {GK_DERIVE_ALPHA, 0, 0.5};
 *     gk_derived *d = sft ? gk_derive(pre, sft, &half, NULL, err) : NULL;
 *     gk_cast cast = {{"pre", "half"}, {pre, sft}, {NULL, d}, 2, {NULL}, false};
 *     bool ok = d && gk_cast_check(&cast, err);
 *     gk_derived_free(d);
 *     gk_model_free(sft);
 *     gk_model_free(pre);
 *     return ok;
 */
#ifndef GRAFTKIT_GRAFT_DERIVE_H
#define GRAFTKIT_GRAFT_DERIVE_H

#include "graftkit/graft/cast.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/difference.h"

GK_PUBLIC_BEGIN

typedef enum gk_derive_kind { GK_DERIVE_RANK, GK_DERIVE_TOP, GK_DERIVE_ALPHA } gk_derive_kind;
typedef struct gk_derivation {
    gk_derive_kind kind;
    int rank;     /* 1 .. gk_derive_most_rank */
    double value; /* top: in (0, 1]; alpha: finite */
} gk_derivation;
const char *gk_derive_name(gk_derive_kind k); /* "rank", "top", "alpha" */
/* The smaller side of the model's largest matrix; of that rank a donor is whole. */
int gk_derive_most_rank(const gk_config *c);
/* Whether the numbers are within those bounds. */
bool gk_derivation_check(const gk_derivation *d, const gk_config *c, gk_error *err);
/* `f`: the factors of donor - recipient of at least that rank, for ranks below the most (else it may be
 * NULL). Reads both models' weights (for top: three times). All that is passed in must outlive the result,
 * but not `d`. NULL when the configurations or the numbers do not fit, or gk_interrupted(). */
gk_derived *gk_derive(const gk_model *recipient, const gk_model *donor, const gk_derivation *d,
                      const gk_factors *f, gk_error *err);
/* `base` with the adapter, which is not merged into it. Both must outlive the result. */
gk_derived *gk_derive_adapter(const gk_model *base, const gk_adapter *a, gk_error *err);
void gk_derived_free(gk_derived *d); /* NULL is fine */

GK_PUBLIC_END

#endif
