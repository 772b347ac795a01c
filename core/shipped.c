/* shipped.c: where the files that come along with the program are. */
#include "core/shipped.h"
#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
    const char *word, *one, *folder, *ending;
} KINDS[GK_N_SHIPPED] = {
#define X(id, word, one, folder, ending) [GK_SHIPPED_##id] = {word, one, folder, ending},
    GK_SHIPPED_KINDS(X)
#undef X
};

const char *gk_shipped_word(gk_shipped kind) {
    return KINDS[kind].word;
}

const char *gk_shipped_folder(gk_shipped kind) {
    return KINDS[kind].folder;
}

char *gk_shipped_path(gk_arena *a, const char *home, gk_shipped kind, const char *name) {
    const char *folder = gk_path_join(a, home, KINDS[kind].folder);
    return gk_arena_printf(a, "%s/%s%s", folder, name, KINDS[kind].ending);
}

static int by_name(const void *x, const void *y) {
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

bool gk_shipped_names(gk_arena *a, const char *home, gk_shipped kind, const char ***names, size_t *n,
                      gk_error *err) {
    glob_t found;
    size_t room = strlen(KINDS[kind].ending);
    const char *folder = gk_path_join(a, home, KINDS[kind].folder);
    int failed =
        glob(gk_path_join(a, folder, gk_arena_printf(a, "*%s", KINDS[kind].ending)), 0, NULL, &found);
    *n = 0;
    if (failed)
        return gk_fail(
            err, GK_AT_FILE(folder),
            "install graftkit whole, or let GRAFTKIT_HOME name its share/graftkit or its source tree",
            "there is no %s", KINDS[kind].one);
    const char **list = gk_arena_alloc(a, found.gl_pathc * sizeof *list);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *name = found.gl_pathv[i] + strlen(folder) + 1;
        list[(*n)++] = gk_arena_strndup(a, name, strlen(name) - room);
    }
    globfree(&found);
    qsort(list, *n, sizeof *list, by_name);
    *names = list;
    return true;
}

static bool is_file(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* A path that is not here may be that of something that comes along. */
static const char *find_path(gk_arena *a, const char *home, const char *path) {
    if (*path == '/' || gk_exists(path)) return path;
    const char *along = gk_path_join(a, home, path);
    return gk_exists(along) ? along : path;
}

const char *gk_shipped_find(gk_arena *a, const char *home, gk_shipped kind, const char *word,
                            const char *option, const char *more, gk_error *err) {
    if (strpbrk(word, "/.")) return find_path(a, home, word);
    const char *path = gk_shipped_path(a, home, kind, word), **names;
    const bool here = is_file(word);
    if (gk_exists(path) && here) {
        gk_fail(err, GK_AT_FIELD(NULL, option),
                gk_arena_printf(a, "write ./%.80s, or %s/%.80s%s", word, KINDS[kind].folder, word,
                                KINDS[kind].ending),
                "'%.80s' is a file here, and a %s that comes along", word, KINDS[kind].one);
        return NULL;
    }
    if (gk_exists(path) || here) return here ? word : path;
    size_t n;
    if (!gk_shipped_names(a, home, kind, &names, &n, err)) return NULL;
    gk_buf known = {0};
    gk_buf_printf(&known, "give one of %s", more ? more : "");
    for (size_t i = 0; i < n; i++) gk_buf_printf(&known, "%s%s", i || more ? ", " : "", names[i]);
    gk_buf_puts(&known, ", or a file's path with a / or . in it");
    gk_fail(err, GK_AT_FIELD(NULL, option), known.data,
            "'%.80s' is no %s that comes along: there is no %s/%.80s%s", word, KINDS[kind].one,
            KINDS[kind].folder, word, KINDS[kind].ending);
    gk_buf_free(&known);
    return NULL;
}
