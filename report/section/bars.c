/* bars.c: a bar a scheme: top-5 accuracy on a template, or on all. */
#include "report/internal.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 560 };

/* One colour for what a scheme is. */
typedef enum kind { REFERENCE, PATCH, ABLATION, COMPLEMENT, PARTIAL, PLAIN, N_KINDS } kind;
static const struct {
    gk_chart__ink ink;
    const char *about;
} KINDS[N_KINDS] = {{GK_CHART__GREY, "one model alone"},
                    {GK_CHART__PINK, "activation patch"},
                    {GK_CHART__RED, "mean ablation"},
                    {GK_CHART__ORANGE, "complement: all but some places"},
                    {GK_CHART__GREEN, "applies to some templates only"},
                    {GK_CHART__BLUE, "graft"}};

static kind kind_of(const gk_report__state *r, const char *scheme) {
    static const kind of[] = {[GK_IS_ALONE] = REFERENCE,
                              [GK_IS_PATCH] = PATCH,
                              [GK_IS_ABLATION] = ABLATION,
                              [GK_IS_COMPLEMENT] = COMPLEMENT,
                              [GK_IS_GRAFT] = PLAIN};
    kind k = of[gk_kind_of(r->a, gk_report__canonical(r, scheme))];
    return k == PLAIN && gk_report__partial(r, scheme) ? PARTIAL : k;
}

static const gk_cell *cell_on(const gk_report__state *r, const char *scheme, const char *tmpl) {
    const gk_cell *c = gk_report__cell(r, scheme, tmpl);
    return c && c->applies ? c : NULL;
}

/* A bar; over all templates, a ring for each alone, too. */
static gk_chart__row row_of(gk_report__state *r, const gk_cell *c, bool rings) {
    const gk_stats *s = &c->stats;
    const int m = GK_METRIC_top5;
    gk_chart__row_mark *mark = gk_arena_alloc(r->a, (r->n_templates + 3) * sizeof *mark);
    gk_chart__row row = {.name = c->scheme, .schemes = c->scheme, .mark = mark};
    mark[row.n] = (gk_chart__row_mark){.shape = GK_CHART__BAR,
                                       .colour = gk_chart__ink_hex(KINDS[kind_of(r, c->scheme)].ink),
                                       .low = (double)NAN,
                                       .says = gk_report__says(r, c, GK_METRIC_top5)};
    if (s->n) {
        mark[row.n].x = 100 * s->value[m];
        mark[row.n].low = 100 * s->low[m];
        mark[row.n].high = 100 * s->high[m];
        row.told[0] = gk_arena_printf(r->a, "%s%%", mark[row.n].says.value);
    } else {
        row.told[0] = "no data";
    }
    row.n++;
    for (size_t t = 1; rings && t <= r->n_templates; t++) {
        const gk_cell *one = cell_on(r, c->scheme, gk_arena_printf(r->a, "%zu", t));
        if (!one || !one->stats.n) continue;
        mark[row.n++] = (gk_chart__row_mark){.shape = GK_CHART__RING,
                                             .x = 100 * one->stats.value[m],
                                             .low = (double)NAN,
                                             .colour = gk_chart__ink_hex(GK_CHART__TEXT),
                                             .says = gk_report__says(r, one, GK_METRIC_top5)};
    }
    row.n += gk_report__floors(r, c, GK_METRIC_top5, mark + row.n);
    return row;
}

/* A dashed line at a reference's value. */
static size_t add_rule(gk_report__state *r, gk_chart__rule *rule, const char *scheme, const char *tmpl) {
    const gk_cell *c = scheme ? gk_report__cell(r, scheme, tmpl) : NULL;
    if (!c || c->stats.n == 0) return 0;
    gk_chart__says *says = gk_arena_alloc(r->a, sizeof *says);
    *says = gk_report__says(r, c, GK_METRIC_top5);
    *rule = (gk_chart__rule){.x = 100 * c->stats.value[GK_METRIC_top5],
                             .name = gk_chart__text_clip(r->a, scheme, 24),
                             .colour = gk_chart__ink_hex(GK_CHART__SOFT),
                             .says = says};
    return 1;
}

static size_t rules_of(gk_report__state *r, gk_chart__rule rule[2], const char *tmpl) {
    size_t n = add_rule(r, rule, r->roles.pre, tmpl);
    n += add_rule(r, rule + n, r->pattern.ceiling_name, tmpl);
    if (n == 2 && rule[1].x < rule[0].x) {
        gk_chart__rule first = rule[0];
        rule[0] = rule[1];
        rule[1] = first;
    }
    return n;
}

/* Kinds where there are several, and rings. */
static size_t keys_of(const bool seen[N_KINDS], bool rings, gk_chart__key key[N_KINDS + 4]) {
    size_t n = 0;
    for (int k = 0; k < N_KINDS; k++)
        if (seen[k])
            key[n++] = (gk_chart__key){.shape = GK_CHART__KEY_BOX,
                                       .colour = gk_chart__ink_hex(KINDS[k].ink),
                                       .text = KINDS[k].about};
    if (n < 2) n = 0;
    key[n++] = (gk_chart__key){
        .shape = GK_CHART__KEY_INTERVAL, .colour = gk_chart__ink_hex(GK_CHART__TEXT), .text = "95% interval"};
    if (rings)
        key[n++] = (gk_chart__key){.shape = GK_CHART__KEY_RING,
                                   .colour = gk_chart__ink_hex(GK_CHART__TEXT),
                                   .text = "each template alone"};
    return n;
}

void gk_report__bars(gk_report__state *r, const gk_report__set *set, const char *template_name,
                     const char *caption) {
    bool seen[N_KINDS] = {false}, rings = strcmp(template_name, "pooled") == 0 && r->n_templates > 1;
    gk_chart__row *row = gk_arena_alloc(r->a, (set->n + 1) * sizeof *row);
    gk_chart__rule rule[2];
    gk_chart__key key[N_KINDS + 4];
    gk_chart__rows k = {.width = WIDTH, .row = row, .x = gk_chart__axis_percent(), .rule = rule, .key = key};
    for (size_t i = 0; i < set->n; i++) {
        const gk_cell *c = cell_on(r, set->scheme[i], template_name);
        if (!c) continue;
        seen[kind_of(r, c->scheme)] = true;
        row[k.n++] = row_of(r, c, rings);
    }
    if (k.n == 0) return;
    k.x.title = "top-5 accuracy";
    k.n_rules = rules_of(r, rule, template_name);
    k.n_keys = keys_of(seen, rings, key);
    k.n_keys += gk_report__floor_keys(row, k.n, key + k.n_keys);
    gk_chart__canvas chart = {0};
    gk_chart__rows_draw(r->a, &k, &chart);
    /* Pools have names of no template. */
    const char *on = strspn(template_name, "0123456789") ? gk_arena_printf(r->a, "template %s", template_name)
                                                         : template_name;
    const char *const name[] = {set->name, "top5", strcmp(template_name, "pooled") == 0 ? NULL : on, NULL};
    gk_report__figure(
        r, &chart, name,
        gk_arena_printf(r->a, "Top-5 accuracy, set %s: %s", set->name, gk_report__template(r, template_name)),
        gk_arena_printf(r->a, "%s %s", caption, gk_report__counts(r, set->scheme, set->n, template_name)));
}
