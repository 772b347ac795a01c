/* seeds.c: runs that differ in their seed only, together: mean over seeds, spread, intervals. */
#include "eval/store/write.h"
#include "graftkit/core/file.h"
#include "graftkit/core/threads.h"
#include "report/compare/compare.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 600, MOST_DRAWN = 60, TICKS = 7, N_METRICS = 2 };
static const gk_metric METRIC[N_METRICS] = {GK_METRIC_top5, GK_METRIC_logit_diff};

/* ---------------------------------------------------------------- who belongs together */

/* Finds the replicates of run `first`, itself among them, which it marks as taken; the others' differences
 * from it go to the page. */
static gk_compare__group *group_of(const gk_compare__replicates *in, json_t *const *signature, size_t first,
                                   bool *taken) {
    gk_compare__group *g = gk_arena_alloc(in->a, sizeof *g);
    *g = (gk_compare__group){.run = gk_arena_alloc(in->a, in->runs * sizeof *g->run), .differ = ""};
    for (size_t r = first; r < in->runs; r++) {
        if (!in->manifest[r] || taken[r]) continue;
        const char *differ = gk_compare__differ(in->a, signature[first], signature[r]);
        bool again = false;
        for (size_t i = 0; i < g->n; i++)
            again |= gk_compare__same_weights(in->manifest[g->run[i]], in->manifest[r]);
        if (again || (*differ && r != first && !in->told)) continue;
        if (*differ && in->told && r != first) g->differ = differ;
        g->run[g->n++] = r;
        taken[r] = true;
    }
    return g;
}

static void add_note(const gk_compare__replicates *in, size_t run, size_t first, const char *why) {
    gk_buf *b = in->html;
    gk_buf_puts(b, "<p class=\"note seeds\">");
    gk_page__html_text(b, in->label[run]);
    gk_buf_puts(b, " is not averaged with ");
    gk_page__html_text(b, in->label[first]);
    gk_buf_puts(b, ": ");
    gk_page__html_text(b, why);
    gk_buf_puts(b, "</p>\n");
}

/* Says of those that are in no group with the first why they are not. */
static void say_apart(const gk_compare__replicates *in, json_t *const *signature,
                      const gk_compare__group *g) {
    size_t first = g->run[0];
    for (size_t r = 0; r < in->runs; r++) {
        bool among = !in->manifest[r];
        for (size_t i = 0; i < g->n; i++) among |= g->run[i] == r;
        if (among) continue;
        const char *differ = gk_compare__differ(in->a, signature[first], signature[r]);
        add_note(in, r, first,
                 *differ
                     ? gk_arena_printf(in->a, "they differ in more than the seed, or do not say: %s.", differ)
                     : "its models are those of a run that is there already.");
    }
}

/* ---------------------------------------------------------------- numbers */

typedef struct work {
    const gk_compare__replicates *in;
    const gk_compare__group *g;
    gk_compare__over_seeds *line;
} work;

static const gk_tried *tried_in(const gk_compare__replicates *in, size_t run,
                                const gk_compare__over_seeds *l) {
    const gk_tried *t = gk_outcomes_of(&in->outcomes[run], l->scheme);
    return t && strcmp(t->canonical, l->canonical) == 0 && t->n > 0 ? t : NULL;
}

static void compute_range(void *ctx, size_t begin, size_t end) {
    const work *w = ctx;
    for (size_t k = begin; k < end; k++) {
        gk_compare__over_seeds *l = &w->line[k];
        gk_obs_list *list = gk_alloc((w->g->n + 1) * sizeof *list);
        size_t n = 0;
        for (size_t i = 0; i < w->g->n; i++) {
            const gk_tried *t = tried_in(w->in, w->g->run[i], l);
            if (!t) continue;
            gk_obs *obs = gk_alloc(t->n * sizeof *obs);
            for (size_t o = 0; o < t->n; o++) obs[o] = gk_outcome_obs(&t->item[o]);
            list[n++] = (gk_obs_list){obs, t->n};
        }
        for (int m = 0; m < N_METRICS; m++)
            gk_replicates_of(list, n, METRIC[m], w->in->seed[w->g->run[0]], GK_RESAMPLES, &l->of[m]);
        for (size_t i = 0; i < n; i++) gk_free((void *)(uintptr_t)list[i].obs);
        gk_free(list);
    }
}

static bool is_known(const gk_compare__group *g, const char *scheme) {
    for (size_t i = 0; i < g->n_lines; i++)
        if (strcmp(g->line[i].scheme, scheme) == 0) return true;
    return false;
}

/* Every scheme of any of the runs; where one means something else, what the first that has it means. */
static void collect(const gk_compare__replicates *in, gk_compare__group *g) {
    size_t most = 1;
    for (size_t i = 0; i < g->n; i++) most += in->outcomes[g->run[i]].n;
    g->line = gk_arena_alloc(in->a, most * sizeof *g->line);
    for (size_t i = 0; i < g->n; i++) {
        const gk_outcomes *o = &in->outcomes[g->run[i]];
        for (size_t k = 0; k < o->n; k++)
            if (o->scheme[k].n && !is_known(g, o->scheme[k].scheme))
                g->line[g->n_lines++] = (gk_compare__over_seeds){.set = o->scheme[k].set,
                                                                 .scheme = o->scheme[k].scheme,
                                                                 .canonical = o->scheme[k].canonical};
    }
    work w = {in, g, g->line};
    gk_parallel_for(g->n_lines, 1, compute_range, &w);
}

/* ---------------------------------------------------------------- figures */

const gk_cell *gk_compare__cell(const gk_cells *cells, const char *scheme, const char *template_name) {
    for (size_t i = 0; i < cells->n; i++)
        if (strcmp(cells->item[i].scheme, scheme) == 0 &&
            strcmp(cells->item[i].template_name, template_name) == 0)
            return &cells->item[i];
    return NULL;
}

size_t gk_compare__floors(gk_arena *a, const gk_cells *cells, const char *const *label, size_t runs,
                          const char *scheme, gk_metric m, gk_chart__row_mark out[2]) {
    size_t n = 0;
    for (int placebo = 1; placebo >= 0; placebo--) {
        gk_chart__row_mark best = {.x = -INFINITY};
        for (size_t r = 0; r < runs; r++) {
            const gk_cell *c = gk_compare__cell(&cells[r], scheme, "pooled");
            gk_chart__row_mark one;
            if (!c || !gk_report__floor(a, "all templates pooled", c, placebo, m, &one) || one.x <= best.x)
                continue;
            best = one;
            best.says.series = label ? label[r] : NULL;
        }
        if (isfinite(best.x)) out[n++] = best;
    }
    return n;
}

static const char *text_of(gk_arena *a, gk_metric m, double x) {
    char text[GK_METRIC_TEXT];
    return isfinite(x) ? gk_arena_strdup(a, gk_metric_text(m, x, text)) : NULL;
}

/* A ring for each seed, and their mean with its t interval, as far as the axis goes. */
static gk_chart__row row_of(const gk_compare__replicates *in, const gk_compare__group *g,
                            const gk_compare__over_seeds *l, int k) {
    const gk_metric m = METRIC[k];
    const gk_replicates *x = &l->of[k];
    double scale = m == GK_METRIC_top5 ? 100 : 1;
    gk_chart__row_mark *mark = gk_arena_alloc(in->a, (g->n + 4) * sizeof *mark);
    gk_chart__row row = {.name = l->scheme, .schemes = l->scheme, .mark = mark};
    for (size_t i = 0; i < g->n; i++) {
        const gk_tried *t = tried_in(in, g->run[i], l);
        const gk_cell *c = t ? gk_compare__cell(&in->cells[g->run[i]], l->scheme, "pooled") : NULL;
        if (!c) continue;
        mark[row.n] = (gk_chart__row_mark){.shape = GK_CHART__RING,
                                           .x = scale * c->stats.value[m],
                                           .low = (double)NAN,
                                           .colour = gk_chart__ink_hex(GK_CHART__ORANGE),
                                           .says = gk_report__says_of(in->a, &c->stats, m)};
        mark[row.n].says.scheme = l->scheme;
        mark[row.n].says.series = in->label[g->run[i]];
        mark[row.n++].says.template_name = "pooled";
    }
    double low = scale * x->t_low, high = scale * x->t_high;
    mark[row.n++] =
        (gk_chart__row_mark){.shape = GK_CHART__DOT,
                             .x = scale * x->mean,
                             .low = m == GK_METRIC_top5 && isfinite(low) ? fmax(0, low) : low,
                             .high = m == GK_METRIC_top5 && isfinite(high) ? fmin(100, high) : high,
                             .colour = gk_chart__ink_hex(GK_CHART__BLUE),
                             .says = {.scheme = l->scheme,
                                      .series = gk_arena_printf(in->a, "mean of %zu seeds", x->seeds),
                                      .template_name = "pooled",
                                      .metric = gk_arena_printf(in->a, "seeds_%s", gk_metric_key(m)),
                                      .what = m == GK_METRIC_top5 ? "top-5 accuracy" : "logit difference",
                                      .value = text_of(in->a, m, x->mean),
                                      .low = text_of(in->a, m, x->t_low),
                                      .high = text_of(in->a, m, x->t_high),
                                      .unit = m == GK_METRIC_top5 ? "%" : " nats",
                                      .n = x->seeds}};
    gk_cells *cells = gk_arena_alloc(in->a, g->n * sizeof *cells);
    const char **label = gk_arena_alloc(in->a, g->n * sizeof *label);
    for (size_t i = 0; i < g->n; i++) {
        cells[i] = in->cells[g->run[i]];
        label[i] = in->label[g->run[i]];
    }
    row.n += gk_compare__floors(in->a, cells, label, g->n, l->scheme, m, mark + row.n);
    const char *value = text_of(in->a, m, x->mean);
    row.told[0] =
        m == GK_METRIC_top5 ? gk_arena_printf(in->a, "%s%%", value) : gk_chart__text_number(in->a, value);
    return row;
}

static gk_chart__axis axis_of(gk_arena *a, const gk_chart__row *row, size_t n) {
    double low = 0, high = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < row[i].n; k++) {
            const gk_chart__row_mark *m = &row[i].mark[k];
            low = fmin(low, fmin(m->x, m->low)); /* which NaN is no part of */
            high = fmax(high, fmax(m->x, m->high));
        }
    double pad = high > low ? 0.03 * (high - low) : 1;
    return gk_chart__axis_round(a, low - pad, high + pad, TICKS, "");
}

static void add_chart(const gk_compare__replicates *in, const gk_compare__group *g, const char *set, int k) {
    gk_chart__row *row = gk_arena_alloc(in->a, (g->n_lines + 1) * sizeof *row);
    bool top5 = METRIC[k] == GK_METRIC_top5;
    gk_chart__key key[4] = {
        {GK_CHART__KEY_DOT, gk_chart__ink_hex(GK_CHART__BLUE), NULL, "mean over seeds, 95% t interval"},
        {GK_CHART__KEY_RING, gk_chart__ink_hex(GK_CHART__ORANGE), NULL, "each seed"}};
    gk_chart__rows c = {.width = WIDTH, .row = row, .key = key, .n_keys = 2};
    for (size_t i = 0; i < g->n_lines; i++)
        if (strcmp(g->line[i].set, set) == 0) row[c.n++] = row_of(in, g, &g->line[i], k);
    c.n_keys += gk_report__floor_keys(row, c.n, key + c.n_keys);
    c.x = top5 ? gk_chart__axis_percent() : axis_of(in->a, row, c.n);
    c.x.title = top5 ? "top-5 accuracy" : "logit difference (nats)";
    gk_chart__rule zero = {.colour = gk_chart__ink_hex(GK_CHART__GREY), .solid = true};
    if (!top5) {
        c.rule = &zero;
        c.n_rules = 1;
    }
    gk_chart__canvas chart = {0};
    gk_chart__rows_draw(in->a, &c, &chart);
    size_t rows = 0;
    for (size_t i = 0; i < g->n; i++)
        for (size_t j = 0; j < in->cells[g->run[i]].n; j++) {
            const gk_cell *one = &in->cells[g->run[i]].item[j];
            if (strcmp(one->set, set) == 0 && one->stats.rows > rows) rows = one->stats.rows;
        }
    const char *what = top5 ? "Top-5 accuracy" : "Logit difference",
               *const name[] = {in->experiment, set, "seeds", gk_metric_key(METRIC[k]), g->label, NULL};
    gk_chart__figures_add(
        in->figures, in->html, &chart, name,
        gk_arena_printf(in->a, "%s over %zu seeds, set %s", what, g->n, set),
        gk_arena_printf(in->a,
                        "%s of %zu runs that differ in their seed, all templates pooled: each run "
                        "a ring, their mean with its 95%% t interval; floors: the highest of them. n = %zu "
                        "seeds of up to "
                        "%zu facts.",
                        what, g->n, g->n, rows));
}

/* ---------------------------------------------------------------- tables */

static void add_interval(gk_buf *b, gk_metric m, double low, double high) {
    char text[2][GK_METRIC_TEXT];
    if (isfinite(low) && isfinite(high))
        gk_buf_printf(b, "<td>[%s, %s]</td>", gk_metric_text(m, low, text[0]),
                      gk_metric_text(m, high, text[1]));
    else
        gk_buf_puts(b, "<td>\u2013</td>");
}

static void add_table(const gk_compare__replicates *in, const gk_compare__group *g, const char *set) {
    gk_buf *b = in->html;
    gk_buf_puts(
        b,
        "<details><summary>Numbers over seeds</summary><div class=\"scroll\"><table class=\"seeds\"><thead>"
        "<tr><th>scheme</th><th>seeds</th>");
    for (int k = 0; k < N_METRICS; k++)
        gk_buf_printf(b, "<th>%s</th><th>SD</th><th>t interval</th><th>bootstrap</th>",
                      k ? "logit diff." : "top-5 %");
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < g->n_lines; i++) {
        const gk_compare__over_seeds *l = &g->line[i];
        if (strcmp(l->set, set) != 0) continue;
        gk_buf_puts(b, "<tr><td class=\"name\">");
        gk_page__html_text(b, l->scheme);
        gk_buf_printf(b, "</td><td>%zu</td>", l->of[0].seeds);
        for (int k = 0; k < N_METRICS; k++) {
            char mean[GK_METRIC_TEXT], sd[GK_METRIC_TEXT];
            gk_buf_printf(b, "<td>%s</td><td>%s</td>", gk_metric_text(METRIC[k], l->of[k].mean, mean),
                          gk_metric_text(METRIC[k], l->of[k].sd, sd));
            add_interval(b, METRIC[k], l->of[k].t_low, l->of[k].t_high);
            add_interval(b, METRIC[k], l->of[k].low, l->of[k].high);
        }
        gk_buf_puts(b, "</tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div></details>\n");
}

/* ---------------------------------------------------------------- the section */

static void add_group(const gk_compare__replicates *in, const gk_compare__group *g) {
    gk_buf *b = in->html;
    gk_buf_printf(b, "<h3>Over %zu seeds: ", g->n);
    gk_page__html_text(b, g->label);
    gk_buf_puts(b, "</h3>\n");
    if (*g->differ) {
        gk_buf_puts(b,
                    "<p class=\"note seeds\">Averaged because that was asked for, though they differ in: ");
        gk_page__html_text(b, g->differ);
        gk_buf_puts(b, ".</p>\n");
    }
    gk_page__prose(b, "seeds", NULL);
    for (size_t i = 0; i < g->n_lines; i++) {
        const char *set = g->line[i].set;
        size_t before = 0, n = 0;
        while (before < i && strcmp(g->line[before].set, set) != 0) before++;
        for (size_t k = 0; k < g->n_lines; k++) n += strcmp(g->line[k].set, set) == 0;
        if (before < i) continue;
        gk_buf_puts(b, "<h4>");
        gk_page__html_text(b, set);
        gk_buf_puts(b, "</h4>\n<div class=\"grid\">\n");
        for (int k = 0; k < N_METRICS && n <= MOST_DRAWN; k++) add_chart(in, g, set, k);
        gk_buf_puts(b, "</div>\n");
        add_table(in, g, set);
    }
}

void gk_compare__over_seeds_add(const gk_compare__replicates *in, gk_compare__groups *out) {
    json_t **signature = gk_arena_alloc(in->a, in->runs * sizeof *signature);
    bool *taken = gk_arena_alloc(in->a, in->runs * sizeof *taken), said = false;
    for (size_t r = 0; r < in->runs; r++) {
        taken[r] = false;
        signature[r] = in->manifest[r] ? gk_compare__signature(in->a, in->run[r], in->manifest[r]) : NULL;
    }
    for (size_t r = 0; r < in->runs; r++) {
        if (!in->manifest[r] || taken[r]) continue;
        gk_compare__group *g = group_of(in, signature, r, taken);
        if (!said) say_apart(in, signature, g);
        said = true;
        if (g->n < 2) continue;
        g->experiment = in->experiment;
        g->label = in->label[g->run[0]];
        for (size_t i = 1; i < g->n; i++)
            g->label = gk_arena_printf(in->a, "%s, %s", g->label, in->label[g->run[i]]);
        collect(in, g);
        add_group(in, g);
        g->next = out->last;
        out->last = g;
    }
    for (size_t r = 0; r < in->runs; r++) json_decref(signature[r]);
}

/* ---------------------------------------------------------------- the table as a file */

static void csv_number(FILE *f, double x) {
    if (isfinite(x))
        fprintf(f, ",%.17g", x);
    else
        fputc(',', f);
}

static void csv_group(FILE *f, const gk_compare__group *g) {
    if (!g) return;
    csv_group(f, g->next); /* the first comes last in the list */
    for (size_t i = 0; i < g->n_lines; i++)
        for (int k = 0; k < N_METRICS; k++) {
            const gk_compare__over_seeds *l = &g->line[i];
            const char *const text[] = {g->label, strcmp(g->experiment, "sweep") == 0 ? "" : g->experiment,
                                        l->set, l->scheme, gk_metric_key(METRIC[k])};
            for (size_t c = 0; c < sizeof text / sizeof *text; c++) {
                if (c) fputc(',', f);
                gk_csv_text(f, text[c]);
            }
            const gk_replicates *x = &l->of[k];
            const double number[] = {x->mean, x->sd, x->t_low, x->t_high, x->low, x->high};
            fprintf(f, ",%zu", x->seeds);
            for (size_t c = 0; c < sizeof number / sizeof *number; c++) csv_number(f, number[c]);
            fputs("\r\n", f);
        }
}

bool gk_compare__over_seeds_csv(const gk_compare__groups *all, const char *path, gk_error *err) {
    gk_out out;
    if (!gk_out_open(path, &out, err)) return false;
    fputs("runs,experiment,set,scheme,metric,seeds,mean,sd,t_low,t_high,low,high\r\n", out.f);
    csv_group(out.f, all->last);
    return gk_out_commit(&out, err);
}
