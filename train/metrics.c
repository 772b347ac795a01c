/* metrics.c: metrics.jsonl: a line a step, validation and epoch, cut back to the checkpoint's length. */
#include "core/json.h"
#include "train/internal.h"
#include "train/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static bool long_enough(const char *path, int64_t size, int64_t bytes, gk_error *err) {
    return size >= bytes || gk_fail(err, GK_AT_FILE(path), "put the file back, or start over with --restart",
                                    "the file has %lld bytes, the checkpoint was written when it had %lld",
                                    (long long)size, (long long)bytes);
}

bool gk_train__metrics_reach(const char *path, int64_t bytes, gk_error *err) {
    struct stat st;
    return long_enough(path, stat(path, &st) == 0 ? st.st_size : 0, bytes, err);
}

static bool cut(int fd, const char *path, int64_t keep, gk_error *err) {
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return gk_fail(err, GK_AT_FILE(path), "move it away", "this is not a regular file");
    if (!long_enough(path, st.st_size, keep, err)) return false;
    if (ftruncate(fd, keep) != 0 || lseek(fd, 0, SEEK_END) != keep)
        return gk_fail_errno(err, GK_AT_FILE(path), "cutting the file back to the checkpoint", errno);
    return true;
}

bool gk_train__metrics_open(gk_train__metrics *m, const char *path, int64_t keep, gk_error *err) {
    *m = (gk_train__metrics){.path = path};
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return gk_fail_errno(err, GK_AT_FILE(path), "opening the file", errno);
    if (cut(fd, path, keep, err) && !(m->f = fdopen(fd, "a")))
        gk_fail_errno(err, GK_AT_FILE(path), "opening the file", errno);
    if (!m->f) {
        close(fd);
        return false;
    }
    setvbuf(m->f, NULL, _IOLBF, 4096); /* whoever watches the file sees whole lines at once */
    return true;
}

void gk_train__metrics_step(gk_train__metrics *m, const gk_train__state *s, int64_t epoch, double norm,
                            double lr, const gk_train__speed *speed) {
    fprintf(m->f,
            "{\"step\":%" PRId64 ",\"epoch\":%" PRId64 ",\"tokens\":%" PRId64
            ",\"loss\":%.7g,\"grad_norm\":%.7g,\"lr\":%.7g,\"tokens_per_s\":%.5g,\"gflops_per_s\":%.4g,"
            "\"peak_share\":%.3g,\"seconds_left\":%.0f}\n",
            s->step, epoch, s->tokens, s->loss, norm, lr, speed->tokens_per_s, speed->gflops_per_s,
            speed->peak_share, speed->seconds_left);
}

void gk_train__metrics_valid(gk_train__metrics *m, const gk_train__state *s, int64_t epoch) {
    fprintf(m->f,
            "{\"step\":%" PRId64 ",\"epoch\":%" PRId64 ",\"tokens\":%" PRId64
            ",\"valid_loss\":%.7g,\"since_best\":%" PRId64 "}\n",
            s->step, epoch, s->tokens, s->valid_loss, s->since_best);
}

void gk_line_num(gk_line *line, const char *key, double value) {
    json_object_set_new(line->json, key, isfinite(value) ? json_real(value) : json_null());
}

void gk_line_count(gk_line *line, const char *key, int64_t value) {
    json_object_set_new(line->json, key, json_integer(value));
}

bool gk_line_text(gk_line *line, const char *key, const char *value) {
    return json_object_set_new(line->json, key, json_string(value)) == 0;
}

void gk_train__metrics_epoch(gk_train__metrics *m, const gk_train__state *s, int64_t epochs,
                             const json_t *line) {
    if (json_object_size(line) == 0) return;
    json_t *all = json_object();
    json_object_set_new(all, "step", json_integer(s->step));
    json_object_set_new(all, "epochs", json_integer(epochs));
    json_object_set_new(all, "tokens", json_integer(s->tokens));
    json_object_update_missing(all, (json_t *)(uintptr_t)line);
    gk_jsonl_write(m->f, all);
    json_decref(all);
}

bool gk_train__metrics_sync(gk_train__metrics *m, int64_t *bytes, gk_error *err) {
    errno = ferror(m->f) ? EIO : 0;
    if (!errno && fflush(m->f) == 0 && fsync(fileno(m->f)) == 0) {
        *bytes = ftello(m->f);
        if (*bytes >= 0) return true;
    }
    return gk_fail_errno(err, GK_AT_FILE(m->path), "writing the file (the disk may be full)", errno);
}

void gk_train__metrics_close(gk_train__metrics *m) {
    if (m->f) fclose(m->f);
    m->f = NULL;
}
