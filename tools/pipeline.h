/* pipeline.h: the description of the pipeline, tools/pipeline/run.mk, as far as the program reads it: make
 * runs it, and it is the one table of the variables and what they are by default. Internal to tools/. */
#ifndef GK_TOOLS_PIPELINE_H
#define GK_TOOLS_PIPELINE_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"
#include "tools/tools.h"

/* "#: SEED=N   the run's seed [1]" */
typedef struct gk_variable {
    const char *name, *value; /* "SEED", and what stands for its value: "N" */
    const char *about;        /* with the brackets */
    const char *standard;     /* "1"; "": nothing, or what the brackets say in more words */
} gk_variable;
/* A target with "## what it does". */
typedef struct gk_step {
    const char *name, *about;
} gk_step;
typedef struct gk_pipeline {
    const char *path;
    gk_variable *variable;
    gk_step *step;
    size_t n_variables, n_steps;
} gk_pipeline;
/* Reads run.mk, all in `a`; fails where it does not come along. */
bool gk_pipeline_read(gk_arena *a, gk_pipeline *out, gk_error *err);

#endif
