/* draw_text.c: a plan in a terminal, or in a log: letters always, colours where they are wanted. */
#include "report/plan/draw.h"

#include <stdio.h>
#include <string.h>

enum { WIDE = 3, NARROW = 2, MANY_LAYERS = 24 };

typedef struct page {
    const gk_drawing *d;
    const gk_draw__table_of_plan *t;
    gk_buf *out;
    bool colour;
    int width; /* of a cell */
} page;

/* Models are capital letters, mixtures digits and then small ones. */
static char mark(const gk_draw__table_of_plan *t, int cell) {
    static const char mixtures[] = "123456789abcdefghijklmnopqrstuvwxyz";
    if (cell < GK_DRAW__MIXED) return t->letter[cell];
    if (cell - GK_DRAW__MIXED < (int)sizeof mixtures - 1) return mixtures[cell - GK_DRAW__MIXED];
    return '*';
}

static void put_mark(const page *p, int cell, int width) {
    char text[2] = {mark(p->t, cell), 0};
    if (p->colour && cell < GK_DRAW__MIXED) {
        gk_draw__colour c = gk_draw__colour_of(cell);
        gk_buf_printf(p->out, "\033[48;5;%d;38;5;%dm", c.ansi, c.dark ? 231 : 16);
    } else if (p->colour) {
        gk_buf_puts(p->out, "\033[1;7m");
    }
    gk_buf_printf(p->out, "%*s%-*s", (width - 1) / 2, "", width - (width - 1) / 2, text);
    if (p->colour) gk_buf_puts(p->out, "\033[0m");
}

static bool outside(const gk_draw__column *c) {
    return c->layer < 0;
}

/* embed, pos, lnf and head have their names above them and so need more room than a layer. */
static int column_width(const page *p, int c) {
    const gk_draw__column *col = &p->t->column[c];
    return outside(col) ? (int)strlen(col->name) : p->width;
}

static bool gap_before(const page *p, int c) {
    const gk_draw__column *col = &p->t->column[c];
    return c > 0 && (outside(col) || outside(col - 1));
}

/* Numbers stand over their cells; where cells are narrow only every second one has the room. */
static void put_header(const page *p) {
    gk_buf line = {0};
    int x = 0, step = p->width == WIDE ? 1 : 2;
    gk_buf_puts(&line, "");
    for (int c = 0; c < p->t->n_columns; c++) {
        const gk_draw__column *col = &p->t->column[c];
        int len = (int)strlen(col->name), width = column_width(p, c);
        x += gap_before(p, c);
        int at = outside(col) ? x : x + (width - 1) / 2 - (len > 1 && p->width == WIDE);
        if (outside(col) || col->layer % step == 0)
            gk_buf_printf(&line, "%*s%s", at - (int)line.len, "", col->name);
        x += width;
    }
    gk_buf_printf(p->out, "     %s\n", line.data);
    gk_buf_free(&line);
}

static void put_row(const page *p, int token, int text_width) {
    gk_buf_printf(p->out, "%4d ", token);
    for (int c = 0; c < p->t->n_columns; c++) {
        gk_buf_puts(p->out, gap_before(p, c) ? " " : "");
        put_mark(p, gk_draw__cell(p->t, c, token), column_width(p, c));
    }
    const char *label = p->d->label[token];
    gk_buf_printf(p->out, "  %s", p->d->token[token]);
    if (*label) gk_buf_printf(p->out, "%*s  %s", text_width - gk_draw__width(p->d->token[token]), "", label);
    gk_buf_puts(p->out, "\n");
}

static void put_legend(const page *p, gk_arena *a) {
    bool first = true;
    for (int m = 0; m < p->d->cast->n; m++) {
        if (!p->t->used[m]) continue;
        gk_buf_puts(p->out, first ? "     " : "   ");
        first = false;
        put_mark(p, m, p->colour ? WIDE : 1);
        gk_buf_printf(p->out, " %s", p->d->cast->name[m]);
    }
    gk_buf_puts(p->out, "\n");
    for (int i = 0; i < p->t->n_mix; i++) {
        gk_buf_puts(p->out, "     ");
        put_mark(p, GK_DRAW__MIXED + i, p->colour ? WIDE : 1);
        gk_buf_printf(p->out, " %s\n", gk_draw__words(a, p->d, p->t, GK_DRAW__MIXED + i));
    }
}

void gk_draw_text(const gk_drawing *d, bool colour, gk_buf *out) {
    gk_arena *a = gk_arena_new();
    gk_draw__table_of_plan t = gk_draw__table(a, d);
    page p = {d, &t, out, colour, d->config->n_layers > MANY_LAYERS ? NARROW : WIDE};
    int text_width = 0;
    for (int i = 0; i < t.n_tokens; i++) {
        int w = gk_draw__width(d->token[i]);
        if (w > text_width) text_width = w;
    }
    gk_buf_printf(out, "%s%s%s\n", d->title, *d->about ? ": " : "", d->about);
    put_header(&p);
    for (int i = 0; i < t.n_tokens; i++) put_row(&p, i, text_width);
    put_legend(&p, a);
    gk_arena_free(a);
}
