/* grid_draw.c: a grid of schemes as a heatmap, or as lines with intervals. */
#include "report/section/grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LABEL = 34 };

/* ---------------------------------------------------------------- what both drawings share */

const char *gk_grid__schemes(const gk_report__state *r, const gk_grid__spot *s, size_t n) {
    gk_buf b = {0};
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < s[i].n; k++) gk_buf_printf(&b, "%s%s", b.len ? "\n" : "", s[i].scheme[k]);
    const char *text = gk_arena_strdup(r->a, b.len ? b.data : "");
    gk_buf_free(&b);
    return text;
}

bool gk_grid__is_alone(const gk_report__state *r, const gk_grid__spot *s) {
    return s->n && gk_is_donor_alone(r->a, gk_report__canonical(r, s->scheme[0]));
}

/* How much some spot has of a floor, at most: nothing that a grid shows below that is knowledge. */
static void add_highest(const gk_report__state *r, const gk_grid__set *g, gk_buf *b) {
    double most[2] = {-1, -1};
    for (size_t i = 0; i < g->n_rows * g->n_x; i++) {
        const gk_grid__spot *s = &g->spot[i];
        if (s->placebo) most[0] = fmax(most[0], s->placebo->placebo.value[GK_METRIC_top5]);
        if (s->permuted) most[1] = fmax(most[1], s->permuted->permuted.value[GK_METRIC_top5]);
    }
    const char *text[2] = {gk_report__percent(r, most[0]), gk_report__percent(r, most[1])};
    if (most[0] < 0 && most[1] < 0) return;
    gk_buf_puts(b, " The highest floor: ");
    if (most[0] >= 0) gk_buf_printf(b, "placebo donor %s", text[0]);
    if (most[1] >= 0) gk_buf_printf(b, "%spermuted targets %s", most[0] >= 0 ? ", " : "", text[1]);
    gk_buf_puts(b, ".");
}

/* Up to how many prompts and facts a spot has. */
static void add_counts(const gk_grid__set *g, gk_buf *b) {
    size_t n = 0, rows = 0;
    for (size_t i = 0; i < g->n_rows * g->n_x; i++) {
        if (g->spot[i].stats.n > n) n = g->spot[i].stats.n;
        if (g->spot[i].stats.rows > rows) rows = g->spot[i].stats.rows;
    }
    gk_buf_printf(b, " n = %zu prompt%s of %zu fact%s each.", n, n == 1 ? "" : "s", rows,
                  rows == 1 ? "" : "s");
}

/* "at the last token: ATTN by layer" */
static const char *caption_of(gk_report__state *r, const gk_grid__set *g, gk_metric m, const char *more) {
    gk_buf b = {0};
    gk_buf_printf(&b, "<strong>%s</strong> by ",
                  m == GK_METRIC_top5 ? "Top-5 accuracy" : "Mean log-probability of the target");
    gk_page__html_text(&b, g->x_name);
    if (*g->row_name) {
        gk_buf_puts(&b, " (across) and ");
        gk_page__html_text(&b, g->row_name);
    }
    if (*g->where) gk_buf_puts(&b, ", ");
    gk_page__html_text(&b, g->where);
    gk_buf_printf(&b, ", all templates pooled. %s", more);
    if (m == GK_METRIC_top5) add_highest(r, g, &b);
    add_counts(g, &b);
    const char *text = gk_arena_strdup(r->a, b.data);
    gk_buf_free(&b);
    return text;
}

void gk_grid__figure(gk_report__state *r, const gk_grid__set *g, gk_metric m, gk_chart__canvas *c,
                     const char *more) {
    const char *const name[] = {g->set,
                                gk_metric_key(m),
                                "by",
                                g->x_name,
                                *g->row_name ? g->row_name : NULL,
                                *g->row_name && *g->where ? g->where : NULL,
                                NULL};
    const char *title = gk_arena_printf(
        r->a, "%s by %s%s%s%s%s, set %s",
        m == GK_METRIC_top5 ? "Top-5 accuracy" : "Mean log-probability of the target", g->x_name,
        *g->row_name ? " and " : "", g->row_name, *g->where ? ", " : "", g->where, g->set);
    gk_report__figure(r, c, name, title, caption_of(r, g, m, more));
}

/* What the mark of a spot, or of one of its seeds, says. */
static gk_chart__says says_of(const gk_report__state *r, const gk_grid__set *g, size_t row, size_t x,
                              const char *schemes, const gk_stats *stats, gk_metric m) {
    gk_chart__says says = {.scheme = schemes};
    if (stats) says = gk_report__says_of(r->a, stats, m);
    says.scheme = schemes;
    says.template_name = "pooled";
    says.place = gk_report__template(r, "pooled");
    says.x_name = g->x_name;
    says.x = g->x[x];
    if (*g->row[row]) says.series = g->row[row];
    return says;
}

static bool is_known(const gk_grid__spot *s, gk_metric m) {
    return s->n && s->stats.n && isfinite(s->stats.value[m]);
}

/* ---------------------------------------------------------------- two axes: a heatmap */

static void range_of(const gk_grid__set *g, gk_metric m, double *low, double *high) {
    *low = m == GK_METRIC_top5 ? 0 : INFINITY;
    *high = m == GK_METRIC_top5 ? 1 : -INFINITY;
    for (size_t i = 0; m != GK_METRIC_top5 && i < g->n_rows * g->n_x; i++) {
        if (!is_known(&g->spot[i], m)) continue;
        *low = fmin(*low, g->spot[i].stats.value[m]);
        *high = fmax(*high, g->spot[i].stats.value[m]);
    }
    if (!isfinite(*low)) *low = *high = 0; /* nothing is known */
}

static gk_chart__cell cell_of(gk_report__state *r, const gk_grid__set *g, size_t i, gk_metric m, double low,
                              double high) {
    const gk_grid__spot *s = &g->spot[i];
    gk_chart__cell cell = {.shade = (double)NAN, .text = "\u2013"};
    if (s->n) cell.schemes = gk_grid__schemes(r, s, 1);
    cell.says = says_of(r, g, i / g->n_x, i % g->n_x, cell.schemes, s->n ? &s->stats : NULL, m);
    if (!is_known(s, m)) return cell;
    double x = s->stats.value[m];
    cell.shade = high > low ? (x - low) / (high - low) : 0.5;
    cell.text = gk_chart__text_number(r->a, m == GK_METRIC_top5 ? gk_arena_printf(r->a, "%.0f", 100 * x)
                                                                : gk_arena_printf(r->a, "%.1f", x));
    return cell;
}

/* Round values and where they stand on the scale. */
static size_t shade_ticks(gk_report__state *r, gk_metric m, double low, double high,
                          const gk_chart__tick **out) {
    double scale = m == GK_METRIC_top5 ? 100 : 1;
    gk_chart__axis x = m == GK_METRIC_top5 ? gk_chart__axis_percent()
                                           : gk_chart__axis_round(r->a, scale * low, scale * high, 5, "");
    gk_chart__tick *tick = gk_arena_alloc(r->a, (x.n + 1) * sizeof *tick);
    for (size_t i = 0; i < x.n; i++)
        tick[i] = (gk_chart__tick){gk_chart__axis_place(&x, x.tick[i].at, 0, 1), x.tick[i].text};
    *out = tick;
    return x.n;
}

void gk_grid__heatmap(gk_report__state *r, const gk_grid__set *g, gk_metric m) {
    double low, high;
    range_of(g, m, &low, &high);
    size_t n = g->n_rows * g->n_x;
    gk_chart__cell *cell = gk_arena_alloc(r->a, (n + 1) * sizeof *cell);
    for (size_t i = 0; i < n; i++) cell[i] = cell_of(r, g, i, m, low, high);
    gk_chart__heat h = {.cell = cell,
                        .n_x = g->n_x,
                        .n_y = g->n_rows,
                        .x = g->x,
                        .y = g->row,
                        .x_title = gk_chart__text_clip(r->a, g->x_name, MOST_LABEL),
                        .y_title = gk_chart__text_clip(r->a, g->row_name, MOST_LABEL),
                        .shades =
                            m == GK_METRIC_top5 ? "top-5 accuracy" : "mean log-probability of the target"};
    h.n_ticks = shade_ticks(r, m, low, high, &h.tick);
    gk_chart__canvas chart = {0};
    gk_chart__heat_draw(r->a, &h, &chart);
    char from[32], to[32];
    gk_grid__figure(r, g, m, &chart,
                    gk_arena_printf(r->a, "Light: %s, dark: %s%s.", gk_metric_text(m, low, from),
                                    gk_metric_text(m, high, to), m == GK_METRIC_top5 ? " %" : ""));
}

/* ---------------------------------------------------------------- one axis: lines with intervals */

enum { WIDTH = 560, RIGHT = 16, TALL = 240, MARGIN = 8 };

static double x_at(const gk_grid__set *g, size_t i) {
    return g->numeric ? strtod(g->x[i], NULL) : (double)i;
}

static gk_chart__axis axis_across(gk_report__state *r, const gk_grid__set *g) {
    double low = INFINITY, high = -INFINITY;
    gk_chart__tick *tick = gk_arena_alloc(r->a, (g->n_x + 1) * sizeof *tick);
    for (size_t i = 0; i < g->n_x; i++) {
        tick[i] = (gk_chart__tick){x_at(g, i), gk_chart__text_clip(r->a, g->x[i], MOST_LABEL)};
        low = fmin(low, tick[i].at);
        high = fmax(high, tick[i].at);
    }
    double pad = 0.06 * (high > low ? high - low : 1);
    return (gk_chart__axis){.low = low - pad,
                            .high = high + pad,
                            .title = gk_chart__text_clip(r->a, g->x_name, MOST_LABEL),
                            .tick = tick,
                            .n = g->n_x,
                            .names = !g->numeric};
}

/* Of everything drawn; a share has its whole range. */
static gk_chart__axis axis_up(gk_report__state *r, gk_metric m, const gk_chart__series *s, size_t n) {
    double low = INFINITY, high = -INFINITY;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < s[k].n; i++) {
            const gk_chart__point *p = &s[k].point[i];
            low = fmin(low, fmin(p->y, p->low)); /* which NaN is no part of */
            high = fmax(high, fmax(p->y, p->high));
        }
    double pad = high > low ? 0.05 * (high - low) : 1;
    gk_chart__axis y = m == GK_METRIC_top5 ? gk_chart__axis_percent()
                                           : gk_chart__axis_round(r->a, low - pad, high + pad, 6, "");
    if (m == GK_METRIC_top5) {
        y.low = -2;
        y.high = 102;
    }
    y.title = m == GK_METRIC_top5 ? "top-5 accuracy" : "mean log-probability";
    return y;
}

static const gk_chart__says *kept(const gk_report__state *r, gk_chart__says says) {
    gk_chart__says *copy = gk_arena_alloc(r->a, sizeof *copy);
    *copy = says;
    return copy;
}

/* Rows stand a little beside each other, so that their intervals do not hide each other. */
static double beside(const gk_grid__set *g, const gk_chart__axis *x, size_t row, size_t i) {
    return x_at(g, i) + 0.0107 * (x->high - x->low) * ((double)row - (double)(g->n_rows - 1) / 2);
}

/* A part of a model that has not learned its facts. */
static bool is_hollow(const gk_report__state *r, const gk_grid__set *g, size_t row, size_t x) {
    return g->unlearned[x] && !gk_grid__is_alone(r, &g->spot[row * g->n_x + x]);
}

static gk_chart__series line_of(gk_report__state *r, const gk_grid__set *g, const gk_chart__axis *x,
                                size_t row, gk_metric m) {
    static const char *const dash[] = {NULL, "7 4", "2 3"};
    double scale = m == GK_METRIC_top5 ? 100 : 1;
    gk_chart__point *p = gk_arena_alloc(r->a, (g->n_x + 1) * sizeof *p);
    const gk_grid__spot *of = &g->spot[row * g->n_x];
    gk_chart__series s = {.line = true,
                          .dots = true,
                          .colour = gk_chart__series_hex(row),
                          .dash = dash[row % 3],
                          .width = 1.8,
                          .point = p};
    s.schemes = gk_grid__schemes(r, of, g->n_x);
    for (size_t i = 0; i < g->n_x; i++) {
        if (!is_known(&of[i], m)) continue;
        const char *schemes = gk_grid__schemes(r, &of[i], 1);
        if (is_hollow(r, g, row, i)) {
            p[s.n++] = (gk_chart__point){.x = (double)NAN, .y = (double)NAN, .low = (double)NAN}; /* a gap */
            continue;
        }
        p[s.n++] = (gk_chart__point){.x = beside(g, x, row, i),
                                     .y = scale * of[i].stats.value[m],
                                     .low = scale * of[i].stats.low[m],
                                     .high = scale * of[i].stats.high[m],
                                     .schemes = schemes,
                                     .says = kept(r, says_of(r, g, row, i, schemes, &of[i].stats, m))};
    }
    return s;
}

/* Each seed alone, and what the line leaves out. */
static gk_chart__series rings_of(gk_report__state *r, const gk_grid__set *g, const gk_chart__axis *x,
                                 size_t row, gk_metric m) {
    double scale = m == GK_METRIC_top5 ? 100 : 1;
    gk_chart__point *p = gk_arena_alloc(r->a, (g->n_schemes + 1) * sizeof *p);
    gk_chart__series s = {.rings = true, .colour = gk_chart__series_hex(row), .point = p};
    for (size_t i = 0; i < g->n_x; i++) {
        const gk_grid__spot *of = &g->spot[row * g->n_x + i];
        for (size_t e = 0; (of->n > 1 || is_hollow(r, g, row, i)) && e < of->n; e++) {
            const gk_cell *c = gk_report__cell(r, of->scheme[e], "pooled");
            if (c->stats.n == 0) continue;
            p[s.n++] = (gk_chart__point){.x = beside(g, x, row, i),
                                         .y = scale * c->stats.value[m],
                                         .low = (double)NAN,
                                         .high = (double)NAN,
                                         .schemes = c->scheme,
                                         .says = kept(r, says_of(r, g, row, i, c->scheme, &c->stats, m))};
        }
    }
    return s;
}

/* At each place across the highest floor of all lines there, in grey. */
static gk_chart__series floor_of(gk_report__state *r, const gk_grid__set *g, bool placebo) {
    gk_chart__point *p = gk_arena_alloc(r->a, (g->n_x + 1) * sizeof *p);
    gk_chart__series s = {.line = true,
                          .rings = true,
                          .colour = gk_chart__ink_hex(placebo ? GK_CHART__RED : GK_CHART__DARK),
                          .dash = "1 3",
                          .width = 1.4,
                          .point = p};
    for (size_t i = 0; i < g->n_x; i++) {
        const gk_cell *most = NULL;
        for (size_t row = 0; row < g->n_rows; row++) {
            const gk_grid__spot *of = &g->spot[row * g->n_x + i];
            const gk_cell *c = placebo ? of->placebo : of->permuted;
            const gk_stats *x = c ? (placebo ? &c->placebo : &c->permuted) : NULL;
            const gk_stats *y = most ? (placebo ? &most->placebo : &most->permuted) : NULL;
            if (x && (!y || x->value[GK_METRIC_top5] > y->value[GK_METRIC_top5])) most = c;
        }
        if (!most) continue;
        const gk_stats *x = placebo ? &most->placebo : &most->permuted;
        p[s.n++] = (gk_chart__point){
            .x = x_at(g, i),
            .y = 100 * x->value[GK_METRIC_top5],
            .low = (double)NAN,
            .high = (double)NAN,
            .says = kept(r, gk_report__says_floor(r->a, gk_report__template(r, most->template_name), most,
                                                  placebo, GK_METRIC_top5))};
    }
    return s;
}

static size_t keys_of(gk_report__state *r, const gk_grid__set *g, const gk_chart__series *s,
                      gk_chart__key *key) {
    size_t n = 0;
    for (size_t k = 0; *g->row_name && k < g->n_rows; k++)
        key[n++] = (gk_chart__key){.shape = GK_CHART__KEY_LINE,
                                   .colour = s[k].colour,
                                   .dash = s[k].dash,
                                   .text = gk_chart__text_clip(r->a, g->row[k], MOST_LABEL)};
    key[n++] = (gk_chart__key){
        .shape = GK_CHART__KEY_INTERVAL, .colour = gk_chart__ink_hex(GK_CHART__SOFT), .text = "95% interval"};
    bool hollow = false;
    for (size_t i = 0; i < g->n_x; i++) hollow |= g->unlearned[i];
    if (hollow)
        key[n++] = (gk_chart__key){.shape = GK_CHART__KEY_RING,
                                   .colour = gk_chart__ink_hex(GK_CHART__SOFT),
                                   .text = "the model has not learned half of its facts"};
    if (g->seeds)
        key[n++] = (gk_chart__key){.shape = GK_CHART__KEY_RING,
                                   .colour = gk_chart__ink_hex(GK_CHART__SOFT),
                                   .text = "each seed alone"};
    for (int i = 0; i < 2; i++) {
        const gk_chart__series *floor = &s[2 * g->n_rows + (size_t)i];
        if (floor->n)
            key[n++] = (gk_chart__key){.shape = GK_CHART__KEY_LINE,
                                       .colour = floor->colour,
                                       .dash = floor->dash,
                                       .text = i ? "floor: permuted targets" : "floor: placebo donor"};
    }
    return n;
}

void gk_grid__lines(gk_report__state *r, const gk_grid__set *g, gk_metric m) {
    gk_chart__series *s = gk_arena_alloc(r->a, (2 * g->n_rows + 2) * sizeof *s);
    gk_chart__key *key = gk_arena_alloc(r->a, (g->n_rows + 5) * sizeof *key);
    gk_chart__panel p = {.x = axis_across(r, g), .series = s, .n = 2 * g->n_rows + 2};
    size_t points = 0;
    for (size_t k = 0; k < g->n_rows; k++) {
        s[k] = line_of(r, g, &p.x, k, m);
        s[g->n_rows + k] = rings_of(r, g, &p.x, k, m);
        points += s[k].n;
    }
    if (points == 0) return;
    s[2 * g->n_rows] = m == GK_METRIC_top5 ? floor_of(r, g, true) : (gk_chart__series){.n = 0};
    s[2 * g->n_rows + 1] = m == GK_METRIC_top5 ? floor_of(r, g, false) : (gk_chart__series){.n = 0};
    p.y = axis_up(r, m, s, p.n);
    gk_chart__canvas chart = {.width = WIDTH};
    double top =
        MARGIN +
        gk_chart__legend(&chart, key, keys_of(r, g, s, key), MARGIN, MARGIN / 2.0, WIDTH - 2 * MARGIN) + 4;
    double left = MARGIN + gk_chart__axis_breadth(&p.y, GK_CHART__SMALL_SIZE);
    gk_chart__box plot = {left, top, WIDTH - RIGHT - left, TALL};
    chart.height = top + TALL + gk_chart__axis_depth(&p.x, plot.width, GK_CHART__SMALL_SIZE) + MARGIN;
    gk_chart__panel_draw(r->a, &chart, &p, plot);
    gk_grid__figure(r, g, m, &chart,
                    g->seeds ? "Lines and bars: all seeds together, with 95% bootstrap intervals over "
                               "rows; rings: each seed alone."
                             : "Bars: 95% bootstrap intervals over rows.");
}
