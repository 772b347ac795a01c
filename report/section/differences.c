/* differences.c: what differs: every scheme against the references, on the same prompts. */
#include "report/internal.h"

#include <math.h>
#include <string.h>

enum { MOST_OPEN = 24 }; /* longer tables are folded */

static void add_number(gk_buf *b, const char *format, double x) {
    char text[32];
    snprintf(text, sizeof text, format, x);
    gk_buf_puts(b, isnan(x) ? "\u2013" : text);
}

static void add_row(gk_buf *b, const gk_difference *d) {
    const gk_paired *x = &d->paired;
    gk_buf_puts(b, "<tr><td class=\"name\">");
    gk_page__html_text(b, d->scheme);
    gk_buf_puts(b, "</td><td>");
    gk_page__html_text(b, d->reference);
    gk_buf_printf(b, "</td><td>%zu</td><td>%zu</td><td>", x->n, x->rows);
    add_number(b, "%+.1f", 100 * x->diff);
    if (x->n) gk_buf_printf(b, "<small>[%+.1f, %+.1f]</small>", 100 * x->low, 100 * x->high);
    gk_buf_printf(b, "</td><td>%zu</td><td>%zu</td><td>", x->rows_more, x->rows_fewer);
    add_number(b, "%.3g", x->p);
    gk_buf_puts(b, d->p_holm < 0.05 ? "</td><td class=\"sure\">" : "</td><td>");
    add_number(b, "%.3g", d->p_holm);
    gk_buf_puts(b, "</td></tr>\n");
}

static bool belongs(const gk_difference *d, const char *set, const char *reference) {
    return strcmp(d->set, set) == 0 && strcmp(d->reference, reference) == 0;
}

/* The comparisons of a set with one reference; those with the finetuned model are folded, as long tables are.
 */
static void add_table(gk_report__state *r, const char *set, const char *reference, const gk_differences *d,
                      bool open) {
    gk_buf *b = &r->html;
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) n += belongs(&d->item[i], set, reference);
    if (n == 0) return;
    gk_buf_printf(b, "<details%s><summary>", open && n <= MOST_OPEN ? " open" : "");
    gk_page__html_text(b, set);
    gk_buf_puts(b, ": against ");
    gk_page__html_text(b, reference);
    gk_buf_printf(b,
                  ", %zu comparison%s</summary>\n<div class=\"scroll\"><table class=\"differ\"><thead><tr>"
                  "<th>scheme</th><th>against</th><th>n</th><th>rows</th><th>top-5, points</th>"
                  "<th>rows more</th><th>rows fewer</th><th>p</th><th>p, Holm</th></tr></thead>\n<tbody>\n",
                  n, n == 1 ? "" : "s");
    for (size_t i = 0; i < d->n; i++)
        if (belongs(&d->item[i], set, reference)) add_row(b, &d->item[i]);
    gk_buf_puts(b, "</tbody></table></div></details>\n");
}

/* Says so where no test of the set could come out significant. */
static void add_few(gk_report__state *r, const char *set, const gk_differences *d) {
    size_t n = 0, rows = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->item[i].set, set) != 0 || d->item[i].paired.n == 0) continue;
        if (d->item[i].p_holm_least < 0.05) return;
        n++;
        if (d->item[i].paired.rows > rows) rows = d->item[i].paired.rows;
    }
    if (n == 0) return;
    gk_buf_puts(&r->html, "<p class=\"note\">");
    gk_page__html_text(&r->html, set);
    gk_buf_printf(&r->html,
                  ": with %zu fact%s no difference can be significant: the smallest p of a test is %.2g, and "
                  "corrected for %zu comparison%s it is not below 0.05.</p>\n",
                  rows, rows == 1 ? "" : "s", gk_least_p(rows), n, n == 1 ? "" : "s");
}

static void add_set(gk_report__state *r, const char *set, const gk_differences *d) {
    const char *first = NULL, *second = NULL;
    for (size_t i = 0; i < d->n; i++) {
        const char *reference = d->item[i].reference;
        if (strcmp(d->item[i].set, set) != 0) continue;
        if (!first ||
            (r->roles.pre && strcmp(reference, r->roles.pre) == 0 && strcmp(first, reference) != 0)) {
            second = first;
            first = reference;
        } else if (!second && strcmp(reference, first) != 0)
            second = reference;
    }
    add_few(r, set, d);
    if (first) add_table(r, set, first, d, true);
    if (second) add_table(r, set, second, d, false);
}

void gk_report__differ(gk_report__state *r) {
    gk_differences d;
    gk_differences_of(&r->outcomes, r->a, r->seed, &d);
    if (d.n == 0) return;
    gk_report__section_begin(r, "differ", "What differs");
    gk_page__prose(&r->html, "differences", NULL);
    for (size_t i = 0; i < r->n_sets; i++) add_set(r, r->set[i].name, &d);
}
