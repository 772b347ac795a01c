/* text.c: how wide texts are and how they are broken; what fits with DejaVu Sans, which is wider than most,
 * fits. */
#include "report/chart/chart.h"

#include <math.h>
#include <string.h>

/* DejaVu Sans at GK_CHART__FONT_SIZE. */
double gk_chart__text_width(const char *text) {
    double sum = 0;
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if ((c & 0xC0) == 0x80) continue; /* within a character */
        sum += c >= 0x80                              ? 14
               : strchr("MWmw@%", c)                  ? 13.7
               : strchr("+^=<>~#&", c)                ? 11.8
               : strchr(" |,.:;'!()[]/\\-fijlrtI", c) ? 5.6
               : c >= 'A' && c <= 'Z'                 ? 9.8
                                                      : 8.9;
    }
    return sum;
}

const char *gk_chart__text_clip(gk_arena *a, const char *text, size_t most) {
    size_t n = strlen(text), keep = n > most ? most - 1 : n;
    while (keep < n && keep > 0 && ((unsigned char)text[keep] & 0xC0) == 0x80) keep--;
    return keep < n ? gk_arena_printf(a, "%.*s\u2026", (int)keep, text) : *text ? text : " ";
}

/* Where a name is broken in two: at the " + ", or else the blank, nearest its middle; or nowhere (its
 * length). */
static size_t break_at(const char *name) {
    enum { LONG = 24 };
    static const char *const blanks[] = {" + ", " "};
    size_t n = strlen(name), best = n;
    for (int b = 0; b < 2 && best == n && n > LONG; b++)
        for (const char *at = name; (at = strstr(at, blanks[b])); at++) {
            size_t here = (size_t)(at - name) + strlen(blanks[b]) - 1;
            if (fabs((double)here - (double)n / 2) < fabs((double)best - (double)n / 2)) best = here;
        }
    return best;
}

int gk_chart__text_lines(gk_arena *a, const char *name, const char *line[2]) {
    enum { MOST = 34 };
    size_t cut = break_at(name), n = strlen(name);
    line[0] = gk_chart__text_clip(a, gk_arena_strndup(a, name, cut), MOST);
    line[1] = cut < n ? gk_chart__text_clip(a, name + cut + 1, MOST) : "";
    return cut < n ? 2 : 1;
}

/* Bytes of the line that `text` begins with: up to the last blank before it is too wide, all of it in the
 * last line. */
static size_t line_of(gk_arena *a, const char *text, double width, bool last) {
    size_t n = strlen(text), best = 0;
    if (last || gk_chart__text_width(text) <= width) return n;
    for (const char *at = text; (at = strchr(at, ' ')); at++) {
        size_t here = (size_t)(at - text);
        if (best && gk_chart__text_width(gk_arena_strndup(a, text, here)) > width) break;
        best = here;
    }
    return best ? best : n;
}

int gk_chart__text_title(gk_arena *a, const char *title, double width,
                         const char *line[GK_CHART__TITLE_LINES]) {
    enum { MOST = 27 };
    int lines = 0;
    do {
        size_t n = line_of(a, title, width, lines == GK_CHART__TITLE_LINES - 1);
        line[lines++] = gk_chart__text_clip(a, gk_arena_strndup(a, title, n), MOST);
        title += n + (title[n] == ' ');
    } while (*title);
    return lines;
}

/* "3e-05" ends in a power of ten. */
static void add_power(gk_buf *b, const char *exponent) {
    static const char *const raised[] = {"\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
                                         "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};
    gk_buf_puts(b, "\u00d710");
    gk_buf_puts(b, *exponent == '-' ? "\u207b" : "");
    exponent += strspn(exponent, "+-0");
    for (; *exponent >= '0' && *exponent <= '9'; exponent++) gk_buf_puts(b, raised[*exponent - '0']);
}

const char *gk_chart__text_number(gk_arena *a, const char *number) {
    const char *e = strchr(number, 'e');
    if (*number != '-' && !e) return number;
    gk_buf b = {0};
    gk_buf_puts(&b, *number == '-' ? "\u2212" : "");
    number += *number == '-';
    gk_buf_add(&b, number, e ? (size_t)(e - number) : strlen(number));
    if (e) add_power(&b, e + 1);
    const char *text = gk_arena_strdup(a, b.data);
    gk_buf_free(&b);
    return text;
}
