/* spread.c: how far the target's logit is ahead, scheme by scheme, and how that differs between
 * templates. */
#include "report/internal.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 560, ONE_LINE = 24, TWO_LINES = 38, TOP = 10, FOOT = 62 };

static bool drawn(const gk_cell *c) {
    return c && c->applies && c->n_axes == 0 && c->stats.n && isfinite(c->stats.value[GK_METRIC_logit_diff]);
}

typedef struct extent {
    double low, high; /* of everything drawn */
    double widest;    /* of the names, in pixels */
    int row;          /* a row's height */
} extent;

static void widen(extent *e, double x) {
    e->low = fmin(e->low, x);
    e->high = fmax(e->high, x);
}

static void measure(const gk__report *r, const gk__set *set, extent *e) {
    for (size_t i = 0; i < set->n; i++) {
        const char *line[2];
        if (!drawn(gk__report_cell(r, set->scheme[i], "pooled"))) continue;
        if (gk__plot_lines(r->a, set->scheme[i], line) == 2) e->row = TWO_LINES;
        e->widest = fmax(e->widest, fmax(gk__plot_width(line[0]), gk__plot_width(line[1])));
    }
}

/* File 0: row, value, interval, as text; 1: row, name; 2: row, value of each template alone. Returns the
 * rows. */
static size_t add_data(gk__report *r, const gk__set *set, gk__plot *p, extent *e) {
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        const gk_cell *c = gk__report_cell(r, set->scheme[i], "pooled");
        if (!drawn(c)) continue;
        const double *v = c->stats.value, *low = c->stats.low, *high = c->stats.high;
        const gk_metric m = GK_METRIC_logit_diff;
        gk_buf_printf(&p->data[0], "%zu\t%.9g", n, v[m]);
        gk__plot_ends(&p->data[0], low[m], high[m]);
        gk_buf_printf(&p->data[0], "\t%.2f\n", v[m]);
        gk__plot_name(r->a, &p->data[1], (double)n, 8.5 / e->row, c->scheme);
        gk__plot_veil(p, 0, TOP + e->row * ((double)n + 0.2), WIDTH, e->row, c->scheme);
        widen(e, v[m]);
        widen(e, low[m]);
        widen(e, high[m]);
        for (size_t t = 1; t <= r->n_templates; t++) {
            const gk_cell *one = gk__report_cell(r, c->scheme, gk_arena_printf(r->a, "%zu", t));
            if (!drawn(one)) continue;
            gk_buf_printf(&p->data[2], "%zu\t%.9g\n", n, one->stats.value[m]);
            widen(e, one->stats.value[m]);
        }
        n++;
    }
    return n;
}

bool gk__report_spread(gk__report *r, const gk__set *set) {
    gk__plot p = {.width = WIDTH};
    extent e = {.widest = 24, .row = ONE_LINE}; /* 0 is always drawn */
    measure(r, set, &e);
    size_t n = add_data(r, set, &p, &e);
    if (n == 0) {
        gk__plot_free(&p);
        return true;
    }
    double pad = e.high > e.low ? 0.03 * (e.high - e.low) : 1;
    double rows = (double)n + 0.4; /* a row is one unit of the axis */
    p.height = TOP + (int)(rows * e.row) + FOOT;
    gk_buf_printf(
        &p.script,
        "set lmargin at screen %.4f\nset rmargin at screen 0.9\nset tmargin at screen %.4f\n"
        "set bmargin at screen %.4f\n"
        "set yrange [%g:-0.7]\nunset ytics\nset border 1 lc rgb '#888888'\nset xtics out nomirror tc rgb "
        "'#333333'\nset grid xtics lt 1 lw 0.6 lc rgb '#dddddd'\nset errorbars 1.6\nset label 'logit "
        "difference (nats)' at graph 0.5, screen %.4f center tc rgb '#333333'\nset xrange [%.9g:%.9g]\nset "
        "arrow from 0, graph 0 to "
        "0, graph 1 nohead back lw 1 lc rgb '#777777'\n",
        (e.widest + 18) / WIDTH, 1 - (double)TOP / p.height, (double)FOOT / p.height, rows - 0.7,
        12.0 / p.height, e.low - pad, e.high + pad);
    gk_buf_printf(&p.script,
                  "plot '2' using 2:1 with points pt 6 ps 0.9 lc rgb '#E69F00' notitle, '0' using "
                  "2:1:3:4 with xerrorbars "
                  "pt 0 lw 1.4 lc rgb '#0072B2' notitle, '0' using 2:1 with points pt 7 ps 0.9 lc "
                  "rgb '#0072B2' "
                  "notitle, '0' using (%.9g):1:5 with labels left offset character 1,0 notitle, '1' using "
                  "(%.9g):1:2 with labels right "
                  "offset character -1,0 notitle\n",
                  e.high + pad, e.low - pad);
    return gk__report_figure(r, &p,
                             "<strong>Logit difference</strong>: how far the target&#39;s logit is above the "
                             "best other token&#39;s, on average; "
                             "right of 0 the target leads. Filled: all templates pooled, with 95% bootstrap "
                             "intervals over rows; rings: each "
                             "template alone.");
}
