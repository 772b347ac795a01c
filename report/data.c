/* data.c: what a report is made of: read from the store, and looked up. */
#include "eval/store/write.h"
#include "report/data.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- looking up */

const gk_cell *gk_report__cell(const gk_report__state *r, const char *scheme, const char *template_name) {
    for (size_t i = 0; i < r->cells.n; i++) {
        const gk_cell *c = &r->cells.item[i];
        if (strcmp(c->scheme, scheme) == 0 && strcmp(c->template_name, template_name) == 0) return c;
    }
    return NULL;
}

static const char *scheme_text(const gk_report__state *r, const char *scheme, const char *key) {
    return gk_manifest__text(gk_manifest__item(r->manifest, "schemes", scheme), key);
}

const char *gk_report__about(const gk_report__state *r, const char *scheme) {
    return scheme_text(r, scheme, "about");
}

const char *gk_report__canonical(const gk_report__state *r, const char *scheme) {
    return scheme_text(r, scheme, "canonical");
}

bool gk_report__partial(const gk_report__state *r, const char *scheme) {
    for (size_t i = 0; i < r->cells.n; i++)
        if (strcmp(r->cells.item[i].scheme, scheme) == 0 && !r->cells.item[i].applies) return true;
    return false;
}

double gk_report__top5(const gk_report__state *r, const char *scheme) {
    const gk_cell *c = scheme ? gk_report__cell(r, scheme, "pooled") : NULL;
    return c && c->applies && c->stats.n ? c->stats.value[GK_METRIC_top5] : (double)NAN;
}

size_t gk_report__rows(const gk_report__state *r, const char *scheme) {
    const gk_cell *c = gk_report__cell(r, scheme, "pooled");
    return c ? c->stats.rows : 0;
}

const char *gk_report__percent(const gk_report__state *r, double x) {
    return gk_arena_printf(r->a, "%.1f%%", 100 * x);
}

const char *gk_report__template(const gk_report__state *r, const char *template_name) {
    if (strcmp(template_name, "pooled") == 0) return "All templates pooled";
    if (strcmp(template_name, "full") == 0) return "Templates with every field, pooled";
    if (strcmp(template_name, "lacking") == 0) return "Templates that lack a field, pooled";
    return gk_arena_printf(r->a, "Template %s", template_name);
}

const char *gk_report__run(const gk_report__state *r, const char *key) {
    const char *v = json_string_value(json_object_get(r->manifest, key));
    return v && strcmp(v, "none") != 0 ? v : NULL;
}

/* ---------------------------------------------------------------- reading the store */

static void add_to_set(gk_report__state *r, const gk_cell *c) {
    gk_report__set *set = NULL;
    for (size_t i = 0; i < r->n_sets && !set; i++)
        if (strcmp(r->set[i].name, c->set) == 0) set = &r->set[i];
    if (!set) {
        set = &r->set[r->n_sets++];
        set->name = c->set;
        const json_t *said = gk_manifest__item(r->manifest, "sets", c->set);
        set->title = gk_manifest__text(said, "title");
        set->about = gk_manifest__text(said, "about");
        set->scheme = gk_arena_alloc(r->a, r->cells.n * sizeof *set->scheme);
    }
    if (set->n == 0 || strcmp(set->scheme[set->n - 1], c->scheme) != 0) set->scheme[set->n++] = c->scheme;
}

bool gk_report__gather(gk_report__state *r) {
    r->manifest = gk_store_manifest(r->s, r->err);
    if (!r->manifest || !gk_store_cells(r->s, r->a, &r->cells, r->err) ||
        !gk_outcomes_read(r->s, r->a, &r->outcomes, r->err) || !gk_store_seed(r->s, &r->seed, r->err))
        return false;
    if (r->cells.n == 0)
        return gk_fail(r->err, GK_AT_FILE(r->o->db), "run a sweep into it first",
                       "the results store has no schemes");
    r->n_templates = json_array_size(json_object_get(r->manifest, "templates"));
    r->whole = json_integer_value(json_object_get(r->manifest, "whole_target")) > 0;
    r->generated = json_integer_value(json_object_get(r->manifest, "generate")) > 0;
    r->set = gk_arena_alloc(r->a, r->cells.n * sizeof *r->set);
    for (size_t i = 0; i < r->cells.n; i++) {
        add_to_set(r, &r->cells.item[i]);
        r->placebo |= r->cells.item[i].placebo.n > 0;
        r->permuted |= r->cells.item[i].permuted.n > 0;
    }
    gk_roles_of(&r->outcomes, r->a, &r->roles);
    return true;
}
