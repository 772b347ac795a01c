/* internal.h: what the parts of the HTML report share. Internal to report/. */
#ifndef GK_REPORT_INTERNAL_H
#define GK_REPORT_INTERNAL_H

#include "eval/store/outcomes.h"
#include "eval/store/sql.h"
#include "report/report.h"

typedef struct gk__set {      /* the schemes of one YAML set, in their order */
    const char *name, *about; /* about: what its files say of it, or "" */
    const char **scheme;
    size_t n;
} gk__set;

/* ---------------------------------------------------------------- what may be said (checks.c) */

typedef enum gk__test_id { /* that the second has more prompts right than the first */
                           GK__CEILING_PRE,
                           GK__FE_PRE,
                           GK__CEILING_FE,
                           GK__LT_PRE,
                           GK__CEILING_LT,
                           GK__FE_LT,
                           GK__ALL_START,
                           GK__O_FFN_FFN,
                           GK__FFN_O,
                           GK__N_TESTS
} gk__test_id;
typedef struct gk__test {
    bool there;
    gk_paired paired; /* without an interval */
    double holm;      /* its p, corrected over all tests here; NaN where it is not there */
} gk__test;
typedef struct gk__check {
    const char *claim, *seen;
    const char *why; /* it cannot be judged, and why; NULL: it is */
    bool holds;
} gk__check;
/* Shares are top-5 over all templates; NaN where there is no such scheme. */
typedef struct gk__pattern {
    double pre, sft, ceiling;
    const char
        *ceiling_name; /* SFT, or SFT-rh where the grafts have the recipient's head and that is lower */
    const char *start; /* what ATTN+FFN at the last token is added to: FE, or PRE */
    double both_ceiling, rest_pre; /* on the prompts of FE+LT, and of all but FE and LT */
    gk__test test[GK__N_TESTS];
    size_t n_tests, rows; /* that are there; facts they are over */
    int64_t targets;      /* different first tokens that are asked for */
    double untaught;      /* top-5 that PRE may have: of five blind guesses among them, or the paper's */
    bool few;             /* so few facts that no test can come out significant */
    bool order, order_clear, enough; /* O+FFN > FFN > O, significantly; O+FFN has 90% of ATTN+FFN */
    /* Why nothing can be judged; nor the way from PRE to the ceiling; nor what components add. NULL: it can.
     */
    const char *unsaid, *no_way, *no_share;
    gk__check check[8]; /* the models' first, then the grafts', which alone show the paper's pattern */
    size_t n_checks, n_failed, n_unsaid;
    size_t n_of_models, n_of_grafts; /* checks of models alone; checks of grafts that are judged */
} gk__pattern;

enum { GK__MOST_SECTIONS = 64 };
typedef struct gk__section { /* of the page: what its list of contents names */
    const char *id, *title;
} gk__section;

typedef struct gk__report {
    const gk_report_options *o;
    gk_store *s;
    gk_arena *a;
    gk_buf html;
    gk_cells cells;
    gk_outcomes outcomes;
    gk_roles roles;
    gk__pattern pattern;
    uint64_t seed; /* of the bootstrap */
    gk__section section[GK__MOST_SECTIONS];
    size_t n_sections;
    size_t contents; /* where in `html` the list of them goes */
    json_t *manifest;
    gk__set *set;
    size_t n_sets;
    size_t n_templates;
    bool whole, generated; /* whole targets were scored; texts were generated */
    int n_figures;
    gk_error *err;
} gk__report;

/* NULL when the store has no such cell. */
const gk_cell *gk__report_cell(const gk__report *r, const char *scheme, const char *template_name);
const gk__set *gk__report_set(const gk__report *r, const char *name); /* NULL when absent */
/* What the scheme does (gk_scheme_canonical), or "". */
const char *gk__report_canonical(const gk__report *r, const char *scheme);
/* The scheme's sentence, or "". */
const char *gk__report_about(const gk__report *r, const char *scheme);
/* The scheme's cells do not cover every template. */
bool gk__report_partial(const gk__report *r, const char *scheme);
/* Begins a section: its heading, which the list of contents links to. The first so many of a page. */
void gk__report_section(gk__report *r, const char *id, const char *title);
/* Of a scheme's cell with all templates; NaN where there is none, or NULL for a name. */
double gk__report_top5(const gk__report *r, const char *scheme);
/* "97.3%" */
const char *gk__report_percent(const gk__report *r, double x);
/* What the store says of the run under this key; NULL where it does not, or says "none". */
const char *gk__report_run(const gk__report *r, const char *key);
/* The item of this name in one of a manifest's lists (models, schemes, sets); NULL where there is none. */
const json_t *gk__manifest_item(const json_t *manifest, const char *list, const char *name);
/* What an item (or NULL) says under this key; "" where it does not. */
const char *gk__manifest_text(const json_t *item, const char *key);
/* Fills r->pattern. */
bool gk__report_judge(gk__report *r);
/* The second of its schemes is better, significantly so. */
bool gk__test_clear(const gk__test *t);
/* "Template 2", "all templates", …, in the arena. */
const char *gk__report_template(const gk__report *r, const char *template_name);

/* Makes the folder that the file `path` will stand in (report.c). */
bool gk__make_folder_of(const char *path, gk_arena *a, gk_error *err);

/* ---------------------------------------------------------------- HTML (html.c) */

/* Adds text with &<>"' escaped; ill-formed UTF-8 and control characters become U+FFFD. */
void gk__html_text(gk_buf *b, const char *text);
/* The same without escaping: one line of valid UTF-8 as gnuplot data files want it (no tabs, no double
 * quotes).
 */
void gk__plain_text(gk_buf *b, const char *text);
/* A token as the tokenizer stores it: sentencepiece's "▁", the space before a word, as a raised dot. */
void gk__html_piece(gk_buf *b, const char *piece);
void gk__html_head(gk_buf *b, const char *title);
/* "97.3" of a share 0.973, "4.20" of a rank …; an en dash for NaN. Returns buf. */
char *gk__html_value(gk_metric m, double x, char buf[32]);
/* The page's script: it sorts tables, filters schemes and saves tables (script.c). */
void gk__html_script(gk_buf *b);
/* The value and its interval as the content of a table cell. */
void gk__html_stat(gk_buf *b, const gk_stats *s, gk_metric m);

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

/* What the options name beside the store is of its sweep; an error where both tell, and differ
 * (beside.c). */
bool gk__report_check_beside(const gk__report *r);

typedef struct gk__compared {   /* a store of a run */
    const char *name;           /* the experiment's; NULL: the run's own sweep */
    const gk_experiment *about; /* its file; of an own sweep only zeros */
    const json_t *manifest;     /* NULL: the run has none */
} gk__compared;
/* The stores of the folder `run` agree about the models that they both name; else an error
 * (compare/models.c). */
bool gk__same_models(gk_arena *a, const char *run, const gk__compared *of, size_t n, gk_error *err);

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
void gk__report_tables(gk__report *r);   /* tables.c */
bool gk__report_dataset(gk__report *r);  /* dataset.c */
bool gk__report_samples(gk__report *r);  /* samples.c */
bool gk__report_manifest(gk__report *r); /* manifest.c */

#endif
