/* html.c: escaping, and how numbers are written. */
#include "graftkit/core/file.h"
#include "report/page/page.h"

#include <math.h>
#include <string.h>

static const char REPLACEMENT[] = "\xEF\xBF\xBD";

/* Calls add(b, c) for every byte of well-formed text and adds U+FFFD for everything else. */
static void each_byte(gk_buf *b, const char *text, void (*add)(gk_buf *b, char c)) {
    size_t left = strlen(text);
    while (left) {
        size_t good = left;
        if (gk_utf8_valid(text, left, &good)) good = left;
        for (size_t i = 0; i < good; i++) {
            unsigned char c = (unsigned char)text[i];
            if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
                gk_buf_puts(b, REPLACEMENT);
            else
                add(b, text[i]);
        }
        if (good < left) {
            gk_buf_puts(b, REPLACEMENT);
            good++;
        }
        text += good;
        left -= good;
    }
}

static void add_escaped(gk_buf *b, char c) {
    switch (c) {
    case '&':
        gk_buf_puts(b, "&amp;");
        break;
    case '<':
        gk_buf_puts(b, "&lt;");
        break;
    case '>':
        gk_buf_puts(b, "&gt;");
        break;
    case '"':
        gk_buf_puts(b, "&quot;");
        break;
    case '\'':
        gk_buf_puts(b, "&#39;");
        break;
    default:
        gk_buf_add(b, &c, 1);
    }
}

void gk_page__html_text(gk_buf *b, const char *text) {
    each_byte(b, text, add_escaped);
}

void gk_page__html_code(gk_buf *b, const char *text) {
    gk_buf_puts(b, "<code>");
    gk_page__html_text(b, text);
    gk_buf_puts(b, "</code>");
}

void gk_page__html_piece(gk_buf *b, const char *piece) {
    static const char SPACE[] = "\xE2\x96\x81", DOT[] = "\xC2\xB7";
    const char *at;
    gk_buf text = {0};
    while ((at = strstr(piece, SPACE))) {
        gk_buf_add(&text, piece, (size_t)(at - piece));
        gk_buf_puts(&text, DOT);
        piece = at + strlen(SPACE);
    }
    gk_buf_puts(&text, piece);
    gk_page__html_text(b, text.data);
    gk_buf_free(&text);
}

void gk_page__html_stat(gk_buf *b, const gk_stats *s, gk_metric m) {
    char value[32], low[32], high[32];
    gk_buf_puts(b, gk_metric_text(m, s->value[m], value));
    if (s->n == 0 || isnan(s->low[m])) return;
    gk_buf_printf(b, "<small>[%s, %s]</small>", gk_metric_text(m, s->low[m], low),
                  gk_metric_text(m, s->high[m], high));
}
