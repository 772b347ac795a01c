/* grids.c: sets whose schemes have an axis `graft`, over several runs: lines or, by `regime`, bars of the
 * runs' mean, with a ring for each run. A figure a family. */
#include "report/compare/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 560, TALL = 250, RIGHT = 16, MARGIN = 8 };
/* As in the report: of a model that has learned less of its facts nothing is said about where they are. */
static const double LEARNED = 50;
static const char *const DASH[] = {NULL, "7 4", "2 3"};

typedef struct value { /* top-5 of a scheme in one run, in percent */
    const char *graft, *x, *scheme;
    size_t run;
    double y;
    size_t rows; /* facts */
    bool alone;  /* a donor alone, of which the others graft parts */
} value;

typedef struct grid { /* of one family, with one value of the axes that are not drawn */
    const gk_compare__grids *in;
    const char *family, *where, *x_name;
    value *v;
    size_t n;
    const char **x, **graft; /* in the order of their first scheme */
    size_t n_x, n_grafts;
    bool numeric;
} grid;

/* ---------------------------------------------------------------- from cells to values */

static bool is_number(const char *text) {
    char *end;
    strtod(text, &end);
    return end != text && !*end;
}

static const gk_axis *named(const gk_cell *c, const char *name) {
    for (size_t i = 0; i < c->n_axes; i++)
        if (strcmp(c->axis[i].name, name) == 0) return &c->axis[i];
    return NULL;
}

/* Regimes go across, else the first axis of numbers; NULL: the cell stands in no such grid. */
static const gk_axis *across(const gk_cell *c) {
    const gk_axis *x = named(c, "regime");
    if (!named(c, "graft")) return NULL;
    for (size_t i = 0; i < c->n_axes && !x; i++)
        if (is_number(c->axis[i].value)) x = &c->axis[i];
    return x;
}

/* What the figure is of: the axes that are not in it. */
static const char *where_of(gk_arena *a, const gk_cell *c) {
    const char *text = "";
    for (size_t i = 0; i < c->n_axes; i++)
        if (&c->axis[i] != across(c) && strcmp(c->axis[i].name, "graft") != 0)
            text =
                gk_arena_printf(a, "%s%s%s %s", text, *text ? ", " : "", c->axis[i].name, c->axis[i].value);
    return text;
}

static const char *family_of(const json_t *manifest) {
    return gk_manifest__text(manifest, "family");
}

static void add_word(const char **list, size_t *n, const char *word) {
    for (size_t i = 0; i < *n; i++)
        if (strcmp(list[i], word) == 0) return;
    list[(*n)++] = word;
}

/* Calls `each` with every cell of the set that stands in such a grid. */
static void for_cells(const gk_compare__grids *in, void (*each)(void *, size_t, const gk_cell *), void *to) {
    for (size_t r = 0; r < in->runs; r++)
        for (size_t i = 0; i < in->cells[r].n; i++) {
            const gk_cell *c = &in->cells[r].item[i];
            if (strcmp(c->set, in->set) == 0 && strcmp(c->template_name, "pooled") == 0 && c->stats.n &&
                across(c))
                each(to, r, c);
        }
}

static void take(void *to, size_t run, const gk_cell *c) {
    grid *g = to;
    const gk_compare__grids *in = g->in;
    if (strcmp(family_of(in->manifest[run]), g->family) != 0 || strcmp(where_of(in->a, c), g->where) != 0)
        return;
    const char *does =
        gk_manifest__text(gk_manifest__item(in->manifest[run], "schemes", c->scheme), "canonical");
    g->v[g->n++] = (value){.graft = named(c, "graft")->value,
                           .x = across(c)->value,
                           .scheme = c->scheme,
                           .run = run,
                           .y = 100 * c->stats.value[GK_METRIC_top5],
                           .rows = c->stats.rows,
                           .alone = gk_is_donor_alone(in->a, does)};
    g->x_name = across(c)->name;
    g->numeric &= is_number(across(c)->value);
    add_word(g->x, &g->n_x, across(c)->value);
    add_word(g->graft, &g->n_grafts, named(c, "graft")->value);
}

static bool has_learned(const grid *g, const value *of) {
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].alone && g->v[i].run == of->run && strcmp(g->v[i].x, of->x) == 0 && g->v[i].y < LEARNED)
            return of->alone;
    return true;
}

static bool is_at(const value *v, const char *graft, const char *x) {
    return strcmp(v->graft, graft) == 0 && strcmp(v->x, x) == 0;
}

/* Over the runs whose model has learned its facts; NaN without any. */
static double mean_of(const grid *g, const char *graft, const char *x, size_t *n, const char **scheme) {
    double sum = 0;
    *n = 0;
    for (size_t i = 0; i < g->n; i++) {
        if (!is_at(&g->v[i], graft, x)) continue;
        *scheme = g->v[i].scheme;
        if (!has_learned(g, &g->v[i])) continue;
        sum += g->v[i].y;
        ++*n;
    }
    return *n ? sum / (double)*n : (double)NAN;
}

static gk_chart__says says_of(const grid *g, const char *x, const char *scheme, const char *series,
                              double y) {
    return (gk_chart__says){.scheme = scheme,
                            .series = series,
                            .template_name = "pooled",
                            .place = "all templates pooled",
                            .x_name = g->x_name,
                            .x = x,
                            .metric = gk_metric_key(GK_METRIC_top5),
                            .what = "top-5 accuracy",
                            .value = gk_arena_printf(g->in->a, "%.1f", y),
                            .unit = "%"};
}

/* Of this figure: another family's runs are none of it. */
static size_t runs_of(const grid *g) {
    size_t n = 0;
    for (size_t r = 0; r < g->in->runs; r++) {
        bool any = false;
        for (size_t i = 0; i < g->n && !any; i++) any = g->v[i].run == r;
        n += any;
    }
    return n;
}

/* ---------------------------------------------------------------- lines */

static double place_of(const grid *g, size_t i) {
    return g->numeric ? strtod(g->x[i], NULL) : (double)i;
}

static const gk_chart__says *kept(gk_arena *a, gk_chart__says says) {
    gk_chart__says *copy = gk_arena_alloc(a, sizeof *copy);
    *copy = says;
    return copy;
}

static void add_line(const grid *g, size_t k, gk_chart__series *line, gk_chart__series *rings) {
    gk_arena *a = g->in->a;
    gk_chart__point *p = gk_arena_alloc(a, (g->n_x + 1) * sizeof *p),
                    *q = gk_arena_alloc(a, (g->n + 1) * sizeof *q);
    const char *colour = gk_chart__series_hex(k);
    *line = (gk_chart__series){
        .line = true, .dots = true, .colour = colour, .dash = DASH[k % 3], .width = 1.8, .point = p};
    *rings = (gk_chart__series){.rings = true, .colour = colour, .point = q};
    for (size_t i = 0; i < g->n_x; i++) {
        double at = place_of(g, i);
        size_t n;
        const char *scheme = NULL;
        double mean = mean_of(g, g->graft[k], g->x[i], &n, &scheme);
        if (!scheme) continue;
        p[line->n++] = (gk_chart__point){.x = isnan(mean) ? mean : at,
                                         .y = mean,
                                         .low = (double)NAN,
                                         .high = (double)NAN,
                                         .schemes = scheme};
        if (n) p[line->n - 1].says = kept(a, says_of(g, g->x[i], scheme, "mean of the runs", mean));
        for (size_t j = 0; j < g->n; j++)
            if (is_at(&g->v[j], g->graft[k], g->x[i]) && (runs_of(g) > 1 || n == 0))
                q[rings->n++] = (gk_chart__point){
                    .x = at,
                    .y = g->v[j].y,
                    .low = (double)NAN,
                    .high = (double)NAN,
                    .schemes = scheme,
                    .says = kept(a, says_of(g, g->x[i], scheme, g->in->label[g->v[j].run], g->v[j].y))};
    }
}

static gk_chart__axis axis_of(const grid *g) {
    gk_chart__tick *tick = gk_arena_alloc(g->in->a, (g->n_x + 1) * sizeof *tick);
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < g->n_x; i++) {
        tick[i] = (gk_chart__tick){place_of(g, i), gk_chart__text_number(g->in->a, g->x[i])};
        low = fmin(low, tick[i].at);
        high = fmax(high, tick[i].at);
    }
    double pad = 0.06 * (high > low ? high - low : 1);
    return (gk_chart__axis){.low = low - pad,
                            .high = high + pad,
                            .title = g->x_name,
                            .tick = tick,
                            .n = g->n_x,
                            .names = !g->numeric};
}

static void draw_lines(const grid *g, const gk_chart__key *key, size_t n_keys, gk_chart__canvas *chart) {
    gk_chart__series *s = gk_arena_alloc(g->in->a, (2 * g->n_grafts + 1) * sizeof *s);
    for (size_t k = 0; k < g->n_grafts; k++) add_line(g, k, &s[k], &s[g->n_grafts + k]);
    gk_chart__panel p = {.x = axis_of(g), .y = gk_chart__axis_percent(), .series = s, .n = 2 * g->n_grafts};
    p.y.low = -2;
    p.y.high = 102;
    p.y.title = "top-5 accuracy";
    chart->width = WIDTH;
    double top = MARGIN + 4 + gk_chart__legend(chart, key, n_keys, MARGIN, MARGIN / 2.0, WIDTH - 2 * MARGIN);
    double left = MARGIN + gk_chart__axis_breadth(&p.y, GK_CHART__SMALL_SIZE);
    gk_chart__box plot = {left, top, WIDTH - RIGHT - left, TALL};
    chart->height = top + TALL + gk_chart__axis_depth(&p.x, plot.width, GK_CHART__SMALL_SIZE) + MARGIN;
    gk_chart__panel_draw(g->in->a, chart, &p, plot);
}

/* ---------------------------------------------------------------- bars */

static gk_chart__row row_of(const grid *g, const char *graft) {
    gk_arena *a = g->in->a;
    gk_chart__row_mark *mark = gk_arena_alloc(a, (g->n_x + 1) * sizeof *mark);
    gk_chart__row row = {.name = graft, .mark = mark};
    for (size_t i = 0; i < g->n_x; i++) {
        size_t n;
        const char *scheme = NULL;
        double mean = mean_of(g, graft, g->x[i], &n, &scheme), low = INFINITY, high = -INFINITY;
        if (n == 0) continue;
        for (size_t j = 0; j < g->n; j++)
            if (is_at(&g->v[j], graft, g->x[i]) && has_learned(g, &g->v[j])) {
                low = fmin(low, g->v[j].y);
                high = fmax(high, g->v[j].y);
            }
        gk_chart__row_mark *m = &mark[row.n++];
        *m = (gk_chart__row_mark){.shape = GK_CHART__BAR,
                                  .x = mean,
                                  .low = n > 1 ? low : (double)NAN,
                                  .high = high,
                                  .colour = gk_chart__series_hex(i),
                                  .says = says_of(g, g->x[i], scheme, "mean of the runs", mean)};
        m->told = gk_arena_printf(a, "%.1f%%", mean);
        row.schemes = row.schemes ? gk_arena_printf(a, "%s\n%s", row.schemes, scheme) : scheme;
    }
    return row;
}

static void draw_bars(const grid *g, const gk_chart__key *key, size_t n_keys, gk_chart__canvas *chart) {
    gk_chart__row *row = gk_arena_alloc(g->in->a, (g->n_grafts + 1) * sizeof *row);
    gk_chart__rows k = {
        .width = WIDTH, .row = row, .x = gk_chart__axis_percent(), .key = key, .n_keys = n_keys};
    k.x.title = "top-5 accuracy";
    for (size_t i = 0; i < g->n_grafts; i++) {
        row[k.n] = row_of(g, g->graft[i]);
        k.n += row[k.n].n > 0;
    }
    gk_chart__rows_draw(g->in->a, &k, chart);
}

/* ---------------------------------------------------------------- figures */

static size_t most_rows(const grid *g) {
    size_t most = 0;
    for (size_t i = 0; i < g->n; i++) most = g->v[i].rows > most ? g->v[i].rows : most;
    return most;
}

static void add_figure(const grid *g) {
    const gk_compare__grids *in = g->in;
    const bool bars = strcmp(g->x_name, "regime") == 0;
    const size_t n = bars ? g->n_x : g->n_grafts;
    gk_chart__key *key = gk_arena_alloc(in->a, (n + 1) * sizeof *key);
    gk_chart__canvas chart = {0};
    for (size_t i = 0; i < n; i++) {
        key[i] = (gk_chart__key){.shape = bars ? GK_CHART__KEY_BOX : GK_CHART__KEY_LINE,
                                 .colour = gk_chart__series_hex(i),
                                 .dash = bars ? NULL : DASH[i % 3],
                                 .text = bars ? g->x[i] : g->graft[i]};
    }
    key[n] = (gk_chart__key){.shape = bars ? GK_CHART__KEY_INTERVAL : GK_CHART__KEY_RING,
                             .colour = gk_chart__ink_hex(bars ? GK_CHART__TEXT : GK_CHART__SOFT),
                             .text = bars ? "least and most of the runs" : "each run alone"};
    const size_t runs = runs_of(g);
    (bars ? draw_bars : draw_lines)(g, key, n + (runs > 1), &chart);
    const char *of =
        gk_arena_printf(in->a, "%s%s%s", g->family, *g->family && *g->where ? ", " : "", g->where);
    const char *name[] = {in->experiment, in->set, "top5", *of ? of : NULL, NULL};
    const char *title =
        gk_arena_printf(in->a, "Top-5 accuracy by %s, set %s%s%s", g->x_name, in->set, *of ? ": " : "", of);
    gk_buf caption = {0};
    gk_buf_puts(&caption, "<strong>");
    gk_page__html_text(&caption, *of ? of : "Top-5 accuracy");
    gk_buf_puts(&caption,
                "</strong>: top-5 accuracy, all templates pooled, mean of the runs; models that have "
                "not learned half of their facts are left out of it.");
    gk_buf_printf(&caption, " n = %zu run%s of up to %zu facts.", runs, runs == 1 ? "" : "s", most_rows(g));
    gk_chart__figures_add(in->figures, in->html, &chart, name, title, caption.data);
    gk_buf_free(&caption);
}

typedef struct places { /* of what there are figures: families, and the values of the axes that are not drawn
                         */
    const gk_compare__grids *in;
    const char **family, **where;
    size_t n_families, n_wheres, n;
} places;

static void count_cell(void *to, size_t run, const gk_cell *c) {
    (void)run;
    (void)c;
    ((places *)to)->n++;
}

static void note_place(void *to, size_t run, const gk_cell *c) {
    places *p = to;
    add_word(p->family, &p->n_families, family_of(p->in->manifest[run]));
    add_word(p->where, &p->n_wheres, where_of(p->in->a, c));
}

bool gk_compare__draw_grids(const gk_compare__grids *in) {
    places p = {.in = in};
    for_cells(in, count_cell, &p);
    p.family = gk_arena_alloc(in->a, (p.n + 1) * sizeof *p.family);
    p.where = gk_arena_alloc(in->a, (p.n + 1) * sizeof *p.where);
    for_cells(in, note_place, &p);
    for (size_t f = 0; f < p.n_families; f++)
        for (size_t w = 0; w < p.n_wheres; w++) {
            grid g = {.in = in, .family = p.family[f], .where = p.where[w], .numeric = true};
            g.v = gk_arena_alloc(in->a, p.n * sizeof *g.v);
            g.x = gk_arena_alloc(in->a, p.n * sizeof *g.x);
            g.graft = gk_arena_alloc(in->a, p.n * sizeof *g.graft);
            for_cells(in, take, &g);
            if (g.n) add_figure(&g);
        }
    return p.n > 0;
}
