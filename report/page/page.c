/* page.c: how a page begins and ends, and its file. */
#include "graftkit/core/file.h"
#include "report/page/files.h"
#include "report/page/page.h"

#include <string.h>

void gk_page__begin(gk_buf *b, const char *title) {
    gk_buf_puts(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    gk_page__html_text(b, title);
    gk_buf_puts(b, "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n");
    gk_buf_puts(b, gk_page__css_file);
    gk_buf_puts(b, "</style>\n</head>\n<body>\n<h1>");
    gk_page__html_text(b, title);
    gk_buf_puts(b, "</h1>\n");
}

void gk_page__end(gk_buf *b, bool script) {
    if (script) {
        gk_buf_puts(b, "<script>\n");
        gk_buf_puts(b, gk_page__js_file);
        gk_buf_puts(b, "</script>\n");
    }
    gk_buf_puts(b, "</body>\n</html>\n");
}

bool gk_page__save(const gk_buf *b, const char *path, gk_error *err) {
    const char *slash = strrchr(path, '/');
    gk_arena *a = gk_arena_new();
    bool ok =
        (!slash || slash == path || gk_mkdirs(gk_arena_strndup(a, path, (size_t)(slash - path)), err)) &&
        gk_write_file(path, b->data, b->len, err);
    gk_arena_free(a);
    return ok;
}
