/* cmd_man.c: the manual page, from what every command's --help says. */
#include "tools/tools.h"

#include <string.h>

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

/* roff as it is written. */
static const char HEAD[] =
    ".TH GRAFTKIT 1 \"\" \"graftkit " GK_VERSION "\" \"User Commands\"\n"
    ".SH NAME\n"
    "graftkit \\- dynamic weight grafting: which model's weights compute what, position by position\n"
    ".SH SYNOPSIS\n"
    ".B graftkit\n.I COMMAND\n.RI [ options ]\n"
    ".SH DESCRIPTION\n"
    "A prompt is run through two models at once, a pretrained one and one that was finetuned on new facts.\n"
    "For every token, layer and component a scheme chooses whose weights compute there. Where the finetuned\n"
    "weights are needed for its answer is where the new facts are looked up.\n"
    ".PP\n"
    "A run is a chain of commands: dataset, tokenizer, base, gate, finetune, sweep, export, report, which\n"
    ".B graftkit run\n"
    "chains; in the source tree, make report does the same.\n"
    ".PP\n"
    "Options are written\n.B \\-\\-name value\nor\n.B \\-\\-name=value.\n"
    "An option that may be repeated takes one value each time. Brackets hold the default.\n";

static const char TAIL[] =
    ".SH EXIT STATUS\n"
    ".TP\n0\nThe command did what it was asked to.\n"
    ".TP\n1\nIt failed; the last line on stderr says what is wrong, where, and what would be right.\n"
    ".TP\n2\nThere is no such command.\n"
    ".TP\n130\nIt was interrupted; what was done is kept, and the same command goes on from there.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B GRAFTKIT_HOME\n"
    "The folder that holds what comes along: templates, train/recipes, tools/pipeline …. Default: "
    "../share/graftkit beside "
    "the "
    "program's\n"
    "folder, else the source tree that it was built from.\n"
    ".TP\n.B OMP_NUM_THREADS\n"
    "How many threads, where \\-\\-threads does not say. Default: all cores.\n"
    ".TP\n.B OMP_WAIT_POLICY, GOMP_SPINCOUNT\n"
    "How threads wait; where neither is set, graftkit makes them spin briefly.\n"
    ".TP\n.B BLIS_ARCH_TYPE\n"
    "Which kernels BLIS uses; where it is not set, graftkit chooses by the CPU's features.\n"
    ".TP\n.B NO_COLOR\n"
    "Where it is set, plan draws without colours.\n"
    ".SH SEE ALSO\n"
    "docs/guide.md in the source tree, or in share/doc/graftkit beside the program's folder.\n";

static bool print_page(void) {
    fputs(HEAD, stdout);
    fputs(".SH COMMANDS\nEvery command takes\n.B \\-\\-help.\n", stdout);
    for (int i = 0; i < N_COMMANDS; i++) {
        char name[GK_COMMAND_WORD], roff[] = GK_HELP_ROFF;
        gk_command_word(COMMANDS[i].name, name);
        char *argv[] = {name, roff, NULL};
        if (COMMANDS[i].run(2, argv) != 0) return false;
    }
    fputs(TAIL, stdout);
    return fflush(stdout) == 0 && !ferror(stdout);
}

int cmd_man(int argc, char **argv) {
    gk_arena *a = gk_arena_new();
    int code = gk_args(argv[0], "print the manual page, for man or groff", NULL, 0, argc, argv, a);
    gk_arena_free(a);
    if (code >= 0) return code;
    return print_page() ? 0 : 1;
}
