/* modules: core
 *
 * test_docs.c: the examples of README.md, CONTRIBUTING.md and docs/ are run, as they are written, with the
 * built binary on a tiny model, and must succeed. The convention:
 *   - ```sh is commands. The blocks of a page run in their order in one folder, which
 * tests/support/docs_world.sh makes; there `make` leaves the build alone and takes a tiny MODEL, whatever
 * FAMILY is named, and few rows unless the block says otherwise.
 *   - <!-- not run: reason --> in the line before such a block says why it is not run.
 *   - Any other block says what it is (yaml, json, text, …) and holds no command of graftkit or make.
 * $GRAFTKIT names the binary (make test sets it). */
#include "tests/support/program.h"

#include <ctype.h>
#include <glob.h>
#include <sys/stat.h>

typedef struct block {
    const char *info; /* what stands behind the opening fence */
    const char *why;  /* why it is not run; NULL: nothing says so */
    const char *text;
    int line; /* of the fence, from 1 */
} block;

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif
enum { MOST_BLOCKS = 64, MOST_PAGES = 32 };

static char *pages[MOST_PAGES];
static int n_pages;
static scratch world; /* DIR/bin, and DIR/world, which each page gets a copy of */

static void find_pages(void) {
    glob_t found;
    if (glob(GK_SOURCE_DIR "/docs/*.md", 0, NULL, &found) != 0) return;
    glob(GK_SOURCE_DIR "/docs/results/*.md", GLOB_APPEND, NULL, &found);
    glob(GK_SOURCE_DIR "/[A-Z]*.md", GLOB_APPEND, NULL, &found);
    for (size_t i = 0; i < found.gl_pathc && n_pages < MOST_PAGES; i++)
        pages[n_pages++] = strdup(found.gl_pathv[i]);
    globfree(&found);
}

/* ---------------------------------------------------------------- reading a page */

/* The text behind the fence that the line is, blanks left out; NULL when it is none. */
static const char *fence(scratch *s, const char *line) {
    while (*line == ' ') line++;
    if (strncmp(line, "```", 3) != 0) return NULL;
    line += 3;
    size_t n = strlen(line);
    while (n > 0 && isspace((unsigned char)line[n - 1])) n--;
    return gk_arena_strndup(s->a, line, n);
}

/* The reason in "<!-- not run: reason -->"; NULL when the line is something else. */
static const char *reason(scratch *s, const char *line) {
    static const char opening[] = "<!-- not run:";
    while (*line == ' ') line++;
    const char *end = strstr(line, "-->");
    if (strncmp(line, opening, sizeof opening - 1) != 0 || !end) return NULL;
    line += sizeof opening - 1;
    while (*line == ' ') line++;
    return gk_arena_strndup(s->a, line, (size_t)(end - line));
}

/* The blocks of a page, in the scratch's arena; how many. */
static size_t read_blocks(scratch *s, const char *path, block *out) {
    gk_error err;
    char *text = gk_read_file(s->a, path, (size_t)1 << 22, NULL, &err), *state = NULL;
    ck_assert_msg(text != NULL, "%s: %s", path, err.what);
    size_t n = 0;
    bool inside = false;
    const char *why = NULL;
    gk_buf body = {0};
    int line_no = 0;
    for (char *line = text; line; line = state) {
        state = strchr(line, '\n');
        if (state) *state++ = '\0';
        line_no++;
        const char *info = fence(s, line);
        if (info && inside) {
            out[n++].text = gk_arena_strdup(s->a, body.data ? body.data : "");
            gk_buf_free(&body);
        } else if (info) {
            ck_assert_uint_lt(n, MOST_BLOCKS);
            out[n] = (block){.info = info, .why = why, .line = line_no};
        } else if (inside) {
            gk_buf_printf(&body, "%s\n", line);
        } else {
            ck_assert_msg(!why, "%s:%d: the comment 'not run' stands before no block", path, line_no - 1);
        }
        if (info) inside = !inside;
        why = inside || info ? NULL : reason(s, line);
    }
    ck_assert_msg(!inside, "%s: a block is not closed", path);
    return n;
}

/* ---------------------------------------------------------------- the convention */

/* A line of the block is a command of this program or of its Makefile. */
static bool holds_command(const block *b) {
    static const char *const commands[] = {"graftkit ", "make ", "$ graftkit", "$ make",
                                           "build/release/graftkit"};
    for (const char *line = b->text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        while (*line == ' ') line++;
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
            if (strncmp(line, commands[i], strlen(commands[i])) == 0) return true;
    }
    return false;
}

START_TEST(every_block_says_what_it_is) {
    scratch s = scratch_new();
    block b[MOST_BLOCKS];
    const char *path = pages[_i];
    size_t n = read_blocks(&s, path, b);
    for (size_t i = 0; i < n; i++) {
        ck_assert_msg(*b[i].info, "%s:%d: say what the block is: ```sh, ```yaml, ```json, ```text …", path,
                      b[i].line);
        bool sh = strcmp(b[i].info, "sh") == 0;
        ck_assert_msg(sh || !holds_command(&b[i]), "%s:%d: commands stand in ```sh, which is run", path,
                      b[i].line);
        ck_assert_msg(sh || !b[i].why, "%s:%d: only ```sh would be run", path, b[i].line);
        ck_assert_msg(!b[i].why || strlen(b[i].why) > 10, "%s:%d: say why it is not run", path, b[i].line);
    }
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- running */

/* Runs bash on a script file with only the world's environment, in `dir`; the end of its output in `out`. */
static int bash(scratch *s, const char *dir, const char *arguments, char *out, size_t size) {
    const char *asan = getenv("ASAN_OPTIONS");
    char *line = gk_arena_printf(
        s->a,
        "cd '%s' && B=$(dirname '%s') && exec env -i PATH=\"%s/bin:$PATH\" HOME='%s' TREE='" GK_SOURCE_DIR
        "' BUILD=\"$(dirname $B)\" FLAVOUR=\"$(basename $B)\" GRAFTKIT_HOME='%s' ASAN_OPTIONS='%s' "
        "${OMP_WAIT_POLICY+OMP_WAIT_POLICY=$OMP_WAIT_POLICY} "
        "MODEL=path/to/model BASE_ROWS=0 RELATION_ROWS=20 TASK_ROWS=8 THREADS=1 OMP_NUM_THREADS=1 "
        "timeout 1500 bash -euo pipefail %s 2>&1 </dev/null | tail -c %zu; exit ${PIPESTATUS[0]}",
        dir, program(), world.dir, dir, dir, asan ? asan : "", arguments, size - 1);
    return run_line(line, out, size);
}

static void start(void) {
    char out[2000], *folder, *make;
    world = scratch_new();
    ck_assert(gk_mkdirs(scratch_path(&world, "bin"), NULL));
    ck_assert(gk_mkdirs(folder = scratch_path(&world, "world"), NULL));
    ck_assert_int_eq(symlink(program(), scratch_path(&world, "bin/graftkit")), 0);
    make = scratch_file(&world, "bin/make",
                        "#!/bin/bash\nargs=()\nfor a; do [[ $a == FAMILY=* ]] || args+=(\"$a\"); done\n"
                        "exec /usr/bin/make -o \"$BUILD/$FLAVOUR/graftkit\" \"${args[@]}\"\n");
    ck_assert_int_eq(chmod(make, 0755), 0);
    int code = bash(&world, folder, GK_SOURCE_DIR "/tests/support/docs_world.sh .", out, sizeof out);
    ck_assert_msg(code == 0, "docs_world.sh returned %d:\n%s", code, out);
}

static void stop(void) {
    scratch_free(&world);
}

/* Runs the blocks of a page in a copy of the world. NULL, or what failed. */
static const char *run_page(scratch *s, int page) {
    block b[MOST_BLOCKS];
    char out[2000], *copy = scratch_path(s, gk_arena_printf(s->a, "page%d", page));
    char *file = scratch_path(s, gk_arena_printf(s->a, "block%d", page));
    size_t n = read_blocks(s, pages[page], b);
    if (system(gk_arena_printf(s->a, "cp -a '%s/world' '%s'", world.dir, copy)) != 0) return "cp failed";
    for (size_t i = 0; i < n; i++) {
        if (strcmp(b[i].info, "sh") != 0 || b[i].why) continue;
        FILE *f = fopen(file, "wb");
        if (!f || fputs(b[i].text, f) < 0 || fclose(f) != 0) return "writing a block failed";
        int code = bash(s, copy, file, out, sizeof out);
        if (code != 0)
            return gk_arena_printf(s->a, "%s:%d: this block returned %d:\n%.1500s\n%s\n", pages[page],
                                   b[i].line, code, b[i].text, out);
    }
    return NULL;
}

/* The pages are run side by side: most of the time goes to small single-threaded steps. */
START_TEST(the_examples_of_all_pages_run) {
    scratch s = scratch_new();
    pid_t child[MOST_PAGES] = {0};
    gk_buf failed = {0};
    for (int i = 0; i < n_pages; i++) {
        child[i] = fork();
        ck_assert_int_ge(child[i], 0);
        if (child[i] != 0) continue;
        const char *message = run_page(&s, i);
        if (message) scratch_file(&s, gk_arena_printf(s.a, "failed%d", i), message);
        _exit(message != NULL);
    }
    for (int i = 0; i < n_pages; i++) {
        int status;
        ck_assert_int_eq(waitpid(child[i], &status, 0), child[i]);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
        char *path = scratch_path(&s, gk_arena_printf(s.a, "failed%d", i));
        char *message = gk_exists(path) ? gk_read_file(s.a, path, 1 << 16, NULL, NULL) : NULL;
        if (failed.len < 4000) gk_buf_printf(&failed, "%s\n", message ? message : pages[i]);
    }
    ck_assert_msg(failed.len == 0, "%s", failed.data);
    scratch_free(&s);
}
END_TEST

/* A runner that runs nothing would pass. */
START_TEST(the_guide_has_examples_that_run) {
    scratch s = scratch_new();
    block b[MOST_BLOCKS];
    size_t n = read_blocks(&s, GK_SOURCE_DIR "/docs/guide.md", b), run = 0, not_run = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(b[i].info, "sh") != 0) continue;
        run += b[i].why == NULL;
        not_run += b[i].why != NULL;
    }
    ck_assert_msg(run >= 14 && run > 3 * not_run, "the guide: %zu blocks are run, %zu are not", run, not_run);
    scratch_free(&s);
}
END_TEST

START_TEST(a_block_that_fails_is_told) {
    scratch s = scratch_new();
    char out[512], *copy = scratch_path(&s, "page");
    ck_assert(gk_mkdirs(copy, NULL));
    ck_assert_int_eq(bash(&s, copy, scratch_file(&s, "a", "graftkit info --nonsense\n"), out, sizeof out), 1);
    ck_assert_ptr_nonnull(strstr(out, "unknown option '--nonsense'"));
    ck_assert_int_ne(bash(&s, copy, scratch_file(&s, "b", "false\ntrue\n"), out, sizeof out), 0);
    scratch_free(&s);
}
END_TEST

int main(void) {
    find_pages();
    Suite *suite = suite_create("docs");
    TCase *words = tcase_create("convention");
    tcase_add_loop_test(words, every_block_says_what_it_is, 0, n_pages);
    tcase_add_test(words, the_guide_has_examples_that_run);
    suite_add_tcase(suite, words);
    TCase *t = tcase_create("examples");
    tcase_set_timeout(t, 1800);
    tcase_add_unchecked_fixture(t, start, stop);
    if (SANITIZED)
        puts("skip: the examples run in the release build; here they take ten minutes");
    else
        tcase_add_test(t, the_examples_of_all_pages_run);
    tcase_add_test(t, a_block_that_fails_is_told);
    suite_add_tcase(suite, t);
    int code = run_suite(suite);
    for (int i = 0; i < n_pages; i++) free(pages[i]);
    return code;
}
