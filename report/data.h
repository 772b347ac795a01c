/* data.h: what a report is made of, read from its store once, and how it is looked up. Internal to report/.
 */
#ifndef GK_REPORT_DATA_H
#define GK_REPORT_DATA_H

#include "report/chart/figures.h"
#include "report/checks.h"
#include "report/manifest.h"
#include "report/page/page.h"
#include "report/report.h"

typedef struct gk__set {              /* the schemes of one YAML set, in their order */
    const char *name, *title, *about; /* title and about: what its files say of it, or "" */
    const char **scheme;
    size_t n;
} gk__set;

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
    gk__figures figures;
    gk_error *err;
} gk__report;

/* Reads the store of the options: everything above but `pattern`. An error where it holds no schemes. */
bool gk__report_gather(gk__report *r);
/* NULL when the store has no such cell. */
const gk_cell *gk__report_cell(const gk__report *r, const char *scheme, const char *template_name);
const gk__set *gk__report_set(const gk__report *r, const char *name); /* NULL when absent */
/* What the scheme does (gk_scheme_canonical), or "". */
const char *gk__report_canonical(const gk__report *r, const char *scheme);
/* The scheme's sentence, or "". */
const char *gk__report_about(const gk__report *r, const char *scheme);
/* The scheme's cells do not cover every template. */
bool gk__report_partial(const gk__report *r, const char *scheme);
/* Of a scheme's cell with all templates; NaN where there is none, or NULL for a name. */
double gk__report_top5(const gk__report *r, const char *scheme);
/* "97.3%" */
const char *gk__report_percent(const gk__report *r, double x);
/* "Template 2", "all templates", …, in the arena. */
const char *gk__report_template(const gk__report *r, const char *template_name);
/* What the store says of the run under this key; NULL where it does not, or says "none". */
const char *gk__report_run(const gk__report *r, const char *key);

/* Begins a section: its heading, which the list of contents links to. The first so many of a page. */
void gk__report_section(gk__report *r, const char *id, const char *title);
/* Puts the list of sections where it belongs when all are known. */
void gk__report_contents(gk__report *r);

#endif
