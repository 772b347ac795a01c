/* grid.c: the schemes of a grid, drawn by their coordinates: two axes as heatmaps, one as a line with
 * intervals. */
#include "report/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Schemes that differ in nothing but their axis `seed` are one point: all their results together. */
static const char SEED[] = "seed";
enum { N_SHOWN = 2, MOST_LINES = 6, MOST_LABEL = 34 };
static const gk_metric SHOWN[N_SHOWN] = {GK_METRIC_top5, GK_METRIC_mean_logprob};

typedef struct spot {    /* an x value of a row */
    const char **scheme; /* one, or one a seed */
    size_t n;
    gk_stats stats;
} spot;
typedef struct grid {
    const char *x_name, *row_name;
    const char **x, **row; /* values, in the order of their first scheme */
    size_t n_x, n_rows, n_axes, n_schemes;
    spot *spot; /* [row][x]; n is 0 where there is no such scheme */
    bool numeric, seeds;
} grid;

/* ---------------------------------------------------------------- from schemes to a grid */

static const gk_cell *pooled(const gk__report *r, const char *scheme) {
    return gk__report_cell(r, scheme, "pooled");
}

static bool same_axes(const gk_cell *a, const gk_cell *b) {
    bool same = a->n_axes == b->n_axes;
    for (size_t i = 0; same && i < a->n_axes; i++) same = strcmp(a->axis[i].name, b->axis[i].name) == 0;
    return same;
}

static bool is_number(const char *text) {
    char *end;
    strtod(text, &end);
    return end != text && *end == 0;
}

static size_t index_of(const char **list, size_t *n, const char *value) {
    size_t i = 0;
    while (i < *n && strcmp(list[i], value) != 0) i++;
    if (i == *n) list[(*n)++] = value;
    return i;
}

/* The axis that goes across: of those with numbers for values (or beginning with one, as windows do) the one
 * with the most values, else simply the one with the most. */
static size_t choose_x(gk__report *r, const gk_cell *first, const char **scheme, size_t n) {
    size_t best = 0, most = 0;
    const char **values = gk_arena_alloc(r->a, (n + 1) * sizeof *values);
    for (size_t k = 0; k < first->n_axes; k++) {
        if (strcmp(first->axis[k].name, SEED) == 0) continue;
        size_t count = 0;
        bool digits = true;
        for (size_t i = 0; i < n; i++) {
            const char *v = pooled(r, scheme[i])->axis[k].value;
            index_of(values, &count, v);
            digits &= *v >= '0' && *v <= '9';
        }
        if (count + (digits ? n : 0) > most) {
            most = count + (digits ? n : 0);
            best = k;
        }
    }
    return best;
}

/* The values of the other axes, seeds left out. */
static const char *row_of(gk__report *r, const gk_cell *c, size_t x, bool names) {
    const char *text = "";
    for (size_t k = 0; k < c->n_axes; k++)
        if (k != x && strcmp(c->axis[k].name, SEED) != 0)
            text = gk_arena_printf(r->a, "%s%s%s", text, *text ? ", " : "",
                                   names ? c->axis[k].name : c->axis[k].value);
    return text;
}

static void pool(gk__report *r, spot *s) {
    if (s->n == 1) {
        s->stats = pooled(r, s->scheme[0])->stats;
        return;
    }
    const gk_tried **t = gk_arena_alloc(r->a, s->n * sizeof(*t));
    for (size_t i = 0; i < s->n; i++) t[i] = gk_outcomes_of(&r->outcomes, s->scheme[i]);
    gk_pool_stats(t, s->n, r->seed, &s->stats);
}

static void fill(gk__report *r, grid *g, const char **scheme, size_t n) {
    const gk_cell *first = pooled(r, scheme[0]);
    size_t x = choose_x(r, first, scheme, n);
    *g = (grid){.x_name = first->axis[x].name, .n_schemes = n, .numeric = true};
    g->row_name = row_of(r, first, x, true);
    for (size_t k = 0; k < first->n_axes; k++) {
        bool seed = strcmp(first->axis[k].name, SEED) == 0;
        g->seeds |= seed;
        g->n_axes += !seed;
    }
    g->x = gk_arena_alloc(r->a, (n + 1) * sizeof *g->x);
    g->row = gk_arena_alloc(r->a, (n + 1) * sizeof *g->row);
    size_t *at = gk_arena_alloc(r->a, (2 * n + 1) * sizeof *at);
    for (size_t i = 0; i < n; i++) {
        const gk_cell *c = pooled(r, scheme[i]);
        at[2 * i] = index_of(g->row, &g->n_rows, row_of(r, c, x, false));
        at[2 * i + 1] = index_of(g->x, &g->n_x, c->axis[x].value);
        g->numeric &= is_number(c->axis[x].value);
    }
    g->spot = gk_arena_alloc(r->a, g->n_rows * g->n_x * sizeof *g->spot);
    for (size_t i = 0; i < n; i++) {
        spot *s = &g->spot[at[2 * i] * g->n_x + at[2 * i + 1]];
        if (s->n == 0) s->scheme = gk_arena_alloc(r->a, (n + 1) * sizeof *s->scheme);
        s->scheme[s->n++] = scheme[i];
    }
    for (size_t i = 0; i < g->n_rows * g->n_x; i++)
        if (g->spot[i].n) pool(r, &g->spot[i]);
}

/* ---------------------------------------------------------------- what both drawings share */

static const char *metric_name(gk_metric m) {
    return m == GK_METRIC_top5 ? "top-5 accuracy (%)" : "mean log-probability of the target";
}

static double widest(gk__report *r, const char **text, size_t n) {
    double most = 9;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, gk__plot_width(gk__plot_label(r->a, text[i], MOST_LABEL)));
    return most;
}

/* Inside gnuplot's double quotes, cut where it is too long. */
static void add_quoted(gk__report *r, gk_buf *b, const char *text) {
    gk_buf_puts(b, "\"");
    gk__plain_text(b, gk__plot_label(r->a, text, MOST_LABEL));
    gk_buf_puts(b, "\"");
}

/* The values of an axis as its tics, at 0, 1 … or where `at` has them. */
static void add_tics(gk__report *r, gk_buf *b, const char **text, size_t n, const double *at) {
    for (size_t i = 0; i < n; i++) {
        gk_buf_puts(b, i ? ", " : "(");
        add_quoted(r, b, text[i]);
        gk_buf_printf(b, " %.9g", at ? at[i] : (double)i);
    }
    gk_buf_puts(b, ")\n");
}

/* What goes across, under the plot. */
static void add_x_name(gk__report *r, const grid *g, gk__plot *p) {
    gk_buf_puts(&p->script, "set label ");
    add_quoted(r, &p->script, g->x_name);
    gk_buf_printf(&p->script, " at graph 0.5, screen %.5f center tc rgb '#333333'\n", 12.0 / p->height);
}

/* The schemes of `n` spots, each `stride` behind the one before, a line each. */
static const char *schemes_of(gk__report *r, const spot *s, size_t n, size_t stride) {
    gk_buf b = {0};
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < s[i * stride].n; k++)
            gk_buf_printf(&b, "%s%s", b.len ? "\n" : "", s[i * stride].scheme[k]);
    const char *text = gk_arena_strdup(r->a, b.len ? b.data : "");
    gk_buf_free(&b);
    return text;
}

/* "at the last token: ATTN by layer" */
static const char *caption_of(gk__report *r, const grid *g, gk_metric m, const char *more) {
    gk_buf b = {0};
    gk_buf_printf(&b, "<strong>%s</strong> by ",
                  m == GK_METRIC_top5 ? "Top-5 accuracy" : "Mean log-probability of the target");
    gk__html_text(&b, g->x_name);
    if (*g->row_name) {
        gk_buf_puts(&b, " (across) and ");
        gk__html_text(&b, g->row_name);
    }
    gk_buf_printf(&b, ", all templates pooled. %s", more);
    const char *text = gk_arena_strdup(r->a, b.data);
    gk_buf_free(&b);
    return text;
}

/* ---------------------------------------------------------------- two axes: a heatmap */

/* ColorBrewer's Blues: one hue, from light to dark, which every reader can order. */
static unsigned shade(double t) {
    static const unsigned char stops[][3] = {{247, 251, 255}, {222, 235, 247}, {198, 219, 239},
                                             {158, 202, 225}, {107, 174, 214}, {66, 146, 198},
                                             {33, 113, 181},  {8, 81, 156},    {8, 48, 107}};
    double at = 8 * (t < 0 ? 0 : t > 1 ? 1 : t);
    int i = at < 7 ? (int)at : 7;
    unsigned rgb = 0;
    for (int k = 0; k < 3; k++)
        rgb = rgb << 8 | (unsigned)lround(stops[i][k] + (at - i) * (stops[i + 1][k] - stops[i][k]));
    return rgb;
}

static void range_of(const grid *g, gk_metric m, double *low, double *high) {
    *low = m == GK_METRIC_top5 ? 0 : INFINITY;
    *high = m == GK_METRIC_top5 ? 1 : -INFINITY;
    for (size_t i = 0; m != GK_METRIC_top5 && i < g->n_rows * g->n_x; i++) {
        double x = g->spot[i].stats.value[m];
        if (g->spot[i].n == 0 || g->spot[i].stats.n == 0 || !isfinite(x)) continue;
        *low = fmin(*low, x);
        *high = fmax(*high, x);
    }
}

/* Columns: x, y, colour of the box, text, colour of the text. */
static void add_boxes(const grid *g, gk__plot *p, gk_metric m, double low, double high) {
    for (size_t i = 0; i < g->n_rows * g->n_x; i++) {
        const gk_stats *s = &g->spot[i].stats;
        char text[32] = "\u2013";
        double x = s->value[m], t = high > low ? (x - low) / (high - low) : 0.5;
        bool known = g->spot[i].n && s->n && isfinite(x);
        if (known)
            snprintf(text, sizeof text, m == GK_METRIC_top5 ? "%.0f" : "%.1f",
                     m == GK_METRIC_top5 ? 100 * x : x);
        gk_buf_printf(&p->data[0], "%zu\t%zu\t%u\t%s\t%u\n", i % g->n_x, i / g->n_x,
                      known ? shade(t) : 0xf4f4f4U, text, known && t > 0.55 ? 0xffffffU : 0x111111U);
    }
}

static bool add_heatmap(gk__report *r, const grid *g, gk_metric m) {
    enum { BOX = 44, ROW = 27, TOP = 12 };
    double across = widest(r, g->x, g->n_x);
    bool turned = across > BOX - 4;
    int left = 24 + (int)widest(r, g->row, g->n_rows), foot = turned ? 34 + (int)across : 52;
    gk__plot p = {.width = left + BOX * (int)g->n_x + 16, .height = ROW * (int)g->n_rows + foot + TOP};
    double low, high;
    range_of(g, m, &low, &high);
    add_boxes(g, &p, m, low, high);
    for (size_t i = 0; i < g->n_rows * g->n_x; i++)
        if (g->spot[i].n)
            gk__plot_veil(&p, left + BOX * (double)(i % g->n_x), TOP + ROW * (double)(i / g->n_x), BOX, ROW,
                          schemes_of(r, &g->spot[i], 1, 1));
    gk_buf *b = &p.script;
    gk_buf_printf(b,
                  "set lmargin at screen %.5f\nset rmargin at screen %.5f\nset bmargin at screen %.5f\n"
                  "set tmargin at screen %.5f\nset xrange [-0.5:%g]\nset yrange [%g:-0.5]\nunset border\n"
                  "set tics scale 0 tc rgb '#333333'\n",
                  (double)left / p.width, 1 - 16.0 / p.width, (double)foot / p.height,
                  1 - (double)TOP / p.height, (double)g->n_x - 0.5, (double)g->n_rows - 0.5);
    add_x_name(r, g, &p);
    gk_buf_puts(b, turned ? "set xtics rotate " : "set xtics norotate ");
    add_tics(r, b, g->x, g->n_x, NULL);
    gk_buf_puts(b, "set ytics ");
    add_tics(r, b, g->row, g->n_rows, NULL);
    gk_buf_puts(
        b, "plot '0' using 1:2:($1-0.48):($1+0.48):($2-0.47):($2+0.47):3 with boxxyerror fs solid noborder "
           "lc rgb variable notitle, '' using 1:2:4:5 with labels font ',12' tc rgb variable notitle\n");
    char from[32], to[32];
    const char *scale = gk_arena_printf(r->a, "Light: %s, dark: %s%s.", gk__html_value(m, low, from),
                                        gk__html_value(m, high, to), m == GK_METRIC_top5 ? " %" : "");
    return gk__report_figure(r, &p, caption_of(r, g, m, scale));
}

/* ---------------------------------------------------------------- one axis: lines with intervals */

static const char *const COLOURS[MOST_LINES] = {"#0072B2", "#D55E00", "#009E73",
                                                "#CC79A7", "#E69F00", "#56B4E9"};

static double x_at(const grid *g, size_t i) {
    return g->numeric ? strtod(g->x[i], NULL) : (double)i;
}

/* File 0: row, x, value and interval; file 1: row, x, value of each seed alone. */
static void add_lines(const gk__report *r, const grid *g, gk__plot *p, gk_metric m, double low, double high) {
    double scale = m == GK_METRIC_top5 ? 100 : 1, step = 0.012 * (high > low ? high - low : 1);
    for (size_t k = 0; k < g->n_rows; k++)
        for (size_t i = 0; i < g->n_x; i++) {
            const spot *s = &g->spot[k * g->n_x + i];
            double x = x_at(g, i) + step * ((double)k - (double)(g->n_rows - 1) / 2);
            if (s->n && s->stats.n) {
                gk_buf_printf(&p->data[0], "%zu\t%.9g\t%.9g", k, x, scale * s->stats.value[m]);
                gk__plot_ends(&p->data[0], scale * s->stats.low[m], scale * s->stats.high[m]);
                gk_buf_puts(&p->data[0], "\n");
            }
            for (size_t e = 0; s->n > 1 && e < s->n; e++) {
                const gk_cell *c = pooled(r, s->scheme[e]);
                if (c->stats.n)
                    gk_buf_printf(&p->data[1], "%zu\t%.9g\t%.9g\n", k, x, scale * c->stats.value[m]);
            }
        }
}

enum {
    LINES_WIDTH = 560,
    LINES_LEFT = 78,
    LINES_RIGHT = 20,
    LINES_FOOT = 58,
    LINES_TALL = 240,
    KEY_LINE = 21
};

typedef struct span { /* of the axis across */
    double low, high, pad;
} span;

static span span_of(const grid *g) {
    span s = {.low = INFINITY, .high = -INFINITY};
    for (size_t i = 0; i < g->n_x; i++) {
        s.low = fmin(s.low, x_at(g, i));
        s.high = fmax(s.high, x_at(g, i));
    }
    s.pad = 0.06 * (s.high > s.low ? s.high - s.low : 1);
    return s;
}

/* How many of the lines' names stand beside each other over the plot. */
static int key_columns(gk__report *r, const grid *g) {
    int n = (LINES_WIDTH - 20) / (int)(60 + widest(r, g->row, g->n_rows));
    return n < 1 ? 1 : n < (int)g->n_rows ? n : (int)g->n_rows;
}

/* A line is dimmed as a whole, a value of the axis from half-way to its neighbours. */
static void veil_lines(gk__report *r, const grid *g, gk__plot *p, span x, int top) {
    size_t elements = p->data[1].len ? 4 : 3; /* of a line */
    double scale = (LINES_WIDTH - LINES_LEFT - LINES_RIGHT) / (x.high - x.low + 2 * x.pad);
    p->n_shown = elements * g->n_rows;
    p->shown = gk_arena_alloc(r->a, p->n_shown * sizeof *p->shown);
    for (size_t i = 0; i < p->n_shown; i++)
        p->shown[i] = schemes_of(r, &g->spot[i / elements * g->n_x], g->n_x, 1);
    for (size_t i = 0; i < g->n_x; i++) {
        double at = x_at(g, i), from = x.low - x.pad, to = x.high + x.pad;
        for (size_t k = 0; k < g->n_x; k++) {
            double half = (at + x_at(g, k)) / 2;
            if (half < at) from = fmax(from, half);
            if (half > at) to = fmin(to, half);
        }
        gk__plot_veil(p, LINES_LEFT + scale * (from - x.low + x.pad), top, scale * (to - from), LINES_TALL,
                      schemes_of(r, &g->spot[i], g->n_rows, g->n_x));
    }
}

static void script_lines(gk__report *r, const grid *g, gk__plot *p, gk_metric m, span x, int top) {
    gk_buf *b = &p->script;
    gk_buf_printf(
        b,
        "set border 3 lc rgb '#888888'\nset tics nomirror out tc rgb '#333333'\nset grid ytics lt 1 lw 0.6 "
        "lc rgb '#dddddd'\nset errorbars 0.8\nset xrange [%.9g:%.9g]\nset lmargin at screen %.4f\n"
        "set rmargin at screen %.4f\nset tmargin at screen %.4f\nset bmargin at screen %.4f\n"
        "set key at screen 0.02, screen 1 left top horizontal maxcols %d samplen 2\n"
        "set label '%s' at screen 0.025, graph 0.5 center rotate\n",
        x.low - x.pad, x.high + x.pad, (double)LINES_LEFT / LINES_WIDTH,
        1 - (double)LINES_RIGHT / LINES_WIDTH, 1 - (double)top / p->height, (double)LINES_FOOT / p->height,
        key_columns(r, g), metric_name(m));
    add_x_name(r, g, p);
    if (m == GK_METRIC_top5) gk_buf_puts(b, "set yrange [-2:102]\n");
    double *at = gk_arena_alloc(r->a, g->n_x * sizeof *at);
    for (size_t i = 0; i < g->n_x; i++) at[i] = x_at(g, i);
    gk_buf_puts(b, "set xtics ");
    add_tics(r, b, g->x, g->n_x, at);
    gk_buf_puts(b, "plot ");
    for (size_t k = 0; k < g->n_rows; k++) {
        const char *c = COLOURS[k];
        gk_buf_printf(b, "%s'0' using ($1==%zu?$2:NaN):3 with lines lw 1.8 dt %zu lc rgb '%s' title ",
                      k ? ", " : "", k, k % 3 + 1, c);
        add_quoted(r, b, g->row[k]);
        gk_buf_printf(
            b,
            ", '0' using ($1==%zu?$2:NaN):3:4:5 with yerrorbars pt 0 lw 1.4 lc rgb '%s' notitle, '0' using "
            "($1==%zu?$2:NaN):3 with points pt 7 ps 0.96 lc rgb '%s' notitle",
            k, c, k, c);
        if (p->data[1].len)
            gk_buf_printf(b, ", '1' using ($1==%zu?$2:NaN):3 with points pt 6 ps 0.5 lc rgb '%s' notitle", k,
                          c);
    }
    gk_buf_puts(b, "\n");
}

static bool add_chart(gk__report *r, const grid *g, gk_metric m) {
    int named = *g->row_name ? ((int)g->n_rows + key_columns(r, g) - 1) / key_columns(r, g) : 0;
    int top = 14 + KEY_LINE * named;
    gk__plot p = {.width = LINES_WIDTH, .height = top + LINES_TALL + LINES_FOOT};
    span x = span_of(g);
    add_lines(r, g, &p, m, x.low, x.high);
    if (p.data[0].len == 0) {
        gk__plot_free(&p);
        return true;
    }
    veil_lines(r, g, &p, x, top);
    script_lines(r, g, &p, m, x, top);
    return gk__report_figure(
        r, &p,
        caption_of(r, g, m,
                   g->seeds ? "Lines and bars: all seeds together, with 95% bootstrap intervals over "
                              "rows; rings: each seed alone."
                            : "Bars: 95% bootstrap intervals over rows."));
}

/* ---------------------------------------------------------------- sections */

static void add_table(gk__report *r, const grid *g) {
    gk_buf *b = &r->html;
    gk_buf_puts(b, "<details><summary>The numbers of this grid</summary>\n<div class=\"scroll\"><table "
                   "class=\"grid-table\">"
                   "<thead><tr><th>");
    gk__html_text(b, *g->row_name ? g->row_name : "\u2013");
    gk_buf_puts(b, "</th><th>");
    gk__html_text(b, g->x_name);
    gk_buf_puts(b,
                "</th><th>schemes</th><th>n</th><th>top-5 %</th><th>log-prob.</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < g->n_rows * g->n_x; i++) {
        const spot *s = &g->spot[i];
        if (s->n == 0) continue;
        gk_buf_puts(b, "<tr data-s=\"");
        gk__html_text(b, schemes_of(r, s, 1, 1));
        gk_buf_puts(b, "\"><td>");
        gk__html_text(b, g->row[i / g->n_x]);
        gk_buf_puts(b, "</td><td>");
        gk__html_text(b, g->x[i % g->n_x]);
        gk_buf_printf(b, "</td><td>%zu</td><td>%zu</td>", s->n, s->stats.n);
        for (int m = 0; m < N_SHOWN; m++) {
            gk_buf_puts(b, "<td>");
            gk__html_stat(b, &s->stats, SHOWN[m]);
            gk_buf_puts(b, "</td>");
        }
        gk_buf_puts(b, "</tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div></details>\n");
}

static bool add_grid(gk__report *r, const char **scheme, size_t n) {
    grid g;
    fill(r, &g, scheme, n);
    bool lines = g.n_rows <= MOST_LINES && (g.n_axes < 2 || g.seeds), ok = true;
    gk_buf_puts(&r->html, lines ? "<div class=\"grid\">\n" : "<div class=\"heat\">\n");
    for (int m = 0; ok && m < N_SHOWN; m++)
        ok = lines ? add_chart(r, &g, SHOWN[m]) : add_heatmap(r, &g, SHOWN[m]);
    gk_buf_puts(&r->html, "</div>\n");
    if (ok) add_table(r, &g);
    return ok;
}

/* A coordinate besides the seed: without one there is nothing to go across. */
static bool has_place(const gk_cell *c) {
    for (size_t i = 0; c && i < c->n_axes; i++)
        if (strcmp(c->axis[i].name, SEED) != 0) return true;
    return false;
}

/* Schemes of two grids may have the same coordinates: they are no two draws of one thing. */
static bool is_taken(const gk_cell **placed, size_t n, const gk_cell *c) {
    for (size_t i = 0; i < n; i++) {
        bool same = true;
        for (size_t k = 0; same && k < c->n_axes; k++)
            same = strcmp(c->axis[k].value, placed[i]->axis[k].value) == 0;
        if (same) return true;
    }
    return false;
}

bool gk__report_grids(gk__report *r, const gk__set *set, gk__set *rest) {
    *rest = (gk__set){.name = set->name, .scheme = gk_arena_alloc(r->a, (set->n + 1) * sizeof *rest->scheme)};
    bool *done = gk_arena_alloc(r->a, set->n + 1), ok = true;
    const char **list = gk_arena_alloc(r->a, (set->n + 1) * sizeof *list);
    const gk_cell **placed = gk_arena_alloc(r->a, (set->n + 1) * sizeof *placed);
    for (size_t i = 0; ok && i < set->n; i++) {
        const gk_cell *c = pooled(r, set->scheme[i]);
        if (done[i]) continue;
        if (!has_place(c)) {
            rest->scheme[rest->n++] = set->scheme[i];
            continue;
        }
        size_t n = 0;
        for (size_t k = i; k < set->n; k++) {
            const gk_cell *d = pooled(r, set->scheme[k]);
            if (done[k] || !d || !same_axes(c, d) || is_taken(placed, n, d)) continue;
            placed[n] = d;
            list[n++] = set->scheme[k];
            done[k] = true;
        }
        ok = add_grid(r, list, n);
    }
    return ok;
}
