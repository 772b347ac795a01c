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

#endif
