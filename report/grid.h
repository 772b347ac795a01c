/* grid.h: the schemes of a grid by their coordinates, and their drawings. Internal to report/. */
#ifndef GK_REPORT_GRID_H
#define GK_REPORT_GRID_H

#include "report/internal.h"

typedef struct gk__spot { /* an x value of a row */
    const char **scheme;  /* one, or one a seed */
    size_t n;
    gk_stats stats;
} gk__spot;
typedef struct gk__grid {
    const char *set, *x_name, *row_name;
    const char **x, **row; /* values, in the order of their first scheme */
    size_t n_x, n_rows, n_axes, n_schemes;
    gk__spot *spot; /* [row][x]; n is 0 where there is no such scheme */
    bool numeric, seeds;
} gk__grid;

/* The schemes of `n` spots, each `stride` behind the one before, a line each; in the arena. */
const char *gk__grid_schemes(const gk__report *r, const gk__spot *s, size_t n, size_t stride);
/* Its figures (grid_draw.c): up to so many rows can be lines. */
enum { GK__GRID_LINES = 6 };
void gk__grid_heatmap(gk__report *r, const gk__grid *g, gk_metric m);
void gk__grid_lines(gk__report *r, const gk__grid *g, gk_metric m);

#endif
