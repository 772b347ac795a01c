/* files.c: which kind of tokenizer a file or folder is, and its files, loaded and saved. */
#include "core/gguf.h"
#include "core/json.h"
#include "graftkit/core/file.h"
#include "tokenizer/internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The files a folder may hold, the first that is there being the tokenizer. */
#define JSON_NAME "tokenizer.json"
#define MODEL_NAME "tokenizer.model"
#define VOCAB_NAME "vocab.json"
#define MERGES_NAME "merges.txt"
#define CONFIG_NAME "tokenizer_config.json"
#define TEMPLATE_NAME "chat_template.jinja"
/* The further ones stand in folders: transformers' pages name the one, its code the other. */
static const char *const TEMPLATE_DIRS[] = {"additional_chat_templates", "chat_templates"};
static const char *const NAMES[] = {JSON_NAME,           MODEL_NAME,   VOCAB_NAME,
                                    MERGES_NAME,         CONFIG_NAME,  "special_tokens_map.json",
                                    "added_tokens.json", TEMPLATE_NAME};

#define TEMPLATE_BYTES_MAX ((size_t)16 << 20)

/* ---------------------------------------------------------------- loading */

static gk_tok *new_tok(void) {
    gk_tok *t = gk_alloc(sizeof *t);
    t->arena = gk_arena_new();
    t->bos = t->eos = -1;
    return t;
}

static bool looks_like_json(const char *bytes, size_t len) {
    size_t i = 0;
    while (i < len && strchr(" \t\r\n", bytes[i])) i++;
    return i < len && bytes[i] == '{';
}

/* One file by itself: the bytes say what it is. */
static bool load_bytes(gk_tok *t, const gk_tok__file *f, const char *name, gk_error *err) {
    return looks_like_json(f->bytes, f->len) ? gk_tok__load_json(t, f->bytes, f->len, name, NULL, err)
                                             : gk_tok__load_spm(t, f->bytes, f->len, name, NULL, err);
}

gk_tok *gk_tok__from_memory(const char *bytes, size_t len, const char *name, gk_error *err) {
    gk_tok *t = new_tok();
    char *copy = gk_arena_alloc(t->arena, len + 1);
    if (len) memcpy(copy, bytes, len);
    const gk_tok__file *f =
        gk_tok__remember(t, (gk_tok__file){looks_like_json(bytes, len) ? JSON_NAME : MODEL_NAME, copy, len});
    if (load_bytes(t, f, name, err)) return t;
    gk_tok_free(t);
    return NULL;
}

static bool is_template(const char *name) {
    static const char END[] = ".jinja";
    size_t n = strlen(name);
    return n >= sizeof END && strcmp(name + n - (sizeof END - 1), END) == 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

typedef struct names {
    const char **item;
    size_t n, cap;
} names;

static void add_templates(const char *dir, const char *sub, gk_arena *a, names *out) {
    DIR *d = opendir(gk_path_join(a, dir, sub));
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!is_template(e->d_name)) continue;
        if (out->n == out->cap) {
            size_t cap = 2 * out->cap + 8;
            const char **more = gk_arena_alloc(a, cap * sizeof *more);
            if (out->n) memcpy(more, out->item, out->n * sizeof *more);
            out->item = more;
            out->cap = cap;
        }
        out->item[out->n++] = gk_path_join(a, sub, e->d_name);
    }
    if (d) closedir(d);
}

/* The names of a folder's further chat templates, sorted, with the folders that they stand in. */
static names templates_of(const char *dir, gk_arena *a) {
    names all = {0};
    for (size_t i = 0; i < sizeof TEMPLATE_DIRS / sizeof *TEMPLATE_DIRS; i++)
        add_templates(dir, TEMPLATE_DIRS[i], a, &all);
    if (all.n) qsort(all.item, all.n, sizeof *all.item, by_name);
    return all;
}

/* What is not looked at here, but belongs to the folder. */
static bool keep_templates(gk_tok *t, const char *dir, gk_error *err) {
    names all = templates_of(dir, t->arena);
    bool ok = !gk_exists(gk_path_join(t->arena, dir, TEMPLATE_NAME)) ||
              gk_tok__keep_file(t, dir, TEMPLATE_NAME, TEMPLATE_BYTES_MAX, err);
    for (size_t i = 0; i < all.n && ok; i++)
        ok = gk_tok__keep_file(t, dir, all.item[i], TEMPLATE_BYTES_MAX, err);
    return ok;
}

static bool load_main(gk_tok *t, const char *dir, gk_error *err) {
    const char *json = gk_path_join(t->arena, dir, JSON_NAME),
               *model = gk_path_join(t->arena, dir, MODEL_NAME);
    if (gk_exists(json)) {
        const gk_tok__file *f = gk_tok__keep_file(t, dir, JSON_NAME, GK_TOK__FILE_MAX, err);
        return f && gk_tok__load_json(t, f->bytes, f->len, json, dir, err);
    }
    if (gk_exists(model) || !gk_exists(gk_path_join(t->arena, dir, VOCAB_NAME))) {
        const gk_tok__file *f = gk_tok__keep_file(t, dir, MODEL_NAME, GK_TOK__FILE_MAX, err);
        return f && gk_tok__load_spm(t, f->bytes, f->len, model, dir, err);
    }
    const gk_tok__file *found = gk_tok__keep_file(t, dir, VOCAB_NAME, GK_TOK__FILE_MAX, err);
    if (!found) return false;
    const gk_tok__file vocab = *found;
    found = gk_tok__keep_file(t, dir, MERGES_NAME, GK_TOK__FILE_MAX, err);
    if (!found) return false;
    const gk_tok__file merges = *found;
    return gk_tok__load_gpt2(t, &vocab, &merges, dir, err);
}

static bool load_folder(gk_tok *t, const char *dir, gk_error *err) {
    return load_main(t, dir, err) && keep_templates(t, dir, err);
}

static bool load_file(gk_tok *t, const char *path, gk_error *err) {
    if (gk_gguf_is(path)) return gk_tok__load_gguf(t, path, err);
    gk_tok__file f = {0};
    f.bytes = gk_read_file(t->arena, path, GK_TOK__FILE_MAX, &f.len, err);
    if (!f.bytes) return false;
    f.name = looks_like_json(f.bytes, f.len) ? JSON_NAME : MODEL_NAME;
    return load_bytes(t, gk_tok__remember(t, f), path, err);
}

bool gk_tok_present(const char *dir) {
    static const char *const enough[] = {JSON_NAME, MODEL_NAME, VOCAB_NAME};
    gk_arena *a = gk_arena_new();
    bool any = false;
    for (size_t i = 0; i < sizeof enough / sizeof *enough; i++)
        any = any || gk_exists(gk_path_join(a, dir, enough[i]));
    gk_arena_free(a);
    return any;
}

gk_tok *gk_tok_load(const char *path, gk_error *err) {
    if (!*path) { /* else the folder one is in, which nobody named */
        gk_fail(err, GK_NOWHERE, "name a tokenizer's folder or file", "the tokenizer's path is empty");
        return NULL;
    }
    gk_tok *t = new_tok();
    struct stat st;
    bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    if (folder ? load_folder(t, path, err) : load_file(t, path, err)) return t;
    gk_tok_free(t);
    return NULL;
}

/* ---------------------------------------------------------------- saving */

static const gk_tok__file *file_named(const gk_tok *t, const char *name) {
    for (size_t i = 0; i < t->n_files; i++)
        if (strcmp(t->file[i].name, name) == 0) return &t->file[i];
    return NULL;
}

/* Whether a configuration is made for it, as none came with it. */
static bool makes_config(const gk_tok *t) {
    return file_named(t, MODEL_NAME) && !file_named(t, CONFIG_NAME);
}

static bool is_foreign(const gk_tok *t, const char *dir, const char *name, gk_arena *a, gk_error *err) {
    const char *path = gk_path_join(a, dir, name);
    bool written = file_named(t, name) || (file_named(t, MODEL_NAME) && strcmp(name, CONFIG_NAME) == 0);
    return !written && gk_exists(path) &&
           !gk_fail(err, GK_AT_FILE(path), "another folder, or one without it",
                    "a file of another tokenizer stands where this one is to be saved");
}

/* Files of another tokenizer in the folder would be loaded instead of, or with, those that are written. */
static bool check_folder(const gk_tok *t, const char *dir, gk_arena *a, gk_error *err) {
    names all = templates_of(dir, a);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (is_foreign(t, dir, NAMES[i], a, err)) return false;
    for (size_t i = 0; i < all.n; i++)
        if (is_foreign(t, dir, all.item[i], a, err)) return false;
    return true;
}

static bool same_bytes(const gk_tok__file *f, const char *path) {
    char there[GK_SHA256_HEX], here[GK_SHA256_HEX];
    gk_sha256_bytes(f->bytes, f->len, here);
    return gk_sha256_file(path, there, NULL) && strcmp(there, here) == 0;
}

static bool same_spm_config(const gk_tok *t, const char *path) {
    json_t *there = gk_json_load(path, NULL), *here = gk_spm__config(t);
    bool same = json_equal(there, here);
    json_decref(there);
    json_decref(here);
    return same;
}

bool gk_tok_fits(const gk_tok *t, const char *dir, gk_error *err) {
    gk_arena *a = gk_arena_new();
    bool ok = check_folder(t, dir, a, err);
    for (size_t i = 0; ok && i <= t->n_files; i++) {
        const gk_tok__file *f = i < t->n_files ? &t->file[i] : NULL;
        if (!f && !makes_config(t)) break;
        const char *path = gk_path_join(a, dir, f ? f->name : CONFIG_NAME);
        if (!gk_exists(path) || (f ? same_bytes(f, path) : same_spm_config(t, path))) continue;
        ok = gk_fail(err, GK_AT_FILE(path), "name another folder, or one without it",
                     "a file of another tokenizer stands where this one is to be saved");
    }
    gk_arena_free(a);
    return ok;
}

static bool save_file(const gk_tok__file *f, const char *dir, gk_arena *a, gk_error *err) {
    const char *slash = strchr(f->name, '/');
    const char *sub = slash ? gk_arena_strndup(a, f->name, (size_t)(slash - f->name)) : NULL;
    return (!sub || gk_mkdirs(gk_path_join(a, dir, sub), err)) &&
           gk_write_file(gk_path_join(a, dir, f->name), f->bytes, f->len, err);
}

bool gk_tok_save(const gk_tok *t, const char *dir, gk_error *err) {
    gk_arena *a = gk_arena_new();
    bool ok = gk_mkdirs(dir, err) && check_folder(t, dir, a, err);
    for (size_t i = 0; i < t->n_files && ok; i++) ok = save_file(&t->file[i], dir, a, err);
    if (ok && makes_config(t)) {
        json_t *config = gk_spm__config(t);
        ok = gk_json_save(gk_path_join(a, dir, CONFIG_NAME), config, err);
        json_decref(config);
    }
    gk_arena_free(a);
    return ok;
}

static bool remove_file(const char *dir, const char *name, gk_arena *a, gk_error *err) {
    const char *path = gk_path_join(a, dir, name);
    return unlink(path) == 0 || errno == ENOENT ||
           gk_fail_errno(err, GK_AT_FILE(path), "removing the file", errno);
}

bool gk_tok_remove(const char *dir, gk_error *err) {
    gk_arena *a = gk_arena_new();
    names all = templates_of(dir, a);
    bool ok = true;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES && ok; i++) ok = remove_file(dir, NAMES[i], a, err);
    for (size_t i = 0; i < all.n && ok; i++) ok = remove_file(dir, all.item[i], a, err);
    gk_arena_free(a);
    return ok;
}
