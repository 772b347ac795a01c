/* cells.c: coloured cells, what their colours mean, and heatmaps of them. */
#include "report/chart/chart.h"

#include <math.h>

enum { CELL = 46, TALL = 27, MARGIN = 10, MOST_LABEL = 34, STEPS = 48, KEY_WIDTH = 220, KEY_TALL = 12 };

void gk_chart__cell_draw(gk_chart__canvas *c, gk_chart__box b, const gk_chart__cell *cell) {
    char hex[8];
    bool known = !isnan(cell->shade), nothing = known && cell->shade < 0;
    if (cell->schemes) gk_chart__schemes(c, cell->schemes);
    gk_chart__mark(c, &cell->says);
    if (nothing)
        gk_chart__rect_with(c, (gk_chart__box){b.x + 0.5, b.y + 0.5, b.width - 1, b.height - 1},
                            gk_chart__ink_hex(GK_CHART__WHITE), " stroke=\"#b8b8b8\"");
    else
        gk_chart__rect(c, b,
                       !known        ? gk_chart__ink_hex(GK_CHART__EMPTY)
                       : cell->sides ? gk_chart__sides_hex(cell->shade, hex)
                                     : gk_chart__shade_hex(cell->shade, hex));
    const gk_chart__face face = {.size = GK_CHART__SMALL_SIZE,
                                 .anchor = GK_CHART__MIDDLE,
                                 .fill = nothing       ? gk_chart__ink_hex(GK_CHART__GREY)
                                         : cell->sides ? gk_chart__sides_ink(known ? cell->shade : 0.5)
                                                       : gk_chart__shade_ink(known ? cell->shade : 0)};
    if (cell->text) gk_chart__label(c, b.x + b.width / 2, b.y + b.height / 2, &face, cell->text);
    gk_chart__close(c);
    if (cell->schemes) gk_chart__close(c);
}

void gk_chart__shades_draw(gk_chart__canvas *c, gk_chart__box b, bool sides, const gk_chart__tick *tick,
                           size_t n, const char *title) {
    char hex[8];
    double step = b.width / STEPS;
    for (int i = 0; i < STEPS; i++) /* a little over each other, so that no gap shines through */
        gk_chart__rect(c, (gk_chart__box){b.x + i * step, b.y, step + (i + 1 < STEPS ? 0.6 : 0), b.height},
                       sides ? gk_chart__sides_hex((i + 0.5) / STEPS, hex)
                             : gk_chart__shade_hex((i + 0.5) / STEPS, hex));
    const gk_chart__face face = {
        .size = GK_CHART__SMALL_SIZE, .anchor = GK_CHART__MIDDLE, .fill = gk_chart__ink_hex(GK_CHART__SOFT)};
    for (size_t i = 0; i < n; i++) {
        double x = b.x + b.width * tick[i].at;
        gk_chart__line(c, x, b.y + b.height, x, b.y + b.height + 4, gk_chart__ink_hex(GK_CHART__AXIS), 1,
                       NULL);
        gk_chart__text(c, x, b.y + b.height + 16, &face, tick[i].text);
    }
    const gk_chart__face beside = {.size = GK_CHART__SMALL_SIZE, .fill = gk_chart__ink_hex(GK_CHART__SOFT)};
    if (title) gk_chart__text(c, b.x, b.y - 6, &beside, title);
}

/* ---------------------------------------------------------------- a heatmap */

static double widest(gk_arena *a, const char **name, size_t n, double least) {
    for (size_t i = 0; i < n; i++)
        least = fmax(least, gk_chart__text_width(gk_chart__text_clip(a, name[i], MOST_LABEL)));
    return least;
}

static gk_chart__axis across(gk_arena *a, const gk_chart__heat *h) {
    gk_chart__tick *tick = gk_arena_alloc(a, (h->n_x + 1) * sizeof *tick);
    for (size_t i = 0; i < h->n_x; i++)
        tick[i] = (gk_chart__tick){(double)i, gk_chart__text_clip(a, h->x[i], MOST_LABEL)};
    return (gk_chart__axis){.low = -0.5,
                            .high = (double)h->n_x - 0.5,
                            .title = h->x_title,
                            .tick = tick,
                            .n = h->n_x,
                            .names = true};
}

void gk_chart__heat_draw(gk_arena *a, const gk_chart__heat *h, gk_chart__canvas *out) {
    double left = MARGIN + widest(a, h->y, h->n_y, 9) + 10 + (h->y_title && *h->y_title ? 20 : 0);
    gk_chart__box plot = {left, MARGIN, CELL * (double)h->n_x, TALL * (double)h->n_y};
    gk_chart__axis x = across(a, h);
    const gk_chart__face name = {.anchor = GK_CHART__END};
    for (size_t i = 0; i < h->n_y; i++)
        gk_chart__label(out, plot.x - 8, plot.y + TALL * ((double)i + 0.5), &name,
                        gk_chart__text_clip(a, h->y[i], MOST_LABEL));
    const gk_chart__face title = {.size = GK_CHART__SMALL_SIZE,
                                  .anchor = GK_CHART__MIDDLE,
                                  .fill = gk_chart__ink_hex(GK_CHART__SOFT),
                                  .upward = true};
    if (h->y_title && *h->y_title)
        gk_chart__text(out, MARGIN + 8, plot.y + plot.height / 2, &title, h->y_title);
    gk_chart__axis_under(out, &x, plot, GK_CHART__SMALL_SIZE, false);
    for (size_t i = 0; i < h->n_x * h->n_y; i++)
        gk_chart__cell_draw(out,
                            (gk_chart__box){plot.x + CELL * (double)(i % h->n_x),
                                            plot.y + TALL * (double)(i / h->n_x), CELL - 1, TALL - 1},
                            &h->cell[i]);
    double under = plot.y + plot.height + gk_chart__axis_depth(&x, plot.width, GK_CHART__SMALL_SIZE) + 28;
    double key = left + KEY_WIDTH + 24 > left + plot.width ? MARGIN + 14 : left;
    gk_chart__shades_draw(out, (gk_chart__box){key, under, KEY_WIDTH, KEY_TALL}, h->sides, h->tick,
                          h->n_ticks, h->shades);
    out->width = fmax(left + plot.width + 16, key + KEY_WIDTH + 24);
    out->height = under + KEY_TALL + 24;
}
