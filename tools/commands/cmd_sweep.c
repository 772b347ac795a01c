/* cmd_sweep.c: evaluates graft schemes over prompts into a results store, and shows the headline. */
#include "graftkit/core/progress.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/store.h"
#include "graftkit/eval/sweep.h"
#include "graftkit/graft/scheme.h"
#include "tools/prompt_counts.h"
#include "tools/tools.h"

#include <string.h>

typedef struct args {
    const char *recipient, *tokenizer, *templates, *fillers, *rows, *entity, *target, *out, *budget;
    const char *svd;
    gk_strings donors, derive, placebo, schemes;
    int64_t seed, threads, limit, generate;
    bool whole, keep_shared_first, drop_bad_rows, restart, replace;
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

/* "4.2 G": a count with a prefix. */
static const char *count_text(double x, char buf[32]) {
    static const char *const prefix[] = {"", " k", " M", " G", " T", " P"};
    size_t i = 0;
    for (; x >= 1000 && i < 5; i++) x /= 1000;
    snprintf(buf, 32, i ? "%.3g%s" : "%.0f%s", x, prefix[i]);
    return buf;
}

static void say_rows(const gk_sweep_cost *c) {
    char unique[32], naive[32], flops[32];
    fprintf(stderr, "%s of %s rows (%.1f%%), %s%sFLOP", count_text(c->rows_unique, unique),
            count_text(c->rows_naive, naive), 100 * c->rows_unique / c->rows_naive,
            count_text(c->flops, flops), c->flops < 1000 ? " " : "");
}

static bool say_estimate(gk_sweep *s, bool generate, gk_error *err) {
    gk_sweep_cost c;
    if (!gk_sweep_estimate(s, &c, err)) return false;
    if (c.rows_naive <= 0) return true;
    fprintf(stderr, "estimate: ");
    say_rows(&c);
    fprintf(stderr, ", %.*f s%s; memory: %.0f MiB of weights and up to %.0f MiB\n", c.seconds < 10 ? 1 : 0,
            c.seconds, generate ? " and what --generate adds" : "", (double)c.weights / (1 << 20),
            (double)c.budget / (1 << 20));
    return true;
}

static void say_spent(const gk_sweep *s) {
    gk_sweep_cost c;
    gk_sweep_spent(s, &c);
    if (c.rows_naive <= 0) return;
    fprintf(stderr, "computed: ");
    say_rows(&c);
    fprintf(stderr, " in %.2f s, %.1f GFLOP/s; working memory %.0f MiB\n", c.seconds,
            c.flops / c.seconds / 1e9, (double)c.budget / (1 << 20));
}

static bool sweep(gk_sweep *s, bool generate, bool *finished, gk_error *err) {
    gk_say_prompts(gk_sweep_prompts(s));
    const gk_schemes *schemes = gk_sweep_schemes(s);
    fprintf(stderr, "%zu schemes", schemes->n);
    if (schemes->n != schemes->n_written) fprintf(stderr, ", of %zu entries and grids", schemes->n_written);
    if (gk_sweep_twins(s)) fprintf(stderr, "; %zu of them with a placebo too", gk_sweep_twins(s));
    fprintf(stderr, "\n");
    size_t total = gk_sweep_total(s), pending = gk_sweep_pending(s);
    if (pending < total) fprintf(stderr, "%zu of %zu cells are stored already\n", total - pending, total);
    size_t matrices = gk_sweep_matrices(s);
    gk_progress *p = matrices ? gk_progress_start(stderr, "factors", (double)matrices, "matrices") : NULL;
    bool ok = gk_sweep_prepare(s, p, err);
    gk_progress_end(p, NULL);
    if (!ok && !gk_interrupted()) return false;
    if (pending && ok && !say_estimate(s, generate, err)) return false;
    p = pending && ok ? gk_progress_start(stderr, "sweep", (double)total, "cells") : NULL;
    ok = gk_sweep_run(s, p, err);
    gk_progress_end(p, NULL);
    if (ok) say_spent(s);
    *finished = gk_sweep_pending(s) == 0;
    if (ok && !*finished)
        fprintf(
            stderr,
            "graftkit sweep: interrupted: %zu of %zu cells are stored; the same command goes on from there\n",
            total - gk_sweep_pending(s), total);
    return ok;
}

/* With --restart the store replaces whatever stands under its name. */
static bool check_out(const args *g, gk_error *err) {
    const gk_named_path named[] = {{"--rows", g->rows, GK_INPUT},
                                   {"--templates", g->templates, GK_INPUT},
                                   {"--fillers", g->fillers, GK_INPUT},
                                   {"--tokenizer", g->tokenizer, GK_INPUT},
                                   {"--out", g->out, GK_OUTPUT}};
    for (size_t i = 0; i < g->schemes.n; i++) {
        const gk_named_path scheme[] = {{"--schemes", g->schemes.item[i], GK_INPUT},
                                        {"--out", g->out, GK_OUTPUT}};
        if (!gk_check_outputs(scheme, 2, err)) return false;
    }
    return gk_check_outputs(named, sizeof named / sizeof *named, err);
}

static int run(const args *g, gk_sweep_options *o) {
    gk_error err;
    if (!check_out(g, &err)) return gk_die("sweep", &err);
    if (!gk_parse_bytes(g->budget, "--budget", &o->budget_bytes, &err) || !check_generate(g->generate, &err))
        return gk_die("sweep", &err);
    gk_sweep *s = gk_sweep_open(o, &err);
    bool finished = false, ok = s && sweep(s, g->generate > 0, &finished, &err);
    gk_sweep_close(s);
    if (ok && finished) ok = say_table(o->out, &err);
    if (!ok) return gk_die("sweep", &err);
    return finished ? 0 : 130;
}

static gk_sweep_options asked(const args *g) {
    gk_sweep_options o = {.recipient = g->recipient,
                          .tokenizer = g->tokenizer,
                          .donors = g->donors.item,
                          .n_donors = g->donors.n,
                          .derive = g->derive.item,
                          .n_derive = g->derive.n,
                          .svd = g->svd,
                          .placebo = g->placebo.item,
                          .n_placebo = g->placebo.n,
                          .schemes = g->schemes.item,
                          .n_schemes = g->schemes.n,
                          .out = g->out,
                          .seed = (uint64_t)g->seed,
                          .generate = (int)g->generate,
                          .restart = g->restart,
                          .replace = g->replace};
    o.prompts = (gk_prompt_options){.templates = g->templates,
                                    .fillers = g->fillers,
                                    .rows = g->rows,
                                    .entity = g->entity,
                                    .maybe_entity = strcmp(g->entity, GK_ENTITY_FIELD) == 0,
                                    .target = g->target,
                                    .limit = g->limit,
                                    .whole = g->whole,
                                    .keep_shared_first = g->keep_shared_first,
                                    .drop_bad_rows = g->drop_bad_rows};
    return o;
}

int cmd_sweep(int argc, char **argv) {
    args g = {.entity = GK_ENTITY_FIELD, .target = GK_TARGET_FIELD, .budget = "1GiB", .seed = 1};
    const gk_opt opts[] = {
        {"recipient", GK_OPT_STR, &g.recipient, "NAME=DIR", "the model that is grafted into", true},
        {"donor", GK_OPT_LIST, &g.donors, "NAME=DIR", "a model that weights come from; may be repeated",
         false},
        {"derive", GK_OPT_LIST, &g.derive, "NAME=DONOR:HOW",
         "a donor made of DONOR and the recipient; HOW: rank=R, top=F, alpha=A (docs/schemes.md); may be "
         "repeated",
         false},
        {"svd", GK_OPT_STR, &g.svd, "DIR", "the folder that keeps what rank=R computes [OUT.svd]", false},
        {"placebo", GK_OPT_LIST, &g.placebo, "DONOR=MODEL",
         "compute every scheme with MODEL in DONOR's place too, as a floor; may be repeated", false},
        {"tokenizer", GK_OPT_STR, &g.tokenizer, "PATH", "the models' tokenizer [the recipient's]", false},
        {"schemes", GK_OPT_LIST, &g.schemes, "FILE",
         "graft schemes (YAML), or the name of some that come along; may be repeated", true},
        {"templates", GK_OPT_STR, &g.templates, "FILE", "evaluation templates (JSONL)", true},
        {"fillers", GK_OPT_STR, &g.fillers, "FILE", "fixed values of template fields (JSON)", false},
        {"rows", GK_OPT_STR, &g.rows, "FILE", "metadata rows (JSONL)", true},
        {"entity", GK_OPT_STR, &g.entity, "FIELD", "the field that schemes call `entity`", false},
        {"target", GK_OPT_STR, &g.target, "FIELD", "the field that the prompts ask for", false},
        {"whole-target", GK_OPT_FLAG, &g.whole, NULL,
         "score all tokens of the target, not only the first: exact match", false},
        {"generate", GK_OPT_INT, &g.generate, "N", "generate up to N tokens under each scheme", false},
        {"out", GK_OPT_STR, &g.out, "FILE", "the results store; an unfinished one is continued", true},
        {"budget", GK_OPT_STR, &g.budget, "BYTES", "working memory, without weights", false},
        {"seed", GK_OPT_INT, &g.seed, "N", "seed of the bootstrap", false},
        {"threads", GK_OPT_INT, &g.threads, "N", "threads; 0: all cores", false},
        {"limit", GK_OPT_INT, &g.limit, "N", "only the first N rows; 0: all", false},
        {"keep-shared-first", GK_OPT_FLAG, &g.keep_shared_first, NULL,
         "keep prompts whose target's first token also begins one of their fields", false},
        {"drop-bad-rows", GK_OPT_FLAG, &g.drop_bad_rows, NULL,
         "leave rows out that lack a field, and count them", false},
        {"replace", GK_OPT_FLAG, &g.replace, NULL, "begin anew where the store was made from other inputs",
         false},
        {"restart", GK_OPT_FLAG, &g.restart, NULL,
         "begin anew; the old store stays until the new one is complete", false},
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args("sweep", "evaluate graft schemes over prompts into a results database", opts,
                       sizeof opts / sizeof *opts, argc, argv, a);
    gk_error err;
    if (code < 0 && !gk_find_all(a, GK_SHIPPED_SCHEMES, "--schemes", &g.schemes, &err))
        code = gk_die("sweep", &err);
    if (code < 0) {
        gk_use_threads(g.threads);
        gk_sweep_options o = asked(&g);
        code = run(&g, &o);
    }
    gk_arena_free(a);
    return code;
}
