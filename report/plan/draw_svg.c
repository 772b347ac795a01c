/* draw_svg.c: plans as one SVG file, for a browser or a paper. */
#include "report/plan/draw.h"
#include "report/internal.h"

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
    gk__table_of_plan t;
    gk_buf *out;
    int *x; /* [n_columns + 1]: where the columns begin */
    int top, width, height;
} svg;

/* ---------------------------------------------------------------- sizes */

static int widest(const char *const *text, int n) {
    int most = 0;
    for (int i = 0; i < n; i++) {
        int w = gk__draw_width(text[i]);
        if (w > most) most = w;
    }
    return most;
}

static int column_width(const gk__column *c) {
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
    int text = MARGIN * 2 + (CHAR + 1) * (gk__draw_width(d->title) + 2);
    for (int i = 0; i < s->t.n_mix; i++) {
        int w = MARGIN * 3 + CELL + CHAR * gk__draw_width(gk__draw_words(s->a, d, &s->t, GK__MIXED + i));
        if (w > text) text = w;
    }
    int about = MARGIN * 2 + CHAR * gk__draw_width(d->about);
    if (about > text) text = about;
    if (text > s->width) s->width = text;
    s->height = ABOVE_CELLS + ROW * s->t.n_tokens + LINE * (s->t.n_mix + 1 + (s->t.n_mix > 0)) + 2 * MARGIN;
}

/* ---------------------------------------------------------------- pieces */

static void put_text(svg *s, int x, int y, const char *style, const char *text) {
    gk_buf_printf(s->out, "<text x=\"%d\" y=\"%d\" %s>", x, y, style);
    gk__html_text(s->out, text);
    gk_buf_puts(s->out, "</text>\n");
}

/* A cell: one colour, or a stripe for each run of components of one model. Where the residual stream is
 * replaced a box of that model's colour stands in it, a round one for a mean. */
static void put_cell(svg *s, int x, int y, int w, int h, int cell) {
    if (cell < GK__MIXED) {
        gk_buf_printf(s->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>", x, y, w, h,
                      gk__draw_colour(cell).hex);
        return;
    }
    const uint8_t *models = s->t.mix[cell - GK__MIXED];
    int n = s->t.mixed[cell - GK__MIXED]->n;
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && models[end] == models[i]; end++) {
        }
        double left = (double)w * i / n, right = (double)w * end / n;
        gk_buf_printf(s->out, "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"%s\"/>",
                      x + left, y, right - left, h, gk__draw_colour(models[i]).hex);
    }
    if (!models[GK__PATCH]) return;
    gk_buf_printf(s->out,
                  "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\" stroke=\"#222\"%s/>",
                  x + w / 4, y + 4, w / 2, h - 8, gk__draw_colour(gk_patch_model(models[GK__PATCH])).hex,
                  gk_patch_is_mean(models[GK__PATCH]) ? " rx=\"5\"" : "");
}

/* The letter tells models apart where colours do not: in print, and beyond eight of them. */
static void put_letter(svg *s, int x, int y, int w, int model) {
    if (model == 0 || model >= GK__MIXED) return;
    gk_buf_printf(s->out, "<text x=\"%d\" y=\"%d\" class=\"m\"%s>%c</text>", x + w / 2, y + ROW - 6,
                  gk__draw_colour(model).dark ? " fill=\"#fff\"" : "", s->t.letter[model]);
}

static void put_cells(svg *s) {
    for (int c = 0; c < s->t.n_columns; c++) {
        const gk__column *col = &s->t.column[c];
        int w = column_width(col);
        gk_buf_printf(s->out, "<text x=\"%d\" y=\"%d\" class=\"h\">%s</text>\n", s->x[c] + w / 2, s->top - 6,
                      col->name);
        for (int i = 0; i < s->t.n_tokens; i++) {
            int cell = gk__draw_cell(&s->t, c, i), y = s->top + ROW * i;
            gk_buf_printf(s->out, "<g><title>%s%s, token %d ", col->layer < 0 ? "" : "layer ", col->name, i);
            gk__html_text(s->out, s->d->token[i]);
            gk_buf_puts(s->out, ": ");
            gk__html_text(s->out, gk__draw_words(s->a, s->d, &s->t, cell));
            gk_buf_puts(s->out, "</title>");
            put_cell(s, s->x[c], y, w - 1, ROW - 1, cell);
            put_letter(s, s->x[c], y, w, cell);
            gk_buf_puts(s->out, "</g>\n");
        }
    }
}

static void put_rows(svg *s) {
    for (int i = 0; i < s->t.n_tokens; i++) {
        int y = s->top + ROW * i + ROW - 5;
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        put_text(s, MARGIN + 3 * CHAR, y, "class=\"n\"", number);
        put_text(s, s->x[0] - GAP, y, "class=\"t\"", s->d->token[i]);
        if (*s->d->label[i]) put_text(s, s->x[s->t.n_columns] + GAP, y, "class=\"f\"", s->d->label[i]);
    }
}

static void put_legend(svg *s) {
    int y = s->top + ROW * s->t.n_tokens + MARGIN, x = MARGIN;
    for (int m = 0; m < s->d->cast->n; m++) {
        if (!s->t.used[m]) continue;
        put_cell(s, x, y, CELL, LINE - 4, m);
        put_letter(s, x, y - 3, CELL, m);
        put_text(s, x + CELL + 6, y + LINE - 6, "class=\"f\"", s->d->cast->name[m]);
        x += CELL + 6 + CHAR * (gk__draw_width(s->d->cast->name[m]) + 2);
    }
    if (s->t.n_mix == 0) return;
    const gk__column *col = s->t.mixed[0]; /* of a layer where there is one: embed and pos have no stripes */
    for (int i = 0; i < s->t.n_mix; i++)
        if (s->t.mixed[i]->n > col->n) col = s->t.mixed[i];
    gk_buf order = {0};
    gk_buf_puts(&order, "stripes, from the left:");
    for (int i = 0; i < col->n; i++) gk_buf_printf(&order, " %s", gk_component_name(col->comp[i]));
    if (col->n > 1) {
        y += LINE;
        put_text(s, MARGIN, y + LINE - 6, "class=\"f\"", order.data);
    }
    gk_buf_free(&order);
    for (int i = 0; i < s->t.n_mix; i++) {
        y += LINE;
        put_cell(s, MARGIN, y, column_width(s->t.mixed[i]) - 1, LINE - 4, GK__MIXED + i);
        put_text(s, MARGIN + column_width(s->t.mixed[i]) + 6, y + LINE - 6, "class=\"f\"",
                 gk__draw_words(s->a, s->d, &s->t, GK__MIXED + i));
    }
}

/* ---------------------------------------------------------------- the file */

static void put_drawing(svg *s, int top) {
    put_text(s, MARGIN, top + 20, "class=\"title\"", s->d->title);
    put_text(s, MARGIN, top + 37, "class=\"f\"", s->d->about);
    s->top = top + ABOVE_CELLS;
    put_cells(s);
    put_rows(s);
    put_legend(s);
}

static const char STYLE[] =
    "<style>text{font:11px monospace;fill:#222}.title{font:bold 14px sans-serif}.f{font:11px sans-serif;"
    "fill:#444}.h{text-anchor:middle;fill:#444}.m{text-anchor:middle;font-size:10px;stroke:none}.n{text-"
    "anchor:"
    "end;fill:#888}.t{text-anchor:end}.m[fill]{fill:#fff}</style>\n";

bool gk_draw_svg(const gk_drawing *list, size_t n, const char *path, gk_error *err) {
    gk_arena *a = gk_arena_new();
    gk_buf out = {0};
    svg *page = gk_arena_alloc(a, (n + 1) * sizeof *page);
    int width = 0, height = 0;
    for (size_t i = 0; i < n; i++) {
        page[i] = (svg){.d = &list[i], .a = a, .t = gk__draw_table(a, &list[i]), .out = &out};
        measure(&page[i]);
        if (page[i].width > width) width = page[i].width;
        height += page[i].height;
    }
    gk_buf_printf(&out,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
                  "width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n%s<rect width=\"%d\" height=\"%d\" "
                  "fill=\"#fff\"/>\n",
                  width, height, width, height, STYLE, width, height);
    for (size_t i = 0, top = 0; i < n; top += (size_t)page[i++].height) put_drawing(&page[i], (int)top);
    gk_buf_puts(&out, "</svg>\n");
    bool ok = gk_write_file(path, out.data, out.len, err);
    gk_buf_free(&out);
    gk_arena_free(a);
    return ok;
}
