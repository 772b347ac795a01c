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
        .metric = gk_metric_key(m), .what = what[m] ? what[m] : gk_metric_key(m), .n = s->n, .rows = s->rows};
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

gk_chart__says gk_report__says_floor(gk_arena *a, const char *place, const gk_cell *c, bool placebo,
                                     gk_metric m) {
    gk_chart__says says = gk_report__says_of(a, placebo ? &c->placebo : &c->permuted, m);
    says.scheme = c->scheme;
    says.template_name = c->template_name;
    says.place = place;
    says.metric = gk_arena_printf(a, "%s_%s", placebo ? "placebo" : "permuted", gk_metric_key(m));
    says.what = gk_arena_printf(a, "%s %s", placebo ? "placebo donor\u2019s" : "permuted targets\u2019",
                                m == GK_METRIC_top5 ? "top-5 accuracy" : "logit difference");
    return says;
}

bool gk_report__floor(gk_arena *a, const char *place, const gk_cell *c, bool placebo, gk_metric m,
                      gk_chart__row_mark *out) {
    const gk_stats *s = placebo ? &c->placebo : &c->permuted;
    if (!s->n || !isfinite(s->value[m])) return false;
    *out = (gk_chart__row_mark){.shape = placebo ? GK_CHART__BELOW : GK_CHART__ABOVE,
                                .x = (m == GK_METRIC_top5 ? 100 : 1) * s->value[m],
                                .low = (double)NAN,
                                .colour = gk_chart__ink_hex(placebo ? GK_CHART__RED : GK_CHART__DARK),
                                .says = gk_report__says_floor(a, place, c, placebo, m)};
    return true;
}

size_t gk_report__floors(const gk_report__state *r, const gk_cell *c, gk_metric m,
                         gk_chart__row_mark out[2]) {
    const char *place = gk_report__template(r, c->template_name);
    size_t n = gk_report__floor(r->a, place, c, true, m, out);
    return n + gk_report__floor(r->a, place, c, false, m, out + n);
}

size_t gk_report__floor_keys(const gk_chart__row *row, size_t n, gk_chart__key out[2]) {
    bool seen[2] = {false, false};
    size_t keys = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < row[i].n; k++) {
            seen[0] |= row[i].mark[k].shape == GK_CHART__BELOW;
            seen[1] |= row[i].mark[k].shape == GK_CHART__ABOVE;
        }
    if (seen[0])
        out[keys++] = (gk_chart__key){.shape = GK_CHART__KEY_BELOW,
                                      .colour = gk_chart__ink_hex(GK_CHART__RED),
                                      .text = "floor: placebo donor"};
    if (seen[1])
        out[keys++] = (gk_chart__key){.shape = GK_CHART__KEY_ABOVE,
                                      .colour = gk_chart__ink_hex(GK_CHART__DARK),
                                      .text = "floor: permuted targets"};
    return keys;
}

int gk_report__floor_heads(const gk_report__state *r, gk_buf *b) {
    static const char *const head[] = {
        "<th title=\"a placebo in the donor&#39;s place: top-5\">placebo: top-5 %</th>"
        "<th title=\"a placebo in the donor&#39;s place: logit difference\">logit diff.</th>",
        "<th title=\"another fact&#39;s target: top-5\">permuted: top-5 %</th>"
        "<th title=\"another fact&#39;s target: logit difference\">logit diff.</th>"};
    if (b && r->placebo) gk_buf_puts(b, head[0]);
    if (b && r->permuted) gk_buf_puts(b, head[1]);
    return 2 * (r->placebo + r->permuted);
}

void gk_report__floor_values(const gk_report__state *r, gk_buf *b, const gk_cell *c) {
    static const gk_metric shown[] = {GK_METRIC_top5, GK_METRIC_logit_diff};
    for (int permuted = 0; permuted < 2; permuted++)
        for (int m = 0; (permuted ? r->permuted : r->placebo) && m < 2; m++) {
            gk_buf_puts(b, "<td>");
            gk_page__html_stat(b, permuted ? &c->permuted : &c->placebo, shown[m]);
            gk_buf_puts(b, "</td>");
        }
}

/* "5", or "5 to 9" */
static const char *range_text(const gk_report__state *r, size_t low, size_t high) {
    return low == high ? gk_arena_printf(r->a, "%zu", low) : gk_arena_printf(r->a, "%zu to %zu", low, high);
}

const char *gk_report__counts(const gk_report__state *r, const char *const *scheme, size_t n,
                              const char *template_name) {
    size_t low[2] = {SIZE_MAX, SIZE_MAX}, high[2] = {0, 0};
    for (size_t i = 0; i < n; i++) {
        const gk_cell *c = gk_report__cell(r, scheme[i], template_name);
        if (!c || !c->applies) continue;
        const size_t x[2] = {c->stats.n, c->stats.rows};
        for (int k = 0; k < 2; k++) {
            low[k] = x[k] < low[k] ? x[k] : low[k];
            high[k] = x[k] > high[k] ? x[k] : high[k];
        }
    }
    if (high[0] == 0) return "n = 0.";
    return gk_arena_printf(r->a, "n = %s prompt%s of %s fact%s.", range_text(r, low[0], high[0]),
                           high[0] == 1 ? "" : "s", range_text(r, low[1], high[1]), high[1] == 1 ? "" : "s");
}

const char *gk_report__counts_of(const gk_report__state *r, const gk_tried *const *t, size_t n) {
    const char **scheme = gk_arena_alloc(r->a, (n + 1) * sizeof *scheme);
    for (size_t i = 0; i < n; i++) scheme[i] = t[i]->scheme;
    return gk_report__counts(r, scheme, n, "pooled");
}
