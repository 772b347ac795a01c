/* panels.c: small multiples: one panel a scheme, all with the same axes. */
#include "report/internal.h"

enum { MOST_PANELS = 24 };

void gk_report__panels(gk_report__state *r, const gk_chart__panel *p, size_t n, const gk_chart__key *key,
                       size_t n_keys, const char *const *name, const char *title, const char *caption) {
    gk_chart__canvas chart = {0};
    gk_chart__panels_draw(r->a, p, n, key, n_keys, &chart);
    gk_buf_puts(&r->html, "<div class=\"heat\">");
    gk_report__figure(r, &chart, name, title, caption);
    gk_buf_puts(&r->html, "</div>\n");
}

size_t gk_report__shown(const gk_report__state *r, const gk_report__set *set, const gk_tried **out) {
    size_t n = 0;
    for (size_t i = 0; i < set->n && n < MOST_PANELS; i++) {
        const gk_cell *c = gk_report__cell(r, set->scheme[i], "pooled");
        const gk_tried *t = gk_outcomes_of(&r->outcomes, set->scheme[i]);
        if (c && c->n_axes == 0 && t && t->n) out[n++] = t;
    }
    return n;
}
