/* diff_page.h: what the parts of the page on a comparison share. Internal to eval/. */
#ifndef GK_EVAL_DIFF_PAGE_H
#define GK_EVAL_DIFF_PAGE_H

#include "eval/report.h"

/* Adds the heatmap as figure number `id`'s <svg>; *width: its pixels. */
bool gk__diff_heatmap(const gk_diff *d, int id, gk_buf *out, int *width, gk_error *err);

#endif
