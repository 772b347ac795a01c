/* hf_folder.c: the tensors of a Hugging Face folder. */
#include "core/json.h"
#include "graftkit/core/file.h"
#include "model/checkpoint/files.h"
#include "model/checkpoint/safetensors.h"

#include <stdlib.h>
#include <string.h>

#define WEIGHTS "model.safetensors"
#define INDEX "model.safetensors.index.json"

/* What older versions and other programs left in a layer: masks and angles, which follow from config.json. */
static const char *const BUFFERS[] = {"#.attn.bias",
                                      "#.attn.masked_bias",
                                      "#.attn.attention.bias",
                                      "#.attn.attention.masked_bias",
                                      "#.attention.bias",
                                      "#.attention.masked_bias",
                                      "#.attention.rotary_emb.inv_freq",
                                      "#.attention.rotary_emb.cos_cached",
                                      "#.attention.rotary_emb.sin_cached",
                                      "#.self_attn.rotary_emb.inv_freq",
                                      "#.self_attn.rotary_emb.cos_cached",
                                      "#.self_attn.rotary_emb.sin_cached",
                                      "#.self_attn.bias",
                                      "#.self_attn.masked_bias",
                                      NULL};

gk_checkpoint__layout gk_checkpoint__layout_hf(const gk_family *f) {
    return (gk_checkpoint__layout){.rules = f->rules,
                                   .n_rules = f->n_rules,
                                   .prefix = f->prefix,
                                   .head_alias = f->head_alias,
                                   .buffers = BUFFERS};
}

/* ---------------------------------------------------------------- which files */

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The distinct files that the index names, sorted. */
static bool read_index(const char *dir, const json_t *index, gk_place at, gk_arena *a, const char ***list,
                       size_t *n, gk_error *err) {
    const json_t *map = json_object_get(index, "weight_map");
    at.field = "weight_map";
    if (!json_is_object(map) || json_object_size(map) == 0)
        return gk_fail(err, at, "an object of tensor names and file names", "is not there or empty");
    const char **all = gk_arena_alloc(a, json_object_size(map) * sizeof *all);
    size_t count = 0;
    const char *name;
    const json_t *v;
    for (void *i = json_object_iter((json_t *)(uintptr_t)map); i;
         i = json_object_iter_next((json_t *)(uintptr_t)map, i)) {
        name = json_object_iter_key(i);
        v = json_object_iter_value(i);
        const char *file = json_string_value(v);
        if (!file || !*file || strchr(file, '/'))
            return gk_fail(err, at, "the name of a file in the same folder", "'%.80s' is in '%.80s'", name,
                           file ? file : "(not a string)");
        all[count++] = gk_path_join(a, dir, file);
    }
    qsort(all, count, sizeof *all, by_text);
    *list = all;
    *n = 1;
    for (size_t i = 1; i < count; i++)
        if (strcmp(all[i], all[*n - 1]) != 0) all[(*n)++] = all[i];
    return true;
}

static bool one_file(gk_arena *a, const char *path, const char ***list, size_t *n) {
    *list = gk_arena_alloc(a, sizeof **list);
    (*list)[0] = gk_arena_strdup(a, path);
    *n = 1;
    return true;
}

/* The files of a folder, and the index that lists them; *index is NULL where there is one file only. */
static bool find_files(const char *dir, gk_arena *a, const char ***list, size_t *n, json_t **index,
                       gk_error *err) {
    const char *weights = gk_path_join(a, dir, WEIGHTS), *path = gk_path_join(a, dir, INDEX);
    *index = NULL;
    if (gk_exists(weights)) return one_file(a, weights, list, n);
    if (gk_exists(path)) {
        *index = gk_json_load(path, err);
        if (*index && read_index(dir, *index, GK_AT_FILE(path), a, list, n, err)) return true;
        json_decref(*index);
        *index = NULL;
        return false;
    }
    if (gk_exists(gk_path_join(a, dir, "pytorch_model.bin")) ||
        gk_exists(gk_path_join(a, dir, "pytorch_model.bin.index.json")))
        return gk_fail(err, GK_AT_FILE(weights), "convert it to safetensors",
                       "the folder holds a pickled checkpoint");
    return one_file(a, weights, list, n); /* opening it says what is wrong */
}

const char **gk_checkpoint__gguf_paths(const gk_gguf *g, gk_arena *a, size_t *n) {
    const char **list = gk_arena_alloc(a, gk_gguf_files(g) * sizeof *list);
    *n = gk_gguf_files(g);
    for (size_t i = 0; i < *n; i++) list[i] = gk_arena_strdup(a, gk_gguf_file(g, i));
    return list;
}

static bool files_of_file(gk_arena *a, const char *path, const char ***list, size_t *n, gk_error *err) {
    if (!gk_gguf_is(path)) return one_file(a, path, list, n); /* opening it says what is wrong */
    gk_gguf *g = gk_gguf_open(path, err);
    if (g) *list = gk_checkpoint__gguf_paths(g, a, n);
    gk_gguf_close(g);
    return g != NULL;
}

bool gk_checkpoint__paths(const char *path, gk_arena *a, const char ***list, size_t *n, gk_error *err) {
    json_t *index = NULL;
    bool ok = gk_checkpoint__is_file(path) ? files_of_file(a, path, list, n, err)
                                           : find_files(path, a, list, n, &index, err);
    json_decref(index);
    return ok;
}

/* ---------------------------------------------------------------- their tensors */

const gk_quant__type *gk_checkpoint__float_type(const char *name) {
    static const uint32_t ids[] = {GK_QUANT__F32, GK_QUANT__F16, GK_QUANT__BF16};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (strcmp(gk_quant__type_of(ids[i])->name, name) == 0) return gk_quant__type_of(ids[i]);
    return NULL;
}

static void list_tensors(gk_checkpoint__files *f, const gk_safetensors *part, const char *path) {
    const gk_safetensors__entry *all;
    size_t n = gk_safetensors__entries(part, &all);
    for (size_t i = 0; i < n; i++) {
        const gk_safetensors__entry *e = &all[i];
        gk_checkpoint__stored *s = &f->list[f->n++];
        *s = (gk_checkpoint__stored){.name = e->array.name,
                                     .type_name = e->type->name,
                                     .type = gk_checkpoint__float_type(e->type->name),
                                     .n_dims = e->array.n_dims,
                                     .data = gk_safetensors__bytes(part, e),
                                     .path = path,
                                     .byte = e->begin,
                                     .bytes = e->end - e->begin};
        memcpy(s->shape, e->array.shape, sizeof s->shape);
    }
}

/* A tensor is in the file that the index says: a folder that mixes two checkpoints is not read. What is in no
 * file is not judged here: the index may list a tied head, of which the files have the embedding only. */
static bool check_index(const char *dir, const gk_checkpoint__files *f, const json_t *index, gk_error *err) {
    const char *name, *nowhere = NULL;
    json_t *v;
    json_object_foreach(json_object_get(index, "weight_map"), name, v) {
        const char *file = gk_path_join(f->a, dir, json_string_value(v));
        bool there = false, elsewhere = false;
        for (size_t i = 0; i < f->n && !there; i++) {
            bool same = strcmp(f->list[i].name, name) == 0;
            there = same && strcmp(f->list[i].path, file) == 0;
            elsewhere = elsewhere || same;
        }
        if (elsewhere && !there)
            return gk_fail(err, GK_AT_FIELD(gk_path_join(f->a, dir, INDEX), name),
                           "the index and the files must be of one checkpoint", "is not in %s",
                           json_string_value(v));
        if (!there) nowhere = name;
    }
    if (nowhere)
        gk_notice(GK_AT_FILE(gk_path_join(f->a, dir, INDEX)), "lists %s, which is in no file", nowhere);
    return true;
}

static bool open_parts(gk_checkpoint__files *out, gk_error *err) {
    size_t total = 0, n = out->n_paths;
    const gk_safetensors__entry *all;
    out->part = gk_arena_alloc(out->a, n * sizeof *out->part);
    for (size_t i = 0; i < n; i++) {
        out->part[i] = gk_safetensors__map(out->path[i], err);
        if (!out->part[i]) return false;
        out->n_parts++;
        total += gk_safetensors__entries(out->part[i], &all);
    }
    out->list = gk_arena_alloc(out->a, (total + 1) * sizeof *out->list);
    for (size_t i = 0; i < n; i++) list_tensors(out, out->part[i], out->path[i]);
    return true;
}

bool gk_checkpoint__files_folder(const char *dir, gk_checkpoint__files *out, gk_error *err) {
    *out = (gk_checkpoint__files){.a = gk_arena_new()};
    json_t *index = NULL;
    bool ok = find_files(dir, out->a, &out->path, &out->n_paths, &index, err) && open_parts(out, err) &&
              check_index(dir, out, index, err);
    json_decref(index);
    if (ok) return true;
    gk_checkpoint__files_close(out);
    *out = (gk_checkpoint__files){0};
    return false;
}

void gk_checkpoint__files_close(gk_checkpoint__files *f) {
    if (!f) return;
    for (size_t i = 0; i < f->n_parts; i++) gk_safetensors_close(f->part[i]);
    gk_gguf_close(f->gguf);
    gk_arena_free(f->a);
}
