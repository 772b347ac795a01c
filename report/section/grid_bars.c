/* grid_bars.c: the schemes of a grid with an axis `regime`: a row each, a bar for every regime. */
#include "report/section/grid.h"

#include <math.h>

enum { WIDTH = 560 };

/* Each regime has its own, on its bar; of several seeds the highest stands for all. */
static size_t add_floors(const gk_report__state *r, const gk_grid__spot *spot, gk_chart__row_mark *mark) {
    const char *place = gk_report__template(r, "pooled");
    size_t n = 0;
    if (spot->placebo) n += gk_report__floor(r->a, place, spot->placebo, true, GK_METRIC_top5, mark + n);
    if (spot->permuted) n += gk_report__floor(r->a, place, spot->permuted, false, GK_METRIC_top5, mark + n);
    for (size_t i = 0; i < n; i++) mark[i].on_bar = true;
    return n;
}

static gk_chart__row row_of(gk_report__state *r, const gk_grid__set *g, size_t i) {
    const gk_grid__spot *spot = &g->spot[i * g->n_x];
    gk_chart__row_mark *mark = gk_arena_alloc(r->a, (3 * g->n_x + 1) * sizeof *mark);
    gk_chart__row row = {.name = g->row[i], .schemes = gk_grid__schemes(r, spot, g->n_x), .mark = mark};
    for (size_t x = 0; x < g->n_x; x++) {
        const gk_stats *s = &spot[x].stats;
        if (spot[x].n == 0 || s->n == 0) continue;
        gk_chart__row_mark *m = &mark[row.n++];
        *m = (gk_chart__row_mark){.shape = GK_CHART__BAR,
                                  .x = 100 * s->value[GK_METRIC_top5],
                                  .low = 100 * s->low[GK_METRIC_top5],
                                  .high = 100 * s->high[GK_METRIC_top5],
                                  .colour = gk_chart__series_hex(x),
                                  .says = gk_report__says_of(r->a, s, GK_METRIC_top5)};
        m->says.scheme = gk_grid__schemes(r, &spot[x], 1);
        m->says.series = g->x[x];
        m->says.template_name = "pooled";
        m->says.place = gk_report__template(r, "pooled");
        m->told = gk_arena_printf(r->a, "%s%%", m->says.value);
        row.n += add_floors(r, &spot[x], mark + row.n);
    }
    return row;
}

void gk_grid__bars(gk_report__state *r, const gk_grid__set *g) {
    gk_chart__row *row = gk_arena_alloc(r->a, (g->n_rows + 1) * sizeof *row);
    gk_chart__key *key = gk_arena_alloc(r->a, (g->n_x + 3) * sizeof *key);
    gk_chart__rows k = {.width = WIDTH, .row = row, .x = gk_chart__axis_percent(), .key = key};
    k.x.title = "top-5 accuracy";
    for (size_t x = 0; x < g->n_x; x++)
        key[k.n_keys++] = (gk_chart__key){.shape = GK_CHART__KEY_BOX,
                                          .colour = gk_chart__series_hex(x),
                                          .text = gk_chart__text_clip(r->a, g->x[x], 40)};
    key[k.n_keys++] = (gk_chart__key){
        .shape = GK_CHART__KEY_INTERVAL, .colour = gk_chart__ink_hex(GK_CHART__TEXT), .text = "95% interval"};
    for (size_t i = 0; i < g->n_rows; i++) {
        row[k.n] = row_of(r, g, i);
        k.n += row[k.n].n > 0;
    }
    k.n_keys += gk_report__floor_keys(row, k.n, key + k.n_keys);
    gk_chart__canvas chart = {0};
    gk_chart__rows_draw(r->a, &k, &chart);
    gk_grid__figure(r, g, GK_METRIC_top5, &chart,
                    "A colour a regime; with 95% bootstrap intervals over rows.");
}
