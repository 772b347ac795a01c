/* fixture_models.h: the folders of tests/fixtures/model/. */
#ifndef GK_TESTS_FIXTURE_MODELS_H
#define GK_TESTS_FIXTURE_MODELS_H

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURES GK_SOURCE_DIR "/tests/fixtures/model/"

static char *FOLDERS[64]; /* in order of name */
static int n_folders;

/* Called by main before the suites: loop tests take their number from n_folders. */
static inline void find_folders(void) {
    glob_t found;
    if (glob(FIXTURES "*", GLOB_ONLYDIR, NULL, &found) != 0) return;
    for (size_t i = 0; i < found.gl_pathc && n_folders < 64; i++)
        FOLDERS[n_folders++] = strdup(found.gl_pathv[i]);
    globfree(&found);
}

static inline void free_folders(void) {
    for (int i = 0; i < n_folders; i++) free(FOLDERS[i]);
}

static inline const char *folder_name(int i) {
    return strrchr(FOLDERS[i], '/') + 1;
}

#endif
