/* cmd_import_patch.c: `graftkit import-patch`: patch configurations of the paper's public code as schemes. */
#include "graftkit/core/file.h"
#include "graftkit/graft/import_patch.h"
#include "tools/tools.h"

#include <stdio.h>
#include <string.h>

typedef struct args {
    gk_import_options o;
    const char *experiment, *out, *templates;
    gk_strings patches;
    int64_t layers;
} args;

static bool check(const args *g, gk_arena *a, gk_error *err) {
    enum { MOST_LAYERS = 100000 };
    if (g->patches.n == 0)
        return gk_fail(err, GK_NOWHERE, "graftkit import-patch FILE.yaml …",
                       "no patch configuration is named");
    if (g->layers > MOST_LAYERS)
        return gk_fail(err, GK_AT_FIELD(NULL, "--layers"), "give the number of layers of the models",
                       "is above %d", MOST_LAYERS);
    gk_named_path *named = gk_arena_alloc(a, (3 + g->patches.n) * sizeof *named);
    size_t n = 0;
    named[n++] = (gk_named_path){"--out", g->out, GK_OUTPUT};
    named[n++] = (gk_named_path){"--templates", g->templates, GK_OUTPUT};
    named[n++] = (gk_named_path){"--experiment", g->experiment, GK_INPUT};
    for (size_t i = 0; i < g->patches.n; i++)
        named[n++] = (gk_named_path){"--patch", g->patches.item[i], GK_INPUT};
    return gk_check_outputs(named, n, err) && (!g->out || gk_out_check(g->out, err)) &&
           (!g->templates || gk_out_check(g->templates, err));
}

static bool import(args *g, gk_arena *a, gk_error *err) {
    gk_import made;
    g->o.n_layers = (int)g->layers;
    if (!check(g, a, err) ||
        !gk_import_patches(a, g->patches.item, g->patches.n, g->experiment, &g->o, &made, err))
        return false;
    if (g->templates && !made.templates)
        return gk_fail(err, GK_AT_FIELD(NULL, "--templates"), "give an experiment that has test_templates",
                       "no file has templates");
    if (g->templates && !gk_write_file(g->templates, made.templates, strlen(made.templates), err))
        return false;
    if (g->out) return gk_write_file(g->out, made.schemes, strlen(made.schemes), err);
    fputs(made.schemes, stdout);
    return true;
}

/* Words that are no option and no option's value are files: all options take a value. */
static char **name_files(gk_arena *a, int argc, char **argv, int *n) {
    char **to = gk_arena_alloc(a, (2 * (size_t)argc + 1) * sizeof *to);
    *n = 0;
    for (int i = 0; i < argc; i++) {
        bool option = argv[i][0] == '-' && argv[i][1], help = strncmp(argv[i], "--help", 6) == 0;
        if (i > 0 && !option) to[(*n)++] = gk_arena_strdup(a, "--patch");
        to[(*n)++] = argv[i];
        if (option && !help && !strchr(argv[i], '=') && i + 1 < argc) to[(*n)++] = argv[++i];
    }
    return to;
}

int cmd_import_patch(int argc, char **argv) {
    args g = {.o = {.set = "public", .entity = GK_ENTITY_FIELD}};
    const gk_opt opts[] = {
        {"patch", GK_OPT_LIST, &g.patches, "FILE",
         "a patch configuration, or an experiment that holds one; may be repeated; the option's name may be "
         "left out",
         false},
        {"experiment", GK_OPT_STR, &g.experiment, "FILE",
         "an experiment without a patch_config, which the configurations are run by", false},
        {"out", GK_OPT_STR, &g.out, "FILE", "the file of schemes; without it they are printed", false},
        {"templates", GK_OPT_STR, &g.templates, "FILE",
         "write the experiments' test templates there, for sweep --templates", false},
        {"set", GK_OPT_STR, &g.o.set, "NAME", "the set that the schemes become", false},
        {"entity", GK_OPT_STR, &g.o.entity, "FIELD", "the field that becomes `entity`", false},
        {"family", GK_OPT_STR, &g.o.family, "NAME",
         "llama, gemma, gpt2 or gpt_neox, where it matters and no experiment says it", false},
        {"direction", GK_OPT_STR, &g.o.direction, "WORD",
         "sft2pre, pre2sft, both2one or hybrid, where no experiment says it [sft2pre]", false},
        {"lm-head", GK_OPT_STR, &g.o.lm_head, "WORD",
         "never, always or last_token, where no experiment says it [never]", false},
        {"layers", GK_OPT_INT, &g.layers, "N",
         "how many the models have: for a hybrid of groups of layers; 0: not known", false},
    };
    gk_arena *a = gk_arena_new();
    int n;
    char **words = name_files(a, argc, argv, &n);
    gk_error err;
    int code = gk_args("import-patch",
                       "Turns patch configurations of the paper's public code into a file of schemes.", opts,
                       sizeof opts / sizeof *opts, n, words, a);
    if (code < 0) code = import(&g, a, &err) ? 0 : gk_die("import-patch", &err);
    gk_arena_free(a);
    return code;
}
