/* search_state.c: what a search has found so far, in OUT/state.json, and what it was searching in. */
#include "core/json.h"
#include "eval/run/search.h"

#include <math.h>
#include <string.h>

enum { VERSION = 1 };

static const char *state_path(const gk_search *s) {
    return gk_path_join(s->a, s->o.out, "state.json");
}

/* ---------------------------------------------------------------- whose state it is */

static void put_list(json_t *obj, const char *key, const char *const *list, size_t n) {
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(all, json_string(list[i]));
    json_object_set_new(obj, key, all);
}

static void put_options(const gk_search *s, json_t *id) {
    static const char *const objectives[] = {"logprob", "prob", "accuracy"};
    const gk_search_options *o = &s->o;
    put_list(id, "positions", o->positions, o->n_positions);
    put_list(id, "components", o->components, o->n_components);
    json_object_set_new(id, "layer_blocks", json_integer((json_int_t)s->cells.n_blocks));
    json_object_set_new(id, "goal", json_real(o->goal));
    json_object_set_new(id, "top", json_integer(o->top));
    json_object_set_new(id, "held_out", json_real(o->held_out));
    json_object_set_new(id, "beam", json_integer(o->beam));
    json_object_set_new(id, "most_cells", json_integer(o->most_cells));
    json_object_set_new(id, "objective", json_string(objectives[o->objective]));
    json_object_set_new(id, "seed", json_integer((json_int_t)o->seed));
    json_object_set_new(id, "limit", json_integer((json_int_t)(o->prompts.limit > 0 ? o->prompts.limit : 0)));
    json_object_set_new(id, "bf16", json_boolean(o->bf16));
    json_object_set_new(id, "drop_bad_rows", json_boolean(o->prompts.drop_bad_rows));
    gk_run__put_text(id, "target", "%s", o->prompts.target);
    gk_run__put_text(id, "entity", "%s", o->prompts.entity ? o->prompts.entity : "none");
    json_object_set_new(id, "keep_shared_first", json_boolean(o->prompts.keep_shared_first));
}

bool gk_search__identify(gk_search *s, gk_error *err) {
    json_t *id = s->identity;
    gk_run__put_text(id, "version", "%s", GK_VERSION);
    for (int i = 0; i < s->in.cast.n; i++) {
        const char *role = i ? "donor" : "recipient";
        gk_run__put_text(id, role, "%s", s->in.cast.name[i]);
        gk_run__put_text(id, gk_arena_printf(s->a, "%s_sha256", role), "%s", s->in.info[i].sha256);
        gk_run__put_text(id, gk_arena_printf(s->a, "%s_config_sha256", role), "%s",
                         s->in.info[i].config_sha256);
    }
    gk_run__inputs_identify(&s->in, id);
    const gk_prompt_options *p = &s->o.prompts;
    if (!gk_run__put_hash(id, "rows_sha256", p->rows, err) ||
        !gk_run__put_hash(id, "templates_sha256", p->templates, err) ||
        !gk_run__put_hash(id, "fillers_sha256", p->fillers, err))
        return false;
    put_options(s, id);
    return true;
}

/* The first member that differs; NULL when none does. */
/* A search that was made earlier does not say `bf16`: it was in fp32. */
static const char *difference(const json_t *mine, const json_t *theirs) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)mine, key, v) {
        const json_t *other = json_object_get(theirs, key);
        bool unsaid = !other && strcmp(key, "bf16") == 0 && json_is_false(v);
        if (!unsaid && !json_equal(v, other)) return key;
    }
    return NULL;
}

/* ---------------------------------------------------------------- writing */

/* -inf (logits that are not finite) is null. */
static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *node_json(const gk_search *s, const gk_search__candidate *n) {
    json_t *cells = json_array(), *obj = json_object();
    for (size_t i = 0; i < s->cells.n; i++)
        if (n->in[i]) json_array_append_new(cells, json_integer((json_int_t)i));
    json_object_set_new(obj, "cells", cells);
    json_object_set_new(obj, "changed", json_integer((json_int_t)n->changed));
    json_object_set_new(obj, "objective", number(n->objective));
    json_object_set_new(obj, "accuracy", number(n->accuracy));
    return obj;
}

static json_t *step_json(const gk_search *s, const gk_search__step *step) {
    json_t *beam = json_array(), *obj = json_object();
    for (size_t i = 0; i < step->n; i++) json_array_append_new(beam, node_json(s, &step->beam[i]));
    json_object_set_new(obj, "drop", json_boolean(step->drop));
    json_object_set_new(obj, "beam", beam);
    return obj;
}

bool gk_search__save(const gk_search *s, gk_error *err) {
    json_t *obj = json_object(), *ends = json_array(), *steps = json_array();
    for (int k = 0; k < GK_SEARCH__PARTS; k++) {
        json_array_append_new(ends, number(s->pre[k]));
        json_array_append_new(ends, number(s->full[k]));
    }
    for (size_t i = 0; i < s->n_steps; i++) json_array_append_new(steps, step_json(s, &s->step[i]));
    json_object_set_new(obj, "search_state", json_integer(VERSION));
    json_object_set(obj, "identity", s->identity);
    json_object_set_new(obj, "complete", json_boolean(s->complete));
    json_object_set_new(obj, "ends", ends);
    json_object_set_new(obj, "steps", steps);
    bool ok = gk_json_save(state_path(s), obj, err);
    json_decref(obj);
    return ok;
}

/* ---------------------------------------------------------------- reading */

gk_search__step *gk_search__add_step(gk_search *s, bool drop, size_t n) {
    if (s->n_steps == s->room) {
        size_t room = s->room ? 2 * s->room : 16;
        s->step = gk_grow(s->step, s->room * sizeof *s->step, room * sizeof *s->step);
        s->room = room;
    }
    gk_search__step *step = &s->step[s->n_steps++];
    *step = (gk_search__step){.drop = drop, .beam = gk_arena_alloc(s->a, n * sizeof *step->beam), .n = n};
    for (size_t i = 0; i < n; i++) step->beam[i].in = gk_arena_alloc(s->a, s->cells.n);
    return step;
}

static bool read_number(const json_t *v, double *out) {
    *out = json_is_null(v) ? -INFINITY : json_number_value(v);
    return json_is_null(v) || json_is_number(v);
}

static bool read_node(const gk_search *s, const json_t *obj, gk_search__candidate *n) {
    const json_t *cells = json_object_get(obj, "cells"), *changed = json_object_get(obj, "changed");
    json_int_t c = json_integer_value(changed);
    if (!json_is_array(cells) || json_array_size(cells) == 0 || !json_is_integer(changed) || c < 0 ||
        (size_t)c >= s->cells.n)
        return false;
    n->changed = (size_t)c;
    for (size_t i = 0; i < json_array_size(cells); i++) {
        const json_t *v = json_array_get(cells, i);
        c = json_integer_value(v);
        if (!json_is_integer(v) || c < 0 || (size_t)c >= s->cells.n) return false;
        n->in[c] = true;
    }
    return read_number(json_object_get(obj, "objective"), &n->objective) &&
           read_number(json_object_get(obj, "accuracy"), &n->accuracy);
}

static bool read_step(gk_search *s, const json_t *obj) {
    const json_t *beam = json_object_get(obj, "beam"), *drop = json_object_get(obj, "drop");
    size_t n = json_array_size(beam);
    if (n == 0 || n > (size_t)s->o.beam || !json_is_boolean(drop)) return false;
    gk_search__step *step = gk_search__add_step(s, json_is_true(drop), n);
    for (size_t i = 0; i < n; i++)
        if (!read_node(s, json_array_get(beam, i), &step->beam[i])) return false;
    return true;
}

static bool read_state(gk_search *s, const json_t *obj) {
    const json_t *ends = json_object_get(obj, "ends"), *steps = json_object_get(obj, "steps");
    const json_t *complete = json_object_get(obj, "complete");
    if (json_array_size(ends) != 2 * GK_SEARCH__PARTS || !json_is_array(steps) || !json_is_boolean(complete))
        return false;
    for (size_t k = 0; k < GK_SEARCH__PARTS; k++)
        if (!read_number(json_array_get(ends, 2 * k), &s->pre[k]) ||
            !read_number(json_array_get(ends, 2 * k + 1), &s->full[k]))
            return false;
    for (size_t i = 0; i < json_array_size(steps); i++)
        if (!read_step(s, json_array_get(steps, i))) return false;
    s->known = true;
    s->complete = json_is_true(complete) && s->n_steps > 0;
    return true;
}

static bool take(gk_search *s, const char *path, const json_t *obj, gk_error *err) {
    static const char hint[] = "name another folder, or begin anew with --restart";
    const json_t *version = json_object_get(obj, "search_state");
    if (!json_is_integer(version) || json_integer_value(version) != VERSION)
        return gk_fail(err, GK_AT_FILE(path), hint, "this is not the state of a search");
    const char *other = difference(s->identity, json_object_get(obj, "identity"));
    if (other)
        return gk_fail(err, GK_AT_FILE(path), hint,
                       "the folder holds a search with other inputs or options: '%s' differs", other);
    return read_state(s, obj) || gk_fail(err, GK_AT_FILE(path), hint, "the state is damaged");
}

/* Whether a search that came to its end has left its files there, though without its state. */
static bool has_ladder(const gk_search *s) {
    json_t *obj = gk_json_load(gk_path_join(s->a, s->o.out, "ladder.json"), NULL);
    bool is = json_object_get(obj, "run") && json_object_get(obj, "ladder");
    json_decref(obj);
    return is;
}

static bool nothing_else(const gk_search *s, gk_error *err) {
    static const char *const OURS[] = {"ladder.json", "ladder.csv", "scheme.yaml", "ladder.svg"};
    for (size_t i = 0; i < sizeof OURS / sizeof *OURS && !has_ladder(s); i++) {
        const char *path = gk_path_join(s->a, s->o.out, OURS[i]);
        if (gk_exists(path))
            return gk_fail(err, GK_AT_FILE(path), "name another folder, or write over it with --restart",
                           "the folder holds a file that no search known here made");
    }
    return true;
}

bool gk_search__load(gk_search *s, gk_error *err) {
    const char *path = state_path(s);
    if (s->o.restart) return true;
    if (!gk_exists(path)) return nothing_else(s, err);
    json_t *obj = gk_json_load(path, err);
    bool ok = obj && take(s, path, obj, err);
    json_decref(obj);
    return ok;
}
