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

static bool belongs(const gk_difference *d, const char *set, const char *reference, bool of_donor) {
    return strcmp(d->set, set) == 0 && strcmp(d->reference, reference) == 0 && d->of_donor == of_donor;
}

/* The comparisons of a set with one reference; those with a finetuned model are folded, as long tables are.
 */
static void add_table(gk_report__state *r, const char *set, const char *reference, const gk_differences *d,
                      bool of_donor) {
    gk_buf *b = &r->html;
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) n += belongs(&d->item[i], set, reference, of_donor);
    if (n == 0) return;
    gk_buf_printf(b, "<details%s><summary>", !of_donor && n <= MOST_OPEN ? " open" : "");
    gk_page__html_text(b, set);
    gk_buf_puts(b, ": against ");
    gk_page__html_text(b, reference);
    gk_buf_printf(b,
                  ", %zu comparison%s</summary>\n<div class=\"scroll\"><table class=\"differ\"><thead><tr>"
                  "<th>scheme</th><th>against</th><th>n</th><th>rows</th><th>top-5, points</th>"
                  "<th>rows more</th><th>rows fewer</th><th>p</th><th>p, Holm</th></tr></thead>\n<tbody>\n",
                  n, n == 1 ? "" : "s");
    for (size_t i = 0; i < d->n; i++)
        if (belongs(&d->item[i], set, reference, of_donor)) add_row(b, &d->item[i]);
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

/* Names those of which there is no recipient to compare with. */
static void add_without(gk_report__state *r, const char *set, const gk_differences *d) {
    gk_buf *b = &r->html;
    size_t n = 0;
    for (size_t i = 0; i < d->n_without; i++) {
        if (strcmp(d->without[i]->set, set) != 0) continue;
        gk_buf_puts(b, n++ == 0 ? "<p class=\"note\">" : ", ");
        gk_page__html_text(b, d->without[i]->scheme);
    }
    if (n > 0)
        gk_buf_printf(b, ": no scheme is %s alone, only the donor%s can be compared with.</p>\n",
                      n == 1 ? "its recipient" : "their recipient", n == 1 ? "" : "s");
}

/* A table a reference, in the order in which schemes have them, those of the recipients first. */
static void add_set(gk_report__state *r, const char *set, const gk_differences *d) {
    add_few(r, set, d);
    add_without(r, set, d);
    for (int of_donor = 0; of_donor < 2; of_donor++)
        for (size_t i = 0; i < d->n; i++) {
            const gk_difference *x = &d->item[i];
            bool again = !belongs(x, set, x->reference, of_donor);
            for (size_t k = 0; k < i && !again; k++)
                again = belongs(&d->item[k], set, x->reference, of_donor);
            if (!again) add_table(r, set, x->reference, d, of_donor);
        }
}

void gk_report__differ(gk_report__state *r) {
    gk_differences d;
    gk_differences_of(&r->outcomes, r->a, r->seed, &d);
    if (d.n == 0) return;
    gk_report__section_begin(r, "differ", "What differs");
    gk_page__prose(&r->html, "differences", NULL);
    for (size_t i = 0; i < r->n_sets; i++) add_set(r, r->set[i].name, &d);
}
