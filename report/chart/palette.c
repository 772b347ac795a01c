/* palette.c: all colours of all pictures. */
#include "report/chart/chart.h"

#include <math.h>

static const char *const INK[GK_CHART__N_INKS] = {
    [GK_CHART__BLUE] = "#0072b2",   [GK_CHART__ORANGE] = "#e69f00", [GK_CHART__GREEN] = "#009e73",
    [GK_CHART__PINK] = "#cc79a7",   [GK_CHART__SKY] = "#56b4e9",    [GK_CHART__RED] = "#d55e00",
    [GK_CHART__YELLOW] = "#f0e442", [GK_CHART__DARK] = "#333333",   [GK_CHART__GREY] = "#777777",
    [GK_CHART__PALE] = "#9ccfee",   [GK_CHART__TEXT] = "#111111",   [GK_CHART__SOFT] = "#444444",
    [GK_CHART__AXIS] = "#888888",   [GK_CHART__GRID] = "#dddddd",   [GK_CHART__GROUND] = "#d9d9d9",
    [GK_CHART__EMPTY] = "#f4f4f4",  [GK_CHART__WHITE] = "#ffffff"};

const char *gk_chart__ink_hex(gk_chart__ink ink) {
    return INK[ink];
}

const char *gk_chart__series_hex(size_t i) {
    return INK[i % GK_CHART__N_SERIES_INKS];
}

/* ColorBrewer's YlGnBu and RdBu. */
enum { STOPS = 9 };
typedef unsigned char stops[STOPS][3];
static const stops SHADES = {{255, 255, 217}, {237, 248, 177}, {199, 233, 180},
                             {127, 205, 187}, {65, 182, 196},  {29, 145, 192},
                             {34, 94, 168},   {37, 52, 148},   {8, 29, 88}};
static const stops SIDES = {{178, 24, 43},   {214, 96, 77},   {244, 165, 130},
                            {253, 219, 199}, {247, 247, 247}, {209, 229, 240},
                            {146, 197, 222}, {67, 147, 195},  {33, 102, 172}};

static char *between(const stops stop, double t, char hex[8]) {
    double at = (STOPS - 1) * fmin(1, fmax(0, t));
    int i = at < STOPS - 2 ? (int)at : STOPS - 2;
    unsigned rgb[3];
    for (int k = 0; k < 3; k++)
        rgb[k] = (unsigned)lround(stop[i][k] + (at - i) * (stop[i + 1][k] - stop[i][k]));
    snprintf(hex, 8, "#%02x%02x%02x", rgb[0] & 0xFF, rgb[1] & 0xFF, rgb[2] & 0xFF);
    return hex;
}

char *gk_chart__shade_hex(double t, char hex[8]) {
    return between(SHADES, t, hex);
}

const char *gk_chart__shade_ink(double t) {
    return INK[t > 0.55 ? GK_CHART__WHITE : GK_CHART__TEXT];
}

char *gk_chart__sides_hex(double t, char hex[8]) {
    return between(SIDES, t, hex);
}

const char *gk_chart__sides_ink(double t) {
    return INK[fabs(t - 0.5) > 0.35 ? GK_CHART__WHITE : GK_CHART__TEXT];
}
