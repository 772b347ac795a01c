/* spread.c: how far the target's logit is ahead, scheme by scheme, and how that differs between
 * templates. */
#include "report/internal.h"

#include <math.h>

enum { WIDTH = 560, TICKS = 7 };

static bool is_drawn(const gk_cell *c) {
    return c && c->applies && c->n_axes == 0 && c->stats.n && isfinite(c->stats.value[GK_METRIC_logit_diff]);
}

static gk_chart__row_mark mark_of(const gk_report__state *r, const gk_cell *c, bool ring) {
    const gk_metric m = GK_METRIC_logit_diff;
    return (gk_chart__row_mark){.shape = ring ? GK_CHART__RING : GK_CHART__DOT,
                                .x = c->stats.value[m],
                                .low = ring ? (double)NAN : c->stats.low[m],
                                .high = ring ? (double)NAN : c->stats.high[m],
                                .colour = gk_chart__ink_hex(ring ? GK_CHART__ORANGE : GK_CHART__BLUE),
                                .says = gk_report__says(r, c, m)};
}

/* A ring for each template alone, under the dot of all. */
static gk_chart__row row_of(gk_report__state *r, const gk_cell *c) {
    gk_chart__row_mark *mark = gk_arena_alloc(r->a, (r->n_templates + 3) * sizeof *mark);
    gk_chart__row row = {.name = c->scheme, .schemes = c->scheme, .mark = mark};
    for (size_t t = 1; t <= r->n_templates; t++) {
        const gk_cell *one = gk_report__cell(r, c->scheme, gk_arena_printf(r->a, "%zu", t));
        if (is_drawn(one)) mark[row.n++] = mark_of(r, one, true);
    }
    mark[row.n] = mark_of(r, c, false);
    row.told[0] = gk_chart__text_number(r->a, mark[row.n++].says.value);
    row.n += gk_report__floors(r, c, GK_METRIC_logit_diff, mark + row.n);
    return row;
}

/* Of everything drawn, with 0. */
static gk_chart__axis axis_of(gk_report__state *r, const gk_chart__row *row, size_t n) {
    double low = 0, high = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < row[i].n; k++) {
            const gk_chart__row_mark *m = &row[i].mark[k];
            low = fmin(low, isnan(m->low) ? m->x : fmin(m->x, m->low));
            high = fmax(high, isnan(m->high) ? m->x : fmax(m->x, m->high));
        }
    double pad = high > low ? 0.03 * (high - low) : 1;
    gk_chart__axis x = gk_chart__axis_round(r->a, low - pad, high + pad, TICKS, "");
    x.title = "logit difference (nats)";
    return x;
}

void gk_report__spread(gk_report__state *r, const gk_report__set *set) {
    static const gk_chart__key key[] = {
        {.shape = GK_CHART__KEY_DOT, .text = "all templates pooled, 95% interval"},
        {.shape = GK_CHART__KEY_RING, .text = "each template alone"}};
    gk_chart__key keys[4] = {key[0], key[1]};
    keys[0].colour = gk_chart__ink_hex(GK_CHART__BLUE);
    keys[1].colour = gk_chart__ink_hex(GK_CHART__ORANGE);
    gk_chart__row *row = gk_arena_alloc(r->a, (set->n + 1) * sizeof *row);
    gk_chart__rule zero = {.colour = gk_chart__ink_hex(GK_CHART__GREY), .solid = true};
    gk_chart__rows k = {.width = WIDTH, .row = row, .rule = &zero, .n_rules = 1, .key = keys, .n_keys = 2};
    for (size_t i = 0; i < set->n; i++) {
        const gk_cell *c = gk_report__cell(r, set->scheme[i], "pooled");
        if (is_drawn(c)) row[k.n++] = row_of(r, c);
    }
    if (k.n == 0) return;
    k.n_keys += gk_report__floor_keys(row, k.n, keys + k.n_keys);
    k.x = axis_of(r, row, k.n);
    gk_chart__canvas chart = {0};
    gk_chart__rows_draw(r->a, &k, &chart);
    const char *const name[] = {set->name, "logit difference", NULL};
    gk_buf caption = {0};
    gk_page__prose(&caption, "caption: logit difference", NULL);
    gk_buf_printf(&caption, " %s", gk_report__counts(r, set->scheme, set->n, "pooled"));
    gk_report__figure(r, &chart, name, gk_arena_printf(r->a, "Logit difference, set %s", set->name),
                      caption.data);
    gk_buf_free(&caption);
}

/* The least and the most of the templates alone; false where there are no two. */
static bool extremes(const gk_report__state *r, const gk_cell *c, gk_metric m, double *low, double *high) {
    size_t n = 0;
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t t = 1; t <= r->n_templates; t++) {
        const gk_cell *one = gk_report__cell(r, c->scheme, gk_arena_printf(r->a, "%zu", t));
        if (!one || !one->applies || !one->stats.n) continue;
        *low = fmin(*low, one->stats.value[m]);
        *high = fmax(*high, one->stats.value[m]);
        n++;
    }
    return n > 1;
}

static void add_alike(gk_report__state *r, const gk_cell *c) {
    const gk_metric shown[] = {GK_METRIC_top5, GK_METRIC_logit_diff};
    const double icc[] = {c->stats.icc_top5, c->stats.icc_logit_diff};
    gk_buf *b = &r->html;
    gk_buf_puts(b, "<tr><td class=\"name\">");
    gk_page__html_text(b, c->scheme);
    gk_buf_printf(b, "</td><td>%zu</td><td>%zu</td>", c->stats.n, c->stats.rows);
    for (int m = 0; m < 2; m++) {
        double low, high;
        char text[2][GK_METRIC_TEXT];
        if (extremes(r, c, shown[m], &low, &high))
            gk_buf_printf(b, "<td>%s</td><td>%s</td>", gk_metric_text(shown[m], low, text[0]),
                          gk_metric_text(shown[m], high, text[1]));
        else
            gk_buf_puts(b, "<td>\u2013</td><td>\u2013</td>");
        gk_buf_printf(b, isfinite(icc[m]) ? "<td>%.2f</td>" : "<td>\u2013</td>", icc[m]);
    }
    gk_buf_puts(b, "</tr>\n");
}

void gk_report__alike(gk_report__state *r, const gk_report__set *set) {
    gk_buf *b = &r->html;
    if (r->n_templates < 2) return;
    gk_buf_puts(b, "<details><summary>How alike the templates are</summary>\n");
    gk_page__prose(b, "alike", NULL);
    gk_buf_puts(
        b, "<div class=\"scroll\"><table class=\"alike\"><thead><tr><th>scheme</th><th>n</th><th>rows</th>"
           "<th>top-5 %, least</th><th>most</th><th>ICC</th><th>logit diff., least</th><th>most</th>"
           "<th>ICC</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < set->n; i++) {
        const gk_cell *c = gk_report__cell(r, set->scheme[i], "pooled");
        if (c && c->applies && c->stats.n) add_alike(r, c);
    }
    gk_buf_puts(b, "</tbody></table></div>\n</details>\n");
}
