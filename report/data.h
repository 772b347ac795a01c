/* data.h: what a report is made of, read from its store once, and how it is looked up. Internal to report/.
 */
#ifndef GK_REPORT_DATA_H
#define GK_REPORT_DATA_H

#include "graftkit/eval/store.h"
#include "graftkit/report.h"
#include "report/chart/figures.h"
#include "report/checks.h"
#include "report/manifest.h"
#include "report/page/page.h"

#include <jansson.h>

typedef struct gk_report__set {       /* the schemes of one YAML set, in their order */
    const char *name, *title, *about; /* title and about: what its files say of it, or "" */
    const char **scheme;
    size_t n;
} gk_report__set;

enum { GK_REPORT__MOST_SECTIONS = 64 };
typedef struct gk_report__section { /* of the page: what its list of contents names */
    const char *id, *title;
} gk_report__section;

typedef struct gk_report__state {
    const gk_report_options *o;
    gk_store *s;
    gk_arena *a;
    gk_buf html;
    gk_cells cells;
    gk_outcomes outcomes;
    gk_roles roles;
    gk_checks__pattern pattern;
    uint64_t seed; /* of the bootstrap */
    gk_report__section section[GK_REPORT__MOST_SECTIONS];
    size_t n_sections;
    size_t contents; /* where in `html` the list of them goes */
    json_t *manifest;
    gk_report__set *set;
    size_t n_sets;
    size_t n_templates;
    bool whole, generated;  /* whole targets were scored; texts were generated */
    bool placebo, permuted; /* floors that some cell has */
    gk_chart__figures figures;
    gk_error *err;
} gk_report__state;

/* Reads the store of the options: everything above but `pattern`. An error where it holds no schemes. */
bool gk_report__gather(gk_report__state *r);
/* NULL when the store has no such cell. */
const gk_cell *gk_report__cell(const gk_report__state *r, const char *scheme, const char *template_name);
/* What the scheme does (gk_scheme_canonical), or "". */
const char *gk_report__canonical(const gk_report__state *r, const char *scheme);
/* The scheme's sentence, or "". */
const char *gk_report__about(const gk_report__state *r, const char *scheme);
/* The scheme's cells do not cover every template. */
bool gk_report__partial(const gk_report__state *r, const char *scheme);
/* Of a scheme's cell with all templates; NaN where there is none, or NULL for a name. */
double gk_report__top5(const gk_report__state *r, const char *scheme);
/* The facts that the scheme was evaluated on, in whatever template. */
size_t gk_report__rows(const gk_report__state *r, const char *scheme);
/* "97.3%" */
const char *gk_report__percent(const gk_report__state *r, double x);
/* "Template 2", "all templates", …, in the arena. */
const char *gk_report__template(const gk_report__state *r, const char *template_name);
/* What the store says of the run under this key; NULL where it does not, or says "none". */
const char *gk_report__run(const gk_report__state *r, const char *key);

/* Begins a section: its heading, which the list of contents links to. The first so many of a page. */
void gk_report__section_begin(gk_report__state *r, const char *id, const char *title);
/* Puts the list of sections where it belongs when all are known. */
void gk_report__contents(gk_report__state *r);

#endif
