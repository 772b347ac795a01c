/* path.c: what a path is, by its name and what is there. */
#include "graftkit/core/file.h"
#include "graftkit/model/adapter.h"
#include "graftkit/model/checkpoint.h"
#include "model/checkpoint/files.h"

#include <string.h>
#include <sys/stat.h>

bool gk_checkpoint__is_file(const char *path) {
    struct stat st;
    size_t n = strlen(path);
    if (stat(path, &st) == 0) return !S_ISDIR(st.st_mode);
    return n > 5 && strcmp(path + n - 5, ".gguf") == 0; /* opening it says what is wrong */
}

bool gk_is_adapter(const char *path) {
    gk_arena *a = gk_arena_new();
    bool yes = gk_exists(gk_path_join(a, path, "adapter_config.json")) &&
               !gk_exists(gk_path_join(a, path, "model.safetensors")) &&
               !gk_exists(gk_path_join(a, path, "model.safetensors.index.json"));
    gk_arena_free(a);
    return yes;
}

bool gk_is_checkpoint(const char *path) {
    static const char begins[] = "checkpoint-", ends[] = ".safetensors";
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    return strncmp(name, begins, sizeof begins - 1) == 0 && n > sizeof ends &&
           strcmp(name + n - (sizeof ends - 1), ends) == 0;
}
