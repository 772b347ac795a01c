/* file.c: mapped and whole-file input, atomic output, folders. */
#include "core/mapped.h"
#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------- input */

static int open_to_read(const char *path, struct stat *st, gk_error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, st) != 0) {
        gk_fail_errno(err, GK_AT_FILE(path), "opening the file", errno);
    } else if (S_ISDIR(st->st_mode)) {
        gk_fail(err, GK_AT_FILE(path), "name a file", "this is a folder");
    } else {
        return fd;
    }
    if (fd >= 0) close(fd);
    return -1;
}

static bool map_fd(int fd, const struct stat *st, gk_map *out, gk_error *err) {
    if (!S_ISREG(st->st_mode))
        return gk_fail(err, GK_AT_FILE(out->path), "name a regular file", "this cannot be mapped");
    out->data = (const uint8_t *)"";
    out->size = (size_t)st->st_size;
    if (out->size == 0) return true;
    void *p = mmap(NULL, out->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) return gk_fail_errno(err, GK_AT_FILE(out->path), "mapping the file", errno);
    out->data = p;
    return true;
}

static bool path_fits(const char *path, size_t size, gk_error *err) {
    if (strlen(path) < size) return true;
    return gk_fail(err, GK_AT_FILE(path), "use a shorter path, or a relative one",
                   "the path is longer than %zu bytes", size - 1);
}

bool gk_map_open(const char *path, gk_map *out, gk_error *err) {
    struct stat st;
    *out = (gk_map){0};
    if (!path_fits(path, sizeof out->path, err)) return false;
    int fd = open_to_read(path, &st, err);
    if (fd < 0) return false;
    strcpy(out->path, path);
    bool ok = map_fd(fd, &st, out, err);
    close(fd);
    if (ok)
        gk_mapped__add(out);
    else
        *out = (gk_map){0};
    return ok;
}

void gk_map_close(gk_map *m) {
    gk_mapped__remove(m);
    if (m->size) munmap((void *)(uintptr_t)m->data, m->size);
    *m = (gk_map){0};
}

static bool read_all(int fd, const char *path, size_t max_bytes, gk_buf *buf, gk_error *err) {
    char block[64 << 10];
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return gk_fail_errno(err, GK_AT_FILE(path), "reading the file", errno);
        if ((size_t)n > max_bytes - buf->len)
            return gk_fail(err, GK_AT_FILE(path), NULL, "the file is larger than the %zu bytes allowed here",
                           max_bytes);
        gk_buf_add(buf, block, (size_t)n);
        if (n == 0) return true;
    }
}

char *gk_read_file(gk_arena *a, const char *path, size_t max_bytes, size_t *len, gk_error *err) {
    struct stat st;
    int fd = open_to_read(path, &st, err);
    if (fd < 0) return NULL;
    gk_buf buf = {0};
    char *text = NULL;
    size_t skip = 0;
    if (read_all(fd, path, max_bytes, &buf, err) && gk_text_begin(buf.data, buf.len, path, &skip, err)) {
        text = gk_arena_alloc(a, buf.len - skip + 1);
        if (buf.len > skip) memcpy(text, buf.data + skip, buf.len - skip);
        if (len) *len = buf.len - skip;
    }
    close(fd);
    gk_buf_free(&buf);
    return text;
}

/* ---------------------------------------------------------------- atomic output */

/* Fills out->path with the file that the rename will replace: `path`, or what it links to. Refuses what a
 * rename must not replace: a device, a folder, a file its owner wrote-protected. */
static bool find_target(const char *path, gk_out *out, gk_error *err) {
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return gk_fail(err, GK_AT_FILE(path), "name a file", "this is a folder");
    if (there && !S_ISREG(st.st_mode))
        return gk_fail(err, GK_AT_FILE(path), "name a regular file",
                       "this is a device, pipe or socket and cannot be replaced");
    if (there && access(path, W_OK) != 0)
        return gk_fail_errno(err, GK_AT_FILE(path), "writing the file", errno);
    char *real = there ? realpath(path, NULL) : NULL;
    bool ok = path_fits(real ? real : path, sizeof out->path, err);
    if (ok) strcpy(out->path, real ? real : path);
    free(real);
    return ok;
}

/* The folder of `path`, in dir (as large as a path may be), and the name in it. */
static const char *split_path(const char *path, char *dir, size_t size) {
    const char *slash = strrchr(path, '/');
    int len = slash ? (int)(slash - path) : 0;
    snprintf(dir, size, "%.*s", len ? len : 1, len ? path : slash ? "/" : ".");
    return slash ? slash + 1 : path;
}

/* "NAME.tmp-PID-N" of a process that is no more. */
static bool is_stale(const char *file, const char *name) {
    size_t len = strlen(name);
    if (strncmp(file, name, len) != 0 || strncmp(file + len, ".tmp-", 5) != 0) return false;
    char *end;
    long pid = strtol(file + len + 5, &end, 10);
    if (pid <= 0 || *end != '-' || !end[1] || end[1 + strspn(end + 1, "0123456789")]) return false;
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void remove_stale(const char *path) {
    char folder[sizeof((gk_out *)0)->path];
    const char *name = split_path(path, folder, sizeof folder);
    DIR *d = opendir(folder);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));)
        if (is_stale(e->d_name, name)) unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

bool gk_out_open(const char *path, gk_out *out, gk_error *err) {
    *out = (gk_out){0};
    if (!find_target(path, out, err)) return false;
    remove_stale(out->path);
    int fd = -1;
    for (unsigned n = 0; fd < 0 && n < 1000; n++) {
        snprintf(out->temp, sizeof out->temp, "%s.tmp-%ld-%u", out->path, (long)getpid(), n);
        fd = open(out->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) break;
    }
    if (fd >= 0) out->f = fdopen(fd, "wb");
    if (out->f) return true;
    int why = errno;
    if (fd >= 0) {
        close(fd);
        unlink(out->temp);
    }
    *out = (gk_out){0};
    return gk_fail_errno(err, GK_AT_FILE(path), "creating the file", why);
}

void gk_out_abort(gk_out *out) {
    if (!out->f) return;
    fclose(out->f);
    unlink(out->temp);
    *out = (gk_out){0};
}

/* Makes the rename last through a power failure. Some file systems know no fsync of folders (EINVAL). */
static bool sync_folder(const char *path, gk_error *err) {
    char dir[sizeof((gk_out *)0)->path];
    split_path(path, dir, sizeof dir);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* A folder that may be written but not read cannot be opened; then the system's own pace has to do. */
    if (fd < 0)
        return errno == EACCES ? true : gk_fail_errno(err, GK_AT_FILE(dir), "opening the folder", errno);
    bool ok = fsync(fd) == 0 || errno == EINVAL;
    if (!ok) gk_fail_errno(err, GK_AT_FILE(dir), "flushing the folder to disk", errno);
    close(fd);
    return ok;
}

bool gk_out_commit(gk_out *out, gk_error *err) {
    if (!out->f)
        return gk_fail(err, GK_AT_FILE(out->path), "open it first, and commit once",
                       "this output is not open");
    int why = ferror(out->f) ? EIO : 0; /* an earlier write failed, and its errno is gone */
    if (fflush(out->f) != 0 || (!why && fsync(fileno(out->f)) != 0)) why = errno;
    if (fclose(out->f) != 0 && !why) why = errno;
    if (!why && rename(out->temp, out->path) != 0) why = errno;
    bool ok = !why;
    if (why) {
        unlink(out->temp);
        gk_fail_errno(err, GK_AT_FILE(out->path), "writing the file (the disk may be full)", why);
    }
    if (ok) ok = sync_folder(out->path, err);
    *out = (gk_out){0};
    return ok;
}

bool gk_out_check(const char *path, gk_error *err) {
    gk_out out;
    bool ok = gk_out_open(path, &out, err);
    gk_out_abort(&out);
    return ok;
}

bool gk_write_file(const char *path, const void *data, size_t len, gk_error *err) {
    gk_out out;
    if (!gk_out_open(path, &out, err)) return false;
    if (len) fwrite(data, 1, len, out.f); /* commit reports a failure */
    return gk_out_commit(&out, err);
}

/* ---------------------------------------------------------------- folders and names */

bool gk_mkdirs(const char *path, gk_error *err) {
    char part[sizeof((gk_out *)0)->path];
    if (!path_fits(path, sizeof part, err)) return false;
    strcpy(part, path);
    for (char *p = part; *p;) {
        p += strspn(p, "/");
        p += strcspn(p, "/");
        char end = *p;
        *p = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return gk_fail_errno(err, GK_AT_FILE(part), "making the folder", errno);
        *p = end;
    }
    struct stat st;
    if (stat(path, &st) != 0) return gk_fail_errno(err, GK_AT_FILE(path), "making the folder", errno);
    if (!S_ISDIR(st.st_mode))
        return gk_fail(err, GK_AT_FILE(path), "name a folder", "there is a file in the way");
    if (access(path, W_OK | X_OK) != 0)
        return gk_fail_errno(err, GK_AT_FILE(path), "writing to the folder", errno);
    return true;
}

bool gk_exists(const char *path) {
    return access(path, F_OK) == 0;
}

bool gk_same_file(const char *a, const char *b) {
    struct stat x, y;
    bool there[2] = {stat(a, &x) == 0, stat(b, &y) == 0};
    if (!there[0] && !there[1]) { /* the same name in the same folder */
        char dir_a[sizeof((gk_out *)0)->path], dir_b[sizeof((gk_out *)0)->path];
        const char *name_a = split_path(a, dir_a, sizeof dir_a), *name_b = split_path(b, dir_b, sizeof dir_b);
        if (strcmp(name_a, name_b) != 0 || stat(dir_a, &x) != 0 || stat(dir_b, &y) != 0) return false;
    } else if (!there[0] || !there[1]) {
        return false;
    }
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

char *gk_path_join(gk_arena *a, const char *dir, const char *name) {
    size_t len = strlen(dir);
    return gk_arena_printf(a, "%s%s%s", dir, len == 0 || dir[len - 1] == '/' ? "" : "/", name);
}
