/* rank.c: where the target stands: accuracy at every k, and how its ranks are spread. */
#include "report/internal.h"

#include <string.h>

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

static void add_points(gk_buf *b, const gk_tried *t, bool bins, long panel) {
    for (int i = 0; i < (bins ? (int)N_BINS : (int)MOST_K); i++) {
        if (panel >= 0) gk_buf_printf(b, "%ld\t", panel);
        gk_buf_printf(b, "%d\t%.5f\n", bins ? i : i + 1, 100 * (bins ? in_bin(t, i) : gk_within(t, i + 1)));
    }
}

/* Which schemes the grey lines are. */
static void add_grey(gk_buf *b, const char *low, const char *high) {
    if (!low && !high) return;
    gk_buf_puts(b, " Grey: ");
    if (low) gk__html_text(b, low);
    gk_buf_puts(b, low ? " (dashed)" : "");
    gk_buf_puts(b, low && high ? " and " : "");
    if (high) gk__html_text(b, high);
    gk_buf_puts(b, ".");
}

static bool add_figure(gk__report *r, const gk_tried **t, size_t n, bool bins) {
    gk__plot p = {0};
    for (size_t i = 0; i < n; i++) add_points(&p.data[0], t[i], bins, (long)i);
    const char *pre = r->roles.pre, *ceiling = r->pattern.ceiling_name;
    const gk_tried *low = pre ? gk_outcomes_of(&r->outcomes, pre) : NULL,
                   *high = ceiling ? gk_outcomes_of(&r->outcomes, ceiling) : NULL;
    if (low && low->n) add_points(&p.data[1], low, bins, -1);
    if (high && high->n) add_points(&p.data[2], high, bins, -1);
    gk__panels k = {
        .n = n,
        .of = t,
        .bars = bins,
        .x_label = bins ? "rank of the target, from 1" : "k",
        .y_label = bins ? "% of prompts" : "top-k %",
        .setup =
            bins ? "set yrange [0:100]\nset xrange [-0.6:8.6]\nset xtics ('1' 0, '5' 2, '20' 4, '100' 6, "
                   "'1000+' 8)\n"
                 : "set yrange [0:102]\nset xrange [1:100]\nset logscale x\nset xtics (1, 2, 5, 10, 20, 50, "
                   "100)\n"};
    gk_buf caption = {0};
    gk_buf_puts(&caption,
                bins ? "<strong>Ranks of the target</strong>: the share of prompts in each range of "
                       "ranks, which widen as on a logarithmic axis; the number below a bar is the last "
                       "rank in it."
                     : "<strong>Top-k accuracy</strong> for k from 1 to 100 on a logarithmic axis: the "
                       "share of prompts whose target is among the k most probable tokens.");
    add_grey(&caption, pre, ceiling);
    bool ok = gk__report_panels(r, &p, &k, caption.data);
    gk_buf_free(&caption);
    return ok;
}

static void add_table(gk__report *r, const gk__set *set) {
    gk_buf *b = &r->html;
    gk_buf_puts(b, "<div class=\"scroll\"><table class=\"ranks\"><thead><tr><th>scheme</th><th>n</th>");
    for (int i = 0; i < N_K; i++) gk_buf_printf(b, "<th>top-%d %%</th>", K[i]);
    for (int i = 0; i < N_BINS; i++) gk_buf_printf(b, "<th>rank %s %%</th>", BIN[i]);
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t k = 0; k < set->n; k++) {
        const gk_tried *t = gk_outcomes_of(&r->outcomes, set->scheme[k]);
        if (!t || t->n == 0) continue;
        gk_buf_puts(b, "<tr><td class=\"name\">");
        gk__html_text(b, t->scheme);
        gk_buf_printf(b, "</td><td>%zu</td>", t->n);
        for (int i = 0; i < N_K; i++) gk_buf_printf(b, "<td>%.1f</td>", 100 * gk_within(t, K[i]));
        for (int i = 0; i < N_BINS; i++) gk_buf_printf(b, "<td>%.1f</td>", 100 * in_bin(t, i));
        gk_buf_puts(b, "</tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div>\n");
}

static bool add_more(gk__report *r, const gk__set *set, const gk_tried **t, size_t n) {
    gk_buf_puts(&r->html, "<details><summary>Ranks and numbers: ");
    gk__html_text(&r->html, set->name);
    gk_buf_puts(&r->html, "</summary>\n");
    if (n && !add_figure(r, t, n, true)) return false;
    add_table(r, set);
    gk_buf_puts(&r->html, "</details>\n");
    return true;
}

bool gk__report_ranks(gk__report *r) {
    const gk_tried **t = gk_arena_alloc(r->a, (r->cells.n + 1) * sizeof(*t));
    gk__report_section(r, "ranks", "Where the target stands");
    gk_buf_puts(&r->html, "<p>All templates pooled. A target that is not "
                          "the most probable token may still be second, or nowhere.</p>\n");
    bool ok = true;
    for (size_t i = 0; ok && i < r->n_sets; i++) {
        size_t n = gk__report_shown(r, &r->set[i], t);
        if (n) {
            gk_buf_puts(&r->html, "<h3>");
            gk__html_text(&r->html, r->set[i].name);
            gk_buf_puts(&r->html, "</h3>\n");
            ok = add_figure(r, t, n, false);
        }
        ok = ok && add_more(r, &r->set[i], t, n);
    }
    return ok;
}
