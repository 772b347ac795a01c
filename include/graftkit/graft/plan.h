/* plan.h (graft): plans: a scheme on one prompt.
 *
 * A plan is the method's γ: for each (layer, component, position), which model's weights compute it. The
 * residual stream and the keys and values of earlier positions stay as they were computed. The method is told
 * in docs/design.md.
 *
 * Example:
 *     gk_config c;
 *     gk_config_default(gk_family_find("llama"), 100, &c);
 *     gk_arena *a = gk_arena_new();
 *     gk_plan plan = gk_plan_single(a, &c, 5, 0); // five tokens, all computed by model 0
 *     for (int layer = 0; layer < c.n_layers; layer++) // but the last token's q, by model 1
 *         plan.model[gk_plan_slot(&c, layer, GK_Q) * plan.n_tokens + 4] = 1;
 *     gk_arena_free(a);
 *     return true;
 */
#ifndef GRAFTKIT_GRAFT_PLAN_H
#define GRAFTKIT_GRAFT_PLAN_H

#include "graftkit/graft/scheme.h"
#include "graftkit/tokenizer.h"

GK_PUBLIC_BEGIN

/* Which model computes slot s at token t: model[s * n_tokens + t]. */
typedef struct gk_plan {
    int n_slots, n_tokens;
    uint8_t *model;
    /* NULL, or what replaces the residual stream at token t after the embedding (i = 0) or after layer i - 1:
     * patch[i * n_tokens + t], [n_patches = n_layers + 1 x n_tokens]. Nothing (0), the residual stream that
     * the plain run of a model has there (gk_patch_plain), or the mean of a model's (gk_patch_mean). It wins
     * over the slots that would compute it. */
    uint8_t *patch;
    int n_patches; /* 0 where patch is NULL */
} gk_plan;
enum { GK_PATCH_NONE = 0, GK_PATCH_KINDS = 1 + 2 * GK_MAX_MODELS };
static inline uint8_t gk_patch_plain(int model) {
    return (uint8_t)(1 + model);
}
static inline uint8_t gk_patch_mean(int model) {
    return (uint8_t)(1 + GK_MAX_MODELS + model);
}
static inline bool gk_patch_is_mean(uint8_t patch) {
    return patch > GK_MAX_MODELS;
}
static inline int gk_patch_model(uint8_t patch) { /* of a patch other than none */
    return (patch - 1) % GK_MAX_MODELS;
}
int gk_plan_slots(const gk_config *c); /* how many a model has: each component of each layer is one */
/* embed, pos: before layer 0; lnf, head: last (their layer is ignored). -1 where the family lacks the
 * component or the model the layer. */
int gk_plan_slot(const gk_config *c, int layer, gk_component comp);
/* All slots computed by one model. In `a`. */
gk_plan gk_plan_single(gk_arena *a, const gk_config *c, int n_tokens, int model);
/* The plan for the prompt and `extra` (>= 0) tokens behind it: each of them is computed as the prompt's last
 * token is, its patches included, so that what a scheme does at `last`, and its head's policy there, goes on
 * over a target that is fed or a text that is generated. A new plan in `a`; p->n_tokens >= 1. */
gk_plan gk_plan_extend(gk_arena *a, const gk_plan *p, int extra);
/* The scheme on one tokenised prompt: a token belongs to a field when it holds any byte of one of its
 * spans. Fails when a selection is empty (a field span that no token covers, an empty layer set; a layer set
 * with `drop` may be), two grafts name different donors for the same slot and token, or two patches or
 * ablations put different things in one place. A tied head follows the head policy, not the grafts of embed,
 * unless the scheme is `as_published`.
 */
bool gk_plan_make(gk_arena *a, const gk_scheme *s, const gk_cast *cast, const gk_tokens *tokens,
                  const gk_field_span *fields, size_t n_fields, gk_plan *out, gk_error *err);
/* The same without weights: of the cast n and the names are looked at, and, where there are models, whether
 * their heads are tied; `c` is the models' configuration. */
bool gk_plan_lay(gk_arena *a, const gk_scheme *s, const gk_cast *cast, const gk_config *c,
                 const gk_tokens *tokens, const gk_field_span *fields, size_t n_fields, gk_plan *out,
                 gk_error *err);

GK_PUBLIC_END

#endif
