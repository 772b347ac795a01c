/* internal.h: the sections of the report, its figures, and what both are checked with. Internal to report/.
 */
#ifndef GK_REPORT_INTERNAL_H
#define GK_REPORT_INTERNAL_H

#include "eval/store/prompts.h"
#include "report/data.h"

/* ---------------------------------------------------------------- figures (figure.c) */

/* Adds the drawing as the page's next <figure> and frees it; see gk__figures_add. */
void gk__report_figure(gk__report *r, gk__chart *c, const char *const *name, const char *title,
                       const char *caption);
/* What a mark says that stands for this metric of a cell, or of some statistics; in the arena. */
gk__says gk__report_says(const gk__report *r, const gk_cell *c, gk_metric m);
gk__says gk__says_of(gk_arena *a, const gk_stats *s, gk_metric m);

/* Top-5 accuracy of a set's schemes on a template (or pool), as one <figure>; `caption` is HTML (bars.c). */
void gk__report_bars(gk__report *r, const gk__set *set, const char *template_name, const char *caption);
/* The schemes of a set that get a panel: evaluated and in no grid, the first 24. Returns how many (panels.c).
 */
size_t gk__report_shown(const gk__report *r, const gk__set *set, const gk_tried **out);
/* Small multiples as one <figure> of their own width (panels.c). */
void gk__report_panels(gk__report *r, const gk__panel *p, size_t n, const gk__key *key, size_t n_keys,
                       const char *const *name, const char *title, const char *caption);

/* ---------------------------------------------------------------- before the first section */

/* What the options name beside the store is of its sweep; an error where both tell, and differ
 * (beside.c). */
bool gk__report_check_beside(const gk__report *r);
/* Fills r->pattern (checks.c). */
bool gk__report_judge(gk__report *r);

/* ---------------------------------------------------------------- sections (section/) */

bool gk__report_head(gk__report *r);    /* head.c: what the page is about */
bool gk__report_summary(gk__report *r); /* summary.c */
void gk__report_read(gk__report *r);    /* head.c: how to read it */
void gk__report_sets(gk__report *r);    /* sets.c */
void gk__report_differ(gk__report *r);  /* differences.c */
/* The logit differences of the set's schemes that stand in no grid, as one figure (spread.c). */
void gk__report_spread(gk__report *r, const gk__set *set);
void gk__report_ranks(gk__report *r); /* rank.c */
bool gk__report_fail(gk__report *r);  /* failures.c */
/* Draws the set's grids, each with its table; `rest` gets the schemes that stand in none (grid.c). */
void gk__report_grids(gk__report *r, const gk__set *set, gk__set *rest);
void gk__report_curves(gk__report *r); /* curves.c */
/* forgetting.c: in the headline, a donor that has lost its language; then what each has forgotten. */
void gk__report_lost(gk__report *r);
void gk__report_forgetting(gk__report *r);
void gk__report_tables(gk__report *r);  /* tables.c */
bool gk__report_dataset(gk__report *r); /* dataset.c */
bool gk__report_samples(gk__report *r); /* samples.c */
bool gk__report_of_run(gk__report *r);  /* run.c */

#endif
