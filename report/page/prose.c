/* prose.c: the paragraphs that explain, which are prose.html's. */
#include "core/embed.h"
#include "report/page/files.h"
#include "report/page/page.h"

#include <stdarg.h>
#include <string.h>

/* The text that stands for the key, which is `n` bytes long; NULL where none is given. */
static const char *value_of(va_list given, const char *key, size_t n) {
    const char *name, *text = NULL;
    va_list ap;
    va_copy(ap, given);
    while (!text && (name = va_arg(ap, const char *))) {
        const char *its = va_arg(ap, const char *);
        if (strlen(name) == n && memcmp(name, key, n) == 0) text = its;
    }
    va_end(ap);
    return text;
}

/* Where prose.html breaks a line there is a blank. */
static void add(gk_buf *b, const char *text, size_t n) {
    for (; n; text++, n--) gk_buf_add(b, *text == '\n' ? " " : text, 1);
}

void gk_page__prose(gk_buf *b, const char *piece, ...) {
    size_t left;
    const char *at = gk_piece(gk_page__prose_file, piece, &left);
    va_list given;
    va_start(given, piece);
    while (at && left) {
        const char *open = memchr(at, '{', left),
                   *close = open ? memchr(open, '}', left - (size_t)(open - at)) : NULL;
        size_t plain = close ? (size_t)(open - at) : left, all = close ? (size_t)(close - at) + 1 : left;
        const char *text = close ? value_of(given, open + 1, (size_t)(close - open) - 1) : NULL;
        add(b, at, text ? plain : all); /* a key that is not given stays, for everyone to see */
        if (text) gk_page__html_text(b, text);
        at += all;
        left -= all;
    }
    va_end(given);
    gk_buf_puts(b, "\n");
}
