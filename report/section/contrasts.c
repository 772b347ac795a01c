/* contrasts.c: what the scheme files planned to compare: differences with their intervals and margins, and
 * what may be said of them. */
#include "eval/store/contrasts.h"
#include "report/internal.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 640, TICKS = 7 };

/* How a metric's differences are shown. */
typedef struct scale {
    gk_metric metric;
    const char *name, *key, *unit, *axis, *format;
    double times;
} scale;
static const scale SCALES[] = {{GK_METRIC_top5, "top-5", "top5_difference", " points",
                                "difference of top-5 accuracy (points)", "%+.1f", 100},
                               {GK_METRIC_logit_diff, "logit difference", "logit_diff_difference", " nats",
                                "difference of the logit differences (nats)", "%+.2f", 1}};
enum { N_SCALES = sizeof SCALES / sizeof *SCALES };

static const struct {
    const char *words;
    gk_chart__ink ink;
} VERDICTS[] = {[GK_NOT_JUDGED] = {"not judged", GK_CHART__GREY},
                [GK_NEITHER] = {"neither shown", GK_CHART__GREY},
                [GK_DIFFERENT] = {"different", GK_CHART__BLUE},
                [GK_EQUIVALENT] = {"equivalent", GK_CHART__GREEN},
                [GK_DIFFERENT_WITHIN] = {"different, within", GK_CHART__ORANGE}};
enum { N_VERDICTS = sizeof VERDICTS / sizeof *VERDICTS };

static const char *number(gk_report__state *r, const scale *s, double x) {
    return isfinite(x) ? gk_arena_printf(r->a, s->format, s->times * x) : NULL;
}

static const scale *scale_of(const gk_contrasted *c) {
    return &SCALES[c->plan.metric == GK_METRIC_logit_diff];
}

/* ---------------------------------------------------------------- the figure */

static gk_chart__row row_of(gk_report__state *r, const gk_contrasted *c) {
    const scale *s = scale_of(c);
    const gk_contrast_stats *x = &c->stats;
    gk_chart__row_mark *mark = gk_arena_alloc(r->a, sizeof *mark);
    const char *both = gk_arena_printf(r->a, "%s\n%s", c->plan.a, c->plan.b);
    *mark = (gk_chart__row_mark){.shape = GK_CHART__DOT,
                                 .x = s->times * x->diff,
                                 .low = s->times * x->low,
                                 .high = s->times * x->high,
                                 .colour = gk_chart__ink_hex(VERDICTS[c->verdict].ink)};
    mark->says = (gk_chart__says){.scheme = both,
                                  .metric = s->key,
                                  .what = gk_arena_printf(r->a, "%s, first minus second", s->name),
                                  .value = number(r, s, x->diff),
                                  .low = number(r, s, x->low),
                                  .high = number(r, s, x->high),
                                  .unit = s->unit,
                                  .template_name = "pooled",
                                  .place = VERDICTS[c->verdict].words,
                                  .n = x->n};
    return (gk_chart__row){
        .name = gk_arena_printf(r->a, "%s \u2212 %s", c->plan.a, c->plan.b),
        .schemes = both,
        .mark = mark,
        .n = 1,
        .band = isnan(x->margin) ? 0 : s->times * x->margin,
        .told = {gk_chart__text_number(r->a, mark->says.value), VERDICTS[c->verdict].words}};
}

/* Of everything drawn, with 0. */
static gk_chart__axis axis_of(gk_report__state *r, const scale *s, const gk_chart__row *row, size_t n) {
    double low = 0, high = 0;
    for (size_t i = 0; i < n; i++) {
        const gk_chart__row_mark *m = row[i].mark;
        low = fmin(low, fmin(-row[i].band, fmin(m->x, m->low))); /* fmin passes over what is NaN */
        high = fmax(high, fmax(row[i].band, fmax(m->x, m->high)));
    }
    double pad = high > low ? 0.04 * (high - low) : 1;
    gk_chart__axis x = gk_chart__axis_round(r->a, low - pad, high + pad, TICKS, "");
    x.title = s->axis;
    return x;
}

static size_t keys_of(const bool seen[N_VERDICTS], bool bands, gk_chart__key key[N_VERDICTS + 1]) {
    size_t n = 0;
    for (size_t v = 0; v < N_VERDICTS; v++)
        if (seen[v])
            key[n++] = (gk_chart__key){.shape = GK_CHART__KEY_DOT,
                                       .colour = gk_chart__ink_hex(VERDICTS[v].ink),
                                       .text = v == GK_DIFFERENT_WITHIN
                                                   ? "different, but equivalent within the margin"
                                               : v == GK_EQUIVALENT ? "equivalent within the margin"
                                                                    : VERDICTS[v].words};
    if (bands)
        key[n++] = (gk_chart__key){.shape = GK_CHART__KEY_BOX,
                                   .colour = gk_chart__ink_hex(GK_CHART__PALE),
                                   .text = "margin of equivalence"};
    return n;
}

/* "n = up to 400 prompts of 100 facts." */
static const char *counts_of(const gk_report__state *r, const gk_contrasted *c, size_t n) {
    size_t prompts = 0, rows = 0;
    for (size_t i = 0; i < n; i++) {
        prompts = c[i].stats.n > prompts ? c[i].stats.n : prompts;
        rows = c[i].stats.rows > rows ? c[i].stats.rows : rows;
    }
    return gk_arena_printf(r->a, "n = up to %zu prompt%s of %zu fact%s.", prompts, prompts == 1 ? "" : "s",
                           rows, rows == 1 ? "" : "s");
}

/* The contrasts of a set in one metric. */
static void add_figure(gk_report__state *r, const gk_contrasted *c, size_t n, const scale *s) {
    bool seen[N_VERDICTS] = {false}, bands = false;
    gk_chart__row *row = gk_arena_alloc(r->a, (n + 1) * sizeof *row);
    gk_chart__key key[N_VERDICTS + 1];
    gk_chart__rule zero = {.colour = gk_chart__ink_hex(GK_CHART__GREY), .solid = true};
    gk_chart__rows k = {.width = WIDTH, .row = row, .rule = &zero, .n_rules = 1, .key = key};
    for (size_t i = 0; i < n; i++) {
        if (c[i].plan.metric != s->metric || !isfinite(c[i].stats.diff)) continue;
        seen[c[i].verdict] = true;
        bands |= !isnan(c[i].stats.margin);
        row[k.n++] = row_of(r, &c[i]);
    }
    if (k.n == 0) return;
    k.x = axis_of(r, s, row, k.n);
    k.n_keys = keys_of(seen, bands, key);
    gk_chart__canvas chart = {0};
    gk_chart__rows_draw(r->a, &k, &chart);
    const char *const name[] = {c->plan.set, "contrasts", gk_metric_key(s->metric), NULL};
    gk_buf caption = {0};
    gk_page__prose(&caption, "caption: contrasts", "metric", s->name, NULL);
    gk_buf_printf(&caption, " %s", counts_of(r, c, n));
    gk_report__figure(r, &chart, name,
                      gk_arena_printf(r->a, "Planned contrasts in %s, set %s", s->name, c->plan.set),
                      caption.data);
    gk_buf_free(&caption);
}

/* ---------------------------------------------------------------- the table */

static void add_cell(gk_buf *b, const char *format, double x) {
    char text[32];
    snprintf(text, sizeof text, format, x);
    gk_buf_printf(b, "<td>%s</td>", isnan(x) ? "\u2013" : text);
}

static void add_p(gk_buf *b, double p) {
    gk_buf_puts(b, p < 0.05 ? "<td class=\"sure\">" : "<td>");
    if (isnan(p))
        gk_buf_puts(b, "\u2013</td>");
    else
        gk_buf_printf(b, "%.3g</td>", p);
}

/* The value and its ends as the content of a table cell. */
static void add_interval(gk_report__state *r, const scale *s, double x, double low, double high) {
    gk_buf *b = &r->html;
    const char *value = number(r, s, x), *from = number(r, s, low), *to = number(r, s, high);
    gk_buf_printf(b, "<td>%s", value ? value : "\u2013");
    if (from && to) gk_buf_printf(b, "<small>[%s, %s]</small>", from, to);
    gk_buf_puts(b, "</td>");
}

static void add_row(gk_report__state *r, const gk_contrasted *c) {
    gk_buf *b = &r->html;
    const scale *s = scale_of(c);
    const gk_contrast_stats *x = &c->stats;
    gk_buf_puts(b, "<tr><td class=\"name\">");
    gk_page__html_text(b, c->plan.a);
    gk_buf_puts(b, " \u2212 ");
    gk_page__html_text(b, c->plan.b);
    gk_buf_puts(b, *c->plan.about ? "<small>" : "");
    gk_page__html_text(b, c->plan.about);
    gk_buf_puts(b, *c->plan.about ? "</small>" : "");
    gk_buf_printf(b, "</td><td>%s</td>", s->name);
    add_interval(r, s, x->diff, x->low, x->high);
    add_cell(b, "\u00b1%g", s->times * x->margin);
    gk_buf_printf(b, "<td>%s%s</td><td>%zu</td><td>%zu</td><td>%zu</td><td>%zu</td>",
                  gk_verdict_key(c->verdict), c->plan.ahead ? "" : " *", x->n, x->rows, x->rows_more,
                  x->rows_fewer);
    add_cell(b, "%.3g", x->p);
    add_p(b, c->p_holm);
    const char *from = number(r, s, x->equal_low), *to = number(r, s, x->equal_high);
    gk_buf_printf(b, "<td>%s%s%s</td>", from ? from : "\u2013", to ? " to " : "", to ? to : "");
    add_cell(b, "%.3g", x->p_equal);
    add_p(b, c->p_equal_holm);
    gk_buf_puts(b, "</tr>\n");
}

static void add_table(gk_report__state *r, const gk_contrasted *c, size_t n) {
    bool late = false;
    gk_buf *b = &r->html;
    gk_buf_puts(b,
                "<div class=\"scroll\"><table class=\"contrasts\"><thead><tr><th>contrast</th><th>metric</th>"
                "<th>difference</th><th>margin</th><th>verdict</th><th>n</th><th>rows</th><th>rows more</th>"
                "<th>rows fewer</th><th>p</th><th>p, Holm</th><th>90% interval</th><th>p, equivalence</th>"
                "<th>its p, Holm</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++) {
        add_row(r, &c[i]);
        late |= !c[i].plan.ahead;
    }
    gk_buf_puts(b, "</tbody></table></div>\n");
    if (late) gk_page__prose(b, "contrasts late", NULL);
}

/* ---------------------------------------------------------------- the section */

bool gk_report__contrasts(gk_report__state *r) {
    gk_contrasts all;
    if (!gk_contrasts_of(r->s, &r->outcomes, r->a, &all, r->err)) return false;
    if (all.n == 0) return true;
    gk_report__section_begin(r, "contrasts", "Planned contrasts");
    gk_page__prose(&r->html, "contrasts", NULL);
    for (size_t from = 0, to; from < all.n; from = to) {
        const char *set = all.item[from].plan.set;
        for (to = from + 1; to < all.n && strcmp(all.item[to].plan.set, set) == 0; to++) {
        }
        gk_buf_puts(&r->html, "<h3>");
        gk_page__html_text(&r->html, set);
        gk_buf_puts(&r->html, "</h3>\n<div class=\"grid\">\n");
        for (int s = 0; s < N_SCALES; s++) add_figure(r, &all.item[from], to - from, &SCALES[s]);
        gk_buf_puts(&r->html, "</div>\n");
        add_table(r, &all.item[from], to - from);
    }
    return true;
}
