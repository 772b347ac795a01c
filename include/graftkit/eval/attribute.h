/* attribute.h (eval/store): what each part of a graft is worth: Shapley values and interactions of the
 * coalitions that a sweep of parts (gk_sweep_options.parts) has in its store.
 *
 * Example:
 *     gk_arena *a = gk_arena_new();
 *     gk_store *s = gk_store_open("runs/default/attribution/results.db", err);
 *     gk_attribution found;
 *     bool ok = s && gk_attribution_read(s, a, &found, err);
 *     const gk_game *g = ok ? gk_attribution_game(&found, GK_METRIC_logit_diff, "pooled") : NULL;
 *     for (size_t i = 0; g && i < found.n_parts; i++)
 *         printf("%s %.2f nats, %.0f%%\n", found.part[i], g->value[i].value, 100 * g->share[i]);
 *     gk_store_close(s);
 *     gk_arena_free(a);
 *     return ok;
 */
#ifndef GRAFTKIT_EVAL_ATTRIBUTE_H
#define GRAFTKIT_EVAL_ATTRIBUTE_H

#include "graftkit/eval/measure.h"
#include "graftkit/eval/shapley.h"
#include "graftkit/eval/store.h"

GK_PUBLIC_BEGIN

/* One metric on one template, or on all of them. A prompt counts where every coalition has a result on it;
 * the worth of a coalition is the metric on that prompt. Means are over prompts, intervals over facts
 * (gk_means_compute). */
typedef struct gk_game {
    gk_metric metric;
    const char *template_name; /* its id as text, or "pooled" */
    size_t n, facts;           /* prompts that count, rows that they are of; n = 0: every number is NaN */
    size_t left_out;           /* prompts of the template(s) that do not */
    gk_mean none, all, total;  /* of no part, of all, and all - none, which is the sum of the values */
    const gk_mean *value;      /* [n_parts]: Shapley values */
    const double *share; /* [n_parts]: of `total`; NaN where that is not clearly above 0 (its interval) */
    const gk_mean *pair; /* [n_parts * n_parts], symmetric, NaN for one part twice: gk_shapley_pairs */
} gk_game;
typedef struct gk_attribution {
    const char **part;   /* names */
    size_t n_parts;      /* 0: the store holds no coalitions */
    size_t coalitions;   /* 2^n_parts */
    const gk_game *game; /* logit_diff, mean_logprob and top5, each pooled first, then by template */
    size_t n_games;
} gk_attribution;
/* Everything above from the store, in `a`. Fails where the sweep is not finished, and where no prompt has
 * results of all coalitions. */
bool gk_attribution_read(gk_store *s, gk_arena *a, gk_attribution *out, gk_error *err);
/* NULL where there is no such game. */
const gk_game *gk_attribution_game(const gk_attribution *x, gk_metric metric, const char *template_name);
/* Writes DIR/attribution.csv, DIR/interactions.csv and DIR/summary.json, each atomically: docs/store.md has
 * their columns. summary.json is {"attribution": {...}, "manifest": {...}}. `x` is what was read of `s`. */
bool gk_attribution_save(gk_store *s, const gk_attribution *x, const char *dir, gk_error *err);

GK_PUBLIC_END

#endif
