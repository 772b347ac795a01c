/* figure.c: pictures as elements of the report, and what a mark of a cell says. */
#include "report/internal.h"

#include <math.h>

void gk_report__figure(gk_report__state *r, gk_chart__canvas *c, const char *const *name, const char *title,
                       const char *caption) {
    gk_chart__figures_add(&r->figures, &r->html, c, name, title, caption);
}

/* The text that tables have; NULL where there is no number. */
static const char *text_of(gk_arena *a, gk_metric m, double x) {
    char text[32];
    return isfinite(x) ? gk_arena_strdup(a, gk_metric_text(m, x, text)) : NULL;
}

gk_chart__says gk_report__says_of(gk_arena *a, const gk_stats *s, gk_metric m) {
    static const char *const what[GK_N_METRICS] = {[GK_METRIC_top5] = "top-5 accuracy",
                                                   [GK_METRIC_mean_logprob] = "log-probability",
                                                   [GK_METRIC_logit_diff] = "logit difference"};
    gk_chart__says says = {
        .metric = gk_metric_key(m), .what = what[m] ? what[m] : gk_metric_key(m), .n = s->n};
    if (s->n == 0) return says;
    says.unit = m <= GK_METRIC_exact ? "%" : " nats";
    says.value = text_of(a, m, s->value[m]);
    says.low = text_of(a, m, s->low[m]);
    says.high = text_of(a, m, s->high[m]);
    return says;
}

gk_chart__says gk_report__says(const gk_report__state *r, const gk_cell *c, gk_metric m) {
    gk_chart__says says = gk_report__says_of(r->a, &c->stats, m);
    says.scheme = c->scheme;
    says.template_name = c->template_name;
    says.place = gk_report__template(r, c->template_name);
    return says;
}
