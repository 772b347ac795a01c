/* diff_plot.c: the heatmap of a comparison: layers down, components across, the relative norm as colour. */
#include "graftkit/model/config.h"
#include "graftkit/report.h"
#include "report/diff/diff_page.h"

#include <math.h>

enum { LEFT = 62, TOP = 34, CELL = 62, TALL = 28, GAP = 12, KEY_WIDTH = 360 };
enum { MOST_HEIGHT = 1400, LOWEST = 9, READABLE = 17 };
/* Colours span this much at most, so that one tiny value does not make all others look alike. */
static const double WIDEST = 1e4;

typedef struct map {
    gk_arena *a;
    const gk_diff *d;
    gk_chart__canvas *c;
    double low, high; /* what the ends of the colours mean */
    double width;     /* so far */
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
static double fraction(const map *m, double x) {
    double t = log(x / m->low) / log(m->high / m->low);
    return isinf(x) ? 1 : fmin(1, fmax(0, t));
}

/* ---------------------------------------------------------------- cells */

static void add_cell(map *m, double x, double y, int layer, gk_component comp) {
    char text[GK_DIFF_TEXT];
    double value = gk_diff_relative_of(m->d, layer, comp);
    bool all = comp == GK_N_COMPONENTS;
    gk_chart__cell cell = {.shade = value == 0 ? -1 : fraction(m, value)};
    cell.says = (gk_chart__says){.series = all ? "all components" : gk_component_name(comp),
                                 .x_name = layer >= 0 ? "layer" : NULL,
                                 .x = layer >= 0 ? gk_arena_printf(m->a, "%d", layer)
                                      : all || gk_component_in_layer(comp) ? "all layers"
                                                                           : NULL,
                                 .metric = "relative",
                                 .what = "|B \u2212 A| / |A|",
                                 .value = gk_arena_strdup(m->a, gk_diff_text(value, text))};
    if (m->cell_height >= READABLE) cell.text = cell.says.value;
    gk_chart__cell_draw(m->c, (gk_chart__box){x, y, CELL - 1, m->cell_height - 1}, &cell);
}

static void add_label(map *m, double x, double y, gk_chart__anchor anchor, const char *text) {
    const gk_chart__face face = {
        .anchor = anchor, .size = GK_CHART__SMALL_SIZE, .fill = gk_chart__ink_hex(GK_CHART__SOFT)};
    gk_chart__label(m->c, x, y, &face, text);
}

/* The cells of a layer, or of all; then their sum. */
static void add_layer(map *m, int layer, double y) {
    const gk_config *c = &m->d->config;
    bool all = layer == c->n_layers;
    double x = LEFT;
    for (int i = 0; i <= GK_N_COMPONENTS; i++) {
        gk_component comp = (gk_component)i;
        bool sum = i == GK_N_COMPONENTS;
        if (!sum && (!gk_component_in_layer(comp) || !gk_config_has(c, comp))) continue;
        if (sum && all) continue; /* that is the model with what is outside the layers */
        if (sum) x += GAP;
        if (layer == 0)
            add_label(m, x + CELL / 2.0, TOP - 12, GK_CHART__MIDDLE, sum ? "layer" : gk_component_name(comp));
        add_cell(m, x, y, all ? -2 : layer, comp);
        x += CELL;
    }
    m->width = fmax(m->width, x + 16);
}

/* Layers and their components, then each layer's and each component's own sum. Returns the y below. */
static double add_layers(map *m) {
    double y = TOP;
    int n = m->d->config.n_layers, step = m->cell_height >= 13 ? 1 : m->cell_height >= 10 ? 2 : 4;
    add_label(m, LEFT - 8, TOP - 12, GK_CHART__END, "layer");
    for (int l = 0; l <= n; l++, y += m->cell_height) {
        bool all = l == n;
        if (all) y += GAP;
        if (all || l % step == 0)
            add_label(m, LEFT - 8, y + m->cell_height / 2.0, GK_CHART__END,
                      all ? "all" : gk_arena_printf(m->a, "%d", l));
        add_layer(m, l, y);
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
        add_label(m, x + CELL / 2.0, y - 12, GK_CHART__MIDDLE, model ? "model" : gk_component_name(outer[i]));
        add_cell(m, x, y, -2, outer[i]);
        x += CELL;
    }
    return y + m->cell_height;
}

/* ---------------------------------------------------------------- what the colours mean */

/* A tick at 1, 2 and 5 (or 1 alone, over several decades) times powers of ten. */
static void add_scale(map *m, double x, double y) {
    enum { MOST = 24 };
    static const double steps[] = {1, 2, 5};
    double decades = log10(m->high / m->low);
    gk_chart__tick tick[MOST];
    size_t n = 0;
    for (int e = (int)floor(log10(m->low)); e <= (int)ceil(log10(m->high)); e++)
        for (int s = 0; s < (decades > 2.6 ? 1 : 3) && n < MOST; s++) {
            char text[GK_DIFF_TEXT];
            double value = steps[s] * pow(10, e);
            if (value < m->low * 0.999 || value > m->high * 1.001) continue;
            tick[n++] =
                (gk_chart__tick){fraction(m, value), gk_arena_strdup(m->a, gk_diff_text(value, text))};
        }
    gk_chart__shades_draw(m->c, (gk_chart__box){x, y, KEY_WIDTH, 14}, false, tick, n, "|B \u2212 A| / |A|");
}

static double add_key(map *m, double y) {
    double x = LEFT;
    y += 40;
    if (m->others) {
        add_scale(m, x, y);
        x += KEY_WIDTH + 30;
    }
    if (m->zeros) {
        gk_chart__rect_with(m->c, (gk_chart__box){x + 0.5, y + 0.5, 21, 13},
                            gk_chart__ink_hex(GK_CHART__WHITE), " stroke=\"#b8b8b8\"");
        add_label(m, x + 28, y + 7, GK_CHART__START, "identical");
    }
    return y + 44;
}

void gk_diff_page__heatmap(gk_arena *a, const gk_diff *d, gk_chart__canvas *out) {
    map m = {.a = a, .d = d, .c = out};
    int rows = d->config.n_layers + 2;
    m.cell_height = rows * TALL <= MOST_HEIGHT ? TALL : MOST_HEIGHT / rows;
    if (m.cell_height < LOWEST) m.cell_height = LOWEST;
    find_range(&m);
    out->height = add_key(&m, add_outer(&m, add_layers(&m)));
    out->width = fmax(m.width, LEFT + KEY_WIDTH + (m.zeros ? 150 : 40));
}
