/* legend.c: what colours, lines and shapes mean. */
#include "report/chart/chart.h"

enum { SAMPLE = 22, LINE = 20, APART = 16 };

static double width_of(const gk__key *k) {
    return SAMPLE + 6 + gk__text_width(k->text) * GK__SMALL_SIZE / GK__FONT_SIZE + APART;
}

static void draw(gk__chart *c, const gk__key *k, double x, double y) {
    const gk__face face = {.size = GK__SMALL_SIZE, .fill = gk__ink_hex(GK__SOFT)};
    double middle = x + SAMPLE / 2.0;
    if (k->shape == GK__KEY_BOX) gk__chart_rect(c, (gk__box){x + 5, y - 6, 12, 12}, k->colour);
    if (k->shape == GK__KEY_LINE) gk__chart_line(c, x, y, x + SAMPLE, y, k->colour, 2, k->dash);
    if (k->shape == GK__KEY_RULE) gk__chart_line(c, middle, y - 8, middle, y + 8, k->colour, 1.4, k->dash);
    if (k->shape == GK__KEY_DOT || k->shape == GK__KEY_INTERVAL)
        gk__chart_interval(c, true, y, x + 2, x + SAMPLE - 2, 4, k->colour);
    if (k->shape == GK__KEY_DOT || k->shape == GK__KEY_RING)
        gk__chart_dot(c, middle, y, 3.5, k->colour, k->shape == GK__KEY_RING);
    gk__chart_label(c, x + SAMPLE + 6, y, &face, k->text);
}

double gk__legend(gk__chart *c, const gk__key *key, size_t n, double x, double y, double width) {
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
