/* cmd_sweep.c: evaluates graft schemes over prompts into a results store, and shows the headline. */
#include "graftkit/eval/measure.h"
#include "graftkit/eval/store.h"
#include "tools/sweeping.h"

#include <string.h>

typedef struct args {
    gk_sweep_args sweep;
    const char *out;
    gk_strings placebo, schemes;
    int64_t generate, check;
    bool whole;
} args;

enum { MOST_GENERATED = 1000 };

static bool check_generate(int64_t n, gk_error *err) {
    return n <= MOST_GENERATED ||
           gk_fail(err, GK_AT_FIELD(NULL, "--generate"), NULL,
                   "%lld tokens; a sweep generates at most %d a prompt", (long long)n, MOST_GENERATED);
}

/* ---------------------------------------------------------------- what is printed */

static void say_cell(const gk_cell *c, int width, bool whole) {
    const gk_stats *s = &c->stats;
    printf("%-*s %6zu %6zu %7zu  %5.1f%%  %5.1f%% [%5.1f, %5.1f]", width, c->scheme, s->n, s->rows,
           c->dropped, 100 * s->value[GK_METRIC_top1], 100 * s->value[GK_METRIC_top5],
           100 * s->low[GK_METRIC_top5], 100 * s->high[GK_METRIC_top5]);
    if (whole) printf("  %5.1f%%", 100 * s->value[GK_METRIC_exact]);
    printf("  %9.1f\n", s->value[GK_METRIC_mean_rank]);
}

static bool any_whole(const gk_cells *cells) {
    for (size_t i = 0; i < cells->n; i++)
        if (cells->item[i].stats.n_whole) return true;
    return false;
}

static int name_width(const gk_cells *cells) {
    size_t width = strlen("scheme (pooled)");
    for (size_t i = 0; i < cells->n; i++)
        if (strlen(cells->item[i].scheme) > width) width = strlen(cells->item[i].scheme);
    return width < 80 ? (int)width : 80;
}

static bool say_table(const char *path, gk_error *err) {
    gk_store *store = gk_store_open(path, err);
    if (!store) return false;
    gk_arena *a = gk_arena_new();
    gk_cells cells;
    bool ok = gk_store_cells(store, a, &cells, err);
    int width = ok ? name_width(&cells) : 0;
    bool whole = ok && any_whole(&cells);
    if (ok)
        printf("%-*s %6s %6s %7s  %6s  %6s %-14s%s  %9s\n", width, "scheme (pooled)", "n", "rows", "dropped",
               "top-1", "top-5", "[95% interval]", whole ? "   exact" : "", "mean rank");
    for (size_t i = 0; ok && i < cells.n; i++)
        if (strcmp(cells.item[i].template_name, "pooled") == 0) say_cell(&cells.item[i], width, whole);
    gk_arena_free(a);
    gk_store_close(store);
    return ok;
}

/* ---------------------------------------------------------------- running */

/* With --restart the store replaces whatever stands under its name. */
static bool check_out(const args *g, gk_error *err) {
    const gk_prompt_args *p = &g->sweep.prompts;
    const gk_named_path named[] = {{"--rows", p->rows, GK_INPUT},
                                   {"--templates", p->templates, GK_INPUT},
                                   {"--fillers", p->fillers, GK_INPUT},
                                   {"--tokenizer", g->sweep.tokenizer, GK_INPUT},
                                   {"--out", g->out, GK_OUTPUT}};
    for (size_t i = 0; i < g->schemes.n; i++) {
        const gk_named_path scheme[] = {{"--schemes", g->schemes.item[i], GK_INPUT},
                                        {"--out", g->out, GK_OUTPUT}};
        if (!gk_check_outputs(scheme, 2, err)) return false;
    }
    return gk_check_outputs(named, sizeof named / sizeof *named, err);
}

static double share(size_t n, size_t of) {
    return of ? 100 * (double)n / (double)of : 0;
}

/* Both ways of the same cells, for which no other option may ask for one, and no store is written. */
static int check_bf16(const args *g, const gk_sweep_options *o) {
    static const char no[] = "--check-bf16 computes both ways and writes no store: leave it out";
    const struct {
        bool given;
        const char *option;
    } other[] = {{o->bf16, "--bf16"},
                 {o->restart, "--restart"},
                 {o->replace, "--replace"},
                 {o->generate > 0, "--generate"}};
    gk_error err;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (other[i].given) {
            gk_fail(&err, GK_AT_FIELD(NULL, other[i].option), no, "stands beside --check-bf16");
            return gk_die("sweep", &err);
        }
    gk_sweep *s = gk_sweep_open(o, &err);
    gk_bf16_check c;
    size_t n = (size_t)g->check;
    if (s && n > gk_sweep_total(s)) n = gk_sweep_total(s);
    gk_progress *p = s ? gk_progress_start(stderr, "check", 2 * (double)n, "cells") : NULL;
    bool ok = s && gk_sweep_check_bf16(s, n, p, &c, &err);
    gk_progress_end(p, NULL);
    gk_sweep_close(s);
    if (!ok) return gk_interrupted() ? 130 : gk_die("sweep", &err);
    printf("%zu cells in fp32 and with products of bf16 operands", c.cells);
    if (c.dropped) printf(" (%zu more have no numbers in one of them)", c.dropped);
    printf("\nlargest |difference of log-prob| of the target's first token: %.3g (mean %.3g)\n"
           "top-1 changed in %zu (%.2f%%), top-5 in %zu (%.2f%%); the likeliest token is another in %zu "
           "(%.2f%%)\n",
           c.largest, c.mean, c.top1, share(c.top1, c.cells), c.top5, share(c.top5, c.cells), c.likeliest,
           share(c.likeliest, c.cells));
    return 0;
}

static int run(const args *g) {
    gk_error err;
    gk_sweep_options o = {.schemes = g->schemes.item,
                          .n_schemes = g->schemes.n,
                          .placebo = g->placebo.item,
                          .n_placebo = g->placebo.n,
                          .out = g->out,
                          .check_bf16 = g->check > 0,
                          .generate = (int)g->generate};
    if (!check_out(g, &err) || !gk_sweep_asked(&g->sweep, &o, &err) || !check_generate(g->generate, &err))
        return gk_die("sweep", &err);
    o.prompts.whole = g->whole;
    if (g->check > 0) return check_bf16(g, &o);
    gk_sweep *s = gk_sweep_open(&o, &err);
    bool finished = false, ok = s && gk_sweep_through("sweep", s, g->generate > 0, &finished, &err);
    gk_sweep_close(s);
    if (ok && finished) ok = say_table(o.out, &err);
    if (!ok) return gk_die("sweep", &err);
    return finished ? 0 : 130;
}

int cmd_sweep(int argc, char **argv) {
    args g = {.sweep = GK_SWEEP_DEFAULTS};
    const gk_opt opts[] = {
        GK_SWEEP_MODELS(g.sweep),
        {"placebo", GK_OPT_LIST, &g.placebo, "DONOR=MODEL",
         "compute every scheme with MODEL in DONOR's place too, as a floor; may be repeated", false},
        {"schemes", GK_OPT_LIST, &g.schemes, "FILE",
         "graft schemes (YAML), or the name of some that come along; may be repeated", true},
        GK_PROMPT_OPTIONS(g.sweep.prompts),
        {"whole-target", GK_OPT_FLAG, &g.whole, NULL,
         "score all tokens of the target, not only the first: exact match", false},
        {"generate", GK_OPT_INT, &g.generate, "N", "generate up to N tokens under each scheme", false},
        {"check-bf16", GK_OPT_INT, &g.check, "N",
         "compute N cells in fp32 and with --bf16, say how they differ, and write no store; 0: sweep", false},
        {"out", GK_OPT_STR, &g.out, "FILE", "the results store; an unfinished one is continued", true},
        GK_SWEEP_RUNNING(g.sweep),
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args("sweep", "evaluate graft schemes over prompts into a results database", opts,
                       sizeof opts / sizeof *opts, argc, argv, a);
    gk_error err;
    if (code < 0 && !gk_find_all(a, GK_SHIPPED_SCHEMES, "--schemes", &g.schemes, &err))
        code = gk_die("sweep", &err);
    if (code < 0) {
        gk_use_threads(g.sweep.threads);
        code = run(&g);
    }
    gk_arena_free(a);
    return code;
}
