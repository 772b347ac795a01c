/* axis.c: from values to pixels, round ticks, and axes under and beside a plot. */
#include "report/chart/chart.h"

#include <math.h>

enum { TICK = 5, GAP = 4 };

/* ---------------------------------------------------------------- ticks */

/* The least of 1, 2 and 5 times a power of ten that makes at most so many steps. */
static double round_step(double range, size_t most) {
    double least = range / (double)most, power = pow(10, floor(log10(least)));
    for (int i = 0; i < 3; i++) {
        static const double of[] = {1, 2, 5};
        if (of[i] * power >= least * (1 - 1e-9)) return of[i] * power;
    }
    return 10 * power;
}

/* Digits after the point that tell multiples of the step apart. */
static int digits_of(double step) {
    int n = (int)ceil(-log10(step) - 1e-9);
    return n < 0 ? 0 : n;
}

gk_chart__axis gk_chart__axis_round(gk_arena *a, double low, double high, size_t most, const char *unit) {
    gk_chart__axis x = {.low = low, .high = high};
    if (!(high > low) || !isfinite(high - low)) return x;
    double step = round_step(high - low, most), first = ceil(low / step - 1e-9);
    gk_chart__tick *tick = gk_arena_alloc(a, (most + 2) * sizeof *tick);
    int digits = digits_of(step);
    while (x.n < most + 2 && (first + (double)x.n) * step <= high + 1e-9 * step) {
        double at = (first + (double)x.n) * step;
        if (fabs(at) < step / 2) at = 0; /* never -0 */
        const char *text =
            fabs(at) < 1e7 ? gk_arena_printf(a, "%.*f", digits, at) : gk_arena_printf(a, "%.4g", at);
        tick[x.n++] = (gk_chart__tick){
            at, gk_chart__text_number(a, *unit ? gk_arena_printf(a, "%s%s", text, unit) : text)};
    }
    x.tick = tick;
    return x;
}

gk_chart__axis gk_chart__axis_percent(void) {
    static const gk_chart__tick tick[] = {{0, "0"}, {25, "25"}, {50, "50"}, {75, "75"}, {100, "100%"}};
    return (gk_chart__axis){.high = 100, .tick = tick, .n = sizeof tick / sizeof *tick};
}

/* ---------------------------------------------------------------- places */

double gk_chart__axis_place(const gk_chart__axis *x, double value, double from, double to) {
    double low = x->low, high = x->high;
    if (x->log) {
        value = log(value);
        low = log(low);
        high = log(high);
    }
    return high > low ? from + (to - from) * (value - low) / (high - low) : (from + to) / 2;
}

static double width_of(const char *text, double size) {
    return gk_chart__text_width(text) * size / GK_CHART__FONT_SIZE;
}

static double widest(const gk_chart__axis *x, double size) {
    double most = 0;
    for (size_t i = 0; i < x->n; i++) most = fmax(most, width_of(x->tick[i].text, size));
    return most;
}

/* Names that do not fit beside each other are turned. */
static bool is_turned(const gk_chart__axis *x, double width, double size) {
    for (size_t i = 1; x->names && i < x->n; i++) {
        double apart = fabs(gk_chart__axis_place(x, x->tick[i].at, 0, width) -
                            gk_chart__axis_place(x, x->tick[i - 1].at, 0, width));
        double need = (width_of(x->tick[i].text, size) + width_of(x->tick[i - 1].text, size)) / 2;
        if (need + GAP > apart) return true;
    }
    return false;
}

double gk_chart__axis_depth(const gk_chart__axis *x, double width, double size) {
    double text = is_turned(x, width, size) ? widest(x, size) : 1.1 * size;
    return TICK + GAP + (x->n ? text : 0) + (x->title ? 1.7 * size : 4);
}

double gk_chart__axis_breadth(const gk_chart__axis *y, double size) {
    return TICK + GAP + widest(y, size) + (y->title ? 1.9 * size : 4);
}

/* ---------------------------------------------------------------- drawing */

static bool is_within(const gk_chart__axis *x, double at) {
    double slack = 1e-9 * fabs(x->high - x->low);
    return at >= x->low - slack && at <= x->high + slack;
}

void gk_chart__axis_under(gk_chart__canvas *c, const gk_chart__axis *x, gk_chart__box plot, double size,
                          bool grid) {
    const char *soft = gk_chart__ink_hex(GK_CHART__SOFT), *axis = gk_chart__ink_hex(GK_CHART__AXIS);
    double bottom = plot.y + plot.height, right = plot.x + plot.width, taken = -INFINITY;
    bool turned = is_turned(x, plot.width, size);
    gk_chart__face face = {
        .size = size, .anchor = turned ? GK_CHART__END : GK_CHART__MIDDLE, .fill = soft, .upward = turned};
    for (size_t i = 0; i < x->n; i++) {
        if (!is_within(x, x->tick[i].at)) continue;
        double at = gk_chart__axis_place(x, x->tick[i].at, plot.x, right),
               half = width_of(x->tick[i].text, size) / 2;
        if (grid) gk_chart__line(c, at, plot.y, at, bottom, gk_chart__ink_hex(GK_CHART__GRID), 0.6, NULL);
        gk_chart__line(c, at, bottom, at, bottom + TICK, axis, 1, NULL);
        if (!turned && at - half < taken + GAP / 2.0) continue;
        taken = turned ? taken : at + half;
        gk_chart__text(c, turned ? at + 0.36 * size : at,
                       turned ? bottom + TICK + GAP : bottom + TICK + GAP + 0.8 * size, &face,
                       x->tick[i].text);
    }
    gk_chart__line(c, plot.x, bottom, right, bottom, axis, 1, NULL);
    face = (gk_chart__face){.size = size, .anchor = GK_CHART__MIDDLE, .fill = soft};
    if (x->title)
        gk_chart__text(c, plot.x + plot.width / 2,
                       bottom + gk_chart__axis_depth(x, plot.width, size) - 0.45 * size, &face, x->title);
}

static void draw_beside(gk_chart__canvas *c, const gk_chart__axis *y, gk_chart__box plot, double size,
                        bool grid, int side) {
    const char *soft = gk_chart__ink_hex(GK_CHART__SOFT), *axis = gk_chart__ink_hex(GK_CHART__AXIS);
    double bottom = plot.y + plot.height, x = side < 0 ? plot.x : plot.x + plot.width, taken = INFINITY;
    gk_chart__face face = {.size = size, .anchor = side < 0 ? GK_CHART__END : GK_CHART__START, .fill = soft};
    for (size_t i = 0; i < y->n; i++) {
        if (!is_within(y, y->tick[i].at)) continue;
        double at = gk_chart__axis_place(y, y->tick[i].at, bottom, plot.y);
        if (grid)
            gk_chart__line(c, plot.x, at, plot.x + plot.width, at, gk_chart__ink_hex(GK_CHART__GRID), 0.6,
                           NULL);
        gk_chart__line(c, x, at, x + side * TICK, at, axis, 1, NULL);
        if (at > taken - size) continue;
        taken = at;
        gk_chart__label(c, x + side * (TICK + GAP), at, &face, y->tick[i].text);
    }
    gk_chart__line(c, x, plot.y, x, bottom, axis, 1, NULL);
    face = (gk_chart__face){.size = size, .anchor = GK_CHART__MIDDLE, .fill = soft, .upward = true};
    double away = y->away > 0 ? y->away : gk_chart__axis_breadth(y, size) - (side < 0 ? 1.1 : 0.4) * size;
    if (y->title) gk_chart__text(c, x + side * away, plot.y + plot.height / 2, &face, y->title);
}

void gk_chart__axis_left(gk_chart__canvas *c, const gk_chart__axis *y, gk_chart__box plot, double size,
                         bool grid) {
    draw_beside(c, y, plot, size, grid, -1);
}

void gk_chart__axis_right(gk_chart__canvas *c, const gk_chart__axis *y, gk_chart__box plot, double size) {
    draw_beside(c, y, plot, size, false, 1);
}
