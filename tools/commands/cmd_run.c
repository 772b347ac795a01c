/* cmd_run.c: `graftkit run`: the pipeline where there is no source tree. What its steps are stands in
 * tools/pipeline/run.mk alone, which make runs with this program, as the Makefile of the source tree does. */
#include "graftkit/core/file.h"
#include "tools/pipeline.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---------------------------------------------------------------- where things are */

static bool on_path(gk_arena *a, const char *name) {
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/usr/bin:/bin"; *p; p += *p == ':') {
        size_t n = strcspn(p, ":");
        if (n > 0 && access(gk_path_join(a, gk_arena_strndup(a, p, n), name), X_OK) == 0) return true;
        p += n;
    }
    return false;
}

static bool check_tools(gk_arena *a, gk_error *err) {
    static const char *const needed[] = {"make", "bash"}; /* Debian's packages are called the same */
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!on_path(a, needed[i]))
            return gk_fail(err, GK_NOWHERE, gk_arena_printf(a, "apt install %s", needed[i]),
                           "the pipeline needs the package %s, which is not installed", needed[i]);
    return true;
}

/* Make splits names at blanks and reads these characters as its own. */
static bool check_name(const char *what, const char *path, gk_error *err) {
    if (!strpbrk(path, " \t:;'\"`\\?*[](){}<>&|!~%#$")) return true;
    return gk_fail(err, GK_AT_FILE(path), "move it to a path without blanks and such characters",
                   "%s lies where make cannot name it", what);
}

/* ---------------------------------------------------------------- --help */

static void show_title(const char *title, bool roff) {
    printf(roff ? ".PP\n%s\n" : "\n%s\n", title);
}

static bool show_description(gk_arena *a, bool roff, gk_error *err) {
    gk_pipeline p;
    if (!gk_pipeline_read(a, &p, err)) return false;
    show_title("graftkit run [STEP …] [NAME=VALUE …] does these steps, and those that they need [report]:",
               roff);
    for (size_t i = 0; i < p.n_steps; i++) gk_help_line(p.step[i].name, p.step[i].about, roff);
    show_title("The variables, and in brackets what they are when nothing else is said:", roff);
    for (size_t i = 0; i < p.n_variables; i++)
        gk_help_line(gk_arena_printf(a, "%s=%s", p.variable[i].name, p.variable[i].value),
                     p.variable[i].about, roff);
    return true;
}

/* ---------------------------------------------------------------- running make */

static volatile sig_atomic_t child, stopped;

/* What the terminal sends make has got, too; what a program sends is for us alone. */
static void forward(int sig, siginfo_t *info, void *context) {
    (void)context;
    stopped = 1;
    if (child > 0 && (info->si_code == SI_USER || info->si_code == SI_TKILL || info->si_code == SI_QUEUE))
        kill((pid_t)child, sig);
}

static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP};

/* Blocks the signals that end us, or lets them through to forward(). */
static void hold_signals(bool hold) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++) sigaddset(&set, SIGNALS[i]);
    sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* The exit code: 0, 1, or 130 where it was asked to stop. */
static int run_make(char **argv, gk_error *err) {
    struct sigaction act = {.sa_sigaction = forward, .sa_flags = SA_SIGINFO | SA_RESTART};
    int status;
    hold_signals(true);
    pid_t pid = fork();
    if (pid < 0) {
        gk_fail_errno(err, GK_NOWHERE, "starting make", errno);
        return gk_die("run", err);
    }
    if (pid == 0) {
        hold_signals(false);
        execvp(argv[0], argv);
        fprintf(stderr, "graftkit run: make: %s\n", strerror(errno));
        _exit(1);
    }
    child = pid;
    for (size_t i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++) sigaction(SIGNALS[i], &act, NULL);
    hold_signals(false);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (stopped || WIFSIGNALED(status)) return 130;
    return WEXITSTATUS(status) == 0 ? 0 : 1;
}

/* An outer make's variables are none of ours. */
static void forget_outer_make(void) {
    static const char *const names[] = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEFILES", "MAKEOVERRIDES"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
}

static int run(gk_arena *a, const gk_strings *words, bool dry) {
    gk_error err;
    char self[PATH_MAX] = "", home[PATH_MAX], run_mk[PATH_MAX];
    gk_pipeline p;
    if (!gk_pipeline_read(a, &p, &err)) return gk_die("run", &err);
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0 || !realpath(gk_home(), home) ||
        !realpath(p.path, run_mk)) {
        gk_fail_errno(&err, GK_AT_FILE(gk_home()), "finding the program's files", errno);
        return gk_die("run", &err);
    }
    if (!check_tools(a, &err) || !check_name("the program", self, &err) ||
        !check_name("what comes with the program", home, &err))
        return gk_die("run", &err);
    const char **argv = gk_arena_alloc(a, (words->n + 16) * sizeof *argv);
    const char *const fixed[] = {"make",
                                 "-f",
                                 run_mk,
                                 "--no-print-directory",
                                 gk_arena_printf(a, "G=%s", self),
                                 gk_arena_printf(a, "SHARE=%s/", home),
                                 "CALLED=graftkit run"};
    size_t argc = sizeof fixed / sizeof *fixed;
    bool step = false;
    memcpy(argv, fixed, sizeof fixed);
    if (dry) argv[argc++] = "-n";
    for (size_t i = 0; i < words->n; i++) {
        step |= !strchr(words->item[i], '=');
        argv[argc++] = words->item[i];
    }
    if (!step) argv[argc++] = "report";
    argv[argc] = NULL;
    forget_outer_make();
    return run_make((char **)(uintptr_t)argv, &err);
}

/* ---------------------------------------------------------------- the command line */

static bool is_step(gk_arena *a, const char *word, gk_error *err) {
    gk_pipeline p;
    if (!gk_pipeline_read(a, &p, err)) return false;
    const char **known = gk_arena_alloc(a, (p.n_steps + 1) * sizeof *known);
    for (size_t i = 0; i < p.n_steps; i++) {
        known[i] = p.step[i].name;
        if (strcmp(known[i], word) == 0) return true;
    }
    const char *near = gk_nearest(word, known, p.n_steps);
    return gk_fail(err, GK_NOWHERE,
                   near ? gk_arena_printf(a, "did you mean %s?", near) : "graftkit run --help lists them",
                   "'%s' is no step", word);
}

/* Takes the words that are steps and NAME=VALUE out of argv; the rest is for gk_args. */
static bool take_words(gk_arena *a, int *argc, char **argv, gk_strings *words, gk_error *err) {
    const char **taken = gk_arena_alloc(a, (size_t)*argc * sizeof *taken);
    int left = 1;
    for (int i = 1; i < *argc; i++) {
        const char *word = argv[i];
        size_t name = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789abcdefghijklmnopqrstuvwxyz");
        if (*word == '-')
            argv[left++] = argv[i];
        else if ((name > 0 && word[name] == '=') || is_step(a, word, err))
            taken[words->n++] = word;
        else
            return false;
    }
    words->item = taken;
    *argc = left;
    argv[left] = NULL;
    return true;
}

static bool asks_for(int argc, char **argv, const char *word) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], word) == 0) return true;
    return false;
}

int cmd_run(int argc, char **argv) {
    bool dry = false;
    const gk_opt opts[] = {
        {"dry-run", GK_OPT_FLAG, &dry, NULL, "print the commands instead of running them", false}};
    gk_arena *a = gk_arena_new();
    gk_error err;
    gk_strings words = {0};
    const bool roff = asks_for(argc, argv, GK_HELP_ROFF),
               help = roff || asks_for(argc, argv, "--help") || asks_for(argc, argv, "-h");
    int code = -1;
    if (!help && !take_words(a, &argc, argv, &words, &err)) code = gk_die("run", &err);
    if (code < 0)
        code = gk_args("run", "run the pipeline, or steps of it: dataset to report", opts,
                       sizeof opts / sizeof *opts, argc, argv, a);
    if (help && code == 0 && !show_description(a, roff, &err)) code = gk_die("run", &err);
    if (code < 0) code = run(a, &words, dry);
    gk_arena_free(a);
    return code;
}
