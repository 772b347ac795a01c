/* grid.h: the schemes of a grid by their coordinates, and their drawings. Internal to report/. */
#ifndef GK_REPORT_SECTION_GRID_H
#define GK_REPORT_SECTION_GRID_H

#include "report/internal.h"

typedef struct gk_grid__spot { /* an x value of a row */
    const char **scheme;       /* one, or one a seed */
    size_t n;
    gk_stats stats;
    const gk_cell *placebo,
        *permuted; /* of its schemes that with the highest floor in top-5; NULL: none has one */
} gk_grid__spot;
typedef struct gk_grid__set {
    const char *set, *x_name, *row_name;
    const char **x, **row; /* values, in the order of their first scheme */
    size_t n_x, n_rows, n_axes, n_schemes;
    gk_grid__spot *spot; /* [row][x]; n is 0 where there is no such scheme */
    bool numeric, seeds;
    bool grafts, regimes; /* rows are the axis `graft`; across goes the axis `regime` */
    const char *where;    /* of the axis `graft`: what all have in common, "embedding trained", or "" */
    bool *unlearned; /* [x]: a model there that does not know its facts says nothing about where they are */
} gk_grid__set;

/* grid_draw.c: the schemes of `n` spots behind each other, a line each, in the arena; whether a spot's is a
 * donor alone, of which the others graft parts; a grid's figures, of which up to so many rows can be lines.
 */
const char *gk_grid__schemes(const gk_report__state *r, const gk_grid__spot *s, size_t n);
bool gk_grid__is_alone(const gk_report__state *r, const gk_grid__spot *s);
/* Adds a figure that shows this metric; its caption ends with `more`, floors and counts. */
void gk_grid__figure(gk_report__state *r, const gk_grid__set *g, gk_metric m, gk_chart__canvas *c,
                     const char *more);
enum { GK_GRID__LINES = 6 };
void gk_grid__heatmap(gk_report__state *r, const gk_grid__set *g, gk_metric m);
void gk_grid__lines(gk_report__state *r, const gk_grid__set *g, gk_metric m);
/* grid_bars.c: bars beside each other, a colour a regime: top-5. */
void gk_grid__bars(gk_report__state *r, const gk_grid__set *g);

#endif
