/* cmd_search.c: looks for a small graft that suffices, and shows the ladder that leads to it. */
#include "graftkit/core/file.h"
#include "graftkit/eval/measure.h"
#include "graftkit/eval/search.h"
#include "graftkit/graft/engine.h"
#include "graftkit/report.h"
#include "tools/prompt_counts.h"
#include "tools/sweeping.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct args {
    const char *recipient, *tokenizer, *donor, *out, *budget, *objective, *blocks, *bf16;
    gk_prompt_args prompts;
    gk_strings positions, components;
    int64_t seed, threads, top, beam, most;
    double goal, held_out;
    bool restart;
} args;

/* ---------------------------------------------------------------- what is printed */

static void say_cells(const gk_search *s) {
    const char *const *left = gk_search_left_out(s);
    gk_say_prompts(gk_search_prompts(s));
    for (; *left; left++)
        fprintf(stderr,
                "  '%s' is part of the rest: in some prompts no token would be left for it or the rest\n",
                *left);
}

static size_t width_of(const char *text) {
    size_t n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

static const char *label(const gk_search_rung *r) {
    return r->changed ? r->changed : r->name;
}

static void say_rung(const gk_search_result *r, const gk_search_rung *rung, size_t width) {
    const gk_recovered *held = &rung->held_out.recovery;
    const gk_stats *s = &rung->held_out.stats;
    char sign = '+';
    if (rung->dropped) sign = '-';
    if (!rung->changed) sign = ' ';
    char interval[64] = "";
    if (isfinite(held->low))
        snprintf(interval, sizeof interval, "[%6.1f, %6.1f]", 100 * held->low, 100 * held->high);
    printf("%c %s%*s %5zu %7.2f%%  %6.1f%%  %6.1f%% %-16s  %5.1f%% [%5.1f, %5.1f]\n", sign, label(rung),
           (int)(width - width_of(label(rung))), "", rung->size, 100 * rung->share,
           100 * rung->search.recovery.value, 100 * held->value, interval, 100 * s->value[r->metric],
           100 * s->low[r->metric], 100 * s->high[r->metric]);
}

static void say_table(const gk_search_result *r, const args *g) {
    size_t width = strlen("found^C");
    for (size_t i = 0; i < r->n_rungs; i++)
        if (width_of(label(&r->rung[i])) > width) width = width_of(label(&r->rung[i]));
    char top[24];
    snprintf(top, sizeof top, "%s, held out", gk_metric_key(r->metric));
    printf("%zu cells: %zu positions x %zu; recovery on %zu rows searched and on %zu held out [95%% "
           "intervals]\n",
           r->n_cells, r->n_positions, r->n_columns, r->rows[0], r->rows[1]);
    printf("  %-*s %5s %8s  %7s  %-24s  %s\n", (int)width, "", "cells", "weights", "search", "held out", top);
    for (size_t i = 0; i < r->n_rungs; i++) say_rung(r, &r->rung[i], width);
    const gk_search_rung *found = &r->rung[r->found];
    if (!r->reached)
        printf("the goal of %g%% is not reached with %zu cells on the rows searched\n", 100 * g->goal,
               found->size);
    for (int k = 0; k < 2; k++)
        if (!(r->p_ends[k] < 0.05))
            printf("on the rows %s SFT-rh is not clearly better than PRE (p = %.2g): recovery says nothing "
                   "there\n",
                   k ? "held out" : "searched", r->p_ends[k]);
    printf("%s/scheme.yaml, ladder.json, ladder.csv, ladder.svg\n", g->out);
}

static void say_work(gk_graft_stats w) {
    if (w.rows_unique == 0) return;
    fprintf(stderr, "%.3g rows of %.3g were computed (%.1f times fewer), %.3g GFLOP/s\n",
            (double)w.rows_unique, (double)w.rows_naive, (double)w.rows_naive / (double)w.rows_unique,
            w.flops / w.seconds / 1e9);
}

/* ---------------------------------------------------------------- running */

static bool check_out(const args *g, gk_error *err) {
    static const char *const names[] = {"state.json", "ladder.json", "ladder.csv", "scheme.yaml",
                                        "ladder.svg"};
    gk_arena *a = gk_arena_new();
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof names / sizeof *names; i++) {
        const gk_named_path named[] = {{"--rows", g->prompts.rows, GK_INPUT},
                                       {"--templates", g->prompts.templates, GK_INPUT},
                                       {"--fillers", g->prompts.fillers, GK_INPUT},
                                       {"--tokenizer", g->tokenizer, GK_INPUT},
                                       {"--out", gk_path_join(a, g->out, names[i]), GK_OUTPUT}};
        ok = gk_check_outputs(named, sizeof named / sizeof *named, err);
    }
    gk_arena_free(a);
    return ok;
}

/* "4", or "each". */
static bool parse_blocks(const char *text, int *out, gk_error *err) {
    char *end = NULL;
    long n = text ? strtol(text, &end, 10) : 0;
    *out = (int)n;
    if (!text) return true;
    if (strcmp(text, "each") == 0) *out = -1;
    return *out == -1 || (!*end && n >= 1 && n <= 100000) ||
           gk_fail(err, GK_AT_FIELD(NULL, "--layer-blocks"), "write a number of blocks, or each",
                   "'%.80s' is no number of blocks", text);
}

static bool options(const args *g, gk_search_options *o, gk_error *err) {
    *o = (gk_search_options){.recipient = g->recipient,
                             .tokenizer = g->tokenizer,
                             .donor = g->donor,
                             .out = g->out,
                             .positions = g->positions.item,
                             .n_positions = g->positions.n,
                             .components = g->components.item,
                             .n_components = g->components.n,
                             .goal = g->goal,
                             .top = (int)(g->top < 1000 ? g->top : 1000),
                             .held_out = g->held_out,
                             .beam = (int)(g->beam < 1000 ? g->beam : 1000),
                             .most_cells = (int)(g->most < 1000000 ? g->most : 1000000),
                             .seed = (uint64_t)g->seed,
                             .restart = g->restart,
                             .progress = stderr};
    o->prompts = gk_prompts_asked(&g->prompts);
    return check_out(g, err) && gk_parse_bytes(g->budget, "--budget", &o->budget_bytes, err) &&
           gk_parse_bf16(g->bf16, &o->bf16, err) && gk_objective_parse(g->objective, &o->objective, err) &&
           parse_blocks(g->blocks, &o->layer_blocks, err);
}

static int run(const args *g) {
    gk_error err;
    gk_search_options o;
    if (!options(g, &o, &err)) return gk_die("search", &err);
    gk_search *s = gk_search_open(&o, &err);
    if (!s) return gk_die("search", &err);
    say_cells(s);
    bool ok = gk_search_run(s, &err);
    const gk_search_result *r = gk_search_found(s);
    if (ok && r) {
        gk_arena *a = gk_arena_new();
        ok = gk_ladder_draw(r, (int)g->top, g->goal, gk_path_join(a, g->out, "ladder.svg"), &err);
        gk_arena_free(a);
    }
    if (ok && r) say_table(r, g);
    if (ok && r) say_work(gk_search_stats(s));
    if (ok && !r)
        fprintf(stderr, "graftkit search: interrupted: the steps so far are stored; the same command goes on "
                        "from there\n");
    gk_search_close(s);
    return !ok ? gk_die("search", &err) : r ? 0 : 130;
}

int cmd_search(int argc, char **argv) {
    args g = {.prompts = GK_PROMPT_DEFAULTS,
              .budget = "256MiB",
              .objective = "logprob",
              .bf16 = "false",
              .seed = 1,
              .top = 5,
              .beam = 1,
              .goal = 0.9,
              .held_out = 0.5};
    const gk_opt opts[] = {
        {"recipient", GK_OPT_STR, &g.recipient, "NAME=DIR", "the model that is grafted into", true},
        {"donor", GK_OPT_STR, &g.donor, "NAME=DIR", "the model that weights come from", true},
        {"tokenizer", GK_OPT_STR, &g.tokenizer, "PATH", "the models' tokenizer [the recipient's]", false},
        GK_PROMPT_OPTIONS(g.prompts),
        {"out", GK_OPT_STR, &g.out, "DIR", "the folder for results; an unfinished search there goes on",
         true},
        {"goal", GK_OPT_NUM, &g.goal, "SHARE", "of the way from PRE to SFT-rh in top-k accuracy", false},
        {"top", GK_OPT_INT, &g.top, "K", "that accuracy's k: 1, 5, 10, 50 or 100", false},
        {"held-out", GK_OPT_NUM, &g.held_out, "SHARE", "of the rows, for the claim only", false},
        {"position", GK_OPT_LIST, &g.positions, "AT",
         "a position as in schemes; may be repeated; none: the fields that all templates share", false},
        {"components", GK_OPT_LIST, &g.components, "NAMES",
         "a group as in schemes; may be repeated; none: attn and ffn", false},
        {"layer-blocks", GK_OPT_STR, &g.blocks, "N", "divide the layers into N blocks, or `each`; none: 4",
         false},
        {"objective", GK_OPT_STR, &g.objective, "NAME",
         "what a step increases: logprob, prob (of the target, mean) or accuracy", false},
        {"beam", GK_OPT_INT, &g.beam, "W", "grafts kept after each step; 1: greedy", false},
        {"most", GK_OPT_INT, &g.most, "N", "stop at N cells; 0: go on to the goal", false},
        {"budget", GK_OPT_STR, &g.budget, "BYTES", "working memory, without weights", false},
        GK_BF16_OPTION(g.bf16),
        {"seed", GK_OPT_INT, &g.seed, "N", "seed of the split of the rows and of the bootstrap", false},
        {"threads", GK_OPT_INT, &g.threads, "N", "threads; 0: all cores", false},
        GK_PROMPT_CHOICES(g.prompts),
        {"restart", GK_OPT_FLAG, &g.restart, NULL, "begin anew where the folder holds a search", false},
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args("search", "find a small graft that recovers what the donor knows", opts,
                       sizeof opts / sizeof *opts, argc, argv, a);
    if (code < 0) {
        gk_use_threads(g.threads);
        code = run(&g);
    }
    gk_arena_free(a);
    return code;
}
