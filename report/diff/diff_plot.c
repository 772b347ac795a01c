/* diff_plot.c: the heatmap of a comparison: layers down, components across, the relative norm as colour. One
 * unit of the plot is one pixel. */
#include "report/diff/diff_page.h"

#include <math.h>
#include <string.h>

enum { LEFT = 62, TOP = 34, CELL = 62, TALL = 28, GAP = 12, KEY_STEPS = 60, KEY_WIDTH = 360 };
enum { MOST_HEIGHT = 1400, LOWEST = 9, READABLE = 17 };
/* Colours span this much at most, so that one tiny value does not make all others look alike. */
static const double WIDEST = 1e4;

/* ColorBrewer's YlGnBu: light to dark throughout, so that it survives grey print and colour blindness. */
static const unsigned RAMP[] = {0xffffd9, 0xedf8b1, 0xc7e9b4, 0x7fcdbb, 0x41b6c4,
                                0x1d91c0, 0x225ea8, 0x253494, 0x081d58};
enum { LAST = sizeof RAMP / sizeof *RAMP - 1 };

typedef struct map {
    const gk_diff *d;
    gk__plot plot;
    double low, high; /* what the ends of the colours mean */
    int cell_height;
    bool zeros, others; /* there are identical components; there are not only those */
} map;

/* ---------------------------------------------------------------- colours */

static void find_range(map *m) {
    m->low = INFINITY;
    m->high = 0;
    for (size_t i = 0; i < m->d->n; i++) {
        double x = gk_diff_relative(&m->d->item[i]);
        m->zeros |= x == 0;
        if (x == 0 || isinf(x)) continue;
        m->low = fmin(m->low, x);
        m->high = fmax(m->high, x);
    }
    m->others = m->high > 0;
    if (!m->others) m->low = m->high = 1;
    m->low = fmax(m->low, m->high / WIDEST);
    if (m->high / m->low < 10) { /* a narrow range would make noise of the last digit look like news */
        double middle = sqrt(m->low * m->high);
        m->low = middle / sqrt(10);
        m->high = middle * sqrt(10);
    }
}

/* Where between the ends: 0 to 1. */
static double place(const map *m, double x) {
    double t = log(x / m->low) / log(m->high / m->low);
    return isinf(x) ? 1 : fmin(1, fmax(0, t));
}

static unsigned colour(double t) {
    double at = t * LAST;
    int i = at >= LAST ? LAST - 1 : (int)at;
    double f = at - i;
    unsigned out = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
        double a = (double)(RAMP[i] >> shift & 0xFF), b = (double)(RAMP[i + 1] >> shift & 0xFF);
        out |= (unsigned)(a + f * (b - a) + 0.5) << shift;
    }
    return out;
}

/* ---------------------------------------------------------------- cells */

static void add_box(map *m, double x, double y, double width, double height, unsigned fill) {
    gk_buf_printf(&m->plot.data[0], "%g\t%g\t%g\t%g\t%g\t%g\t%u\n", x, y, x, x + width, y, y + height, fill);
}

static void add_text(map *m, double x, double y, unsigned ink, const char *text) {
    gk_buf_printf(&m->plot.data[1], "%g\t%g\t%s\t%u\n", x, y, text, ink);
}

/* A value of 0 is a white cell with a grey rim, which no colour is. */
static void add_cell(map *m, double x, double y, double value) {
    char text[GK_DIFF_TEXT];
    double h = m->cell_height;
    if (value == 0) {
        add_box(m, x, y, CELL - 1, h - 1, 0xB8B8B8);
        add_box(m, x + 1, y + 1, CELL - 3, h - 3, 0xFFFFFF);
    } else {
        add_box(m, x, y, CELL - 1, h - 1, colour(place(m, value)));
    }
    unsigned ink = value == 0 ? 0x666666 : place(m, value) > 0.62 ? 0xFFFFFF : 0x111111;
    if (h >= READABLE) add_text(m, x + CELL / 2.0, y + h / 2, ink, gk_diff_text(value, text));
}

static void add_label(map *m, double x, double y, const char *align, const char *text) {
    gk_buf_printf(&m->plot.script, "set label \"%s\" at %g,%g %s front tc rgb '#333333'\n", text, x, y,
                  align);
}

/* Layers and their components, then each layer's and each component's own sum. Returns the y below. */
static double add_layers(map *m) {
    const gk_config *c = &m->d->config;
    double x = LEFT, y = TOP;
    int step = m->cell_height >= 13 ? 1 : m->cell_height >= 10 ? 2 : 4;
    for (int l = 0; l <= c->n_layers; l++, y += m->cell_height) {
        char name[24];
        bool all = l == c->n_layers;
        if (all) y += GAP;
        snprintf(name, sizeof name, all ? "all" : "%d", l);
        if (all || l % step == 0) add_label(m, LEFT - 8, y + m->cell_height / 2.0, "right", name);
        x = LEFT;
        for (int i = 0; i <= GK_N_COMPONENTS; i++) {
            gk_component comp = (gk_component)i;
            bool sum = i == GK_N_COMPONENTS;
            if (!sum && (!gk_component_in_layer(comp) || !gk_config_has(c, comp))) continue;
            if (sum && all) continue; /* that is the model with what is outside the layers */
            if (sum) x += GAP;
            if (l == 0)
                add_label(m, x + CELL / 2.0, TOP - 14, "center", sum ? "layer" : gk_component_name(comp));
            add_cell(m, x, y, gk_diff_relative_of(m->d, all ? -2 : l, comp));
            x += CELL;
        }
        if (l == 0) m->plot.width = (int)x + 16;
    }
    return y;
}

/* What stands outside the layers, each under its name. */
static double add_outer(map *m, double y) {
    static const gk_component outer[] = {GK_EMBED, GK_POS, GK_LNF, GK_HEAD, GK_N_COMPONENTS};
    double x = LEFT;
    y += 34;
    for (size_t i = 0; i < sizeof outer / sizeof *outer; i++) {
        bool model = outer[i] == GK_N_COMPONENTS;
        if (!model && !gk_diff_find(m->d, -1, outer[i])) continue;
        if (model) x += GAP;
        add_label(m, x + CELL / 2.0, y - 14, "center", model ? "model" : gk_component_name(outer[i]));
        add_cell(m, x, y, gk_diff_relative_of(m->d, -2, outer[i]));
        x += CELL;
    }
    return y + m->cell_height;
}

/* The scale of colours, with a tick at 1, 2 and 5 (or 1 alone, over several decades) times powers of ten. */
static void add_scale(map *m, double x, double y) {
    static const double steps[] = {1, 2, 5};
    double decades = log10(m->high / m->low);
    for (int i = 0; i < KEY_STEPS; i++)
        add_box(m, x + i * (double)KEY_WIDTH / KEY_STEPS, y, (double)KEY_WIDTH / KEY_STEPS + 0.5, 14,
                colour((i + 0.5) / KEY_STEPS));
    for (int e = (int)floor(log10(m->low)); e <= (int)ceil(log10(m->high)); e++)
        for (int s = 0; s < (decades > 2.6 ? 1 : 3); s++) {
            char text[GK_DIFF_TEXT];
            double value = steps[s] * pow(10, e);
            if (value < m->low * 0.999 || value > m->high * 1.001) continue;
            double at = x + KEY_WIDTH * place(m, value);
            add_box(m, at - 0.5, y + 14, 1, 4, 0x555555);
            add_label(m, at, y + 28, "center", gk_diff_text(value, text));
        }
}

static double add_key(map *m, double y) {
    double x = LEFT;
    y += 26;
    if (m->others) {
        add_scale(m, x, y);
        x += KEY_WIDTH + 30;
    }
    if (m->zeros) {
        add_box(m, x, y, 22, 14, 0xB8B8B8);
        add_box(m, x + 1, y + 1, 20, 12, 0xFFFFFF);
        add_label(m, x + 28, y + 7, "left", "identical");
    }
    return y + 44;
}

bool gk__diff_heatmap(const gk_diff *d, int id, gk_buf *out, int *width, gk_error *err) {
    map m = {.d = d};
    int rows = d->config.n_layers + 2;
    m.cell_height = rows * TALL <= MOST_HEIGHT ? TALL : MOST_HEIGHT / rows;
    if (m.cell_height < LOWEST) m.cell_height = LOWEST;
    find_range(&m);
    int least = LEFT + KEY_WIDTH + (m.zeros ? 150 : 40);
    double bottom = add_key(&m, add_outer(&m, add_layers(&m)));
    if (m.plot.width < least) m.plot.width = least;
    m.plot.height = (int)bottom;
    gk_buf_printf(
        &m.plot.script,
        "set lmargin at screen 0\nset rmargin at screen 1\nset tmargin at screen 1\nset bmargin at "
        "screen 0\nset xrange [0:%d]\nset yrange [%d:0]\nunset border\nunset tics\nunset key\n"
        "plot '0' using 1:2:3:4:5:6:7 with boxxyerror fs solid 1 noborder lc rgb variable, '1' using "
        "1:2:3:4 with labels center tc rgb variable\n",
        m.plot.width, m.plot.height);
    bool ok = gk__plot_svg(&m.plot, id, out, err);
    *width = m.plot.width;
    gk__plot_free(&m.plot);
    return ok;
}
