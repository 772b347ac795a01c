/* canvas.c: SVG elements, written as short as they can be: coordinates to a tenth of a pixel, lines by
 * differences. */
#include "report/chart/chart.h"
#include "report/page/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char FONT[] = "Helvetica,Arial,'DejaVu Sans',sans-serif";

/* ---------------------------------------------------------------- numbers and texts */

/* In tenths, as short as it can be written: "-.5", "12", "3.1". */
static void add_tenths(gk_buf *b, long x) {
    long whole = labs(x) / 10, tenth = labs(x) % 10;
    gk_buf_puts(b, x < 0 ? "-" : "");
    if (whole || !tenth) gk_buf_printf(b, "%ld", whole);
    if (tenth) gk_buf_printf(b, ".%ld", tenth);
}

static void add_place(gk_buf *b, const char *name, double x) {
    gk_buf_printf(b, " %s=\"", name);
    add_tenths(b, lround(10 * x));
    gk_buf_puts(b, "\"");
}

/* A line's end within an attribute would be read as a blank. */
static void add_text(gk_buf *b, const char *text, const char *line_end) {
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        gk_buf line = {0};
        gk_buf_add(&line, text, (size_t)(end - text));
        gk_page__html_text(b, line.len ? line.data : "");
        gk_buf_puts(b, line_end);
        gk_buf_free(&line);
    }
    gk_page__html_text(b, text);
}

static void add_attribute(gk_buf *b, const char *name, const char *value) {
    if (!value || !*value) return;
    gk_buf_printf(b, " %s=\"", name);
    add_text(b, value, "&#10;");
    gk_buf_puts(b, "\"");
}

/* ---------------------------------------------------------------- groups */

void gk_chart__schemes(gk_chart__canvas *c, const char *schemes) {
    gk_buf_puts(&c->body, "<g");
    add_attribute(&c->body, "data-s", schemes);
    gk_buf_puts(&c->body, ">");
}

static void add_number(gk_buf *b, const char *number) {
    gk_buf_puts(b, *number == '-' ? "\u2212" : "");
    gk_page__html_text(b, number + (*number == '-'));
}

/* "top-5 accuracy: 97.3% [95.0, 98.1]" */
static void tell_value(gk_buf *b, const gk_chart__says *s) {
    if (s->what) gk_page__html_text(b, s->what);
    gk_buf_puts(b, s->what ? ": " : "");
    add_number(b, s->value);
    gk_page__html_text(b, s->unit ? s->unit : "");
    if (!s->low || !s->high) return;
    gk_buf_puts(b, " [");
    add_number(b, s->low);
    gk_buf_puts(b, ", ");
    add_number(b, s->high);
    gk_buf_puts(b, "]");
}

static void tell(gk_buf *b, const gk_chart__says *s) {
    if (s->title) {
        add_text(b, s->title, ", ");
        return;
    }
    const char *who[] = {s->scheme, s->series, s->place};
    size_t before = b->len;
    for (size_t i = 0; i < sizeof who / sizeof *who; i++) {
        if (!who[i] || !*who[i]) continue;
        gk_buf_puts(b, b->len > before ? " \u00b7 " : "");
        add_text(b, who[i], ", ");
    }
    if (s->x) {
        gk_buf_puts(b, b->len > before ? "\n" : "");
        if (s->x_name) gk_page__html_text(b, s->x_name);
        gk_buf_puts(b, s->x_name ? " " : "");
        add_number(b, s->x);
    }
    if (s->value) {
        gk_buf_puts(b, b->len > before ? "\n" : "");
        tell_value(b, s);
    }
    if (s->n) gk_buf_printf(b, "\nn = %zu", s->n);
    if (s->n && s->rows) gk_buf_printf(b, " of %zu fact%s", s->rows, s->rows == 1 ? "" : "s");
}

void gk_chart__mark(gk_chart__canvas *c, const gk_chart__says *s) {
    gk_buf *b = &c->body;
    const char *const data[][2] = {
        {"data-scheme", s->scheme}, {"data-series", s->series}, {"data-template", s->template_name},
        {"data-x", s->x},           {"data-metric", s->metric}, {"data-value", s->value},
        {"data-low", s->low},       {"data-high", s->high},     {"data-values-x", s->values_x},
        {"data-values", s->values}};
    gk_buf_puts(b, "<g class=\"mark\"");
    for (size_t i = 0; i < sizeof data / sizeof *data; i++) add_attribute(b, data[i][0], data[i][1]);
    if (s->n) gk_buf_printf(b, " data-n=\"%zu\"", s->n);
    if (s->rows) gk_buf_printf(b, " data-rows=\"%zu\"", s->rows);
    gk_buf_puts(b, "><title>");
    tell(b, s);
    gk_buf_puts(b, "</title>");
}

void gk_chart__close(gk_chart__canvas *c) {
    gk_buf_puts(&c->body, "</g>\n");
}

/* ---------------------------------------------------------------- elements */

void gk_chart__text(gk_chart__canvas *c, double x, double y, const gk_chart__face *face, const char *text) {
    static const char *const ANCHOR[] = {NULL, "middle", "end"};
    gk_buf *b = &c->body;
    gk_buf_puts(b, "<text");
    add_place(b, "x", x);
    add_place(b, "y", y);
    if (face->size > 0 && face->size != GK_CHART__FONT_SIZE) add_place(b, "font-size", face->size);
    add_attribute(b, "text-anchor", ANCHOR[face->anchor]);
    add_attribute(b, "fill", face->fill);
    if (face->bold) gk_buf_puts(b, " font-weight=\"bold\"");
    if (face->mono) gk_buf_puts(b, " font-family=\"monospace\"");
    if (face->upward) gk_buf_printf(b, " transform=\"rotate(-90 %.1f %.1f)\"", x, y);
    gk_buf_puts(b, ">");
    add_text(b, text, " ");
    gk_buf_puts(b, "</text>");
}

void gk_chart__label(gk_chart__canvas *c, double x, double y, const gk_chart__face *face, const char *text) {
    gk_chart__text(c, x, y + 0.36 * (face->size > 0 ? face->size : GK_CHART__FONT_SIZE), face, text);
}

void gk_chart__rect_with(gk_chart__canvas *c, gk_chart__box r, const char *fill, const char *attributes) {
    gk_buf *b = &c->body;
    gk_buf_puts(b, "<rect");
    add_place(b, "x", r.x);
    add_place(b, "y", r.y);
    add_place(b, "width", r.width);
    add_place(b, "height", r.height);
    gk_buf_printf(b, " fill=\"%s\"%s/>", fill, attributes);
}

void gk_chart__rect(gk_chart__canvas *c, gk_chart__box r, const char *fill) {
    gk_chart__rect_with(c, r, fill, "");
}

void gk_chart__bar(gk_chart__canvas *c, gk_chart__box r, const char *fill) {
    double right = r.x + r.width, below = r.y + r.height;
    gk_buf_printf(
        &c->body,
        "<polygon fill=\"%s\" points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f\" fill-opacity=\".85\"/>",
        fill, r.x, r.y, right, r.y, right, below, r.x, below);
}

static void add_stroke(gk_buf *b, const char *stroke, double width, const char *dash) {
    gk_buf_printf(b, " stroke=\"%s\"", stroke);
    if (width != 1) add_place(b, "stroke-width", width);
    add_attribute(b, "stroke-dasharray", dash);
    gk_buf_puts(b, "/>");
}

void gk_chart__line(gk_chart__canvas *c, double x0, double y0, double x1, double y1, const char *stroke,
                    double width, const char *dash) {
    const double xy[] = {x0, y0, x1, y1};
    gk_chart__path(c, xy, 2, stroke, width, dash);
}

void gk_chart__dot(gk_chart__canvas *c, double x, double y, double r, const char *colour, bool ring) {
    gk_buf *b = &c->body;
    gk_buf_puts(b, "<circle");
    add_place(b, "cx", x);
    add_place(b, "cy", y);
    add_place(b, "r", r);
    gk_buf_printf(b,
                  ring ? " fill=\"none\" stroke=\"%s\" stroke-width=\"1.3\" pointer-events=\"all\"/>"
                       : " fill=\"%s\"/>",
                  colour);
}

void gk_chart__notch(gk_chart__canvas *c, double x, double y, bool below, const char *colour) {
    double base = below ? y + 7 : y - 7;
    gk_buf_printf(
        &c->body,
        "<path fill=\"%s\" stroke=\"%s\" stroke-width=\".8\" d=\"M%.1f,%.1fL%.1f,%.1f %.1f,%.1fZ\"/>", colour,
        gk_chart__ink_hex(GK_CHART__WHITE), x, y, x - 4, base, x + 4, base);
}

void gk_chart__interval(gk_chart__canvas *c, bool across, double at, double low, double high, double half,
                        const char *stroke) {
    const double nowhere = (double)NAN;
    double xy[] = {low, at,        high,    at,      nowhere, nowhere,   low,  at - half,
                   low, at + half, nowhere, nowhere, high,    at - half, high, at + half};
    for (size_t i = 0; !across && i < sizeof xy / sizeof *xy; i += 2) {
        double x = xy[i];
        xy[i] = xy[i + 1];
        xy[i + 1] = x;
    }
    gk_chart__path(c, xy, sizeof xy / sizeof *xy / 2, stroke, 1.3, NULL);
}

/* A pair of a path, in tenths; `blank`: something stands before it that must be parted from it. */
static void add_pair(gk_buf *b, long x, long y, bool blank) {
    gk_buf_puts(b, blank && x >= 0 ? " " : "");
    add_tenths(b, x);
    gk_buf_puts(b, y >= 0 ? "," : "");
    add_tenths(b, y);
}

/* "M1,2l2,2 2,0". Differences are those of rounded places, so that errors do not add up; steps of nothing are
 * left out. */
void gk_chart__path(gk_chart__canvas *c, const double *xy, size_t n, const char *stroke, double width,
                    const char *dash) {
    gk_buf *b = &c->body;
    long x = 0, y = 0;
    char written = 0;
    gk_buf_puts(b, "<path fill=\"none\" d=\"");
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(xy[2 * i]) || !isfinite(xy[2 * i + 1])) {
            written = 0;
            continue;
        }
        long to_x = lround(10 * xy[2 * i]), to_y = lround(10 * xy[2 * i + 1]);
        if (!written || to_x != x || to_y != y) {
            if (written != 'l') gk_buf_puts(b, written ? "l" : "M");
            add_pair(b, written ? to_x - x : to_x, written ? to_y - y : to_y, written == 'l');
            written = written ? 'l' : 'M';
        }
        x = to_x;
        y = to_y;
    }
    gk_buf_puts(b, "\"");
    add_stroke(b, stroke, width, dash);
}

/* ---------------------------------------------------------------- the whole */

void gk_chart__svg(const gk_chart__canvas *c, const char *title, gk_buf *out) {
    double w = ceil(c->width), h = ceil(c->height);
    gk_buf_printf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f "
        "%.0f\" font-family=\"%s\" font-size=\"%d\" fill=\"%s\" role=\"img\"",
        w, h, w, h, FONT, GK_CHART__FONT_SIZE, gk_chart__ink_hex(GK_CHART__TEXT));
    add_attribute(out, "aria-label", title);
    gk_buf_printf(out, "><rect width=\"%.0f\" height=\"%.0f\" fill=\"%s\"/>\n", w, h,
                  gk_chart__ink_hex(GK_CHART__WHITE));
    if (c->body.len) gk_buf_add(out, c->body.data, c->body.len);
    gk_buf_puts(out, "</svg>\n");
}

void gk_chart__free(gk_chart__canvas *c) {
    gk_buf_free(&c->body);
}
