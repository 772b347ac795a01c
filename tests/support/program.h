/* program.h: the program as a person runs it. $GRAFTKIT names the binary (make test sets it). */
#ifndef GK_TESTS_PROGRAM_H
#define GK_TESTS_PROGRAM_H

#include "tests/support/scratch.h"

#include <stdio.h>
#include <sys/wait.h>

static inline const char *program(void) {
    const char *binary = getenv("GRAFTKIT");
    ck_assert_msg(binary != NULL, "GRAFTKIT is not set: run this suite through make test");
    return binary;
}

/* The exit code of a shell line, whose $0 is `argument` (may be NULL), and -1 where a signal ended it; what
 * it prints comes to `out`, as far as there is room. `before` (may be NULL) is called in its process. */
static inline int run_shell(const char *line, const char *argument, void (*before)(void), char *out,
                            size_t size) {
    int fd[2], status;
    ck_assert_int_eq(pipe(fd), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (before) before();
        dup2(fd[1], 1);
        close(fd[0]);
        close(fd[1]);
        execl("/bin/bash", "bash", "-c", line, argument, (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    FILE *f = fdopen(fd[0], "r");
    ck_assert_ptr_nonnull(f);
    out[fread(out, 1, size - 1, f)] = '\0';
    while (fgetc(f) != EOF) {
    }
    fclose(f);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int run_line(const char *line, char *out, size_t size) {
    return run_shell(line, NULL, NULL, out, size);
}

/* The same of a command in `folder` whose environment is PATH, how threads wait, and `variables` ("A='1'
 * B='2'"), without what an outer make left; both streams in `out`. */
static inline int run_clean(scratch *s, const char *folder, const char *variables, const char *command,
                            char *out, size_t size) {
    char *line =
        gk_arena_printf(s->a,
                        "cd '%s' && exec env -i PATH=\"$PATH\" "
                        "${OMP_WAIT_POLICY+\"OMP_WAIT_POLICY=$OMP_WAIT_POLICY\"} %s bash -c \"$0\" 2>&1",
                        folder, variables);
    return run_shell(line, command, NULL, out, size);
}

/* A command that is refused: exit code 1, and one line that begins with the program's name and holds both
 * parts; no progress before it. */
static inline void assert_refusal(const char *args, int code, const char *out, const char *a, const char *b) {
    ck_assert_msg(code == 1, "graftkit %s\nreturned %d:\n%s", args, code, out);
    ck_assert_msg(strncmp(out, "graftkit ", 9) == 0 && strchr(out, '\n') == strrchr(out, '\n'),
                  "not one line:\n%s", out);
    ck_assert_msg(strstr(out, a) && strstr(out, b), "graftkit %s\nshould say '%s' and '%s':\n%s", args, a, b,
                  out);
}

#endif
