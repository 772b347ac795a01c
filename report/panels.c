/* panels.c: small multiples: one panel a scheme, all with the same axes, the references grey in each.
 */
#include "report/internal.h"

#include <string.h>

enum {
    COLUMNS = 4,
    PANEL_WIDTH = 215,
    PANEL_HEIGHT = 172,
    TITLE_LINE = 16,
    MOST_LINES = 3,
    MOST_PANELS = 24
};
/* What a line of a title may take, its letters being smaller than those that gk__plot_width knows. */
static const double TITLE_WIDTH = 168 * 14.0 / 12;
/* What gnuplot counts margins in, in pixels. */
static const double CHARACTER = 21;

/* Bytes of the line that `text` begins with: up to the last blank before it is too wide, all of it in the
 * last line. */
static size_t line_of(gk_arena *a, const char *text, bool last) {
    size_t n = strlen(text), best = 0;
    if (last || gk__plot_width(text) <= TITLE_WIDTH) return n;
    for (const char *at = text; (at = strchr(at, ' ')); at++) {
        size_t here = (size_t)(at - text);
        if (best && gk__plot_width(gk_arena_strndup(a, text, here)) > TITLE_WIDTH) break;
        best = here;
    }
    return best ? best : n;
}

static int count_lines(gk_arena *a, const char *text) {
    int lines = 1;
    for (size_t n; text[n = line_of(a, text, lines == MOST_LINES)]; text += n + 1) lines++;
    return lines;
}

static void add_title(gk_buf *b, gk_arena *a, const char *text) {
    gk_buf_puts(b, "set title \"");
    for (int line = 1; *text; line++) {
        size_t n = line_of(a, text, line == MOST_LINES);
        gk_buf_puts(b, line > 1 ? "\\n" : "");
        gk__plain_text(b, gk__plot_label(a, gk_arena_strndup(a, text, n), 27));
        text += n + (text[n] == ' ');
    }
    gk_buf_puts(b, "\" font ',12' offset 0,-0.6 tc rgb '#111111'\n");
}

static void script_panel(gk__plot *p, const gk__panels *k, size_t i) {
    gk_buf *b = &p->script;
    gk_buf_printf(b, "plot %s", k->diagonal ? "x with lines lw 1.3 dt 3 lc rgb '#777777' notitle, " : "");
    if (k->bars)
        gk_buf_printf(
            b,
            "'0' using ($1==%zu?$2:NaN):(0):($2-0.42):($2+0.42):(0):3 with boxxyerror fs solid noborder lc "
            "rgb '#56B4E9' notitle, ",
            i);
    if (p->data[1].len) gk_buf_puts(b, "'1' using 1:2 with lines lw 1.2 dt 2 lc rgb '#777777' notitle, ");
    if (p->data[2].len) gk_buf_puts(b, "'2' using 1:2 with lines lw 1.2 lc rgb '#999999' notitle, ");
    if (k->bars)
        gk_buf_puts(b, "0 notitle lw 0\n");
    else
        gk_buf_printf(b, "'0' using ($1==%zu?$2:NaN):3 with lines lw 2 lc rgb '#0072B2' notitle%s", i,
                      k->dots ? "," : "\n");
    if (!k->bars && k->dots)
        gk_buf_printf(b, " '0' using ($1==%zu?$2:NaN):3 with points pt 7 ps 0.57 lc rgb '#0072B2' notitle\n",
                      i);
}

static const char *title_of(const gk__panels *k, size_t i) {
    return k->title ? k->title[i] : k->of[i]->scheme;
}

static void script(gk__report *r, gk__plot *p, const gk__panels *k, int lines) {
    gk_buf *b = &p->script;
    int tall = PANEL_HEIGHT + TITLE_LINE * (lines - 1);
    size_t rows = (k->n + COLUMNS - 1) / COLUMNS;
    gk_buf_printf(
        b,
        "set border 3 lc rgb '#888888'\nset tics nomirror out scale 0.5 font ',10' tc rgb '#333333'\nset "
        "grid "
        "ytics lt 1 lw 0.5 lc rgb '#dddddd'\nunset key\nset lmargin "
        "6\nset rmargin 1\nset tmargin %.3f\nset bmargin 2.4\nset xtics offset 0,0.4\nset xlabel '%s' font "
        "',11' offset 0,1.2\nset "
        "ylabel '%s' "
        "font ',11' offset 2.2,0\n%sset multiplot\n",
        1.5 + TITLE_LINE * (lines - 1) / CHARACTER, k->x_label, k->y_label, k->setup);
    for (size_t i = 0; i < k->n; i++) {
        size_t down = i / COLUMNS + 1;
        gk_buf_printf(b, "set origin %.5f,%.5f\nset size %.5f,%.5f\n", (double)(i % COLUMNS) / COLUMNS,
                      1 - (double)down / (double)rows, 1.0 / COLUMNS, 1.0 / (double)rows);
        add_title(b, r->a, title_of(k, i));
        gk__plot_veil(p, (double)(PANEL_WIDTH * (i % COLUMNS)), (double)tall * (double)(down - 1),
                      PANEL_WIDTH, tall, k->of[i]->scheme);
        script_panel(p, k, i);
    }
    gk_buf_puts(b, "unset multiplot\n");
}

bool gk__report_panels(gk__report *r, gk__plot *p, const gk__panels *k, const char *caption) {
    int lines = 1;
    for (size_t i = 0; i < k->n; i++) {
        int here = count_lines(r->a, title_of(k, i));
        lines = here > lines ? here : lines;
    }
    p->width = COLUMNS * PANEL_WIDTH;
    p->height = (PANEL_HEIGHT + TITLE_LINE * (lines - 1)) * (int)((k->n + COLUMNS - 1) / COLUMNS);
    script(r, p, k, lines);
    gk_buf_puts(&r->html, "<div class=\"heat\">");
    bool ok = gk__report_figure(r, p, caption);
    gk_buf_puts(&r->html, "</div>\n");
    return ok;
}

size_t gk__report_shown(const gk__report *r, const gk__set *set, const gk_tried **out) {
    size_t n = 0;
    for (size_t i = 0; i < set->n && n < MOST_PANELS; i++) {
        const gk_cell *c = gk__report_cell(r, set->scheme[i], "pooled");
        const gk_tried *t = gk_outcomes_of(&r->outcomes, set->scheme[i]);
        if (c && c->n_axes == 0 && t && t->n) out[n++] = t;
    }
    return n;
}
