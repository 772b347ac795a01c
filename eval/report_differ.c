/* report_differ.c: what differs: every scheme against the references, on the same prompts. */
#include "eval/report.h"

#include <math.h>
#include <string.h>

enum { MOST_OPEN = 48 }; /* longer tables are folded */

static void add_number(gk_buf *b, const char *format, double x) {
    char text[32];
    snprintf(text, sizeof text, format, x);
    gk_buf_puts(b, isnan(x) ? "\u2013" : text);
}

static void add_row(gk_buf *b, const gk__difference *d) {
    const gk_paired *x = &d->paired;
    gk_buf_puts(b, "<tr><td class=\"name\">");
    gk__html_text(b, d->scheme);
    gk_buf_puts(b, "</td><td>");
    gk__html_text(b, d->reference);
    gk_buf_printf(b, "</td><td>%zu</td><td>%zu</td><td>", x->n, x->rows);
    add_number(b, "%+.1f", 100 * x->diff);
    if (x->n) gk_buf_printf(b, "<small>[%+.1f, %+.1f]</small>", 100 * x->low, 100 * x->high);
    gk_buf_printf(b, "</td><td>%zu</td><td>%zu</td><td>", x->rows_more, x->rows_fewer);
    add_number(b, "%.3g", x->p);
    gk_buf_puts(b, d->p_holm < 0.05 ? "</td><td class=\"sure\">" : "</td><td>");
    add_number(b, "%.3g", d->p_holm);
    gk_buf_puts(b, "</td></tr>\n");
}

static void add_set(gk__report *r, const gk__set *set, const gk__differences *d) {
    gk_buf *b = &r->html;
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) n += strcmp(d->item[i].set, set->name) == 0;
    if (n == 0) return;
    gk_buf_printf(b, "<details%s><summary>", n > MOST_OPEN ? "" : " open");
    gk__html_text(b, set->name);
    gk_buf_printf(b,
                  ": %zu comparisons</summary>\n<div class=\"scroll\"><table class=\"differ\"><thead><tr>"
                  "<th>scheme</th><th>against</th><th>n</th><th>rows</th><th>top-5, points</th>"
                  "<th>rows more</th><th>rows fewer</th><th>p</th><th>p, Holm</th></tr></thead>\n<tbody>\n",
                  n);
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->item[i].set, set->name) == 0) add_row(b, &d->item[i]);
    gk_buf_puts(b, "</tbody></table></div></details>\n");
}

void gk__report_differ(gk__report *r) {
    gk__differences d;
    gk__differences_of(&r->outcomes, r->a, r->seed, &d);
    if (d.n == 0) return;
    gk_buf_puts(
        &r->html,
        "<h2 id=\"differ\">What differs</h2>\n"
        "<p>Each scheme&#39;s top-5 accuracy minus the reference&#39;s, in percentage points, on the prompts "
        "that both were evaluated on. In brackets: 95% bootstrap interval over rows, the same rows drawn for "
        "both. <em>rows more</em> and <em>rows fewer</em> count the rows of which the scheme has more, or "
        "fewer, prompts right than the reference; p is the two-sided binomial probability of so uneven a "
        "split (McNemar&#39;s test; with several prompts a row, the sign test of the rows). <em>p, Holm</em> "
        "is corrected for all comparisons of the set; bold where it is below 0.05.</p>\n");
    for (size_t i = 0; i < r->n_sets; i++) add_set(r, &r->set[i], &d);
}
