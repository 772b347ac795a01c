/* chart.h: charts as SVG, drawn once from numbers: axes with ticks, rows of bars or dots with intervals,
 * panels of lines, coloured cells, legends. The caller writes a number once; what is drawn, what a mark says
 * when pointed at, and its data-* attributes are that text. An element is complete by itself: size, font,
 * colours, axis titles and legend are in it. Internal to report/. */
#ifndef GK_REPORT_CHART_CHART_H
#define GK_REPORT_CHART_CHART_H

#include "graftkit/core/memory.h"

/* ---------------------------------------------------------------- colours (palette.c) */

/* Okabe and Ito's colours, which colour-blind readers can tell apart; greys; what pictures are made of. The
 * first eight are also the order in which lines, runs and models get theirs. */
typedef enum gk_chart__ink {
    GK_CHART__BLUE,
    GK_CHART__ORANGE,
    GK_CHART__GREEN,
    GK_CHART__PINK,
    GK_CHART__SKY,
    GK_CHART__RED,
    GK_CHART__YELLOW,
    GK_CHART__DARK,
    GK_CHART__GREY,
    GK_CHART__PALE,   /* blue, behind a line of the same */
    GK_CHART__TEXT,   /* names and numbers */
    GK_CHART__SOFT,   /* axis titles */
    GK_CHART__AXIS,   /* axes */
    GK_CHART__GRID,   /* grid lines */
    GK_CHART__GROUND, /* the model that a plan starts from */
    GK_CHART__EMPTY,  /* a cell without a value */
    GK_CHART__WHITE,
    GK_CHART__N_INKS
} gk_chart__ink;
enum { GK_CHART__N_SERIES_INKS = GK_CHART__GREY };
/* "#0072b2" */
const char *gk_chart__ink_hex(gk_chart__ink ink);
const char *gk_chart__series_hex(size_t i);
/* From light to dark, t from 0 to 1, so that it survives grey print and colour blindness. Returns hex. */
char *gk_chart__shade_hex(double t, char hex[8]);
/* What is written over such a shade. */
const char *gk_chart__shade_ink(double t);
/* The same on two sides of nothing, which is t = 0.5 and nearly white: red below, blue above. */
char *gk_chart__sides_hex(double t, char hex[8]);
const char *gk_chart__sides_ink(double t);

/* ---------------------------------------------------------------- text (text.c) */

enum { GK_CHART__FONT_SIZE = 14, GK_CHART__SMALL_SIZE = 12, GK_CHART__TITLE_LINES = 3 };
/* The most that a text takes at GK_CHART__FONT_SIZE, in pixels. */
double gk_chart__text_width(const char *text);
/* `text`, or as many of its bytes as make `most` with an ellipsis, cut between characters; in `a`. */
const char *gk_chart__text_clip(gk_arena *a, const char *text, size_t most);
/* A name as one line or two; cut where they are too long. Returns how many; line[1] may be "". */
int gk_chart__text_lines(gk_arena *a, const char *name, const char *line[2]);
/* A title in up to GK_CHART__TITLE_LINES lines of at most `width` pixels at GK_CHART__FONT_SIZE. Returns how
 * many. */
int gk_chart__text_title(gk_arena *a, const char *title, double width,
                         const char *line[GK_CHART__TITLE_LINES]);
/* A number for readers: with a minus sign instead of a hyphen, "3e-05" as a power of ten. In `a`. */
const char *gk_chart__text_number(gk_arena *a, const char *number);

/* ---------------------------------------------------------------- a drawing (canvas.c) */

typedef struct gk_chart__canvas { /* zero-initialise */
    gk_buf body;
    double width, height; /* pixels; may be set last */
} gk_chart__canvas;

typedef struct gk_chart__box { /* pixels, from above */
    double x, y, width, height;
} gk_chart__box;

typedef enum gk_chart__anchor { GK_CHART__START, GK_CHART__MIDDLE, GK_CHART__END } gk_chart__anchor;
typedef struct gk_chart__face { /* zero: GK_CHART__FONT_SIZE, GK_CHART__START, GK_CHART__TEXT */
    double size;
    gk_chart__anchor anchor;
    const char *fill;
    bool bold, mono, upward; /* upward: turned, read from below */
} gk_chart__face;

/* What a mark says of itself, as texts; what is NULL (n: 0) is left out. */
typedef struct gk_chart__says {
    const char *scheme;                /* several that are one mark: a line each */
    const char *series;                /* a run, a curve, a component */
    const char *template_name, *place; /* as in the store, and in words */
    const char *x_name, *x;            /* "layer" and "3" */
    const char *metric, *what;         /* as in the store, and in words: "top-5 accuracy" */
    const char *value, *low, *high;    /* as in the tables */
    const char *unit;                  /* behind them: "%" */
    const char *values_x, *values;     /* of a line: all of them, with blanks between */
    size_t n, rows;                    /* prompts; facts that they are of; 0: not said */
    const char *title;                 /* instead of what is made of the others */
} gk_chart__says;

/* Groups: of what belongs to these schemes, a line each, which the page's filter dims; of one mark. Both end
 * with gk_chart__close. */
void gk_chart__schemes(gk_chart__canvas *c, const char *schemes);
void gk_chart__mark(gk_chart__canvas *c, const gk_chart__says *says);
void gk_chart__close(gk_chart__canvas *c);
/* y: the text's base line; at upward text x is that. */
void gk_chart__text(gk_chart__canvas *c, double x, double y, const gk_chart__face *face, const char *text);
/* y: the middle of the letters. */
void gk_chart__label(gk_chart__canvas *c, double x, double y, const gk_chart__face *face, const char *text);
void gk_chart__rect(gk_chart__canvas *c, gk_chart__box b, const char *fill);
/* A polygon, colour first: what reads pages' bars finds them so since pages were drawn by gnuplot. */
void gk_chart__bar(gk_chart__canvas *c, gk_chart__box b, const char *fill);
/* A rectangle with more attributes, "" or with a blank before each. */
void gk_chart__rect_with(gk_chart__canvas *c, gk_chart__box b, const char *fill, const char *attributes);
void gk_chart__line(gk_chart__canvas *c, double x0, double y0, double x1, double y1, const char *stroke,
                    double width, const char *dash);
void gk_chart__dot(gk_chart__canvas *c, double x, double y, double r, const char *colour, bool ring);
/* A small triangle that points to (x, y), from above or from below. */
void gk_chart__notch(gk_chart__canvas *c, double x, double y, bool below, const char *colour);
/* From `low` to `high`, across or down at `at`, with ends `half` long to both sides. */
void gk_chart__interval(gk_chart__canvas *c, bool across, double at, double low, double high, double half,
                        const char *stroke);
/* Lines between places (x, y, x, y, …), interrupted where one is NaN; nowhere farther off than 0.05 pixels.
 */
void gk_chart__path(gk_chart__canvas *c, const double *xy, size_t n, const char *stroke, double width,
                    const char *dash);
/* Adds the <svg> element with its title for those who do not see it. */
void gk_chart__svg(const gk_chart__canvas *c, const char *title, gk_buf *out);
void gk_chart__free(gk_chart__canvas *c);

/* ---------------------------------------------------------------- axes (axis.c) */

typedef struct gk_chart__tick {
    double at;
    const char *text;
} gk_chart__tick;
typedef struct gk_chart__axis {
    double low, high; /* the ends */
    bool log;
    const char *title; /* NULL: none */
    double away;       /* of a title beside the plot: how far off, in pixels; 0: beyond the ticks */
    const gk_chart__tick *tick;
    size_t n;
    bool names; /* ticks are names: none is left out, they are turned where they are too wide */
} gk_chart__axis;
/* From low to high with at most so many round ticks, each with `unit` behind it. */
gk_chart__axis gk_chart__axis_round(gk_arena *a, double low, double high, size_t most, const char *unit);
/* 0 to 100 by quarters, the last with a % sign. */
gk_chart__axis gk_chart__axis_percent(void);
/* Pixels of a value on an axis drawn from `from` to `to`. */
double gk_chart__axis_place(const gk_chart__axis *x, double value, double from, double to);
/* What an axis takes under the plot (of this width) or left of it, titles included, at this size of text. */
double gk_chart__axis_depth(const gk_chart__axis *x, double width, double size);
double gk_chart__axis_breadth(const gk_chart__axis *y, double size);
/* Under, left and right of the plot, with grid lines across it where `grid` is set. */
void gk_chart__axis_under(gk_chart__canvas *c, const gk_chart__axis *x, gk_chart__box plot, double size,
                          bool grid);
void gk_chart__axis_left(gk_chart__canvas *c, const gk_chart__axis *y, gk_chart__box plot, double size,
                         bool grid);
void gk_chart__axis_right(gk_chart__canvas *c, const gk_chart__axis *y, gk_chart__box plot, double size);

/* ---------------------------------------------------------------- legends (legend.c) */

typedef struct gk_chart__key {
    enum {
        GK_CHART__KEY_BOX,
        GK_CHART__KEY_LINE,
        GK_CHART__KEY_DOT,
        GK_CHART__KEY_RING,
        GK_CHART__KEY_RULE,
        GK_CHART__KEY_ABOVE,
        GK_CHART__KEY_BELOW,
        GK_CHART__KEY_INTERVAL
    } shape;
    const char *colour, *dash; /* dash: NULL, or as stroke-dasharray has it */
    const char *text;
} gk_chart__key;
/* Draws keys beside each other, in lines `width` wide, from (x, y) downwards; c may be NULL. Returns the
 * height. */
double gk_chart__legend(gk_chart__canvas *c, const gk_chart__key *key, size_t n, double x, double y,
                        double width);

/* ---------------------------------------------------------------- rows (rows.c) */

/* Of a row: a bar, a dot or ring with its interval, or a notch at the row's upper or lower edge. */
typedef struct gk_chart__row_mark {
    enum { GK_CHART__BAR, GK_CHART__DOT, GK_CHART__RING, GK_CHART__ABOVE, GK_CHART__BELOW } shape;
    double x, low, high; /* low NaN: no interval */
    bool floats;         /* a bar that begins at `from`, not at the axis */
    double from;
    bool on_bar; /* in the middle of the bar before it, not of the row */
    const char *colour;
    const char *told; /* right of the plot; NULL: nothing */
    gk_chart__says says;
} gk_chart__row_mark;
typedef struct gk_chart__row {
    const char *name;               /* may take two lines */
    const char *schemes;            /* that the filter knows it by */
    const gk_chart__row_mark *mark; /* bars under each other, all else in the row's middle or on a bar */
    size_t n;
    const char *told[2]; /* right of the plot, in columns; NULL: nothing */
    double band;         /* how far to both sides of 0 a band behind the marks goes; 0: there is none */
} gk_chart__row;
typedef struct gk_chart__rule { /* a line across all rows */
    double x;
    const char *name, *colour; /* name NULL: none is written */
    bool solid;
    const gk_chart__says *says; /* may be NULL */
} gk_chart__rule;
typedef struct gk_chart__rows {
    double width;  /* more where names leave too little of it */
    bool one_line; /* names are not broken */
    const gk_chart__row *row;
    size_t n;
    gk_chart__axis x;
    const gk_chart__rule *rule;
    size_t n_rules;
    const gk_chart__key *key;
    size_t n_keys;
    const char *head[2]; /* over the columns of what is told; NULL: nothing */
} gk_chart__rows;
void gk_chart__rows_draw(gk_arena *a, const gk_chart__rows *k, gk_chart__canvas *out);

/* ---------------------------------------------------------------- panels (panel.c) */

typedef struct gk_chart__point {
    double x, y, low, high;     /* low NaN: no interval */
    const gk_chart__says *says; /* NULL: it is no mark of its own */
    const char *schemes;        /* that the filter knows it by; NULL: those of its series */
} gk_chart__point;
typedef struct gk_chart__series {
    bool line, dots, rings, bars;
    bool right; /* on the right axis */
    const char *colour, *dash;
    double width;
    const gk_chart__point *point;
    size_t n;
    const char *schemes;        /* that the filter knows the line by; NULL: none */
    const gk_chart__says *says; /* of the line; NULL: nothing */
} gk_chart__series;
typedef struct gk_chart__panel {
    const char *title, *schemes; /* NULL: none */
    gk_chart__axis x, y, right;  /* right: where it has ticks */
    bool diagonal;
    double size; /* of its text; 0: GK_CHART__SMALL_SIZE */
    bool bare;   /* the axis under it is another panel's */
    const gk_chart__series *series;
    size_t n;
} gk_chart__panel;
/* In this place of the drawing, its axes around it. */
void gk_chart__panel_draw(gk_arena *a, gk_chart__canvas *c, const gk_chart__panel *p, gk_chart__box plot);
/* Small multiples, all with the axes of the first. */
void gk_chart__panels_draw(gk_arena *a, const gk_chart__panel *p, size_t n, const gk_chart__key *key,
                           size_t n_keys, gk_chart__canvas *out);

/* ---------------------------------------------------------------- cells (cells.c) */

typedef struct gk_chart__cell {
    const char *schemes; /* that the filter knows it by; NULL: none */
    double shade;        /* NaN: no value; below 0: exactly nothing, which no colour is */
    bool sides;          /* the shade is of gk_chart__sides_hex */
    const char *text;    /* NULL: it is too small for one */
    gk_chart__says says;
} gk_chart__cell;
void gk_chart__cell_draw(gk_chart__canvas *c, gk_chart__box b, const gk_chart__cell *cell);
/* A scale of shades (`sides`: of gk_chart__sides_hex) with ticks from 0 to 1 under it, and its title beside
 * it. */
void gk_chart__shades_draw(gk_chart__canvas *c, gk_chart__box b, bool sides, const gk_chart__tick *tick,
                           size_t n, const char *title);

typedef struct gk_chart__heat {
    const gk_chart__cell *cell; /* [n_y * n_x] */
    size_t n_x, n_y;
    const char **x, **y;                    /* names */
    const char *x_title, *y_title, *shades; /* y_title and shades (what they mean) may be NULL */
    const gk_chart__tick *tick;             /* of the shades */
    size_t n_ticks;
    bool sides; /* the shades are of gk_chart__sides_hex */
} gk_chart__heat;
void gk_chart__heat_draw(gk_arena *a, const gk_chart__heat *h, gk_chart__canvas *out);

#endif
