/* latex_parts.c: what the tables for a paper have in common: text as LaTeX takes it, and the table of planned
 * contrasts. */
#include "eval/export/latex.h"
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- text */

/* What stands for a character that LaTeX takes for something else, or joins with the one before; NULL:
 * itself. */
static const char *in_latex(char c, char before) {
    static const struct {
        char c;
        const char *text;
    } marks[] = {{'\\', "\\textbackslash{}"},
                 {'^', "\\textasciicircum{}"},
                 {'~', "\\textasciitilde{}"},
                 {'<', "\\textless{}"},
                 {'>', "\\textgreater{}"},
                 {'|', "\\textbar{}"},
                 {'"', "\\textquotedbl{}"},
                 {'`', "\\textasciigrave{}"},
                 {'&', "\\&"},
                 {'%', "\\%"},
                 {'$', "\\$"},
                 {'#', "\\#"},
                 {'_', "\\_"},
                 {'{', "\\{"},
                 {'}', "\\}"},
                 {'[', "{[}"},
                 {']', "{]}"},
                 {'*', "{*}"}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (marks[i].c == c) return marks[i].text;
    if ((c == '-' || c == '\'') && before == c) return c == '-' ? "{-}" : "{'}";
    if ((unsigned char)c < ' ' || c == 0x7f) return " ";
    return NULL;
}

void gk_export__latex_text(gk_buf *b, const char *text) {
    size_t left = strlen(text), good = 0;
    char before = 0;
    for (; left; text++, left--) {
        if (good == 0 && gk_utf8_valid(text, left, &good)) good = left;
        const char *other = good ? in_latex(*text, before) : "?";
        if (other)
            gk_buf_puts(b, other);
        else
            gk_buf_add(b, text, 1);
        before = *text;
        good -= good > 0;
    }
}

/* ---------------------------------------------------------------- planned contrasts */

static bool is_of(const gk_contrasted *c, const char *set) {
    return strcmp(c->plan.set, set) == 0;
}

size_t gk_export__latex_planned(const gk_contrasts *all, const char *set) {
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) n += is_of(&all->item[i], set);
    return n;
}

/* In points or nats, with its sign. */
static void add_number(gk_buf *b, const gk_contrasted *c, double x) {
    bool share = c->plan.metric == GK_METRIC_top5;
    if (isfinite(x))
        gk_buf_printf(b, share ? "$%c$%.1f" : "$%c$%.2f", signbit(x) ? '-' : '+', fabs(share ? 100 * x : x));
    else
        gk_buf_puts(b, "--");
}

/* A paper has no use for how far below a thousandth it is. */
static void add_p(gk_buf *b, double p) {
    if (isnan(p))
        gk_buf_puts(b, " & --");
    else
        gk_buf_printf(b, p < 0.0005 ? " & \\textless{}0.001" : " & %.3f", p);
}

static void add_row(gk_buf *b, const gk_contrasted *c) {
    const gk_contrast_stats *x = &c->stats;
    gk_export__latex_text(b, c->plan.a);
    gk_buf_puts(b, " $-$ ");
    gk_export__latex_text(b, c->plan.b);
    gk_buf_printf(b, " & %s & %zu & %zu & ",
                  c->plan.metric == GK_METRIC_top5 ? "top-5, points" : "logits, nats", x->n, x->rows);
    add_number(b, c, x->diff);
    if (isfinite(x->low) && isfinite(x->high)) {
        gk_buf_puts(b, " {\\scriptsize [");
        add_number(b, c, x->low);
        gk_buf_puts(b, ", ");
        add_number(b, c, x->high);
        gk_buf_puts(b, "]}");
    }
    add_p(b, c->p_holm);
    if (isnan(x->margin))
        gk_buf_puts(b, " & --");
    else
        gk_buf_printf(b, " & %g", c->plan.metric == GK_METRIC_top5 ? 100 * x->margin : x->margin);
    add_p(b, c->p_equal_holm);
    gk_buf_printf(b, " & %s \\\\\n", gk_verdict_key(c->verdict));
}

static void add_caption(gk_buf *b, const char *set, const char *label, bool complete, bool is_long) {
    gk_buf_puts(b, "\\caption{\\textbf{");
    gk_export__latex_text(b, set);
    gk_buf_printf(
        b,
        "}: planned contrasts, first scheme minus second, over facts (95\\%% bootstrap intervals in "
        "brackets). $p$: difference (top-5: exact sign test; logits: Wilcoxon's signed ranks); "
        "$p$ eq.: equivalence within the margin (two one-sided $t$ tests); all corrected together by "
        "Holm.%s}\n\\label{tab:%s-contrasts}%s\n",
        complete ? "" : GK_EXPORT__LATEX_UNFINISHED, label, is_long ? "\\\\" : "");
}

void gk_export__latex_contrasts(gk_buf *b, const gk_contrasts *all, const char *set, const char *label,
                                bool complete) {
    size_t n = gk_export__latex_planned(all, set);
    bool is_long = n > GK_EXPORT__LATEX_ROWS;
    if (n == 0) return;
    if (is_long) {
        gk_buf_puts(b, "\n{\\small\n\\begin{longtable}{@{}llrrrrrrl@{}}\n");
        add_caption(b, set, label, complete, true);
    } else {
        gk_buf_puts(b, "\n\\begin{table}\n\\centering\\small\n");
        add_caption(b, set, label, complete, false);
        gk_buf_puts(b, "\\begin{tabular}{@{}llrrrrrrl@{}}\n");
    }
    gk_buf_puts(b,
                "\\toprule\ncontrast & metric & $n$ & facts & difference & $p$ & margin & $p$ eq. & verdict "
                "\\\\\n\\midrule\n");
    gk_buf_puts(b, is_long ? "\\endhead\n" : "");
    for (size_t i = 0; i < all->n; i++)
        if (is_of(&all->item[i], set)) add_row(b, &all->item[i]);
    gk_buf_puts(b, is_long ? "\\bottomrule\n\\end{longtable}}\n"
                           : "\\bottomrule\n\\end{tabular}\n\\end{table}\n");
}
