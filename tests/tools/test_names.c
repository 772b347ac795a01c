/* modules: core
 *
 * test_names.c: comments and pages name source files, functions and constants that exist. What is looked at:
 *   - names of files: adapter.c, core/json.c, search_*.c, cmd_NAME.c (capitals stand for any name);
 *     a name behind < (installed, or the system's) or $ (made while building) is none of the tree;
 *   - the first comment of a C file: its own name and what it is;
 *   - gk_… and GK_… and names with () behind: gk_open, gk_plan_* or gk_plan_… (any that begins so), main().
 * Blocks of pages are left out: test_docs.c runs them. */
#include "tests/support/tree.h"

/* What is another project's or made while building, and where it is said of whom it is: the line must hold
 * `says`. */
static const struct {
    const char *name, *says;
} THEIRS[] = {
    {"blis.h", "BLIS"},
};

/* A file, and the same with everything but its words blanked. */
typedef struct page {
    const char *path, *words;
} page;

static void tell(wrong *w, const page *p, const char *at, const char *name, const char *what) {
    w->n++;
    if (w->text.len < 3000) /* longer messages end Check itself */
        gk_buf_printf(&w->text, "\n%s:%d: %s %s", p->path, tree_line(p->words, at), name, what);
}

/* The line that `at` stands in. */
static bool line_says(const page *p, const char *at, const char *word) {
    while (at > p->words && at[-1] != '\n') at--;
    const char *end = at + strcspn(at, "\n"), *found = strstr(at, word);
    return found && found < end;
}

static bool is_theirs(const page *p, const char *at, const char *name) {
    for (size_t i = 0; i < sizeof THEIRS / sizeof *THEIRS; i++)
        if (strcmp(THEIRS[i].name, name) == 0 && line_says(p, at, THEIRS[i].says)) return true;
    return false;
}

/* ---------------------------------------------------------------- files */

#define SOURCE_ENDINGS " .c .h .cc .sh .py .mk .css .js .sql "

/* "cmd_NAME.c" as a pattern: words of capitals stand for any. */
static char *pattern_of(tree *t, const char *name) {
    char *out = gk_arena_strdup(t->a, name), *to = out;
    for (const char *c = name; *c;) {
        size_t capitals = strspn(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (capitals > 1) {
            *to++ = '*';
            c += capitals;
        } else {
            *to++ = *c++;
        }
    }
    *to = '\0';
    return out;
}

/* A file's path is the name, or ends in it behind a slash. */
static bool file_exists(tree *t, const char *name) {
    size_t parts = 0;
    const char *pattern = pattern_of(t, name);
    for (const char *c = pattern; *c; c++) parts += *c == '/';
    for (size_t i = 0; i < t->n; i++) {
        const char *path = t->path[i], *tail = path + strlen(path);
        for (size_t left = parts + 1; tail > path; tail--)
            if (tail[-1] == '/' && --left == 0) break;
        if (fnmatch(pattern, tail, FNM_PATHNAME) == 0) return true;
    }
    return false;
}

static void check_files(tree *t, const page *p, wrong *w) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.*/-";
    for (const char *at = p->words; *(at += strcspn(at, letters));) {
        size_t len = strspn(at, letters);
        char *name = gk_arena_strndup(t->a, at, len), *end = name + len;
        while (end > name && strchr(".-/", end[-1])) *--end = '\0';
        while (strncmp(name, "./", 2) == 0 || strncmp(name, "../", 3) == 0) name = strchr(name, '/') + 1;
        bool whole = name[strcspn(name, "abcdefghijklmnopqrstuvwxyz")] && !strstr(name, "//") &&
                     *name != '.' && *name != '/';
        bool elsewhere = at > p->words && strchr("<$", at[-1]);
        if (whole && !elsewhere && tree_is(name, SOURCE_ENDINGS)) {
            w->looked_at++;
            if (!file_exists(t, name) && !is_theirs(p, at, name)) tell(w, p, at, name, "is no file");
        }
        at += len;
    }
}

/* Past a line, and the signs that begin a comment's next. */
static const char *next_line(const char *at) {
    at += strcspn(at, "\n");
    return at + strspn(at, "/*#! \n");
}

/* A source file begins with its own name, a colon and what it is; a suite says before which modules it links.
 */
static void check_own_name(const page *p, wrong *w) {
    const char *at = p->words + strspn(p->words, "/*#! \n"), *base = strrchr(p->path, '/');
    base = base ? base + 1 : p->path;
    if (!tree_is(p->path, " .c .h .cc ")) return;
    while (strncmp(at, "modules:", 8) == 0 || strncmp(at, "kernels:", 8) == 0) at = next_line(at);
    w->looked_at++;
    size_t len = strlen(base);
    bool own = strncmp(at, base, len) == 0;
    if (own && strncmp(at + len, " (", 2) == 0)
        len += strcspn(at + len, ":\n"); /* an installed header's module */
    if (!own || at[len] != ':' || tree_line(p->words, at) > 6)
        tell(w, p, p->words, base, "is not what the first comment begins with");
}

/* ---------------------------------------------------------------- names in code */

typedef struct names {
    const char **slot; /* open addressing */
    size_t size, n;
    const char **sorted;
} names;

#define IN_NAMES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

static const char **find(const names *k, const char *name, size_t len) {
    size_t h = 5381;
    for (size_t i = 0; i < len; i++) h = h * 33 + (unsigned char)name[i];
    for (h &= k->size - 1; k->slot[h]; h = (h + 1) & (k->size - 1))
        if (strncmp(k->slot[h], name, len) == 0 && !k->slot[h][len]) break;
    return &k->slot[h];
}

static void add_names(tree *t, names *k, const char *code) {
    for (const char *at = code; *(at += strcspn(at, IN_NAMES));) {
        size_t len = strspn(at, IN_NAMES);
        const char **slot = find(k, at, len);
        if (!*slot) {
            *slot = gk_arena_strndup(t->a, at, len);
            ck_assert_uint_lt(++k->n, k->size / 2);
        }
        at += len;
    }
}

static bool begins_one(const names *k, const char *start, size_t len) {
    for (size_t i = 0; i < k->size; i++)
        if (k->slot[i] && strncmp(k->slot[i], start, len) == 0 && k->slot[i][len]) return true;
    return false;
}

/* Behind a name: more of it left open, as in gk_plan_… and gk_plan_*. */
static bool is_open(const char *behind) {
    return *behind == '*' || strncmp(behind, "…", strlen("…")) == 0 || strncmp(behind, "...", 3) == 0;
}

static void check_name(tree *t, const names *k, const page *p, const char *at, size_t len, wrong *w) {
    bool ours = strncmp(at, "gk_", 3) == 0 || strncmp(at, "GK_", 3) == 0,
         call = strncmp(at + len, "()", 2) == 0;
    if ((!ours && !call) || isdigit((unsigned char)*at)) return;
    const char *name = gk_arena_strndup(t->a, at, len);
    bool open = at[len - 1] == '_' || is_open(at + len);
    w->looked_at++;
    if (open ? begins_one(k, at, len) : *find(k, at, len) != NULL) return;
    if (!is_theirs(p, at, name))
        tell(w, p, at, name, open ? "begins no name in the code" : "is no name in the code");
}

static void check_names(tree *t, const names *k, const page *p, wrong *w) {
    for (const char *at = p->words; *(at += strcspn(at, IN_NAMES));) {
        size_t len = strspn(at, IN_NAMES);
        check_name(t, k, p, at, len, w);
        at += len;
    }
}

/* ---------------------------------------------------------------- the tree */

static wrong check_tree(const char *root) {
    tree t = tree_open(root);
    wrong w = {0};
    names k = {.size = (size_t)1 << 18};
    k.slot = gk_arena_alloc(t.a, k.size * sizeof *k.slot);
    memset(k.slot, 0, k.size * sizeof *k.slot);
    char **text = gk_arena_alloc(t.a, (t.n + 1) * sizeof *text);
    for (size_t i = 0; i < t.n; i++) {
        bool read = tree_is(t.path[i], TREE_C TREE_SH TREE_PAGE);
        text[i] = read ? tree_read(&t, root, t.path[i]) : NULL;
        if (read && !tree_is(t.path[i], TREE_PAGE))
            add_names(&t, &k, tree_only(&t, t.path[i], text[i], "cs"));
    }
    for (size_t i = 0; i < t.n; i++) {
        if (!text[i]) continue;
        page p = {t.path[i], tree_only(&t, t.path[i], text[i], "w")};
        check_own_name(&p, &w);
        check_files(&t, &p, &w);
        check_names(&t, &k, &p, &w);
    }
    tree_free(&t);
    return w;
}

START_TEST(what_is_named_exists) {
    wrong w = check_tree(GK_SOURCE_DIR);
    ck_assert_msg(w.n == 0, "%zu of %zu names in comments and pages lead nowhere:%s", w.n, w.looked_at,
                  w.text.data);
    ck_assert_uint_gt(w.looked_at, 1000);
    gk_buf_free(&w.text);
}
END_TEST

/* How much is wrong in a tree of this file and another. */
static size_t found_in(const char *file, const char *text) {
    scratch s = scratch_new();
    ck_assert(gk_mkdirs(scratch_path(&s, "one"), NULL));
    scratch_file(&s, "one/there.c", "/* there.c: x */\nint there;\n");
    scratch_file(&s, file, text);
    wrong w = check_tree(s.dir);
    gk_buf_free(&w.text);
    scratch_free(&s);
    return w.n;
}

START_TEST(what_leads_nowhere_is_found) {
    static const struct {
        const char *file, *text;
        size_t wrong;
    } cases[] = {
        {"a.c", "/* a.c: see one/there.c and there.c, th*.c, TH.c */\n", 0},
        {"a.c", "/* a.c: see nowhere.c\n * and two/there.c */ int x; // and gone.h\n", 3},
        {"a.c", "/* a.c: x */ char s[] = \"/* nowhere.c */\", c = '\\\"'; /* nowhere.c */\n", 1},
        {"a.c", "/* a.c: th_*.c, tools/cmd_NAME.c */ int NAME;\n", 2},
        {"a.c", "/* a.c: <gone.h> and $B/made.mk */\n", 0},
        {"a.h", "/* a.h: gk_open opens, gk_close() too, gk_op… and gk_op* and gk_o_ */ int gk_opened;\n", 3},
        {"a.h", "/* a.h: gk_opened() by GK_THAT, main() */ int main(void) { return gk_opened; }\n", 1},
        {"a.sh", "# runs nowhere.sh\necho gone.sh ${x#gone.sh} # and gone.py\n", 2},
        {"a.py", "\"\"\"Beside nowhere.py.\n\"\"\"\nx = 'gone.py'\n", 1},
        {"a.md", "See `nowhere.c`.\n```sh\ncc gone.c\n```\nAnd one/there.c, gk_gone.\n", 2},
        {"a.md", "The value 1.5.c is no file, nor is .c or *.c alone.\n", 1},
        {"a.c", "int a; /* a.c: what it is */\n", 0},
        {"a.c", "/* there.c: what it is */\n", 1},
        {"a.c", "int a;\n", 1},
        {"a.h", "/* a.h (core): what it is */\n", 0},
        {"a.h", "/* a.h (core)\n * what: it is */\n", 1},
        {"a.c", "/* modules: core\n * kernels: all\n *\n * a.c: what it is */\n", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = found_in(cases[i].file, cases[i].text);
        ck_assert_msg(n == cases[i].wrong, "%s: %zu wrong", cases[i].text, n);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("names");
    TCase *t = tcase_create("names");
    tcase_add_test(t, what_is_named_exists);
    tcase_add_test(t, what_leads_nowhere_is_found);
    suite_add_tcase(s, t);
    return run_suite(s);
}
