/* update.c: the vectors of a run and its update, in the ways that the recipe's `memory` and `bf16` name. */
#include "train/internal.h"

#include <math.h>
#include <string.h>

static bool no_memory(const char *what, gk_error *err) {
    return gk_fail(err, GK_NOWHERE, "memory: lean, a smaller model or a larger machine",
                   "no memory for the %s", what);
}

/* A copy's room for each of the vectors that make up the result. */
static bool make_best(gk_train__update *u, gk_error *err) {
    gk_typed_array list[GK_TRAIN__MOST_ARRAYS];
    size_t n = gk_train__update_weights(u, list);
    for (size_t i = 0; i < n; i++)
        if (!(u->best[i] = gk_try_alloc(gk_typed_bytes(&list[i])))) return no_memory("best weights", err);
    return true;
}

static bool make_lean(gk_train__update *u, const gk_recipe *r, const uint32_t *frozen, uint64_t seed,
                      gk_error *err) {
    if (!gk_model_lean(u->model, err)) return false;
    u->lean = gk_lean_new(u->model, &r->adam, frozen, r->clip, seed, err);
    return u->lean != NULL;
}

static bool make_full(gk_train__update *u, const gk_recipe *r, const gk_train__trained *t, gk_error *err) {
    if (r->bf16 && !gk_model_narrow(u->model, err)) return false;
    u->data = t->data;
    u->adam = gk_adamw_new(t->params, t->n_params, t->floats, &r->adam, u->frozen, err);
    if (!u->adam) return false;
    if (!t->adapter) gk_adamw_narrow(u->adam, gk_model_narrowed(u->model));
    u->grad = gk_try_alloc(gk_adamw_floats(u->adam) * sizeof *u->grad);
    return u->grad != NULL || no_memory("gradient", err);
}

bool gk_train__update_make(gk_train__update *u, const gk_train_job *job, const gk_train__trained *t,
                           const uint32_t *frozen, gk_error *err) {
    const gk_recipe *r = job->recipe;
    *u = (gk_train__update){
        .model = job->model, .trained = t, .frozen = t->adapter ? NULL : frozen, .clip = r->clip};
    bool ok =
        r->memory == GK_MEMORY_LEAN ? make_lean(u, r, u->frozen, job->seed, err) : make_full(u, r, t, err);
    return ok && (!r->keep_best || make_best(u, err));
}

void gk_train__update_free(gk_train__update *u) {
    gk_adamw_free(u->adam);
    gk_lean_free(u->lean);
    gk_free(u->grad);
    for (size_t i = 0; i < GK_TRAIN__MOST_ARRAYS; i++) gk_free(u->best[i]);
}

/* ---------------------------------------------------------------- what makes up the result, and a checkpoint
 */

size_t gk_train__update_weights(gk_train__update *u, gk_typed_array list[GK_TRAIN__MOST_ARRAYS]) {
    if (!u->lean) {
        list[0] = (gk_typed_array){"weights", "F32", u->data, u->trained->floats};
        return 1;
    }
    size_t n;
    float *vectors = gk_model_vectors(u->model, &n);
    list[0] = (gk_typed_array){"vectors", "F32", vectors, n};
    list[1] = (gk_typed_array){"weights", "BF16", gk_model_narrowed(u->model), gk_model_floats(u->model)};
    return 2;
}

size_t gk_train__update_arrays(gk_train__update *u, gk_typed_array list[GK_TRAIN__MOST_ARRAYS]) {
    static const char *const BEST[] = {"best_weights", "best_vectors"};
    size_t n = 0, made = gk_train__update_weights(u, list);
    gk_typed_array all[GK_TRAIN__MOST_ARRAYS];
    for (size_t i = 0; i < made; i++) {
        all[n++] = list[i];
        if (u->best[i])
            all[n++] = (gk_typed_array){BEST[strcmp(list[i].name, "vectors") == 0], list[i].type, u->best[i],
                                        list[i].count};
    }
    if (u->lean) {
        gk_lean_state s = gk_lean_arrays(u->lean);
        all[n++] = (gk_typed_array){"first_scale", "F32", s.scale, s.n_blocks};
        all[n++] = (gk_typed_array){"second_moment", "BF16", s.v, s.n};
        all[n++] = (gk_typed_array){"first_moment", "I8", s.m, s.n};
    } else {
        size_t floats = gk_adamw_floats(u->adam);
        all[n++] = (gk_typed_array){"first_moment", "F32", gk_adamw_m(u->adam), floats};
        all[n++] = (gk_typed_array){"second_moment", "F32", gk_adamw_v(u->adam), floats};
    }
    /* Wider types first: all are then aligned in the file. */
    static const char *const TYPES[] = {"F32", "BF16", "I8"};
    size_t at = 0;
    for (size_t t = 0; t < sizeof TYPES / sizeof *TYPES; t++)
        for (size_t i = 0; i < n; i++)
            if (strcmp(all[i].type, TYPES[t]) == 0) list[at++] = all[i];
    return n;
}

bool gk_train__update_loaded(gk_train__update *u, gk_error *err) {
    return u->lean || !gk_model_narrowed(u->model) || gk_model_narrow(u->model, err);
}

void gk_train__update_keep_best(gk_train__update *u) {
    gk_typed_array list[GK_TRAIN__MOST_ARRAYS];
    size_t n = gk_train__update_weights(u, list);
    for (size_t i = 0; i < n; i++)
        if (u->best[i]) memcpy(u->best[i], list[i].data, gk_typed_bytes(&list[i]));
}

void gk_train__update_take_best(gk_train__update *u) {
    gk_typed_array list[GK_TRAIN__MOST_ARRAYS];
    size_t n = gk_train__update_weights(u, list);
    for (size_t i = 0; i < n; i++)
        if (u->best[i]) memcpy(list[i].data, u->best[i], gk_typed_bytes(&list[i]));
}

/* ---------------------------------------------------------------- steps */

gk_backprop gk_train__update_begin(gk_train__update *u, int64_t t, double lr) {
    return u->lean ? gk_lean_begin(u->lean, t, lr) : (gk_backprop){.grad = u->grad};
}

double gk_train__update_norm(const gk_train__update *u) {
    return u->lean ? gk_lean_norm(u->lean) : gk_adamw_norm(u->adam, u->grad);
}

void gk_train__update_end(gk_train__update *u, int64_t t, double lr, double norm) {
    if (!u->lean) gk_adamw_step(u->adam, u->data, u->grad, t, lr, gk_clip_factor(norm, u->clip));
}
