/* rows.c: a row a scheme: its name, its bars or dots with their intervals, and its numbers. */
#include "report/chart/chart.h"

#include <math.h>

enum { ONE_LINE = 27, TWO_LINES = 40, BAR = 18, GAP = 9, LINE = 17, MARGIN = 8, LEAST = 180 };

typedef struct layout {
    gk_chart__box plot;
    double bar, told[2]; /* a bar's height; the right ends of what is told */
} layout;

/* ---------------------------------------------------------------- sizes */

static size_t bars_of(const gk_chart__row *row) {
    size_t n = 0;
    for (size_t i = 0; i < row->n; i++) n += row->mark[i].shape == GK_CHART__BAR;
    return n;
}

static int lines_of(gk_arena *a, const gk_chart__rows *k, const char *name, const char *line[2]) {
    enum { MOST = 46 };
    if (!k->one_line) return gk_chart__text_lines(a, name, line);
    line[0] = gk_chart__text_clip(a, name, MOST);
    line[1] = "";
    return 1;
}

static double height_of(gk_arena *a, const gk_chart__rows *k, const gk_chart__row *row) {
    const char *line[2];
    double name = lines_of(a, k, row->name, line) == 2 ? TWO_LINES : ONE_LINE, bars = (double)bars_of(row);
    return bars > 1 ? fmax(name, BAR * bars + GAP) : name;
}

/* The widest of the texts of a column; 0 where there are none. */
static double widest_told(const gk_chart__rows *k, int column) {
    double most = k->head[column] ? gk_chart__text_width(k->head[column]) : 0;
    for (size_t i = 0; i < k->n; i++) {
        const gk_chart__row *row = &k->row[i];
        if (row->told[column]) most = fmax(most, gk_chart__text_width(row->told[column]));
        for (size_t m = 0; column == 0 && m < row->n; m++)
            if (row->mark[m].told) most = fmax(most, gk_chart__text_width(row->mark[m].told));
    }
    return most;
}

static double widest_name(gk_arena *a, const gk_chart__rows *k) {
    double most = 24;
    for (size_t i = 0; i < k->n; i++) {
        const char *line[2];
        lines_of(a, k, k->row[i].name, line);
        most = fmax(most, fmax(gk_chart__text_width(line[0]), gk_chart__text_width(line[1])));
    }
    return most;
}

static bool has_names(const gk_chart__rows *k) {
    bool any = k->head[0] || k->head[1];
    for (size_t i = 0; i < k->n_rules; i++) any |= k->rule[i].name != NULL;
    return any;
}

static layout lay_out(gk_arena *a, const gk_chart__rows *k, gk_chart__canvas *c) {
    layout l = {.bar = BAR};
    double told[2] = {widest_told(k, 0), widest_told(k, 1)};
    double beside = MARGIN + 6 + (told[1] > 0 ? told[1] + 14 : 0) + (told[0] > 0 ? told[0] + 12 : 0);
    l.plot.x = widest_name(a, k) + 18;
    l.plot.width = fmax(LEAST, k->width - beside - l.plot.x);
    c->width = l.plot.x + l.plot.width + beside;
    l.told[1] = c->width - MARGIN;
    l.told[0] = l.told[1] - (told[1] > 0 ? told[1] + 14 : 0);
    l.plot.y = MARGIN + gk_chart__legend(NULL, k->key, k->n_keys, 0, 0, c->width - 2 * MARGIN) +
               (has_names(k) ? LINE + 4 : 0);
    for (size_t i = 0; i < k->n; i++) l.plot.height += height_of(a, k, &k->row[i]);
    l.plot.height += 4;
    c->height =
        l.plot.y + l.plot.height + gk_chart__axis_depth(&k->x, l.plot.width, GK_CHART__SMALL_SIZE) + 4;
    return l;
}

/* ---------------------------------------------------------------- drawing */

/* Names over their lines, apart from each other and within the picture. */
static void draw_rule_names(gk_chart__canvas *c, const gk_chart__rows *k, const layout *l) {
    double end = -INFINITY;
    for (size_t i = 0; i < k->n_rules; i++) {
        const gk_chart__rule *r = &k->rule[i];
        if (!r->name) continue;
        double half = gk_chart__text_width(r->name) / 2;
        double at = gk_chart__axis_place(&k->x, r->x, l->plot.x, l->plot.x + l->plot.width);
        at = fmin(fmax(at, MARGIN + half), c->width - MARGIN - half);
        bool alone = i + 1 == k->n_rules;
        if (!alone && k->rule[i + 1].name) { /* the next one needs its room */
            double next = gk_chart__axis_place(&k->x, k->rule[i + 1].x, l->plot.x, l->plot.x + l->plot.width);
            double apart = half + gk_chart__text_width(k->rule[i + 1].name) / 2 + 8;
            if (next - at < apart) at -= (apart - (next - at)) / 2;
        }
        if (at - half < end + 8) at = end + 8 + half;
        end = at + half;
        const gk_chart__face face = {.anchor = GK_CHART__MIDDLE, .fill = r->colour};
        gk_chart__text(c, at, l->plot.y - 5, &face, r->name);
    }
}

static void draw_rules(gk_chart__canvas *c, const gk_chart__rows *k, const layout *l) {
    for (size_t i = 0; i < k->n_rules; i++) {
        const gk_chart__rule *r = &k->rule[i];
        double at = gk_chart__axis_place(&k->x, r->x, l->plot.x, l->plot.x + l->plot.width);
        if (r->says) gk_chart__mark(c, r->says);
        gk_chart__line(c, at, l->plot.y, at, l->plot.y + l->plot.height, r->colour, r->solid ? 1 : 1.4,
                       r->solid ? NULL : "5 4");
        if (r->says) gk_chart__close(c);
    }
}

static void draw_mark(gk_chart__canvas *c, const gk_chart__rows *k, const layout *l,
                      const gk_chart__row_mark *m, double y, double height) {
    double from = l->plot.x, to = from + l->plot.width, x = gk_chart__axis_place(&k->x, m->x, from, to);
    gk_chart__mark(c, &m->says);
    if (m->shape == GK_CHART__BAR) {
        /* All of its place can be pointed at, though the bar be short. */
        gk_chart__rect_with(c, (gk_chart__box){from, y, l->plot.width, height}, "none",
                            " pointer-events=\"all\"");
        const double end = m->floats ? gk_chart__axis_place(&k->x, m->from, from, to) : from;
        gk_chart__bar(c, (gk_chart__box){fmin(end, x), y, m->floats ? fabs(x - end) : x - end, height},
                      m->colour);
    } else if (m->shape == GK_CHART__RING)
        gk_chart__dot(c, x, y + height / 2, 3, m->colour, true);
    else if (m->shape == GK_CHART__ABOVE || m->shape == GK_CHART__BELOW)
        gk_chart__notch(c, x, y + height / 2 + (m->shape == GK_CHART__BELOW ? 4 : -4),
                        m->shape == GK_CHART__BELOW, m->colour);
    if (!isnan(m->low) && !isnan(m->high))
        gk_chart__interval(c, true, y + height / 2, gk_chart__axis_place(&k->x, m->low, from, to),
                           gk_chart__axis_place(&k->x, m->high, from, to),
                           m->shape == GK_CHART__BAR ? fmin(5, height / 3) : 4,
                           m->shape == GK_CHART__BAR ? gk_chart__ink_hex(GK_CHART__TEXT) : m->colour);
    if (m->shape == GK_CHART__DOT) gk_chart__dot(c, x, y + height / 2, 3.6, m->colour, false);
    gk_chart__close(c);
    const gk_chart__face told = {.anchor = GK_CHART__END};
    if (m->told) gk_chart__label(c, l->told[0], y + height / 2, &told, m->told);
}

static void draw_name(gk_arena *a, gk_chart__canvas *c, const gk_chart__rows *k, const layout *l,
                      const char *name, double middle) {
    const char *line[2];
    int n = lines_of(a, k, name, line);
    const gk_chart__face face = {.anchor = GK_CHART__END};
    for (int i = 0; i < n; i++)
        gk_chart__label(c, l->plot.x - 10, middle + (n == 2 ? (i ? 8 : -8) : 0), &face, line[i]);
}

/* Under everything else, so that rules can be seen on them. */
static void draw_bands(gk_arena *a, gk_chart__canvas *c, const gk_chart__rows *k, const layout *l,
                       double top) {
    double from = l->plot.x, to = from + l->plot.width;
    for (size_t i = 0; i < k->n; i++) {
        const gk_chart__row *row = &k->row[i];
        double height = height_of(a, k, row), low = gk_chart__axis_place(&k->x, -row->band, from, to);
        double high = gk_chart__axis_place(&k->x, row->band, from, to);
        if (row->band > 0) {
            gk_chart__schemes(c, row->schemes);
            gk_chart__rect(c, (gk_chart__box){low, top + 1, high - low, height - 2},
                           gk_chart__ink_hex(GK_CHART__PALE));
            gk_chart__close(c);
        }
        top += height;
    }
}

static void draw_row(gk_arena *a, gk_chart__canvas *c, const gk_chart__rows *k, const layout *l,
                     const gk_chart__row *row, double top, double height) {
    size_t bars = bars_of(row);
    double bar = bars > 1 ? l->bar : 18, y = top + (height - bar * (double)bars) / 2;
    gk_chart__schemes(c, row->schemes);
    draw_name(a, c, k, l, row->name, top + height / 2);
    for (size_t i = 0; i < row->n; i++) {
        const gk_chart__row_mark *m = &row->mark[i];
        bool is_bar = m->shape == GK_CHART__BAR;
        if (m->on_bar)
            draw_mark(c, k, l, m, y - bar + 1, bar - 2);
        else
            draw_mark(c, k, l, m, is_bar ? y + 1 : top, is_bar ? bar - 2 : height);
        if (is_bar) y += bar;
    }
    const gk_chart__face told = {.anchor = GK_CHART__END};
    for (int i = 0; i < 2; i++)
        if (row->told[i]) gk_chart__label(c, l->told[i], top + height / 2, &told, row->told[i]);
    gk_chart__close(c);
}

void gk_chart__rows_draw(gk_arena *a, const gk_chart__rows *k, gk_chart__canvas *out) {
    layout l = lay_out(a, k, out);
    const gk_chart__face head = {.anchor = GK_CHART__END, .fill = gk_chart__ink_hex(GK_CHART__SOFT)};
    gk_chart__legend(out, k->key, k->n_keys, MARGIN, MARGIN / 2.0, out->width - 2 * MARGIN);
    gk_chart__axis_under(out, &k->x, l.plot, GK_CHART__SMALL_SIZE, true);
    draw_rule_names(out, k, &l);
    for (int i = 0; i < 2; i++)
        if (k->head[i]) gk_chart__text(out, l.told[i], l.plot.y - 5, &head, k->head[i]);
    double y = l.plot.y + 2;
    draw_bands(a, out, k, &l, y);
    draw_rules(out, k, &l);
    for (size_t i = 0; i < k->n; i++) {
        double height = height_of(a, k, &k->row[i]);
        draw_row(a, out, k, &l, &k->row[i], y, height);
        y += height;
    }
}
