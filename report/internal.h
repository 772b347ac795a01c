/* internal.h: the sections of the report, its figures, and what both are checked with. Internal to report/.
 */
#ifndef GK_REPORT_INTERNAL_H
#define GK_REPORT_INTERNAL_H

#include "eval/store/prompts.h"
#include "report/data.h"

/* ---------------------------------------------------------------- figures (figure.c) */

/* Adds the drawing as the page's next <figure> and frees it; see gk_chart__figures_add. */
void gk_report__figure(gk_report__state *r, gk_chart__canvas *c, const char *const *name, const char *title,
                       const char *caption);
/* What a mark says that stands for this metric of a cell, or of some statistics; in the arena. */
gk_chart__says gk_report__says(const gk_report__state *r, const gk_cell *c, gk_metric m);
gk_chart__says gk_report__says_of(gk_arena *a, const gk_stats *s, gk_metric m);

/* The notches of a cell's floors, as far as it has them; what they mean, as far as rows have some. How many.
 */
size_t gk_report__floors(const gk_report__state *r, const gk_cell *c, gk_metric m, gk_chart__row_mark out[2]);
gk_chart__says gk_report__says_floor(gk_arena *a, const char *place, const gk_cell *c, bool placebo,
                                     gk_metric m);
/* One of them: false where the cell has none. */
bool gk_report__floor(gk_arena *a, const char *place, const gk_cell *c, bool placebo, gk_metric m,
                      gk_chart__row_mark *out);
size_t gk_report__floor_keys(const gk_chart__row *row, size_t n, gk_chart__key out[2]);
/* Columns of a table: heads and a cell's values of its floors, as far as the store has any. Returns how many
 * columns. */
int gk_report__floor_heads(const gk_report__state *r, gk_buf *b);
void gk_report__floor_values(const gk_report__state *r, gk_buf *b, const gk_cell *c);
/* "n = 200 to 400 prompts of 100 facts.": of these schemes on a template or pool, in the arena. */
const char *gk_report__counts(const gk_report__state *r, const char *const *scheme, size_t n,
                              const char *template_name);
/* The same of all templates. */
const char *gk_report__counts_of(const gk_report__state *r, const gk_tried *const *t, size_t n);

/* Top-5 accuracy of a set's schemes on a template (or pool), as one <figure>; `caption` is HTML (bars.c). */
void gk_report__bars(gk_report__state *r, const gk_report__set *set, const char *template_name,
                     const char *caption);
/* The schemes of a set that get a panel: evaluated and in no grid, the first 24. Returns how many (panels.c).
 */
size_t gk_report__shown(const gk_report__state *r, const gk_report__set *set, const gk_tried **out);
/* Small multiples as one <figure> of their own width (panels.c). */
void gk_report__panels(gk_report__state *r, const gk_chart__panel *p, size_t n, const gk_chart__key *key,
                       size_t n_keys, const char *const *name, const char *title, const char *caption);

/* ---------------------------------------------------------------- before the first section */

/* What the options name beside the store is of its sweep; an error where both tell, and differ
 * (beside.c). */
bool gk_report__check_beside(const gk_report__state *r);
/* Fills r->pattern (checks.c). */
bool gk_checks__judge(gk_report__state *r);

/* Whether targets that begin with what the base never read are out of reach, by the gate's file; no claim
 * where that says nothing of these rows (unseen.c). */
bool gk_checks__unseen(const gk_report__state *r, gk_checks__check *out);

/* ---------------------------------------------------------------- sections (section/) */

bool gk_report__head(gk_report__state *r);    /* head.c: what the page is about */
bool gk_report__summary(gk_report__state *r); /* summary.c */
/* Top-5 and logit difference of the headline's positions, and whether they add up (headline.c). */
void gk_report__headline(gk_report__state *r);
void gk_report__read(gk_report__state *r);      /* head.c: how to read it */
void gk_report__sets(gk_report__state *r);      /* sets.c */
bool gk_report__contrasts(gk_report__state *r); /* contrasts.c */
void gk_report__differ(gk_report__state *r);    /* differences.c */
/* The logit differences of the set's schemes that stand in no grid, as one figure (spread.c). */
void gk_report__spread(gk_report__state *r, const gk_report__set *set);
bool gk_report__attribution(
    gk_report__state *r); /* attribution.c: of the options' folder, or of this store */
/* How alike a fact's results are in its templates, as a table (spread.c). */
void gk_report__alike(gk_report__state *r, const gk_report__set *set);
/* A note for each template in which schemes of the set select the same (same.c). */
void gk_report__same(gk_report__state *r, const gk_report__set *set);
void gk_report__ranks(gk_report__state *r); /* rank.c */
bool gk_report__fail(gk_report__state *r);  /* failures.c */
/* Draws the set's grids, each with its table; `rest` gets the schemes that stand in none (grid.c). */
void gk_report__grids(gk_report__state *r, const gk_report__set *set, gk_report__set *rest);
void gk_report__curves(gk_report__state *r); /* curves.c */
/* forgetting.c: in the headline, a donor that has lost its language; then what each has forgotten. */
void gk_report__lost(gk_report__state *r);
void gk_report__forgetting(gk_report__state *r);
void gk_report__tables(gk_report__state *r);  /* tables.c */
bool gk_report__dataset(gk_report__state *r); /* dataset.c */
bool gk_report__samples(gk_report__state *r); /* samples.c */
bool gk_report__of_run(gk_report__state *r);  /* run.c */

#endif
