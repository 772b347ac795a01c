/* compare.h: what the parts of the page on several runs share. Internal to report/. */
#ifndef GK_REPORT_COMPARE_COMPARE_H
#define GK_REPORT_COMPARE_COMPARE_H

#include "eval/run/experiment.h"
#include "report/internal.h"

#include <jansson.h>

typedef struct gk_compare__compared { /* a store of a run */
    const char *name;                 /* the experiment's; NULL: the run's own sweep */
    const gk_experiment *about;       /* its file; of an own sweep only zeros */
    const json_t *manifest;           /* NULL: the run has none */
} gk_compare__compared;
/* The stores of the folder `run` agree about the models that they both name; else an error
 * (compare/models.c). */
bool gk_compare__same_models(gk_arena *a, const char *run, const gk_compare__compared *of, size_t n,
                             gk_error *err);

typedef struct gk_compare__grids { /* a set of an experiment in several runs */
    gk_arena *a;
    gk_chart__figures *figures;
    gk_buf *html;
    const char *experiment, *set;
    const char **label;      /* [runs] */
    const gk_cells *cells;   /* [runs] */
    json_t *const *manifest; /* [runs] */
    size_t runs;
} gk_compare__grids;
/* Adds a figure for each family and each value of the axes that are in none; false: no scheme of the set
 * stands in a grid with an axis `graft` (compare/grids.c). */
bool gk_compare__draw_grids(const gk_compare__grids *in);

#endif
