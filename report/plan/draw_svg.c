/* draw_svg.c: plans as one SVG file, for a browser or a paper. */
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/graft/plan.h"
#include "report/chart/chart.h"
#include "report/plan/draw.h"

#include <stdlib.h>
#include <string.h>

enum {
    MARGIN = 16,
    CHAR = 7,   /* of the text beside the cells */
    ROW = 18,   /* a token */
    CELL = 22,  /* a layer's width at the least */
    STRIPE = 3, /* a component's width at the least, where it differs from its neighbours */
    OUTER = 36, /* embed, pos, lnf, head */
    GAP = 8,    /* before and after the layers */
    LINE = 17,  /* of the legend */
    ABOVE_CELLS = 58
};

typedef struct svg {
    const gk_drawing *d;
    gk_arena *a;
    gk_draw__table_of_plan t;
    gk_chart__canvas *out;
    int *x; /* [n_columns + 1]: where the columns begin */
    int top, width, height;
} svg;

/* ---------------------------------------------------------------- sizes */

static int widest(const char *const *text, int n) {
    int most = 0;
    for (int i = 0; i < n; i++) {
        int w = gk_draw__width(text[i]);
        if (w > most) most = w;
    }
    return most;
}

static int column_width(const gk_draw__column *c) {
    if (c->layer < 0) return OUTER;
    return c->n * STRIPE > CELL ? c->n * STRIPE : CELL;
}

static bool layers_begin_or_end(const svg *s, int c) {
    return c > 0 && (s->t.column[c].layer < 0) != (s->t.column[c - 1].layer < 0);
}

static void measure(svg *s) {
    const gk_drawing *d = s->d;
    int x = MARGIN + CHAR * (widest(d->token, s->t.n_tokens) + 6);
    s->x = gk_arena_alloc(s->a, ((size_t)s->t.n_columns + 1) * sizeof *s->x);
    for (int c = 0; c < s->t.n_columns; c++) {
        x += layers_begin_or_end(s, c) ? GAP : 0;
        s->x[c] = x;
        x += column_width(&s->t.column[c]);
    }
    s->x[s->t.n_columns] = x;
    s->width = x + GAP + CHAR * widest(d->label, s->t.n_tokens) + MARGIN;
    int text = MARGIN * 2 + (CHAR + 1) * (gk_draw__width(d->title) + 2);
    for (int i = 0; i < s->t.n_mix; i++) {
        int w = MARGIN * 3 + CELL + CHAR * gk_draw__width(gk_draw__words(s->a, d, &s->t, GK_DRAW__MIXED + i));
        if (w > text) text = w;
    }
    int about = MARGIN * 2 + CHAR * gk_draw__width(d->about);
    if (about > text) text = about;
    if (text > s->width) s->width = text;
    s->height = ABOVE_CELLS + ROW * s->t.n_tokens + LINE * (s->t.n_mix + 1 + (s->t.n_mix > 0)) + 2 * MARGIN;
}

/* ---------------------------------------------------------------- pieces */

enum { SMALL = 11, LETTER = 10, TITLE = 14 };

/* Beside the cells: names and what is said. */
static void put_words(svg *s, double x, double y, const char *text) {
    const gk_chart__face face = {.size = SMALL, .fill = gk_chart__ink_hex(GK_CHART__SOFT)};
    gk_chart__text(s->out, x, y, &face, text);
}

/* A cell: one colour, or a stripe for each run of components of one model. Where the residual stream is
 * replaced a box of that model's colour stands in it, a round one for a mean. */
static void put_cell(svg *s, int x, int y, int w, int h, int cell) {
    if (cell < GK_DRAW__MIXED) {
        gk_chart__rect(s->out, (gk_chart__box){x, y, w, h}, gk_draw__colour_of(cell).hex);
        return;
    }
    const uint8_t *models = s->t.mix[cell - GK_DRAW__MIXED];
    int n = s->t.mixed[cell - GK_DRAW__MIXED]->n;
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && models[end] == models[i]; end++) {
        }
        double left = (double)w * i / n, right = (double)w * end / n;
        gk_chart__rect(s->out, (gk_chart__box){x + left, y, right - left, h},
                       gk_draw__colour_of(models[i]).hex);
    }
    if (!models[GK_DRAW__PATCH]) return;
    gk_chart__rect_with(s->out, (gk_chart__box){x + w / 4, y + 4, w / 2, h - 8},
                        gk_draw__colour_of(gk_patch_model(models[GK_DRAW__PATCH])).hex,
                        gk_patch_is_mean(models[GK_DRAW__PATCH]) ? " stroke=\"#222\" rx=\"5\""
                                                                 : " stroke=\"#222\"");
}

/* The letter tells models apart where colours do not: in print, and beyond eight of them. */
static void put_letter(svg *s, int x, int y, int w, int model) {
    if (model == 0 || model >= GK_DRAW__MIXED) return;
    const gk_chart__face face = {
        .size = LETTER,
        .anchor = GK_CHART__MIDDLE,
        .mono = true,
        .fill = gk_chart__ink_hex(gk_draw__colour_of(model).dark ? GK_CHART__WHITE : GK_CHART__TEXT)};
    const char letter[] = {s->t.letter[model], 0};
    gk_chart__text(s->out, x + w / 2, y + ROW - 6, &face, letter);
}

/* "layer 2, token 3 in: q k v from task, the rest from pre" */
static void begin_cell(svg *s, const gk_draw__column *col, int token, int cell) {
    const char *words = gk_draw__words(s->a, s->d, &s->t, cell);
    const gk_chart__says says = {.series = col->name,
                                 .x = gk_arena_printf(s->a, "%d", token),
                                 .metric = "model",
                                 .value = words,
                                 .title = gk_arena_printf(s->a, "%s%s, token %d %s: %s",
                                                          col->layer < 0 ? "" : "layer ", col->name, token,
                                                          s->d->token[token], words)};
    gk_chart__mark(s->out, &says);
}

static void put_cells(svg *s) {
    const gk_chart__face head = {
        .size = SMALL, .anchor = GK_CHART__MIDDLE, .mono = true, .fill = gk_chart__ink_hex(GK_CHART__SOFT)};
    for (int c = 0; c < s->t.n_columns; c++) {
        const gk_draw__column *col = &s->t.column[c];
        int w = column_width(col);
        gk_chart__text(s->out, s->x[c] + w / 2, s->top - 6, &head, col->name);
        for (int i = 0; i < s->t.n_tokens; i++) {
            int cell = gk_draw__cell(&s->t, c, i), y = s->top + ROW * i;
            begin_cell(s, col, i, cell);
            put_cell(s, s->x[c], y, w - 1, ROW - 1, cell);
            put_letter(s, s->x[c], y, w, cell);
            gk_chart__close(s->out);
        }
    }
}

static void put_rows(svg *s) {
    const gk_chart__face number = {.size = SMALL,
                                   .anchor = GK_CHART__END,
                                   .mono = true,
                                   .fill = gk_chart__ink_hex(GK_CHART__GREY)},
                         token = {.size = SMALL, .anchor = GK_CHART__END, .mono = true};
    for (int i = 0; i < s->t.n_tokens; i++) {
        int y = s->top + ROW * i + ROW - 5;
        gk_chart__text(s->out, MARGIN + 3 * CHAR, y, &number, gk_arena_printf(s->a, "%d", i));
        gk_chart__text(s->out, s->x[0] - GAP, y, &token, s->d->token[i]);
        if (*s->d->label[i]) put_words(s, s->x[s->t.n_columns] + GAP, y, s->d->label[i]);
    }
}

static void put_legend(svg *s) {
    int y = s->top + ROW * s->t.n_tokens + MARGIN, x = MARGIN;
    for (int m = 0; m < s->d->cast->n; m++) {
        if (!s->t.used[m]) continue;
        put_cell(s, x, y, CELL, LINE - 4, m);
        put_letter(s, x, y - 3, CELL, m);
        put_words(s, x + CELL + 6, y + LINE - 6, s->d->cast->name[m]);
        x += CELL + 6 + CHAR * (gk_draw__width(s->d->cast->name[m]) + 2);
    }
    if (s->t.n_mix == 0) return;
    const gk_draw__column *col =
        s->t.mixed[0]; /* of a layer where there is one: embed and pos have no stripes */
    for (int i = 0; i < s->t.n_mix; i++)
        if (s->t.mixed[i]->n > col->n) col = s->t.mixed[i];
    gk_buf order = {0};
    gk_buf_puts(&order, "stripes, from the left:");
    for (int i = 0; i < col->n; i++) gk_buf_printf(&order, " %s", gk_component_name(col->comp[i]));
    if (col->n > 1) {
        y += LINE;
        put_words(s, MARGIN, y + LINE - 6, order.data);
    }
    gk_buf_free(&order);
    for (int i = 0; i < s->t.n_mix; i++) {
        y += LINE;
        put_cell(s, MARGIN, y, column_width(s->t.mixed[i]) - 1, LINE - 4, GK_DRAW__MIXED + i);
        put_words(s, MARGIN + column_width(s->t.mixed[i]) + 6, y + LINE - 6,
                  gk_draw__words(s->a, s->d, &s->t, GK_DRAW__MIXED + i));
    }
}

/* ---------------------------------------------------------------- the file */

static void put_drawing(svg *s, int top) {
    const gk_chart__face title = {.size = TITLE, .bold = true};
    gk_chart__text(s->out, MARGIN, top + 20, &title, s->d->title);
    put_words(s, MARGIN, top + 37, s->d->about);
    s->top = top + ABOVE_CELLS;
    put_cells(s);
    put_rows(s);
    put_legend(s);
}

bool gk_draw_svg(const gk_drawing *list, size_t n, const char *path, gk_error *err) {
    gk_arena *a = gk_arena_new();
    gk_chart__canvas chart = {0};
    gk_buf out = {0};
    for (size_t i = 0; i < n; i++) {
        svg s = {.d = &list[i], .a = a, .t = gk_draw__table(a, &list[i]), .out = &chart};
        measure(&s);
        put_drawing(&s, (int)chart.height);
        if (s.width > chart.width) chart.width = s.width;
        chart.height += s.height;
    }
    gk_chart__svg(&chart, "Who computes what: tokens down, layers across", &out);
    bool ok = gk_write_file(path, out.data, out.len, err);
    gk_chart__free(&chart);
    gk_buf_free(&out);
    gk_arena_free(a);
    return ok;
}
