/* test_args.c: the command line: options, --help, exit codes, and the one line that says what is wrong. */
/* modules: core */
#include "tests/support/scratch.h"
#include "tools/tools.h"

/* tools/ is a program and not an archive, so the files that are tested here are compiled in. */
#include "tools/args.c" /* NOLINT(bugprone-suspicious-include) */
#include "tools/home.c" /* NOLINT(bugprone-suspicious-include) */
#define main graftkit_main
#include "tools/main.c" /* NOLINT(bugprone-suspicious-include) */
#undef main

#include <fcntl.h>

/* Sub-commands that return a code of their own, so that a test sees which one was called and with what. */
#define X(name, help)                            \
    int cmd_##name(int argc, char **argv) {      \
        return 40 + argc + (int)strlen(argv[0]); \
    }
GK_COMMANDS(X)
#undef X

/* ---------------------------------------------------------------- running a command line */

typedef struct options {
    bool force;
    int64_t steps;
    double lr;
    const char *out;
    gk_strings schemes;
} options;

typedef struct outcome {
    int code;
    char *out, *err; /* what was printed */
} outcome;

static int capture(int fd, const char *path) {
    int saved = dup(fd), file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert(saved >= 0 && file >= 0);
    dup2(file, fd);
    close(file);
    return saved;
}

static void restore(int fd, int saved) {
    dup2(saved, fd);
    close(saved);
}

/* Runs `line`, split at blanks: the program when o is NULL, else only gk_args with options into *o. */
static outcome run_line(scratch *s, options *o, const char *line) {
    char *argv[32], *words = gk_arena_strdup(s->a, line), *state = NULL;
    int argc = 0;
    for (char *w = strtok_r(words, " ", &state); w; w = strtok_r(NULL, " ", &state)) argv[argc++] = w;
    argv[argc] = NULL;
    gk_opt opts[] = {{"force", GK_OPT_FLAG, o ? &o->force : NULL, NULL, "overwrite", false},
                     {"steps", GK_OPT_INT, o ? &o->steps : NULL, "N", "how many steps", false},
                     {"lr", GK_OPT_NUM, o ? &o->lr : NULL, "X", "learning rate", false},
                     {"out", GK_OPT_STR, o ? &o->out : NULL, "FILE", "where to write", true},
                     {"scheme", GK_OPT_LIST, o ? &o->schemes : NULL, "FILE", "what to run", false}};
    char *out = scratch_path(s, "out"), *err = scratch_path(s, "err");
    fflush(NULL);
    int saved_out = capture(1, out), saved_err = capture(2, err);
    outcome r = {0};
    r.code = o ? gk_args("demo", "a demonstration", opts, 5, argc, argv, s->a) : graftkit_main(argc, argv);
    fflush(NULL);
    restore(1, saved_out);
    restore(2, saved_err);
    r.out = gk_read_file(s->a, out, 1 << 16, NULL, NULL);
    r.err = gk_read_file(s->a, err, 1 << 16, NULL, NULL);
    return r;
}

/* ---------------------------------------------------------------- options */

START_TEST(options_are_parsed) {
    scratch s = scratch_new();
    options o = {.steps = 7, .lr = 0.5};
    outcome r = run_line(&s, &o, "demo --out a.txt --steps=30 --lr 2e-3 --force --scheme a,b --scheme=c");
    ck_assert_int_eq(r.code, -1);
    ck_assert_str_eq(r.out, "");
    ck_assert_str_eq(r.err, "");
    ck_assert(o.force && o.steps == 30 && o.lr == 2e-3);
    ck_assert_str_eq(o.out, "a.txt");
    ck_assert_uint_eq(o.schemes.n, 2); /* a path may hold a comma */
    ck_assert_str_eq(o.schemes.item[0], "a,b");
    ck_assert_str_eq(o.schemes.item[1], "c");
    scratch_free(&s);
}
END_TEST

START_TEST(defaults_stay_and_lists_replace_theirs) {
    scratch s = scratch_new();
    const char *one[] = {"standard"};
    options o = {.steps = 7, .lr = 0.5, .schemes = {one, 1}};
    ck_assert_int_eq(run_line(&s, &o, "demo --out=x").code, -1);
    ck_assert(!o.force && o.steps == 7 && o.lr == 0.5 && o.schemes.n == 1);
    ck_assert_int_eq(run_line(&s, &o, "demo --out=x --scheme y").code, -1);
    ck_assert_uint_eq(o.schemes.n, 1);
    ck_assert_str_eq(o.schemes.item[0], "y");
    scratch_free(&s);
}
END_TEST

START_TEST(help_shows_options_and_defaults) {
    scratch s = scratch_new();
    options o = {.steps = 7, .lr = 0.5};
    outcome r = run_line(&s, &o, "demo --steps 9 --help --rubbish");
    ck_assert_int_eq(r.code, 0);
    ck_assert_str_eq(r.err, "");
    static const char *const want[] = {
        "a demonstration",           "--force",      "--steps N", "how many steps [7]", "learning rate [0.5]",
        "where to write (required)", "--scheme FILE"};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) ck_assert_ptr_nonnull(strstr(r.out, want[i]));
    scratch_free(&s);
}
END_TEST

START_TEST(a_wrong_command_line_is_one_line_and_code_1) {
    static const struct {
        const char *line, *err;
    } bad[] = {{"demo --out a --step 3", "unknown option '--step'; did you mean --steps?"},
               {"demo --out a --qqqqqqqqqq", "unknown option '--qqqqqqqqqq'; see graftkit demo --help"},
               {"demo --out a --schmee=b", "unknown option '--schmee'; did you mean --scheme?"},
               {"demo --out a --steps 3x", "--steps must be an integer of 0 or more, not '3x'"},
               {"demo --out a --steps -3", "--steps must be an integer of 0 or more, not '-3'"},
               {"demo --out a --steps=", "--steps must be an integer of 0 or more, not ''"},
               {"demo --out a --steps 99999999999999999999",
                "--steps must be an integer of 0 or more, not '99999999999999999999'"},
               {"demo --out a --lr nan", "--lr must be a finite number, not 'nan'"},
               {"demo --out a --lr", "--lr needs a value: X"},
               {"demo --out a --force=1", "--force takes no value"},
               {"demo --out a --out b", "--out is given twice"},
               {"demo --out=", "--out must not be empty: where to write"},
               {"demo --out a --scheme=", "--scheme must not be empty: what to run"},
               {"demo --out a extra", "'extra' is not an option; options start with --"},
               {"demo --out a --", "'--' is not an option; options start with --"},
               {"demo --steps 1", "--out is required: where to write"}};
    scratch s = scratch_new();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options o = {0};
        outcome r = run_line(&s, &o, bad[i].line);
        ck_assert_msg(r.code == 1, "`%s` returned %d", bad[i].line, r.code);
        ck_assert_str_eq(r.out, "");
        ck_assert_str_eq(r.err, gk_arena_printf(s.a, "graftkit demo: %s\n", bad[i].err));
    }
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- the program */

START_TEST(main_finds_commands) {
    scratch s = scratch_new();
    ck_assert_int_eq(run_line(&s, NULL, "graftkit info --json").code, 40 + 2 + 4);
    ck_assert_int_eq(run_line(&s, NULL, "graftkit dataset").code, 40 + 1 + 7);
    ck_assert_int_eq(run_line(&s, NULL, "graftkit import-patch a.yaml").code, 40 + 2 + 12);
    char word[GK_COMMAND_WORD];
    outcome r = run_line(&s, NULL, "graftkit --help");
    ck_assert_int_eq(r.code, 0);
#define X(name, help)                                                   \
    ck_assert_ptr_nonnull(strstr(r.out, gk_command_word(#name, word))); \
    ck_assert_ptr_nonnull(strstr(r.out, help));
    GK_COMMANDS(X)
#undef X
    r = run_line(&s, NULL, "graftkit --version");
    ck_assert_int_eq(r.code, 0);
    ck_assert_str_eq(r.out, "graftkit " GK_VERSION "\n");
    scratch_free(&s);
}
END_TEST

START_TEST(main_refuses_unknown_commands) {
    scratch s = scratch_new();
    outcome r = run_line(&s, NULL, "graftkit finetnue --out x");
    ck_assert_int_eq(r.code, 2);
    ck_assert_str_eq(r.err, "graftkit: unknown command 'finetnue'; did you mean finetune?\n");
    r = run_line(&s, NULL, "graftkit zzzzzzzz");
    ck_assert_int_eq(r.code, 2);
    ck_assert_str_eq(r.err, "graftkit: unknown command 'zzzzzzzz'; see graftkit --help\n");
    r = run_line(&s, NULL, "graftkit");
    ck_assert_int_eq(r.code, 2);
    ck_assert_str_eq(r.out, "");
    scratch_free(&s);
}
END_TEST

START_TEST(die_prints_the_error_and_returns_1) {
    scratch s = scratch_new();
    gk_error e;
    gk_fail(&e, GK_AT_LINE("t.jsonl", 2, 5), "close it", "unclosed '{'");
    char *path = scratch_path(&s, "err");
    fflush(NULL);
    int saved = capture(2, path), code = gk_die("sweep", &e);
    fflush(NULL);
    restore(2, saved);
    ck_assert_int_eq(code, 1);
    ck_assert_str_eq(gk_read_file(s.a, path, 1000, NULL, NULL),
                     "graftkit sweep: t.jsonl:2:5: unclosed '{'; close it\n");
    scratch_free(&s);
}
END_TEST

START_TEST(home_is_the_environment_or_the_source_tree) {
    unsetenv("GRAFTKIT_HOME");
    ck_assert_str_eq(gk_home(), GK_SOURCE_DIR);
    setenv("GRAFTKIT_HOME", "/somewhere", 1);
    ck_assert_str_eq(gk_home(), "/somewhere");
}
END_TEST

int main(void) {
    setenv("GOMP_SPINCOUNT", "20000", 1); /* graftkit's main starts itself anew where this is not set */
    Suite *s = suite_create("args");
    TCase *t = tcase_create("args");
    tcase_add_test(t, options_are_parsed);
    tcase_add_test(t, defaults_stay_and_lists_replace_theirs);
    tcase_add_test(t, help_shows_options_and_defaults);
    tcase_add_test(t, a_wrong_command_line_is_one_line_and_code_1);
    tcase_add_test(t, main_finds_commands);
    tcase_add_test(t, main_refuses_unknown_commands);
    tcase_add_test(t, die_prints_the_error_and_returns_1);
    tcase_add_test(t, home_is_the_environment_or_the_source_tree);
    suite_add_tcase(s, t);
    return run_suite(s);
}
