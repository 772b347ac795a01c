/* scratch.h: what suites share: a folder of their own, and asserting on the text of an error. */
#ifndef GK_TESTS_SCRATCH_H
#define GK_TESTS_SCRATCH_H

#include "graftkit/core/error.h"
#include "graftkit/core/file.h"
#include "graftkit/core/memory.h"
#include "graftkit/core/progress.h"

#include <check.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct scratch {
    char dir[64];
    gk_arena *a;
} scratch;

static inline scratch scratch_new(void) {
    scratch s = {.dir = "/tmp/graftkit-test-XXXXXX", .a = gk_arena_new()};
    ck_assert_ptr_nonnull(mkdtemp(s.dir));
    return s;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void scratch_free(scratch *s) {
    ck_assert_int_eq(nftw(s->dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    gk_arena_free(s->a);
}

static inline char *scratch_path(scratch *s, const char *name) {
    return gk_path_join(s->a, s->dir, name);
}

/* Writes `text` to a file of that name with plain stdio, and returns its path. */
static inline char *scratch_file(scratch *s, const char *name, const char *text) {
    char *path = scratch_path(s, name);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text, 1, strlen(text), f), strlen(text));
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

static inline void assert_error(const gk_error *err, const char *text) {
    char got[2048];
    ck_assert_str_eq(gk_error_text(err, got, sizeof got), text);
}

/* The error's text begins with "<path><rest>". */
static inline void assert_error_at(const gk_error *err, const char *path, const char *rest) {
    char got[2048], want[2048];
    gk_error_text(err, got, sizeof got);
    snprintf(want, sizeof want, "%s%s", path, rest);
    ck_assert_msg(strncmp(got, want, strlen(want)) == 0, "error is\n  %s\nand should begin\n  %s", got, want);
}

/* Sends this process a signal that gk_interrupt_catch catches and gives the thread that takes it a moment. */
static inline bool interrupt_self(int sig) {
    kill(getpid(), sig);
    for (int i = 0; i < 5000 && !gk_interrupted(); i++) usleep(1000);
    return gk_interrupted();
}

static inline int run_suite(Suite *s) {
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
