/* checkpoint_files.c: the checkpoints of a run folder: checkpoint-<step>.safetensors, of which the last few
 * are kept. */
#include "graftkit/core/file.h"
#include "train/internal.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "checkpoint-"
#define SUFFIX ".safetensors"

char *gk_train__checkpoint_files_path(gk_arena *a, const char *dir, int64_t step) {
    return gk_path_join(a, dir, gk_arena_printf(a, PREFIX "%" PRId64 SUFFIX, step));
}

/* The step that a file's name tells, or -1. */
static int64_t step_of(const char *name) {
    char *end;
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 || name[strlen(PREFIX)] < '0' ||
        name[strlen(PREFIX)] > '9')
        return -1;
    errno = 0;
    int64_t step = strtoll(name + strlen(PREFIX), &end, 10);
    return errno == 0 && strcmp(end, SUFFIX) == 0 ? step : -1;
}

static int newest_first(const void *a, const void *b) {
    const gk_train__checkpoint_file *x = a, *y = b;
    return (x->step < y->step) - (x->step > y->step);
}

size_t gk_train__checkpoint_files_list(gk_arena *a, const char *dir, gk_train__checkpoint_file **out) {
    size_t n = 0, room = 16;
    gk_train__checkpoint_file *list = gk_arena_alloc(a, room * sizeof *list);
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        int64_t step = step_of(e->d_name);
        if (step < 0) continue;
        if (n == room) {
            gk_train__checkpoint_file *more = gk_arena_alloc(a, 2 * room * sizeof *more);
            memcpy(more, list, n * sizeof *more);
            list = more;
            room *= 2;
        }
        list[n++] = (gk_train__checkpoint_file){step, gk_path_join(a, dir, e->d_name)};
    }
    if (d) closedir(d);
    qsort(list, n, sizeof *list, newest_first);
    *out = list;
    return n;
}

/* Sound is a checkpoint whose checksums match and whose lines of metrics are there. */
static gk_train__checkpoint *open_sound(const char *path, const char *metrics, gk_error *err) {
    gk_train__state s;
    gk_train__checkpoint *c = gk_train__checkpoint_open(path, err);
    if (c && gk_train__checkpoint_state(c, INT64_MAX, &s, err) &&
        gk_train__metrics_reach(metrics, s.metrics_bytes, err))
        return c;
    gk_train__checkpoint_close(c);
    return NULL;
}

gk_train__checkpoint *gk_train__checkpoint_files_newest(gk_arena *a, const char *dir, const char *metrics,
                                                        gk_train__skipped *skipped, gk_error *err) {
    gk_train__checkpoint_file *list;
    size_t n = gk_train__checkpoint_files_list(a, dir, &list);
    *skipped = (gk_train__skipped){0};
    for (size_t i = 0; i < n; i++) {
        gk_error why = {0};
        gk_train__checkpoint *c = open_sound(list[i].path, metrics, &why);
        if (c) return c;
        if (skipped->n++ == 0) skipped->first = why;
    }
    if (!err) return NULL;
    *err = skipped->first;
    if (n > 1)
        snprintf(err->hint, sizeof err->hint,
                 "nor can the run go on from any of the %zu older checkpoints; --restart starts over", n - 1);
    return NULL;
}

void gk_train__checkpoint_files_prune(const char *dir, int64_t newest, int64_t keep) {
    gk_arena *a = gk_arena_new();
    gk_train__checkpoint_file *list;
    size_t n = gk_train__checkpoint_files_list(a, dir, &list);
    int64_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool stays = list[i].step <= newest && kept < keep;
        if (stays)
            kept++;
        else
            unlink(list[i].path);
    }
    gk_arena_free(a);
}

bool gk_train__checkpoint_files_remove(const char *dir, gk_error *err) {
    gk_arena *a = gk_arena_new();
    gk_train__checkpoint_file *list;
    bool ok = true;
    for (size_t n = gk_train__checkpoint_files_list(a, dir, &list); ok && n-- > 0;)
        if (unlink(list[n].path) != 0 && errno != ENOENT)
            ok = gk_fail_errno(err, GK_AT_FILE(list[n].path), "removing the file", errno);
    gk_arena_free(a);
    return ok;
}

void gk_train__checkpoint_files_sweep(const char *dir) {
    static const char *const begins[] = {PREFIX, "model" SUFFIX ".tmp-", "adapter_model" SUFFIX ".tmp-"};
    DIR *d = opendir(dir);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        bool ours = false;
        for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
            ours = ours || strncmp(e->d_name, begins[i], strlen(begins[i])) == 0;
        ours = ours && strstr(e->d_name, SUFFIX ".tmp-");
        if (ours) unlinkat(dirfd(d), e->d_name, 0);
    }
    closedir(d);
}
