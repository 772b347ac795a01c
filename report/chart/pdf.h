/* pdf.h: SVG files as PDF. Internal to report/. */
#ifndef GK_REPORT_CHART_PDF_H
#define GK_REPORT_CHART_PDF_H

#include "graftkit/core/error.h"

/* Writes `pdf` from `svg` by the program rsvg-convert; an error where it is missing or fails, and then what
 * was at `pdf` stays. */
bool gk_chart__pdf_of(const char *svg, const char *pdf, gk_error *err);

#endif
