/* checkpoint.c: a run's state in one safetensors file that says itself whether it is sound. Its metadata
 * holds a checksum of every array, and one of the metadata itself. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "graftkit/core/threads.h"
#include "model/config_json.h"
#include "train/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define START_OVER "--restart, or removing the file, starts over"
#define SUM "checksum"

struct gk_train__checkpoint {
    gk_safetensors *file;
    const char *path; /* borrowed */
};

/* ---------------------------------------------------------------- metadata */

static void put_text(json_t *meta, const char *key, json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT);
    json_object_set_new(meta, key, json_string(text));
    free(text);
}

static json_t *sum_text(uint64_t sum) {
    return json_sprintf("%016" PRIx64, sum);
}

/* Of every member but the checksum itself, names and values. */
static uint64_t meta_sum(const json_t *meta) {
    gk_buf all = {0};
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)meta, key, v) {
        if (strcmp(key, SUM) != 0) gk_buf_printf(&all, "%s\n%s\n", key, json_string_value(v));
    }
    uint64_t sum = gk_checksum(all.data ? all.data : "", all.len);
    gk_buf_free(&all);
    return sum;
}

static json_t *array_sums(const gk_typed_array *list, size_t n) {
    json_t *sums = json_object();
    for (size_t i = 0; i < n; i++) {
        uint64_t sum = gk_checksum(list[i].data, gk_typed_bytes(&list[i]));
        json_t *entry = json_pack("{s:s, s:I, s:o}", "type", list[i].type, "count", (json_int_t)list[i].count,
                                  "sum", sum_text(sum));
        json_object_set_new(sums, list[i].name, entry);
    }
    return sums;
}

bool gk_train__checkpoint_save(const char *path, const gk_typed_array *list, size_t n, const json_t *inputs,
                               const gk_config *c, const gk_train__state *s, gk_error *err) {
    json_t *meta = json_object(), *state = gk_train__state_json(s), *sums = array_sums(list, n);
    json_object_set_new(meta, "graftkit", json_string(GK_VERSION));
    put_text(meta, "inputs", (json_t *)(uintptr_t)inputs);
    put_text(meta, "state", state);
    if (c) {
        json_t *config = gk_config_json(c);
        put_text(meta, "config", config);
        json_decref(config);
    }
    put_text(meta, "arrays", sums);
    json_object_set_new(meta, "threads", json_sprintf("%d", gk_threads()));
    json_object_set_new(meta, SUM, sum_text(meta_sum(meta)));
    bool ok = gk_safetensors_save_typed(path, list, n, meta, err);
    json_decref(sums);
    json_decref(state);
    json_decref(meta);
    return ok;
}

/* ---------------------------------------------------------------- is it sound? */

static bool damaged(const char *path, const char *field, gk_error *err) {
    return gk_fail(err, GK_AT_FIELD(path, field), START_OVER,
                   "the checkpoint is damaged: its checksum does not match");
}

static bool meta_sound(const gk_safetensors *file, const char *path, gk_error *err) {
    const json_t *meta = gk_safetensors_meta(file);
    const char *there = json_string_value(json_object_get(meta, SUM));
    if (!there) return gk_fail(err, GK_AT_FILE(path), START_OVER, "this is not a training checkpoint");
    json_t *here = sum_text(meta_sum(meta));
    bool ok = strcmp(there, json_string_value(here)) == 0;
    json_decref(here);
    return ok || damaged(path, "__metadata__", err);
}

/* A JSON object that a metadata string holds, as a new reference. */
static json_t *meta_object(const gk_train__checkpoint *c, const char *key, gk_error *err) {
    const char *text;
    if (!gk_json_str(gk_safetensors_meta(c->file), key, &text, GK_AT_FILE(c->path), err)) return NULL;
    return gk_json_parse(text, strlen(text), GK_AT_FIELD(c->path, key), err);
}

static bool array_sound(const gk_train__checkpoint *c, const char *name, const json_t *entry, gk_error *err) {
    gk_place at = GK_AT_FIELD(c->path, name);
    const char *type, *there;
    int64_t count;
    if (!gk_json_str(entry, "type", &type, at, err) || !gk_json_str(entry, "sum", &there, at, err) ||
        !gk_json_int(entry, "count", 0, INT64_MAX, &count, at, err))
        return false;
    const void *data = gk_safetensors_typed(c->file, name, type, (size_t)count);
    if (!data) return damaged(c->path, name, err);
    gk_typed_array a = {.name = name, .type = type, .count = (size_t)count};
    json_t *here = sum_text(gk_checksum(data, gk_typed_bytes(&a)));
    bool ok = strcmp(there, json_string_value(here)) == 0;
    json_decref(here);
    return ok || damaged(c->path, name, err);
}

static bool arrays_sound(const gk_train__checkpoint *c, gk_error *err) {
    json_t *sums = meta_object(c, "arrays", err), *entry;
    const char *name;
    bool ok = sums != NULL;
    json_object_foreach(sums, name, entry) {
        if (!ok || !(ok = array_sound(c, name, entry, err))) break;
    }
    json_decref(sums);
    return ok;
}

/* ---------------------------------------------------------------- reading */

gk_train__checkpoint *gk_train__checkpoint_open(const char *path, gk_error *err) {
    gk_train__checkpoint *c = gk_alloc(sizeof *c);
    c->path = path;
    c->file = gk_safetensors_open(path, err);
    if (c->file && meta_sound(c->file, path, err) && arrays_sound(c, err)) return c;
    gk_train__checkpoint_close(c);
    return NULL;
}

void gk_train__checkpoint_close(gk_train__checkpoint *c) {
    if (!c) return;
    gk_safetensors_close(c->file);
    gk_free(c);
}

const char *gk_train__checkpoint_path(const gk_train__checkpoint *c) {
    return c->path;
}

json_t *gk_train__checkpoint_inputs(const gk_train__checkpoint *c, gk_error *err) {
    return meta_object(c, "inputs", err);
}

bool gk_train__checkpoint_state(const gk_train__checkpoint *c, int64_t total_steps, gk_train__state *s,
                                gk_error *err) {
    json_t *state = meta_object(c, "state", err);
    bool ok = state && gk_train__state_parse(state, total_steps, s, GK_AT_FIELD(c->path, "state"), err);
    json_decref(state);
    return ok;
}

/* The last bits of a sum depend on how many threads share it: half a run by two and half by four would be the
 * result of neither. */
static bool same_threads(const gk_train__checkpoint *c, gk_error *err) {
    const char *there;
    char here[16], hint[128];
    if (!gk_json_str(gk_safetensors_meta(c->file), "threads", &there, GK_AT_FILE(c->path), err)) return false;
    snprintf(here, sizeof here, "%d", gk_threads());
    if (strcmp(there, here) == 0) return true;
    snprintf(hint, sizeof hint, "go on with --threads %.8s (make: THREADS=%.8s); --restart starts over",
             there, there);
    return gk_fail(err, GK_AT_FILE(c->path), hint,
                   "the run was begun with %.8s threads, and now there are %s", there, here);
}

bool gk_train__checkpoint_load(const gk_train__checkpoint *c, const gk_typed_array *list, size_t n,
                               gk_error *err) {
    if (!same_threads(c, err)) return false;
    for (size_t i = 0; i < n; i++)
        if (!gk_safetensors_typed(c->file, list[i].name, list[i].type, list[i].count))
            return gk_fail(err, GK_AT_FIELD(c->path, list[i].name), START_OVER,
                           "the checkpoint has no such array of %zu values of type %s", list[i].count,
                           list[i].type);
    for (size_t i = 0; i < n; i++)
        memcpy(list[i].data, gk_safetensors_typed(c->file, list[i].name, list[i].type, list[i].count),
               gk_typed_bytes(&list[i]));
    return true;
}
