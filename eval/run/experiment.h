/* experiment.h: experiments, which name what is to be swept. Shared with tools/; not installed. */
#ifndef GK_EVAL_RUN_EXPERIMENT_H
#define GK_EVAL_RUN_EXPERIMENT_H

#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"

/* A YAML file of experiments/: which models a question needs, and which schemes. docs/experiments.md */
typedef struct gk_experiment {
    const char *name;    /* the file's, without folder and .yaml */
    const char *title;   /* one line */
    const char *about;   /* one sentence */
    int64_t place;       /* where it stands among those that come along; INT64_MAX: behind them */
    const char **fields; /* that some of the run's templates must have; without them it does not apply */
    size_t n_fields;
    const char *dataset; /* the dataset that it is about, NULL: that of the run */
    bool in_paper;       /* whether `make paper` has it unasked */
    const char **model;  /* the names that its schemes use, the recipient first */
    const char **kind;   /* which of the run's models each is: "base", "relation", or "relation.NAME" … */
    const char **freeze; /* … of which finetuning leaves these components, "lnf,all@1/3"; NULL: as its kind */
    size_t n_models;
    const char **schemes; /* files, as written: a name without '/' and '.' is one of graft/schemes */
    size_t n_schemes;
} gk_experiment;
/* Reads one, into `a`. Errors (file:line:column): unknown or missing keys, texts of several lines or with a
 * '$' (make would read it as its own), names that are no words, a dataset or field that is no name, a freeze
 * that no recipe could have. Whether schemes and models fit each other is gk_experiment_check's. */
bool gk_experiment_load(gk_arena *a, const char *path, gk_experiment *out, gk_error *err);
/* The first of its fields that no template of `templates` (JSONL) has, in *out; NULL there: none. False: the
 * templates cannot be read. */
bool gk_experiment_lacks(gk_arena *a, const gk_experiment *e, const char *templates, const char **out,
                         gk_error *err);
/* Loads the scheme files `path` (n of them) as a run of the experiment would, without its models: every model
 * that they name is the experiment's, every field is one that a template of `templates` (JSONL) has;
 * `entity` is the one that they call GK_ENTITY. Grids are expanded for 128 layers. */
bool gk_experiment_check(const gk_experiment *e, const char *const *path, size_t n, const char *templates,
                         const char *entity, gk_error *err);

#endif
