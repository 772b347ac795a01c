/* chart.h: charts as SVG, drawn once from numbers: axes with ticks, rows of bars or dots with intervals,
 * panels of lines, coloured cells, legends. The caller writes a number once; what is drawn, what a mark says
 * when pointed at, and its data-* attributes are that text. An element is complete by itself: size, font,
 * colours, axis titles and legend are in it. Internal to report/. */
#ifndef GK_REPORT_CHART_CHART_H
#define GK_REPORT_CHART_CHART_H

#include "core/core.h"

/* ---------------------------------------------------------------- colours (palette.c) */

/* Okabe and Ito's colours, which colour-blind readers can tell apart; greys; what pictures are made of. The
 * first eight are also the order in which lines, runs and models get theirs. */
typedef enum gk__ink {
    GK__BLUE,
    GK__ORANGE,
    GK__GREEN,
    GK__PINK,
    GK__SKY,
    GK__RED,
    GK__YELLOW,
    GK__DARK,
    GK__GREY,
    GK__PALE,   /* blue, behind a line of the same */
    GK__TEXT,   /* names and numbers */
    GK__SOFT,   /* axis titles */
    GK__AXIS,   /* axes */
    GK__GRID,   /* grid lines */
    GK__GROUND, /* the model that a plan starts from */
    GK__EMPTY,  /* a cell without a value */
    GK__WHITE,
    GK__N_INKS
} gk__ink;
enum { GK__N_SERIES_INKS = GK__GREY };
/* "#0072b2" */
const char *gk__ink_hex(gk__ink ink);
const char *gk__series_hex(size_t i);
/* From light to dark, t from 0 to 1, so that it survives grey print and colour blindness. Returns hex. */
char *gk__shade_hex(double t, char hex[8]);
/* What is written over such a shade. */
const char *gk__shade_ink(double t);

/* ---------------------------------------------------------------- text (text.c) */

enum { GK__FONT_SIZE = 14, GK__SMALL_SIZE = 12, GK__TITLE_LINES = 3 };
/* The most that a text takes at GK__FONT_SIZE, in pixels. */
double gk__text_width(const char *text);
/* `text`, or as many of its bytes as make `most` with an ellipsis, cut between characters; in `a`. */
const char *gk__text_clip(gk_arena *a, const char *text, size_t most);
/* A name as one line or two; cut where they are too long. Returns how many; line[1] may be "". */
int gk__text_lines(gk_arena *a, const char *name, const char *line[2]);
/* A title in up to GK__TITLE_LINES lines of at most `width` pixels at GK__FONT_SIZE. Returns how many. */
int gk__text_title(gk_arena *a, const char *title, double width, const char *line[GK__TITLE_LINES]);
/* A number for readers: with a minus sign instead of a hyphen, "3e-05" as a power of ten. In `a`. */
const char *gk__text_number(gk_arena *a, const char *number);

/* ---------------------------------------------------------------- a drawing (canvas.c) */

typedef struct gk__chart { /* zero-initialise */
    gk_buf body;
    double width, height; /* pixels; may be set last */
} gk__chart;

typedef struct gk__box { /* pixels, from above */
    double x, y, width, height;
} gk__box;

typedef enum gk__anchor { GK__START, GK__MIDDLE, GK__END } gk__anchor;
typedef struct gk__face { /* zero: GK__FONT_SIZE, GK__START, GK__TEXT */
    double size;
    gk__anchor anchor;
    const char *fill;
    bool bold, mono, upward; /* upward: turned, read from below */
} gk__face;

/* What a mark says of itself, as texts; what is NULL (n: 0) is left out. */
typedef struct gk__says {
    const char *scheme;                /* several that are one mark: a line each */
    const char *series;                /* a run, a curve, a component */
    const char *template_name, *place; /* as in the store, and in words */
    const char *x_name, *x;            /* "layer" and "3" */
    const char *metric, *what;         /* as in the store, and in words: "top-5 accuracy" */
    const char *value, *low, *high;    /* as in the tables */
    const char *unit;                  /* behind them: "%" */
    const char *values_x, *values;     /* of a line: all of them, with blanks between */
    size_t n;
    const char *title; /* instead of what is made of the others */
} gk__says;

/* Groups: of what belongs to these schemes, a line each, which the page's filter dims; of one mark. Both end
 * with gk__chart_close. */
void gk__chart_schemes(gk__chart *c, const char *schemes);
void gk__chart_mark(gk__chart *c, const gk__says *says);
void gk__chart_close(gk__chart *c);
/* y: the text's base line; at upward text x is that. */
void gk__chart_text(gk__chart *c, double x, double y, const gk__face *face, const char *text);
/* y: the middle of the letters. */
void gk__chart_label(gk__chart *c, double x, double y, const gk__face *face, const char *text);
void gk__chart_rect(gk__chart *c, gk__box b, const char *fill);
/* A rectangle with more attributes, "" or with a blank before each. */
void gk__chart_rect_with(gk__chart *c, gk__box b, const char *fill, const char *attributes);
void gk__chart_line(gk__chart *c, double x0, double y0, double x1, double y1, const char *stroke,
                    double width, const char *dash);
void gk__chart_dot(gk__chart *c, double x, double y, double r, const char *colour, bool ring);
/* From `low` to `high`, across or down at `at`, with ends `half` long to both sides. */
void gk__chart_interval(gk__chart *c, bool across, double at, double low, double high, double half,
                        const char *stroke);
/* Lines between places (x, y, x, y, …), interrupted where one is NaN; nowhere farther off than 0.05 pixels.
 */
void gk__chart_path(gk__chart *c, const double *xy, size_t n, const char *stroke, double width,
                    const char *dash);
/* Adds the <svg> element with its title for those who do not see it. */
void gk__chart_svg(const gk__chart *c, const char *title, gk_buf *out);
void gk__chart_free(gk__chart *c);

/* ---------------------------------------------------------------- axes (axis.c) */

typedef struct gk__tick {
    double at;
    const char *text;
} gk__tick;
typedef struct gk__axis {
    double low, high; /* the ends */
    bool log;
    const char *title; /* NULL: none */
    double away;       /* of a title beside the plot: how far off, in pixels; 0: beyond the ticks */
    const gk__tick *tick;
    size_t n;
    bool names; /* ticks are names: none is left out, they are turned where they are too wide */
} gk__axis;
/* From low to high with at most so many round ticks, each with `unit` behind it. */
gk__axis gk__axis_round(gk_arena *a, double low, double high, size_t most, const char *unit);
/* 0 to 100 by quarters, the last with a % sign. */
gk__axis gk__axis_percent(void);
/* Pixels of a value on an axis drawn from `from` to `to`. */
double gk__axis_place(const gk__axis *x, double value, double from, double to);
/* What an axis takes under the plot (of this width) or left of it, titles included, at this size of text. */
double gk__axis_depth(const gk__axis *x, double width, double size);
double gk__axis_breadth(const gk__axis *y, double size);
/* Under, left and right of the plot, with grid lines across it where `grid` is set. */
void gk__axis_under(gk__chart *c, const gk__axis *x, gk__box plot, double size, bool grid);
void gk__axis_left(gk__chart *c, const gk__axis *y, gk__box plot, double size, bool grid);
void gk__axis_right(gk__chart *c, const gk__axis *y, gk__box plot, double size);

/* ---------------------------------------------------------------- legends (legend.c) */

typedef struct gk__key {
    enum { GK__KEY_BOX, GK__KEY_LINE, GK__KEY_DOT, GK__KEY_RING, GK__KEY_RULE, GK__KEY_INTERVAL } shape;
    const char *colour, *dash; /* dash: NULL, or as stroke-dasharray has it */
    const char *text;
} gk__key;
/* Draws keys beside each other, in lines `width` wide, from (x, y) downwards; c may be NULL. Returns the
 * height. */
double gk__legend(gk__chart *c, const gk__key *key, size_t n, double x, double y, double width);

/* ---------------------------------------------------------------- rows (rows.c) */

typedef struct gk__row_mark { /* of a row: a bar, or a dot or ring with its interval */
    enum { GK__BAR, GK__DOT, GK__RING } shape;
    double x, low, high; /* low NaN: no interval */
    const char *colour;
    const char *told; /* right of the plot; NULL: nothing */
    gk__says says;
} gk__row_mark;
typedef struct gk__row {
    const char *name;         /* may take two lines */
    const char *schemes;      /* that the filter knows it by */
    const gk__row_mark *mark; /* bars under each other, all else in the row's middle */
    size_t n;
    const char *told[2]; /* right of the plot, in columns; NULL: nothing */
} gk__row;
typedef struct gk__rule { /* a line across all rows */
    double x;
    const char *name, *colour; /* name NULL: none is written */
    bool solid;
    const gk__says *says; /* may be NULL */
} gk__rule;
typedef struct gk__rows {
    double width;  /* more where names leave too little of it */
    bool one_line; /* names are not broken */
    const gk__row *row;
    size_t n;
    gk__axis x;
    const gk__rule *rule;
    size_t n_rules;
    const gk__key *key;
    size_t n_keys;
    const char *head[2]; /* over the columns of what is told; NULL: nothing */
} gk__rows;
void gk__rows_draw(gk_arena *a, const gk__rows *k, gk__chart *out);

/* ---------------------------------------------------------------- panels (panel.c) */

typedef struct gk__point {
    double x, y, low, high; /* low NaN: no interval */
    const gk__says *says;   /* NULL: it is no mark of its own */
    const char *schemes;    /* that the filter knows it by; NULL: those of its series */
} gk__point;
typedef struct gk__series {
    bool line, dots, rings, bars;
    bool right; /* on the right axis */
    const char *colour, *dash;
    double width;
    const gk__point *point;
    size_t n;
    const char *schemes;  /* that the filter knows the line by; NULL: none */
    const gk__says *says; /* of the line; NULL: nothing */
} gk__series;
typedef struct gk__panel {
    const char *title, *schemes; /* NULL: none */
    gk__axis x, y, right;        /* right: where it has ticks */
    bool diagonal;
    double size; /* of its text; 0: GK__SMALL_SIZE */
    bool bare;   /* the axis under it is another panel's */
    const gk__series *series;
    size_t n;
} gk__panel;
/* In this place of the drawing, its axes around it. */
void gk__panel_draw(gk_arena *a, gk__chart *c, const gk__panel *p, gk__box plot);
/* Small multiples, all with the axes of the first. */
void gk__panels_draw(gk_arena *a, const gk__panel *p, size_t n, const gk__key *key, size_t n_keys,
                     gk__chart *out);

/* ---------------------------------------------------------------- cells (cells.c) */

typedef struct gk__cell {
    const char *schemes; /* that the filter knows it by; NULL: none */
    double shade;        /* NaN: no value; below 0: exactly nothing, which no colour is */
    const char *text;    /* NULL: it is too small for one */
    gk__says says;
} gk__cell;
void gk__cell_draw(gk__chart *c, gk__box b, const gk__cell *cell);
/* A scale of shades with ticks from 0 to 1 under it, and its title beside it. */
void gk__shades_draw(gk__chart *c, gk__box b, const gk__tick *tick, size_t n, const char *title);

typedef struct gk__heat {
    const gk__cell *cell; /* [n_y * n_x] */
    size_t n_x, n_y;
    const char **x, **y;                    /* names */
    const char *x_title, *y_title, *shades; /* y_title and shades (what they mean) may be NULL */
    const gk__tick *tick;                   /* of the shades */
    size_t n_ticks;
} gk__heat;
void gk__heat_draw(gk_arena *a, const gk__heat *h, gk__chart *out);

#endif
