/* page.c: one page about the experiments of several runs: a section an experiment, a chart and a table a
 * set of schemes, one colour a run. */
#include "eval/store/write.h"
#include "graftkit/core/file.h"
#include "report/compare/compare.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 600, MOST_DRAWN = 100 };

/* What is drawn as one bar: a scheme, or all draws of one (schemes of a grid that differ in `seed` only). */
typedef struct line {
    const char *set, *label;
    bool alone;    /* one model alone, in every run */
    gk_stats *of;  /* [runs]: n = 0 where the run has no such scheme. Of draws: their mean, least and most */
    size_t *draws; /* [runs] */
} line;

typedef struct section {
    const char *name;
    gk_experiment about;
    gk_cells *cells;       /* [runs] */
    json_t **manifest;     /* [runs]: NULL where the run has no such experiment */
    gk_outcomes *outcomes; /* [runs]: where there are several runs */
    uint64_t *seed;
    bool *there, *complete;
    line *line;
    size_t n;
} section;

typedef struct page {
    const gk_compare_options *o;
    gk_arena *a;
    const char **label;
    section *section;
    size_t n_sections, runs;
    gk_compare__groups groups; /* of runs that differ in their seed */
    gk_chart__figures figures;
    gk_buf html;
    gk_error *err;
} page;

/* ---------------------------------------------------------------- reading the stores */

static bool read_store(page *p, section *s, size_t run, const char *path) {
    if (access(path, F_OK) != 0) return true;
    gk_store *store = gk_store_open(path, p->err);
    json_t *manifest = store ? gk_store_manifest(store, p->err) : NULL;
    bool ok = manifest && gk_store_cells(store, p->a, &s->cells[run], p->err) &&
              (p->runs < 2 || (gk_outcomes_read(store, p->a, &s->outcomes[run], p->err) &&
                               gk_store_seed(store, &s->seed[run], p->err)));
    s->complete[run] = json_integer_value(json_object_get(manifest, "complete")) == 1;
    s->there[run] = ok;
    s->manifest[run] = manifest;
    gk_store_close(store);
    return ok;
}

static const char *axis_value(const gk_cell *c, const char *name) {
    for (size_t i = 0; i < c->n_axes; i++)
        if (strcmp(c->axis[i].name, name) == 0) return c->axis[i].value;
    return NULL;
}

/* A scheme's name; of draws, what they have in common: the other axes. */
static const char *label_of(gk_arena *a, const gk_cell *c) {
    if (!axis_value(c, "seed")) return c->scheme;
    const char *text = "";
    for (size_t i = 0; i < c->n_axes; i++)
        if (strcmp(c->axis[i].name, "seed") != 0)
            text =
                gk_arena_printf(a, "%s%s%s %s", text, *text ? ", " : "", c->axis[i].name, c->axis[i].value);
    return *text ? text : c->set;
}

static const char *text_of(const json_t *manifest, const char *list, const char *name, const char *key) {
    return gk_manifest__text(gk_manifest__item(manifest, list, name), key);
}

static line *line_of(page *p, section *s, const gk_cell *c) {
    const char *label = label_of(p->a, c);
    for (size_t i = s->n; i-- > 0;)
        if (strcmp(s->line[i].label, label) == 0 && strcmp(s->line[i].set, c->set) == 0) return &s->line[i];
    line *l = &s->line[s->n++];
    *l = (line){.set = c->set, .label = label, .alone = true};
    l->of = gk_arena_alloc(p->a, p->runs * sizeof *l->of);
    l->draws = gk_arena_alloc(p->a, p->runs * sizeof *l->draws);
    memset(l->of, 0, p->runs * sizeof *l->of);
    memset(l->draws, 0, p->runs * sizeof *l->draws);
    return l;
}

static void collect_lines(page *p, section *s) {
    size_t most = 0;
    for (size_t r = 0; r < p->runs; r++) most += s->cells[r].n;
    s->line = gk_arena_alloc(p->a, (most + 1) * sizeof *s->line);
    for (size_t r = 0; r < p->runs; r++)
        for (size_t i = 0; i < s->cells[r].n; i++) {
            const gk_cell *c = &s->cells[r].item[i];
            if (strcmp(c->template_name, "pooled") != 0 || c->stats.n == 0) continue;
            line *l = line_of(p, s, c);
            const char *does = text_of(s->manifest[r], "schemes", c->scheme, "canonical");
            l->alone &= gk_kind_of(p->a, does) == GK_IS_ALONE;
            if (axis_value(c, "seed"))
                gk_stats_add_draw(&l->of[r], l->draws[r]++, &c->stats);
            else
                l->of[r] = c->stats;
        }
}

static void free_manifests(const page *p, section *s) {
    for (size_t r = 0; r < p->runs; r++) json_decref(s->manifest[r]);
}

/* Reads an experiment of all runs (NULL: their own sweeps); it joins the page where some run has it. */
static bool read_section(page *p, const char *name) {
    gk_arena *a = p->a;
    section s = {.name = name, .about = {.title = "The runs' own sweeps", .about = ""}};
    s.cells = gk_arena_alloc(a, p->runs * sizeof *s.cells);
    s.manifest = gk_arena_alloc(a, p->runs * sizeof(json_t *));
    s.outcomes = gk_arena_alloc(a, p->runs * sizeof *s.outcomes);
    s.seed = gk_arena_alloc(a, p->runs * sizeof *s.seed);
    s.there = gk_arena_alloc(a, p->runs * sizeof *s.there);
    s.complete = gk_arena_alloc(a, p->runs * sizeof *s.complete);
    bool any = false, ok = true;
    for (size_t r = 0; ok && r < p->runs; r++) {
        const char *db = name ? gk_arena_printf(a, "experiments/%s/results.db", name) : "results.db";
        ok = read_store(p, &s, r, gk_path_join(a, p->o->runs[r], db));
        any |= s.there[r];
    }
    if (!ok) free_manifests(p, &s);
    if (!ok || !any) return ok;
    p->section[p->n_sections++] = s;
    const char *file = name ? gk_arena_printf(a, "%s/%s.yaml", p->o->experiments, name) : NULL;
    section *kept = &p->section[p->n_sections - 1];
    if (file && !gk_experiment_load(a, file, &kept->about, p->err)) return false;
    collect_lines(p, kept);
    return true;
}

/* The folder's own name where no other run has it, else its path. */
static void label_runs(page *p) {
    const char **base = gk_arena_alloc(p->a, p->runs * sizeof *base);
    p->label = gk_arena_alloc(p->a, p->runs * sizeof *p->label);
    for (size_t r = 0; r < p->runs; r++) {
        size_t n = strlen(p->o->runs[r]);
        while (n > 1 && p->o->runs[r][n - 1] == '/') n--;
        const char *path = gk_arena_strndup(p->a, p->o->runs[r], n), *slash = strrchr(path, '/');
        base[r] = slash && slash[1] ? slash + 1 : path;
        p->label[r] = base[r];
    }
    for (size_t r = 0; r < p->runs; r++)
        for (size_t q = 0; q < p->runs; q++)
            if (q != r && strcmp(base[q], base[r]) == 0) p->label[r] = p->o->runs[r];
}

static bool same_models(page *p, size_t run) {
    gk_compare__compared *of = gk_arena_alloc(p->a, (p->n_sections + 1) * sizeof *of);
    for (size_t i = 0; i < p->n_sections; i++) {
        const section *s = &p->section[i];
        of[i] = (gk_compare__compared){s->name, &s->about, s->manifest[run]};
    }
    return gk_compare__same_models(p->a, p->o->runs[run], of, p->n_sections, p->err);
}

static bool read_all(page *p) {
    const gk_compare_options *o = p->o;
    if (o->n_runs == 0) return gk_fail(p->err, GK_NOWHERE, "name a run's folder", "there are no runs");
    p->runs = o->n_runs;
    p->section = gk_arena_alloc(p->a, (o->n_names + 1) * sizeof *p->section);
    label_runs(p);
    for (size_t i = 0; i < o->n_names; i++)
        if (!read_section(p, o->names[i])) return false;
    if (!read_section(p, NULL)) return false;
    for (size_t r = 0; r < p->runs; r++) {
        bool any = false;
        for (size_t i = 0; i < p->n_sections; i++) any |= p->section[i].there[r];
        if (!any)
            return gk_fail(p->err, GK_AT_FILE(o->runs[r]),
                           "run make report, make experiment or make paper there",
                           "the folder holds no results");
        if (!same_models(p, r)) return false;
    }
    return true;
}

/* ---------------------------------------------------------------- a chart */

/* A set of models alone (as graft/schemes/reference.yaml) stands in the chart of every set of its
 * experiment. */
static bool is_reference(const section *s, const char *set) {
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->line[i].set, set) == 0 && !s->line[i].alone) return false;
    return true;
}

static bool belongs(const section *s, const line *l, const char *set) {
    return strcmp(l->set, set) == 0 || is_reference(s, l->set);
}

static bool has_others(const section *s) {
    for (size_t i = 0; i < s->n; i++)
        if (!is_reference(s, s->line[i].set)) return true;
    return false;
}

/* A bar for each run that has the scheme. */
static gk_chart__row row_of(page *p, const section *s, const line *l) {
    gk_chart__row_mark *mark = gk_arena_alloc(p->a, (p->runs + 2) * sizeof *mark);
    gk_chart__row row = {.name = l->label, .schemes = l->label, .mark = mark};
    for (size_t r = 0; r < p->runs; r++) {
        const gk_stats *x = &l->of[r];
        if (x->n == 0) continue;
        gk_chart__row_mark *m = &mark[row.n++];
        *m = (gk_chart__row_mark){.shape = GK_CHART__BAR,
                                  .x = 100 * x->value[GK_METRIC_top5],
                                  .low = 100 * x->low[GK_METRIC_top5],
                                  .high = 100 * x->high[GK_METRIC_top5],
                                  .colour = gk_chart__series_hex(r),
                                  .says = gk_report__says_of(p->a, x, GK_METRIC_top5)};
        m->says.scheme = l->label;
        m->says.series = p->runs > 1 || !s->name ? p->label[r] : NULL;
        m->says.template_name = "pooled";
        m->says.place = "all templates pooled";
        m->told = gk_arena_printf(p->a, "%s%%", m->says.value);
    }
    if (row.n)
        row.n += gk_compare__floors(p->a, s->cells, p->runs > 1 || !s->name ? p->label : NULL, p->runs,
                                    l->label, GK_METRIC_top5, mark + row.n);
    return row;
}

static void add_key(page *p) {
    for (size_t r = 0; r < p->runs; r++) {
        gk_buf_printf(&p->html, "<span class=\"key\"><i style=\"background:%s\"></i>",
                      gk_chart__series_hex(r));
        gk_page__html_text(&p->html, p->label[r]);
        gk_buf_puts(&p->html, "</span> ");
    }
}

static void add_chart(page *p, const section *s, const char *set, bool draws, const char *caption) {
    gk_chart__row *row = gk_arena_alloc(p->a, (s->n + 1) * sizeof *row);
    gk_chart__key *key = gk_arena_alloc(p->a, (p->runs + 3) * sizeof *key);
    gk_chart__rows k = {.width = WIDTH, .row = row, .x = gk_chart__axis_percent(), .key = key};
    k.x.title = "top-5 accuracy";
    for (size_t r = 0; p->runs > 1 && r < p->runs; r++)
        key[k.n_keys++] = (gk_chart__key){.shape = GK_CHART__KEY_BOX,
                                          .colour = gk_chart__series_hex(r),
                                          .text = gk_chart__text_clip(p->a, p->label[r], 60)};
    key[k.n_keys++] = (gk_chart__key){.shape = GK_CHART__KEY_INTERVAL,
                                      .colour = gk_chart__ink_hex(GK_CHART__TEXT),
                                      .text = draws ? "least and most of the draws" : "95% interval"};
    for (size_t i = 0; i < s->n; i++) {
        if (!belongs(s, &s->line[i], set)) continue;
        row[k.n] = row_of(p, s, &s->line[i]);
        k.n += row[k.n].n > 0;
    }
    k.n_keys += gk_report__floor_keys(row, k.n, key + k.n_keys);
    gk_chart__canvas chart = {0};
    gk_chart__rows_draw(p->a, &k, &chart);
    const char *const name[] = {s->name ? s->name : "sweep", set, "top5", NULL};
    gk_chart__figures_add(&p->figures, &p->html, &chart, name,
                          gk_arena_printf(p->a, "Top-5 accuracy, %s, set %s", s->about.title, set), caption);
}

/* ---------------------------------------------------------------- the page */

static void add_value(page *p, const line *l, size_t r) {
    gk_buf_puts(&p->html, "<td>");
    if (l->of[r].n)
        gk_page__html_stat(&p->html, &l->of[r], GK_METRIC_top5);
    else
        gk_buf_puts(&p->html, "\u2013");
    gk_buf_puts(&p->html, "</td>");
}

static void add_table(page *p, const section *s, const char *set) {
    gk_buf *b = &p->html;
    gk_buf_puts(
        b, "<details><summary>Numbers</summary><div class=\"scroll\"><table><thead><tr><th>top-5 %</th>");
    for (size_t r = 0; r < p->runs; r++) {
        gk_buf_puts(b, "<th>");
        gk_page__html_text(b, p->label[r]);
        gk_buf_puts(b, "</th>");
    }
    gk_buf_puts(b, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < s->n; i++) {
        if (!belongs(s, &s->line[i], set)) continue;
        gk_buf_puts(b, "<tr><td class=\"name\">");
        gk_page__html_text(b, s->line[i].label);
        gk_buf_puts(b, "</td>");
        for (size_t r = 0; r < p->runs; r++) add_value(p, &s->line[i], r);
        gk_buf_puts(b, "</tr>\n");
    }
    gk_buf_puts(b, "</tbody></table></div></details>\n");
}

/* What the set says of itself under this key, in the first run that has it so. */
static const char *said_of(const page *p, const section *s, const char *set, const char *key) {
    const char *text = "";
    for (size_t r = 0; r < p->runs && !*text; r++) text = text_of(s->manifest[r], "sets", set, key);
    return text;
}

static void add_about(page *p, const section *s, const char *set) {
    const char *title = said_of(p, s, set, "title"), *about = said_of(p, s, set, "about");
    gk_buf_puts(&p->html, "<h3>");
    gk_page__html_text(&p->html, set);
    gk_buf_puts(&p->html, *title ? ": " : "");
    gk_page__html_text(&p->html, title);
    gk_buf_puts(&p->html, "</h3>\n");
    if (!*about) return;
    gk_buf_puts(&p->html, "<p class=\"muted\">");
    gk_page__html_text(&p->html, about);
    gk_buf_puts(&p->html, "</p>\n");
}

static void add_set(page *p, const section *s, const char *set) {
    size_t n = 0, prompts = 0, rows = 0;
    bool draws = false;
    for (size_t i = 0; i < s->n; i++) {
        if (!belongs(s, &s->line[i], set)) continue;
        n++;
        for (size_t r = 0; r < p->runs; r++) {
            const gk_stats *x = &s->line[i].of[r];
            size_t each = x->n / (s->line[i].draws[r] ? s->line[i].draws[r] : 1);
            draws |= s->line[i].draws[r] > 0;
            prompts = each > prompts ? each : prompts;
            rows = x->rows > rows ? x->rows : rows;
        }
    }
    add_about(p, s, set);
    const char *caption = gk_arena_printf(
        p->a,
        "Top-5 accuracy over all templates to which a scheme applies; %s. n = up to %zu prompts "
        "of %zu facts.",
        draws ? "mean, least and most of the draws" : "bars: 95% intervals", prompts, rows);
    const gk_compare__grids grids = {p->a,   &p->figures, &p->html, s->name ? s->name : "sweep",
                                     set,    p->label,    s->cells, s->manifest,
                                     p->runs};
    const bool drawn = gk_compare__draw_grids(&grids);
    if (!drawn && n <= MOST_DRAWN)
        add_chart(p, s, set, draws, caption);
    else if (!drawn)
        gk_buf_printf(&p->html, "<p class=\"muted\">%zu schemes: too many for one chart. %s</p>\n", n,
                      caption);
    add_table(p, s, set);
}

/* Who has it, and whose sweep is not finished. */
static void add_state(page *p, const section *s) {
    for (size_t r = 0; r < p->runs; r++) {
        if (s->there[r] && s->complete[r]) continue;
        gk_buf_puts(&p->html, "<p class=\"note\">");
        gk_page__html_text(&p->html, p->label[r]);
        gk_buf_puts(&p->html, s->there[r] ? ": the sweep is not complete; numbers may change.</p>\n"
                                          : " has no results of this experiment.</p>\n");
    }
}

/* Whose products were bf16: what such a run differs by from one of fp32 is not its weights' alone. */
static void add_precision(page *p, const section *s) {
    size_t n = 0, all = 0;
    for (size_t r = 0; r < p->runs; r++) {
        all += s->there[r];
        n += s->there[r] && gk_manifest__bf16(s->manifest[r]);
    }
    if (n == 0) return;
    gk_buf_puts(&p->html, "<p class=\"note\">Products of bf16 operands: ");
    const char *comma = "";
    for (size_t r = 0; r < p->runs; r++) {
        if (!s->there[r] || !gk_manifest__bf16(s->manifest[r])) continue;
        gk_buf_puts(&p->html, comma);
        gk_page__html_text(&p->html, p->label[r]);
        comma = ", ";
    }
    gk_buf_puts(&p->html, n < all ? "; the others' are fp32: small differences between them may come of that."
                                    "</p>\n"
                                  : ".</p>\n");
}

static void add_seeds(page *p, const section *s) {
    const gk_compare__replicates in = {p->a,       &p->figures, &p->html, s->name ? s->name : "sweep",
                                       p->o->runs, p->label,    s->cells, s->outcomes,
                                       s->seed,    s->manifest, p->runs,  p->o->replicates};
    if (p->runs > 1) gk_compare__over_seeds_add(&in, &p->groups);
}

static void add_section(page *p, const section *s) {
    gk_buf *b = &p->html;
    gk_buf_printf(b, "<h2 id=\"%s\">", s->name ? s->name : "sweep");
    gk_page__html_text(b, s->about.title);
    gk_buf_puts(b, "</h2>\n<p>");
    gk_page__html_text(b, s->about.about);
    gk_buf_puts(b, "</p>\n");
    add_state(p, s);
    add_precision(p, s);
    for (size_t i = 0; i < s->n; i++) {
        const char *set = s->line[i].set;
        size_t before = 0;
        while (before < i && strcmp(s->line[before].set, set) != 0) before++;
        bool shown = before < i || (is_reference(s, set) && has_others(s));
        if (!shown) add_set(p, s, set);
    }
    add_seeds(p, s);
}

static void add_page(page *p) {
    gk_buf *b = &p->html;
    gk_page__begin(b, p->o->title ? p->o->title : "Dynamic weight grafting: experiments");
    gk_buf_puts(b, "<p>");
    add_key(p);
    gk_buf_puts(b, "</p>\n<ul>\n");
    for (size_t i = 0; i < p->n_sections; i++) {
        const char *id = p->section[i].name ? p->section[i].name : "sweep";
        gk_buf_printf(b, "<li><a href=\"#%s\">", id);
        gk_page__html_text(b, p->section[i].about.title);
        gk_buf_puts(b, "</a></li>\n");
    }
    gk_buf_puts(b, "</ul>\n");
    for (size_t i = 0; i < p->n_sections; i++) add_section(p, &p->section[i]);
    gk_page__end(b, true);
}

/* ---------------------------------------------------------------- the table of everything */

static void csv_number(FILE *f, double x) {
    if (isfinite(x))
        fprintf(f, ",%.17g", x);
    else
        fputc(',', f);
}

static void csv_cell(FILE *f, const page *p, const section *s, size_t run, const gk_cell *c) {
    const char *text[] = {p->label[run], s->name ? s->name : "", c->set, c->scheme, c->template_name};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        gk_csv_text(f, text[i]);
        fputc(',', f);
    }
    fprintf(f, "%zu,%zu,%zu,%zu", c->stats.n, c->stats.rows, c->dropped, c->stats.n_whole);
    for (int m = 0; m < GK_N_METRICS; m++) {
        csv_number(f, c->stats.value[m]);
        csv_number(f, c->stats.low[m]);
        csv_number(f, c->stats.high[m]);
    }
    gk_cell_number x[GK_CELL_NUMBERS];
    gk_cell_numbers(c, x);
    for (size_t i = 0; i < GK_CELL_NUMBERS; i++) csv_number(f, x[i].value);
    fputs("\r\n", f);
}

static bool write_csv(const page *p) {
    gk_out out;
    if (!gk_out_open(p->o->csv, &out, p->err)) return false;
    fputs("run,experiment,set,scheme,template,n,rows,dropped,n_whole", out.f);
    for (int m = 0; m < GK_N_METRICS; m++) {
        const char *key = gk_metric_key((gk_metric)m);
        fprintf(out.f, ",%s,%s_low,%s_high", key, key, key);
    }
    gk_cell_number x[GK_CELL_NUMBERS];
    gk_cell_numbers(&(gk_cell){0}, x);
    for (size_t i = 0; i < GK_CELL_NUMBERS; i++) fprintf(out.f, ",%s", x[i].name);
    fputs("\r\n", out.f);
    for (size_t i = 0; i < p->n_sections; i++)
        for (size_t r = 0; r < p->runs; r++)
            for (size_t k = 0; k < p->section[i].cells[r].n; k++)
                if (p->section[i].cells[r].item[k].applies)
                    csv_cell(out.f, p, &p->section[i], r, &p->section[i].cells[r].item[k]);
    return gk_out_commit(&out, p->err);
}

bool gk_compare_write(const gk_compare_options *o, gk_error *err) {
    page p = {.o = o, .a = gk_arena_new(), .err = err};
    p.figures = (gk_chart__figures){.a = p.a, .kept = o->figures != NULL};
    bool ok = read_all(&p);
    if (ok) add_page(&p);
    ok = ok && gk_page__save(&p.html, o->out, err) && (!o->csv || write_csv(&p)) &&
         (!o->seeds_csv || gk_compare__over_seeds_csv(&p.groups, o->seeds_csv, err)) &&
         (!o->figures || gk_chart__figures_save(&p.figures, o->figures, err));
    gk_chart__figures_free(&p.figures);
    for (size_t i = 0; i < p.n_sections; i++) free_manifests(&p, &p.section[i]);
    gk_buf_free(&p.html);
    gk_arena_free(p.a);
    return ok;
}
