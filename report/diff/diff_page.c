/* diff_page.c: the page on how far two models are apart. */
#include "graftkit/model/config.h"
#include "graftkit/report.h"
#include "report/diff/diff_page.h"
#include "report/page/page.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- pieces of HTML */

static void add_layer_name(gk_buf *b, const gk_diff_item *i) {
    if (i->layer < 0)
        gk_buf_puts(b, gk_component_name(i->comp));
    else
        gk_buf_printf(b, "%d&nbsp;%s", i->layer, gk_component_name(i->comp));
}

static void add_number(gk_buf *b, const char *fmt, double x) {
    char text[48];
    snprintf(text, sizeof text, fmt, x);
    gk_buf_printf(b, "<td>%s</td>", isnan(x) ? "\u2013" : text);
}

/* A share with a bar of its length behind it. */
static void add_share(gk_buf *b, double x) {
    if (isnan(x))
        gk_buf_puts(b, "<td class=\"muted\">\u2013</td>");
    else
        gk_buf_printf(b,
                      "<td style=\"background:linear-gradient(90deg,#cfe3f1 %.1f%%,transparent "
                      "%.1f%%)\">%.*f%%</td>",
                      100 * x, 100 * x, x < 0.0995 ? 2 : 1, 100 * x);
}

static void add_share_heads(gk_buf *b, const int *steps, int n) {
    gk_buf_puts(b, "<th title=\"|B \u2212 A|\u00b2 / \u03c3\u2081\u00b2\">stable rank</th>");
    for (int s = 0; s < n; s++) gk_buf_printf(b, "<th class=\"share\">first %d</th>", steps[s]);
}

/* ---------------------------------------------------------------- sections */

static void add_summary(gk_buf *b, const gk_diff *d, const char *from, const char *to) {
    char whole[GK_DIFF_TEXT], most[GK_DIFF_TEXT];
    const gk_diff_item *largest = &d->item[0];
    size_t equal = 0, values = 0, changed = 0;
    for (size_t i = 0; i < d->n; i++) {
        const gk_diff_item *t = &d->item[i];
        equal += t->changed == 0;
        values += t->values;
        changed += t->changed;
        if (gk_diff_relative(t) > gk_diff_relative(largest)) largest = t;
    }
    gk_buf_puts(b, "<p class=\"summary\">A is <code>");
    gk_page__html_text(b, from);
    gk_buf_puts(b, "</code>, B is <code>");
    gk_page__html_text(b, to);
    gk_buf_printf(b, "</code>; both are %s models of %.4g million parameters in %d layers. ",
                  gk_family_name(d->config.family), (double)values / 1e6, d->config.n_layers);
    if (changed == 0) {
        gk_buf_puts(b, "<strong>Their weights are identical.</strong></p>\n");
        return;
    }
    gk_buf_printf(
        b,
        "As a whole B is <strong>%s</strong> away from A (|B\u2009\u2212\u2009A|\u2009/\u2009|A|); "
        "%.1f%% of the values differ, and %zu of %zu components are identical. Farthest is <strong>",
        gk_diff_text(gk_diff_relative_of(d, -2, GK_N_COMPONENTS), whole),
        100 * (double)changed / (double)values, equal, d->n);
    gk_buf_puts(b, gk_component_name(largest->comp));
    if (largest->layer >= 0) gk_buf_printf(b, " of layer %d", largest->layer);
    gk_buf_printf(b, "</strong>: %s.</p>\n", gk_diff_text(gk_diff_relative(largest), most));
}

static void add_heatmap(gk_arena *a, gk_buf *b, const gk_diff *d, gk_chart__figures *figures) {
    gk_chart__canvas chart = {0};
    const char *const name[] = {"difference", NULL};
    gk_diff_page__heatmap(a, d, &chart);
    gk_buf_puts(b, "<h2>Where they differ</h2>\n<div class=\"heat own-width\">");
    gk_buf caption = {0};
    gk_page__prose(&caption, "caption: difference", NULL);
    gk_chart__figures_add(figures, b, &chart, name, "Relative difference of each component in each layer",
                          caption.data);
    gk_buf_free(&caption);
    gk_buf_puts(b, "</div>\n");
}

static bool any_spectrum(const gk_diff *d) {
    for (size_t i = 0; i < d->n; i++)
        if (d->item[i].n_sigma) return true;
    return false;
}

static void add_profile(gk_buf *b, const gk_diff *d) {
    if (!any_spectrum(d)) return;
    int steps[GK_DIFF_STEPS], n = gk_diff_steps(d->rank, steps);
    gk_page__prose(b, "directions", NULL);
    gk_buf_puts(b, "<div class=\"scroll\"><table><thead><tr><th>component</th><th>|B \u2212 A| / |A|</th>");
    add_share_heads(b, steps, n);
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (int i = 0; i < GK_N_COMPONENTS; i++) {
        char text[GK_DIFF_TEXT];
        gk_component c = (gk_component)i;
        if (gk_component_is_norm(c) || !gk_diff_find(d, gk_component_in_layer(c) ? 0 : -1, c)) continue;
        gk_buf_printf(b, "<tr><td class=\"name\">%s</td><td>%s</td>", gk_component_name(c),
                      gk_diff_text(gk_diff_relative_of(d, -2, c), text));
        add_number(b, "%.1f", gk_diff_median(d, c, 0));
        for (int s = 0; s < n; s++) add_share(b, gk_diff_median(d, c, steps[s]));
        gk_buf_puts(b, "</tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div>\n");
}

static void add_item(gk_buf *b, const gk_diff_item *i, const int *steps, int n) {
    char text[GK_DIFF_TEXT];
    bool first = i->layer >= 0 && i->comp == GK_LN1;
    gk_buf_printf(b, "<tr%s><td class=\"name\">", first ? " class=\"first\"" : "");
    add_layer_name(b, i);
    gk_buf_printf(b,
                  i->in > 1 ? "</td><td class=\"name\">%d&thinsp;\u00d7&thinsp;%d</td>" : "</td><td>%d</td>",
                  i->out, i->in);
    add_number(b, "%.4g", i->norm_a);
    if (i->changed == 0) {
        gk_buf_printf(b, "<td colspan=\"%d\" class=\"muted\">identical</td></tr>\n", 4 + n);
        return;
    }
    add_number(b, "%.4g", i->delta);
    gk_buf_printf(b, "<td>%s</td>", gk_diff_text(gk_diff_relative(i), text));
    add_number(b, "%.1f%%", 100 * (double)i->changed / (double)i->values);
    add_number(b, "%.1f", gk_diff_stable_rank(i));
    for (int s = 0; s < n; s++) add_share(b, gk_diff_share(i, steps[s]));
    gk_buf_puts(b, "</tr>\n");
}

static void add_table(gk_buf *b, const gk_diff *d) {
    enum { SHORT = 120 };
    int steps[GK_DIFF_STEPS], n = gk_diff_steps(d->rank, steps);
    gk_buf_printf(
        b,
        "<h2>Every component</h2>\n<details%s><summary>%zu components, layer by layer</summary>\n"
        "<div class=\"scroll\"><table><thead><tr><th>component</th><th>shape</th><th>|A|</th><th>|B "
        "\u2212 A|</th><th>relative</th><th>changed</th>",
        d->n <= SHORT ? " open" : "", d->n);
    add_share_heads(b, steps, n);
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < d->n; i++) add_item(b, &d->item[i], steps, n);
    gk_buf_puts(b, "</tbody></table></div></details>\n");
}

bool gk_diff_write(const gk_diff *d, const char *a, const char *b, const char *path, const char *figures,
                   gk_error *err) {
    gk_arena *memory = gk_arena_new();
    gk_chart__figures kept = {.a = memory, .kept = figures != NULL};
    gk_buf page = {0};
    gk_page__begin(&page, "How far two models are apart");
    add_summary(&page, d, a, b);
    add_heatmap(memory, &page, d, &kept);
    add_profile(&page, d);
    add_table(&page, d);
    gk_page__end(&page, false);
    bool ok = (!path || gk_page__save(&page, path, err)) &&
              (!figures || gk_chart__figures_save(&kept, figures, err));
    gk_chart__figures_free(&kept);
    gk_buf_free(&page);
    gk_arena_free(memory);
    return ok;
}
