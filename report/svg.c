/* svg.c: gnuplot's SVG made small: what SVG assumes anyway is left out, coordinates are cut to a tenth
 * of a pixel, lines go by differences, and its point shapes become circles of their own. */
#include "report/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ATTRS = 16, MOST_DEPTH = 32 };

typedef struct piece {
    const char *at;
    size_t n;
} piece;
typedef struct tag {
    piece raw, name; /* raw: between < and > */
    piece key[MOST_ATTRS], value[MOST_ATTRS];
    int n;
    bool closing, alone; /* </g>, <path/> */
} tag;

typedef struct writer {
    gk_buf *out;
    const gk__plot *plot;
    int id; /* of the figure: gnuplot's plot elements are called "fig3_plot_1" … */
    struct {
        piece raw;    /* of the opening tag */
        size_t begin; /* of it in `out` */
        size_t end;
        bool written;
    } open[MOST_DEPTH];
    size_t depth;
    piece closed; /* the group that ends where `out` ends, while it is `closed_end` long */
    size_t closed_end;
} writer;

static bool is(piece p, const char *text) {
    return p.n == strlen(text) && memcmp(p.at, text, p.n) == 0;
}

static bool begins(piece p, const char *text) {
    return p.n >= strlen(text) && memcmp(p.at, text, strlen(text)) == 0;
}

static piece value_of(const tag *t, const char *key) {
    for (int i = 0; i < t->n; i++)
        if (is(t->key[i], key)) return t->value[i];
    return (piece){"", 0};
}

/* ---------------------------------------------------------------- reading */

/* The tag that begins at `at`, a '<'; NULL where none ends. Returns what follows it. */
static const char *read_tag(const char *at, const char *end, tag *t) {
    const char *stop = memchr(at, '>', (size_t)(end - at));
    if (!stop) return NULL;
    *t = (tag){.raw = {at + 1, (size_t)(stop - at) - 1}, .closing = at[1] == '/', .alone = stop[-1] == '/'};
    at += 1 + t->closing;
    t->name = (piece){at, strcspn(at, " \t\r\n/>")};
    for (at += t->name.n; at < stop && t->n < MOST_ATTRS; t->n++) {
        at += strspn(at, " \t\r\n/");
        size_t n = strcspn(at, " \t\r\n=/>");
        const char *value = at + n + strspn(at + n, " \t\r\n=");
        if (n == 0 || (*value != '"' && *value != '\'')) break;
        const char *quote = memchr(value + 1, *value, (size_t)(stop - value - 1));
        if (!quote) break;
        t->key[t->n] = (piece){at, n};
        t->value[t->n] = (piece){value + 1, (size_t)(quote - value) - 1};
        at = quote + 1;
    }
    return stop + 1;
}

/* ---------------------------------------------------------------- numbers */

/* As short as it can be written: "-.5", "12", "3.14". */
static void add_number(gk_buf *b, double x, int digits) {
    char text[64];
    int n = snprintf(text, sizeof text, "%.*f", digits, x);
    const char *from = text;
    if (digits)
        while (text[n - 1] == '0') n--;
    if (text[n - 1] == '.') n--;
    text[n] = 0;
    if (strcmp(text, "-0") == 0) from = "0";
    if (strncmp(from, "0.", 2) == 0) from++;
    if (strncmp(from, "-0.", 3) == 0) {
        gk_buf_puts(b, "-");
        from += 2;
    }
    gk_buf_puts(b, from);
}

/* Every number of the text, the rest as it is. */
static void add_numbers(gk_buf *b, piece p, int digits) {
    for (const char *at = p.at, *end = p.at + p.n; at < end;) {
        size_t n = strspn(at, "0123456789.");
        if (n && at + n <= end) {
            add_number(b, strtod(at, NULL), digits);
            at += n;
        } else
            gk_buf_add(b, at++, 1);
    }
}

/* A pair of a path, in tenths; `blank`: something stands before it that must be parted from it. */
static void add_pair(gk_buf *b, long x, long y, bool blank) {
    if (blank && x >= 0) gk_buf_puts(b, " ");
    add_number(b, (double)x / 10, 1);
    if (y >= 0) gk_buf_puts(b, ",");
    add_number(b, (double)y / 10, 1);
}

/* "M1.00,2.00 L3.00,4.00 L5.00,4.00" as "M1,2l2,2 2,0". Differences are those of rounded places, so that
 * errors do not add up; steps of nothing are left out. */
static void add_path(gk_buf *b, piece p) {
    const char *at = p.at, *end = p.at + p.n;
    long x = 0, y = 0;
    char mode = 0, written = 0;
    if (strspn(at, "MLZ0123456789-., \t\r\n") < p.n) { /* not as gnuplot writes them */
        gk_buf_add(b, at, p.n);
        return;
    }
    for (at += strspn(at, " \t\r\n"); at < end; at += strspn(at, ", \t\r\n")) {
        char *next = (char *)(uintptr_t)at;
        if (*at == 'M' || *at == 'L') mode = *at++;
        long to_x = lround(10 * strtod(at, &next)), to_y = 0;
        if (next > at) to_y = lround(10 * strtod(at = next + strspn(next, ", "), &next));
        if (next == at) { /* Z, or what ends too early */
            if (*at++ == 'Z') gk_buf_puts(b, "z");
            written = 'z';
            continue;
        }
        at = next;
        if (mode == 'M' || to_x != x || to_y != y) {
            bool move = mode == 'M', same = !move && written == 'l';
            if (!same) gk_buf_puts(b, move ? "M" : "l");
            add_pair(b, move ? to_x : to_x - x, move ? to_y : to_y - y, same);
            written = move ? 'M' : 'l';
        }
        x = to_x;
        y = to_y;
    }
}

/* "rgb( 42, 111, 151)" as "#2a6f97". */
static void add_colour(gk_buf *b, piece p) {
    unsigned c[3];
    if (begins(p, "rgb(") && sscanf(p.at, "rgb(%u,%u,%u)", &c[0], &c[1], &c[2]) == 3)
        gk_buf_printf(b, "#%02x%02x%02x", c[0], c[1], c[2]);
    else
        gk_buf_add(b, p.at, p.n);
}

/* ---------------------------------------------------------------- tags */

/* What would be so without it, or serves nobody: shapes say their own colours, and nothing refers to ids. */
static bool is_idle(piece key, piece value) {
    static const char *const never[] = {"id", "class", "color", "xmlns:xlink"};
    static const char *const usual[][2] = {{"stroke-linecap", "butt"},    {"stroke-linejoin", "miter"},
                                           {"stroke", "currentColor"},    {"text-anchor", "start"},
                                           {"font-family", "sans-serif"}, {"font-size", "14.00"}};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (is(key, never[i])) return true;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (is(key, usual[i][0]) && is(value, usual[i][1])) return true;
    return false;
}

static void add_attribute(gk_buf *b, piece key, piece value) {
    gk_buf_puts(b, " ");
    gk_buf_add(b, key.at, key.n);
    gk_buf_puts(b, "=\"");
    if (is(key, "d"))
        add_path(b, value);
    else if (is(key, "fill") || is(key, "stroke"))
        add_colour(b, value);
    else if (is(key, "xmlns"))
        gk_buf_add(b, value.at, value.n);
    else
        add_numbers(b, value, is(key, "points") || is(key, "transform") ? 1 : 2);
    gk_buf_puts(b, "\"");
}

/* Whose schemes the plot element of this id shows, or NULL. */
static const char *schemes_of(const writer *w, piece id) {
    int figure;
    size_t k;
    bool plot = sscanf(id.at, "fig%d_plot_%zu", &figure, &k) == 2 && figure == w->id;
    return plot && k >= 1 && k <= w->plot->n_shown ? w->plot->shown[k - 1] : NULL;
}

/* The group around a plot element. gnuplot 6 fills it with nothing, as the groups in it are anyway; 5.4 does
 * not say. */
static bool is_plot(const tag *t) {
    int figure, k;
    return is(t->name, "g") && sscanf(value_of(t, "id").at, "fig%d_plot_%d", &figure, &k) == 2;
}

/* A circle of gnuplot's point types 6 and 7. */
static void add_circle(gk_buf *b, const tag *t) {
    double x, y, r;
    piece place = value_of(t, "transform"), colour = value_of(t, "color");
    bool open = is(value_of(t, "xlink:href"), "#gpPt5");
    if (sscanf(place.at, "translate(%lf,%lf) scale(%lf)", &x, &y, &r) != 3) return;
    gk_buf_puts(b, "<circle cx=\"");
    add_number(b, x, 1);
    gk_buf_puts(b, "\" cy=\"");
    add_number(b, y, 1);
    gk_buf_puts(b, "\" r=\"");
    add_number(b, r, 1);
    gk_buf_puts(b, open ? "\" stroke=\"" : "\" fill=\"");
    add_colour(b, colour);
    gk_buf_puts(b, "\"/>");
}

/* Adds the tag without its brackets. False when nothing of it is left but its name. */
static bool add_tag(const writer *w, const tag *t) {
    bool any = false;
    gk_buf_add(w->out, t->name.at, t->name.n);
    if (is(t->name, "svg") && !t->closing)
        gk_buf_printf(w->out,
                      " role=\"img\" aria-labelledby=\"cap%d\" font-family=\"sans-serif\" font-size=\"%d\"",
                      w->id, GK__FONT_SIZE);
    bool plot = is_plot(t);
    for (int i = 0; i < t->n; i++) {
        const char *schemes = is(t->key[i], "id") ? schemes_of(w, t->value[i]) : NULL;
        if (!schemes && (plot || is_idle(t->key[i], t->value[i]))) continue;
        if (schemes) {
            gk_buf_puts(w->out, " data-s=\"");
            gk__html_text(w->out, schemes);
            gk_buf_puts(w->out, "\"");
        } else
            add_attribute(w->out, t->key[i], t->value[i]);
        any = true;
    }
    return any;
}

/* ---------------------------------------------------------------- groups */

static void cut(gk_buf *b, size_t n) {
    b->len = n;
    b->data[n] = 0;
}

/* A group like the one just closed goes on with it. */
static void open_group(writer *w, const tag *t) {
    size_t d = w->depth < MOST_DEPTH ? w->depth++ : MOST_DEPTH - 1;
    bool same = w->closed_end == w->out->len && w->closed.n == t->raw.n &&
                memcmp(w->closed.at, t->raw.at, t->raw.n) == 0;
    w->open[d].raw = t->raw;
    w->open[d].begin = w->out->len;
    w->open[d].written = true;
    if (same) {
        cut(w->out, w->out->len - strlen("</g>"));
        w->closed_end = 0;
        w->open[d].begin = w->out->len; /* nothing is taken back if it stays empty */
    } else {
        gk_buf_puts(w->out, "<");
        w->open[d].written = add_tag(w, t);
        if (w->open[d].written)
            gk_buf_puts(w->out, ">");
        else
            cut(w->out, w->open[d].begin);
    }
    w->open[d].end = w->out->len;
}

static void close_group(writer *w) {
    if (w->depth == 0) return;
    size_t d = --w->depth;
    if (!w->open[d].written) return;
    if (w->out->len == w->open[d].end && w->open[d].end > w->open[d].begin) {
        cut(w->out, w->open[d].begin); /* it is empty */
        return;
    }
    gk_buf_puts(w->out, "</g>");
    w->closed = w->open[d].raw;
    w->closed_end = w->out->len;
}

/* gnuplot's definitions are shapes that nothing uses then, under ids that would clash between the figures of
 * a page; its titles are tooltips that say nothing. Returns what follows the element. */
static const char *skip_element(const tag *t, const char *at, const char *end) {
    static const char *const skipped[][2] = {{"defs", "</defs>"}, {"title", "</title>"}, {"desc", "</desc>"}};
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++) {
        const char *close = is(t->name, skipped[i][0]) ? strstr(at, skipped[i][1]) : NULL;
        if (close && close < end) return close + strlen(skipped[i][1]);
    }
    return at;
}

static void add_element(writer *w, const tag *t) {
    if (is(t->name, "g")) {
        if (t->closing)
            close_group(w);
        else
            open_group(w, t);
    } else if (is(t->name, "use")) {
        add_circle(w->out, t);
    } else {
        gk_buf_puts(w->out, t->closing ? "</" : "<");
        add_tag(w, t);
        gk_buf_puts(w->out, t->alone ? "/>" : ">");
    }
}

void gk__svg_add(const gk__plot *p, int id, const char *at, const char *end, gk_buf *out) {
    writer w = {.out = out, .plot = p, .id = id};
    bool text = false; /* between <text> and </text>, where blanks count */
    for (const char *open; (open = memchr(at, '<', (size_t)(end - at)));) {
        tag t;
        if (text) gk_buf_add(out, at, (size_t)(open - at));
        const char *next = read_tag(open, end, &t);
        if (!next) return;
        at = skip_element(&t, next, end);
        if (at > next) continue;
        text = is(t.name, "text") && !t.closing;
        add_element(&w, &t);
    }
}
