#include "train/internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ARRAYS 4
#define START_OVER "--restart, or removing the file, starts over"

static size_t list_arrays(const gk__weights *w, gk_array arrays[MAX_ARRAYS]) {
    const char *const name[MAX_ARRAYS] = {"weights", "first_moment", "second_moment", "best_weights"};
    float *const data[MAX_ARRAYS] = {w->data, w->m, w->v, w->best};
    size_t n = w->best ? 4 : 3;
    for (size_t i = 0; i < n; i++)
        arrays[i] = (gk_array){.name = name[i], .data = data[i], .shape = {(int64_t)w->floats}, .n_dims = 1};
    return n;
}

static void put_text(json_t *meta, const char *key, json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT);
    json_object_set_new(meta, key, json_string(text));
    free(text);
}

bool gk__checkpoint_save(const char *path, const gk__weights *w, const json_t *inputs, const gk__state *s,
                         gk_error *err) {
    gk_array arrays[MAX_ARRAYS];
    size_t n = list_arrays(w, arrays);
    json_t *meta = json_object(), *state = gk__state_json(s);
    json_object_set_new(meta, "graftkit", json_string(GK_VERSION));
    put_text(meta, "inputs", (json_t *)(uintptr_t)inputs);
    put_text(meta, "state", state);
    json_object_set_new(meta, "threads", json_sprintf("%d", gk_threads()));
    bool ok = gk_safetensors_save(path, arrays, n, meta, err);
    json_decref(state);
    json_decref(meta);
    return ok;
}

/* A JSON object that a metadata string holds, as a new reference. */
static json_t *meta_object(const gk_safetensors *file, const char *path, const char *key, gk_error *err) {
    const json_t *meta = gk_safetensors_meta(file);
    const char *text;
    if (!meta) {
        gk_fail(err, GK_AT_FILE(path), START_OVER, "this is not a training checkpoint");
        return NULL;
    }
    if (!gk_json_str(meta, key, &text, GK_AT_FILE(path), err)) return NULL;
    return gk_json_parse(text, strlen(text), GK_AT_FIELD(path, key), err);
}

static bool arrays_fit(const gk_safetensors *file, const char *path, const gk_array *want, size_t n,
                       gk_error *err) {
    for (size_t i = 0; i < n; i++) {
        const gk_array *a = gk_safetensors_find(file, want[i].name);
        if (!a || a->n_dims != 1 || a->shape[0] != want[i].shape[0])
            return gk_fail(err, GK_AT_FIELD(path, want[i].name), START_OVER,
                           "the checkpoint has no such array of %lld floats", (long long)want[i].shape[0]);
    }
    return true;
}

/* The last bits of a sum depend on how many threads share it: half a run by two and half by four would be the
 * result of neither. */
static bool same_threads(const json_t *meta, const char *path, gk_error *err) {
    const char *there;
    char here[16], hint[128];
    if (!gk_json_str(meta, "threads", &there, GK_AT_FILE(path), err)) return false;
    snprintf(here, sizeof here, "%d", gk_threads());
    if (strcmp(there, here) == 0) return true;
    snprintf(hint, sizeof hint, "go on with --threads %.8s (make: THREADS=%.8s); --restart starts over",
             there, there);
    return gk_fail(err, GK_AT_FILE(path), hint, "the run was begun with %.8s threads, and now there are %s",
                   there, here);
}

static bool read_state(const gk_safetensors *file, const char *path, int64_t total_steps, gk__state *s,
                       gk_error *err) {
    json_t *state = meta_object(file, path, "state", err);
    bool ok = state && same_threads(gk_safetensors_meta(file), path, err) &&
              gk__state_parse(state, total_steps, s, GK_AT_FIELD(path, "state"), err);
    json_decref(state);
    return ok;
}

json_t *gk__checkpoint_inputs(const char *path, gk_error *err) {
    gk_safetensors *file = gk_safetensors_open(path, err);
    json_t *inputs = file ? meta_object(file, path, "inputs", err) : NULL;
    gk_safetensors_close(file);
    return inputs;
}

bool gk__checkpoint_load(const char *path, gk__weights *w, int64_t total_steps, gk__state *s, gk_error *err) {
    gk_safetensors *file = gk_safetensors_open(path, err);
    if (!file) return false;
    gk_array arrays[MAX_ARRAYS];
    size_t n = list_arrays(w, arrays);
    bool ok = arrays_fit(file, path, arrays, n, err) && read_state(file, path, total_steps, s, err);
    float *const to[MAX_ARRAYS] = {w->data, w->m, w->v, w->best};
    for (size_t i = 0; ok && i < n; i++)
        memcpy(to[i], gk_safetensors_find(file, arrays[i].name)->data, w->floats * sizeof(float));
    gk_safetensors_close(file);
    return ok;
}
