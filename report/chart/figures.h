/* figures.h: the figures of a page, and their files for papers. Internal to report/. */
#ifndef GK_REPORT_CHART_FIGURES_H
#define GK_REPORT_CHART_FIGURES_H

#include "graftkit/core/error.h"
#include "report/chart/chart.h"

typedef struct gk_chart__figure {
    const char *name; /* of its files, without an extension */
    char *svg;
} gk_chart__figure;
typedef struct gk_chart__figures { /* zero-initialise */
    gk_arena *a;
    bool kept; /* for gk_chart__figures_save */
    gk_chart__figure *item;
    size_t n, cap;
} gk_chart__figures;

/* Adds the drawing to a page as a <figure>, and frees it. Parts of its name are joined by hyphens and made
 * fit for a file's, NULL ends them; `title` is plain text, `caption` HTML. */
void gk_chart__figures_add(gk_chart__figures *f, gk_buf *page, gk_chart__canvas *c, const char *const *name,
                           const char *title, const char *caption);
/* Writes NAME.svg of every figure into the folder, which is made when absent, then NAME.pdf, by the program
 * rsvg-convert; without it only the PDFs are missing, and that is an error. */
bool gk_chart__figures_save(const gk_chart__figures *f, const char *dir, gk_error *err);
void gk_chart__figures_free(gk_chart__figures *f);

#endif
