/* report.c: the HTML report: has every section written, and puts the page in place. */
#include "report/internal.h"

static bool add_page(gk_report__state *r) {
    gk_page__begin(&r->html, r->o->title ? r->o->title
                                         : "Dynamic weight grafting: where the finetuned facts come from");
    if (r->o->about) {
        gk_buf_puts(&r->html, "<p>");
        gk_page__html_text(&r->html, r->o->about);
        gk_buf_puts(&r->html, "</p>\n");
    }
    gk_report__lost(r);
    if (!gk_report__head(r) || !gk_report__summary(r)) return false;
    r->contents = r->html.len;
    gk_report__sets(r);
    if (!gk_report__contrasts(r)) return false;
    if (!gk_report__attribution(r)) return false;
    gk_report__differ(r);
    gk_report__ranks(r);
    if (!gk_report__fail(r)) return false;
    gk_report__curves(r);
    gk_report__forgetting(r);
    gk_report__tables(r);
    if (!gk_report__dataset(r) || !gk_report__samples(r) || !gk_report__of_run(r)) return false;
    gk_report__read(r);
    gk_report__contents(r);
    gk_page__end(&r->html, true);
    return true;
}

bool gk_report_write(const gk_report_options *o, gk_error *err) {
    gk_report__state r = {.o = o, .a = gk_arena_new(), .err = err};
    r.figures = (gk_chart__figures){.a = r.a, .kept = o->figures != NULL};
    r.s = gk_store_open(o->db, err);
    bool ok = r.s && gk_report__gather(&r) && gk_report__check_beside(&r) && add_page(&r) &&
              (!o->figures || gk_mkdirs(o->figures, err)) && gk_page__save(&r.html, o->out, err) &&
              (!o->figures || gk_chart__figures_save(&r.figures, o->figures, err));
    gk_chart__figures_free(&r.figures);
    gk_store_close(r.s);
    json_decref(r.manifest);
    gk_buf_free(&r.html);
    gk_arena_free(r.a);
    return ok;
}
