/* cast.c: the models that a run casts for its schemes, by their names. */
#include "graft/internal.h"

#include <string.h>

bool gk_cast_check(const gk_cast *cast, gk_error *err) {
    if (cast->n < 1 || cast->n > GK_MAX_MODELS)
        return gk_fail(err, GK_NOWHERE, NULL, "a cast has 1 to %d models, not %d", GK_MAX_MODELS, cast->n);
    for (int i = 0; i < cast->n; i++) {
        if (!cast->name[i] || !cast->model[i])
            return gk_fail(err, GK_NOWHERE, NULL, "model %d of the cast has no %s", i,
                           cast->name[i] ? "weights" : "name");
        if (!gk_graft__name_ok(cast->name[i]) || strcmp(cast->name[i], "recipient") == 0)
            return gk_fail(err, GK_NOWHERE, "a name has no blanks, quotes, brackets or any of | , ; : =",
                           "a model cannot be named '%.80s'", cast->name[i]);
        for (int j = 0; j < i; j++)
            if (strcmp(cast->name[i], cast->name[j]) == 0)
                return gk_fail(err, GK_NOWHERE, "give every model its own name",
                               "models %d and %d of the cast are both named '%.80s'", j, i, cast->name[i]);
        if (gk_model_stored(cast->model[i]))
            return gk_fail(err, GK_NOWHERE, "open it with gk_model_open",
                           "model '%.80s' of the cast is in blocks, as it is stored", cast->name[i]);
        gk_config_diff d;
        if (gk_config_difference(gk_model_config(cast->model[0]), gk_model_config(cast->model[i]), &d))
            return gk_fail(err, GK_NOWHERE, "only models of one architecture and shape can be grafted",
                           "models '%.80s' and '%.80s' differ in %s: %s and %s", cast->name[0], cast->name[i],
                           d.field, d.a, d.b);
    }
    return true;
}

int gk_graft__model_find(const gk_cast *cast, const gk_graft__model_name *m, gk_error *err) {
    for (int i = 0; i < cast->n; i++)
        if (strcmp(cast->name[i], m->name) == 0) return i;
    gk_fail(err, m->place, NULL, "unknown model '%.80s'", m->name);
    return -1;
}

bool gk_graft__model_name_parse(const gk_graft__yaml_source *src, gk_ynode n, gk_graft__model_name *out,
                                gk_error *err) {
    const char *text;
    if (!gk_graft__yaml_text(src, n, &text, err)) return false;
    out->name = text;
    out->place = gk_graft__yaml_place(n, src->file);
    if (gk_graft__name_ok(text)) return true;
    return gk_fail(err, out->place, "a name has no blanks, quotes, brackets or any of | , ; : =",
                   "'%.80s' cannot be the name of a model", text);
}
