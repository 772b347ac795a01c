/* cmd_export.c: writes a results store as CSV, JSONL, summary.json, LaTeX tables or the public code's files.
 */
#include "graftkit/core/file.h"
#include "graftkit/eval/store.h"
#include "tools/tools.h"

typedef struct args {
    const char *db, *cells, *results, *differences, *contrasts, *summary, *latex, *public, *dataset, *model;
} args;

/* Everything that is wrong with any output is said before the first is written. */
static bool check(const args *g, gk_error *err) {
    if (!g->cells && !g->results && !g->differences && !g->contrasts && !g->summary && !g->latex &&
        !g->public)
        return gk_fail(err, GK_NOWHERE,
                       "give --cells, --results, --differences, --contrasts, --summary, --latex or --public",
                       "nothing to write");
    if (!g->public && (g->dataset || g->model))
        return gk_fail(err, GK_AT_FIELD(NULL, g->dataset ? "--public-dataset" : "--public-model"),
                       "give --public DIR too", "stands alone");
    const gk_named_path named[] = {{"--db", g->db, GK_INPUT},
                                   {"--cells", g->cells, GK_OUTPUT},
                                   {"--results", g->results, GK_OUTPUT},
                                   {"--differences", g->differences, GK_OUTPUT},
                                   {"--contrasts", g->contrasts, GK_OUTPUT},
                                   {"--summary", g->summary, GK_OUTPUT},
                                   {"--latex", g->latex, GK_OUTPUT}};
    return gk_check_outputs(named, sizeof named / sizeof *named, err) &&
           (!g->cells || gk_export_check(g->cells, err)) &&
           (!g->results || gk_export_check(g->results, err)) &&
           (!g->differences || gk_export_check(g->differences, err)) &&
           (!g->contrasts || gk_export_check(g->contrasts, err)) &&
           (!g->summary || gk_out_check(g->summary, err)) &&
           (!g->latex || gk_export_latex_check(g->latex, err)) &&
           (!g->public || gk_export_public_check(g->public, g->dataset, g->model, err));
}

static bool export_all(const args *g, gk_error *err) {
    if (!check(g, err)) return false;
    gk_store *s = gk_store_open(g->db, err);
    bool ok = s && (!g->cells || gk_export_cells(s, g->cells, err)) &&
              (!g->results || gk_export_results(s, g->results, err)) &&
              (!g->differences || gk_export_differences(s, g->differences, err)) &&
              (!g->contrasts || gk_export_contrasts(s, g->contrasts, err)) &&
              (!g->summary || gk_export_summary(s, g->summary, err)) &&
              (!g->latex || gk_export_latex(s, g->latex, err)) &&
              (!g->public || gk_export_public(s, g->public, g->dataset, g->model, err));
    gk_store_close(s);
    return ok;
}

int cmd_export(int argc, char **argv) {
    args g = {0};
    const gk_opt opts[] = {
        {"db", GK_OPT_STR, &g.db, "FILE", "the results store", true},
        {"cells", GK_OPT_STR, &g.cells, "FILE", "a line a (scheme, template): .csv or .jsonl", false},
        {"results", GK_OPT_STR, &g.results, "FILE", "a line a (scheme, prompt): .csv or .jsonl", false},
        {"differences", GK_OPT_STR, &g.differences, "FILE",
         "paired differences from the references: .csv or .jsonl", false},
        {"contrasts", GK_OPT_STR, &g.contrasts, "FILE",
         "what scheme files planned to compare: .csv or .jsonl", false},
        {"summary", GK_OPT_STR, &g.summary, "FILE",
         "cells, differences, contrasts and manifest as one JSON file", false},
        {"latex", GK_OPT_STR, &g.latex, "FILE|DIR",
         "a table a set for a paper: one .tex file, or a folder of them", false},
        {"public", GK_OPT_STR, &g.public, "DIR", "results.json files as the paper's public code writes them",
         false},
        {"public-dataset", GK_OPT_STR, &g.dataset, "NAME",
         "with --public: the dataset's folder there [that of the run's templates]", false},
        {"public-model", GK_OPT_STR, &g.model, "NAME",
         "with --public: the model's folder there [llama3, gemma, gpt2-xl, pythia-2.8b, by the family]",
         false},
    };
    gk_arena *a = gk_arena_new();
    int code = gk_args("export", "write a results database as CSV, JSONL or LaTeX", opts,
                       sizeof opts / sizeof *opts, argc, argv, a);
    gk_error err;
    if (code < 0) code = export_all(&g, &err) ? 0 : gk_die("export", &err);
    gk_arena_free(a);
    return code;
}
