/* contents.c: the headings of a report's sections, and the list of them. */
#include "report/data.h"

void gk_report__section_begin(gk_report__state *r, const char *id, const char *title) {
    gk_buf_printf(&r->html, "<h2 id=\"%s\">", id);
    gk_page__html_text(&r->html, title);
    gk_buf_puts(&r->html, "</h2>\n");
    if (r->n_sections < GK_REPORT__MOST_SECTIONS)
        r->section[r->n_sections++] = (gk_report__section){id, gk_arena_strdup(r->a, title)};
}

void gk_report__contents(gk_report__state *r) {
    gk_buf page = {0}, *b = &r->html;
    gk_buf_add(&page, b->data, r->contents);
    gk_buf_puts(&page, "<nav class=\"contents\"><h2 id=\"contents\">Contents</h2>\n<ol>\n");
    for (size_t i = 0; i < r->n_sections; i++) {
        gk_buf_printf(&page, "<li><a href=\"#%s\">", r->section[i].id);
        gk_page__html_text(&page, r->section[i].title);
        gk_buf_puts(&page, "</a></li>\n");
    }
    gk_buf_puts(&page, "</ol>\n</nav>\n");
    gk_buf_add(&page, b->data + r->contents, b->len - r->contents);
    gk_buf_free(b);
    *b = page;
}
