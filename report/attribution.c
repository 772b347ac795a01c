/* attribution.c: an attribution as pictures: steps from no part to all of them, and a heatmap of pairs. */
#include "report/attribution.h"
#include "graftkit/core/file.h"
#include "graftkit/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 600, TICKS = 6, MOST_LABEL = 34 };

static const char *short_what(gk_metric m) {
    return m == GK_METRIC_top5         ? "top-5 accuracy"
           : m == GK_METRIC_logit_diff ? "logit difference"
                                       : "log-probability";
}

const char *gk_attribution__what(gk_metric m) {
    return m == GK_METRIC_top5         ? "top-5 accuracy (points)"
           : m == GK_METRIC_logit_diff ? "logit difference (nats)"
                                       : "log-probability (nats)";
}

const char *gk_attribution__text(gk_arena *a, gk_metric m, double x) {
    char text[GK_METRIC_TEXT];
    return gk_arena_strdup(a, gk_metric_text(m, x, text));
}

const char *gk_attribution__place(gk_arena *a, const gk_game *g) {
    return strcmp(g->template_name, "pooled") == 0 ? "All templates pooled"
                                                   : gk_arena_printf(a, "Template %s", g->template_name);
}

static double scale_of(gk_metric m) {
    return m == GK_METRIC_top5 ? 100 : 1;
}

static gk_chart__says says_of(gk_arena *a, const gk_game *g, const char *who, const char *metric, gk_mean x) {
    gk_chart__says s = {.series = who,
                        .template_name = g->template_name,
                        .place = gk_attribution__place(a, g),
                        .metric = metric,
                        .what = gk_arena_printf(a, "%s of %s", metric, short_what(g->metric)),
                        .value = gk_attribution__text(a, g->metric, x.value),
                        .unit = g->metric == GK_METRIC_top5 ? " points" : " nats",
                        .n = g->n};
    if (!isfinite(x.low) || !isfinite(x.high)) return s;
    s.low = gk_attribution__text(a, g->metric, x.low);
    s.high = gk_attribution__text(a, g->metric, x.high);
    return s;
}

/* ---------------------------------------------------------------- steps from none to all */

typedef struct ordered {
    double value;
    size_t part;
} ordered;

static int by_value(const void *a, const void *b) {
    const ordered *x = a, *y = b;
    if (x->value < y->value || x->value > y->value) return x->value > y->value ? -1 : 1;
    return (x->part > y->part) - (x->part < y->part);
}

static const char *interval_text(gk_arena *a, gk_metric m, gk_mean x) {
    const char *value = gk_attribution__text(a, m, x.value);
    if (!isfinite(x.low)) return gk_chart__text_number(a, value);
    return gk_arena_printf(a, "%s [%s, %s]", gk_chart__text_number(a, value),
                           gk_chart__text_number(a, gk_attribution__text(a, m, x.low)),
                           gk_chart__text_number(a, gk_attribution__text(a, m, x.high)));
}

/* A bar from `from` on, which moves there. */
static gk_chart__row step_of(gk_arena *a, const gk_game *g, const char *name, gk_mean x, double share,
                             double *from, gk_chart__ink ink) {
    const double scale = scale_of(g->metric), begin = *from;
    gk_chart__row_mark *m = gk_arena_alloc(a, sizeof *m);
    *from = begin + x.value;
    *m = (gk_chart__row_mark){.shape = GK_CHART__BAR,
                              .x = scale * *from,
                              .low = scale * (begin + x.low),
                              .high = scale * (begin + x.high),
                              .floats = true,
                              .from = scale * begin,
                              .colour = gk_chart__ink_hex(ink),
                              .says = says_of(a, g, name, "Shapley value", x)};
    gk_chart__row row = {.name = gk_chart__text_clip(a, name, MOST_LABEL), .mark = m, .n = 1};
    row.told[0] = interval_text(a, g->metric, x);
    if (isfinite(share)) row.told[1] = gk_arena_printf(a, "%.1f%%", 100 * share);
    return row;
}

/* Of everything drawn. */
static gk_chart__axis axis_of(gk_arena *a, const gk_chart__row *row, size_t n, gk_metric m) {
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        const gk_chart__row_mark *k = row[i].mark;
        low = fmin(low, fmin(fmin(k->x, k->from), k->low)); /* which NaN is no part of */
        high = fmax(high, fmax(fmax(k->x, k->from), k->high));
    }
    double pad = high > low ? 0.03 * (high - low) : 1;
    gk_chart__axis x = gk_chart__axis_round(a, low - pad, high + pad, TICKS, m == GK_METRIC_top5 ? "%" : "");
    x.title = m == GK_METRIC_top5 ? "top-5 accuracy" : gk_attribution__what(m);
    return x;
}

void gk_attribution__steps(gk_arena *a, const gk_attribution *x, const gk_game *g, gk_chart__canvas *out) {
    ordered *order = gk_arena_alloc(a, x->n_parts * sizeof *order);
    gk_chart__row *row = gk_arena_alloc(a, (x->n_parts + 1) * sizeof *row);
    for (size_t i = 0; i < x->n_parts; i++) order[i] = (ordered){g->value[i].value, i};
    qsort(order, x->n_parts, sizeof *order, by_value);
    double at = g->none.value, from = g->none.value;
    for (size_t i = 0; i < x->n_parts; i++) {
        size_t p = order[i].part;
        row[i] = step_of(a, g, x->part[p], g->value[p], g->share[p], &at,
                         g->value[p].value < 0 ? GK_CHART__RED : GK_CHART__BLUE);
    }
    row[x->n_parts] = step_of(a, g, "all \u2212 none", g->total, (double)NAN, &from, GK_CHART__GREY);
    const double scale = scale_of(g->metric);
    const gk_chart__rule rule[] = {
        {.x = scale * g->none.value, .name = "none", .colour = gk_chart__ink_hex(GK_CHART__SOFT)},
        {.x = scale * g->all.value, .name = "all", .colour = gk_chart__ink_hex(GK_CHART__SOFT)}};
    const gk_chart__key key = {
        .shape = GK_CHART__KEY_INTERVAL,
        .colour = gk_chart__ink_hex(GK_CHART__TEXT),
        .text = gk_arena_printf(a, "95%% interval of the part's own value, over %zu facts", g->facts)};
    gk_chart__rows k = {.width = WIDTH,
                        .one_line = true,
                        .row = row,
                        .n = x->n_parts + 1,
                        .x = axis_of(a, row, x->n_parts + 1, g->metric),
                        .rule = rule,
                        .n_rules = 2,
                        .key = &key,
                        .n_keys = 1,
                        .head = {"value", "share"}};
    gk_chart__rows_draw(a, &k, out);
}

/* ---------------------------------------------------------------- pairs */

static gk_chart__cell cell_of(gk_arena *a, const gk_attribution *x, const gk_game *g, size_t i, size_t k,
                              double most) {
    gk_chart__cell c = {.shade = (double)NAN, .sides = true};
    gk_mean m = g->pair[i * x->n_parts + k];
    if (i == k) return c;
    c.shade = most > 0 ? 0.5 + 0.5 * m.value / most : 0.5;
    c.text = gk_arena_printf(a, "%s%s", m.value > 0 ? "+" : "",
                             gk_chart__text_number(a, gk_attribution__text(a, g->metric, m.value)));
    c.says = says_of(a, g, gk_arena_printf(a, "%s \u00d7 %s", x->part[i], x->part[k]), "interaction", m);
    return c;
}

void gk_attribution__pairs(gk_arena *a, const gk_attribution *x, const gk_game *g, gk_chart__canvas *out) {
    const size_t n = x->n_parts;
    const double scale = scale_of(g->metric);
    gk_chart__cell *cell = gk_arena_alloc(a, n * n * sizeof *cell);
    const char **name = gk_arena_alloc(a, n * sizeof(*name));
    double most = 0;
    for (size_t i = 0; i < n * n; i++) most = fmax(most, fabs(g->pair[i].value));
    for (size_t i = 0; i < n; i++) {
        name[i] = gk_chart__text_clip(a, x->part[i], MOST_LABEL);
        for (size_t k = 0; k < n; k++) cell[i * n + k] = cell_of(a, x, g, i, k, most);
    }
    gk_chart__axis ends = gk_chart__axis_round(a, -scale * most, scale * most, 5, "");
    gk_chart__tick *tick = gk_arena_alloc(a, (ends.n + 1) * sizeof *tick);
    for (size_t i = 0; i < ends.n; i++)
        tick[i] = (gk_chart__tick){gk_chart__axis_place(&ends, ends.tick[i].at, 0, 1), ends.tick[i].text};
    gk_chart__heat h = {.cell = cell,
                        .n_x = n,
                        .n_y = n,
                        .x = name,
                        .y = name,
                        .shades = gk_arena_printf(a, "interaction, %s", gk_attribution__what(g->metric)),
                        .tick = tick,
                        .n_ticks = ends.n,
                        .sides = true};
    gk_chart__heat_draw(a, &h, out);
}

/* ---------------------------------------------------------------- files */

static bool save(gk_arena *a, const char *dir, const char *name, const char *title, gk_chart__canvas *chart,
                 gk_error *err) {
    gk_buf svg = {0};
    gk_chart__svg(chart, title, &svg);
    bool ok = gk_write_file(gk_path_join(a, dir, name), svg.data, svg.len, err);
    gk_buf_free(&svg);
    gk_chart__free(chart);
    return ok;
}

bool gk_attribution_draw(const gk_attribution *x, const char *dir, gk_error *err) {
    gk_arena *a = gk_arena_new();
    const gk_game *g = gk_attribution_game(x, GK_METRIC_logit_diff, "pooled");
    gk_chart__canvas steps = {0}, pairs = {0};
    gk_attribution__steps(a, x, g, &steps);
    bool ok = save(a, dir, "attribution.svg", "Shapley values of the parts of a graft, with 95% intervals",
                   &steps, err);
    if (ok && x->n_parts > 1) {
        gk_attribution__pairs(a, x, g, &pairs);
        ok = save(a, dir, "interactions.svg", "Interactions of the parts of a graft", &pairs, err);
    }
    gk_arena_free(a);
    return ok;
}
