/* modules: core
 *
 * test_house.c: the rules of CONTRIBUTING.md that can be counted: how long files, functions and the README
 * are, how full folders are, what library code may call, and that CITATION.cff says what the program and its
 * licence say. */
#include "core/yaml.h"
#include "tests/support/tree.h"

enum {
    MOST_LINES = 500,
    MOST_OF_HEADER = 250,
    MOST_OF_README = 90,
    MOST_OF_FUNCTION = 72,
    MOST_SOURCES = 25
};

#define SOURCES " .c .h .cc .sh .py .mk .css .js .sql Makefile "

static int lines_of(const char *text) {
    return tree_line(text, text + strlen(text)) - (*text && text[strlen(text) - 1] == '\n');
}

static bool starts(const char *path, const char *with) {
    return strncmp(path, with, strlen(with)) == 0;
}

/* ---------------------------------------------------------------- sizes */

static wrong long_files(const char *root) {
    tree t = tree_open(root);
    wrong w = {0};
    for (size_t i = 0; i < t.n; i++) {
        const char *path = t.path[i];
        if (!tree_is(path, SOURCES TREE_PAGE " .yaml ")) continue;
        const char *text = tree_read(&t, root, path);
        int most = strcmp(path, "README.md") == 0                               ? MOST_OF_README
                   : starts(path, "include/graftkit/") && tree_is(path, " .h ") ? MOST_OF_HEADER
                                                                                : MOST_LINES;
        w.looked_at++;
        if (lines_of(text) <= most) continue;
        w.n++;
        gk_buf_printf(&w.text, "\n%s: %d lines, at most %d", path, lines_of(text), most);
    }
    tree_free(&t);
    return w;
}

START_TEST(files_are_short) {
    wrong w = long_files(GK_SOURCE_DIR);
    all_right(&w, 300, "a file is short");
}
END_TEST

static wrong full_folders(const char *root) {
    tree t = tree_open(root);
    wrong w = {0};
    for (size_t i = 0; i < t.n; i++) {
        const char *slash = strrchr(t.path[i], '/');
        size_t len = slash ? (size_t)(slash - t.path[i]) : 0, sources = 0;
        bool told = false;
        for (size_t k = 0; k < t.n; k++) {
            bool here = strncmp(t.path[k], t.path[i], len) == 0 && (len == 0 || t.path[k][len] == '/') &&
                        !strchr(t.path[k] + len + (len > 0), '/');
            told |= here && k < i;
            sources += here && tree_is(t.path[k], SOURCES);
        }
        if (told) continue;
        w.looked_at++;
        if (sources <= MOST_SOURCES) continue;
        w.n++;
        gk_buf_printf(&w.text, "\n%.*s/: %zu source files", (int)len, t.path[i], sources);
    }
    tree_free(&t);
    return w;
}

START_TEST(folders_are_not_overfull) {
    wrong w = full_folders(GK_SOURCE_DIR);
    all_right(&w, 30, "a folder has at most 25 source files");
}
END_TEST

/* What opens behind a ) outside of any other is a function's body. */
static void check_functions(const char *path, const char *code, wrong *w) {
    int depth = 0, line = 1, began = 0;
    char last = 0;
    for (const char *c = code; *c; c++) {
        if (*c == '{' && depth++ == 0) began = last == ')' ? line : 0;
        if (*c == '}' && (depth = c == code || c[-1] == '\n' || depth < 1 ? 0 : depth - 1) == 0 && began) {
            w->looked_at++;
            if (line - began + 1 > MOST_OF_FUNCTION) {
                w->n++;
                gk_buf_printf(&w->text, "\n%s:%d: %d lines", path, began, line - began + 1);
            }
            began = 0;
        }
        if (!isspace((unsigned char)*c)) last = *c;
        line += *c == '\n';
    }
}

static wrong long_functions(const char *root) {
    tree t = tree_open(root);
    wrong w = {0};
    for (size_t i = 0; i < t.n; i++)
        if (tree_is(t.path[i], " .c .h .cc "))
            check_functions(t.path[i], tree_only(&t, t.path[i], tree_read(&t, root, t.path[i]), "c"), &w);
    tree_free(&t);
    return w;
}

START_TEST(functions_fit_a_screen) {
    wrong w = long_functions(GK_SOURCE_DIR);
    all_right(&w, 2000, "a function fits a screen");
}
END_TEST

/* ---------------------------------------------------------------- what library code calls */

/* Nothing is left but to end: no memory, and a mapped file that was cut short. */
static const char *const MAY_END[] = {"core/arena.c", "core/mapped.c"};

static wrong prints_or_exits(const char *root) {
    static const char *const folders[] = {"core/",  "tokenizer/", "model/", "train/",
                                          "graft/", "data/",      "eval/",  "report/"};
    static const char calls[] = " printf vprintf puts putchar perror exit _exit abort stdout stderr ";
    tree t = tree_open(root);
    wrong w = {0};
    for (size_t i = 0; i < t.n; i++) {
        bool library = false;
        for (size_t k = 0; k < sizeof folders / sizeof *folders; k++)
            library |= starts(t.path[i], folders[k]);
        for (size_t k = 0; k < sizeof MAY_END / sizeof *MAY_END; k++)
            library &= strcmp(t.path[i], MAY_END[k]) != 0;
        if (!library || !tree_is(t.path[i], " .c .h .cc ")) continue;
        w.looked_at++;
        char *code = tree_only(&t, t.path[i], tree_read(&t, root, t.path[i]), "c"), word[32];
        for (char *at = code; *(at += strcspn(at, "_abcdefghijklmnopqrstuvwxyz"));) {
            size_t len = strspn(at, "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
            snprintf(word, sizeof word, " %.*s ", len < 20 ? (int)len : 0, at);
            bool attribute = strncmp(at, "printf,", 7) == 0; /* format(printf, …) */
            if (len < 20 && strstr(calls, word) && !attribute) {
                w.n++;
                gk_buf_printf(&w.text, "\n%s:%d:%s", t.path[i], tree_line(code, at), word);
            }
            at += len;
        }
    }
    tree_free(&t);
    return w;
}

START_TEST(library_code_neither_prints_nor_exits) {
    wrong w = prints_or_exits(GK_SOURCE_DIR);
    all_right(&w, 150, "library code returns errors");
}
END_TEST

/* ---------------------------------------------------------------- CITATION.cff */

/* The value of a key at the start of a line, without quotes; NULL where there is none. */
static char *value_of(tree *t, const char *cff, const char *key) {
    const char *at = strstr(gk_arena_printf(t->a, "\n%s", cff), gk_arena_printf(t->a, "\n%s: ", key));
    if (!at) return NULL;
    at += strlen(key) + 3;
    at += *at == '"';
    return gk_arena_strndup(t->a, at, strcspn(at, "\"\n"));
}

START_TEST(the_citation_is_of_this_program) {
    tree t = {.a = gk_arena_new()};
    gk_error err;
    const char *cff = tree_read(&t, GK_SOURCE_DIR, "CITATION.cff"),
               *readme = tree_read(&t, GK_SOURCE_DIR, "README.md"),
               *licence = tree_read(&t, GK_SOURCE_DIR, "LICENSE");
    gk_yaml *yaml = gk_yaml_load(GK_SOURCE_DIR "/CITATION.cff", &err);
    ck_assert_msg(yaml != NULL, "%s", err.what);
    gk_yaml_free(yaml);
    ck_assert_str_eq(value_of(&t, cff, "cff-version"), "1.2.0");
    ck_assert_str_eq(value_of(&t, cff, "version"), GK_VERSION);
    ck_assert_str_eq(value_of(&t, cff, "type"), "software");
    ck_assert(starts(value_of(&t, cff, "title"), "graftkit"));
    ck_assert_ptr_nonnull(value_of(&t, cff, "message"));
    ck_assert(starts(licence, gk_arena_printf(t.a, "%s License\n", value_of(&t, cff, "license"))));
    const char *author = strstr(cff, "\nauthors:\n  - name: \"");
    ck_assert_ptr_nonnull(author);
    author += strlen("\nauthors:\n  - name: \"");
    ck_assert_ptr_nonnull(strstr(licence, gk_arena_strndup(t.a, author, strcspn(author, "\""))));
    const char *paper = strstr(readme, "arXiv "); /* the README's number is the reference's */
    ck_assert_ptr_nonnull(paper);
    ck_assert_ptr_nonnull(strstr(cff, gk_arena_printf(t.a, "arXiv:%.10s\"", paper + strlen("arXiv "))));
    gk_arena_free(t.a);
}
END_TEST

/* ---------------------------------------------------------------- the rules can fail */

static char *repeated(scratch *s, const char *line, int n, const char *before, const char *behind) {
    gk_buf b = {0};
    gk_buf_puts(&b, before);
    while (n-- > 0) gk_buf_puts(&b, line);
    gk_buf_puts(&b, behind);
    char *text = gk_arena_strdup(s->a, b.data);
    gk_buf_free(&b);
    return text;
}

START_TEST(what_breaks_a_rule_is_found) {
    scratch s = scratch_new();
    ck_assert(gk_mkdirs(scratch_path(&s, "include/graftkit"), NULL) &&
              gk_mkdirs(scratch_path(&s, "core"), NULL));
    scratch_file(&s, "500.c", repeated(&s, "x\n", 500, "", ""));
    scratch_file(&s, "501.c", repeated(&s, "x\n", 500, "", "x"));
    scratch_file(&s, "README.md", repeated(&s, "x\n", 91, "", ""));
    scratch_file(&s, "include/graftkit/a.h", repeated(&s, "x\n", 251, "", ""));
    wrong w = long_files(s.dir);
    ck_assert_msg(w.n == 3 && w.looked_at == 4, "%s", w.text.data);
    ck_assert_ptr_nonnull(strstr(w.text.data, "501.c: 501 lines, at most 500"));
    gk_buf_free(&w.text);

    scratch_file(&s, "f.c",
                 repeated(&s, "    g('{', \"{\");\n", 70, "int f(void)\n{\n    if (x) {\n    }\n", "}\n"));
    w = long_functions(s.dir);
    ck_assert_msg(w.n == 1 && strstr(w.text.data, "f.c:2: 74 lines"), "%s", w.text.data);
    gk_buf_free(&w.text);

    for (int i = 0; i < 26; i++)
        scratch_file(&s, gk_arena_printf(s.a, "core/%d.c", i), "int x; /* printf, exit */\n");
    w = full_folders(s.dir);
    ck_assert_msg(w.n == 1 && strstr(w.text.data, "core/: 26 source"), "%s", w.text.data);
    gk_buf_free(&w.text);

    scratch_file(&s, "core/bad.c",
                 "int f(void) {\n    return printf(\"puts\"), fprintf(stderr, \"\"), gk_exit(1);\n}\n");
    w = prints_or_exits(s.dir);
    ck_assert_msg(w.n == 2 && strstr(w.text.data, "core/bad.c:2: printf"), "%s", w.text.data);
    gk_buf_free(&w.text);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("house");
    TCase *t = tcase_create("house");
    tcase_add_test(t, files_are_short);
    tcase_add_test(t, folders_are_not_overfull);
    tcase_add_test(t, functions_fit_a_screen);
    tcase_add_test(t, library_code_neither_prints_nor_exits);
    tcase_add_test(t, the_citation_is_of_this_program);
    tcase_add_test(t, what_breaks_a_rule_is_found);
    suite_add_tcase(s, t);
    return run_suite(s);
}
