/* output_folder.c: what stands where a dataset is to be written. Nothing of another origin is replaced
 * unasked. */
#include "core/json.h"
#include "data/internal.h"
#include "graftkit/core/file.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* The files of the card that stands there, by name, borrowed; NULL: there is no dataset. */
static const json_t *old_files(const json_t *card) {
    const json_t *files = json_object_get(card, "files");
    return json_object_get(card, "splits") && json_is_object(files) ? files : NULL;
}

static bool holds(const char *path, const gk_buf *bytes, bool *same, gk_error *err) {
    char there[GK_SHA256_HEX], here[GK_SHA256_HEX];
    if (!gk_sha256_file(path, there, err)) return false;
    gk_sha256_bytes(bytes->len ? bytes->data : "", bytes->len, here);
    *same = strcmp(there, here) == 0;
    return true;
}

bool gk_data__is_dropped_list(const char *path) {
    gk_jsonl *r = gk_jsonl_open(path, NULL);
    json_t *line = NULL;
    int got = r ? gk_jsonl_next(r, &line, NULL) : -1;
    bool ours = got == 0 || (got == 1 && json_object_size(line) == 2 && json_object_get(line, "where") &&
                             json_object_get(line, "why"));
    json_decref(line);
    gk_jsonl_close(r);
    return ours;
}

/* Whether the source is that file of the folder. */
static bool is_source(gk_arena *a, const char *dir, const char *name, const char *source, gk_error *err) {
    return gk_same_file(gk_path_join(a, dir, name), source) &&
           !gk_fail(err, GK_AT_FILE(source),
                    "name another --out, or copy the source to a place outside of it",
                    "is both the source and '%s' of the dataset that is to be made", name);
}

bool gk_data__folder_source(gk_arena *a, const char *dir, const char *source, gk_error *err) {
    static const char *const OURS[] = {"card.json",           "dropped.jsonl",           "tokenizer.jsonl",
                                       "base/metadata.jsonl", "base/texts.jsonl",        "relation/A2B.jsonl",
                                       "relation/B2A.jsonl",  "relation/metadata.jsonl", "task/A2B.jsonl",
                                       "task/B2A.jsonl",      "task/metadata.jsonl"};
    const char *card_path = gk_path_join(a, dir, "card.json"), *name;
    bool is = false;
    for (size_t i = 0; !is && i < sizeof OURS / sizeof *OURS; i++)
        is = is_source(a, dir, OURS[i], source, err);
    json_t *card = !is && gk_exists(card_path) ? gk_json_load(card_path, NULL) : NULL, *f;
    json_object_foreach((json_t *)(uintptr_t)old_files(card), name, f) {
        if (!is) is = is_source(a, dir, name, source, err);
    }
    json_decref(card);
    return !is;
}

bool gk_data__folder_check(gk_arena *a, const char *dir, const gk_data__card_file *files, size_t n,
                           gk_error *err) {
    const char *card_path = gk_path_join(a, dir, "card.json");
    json_t *card = gk_exists(card_path) ? gk_json_load(card_path, NULL) : NULL;
    const json_t *old = old_files(card);
    bool ok = true, same = true;
    for (size_t i = 0; ok && i < n; i++) {
        const char *path = gk_path_join(a, dir, files[i].name);
        bool is_card = strcmp(files[i].name, "card.json") == 0;
        if (!gk_exists(path) || (is_card && old)) continue;
        if (!old && strcmp(files[i].name, "dropped.jsonl") == 0 && gk_data__is_dropped_list(path)) continue;
        ok = holds(path, files[i].bytes, &same, err);
        if (!ok || same) continue;
        ok = gk_fail(err, GK_AT_FILE(path),
                     "name another folder, or --replace (make: REPLACE=1) to make the dataset anew",
                     json_object_get(old, files[i].name)
                         ? "the folder holds another dataset, or this file was changed since"
                         : "the folder holds a file that no dataset made");
    }
    json_decref(card);
    return ok;
}

bool gk_data__folder_remove(gk_arena *a, const char *dir, const gk_data__card_file *files, size_t n,
                            gk_error *err) {
    const char *card_path = gk_path_join(a, dir, "card.json");
    json_t *card = gk_exists(card_path) ? gk_json_load(card_path, NULL) : NULL, *f;
    const char *name;
    bool ok = true;
    json_object_foreach((json_t *)(uintptr_t)old_files(card), name, f) {
        bool again = strstr(name, "..") || name[0] == '/';
        for (size_t k = 0; k < n && !again; k++) again = strcmp(files[k].name, name) == 0;
        if (again) continue;
        const char *path = gk_path_join(a, dir, name);
        if (unlink(path) != 0 && errno != ENOENT)
            ok = gk_fail_errno(err, GK_AT_FILE(path), "removing a file of the old dataset", errno);
        if (!ok) break;
    }
    json_decref(card);
    return ok;
}
