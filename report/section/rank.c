/* rank.c: where the target stands: accuracy at every k, and how its ranks are spread. */
#include "report/internal.h"

#include <math.h>

enum { MOST_K = 100, N_BINS = 9 };
static const int LAST[N_BINS] = {1, 2, 5, 10, 20, 50, 100, 1000, 0}; /* ranks counted from 1; 0: no end */
static const char *const BIN[N_BINS] = {"1",          "2",          "3\u20135",    "6\u201310",
                                        "11\u201320", "21\u201350", "51\u2013100", "101\u20131000",
                                        "over 1000"};
static const int K[] = {1, 2, 3, 5, 10, 20, 50, 100};
enum { N_K = sizeof K / sizeof *K };

static double in_bin(const gk_tried *t, int bin) {
    return (LAST[bin] ? gk_within(t, LAST[bin]) : 1) - (bin ? gk_within(t, LAST[bin - 1]) : 0);
}

/* ---------------------------------------------------------------- figures */

/* All of a line's numbers, or of its places across, with blanks between. */
static const char *list_of(const gk_report__state *r, const gk_tried *t) {
    gk_buf b = {0};
    for (int k = 1; k <= MOST_K; k++) {
        gk_buf_puts(&b, k > 1 ? " " : "");
        gk_buf_printf(&b, t ? "%.1f" : "%.0f", t ? 100 * gk_within(t, k) : k);
    }
    const char *text = gk_arena_strdup(r->a, b.data);
    gk_buf_free(&b);
    return text;
}

/* "top-1 12.0, top-2 15.5, …" of those k that the table has. */
static const char *told_of(const gk_report__state *r, const gk_tried *t) {
    const char *text = "accuracy in %";
    for (int i = 0; i < N_K; i++)
        text = gk_arena_printf(r->a, "%s%s top-%d %.1f", text, i ? "," : ":", K[i], 100 * gk_within(t, K[i]));
    return text;
}

static const gk_chart__says *says_of(const gk_report__state *r, const gk_tried *t, int bin) {
    gk_chart__says *says = gk_arena_alloc(r->a, sizeof *says);
    *says = (gk_chart__says){.scheme = t->scheme, .template_name = "pooled", .n = t->n};
    says->place = gk_report__template(r, "pooled");
    if (bin >= 0) {
        says->metric = "rank";
        says->x_name = "rank";
        says->x = BIN[bin];
        says->what = "prompts";
        says->value = gk_arena_printf(r->a, "%.1f", 100 * in_bin(t, bin));
        says->unit = "%";
    } else {
        says->metric = "topk";
        says->x = told_of(r, t);
        says->values_x = list_of(r, NULL);
        says->values = list_of(r, t);
    }
    return says;
}

static const gk_chart__point *points_of(const gk_report__state *r, const gk_tried *t, bool bins, bool marks) {
    int n = bins ? (int)N_BINS : (int)MOST_K;
    gk_chart__point *p = gk_arena_alloc(r->a, (size_t)n * sizeof *p);
    for (int i = 0; i < n; i++)
        p[i] = (gk_chart__point){.x = bins ? i : i + 1,
                                 .y = 100 * (bins ? in_bin(t, i) : gk_within(t, i + 1)),
                                 .low = (double)NAN,
                                 .high = (double)NAN,
                                 .says = bins && marks ? says_of(r, t, i) : NULL};
    return p;
}

/* The references that every panel has. */
typedef struct references {
    gk_chart__series line[2];
    gk_chart__key key[2];
    size_t n;
} references;

static void add_reference(const gk_report__state *r, references *f, const char *scheme, bool bins,
                          const char *dash) {
    const gk_tried *t = scheme ? gk_outcomes_of(&r->outcomes, scheme) : NULL;
    if (!t || t->n == 0) return;
    f->line[f->n] = (gk_chart__series){.line = true,
                                       .colour = gk_chart__ink_hex(GK_CHART__GREY),
                                       .dash = dash,
                                       .width = 1.2,
                                       .point = points_of(r, t, bins, false),
                                       .n = bins ? N_BINS : MOST_K};
    f->key[f->n++] = (gk_chart__key){.shape = GK_CHART__KEY_LINE,
                                     .colour = gk_chart__ink_hex(GK_CHART__GREY),
                                     .dash = dash,
                                     .text = gk_chart__text_clip(r->a, scheme, 40)};
}

static gk_chart__axis across(bool bins) {
    static const gk_chart__tick bin[] = {{0, "1"}, {2, "5"}, {4, "20"}, {6, "100"}, {8, "1000+"}};
    static const gk_chart__tick k[] = {{1, "1"}, {3, "3"}, {10, "10"}, {30, "30"}, {100, "100"}};
    if (bins)
        return (gk_chart__axis){.low = -0.6,
                                .high = 8.6,
                                .title = "rank of the target, from 1",
                                .tick = bin,
                                .n = sizeof bin / sizeof *bin};
    return (gk_chart__axis){
        .low = 1, .high = MOST_K, .log = true, .title = "k", .tick = k, .n = sizeof k / sizeof *k};
}

static gk_chart__panel panel_of(gk_report__state *r, const gk_tried *t, bool bins, const references *f) {
    gk_chart__series *s = gk_arena_alloc(r->a, 3 * sizeof *s);
    gk_chart__series own = {.line = !bins,
                            .bars = bins,
                            .colour = gk_chart__ink_hex(bins ? GK_CHART__SKY : GK_CHART__BLUE),
                            .point = points_of(r, t, bins, true),
                            .n = bins ? N_BINS : MOST_K,
                            .says = bins ? NULL : says_of(r, t, -1)};
    gk_chart__panel p = {.title = t->scheme,
                         .schemes = t->scheme,
                         .x = across(bins),
                         .y = gk_chart__axis_percent(),
                         .series = s};
    p.y.title = bins ? "% of prompts" : "top-k accuracy";
    if (bins) s[p.n++] = own; /* what it is compared with is drawn over its bars, and under its line */
    for (size_t i = 0; i < f->n; i++) s[p.n++] = f->line[i];
    if (!bins) s[p.n++] = own;
    return p;
}

/* Which schemes the grey lines are. */
static void add_grey(gk_buf *b, const char *low, const char *high) {
    if (!low && !high) return;
    gk_buf_puts(b, "Grey: ");
    if (low) gk_page__html_text(b, low);
    gk_buf_puts(b, low ? " (dashed)" : "");
    gk_buf_puts(b, low && high ? " and " : "");
    if (high) gk_page__html_text(b, high);
    gk_buf_puts(b, ".");
}

static void add_figure(gk_report__state *r, const char *set, const gk_tried **t, size_t n, bool bins) {
    const char *pre = r->roles.pre, *ceiling = r->pattern.ceiling_name;
    gk_chart__panel *p = gk_arena_alloc(r->a, (n + 1) * sizeof *p);
    references f = {.n = 0};
    add_reference(r, &f, pre, bins, "5 3");
    add_reference(r, &f, ceiling, bins, NULL);
    for (size_t i = 0; i < n; i++) p[i] = panel_of(r, t[i], bins, &f);
    gk_buf caption = {0};
    if (bins)
        gk_page__prose(&caption, "caption: ranks", NULL);
    else
        gk_page__prose(&caption, "caption: top-k", NULL);
    add_grey(&caption, pre, ceiling);
    gk_buf_printf(&caption, " %s", gk_report__counts_of(r, t, n));
    const char *const name[] = {set, bins ? "ranks" : "top-k", NULL};
    const char *title =
        gk_arena_printf(r->a, "%s, set %s", bins ? "Ranks of the target" : "Top-k accuracy", set);
    gk_report__panels(r, p, n, f.key, f.n, name, title, caption.data);
    gk_buf_free(&caption);
}

/* ---------------------------------------------------------------- the section */

static void add_table(gk_report__state *r, const gk_report__set *set) {
    gk_buf *b = &r->html;
    gk_buf_puts(b, "<div class=\"scroll\"><table class=\"ranks\"><thead><tr><th>scheme</th><th>n</th>"
                   "<th>rows</th>");
    for (int i = 0; i < N_K; i++) gk_buf_printf(b, "<th>top-%d %%</th>", K[i]);
    for (int i = 0; i < N_BINS; i++) gk_buf_printf(b, "<th>rank %s %%</th>", BIN[i]);
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t k = 0; k < set->n; k++) {
        const gk_tried *t = gk_outcomes_of(&r->outcomes, set->scheme[k]);
        if (!t || t->n == 0) continue;
        gk_buf_puts(b, "<tr><td class=\"name\">");
        gk_page__html_text(b, t->scheme);
        gk_buf_printf(b, "</td><td>%zu</td><td>%zu</td>", t->n, gk_report__rows(r, t->scheme));
        for (int i = 0; i < N_K; i++) gk_buf_printf(b, "<td>%.1f</td>", 100 * gk_within(t, K[i]));
        for (int i = 0; i < N_BINS; i++) gk_buf_printf(b, "<td>%.1f</td>", 100 * in_bin(t, i));
        gk_buf_puts(b, "</tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div>\n");
}

static void add_more(gk_report__state *r, const gk_report__set *set, const gk_tried **t, size_t n) {
    gk_buf_puts(&r->html, "<details><summary>Ranks and numbers: ");
    gk_page__html_text(&r->html, set->name);
    gk_buf_puts(&r->html, "</summary>\n");
    if (n) add_figure(r, set->name, t, n, true);
    add_table(r, set);
    gk_buf_puts(&r->html, "</details>\n");
}

void gk_report__ranks(gk_report__state *r) {
    const gk_tried **t = gk_arena_alloc(r->a, (r->cells.n + 1) * sizeof(*t));
    gk_report__section_begin(r, "ranks", "Where the target stands");
    gk_page__prose(&r->html, "ranks", NULL);
    for (size_t i = 0; i < r->n_sets; i++) {
        size_t n = gk_report__shown(r, &r->set[i], t);
        if (n) {
            gk_buf_puts(&r->html, "<h3>");
            gk_page__html_text(&r->html, r->set[i].name);
            gk_buf_puts(&r->html, "</h3>\n");
            add_figure(r, r->set[i].name, t, n, false);
        }
        add_more(r, &r->set[i], t, n);
    }
}
