/* report.h: what the parts of the HTML report share. Internal to eval/. */
#ifndef GK_EVAL_REPORT_H
#define GK_EVAL_REPORT_H

#include "eval/store.h"

typedef struct gk__set { /* the schemes of one YAML set, in their order */
    const char *name;
    const char **scheme;
    size_t n;
} gk__set;

typedef struct gk__report {
    const gk_report_options *o;
    gk_store *s;
    gk_arena *a;
    gk_buf html;
    gk_cells cells;
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
/* "Template 2", "all templates", …, in the arena. */
const char *gk__report_template(const gk__report *r, const char *template_name);

/* Makes the folder that the file `path` will stand in (report.c). */
bool gk__make_folder_of(const char *path, gk_arena *a, gk_error *err);

/* ---------------------------------------------------------------- HTML (report_html.c) */

/* Adds text with &<>"' escaped; ill-formed UTF-8 and control characters become U+FFFD. */
void gk__html_text(gk_buf *b, const char *text);
/* The same without escaping: one line of valid UTF-8 as gnuplot data files want it (no tabs, no double
 * quotes).
 */
void gk__plain_text(gk_buf *b, const char *text);
void gk__html_head(gk_buf *b, const char *title);
/* "97.3" of a share 0.973, "4.20" of a rank …; an en dash for NaN. Returns buf. */
char *gk__html_value(gk_metric m, double x, char buf[32]);
/* The value and its interval as the content of a table cell. */
void gk__html_stat(gk_buf *b, const gk_stats *s, gk_metric m);

/* ---------------------------------------------------------------- figures (report_plot.c, report_figures.c)
 */

enum { GK__PLOT_DATA = 3 };
typedef struct gk__plot { /* zero-initialise */
    gk_buf script;        /* without the terminal; may read files "0", "1", "2": tab-separated */
    gk_buf data[GK__PLOT_DATA];
    int width, height;
} gk__plot;
/* Runs gnuplot and adds figure number `id`'s <svg> element to `out`. */
bool gk__plot_svg(const gk__plot *p, int id, gk_buf *out, gk_error *err);
void gk__plot_free(gk__plot *p);

/* Top-5 accuracy of a set's schemes on a template (or pool), as one <figure>; `caption` is HTML. */
bool gk__report_bars(gk__report *r, const gk__set *set, const char *template_name, const char *caption);

/* ---------------------------------------------------------------- sections */

bool gk__report_summary(gk__report *r);  /* report_summary.c */
bool gk__report_sets(gk__report *r);     /* report_figures.c */
bool gk__report_curves(gk__report *r);   /* report_curves.c */
void gk__report_tables(gk__report *r);   /* report_tables.c */
bool gk__report_dataset(gk__report *r);  /* report_dataset.c */
bool gk__report_samples(gk__report *r);  /* report_samples.c */
bool gk__report_manifest(gk__report *r); /* report_manifest.c */

#endif
