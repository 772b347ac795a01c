/* figures.c: figures as elements of a page and as SVG files. */
#include "graftkit/core/file.h"
#include "report/chart/figures.h"
#include "report/chart/pdf.h"

#include <string.h>

enum { LONGEST = 40 }; /* a part: a set of any name leaves room for what the figure shows of it */

/* Letters and digits; anything else is one hyphen. */
static void add_part(gk_buf *b, const char *text) {
    const size_t begin = b->len;
    bool gap = begin > 0;
    for (; *text && b->len < begin + LONGEST; text++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
            gap = b->len > 0;
            continue;
        }
        if (gap) gk_buf_puts(b, "-");
        gk_buf_add(b, &c, 1);
        gap = false;
    }
}

static bool is_taken(const gk_chart__figures *f, const char *name) {
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->item[i].name, name) == 0) return true;
    return false;
}

static const char *name_of(const gk_chart__figures *f, const char *const *part) {
    gk_buf b = {0};
    for (; *part; part++) add_part(&b, *part);
    const char *name = gk_arena_strdup(f->a, b.len ? b.data : "figure"), *free_one = name;
    gk_buf_free(&b);
    for (int i = 2; is_taken(f, free_one); i++) free_one = gk_arena_printf(f->a, "%s-%d", name, i);
    return free_one;
}

static void keep(gk_chart__figures *f, const char *const *name, const gk_buf *svg) {
    if (f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 32;
        f->item = gk_grow(f->item, f->cap * sizeof *f->item, cap * sizeof *f->item);
        f->cap = cap;
    }
    gk_chart__figure figure = {name_of(f, name), gk_arena_strndup(f->a, svg->data, svg->len)};
    f->item[f->n++] = figure;
}

void gk_chart__figures_add(gk_chart__figures *f, gk_buf *page, gk_chart__canvas *c, const char *const *name,
                           const char *title, const char *caption) {
    gk_buf svg = {0};
    gk_chart__svg(c, title, &svg);
    gk_buf_printf(page, "<figure><div style=\"--w:%.0fpx\">", c->width);
    gk_buf_add(page, svg.data, svg.len);
    gk_buf_printf(page, "</div><figcaption>%s</figcaption></figure>\n", caption);
    if (f->kept) keep(f, name, &svg);
    gk_buf_free(&svg);
    gk_chart__free(c);
}

bool gk_chart__figures_save(const gk_chart__figures *f, const char *dir, gk_error *err) {
    bool ok = gk_mkdirs(dir, err);
    for (size_t i = 0; ok && i < f->n; i++)
        ok = gk_write_file(gk_path_join(f->a, dir, gk_arena_printf(f->a, "%s.svg", f->item[i].name)),
                           f->item[i].svg, strlen(f->item[i].svg), err);
    for (size_t i = 0; ok && i < f->n; i++)
        ok = gk_chart__pdf_of(gk_path_join(f->a, dir, gk_arena_printf(f->a, "%s.svg", f->item[i].name)),
                              gk_path_join(f->a, dir, gk_arena_printf(f->a, "%s.pdf", f->item[i].name)), err);
    return ok;
}

void gk_chart__figures_free(gk_chart__figures *f) {
    gk_free(f->item);
}
