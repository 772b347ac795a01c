/* attribution.c: what each part of a graft is worth: steps, interactions, and their numbers. */
#include "graftkit/core/file.h"
#include "report/attribution.h"
#include "report/internal.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- figures */

static void add_steps(gk_report__state *r, const gk_attribution *x, const gk_game *g) {
    gk_chart__canvas chart = {0};
    const bool pooled = strcmp(g->template_name, "pooled") == 0;
    const char *const name[] = {"attribution", gk_metric_key(g->metric),
                                pooled ? NULL : gk_arena_printf(r->a, "template %s", g->template_name), NULL};
    gk_attribution__steps(r->a, x, g, &chart);
    const char *place = gk_attribution__place(r->a, g);
    gk_report__figure(
        r, &chart, name,
        gk_arena_printf(r->a, "What each part is worth: %s, %s", gk_attribution__what(g->metric), place),
        gk_arena_printf(r->a,
                        "<strong>%s.</strong> Shapley values in %s, as steps from no part to all; "
                        "n = %zu prompts of %zu facts.",
                        place, gk_attribution__what(g->metric), g->n, g->facts));
}

static void add_pairs(gk_report__state *r, const gk_attribution *x, const gk_game *g) {
    gk_chart__canvas chart = {0};
    const char *const name[] = {"interactions", gk_metric_key(g->metric), NULL};
    gk_attribution__pairs(r->a, x, g, &chart);
    gk_buf caption = {0};
    gk_page__prose(&caption, "caption: interactions", NULL);
    gk_buf_printf(&caption, " n = %zu prompts of %zu facts.", g->n, g->facts);
    gk_report__figure(r, &chart, name, "Interactions of the parts", caption.data);
    gk_buf_free(&caption);
}

/* ---------------------------------------------------------------- tables */

static void add_mean(gk_report__state *r, gk_metric m, gk_mean x) {
    gk_page__html_text(&r->html, gk_attribution__text(r->a, m, x.value));
    if (!isfinite(x.low)) return;
    gk_buf_puts(&r->html, "<small>[");
    gk_page__html_text(&r->html, gk_attribution__text(r->a, m, x.low));
    gk_buf_puts(&r->html, ", ");
    gk_page__html_text(&r->html, gk_attribution__text(r->a, m, x.high));
    gk_buf_puts(&r->html, "]</small>");
}

static void begin_table(gk_report__state *r, const char *summary, bool open, const char *heads) {
    gk_buf_printf(
        &r->html,
        "<details%s><summary>%s</summary>\n<div class=\"scroll\"><table><thead><tr>%s</tr></thead>\n"
        "<tbody>\n",
        open ? " open" : "", summary, heads);
}

static void value_row(gk_report__state *r, const gk_game *g, const char *name, gk_mean x, double share) {
    gk_buf_puts(&r->html, "<tr><td class=\"name\">");
    gk_page__html_text(&r->html, name);
    gk_buf_printf(&r->html, "</td><td>%s</td><td>", gk_attribution__place(r->a, g));
    gk_page__html_text(&r->html, gk_attribution__what(g->metric));
    gk_buf_printf(&r->html, "</td><td>%zu</td><td>%zu</td><td>%zu</td><td>", g->n, g->facts, g->left_out);
    add_mean(r, g->metric, x);
    gk_buf_printf(&r->html, "</td><td>%s</td></tr>\n",
                  isfinite(share) ? gk_arena_printf(r->a, "%.1f%%", 100 * share) : "\u2013");
}

static void add_values(gk_report__state *r, const gk_attribution *x, bool pooled) {
    begin_table(r, pooled ? "Every part: numbers" : "The same, template by template", pooled,
                "<th>part</th><th>templates</th><th>metric</th><th>n</th><th>facts</th><th>left out</th>"
                "<th>value</th><th>share</th>");
    for (size_t i = 0; i < x->n_games; i++) {
        const gk_game *g = &x->game[i];
        if ((strcmp(g->template_name, "pooled") == 0) != pooled) continue;
        for (size_t p = 0; p < x->n_parts; p++) value_row(r, g, x->part[p], g->value[p], g->share[p]);
        value_row(r, g, "all \u2212 none", g->total, (double)NAN);
    }
    gk_buf_puts(&r->html, "</tbody></table></div></details>\n");
}

static void add_interactions(gk_report__state *r, const gk_attribution *x) {
    begin_table(r, "Every pair: numbers", false,
                "<th>part</th><th>and</th><th>metric</th><th>interaction</th>");
    for (size_t i = 0; i < x->n_games; i++) {
        const gk_game *g = &x->game[i];
        if (strcmp(g->template_name, "pooled") != 0) continue;
        for (size_t p = 0; p < x->n_parts; p++)
            for (size_t q = p + 1; q < x->n_parts; q++) {
                gk_buf_puts(&r->html, "<tr><td class=\"name\">");
                gk_page__html_text(&r->html, x->part[p]);
                gk_buf_puts(&r->html, "</td><td class=\"name\">");
                gk_page__html_text(&r->html, x->part[q]);
                gk_buf_printf(&r->html, "</td><td>%s</td><td>", gk_attribution__what(g->metric));
                add_mean(r, g->metric, g->pair[p * x->n_parts + q]);
                gk_buf_puts(&r->html, "</td></tr>\n");
            }
    }
    gk_buf_puts(&r->html, "</tbody></table></div></details>\n");
}

/* ---------------------------------------------------------------- all of it */

static void add_section(gk_report__state *r, const gk_attribution *x) {
    const gk_game *g = gk_attribution_game(x, GK_METRIC_logit_diff, "pooled");
    gk_report__section_begin(r, "attribution", "What each part is worth");
    gk_page__prose(&r->html, "attribution", "coalitions", gk_arena_printf(r->a, "%zu", x->coalitions),
                   "parts", gk_arena_printf(r->a, "%zu", x->n_parts), NULL);
    if (g->left_out)
        gk_page__prose(&r->html, "attribution: left out", "prompts",
                       gk_arena_printf(r->a, "%zu", g->left_out), NULL);
    gk_buf_puts(&r->html, "<div class=\"grid\">\n");
    add_steps(r, x, g);
    if (x->n_parts > 1) add_pairs(r, x, g);
    gk_buf_puts(&r->html, "</div>\n<details><summary>The same in top-5 accuracy and template by template"
                          "</summary>\n<div class=\"grid\">\n");
    add_steps(r, x, gk_attribution_game(x, GK_METRIC_top5, "pooled"));
    for (size_t i = 0; i < x->n_games; i++) {
        const gk_game *one = &x->game[i];
        if (one != g && one->metric == g->metric && one->n) add_steps(r, x, one);
    }
    gk_buf_puts(&r->html, "</div></details>\n");
    add_values(r, x, true);
    add_values(r, x, false);
    if (x->n_parts > 1) add_interactions(r, x);
}

bool gk_report__attribution(gk_report__state *r) {
    gk_attribution x = {0};
    const char *dir = r->o->attribution;
    gk_store *s = dir ? gk_store_open(gk_path_join(r->a, dir, "results.db"), r->err) : r->s;
    /* A report of coalitions that are still being computed has no such section. */
    bool whole = dir || json_integer_value(json_object_get(r->manifest, "complete")) > 0, ok = s != NULL;
    if (ok && whole) ok = gk_attribution_read(s, r->a, &x, r->err);
    if (dir) gk_store_close(s);
    if (ok && x.n_parts) add_section(r, &x);
    return ok;
}
