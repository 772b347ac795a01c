/* figure.c: a picture as an element of the page. */
#include "report/internal.h"

bool gk__report_figure(gk__report *r, gk__plot *p, const char *caption) {
    int id = ++r->n_figures;
    gk_buf_printf(&r->html, "<figure><div style=\"--w:%dpx\">", p->width);
    bool ok = gk__plot_svg(p, id, &r->html, r->err);
    gk__plot_free(p);
    gk_buf_printf(&r->html, "</div><figcaption id=\"cap%d\">%s</figcaption></figure>\n", id, caption);
    return ok;
}
