/* main.c: graftkit's entry: finds the sub-command and hands it the rest of the command line. */
#include "graftkit/core/file.h"
#include "graftkit/core/isa.h"
#include "graftkit/core/progress.h"
#include "tools/tools.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct command {
    const char *name, *help;
    int (*run)(int argc, char **argv);
} command;

static const command COMMANDS[] = {
#define X(name, help) {#name, help, cmd_##name},
    GK_COMMANDS(X)
#undef X
};
enum { N_COMMANDS = sizeof COMMANDS / sizeof *COMMANDS };

static void print_usage(FILE *out) {
    char word[GK_COMMAND_WORD];
    fprintf(out, "graftkit " GK_VERSION ": dynamic weight grafting\n\nusage: graftkit COMMAND [options]\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-12s %s\n", gk_command_word(COMMANDS[i].name, word), COMMANDS[i].help);
    fprintf(out,
            "graftkit COMMAND --help lists a command's options; graftkit --version prints the version.\n");
}

static int unknown_command(const char *word) {
    const char *names[N_COMMANDS];
    char words[N_COMMANDS][GK_COMMAND_WORD];
    for (size_t i = 0; i < N_COMMANDS; i++) names[i] = gk_command_word(COMMANDS[i].name, words[i]);
    const char *near = gk_nearest(word, names, N_COMMANDS);
    if (near)
        fprintf(stderr, "graftkit: unknown command '%s'; did you mean %s?\n", word, near);
    else
        fprintf(stderr, "graftkit: unknown command '%s'; see graftkit --help\n", word);
    return 2;
}

/* OpenMP's waiting threads spin, which is quick on an idle machine and ruinous where another process wants
 * the core: a step took ten times as long there. A short spin keeps the one without the other
 * (docs/speed.md). The runtime reads its settings when it is loaded, hence the second start; what the user
 * set stays. */
static void spin_briefly(char **argv) {
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT")) return;
    if (setenv("GOMP_SPINCOUNT", "20000", 1) == 0) execv("/proc/self/exe", argv);
    /* It did not work out: the program runs all the same. */
}

/* A line a fact: what holds of several models is said once. */
static void say_notice(void *ctx, const char *line) {
    static gk_buf said;
    (void)ctx;
    for (const char *s = said.data; s && s < said.data + said.len; s += strlen(s) + 1)
        if (strcmp(s, line) == 0) return;
    gk_buf_add(&said, line, strlen(line) + 1);
    fprintf(stderr, "graftkit: note: %s\n", line);
}

int main(int argc, char **argv) {
    spin_briefly(argv);
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    const char *word = argv[1];
    char known[GK_COMMAND_WORD];
    gk_error err;
    if (!gk_isa_check(&err)) return gk_die(word, &err);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (strcmp(word, "--version") == 0) {
        printf("graftkit " GK_VERSION "\n");
        return 0;
    }
    if (strcmp(word, "run") != 0) gk_interrupt_catch(); /* there make's children take the signals */
    gk_map_guard();
    gk_notice_to(say_notice, NULL);
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(word, gk_command_word(COMMANDS[i].name, known)) == 0)
            return COMMANDS[i].run(argc - 1, argv + 1);
    return unknown_command(word);
}
