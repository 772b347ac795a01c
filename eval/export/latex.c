/* latex.c: a results store's cells as tables for a paper: a table a set, with the package booktabs. */
#include "eval/export/latex.h"
#include "eval/store/write.h"
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/store.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

enum { LONGEST_LABEL = 80 };

/* As many as fit on a page with their intervals. */
static const struct {
    gk_metric metric;
    const char *head;
} COLUMNS[] = {{GK_METRIC_top1, "top-1 \\%"},
               {GK_METRIC_top5, "top-5 \\%"},
               {GK_METRIC_exact, "exact \\%"},
               {GK_METRIC_mean_logprob, "log-prob."}};
enum { N_COLUMNS = sizeof COLUMNS / sizeof *COLUMNS };

typedef struct set {
    const char *name, *label; /* label: of letters, digits and -, no two alike */
    const char *title, *about;
    size_t rows;
    bool whole;             /* whole targets were scored */
    bool placebo, permuted; /* some row has this floor */
} set;

typedef struct tables {
    gk_store *s;
    gk_arena *a;
    gk_cells cells;
    gk_contrasts contrasts;
    json_t *manifest;
    bool complete; /* no cell lacks prompts that are still to be computed */
    set *set;
    size_t n;
} tables;

/* ---------------------------------------------------------------- text */

/* A number as the report has it, with a minus sign in place of a hyphen. */
static void add_number(gk_buf *b, gk_metric m, double x) {
    char text[GK_METRIC_TEXT];
    const char *at = gk_metric_text(m, x, text);
    if (!isfinite(x)) at = "--";
    if (isfinite(x) && *at == '-') {
        gk_buf_puts(b, "$-$");
        at++;
    }
    gk_buf_puts(b, at);
}

static void add_stat(gk_buf *b, const gk_stats *s, gk_metric m) {
    gk_buf_puts(b, " & ");
    add_number(b, m, s->value[m]);
    if (s->n == 0 || isnan(s->low[m])) return;
    gk_buf_puts(b, " {\\scriptsize [");
    add_number(b, m, s->low[m]);
    gk_buf_puts(b, ", ");
    add_number(b, m, s->high[m]);
    gk_buf_puts(b, "]}");
}

/* ---------------------------------------------------------------- the sets */

static const char *said_of(const tables *t, const char *name, const char *key) {
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(t->manifest, "sets"), i, v) {
        const char *its = json_string_value(json_object_get(v, "name")),
                   *text = json_string_value(json_object_get(v, key));
        if (its && text && strcmp(its, name) == 0) return text;
    }
    return "";
}

/* Letters and digits, a hyphen for any other byte between them; no longer than a file's name can be. */
static const char *label_text(const tables *t, const char *name) {
    while (*name && !isalnum((unsigned char)*name)) name++;
    char *text = gk_arena_strndup(t->a, name, LONGEST_LABEL);
    size_t n = strlen(text);
    while (n > 0 && !isalnum((unsigned char)text[n - 1])) n--;
    text[n] = '\0';
    for (char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at)) *at = '-';
    return n > 0 ? text : "set";
}

/* "position"; "position-2" where another set has that already. */
static const char *label_of(const tables *t, const char *name) {
    const char *text = label_text(t, name), *label = text;
    for (size_t i = 0, again = 1; i < t->n; i++)
        if (strcmp(t->set[i].label, label) == 0) {
            label = gk_arena_printf(t->a, "%s-%zu", text, ++again);
            i = (size_t)-1; /* from the beginning: that one may be taken too */
        }
    return label;
}

static bool is_row(const gk_cell *c) {
    return c->applies && strcmp(c->template_name, "pooled") == 0;
}

static bool gather(tables *t, gk_error *err) {
    gk_outcomes outcomes;
    if (!gk_store_cells(t->s, t->a, &t->cells, err) || !gk_outcomes_read(t->s, t->a, &outcomes, err) ||
        !gk_contrasts_of(t->s, &outcomes, t->a, &t->contrasts, err))
        return false;
    t->manifest = gk_store_manifest(t->s, err);
    t->complete = json_integer_value(json_object_get(t->manifest, "complete")) == 1;
    t->set = gk_arena_alloc(t->a, (t->cells.n + 1) * sizeof *t->set);
    for (size_t i = 0; t->manifest && i < t->cells.n; i++) {
        const gk_cell *c = &t->cells.item[i];
        size_t k = 0;
        if (!is_row(c)) continue;
        while (k < t->n && strcmp(t->set[k].name, c->set) != 0) k++;
        if (k == t->n) {
            set new = {.name = c->set, .label = label_of(t, c->set), .title = said_of(t, c->set, "title")};
            new.about = said_of(t, c->set, "about");
            t->set[t->n++] = new;
        }
        t->set[k].rows++;
        t->set[k].whole |= c->stats.n_whole > 0;
        t->set[k].placebo |= c->placebo.n > 0;
        t->set[k].permuted |= c->permuted.n > 0;
    }
    return t->manifest != NULL;
}

/* ---------------------------------------------------------------- a table */

static bool shown(const set *s, gk_metric m) {
    return s->whole || m != GK_METRIC_exact;
}

/* What the two last columns are. */
static const char *floors_said(const set *s) {
    if (s->placebo && s->permuted)
        return " Floors, in top-5: a placebo in the donor's place, and other facts' targets (permuted).";
    if (s->placebo) return " Floor, in top-5: a placebo in the donor's place.";
    return s->permuted ? " Floor, in top-5: other facts' targets (permuted)." : "";
}

static void add_caption(gk_buf *b, const tables *t, const set *s) {
    const char *text = *s->title ? s->title : s->about;
    gk_buf_puts(b, "\\caption{\\textbf{");
    gk_export__latex_text(b, s->name);
    gk_buf_puts(b, "}. ");
    gk_export__latex_text(b, text);
    if (*text && !strchr(".?!", text[strlen(text) - 1])) gk_buf_puts(b, ".");
    gk_buf_puts(b, *text ? " " : "");
    gk_buf_printf(b,
                  "All templates to which a scheme applies, pooled ($n$ prompts); in brackets: 95\\%% "
                  "bootstrap intervals over facts.%s%s}\n\\label{tab:%s}%s\n",
                  floors_said(s), t->complete ? "" : GK_EXPORT__LATEX_UNFINISHED, s->label,
                  s->rows > GK_EXPORT__LATEX_ROWS ? "\\\\" : "");
}

static void add_head(gk_buf *b, const set *s) {
    gk_buf_puts(b, "\\toprule\nscheme & $n$ & facts");
    for (size_t i = 0; i < N_COLUMNS; i++)
        if (shown(s, COLUMNS[i].metric)) gk_buf_printf(b, " & %s", COLUMNS[i].head);
    gk_buf_puts(b, s->placebo ? " & placebo \\%" : "");
    gk_buf_puts(b, s->permuted ? " & permuted \\%" : "");
    gk_buf_puts(b, " \\\\\n\\midrule\n");
}

static void add_row(gk_buf *b, const set *s, const gk_cell *c) {
    gk_export__latex_text(b, c->scheme);
    gk_buf_printf(b, " & %zu & %zu", c->stats.n, c->stats.rows);
    for (size_t i = 0; i < N_COLUMNS; i++)
        if (shown(s, COLUMNS[i].metric)) add_stat(b, &c->stats, COLUMNS[i].metric);
    if (s->placebo) add_stat(b, &c->placebo, GK_METRIC_top5);
    if (s->permuted) add_stat(b, &c->permuted, GK_METRIC_top5);
    gk_buf_puts(b, " \\\\\n");
}

static void add_table(gk_buf *b, const tables *t, const set *s) {
    bool is_long = s->rows > GK_EXPORT__LATEX_ROWS;
    const char *columns = &"rrrrrrrr"[3 - s->whole - s->placebo - s->permuted]; /* beside the name */
    if (is_long) {
        gk_buf_printf(b, "{\\small\n\\begin{longtable}{@{}l%s@{}}\n", columns);
        add_caption(b, t, s);
    } else {
        gk_buf_puts(b, "\\begin{table}\n\\centering\\small\n");
        add_caption(b, t, s);
        gk_buf_printf(b, "\\begin{tabular}{@{}l%s@{}}\n", columns);
    }
    add_head(b, s);
    if (is_long) gk_buf_puts(b, "\\endhead\n");
    for (size_t i = 0; i < t->cells.n; i++)
        if (is_row(&t->cells.item[i]) && strcmp(t->cells.item[i].set, s->name) == 0)
            add_row(b, s, &t->cells.item[i]);
    gk_buf_puts(b, is_long ? "\\bottomrule\n\\end{longtable}}\n"
                           : "\\bottomrule\n\\end{tabular}\n\\end{table}\n");
}

/* ---------------------------------------------------------------- files */

static bool is_folder(const char *path, bool *folder, gk_error *err) {
    struct stat st;
    size_t n = strlen(path);
    *folder = (n > 0 && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
    return *folder || (n > 4 && strcmp(path + n - 4, ".tex") == 0) ||
           gk_fail(err, GK_AT_FILE(path),
                   "end the name in .tex, or name a folder (a new one with a / behind it)",
                   "cannot tell whether the tables go into a file or into a folder");
}

/* What is made of the folder itself is known only when it is made. */
static bool folder_check(const char *path, gk_error *err) {
    size_t n = strlen(path);
    char *bare = gk_alloc(n + 1);
    memcpy(bare, path, n);
    while (n > 1 && bare[n - 1] == '/') bare[--n] = '\0';
    struct stat st;
    bool in_the_way = stat(bare, &st) == 0 && !S_ISDIR(st.st_mode);
    gk_free(bare);
    return !in_the_way || gk_fail(err, GK_AT_FILE(path), "name a folder", "there is a file in the way");
}

bool gk_export_latex_check(const char *path, gk_error *err) {
    bool folder;
    return is_folder(path, &folder, err) && (folder ? folder_check(path, err) : gk_out_check(path, err));
}

static bool write_sets(const tables *t, size_t from, size_t to, const char *path, gk_error *err) {
    gk_buf b = {0};
    bool any_long = false;
    for (size_t i = from; i < to; i++)
        any_long |= t->set[i].rows > GK_EXPORT__LATEX_ROWS ||
                    gk_export__latex_planned(&t->contrasts, t->set[i].name) > GK_EXPORT__LATEX_ROWS;
    gk_buf_printf(&b,
                  "%% Written by graftkit export --latex. The document needs \\usepackage[T1]{fontenc}, "
                  "\\usepackage{booktabs}%s.\n",
                  any_long ? " and \\usepackage{longtable}" : "");
    for (size_t i = from; i < to; i++) {
        gk_buf_puts(&b, "\n");
        add_table(&b, t, &t->set[i]);
        gk_export__latex_contrasts(&b, &t->contrasts, t->set[i].name, t->set[i].label, t->complete);
    }
    bool ok = gk_write_file(path, b.data, b.len, err);
    gk_buf_free(&b);
    return ok;
}

static bool write_folder(const tables *t, const char *path, gk_error *err) {
    bool ok = gk_mkdirs(path, err);
    for (size_t i = 0; ok && i < t->n; i++)
        ok = write_sets(t, i, i + 1,
                        gk_path_join(t->a, path, gk_arena_printf(t->a, "%s.tex", t->set[i].label)), err);
    return ok;
}

bool gk_export_latex(gk_store *s, const char *path, gk_error *err) {
    tables t = {.s = s, .a = gk_arena_new()};
    bool folder, ok = is_folder(path, &folder, err) && gather(&t, err);
    ok = ok && (folder ? write_folder(&t, path, err) : write_sets(&t, 0, t.n, path, err));
    json_decref(t.manifest);
    gk_arena_free(t.a);
    return ok;
}
