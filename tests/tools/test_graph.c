/* test_graph.c: dependencies between modules point one way, and what is internal to a module stays there. */
/* modules: core */
#include "tests/support/scratch.h"

#include <dirent.h>
#include <glob.h>
#include <sys/stat.h>

/* design.md's graph: each folder, the folders whose headers it may include besides its own, and those of its
 * own that others may include though they are not installed ("shared"; "*": all, of
 * rooms that only their own house enters). A header of include/graftkit belongs to the module that its first
 * line names: "NAME.h (MODULE): …". */
#define BELOW_CHECKPOINT "model/weights model/operators model/gemm model/formats model/config model core "
#define BELOW_ADAPTER "model/checkpoint " BELOW_CHECKPOINT
#define BELOW_EVAL "graft train model tokenizer core "
#define EVAL "eval/measure eval/store eval/export eval/run eval/learned " BELOW_EVAL
static const struct {
    const char *folder, *uses, *shared;
} GRAPH[] = {
    {"core", " ", " embed.h gguf.h isa.h json.h shipped.h yaml.h "},
    {"tokenizer", " core ", " "},
    {"model", " model/adapter " BELOW_ADAPTER, " arrays.h config_json.h "},
    {"model/config", " model core ", "*"},
    {"model/formats", " model core ", "*"},
    {"model/gemm", " model/formats model core ", "*"},
    {"model/operators", " model/gemm model/formats model/config model core ", "*"},
    {"model/weights", " model/formats model/config model core ", "*"},
    {"model/checkpoint", " " BELOW_CHECKPOINT, "*"},
    {"model/adapter", " " BELOW_ADAPTER, "*"},
    {"model/passes", " model/adapter " BELOW_ADAPTER, "*"},
    {"model/difference", " " BELOW_ADAPTER, "*"},
    {"data", " core ", " data.h "},
    {"train", " model tokenizer core ", " json.h "},
    {"graft", " model tokenizer core ", " "},
    {"eval/measure", " " BELOW_EVAL, " "},
    {"eval/store", " eval/measure " BELOW_EVAL, " contrasts.h outcomes.h prompts.h write.h "},
    {"eval/export", " eval/store eval/measure " BELOW_EVAL, " "},
    {"eval/run", " eval/measure eval/store " BELOW_EVAL, " experiment.h "},
    {"eval/learned", " eval/measure " BELOW_EVAL, " forgetting.h "},
    {"report", " " EVAL, " "},
    {"tools", " report data " EVAL, " tools.h "},
    {"tests",
     " graftkit tools report data model/passes model/difference model/adapter "
     "model/checkpoint " BELOW_CHECKPOINT EVAL,
     " "},
    {"graftkit", " report " EVAL, " "}, /* the header of all headers, and examples: users of the library */
};
enum { N_FOLDERS = sizeof GRAPH / sizeof *GRAPH };

/* ---------------------------------------------------------------- the rule */

static int find_folder(const char *name) {
    for (int i = 0; i < N_FOLDERS; i++)
        if (strcmp(GRAPH[i].folder, name) == 0) return i;
    return -1;
}

static bool is_word(const char *word, const char *list) {
    char padded[64];
    snprintf(padded, sizeof padded, " %s ", word);
    return strstr(list, padded) != NULL;
}

/* The folder of the graph that a path is in; a room where it is in one. */
static int folder_of(const char *path) {
    int best = -1;
    for (int i = 0; i < N_FOLDERS; i++) {
        size_t len = strlen(GRAPH[i].folder);
        if (strncmp(path, GRAPH[i].folder, len) == 0 && path[len] == '/') best = i;
    }
    return best;
}

/* The module that include/graftkit/`name` says it belongs to; -1 where there is no such header or it does not
 * say. */
static int module_of_public(const char *root, const char *name) {
    char path[4096], line[256] = "", own[64], module[64];
    snprintf(path, sizeof path, "%s/include/graftkit/%s", root, name);
    FILE *f = fopen(path, "rb");
    if (!f) return -1;
    bool said = fgets(line, sizeof line, f) && sscanf(line, "/* %63s (%63[^)]): ", own, module) == 2;
    fclose(f);
    const char *slash = strrchr(name, '/');
    return said && strcmp(own, slash ? slash + 1 : name) == 0 ? find_folder(module) : -1;
}

/* What a public header may ask of the system: every C and C++ has it. */
static bool is_standard(const char *path) {
    return is_word(path, " stdarg.h stdbool.h stddef.h stdint.h stdio.h string.h ");
}

/* Of a file that includes something: its module, and whether it is a public header or an example, which know
 * nothing but public headers. */
typedef struct includer {
    const char *root;
    int module;
    bool public, example;
} includer;

static const char *judge_public(const includer *from, const char *name, bool quoted) {
    int to = module_of_public(from->root, name);
    if (to < 0) return "is no public header whose first line is \"/* NAME.h (MODULE): …\"";
    if (quoted == from->example)
        return quoted ? "is installed, so an example has it in <>" : "is ours, so it belongs in quotes";
    return to == from->module || is_word(GRAPH[to].folder, GRAPH[from->module].uses)
               ? NULL
               : "is an edge that the module graph does not have";
}

/* What is wrong with a file including `path`, or NULL. Tests see what they test: they alone may include what
 * is internal to a module. */
static const char *judge(const includer *from, const char *path, bool quoted) {
    if (strncmp(path, "graftkit/", 9) == 0) return judge_public(from, path + 9, quoted);
    int to = folder_of(path);
    const char *module = GRAPH[from->module].folder;
    bool is_test = strcmp(module, "tests") == 0;
    if (strcmp(path, "sqlite3.h") == 0 && !is_test && strcmp(module, "eval/store") != 0)
        return "is the results store's: who wants to know something of a store asks a function of eval/store";
    if (!quoted && to < 0) return from->public && !is_standard(path) ? "is not in every C library" : NULL;
    if (from->public || from->example) return "is not installed";
    if (to < 0) return "is not a path from the root such as \"core/json.h\"";
    if (!quoted) return "is ours, so it belongs in quotes";
    if (strstr(path, "..")) return "climbs out of its folder";
    if (to == from->module) return NULL;
    const char *of = GRAPH[to].folder;
    if (!is_word(of, GRAPH[from->module].uses)) return "is an edge that the module graph does not have";
    bool seen =
        is_test || strcmp(GRAPH[to].shared, "*") == 0 || is_word(path + strlen(of) + 1, GRAPH[to].shared);
    return seen ? NULL : "is internal to its module";
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

static void check_file(const includer *from, const char *path, tally *t) {
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

static void check_public(const char *root, const char *path, tally *t) {
    const char *name = path + strlen(root) + strlen("/include/graftkit/");
    includer from = {.root = root, .module = module_of_public(root, name), .public = true};
    if (from.module >= 0) {
        check_file(&from, path, t);
        return;
    }
    t->files++;
    t->wrong++;
    gk_buf_printf(&t->report, "\n%s:1: does not begin with \"/* NAME.h (MODULE): \"", path);
}

/* What a folder inside folder number `from` is: a room, or more of the same. */
static int room_of(int from, const char *name) {
    gk_arena *a = gk_arena_new();
    int room = folder_of(gk_arena_printf(a, "%s/%s/", GRAPH[from].folder, name));
    gk_arena_free(a);
    return room;
}

static void check_folder(const includer *from, const char *dir, tally *t) {
    DIR *d = opendir(dir);
    if (!d) return; /* a module that has no folder yet */
    gk_arena *a = gk_arena_new();
    for (struct dirent *e; (e = readdir(d));) {
        struct stat st;
        char *path = gk_path_join(a, dir, e->d_name);
        if (e->d_name[0] == '.' || stat(path, &st) != 0) continue;
        if (S_ISDIR(st.st_mode))
            check_folder(&(includer){.root = from->root,
                                     .module = from->public ? 0 : room_of(from->module, e->d_name),
                                     .public = from->public,
                                     .example = from->example},
                         path, t);
        else if (is_source(e->d_name) && from->public)
            check_public(from->root, path, t);
        else if (is_source(e->d_name))
            check_file(from, path, t);
    }
    gk_arena_free(a);
    closedir(d);
}

static tally check_tree(const char *root) {
    tally t = {0};
    gk_arena *a = gk_arena_new();
    for (int i = 0; i < N_FOLDERS; i++)
        if (folder_of(GRAPH[i].folder) < 0) /* else it is a room of a folder that is there too */
            check_folder(&(includer){.root = root, .module = i}, gk_path_join(a, root, GRAPH[i].folder), &t);
    check_folder(&(includer){.root = root, .public = true}, gk_path_join(a, root, "include/graftkit"), &t);
    includer example = {.root = root, .module = find_folder("graftkit"), .example = true};
    check_folder(&example, gk_path_join(a, root, "examples"), &t);
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
static size_t all_are_known(const char *below) {
    gk_arena *a = gk_arena_new();
    glob_t found = {0};
    size_t known = 0;
    static const char *const at[] = {"*/*.[ch]", "*/*/*.[ch]"};
    for (int i = 0; i < (*below ? 1 : 2); i++)
        glob(gk_arena_printf(a, "%s/%s%s", GK_SOURCE_DIR, below, at[i]), i ? GLOB_APPEND : 0, NULL, &found);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i] + strlen(GK_SOURCE_DIR "/");
        bool outside = strncmp(path, "examples/", 9) == 0 || strncmp(path, "include/graftkit/", 17) == 0 ||
                       strncmp(path, "build", 5) == 0;
        ck_assert_msg(outside || folder_of(path) >= 0, "the module of %s is not in the graph", path);
        known += !outside;
    }
    globfree(&found);
    gk_arena_free(a);
    return known;
}

START_TEST(every_folder_with_sources_is_in_the_graph) {
    ck_assert_uint_gt(all_are_known(""), 100);
    ck_assert_uint_gt(all_are_known("eval/"), 20);
    ck_assert_uint_gt(all_are_known("model/"), 20);
}
END_TEST

/* ---------------------------------------------------------------- the rule can fail */

static const struct {
    const char *file, *line;
    size_t wrong;
} EDGES[] = {{"core/a.c", "#include \"model/arrays.h\"", 1},
             {"core/a.c", "#include \"core/json.h\"", 0},
             {"core/a.c", "#include <stdio.h>", 0},
             {"core/a.c", "#include <sys/stat.h>", 0},
             {"core/a.c", "#include \"graftkit/core/error.h\"", 0},
             {"core/a.c", "#include <graftkit/core/error.h>", 1},
             {"core/a.c", "#include \"graftkit/model/weights.h\"", 1},
             {"core/a.c", "#include \"graftkit/nothing.h\"", 1},
             {"model/a.c", "#include \"graftkit/core/error.h\"", 0},
             {"model/a.c", "#include \"graftkit/model/weights.h\"", 0},
             {"model/a.c", "#include \"core/json.h\"", 0},
             {"model/a.c", "#include \"core/gguf_parts.h\"", 1},
             {"tools/a.c", "#include \"graftkit/graftkit.h\"", 1},
             {"include/graftkit/a.h", "/* a.h (model): */\n#include \"graftkit/core/error.h\"", 0},
             {"include/graftkit/a.h", "/* a.h (core): */\n#include \"graftkit/core/error.h\"", 0},
             {"include/graftkit/a.h", "/* a.h (core): */\n#include \"graftkit/model/weights.h\"", 1},
             {"include/graftkit/a.h", "/* a.h (data): */\n#include \"graftkit/model/weights.h\"", 1},
             {"include/graftkit/a.h", "/* a.h (core): */\n#include \"core/json.h\"", 1},
             {"include/graftkit/a.h", "/* a.h (core): */\n#include <jansson.h>", 1},
             {"include/graftkit/a.h", "/* a.h (core): */\n#include <stdint.h>", 0},
             {"include/graftkit/a.h", "/* b.h (core): */\n#include <stdint.h>", 1},
             {"include/graftkit/a.h", "/* a.h (nobody): */\n#include <stdint.h>", 1},
             {"include/graftkit/a.h", "#include <stdint.h>", 1},
             {"examples/a.c", "#include <graftkit/graftkit.h>", 0},
             {"examples/a.c", "#include <graftkit/model/weights.h>", 0},
             {"examples/a.c", "#include \"graftkit/model/weights.h\"", 1},
             {"examples/a.c", "#include \"core/json.h\"", 1},
             {"core/a.c", "#include <core/json.h>", 1},
             {"core/a.c", "#include \"json.h\"", 1},
             {"core/a.c", "#include \"core/../model/arrays.h\"", 1},
             {"core/a.c", " #  include \"tests/support/scratch.h\"", 1},
             {"model/a.h", "#include \"graftkit/graft/plan.h\"", 1},
             {"model/a.c", "#include \"graftkit/tokenizer.h\"", 1},
             {"model/sub/a.c", "#include \"graftkit/tokenizer.h\"", 1},
             {"model/a.c", "#include \"model/weights/weights.h\"", 0},
             {"model/config/a.c", "#include \"model/weights/weights.h\"", 1},
             {"model/gemm/a.c", "#include \"model/operators/operators.h\"", 1},
             {"model/operators/a.c", "#include \"model/weights/weights.h\"", 1},
             {"model/weights/a.c", "#include \"model/checkpoint/files.h\"", 1},
             {"model/checkpoint/a.c", "#include \"model/weights/weights.h\"", 0},
             {"model/checkpoint/a.c", "#include \"model/adapter/adapter.h\"", 1},
             {"model/adapter/a.c", "#include \"model/passes/session.h\"", 1},
             {"model/passes/a.c", "#include \"model/adapter/adapter.h\"", 0},
             {"model/difference/a.c", "#include \"model/passes/session.h\"", 1},
             {"model/a.c", "// #include \"graftkit/graft/plan.h\"", 0},
             {"tokenizer/a.cc", "#include \"model/arrays.h\"", 1},
             {"data/a.c", "#include \"graftkit/tokenizer.h\"", 1},
             {"train/a.c", "#include \"graftkit/graft/plan.h\"", 1},
             {"graft/a.c", "#include \"train/json.h\"", 1},
             {"graft/a.c", "#include \"model/arrays.h\"", 0},
             {"graft/a.c", "#include \"model/weights/weights.h\"", 1},
             {"eval/measure/a.c", "#include \"data/data.h\"", 1},
             {"eval/measure/a.c", "#include \"eval/store/outcomes.h\"", 1},
             {"eval/store/a.c", "#include \"graftkit/eval/measure.h\"", 0},
             {"eval/store/a.c", "#include \"eval/measure/kernels.h\"", 1},
             {"eval/store/a.c", "#include <sqlite3.h>", 0},
             {"eval/run/a.c", "#include <sqlite3.h>", 1},
             {"report/a.c", "#include <sqlite3.h>", 1},
             {"report/a.c", "#include \"eval/store/sql.h\"", 1},
             {"eval/store/a.c", "#include \"report/page/page.h\"", 1},
             {"eval/run/a.c", "#include \"eval/store/outcomes.h\"", 0},
             {"eval/run/a.c", "#include \"eval/store/internal.h\"", 1},
             {"eval/run/a.c", "#include \"graftkit/report.h\"", 1},
             {"eval/run/a.c", "#include \"tools/tools.h\"", 1},
             {"eval/learned/a.c", "#include \"graftkit/graft/plan.h\"", 0},
             {"report/plan/a.c", "#include \"report/internal.h\"", 0},
             {"report/a.c", "#include \"eval/run/search.h\"", 1},
             {"tools/a.c", "#include \"eval/run/experiment.h\"", 0},
             {"tools/a.c", "#include \"tools/tools.h\"", 0},
             {"tools/a.c", "#include \"tests/support/scratch.h\"", 1},
             {"tools/a.c", "#include \"model/weights/weights.h\"", 1},
             {"tests/a.c", "#include \"tools/tools.h\"", 0},
             {"tests/a.c", "#include \"model/weights/weights.h\"", 0}};

/* The public headers of the tree that they stand in. */
static const struct {
    const char *folder, *name, *module;
} PUBLIC[] = {{"", "graftkit", "graftkit"},        {"", "report", "report"},
              {"", "tokenizer", "tokenizer"},      {"core/", "error", "core"},
              {"model/", "weights", "model"},      {"graft/", "plan", "graft"},
              {"eval/", "measure", "eval/measure"}};
enum { N_PUBLIC = sizeof PUBLIC / sizeof *PUBLIC };

START_TEST(bad_edges_are_found) {
    for (size_t i = 0; i < sizeof EDGES / sizeof *EDGES; i++) {
        scratch s = scratch_new();
        const char *slash = strrchr(EDGES[i].file, '/');
        char *folder = gk_arena_strndup(s.a, EDGES[i].file, (size_t)(slash - EDGES[i].file));
        ck_assert(gk_mkdirs(scratch_path(&s, folder), NULL));
        for (size_t k = 0; k < N_PUBLIC; k++) {
            ck_assert(gk_mkdirs(
                scratch_path(&s, gk_arena_printf(s.a, "include/graftkit/%s", PUBLIC[k].folder)), NULL));
            scratch_file(&s,
                         gk_arena_printf(s.a, "include/graftkit/%s%s.h", PUBLIC[k].folder, PUBLIC[k].name),
                         gk_arena_printf(s.a, "/* %s.h (%s): … */\n", PUBLIC[k].name, PUBLIC[k].module));
        }
        scratch_file(&s, EDGES[i].file, EDGES[i].line);
        tally t = check_tree(s.dir);
        ck_assert_uint_eq(t.files, N_PUBLIC + 1);
        ck_assert_msg(t.wrong == EDGES[i].wrong, "%s with `%s`: %zu wrong", EDGES[i].file, EDGES[i].line,
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
