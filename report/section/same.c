/* same.c: schemes that are one in a template, because they select the same there. */
#include "report/internal.h"

#include <string.h>

/* Whether `scheme` is a line of `list`. */
static bool is_among(const char *list, const char *scheme) {
    size_t n = strlen(scheme);
    for (const char *at = list; *at;) {
        size_t line = strcspn(at, "\n");
        if (line == n && strncmp(at, scheme, n) == 0) return true;
        at += line + (at[line] == '\n');
    }
    return false;
}

static bool leaves_out(const gk_report__state *r, const char *scheme, const char *tmpl) {
    const gk_cell *pool = gk_report__cell(r, scheme, "pooled");
    size_t n = strlen(tmpl);
    for (const char *at = pool ? pool->left_out : ""; *at;) {
        size_t word = strcspn(at, " ");
        if (word == n && strncmp(at, tmpl, n) == 0) return true;
        at += word + (at[word] == ' ');
    }
    return false;
}

/* "A, B and C": the scheme and those of the list, as names. */
static void add_names(gk_buf *b, const char *scheme, const char *others) {
    gk_page__html_text(b, scheme);
    for (const char *at = others; *at;) {
        size_t line = strcspn(at, "\n");
        char name[512];
        snprintf(name, sizeof name, "%.*s", (int)line, at);
        gk_buf_puts(b, at[line] ? ", " : " and ");
        gk_page__html_text(b, name);
        at += line + (at[line] == '\n');
    }
}

/* Those of the group whose pools leave the template out. */
static void add_left_out(gk_report__state *r, const gk_report__set *set, const gk_cell *c) {
    gk_buf *b = &r->html;
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        const char *scheme = set->scheme[i];
        bool in_group = strcmp(scheme, c->scheme) == 0 || is_among(c->same_as, scheme);
        if (!in_group || !leaves_out(r, scheme, c->template_name)) continue;
        gk_buf_puts(b, n++ ? ", " : " The template is left out of what is pooled of ");
        gk_page__html_text(b, scheme);
    }
    gk_buf_puts(b, n ? ": elsewhere that does otherwise with the last token." : "");
}

void gk_report__same(gk_report__state *r, const gk_report__set *set) {
    gk_buf *b = &r->html;
    for (size_t t = 1; t <= r->n_templates; t++)
        for (size_t i = 0; i < set->n; i++) {
            const gk_cell *c = gk_report__cell(r, set->scheme[i], gk_arena_printf(r->a, "%zu", t));
            bool told = !c || !*c->same_as;
            for (size_t k = 0; k < i && !told; k++) told = is_among(c->same_as, set->scheme[k]);
            if (told) continue;
            gk_buf_printf(b, "<p class=\"note same\">In template %zu ", t);
            add_names(b, c->scheme, c->same_as);
            gk_buf_puts(b, " select the same and are one; they are not compared there.");
            add_left_out(r, set, c);
            gk_buf_puts(b, "</p>\n");
        }
}
