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
    gk_chart__row_mark *mark = gk_arena_alloc(r->a, (r->n_templates + 1) * sizeof *mark);
    gk_chart__row row = {.name = c->scheme, .schemes = c->scheme, .mark = mark};
    for (size_t t = 1; t <= r->n_templates; t++) {
        const gk_cell *one = gk_report__cell(r, c->scheme, gk_arena_printf(r->a, "%zu", t));
        if (is_drawn(one)) mark[row.n++] = mark_of(r, one, true);
    }
    mark[row.n] = mark_of(r, c, false);
    row.told[0] = gk_chart__text_number(r->a, mark[row.n++].says.value);
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
    gk_chart__key keys[] = {key[0], key[1]};
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
    k.x = axis_of(r, row, k.n);
    gk_chart__canvas chart = {0};
    gk_chart__rows_draw(r->a, &k, &chart);
    const char *const name[] = {set->name, "logit difference", NULL};
    gk_buf caption = {0};
    gk_page__prose(&caption, "caption: logit difference", NULL);
    gk_report__figure(r, &chart, name, gk_arena_printf(r->a, "Logit difference, set %s", set->name),
                      caption.data);
    gk_buf_free(&caption);
}
