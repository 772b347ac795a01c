/* home.c: where what comes along with this program is, and the way there from a word of the command line. */
#include "graftkit/core/file.h"
#include "tools/tools.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* PREFIX/share/graftkit of a program that lies in PREFIX/bin; NULL where there is none. */
static const char *installed_home(void) {
    static const char share[] = "/share/graftkit";
    static char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof share);
    if (n <= 0) return NULL;
    path[n] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(path, '/');
        if (!slash) return NULL;
        *slash = '\0';
    }
    memcpy(path + strlen(path), share, sizeof share);
    return gk_exists(path) ? path : NULL;
}

const char *gk_home(void) {
    const char *home = getenv("GRAFTKIT_HOME");
    if (!home || !*home) home = installed_home();
    return home ? home : GK_SOURCE_DIR;
}

const char *gk_find(gk_arena *a, gk_shipped kind, const char *option, const char *word, gk_error *err) {
    return gk_shipped_find(a, gk_home(), kind, word, option, NULL, err);
}

bool gk_find_all(gk_arena *a, gk_shipped kind, const char *option, gk_strings *words, gk_error *err) {
    const char **path = gk_arena_alloc(a, (words->n + 1) * sizeof *path);
    for (size_t i = 0; i < words->n; i++)
        if (!(path[i] = gk_find(a, kind, option, words->item[i], err))) return false;
    words->item = path;
    return true;
}
