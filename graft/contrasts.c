/* contrasts.c: whether what the files of a run plan to compare can be compared. */
#include "graft/internal.h"

#include <string.h>

static const gk_scheme *named(const gk_schemes *s, const char *name) {
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->item[i]->name, name) == 0) return s->item[i];
    return NULL;
}

/* Schemes by what they do: a second name is no second scheme. */
static bool is_same(const gk_scheme *x, const gk_scheme *y) {
    return strcmp(x->canonical, y->canonical) == 0;
}

static bool check_one(const gk_schemes *s, size_t i, const gk_scheme **pair, gk_error *err) {
    const gk_contrast *c = &s->contrast[i];
    const char *const name[] = {c->a, c->b};
    const gk_scheme **own = &pair[2 * i];
    for (int k = 0; k < 2; k++)
        if (!(own[k] = named(s, name[k])))
            return gk_fail(err, c->name_place[k],
                           "name one of this file, or give the file that has it to the same run",
                           "there is no scheme '%.80s'", name[k]);
    if (is_same(own[0], own[1]))
        return gk_fail(err, c->name_place[1], "name another scheme",
                       "'%.80s' does the same as '%.80s': it would be compared with itself", c->b, c->a);
    for (size_t k = 0; k < i; k++) {
        const gk_contrast *other = &s->contrast[k];
        const gk_scheme **its = &pair[2 * k];
        bool same = (is_same(own[0], its[0]) && is_same(own[1], its[1])) ||
                    (is_same(own[0], its[1]) && is_same(own[1], its[0]));
        if (same && ((c->top5 && other->top5) || (c->logit_diff && other->logit_diff)))
            return gk_fail(err, c->place, "plan it once",
                           "'%.80s' and '%.80s' are already compared at %.120s:%ld", c->a, c->b, other->file,
                           other->place.line);
    }
    return true;
}

bool gk_contrasts_check(const gk_schemes *s, gk_error *err) {
    gk_arena *a = gk_arena_new();
    const gk_scheme **pair = gk_arena_alloc(a, (2 * s->n_contrasts + 1) * sizeof(*pair));
    bool ok = true;
    for (size_t i = 0; ok && i < s->n_contrasts; i++) ok = check_one(s, i, pair, err);
    gk_arena_free(a);
    return ok;
}

bool gk_contrast_check(const gk_schemes *s, const gk_contrast *c, const gk_field_span *const *fields,
                       const size_t *n_fields, size_t n_templates, gk_error *err) {
    const gk_scheme *a = named(s, c->a), *b = named(s, c->b);
    for (size_t t = 0; t < n_templates; t++)
        if (gk_scheme_applies(a, fields[t], n_fields[t]) && gk_scheme_applies(b, fields[t], n_fields[t]))
            return true;
    return gk_fail(err, c->place, "compare schemes that apply to the same templates",
                   "no template has the fields of both '%.80s' and '%.80s'", c->a, c->b);
}
