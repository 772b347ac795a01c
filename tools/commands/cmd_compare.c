/* cmd_compare.c: `graftkit compare`. */
#include "graftkit/core/file.h"
#include "graftkit/report.h"
#include "tools/tools.h"

typedef struct args {
    gk_strings runs, names;
    const char *experiments, *title, *out, *csv, *seeds_csv, *figures;
    bool seeds;
} args;

static bool write_page(const args *g, gk_error *err) {
    const gk_named_path named[] = {
        {"--out", g->out, GK_OUTPUT}, {"--csv", g->csv, GK_OUTPUT}, {"--seeds-csv", g->seeds_csv, GK_OUTPUT}};
    const gk_compare_options o = {.runs = g->runs.item,
                                  .n_runs = g->runs.n,
                                  .names = g->names.item,
                                  .n_names = g->names.n,
                                  .experiments = g->experiments,
                                  .title = g->title,
                                  .out = g->out,
                                  .csv = g->csv,
                                  .seeds_csv = g->seeds_csv,
                                  .replicates = g->seeds,
                                  .figures = g->figures};
    return gk_check_outputs(named, sizeof named / sizeof *named, err) && gk_compare_write(&o, err);
}

int cmd_compare(int argc, char **argv) {
    gk_arena *a = gk_arena_new();
    args g = {.experiments = gk_path_join(a, gk_home(), gk_shipped_folder(GK_SHIPPED_EXPERIMENTS))};
    const gk_opt opts[] = {
        {"run", GK_OPT_LIST, &g.runs, "DIR", "a run's folder; may be repeated", true},
        {"experiment", GK_OPT_LIST, &g.names, "NAME",
         "an experiment to show, in this order; may be repeated; without any, the runs' own sweeps alone",
         false},
        {"experiments", GK_OPT_STR, &g.experiments, "DIR", "the folder that describes them", false},
        {"title", GK_OPT_STR, &g.title, "TEXT", "title of the page", false},
        {"out", GK_OPT_STR, &g.out, "FILE", "HTML file to write", true},
        {"csv", GK_OPT_STR, &g.csv, "FILE", "every cell of every run, as CSV", false},
        {"seeds-csv", GK_OPT_STR, &g.seeds_csv, "FILE",
         "mean, SD and intervals over runs that differ in their seed, as CSV", false},
        {"seeds", GK_OPT_FLAG, &g.seeds, NULL,
         "all runs are replicates; without, those that are seen to differ in their seed only", false},
        {"figures", GK_OPT_STR, &g.figures, "DIR", "a folder for every figure of the page as SVG and PDF",
         false},
    };
    gk_error err;
    int code = gk_args("compare", "Writes one page about the experiments of several runs, one colour a run.",
                       opts, sizeof opts / sizeof *opts, argc, argv, a);
    if (code < 0) {
        code = write_page(&g, &err) ? 0 : gk_die("compare", &err);
        if (code == 0) printf("%s\n", g.out);
    }
    gk_arena_free(a);
    return code;
}
