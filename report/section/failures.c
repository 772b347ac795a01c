/* failures.c: how it fails: what was said instead of the target, how sure the model was, and whether its
 * probabilities can be believed. */
#include "report/internal.h"

#include <math.h>
#include <string.h>

enum { N_TEXTS = 2, MOST_OPEN = 24 };

/* ---------------------------------------------------------------- what was said */

static bool add_tokens(gk_report__state *r, const gk_failures *f) {
    for (int i = 0; i < f->n_tokens; i++) {
        const char *piece = gk_store_piece(r->s, r->a, f->token[i], r->err);
        if (!piece) return false;
        gk_buf_puts(&r->html, i ? ", " : "");
        gk_page__html_piece(&r->html, piece);
        gk_buf_printf(&r->html, " \u00d7%zu", f->times[i]);
    }
    return true;
}

static bool add_texts(gk_report__state *r, const gk_tried *t) {
    gk_said said[N_TEXTS];
    size_t n;
    if (!gk_store_said_instead(r->s, r->a, t->set, t->scheme, N_TEXTS, said, &n, r->err)) return false;
    for (size_t i = 0; i < n; i++) {
        gk_buf_puts(&r->html, i ? "<br>" : "");
        gk_page__html_text(&r->html, *said[i].text ? said[i].text : "(the end of the text)");
        gk_buf_printf(&r->html, " \u00d7%lld", (long long)said[i].times);
    }
    return true;
}

static void add_share(gk_buf *b, double x) {
    if (isnan(x))
        gk_buf_puts(b, "<td>\u2013</td>");
    else
        gk_buf_printf(b, "<td>%.3f</td>", x);
}

static bool add_row(gk_report__state *r, const gk_tried *t) {
    gk_failures f = gk_failures_of(t);
    gk_buf *b = &r->html;
    if (f.n == 0) return true;
    gk_buf_puts(b, "<tr><td class=\"name\">");
    gk_page__html_text(b, t->scheme);
    gk_buf_printf(b, "</td><td>%zu</td><td>%zu</td><td>%zu</td><td>%.1f</td>", f.n,
                  gk_report__rows(r, t->scheme), f.wrong, 100 * (double)f.wrong / (double)f.n);
    add_share(b, f.sure_wrong);
    add_share(b, f.sure_right);
    add_share(b, f.error);
    gk_buf_puts(b, "<td class=\"instead\">");
    if (!add_tokens(r, &f)) return false;
    if (r->generated) {
        gk_buf_puts(b, "</td><td class=\"instead\">");
        if (!add_texts(r, t)) return false;
    }
    gk_buf_puts(b, "</td></tr>\n");
    return true;
}

static bool add_table(gk_report__state *r, const gk_report__set *set) {
    gk_buf *b = &r->html;
    bool ok = true;
    gk_buf_printf(b, "<details class=\"long\"%s><summary>", set->n > MOST_OPEN ? "" : " open");
    gk_page__html_text(b, set->name);
    gk_buf_puts(
        b, ": what was said instead</summary>\n<div class=\"scroll\"><table class=\"fails\"><thead><tr>"
           "<th>scheme</th><th>n</th><th>rows</th><th>wrong</th><th>wrong %</th><th>how sure when wrong</th>"
           "<th>when right</th><th>calibration error</th><th class=\"left\">said instead</th>");
    if (r->generated) gk_buf_puts(b, "<th class=\"left\">whole answers instead</th>");
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; ok && i < set->n; i++) {
        const gk_tried *t = gk_outcomes_of(&r->outcomes, set->scheme[i]);
        ok = !t || add_row(r, t);
    }
    gk_buf_puts(b, "</tbody></table></div></details>\n");
    return ok;
}

/* ---------------------------------------------------------------- calibration */

/* A dot a bin that has prompts. */
static gk_chart__series series_of(gk_report__state *r, const gk_tried *t, const gk_failures *f) {
    gk_chart__point *p = gk_arena_alloc(r->a, GK_BINS * sizeof *p);
    gk_chart__series s = {
        .line = true, .dots = true, .colour = gk_chart__ink_hex(GK_CHART__BLUE), .point = p};
    for (int k = 0; k < GK_BINS; k++) {
        const gk_reliability *x = &f->bin[k];
        if (x->n == 0) continue;
        gk_chart__says *says = gk_arena_alloc(r->a, sizeof *says);
        double mean = x->sum / (double)x->n, right = (double)x->right / (double)x->n;
        *says = (gk_chart__says){.scheme = t->scheme,
                                 .template_name = "pooled",
                                 .place = gk_report__template(r, "pooled"),
                                 .x_name = "mean probability",
                                 .x = gk_arena_printf(r->a, "%.3f", mean),
                                 .metric = "right",
                                 .what = "right",
                                 .value = gk_arena_printf(r->a, "%.1f", 100 * right),
                                 .unit = "%",
                                 .n = x->n};
        p[s.n++] =
            (gk_chart__point){.x = mean, .y = right, .low = (double)NAN, .high = (double)NAN, .says = says};
    }
    return s;
}

static void add_reliability(gk_report__state *r, const char *set, const gk_tried **t, size_t n) {
    gk_chart__panel *p = gk_arena_alloc(r->a, (n + 1) * sizeof *p);
    gk_chart__axis x = gk_chart__axis_round(r->a, 0, 1, 5, ""), y = x;
    x.title = "probability of what it says";
    y.title = "share right";
    y.low = -0.03; /* dots at the ends are whole */
    y.high = 1.03;
    for (size_t i = 0; i < n; i++) {
        gk_failures f = gk_failures_of(t[i]);
        gk_chart__series *s = gk_arena_alloc(r->a, sizeof *s);
        *s = series_of(r, t[i], &f);
        p[i] = (gk_chart__panel){.title = gk_arena_printf(r->a, "%s (%.2f)", t[i]->scheme, f.error),
                                 .schemes = t[i]->scheme,
                                 .x = x,
                                 .y = y,
                                 .diagonal = true,
                                 .series = s,
                                 .n = 1};
    }
    const gk_chart__key key[] = {{.shape = GK_CHART__KEY_LINE,
                                  .colour = gk_chart__ink_hex(GK_CHART__GREY),
                                  .dash = "2 3",
                                  .text = "both agree"}};
    const char *const name[] = {set, "calibration", NULL};
    gk_buf caption = {0};
    gk_page__prose(&caption, "caption: calibration", NULL);
    gk_buf_printf(&caption, " %s", gk_report__counts_of(r, t, n));
    gk_report__panels(r, p, n, key, 1, name, gk_arena_printf(r->a, "Calibration, set %s", set), caption.data);
    gk_buf_free(&caption);
}

static void add_bins(gk_report__state *r, const gk_report__set *set) {
    gk_buf *b = &r->html;
    gk_buf_puts(b, "<details><summary>");
    gk_page__html_text(b, set->name);
    gk_buf_puts(b,
                ": reliability, bin by bin</summary>\n<div class=\"scroll\"><table class=\"bins\"><thead><tr>"
                "<th>scheme</th><th>from</th><th>to</th><th>n</th><th>mean probability</th><th>right %</th>"
                "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < set->n; i++) {
        const gk_tried *t = gk_outcomes_of(&r->outcomes, set->scheme[i]);
        gk_failures f = t ? gk_failures_of(t) : (gk_failures){0};
        for (int k = 0; k < GK_BINS; k++) {
            const gk_reliability *x = &f.bin[k];
            if (x->n == 0) continue;
            gk_buf_puts(b, "<tr><td class=\"name\">");
            gk_page__html_text(b, t->scheme);
            gk_buf_printf(b, "</td><td>%.1f</td><td>%.1f</td><td>%zu</td><td>%.3f</td><td>%.1f</td></tr>\n",
                          k / 10.0, (k + 1) / 10.0, x->n, x->sum / (double)x->n,
                          100 * (double)x->right / (double)x->n);
        }
    }
    gk_buf_puts(b, "</tbody></table></div></details>\n");
}

/* ---------------------------------------------------------------- the section */

static bool add_sets(gk_report__state *r) {
    const gk_tried **t = gk_arena_alloc(r->a, (r->cells.n + 1) * sizeof(*t));
    bool ok = true;
    for (size_t i = 0; ok && i < r->n_sets; i++) {
        gk_buf_puts(&r->html, "<h3>");
        gk_page__html_text(&r->html, r->set[i].name);
        gk_buf_puts(&r->html, "</h3>\n");
        size_t n = gk_report__shown(r, &r->set[i], t);
        if (n) add_reliability(r, r->set[i].name, t, n);
        ok = add_table(r, &r->set[i]);
        if (ok) add_bins(r, &r->set[i]);
    }
    return ok;
}

bool gk_report__fail(gk_report__state *r) {
    gk_report__section_begin(r, "fails", "How it fails");
    gk_page__prose(&r->html, "fails", NULL);
    return add_sets(r);
}
