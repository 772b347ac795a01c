/* test_graph.c: dependencies between modules point one way, and what is internal to a module stays there. */
/* modules: core */
#include "tests/scratch.h"

#include <dirent.h>
#include <sys/stat.h>

/* design.md's graph: each folder, and the folders whose public headers it may include besides its own. */
static const struct {
    const char *folder, *uses;
} GRAPH[] = {
    {"core", " "},
    {"tokenizer", " core "},
    {"model", " core "},
    {"data", " core "},
    {"train", " model tokenizer core "},
    {"graft", " model tokenizer core "},
    {"eval", " graft train model tokenizer core "},
    {"tools", " eval graft train data model tokenizer core "},
    {"tests", " tools eval graft train data model tokenizer core "},
};
enum { N_FOLDERS = sizeof GRAPH / sizeof *GRAPH };

/* ---------------------------------------------------------------- the rule */

static int folder_index(const char *name, size_t len) {
    for (int i = 0; i < N_FOLDERS; i++)
        if (strlen(GRAPH[i].folder) == len && strncmp(GRAPH[i].folder, name, len) == 0) return i;
    return -1;
}

static bool may_use(int from, const char *folder) {
    char word[32];
    snprintf(word, sizeof word, " %s ", folder);
    return strstr(GRAPH[from].uses, word) != NULL;
}

/* What is wrong with a file of folder number `from` including `path`, or NULL. Tests see what they test: they
 * alone may include what is internal to a module. */
static const char *judge(int from, const char *path, bool quoted) {
    const char *slash = strchr(path, '/');
    int to = slash ? folder_index(path, (size_t)(slash - path)) : -1;
    if (to < 0)
        return quoted ? "is not a path from the root such as \"core/core.h\""
                      : NULL; /* <...>: the system's */
    if (!quoted) return "is ours, so it belongs in quotes";
    if (strstr(path, "..")) return "climbs out of its folder";
    if (to == from) return NULL;
    if (!may_use(from, GRAPH[to].folder)) return "is an edge that the module graph does not have";
    char public_header[64];
    snprintf(public_header, sizeof public_header, "%s/%s.h", GRAPH[to].folder, GRAPH[to].folder);
    bool tests = strcmp(GRAPH[from].folder, "tests") == 0;
    return tests || strcmp(path, public_header) == 0 ? NULL : "is internal to its module";
}

/* The path that a line includes, in `path`; false when it includes none. */
static bool parse_include(const char *line, char path[256], bool *quoted) {
    line += strspn(line, " \t");
    if (*line++ != '#') return false;
    line += strspn(line, " \t");
    if (strncmp(line, "include", 7) != 0) return false;
    line += 7 + strspn(line + 7, " \t");
    *quoted = *line == '"';
    if (!*quoted && *line != '<') return false;
    snprintf(path, 256, "%.*s", (int)strcspn(line + 1, "\">"), line + 1);
    return true;
}

/* ---------------------------------------------------------------- the tree */

typedef struct tally {
    size_t files, includes, wrong;
    gk_buf report;
} tally;

static bool is_source(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".c") == 0 || strcmp(dot, ".h") == 0 || strcmp(dot, ".cc") == 0);
}

static void check_file(int from, const char *path, tally *t) {
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "cannot read %s", path);
    char *line = NULL, included[256];
    size_t cap = 0;
    bool quoted = false;
    for (long number = 1; getline(&line, &cap, f) >= 0; number++) {
        if (!parse_include(line, included, &quoted)) continue;
        t->includes++;
        const char *why = judge(from, included, quoted);
        if (!why) continue;
        t->wrong++;
        gk_buf_printf(&t->report, "\n%s:%ld: %s %s", path, number, included, why);
    }
    t->files++;
    free(line);
    fclose(f);
}

static void check_folder(int from, const char *dir, tally *t) {
    DIR *d = opendir(dir);
    if (!d) return; /* a module that has no folder yet */
    gk_arena *a = gk_arena_new();
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        char *path = gk_path_join(a, dir, e->d_name);
        if (e->d_name[0] == '.' || stat(path, &st) != 0) continue;
        if (S_ISDIR(st.st_mode))
            check_folder(from, path, t);
        else if (is_source(e->d_name))
            check_file(from, path, t);
    }
    gk_arena_free(a);
    closedir(d);
}

static tally check_tree(const char *root) {
    tally t = {0};
    gk_arena *a = gk_arena_new();
    for (int i = 0; i < N_FOLDERS; i++) check_folder(i, gk_path_join(a, root, GRAPH[i].folder), &t);
    gk_arena_free(a);
    return t;
}

START_TEST(this_tree_keeps_the_graph) {
    tally t = check_tree(GK_SOURCE_DIR);
    ck_assert_msg(t.wrong == 0, "%zu includes break the module graph:%s", t.wrong, t.report.data);
    ck_assert_uint_gt(t.files, 10);
    ck_assert_uint_gt(t.includes, 30);
    gk_buf_free(&t.report);
}
END_TEST

START_TEST(every_folder_with_sources_is_in_the_graph) {
    DIR *d = opendir(GK_SOURCE_DIR);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d));) {
        gk_arena *a = gk_arena_new();
        char *header = gk_arena_printf(a, "%s/%s/%s.h", GK_SOURCE_DIR, e->d_name, e->d_name);
        ck_assert_msg(!gk_exists(header) || folder_index(e->d_name, strlen(e->d_name)) >= 0,
                      "the module %s is not in the graph", e->d_name);
        gk_arena_free(a);
    }
    closedir(d);
}
END_TEST

/* ---------------------------------------------------------------- the rule can fail */

START_TEST(bad_edges_are_found) {
    static const struct {
        const char *file, *line;
        size_t wrong;
    } cases[] = {{"core/a.c", "#include \"model/model.h\"", 1},
                 {"core/a.c", "#include \"core/core.h\"", 0},
                 {"core/a.c", "#include <stdio.h>", 0},
                 {"core/a.c", "#include <sys/stat.h>", 0},
                 {"core/a.c", "#include <core/core.h>", 1},
                 {"core/a.c", "#include \"core.h\"", 1},
                 {"core/a.c", "#include \"core/../model/model.h\"", 1},
                 {"core/a.c", " #  include \"tests/scratch.h\"", 1},
                 {"model/a.h", "#include \"graft/graft.h\"", 1},
                 {"model/a.c", "#include \"tokenizer/tokenizer.h\"", 1},
                 {"model/sub/a.c", "#include \"tokenizer/tokenizer.h\"", 1},
                 {"model/a.c", "#include \"model/internal.h\"", 0},
                 {"model/a.c", "// #include \"graft/graft.h\"", 0},
                 {"tokenizer/a.cc", "#include \"model/model.h\"", 1},
                 {"data/a.c", "#include \"tokenizer/tokenizer.h\"", 1},
                 {"train/a.c", "#include \"graft/graft.h\"", 1},
                 {"graft/a.c", "#include \"train/train.h\"", 1},
                 {"graft/a.c", "#include \"model/model.h\"", 0},
                 {"graft/a.c", "#include \"model/internal.h\"", 1},
                 {"eval/a.c", "#include \"data/data.h\"", 1},
                 {"eval/a.c", "#include \"tools/tools.h\"", 1},
                 {"eval/a.c", "#include \"graft/graft.h\"", 0},
                 {"tools/a.c", "#include \"eval/eval.h\"", 0},
                 {"tools/a.c", "#include \"tools/tools.h\"", 0},
                 {"tools/a.c", "#include \"tests/scratch.h\"", 1},
                 {"tools/a.c", "#include \"model/internal.h\"", 1},
                 {"tests/a.c", "#include \"tools/tools.h\"", 0},
                 {"tests/a.c", "#include \"model/internal.h\"", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scratch s = scratch_new();
        const char *slash = strrchr(cases[i].file, '/');
        char *folder = gk_arena_strndup(s.a, cases[i].file, (size_t)(slash - cases[i].file));
        ck_assert(gk_mkdirs(scratch_path(&s, folder), NULL));
        scratch_file(&s, cases[i].file, cases[i].line);
        tally t = check_tree(s.dir);
        ck_assert_uint_eq(t.files, 1);
        ck_assert_msg(t.wrong == cases[i].wrong, "%s with `%s`: %zu wrong", cases[i].file, cases[i].line,
                      t.wrong);
        gk_buf_free(&t.report);
        scratch_free(&s);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("graph");
    TCase *t = tcase_create("graph");
    tcase_add_test(t, this_tree_keeps_the_graph);
    tcase_add_test(t, every_folder_with_sources_is_in_the_graph);
    tcase_add_test(t, bad_edges_are_found);
    suite_add_tcase(s, t);
    return run_suite(s);
}
