/* diff_page.h: what the parts of the page on a comparison share. Internal to report/. */
#ifndef GK_REPORT_DIFF_DIFF_PAGE_H
#define GK_REPORT_DIFF_DIFF_PAGE_H

#include "graftkit/model/difference.h"
#include "report/chart/figures.h"

/* Draws the heatmap. */
void gk_diff_page__heatmap(gk_arena *a, const gk_diff *d, gk_chart__canvas *out);

#endif
