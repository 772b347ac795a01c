/* internal.h: the sections of the report, its figures, and what both are checked with. Internal to report/.
 */
#ifndef GK_REPORT_INTERNAL_H
#define GK_REPORT_INTERNAL_H

#include "eval/store/prompts.h"
#include "report/data.h"

/* ---------------------------------------------------------------- figures (plot.c, figures.c)
 */

enum { GK__PLOT_DATA = 3, GK__FONT_SIZE = 14 };
typedef struct gk__plot { /* zero-initialise */
    gk_buf script;        /* without the terminal; may read files "0", "1", "2": tab-separated */
    gk_buf data[GK__PLOT_DATA];
    int width, height;
    gk_buf veils;       /* gk__plot_veil */
    const char **shown; /* optional: the schemes of gnuplot's k-th plot element, a line each, or NULL */
    size_t n_shown;
} gk__plot;
/* Runs gnuplot and adds figure number `id`'s <svg> element to `out`. */
bool gk__plot_svg(const gk__plot *p, int id, gk_buf *out, gk_error *err);
/* `text`, or as many of its bytes as make `most` with an ellipsis, cut between characters; in `a`. */
const char *gk__plot_label(gk_arena *a, const char *text, size_t most);
/* A scheme's name as one line or two; cut where they are too long. Returns how many; line[1] may be "". */
int gk__plot_lines(gk_arena *a, const char *name, const char *line[2]);
/* Adds these lines with their places, tab-separated: `y`, or `apart` over and under it. */
void gk__plot_name(gk_arena *a, gk_buf *out, double y, double apart, const char *name);
/* Adds the ends of an interval as two columns, each behind a tab; one that is not known is not drawn. */
void gk__plot_ends(gk_buf *out, double low, double high);
/* The most that a text takes in a plot, in pixels. */
double gk__plot_width(const char *text);
/* What the page's filter covers a part of the picture with, in pixels, while it shows none of `schemes`, a
 * line each. */
void gk__plot_veil(gk__plot *p, double x, double y, double width, double height, const char *schemes);
void gk__plot_free(gk__plot *p);
/* Adds gnuplot's SVG from `at` (its "<svg") to `end` (its "</svg>") as figure `id`'s, made small
 * (svg.c). Points of the types 6 and 7 come out as circles, others not at all. */
void gk__svg_add(const gk__plot *p, int id, const char *at, const char *end, gk_buf *out);

/* Draws `p`, frees it, and adds it as the page's next <figure>; `caption` is HTML. */
bool gk__report_figure(gk__report *r, gk__plot *p, const char *caption);

typedef struct gk__panels { /* small multiples (panels.c) */
    size_t n;
    const gk_tried **of;
    const char **title;                    /* NULL: the schemes' names */
    const char *x_label, *y_label, *setup; /* setup: gnuplot lines: ranges and tics */
    bool bars, dots, diagonal;
} gk__panels;
/* Sets the plot's size, draws it as gk__report_figure does. File "0": panel, x, y; "1" and "2": x, y of grey
 * lines that every panel has; may be empty. */
bool gk__report_panels(gk__report *r, gk__plot *p, const gk__panels *k, const char *caption);
/* The schemes of a set that get a panel: evaluated and in no grid, the first 24. Returns how many. */
size_t gk__report_shown(const gk__report *r, const gk__set *set, const gk_tried **out);

/* Top-5 accuracy of a set's schemes on a template (or pool), as one <figure>; `caption` is HTML. */
bool gk__report_bars(gk__report *r, const gk__set *set, const char *template_name, const char *caption);

/* ---------------------------------------------------------------- before the first section */

/* What the options name beside the store is of its sweep; an error where both tell, and differ
 * (beside.c). */
bool gk__report_check_beside(const gk__report *r);
/* Fills r->pattern (checks.c). */
bool gk__report_judge(gk__report *r);

/* ---------------------------------------------------------------- sections */

bool gk__report_head(gk__report *r);    /* head.c: what the page is about */
bool gk__report_summary(gk__report *r); /* summary.c */
void gk__report_read(gk__report *r);    /* head.c: how to read it */
bool gk__report_sets(gk__report *r);    /* figures.c */
void gk__report_differ(gk__report *r);  /* differences.c */
/* The logit differences of the set's schemes that stand in no grid, as one figure (spread.c). */
bool gk__report_spread(gk__report *r, const gk__set *set);
bool gk__report_ranks(gk__report *r); /* rank.c */
bool gk__report_fail(gk__report *r);  /* failures.c */
/* Draws the set's grids, each with its table; `rest` gets the schemes that stand in none (grid.c). */
bool gk__report_grids(gk__report *r, const gk__set *set, gk__set *rest);
bool gk__report_curves(gk__report *r); /* curves.c */
/* forgetting.c: in the headline, a donor that has lost its language; then what each has forgotten. */
void gk__report_lost(gk__report *r);
void gk__report_forgetting(gk__report *r);
void gk__report_tables(gk__report *r);  /* tables.c */
bool gk__report_dataset(gk__report *r); /* dataset.c */
bool gk__report_samples(gk__report *r); /* samples.c */
bool gk__report_of_run(gk__report *r);  /* run.c */

#endif
