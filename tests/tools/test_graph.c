/* test_graph.c: dependencies between modules point one way, and what is internal to a module stays there. */
/* modules: core */
#include "tests/support/scratch.h"

#include <dirent.h>
#include <sys/stat.h>

/* design.md's graph: each folder, the folders whose public headers it may include besides its own, and its
 * public headers where they are not NAME.h. */
#define BELOW_EVAL "graft train model tokenizer core "
#define EVAL "eval/measure eval/store eval/run eval/learned " BELOW_EVAL
static const struct {
    const char *folder, *uses, *headers;
} GRAPH[] = {
    {"core", " ", " core.h embed.h shipped.h "},
    {"tokenizer", " core ", NULL},
    {"model", " core ", NULL},
    {"data", " core ", NULL},
    {"train", " model tokenizer core ", NULL},
    {"graft", " model tokenizer core ", NULL},
    {"eval/measure", " " BELOW_EVAL, NULL},
    {"eval/store", " eval/measure " BELOW_EVAL, " store.h outcomes.h prompts.h "},
    {"eval/run", " eval/measure eval/store " BELOW_EVAL, NULL},
    {"eval/learned", " eval/measure " BELOW_EVAL, NULL},
    {"report", " " EVAL, NULL},
    {"tools", " report data " EVAL, NULL},
    {"tests", " tools report data " EVAL, NULL},
};
enum { N_FOLDERS = sizeof GRAPH / sizeof *GRAPH };

/* ---------------------------------------------------------------- the rule */

static bool may_use(int from, const char *folder) {
    char word[32];
    snprintf(word, sizeof word, " %s ", folder);
    return strstr(GRAPH[from].uses, word) != NULL;
}

/* The folder of the graph that a path is in; one of eval's rooms where it is in one. */
static int folder_of(const char *path) {
    int best = -1;
    for (int i = 0; i < N_FOLDERS; i++) {
        size_t len = strlen(GRAPH[i].folder);
        if (strncmp(path, GRAPH[i].folder, len) == 0 && path[len] == '/') best = i;
    }
    return best;
}

/* Of folder number `of`: its file `name`, by the folder's own name where nothing else is said. */
static bool is_public(int of, const char *name) {
    const char *slash = strrchr(GRAPH[of].folder, '/'), *room = slash ? slash + 1 : GRAPH[of].folder;
    char word[64];
    if (GRAPH[of].headers) {
        snprintf(word, sizeof word, " %s ", name);
        return strstr(GRAPH[of].headers, word) != NULL;
    }
    snprintf(word, sizeof word, "%s.h", room);
    return strcmp(name, word) == 0;
}

/* What is wrong with a file of folder number `from` including `path`, or NULL. Tests see what they test: they
 * alone may include what is internal to a module. */
static const char *judge(int from, const char *path, bool quoted) {
    int to = folder_of(path);
    bool tests = strcmp(GRAPH[from].folder, "tests") == 0;
    if (strcmp(path, "sqlite3.h") == 0 && !tests && strcmp(GRAPH[from].folder, "eval/store") != 0)
        return "is the results store's: who wants to know something of a store asks a function of eval/store";
    if (to < 0)
        return quoted ? "is not a path from the root such as \"core/core.h\""
                      : NULL; /* <...>: the system's */
    if (!quoted) return "is ours, so it belongs in quotes";
    if (strstr(path, "..")) return "climbs out of its folder";
    if (to == from) return NULL;
    if (!may_use(from, GRAPH[to].folder)) return "is an edge that the module graph does not have";
    return tests || is_public(to, path + strlen(GRAPH[to].folder) + 1) ? NULL : "is internal to its module";
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

/* `below`: "" or a folder of rooms with a slash. */
static void all_are_known(const char *below) {
    gk_arena *a = gk_arena_new();
    DIR *d = opendir(gk_path_join(a, GK_SOURCE_DIR, below));
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d));) {
        const char *header = gk_arena_printf(a, "%s/%s%s/%s.h", GK_SOURCE_DIR, below, e->d_name, e->d_name);
        ck_assert_msg(!gk_exists(header) || folder_of(gk_arena_printf(a, "%s%s/", below, e->d_name)) >= 0,
                      "the module %s%s is not in the graph", below, e->d_name);
    }
    closedir(d);
    gk_arena_free(a);
}

START_TEST(every_folder_with_sources_is_in_the_graph) {
    all_are_known("");
    all_are_known("eval/");
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
                 {"core/a.c", " #  include \"tests/support/scratch.h\"", 1},
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
                 {"eval/measure/a.c", "#include \"data/data.h\"", 1},
                 {"eval/measure/a.c", "#include \"eval/store/store.h\"", 1},
                 {"eval/store/a.c", "#include \"eval/measure/measure.h\"", 0},
                 {"eval/store/a.c", "#include \"eval/measure/kernels.h\"", 1},
                 {"eval/store/a.c", "#include <sqlite3.h>", 0},
                 {"eval/run/a.c", "#include <sqlite3.h>", 1},
                 {"report/a.c", "#include <sqlite3.h>", 1},
                 {"report/a.c", "#include \"eval/store/sql.h\"", 1},
                 {"eval/store/a.c", "#include \"report/page/page.h\"", 1},
                 {"eval/run/a.c", "#include \"eval/store/outcomes.h\"", 0},
                 {"eval/run/a.c", "#include \"eval/store/internal.h\"", 1},
                 {"eval/run/a.c", "#include \"report/report.h\"", 1},
                 {"eval/run/a.c", "#include \"tools/tools.h\"", 1},
                 {"eval/learned/a.c", "#include \"graft/graft.h\"", 0},
                 {"report/plan/a.c", "#include \"report/internal.h\"", 0},
                 {"report/a.c", "#include \"eval/run/search.h\"", 1},
                 {"tools/a.c", "#include \"eval/run/run.h\"", 0},
                 {"tools/a.c", "#include \"tools/tools.h\"", 0},
                 {"tools/a.c", "#include \"tests/support/scratch.h\"", 1},
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
