/* ladder.c: a search's ladder as a picture: a line a step, downwards; recovery to the right, on the rows held
 * out with its interval and on the rows that were searched. */
#include "report/internal.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 820, ROW_HEIGHT = 27, MOST_LABEL = 46, RIGHT = 130 };

static const char *label_of(gk_arena *a, const gk_search_rung *rung) {
    if (!rung->changed) return strcmp(rung->name, "found^C") ? rung->name : "all but the found cells";
    return gk_arena_printf(a, "%s %s", rung->dropped ? "−" : "+", rung->changed);
}

typedef struct ladder {
    gk__plot plot;
    size_t n;
    double widest;    /* of the labels */
    double low, high; /* of the axis */
} ladder;

static void widen(ladder *l, double x) {
    if (!isfinite(x)) return;
    l->low = fmin(l->low, x);
    l->high = fmax(l->high, x);
}

static void add_rung(gk_arena *a, ladder *l, const gk_search_rung *rung) {
    const char *label = gk__plot_label(a, label_of(a, rung), MOST_LABEL);
    const gk_recovered *held = &rung->held_out.recovery;
    double seen = rung->search.recovery.value;
    if (isfinite(held->value)) {
        gk_buf_printf(&l->plot.data[0], "%zu\t%.6f", l->n, held->value);
        gk__plot_ends(&l->plot.data[0], held->low, held->high);
        gk_buf_puts(&l->plot.data[0], "\n");
    }
    if (isfinite(seen)) gk_buf_printf(&l->plot.data[1], "%zu\t%.6f\n", l->n, seen);
    gk_buf_printf(&l->plot.data[2], "%zu\t", l->n);
    gk__plain_text(&l->plot.data[2], label);
    gk_buf_printf(&l->plot.data[2], "\t%zu\t%.*f%%\n", rung->size, rung->share < 0.0995, 100 * rung->share);
    l->widest = fmax(l->widest, gk__plot_width(label));
    widen(l, held->value);
    widen(l, held->low);
    widen(l, held->high);
    widen(l, seen);
    l->n++;
}

static void add_script(const gk_search_result *r, int top, double goal, ladder *l) {
    double left = (l->widest + 18) / WIDTH, right = 1 - (double)RIGHT / WIDTH;
    gk_buf *b = &l->plot.script;
    gk_buf_printf(
        b,
        "set lmargin at screen %.4f\nset rmargin at screen %.4f\nset tmargin at screen %.4f\n"
        "set bmargin at screen %.4f\nset xrange [%.4f:%.4f]\nset yrange [%g:-0.7]\nunset ytics\n"
        "set border 1 lc rgb '#888888'\nset format x '%%.0f%%%%'\nset xtics out nomirror tc rgb '#333333'\n"
        "set grid xtics lt 1 lw 0.6 lc rgb '#dddddd'\nset errorbars 2.2\n",
        left, right, 1 - 58.0 / l->plot.height, 74.0 / l->plot.height, 100 * l->low - 2, 100 * l->high + 2,
        (double)l->n - 0.3);
    gk_buf_printf(b, "set xlabel 'share of the way from PRE to SFT-rh in top-%d accuracy' tc rgb '#333333'\n",
                  top);
    gk_buf_printf(b,
                  "set arrow from %g, graph 0 to %g, graph 1 nohead front dt (4,3) lw 1.4 lc rgb '#D55E00'\n"
                  "set label 'goal' at %g, graph 1 offset 0,0.55 center tc rgb '#D55E00'\n",
                  100 * goal, 100 * goal, 100 * goal);
    gk_buf_printf(b,
                  "set label 'cells' at screen %.4f, graph 1 right offset 0,0.55 tc rgb '#333333'\n"
                  "set label 'weights' at screen %.4f, graph 1 right offset 0,0.55 tc rgb '#333333'\n"
                  "set key at screen 0.5, screen %.4f center center horizontal maxrows 1 samplen 2\n",
                  right + 0.065, 0.985, 1 - 14.0 / l->plot.height);
    gk_buf_printf(
        b,
        "plot '1' using (100*$2):1 with points pt 6 ps 1.2 lc rgb '#555555' lw 1.5"
        " title '%zu rows searched',"
        " '0' using (100*$2):1:(100*$3):(100*$4) with xerrorbars pt 0 lw 1.6 lc rgb '#0072B2' notitle,"
        " '' using (100*$2):1 with points pt 7 ps 0.85 lc rgb '#0072B2'"
        " title '%zu rows held out, 95%% interval',"
        " '2' using (%.4f):1:2 with labels right offset character -1,0 notitle,"
        " '' using (%.4f):1:3 with labels right offset screen 0.065,0 notitle,"
        " '' using (%.4f):1:4 with labels right offset screen %.4f,0 notitle\n",
        r->rows[0], r->rows[1], 100 * l->low - 2, 100 * l->high + 2, 100 * l->high + 2, 0.985 - right);
}

/* A picture that stands alone: its element, with a title for those who do not see it. */
static bool write_picture(const char *path, const char *title, const gk_buf *svg, gk_error *err) {
    const char *head = memchr(svg->data, '>', svg->len);
    gk_buf file = {0};
    size_t n = head ? (size_t)(head - svg->data) + 1 : 0;
    gk_buf_add(&file, svg->data, n);
    gk_buf_printf(&file, "<title id=\"cap1\">%s</title>", title);
    gk_buf_add(&file, svg->data + n, svg->len - n);
    bool ok = gk_write_file(path, file.data, file.len, err);
    gk_buf_free(&file);
    return ok;
}

bool gk_ladder_draw(const gk_search_result *r, int top, double goal, const char *path, gk_error *err) {
    ladder l = {.plot = {.width = WIDTH}, .low = 0, .high = 1};
    gk_arena *a = gk_arena_new();
    for (size_t i = 0; i < r->n_rungs; i++)
        if (i != r->found) add_rung(a, &l, &r->rung[i]); /* the last step is that already */
    l.plot.height = (int)l.n * ROW_HEIGHT + 140;
    add_script(r, top, goal, &l);
    gk_buf svg = {0};
    const char *title = gk_arena_printf(
        a, "Recovery of top-%d accuracy by each step of the search, with 95%% intervals", top);
    bool ok = gk__plot_svg(&l.plot, 1, &svg, err) && write_picture(path, title, &svg, err);
    gk_buf_free(&svg);
    gk__plot_free(&l.plot);
    gk_arena_free(a);
    return ok;
}
