/* sweeping.c: what the commands that sweep share. */
#include "tools/sweeping.h"
#include "graftkit/core/progress.h"
#include "tools/prompt_counts.h"

#include <string.h>

gk_prompt_options gk_prompts_asked(const gk_prompt_args *p) {
    return (gk_prompt_options){.templates = p->templates,
                               .fillers = p->fillers,
                               .rows = p->rows,
                               .entity = p->entity,
                               .maybe_entity = strcmp(p->entity, GK_ENTITY_FIELD) == 0,
                               .target = p->target,
                               .limit = p->limit,
                               .keep_shared_first = p->keep_shared_first,
                               .drop_bad_rows = p->drop_bad_rows};
}

bool gk_parse_bf16(const char *word, bool *out, gk_error *err) {
    *out = strcmp(word, "true") == 0;
    return *out || strcmp(word, "false") == 0 ||
           gk_fail(err, GK_AT_FIELD(NULL, "--bf16"), NULL, "is '%.60s'; must be true or false", word);
}

bool gk_sweep_asked(const gk_sweep_args *g, gk_sweep_options *o, gk_error *err) {
    o->recipient = g->recipient;
    o->tokenizer = g->tokenizer;
    o->donors = g->donors.item;
    o->n_donors = g->donors.n;
    o->derive = g->derive.item;
    o->n_derive = g->derive.n;
    o->svd = g->svd;
    o->prompts = gk_prompts_asked(&g->prompts);
    o->seed = (uint64_t)g->seed;
    o->restart = g->restart;
    o->replace = g->replace;
    return gk_parse_bf16(g->bf16, &o->bf16, err) &&
           gk_parse_bytes(g->budget, "--budget", &o->budget_bytes, err);
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
            c.seconds, generate ? " if no text ends early" : "", (double)c.weights / (1 << 20),
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

bool gk_sweep_through(const char *command, gk_sweep *s, bool generate, bool *finished, gk_error *err) {
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
            "graftkit %s: interrupted: %zu of %zu cells are stored; the same command goes on from there\n",
            command, total - gk_sweep_pending(s), total);
    return ok;
}
