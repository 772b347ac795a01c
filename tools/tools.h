/* tools.h: what the sub-commands of graftkit share. Internal to tools/. */
#ifndef GK_TOOLS_H
#define GK_TOOLS_H

#include "core/shipped.h"
#include "graftkit/core/error.h"
#include "graftkit/core/memory.h"

/* One row a sub-command: name (on the command line with - for _), one-line summary. The function is
 * cmd_<name>(argc, argv) in tools/commands/cmd_<name>.c; argv[0] is the sub-command's name. It returns the
 * exit code: 0, 1 (failed; 2 is for no or no such sub-command) or 130 (asked to stop, by Ctrl-C or SIGTERM;
 * what was done is kept). */
#define GK_COMMANDS(X)                                                           \
    X(run, "run the pipeline, or steps of it: dataset to report")                \
    X(dataset, "make a dataset: rows, training texts and splits")                \
    X(tokenizer, "train a small sentencepiece vocabulary on a corpus")           \
    X(base, "pretrain a new model from scratch")                                 \
    X(finetune, "finetune a model on texts")                                     \
    X(merge, "add an adapter to its base model and save the sum as a model")     \
    X(gate, "check that a model knows its own facts")                            \
    X(sweep, "evaluate graft schemes over prompts into a results database")      \
    X(search, "find a small graft that recovers what the donor knows")           \
    X(attribute, "say what each part of a graft is worth (Shapley values)")      \
    X(plan, "draw which model computes what on a prompt")                        \
    X(export, "write a results database as CSV, JSONL or LaTeX")                 \
    X(import_patch, "turn patch configurations of the public code into schemes") \
    X(report, "write the HTML report of a run")                                  \
    X(experiment, "check a file of experiments/ and list what it needs")         \
    X(compare, "write one page about the experiments of several runs")           \
    X(inspect, "show what a model is made of and the memory it takes")           \
    X(diff, "show how far two models of one architecture are apart")             \
    X(generate, "continue texts with a model")                                   \
    X(logits, "print what a model says at every token")                          \
    X(list, "list what comes along: schemes, recipes, datasets, families …")     \
    X(models, "list the model families and their checkpoints")                   \
    X(info, "show CPU, kernels, threads and measured GFLOP/s")                   \
    X(man, "print the manual page, for man or groff")
#define X(name, help) int cmd_##name(int argc, char **argv);
GK_COMMANDS(X)
#undef X

typedef enum gk_opt_kind {
    GK_OPT_FLAG, /* bool *: set to true */
    GK_OPT_INT,  /* int64_t *: 0 or more */
    GK_OPT_NUM,  /* double * */
    GK_OPT_STR,  /* const char **: not empty */
    GK_OPT_LIST  /* gk_strings *: a GK_OPT_STR that may be repeated */
} gk_opt_kind;

typedef struct gk_strings {
    const char **item;
    size_t n;
} gk_strings;

typedef struct gk_opt {
    const char *name; /* without the two dashes */
    gk_opt_kind kind;
    void *dest; /* holds the default beforehand; --help shows no negative integer: the text says what holds */
    const char *arg;  /* name of the value in --help, e.g. "FILE" */
    const char *help; /* one line; the default is appended by --help */
    bool required;
} gk_opt;

/* Parses `--name value`, `--name=value` and `--flag`; no positional arguments. Prints --help to stdout.
 * Returns -1 to go on, otherwise the exit code to return at once: 0 after --help, 1 after an unknown
 * option (which it names, with the nearest known one), a missing or malformed value, or a missing required
 * option (one line on stderr). */
int gk_args(const char *command, const char *summary, const gk_opt *opts, size_t n_opts, int argc,
            char **argv, gk_arena *a);

/* What a sub-command is called on the command line: its name in GK_COMMANDS with - for _. */
enum { GK_COMMAND_WORD = 32 };
char *gk_command_word(const char *name, char word[GK_COMMAND_WORD]);

/* The word of `known` that is fewest edits away from `word`, or NULL when none is close. */
const char *gk_nearest(const char *word, const char *const *known, size_t n);

/* Prints `graftkit <command>: <error text>` on stderr and returns 1. */
int gk_die(const char *command, const gk_error *err);

/* A file or a model (a folder, or a GGUF file) that the command line names; NULL paths do not count. */
typedef struct gk_named_path {
    const char *option, *path;
    enum { GK_INPUT, GK_OUTPUT, GK_MODEL } kind;
} gk_named_path;
/* Fails where an output is the file of another output, of an input or of a model: before the work, since
 * writing it would be a loss that nobody asked for. */
bool gk_check_outputs(const gk_named_path *list, size_t n, gk_error *err);

/* Fails where the folder holds a model, an adapter, a tokenizer or a run. */
bool gk_check_folder(const char *dir, gk_error *err);

/* "1GiB", "512MiB", "2G", "1000000": bytes; `option` is named where the text is none of these. */
bool gk_parse_bytes(const char *text, const char *option, size_t *out, gk_error *err);

/* The fields of the datasets that come along, where nobody names others: what prompts are about (schemes call
 * it GK_ENTITY) and what they ask for. */
#define GK_ENTITY_FIELD "first_actor"
#define GK_TARGET_FIELD "second_actor"

/* What --threads N means: so many threads; 0: all cores. */
void gk_use_threads(int64_t n);

/* With this word instead of --help, gk_args prints the same as a section of the man page, in roff. */
#define GK_HELP_ROFF "--help=roff"

/* Prints a line of --help: a name, and what it is; in roff if that is asked for. */
void gk_help_line(const char *left, const char *right, bool roff);

/* ---------------------------------------------------------------- what comes along (home.c) */

/* Where schemes, recipes, templates, lists … lie, as gk_shipped_path takes it: $GRAFTKIT_HOME; else, for a
 * program in PREFIX/bin, PREFIX/share/graftkit where there is such a folder; else the source tree graftkit
 * was built from. Not thread-safe. */
const char *gk_home(void);
/* The one way from what a command line says to a file: gk_shipped_find below gk_home(). */
const char *gk_find(gk_arena *a, gk_shipped kind, const char *option, const char *word, gk_error *err);
/* Each of `words`, in place. */
bool gk_find_all(gk_arena *a, gk_shipped kind, const char *option, gk_strings *words, gk_error *err);

#endif
