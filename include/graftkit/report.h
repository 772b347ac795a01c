/* report.h (report): what people look at: reports, comparisons, drawings of plans and of a search.
 *
 * Example:
 *     const gk_report_options o = {"runs/results.db", "runs/report.html"};
 *     return gk_report_write(&o, err);
 */
#ifndef GRAFTKIT_REPORT_H
#define GRAFTKIT_REPORT_H

#include "graftkit/eval/attribute.h"
#include "graftkit/eval/search.h"
#include "graftkit/graft/plan.h"
#include "graftkit/model/difference.h"

GK_PUBLIC_BEGIN

/* ---------------------------------------------------------------- the report */

typedef struct gk_report_model {
    const char *name; /* "base", or a model's name in the store */
    /* a run folder of train/: metrics.jsonl and train.json are read, neither need be there */
    const char *dir;
} gk_report_model;
typedef struct gk_report_options {
    const char *db;                /* the results store */
    const char *out;               /* the HTML file; its folder is made when absent */
    const char *title;             /* NULL: a default */
    const char *about;             /* one sentence under it; NULL: none */
    const gk_report_model *models; /* whose training is shown, in this order */
    size_t n_models;
    const char *gate;         /* gate.json; NULL: none */
    const char *card;         /* the dataset's card.json; NULL: none */
    const char *figures;      /* a folder for every figure as SVG and PDF, made when absent; NULL: none */
    const char *attribution;  /* the folder of an attribution of the same models and rows; NULL: none */
    const char *usual_entity; /* prompts are about this field as a rule: not told; NULL: always told */
} gk_report_options;
/* Writes one self-contained HTML page, atomically, then the figures' SVG files, then their PDFs by the
 * program rsvg-convert: where that is missing or fails, which is an error, all else is written. What cannot
 * be read of the models' folders is named in the page; an unreadable store, gate or card is an error, and so
 * is a name that is no model's of the store, or a training run, gate or card that says by its hashes that it
 * is of other models or rows than the store's, as an attribution may not be. Paths that the store names
 * (rows, templates, the recipient's tokenizer) are opened again to mark spans in the sample prompts, and
 * passed over when they do not lead to what the store was made from. */
bool gk_report_write(const gk_report_options *o, gk_error *err);

/* ---------------------------------------------------------------- several runs on one page */

typedef struct gk_compare_options {
    /* Folders of runs. A run has RUN/results.db, of its own sweep, and RUN/experiments/NAME/results.db; one
     * of these must be there. */
    const char *const *runs;
    size_t n_runs;
    const char *const *names; /* experiments, in the order of the page; those that no run has are left out */
    size_t n_names;           /* 0: the runs' own sweeps */
    const char *experiments;  /* the folder with NAME.yaml, for titles */
    const char *title;        /* NULL: a default */
    const char *out;          /* the HTML file; its folder is made when absent */
    const char *csv;          /* every cell of every run; NULL: not written */
    const char *seeds_csv;    /* replicates: each scheme over their seeds; NULL: not written */
    bool replicates;     /* all runs are replicates, whatever they differ in; else those that differ in their
                          * seed only, as far as stores and folders say */
    const char *figures; /* as gk_report_options has it */
} gk_compare_options;
/* Writes one page that holds the sets of schemes of every experiment: a bar chart and a table each, one
 * colour a run. The same stores give the same bytes. Stores of one run that name one model must be of the
 * same. As gk_report_write. */
bool gk_compare_write(const gk_compare_options *o, gk_error *err);

/* ---------------------------------------------------------------- a comparison */

/* A relative norm in few characters: "12%", "0.034%"; "0" for exactly 0 alone. Returns buf. */
enum { GK_DIFF_TEXT = 16 };
char *gk_diff_text(double relative, char buf[GK_DIFF_TEXT]);
/* How many of the first singular directions are shown: 1, 4, 16 … up to `rank`. Returns how many there are.
 */
enum { GK_DIFF_STEPS = 5 };
int gk_diff_steps(int rank, int steps[GK_DIFF_STEPS]);
/* One self-contained HTML page: heatmap and rank profiles; `a` and `b` name the models; path NULL:
 * none; `figures` as in gk_report_options. As gk_report_write. */
bool gk_diff_write(const gk_diff *d, const char *a, const char *b, const char *path, const char *figures,
                   gk_error *err);

/* ---------------------------------------------------------------- drawings of plans */

/* Who computes what: tokens down, layers across. Cells whose components come from several models are marked
 * and explained. */
typedef struct gk_drawing {
    const char *title, *about; /* about may be "" */
    const gk_cast *cast;       /* its names; the first is drawn as the ground */
    const gk_config *config;
    const gk_plan *plan;
    const char *const *token; /* [n_tokens]: as shown; no control characters */
    const char *const *label; /* [n_tokens]: beside it, e.g. the field it belongs to; "" */
} gk_drawing;
/* Adds lines of letters, and the terminal's colours behind them where `colour` is set. */
void gk_draw_text(const gk_drawing *d, bool colour, gk_buf *out);
/* One SVG file with all drawings, one below the other, written atomically. */
bool gk_draw_svg(const gk_drawing *list, size_t n, const char *path, gk_error *err);

/* ---------------------------------------------------------------- an attribution */

/* DIR/attribution.svg: what each part is worth in logit difference, with all templates, as steps from none to
 * all; DIR/interactions.svg: their pairs, where there are any. */
bool gk_attribution_draw(const gk_attribution *x, const char *dir, gk_error *err);

/* ---------------------------------------------------------------- a search's ladder */

/* One SVG file: a line a step, recovery of top-`top` accuracy to the right, the goal marked. */
bool gk_ladder_draw(const gk_search_result *r, int top, double goal, const char *path, gk_error *err);

GK_PUBLIC_END

#endif
