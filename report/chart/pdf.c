/* pdf.c: rsvg-convert as a child process. */
#include "graftkit/core/memory.h"
#include "report/chart/pdf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { COMPLAINT = 512 };
static const char HINT[] = "install it (Debian package librsvg2-bin); the SVG files are written";

static int spawn(const char *svg, const char *pdf, int complaint, pid_t *pid) {
    char *argv[] = {(char[]){"rsvg-convert"}, (char[]){"--format=pdf"}, (char[]){"--output"},
                    (char *)(uintptr_t)pdf,   (char *)(uintptr_t)svg,   NULL};
    posix_spawn_file_actions_t io;
    int rc = posix_spawn_file_actions_init(&io);
    if (rc) return rc;
    rc = posix_spawn_file_actions_addopen(&io, 0, "/dev/null", O_RDONLY, 0);
    if (!rc) rc = posix_spawn_file_actions_adddup2(&io, complaint, 1);
    if (!rc) rc = posix_spawn_file_actions_adddup2(&io, complaint, 2);
    /* graftkit takes its signals in one thread and blocks them elsewhere; the child is to have them. */
    posix_spawnattr_t attr;
    sigset_t none;
    sigemptyset(&none);
    if (!rc) rc = posix_spawnattr_init(&attr);
    if (!rc) {
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
        rc = posix_spawnp(pid, argv[0], &io, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&io);
    return rc;
}

/* What the child says until it ends: its first line. */
static void read_complaint(int from, char text[COMPLAINT]) {
    char rest[256];
    size_t n = 0;
    ssize_t got;
    while ((got = read(from, n + 1 < COMPLAINT ? text + n : rest,
                       n + 1 < COMPLAINT ? COMPLAINT - 1 - n : sizeof rest)) > 0 ||
           (got < 0 && errno == EINTR))
        if (got > 0 && n + 1 < COMPLAINT) n += (size_t)got;
    text[n] = 0;
    text[strcspn(text, "\n")] = 0;
}

static bool convert(const char *svg, const char *pdf, gk_error *err) {
    int ends[2], status;
    char said[COMPLAINT];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0) return gk_fail_errno(err, GK_NOWHERE, "making a pipe", errno);
    int rc = spawn(svg, pdf, ends[1], &pid);
    close(ends[1]);
    if (!rc) read_complaint(ends[0], said);
    close(ends[0]);
    if (rc) return gk_fail(err, GK_AT_FILE(pdf), HINT, "starting rsvg-convert failed: %s", strerror(rc));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return gk_fail_errno(err, GK_NOWHERE, "waiting for rsvg-convert", errno);
    if (WIFSIGNALED(status))
        return gk_fail(err, GK_AT_FILE(pdf), HINT, "rsvg-convert was ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) == 127)
        return gk_fail(err, GK_AT_FILE(pdf), HINT, "rsvg-convert could not be started");
    if (WEXITSTATUS(status) != 0)
        return gk_fail(err, GK_AT_FILE(pdf), "the SVG files are written",
                       "rsvg-convert failed (exit code %d): %.200s", WEXITSTATUS(status),
                       *said ? said : "it does not say why");
    return true;
}

bool gk_chart__pdf_of(const char *svg, const char *pdf, gk_error *err) {
    gk_arena *a = gk_arena_new();
    const char *part = gk_arena_printf(a, "%s.part", pdf);
    bool ok = convert(svg, part, err);
    if (ok && rename(part, pdf) != 0) ok = gk_fail_errno(err, GK_AT_FILE(pdf), "renaming to it", errno);
    if (!ok) unlink(part);
    gk_arena_free(a);
    return ok;
}
