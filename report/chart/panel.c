/* panel.c: lines, dots with intervals and bars over an axis, alone or as small multiples. */
#include "report/chart/chart.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- marks */

typedef struct frame {
    const gk__panel *p;
    const gk__axis *y;
    gk__box plot;
} frame;

static double x_of(const frame *f, double x) {
    return gk__axis_place(&f->p->x, x, f->plot.x, f->plot.x + f->plot.width);
}

static double y_of(const frame *f, double y) {
    return gk__axis_place(f->y, y, f->plot.y + f->plot.height, f->plot.y);
}

static void draw_line(gk_arena *a, gk__chart *c, const frame *f, const gk__series *s) {
    double *xy = gk_arena_alloc(a, (2 * s->n + 1) * sizeof *xy);
    for (size_t i = 0; i < s->n; i++) {
        xy[2 * i] = x_of(f, s->point[i].x);
        xy[2 * i + 1] = y_of(f, s->point[i].y);
    }
    gk__chart_path(c, xy, s->n, s->colour, s->width > 0 ? s->width : 2, s->dash);
}

/* Half of a bar's width leaves a gap to the next of a unit. */
static void draw_bar(gk__chart *c, const frame *f, const gk__series *s, const gk__point *p) {
    double left = x_of(f, p->x - 0.42), top = y_of(f, p->y), bottom = f->plot.y + f->plot.height;
    double width = x_of(f, p->x + 0.42) - left;
    gk__chart_rect_with(c, (gk__box){left, f->plot.y, width, f->plot.height}, "none",
                        " pointer-events=\"all\"");
    gk__chart_rect(c, (gk__box){left, top, width, bottom - top}, s->colour);
}

static void draw_point(gk__chart *c, const frame *f, const gk__series *s, const gk__point *p) {
    double x = x_of(f, p->x), y = y_of(f, p->y);
    if (!isfinite(x) || !isfinite(y)) return;
    const char *schemes = p->schemes;
    if (schemes) gk__chart_schemes(c, schemes);
    if (p->says) gk__chart_mark(c, p->says);
    if (s->bars) draw_bar(c, f, s, p);
    if (!isnan(p->low) && !isnan(p->high) && s->dots)
        gk__chart_interval(c, false, x, y_of(f, p->low), y_of(f, p->high), 3.5, s->colour);
    if (s->dots) gk__chart_dot(c, x, y, s->line ? 3 : 3.6, s->colour, false);
    if (s->rings) gk__chart_dot(c, x, y, 2.6, s->colour, true);
    if (p->says) gk__chart_close(c);
    if (schemes) gk__chart_close(c);
}

static void draw_series(gk_arena *a, gk__chart *c, const frame *f, const gk__series *s) {
    if (s->line) {
        if (s->schemes) gk__chart_schemes(c, s->schemes);
        if (s->says) gk__chart_mark(c, s->says);
        draw_line(a, c, f, s);
        if (s->says) gk__chart_close(c);
        if (s->schemes) gk__chart_close(c);
    }
    for (size_t i = 0; i < s->n && (s->dots || s->rings || s->bars); i++) draw_point(c, f, s, &s->point[i]);
}

/* ---------------------------------------------------------------- one panel */

static void draw_title(gk_arena *a, gk__chart *c, const gk__panel *p, gk__box plot, double size) {
    const char *line[GK__TITLE_LINES];
    int n = gk__text_title(a, p->title, plot.width * GK__FONT_SIZE / size, line);
    const gk__face face = {.size = size, .anchor = GK__MIDDLE};
    for (int i = 0; i < n; i++)
        gk__chart_text(c, plot.x + plot.width / 2, plot.y - 7 - 1.25 * size * (n - 1 - i), &face, line[i]);
}

void gk__panel_draw(gk_arena *a, gk__chart *c, const gk__panel *p, gk__box plot) {
    double size = p->size > 0 ? p->size : GK__SMALL_SIZE;
    gk__axis under = p->x;
    if (p->bare) {
        under.n = 0;
        under.title = NULL;
    }
    if (p->schemes) gk__chart_schemes(c, p->schemes);
    gk__axis_under(c, &under, plot, size, false);
    gk__axis_left(c, &p->y, plot, size, true);
    if (p->right.n) gk__axis_right(c, &p->right, plot, size);
    if (p->title) draw_title(a, c, p, plot, size + 1);
    const double corner[] = {plot.x, plot.y + plot.height, plot.x + plot.width, plot.y};
    frame f = {.p = p, .plot = plot, .y = &p->y};
    if (p->diagonal) { /* where both axes agree */
        double low = fmax(p->x.low, p->y.low), high = fmin(p->x.high, p->y.high);
        const double xy[] = {x_of(&f, low), y_of(&f, low), x_of(&f, high), y_of(&f, high)};
        gk__chart_path(c, high > low ? xy : corner, 2, gk__ink_hex(GK__GREY), 1.2, "2 3");
    }
    for (size_t i = 0; i < p->n; i++) {
        f.y = p->series[i].right ? &p->right : &p->y;
        draw_series(a, c, &f, &p->series[i]);
    }
    if (p->schemes) gk__chart_close(c);
}

/* ---------------------------------------------------------------- small multiples */

enum { COLUMNS = 4, PANEL_WIDTH = 215, PLOT_HEIGHT = 112, PAD = 8, SIZE = 11 };

static int title_lines(gk_arena *a, const gk__panel *p, size_t n, double width) {
    int most = 1;
    for (size_t i = 0; i < n; i++) {
        const char *line[GK__TITLE_LINES];
        int lines = p[i].title ? gk__text_title(a, p[i].title, width * GK__FONT_SIZE / (SIZE + 1), line) : 0;
        most = lines > most ? lines : most;
    }
    return most;
}

void gk__panels_draw(gk_arena *a, const gk__panel *p, size_t n, const gk__key *key, size_t n_keys,
                     gk__chart *out) {
    double left = gk__axis_breadth(&p[0].y, SIZE), width = PANEL_WIDTH - left - PAD - 4;
    double foot = gk__axis_depth(&p[0].x, width, SIZE);
    double head = PAD + 6 + 1.25 * (SIZE + 1) * title_lines(a, p, n, width);
    double tall = head + PLOT_HEIGHT + foot;
    size_t rows = (n + COLUMNS - 1) / COLUMNS, columns = n < COLUMNS ? n : COLUMNS;
    out->width = PANEL_WIDTH * (double)columns;
    double top = n_keys ? gk__legend(out, key, n_keys, PAD, PAD / 2.0, out->width - 2 * PAD) + PAD / 2.0 : 0;
    for (size_t i = 0; i < n; i++) {
        gk__panel one = p[i];
        one.size = SIZE;
        gk__panel_draw(a, out, &one,
                       (gk__box){PANEL_WIDTH * (double)(i % COLUMNS) + left,
                                 top + tall * (double)(i / COLUMNS) + head, width, PLOT_HEIGHT});
    }
    out->height = top + tall * (double)rows + 4;
}
