/* diff_page.h: what the parts of the page on a comparison share. Internal to report/. */
#ifndef GK_REPORT_DIFF_DIFF_PAGE_H
#define GK_REPORT_DIFF_DIFF_PAGE_H

#include "report/internal.h"

/* Adds the heatmap as figure number `id`'s <svg>; *width: its pixels. */
bool gk__diff_heatmap(const gk_diff *d, int id, gk_buf *out, int *width, gk_error *err);

#endif
