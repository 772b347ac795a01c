/* spread.c: how far the target's logit is ahead, scheme by scheme, and how that differs between
 * templates. */
#include "report/internal.h"

#include <math.h>

enum { WIDTH = 560, TICKS = 7 };

static bool is_drawn(const gk_cell *c) {
    return c && c->applies && c->n_axes == 0 && c->stats.n && isfinite(c->stats.value[GK_METRIC_logit_diff]);
}

static gk__row_mark mark_of(const gk__report *r, const gk_cell *c, bool ring) {
    const gk_metric m = GK_METRIC_logit_diff;
    return (gk__row_mark){.shape = ring ? GK__RING : GK__DOT,
                          .x = c->stats.value[m],
                          .low = ring ? (double)NAN : c->stats.low[m],
                          .high = ring ? (double)NAN : c->stats.high[m],
                          .colour = gk__ink_hex(ring ? GK__ORANGE : GK__BLUE),
                          .says = gk__report_says(r, c, m)};
}

/* A ring for each template alone, under the dot of all. */
static gk__row row_of(gk__report *r, const gk_cell *c) {
    gk__row_mark *mark = gk_arena_alloc(r->a, (r->n_templates + 1) * sizeof *mark);
    gk__row row = {.name = c->scheme, .schemes = c->scheme, .mark = mark};
    for (size_t t = 1; t <= r->n_templates; t++) {
        const gk_cell *one = gk__report_cell(r, c->scheme, gk_arena_printf(r->a, "%zu", t));
        if (is_drawn(one)) mark[row.n++] = mark_of(r, one, true);
    }
    mark[row.n] = mark_of(r, c, false);
    row.told[0] = gk__text_number(r->a, mark[row.n++].says.value);
    return row;
}

/* Of everything drawn, with 0. */
static gk__axis axis_of(gk__report *r, const gk__row *row, size_t n) {
    double low = 0, high = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < row[i].n; k++) {
            const gk__row_mark *m = &row[i].mark[k];
            low = fmin(low, isnan(m->low) ? m->x : fmin(m->x, m->low));
            high = fmax(high, isnan(m->high) ? m->x : fmax(m->x, m->high));
        }
    double pad = high > low ? 0.03 * (high - low) : 1;
    gk__axis x = gk__axis_round(r->a, low - pad, high + pad, TICKS, "");
    x.title = "logit difference (nats)";
    return x;
}

void gk__report_spread(gk__report *r, const gk__set *set) {
    static const gk__key key[] = {{.shape = GK__KEY_DOT, .text = "all templates pooled, 95% interval"},
                                  {.shape = GK__KEY_RING, .text = "each template alone"}};
    gk__key keys[] = {key[0], key[1]};
    keys[0].colour = gk__ink_hex(GK__BLUE);
    keys[1].colour = gk__ink_hex(GK__ORANGE);
    gk__row *row = gk_arena_alloc(r->a, (set->n + 1) * sizeof *row);
    gk__rule zero = {.colour = gk__ink_hex(GK__GREY), .solid = true};
    gk__rows k = {.width = WIDTH, .row = row, .rule = &zero, .n_rules = 1, .key = keys, .n_keys = 2};
    for (size_t i = 0; i < set->n; i++) {
        const gk_cell *c = gk__report_cell(r, set->scheme[i], "pooled");
        if (is_drawn(c)) row[k.n++] = row_of(r, c);
    }
    if (k.n == 0) return;
    k.x = axis_of(r, row, k.n);
    gk__chart chart = {0};
    gk__rows_draw(r->a, &k, &chart);
    const char *const name[] = {set->name, "logit difference", NULL};
    gk_buf caption = {0};
    gk__page_prose(&caption, "caption: logit difference", NULL);
    gk__report_figure(r, &chart, name, gk_arena_printf(r->a, "Logit difference, set %s", set->name),
                      caption.data);
    gk_buf_free(&caption);
}
