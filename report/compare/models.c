/* models.c: whether the stores of one run are of the same models, or some of models that were
 * replaced since. */
#include "graftkit/core/file.h"
#include "report/compare/compare.h"

#include <string.h>

/* Which of the run's models it is: what the experiment's file says, or the folder of the run; NULL: unknown.
 */
static const char *kind_of(gk_arena *a, const char *run, const gk_compare__compared *c, const json_t *model) {
    const char *name = gk_manifest__text(model, "name"), *path = gk_manifest__text(model, "path");
    for (size_t i = 0; i < c->about->n_models; i++)
        if (strcmp(c->about->model[i], name) == 0) return c->about->kind[i];
    const char *slash = strrchr(path, '/'), *folder = slash ? slash + 1 : path;
    const char *train = gk_path_join(a, gk_path_join(a, run, folder), "train.json");
    return *folder && gk_exists(train) ? folder : NULL;
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Both names mean one model of the run: of other facts only the base is the same. */
static bool is_one(gk_arena *a, const char *run, const gk_compare__compared *c, const json_t *in_c,
                   const gk_compare__compared *d, const json_t *in_d) {
    const char *x = kind_of(a, run, c, in_c), *y = kind_of(a, run, d, in_d);
    if (x && y && strcmp(x, y) != 0) return false;
    return same_text(c->about->dataset, d->about->dataset) || same_text(x ? x : y, "base");
}

static const char *sweep_name(gk_arena *a, const gk_compare__compared *c) {
    return c->name ? gk_arena_printf(a, "the experiment '%s'", c->name) : "the run's own sweep";
}

static bool agree(gk_arena *a, const char *run, const gk_compare__compared *c, const gk_compare__compared *d,
                  gk_error *err) {
    size_t i;
    json_t *m;
    json_array_foreach(json_object_get(c->manifest, "models"), i, m) {
        const char *name = gk_manifest__text(m, "name"), *hash = gk_manifest__text(m, "sha256");
        const json_t *other = gk_manifest__item(d->manifest, "models", name);
        const char *others = gk_manifest__text(other, "sha256");
        if (!*hash || !*others || strcmp(hash, others) == 0 || !is_one(a, run, c, m, d, other)) continue;
        const char *hint = gk_arena_printf(a,
                                           "it was replaced in between: make the older of them anew, with "
                                           "make experiment NAME=%s RUN=%s REPLACE=1%s",
                                           c->name ? c->name : d->name, run,
                                           c->name && d->name ? "" : " or make report REPLACE=1");
        return gk_fail(err, GK_AT_FILE(run), hint, "%s and %s are of different models '%.80s'",
                       sweep_name(a, c), sweep_name(a, d), name);
    }
    return true;
}

bool gk_compare__same_models(gk_arena *a, const char *run, const gk_compare__compared *of, size_t n,
                             gk_error *err) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (of[i].manifest && of[k].manifest && !agree(a, run, &of[i], &of[k], err)) return false;
    return true;
}
