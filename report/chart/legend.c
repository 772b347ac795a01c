/* legend.c: what colours, lines and shapes mean. */
#include "report/chart/chart.h"

enum { SAMPLE = 22, LINE = 20, APART = 16 };

static double width_of(const gk_chart__key *k) {
    return SAMPLE + 6 + gk_chart__text_width(k->text) * GK_CHART__SMALL_SIZE / GK_CHART__FONT_SIZE + APART;
}

static void draw(gk_chart__canvas *c, const gk_chart__key *k, double x, double y) {
    const gk_chart__face face = {.size = GK_CHART__SMALL_SIZE, .fill = gk_chart__ink_hex(GK_CHART__SOFT)};
    double middle = x + SAMPLE / 2.0;
    if (k->shape == GK_CHART__KEY_BOX) gk_chart__rect(c, (gk_chart__box){x + 5, y - 6, 12, 12}, k->colour);
    if (k->shape == GK_CHART__KEY_LINE) gk_chart__line(c, x, y, x + SAMPLE, y, k->colour, 2, k->dash);
    if (k->shape == GK_CHART__KEY_RULE)
        gk_chart__line(c, middle, y - 8, middle, y + 8, k->colour, 1.4, k->dash);
    if (k->shape == GK_CHART__KEY_DOT || k->shape == GK_CHART__KEY_INTERVAL)
        gk_chart__interval(c, true, y, x + 2, x + SAMPLE - 2, 4, k->colour);
    if (k->shape == GK_CHART__KEY_DOT || k->shape == GK_CHART__KEY_RING)
        gk_chart__dot(c, middle, y, 3.5, k->colour, k->shape == GK_CHART__KEY_RING);
    if (k->shape == GK_CHART__KEY_ABOVE) gk_chart__notch(c, middle, y + 4, false, k->colour);
    if (k->shape == GK_CHART__KEY_BELOW) gk_chart__notch(c, middle, y - 4, true, k->colour);
    gk_chart__label(c, x + SAMPLE + 6, y, &face, k->text);
}

double gk_chart__legend(gk_chart__canvas *c, const gk_chart__key *key, size_t n, double x, double y,
                        double width) {
    double at = 0, down = 0;
    for (size_t i = 0; i < n; i++) {
        double takes = width_of(&key[i]);
        if (at > 0 && at + takes - APART > width) {
            at = 0;
            down += LINE;
        }
        if (c) draw(c, &key[i], x + at, y + down + LINE / 2.0);
        at += takes;
    }
    return n ? down + LINE : 0;
}
