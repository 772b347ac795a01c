/* figures.c: bar charts of schemes, and the sections that hold them. */
#include "report/internal.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 560, BAR_HEIGHT = 27, WRAPPED_HEIGHT = 42, TOP = 26, FOOT = 42 };

/* Okabe and Ito's colours: one for what a scheme is. */
typedef enum kind { REFERENCE, PATCH, ABLATION, COMPLEMENT, PARTIAL, PLAIN, N_KINDS } kind;
static const struct {
    unsigned rgb;
    const char *about;
} KINDS[N_KINDS] = {{0x777777, "one model alone"},
                    {0xCC79A7, "activation patch"},
                    {0xD55E00, "mean ablation"},
                    {0xE69F00, "complement: all but some places"},
                    {0x009E73, "applies to some templates only"},
                    {0x0072B2, "graft"}};

static kind kind_of(const gk__report *r, const char *scheme) {
    static const kind of[] = {[GK_IS_ALONE] = REFERENCE,
                              [GK_IS_PATCH] = PATCH,
                              [GK_IS_ABLATION] = ABLATION,
                              [GK_IS_COMPLEMENT] = COMPLEMENT,
                              [GK_IS_GRAFT] = PLAIN};
    kind k = of[gk_kind_of(r->a, gk__report_canonical(r, scheme))];
    return k == PLAIN && gk__report_partial(r, scheme) ? PARTIAL : k;
}

/* ---------------------------------------------------------------- one bar chart */

typedef struct labels {
    double widest;
    bool wrapped;
} labels;

static labels measure(const gk__report *r, const gk__set *set, const char *tmpl) {
    labels l = {.widest = 24};
    for (size_t i = 0; i < set->n; i++) {
        const gk_cell *c = gk__report_cell(r, set->scheme[i], tmpl);
        if (!c || !c->applies) continue;
        const char *line[2];
        l.wrapped |= gk__plot_lines(r->a, set->scheme[i], line) == 2;
        l.widest = fmax(l.widest, fmax(gk__plot_width(line[0]), gk__plot_width(line[1])));
    }
    return l;
}

static void add_bar(gk__report *r, gk__plot *p, size_t y, const gk_cell *c) {
    const gk_stats *s = &c->stats;
    char value[32];
    if (s->n)
        gk_buf_printf(&p->data[0], "%zu\t%.6f\t%.6f\t%.6f\t%u\t%s%%\n", y, s->value[GK_METRIC_top5],
                      s->low[GK_METRIC_top5], s->high[GK_METRIC_top5], KINDS[kind_of(r, c->scheme)].rgb,
                      gk__html_value(GK_METRIC_top5, s->value[GK_METRIC_top5], value));
    else
        gk_buf_printf(&p->data[0], "%zu\t0\t0\t0\t0\tno data\n", y);
    gk__plot_name(r->a, &p->data[1], (double)y, 0.2, c->scheme);
}

/* A dashed line at a reference scheme's value, named above the plot. */
static void add_reference(const gk__report *r, gk__plot *p, const char *scheme, const char *tmpl,
                          bool to_the_left) {
    const gk_cell *c = gk__report_cell(r, scheme, tmpl);
    if (!c || c->stats.n == 0) return;
    double x = c->stats.value[GK_METRIC_top5];
    gk_buf_printf(
        &p->script,
        "set arrow from %.6f, graph 0 to %.6f, graph 1 nohead front dt (4,3) lw 1.4 lc rgb '#444444'\n"
        "set label '%s' at %.6f, graph 1 offset 0,0.55 %s tc rgb '#444444'\n",
        x, x, scheme, x, to_the_left ? "right" : "left");
}

static void add_references(const gk__report *r, gk__plot *p, const char *tmpl) {
    const char *low = r->roles.pre, *high = r->pattern.ceiling_name;
    const gk_cell *pre = low ? gk__report_cell(r, low, tmpl) : NULL,
                  *top = high ? gk__report_cell(r, high, tmpl) : NULL;
    bool close = pre && top && pre->stats.n && top->stats.n &&
                 top->stats.value[GK_METRIC_top5] - pre->stats.value[GK_METRIC_top5] < 0.25;
    if (low) add_reference(r, p, low, tmpl, close);
    if (high) add_reference(r, p, high, tmpl, !close);
}

/* The same scheme on each template alone. */
static void add_rings(gk__report *r, gk__plot *p, size_t y, const char *scheme) {
    for (size_t t = 1; t <= r->n_templates; t++) {
        const gk_cell *c = gk__report_cell(r, scheme, gk_arena_printf(r->a, "%zu", t));
        if (c && c->applies && c->stats.n)
            gk_buf_printf(&p->data[2], "%zu\t%.6f\n", y, c->stats.value[GK_METRIC_top5]);
    }
}

static void script_bars(const gk__report *r, gk__plot *p, double rows, double left, const char *tmpl) {
    gk_buf_printf(&p->script,
                  "set lmargin at screen %.4f\nset rmargin at screen 0.875\nset tmargin at screen %.4f\n"
                  "set bmargin at screen %.4f\nset xrange [0:1]\nset yrange [%g:-0.7]\nunset ytics\n"
                  "set border 1 lc rgb '#888888'\nset xtics out nomirror ('0' 0, '25' 0.25, '50' 0.5, '75' "
                  "0.75, '100%%%%' 1) tc rgb '#333333'\n"
                  "set grid xtics lt 1 lw 0.6 lc rgb '#dddddd'\nset errorbars 2.2\n",
                  left, 1 - (double)TOP / p->height, (double)FOOT / p->height, rows - 0.7);
    add_references(r, p, tmpl);
    gk_buf_puts(&p->script,
                "plot '0' using 2:1:(0):2:($1-0.33):($1+0.33):5 with boxxyerror fs solid 0.85 noborder lc "
                "rgb variable"
                " notitle, '' using 2:1:3:4 with xerrorbars pt 0 lw 1.3 lc rgb '#111111' notitle,"
                " '' using (1):1:6 with labels left offset character 1.3,0 notitle,");
    if (p->data[2].len)
        gk_buf_puts(&p->script, " '2' using 2:1 with points pt 6 ps 0.64 lc rgb '#111111' notitle,");
    gk_buf_puts(&p->script, " '1' using (0):1:2 with labels right offset character -1,0 notitle\n");
}

static void add_key(gk_buf *b, const bool seen[N_KINDS]) {
    int kinds = 0;
    for (int k = 0; k < N_KINDS; k++) kinds += seen[k];
    if (kinds < 2) return;
    gk_buf_puts(b, "<br>");
    for (int k = 0; k < N_KINDS; k++)
        if (seen[k])
            gk_buf_printf(b, "<span class=\"key\"><i style=\"background:#%06x\"></i>%s</span>", KINDS[k].rgb,
                          KINDS[k].about);
}

bool gk__report_bars(gk__report *r, const gk__set *set, const char *template_name, const char *caption) {
    gk__plot p = {.width = WIDTH};
    bool seen[N_KINDS] = {false};
    labels l = measure(r, set, template_name);
    int row = l.wrapped ? WRAPPED_HEIGHT : BAR_HEIGHT;
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        const gk_cell *c = gk__report_cell(r, set->scheme[i], template_name);
        if (!c || !c->applies) continue;
        seen[kind_of(r, c->scheme)] = true;
        gk__plot_veil(&p, 0, TOP + row * ((double)n + 0.2), WIDTH, row, c->scheme);
        if (strcmp(template_name, "pooled") == 0 && r->n_templates > 1) add_rings(r, &p, n, c->scheme);
        add_bar(r, &p, n++, c);
    }
    if (n == 0) return true;
    double rows = (double)n + 0.4; /* a row is one unit of the axis */
    p.height = TOP + (int)(rows * row) + FOOT;
    script_bars(r, &p, rows, (l.widest + 18) / WIDTH, template_name);
    gk_buf text = {0};
    gk_buf_puts(&text, caption);
    add_key(&text, seen);
    bool ok = gk__report_figure(r, &p, text.data);
    gk_buf_free(&text);
    return ok;
}

/* ---------------------------------------------------------------- sections */

/* "; dashed: PRE and SFT", as far as they are there. */
static const char *dashed(gk__report *r) {
    const char *low = r->roles.pre, *high = r->pattern.ceiling_name;
    gk_buf b = {0};
    if (low || high) gk_buf_puts(&b, "; dashed: ");
    if (low) gk__html_text(&b, low);
    if (low && high) gk_buf_puts(&b, " and ");
    if (high) {
        gk__html_text(&b, high);
        gk_buf_puts(&b, ", the ceiling");
    }
    const char *text = gk_arena_strdup(r->a, b.len ? b.data : "");
    gk_buf_free(&b);
    return text;
}

static bool add_pooled(gk__report *r, const gk__set *set) {
    size_t n = 0;
    bool partial = false;
    for (size_t i = 0; i < set->n; i++) {
        const gk_cell *c = gk__report_cell(r, set->scheme[i], "pooled");
        if (c && c->stats.n > n) n = c->stats.n;
        partial |= gk__report_partial(r, set->scheme[i]);
    }
    gk_buf_puts(&r->html, "<div class=\"grid\">\n");
    bool ok = gk__report_bars(
        r, set, "pooled",
        gk_arena_printf(
            r->a,
            "Top-5 accuracy over all templates to which a scheme applies (up to %zu prompts), with 95%% "
            "intervals%s%s.%s",
            n, r->n_templates > 1 ? "; rings: each template alone" : "", dashed(r),
            partial ? " Schemes that use a field which some templates lack are over fewer prompts: "
                      "compare them template by template."
                    : ""));
    ok = ok && gk__report_spread(r, set);
    gk_buf_puts(&r->html, "</div>\n");
    return ok;
}

static const char *template_text(const gk__report *r, size_t t) {
    const char *text = json_string_value(
        json_object_get(json_array_get(json_object_get(r->manifest, "templates"), t), "text"));
    return text ? text : "";
}

static bool add_per_template(gk__report *r, const gk__set *set) {
    gk_buf_puts(&r->html,
                "<details open><summary>The same, template by template</summary>\n<div class=\"grid\">\n");
    bool ok = true;
    for (size_t t = 0; ok && t <= r->n_templates; t++) {
        const char *name = t < r->n_templates ? gk_arena_printf(r->a, "%zu", t + 1) : "full";
        if (!gk__report_cell(r, set->scheme[0], name)) continue;
        gk_buf caption = {0};
        gk_buf_printf(&caption, "<strong>%s.</strong> ", gk__report_template(r, name));
        if (t < r->n_templates) {
            gk_buf_puts(&caption, "<code>");
            gk__html_text(&caption, template_text(r, t));
            gk_buf_puts(&caption, "</code>");
        } else {
            gk_buf_puts(&caption, "Here every scheme is judged on the same prompts.");
        }
        ok = gk__report_bars(r, set, name, caption.data);
        gk_buf_free(&caption);
    }
    gk_buf_puts(
        &r->html,
        "</div>\n<p class=\"muted\">Top-5 accuracy; a scheme that uses a field which a template lacks is "
        "left out there.</p>\n</details>\n");
    return ok;
}

static void add_set_table(gk__report *r, const gk__set *set) {
    static const gk_metric shown[] = {GK_METRIC_top1, GK_METRIC_top5, GK_METRIC_mean_prob,
                                      GK_METRIC_mean_rank, GK_METRIC_logit_diff};
    gk_buf *b = &r->html;
    gk_buf_puts(
        b, "<details><summary>What each scheme of the set is, and its numbers</summary>\n"
           "<div class=\"scroll\"><table "
           "class=\"set-table\"><thead><tr><th>scheme</th><th>n</th><th>top-1 %</th>"
           "<th>top-5 %</th><th>prob.</th><th>mean rank</th><th>logit diff.</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < set->n; i++) {
        const gk_cell *c = gk__report_cell(r, set->scheme[i], "pooled");
        if (!c || !c->applies) continue;
        gk_buf_puts(b, "<tr><td class=\"name\">");
        gk__html_text(b, c->scheme);
        gk_buf_puts(b, "<small>");
        gk__html_text(b, gk__report_about(r, c->scheme));
        gk_buf_printf(b, "</small></td><td>%zu</td>", c->stats.n);
        for (size_t m = 0; m < sizeof shown / sizeof *shown; m++) {
            gk_buf_puts(b, "<td>");
            gk__html_stat(b, &c->stats, shown[m]);
            gk_buf_puts(b, "</td>");
        }
        gk_buf_puts(b, "</tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div>\n</details>\n");
}

static bool has(const gk__set *set, const char *scheme) {
    for (size_t i = 0; scheme && i < set->n; i++)
        if (strcmp(set->scheme[i], scheme) == 0) return true;
    return false;
}

/* The set that the headline's positions are judged in is also shown template by template. */
static bool is_judged(const gk__report *r, const gk__set *set) {
    bool judged = has(set, r->roles.both) || (has(set, r->roles.fe) && has(set, r->roles.lt));
    return r->n_templates > 1 && judged;
}

/* "position: Which token positions need the finetuned weights": its title, or the first sentence of what its
 * file says. */
static const char *title_of(const gk__report *r, const gk__set *set) {
    enum { MOST = 120 };
    if (*set->title) return gk_arena_printf(r->a, "%s: %s", set->name, set->title);
    size_t n = strcspn(set->about, ".?!");
    while (set->about[n] && set->about[n + 1] && set->about[n + 1] != ' ')
        n += 1 + strcspn(set->about + n + 1, ".?!");
    if (set->about[n] == '?' || set->about[n] == '!') n++;
    if (n == 0 || n > MOST) return gk_arena_printf(r->a, "Schemes of the set \u201c%s\u201d", set->name);
    return gk_arena_printf(r->a, "%s: %.*s", set->name, (int)n, set->about);
}

/* Grids first, and as bars only what stands in none. */
static bool add_set(gk__report *r, const gk__set *set, size_t number) {
    gk__set rest;
    const char *title = title_of(r, set);
    gk__report_section(r, gk_arena_printf(r->a, "set-%zu", number), title);
    if (!strstr(title, set->about)) {
        gk_buf_puts(&r->html, "<p>");
        gk__html_text(&r->html, set->about);
        gk_buf_puts(&r->html, "</p>\n");
    }
    if (!gk__report_grids(r, set, &rest) || (rest.n && !add_pooled(r, &rest))) return false;
    if (rest.n == set->n && is_judged(r, set) && !add_per_template(r, set)) return false;
    add_set_table(r, set);
    return true;
}

bool gk__report_sets(gk__report *r) {
    for (size_t i = 0; i < r->n_sets; i++)
        if (!add_set(r, &r->set[i], i + 1)) return false;
    return true;
}
