/* test_circles.c: no circle of files, and names that carry their module. A file depends on those that it
 * includes, and a source on those whose functions and data its object names (nm), so that any file can be
 * read after those that it needs. Headers and sources are files of their own: a header that all of a module
 * include is no circle, one that includes what includes it is. */
/* modules: core */
#include "graftkit/core/isa.h"
#include "tests/support/program.h"
#include "tests/support/tree.h"

/* ---------------------------------------------------------------- a graph of files */

typedef struct need {
    int from, to;
    const char *by; /* the symbol, or "include" */
} need;

typedef struct symbol {
    char *name;
    int file;
} symbol;

typedef struct symbols {
    symbol *s;
    size_t n;
} symbols;

typedef struct files {
    gk_arena *a;
    char **path;
    int n;
    need *needs;
    size_t n_needs;
    symbols defined, used;
} files;

static files files_new(void) {
    return (files){.a = gk_arena_new()};
}

static void files_free(files *f) {
    free(f->path), free(f->needs), free(f->defined.s), free(f->used.s);
    gk_arena_free(f->a);
}

/* For item n of a list, which doubles as needed. */
static void *room(void *list, size_t n, size_t item) {
    if (n & (n - 1)) return list;
    list = realloc(list, (n ? 2 * n : 1) * item);
    ck_assert_ptr_nonnull(list);
    return list;
}

static int file_named(files *f, const char *path) {
    for (int i = 0; i < f->n; i++)
        if (strcmp(f->path[i], path) == 0) return i;
    f->path = room(f->path, (size_t)f->n, sizeof *f->path);
    f->path[f->n] = gk_arena_strdup(f->a, path);
    return f->n++;
}

static void add_need(files *f, int from, int to, const char *by) {
    if (from == to) return;
    f->needs = room(f->needs, f->n_needs, sizeof *f->needs);
    f->needs[f->n_needs++] = (need){from, to, by};
}

static void add_symbol(files *f, symbols *to, const char *name, int file) {
    to->s = room(to->s, to->n, sizeof *to->s);
    to->s[to->n++] = (symbol){gk_arena_strdup(f->a, name), file};
}

/* r[i * n + j]: whether i needs j, itself or through others. */
static bool *reached(const files *f) {
    size_t n = (size_t)f->n;
    bool *r = calloc(n * n + 1, 1);
    ck_assert_ptr_nonnull(r);
    for (size_t i = 0; i < f->n_needs; i++) r[(size_t)f->needs[i].from * n + (size_t)f->needs[i].to] = true;
    for (size_t via = 0; via < n; via++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; r[i * n + via] && j < n; j++) r[i * n + j] |= r[via * n + j];
    return r;
}

/* "\n    a -> b (x, y)" in `out`, unless the two need nothing of each other. */
static void tell_needs(const files *f, int from, int to, gk_buf *out) {
    int n = 0;
    for (size_t i = 0; i < f->n_needs; i++) {
        if (f->needs[i].from != from || f->needs[i].to != to) continue;
        if (n++ == 0)
            gk_buf_printf(out, "\n    %s -> %s (", f->path[from], f->path[to]);
        else
            gk_buf_puts(out, ", ");
        gk_buf_puts(out, f->needs[i].by);
    }
    if (n > 0) gk_buf_puts(out, ")");
}

/* How many circles there are; each, with all that closes it, goes to `out`. Files that reach each other are
 * one circle. */
static int circles(const files *f, gk_buf *out) {
    size_t n = (size_t)f->n;
    bool *r = reached(f);
    int count = 0;
    for (size_t first = 0; first < n; first++) {
        size_t size = 0, before = 0;
        for (size_t i = 0; i < n; i++)
            if (r[first * n + i] && r[i * n + first]) size++, before += i < first;
        if (size == 0 || before > 0) continue;
        gk_buf_printf(out, "\n  a circle of %zu files:", size);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                if (r[first * n + i] && r[i * n + first] && r[first * n + j] && r[j * n + first])
                    tell_needs(f, (int)i, (int)j, out);
        count++;
    }
    free(r);
    return count;
}

/* ---------------------------------------------------------------- includes */

/* Paths are from the root, those of the library's headers from include/. */
static const char *included_path(files *f, const char *root, const char *included) {
    const char *public = gk_path_join(f->a, "include", included);
    return gk_exists(gk_path_join(f->a, root, public)) ? public : included;
}

static void read_includes(files *f, const char *root, const char *path) {
    FILE *in = fopen(gk_path_join(f->a, root, path), "rb");
    ck_assert_msg(in != NULL, "cannot read %s", path);
    int from = file_named(f, path);
    char line[1024], included[256];
    while (fgets(line, sizeof line, in))
        if (sscanf(line, " # include \"%255[^\"]\"", included) == 1)
            add_need(f, from, file_named(f, included_path(f, root, included)), "include");
    fclose(in);
}

/* ---------------------------------------------------------------- what objects name */

static const char *const ISAS[] = {"baseline", "avx2", "avx512"};

/* Cuts an instruction set's name and the character `mark` before it off the end. */
static bool cut_isa(char *name, char mark) {
    char *end = strrchr(name, mark);
    for (int i = 0; end && i < GK_N_ISAS; i++)
        if (strcmp(end + 1, ISAS[i]) == 0) return *end = '\0', true;
    return false;
}

/* The source of "core/rng.o", "graft/weights.avx2.o" or "tokenizer/spm/spm.cc.o". */
static char *source_of(files *f, const char *object) {
    char *source = gk_arena_strndup(f->a, object, strlen(object) - strlen(".o"));
    cut_isa(source, '.');
    size_t n = strlen(source);
    return n > 3 && strcmp(source + n - 3, ".cc") == 0 ? source : gk_arena_printf(f->a, "%s.c", source);
}

/* What `nm -A -P -g` says: "OBJECT: NAME TYPE ...". */
static void read_symbols(files *f, FILE *nm) {
    char line[4096], object[1024], name[2048], type;
    while (fgets(line, sizeof line, nm)) {
        if (sscanf(line, "%1023[^:]: %2047s %c", object, name, &type) != 3) continue;
        if (type == 'w' || type == 'v') continue; /* it may be left undefined */
        add_symbol(f, type == 'U' ? &f->used : &f->defined, name, file_named(f, source_of(f, object)));
    }
}

static int by_name(const void *a, const void *b) {
    const symbol *x = a, *y = b;
    int d = strcmp(x->name, y->name);
    return d ? d : (x->file > y->file) - (x->file < y->file);
}

static const symbol *definition(const files *f, const char *name) {
    size_t low = 0, high = f->defined.n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(f->defined.s[mid].name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < f->defined.n && strcmp(f->defined.s[low].name, name) == 0 ? &f->defined.s[low] : NULL;
}

/* A kernel (core/isa.h) is compiled to NAME_baseline, NAME_avx2 and so on, and a file of its module defines
 * NAME as a call of the one that is used. They are one function, and the file that says what it does is the
 * one that is needed: its definition goes to *d. Returns NAME, or `name` as it is where it is no kernel's. */
static char *plain_name(files *f, char *name, const symbol **d) {
    char *plain = gk_arena_strdup(f->a, name);
    cut_isa(plain, '_');
    *d = definition(f, gk_arena_printf(f->a, "%s_%s", plain, ISAS[GK_BASELINE]));
    if (*d) return plain;
    *d = definition(f, name);
    return name;
}

static void join_symbols(files *f) {
    const symbol *d;
    if (f->defined.n) qsort(f->defined.s, f->defined.n, sizeof(symbol), by_name);
    for (size_t i = 0; i < f->used.n; i++) f->used.s[i].name = plain_name(f, f->used.s[i].name, &d);
    if (f->used.n) qsort(f->used.s, f->used.n, sizeof(symbol), by_name);
    for (size_t i = 0; i < f->used.n; i++) {
        const symbol *u = &f->used.s[i];
        if (i > 0 && by_name(u, u - 1) == 0) continue; /* another instruction set's */
        plain_name(f, u->name, &d);
        if (d) add_need(f, u->file, d->file, u->name); /* else it is a library's */
    }
}

/* ---------------------------------------------------------------- the tree */

/* The program is made of the modules, each of which is a library of the build, and
 * of tools/ and tools/commands/. */
static bool is_compiled(files *f, const char *built, const char *path) {
    const char *folder = gk_arena_strndup(f->a, path, (size_t)(strrchr(path, '/') - path));
    const char *module = gk_arena_strndup(f->a, path, strcspn(path, "/"));
    if (strcmp(module, "tools") == 0)
        return strcmp(folder, module) == 0 || strcmp(folder, "tools/commands") == 0;
    return gk_exists(gk_arena_printf(f->a, "%s/lib%s.a", built, module));
}

/* make compiles what includes kernels.h once for each instruction set. */
static void add_objects(files *f, const char *built, const char *path, const char *text, gk_buf *objects) {
    const char *base =
        tree_is(path, " .cc ") ? path : gk_arena_strndup(f->a, path, strlen(path) - strlen(".c"));
    bool kernels = strstr(text, "/kernels.h\"\n") && !strstr(path, "/kernels.c");
    for (int i = 0; i < (kernels ? GK_N_ISAS : 1); i++) {
        const char *isa = kernels ? gk_arena_printf(f->a, ".%s", ISAS[i]) : "";
        const char *object = gk_arena_printf(f->a, "%s%s.o", base, isa);
        bool there = gk_exists(gk_path_join(f->a, built, object));
        ck_assert_msg(there || (kernels && i > 0), "%s has no %s: is it compiled?", built, object);
        if (there) gk_buf_printf(objects, "%s\n", object);
    }
}

/* All includes of the tree; the objects in `built`, one a line. */
static void read_tree(files *f, const char *built, gk_buf *objects) {
    tree t = tree_open(GK_SOURCE_DIR);
    for (size_t i = 0; i < t.n; i++) {
        const char *path = t.path[i];
        if (!tree_is(path, " .c .cc .h ") || !strchr(path, '/')) continue;
        read_includes(f, GK_SOURCE_DIR, path);
        if (!tree_is(path, " .h ") && is_compiled(f, built, path))
            add_objects(f, built, path, tree_read(&t, GK_SOURCE_DIR, path), objects);
    }
    tree_free(&t);
}

static void ask_nm(files *f, const char *built, const char *objects) {
    scratch s = scratch_new();
    const char *list = scratch_file(&s, "objects", objects);
    FILE *nm = popen(gk_arena_printf(f->a, "cd '%s' && nm -A -P -g @%s", built, list), "r");
    ck_assert_ptr_nonnull(nm);
    read_symbols(f, nm);
    ck_assert_int_eq(pclose(nm), 0);
    join_symbols(f);
    scratch_free(&s);
}

/* False, and why on stdout: there is no nm. */
static bool read_all(files *f, size_t *includes) {
    char out[256];
    if (run_line("command -v nm", out, sizeof out) != 0) {
        printf("skip: nm is not installed, so nothing tells which file calls which\n");
        return false;
    }
    gk_buf objects = {0};
    const char *built = gk_arena_strndup(f->a, program(), (size_t)(strrchr(program(), '/') - program()));
    read_tree(f, built, &objects);
    *includes = f->n_needs;
    ask_nm(f, built, objects.data);
    ck_assert_uint_gt(*includes, 500);
    ck_assert_uint_gt(f->n_needs - *includes, 1000);
    gk_buf_free(&objects);
    return true;
}

/* What is told can be longer than a message may be. */
static void none_of(int n, const char *what, gk_buf *told) {
    if (n > 0) printf("%s\n", told->data);
    fflush(stdout);
    ck_assert_msg(n == 0, "%d %s, which are told above", n, what);
    gk_buf_free(told);
}

START_TEST(this_tree_has_no_circles) {
    files f = files_new();
    size_t includes;
    gk_buf told = {0};
    if (read_all(&f, &includes)) none_of(circles(&f, &told), "circles of files", &told);
    files_free(&f);
}
END_TEST

/* ---------------------------------------------------------------- names of what a module's files share */

/* The folder that a name's part belongs to, as far as tests/tools/test_graph.c tells folders apart: of eval/
 * the room, else the first. */
static char *module_of(files *f, const char *path) {
    const char *slash = strchr(path, '/');
    if (strncmp(path, "eval/", 5) == 0 && strchr(slash + 1, '/')) slash = strchr(slash + 1, '/');
    return gk_arena_strndup(f->a, path, (size_t)(slash - path));
}

/* Between gk_ and __ stands a part, which is one module's alone. How many are not so, and which in `out`.
 * Symbols are sorted, so that a part's stand together. */
static int bad_names(files *f, gk_buf *out) {
    int n = 0;
    const char *part = "", *module = "";
    for (size_t i = 0; i < f->defined.n; i++) {
        const symbol *s = &f->defined.s[i];
        const char *end = strstr(s->name, "__"), *path = f->path[s->file];
        if (strncmp(s->name, "gk_", 3) != 0 || !end) continue;
        bool nobody = end < s->name + 3;
        const char *mine = gk_arena_strndup(f->a, s->name, (size_t)(end - s->name)),
                   *its = module_of(f, path);
        if (!nobody && strcmp(mine, part) != 0) part = mine, module = its;
        if (!nobody && strcmp(its, module) == 0) continue;
        n++;
        gk_buf_printf(out, "\n    %s of %s ", s->name, path);
        gk_buf_printf(out, "%s%s%s", nobody ? "carries no module" : "has the part that ",
                      nobody ? "" : module, nobody ? "" : " has");
    }
    return n;
}

START_TEST(internal_names_carry_their_module) {
    files f = files_new();
    size_t includes;
    gk_buf told = {0};
    if (read_all(&f, &includes)) none_of(bad_names(&f, &told), "internal names", &told);
    files_free(&f);
}
END_TEST

/* ---------------------------------------------------------------- the rule can fail */

static void assert_circles(files *f, const char *want) {
    gk_buf told = {0};
    gk_buf_puts(&told, "");
    int n = circles(f, &told);
    ck_assert_int_eq(n > 0, *want != '\0');
    ck_assert_str_eq(told.data ? told.data : "", want);
    gk_buf_free(&told);
    files_free(f);
}

static files files_of_nm(char *text) {
    files f = files_new();
    FILE *nm = fmemopen(text, strlen(text), "r");
    ck_assert_ptr_nonnull(nm);
    read_symbols(&f, nm);
    fclose(nm);
    join_symbols(&f);
    return f;
}

START_TEST(circles_of_calls_are_named) {
    char chain[] = "m/a.o: a T 0 1\nm/a.o: b U\nm/a.o: c U\nm/a.o: malloc U\n"
                   "m/b.o: b T 0 1\nm/b.o: c U\nm/x.cc.o: c D 0 1\n";
    files f = files_of_nm(chain);
    ck_assert_uint_eq(f.n_needs, 3);
    assert_circles(&f, "");
    char planted[] = "m/a.o: a T 0 1\nm/a.o: b U\nm/a.o: b2 U\nm/b.o: b T 0 1\nm/b.o: b2 T 0 1\n"
                     "m/b.o: c U\nm/x.cc.o: c D 0 1\nm/x.cc.o: a U\nm/top.o: a U\nm/b.o: low U\n"
                     "m/low.o: low T 0 1\nn/d.o: d T 0 1\nn/d.o: e U\nn/e.o: e T 0 1\nn/e.o: d U\n";
    f = files_of_nm(planted);
    assert_circles(&f, "\n  a circle of 3 files:"
                       "\n    m/a.c -> m/b.c (b, b2)"
                       "\n    m/b.c -> m/x.cc (c)"
                       "\n    m/x.cc -> m/a.c (a)"
                       "\n  a circle of 2 files:"
                       "\n    n/d.c -> n/e.c (e)"
                       "\n    n/e.c -> n/d.c (d)");
}
END_TEST

START_TEST(a_kernel_is_where_it_is_written) {
    char chosen[] = "m/kernels.o: k T 0 1\nm/kernels.o: k_baseline U\nm/kernels.o: k_avx2 U\n"
                    "m/kernels.o: j T 0 1\nm/kernels.o: j_baseline U\nm/kernels.o: j_avx2 U\n"
                    "m/a.baseline.o: k_baseline T 0 1\nm/a.avx2.o: k_avx2 T 0 1\nm/a.baseline.o: mid U\n"
                    "m/a.avx2.o: mid U\nm/mid.o: mid T 0 1\nm/mid.o: j U\n"
                    "m/b.baseline.o: j_baseline T 0 1\nm/b.avx2.o: j_avx2 T 0 1\n";
    files f = files_of_nm(chosen);
    assert_circles(&f, "");
    char planted[] = "m/kernels.o: k T 0 1\nm/kernels.o: k_baseline U\nm/kernels.o: k_avx2 U\n"
                     "m/a.baseline.o: k_baseline T 0 1\nm/a.avx2.o: k_avx2 T 0 1\nm/a.baseline.o: mid U\n"
                     "m/a.avx2.o: mid U\nm/mid.o: mid T 0 1\nm/mid.o: k U\n";
    f = files_of_nm(planted);
    assert_circles(&f, "\n  a circle of 2 files:"
                       "\n    m/a.c -> m/mid.c (mid)"
                       "\n    m/mid.c -> m/a.c (k)");
}
END_TEST

START_TEST(names_without_a_module_are_found) {
    char names[] = "m/a.o: gk_m__a T 0 1\nm/a.o: gk_open T 0 1\nm/b.o: gk__b T 0 1\n"
                   "n/c.o: gk_m__c T 0 1\nn/c.o: gk_n__c T 0 1\n";
    files f = files_of_nm(names);
    gk_buf told = {0};
    ck_assert_int_eq(bad_names(&f, &told), 2);
    ck_assert_str_eq(told.data, "\n    gk__b of m/b.c carries no module"
                                "\n    gk_m__c of n/c.c has the part that m has");
    gk_buf_free(&told);
    files_free(&f);
}
END_TEST

START_TEST(circles_of_includes_are_named) {
    scratch s = scratch_new();
    ck_assert(gk_mkdirs(scratch_path(&s, "m"), NULL));
    scratch_file(&s, "m/a.h", "#include <stdio.h>\n#  include \"m/b.h\"\n");
    scratch_file(&s, "m/b.h", "/* #include \"m/a.h\" */\n#include \"m/c.h\"\n");
    scratch_file(&s, "m/c.h", "#include \"m/d.h\"\n");
    files f = files_new();
    for (const char *p = "abc"; *p; p++) read_includes(&f, s.dir, gk_arena_printf(f.a, "m/%c.h", *p));
    ck_assert_uint_eq(f.n_needs, 3);
    assert_circles(&f, "");
    scratch_file(&s, "m/c.h", "#include \"m/a.h\"\n");
    f = files_new();
    for (const char *p = "abc"; *p; p++) read_includes(&f, s.dir, gk_arena_printf(f.a, "m/%c.h", *p));
    assert_circles(&f, "\n  a circle of 3 files:"
                       "\n    m/a.h -> m/b.h (include)"
                       "\n    m/b.h -> m/c.h (include)"
                       "\n    m/c.h -> m/a.h (include)");
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("circles");
    TCase *t = tcase_create("circles");
    tcase_add_test(t, this_tree_has_no_circles);
    tcase_add_test(t, internal_names_carry_their_module);
    tcase_add_test(t, names_without_a_module_are_found);
    tcase_add_test(t, circles_of_calls_are_named);
    tcase_add_test(t, a_kernel_is_where_it_is_written);
    tcase_add_test(t, circles_of_includes_are_named);
    suite_add_tcase(s, t);
    return run_suite(s);
}
