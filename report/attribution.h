/* attribution.h: pictures of an attribution (attribution.c). Internal to report/. */
#ifndef GK_REPORT_ATTRIBUTION_H
#define GK_REPORT_ATTRIBUTION_H

#include "graftkit/eval/attribute.h"
#include "report/chart/chart.h"

/* "logit difference (nats)", "top-5 accuracy (points)": what a game's numbers are. */
const char *gk_attribution__what(gk_metric m);
/* "1.24", "-3.0": of a metric, as tables have it. In `a`. */
const char *gk_attribution__text(gk_arena *a, gk_metric m, double x);
/* "Template 2", or "All templates pooled". In `a`. */
const char *gk_attribution__place(gk_arena *a, const gk_game *g);
/* The parts' values as steps from none to all, the largest first, each with its interval. */
void gk_attribution__steps(gk_arena *a, const gk_attribution *x, const gk_game *g, gk_chart__canvas *out);
/* The interactions of each pair. */
void gk_attribution__pairs(gk_arena *a, const gk_attribution *x, const gk_game *g, gk_chart__canvas *out);

#endif
