/* panels.c: small multiples: one panel a scheme, all with the same axes. */
#include "report/internal.h"

enum { MOST_PANELS = 24 };

void gk__report_panels(gk__report *r, const gk__panel *p, size_t n, const gk__key *key, size_t n_keys,
                       const char *const *name, const char *title, const char *caption) {
    gk__chart chart = {0};
    gk__panels_draw(r->a, p, n, key, n_keys, &chart);
    gk_buf_puts(&r->html, "<div class=\"heat\">");
    gk__report_figure(r, &chart, name, title, caption);
    gk_buf_puts(&r->html, "</div>\n");
}

size_t gk__report_shown(const gk__report *r, const gk__set *set, const gk_tried **out) {
    size_t n = 0;
    for (size_t i = 0; i < set->n && n < MOST_PANELS; i++) {
        const gk_cell *c = gk__report_cell(r, set->scheme[i], "pooled");
        const gk_tried *t = gk_outcomes_of(&r->outcomes, set->scheme[i]);
        if (c && c->n_axes == 0 && t && t->n) out[n++] = t;
    }
    return n;
}
