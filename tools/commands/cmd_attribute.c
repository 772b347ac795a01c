/* cmd_attribute.c: what each part of a graft is worth: Shapley values and interactions of named parts. */
#include "graftkit/core/file.h"
#include "graftkit/eval/attribute.h"
#include "graftkit/graft/parts.h"
#include "graftkit/report.h"
#include "tools/sweeping.h"

#include <math.h>
#include <string.h>

typedef struct args {
    gk_sweep_args sweep;
    const char *parts, *out;
} args;

enum { SHOWN_PAIRS = 3 };

/* ---------------------------------------------------------------- what is printed */

static void say_mean(const char *name, int width, gk_mean x, double share) {
    printf("%-*s %8.3f [%.3f, %.3f]", width, name, x.value, x.low, x.high);
    if (isfinite(share)) printf("  %5.1f%%", 100 * share);
    printf("\n");
}

static void say_values(const gk_attribution *x, const gk_game *g) {
    int width = (int)strlen("all - none");
    double sum = 0;
    for (size_t i = 0; i < x->n_parts; i++)
        if ((int)strlen(x->part[i]) > width) width = (int)strlen(x->part[i]);
    for (size_t i = 0; i < x->n_parts; i++) {
        say_mean(x->part[i], width, g->value[i], g->share[i]);
        sum += g->value[i].value;
    }
    say_mean("all - none", width, g->total, (double)NAN);
    printf("the values sum to %.9f, all - none is %.9f\n", sum, g->total.value);
}

/* The pairs that are farthest from 0. */
static void say_pairs(const gk_attribution *x, const gk_game *g) {
    bool said[GK_MOST_PARTS * GK_MOST_PARTS] = {false};
    for (int shown = 0; shown < SHOWN_PAIRS; shown++) {
        size_t best = 0, n = x->n_parts;
        for (size_t i = 0; i < n * n; i++)
            if (i / n < i % n && !said[i] &&
                (best == 0 || fabs(g->pair[i].value) > fabs(g->pair[best].value)))
                best = i;
        if (best == 0) return;
        said[best] = true;
        const gk_mean *m = &g->pair[best];
        printf("%s x %s: %+.3f [%.3f, %.3f], %s\n", x->part[best / n], x->part[best % n], m->value, m->low,
               m->high,
               m->low > 0    ? "worth more together"
               : m->high < 0 ? "one does for the other"
                             : "not clearly either");
    }
}

static void say(const gk_attribution *x, const char *out) {
    const gk_game *g = gk_attribution_game(x, GK_METRIC_logit_diff, "pooled");
    if (g->left_out)
        printf("%zu prompts are left out: not every coalition has a result on them\n", g->left_out);
    printf("logit difference in nats, %zu prompts of %zu facts, %zu coalitions; 95%% intervals over facts\n",
           g->n, g->facts, x->coalitions);
    say_values(x, g);
    say_pairs(x, g);
    printf(
        "%s/attribution.csv, interactions.csv, summary.json, attribution.svg, interactions.svg, results.db\n",
        out);
}

/* ---------------------------------------------------------------- running */

static bool check_out(const args *g, gk_arena *a, gk_error *err) {
    static const char *const names[] = {"results.db",   "attribution.csv", "interactions.csv",
                                        "summary.json", "attribution.svg", "interactions.svg"};
    const gk_prompt_args *p = &g->sweep.prompts;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const gk_named_path named[] = {
            {"--rows", p->rows, GK_INPUT},       {"--templates", p->templates, GK_INPUT},
            {"--fillers", p->fillers, GK_INPUT}, {"--tokenizer", g->sweep.tokenizer, GK_INPUT},
            {"--parts", g->parts, GK_INPUT},     {"--out", gk_path_join(a, g->out, names[i]), GK_OUTPUT}};
        if (!gk_check_outputs(named, sizeof named / sizeof *named, err)) return false;
    }
    return gk_check_folder(g->out, err);
}

/* What the store says, told and written. */
static bool conclude(const args *g, gk_arena *a, const char *db, gk_error *err) {
    gk_attribution x;
    gk_store *s = gk_store_open(db, err);
    bool ok = s && gk_attribution_read(s, a, &x, err) && gk_attribution_save(s, &x, g->out, err) &&
              gk_attribution_draw(&x, g->out, err);
    if (ok) say(&x, g->out);
    gk_store_close(s);
    return ok;
}

static int run(args *g, gk_arena *a) {
    gk_error err;
    const char *db = gk_path_join(a, g->out, "results.db");
    gk_sweep_options o = {.out = db};
    g->parts = gk_find(a, GK_SHIPPED_PARTS, "--parts", g->parts, &err);
    o.parts = g->parts;
    if (!g->parts || !check_out(g, a, &err) || !gk_sweep_asked(&g->sweep, &o, &err))
        return gk_die("attribute", &err);
    gk_sweep *s = gk_sweep_open(&o, &err);
    bool finished = false, ok = s && gk_sweep_through("attribute", s, false, &finished, &err);
    gk_sweep_close(s);
    if (ok && finished) ok = conclude(g, a, db, &err);
    if (!ok) return gk_die("attribute", &err);
    return finished ? 0 : 130;
}

int cmd_attribute(int argc, char **argv) {
    args g = {.sweep = GK_SWEEP_DEFAULTS};
    const gk_opt opts[] = {
        GK_SWEEP_MODELS(g.sweep),
        {"parts", GK_OPT_STR, &g.parts, "FILE",
         "named parts (YAML, docs/attribution.md), or the name of some that come along", true},
        GK_PROMPT_OPTIONS(g.sweep.prompts),
        {"out", GK_OPT_STR, &g.out, "DIR", "the folder for results; an unfinished attribution there goes on",
         true},
        GK_SWEEP_RUNNING(g.sweep),
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args("attribute", "say what each part of a graft is worth: Shapley values of named parts",
                       opts, sizeof opts / sizeof *opts, argc, argv, a);
    if (code < 0) {
        gk_use_threads(g.sweep.threads);
        code = run(&g, a);
    }
    gk_arena_free(a);
    return code;
}
