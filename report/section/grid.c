/* grid.c: the schemes of a grid by their coordinates: two axes are heatmaps, one is a line with intervals.
 * Two axes are known by their names: `graft` is lines of one figure, `regime` bars beside each other. */
#include "report/section/grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Schemes that differ in nothing but their axis `seed` are one point: all their results together. */
static const char SEED[] = "seed", GRAFT[] = "graft", REGIME[] = "regime";
/* Of a model that has learned less of its facts than this nothing is said about where they are. */
static const double LEARNED = 0.5;
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

static bool is_axis(const gk_axis *axis, const char *name) {
    return strcmp(axis->name, name) == 0;
}

static bool has_axis(const gk_cell *c, const char *name) {
    for (size_t i = 0; i < c->n_axes; i++)
        if (is_axis(&c->axis[i], name)) return true;
    return false;
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

/* The axis that goes across: regimes; of those with numbers for values (or beginning with one, as windows do)
 * the one with the most values, else simply the one with the most. */
static size_t choose_x(gk_report__state *r, const gk_cell *first, const char **scheme, size_t n) {
    size_t best = 0, most = 0;
    const char **values = gk_arena_alloc(r->a, (n + 1) * sizeof *values);
    for (size_t k = 0; k < first->n_axes; k++) {
        if (is_axis(&first->axis[k], REGIME)) return k;
        if (is_axis(&first->axis[k], SEED) || is_axis(&first->axis[k], GRAFT)) continue;
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

/* The axes beside the one that goes across, seeds left out: their names or values, as rows are called; with
 * an axis `graft` that alone (`rows`), or what is left (then names and values). */
static const char *axes_of(gk_report__state *r, const gk_cell *c, size_t x, bool rows, bool names) {
    const char *text = "";
    const bool grafts = has_axis(c, GRAFT);
    for (size_t k = 0; k < c->n_axes; k++) {
        const gk_axis *axis = &c->axis[k];
        if (k == x || is_axis(axis, SEED) || (grafts && is_axis(axis, GRAFT) != rows)) continue;
        text = gk_arena_printf(r->a, "%s%s%s%s%s", text, *text ? ", " : "", rows && !names ? "" : axis->name,
                               rows ? "" : " ", rows && names ? "" : axis->value);
    }
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

static void find_unlearned(gk_report__state *r, gk_grid__set *g) {
    g->unlearned = gk_arena_alloc(r->a, g->n_x + 1);
    for (size_t i = 0; g->grafts && i < g->n_rows * g->n_x; i++) {
        const gk_grid__spot *s = &g->spot[i];
        if (gk_grid__is_alone(r, s) && s->stats.value[GK_METRIC_top5] < LEARNED)
            g->unlearned[i % g->n_x] = true;
    }
}

static void fill(gk_report__state *r, gk_grid__set *g, size_t x, const char **scheme, size_t n) {
    const gk_cell *first = pooled(r, scheme[0]);
    *g = (gk_grid__set){.set = first->set, .x_name = first->axis[x].name, .n_schemes = n, .numeric = true};
    g->row_name = axes_of(r, first, x, true, true);
    g->grafts = has_axis(first, GRAFT);
    g->regimes = is_axis(&first->axis[x], REGIME);
    g->where = g->grafts ? axes_of(r, first, x, false, true) : "";
    for (size_t k = 0; k < first->n_axes; k++) {
        bool seed = is_axis(&first->axis[k], SEED);
        g->seeds |= seed;
        g->n_axes += !seed;
    }
    g->x = gk_arena_alloc(r->a, (n + 1) * sizeof *g->x);
    g->row = gk_arena_alloc(r->a, (n + 1) * sizeof *g->row);
    size_t *at = gk_arena_alloc(r->a, (2 * n + 1) * sizeof *at);
    for (size_t i = 0; i < n; i++) {
        const gk_cell *c = pooled(r, scheme[i]);
        at[2 * i] = index_of(g->row, &g->n_rows, axes_of(r, c, x, true, false));
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
    find_unlearned(r, g);
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
    gk_buf_puts(b, "</th><th>schemes</th><th>n</th><th>rows</th><th>top-5 %</th><th>log-prob.</th>");
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

static void add_grid(gk_report__state *r, size_t x, const char **scheme, size_t n) {
    gk_grid__set g;
    fill(r, &g, x, scheme, n);
    bool lines = g.n_rows <= GK_GRID__LINES && (g.n_axes < 2 || g.seeds || g.grafts);
    gk_buf_puts(&r->html, lines || g.regimes ? "<div class=\"grid\">\n" : "<div class=\"heat\">\n");
    if (g.regimes) gk_grid__bars(r, &g);
    for (int m = 0; m < N_SHOWN && !g.regimes; m++) {
        if (lines)
            gk_grid__lines(r, &g, SHOWN[m]);
        else
            gk_grid__heatmap(r, &g, SHOWN[m]);
    }
    gk_buf_puts(&r->html, "</div>\n");
    add_table(r, &g);
}

/* One grid, or with an axis `graft` one for each of what the grafts are of. */
static void add_grids(gk_report__state *r, const char **scheme, size_t n) {
    size_t x = choose_x(r, pooled(r, scheme[0]), scheme, n);
    const char **part = gk_arena_alloc(r->a, (n + 1) * sizeof *part);
    bool *done = gk_arena_alloc(r->a, n + 1);
    if (!has_axis(pooled(r, scheme[0]), GRAFT)) {
        add_grid(r, x, scheme, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const char *where = axes_of(r, pooled(r, scheme[i]), x, false, true);
        size_t n_part = 0;
        for (size_t k = i; k < n; k++) {
            if (done[k] || strcmp(where, axes_of(r, pooled(r, scheme[k]), x, false, true)) != 0) continue;
            done[k] = true;
            part[n_part++] = scheme[k];
        }
        if (n_part) add_grid(r, x, part, n_part);
    }
}

/* A coordinate besides the seed: without one there is nothing to go across. */
static bool has_place(const gk_cell *c) {
    for (size_t i = 0; c && i < c->n_axes; i++)
        if (!is_axis(&c->axis[i], SEED)) return true;
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
        add_grids(r, list, n);
    }
}
