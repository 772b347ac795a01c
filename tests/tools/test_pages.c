/* modules: core
 *
 * test_pages.c: what the pages lead to is there: links and headings, pages from the README, what is shipped
 * on the page that lists it, and the files of the walks in docs/design.md. */
#include "tests/support/tree.h"

/* ---------------------------------------------------------------- links */

/* "## What is found: `x`" as a link's anchor: what-is-found-x. */
static char *anchor_of(gk_arena *a, const char *heading, size_t len) {
    char *out = gk_arena_alloc(a, len + 1), *to = out;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)heading[i];
        if (c == ' ')
            *to++ = '-';
        else if (isalnum(c) || c == '-' || c == '_' || c >= 0x80)
            *to++ = (char)tolower(c);
    }
    *to = '\0';
    return out;
}

static bool has_heading(gk_arena *a, const char *page, const char *anchor) {
    for (const char *at = page; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (*at != '#') continue;
        const char *heading = at + strspn(at, "#") + 1;
        if (strcmp(anchor_of(a, heading, strcspn(heading, "\n")), anchor) == 0) return true;
    }
    return false;
}

/* The path that a link of the page leads to, from the root; "a/../b" as "b". */
static char *target_of(gk_arena *a, const char *page, const char *link) {
    const char *slash = strrchr(page, '/');
    char *path = *link ? gk_arena_printf(a, "%.*s%s", slash ? (int)(slash + 1 - page) : 0, page, link)
                       : gk_arena_strdup(a, page);
    for (char *up; (up = strstr(path, "../"));) {
        char *before = up;
        if (up > path) before--;
        while (before > path && before[-1] != '/') before--;
        memmove(before, up + 3, strlen(up + 3) + 1);
    }
    return path;
}

static void check_link(tree *t, const char *root, const char *page, const char *words, const char *at,
                       wrong *w) {
    char *link = gk_arena_strndup(t->a, at, strcspn(at, ")")), *anchor = strchr(link, '#');
    if (strstr(link, "://")) return;
    if (anchor) *anchor++ = '\0';
    const char *path = target_of(t->a, page, link);
    bool there = gk_exists(gk_path_join(t->a, root, path));
    w->looked_at++;
    if (there && anchor && tree_is(path, TREE_PAGE))
        there = has_heading(t->a, tree_read(t, root, path), anchor);
    if (there) return;
    w->n++;
    gk_buf_printf(&w->text, "\n%s:%d: %s%s%s", page, tree_line(words, at), link, anchor ? "#" : "",
                  anchor ? anchor : "");
}

static wrong check_links(const char *root) {
    tree t = tree_open(root);
    wrong w = {0};
    for (size_t i = 0; i < t.n; i++) {
        if (!tree_is(t.path[i], TREE_PAGE)) continue;
        const char *words = tree_only(&t, t.path[i], tree_read(&t, root, t.path[i]), "w");
        for (const char *at = words; (at = strstr(at, "](")); at += 2)
            check_link(&t, root, t.path[i], words, at + 2, &w);
    }
    tree_free(&t);
    return w;
}

START_TEST(links_lead_somewhere) {
    wrong w = check_links(GK_SOURCE_DIR);
    all_right(&w, 120, "a link leads to a file and a heading");
}
END_TEST

START_TEST(a_link_that_leads_nowhere_is_found) {
    scratch s = scratch_new();
    ck_assert(gk_mkdirs(scratch_path(&s, "docs"), NULL));
    scratch_file(&s, "README.md",
                 "# A\n[1](docs/a.md) [2](docs/a.md#what-is-there-it) [3](docs/a.md#gone) [4](gone.md)\n"
                 "[5](#a) [6](#b) [7](https://example.org/gone)\n");
    scratch_file(&s, "docs/a.md",
                 "## What is there: `it`?\n[1](../README.md#a) [2](README.md)\n```sh\n[3](gone)\n```\n");
    wrong w = check_links(s.dir);
    ck_assert_msg(w.n == 4 && w.looked_at == 8, "%zu of %zu: %s", w.n, w.looked_at, w.text.data);
    ck_assert_ptr_nonnull(strstr(w.text.data, "README.md:2: docs/a.md#gone"));
    gk_buf_free(&w.text);
    scratch_free(&s);
}
END_TEST

/* ---------------------------------------------------------------- what is shipped is listed */

/* Files (or folders, with a slash behind), and the page that names each: as it stands, or without its ending.
 */
static const struct {
    const char *files, *page;
} LISTED[] = {
    {"docs/*.md", "README.md"},
    {"train/recipes/*.yaml", "docs/training.md"},
    {"experiments/*.yaml", "docs/experiments.md"},
    {"graft/schemes/*.yaml", "docs/schemes.md"},
    {"templates/*/eval.jsonl", "docs/datasets.md"},
    {"findings/*.sh", "findings/README.md"},
    {"tools/commands/cmd_*.c", "docs/guide.md"},
    {"tools/bench/bench_*", "docs/speed.md"},
};

/* The word that the page must hold for a file: its name without ending; a dataset's folder; a command's name.
 */
static char *word_for(gk_arena *a, const char *path) {
    const char *base = strrchr(path, '/') + 1;
    if (strcmp(base, "eval.jsonl") == 0) {
        char *folder = gk_arena_strndup(a, path, (size_t)(base - 1 - path));
        return strrchr(folder, '/') + 1;
    }
    if (strncmp(base, "cmd_", 4) == 0) {
        char *command = gk_arena_printf(a, "graftkit %.*s", (int)strcspn(base + 4, "."), base + 4);
        for (char *c = command; *c; c++)
            if (*c == '_') *c = '-';
        return command;
    }
    return gk_arena_strndup(a, base, (size_t)(strrchr(base, '.') - base));
}

START_TEST(what_is_shipped_is_listed) {
    tree t = tree_open(GK_SOURCE_DIR);
    wrong w = {0};
    for (size_t i = 0; i < sizeof LISTED / sizeof *LISTED; i++) {
        const char *page = tree_read(&t, GK_SOURCE_DIR, LISTED[i].page);
        size_t before = w.looked_at;
        for (size_t k = 0; k < t.n; k++) {
            if (fnmatch(LISTED[i].files, t.path[k], FNM_PATHNAME) != 0) continue;
            const char *word = word_for(t.a, t.path[k]);
            w.looked_at++;
            if (strstr(page, word)) continue;
            w.n++;
            gk_buf_printf(&w.text, "\n%s is not in %s (%s)", t.path[k], LISTED[i].page, word);
        }
        ck_assert_msg(w.looked_at > before, "%s: there is none", LISTED[i].files);
    }
    all_right(&w, 60, "what is shipped stands on the page that lists it");
    tree_free(&t);
}
END_TEST

/* The README gives the command for all tests, and CI runs just that. */
START_TEST(ci_runs_what_the_readme_gives) {
    tree t = {.a = gk_arena_new()};
    ck_assert_ptr_nonnull(strstr(tree_read(&t, GK_SOURCE_DIR, "README.md"), "\nmake deps test "));
    ck_assert_ptr_nonnull(strstr(tree_read(&t, GK_SOURCE_DIR, ".ci/run"), "\nmake deps test\n"));
    tree_free(&t);
}
END_TEST

/* ---------------------------------------------------------------- the walks */

/* Of docs/design.md: "### A walk" under the heading, whose lines "1. `file`: …" are read in their order. */
static void check_walks(tree *t, const char *root, const char *design, size_t *walks, wrong *w) {
    const char *at = strstr(design, "\n## A fresh reader's walk\n"), *seen[64];
    size_t n = 0;
    ck_assert_ptr_nonnull(at);
    for (at++; (at = strchr(at, '\n'));) {
        at++;
        if (strncmp(at, "## ", 3) == 0) return;
        if (strncmp(at, "### ", 4) == 0) {
            ++*walks;
            n = 0;
        }
        size_t digits = strspn(at, "0123456789");
        if (digits == 0 || strncmp(at + digits, ". `", 3) != 0) continue;
        const char *name = at + digits + 3, *file = gk_arena_strndup(t->a, name, strcspn(name, "`\n"));
        bool again = false;
        for (size_t i = 0; i < n; i++) again |= strcmp(seen[i], file) == 0;
        w->looked_at++;
        ck_assert_uint_lt(n, 64);
        seen[n++] = file;
        if (!again && gk_exists(gk_path_join(t->a, root, file))) continue;
        w->n++;
        gk_buf_printf(&w->text, "\n%s %s", file, again ? "stands twice in a walk" : "is not there");
    }
}

START_TEST(walks_name_each_file_once) {
    tree t = tree_open(GK_SOURCE_DIR);
    wrong w = {0};
    size_t walks = 0;
    check_walks(&t, GK_SOURCE_DIR, tree_read(&t, GK_SOURCE_DIR, "docs/design.md"), &walks, &w);
    ck_assert_uint_eq(walks, 3);
    all_right(&w, 25, "a walk leads from file to file");
    tree_free(&t);
}
END_TEST

START_TEST(a_walk_that_turns_back_is_found) {
    scratch s = scratch_new();
    tree t = {.a = gk_arena_new()};
    wrong w = {0};
    size_t walks = 0;
    scratch_file(&s, "a.c", "");
    scratch_file(&s, "b.c", "");
    check_walks(
        &t, s.dir,
        "\n## A fresh reader's walk\n\n### One\n1. `a.c`: x\n2. `b.c`: `a.c` x\n3. `a.c`\n### Two\n1. `a.c`\n"
        "2. `gone.c`\n\n## Another\n1. `gone.c`\n",
        &walks, &w);
    ck_assert_uint_eq(walks, 2);
    ck_assert_msg(w.n == 2 && w.looked_at == 5, "%s", w.text.data);
    gk_buf_free(&w.text);
    tree_free(&t);
    scratch_free(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("pages");
    TCase *t = tcase_create("pages");
    tcase_add_test(t, links_lead_somewhere);
    tcase_add_test(t, a_link_that_leads_nowhere_is_found);
    tcase_add_test(t, what_is_shipped_is_listed);
    tcase_add_test(t, ci_runs_what_the_readme_gives);
    tcase_add_test(t, walks_name_each_file_once);
    tcase_add_test(t, a_walk_that_turns_back_is_found);
    suite_add_tcase(s, t);
    return run_suite(s);
}
