/* grid.c: the schemes of a grid by their coordinates: two axes are heatmaps, one is a line with intervals. */
#include "report/section/grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Schemes that differ in nothing but their axis `seed` are one point: all their results together. */
static const char SEED[] = "seed";
enum { N_SHOWN = 2 };
static const gk_metric SHOWN[N_SHOWN] = {GK_METRIC_top5, GK_METRIC_mean_logprob};

/* ---------------------------------------------------------------- from schemes to a grid */

static const gk_cell *pooled(const gk_report__state *r, const char *scheme) {
    return gk_report__cell(r, scheme, "pooled");
}

static bool same_axes(const gk_cell *a, const gk_cell *b) {
    bool same = a->n_axes == b->n_axes;
    for (size_t i = 0; same && i < a->n_axes; i++) same = strcmp(a->axis[i].name, b->axis[i].name) == 0;
    return same;
}

static bool is_number(const char *text) {
    char *end;
    strtod(text, &end);
    return end != text && *end == 0;
}

static size_t index_of(const char **list, size_t *n, const char *value) {
    size_t i = 0;
    while (i < *n && strcmp(list[i], value) != 0) i++;
    if (i == *n) list[(*n)++] = value;
    return i;
}

/* The axis that goes across: of those with numbers for values (or beginning with one, as windows do) the one
 * with the most values, else simply the one with the most. */
static size_t choose_x(gk_report__state *r, const gk_cell *first, const char **scheme, size_t n) {
    size_t best = 0, most = 0;
    const char **values = gk_arena_alloc(r->a, (n + 1) * sizeof *values);
    for (size_t k = 0; k < first->n_axes; k++) {
        if (strcmp(first->axis[k].name, SEED) == 0) continue;
        size_t count = 0;
        bool digits = true;
        for (size_t i = 0; i < n; i++) {
            const char *v = pooled(r, scheme[i])->axis[k].value;
            index_of(values, &count, v);
            digits &= *v >= '0' && *v <= '9';
        }
        if (count + (digits ? n : 0) > most) {
            most = count + (digits ? n : 0);
            best = k;
        }
    }
    return best;
}

/* The values of the other axes, seeds left out. */
static const char *row_of(gk_report__state *r, const gk_cell *c, size_t x, bool names) {
    const char *text = "";
    for (size_t k = 0; k < c->n_axes; k++)
        if (k != x && strcmp(c->axis[k].name, SEED) != 0)
            text = gk_arena_printf(r->a, "%s%s%s", text, *text ? ", " : "",
                                   names ? c->axis[k].name : c->axis[k].value);
    return text;
}

/* Of several seeds the highest floor stands for all. */
static void find_floors(gk_report__state *r, gk_grid__spot *s) {
    const gk_metric m = GK_METRIC_top5;
    for (size_t i = 0; i < s->n; i++) {
        const gk_cell *c = pooled(r, s->scheme[i]);
        if (c->placebo.n && (!s->placebo || c->placebo.value[m] > s->placebo->placebo.value[m]))
            s->placebo = c;
        if (c->permuted.n && (!s->permuted || c->permuted.value[m] > s->permuted->permuted.value[m]))
            s->permuted = c;
    }
}

static void pool(gk_report__state *r, gk_grid__spot *s) {
    find_floors(r, s);
    if (s->n == 1) {
        s->stats = pooled(r, s->scheme[0])->stats;
        return;
    }
    const gk_tried **t = gk_arena_alloc(r->a, s->n * sizeof(*t));
    for (size_t i = 0; i < s->n; i++) t[i] = gk_outcomes_of(&r->outcomes, s->scheme[i]);
    gk_pool_stats(t, s->n, r->seed, &s->stats);
}

static void fill(gk_report__state *r, gk_grid__set *g, const char **scheme, size_t n) {
    const gk_cell *first = pooled(r, scheme[0]);
    size_t x = choose_x(r, first, scheme, n);
    *g = (gk_grid__set){.set = first->set, .x_name = first->axis[x].name, .n_schemes = n, .numeric = true};
    g->row_name = row_of(r, first, x, true);
    for (size_t k = 0; k < first->n_axes; k++) {
        bool seed = strcmp(first->axis[k].name, SEED) == 0;
        g->seeds |= seed;
        g->n_axes += !seed;
    }
    g->x = gk_arena_alloc(r->a, (n + 1) * sizeof *g->x);
    g->row = gk_arena_alloc(r->a, (n + 1) * sizeof *g->row);
    size_t *at = gk_arena_alloc(r->a, (2 * n + 1) * sizeof *at);
    for (size_t i = 0; i < n; i++) {
        const gk_cell *c = pooled(r, scheme[i]);
        at[2 * i] = index_of(g->row, &g->n_rows, row_of(r, c, x, false));
        at[2 * i + 1] = index_of(g->x, &g->n_x, c->axis[x].value);
        g->numeric &= is_number(c->axis[x].value);
    }
    g->spot = gk_arena_alloc(r->a, g->n_rows * g->n_x * sizeof *g->spot);
    for (size_t i = 0; i < n; i++) {
        gk_grid__spot *s = &g->spot[at[2 * i] * g->n_x + at[2 * i + 1]];
        if (s->n == 0) s->scheme = gk_arena_alloc(r->a, (n + 1) * sizeof *s->scheme);
        s->scheme[s->n++] = scheme[i];
    }
    for (size_t i = 0; i < g->n_rows * g->n_x; i++)
        if (g->spot[i].n) pool(r, &g->spot[i]);
}

/* ---------------------------------------------------------------- sections */

/* A cell of the table where it has such a column. */
static void add_floor(gk_buf *b, bool shown, const gk_stats *s) {
    if (!shown) return;
    gk_buf_puts(b, "<td>");
    if (s)
        gk_page__html_stat(b, s, GK_METRIC_top5);
    else
        gk_buf_puts(b, "\u2013");
    gk_buf_puts(b, "</td>");
}

static void add_table(gk_report__state *r, const gk_grid__set *g) {
    gk_buf *b = &r->html;
    gk_buf_puts(b, "<details><summary>The numbers of this grid</summary>\n<div class=\"scroll\"><table "
                   "class=\"grid-table\">"
                   "<thead><tr><th>");
    gk_page__html_text(b, *g->row_name ? g->row_name : "\u2013");
    gk_buf_puts(b, "</th><th>");
    gk_page__html_text(b, g->x_name);
    gk_buf_puts(b, "</th><th>schemes</th><th>n</th><th>facts</th><th>top-5 %</th><th>log-prob.</th>");
    if (r->placebo) gk_buf_puts(b, "<th>placebo: top-5 %</th>");
    if (r->permuted) gk_buf_puts(b, "<th>permuted: top-5 %</th>");
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < g->n_rows * g->n_x; i++) {
        const gk_grid__spot *s = &g->spot[i];
        if (s->n == 0) continue;
        gk_buf_puts(b, "<tr data-s=\"");
        gk_page__html_text(b, gk_grid__schemes(r, s, 1));
        gk_buf_puts(b, "\"><td>");
        gk_page__html_text(b, g->row[i / g->n_x]);
        gk_buf_puts(b, "</td><td>");
        gk_page__html_text(b, g->x[i % g->n_x]);
        gk_buf_printf(b, "</td><td>%zu</td><td>%zu</td><td>%zu</td>", s->n, s->stats.n, s->stats.rows);
        for (int m = 0; m < N_SHOWN; m++) {
            gk_buf_puts(b, "<td>");
            gk_page__html_stat(b, &s->stats, SHOWN[m]);
            gk_buf_puts(b, "</td>");
        }
        add_floor(b, r->placebo, s->placebo ? &s->placebo->placebo : NULL);
        add_floor(b, r->permuted, s->permuted ? &s->permuted->permuted : NULL);
        gk_buf_puts(b, "</tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div></details>\n");
}

static void add_grid(gk_report__state *r, const char **scheme, size_t n) {
    gk_grid__set g;
    fill(r, &g, scheme, n);
    bool lines = g.n_rows <= GK_GRID__LINES && (g.n_axes < 2 || g.seeds);
    gk_buf_puts(&r->html, lines ? "<div class=\"grid\">\n" : "<div class=\"heat\">\n");
    for (int m = 0; m < N_SHOWN; m++) {
        if (lines)
            gk_grid__lines(r, &g, SHOWN[m]);
        else
            gk_grid__heatmap(r, &g, SHOWN[m]);
    }
    gk_buf_puts(&r->html, "</div>\n");
    add_table(r, &g);
}

/* A coordinate besides the seed: without one there is nothing to go across. */
static bool has_place(const gk_cell *c) {
    for (size_t i = 0; c && i < c->n_axes; i++)
        if (strcmp(c->axis[i].name, SEED) != 0) return true;
    return false;
}

/* Schemes of two grids may have the same coordinates: they are no two draws of one thing. */
static bool is_taken(const gk_cell **placed, size_t n, const gk_cell *c) {
    for (size_t i = 0; i < n; i++) {
        bool same = true;
        for (size_t k = 0; same && k < c->n_axes; k++)
            same = strcmp(c->axis[k].value, placed[i]->axis[k].value) == 0;
        if (same) return true;
    }
    return false;
}

void gk_report__grids(gk_report__state *r, const gk_report__set *set, gk_report__set *rest) {
    *rest = (gk_report__set){.name = set->name,
                             .scheme = gk_arena_alloc(r->a, (set->n + 1) * sizeof *rest->scheme)};
    bool *done = gk_arena_alloc(r->a, set->n + 1);
    const char **list = gk_arena_alloc(r->a, (set->n + 1) * sizeof *list);
    const gk_cell **placed = gk_arena_alloc(r->a, (set->n + 1) * sizeof *placed);
    for (size_t i = 0; i < set->n; i++) {
        const gk_cell *c = pooled(r, set->scheme[i]);
        if (done[i]) continue;
        if (!has_place(c)) {
            rest->scheme[rest->n++] = set->scheme[i];
            continue;
        }
        size_t n = 0;
        for (size_t k = i; k < set->n; k++) {
            const gk_cell *d = pooled(r, set->scheme[k]);
            if (done[k] || !d || !same_axes(c, d) || is_taken(placed, n, d)) continue;
            placed[n] = d;
            list[n++] = set->scheme[k];
            done[k] = true;
        }
        add_grid(r, list, n);
    }
}
