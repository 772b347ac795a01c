/* tables.c: every cell with every number. */
#include "report/internal.h"

#include <string.h>

static const struct {
    gk_metric metric;
    const char *head;
} COLUMNS[] = {{GK_METRIC_top1, "top-1 %"},
               {GK_METRIC_top5, "top-5 %"},
               {GK_METRIC_exact, "exact %"},
               {GK_METRIC_top10, "top-10 %"},
               {GK_METRIC_mean_rank, "mean rank"},
               {GK_METRIC_median_rank, "median rank"},
               {GK_METRIC_mean_prob, "prob."},
               {GK_METRIC_mean_logprob, "log-prob."},
               {GK_METRIC_whole_logprob, "whole target&#39;s"},
               {GK_METRIC_logit_diff, "logit diff."}};
enum { N_COLUMNS = sizeof COLUMNS / sizeof *COLUMNS };

/* Whole targets need not have been scored. */
static bool shown(const gk_report__state *r, gk_metric m) {
    return r->whole || (m != GK_METRIC_exact && m != GK_METRIC_whole_logprob);
}

static int n_shown(const gk_report__state *r) {
    int n = 0;
    for (size_t i = 0; i < N_COLUMNS; i++) n += shown(r, COLUMNS[i].metric);
    return n + gk_report__floor_heads(r, NULL);
}

static void add_row(gk_report__state *r, const gk_cell *c) {
    gk_buf *b = &r->html;
    gk_buf_puts(b, "<tr><td class=\"name\">");
    gk_page__html_text(b, c->scheme);
    if (!c->applies) {
        gk_buf_printf(b,
                      "</td><td colspan=\"%d\" class=\"muted\">not applicable: the template lacks a field it "
                      "uses</td></tr>\n",
                      n_shown(r) + 3);
        return;
    }
    gk_buf_printf(b, "</td><td>%zu</td><td>%zu</td><td>%zu</td>", c->stats.n, c->stats.rows, c->dropped);
    for (size_t i = 0; i < N_COLUMNS; i++) {
        if (!shown(r, COLUMNS[i].metric)) continue;
        gk_buf_puts(b, "<td>");
        gk_page__html_stat(b, &c->stats, COLUMNS[i].metric);
        gk_buf_puts(b, "</td>");
    }
    gk_report__floor_values(r, b, c);
    gk_buf_puts(b, "</tr>\n");
}

static void add_table(gk_report__state *r, const char *template_name) {
    gk_buf *b = &r->html;
    gk_buf_printf(b,
                  "<div class=\"scroll\"><table class=\"cells\" "
                  "data-template=\"%s\"><thead><tr><th>scheme</th><th>n</th>"
                  "<th>rows</th><th>dropped</th>",
                  template_name);
    for (size_t i = 0; i < N_COLUMNS; i++)
        if (shown(r, COLUMNS[i].metric))
            gk_buf_printf(b, "<th title=\"%s\">%s</th>", gk_metric_about(COLUMNS[i].metric), COLUMNS[i].head);
    gk_report__floor_heads(r, b);
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < r->n_sets; i++) {
        gk_buf_printf(b, "<tr class=\"set\"><th colspan=\"%d\">", n_shown(r) + 4);
        gk_page__html_text(b, r->set[i].name);
        gk_buf_puts(b, "</th></tr>\n");
        for (size_t k = 0; k < r->set[i].n; k++) {
            const gk_cell *c = gk_report__cell(r, r->set[i].scheme[k], template_name);
            if (c) add_row(r, c);
        }
    }
    gk_buf_puts(b, "</tbody></table></div>\n");
}

static void add_details(gk_report__state *r, const char *template_name, const char *text) {
    gk_buf *b = &r->html;
    gk_buf_printf(b, "<details><summary>%s</summary>\n", gk_report__template(r, template_name));
    if (text) {
        gk_buf_puts(b, "<p><code>");
        gk_page__html_text(b, text);
        gk_buf_puts(b, "</code></p>\n");
    }
    add_table(r, template_name);
    gk_buf_puts(b, "</details>\n");
}

void gk_report__tables(gk_report__state *r) {
    gk_report__section_begin(r, "numbers", "Every number");
    gk_page__prose(&r->html, "every number", NULL);
    add_table(r, "pooled");
    if (gk_report__cell(r, r->set[0].scheme[0], "full")) {
        add_details(r, "full", NULL);
        add_details(r, "lacking", NULL);
    }
    size_t i;
    json_t *t;
    json_array_foreach(json_object_get(r->manifest, "templates"), i, t) {
        const char *text = json_string_value(json_object_get(t, "text"));
        add_details(r, gk_arena_printf(r->a, "%zu", i + 1), text ? text : "");
    }
}
