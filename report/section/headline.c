/* headline.c: top-5 and logit difference beside each other, position by position, and whether what single
 * positions do adds up. */
#include "report/internal.h"

#include <math.h>

enum { N_METRICS = 2, N_WAYS = 6 };
static const gk_metric METRIC[N_METRICS] = {GK_METRIC_top5, GK_METRIC_logit_diff};

/* "33.1% [28.0, 38.2]" */
static void add_share(gk_buf *b, const gk_recovered *x) {
    if (!x || !isfinite(x->value)) {
        gk_buf_puts(b, "\u2013");
        return;
    }
    gk_buf_printf(b, "%.1f", 100 * x->value);
    if (isfinite(x->low) && isfinite(x->high))
        gk_buf_printf(b, "<small>[%.1f, %.1f]</small>", 100 * x->low, 100 * x->high);
}

static void add_row(gk_report__state *r, const char *scheme, const gk_recovered *const share[N_METRICS]) {
    gk_buf *b = &r->html;
    const gk_cell *c = scheme ? gk_report__cell(r, scheme, "pooled") : NULL;
    if (!c || !c->applies || c->stats.n == 0) return;
    gk_buf_puts(b, "<tr><td class=\"name\">");
    gk_page__html_text(b, scheme);
    gk_buf_printf(b, "</td><td>%zu</td><td>%zu</td>", c->stats.n, c->stats.rows);
    for (int m = 0; m < N_METRICS; m++) {
        gk_buf_puts(b, "<td>");
        gk_page__html_stat(b, &c->stats, METRIC[m]);
        gk_buf_puts(b, "</td><td>");
        add_share(b, share[m]);
        gk_buf_puts(b, "</td>");
    }
    gk_report__floor_values(r, b, c);
    gk_buf_puts(b, "</tr>\n");
}

static void add_table(gk_report__state *r, const gk_headline *h, bool there) {
    gk_buf *b = &r->html;
    const char *const name[N_WAYS] = {h->pre, h->fe, h->lt, h->both, h->rest, h->sft};
    gk_buf_puts(
        b, "<div class=\"scroll\"><table class=\"headline\"><thead><tr><th>scheme</th><th>n</th><th>rows</th>"
           "<th>top-5 %</th><th>% of the way</th><th>logit diff.</th><th>% of the way</th>");
    gk_report__floor_heads(r, b);
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (int i = 0; i < N_WAYS; i++) {
        const gk_recovered *top5[N_WAYS] = {NULL, &h->top5.first, &h->top5.second, &h->top5.both},
                           *ahead[N_WAYS] = {NULL, &h->logit_diff.first, &h->logit_diff.second,
                                             &h->logit_diff.both};
        const gk_recovered *const share[N_METRICS] = {there ? top5[i] : NULL, there ? ahead[i] : NULL};
        add_row(r, name[i], share);
    }
    gk_buf_puts(b, "</tbody></table></div>\n");
}

/* "FE 33.1% [28.0, 38.2]" */
static const char *share_text(const gk_report__state *r, const char *name, const gk_recovered *x) {
    if (!isfinite(x->value)) return gk_arena_printf(r->a, "%s%sunknown", name, *name ? " " : "");
    return gk_arena_printf(r->a, "%s%s%.1f%% [%.1f, %.1f]", name, *name ? " " : "", 100 * x->value,
                           100 * x->low, 100 * x->high);
}

static void say_additive(gk_report__state *r, const gk_headline *h) {
    const gk_additive *x = &h->logit_diff, *y = &h->top5;
    gk_page__prose(&r->html, "additive", "pre", h->pre, "sft", h->sft, "fe", share_text(r, h->fe, &x->first),
                   "lt", share_text(r, h->lt, &x->second), "both", share_text(r, h->both, &x->both), "sum",
                   share_text(r, "", &x->additive), "top5", share_text(r, "", &y->additive), "n",
                   gk_arena_printf(r->a, "%zu", x->n), "rows", gk_arena_printf(r->a, "%zu", x->rows), NULL);
}

void gk_report__headline(gk_report__state *r) {
    gk_headline h;
    bool there = gk_headline_of(&r->outcomes, &r->roles, r->seed, &h) && !r->pattern.no_way;
    if (!h.fe && !h.lt && !h.both) return; /* a sweep of other things */
    add_table(r, &h, there);
    if (there) say_additive(r, &h);
}
