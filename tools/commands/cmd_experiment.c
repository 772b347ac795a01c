/* cmd_experiment.c: `graftkit experiment`: checks an experiment and says what it needs, in lines that
 * tools/pipeline/experiments.sh reads. */
#include "eval/run/experiment.h"
#include "graftkit/core/file.h"
#include "graftkit/core/template.h"
#include "graftkit/eval/prompts.h"
#include "graftkit/graft/cast.h"
#include "graftkit/model/config.h"
#include "graftkit/train/recipe.h"
#include "tools/tools.h"

#include <string.h>

typedef struct args {
    const char *file, *templates, *entity;
    gk_strings kinds, recipes, schemes, cast;
} args;

/* "relation.lower2" is a relation model with a freeze of its own. */
static bool is_of(const char *kind, const char *model) {
    size_t n = strlen(kind);
    return strncmp(model, kind, n) == 0 && (!model[n] || model[n] == '.');
}

static bool check_kinds(const args *g, const gk_experiment *e, gk_error *err) {
    for (size_t m = 0; g->kinds.n && m < e->n_models; m++) {
        size_t k = 0;
        while (k < g->kinds.n && !is_of(g->kinds.item[k], e->kind[m])) k++;
        if (k < g->kinds.n) continue;
        gk_buf known = {0};
        for (k = 0; k < g->kinds.n; k++) gk_buf_printf(&known, " %s", g->kinds.item[k]);
        gk_fail(err, GK_AT_FIELD(g->file, "models"), NULL, "'%s' is no model of a run; there are:%s",
                e->kind[m], known.data);
        gk_buf_free(&known);
        return false;
    }
    return true;
}

/* Schemes that are no experiment's: those that --cast names as NAME=KIND are the models. */
static bool check_schemes(const args *g, gk_arena *a, gk_error *err) {
    const size_t n = g->cast.n;
    gk_experiment e = {.model = gk_arena_alloc(a, (n + 1) * sizeof *e.model),
                       .kind = gk_arena_alloc(a, (n + 1) * sizeof *e.kind),
                       .n_models = n};
    if (n == 0 || n > GK_MAX_MODELS)
        return gk_fail(err, GK_AT_FIELD(NULL, "--cast"), "write NAME=KIND, the recipient first", "%zu models",
                       n);
    for (size_t i = 0; i < n; i++) {
        const char *eq = strchr(g->cast.item[i], '=');
        if (!eq)
            return gk_fail(err, GK_AT_FIELD(NULL, "--cast"), "write NAME=KIND", "'%.80s'", g->cast.item[i]);
        e.model[i] = gk_arena_strndup(a, g->cast.item[i], (size_t)(eq - g->cast.item[i]));
        e.kind[i] = eq + 1;
    }
    return check_kinds(g, &e, err) &&
           gk_experiment_check(&e, g->schemes.item, g->schemes.n, g->templates, g->entity, err);
}

/* Where templates name no film, or no preposition before it, NAME_untitled stands in for NAME if it comes
 * along. */
static const char *find_scheme(gk_arena *a, const char *name, bool titled, gk_error *err) {
    const char *untitled = gk_arena_printf(a, "%s_untitled", name);
    if (!titled && !strpbrk(name, "/.") &&
        gk_exists(gk_shipped_path(a, gk_home(), GK_SHIPPED_SCHEMES, untitled)))
        name = untitled;
    return gk_find(a, GK_SHIPPED_SCHEMES, "schemes", name, err);
}

/* What comes along as the source tree has it. */
static const char *without_home(const char *path) {
    const char *home = gk_home();
    size_t n = strlen(home);
    return strncmp(path, home, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

static bool name_the_film(gk_arena *a, const char *templates, bool *titled, gk_error *err) {
    gk_template **t;
    size_t n;
    *titled = false;
    if (!gk_templates_load(a, templates, &t, &n, err)) return false;
    bool title = false, preposition = false;
    for (size_t i = 0; i < n; i++) {
        title |= gk_template_has(t[i], "movie_title");
        preposition |= gk_template_has(t[i], "preposition");
    }
    *titled = title && preposition;
    return true;
}

static bool show(args *g, gk_arena *a, gk_error *err) {
    gk_experiment e;
    bool titled;
    const char *lacks;
    gk_recipe r;
    if (!gk_find_all(a, GK_SHIPPED_SCHEMES, "--schemes", &g->schemes, err) ||
        !gk_find_all(a, GK_SHIPPED_RECIPES, "--recipe", &g->recipes, err))
        return false;
    for (size_t i = 0; i < g->recipes.n; i++)
        if (!gk_recipe_load(g->recipes.item[i], gk_family_at(0), &r, err)) return false;
    if (!g->file == (g->schemes.n == 0))
        return gk_fail(err, GK_AT_FIELD(NULL, "--file"), "give an experiment, or --schemes and --cast",
                       g->file ? "stands beside --schemes" : "is missing");
    if (!g->file) return check_schemes(g, a, err);
    g->file = gk_find(a, GK_SHIPPED_EXPERIMENTS, "--file", g->file, err);
    if (!g->file || !gk_experiment_load(a, g->file, &e, err) || !check_kinds(g, &e, err)) return false;
    const char *templates = g->templates;
    if (e.dataset)
        templates =
            gk_path_join(a, gk_shipped_path(a, gk_home(), GK_SHIPPED_TEMPLATES, e.dataset), "eval.jsonl");
    if (!name_the_film(a, templates, &titled, err) || !gk_experiment_lacks(a, &e, templates, &lacks, err))
        return false;
    const char **path = gk_arena_alloc(a, e.n_schemes * sizeof *path);
    for (size_t i = 0; i < e.n_schemes; i++)
        if (!(path[i] = find_scheme(a, e.schemes[i], titled, err))) return false;
    if (!lacks &&
        !gk_experiment_check(&e, path, e.n_schemes, templates, e.dataset ? GK_ENTITY_FIELD : g->entity, err))
        return false;
    if (lacks) printf("unfit\tno template has the field '%s'\n", lacks);
    printf("title\t%s\nabout\t%s\ndataset\t%s\n", e.title, e.about, e.dataset ? e.dataset : "");
    for (size_t i = 0; i < e.n_models; i++) printf("model\t%s=%s\n", e.model[i], e.kind[i]);
    for (size_t i = 0; i < e.n_models; i++)
        if (e.freeze[i]) printf("freeze\t%s=%s\n", e.model[i], e.freeze[i]);
    for (size_t i = 0; i < e.n_schemes; i++) printf("schemes\t%s\n", without_home(path[i]));
    return true;
}

int cmd_experiment(int argc, char **argv) {
    args g = {.entity = GK_ENTITY_FIELD};
    const gk_opt opts[] = {
        {"file", GK_OPT_STR, &g.file, "FILE", "the experiment (YAML), or the name of one that comes along",
         false},
        {"schemes", GK_OPT_LIST, &g.schemes, "FILE",
         "instead: schemes to check, files or names; may be repeated", false},
        {"cast", GK_OPT_LIST, &g.cast, "NAME=KIND",
         "with --schemes: a model that they may name; may be repeated", false},
        {"templates", GK_OPT_STR, &g.templates, "FILE", "the run's evaluation templates (JSONL)", true},
        {"entity", GK_OPT_STR, &g.entity, "FIELD", "the field that schemes call `entity`", false},
        {"kind", GK_OPT_LIST, &g.kinds, "NAME", "a model that a run can have: refuse others; may be repeated",
         false},
        {"recipe", GK_OPT_LIST, &g.recipes, "FILE",
         "a recipe to check too, a file or a name; may be repeated", false},
    };
    gk_arena *a = gk_arena_new();
    gk_error err;
    int code = gk_args(
        "experiment",
        "Checks an experiment and prints what it needs, its models as NAME=KIND and its scheme files; or "
        "checks schemes.",
        opts, sizeof opts / sizeof *opts, argc, argv, a);
    if (code < 0) code = show(&g, a, &err) ? 0 : gk_die("experiment", &err);
    gk_arena_free(a);
    return code;
}
