/* modules: core
 *
 * test_help.c: what the program says of itself: every command is listed, every option is in its --help and in
 * the man page, options that the docs name exist, and an installed program finds its files. $GRAFTKIT names
 * the binary (make test sets it). */
#include "tests/support/program.h"

#include <glob.h>
#include <regex.h>
#include <sys/stat.h>

static scratch s;
static const char *name[64]; /* the commands that graftkit --help lists */
static char *help[64];       /* what their --help says */
static size_t n_commands;

/* The output of a shell command in the source tree, with $G the binary and $D the scratch folder. */
static char *shell(int *code, const char *command) {
    const size_t room = 1 << 18;
    char *out = gk_arena_alloc(s.a, room);
    ck_assert(setenv("G", program(), 1) == 0 && setenv("D", s.dir, 1) == 0);
    *code = run_line(gk_arena_printf(s.a, "cd '%s' && { %s; } 2>&1", GK_SOURCE_DIR, command), out, room);
    return out;
}

static char *prints(const char *command) {
    int code;
    char *out = shell(&code, command);
    ck_assert_msg(code == 0, "%s\nreturned %d:\n%s", command, code, out);
    return out;
}

/* The text of the i-th group of the first match of an extended regular expression at or after *at, past which
 * *at moves; NULL when there is none. */
static char *next_match(const char *pattern, size_t group, const char **at) {
    regex_t re;
    regmatch_t m[4];
    ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE), 0);
    char *text = NULL;
    if (regexec(&re, *at, 4, m, 0) == 0) {
        text = gk_arena_strndup(s.a, *at + m[group].rm_so, (size_t)(m[group].rm_eo - m[group].rm_so));
        *at += m[0].rm_eo;
    }
    regfree(&re);
    return text;
}

static void start(void) {
    s = scratch_new();
    const char *at = prints("$G --help");
    n_commands = 0;
    for (char *word; n_commands < 64 && (word = next_match("^  ([a-z-]+) +[a-z]", 1, &at));) {
        name[n_commands] = word;
        help[n_commands++] = prints(gk_arena_printf(s.a, "$G %s --help", word));
    }
    ck_assert_uint_gt(n_commands, 10);
}

static void stop(void) {
    scratch_free(&s);
}

static char *read_all(const char *path) {
    gk_error err;
    char *text = gk_read_file(s.a, path, (size_t)1 << 24, NULL, &err);
    ck_assert_msg(text != NULL, "%s: %s", path, err.what);
    return text;
}

static bool lists(size_t command, const char *option) {
    const char *at = help[command];
    return next_match(gk_arena_printf(s.a, "^  --%s[ [].*[^ ]", option), 0, &at) != NULL;
}

static bool any_lists(const char *option) {
    for (size_t i = 0; i < n_commands; i++)
        if (lists(i, option)) return true;
    return false;
}

/* What a command is called in its file's name. */
static char *file_word(const char *command) {
    char *word = gk_arena_strdup(s.a, command);
    for (char *c = word; *c; c++)
        if (*c == '-') *c = '_';
    return word;
}

/* ---------------------------------------------------------------- --help */

START_TEST(help_lists_every_command) {
    glob_t found;
    ck_assert_int_eq(glob(GK_SOURCE_DIR "/tools/commands/cmd_*.c", 0, NULL, &found), 0);
    ck_assert_uint_eq(found.gl_pathc, n_commands);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *file = strstr(found.gl_pathv[i], "/cmd_") + 5;
        bool listed = false;
        for (size_t k = 0; k < n_commands; k++)
            listed = listed || (strncmp(file, file_word(name[k]), strlen(name[k])) == 0 &&
                                file[strlen(name[k])] == '.');
        ck_assert_msg(listed, "graftkit --help lacks the command of %s", found.gl_pathv[i]);
    }
    globfree(&found);
}
END_TEST

/* Every option that a command's source defines stands in its --help, with a word on what it is. The tables
 * that base and finetune share are in training.c, those of the recipe's keys are in docs/training.md. */
START_TEST(help_lists_every_option) {
    size_t seen = 0;
    for (size_t i = 0; i < n_commands; i++) {
        bool trains = strcmp(name[i], "base") == 0 || strcmp(name[i], "finetune") == 0;
        char *source =
            read_all(gk_arena_printf(s.a, GK_SOURCE_DIR "/tools/commands/cmd_%s.c", file_word(name[i])));
        if (trains)
            source = gk_arena_printf(s.a, "%s%s", source, read_all(GK_SOURCE_DIR "/tools/training.c"));
        const char *at = source, *key = read_all(GK_SOURCE_DIR "/docs/training.md");
        for (char *o; (o = next_match("\\{\"([a-z0-9-]+)\", GK_OPT_", 1, &at)); seen++)
            ck_assert_msg(lists(i, o), "graftkit %s --help lacks --%s:\n%s", name[i], o, help[i]);
        for (char *o; trains && (o = next_match("^\\| `([a-z_]+)` \\|", 1, &key)); seen++) {
            for (char *c = o; *c; c++)
                if (*c == '_') *c = '-';
            ck_assert_msg(lists(i, o), "graftkit %s --help lacks --%s:\n%s", name[i], o, help[i]);
        }
        ck_assert_msg(lists(i, "help"), "graftkit %s --help lacks --help", name[i]);
    }
    ck_assert_uint_gt(seen, 200);
}
END_TEST

/* And it takes what it lists: where the value is missing, it says so. */
START_TEST(listed_options_are_taken) {
    for (size_t i = 0; i < n_commands; i++) {
        const char *at = help[i];
        for (char *o; (o = next_match("^  --([a-z0-9-]+) [A-Z]", 1, &at));) {
            int code;
            char *out = shell(&code, gk_arena_printf(s.a, "$G %s --%s", name[i], o));
            ck_assert_msg(code == 1 && strstr(out, "needs a value"), "graftkit %s --%s: %s", name[i], o, out);
        }
    }
}
END_TEST

/* Options that pages name in code exist: what stands behind "graftkit" or alone. Other programs' do not
 * count. */
START_TEST(docs_name_options_that_exist) {
    glob_t found;
    size_t seen = 0;
    ck_assert_int_eq(glob(GK_SOURCE_DIR "/docs/*.md", 0, NULL, &found), 0);
    ck_assert_int_eq(glob(GK_SOURCE_DIR "/README.md", GLOB_APPEND, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (strstr(found.gl_pathv[i], "/speed.md")) continue;
        const char *at = read_all(found.gl_pathv[i]);
        for (char *o; (o = next_match("`(graftkit [a-z]+ |[a-z]+ )?--([a-z][a-z0-9-]*)", 2, &at)); seen++)
            ck_assert_msg(any_lists(o), "%s names --%s, which no command has", found.gl_pathv[i], o);
    }
    ck_assert_uint_gt(seen, 40);
    globfree(&found);
}
END_TEST

/* ---------------------------------------------------------------- the man page */

START_TEST(the_man_page_has_every_option) {
    char *page = prints("$G man");
    for (size_t i = 0; i < n_commands; i++) {
        const char *at = help[i], *in = page;
        ck_assert_msg(next_match(gk_arena_printf(s.a, "^\\.SS %s$", name[i]), 0, &in) != NULL,
                      "the page lacks %s", name[i]);
        for (char *o; (o = next_match("^  --([a-z0-9-]+)", 1, &at));) {
            gk_buf want = {0};
            gk_buf_puts(&want, "^\\.B \\\\-\\\\-");
            for (const char *c = o; *c; c++) {
                if (*c == '-') gk_buf_puts(&want, "\\\\");
                gk_buf_add(&want, c, 1);
            }
            const char *from = in; /* options stand in the order of --help */
            ck_assert_msg(strcmp(o, "help") == 0 || next_match(want.data, 0, &from) != NULL,
                          "the page lacks %s --%s", name[i], o);
            gk_buf_free(&want);
        }
    }
    int code;
    char *out = shell(&code, "command -v groff >/dev/null || exit 77; $G man >$D/graftkit.1; "
                             "groff -man -Kutf8 -Tutf8 -ww $D/graftkit.1 >$D/page");
    if (code == 77)
        printf("skip: groff is not installed: the man page is not formatted\n");
    else
        ck_assert_msg(code == 0 && !*out, "groff: %d: %s", code, out);
}
END_TEST

/* ---------------------------------------------------------------- make install */

START_TEST(an_installed_program_finds_its_files) {
    prints("B=$(dirname $G); env -i PATH=$PATH make -s -o $G install DESTDIR=$D/root PREFIX=/usr "
           "BUILD=$(dirname $B) FLAVOUR=$(basename $B)");
    static const char *const files[] = {
        "bin/graftkit", "share/man/man1/graftkit.1", "share/doc/graftkit/docs/design.md",
        "share/graftkit/graft/schemes/position.yaml", "share/graftkit/experiments/position.yaml"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        ck_assert_msg(gk_exists(gk_arena_printf(s.a, "%s/root/usr/%s", s.dir, files[i])), "%s is missing",
                      files[i]);
    /* What the program reads is what was installed, not the source tree. */
    prints("cd $D && mv root moved && sed -i 's/stars/shines/' "
           "moved/usr/share/graftkit/templates/fake_movies_fake_actors/article.jsonl && "
           "env -u GRAFTKIT_HOME moved/usr/bin/graftkit dataset --out data --base-rows 20 --base-texts 9 "
           "--relation-rows 5 --task-rows 5 && grep -q shines data/relation/A2B.jsonl");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("help");
    TCase *t = tcase_create("help");
    tcase_set_timeout(t, 120);
    tcase_add_unchecked_fixture(t, start, stop);
    tcase_add_test(t, help_lists_every_command);
    tcase_add_test(t, help_lists_every_option);
    tcase_add_test(t, listed_options_are_taken);
    tcase_add_test(t, docs_name_options_that_exist);
    tcase_add_test(t, the_man_page_has_every_option);
    tcase_add_test(t, an_installed_program_finds_its_files);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
