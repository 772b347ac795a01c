/* cmd_list.c: `graftkit list`: what comes along and what the tables of the program hold, in lines that shell
 * and make read: a name, and what is said of it behind a tab. */
#include "core/yaml.h"
#include "data/data.h"
#include "eval/run/experiment.h"
#include "graftkit/model/config.h"
#include "tools/pipeline.h"
#include "tools/training.h"

#include <stdlib.h>
#include <string.h>

typedef struct args {
    const char *kind, *name;
    bool path;
} args;

/* ---------------------------------------------------------------- tables of the program */

static void list_families(void) {
    for (size_t i = 0; gk_family_at(i); i++) printf("%s\n", gk_family_name(gk_family_at(i)));
}

static void list_datasets(void) {
    for (size_t i = 0; i < gk_dataset_kinds(); i++) {
        gk_dataset_kind d = gk_dataset_kind_at(i);
        printf("%s\tsource=%s\tbase=%s\tfields=%s\n", d.name, d.source ? "required" : "none",
               d.has_base ? "own" : "none", d.names_fields ? "named" : "fixed");
    }
}

static bool list_defaults(gk_arena *a, gk_error *err) {
    gk_pipeline p;
    if (!gk_pipeline_read(a, &p, err)) return false;
    for (size_t i = 0; i < p.n_variables; i++)
        if (*p.variable[i].standard) printf("%s\t%s\n", p.variable[i].name, p.variable[i].standard);
    return true;
}

static void list_folders(void) {
    for (gk_shipped k = 0; k < GK_N_SHIPPED; k++)
        if (k == 0 || strcmp(gk_shipped_folder(k), gk_shipped_folder(k - 1)) != 0)
            printf("%s\n", gk_shipped_folder(k));
}

/* ---------------------------------------------------------------- files */

typedef struct shipped {
    const char *name, *path;
    int64_t place;
    const char *about;
    bool asked_for; /* an experiment that is not in make paper unless it is named */
} shipped;

/* What a YAML file says of itself in one line: its `about`; "" where it has none. */
static bool read_about(gk_arena *a, shipped *f, gk_error *err) {
    gk_yaml *y = gk_yaml_load(f->path, err);
    if (!y) return false;
    const char *about = gk_yaml_text(gk_yaml_get(gk_yaml_root(y), "about"));
    char *line = gk_arena_strdup(a, about ? about : "");
    for (char *c = line; *c; c++)
        if (*c == '\n' || *c == '\t') *c = ' ';
    f->about = line;
    gk_yaml_free(y);
    return true;
}

static bool describe(gk_arena *a, gk_shipped kind, shipped *f, gk_error *err) {
    gk_experiment e;
    if (kind == GK_SHIPPED_SCHEMES || kind == GK_SHIPPED_PARTS || kind == GK_SHIPPED_RECIPES)
        return read_about(a, f, err);
    if (kind != GK_SHIPPED_EXPERIMENTS) return true;
    if (!gk_experiment_load(a, f->path, &e, err)) return false;
    f->place = e.place;
    f->about = e.title;
    f->asked_for = !e.in_paper;
    return true;
}

static int by_place(const void *x, const void *y) {
    const shipped *a = x, *b = y;
    if (a->place != b->place) return a->place < b->place ? -1 : 1;
    return strcmp(a->name, b->name);
}

static bool list_files(gk_arena *a, const args *g, gk_shipped kind, gk_error *err) {
    const char **names;
    size_t n;
    if (!gk_shipped_names(a, gk_home(), kind, &names, &n, err)) return false;
    shipped *f = gk_arena_alloc(a, n * sizeof *f);
    for (size_t i = 0; i < n; i++) {
        f[i] = (shipped){names[i], gk_shipped_path(a, gk_home(), kind, names[i]), 0, "", false};
        if (!describe(a, kind, &f[i], err)) return false;
    }
    qsort(f, n, sizeof *f, by_place);
    for (size_t i = 0; i < n; i++) {
        const char *beside = g->path ? f[i].path : f[i].about;
        printf("%s%s%s%s\n", f[i].name, *beside ? "\t" : "", beside, f[i].asked_for ? "\tby name only" : "");
    }
    return true;
}

/* The path alone, as a command would find it; of a recipe chosen by size, those of all that it may choose. */
static bool find_file(gk_arena *a, const args *g, gk_shipped kind, gk_error *err) {
    const bool chosen = kind == GK_SHIPPED_RECIPES && gk_training_choice(g->name, 0);
    for (size_t i = 0; chosen && gk_training_choice(g->name, i); i++)
        printf("%s\n", gk_shipped_path(a, gk_home(), kind, gk_training_choice(g->name, i)));
    if (chosen) return true;
    const char *more = kind == GK_SHIPPED_RECIPES ? GK_TRAINING_CHOICES : NULL;
    const char *path = gk_shipped_find(a, gk_home(), kind, g->name, NULL, more, err);
    if (path) printf("%s\n", path);
    return path != NULL;
}

/* ---------------------------------------------------------------- the command */

static const char *const TABLES[] = {"families", "datasets", "defaults", "home", "folders"};
enum { FAMILIES, DATASETS, DEFAULTS, HOME, FOLDERS, N_TABLES };

static bool unknown(gk_arena *a, const char *kind, gk_error *err) {
    const char *known[N_TABLES + GK_N_SHIPPED];
    gk_buf all = {0};
    size_t n = 0;
    for (; n < N_TABLES; n++) known[n] = TABLES[n];
    for (gk_shipped k = 0; k < GK_N_SHIPPED; k++)
        if (gk_shipped_word(k)) known[n++] = gk_shipped_word(k);
    gk_buf_puts(&all, "write graftkit list with one of");
    for (size_t i = 0; i < n; i++) gk_buf_printf(&all, "%s %s", i ? "," : "", known[i]);
    const char *near = kind ? gk_nearest(kind, known, n) : NULL;
    gk_fail(err, GK_NOWHERE, near ? gk_arena_printf(a, "did you mean %s?", near) : all.data, "%s",
            kind ? gk_arena_printf(a, "there is no list '%.40s'", kind) : "it does not say which list");
    gk_buf_free(&all);
    return false;
}

static bool list(gk_arena *a, const args *g, gk_error *err) {
    for (gk_shipped k = 0; g->kind && k < GK_N_SHIPPED; k++)
        if (gk_shipped_word(k) && strcmp(g->kind, gk_shipped_word(k)) == 0)
            return g->name ? find_file(a, g, k, err) : list_files(a, g, k, err);
    size_t t = 0;
    while (g->kind && t < N_TABLES && strcmp(g->kind, TABLES[t]) != 0) t++;
    if (!g->kind || t == N_TABLES) return unknown(a, g->kind, err);
    if (g->path || g->name)
        return gk_fail(err, GK_AT_FIELD(NULL, g->path ? "--path" : "--name"), "leave it out",
                       "%s: no list of files", TABLES[t]);
    if (t == FAMILIES) list_families();
    if (t == DATASETS) list_datasets();
    if (t == HOME) printf("%s\n", gk_home());
    if (t == FOLDERS) list_folders();
    return t != DEFAULTS || list_defaults(a, err);
}

int cmd_list(int argc, char **argv) {
    args g = {0};
    const gk_opt opts[] = {
        {"path", GK_OPT_FLAG, &g.path, NULL, "of files: where each is, instead of what it says of itself",
         false},
        {"name", GK_OPT_STR, &g.name, "WORD",
         "of files: only the path of the one that commands mean by WORD, a name or a path", false},
    };
    if (argc > 1 && argv[1][0] != '-') { /* graftkit list KIND */
        g.kind = argv[1];
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    gk_arena *a = gk_arena_new();
    gk_error err;
    int code =
        gk_args("list",
                "Prints families, datasets, schemes, parts, recipes, experiments, defaults …: graftkit list "
                "KIND.",
                opts, sizeof opts / sizeof *opts, argc, argv, a);
    if (code < 0) code = list(a, &g, &err) ? 0 : gk_die("list", &err);
    if (code == 0 && fflush(stdout) != 0) code = 1;
    gk_arena_free(a);
    return code;
}
