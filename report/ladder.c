/* ladder.c: a search's ladder as a picture: a line a step, downwards; recovery to the right, on the rows held
 * out with its interval and on the rows that were searched. */
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/search.h"
#include "graftkit/report.h"
#include "report/chart/chart.h"

#include <math.h>

enum { WIDTH = 820, MOST_LABEL = 46, TICKS = 8 };

/* The one behind what was found is its complement. */
static const char *label_of(gk_arena *a, const gk_search_result *r, const gk_search_rung *rung) {
    if (!rung->changed) return rung == &r->rung[r->found] + 1 ? "all but the found cells" : rung->name;
    return gk_arena_printf(a, "%s %s", rung->dropped ? "\u2212" : "+", rung->changed);
}

/* A mark of a share of the way; `of`: the rows that it is over. */
static gk_chart__row_mark mark_of(gk_arena *a, const gk_search_rung *rung, const gk_recovered *x,
                                  const char *of, size_t rows) {
    gk_chart__row_mark m = {.x = 100 * x->value, .low = 100 * x->low, .high = 100 * x->high};
    m.says = (gk_chart__says){.scheme = rung->name,
                              .series = of,
                              .metric = "recovery",
                              .what = "recovery",
                              .value = gk_arena_printf(a, "%.1f", m.x),
                              .unit = "%",
                              .n = rows};
    if (isnan(x->low) || isnan(x->high)) return m;
    m.says.low = gk_arena_printf(a, "%.1f", m.low);
    m.says.high = gk_arena_printf(a, "%.1f", m.high);
    return m;
}

static gk_chart__row row_of(gk_arena *a, const gk_search_result *r, const gk_search_rung *rung) {
    gk_chart__row_mark *mark = gk_arena_alloc(a, 2 * sizeof *mark);
    const char *label = gk_chart__text_clip(a, label_of(a, r, rung), MOST_LABEL);
    gk_chart__row row = {.name = label, .schemes = rung->name, .mark = mark};
    const gk_recovered *held = &rung->held_out.recovery,
                       seen = {.value = rung->search.recovery.value, .low = (double)NAN, .high = (double)NAN};
    if (isfinite(seen.value)) {
        mark[row.n] = mark_of(a, rung, &seen, "rows searched", r->rows[0]);
        mark[row.n].shape = GK_CHART__RING;
        mark[row.n++].colour = gk_chart__ink_hex(GK_CHART__SOFT);
    }
    if (isfinite(held->value)) {
        mark[row.n] = mark_of(a, rung, held, "rows held out", r->rows[1]);
        mark[row.n].shape = GK_CHART__DOT;
        mark[row.n++].colour = gk_chart__ink_hex(GK_CHART__BLUE);
    }
    row.told[0] = gk_arena_printf(a, "%zu", rung->size);
    row.told[1] = gk_arena_printf(a, "%.*f%%", rung->share < 0.0995, 100 * rung->share);
    return row;
}

/* Of everything drawn, and 0 to 100. */
static gk_chart__axis axis_of(gk_arena *a, const gk_chart__row *row, size_t n, int top) {
    double low = 0, high = 100;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < row[i].n; k++) {
            const gk_chart__row_mark *m = &row[i].mark[k];
            low = fmin(low, fmin(m->x, m->low)); /* which NaN is no part of */
            high = fmax(high, fmax(m->x, m->high));
        }
    gk_chart__axis x = gk_chart__axis_round(a, low - 2, high + 2, TICKS, "%");
    x.title = gk_arena_printf(a, "share of the way from PRE to SFT-rh in top-%d accuracy", top);
    return x;
}

static void draw(gk_arena *a, const gk_search_result *r, int top, double goal, gk_chart__canvas *out) {
    gk_chart__row *row = gk_arena_alloc(a, (r->n_rungs + 1) * sizeof *row);
    const gk_chart__rule rule = {.x = 100 * goal, .name = "goal", .colour = gk_chart__ink_hex(GK_CHART__RED)};
    const gk_chart__key key[] = {
        {.shape = GK_CHART__KEY_RING,
         .colour = gk_chart__ink_hex(GK_CHART__SOFT),
         .text = gk_arena_printf(a, "%zu rows searched", r->rows[0])},
        {.shape = GK_CHART__KEY_DOT,
         .colour = gk_chart__ink_hex(GK_CHART__BLUE),
         .text = gk_arena_printf(a, "%zu rows held out, 95%% interval", r->rows[1])}};
    gk_chart__rows k = {.width = WIDTH,
                        .one_line = true,
                        .row = row,
                        .rule = &rule,
                        .n_rules = 1,
                        .key = key,
                        .n_keys = 2,
                        .head = {"cells", "weights"}};
    for (size_t i = 0; i < r->n_rungs; i++)
        if (i != r->found) row[k.n++] = row_of(a, r, &r->rung[i]); /* the last step is that already */
    k.x = axis_of(a, row, k.n, top);
    gk_chart__rows_draw(a, &k, out);
}

bool gk_ladder_draw(const gk_search_result *r, int top, double goal, const char *path, gk_error *err) {
    gk_arena *a = gk_arena_new();
    gk_chart__canvas chart = {0};
    gk_buf svg = {0};
    draw(a, r, top, goal, &chart);
    gk_chart__svg(&chart,
                  gk_arena_printf(
                      a, "Recovery of top-%d accuracy by each step of the search, with 95%% intervals", top),
                  &svg);
    bool ok = gk_write_file(path, svg.data, svg.len, err);
    gk_buf_free(&svg);
    gk_chart__free(&chart);
    gk_arena_free(a);
    return ok;
}
