/* report.c: the HTML report: has every section written, and puts the page in place. */
#include "report/internal.h"

static bool add_page(gk__report *r) {
    gk__page_begin(&r->html, r->o->title ? r->o->title
                                         : "Dynamic weight grafting: where the finetuned facts come from");
    if (r->o->about) {
        gk_buf_puts(&r->html, "<p>");
        gk__html_text(&r->html, r->o->about);
        gk_buf_puts(&r->html, "</p>\n");
    }
    gk__report_lost(r);
    if (!gk__report_head(r) || !gk__report_summary(r)) return false;
    r->contents = r->html.len;
    gk__report_sets(r);
    gk__report_differ(r);
    gk__report_ranks(r);
    if (!gk__report_fail(r)) return false;
    gk__report_curves(r);
    gk__report_forgetting(r);
    gk__report_tables(r);
    if (!gk__report_dataset(r) || !gk__report_samples(r) || !gk__report_of_run(r)) return false;
    gk__report_read(r);
    gk__report_contents(r);
    gk__page_end(&r->html, true);
    return true;
}

bool gk_report_write(const gk_report_options *o, gk_error *err) {
    gk__report r = {.o = o, .a = gk_arena_new(), .err = err};
    r.figures = (gk__figures){.a = r.a, .kept = o->figures != NULL};
    r.s = gk_store_open(o->db, err);
    bool ok = r.s && gk__report_gather(&r) && gk__report_check_beside(&r) && add_page(&r) &&
              gk__page_save(&r.html, o->out, err) &&
              (!o->figures || gk__figures_save(&r.figures, o->figures, err));
    gk__figures_free(&r.figures);
    gk_store_close(r.s);
    json_decref(r.manifest);
    gk_buf_free(&r.html);
    gk_arena_free(r.a);
    return ok;
}
