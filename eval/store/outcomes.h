/* outcomes.h: every scheme's result on every prompt, side by side, what a scheme is, and how schemes differ
 * on the same prompts. */
#ifndef GK_STORE_OUTCOMES_H
#define GK_STORE_OUTCOMES_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/statistics.h"
#include "graftkit/eval/store.h"

/* ---------------------------------------------------------------- outcomes (outcomes.c) */

typedef struct gk_outcome {
    int64_t prompt; /* id in the store */
    uint32_t tmpl;  /* id in the store, from 1 */
    uint32_t row;
    int64_t rank;
    double prob, logprob, logit_diff;
    int32_t top_id; /* the most probable token and its probability; -1 and NaN where the store has none */
    double top_prob;
} gk_outcome;
/* What paired statistics take: rank and logit difference, and nothing else. */
static inline gk_obs gk_outcome_obs(const gk_outcome *o) {
    return (gk_obs){.row = o->row, .weight = 1, .rank = (double)o->rank, .logit_diff = o->logit_diff};
}
typedef struct gk_tried { /* a scheme on its prompts, those that were evaluated, by prompt id */
    const char *set, *scheme;
    const char *canonical; /* what it does (gk_scheme_canonical) */
    gk_outcome *item;      /* of the templates that its pools have (gk_cell) */
    size_t n;
    const struct gk_same *same; /* where others select the same */
    size_t n_same;
} gk_tried;
typedef struct gk_same {
    const char *other; /* a scheme */
    uint32_t tmpl;     /* id in the store */
} gk_same;
typedef struct gk_outcomes {
    gk_tried *scheme; /* in their order */
    size_t n;
    const char *entity; /* the field that prompts are about, which some template has; NULL: not known */
} gk_outcomes;
/* All of the store, in `a`. */
bool gk_outcomes_read(gk_store *s, gk_arena *a, gk_outcomes *out, gk_error *err);
/* NULL when there is no such scheme. */
const gk_tried *gk_outcomes_of(const gk_outcomes *o, const char *scheme);

/* Whether two schemes select the same in the template, so that there is nothing to compare. */
bool gk_coincide(const gk_tried *x, const gk_tried *y, uint32_t tmpl);

/* The share of the scheme's prompts whose target is among the k most probable tokens; 0 where it has none. */
double gk_within(const gk_tried *t, int k);
/* The cell of all results of these schemes together: draws of one thing that differ in a seed. NULLs are
 * passed over; whole targets are not counted. */
void gk_pool_stats(const gk_tried *const *t, size_t n, uint64_t seed, gk_stats *out);

/* ---------------------------------------------------------------- how a scheme fails (failures.c) */

enum { GK_BINS = 10, GK_INSTEAD = 3 };
typedef struct gk_reliability { /* prompts by the probability of the most probable token, in bins of equal
                                   width */
    size_t n, right;            /* right: that token is the target */
    double sum;                 /* of those probabilities */
} gk_reliability;
typedef struct gk_failures {
    size_t n, wrong;
    double sure_wrong, sure_right; /* mean probability of the most probable token; NaN where there is none */
    gk_reliability bin[GK_BINS];
    double error;              /* expected calibration error */
    int32_t token[GK_INSTEAD]; /* what was said instead, most frequent first; of equals the lower id */
    size_t times[GK_INSTEAD];
    int n_tokens;
} gk_failures;
/* Of the scheme's prompts; those without a most probable token (a damaged store) do not count. */
gk_failures gk_failures_of(const gk_tried *t);

/* ---------------------------------------------------------------- what a scheme is (roles.c)
 *
 * Judged by what it does, never by its name. */

typedef enum gk_kind {
    GK_IS_ALONE, /* the recipient, or one donor everywhere */
    GK_IS_PATCH,
    GK_IS_ABLATION,
    GK_IS_COMPLEMENT, /* grafts everywhere but at some places */
    GK_IS_GRAFT
} gk_kind;
gk_kind gk_kind_of(gk_arena *a, const char *canonical);
/* One donor everywhere, of which others may graft parts. */
bool gk_is_donor_alone(gk_arena *a, const char *canonical);
/* The one field or word that a scheme grafts a donor whole at, in `a`; NULL where there is no such thing. */
const char *gk_sole_place(gk_arena *a, const char *canonical);

/* What the donor's components at the last token, and these alone, add to something. NULL where no scheme does
 * it. */
typedef struct gk_part_roles {
    const char *none; /* that something alone */
    /* These components, all of the same layers: attention is q k v o, `attn_o_ffn` has every matrix. */
    const char *attn_o_ffn, *o_ffn, *ffn, *o;
} gk_part_roles;

/* Names of schemes, the first that does each thing; NULL where none does. Grafts are of the recipient and the
 * donor `donor`, under the head `head`. */
typedef struct gk_roles {
    const char *pre;          /* the recipient, untouched */
    const char *donor;        /* the first donor that there is a model alone of, else the first grafted */
    const char *sft, *sft_rh; /* it alone, under its own head and under the recipient's */
    /* "recipient", the donor, or, whose head it is and whose final norm, "DONOR|norm:recipient"; "last:"
     * before what holds at the last token alone. */
    const char *head;
    const char *ceiling; /* the donor alone under that head, or the recipient's where nothing is grafted */
    const char *entity;  /* the entity, or the field that may be it, where it is grafted alone and whole */
    const char *fe, *lt, *both, *rest; /* the donor at the entity, the last token, both, all but both */
    const char *third, *all_three;     /* another field; at these and that */
    const char *task;                  /* the model that is the recipient of `in_task` */
    gk_part_roles in_task;             /* the paper's component schemes: in a second donor, untouched */
    gk_part_roles after_entity;        /* in the recipient, with the entity whole */
    /* The paper's hybrid: O+FFN of some layers at the last token, all else there and attention at the entity
     * another donor's; and that O+FFN alone. */
    const char *hybrid, *hybrid_part;
} gk_roles;
void gk_roles_of(const gk_outcomes *o, gk_arena *a, gk_roles *out);

/* What a scheme is compared with; either may be the scheme itself, or NULL. */
typedef struct gk_references {
    const gk_tried *recipient; /* its own recipient, alone */
    /* The donor that it grafts, everywhere in that recipient under the recipient's head; where no scheme is
     * that, in the first model, under its head or the donor's own. Without either, the donor of the roles. */
    const gk_tried *donor;
} gk_references;
/* out[i] is of scheme i. */
void gk_references_of(const gk_outcomes *o, const gk_roles *who, gk_arena *a, gk_references *out);

/* ---------------------------------------------------------------- differences (differences.c) */

/* What both schemes were evaluated on, but for templates in which they select the same, in low[] and high[],
 * which have room for all of `tried`; returns how many. *templates: how many those are of. Ranks and logit
 * differences alone are set. */
size_t gk_common(const gk_tried *ref, const gk_tried *tried, gk_obs *low, gk_obs *high, size_t *templates);
/* Two schemes' top-5 on these prompts; `resamples` may be 0. */
void gk_pair(const gk_tried *ref, const gk_tried *tried, uint64_t seed, int resamples, gk_paired *out);
/* The smallest p-value that so many rows can give: when all differ, and all alike. */
double gk_least_p(size_t rows);

typedef struct gk_difference {
    const char *set, *scheme, *reference;
    gk_paired paired;
    double p_holm;       /* corrected over all differences of the set */
    double p_holm_least; /* the smallest that it could be with so many rows and comparisons */
    bool of_donor;       /* the reference is the donor alone */
} gk_difference;
typedef struct gk_differences {
    gk_difference *item; /* scheme by scheme, in their order */
    size_t n;
    const gk_tried **without; /* schemes that are compared with their donor only: no scheme is their recipient
                               * alone */
    size_t n_without;
} gk_differences;
/* Every scheme against its references (gk_references); where it has none, against the first scheme of its
 * set. Top-5, on the prompts that both were evaluated on. */
void gk_differences_of(const gk_outcomes *o, gk_arena *a, uint64_t seed, gk_differences *out);

/* ---------------------------------------------------------------- the headline (headline.c) */

/* Schemes by their roles (NULL: there is none), and how far FE, LT and both go from PRE to SFT: the donor
 * under its own head, or where there is no such scheme under the recipient's. */
typedef struct gk_headline {
    const char *pre, *fe, *lt, *both, *rest, *sft;
    gk_additive top5, logit_diff; /* on the prompts that PRE, FE, LT, both and SFT were evaluated on */
} gk_headline;
/* False where one of these five is missing, or they have no prompt in common: then no share is set. */
bool gk_headline_of(const gk_outcomes *o, const gk_roles *who, uint64_t seed, gk_headline *out);

#endif
