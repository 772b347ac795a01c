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

/* ---------------------------------------------------------------- runs that differ in their seed only */

/* What a store's results are of beside the seed, as texts by name: a new object. From its manifest, and from
 * the data's card and the models' trainings in the folder of the run (compare/replicates.c). */
json_t *gk_compare__signature(gk_arena *a, const char *run, const json_t *manifest);
/* The names of what differs, or is not said; "" where nothing does. In `a`. */
const char *gk_compare__differ(gk_arena *a, const json_t *x, const json_t *y);
/* Both stores are of the same models, so that one is no replicate of the other. */
bool gk_compare__same_weights(const json_t *x, const json_t *y);

typedef struct gk_compare__over_seeds { /* a scheme */
    const char *set, *scheme, *canonical;
    gk_replicates of[2]; /* top-5, logit difference */
} gk_compare__over_seeds;
typedef struct gk_compare__group { /* replicates */
    const char *experiment, *label, *differ;
    size_t *run, n; /* indices */
    gk_compare__over_seeds *line;
    size_t n_lines;
    struct gk_compare__group *next; /* the one before */
} gk_compare__group;
typedef struct gk_compare__groups {
    gk_compare__group *last;
} gk_compare__groups;

typedef struct gk_compare__replicates { /* an experiment in several runs */
    gk_arena *a;
    gk_chart__figures *figures;
    gk_buf *html;
    const char *experiment;      /* "sweep": the runs' own */
    const char *const *run;      /* [runs]: folders */
    const char **label;          /* [runs] */
    const gk_cells *cells;       /* [runs] */
    const gk_outcomes *outcomes; /* [runs] */
    const uint64_t *seed;        /* [runs]: of the bootstrap */
    json_t *const *manifest;     /* [runs]; NULL: it has none */
    size_t runs;
    bool told; /* that all are replicates */
} gk_compare__replicates;
/* Adds the groups of runs that are replicates to the page and to `out`, and says which runs are none
 * (compare/seeds.c). */
void gk_compare__over_seeds_add(const gk_compare__replicates *in, gk_compare__groups *out);
/* Writes all of them as a table. */
bool gk_compare__over_seeds_csv(const gk_compare__groups *all, const char *path, gk_error *err);
/* The notches of a scheme's floors, as far as it has them: of several runs the highest. label: of the runs,
 * NULL: not told. How many (compare/seeds.c). */
size_t gk_compare__floors(gk_arena *a, const gk_cells *cells, const char *const *label, size_t runs,
                          const char *scheme, gk_metric m, gk_chart__row_mark out[2]);
/* NULL where there is none (compare/seeds.c). */
const gk_cell *gk_compare__cell(const gk_cells *cells, const char *scheme, const char *template_name);

#endif
