/* contrasts.h: what the scheme files planned to compare, and what came of it. */
#ifndef GK_STORE_CONTRASTS_H
#define GK_STORE_CONTRASTS_H

#include "eval/store/outcomes.h"

/* By Holm-corrected p-values below 0.05; a difference may be clear and yet within the margin. */
typedef enum gk_verdict {
    GK_NOT_JUDGED, /* there is no prompt that counts */
    GK_NEITHER,
    GK_DIFFERENT,
    GK_EQUIVALENT,
    GK_DIFFERENT_WITHIN
} gk_verdict;
/* "different", as exports have it. */
const char *gk_verdict_key(gk_verdict v);

typedef struct gk_planned { /* one contrast in one metric: a minus b */
    const char *set, *a, *b, *about, *file;
    gk_metric metric;
    double margin; /* NaN: none */
    bool ahead;    /* when it was planned the store had results of neither scheme */
} gk_planned;
typedef struct gk_contrasted {
    gk_planned plan;
    size_t templates; /* that count: both schemes apply, and do not select the same there */
    gk_contrast_stats stats;
    /* Corrected over all tests of the plan: the differences of all contrasts of the set in all their metrics,
     * and all its tests of equivalence. */
    double p_holm, p_equal_holm;
    gk_verdict verdict;
} gk_contrasted;
typedef struct gk_contrasts {
    gk_contrasted *item; /* set by set, in their order; in a set by file */
    size_t n;
} gk_contrasts;
/* Of all plans of the store; `o` are its outcomes. In `a`. */
bool gk_contrasts_of(gk_store *s, const gk_outcomes *o, gk_arena *a, gk_contrasts *out, gk_error *err);

#endif
